"""What a head makes of rows with labels: a matrix of classes, or the share of variance that it tells."""

from __future__ import annotations

from typing import Any

import numpy as np

from narrows.data.names import shortened
from narrows.data.rows import has_label
from narrows.report._rows import LONGEST, word

CLASSES = 30  # above, a matrix of them cannot be read
CONFUSIONS = 20  # that are listed then


def head(estimator: Any, rows: np.ndarray, labels: np.ndarray | None) -> dict[str, Any] | None:
    """Give what the head predicts beside what is so; None where there is no head, or nothing to hold it against.

    Parameters
    ----------
    estimator : fitted Autoencoder, or another of narrows
    rows : ndarray of shape (n, d)
    labels : ndarray of shape (n,) or None

    Raises
    ------
    ValueError
        If numbers are predicted and the labels are words.
    """
    network = estimator._network
    if network.head is None or labels is None:
        return None
    unlabeled = getattr(estimator, "unlabeled", None)
    known = has_label(labels) & np.array([label != unlabeled for label in labels.tolist()], bool)
    if not known.any():
        return None
    predicted = network.predict(rows[known])
    if network.label_scale is None:
        return _classes(estimator.classes_, predicted.argmax(1), labels[known])
    return _numbers(predicted.reshape(len(predicted), -1), labels[known])


def _numbers(predicted: np.ndarray, labels: np.ndarray) -> dict[str, Any] | None:
    if predicted.shape[1] > 1:  # of several numbers a row, and labels are one
        return None
    try:
        truth = labels.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"the head predicts numbers, and y holds {labels[0]!s}: give numbers, or leave y out") from None
    spread = float(np.square(truth - truth.mean()).sum())
    return {"r2": f"{1 - float(np.square(truth - predicted[:, 0]).sum()) / spread:.4f}" if spread > 0 else None}


def _classes(classes: np.ndarray, predicted: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Count; a label that the head was not taught is one that it is wrong about, as for `score`."""
    words = [word(name) for name in classes.tolist()]
    place = {name: number for number, name in enumerate(words)}
    truth = np.array([place.get(word(label), -1) for label in labels.tolist()])
    taught = truth >= 0
    counts = np.zeros((len(words), len(words)), np.int64)
    np.add.at(counts, (truth[taught], predicted[taught]), 1)
    names = [shortened(name, LONGEST) for name in words]
    found: dict[str, Any] = {
        "accuracy": f"{100 * np.trace(counts) / len(labels):.1f} %",
        "n": len(labels),
        "untaught": int((~taught).sum()),
    }
    if len(words) > CLASSES:
        wrong = [(int(counts[i, j]), names[i], names[j]) for i, j in np.argwhere(counts) if i != j]
        return found | {"confusions": sorted(wrong, reverse=True)[:CONFUSIONS]}
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    cells = [
        [(int(count), round(float(share), 3)) for count, share in zip(*line, strict=True)] for line in zip(counts, shares, strict=True)
    ]
    return found | {"classes": names, "matrix": list(zip(names, cells, strict=True))}
