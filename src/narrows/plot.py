"""Pictures on matplotlib's Axes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows._files import replacing
from narrows.data.names import shortened
from narrows.data.rows import has_label
from narrows.errors import MissingExtra

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["FORMATS", "bars", "codes", "curves", "errors_by_size", "images", "new_axes", "new_grid", "write"]

FORMATS = (".png", ".svg")
POINTS, SMALLEST, LARGEST = 20_000, 0.5, 8.0  # dots of one square point fill a picture so; the least and the greatest area of a dot
MANY = 5000  # points: above, an .svg holds their picture
KINDS = 20  # of labels that colors can tell apart
LONGEST = 24  # characters of a label that are shown
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
    for name, (places, values) in series.items():
        ax.plot(places, values, marker="." if len(places) < 20 else "", label=name)
    if log:
        ax.set_yscale("log")
    ax.set_xlabel(across)
    ax.set_ylabel(up)
    ax.legend(frameon=False, fontsize="small")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


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
    import numpy as np

    ax = new_axes() if ax is None else ax
    several = [np.atleast_1d(np.asarray(one, dtype=np.float64)) for one in values.values()]
    deviations = [one.std(ddof=1) if len(one) > 1 else 0.0 for one in several]
    ax.barh(range(len(several)), [one.mean() for one in several], xerr=deviations, color="C0", height=0.7)
    ax.set_yticks(range(len(several)), labels=list(values))
    ax.invert_yaxis()
    ax.set_xlabel(up)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def codes(
    places: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    regions: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    title: str = "",
    legend: Axes | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw codes of two numbers, or places on a map, as points, colored by label.

    Parameters
    ----------
    places : array-like of shape (n, 2)
        The more there are, the smaller are their points.
    labels : array-like of shape (n,), default=None
        Words, or numbers; fractions, and more than twenty kinds of numbers, are drawn on a scale of colors. NaN is gray.
    regions : tuple of array-like of shapes (w,), (h,) and (h, w), default=None
        Places across and up, and the label that is decided on there; drawn below the points, in the same colors.
    title : str, default=""
    legend : matplotlib.axes.Axes, default=None
        Where to say which color is which label: `ax` itself, or one that is empty. Nowhere if None.
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
    import numpy as np

    ax = new_axes() if ax is None else ax
    points = np.asarray(places)
    look: dict[str, Any] = {
        "s": float(np.clip(POINTS / max(1, len(points)), SMALLEST, LARGEST)),
        "linewidths": 0,
        "rasterized": len(points) > MANY,
    }
    ax.set_title(title, fontsize="medium")
    ax.set(xticks=[], yticks=[])
    if labels is None:
        ax.scatter(points[:, 0], points[:, 1], color="C0", **look)
        return ax
    names = np.asarray(labels)
    unknown = ~has_label(names)
    if unknown.any():
        ax.scatter(*points[unknown].T, color="0.8", **look)
        points, names = points[~unknown], names[~unknown]
    names = names if names.dtype.kind != "O" else np.array(names.tolist())
    if names.dtype.kind in "iuf" and (len(np.unique(names)) > KINDS or not np.array_equal(names, np.round(names))):
        drawn = ax.scatter(points[:, 0], points[:, 1], c=names, cmap="viridis", **look)
        if legend is not None:
            ax.figure.colorbar(drawn, ax=ax)
        return ax
    known = np.unique(names)
    colors: dict[str, Any] = {"cmap": "tab10" if len(known) <= 10 else "tab20", "vmin": 0, "vmax": 9 if len(known) <= 10 else 19}
    if regions is not None:
        across, up, decided = (np.asarray(part) for part in regions)
        ax.pcolormesh(across, up, np.searchsorted(known, decided) % 20, alpha=0.25, linewidth=0, rasterized=True, **colors)
        ax.set(xlim=(across.min(), across.max()), ylim=(up.min(), up.max()))
    drawn = ax.scatter(points[:, 0], points[:, 1], c=np.searchsorted(known, names) % 20, **look, **colors)
    if legend is not None:
        paints = drawn.to_rgba(np.arange(len(known)) % 20)
        said = [shortened(str(name), LONGEST) for name in known[:KINDS]] + [f"and {len(known) - KINDS} others"] * (len(known) > KINDS)
        marks = [legend.plot([], [], "o", color=paint, label=name)[0] for paint, name in zip(paints, said, strict=False)]
        beside: dict[str, Any] = (
            {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "ncols": 1} if legend is ax else {"loc": "center", "ncols": 2}
        )
        legend.legend(handles=marks, frameon=False, **beside)
    return ax


def images(lines: Mapping[str, ArrayLike], image_shape: Sequence[int], *, ax: Axes | None = None) -> Axes:
    """Draw lines of images, one line below the other.

    Parameters
    ----------
    lines : dict of str to array-like of shape (n, d)
        Images as flat rows in [0, 1], as many in each line, by what stands beside the line; what lies outside is cut off.
    image_shape : sequence of int
        (height, width) or (height, width, channels), channels 1 or 3.
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
    import numpy as np

    height, width, channels = (*image_shape, 1)[:3]
    drawn = np.stack([np.asarray(line, dtype=np.float64).reshape(-1, height, width, channels) for line in lines.values()])
    drawn = np.pad(drawn.clip(0, 1), ((0, 0), (0, 0), (0, 1), (0, 1), (0, 0)), constant_values=1.0)  # a line of white between two
    page = drawn.transpose(0, 2, 1, 3, 4).reshape(len(lines) * (height + 1), -1, channels)
    ax = new_axes() if ax is None else ax
    ax.imshow(page[..., 0] if channels == 1 else page, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_yticks((np.arange(len(lines)) + 0.5) * (height + 1) - 1, labels=list(lines))
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


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


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("a picture", "matplotlib", "plot") from None
    return Figure(figsize=(width, height), layout="constrained")
