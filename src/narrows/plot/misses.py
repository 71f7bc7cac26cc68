"""Errors of reconstructions: of rows, and of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows.plot._axes import add_scale, bare, log_scale, name_ticks, new_axes
from narrows.plot._given import blocks, feature_names_of, image_shape_of, is_estimator, n_rows, needs, network_of, refuse_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SQUARED, OF_A_ROW = "mean squared error, scaled units", "squared error of a row, scaled units"
WIDE = 30.0  # times the least error: from there on bins are as wide as their errors are large
BINS = 40


def feature_errors(
    made: Any,
    X: Any = None,
    *,
    image_shape: Sequence[int] | None = None,
    feature_names: Sequence[str] | None = None,
    most: int = 20,
    ax: Axes | None = None,
) -> Axes:
    """Draw how badly each feature is rebuilt: the pixels of an image in shades, the worst features of a table as bars.

    Parameters
    ----------
    made : estimator or array-like of shape (n_features,) or (n, n_features)
        A fitted estimator, whose errors of `X` are drawn (of a `LatentMap`, its autoencoder's); or squared errors.
    X : {array-like, sparse matrix, dataframe} of shape (n, n_features), default=None
        Rows, where an estimator is given.
    image_shape : sequence of int, default=None
        (height, width) or (height, width, channels), where neither the estimator nor `X` says it. Of channels the mean is drawn.
    feature_names : sequence of str, default=None
        Of tables, where neither the estimator nor `X` says them.
    most : int, default=20
        Features of a table to draw, at least 1: those of the greatest errors.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the estimator is not fitted, rows do not fit it, or errors are not numbers of at least 0.
    MissingExtra
        If matplotlib is not installed.
    """
    if not isinstance(most, int | np.integer) or most < 1:
        raise ValueError(f"most is {most!r}; give a whole number of at least 1")
    errors = _of_features(made, X)
    shape = image_shape_of(image_shape, X, made, len(errors))
    if shape is not None:
        ax = new_axes() if ax is None else ax
        ax.set(xticks=[], yticks=[])
        look: dict[str, Any] = {"cmap": "Greys", "vmin": 0, "interpolation": "nearest"}
        add_scale(ax, ax.imshow(errors.reshape(shape).mean(-1), **look), SQUARED)
        return ax
    names = feature_names_of(feature_names, X, made, len(errors))
    worst = np.argsort(-errors, kind="stable")[:most]
    ax = new_axes() if ax is None else ax
    ax.barh(range(len(worst)), errors[worst], color="C0", height=0.7)
    name_ticks(ax.yaxis, range(len(worst)), [names[place] for place in worst], fontsize="small")
    ax.invert_yaxis()
    ax.set_xlabel(SQUARED)
    if len(worst) < len(errors):
        ax.set_ylabel(f"the worst {len(worst)} of {len(errors)} features")
    ax.tick_params(axis="y", length=0)
    return bare(ax)


def error_histogram(made: Any, X: Any = None, *, bins: int = BINS, ax: Axes | None = None) -> Axes:
    """Draw how many rows are rebuilt how well.

    Parameters
    ----------
    made : estimator or array-like of shape (n,)
        A fitted estimator, whose errors of `X` are drawn (of a `LatentMap`, its autoencoder's); or errors of rows.
    X : {array-like, sparse matrix, dataframe} of shape (n, n_features), default=None
        Rows, where an estimator is given.
    bins : int, default=40
        Bars, at least 1.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None. What is drawn twice on the same Axes shows through.

    Returns
    -------
    matplotlib.axes.Axes
        On a logarithmic axis where the largest error is 30 times the smallest or more, and none is 0.

    Raises
    ------
    ValueError
        If the estimator is not fitted, rows do not fit it, or errors are not numbers of at least 0.
    MissingExtra
        If matplotlib is not installed.
    """
    if not isinstance(bins, int | np.integer) or bins < 1:
        raise ValueError(f"bins is {bins!r}; give a whole number of at least 1")
    if is_estimator(made):
        network = network_of(needs(made, X, "plot.error_histogram(estimator, X)"))
        errors = network.reconstruction_error(X)
    else:
        refuse_rows(X, "errors")
        errors = made
    errors = _checked(errors, 1)
    wide = bool(errors.min() > 0 and errors.max() >= WIDE * errors.min())
    ax = new_axes() if ax is None else ax
    edges: Any = np.geomspace(errors.min(), errors.max(), bins + 1) if wide else bins
    ax.hist(errors, bins=edges, color=f"C{len(ax.containers)}", alpha=0.75, edgecolor="white", linewidth=0.3)
    ax.axvline(float(np.median(errors)), color="0.2", linewidth=1, linestyle="--")
    ax.annotate(
        f" median {np.median(errors):.3g}",
        (float(np.median(errors)), 1.0),
        xycoords=ax.get_xaxis_transform(),
        va="top",
        fontsize="small",
    )
    if wide:
        log_scale(ax, "x")
    ax.set_xlabel(OF_A_ROW)
    ax.set_ylabel("rows")
    return bare(ax)


def _of_features(made: Any, X: Any) -> np.ndarray:
    """Give the mean squared error of each feature, a block of rows at a time: cells take as much room as rows do."""
    if is_estimator(made):
        network = network_of(needs(made, X, "plot.feature_errors(estimator, X)"))
        total = sum(network.reconstruction_error(block, per_feature=True).sum(0, dtype=np.float64) for block in blocks(X))
        return _checked(total / n_rows(X), 1)
    refuse_rows(X, "errors")
    errors = np.asarray(made)
    return _checked(errors if errors.ndim == 1 else _checked(errors, 2).mean(0), 1)


def _checked(errors: Any, dimensions: int) -> np.ndarray:
    array = np.asarray(errors)
    if array.ndim != dimensions or not array.size or array.dtype.kind not in "biuf":
        raise ValueError(f"errors have shape {array.shape} and type {array.dtype}; give numbers, at least one, in {dimensions} dimensions")
    if not (np.isfinite(array).all() and array.min() >= 0):
        raise ValueError("errors hold NaN, infinity or numbers below 0; give squared errors")
    return array.astype(np.float64)
