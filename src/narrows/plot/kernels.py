"""Kernels of a first layer, as images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows.plot._axes import new_axes
from narrows.plot._given import Shape, checked_shape, image_shape_of, is_estimator, network_of
from narrows.plot.pictures import draw_page, page_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FULL = 0.99  # quantile of the weights' size that is white or black: a few beyond it would leave all others gray


def filters(made: Any, *, image_shape: Sequence[int] | None = None, most: int = 64, ax: Axes | None = None) -> Axes:
    """Draw what the units of the first layer look for in an image.

    Parameters
    ----------
    made : estimator or ndarray of shape (n_features, n_units) or (height, width, channels, n_filters)
        A fitted estimator, of whose encoder the first kernel is drawn, dense or convolutional; or a kernel.
    image_shape : sequence of int, default=None
        (height, width) or (height, width, channels) of images, where layers are dense and the estimator does not know it.
    most : int, default=64
        Units to draw, at least 1: those of the largest weights, in their order.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None.

    Returns
    -------
    matplotlib.axes.Axes
        An image for each unit, all on one scale: gray is 0, white above, black below. Kernels of other than 1 or 3 channels have an image
        for each channel.

    Raises
    ------
    ValueError
        If the estimator is not fitted, has no such kernel, or rows are not known as images.
    MissingExtra
        If matplotlib is not installed.
    """
    if not isinstance(most, int | np.integer) or most < 1:
        raise ValueError(f"most is {most!r}; give a whole number of at least 1")
    kernel = _first_kernel(network_of(made)) if is_estimator(made) else np.asarray(made)
    if kernel.ndim not in (2, 4) or not kernel.size or kernel.dtype.kind not in "biuf":
        raise ValueError(f"a kernel has shape {kernel.shape}; give (n_features, n_units), or (height, width, channels, n_filters)")
    cells, shape = _as_images(kernel, image_shape, made)
    cells = cells[np.sort(np.argsort(-np.abs(cells).max(1), kind="stable")[:most])]
    full = float(np.quantile(np.abs(cells), FULL)) or float(np.abs(cells).max()) or 1.0
    columns = int(np.ceil(np.sqrt(len(cells))))
    page = np.ones((-(-len(cells) // columns) * columns, cells.shape[1]))
    page[: len(cells)] = 0.5 + cells / full / 2
    ax = new_axes() if ax is None else ax
    draw_page(ax, page_of(page.reshape(-1, columns, cells.shape[1]), shape))
    ax.set_axis_off()
    return ax


def _as_images(kernel: np.ndarray, image_shape: Sequence[int] | None, made: Any) -> tuple[np.ndarray, Shape]:
    """Give an image, flat, for each unit; and their shape."""
    if kernel.ndim == 4:
        height, width, channels, units = kernel.shape
        if channels in (1, 3):
            return kernel.reshape(-1, units).T.astype(np.float64), (height, width, channels)
        return kernel.reshape(height * width, -1).T.astype(np.float64), (height, width, 1)
    shape = image_shape_of(image_shape, None, made, len(kernel))
    if shape is None:
        raise ValueError(f"filters of rows of {len(kernel)} features are drawn as images: give image_shape=(height, width)")
    return kernel.T.astype(np.float64), checked_shape(shape, len(kernel))


def _first_kernel(network: Any) -> np.ndarray:
    if not hasattr(type(network), "encoder_"):
        raise ValueError(f"{type(network).__name__} has no encoder of layers: give an autoencoder of narrows, or a kernel")
    for layer in _layers(network.encoder_):
        kernel = getattr(layer, "kernel", None)
        if len(getattr(kernel, "shape", ())) in (2, 4) and not layer.name.endswith("_path"):
            return np.array(kernel)
    raise ValueError("the encoder has no dense or convolutional layer, and so no filters to draw: give a kernel of your own")


def _layers(model: Any) -> Iterator[Any]:
    """Give the layers of a Keras model, and those of models inside it."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer
