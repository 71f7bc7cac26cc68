"""How many dimensions rows have where they lie, however they are bent through the space around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from narrows.quality._blocks import blocks, in_threads
from narrows.quality._checks import Floats, as_count, as_rows, sample
from narrows.quality.neighborhoods import CELLS, Indices, nearest
from narrows.quality.reconstruction import column_means

MOST = 10_000  # rows
FEWEST = 20
DISCARDED = 0.1  # of the ratios, the largest: there the density has changed within the neighborhood
SMALL = 5_000  # rows up to which all distances are computed: faster than to load and to build a search


def intrinsic_dimension(rows: ArrayLike, *, max_rows: int = MOST, random_state: int | None = 0) -> float:
    r"""Estimate the intrinsic dimension of rows, by TwoNN: from the distances to the first and the second neighbor.

    It is the number of directions in which one can leave a row without leaving the others: 2 for a rolled-up sheet, whatever the number of
    features. It says how short a code could be at best; PCA's spectrum says how long a linear one must be.

    Parameters
    ----------
    rows : array-like of shape (n, d)
        In units in which distances mean something: scale features of different units first. Rows that are there twice count once.
    max_rows : int, default=10000
        More are sampled at random. Fewer rows are further apart, and show the rows on a coarser scale.
    random_state : int or None, default=0
        Of the sample.

    Returns
    -------
    float
        Above 0.

    Raises
    ------
    ValueError
        If there are fewer than 20 different rows, the two neighbors of most rows are equally far (as on a grid, or among rows of a few
        categories), or anything is not finite.

    Notes
    -----
    Where the density hardly changes from a row to its second neighbor, the ratio :math:`\mu = r_2 / r_1` of the two distances has the
    distribution :math:`F(\mu) = 1 - \mu^{-m}` in :math:`m` dimensions. The estimate is the slope of the line through the origin that fits
    :math:`-\log(1 - F(\mu))` over :math:`\log \mu`, with :math:`F` from the ranks of the ratios, but for the largest tenth of them.

    It is right within a few percent up to some 5 dimensions. Above, 2,000 rows cannot fill the space and the estimate falls short: in a
    ball of 10, 20 and 50 dimensions it says about 9, 16 and 33, and with 10,000 rows hardly more. Noise counts as dimensions on the scale
    at which neighbors are apart.

    References
    ----------
    E. Facco, M. d'Errico, A. Rodriguez, A. Laio: Estimating the intrinsic dimension of datasets by a minimal neighborhood information.
    Scientific Reports 7 (2017), 12140. https://doi.org/10.1038/s41598-017-11873-y

    Examples
    --------
    >>> import numpy as np
    >>> from narrows.quality import intrinsic_dimension
    >>> plane = np.random.default_rng(0).random((500, 2)) @ np.random.default_rng(1).normal(size=(2, 30))
    >>> round(intrinsic_dimension(plane))
    2
    """
    x = as_rows("rows", rows)
    chosen = sample(len(x), as_count("max_rows", max_rows, 2**62, ""), random_state)
    x = x if chosen is None else x[chosen]
    x = x - column_means(x)  # far from the origin, differences of squares would lose the distances
    x = x[sorted({row.tobytes(): number for number, row in enumerate(x)}.values())]
    if len(x) < FEWEST:
        raise ValueError(f"rows has {len(x)} different rows; give at least {FEWEST}: a dimension is estimated from distances between them")
    ratios = np.sort(_log_ratios(x, _two_nearest(x) if len(x) <= SMALL else nearest(x, 2)))
    kept = ratios[: int(len(ratios) * (1 - DISCARDED))]
    if 2 * np.count_nonzero(kept) < len(kept):
        raise ValueError("the two nearest neighbors of most rows are equally far, as on a grid: TwoNN needs rows of continuous numbers")
    heights = -np.log1p(-np.arange(1, len(kept) + 1) / len(ratios))
    return float(kept @ heights / (kept @ kept))


def _two_nearest(points: Floats) -> Indices:
    """Give the two nearest other points of each, from all distances: for so few neighbors two looks are faster than any sorting."""
    norms = np.einsum("ij,ij->i", points, points)

    def work(block: slice) -> Indices:
        distances = points[block] @ points.T
        distances *= -2
        distances += norms  # the query's own norm makes no difference
        queries = np.arange(len(distances))
        distances[queries, queries + block.start] = np.inf
        first = distances.argmin(1)
        distances[queries, first] = np.inf
        return np.column_stack([first, distances.argmin(1)])

    return np.concatenate(list(in_threads(work, blocks(len(points), len(points), CELLS // 4))))


def _log_ratios(points: Floats, near: Indices) -> Floats:
    """Give the logarithm of the second neighbor's distance over the first one's, for each point."""
    logs = np.empty(len(points))
    for block in blocks(*points.shape):
        differences = points[near[block]] - points[block, None]
        squares = np.sort(np.einsum("ijk,ijk->ij", differences, differences), axis=1)
        logs[block] = (np.log(squares[:, 1]) - np.log(squares[:, 0])) / 2
    return logs
