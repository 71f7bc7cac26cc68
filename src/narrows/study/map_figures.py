"""What is measured of a map: who is whose neighbor on it, and what neighbors tell of labels."""

from __future__ import annotations

import numpy as np

from narrows import quality
from narrows.networks import scale
from narrows.study.compared_rows import ComparedRows

MEASURED = 2000  # rows whose neighborhoods are looked at
NEIGHBORS = 15
VOTES = (1, 5)


def measure(rows: ComparedRows, places: np.ndarray, new_places: np.ndarray | None = None) -> dict[str, float]:
    """Measure a map on rows held out, or, where it has no places for these, on some of its own.

    Parameters
    ----------
    rows : ComparedRows
    places : ndarray of shape (n, 2)
        Of the rows that the map is made of.
    new_places : ndarray of shape (m, 2), default=None
        Of the rows held out.

    Returns
    -------
    dict of str to float
        "trustworthiness", "continuity", "accuracy_1nn" and "accuracy_5nn"; what cannot be measured is not in it.
    """
    fitted, held_out = rows.fitted, rows.held_out
    scaling = scale.learn("auto", fitted.X)
    if new_places is None:  # as many rows as the others are measured on: figures of neighborhoods depend on how many there are
        asked = _some(len(fitted.X), min(MEASURED, len(held_out.X), len(fitted.X) // 2))
        points, at = scaling.apply(fitted.X[asked]), places[asked]
    else:
        asked = _some(len(held_out.X), MEASURED)
        points, at = scaling.apply(held_out.X[asked]), new_places[asked]
    found = _neighborhoods(points, at)
    if rows.classes is None or fitted.labels is None or held_out.labels is None:
        return found
    if new_places is None:
        others = np.setdiff1d(np.arange(len(places)), asked)
        return found | _votes(places[others], fitted.labels[others], at, fitted.labels[asked])
    return found | _votes(places, fitted.labels, new_places, held_out.labels)


def _some(n: int, most: int) -> np.ndarray:
    return np.sort(np.random.RandomState(0).permutation(n)[:most])


def _neighborhoods(rows: np.ndarray, places: np.ndarray) -> dict[str, float]:
    k = min(NEIGHBORS, (len(rows) - 1) // 2)
    if k < 1:
        return {}
    return {"trustworthiness": quality.trustworthiness(rows, places, k), "continuity": quality.continuity(rows, places, k)}


def _votes(near: np.ndarray, near_labels: np.ndarray, places: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    known, asked = near_labels >= 0, labels >= 0
    sizes = [k for k in VOTES if k <= known.sum()]
    if not sizes or not asked.any():
        return {}
    told = quality.knn_accuracy(near[known], near_labels[known], places[asked], labels[asked], sizes)
    return {f"accuracy_{k}nn": told[k] for k in sizes}
