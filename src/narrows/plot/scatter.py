"""Codes of two numbers as points in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows.data.names import shortened
from narrows.data.rows import has_label
from narrows.plot._axes import LONGEST, add_legend, add_scale, new_axes
from narrows.plot._given import as_codes, codes_of, fitted, is_estimator, refuse_rows
from narrows.plot.colors import KINDS, colors_of
from narrows.plot.density import draw_density

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

POINTS, SMALLEST, LARGEST = 20_000, 0.5, 8.0  # dots of one square point fill a picture so; the least and the greatest area of a dot
MANY = 5000  # points: above, an .svg holds their picture
DENSE = 100_000  # points: above, they hide each other however small they are
TWO_COLUMNS = 20  # names: more stand in two columns


def codes(
    made: Any,
    X: Any = None,
    *,
    labels: ArrayLike | None = None,
    regions: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    palette: str | Sequence[str] = "auto",
    density: bool | str = "auto",
    names: bool = False,
    title: str = "",
    legend: Axes | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw codes of two numbers, or places on a map, as points, colored by label.

    Parameters
    ----------
    made : estimator or array-like of shape (n, 2)
        A fitted estimator, whose codes of `X` are drawn; or codes. The more there are, the smaller are their points.
    X : {array-like, sparse matrix, dataframe} of shape (n, n_features), default=None
        Rows, where an estimator is given; a `LatentMap` without them shows its own.
    labels : array-like of shape (n,), default=None
        Words, or numbers; fractions, and numbers of more than 26 kinds, are drawn on a scale of colors. NaN and None are gray.
    regions : tuple of array-like of shapes (w,), (h,) and (h, w), default=None
        Places across and up, and the label that is decided on there; drawn below the points, in the same colors.
    palette : {"auto", "tab10", "safe"} or sequence of color, default="auto"
        "safe" keeps up to 26 kinds apart also for those who are color-blind. "auto" is "tab10" for up to ten kinds, else "safe".
    density : bool or "auto", default="auto"
        Whether to draw how many points there are in place of the points: the darker the more, on a logarithmic scale, in the color of
        the most frequent label, or of the mean. "auto" does so from 100,001 points on.
    names : bool, default=False
        Whether to write each label at the middle of its points, which tells more kinds apart than colors do.
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
    ValueError
        If codes are not of two finite numbers, labels are of another length, or there is no such palette.
    MissingExtra
        If matplotlib is not installed.
    """
    if is_estimator(made):
        points = codes_of(fitted(made), X, None, 2)
    else:
        refuse_rows(X, "codes")
        points = as_codes(made, 2)
    known = _as_labels(labels, len(points))
    dense = _is_dense(density, len(points))
    ax = new_axes() if ax is None else ax
    ax.set_title(title, fontsize="medium")
    ax.set(xticks=[], yticks=[])
    area = None if regions is None else tuple(np.asarray(side) for side in regions)
    decided = np.array([]) if area is None else area[2].ravel()
    if known is None and area is None:
        _draw_points(ax, points, dense)
        return ax
    if known is not None and (unknown := ~is_known(known)).any():
        _draw_points(ax, points[unknown], dense, color="0.8")
        points, known = points[~unknown], _plain(known[~unknown])
    given = decided if known is None else np.concatenate([known, decided]) if len(decided) else known
    if not len(given):
        return ax
    if _is_scale(given):
        _draw_on_scale(ax, points, known, area, given, dense, legend)
        return ax
    kinds = _Kinds(np.unique(given), palette)
    _draw_kinds(ax, points, known, area, kinds, dense)
    if names and known is not None:
        _write_names(ax, points, known, kinds)
    if legend is not None:
        kinds.say(legend, ax)
    return ax


@dataclass(frozen=True, eq=False)
class _Kinds:
    """Labels that are kinds, in order, and their colors."""

    known: np.ndarray
    palette: str | Sequence[str]

    @property
    def colors(self) -> list[str]:
        return colors_of(self.palette, len(self.known))

    @property
    def look(self) -> dict[str, Any]:
        """What matplotlib needs to give the place of a kind its color."""
        from matplotlib.colors import ListedColormap

        return {"cmap": ListedColormap(self.colors), "vmin": 0, "vmax": max(1, len(self.colors) - 1)}

    def places(self, labels: np.ndarray) -> np.ndarray:
        """Give the places of labels among the colors."""
        return np.searchsorted(self.known, labels) % len(self.colors)

    def say(self, legend: Axes, ax: Axes) -> None:
        """Say which color is which kind."""
        said = [shortened(str(name), LONGEST) for name in self.known[:KINDS]]
        colors = [self.colors[place % len(self.colors)] for place in range(len(said))]
        if len(self.known) > KINDS:
            said.append(f"and {len(self.known) - KINDS} others")
            colors.append("none")
        marks = [legend.plot([], [], "o", color=color)[0] for color in colors]
        columns = 1 if len(said) <= TWO_COLUMNS and legend is ax else 2
        beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if legend is ax else {"loc": "center"}
        add_legend(legend, marks, said, ncols=columns, handlelength=1.0, columnspacing=1.0, **beside)


