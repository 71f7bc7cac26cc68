"""Images in lines, and rows beside what is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows.plot._axes import frameless, new_axes
from narrows.plot._given import as_gray, as_rows, checked_shape, feature_names_of, image_shape_of, is_estimator, network_of, part
from narrows.plot.bands import Band, draw_bands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

ROWS, NOISY, REBUILT = "rows", "with noise", "reconstructions"


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
    ValueError
        If there are no images, lines are not as long as each other, or rows have not as many numbers as the shape.
    MissingExtra
        If matplotlib is not installed.
    """
    rows = {name: as_rows(f"line {name!r}", line).astype(np.float64) for name, line in lines.items()}
    sizes = {line.shape for line in rows.values()}
    if len(sizes) != 1:
        raise ValueError(f"lines have the shapes {sorted(sizes)}; give at least one line, and as many images of one size in each")
    shape = checked_shape(image_shape, sizes.pop()[1])
    page = page_of(np.stack(list(rows.values())), shape)
    ax = new_axes() if ax is None else ax
    draw_page(ax, page)
    ax.set_yticks((np.arange(len(rows)) + 0.5) * (shape[0] + 1) - 1, labels=list(rows), parse_math=False)
    ax.set_xticks([])
    return frameless(ax)


def page_of(cells: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Put images, shape (lines, n, d), side by side with a line of white between two: (lines * (h + 1), n * (w + 1), c)."""
    height, width, channels = shape
    drawn = cells.reshape(*cells.shape[:2], height, width, channels).clip(0, 1)
    drawn = np.pad(drawn, ((0, 0), (0, 0), (0, 1), (0, 1), (0, 0)), constant_values=1.0)
    return drawn.transpose(0, 2, 1, 3, 4).reshape(len(drawn) * (height + 1), -1, channels)


def draw_page(ax: Axes, page: np.ndarray, **look: Any) -> None:
    """Draw images in shades of gray, or in colors."""
    shown = page[..., 0] if page.shape[-1] == 1 else page
    ax.imshow(shown, **{"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest", **look})


def reconstructions(
    made: Any,
    X: Any,
    *,
    noisy: ArrayLike | str | None = "auto",
    image_shape: Sequence[int] | None = None,
    feature_names: Sequence[str] | None = None,
    most: int = 10,
    ax: Axes | None = None,
) -> Axes:
    """Draw rows, and below them what is made of them.

    Images stand in lines. Rows of tables are bands, one for each row: its numbers as dots, the reconstruction as a line, each feature
    from its least to its most in what is drawn.

    Parameters
    ----------
    made : estimator or array-like of shape (n, n_features)
        A fitted estimator, whose reconstructions of `X` are drawn (of a `LatentMap`, its autoencoder's); or reconstructions.
    X : {array-like, sparse matrix, dataframe} of shape (n, n_features)
        Rows in their own units.
    noisy : array-like of shape (n, n_features), "auto" or None, default="auto"
        What the reconstructions are made of in place of `X`, drawn between the two. "auto" is `X` under the noise that the estimator was
        trained with, if there was any.
    image_shape : sequence of int, default=None
        (height, width) or (height, width, channels), where neither the estimator nor `X` says it.
    feature_names : sequence of str, default=None
        What stands below bands, where neither the estimator nor `X` says it.
    most : int, default=10
        Rows to draw, at least 1: the first.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the estimator is not fitted, or rows do not fit it, or arrays not each other.
    MissingExtra
        If matplotlib is not installed.
    """
    most = _checked_most(most)
    if X is None:
        raise ValueError("X is None, and this picture shows rows: give them, plot.reconstructions(estimator, X)")
    first = part(X, 0, most)
    rows = as_rows("X", first)
    noise = None if isinstance(noisy, str) or noisy is None else _like(as_rows("noisy", part(noisy, 0, most)), rows.shape, "noisy")
    if isinstance(noisy, str) and noisy != "auto":
        raise ValueError(f"noisy is {noisy!r}; give 'auto', None, or noisy rows")
    if not is_estimator(made):
        rebuilt = _like(as_rows("reconstructions", part(made, 0, most)), rows.shape, "reconstructions")
    elif noise is None and isinstance(noisy, str) and getattr(network_of(made), "noise", None) is not None:
        noise, rebuilt = _denoised(network_of(made), first)
    else:
        rebuilt = network_of(made).reconstruct(first if noise is None else part(noisy, 0, most))
    lines = {ROWS: rows, **({} if noise is None else {NOISY: noise}), REBUILT: rebuilt}
    shape = image_shape_of(image_shape, X, made, rows.shape[1])
    if shape is not None:
        return images({name: as_gray(line, rows) for name, line in lines.items()}, shape, ax=ax)
    names = feature_names_of(feature_names, X, made, rows.shape[1])
    return _draw_table(lines, names, new_axes() if ax is None else ax)


def _checked_most(most: int) -> int:
    if not isinstance(most, int | np.integer) or most < 1:
        raise ValueError(f"most is {most!r}; give a whole number of at least 1")
    return int(most)


def _denoised(estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Give rows under the noise that an estimator was trained with, and what it makes of them, in their own units."""
    from narrows.training.noise import resolve

    noise, network = resolve(estimator.noise), estimator._network
    assert noise is not None
    noisy = network.scale.undo(noise.corrupt(estimator.scale_rows(X)))
    return noisy, network.reconstruct(noisy)


def _like(rows: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    if rows.shape != shape:
        raise ValueError(f"{name} have the shape {rows.shape} where rows have {shape}; give one for each row, of as many numbers")
    return rows


def _draw_table(lines: dict[str, np.ndarray], names: list[str], ax: Axes) -> Axes:
    low, high = (np.min(list(lines.values()), (0, 1)), np.max(list(lines.values()), (0, 1)))
    looks = {
        ROWS: {"color": "0.15", "marker": "o", "linestyle": "none"},
        NOISY: {"color": "0.55", "marker": "x", "linestyle": "none"},
        REBUILT: {"color": "C1", "marker": "", "linestyle": "-"},
    }
    bands = [Band(f"row {place}", [(line[place], looks[name]) for name, line in lines.items()]) for place in range(len(lines[ROWS]))]
    return draw_bands(ax, bands, names, low, high, list(lines))
