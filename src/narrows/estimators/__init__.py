"""The scikit-learn contract."""

from narrows.estimators.autoencoder import Autoencoder
from narrows.estimators.supervised import SupervisedAutoencoder, SupervisedAutoencoderRegressor

__all__ = ["Autoencoder", "SupervisedAutoencoder", "SupervisedAutoencoderRegressor"]
