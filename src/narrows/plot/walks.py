"""Walks through codes: what the decoder makes of places that no row need have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows.plot._axes import add_scale, frameless, name_ticks, new_axes
from narrows.plot._given import as_gray, codes_of, feature_names_of, fitted, image_shape_of
from narrows.plot.bands import Band, draw_bands
from narrows.plot.pictures import draw_page, page_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

ENDS = (0.01, 0.99)  # quantiles of codes between which a walk goes: the few beyond them would stretch it
MOST = 16  # numbers of a code that have room
FINE = 100  # places on a side, where one feature is drawn


def traversals(
    estimator: Any,
    X: Any = None,
    *,
    codes: ArrayLike | None = None,
    steps: int = 9,
    image_shape: Sequence[int] | None = None,
    feature_names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what each number of a code does: a line for each, decoded from its low to its high end while the others rest at their median.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : {array-like, sparse matrix, dataframe} of shape (n, n_features), default=None
        Rows whose codes say where the ends are: between them lie 98 of 100. Not needed by a `LatentMap`, which knows its own.
    codes : array-like of shape (n, n_components), default=None
        Their codes, in place of rows.
    steps : int, default=9
        Places in a line, at least 2.
    image_shape : sequence of int, default=None
        (height, width) or (height, width, channels), where the estimator does not know it.
    feature_names : sequence of str, default=None
        Of tables, where the estimator does not know them.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None.

    Returns
    -------
    matplotlib.axes.Axes
        Images in lines; or of tables bands, with a curve for each place, from dark at the low end to bright. Of more than 16 numbers, the
        16 that spread most.

    Raises
    ------
    ValueError
        If the estimator is not fitted, there are neither rows nor codes, or they do not fit.
    MissingExtra
        If matplotlib is not installed.
    """
    if not isinstance(steps, int | np.integer) or steps < 2:
        raise ValueError(f"steps is {steps!r}; give a whole number of at least 2")
    found = codes_of(fitted(estimator), X, codes)
    numbers = np.sort(np.argsort(-found.std(0), kind="stable")[:MOST])
    low, high = np.quantile(found, ENDS, axis=0)
    places = np.tile(np.median(found, axis=0), (len(numbers), steps, 1))
    for line, number in enumerate(numbers):
        places[line, :, number] = np.linspace(low[number], high[number], steps)
    decoded = estimator.inverse_transform(places.reshape(-1, found.shape[1])).reshape(len(numbers), steps, -1)
    names = [f"{number}:  {low[number]:.2g} to {high[number]:.2g}".replace("-", "\N{MINUS SIGN}") for number in numbers]
    shape = image_shape_of(image_shape, X, estimator, decoded.shape[-1])
    ax = new_axes() if ax is None else ax
    if shape is None:
        return _draw_curves(ax, decoded, names, feature_names_of(feature_names, X, estimator, decoded.shape[-1]))
    draw_page(ax, page_of(as_gray(decoded, decoded), shape))
    name_ticks(ax.yaxis, (np.arange(len(names)) + 0.5) * (shape[0] + 1) - 1, names)
    ax.set_xticks([])
    return frameless(ax)


def _draw_curves(ax: Axes, decoded: np.ndarray, names: list[str], feature_names: list[str]) -> Axes:
    from matplotlib import colormaps

    colors = colormaps["viridis"](np.linspace(0, 0.92, decoded.shape[1]))
    bands = [
        Band(name, [(values, {"color": color}) for values, color in zip(line, colors, strict=True)])
        for name, line in zip(names, decoded, strict=True)
    ]
    return draw_bands(ax, bands, feature_names, decoded.min((0, 1)), decoded.max((0, 1)))


def decoded_grid(
    estimator: Any,
    X: Any = None,
    *,
    codes: ArrayLike | None = None,
    size: int = 15,
    feature: int | str | None = None,
    image_shape: Sequence[int] | None = None,
    feature_names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a plane of codes of two numbers decodes to: an image at each place, or one feature as a map of colors.

    Parameters
    ----------
    estimator : estimator
        Fitted, with codes of two numbers, or a map.
    X : {array-like, sparse matrix, dataframe} of shape (n, n_features), default=None
        Rows whose codes say how far the plane reaches: it holds 98 of 100 in either direction. Not needed by a `LatentMap`, which
        knows its own.
    codes : array-like of shape (n, 2), default=None
        Their codes, in place of rows.
    size : int, default=15
        Images on a side, at least 2.
    feature : int or str, default=None
        The number or name of a feature to draw in place of images; needed by tables.
    image_shape : sequence of int, default=None
        (height, width) or (height, width, channels), where the estimator does not know it.
    feature_names : sequence of str, default=None
        Of tables, where the estimator does not know them.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None. Its axes are in the units of codes, so that codes can be drawn on top.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the estimator is not fitted, codes are not of two numbers, or rows are no images and no feature is named.
    MissingExtra
        If matplotlib is not installed.
    """
    if not isinstance(size, int | np.integer) or size < 2:
        raise ValueError(f"size is {size!r}; give a whole number of at least 2")
    found = codes_of(fitted(estimator), X, codes, 2)
    count = int(size) if feature is None else FINE
    low, high = np.quantile(found, ENDS, axis=0)
    low, high = np.where(high > low, low, low - 0.5), np.where(high > low, high, high + 0.5)
    half = (high - low) / (count - 1) / 2
    across, up = (np.linspace(low[side], high[side], count) for side in (0, 1))
    places = np.stack(np.meshgrid(across, up[::-1]), axis=-1)
    decoded = estimator.inverse_transform(places.reshape(-1, 2)).reshape(count, count, -1)
    sides = (low[0] - half[0], high[0] + half[0], low[1] - half[1], high[1] + half[1])
    n_features = decoded.shape[-1]
    if feature is not None:
        names = feature_names_of(feature_names, X, estimator, n_features)
        return _draw_feature(decoded, sides, _place_of(feature, names), names, new_axes() if ax is None else ax)
    shape = image_shape_of(image_shape, X, estimator, n_features)
    if shape is None:
        raise ValueError(
            f"rows of {n_features} features are not known as images: give image_shape=(height, width), or feature= to draw one"
        )
    ax = new_axes() if ax is None else ax
    page = page_of(as_gray(decoded, decoded), shape)
    draw_page(ax, page, extent=sides, aspect=(sides[1] - sides[0]) / (sides[3] - sides[2]) * page.shape[0] / page.shape[1])
    return _name_sides(ax)


def _place_of(feature: int | str, names: list[str]) -> int:
    if isinstance(feature, str) and feature in names:
        return names.index(feature)
    if isinstance(feature, int | np.integer) and 0 <= feature < len(names):
        return int(feature)
    raise ValueError(f"feature is {feature!r}; give a number from 0 to {len(names) - 1}, or a name such as {names[0]!r}")


def _draw_feature(decoded: np.ndarray, sides: tuple[float, ...], place: int, names: list[str], ax: Axes) -> Axes:
    look: dict[str, Any] = {"extent": sides, "aspect": "auto", "cmap": "viridis", "interpolation": "nearest"}
    add_scale(ax, ax.imshow(decoded[..., place], **look), names[place])
    return _name_sides(ax)


def _name_sides(ax: Axes) -> Axes:
    ax.set_xlabel("first number of the code", fontsize="small")
    ax.set_ylabel("second number of the code", fontsize="small")
    ax.tick_params(labelsize="small")
    return ax
