"""How far reconstructions are from their rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from narrows.quality._blocks import blocks, in_threads
from narrows.quality._checks import Array, Floats, as_rows, require_finite

EPSILON = float(np.finfo(np.float32).eps)  # probabilities are kept this far from 0 and 1


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Figures of a set of reconstructions, of the whole and of each feature.

    Parameters
    ----------
    mean_squared_error : float
        Mean over all cells, in squared units of the rows.
    explained_variance : float
        Share of the rows' variance that the reconstructions explain, at most 1.
    binary_cross_entropy : float or None
        Mean over all cells, in nats; None if a row leaves [0, 1].
    feature_mean_squared_error, feature_explained_variance : ndarray of shape (d,)
    feature_binary_cross_entropy : ndarray of shape (d,) or None
    """

    mean_squared_error: float
    explained_variance: float
    binary_cross_entropy: float | None
    feature_mean_squared_error: Floats = field(repr=False)
    feature_explained_variance: Floats = field(repr=False)
    feature_binary_cross_entropy: Floats | None = field(repr=False)


def reconstruction_figures(rows: ArrayLike, reconstruction: ArrayLike, *, reference: ArrayLike | None = None) -> Reconstruction:
    """Measure reconstructions in one pass over their rows.

    Parameters
    ----------
    rows : array-like of shape (n, d)
    reconstruction : array-like of shape (n, d)
    reference : array-like of shape (d,), default=None
        The row that explains nothing; the mean of `rows` if None.

    Returns
    -------
    Reconstruction

    Raises
    ------
    ValueError
        If the two differ in shape, are empty, or hold anything but finite real numbers.

    See Also
    --------
    mean_squared_error, binary_cross_entropy, explained_variance : One figure each, with its formula.

    Examples
    --------
    >>> from narrows.quality import reconstruction_figures
    >>> reconstruction_figures([[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.5], [1.0, 0.0]])
    Reconstruction(mean_squared_error=0.0625, explained_variance=0.5, binary_cross_entropy=0.173...)
    """
    return sums_over(rows, reconstruction, reference).figures()


def mean_squared_error(rows: ArrayLike, reconstruction: ArrayLike) -> float:
    """Mean squared error: the mean of (x - y)² over all cells.

    Parameters
    ----------
    rows : array-like of shape (n, d)
    reconstruction : array-like of shape (n, d)

    Returns
    -------
    float
        In squared units of the rows.

    Raises
    ------
    ValueError
        If the two differ in shape, are empty, or hold anything but finite real numbers.

    Examples
    --------
    >>> from narrows.quality import mean_squared_error
    >>> mean_squared_error([[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.5], [1.0, 0.0]])
    0.0625
    """
    sums = sums_over(rows, reconstruction, entropies=False)
    return float((sums.squared / sums.n_rows).mean())


def binary_cross_entropy(rows: ArrayLike, reconstruction: ArrayLike) -> float:
    """Binary cross-entropy between rows in [0, 1] and reconstructions, the mean over all cells.

    Parameters
    ----------
    rows : array-like of shape (n, d)
        In [0, 1].
    reconstruction : array-like of shape (n, d)
        Probabilities; what leaves [eps, 1 - eps] is brought back to it, where eps is that of float32 (1.2e-7).

    Returns
    -------
    float
        In nats. The least that is possible is the entropy of the rows themselves: 0 only if all cells are 0 or 1.

    Raises
    ------
    ValueError
        If a row leaves [0, 1], or the two differ in shape, are empty, or hold anything but finite real numbers.

    Notes
    -----
    The mean of -x ln(y) - (1 - x) ln(1 - y), where x is a cell of a row and y that of its reconstruction.

    Examples
    --------
    >>> from narrows.quality import binary_cross_entropy
    >>> round(binary_cross_entropy([[0.0, 1.0]], [[0.5, 0.5]]), 4)
    0.6931
    """
    sums = sums_over(rows, reconstruction)
    if sums.entropies is None:
        raise ValueError("rows leave [0, 1], where binary cross-entropy is defined; scale them to it, or use mean_squared_error")
    return float((sums.entropies / sums.n_rows).mean())


