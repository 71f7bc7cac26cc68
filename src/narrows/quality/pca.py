"""PCA, the linear code beside which a network's is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from narrows.quality._blocks import blocks, in_threads
from narrows.quality._checks import Array, Floats, as_count, as_rows
from narrows.quality.reconstruction import Reconstruction, column_means, sum_blocks

EXACT = 2048  # features or rows: above, no matrix of their products is formed
OVERSAMPLING = 10  # directions more than asked for: the leading ones settle sooner
ITERATIONS = 7

Centered = Callable[..., Floats]  # from a block of rows, and one of columns if not all, to its cells, minus the mean, by weight


@dataclass(frozen=True, eq=False)
class LinearCode:
    """A linear map of rows to codes and back: PCA, fitted.

    Parameters
    ----------
    mean : ndarray of shape (d,)
    components : ndarray of shape (n_components, d)
        Orthonormal directions, the strongest first, each with its largest weight positive. Those past the rank of the rows are zero: they
        add nothing, and a code still has as many numbers as were asked for.
    spectrum : ndarray of shape (m,)
        Share of the variance that each direction explains: of all d, or n where rows are fewer than features; of the leading ones where
        there are more than 2048 of both.
    rank : int
        How many components are not zero.

    Examples
    --------
    >>> import numpy as np
    >>> from narrows.quality import LinearCode
    >>> rows = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    >>> code = LinearCode.fit(rows, 1)
    >>> code.encode(rows).round(3).ravel().tolist()
    [-2.236, 0.0, 2.236]
    >>> bool(np.allclose(code.decode(code.encode(rows)), rows))
    True
    """

    mean: Floats = field(repr=False)
    components: Floats = field(repr=False)
    spectrum: Floats = field(repr=False)
    rank: int

    @classmethod
    def fit(cls, rows: ArrayLike, n_components: int, *, weight: ArrayLike | None = None, random_state: int | None = 0) -> LinearCode:
        """Find the directions of greatest variance.

        Up to 2048 features by the eigenvectors of the covariance matrix, or up to 2048 rows, if these are fewer, by those of their inner
        products: exactly; above by subspace iteration from random directions. All sum in float64 and in blocks, so that the rows are never
        copied.

        Parameters
        ----------
        rows : array-like of shape (n, d)
        n_components : int
            More than n - 1 or d are allowed: see `components`.
        weight : array-like of shape (n,), default=None
            What each row counts in the mean and in the variance, at least 0.
        random_state : int or None, default=0
            Of the random directions; not used up to 2048 features or rows.

        Returns
        -------
        LinearCode

        Raises
        ------
        ValueError
            If the rows are empty or hold anything but finite real numbers, `n_components` is below 1, or the weights are not
            one for each row, finite, not negative and not all 0.
        """
        x = as_rows("rows", rows)
        n_components = as_count("n_components", n_components, 2**31, "")
        roots = None if weight is None else np.sqrt(_as_weight(weight, len(x)))
        mean = column_means(x) if roots is None else _weighted_means(x, roots)

        def centered(block: slice, columns: slice = slice(None)) -> Floats:
            cells: Floats = x[block, columns] - mean[columns]
            return cells if roots is None else cells * roots[block, None]

        if len(x) < x.shape[1] and len(x) <= EXACT:
            values, vectors, total = _gram(x, centered, n_components)
        else:
            values, vectors, total = _covariance(x, centered) if x.shape[1] <= EXACT else _subspace(x, centered, n_components, random_state)
        values = np.maximum(values, 0)
        threshold = values[0] * max(x.shape) * np.finfo(np.float64).eps
        rank = min(n_components, int(np.count_nonzero(values > threshold)))
        components = np.zeros((n_components, x.shape[1]))
        components[:rank] = _signed(vectors[:, :rank].T)
        return cls(mean, components, values / total if total > 0 else np.zeros_like(values), rank)

    def encode(self, rows: ArrayLike) -> Floats:
        """Give the codes of rows.

        Parameters
        ----------
        rows : array-like of shape (n, d)

        Returns
        -------
        ndarray of shape (n, n_components)

        Raises
        ------
        ValueError
            If the rows have another width, or hold anything but finite real numbers.
        """
        x = as_rows("rows", rows, width=len(self.mean))
        codes = np.empty((len(x), len(self.components)))

        def work(block: slice) -> None:
            codes[block] = (x[block] - self.mean) @ self.components.T

        for _ in in_threads(work, blocks(*x.shape)):
            pass
        return codes

    def decode(self, codes: ArrayLike) -> Floats:
        """Give the reconstructions of codes.

        Parameters
        ----------
        codes : array-like of shape (n, n_components)

        Returns
        -------
        ndarray of shape (n, d)

        Raises
        ------
        ValueError
            If the codes have another width, or hold anything but finite real numbers.
        """
        z = as_rows("codes", codes, width=len(self.components))
        rows: Floats = z @ self.components + self.mean
        return rows

    def reconstruction_figures(self, rows: ArrayLike) -> Reconstruction:
        """Measure the reconstructions of rows without ever holding them all.

        Parameters
        ----------
        rows : array-like of shape (n, d)

        Returns
        -------
        Reconstruction
            With the mean of these rows as the row that explains nothing. The cross-entropy is that of the reconstruction clipped to [0, 1].

        Raises
        ------
        ValueError
            If the rows have another width, or hold anything but finite real numbers.
        """
        x = as_rows("rows", rows, width=len(self.mean))

        def reconstructed(block: slice, cells: Floats) -> Floats:
            del block
            result: Floats = ((cells - self.mean) @ self.components.T) @ self.components + self.mean
            return result

        return sum_blocks(x, reconstructed, column_means(x)).figures()

    def components_for(self, share: float) -> int | None:
        """Tell how many components explain a share of the variance of the rows that were fitted.

        Parameters
        ----------
        share : float
            In [0, 1].

        Returns
        -------
        int or None
            None if the known part of the spectrum does not reach it.
        """
        reached = np.flatnonzero(np.cumsum(self.spectrum) >= share * (1 - 1e-12))
        return int(reached[0]) + 1 if len(reached) else None


def pca_baseline(train_rows: ArrayLike, test_rows: ArrayLike, n_components: int, *, random_state: int | None = 0) -> Reconstruction:
    """Measure what PCA, fitted on the training rows, makes of the test rows.

    Parameters
    ----------
    train_rows : array-like of shape (n, d)
    test_rows : array-like of shape (m, d)
    n_components : int
    random_state : int or None, default=0
        Used above 2048 features only.

    Returns
    -------
    Reconstruction

    Raises
    ------
    ValueError
        If the widths differ, anything is empty or not finite, or `n_components` is below 1.

    See Also
    --------
    LinearCode : The fitted map itself.

    Examples
    --------
    >>> import numpy as np
    >>> from narrows.quality import pca_baseline
    >>> rows = np.arange(6.0)[:, None] * [1.0, 2.0, 3.0]
    >>> round(pca_baseline(rows[:4], rows[4:], 1).explained_variance, 6)
    1.0
    """
    train = as_rows("train_rows", train_rows, finite=False)
    test = as_rows("test_rows", test_rows, width=train.shape[1])
    return LinearCode.fit(train, n_components, random_state=random_state).reconstruction_figures(test)


def _as_weight(weight: ArrayLike, n: int) -> Floats:
    values = np.asarray(weight, np.float64)
    if values.shape != (n,) or not np.isfinite(values).all() or values.min() < 0 or values.max() <= 0:
        raise ValueError(
            f"weight must hold a finite number of at least 0 for each of {n} rows, not all of them 0; got shape {values.shape}"
        )
    return values


def _weighted_means(rows: Array, roots: Floats) -> Floats:
    total = np.zeros(rows.shape[1])
    for block in blocks(*rows.shape):
        total += np.square(roots[block]) @ rows[block].astype(np.float64, copy=False)
    means: Floats = total / np.square(roots).sum()
    return means


def _covariance(rows: Array, centered: Centered) -> tuple[Floats, Floats, float]:
    """Give all eigenvalues, the largest first, and eigenvectors (columns) of the scatter matrix, and its trace."""

    def work(block: slice) -> Floats:
        cells = centered(block)
        product: Floats = cells.T @ cells
        return product

    scatter = np.zeros((rows.shape[1], rows.shape[1]))
    for product in in_threads(work, blocks(*rows.shape)):
        scatter += product
    values, vectors = _eigh(scatter)
    return values, vectors, float(np.trace(scatter))


def _gram(rows: Array, centered: Centered, n_components: int) -> tuple[Floats, Floats, float]:
    """Give the same by the inner products of rows that are fewer than their features; of the eigenvectors the first `n_components`."""
    columns = blocks(rows.shape[1], len(rows))
    everyone = slice(0, len(rows))

    def work(block: slice) -> Floats:
        cells = centered(everyone, block)
        product: Floats = cells @ cells.T
        return product

    products = np.zeros((len(rows), len(rows)))
    for product in in_threads(work, columns):
        products += product
    values, left = _eigh(products)
    vectors = np.concatenate([centered(everyone, block).T @ left[:, :n_components] for block in columns])
    vectors = _orthonormal(vectors)  # where a value is near zero, its direction is blurred: here it is orthogonal to the others again
    return values, vectors, float(np.trace(products))


def _subspace(rows: Array, centered: Centered, n_components: int, random_state: int | None) -> tuple[Floats, Floats, float]:
    """Give the leading eigenvalues and eigenvectors (columns) of the scatter matrix without forming it, and its trace."""
    size = min(n_components + OVERSAMPLING, *rows.shape)
    image = np.random.default_rng(random_state).standard_normal((rows.shape[1], size))
    for _ in range(ITERATIONS):
        basis = _orthonormal(image)
        image, total = _scatter_times(rows, centered, basis)
    projected = basis.T @ image
    values, vectors = _eigh((projected + projected.T) / 2)
    return values, basis @ vectors, total


def _scatter_times(rows: Array, centered: Centered, basis: Floats) -> tuple[Floats, float]:
    """Multiply the scatter matrix with a basis; give its trace too."""

    def work(block: slice) -> tuple[Floats, float]:
        cells = centered(block)
        return cells.T @ (cells @ basis), float(np.vdot(cells, cells))

    image, trace = np.zeros_like(basis), 0.0
    for product, squares in in_threads(work, blocks(*rows.shape)):
        image += product
        trace += squares
    return image, trace


def _orthonormal(columns: Floats) -> Floats:
    """Give an orthonormal basis of columns, in one thread, as `_eigh` does."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        basis: Floats = np.linalg.qr(columns)[0]
    return basis


def _eigh(matrix: Floats) -> tuple[Floats, Floats]:
    """Decompose a symmetric matrix, the largest value first, in one thread: several wait for each other more than they help."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        values, vectors = np.linalg.eigh(matrix)
    return values[::-1], vectors[:, ::-1]


def _signed(components: Floats) -> Floats:
    """Turn each direction so that its largest weight is positive: the same rows give the same codes on every machine."""
    largest = np.abs(components).argmax(1)
    signed: Floats = components * np.sign(np.take_along_axis(components, largest[:, None], axis=1))
    return signed
