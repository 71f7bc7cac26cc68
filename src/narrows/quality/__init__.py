"""Numbers about codes and reconstructions: how much is lost, who stays whose neighbor, what a code tells of labels, and PCA's beside them.

Everything here takes arrays and gives numbers; it knows of no network and no estimator. Work goes in blocks, so that no figure needs a
second copy of the rows or all distances at once.
"""

from __future__ import annotations

from narrows.quality.clusters import cluster_agreement, silhouette
from narrows.quality.dimensions import intrinsic_dimension
from narrows.quality.images import peak_signal_noise_ratio, structural_similarity
from narrows.quality.measures import Figures, Limits, Quality, TableRow, measure
from narrows.quality.neighborhoods import continuity, knn_recall, trustworthiness
from narrows.quality.pca import LinearCode, pca_baseline
from narrows.quality.probes import knn_accuracy, knn_labels, logistic_accuracy, mlp_accuracy
from narrows.quality.reconstruction import (
    Reconstruction,
    binary_cross_entropy,
    explained_variance,
    mean_squared_error,
    reconstruction_figures,
)

__all__ = [
    "Figures",
    "Limits",
    "LinearCode",
    "Quality",
    "Reconstruction",
    "TableRow",
    "binary_cross_entropy",
    "cluster_agreement",
    "continuity",
    "explained_variance",
    "intrinsic_dimension",
    "knn_accuracy",
    "knn_labels",
    "knn_recall",
    "logistic_accuracy",
    "mean_squared_error",
    "measure",
    "mlp_accuracy",
    "pca_baseline",
    "peak_signal_noise_ratio",
    "reconstruction_figures",
    "silhouette",
    "structural_similarity",
    "trustworthiness",
]
