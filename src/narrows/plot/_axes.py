"""Axes: where pictures are drawn, and the words around them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from narrows._files import replacing
from narrows.data.names import shortened
from narrows.errors import MissingExtra

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

FORMATS = (".png", ".svg")
LONGEST = 24  # characters of a name that are shown
COLUMN = 14  # names: a longer list is set small


def new_grid(rows: int, columns: int, *, size: float = 3.0) -> np.ndarray:
    """Make Axes side by side, in a figure of their own, which no global state knows of.

    Parameters
    ----------
    rows, columns : int
    size : float, default=3.0
        Inches on a side of each.

    Returns
    -------
    ndarray of shape (rows, columns)
        Of matplotlib.axes.Axes.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    return _figure(size * columns, size * rows).subplots(rows, columns, squeeze=False)  # type: ignore[no-any-return]


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
    return _figure(6, 4).subplots()  # type: ignore[no-any-return]


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
        ax.figure.savefig(
            file, format=Path(path).suffix.lower().removeprefix("."), dpi=150, bbox_inches="tight"
        )  # images leave much of a figure empty


def bare(ax: Axes) -> Axes:
    """Take the lines away that frame a picture and say nothing: those above and on the right."""
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def frameless(ax: Axes) -> Axes:
    """Take away frame and ticks, which images and bands of curves have no use for; names beside them stay."""
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def log_scale(ax: Axes, side: Literal["x", "y"]) -> None:
    """Make the x or y axis logarithmic, with plain numbers beside it: powers of ten are hard to read where there is but one."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):  # whose base chooses which of the places between two powers are written
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    ax.set(**{f"{side}scale": "log"})
    axis = ax.xaxis if side == "x" else ax.yaxis
    axis.set_major_formatter(Plain())
    axis.set_minor_formatter(Plain(minor_thresholds=(1.2, 0.5)))
    ax.tick_params(axis=side, which="minor", labelsize="small")


def name_ticks(axis: Any, places: Any, names: Sequence[Any], **look: Any) -> None:
    """Write names beside an axis as they are: matplotlib would read mathematics between two dollars."""
    axis.set_ticks(places, labels=[shortened(str(name), LONGEST) for name in names], parse_math=False, **look)


def add_legend(ax: Axes, handles: Sequence[Any], names: Sequence[str], **look: Any) -> None:
    """Say what marks mean, in words as they are; set afterwards, for matplotlib leaves names out that begin with an underscore."""
    small = {"fontsize": "small", "labelspacing": 0.25} if len(names) > COLUMN else {}
    drawn = ax.legend(handles=list(handles), labels=[f"{place}" for place in range(len(names))], **{"frameon": False, **small, **look})
    for text, name in zip(drawn.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(name)


def add_scale(ax: Axes, drawn: Any, name: str) -> None:
    """Draw the scale of colors beside a picture."""
    ax.get_figure().colorbar(drawn, ax=ax).set_label(name, parse_math=False)  # type: ignore[union-attr]


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("a picture", "matplotlib", "plot") from None
    return Figure(figsize=(width, height), layout="constrained")
