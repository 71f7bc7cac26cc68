"""Rows held out: the same ones for the same seed, every label in proportion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrows.data.rows import Rows


def hold_out(rows: Rows, fraction: float = 0.1, *, seed: int = 0) -> tuple[Rows, Rows]:
    """Hold some rows out, drawn at random, each label in proportion where every label has two rows or more.

    Parameters
    ----------
    rows : Rows
        Two rows or more.
    fraction : float, default=0.1
        The share to hold out, between 0 and 1, rounded to whole rows; at least one row comes on each side.
    seed : int, default=0
        The same seed holds out the same rows, with any version of NumPy.

    Returns
    -------
    kept, held : Rows
        Both in the order that they had, as copies. The test rows that `rows` has stay with `kept`.

    Raises
    ------
    ValueError
        If `fraction` is not between 0 and 1, or there are fewer than two rows.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction={fraction!r} came; it is a share of the rows: give a number between 0 and 1, such as 0.1")
    n = len(rows.X)
    if n < 2:
        raise ValueError(f"{rows.name} has {n} row{'s' * (n != 1)}; holding some out needs two or more: give more rows")
    mask = drawn(n, fraction, seed, rows.labels)
    return _taken(rows, ~mask, rows.name, rows.test), _taken(rows, mask, f"{rows.name}, held out", None)


def drawn(n: int, fraction: float, seed: int, labels: NDArray[Any] | None = None) -> NDArray[np.bool_]:
    """Draw the rows that are held out of n, two or more, as `hold_out` does.

    Parameters
    ----------
    n : int
    fraction : float
    seed : int
    labels : ndarray of shape (n,), default=None
        Of which each comes in proportion.

    Returns
    -------
    ndarray of shape (n,), bool
    """
    random = np.random.RandomState(seed)  # the stream of Generator may change with NumPy, this one's may not
    count = min(max(1, round(fraction * n)), n - 1)
    groups = _groups(labels, n)
    mask = np.zeros(n, dtype=bool)
    for group, share in zip(groups, _shares([len(group) for group in groups], count), strict=True):
        mask[random.permutation(group)[:share]] = True
    return mask


def _groups(labels: NDArray[Any] | None, n: int) -> list[NDArray[np.intp]]:
    """Give the rows of each label, or all rows as one group."""
    if labels is not None:
        inverse = _numbered(labels)
        counts = np.bincount(inverse)
        if counts.min() >= 2:
            return np.split(np.argsort(inverse, kind="stable"), np.cumsum(counts)[:-1])
    return [np.arange(n)]


def _numbered(labels: NDArray[Any]) -> NDArray[np.intp]:
    """Give each label a number: by its order, or by where it comes first where there is none, as of text and None."""
    try:
        found: NDArray[np.intp] = np.unique(labels, return_inverse=True)[1]
        return found
    except TypeError:
        numbers = {label: number for number, label in enumerate(dict.fromkeys(labels.tolist()))}
        return np.array([numbers[label] for label in labels.tolist()])


def _shares(sizes: list[int], count: int) -> list[int]:
    """Share `count` out in proportion to `sizes`, by the largest remainders, and leave one of each size."""
    exact = [count * size / sum(sizes) for size in sizes]
    shares = [min(int(share), size - 1) for share, size in zip(exact, sizes, strict=True)]
    order = sorted(range(len(sizes)), key=lambda group: shares[group] - exact[group])
    while sum(shares) < count and any(share < size - 1 for share, size in zip(shares, sizes, strict=True)):
        for group in order:
            if sum(shares) < count and shares[group] < sizes[group] - 1:
                shares[group] += 1
    return shares


def _taken(rows: Rows, mask: NDArray[np.bool_], name: str, test: Rows | None) -> Rows:
    labels = None if rows.labels is None else rows.labels[mask]
    names = None if rows.names is None else [rows.names[row] for row in np.flatnonzero(mask)]
    return replace(rows, X=rows.X[mask], labels=labels, names=names, name=name, test=test)
