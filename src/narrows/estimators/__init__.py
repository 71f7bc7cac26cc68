"""The scikit-learn contract."""

from narrows.estimators.autoencoder import Autoencoder
from narrows.estimators.latent_map import LatentMap
from narrows.estimators.outlier_detector import AutoencoderOutlierDetector
from narrows.estimators.supervised import SupervisedAutoencoder
from narrows.estimators.supervised_regressor import SupervisedAutoencoderRegressor
from narrows.estimators.table import TableAutoencoder

__all__ = [
    "Autoencoder",
    "AutoencoderOutlierDetector",
    "LatentMap",
    "SupervisedAutoencoder",
    "SupervisedAutoencoderRegressor",
    "TableAutoencoder",
]
