"""Curves and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows.plot._axes import add_legend, bare, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

LOGARITHMIC = 10.0  # times the least value: from there on a linear axis would hide the small ones


def errors_by_size(
    sizes: Sequence[int], autoencoder: Sequence[float], pca: Sequence[float], *, elbow: int | None = None, ax: Axes | None = None
) -> Axes:
    """Draw errors over the size of a code: a network's beside PCA's.

    Parameters
    ----------
    sizes : sequence of int
        Numbers in a code.
    autoencoder, pca : sequence of float
        The error for each size.
    elbow : int, default=None
        A size to mark.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    ax = new_axes() if ax is None else ax
    ax.plot(sizes, autoencoder, "o-", color="C0", label="autoencoder")
    ax.plot(sizes, pca, "s--", color="C1", label="PCA")
    if elbow is not None:
        ax.axvline(elbow, color="0.6", linewidth=1, label=f"elbow: {elbow}")
    ax.set_xscale("log", base=2)
    if is_wide([*autoencoder, *pca]):
        ax.set_yscale("log")
    ax.set_xticks(list(sizes), labels=[f"{size}" for size in sizes])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("numbers in a code")
    ax.set_ylabel("mean squared error, rows held out")
    ax.legend(frameon=False)
    return bare(ax)


def curves(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    across: str = "",
    up: str = "",
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw curves.

    Parameters
    ----------
    series : dict of str to tuple of two sequences of float
        Places across and values up, by what the legend calls them; what is not finite leaves a gap.
    across, up : str, default=""
        What the axes say.
    log : bool, default=False
        Whether the values are on a logarithmic axis.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    ax = new_axes() if ax is None else ax
    drawn = [ax.plot(*pair, marker="." if len(pair[0]) < 20 else "", label=name)[0] for name, pair in series.items()]
    if log:
        ax.set_yscale("log")
    ax.set_xlabel(across)
    ax.set_ylabel(up)
    add_legend(ax, drawn, list(series), fontsize="small")
    return bare(ax)


def bars(values: Mapping[str, ArrayLike], *, up: str = "", ax: Axes | None = None) -> Axes:
    """Draw means as bars, with their standard deviation where there are several values.

    Parameters
    ----------
    values : dict of str to array-like of shape (n,)
        By what stands below the bar.
    up : str, default=""
        What the axis says.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    ax = new_axes() if ax is None else ax
    several = [np.atleast_1d(np.asarray(one, dtype=np.float64)) for one in values.values()]
    deviations = [one.std(ddof=1) if len(one) > 1 else 0.0 for one in several]
    ax.barh(range(len(several)), [one.mean() for one in several], xerr=deviations, color="C0", height=0.7)
    ax.set_yticks(range(len(several)), labels=list(values), parse_math=False)
    ax.invert_yaxis()
    ax.set_xlabel(up)
    return bare(ax)


def is_wide(values: Any) -> bool:
    """Tell whether the values above zero reach so far that a linear axis would hide the small ones."""
    array = np.asarray(values, np.float64)
    above = array[np.isfinite(array) & (array > 0)]
    return bool(len(above) and above.max() >= LOGARITHMIC * above.min())
