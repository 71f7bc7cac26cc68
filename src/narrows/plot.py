"""Pictures on matplotlib's Axes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows._files import replacing
from narrows.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FORMATS", "errors_by_size", "new_axes", "write"]

FORMATS = (".png", ".svg")
LOGARITHMIC = 10.0  # times the least error: from there on a linear axis would hide the small ones


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
    errors = [error for error in (*autoencoder, *pca) if error > 0]
    ax.set_xscale("log", base=2)
    if errors and max(errors) >= LOGARITHMIC * min(errors):
        ax.set_yscale("log")
    ax.set_xticks(list(sizes), labels=[f"{size}" for size in sizes])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("numbers in a code")
    ax.set_ylabel("mean squared error, rows held out")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def new_axes() -> Axes:
    """Make Axes in a figure of their own, which no global state knows of.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("a picture", "matplotlib", "plot") from None
    return Figure(figsize=(6, 4), layout="constrained").subplots()


def write(path: str | os.PathLike[str], ax: Any) -> None:
    """Write the figure of some Axes; the file appears whole or not at all.

    Parameters
    ----------
    path : path-like
        A .png or .svg file.
    ax : matplotlib.axes.Axes

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with replacing(path) as file:
        ax.figure.savefig(file, format=Path(path).suffix.lower().removeprefix("."), dpi=150)
