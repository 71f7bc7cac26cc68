"""Images at an estimator's door: arrays of images become rows, and all of one estimator's have one shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from narrows.networks import Conv

Shape = tuple[int, int, int]


def as_rows(estimator: Any, X: Any, *, reset: bool) -> tuple[Any, Shape | None]:
    """Make rows of an array of images; anything else comes back as it is.

    Parameters
    ----------
    estimator : BaseAutoencoder
    X : array of shape (n, height, width) or (n, height, width, channels), or whatever rows may come as
    reset : bool
        Whether the estimator learns anew what its rows are.

    Returns
    -------
    X : array of shape (n, height * width * channels), or as it came
    image_shape : tuple of int or None
        (height, width, channels) of what the rows are, as far as the array, the layers or the fit before say.

    Raises
    ------
    ValueError
        If the images have another shape than the layers or the fit before say.
    """
    known = _known(estimator, reset)
    if getattr(X, "ndim", 2) not in (3, 4):
        return X, known
    images = np.asarray(X)
    height, width, channels = (*images.shape[1:], 1)[:3]
    came = (height, width, channels)
    if known is not None and came != known:
        learned = f"{type(estimator).__name__} was fitted on images" if not _learns(estimator, reset) else "image_shape of its layers says"
        raise ValueError(
            f"X holds images of shape {came}, but {learned} {known}: give images of (height, width, channels) = {known}, channels last"
        )
    return images.reshape(len(images), math.prod(came)), came


def _learns(estimator: Any, reset: bool) -> bool:
    return reset and not (getattr(estimator, "warm_start", False) and hasattr(estimator, "_network"))


def _known(estimator: Any, reset: bool) -> Shape | None:
    if not _learns(estimator, reset):
        return getattr(estimator, "image_shape_", None)
    layers = getattr(estimator, "layers", None)
    return layers.image_shape if isinstance(layers, Conv) else None
