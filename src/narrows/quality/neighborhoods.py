"""Whether the rows that are near each other are those whose codes are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from narrows.quality._blocks import blocks, in_threads
from narrows.quality._checks import Array, Floats, as_count, as_rows, sample

EXACT = 20_000  # rows up to which each is a query
QUERIES = 5_000  # above
CELLS = 2**22  # of a block of distances: 32 MiB

Indices = NDArray[np.intp]


def trustworthiness(rows: ArrayLike, codes: ArrayLike, k: int = 15, *, n_queries: int | None = None, random_state: int | None = 0) -> float:
    r"""Tell whether neighbors among the codes can be trusted to be neighbors among the rows.

    Parameters
    ----------
    rows : array-like of shape (n, d)
    codes : array-like of shape (n, c)
    k : int, default=15
        Size of a neighborhood, below n / 2.
    n_queries : int or None, default=None
        Measure the neighborhoods of so many rows, drawn at random, among all n. None: of all of them up to 20,000 rows, of 5,000 above.
    random_state : int or None, default=0
        Of the draw.

    Returns
    -------
    float
        In [0, 1], about 0.5 for codes that know nothing of their rows, 1 if each row's k nearest codes belong to its k nearest rows.

    Raises
    ------
    ValueError
        If k is not below n / 2, the lengths differ, or anything is empty or not finite.

    See Also
    --------
    continuity : The same with the roles swapped.

    Notes
    -----
    With :math:`U_k(i)` the rows that are among the k nearest of row i by their codes, but not by the rows themselves, and
    :math:`r(i, j)` the rank of row j by its distance from row i,

    .. math:: T(k) = 1 - \frac{2}{n k (2 n - 3 k - 1)} \sum_{i=1}^{n} \sum_{j \in U_k(i)} (r(i, j) - k).

    Distances are Euclidean, exact in float64, and equal ones are put in order as scikit-learn's ``trustworthiness`` does, which needs
    all n² of them at once. Here they are computed in blocks of 32 MiB.

    References
    ----------
    J. Venna, S. Kaski: Neighborhood preservation in nonlinear projection methods: an experimental study. ICANN 2001, 485-491.
    https://doi.org/10.1007/3-540-44668-0_68

    Examples
    --------
    >>> import numpy as np
    >>> from narrows.quality import trustworthiness
    >>> rows = np.arange(40.0).reshape(-1, 1) ** 2
    >>> trustworthiness(rows, -rows, k=3)
    1.0
    """
    x, z = _pair(rows, codes)
    return _trust_in_neighbors(x, z, k, n_queries, random_state)


def continuity(rows: ArrayLike, codes: ArrayLike, k: int = 15, *, n_queries: int | None = None, random_state: int | None = 0) -> float:
    r"""Tell whether neighbors among the rows stay neighbors among the codes.

    Parameters
    ----------
    rows : array-like of shape (n, d)
    codes : array-like of shape (n, c)
    k : int, default=15
        Size of a neighborhood, below n / 2.
    n_queries : int or None, default=None
        Measure the neighborhoods of so many rows, drawn at random, among all n. None: of all of them up to 20,000 rows, of 5,000 above.
    random_state : int or None, default=0
        Of the draw.

    Returns
    -------
    float
        In [0, 1], about 0.5 for codes that know nothing of their rows, 1 if each row's k nearest rows have its k nearest codes.

    Raises
    ------
    ValueError
        If k is not below n / 2, the lengths differ, or anything is empty or not finite.

    See Also
    --------
    trustworthiness : The formula; here :math:`U_k` holds the near rows with far codes, and ranks are those of the codes.

    References
    ----------
    J. Venna, S. Kaski: Local multidimensional scaling. Neural Networks 19 (2006), 889-899.
    https://doi.org/10.1016/j.neunet.2006.05.014

    Examples
    --------
    >>> import numpy as np
    >>> from narrows.quality import continuity
    >>> rows = np.arange(40.0).reshape(-1, 1) ** 2
    >>> continuity(rows, -rows, k=3)
    1.0
    """
    x, z = _pair(rows, codes)
    return _trust_in_neighbors(z, x, k, n_queries, random_state)


def knn_recall(rows: ArrayLike, codes: ArrayLike, k: int = 15, *, n_queries: int | None = None, random_state: int | None = 0) -> float:
    r"""Give the share of each row's k nearest rows that are among its k nearest by their codes.

    Parameters
    ----------
    rows : array-like of shape (n, d)
    codes : array-like of shape (n, c)
    k : int, default=15
        Size of a neighborhood, below n.
    n_queries : int or None, default=None
        Measure the neighborhoods of so many rows, drawn at random, among all n. None: of all of them up to 20,000 rows, of 5,000 above.
    random_state : int or None, default=0
        Of the draw.

    Returns
    -------
    float
        In [0, 1], about k / (n - 1) for codes that know nothing of their rows.

    Raises
    ------
    ValueError
        If k is not below n, the lengths differ, or anything is empty or not finite.

    Notes
    -----
    :math:`Q(k) = \frac{1}{n k} \sum_{i=1}^{n} |N_k(i) \cap M_k(i)|`, where :math:`N_k(i)` are the k nearest rows of row i and
    :math:`M_k(i)` those with the k nearest codes.

    References
    ----------
    J. A. Lee, M. Verleysen: Quality assessment of dimensionality reduction: rank-based criteria. Neurocomputing 72 (2009), 1431-1443.
    https://doi.org/10.1016/j.neucom.2008.12.017

    Examples
    --------
    >>> import numpy as np
    >>> from narrows.quality import knn_recall
    >>> rows = np.arange(40.0).reshape(-1, 1) ** 2
    >>> knn_recall(rows, -rows, k=3)
    1.0
    """
    x, z = _pair(rows, codes)
    as_count("k", k, len(x) - 1, f"below the {len(x)} rows")
    queries = choose_queries(len(x), n_queries, random_state)
    return overlap(nearest(x, k, queries), nearest(z, k, queries))


def choose_queries(n_rows: int, n_queries: int | None, random_state: int | None) -> Indices | None:
    """Choose the rows whose neighborhoods are measured.

    Parameters
    ----------
    n_rows : int
    n_queries, random_state : int or None

    Returns
    -------
    ndarray of shape (q,) or None
        None for all rows.

    Raises
    ------
    ValueError
        If `n_queries` is no whole number from 1 on.
    """
    if n_queries is None:
        n_queries = n_rows if n_rows <= EXACT else QUERIES
    return sample(n_rows, as_count("n_queries", n_queries, 2**62, ""), random_state)


def nearest(points: Array, k: int, queries: Indices | None = None) -> Indices:
    """Give the k nearest other points of each query.

    Parameters
    ----------
    points : ndarray of shape (n, d)
    k : int
        Below n.
    queries : ndarray of shape (q,), default=None
        Point numbers; all points if None.

    Returns
    -------
    ndarray of shape (q, k)
        Point numbers, in no order.
    """
    if by_brute_force(points):
        return survey(points, None, k, queries)[0]
    search = search_tree(points, k)
    found: Indices
    if queries is None:
        found = search.kneighbors(return_distance=False)
        return found
    found = search.kneighbors(points[queries], k + 1, return_distance=False)
    others = found != queries[:, None]
    others[others.all(1), 0] = False  # among many duplicates a point may not find itself: one of them goes in its place
    found = found[others].reshape(len(queries), k)
    return found


def by_brute_force(points: Array) -> bool:
    """Tell where looking at all distances is the faster search.

    Below, scikit-learn's own choice is taken, so that ties fall as they do there. But its trees lose long before the 15 dimensions up to
    which it takes them (at 10,000 points of 12 normal features by a factor of five), and its brute force computes distances that are
    needed here once more, for the ranks.

    Parameters
    ----------
    points : ndarray of shape (n, d)

    Returns
    -------
    bool
    """
    return points.shape[1] > 8 and len(points) > 5_000


def search_tree(points: Array, k: int) -> Any:
    """Give scikit-learn's exact search among points.

    Parameters
    ----------
    points : ndarray of shape (n, d)
    k : int

    Returns
    -------
    NearestNeighbors
        Fitted.
    """
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k, algorithm="brute" if by_brute_force(points) else "auto").fit(points)


def rank_sum(points: Array, neighbors: Indices, k: int, queries: Indices | None = None) -> NDArray[np.int64]:
    """Sum by how much the ranks of given neighbors exceed k.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Among which ranks are counted, from 1, by distance from the query.
    neighbors : ndarray of shape (q, s k)
        For each query the numbers of the neighbors: s sets of k side by side.
    k : int
    queries : ndarray of shape (q,), default=None
        Point numbers; all points if None.

    Returns
    -------
    ndarray of shape (s,)
    """
    return survey(points, neighbors, k, queries, find=False)[1]


def survey(
    points: Array,
    neighbors: Indices | None,
    k: int,
    queries: Indices | None = None,
    *,
    find: bool = True,
    report: Callable[[float], None] | None = None,
) -> tuple[Indices, NDArray[np.int64]]:
    """Find nearest points and sum the excess ranks of other neighbors in one pass over the distances.

    Parameters
    ----------
    points : ndarray of shape (n, d)
    neighbors : ndarray of shape (q, s k), or None
        As in `rank_sum`.
    k : int
    queries : ndarray of shape (q,), default=None
        Point numbers; all points if None.
    find : bool, default=True
        Look for the nearest points.
    report : callable, default=None
        Told the share of the work that is done.

    Returns
    -------
    nearest : ndarray of shape (q, k)
        Of shape (0, k) without `find`.
    excess : ndarray of shape (s,)
    """
    numbers = np.arange(len(points)) if queries is None else queries
    norms = np.concatenate([np.einsum("ij,ij->i", cells, cells) for cells in map(_float64, _pieces(points))])

    def work(block: slice) -> tuple[Indices, NDArray[np.int64]]:
        distances = _squared_distances(points, norms, numbers[block])
        # A copy: a view would keep the order of all points.
        near = np.argpartition(distances, k - 1, axis=1)[:, :k].copy() if find else np.empty((0, k), dtype=np.intp)
        return near, _excess(distances, neighbors[block], k) if neighbors is not None else np.zeros(0, dtype=np.int64)

    found, excess = [], []
    pieces = blocks(len(numbers), len(points), CELLS)
    with closing(in_threads(work, pieces)) as results:
        for piece, (near, over) in zip(pieces, results, strict=True):
            found.append(near)
            excess.append(over)
            if report is not None:
                report(piece.stop / len(numbers))
    return np.concatenate(found), np.sum(excess, axis=0)


def trust(excess: int, n_rows: int, k: int, n_queries: int) -> float:
    """Turn a sum of excess ranks into trustworthiness or continuity.

    Parameters
    ----------
    excess : int
        Of `rank_sum`.
    n_rows, k, n_queries : int

    Returns
    -------
    float
    """
    return float(1.0 - excess * (2.0 / (n_queries * k * (2.0 * n_rows - 3.0 * k - 1.0))))


def overlap(some: Indices, others: Indices) -> float:
    """Give the share of neighbors that two neighborhoods have in common, the mean over all queries.

    Parameters
    ----------
    some, others : ndarray of shape (q, k)

    Returns
    -------
    float
    """
    both = np.sort(np.concatenate([some, others], axis=1), axis=1)
    return float(np.count_nonzero(both[:, 1:] == both[:, :-1]) / some.size)


def _trust_in_neighbors(points: Array, others: Array, k: int, n_queries: int | None, random_state: int | None) -> float:
    """Tell how far the neighbors among the other points can be trusted to be neighbors among the points."""
    n = len(points)
    _check_rank_size(k, n)
    queries = choose_queries(n, n_queries, random_state)
    excess = rank_sum(points, nearest(others, k, queries), k, queries)
    return trust(int(excess[0]), n, k, n if queries is None else len(queries))


def _ranks(distances: Floats, neighbors: Indices) -> Indices:
    """Rank neighbors by counting who is nearer: a third of the time of sorting, and the same unless distances are equal."""
    ranks = np.empty(len(neighbors), dtype=np.intp)
    for place, distance in enumerate(distances[neighbors]):
        ranks[place] = np.count_nonzero(distances <= distance)
        if np.count_nonzero(distances < distance) != ranks[place] - 1:  # a tie: its order is that of NumPy's sort, as in scikit-learn
            ranks_of_all = np.empty_like(ranks, shape=len(distances))
            ranks_of_all[np.argsort(distances)] = np.arange(1, len(distances) + 1)
            return ranks_of_all[neighbors]
    return ranks


def _excess(distances: Floats, neighbors: Indices, k: int) -> NDArray[np.int64]:
    total = np.zeros(neighbors.shape[1] // k, dtype=np.int64)
    for row, row_neighbors in zip(distances, neighbors, strict=True):
        total += np.maximum(_ranks(row, row_neighbors) - k, 0).reshape(-1, k).sum(1)
    return total


def _squared_distances(points: Array, norms: Floats, queries: Indices) -> Floats:
    """Give squared distances of shape (queries, points); a query's distance from itself is infinite."""
    minus_two = _float64(points[queries]) * -2.0
    distances = np.empty((len(queries), len(points)))
    start = 0
    for piece in _pieces(points):
        distances[:, start : start + len(piece)] = minus_two @ _float64(piece).T
        start += len(piece)
    distances += norms[queries, None]
    distances += norms
    np.maximum(distances, 0, out=distances)
    distances[np.arange(len(queries)), queries] = np.inf
    return distances


def _pieces(points: Array) -> Iterator[Array]:
    return (points[block] for block in blocks(*points.shape))


def _float64(points: Array) -> Floats:
    return points.astype(np.float64, copy=False)


def _pair(rows: ArrayLike, codes: ArrayLike) -> tuple[Array, Array]:
    x = as_rows("rows", rows)
    return as_points(x), as_points(as_rows("codes", codes, length=len(x)))


def as_points(array: Array) -> Array:
    """Give numbers as scikit-learn's searches take them: float32 where that is exact, else float64.

    Parameters
    ----------
    array : ndarray of shape (n, d)

    Returns
    -------
    ndarray of shape (n, d)
    """
    small = array.dtype.itemsize <= 2 or array.dtype == np.float32
    return np.ascontiguousarray(array, dtype=np.float32 if small else np.float64)


def _check_rank_size(k: int, n_rows: int) -> None:
    if n_rows < 3:
        raise ValueError(f"rows has {n_rows} rows; give at least 3: a neighborhood is less than half of them")
    as_count("k", k, (n_rows - 1) // 2, f"below half of the {n_rows} rows")
