"""What studies measure of a fitted network: its errors, and what simple classifiers read from its codes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from narrows import quality
from narrows.errors import TrainingDiverged
from narrows.estimators import Autoencoder
from narrows.study.experiment import Material

NEIGHBORS = 15
ACCURACIES = {"k-NN": f"k-NN ({NEIGHBORS}) accuracy", "logistic": "logistic accuracy", "MLP": "MLP (64) accuracy"}
ERRORS = {"cross-entropy": "cross-entropy", "squared error": "squared error"}


def fitted(made: Autoencoder, material: Material, seed: int, **fit: Any) -> Autoencoder:
    """Fit an estimator to the training rows, with their labels if it has a head; one that diverges stands at its last good epoch.

    Parameters
    ----------
    made : Autoencoder
        Its `epochs`, a number, are those of full length.
    material : Material
    seed : int
    **fit : any
        For `fit`.

    Returns
    -------
    Autoencoder
    """
    made.set_params(epochs=material.epochs(int(made.epochs)), random_state=seed)
    try:
        made.fit(material.train.X, material.labels, **fit)
    except TrainingDiverged:
        pass
    return made


def errors(made: Autoencoder, rows: np.ndarray, clean: np.ndarray | None = None) -> dict[str, float]:
    """Give cross-entropy and squared error of reconstructions in scaled units.

    Parameters
    ----------
    made : Autoencoder
        Fitted.
    rows : ndarray of shape (n, n_features)
    clean : ndarray of shape (n, n_features), default=None
        What the reconstructions are compared with, where that is not `rows`.

    Returns
    -------
    dict of str to float
        The cross-entropy is NaN where scaled rows leave [0, 1].
    """
    target, rebuilt = made.scale_rows(rows if clean is None else clean), made.reconstruct(rows, scaled=True)
    found = quality.reconstruction_figures(target, rebuilt)
    entropy = found.binary_cross_entropy
    return {"cross-entropy": np.nan if entropy is None else entropy, "squared error": found.mean_squared_error}


def probes(
    encode: Callable[[np.ndarray], np.ndarray], material: Material, seed: int, names: Collection[str] = tuple(ACCURACIES)
) -> dict[str, float]:
    """Give what simple classifiers tell of test labels by the codes, fitted on training codes: those of `ACCURACIES` that are named."""
    train, test = encode(material.train.X), encode(material.test.X)
    sides = (train, material.labels, test, material.test_labels)
    neighbors = min(NEIGHBORS, len(train))
    ways: dict[str, Callable[[], float]] = {
        "k-NN": lambda: quality.knn_accuracy(*sides, neighbors)[neighbors],
        "logistic": lambda: quality.logistic_accuracy(*sides),
        "MLP": lambda: quality.mlp_accuracy(*sides, random_state=seed),
    }
    return {name: ways[name]() for name in names}