def explained_variance(rows: ArrayLike, reconstruction: ArrayLike, *, reference: ArrayLike | None = None) -> float:
    """Explained variance: variance-weighted R², the share of the squared deviations that reconstructions explain.

    Parameters
    ----------
    rows : array-like of shape (n, d)
    reconstruction : array-like of shape (n, d)
    reference : array-like of shape (d,), default=None
        The row that explains nothing; the mean of `rows` if None.

    Returns
    -------
    float
        1 for perfect reconstructions, 0 for the reference row in each place, below 0 for worse. What does not vary counts as 1
        if it is met exactly, as 0 otherwise.

    Raises
    ------
    ValueError
        If the shapes do not fit, or anything is empty or holds anything but finite real numbers.

    Notes
    -----
    1 - Σ(x - y)² / Σ(x - m)², summed over rows and features, where y is the reconstruction of the row x and m the reference: features
    count by their variance. With the rows' own mean this is scikit-learn's ``r2_score(..., multioutput="variance_weighted")``.

    Examples
    --------
    >>> from narrows.quality import explained_variance
    >>> explained_variance([[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.5], [1.0, 0.0]])
    0.5
    """
    sums = sums_over(rows, reconstruction, reference, entropies=False)
    return float(_explained(sums.squared.sum(), sums.deviations.sum()))


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over rows of what the figures need, in float64.

    Parameters
    ----------
    n_rows : int
    reference : ndarray of shape (d,)
        About which deviations are.
    squared, deviations : ndarray of shape (d,)
    entropies : ndarray of shape (d,) or None
        None if a row leaves [0, 1], or if they were not asked for.
    """

    n_rows: int
    reference: Floats
    squared: Floats
    deviations: Floats
    entropies: Floats | None

    def figures(self) -> Reconstruction:
        """Give all figures."""
        errors = self.squared / self.n_rows
        entropies = None if self.entropies is None else self.entropies / self.n_rows
        return Reconstruction(
            mean_squared_error=float(errors.mean()),
            explained_variance=float(_explained(self.squared.sum(), self.deviations.sum())),
            binary_cross_entropy=None if entropies is None else float(entropies.mean()),
            feature_mean_squared_error=errors,
            feature_explained_variance=_explained(self.squared, self.deviations),
            feature_binary_cross_entropy=entropies,
        )


def sums_over(rows: ArrayLike, reconstruction: ArrayLike, reference: ArrayLike | None = None, *, entropies: bool = True) -> Sums:
    """Check and sum rows and reconstructions in blocks, so that neither is ever copied as a whole.

    Parameters
    ----------
    rows, reconstruction : array-like of shape (n, d)
    reference : array-like of shape (d,), default=None
        The mean of the rows if None.
    entropies : bool, default=True
        Whether to sum cross-entropies.

    Returns
    -------
    Sums

    Raises
    ------
    ValueError
        As in the public functions.
    """
    x = as_rows("rows", rows)
    y = as_rows("reconstruction", reconstruction, width=x.shape[1], length=len(x), finite=False)
    if reference is None:
        center = column_means(x)
    else:
        center = as_rows("reference", np.atleast_2d(np.asarray(reference)), width=x.shape[1], length=1)[0].astype(np.float64)

    def reconstructed(block: slice, cells: Floats) -> Floats:
        del cells
        require_finite("reconstruction", y[block])
        return y[block].astype(np.float64, copy=False)

    return sum_blocks(x, reconstructed, center, entropies)


def sum_blocks(rows: Array, reconstructed: Callable[[slice, Floats], Floats], reference: Floats, entropies: bool = True) -> Sums:
    """Sum in blocks over rows whose reconstructions come block by block.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
    reconstructed : callable
        Given which rows and these in float64, gives their reconstructions.
    reference : ndarray of shape (d,)
    entropies : bool, default=True

    Returns
    -------
    Sums
    """

    def work(block: slice) -> tuple[Floats, Floats, Floats | None]:
        cells = rows[block].astype(np.float64, copy=False)
        result = reconstructed(block, cells)
        bounded = entropies and cells.min() >= 0 and cells.max() <= 1
        return _squares(cells - result), _squares(cells - reference), _entropies(cells, result) if bounded else None

    squared, deviations, crossed = zip(*in_threads(work, blocks(*rows.shape)), strict=True)
    known = [block for block in crossed if block is not None]
    total = sum(known) if len(known) == len(crossed) else None
    return Sums(len(rows), reference, np.sum(squared, axis=0), np.sum(deviations, axis=0), total)


def column_means(rows: Array) -> Floats:
    """Give the mean row, summed in float64.

    Parameters
    ----------
    rows : ndarray of shape (n, d)

    Returns
    -------
    ndarray of shape (d,)
    """
    total = np.zeros(rows.shape[1])
    for block in blocks(*rows.shape):
        total += rows[block].sum(0, dtype=np.float64)
    means: Floats = total / len(rows)
    return means


def _squares(cells: Floats) -> Floats:
    squares: Floats = np.einsum("ij,ij->j", cells, cells)
    return squares


def _entropies(rows: Floats, reconstruction: Floats) -> Floats:
    probabilities = np.clip(reconstruction, EPSILON, 1 - EPSILON)
    entropies: Floats = -(rows * np.log(probabilities) + (1 - rows) * np.log1p(-probabilities)).sum(0)
    return entropies


def _explained(squared: Floats | np.float64, deviations: Floats | np.float64) -> Floats:
    squared, deviations = np.asarray(squared), np.asarray(deviations)
    constant = np.where(squared == 0, 1.0, 0.0)
    explained: Floats = np.where(deviations > 0, 1 - squared / np.where(deviations > 0, deviations, 1), constant)
    return explained
