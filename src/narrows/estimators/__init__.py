"""The scikit-learn contract."""

from narrows.estimators.autoencoder import Autoencoder

__all__ = ["Autoencoder"]
