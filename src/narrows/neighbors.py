"""Who is near whom: the nearest neighbors of every row."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

from narrows.progress import Progress, Silent

BLOCK = 2000  # rows whose neighbors are looked for at a time: an interrupt waits for one block


def nearest_neighbors(rows: np.ndarray, n_neighbors: int, *, progress: Progress | None = None) -> np.ndarray:
    """Find the nearest other rows of every row, exactly.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Finite numbers. Distances are Euclidean.
    n_neighbors : int
        From 1 to n - 1.
    progress : Progress, default=None

    Returns
    -------
    ndarray of shape (n, n_neighbors), int32
        Row numbers, nearest first.

    Raises
    ------
    ValueError
        If there are not more rows than `n_neighbors`.

    Notes
    -----
    In few dimensions a tree is asked, which takes some n log n steps; in many, all n² distances are computed, block by block.
    """
    if not 1 <= n_neighbors < len(rows):
        raise ValueError(f"n_neighbors must be from 1 to {len(rows) - 1}, one less than the {len(rows)} rows, got {n_neighbors}")
    index = NearestNeighbors(n_neighbors=n_neighbors + 1).fit(rows)
    progress = progress or Silent()
    progress.begin("neighbors", len(rows), "rows")
    out = np.empty((len(rows), n_neighbors), np.int32)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        found = index.kneighbors(block, return_distance=False)
        itself = found == np.arange(start, start + len(block))[:, None]
        itself[~itself.any(1), -1] = True  # more equal rows than neighbors hide the row itself: another goes in its place
        out[start : start + len(block)] = found[~itself].reshape(len(block), n_neighbors)
        progress.advance(start + len(block))
    progress.end()
    return out