def _as_labels(labels: Any, n: int) -> np.ndarray | None:
    if labels is None:
        return None
    array = np.asarray(labels, object) if isinstance(labels, list | tuple) else np.asarray(labels)
    if array.shape != (n,):
        raise ValueError(f"labels have shape {array.shape}, and there are {n} codes: give one label for each, of shape ({n},)")
    return _plain(array) if is_known(array).all() else array


def is_known(labels: np.ndarray) -> np.ndarray:
    """Tell which of labels (n,) are some; of millions of numbers or words in no time."""
    return has_label(labels) if labels.dtype.kind in "Of" else np.ones(len(labels), bool)


def _plain(labels: np.ndarray) -> np.ndarray:
    """Give labels as numbers or words; those of several kinds as words, which can be put in order."""
    return labels if labels.dtype.kind != "O" else np.array(labels.tolist())


def _is_scale(labels: np.ndarray) -> bool:
    """Tell numbers from kinds."""
    return labels.dtype.kind in "iuf" and (len(np.unique(labels)) > KINDS or not np.array_equal(labels, np.round(labels)))


def _is_dense(density: bool | str, n: int) -> bool:
    if not isinstance(density, bool | np.bool_ | str) or (isinstance(density, str) and density != "auto"):
        raise ValueError(f"density is {density!r}; give True, False or 'auto'")
    return n > DENSE if isinstance(density, str) else bool(density)


def _look(n: int) -> dict[str, Any]:
    return {"s": float(np.clip(POINTS / max(1, n), SMALLEST, LARGEST)), "linewidths": 0, "rasterized": n > MANY}


def _draw_points(ax: Axes, points: np.ndarray, dense: bool, color: str = "C0") -> None:
    if dense:
        draw_density(ax, points, color=color)
    else:
        ax.scatter(points[:, 0], points[:, 1], color=color, **_look(len(points)))


def _draw_kinds(ax: Axes, points: np.ndarray, labels: np.ndarray | None, area: Any, kinds: _Kinds, dense: bool) -> None:
    if area is not None:
        _draw_area(ax, area, kinds.places(area[2]), kinds.look)
    if labels is None:
        _draw_points(ax, points, dense, color="0.2")
    elif dense:
        draw_density(ax, points, kinds=kinds.places(labels), colors=kinds.colors)
    else:
        ax.scatter(points[:, 0], points[:, 1], c=kinds.places(labels), **_look(len(points)), **kinds.look)


def _draw_on_scale(
    ax: Axes, points: np.ndarray, labels: np.ndarray | None, area: Any, given: np.ndarray, dense: bool, legend: Axes | None
) -> None:
    from matplotlib.cm import ScalarMappable

    look: dict[str, Any] = {"cmap": "viridis", "vmin": float(given.min()), "vmax": float(given.max())}
    if area is not None:
        _draw_area(ax, area, area[2], look)
    if labels is None:
        _draw_points(ax, points, dense, color="0.2")
    elif dense:
        draw_density(ax, points, numbers=labels, look=look)
    else:
        ax.scatter(points[:, 0], points[:, 1], c=labels, **_look(len(points)), **look)
    if legend is not None:
        scale = ScalarMappable(cmap=look["cmap"])
        scale.set_clim(look["vmin"], look["vmax"])
        add_scale(ax, scale, "")


def _draw_area(ax: Axes, area: tuple[np.ndarray, np.ndarray, np.ndarray], values: np.ndarray, look: dict[str, Any]) -> None:
    across, up, _ = area
    if values.shape != (len(up), len(across)):
        raise ValueError(f"regions have {len(across)} places across, {len(up)} up and labels of shape {values.shape}: give (up, across)")
    ax.pcolormesh(across, up, values, alpha=0.25, linewidth=0, rasterized=True, **look)
    ax.set(xlim=(across.min(), across.max()), ylim=(up.min(), up.max()))


def _write_names(ax: Axes, points: np.ndarray, labels: np.ndarray, kinds: _Kinds) -> None:
    """Write names where their points are: at that point of theirs which is nearest to the median, for a median may lie among others."""
    from matplotlib.patheffects import withStroke

    for name in kinds.known[np.isin(kinds.known, labels)]:
        own = points[labels == name].astype(np.float64)
        spread = points.std(0) + 1e-30
        place = own[np.square((own - np.median(own, 0)) / spread).sum(1).argmin()]
        text = ax.text(
            place[0],
            place[1],
            shortened(str(name), LONGEST),
            ha="center",
            va="center",
            fontsize="small",
            fontweight="bold",
            parse_math=False,
        )
        text.set_path_effects([withStroke(linewidth=2, foreground="white")])
