"""Images as rows: the pixels of each in one row, the shape kept beside them."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from narrows.data.numbers import as_numbers


def flattened(array: NDArray[Any], where: str, *, most: int | None = None) -> tuple[NDArray[Any], tuple[int, ...] | None]:
    """Make rows of an array of two dimensions and more.

    Parameters
    ----------
    array : ndarray of shape (n, d) or (n, height, width, ...)
        Rows or images.
    where : str
        What the sentence begins with, if there is one to say.
    most : int, default=None
        The most dimensions that are allowed.

    Returns
    -------
    X : ndarray of shape (n, d)
        uint8, float32 or float64.
    image_shape : tuple of int or None
        None where the array had two dimensions.

    Raises
    ------
    ValueError
        For one dimension or none, too many, or an array that is not made of real numbers.
    """
    if array.ndim < 2 or (most is not None and array.ndim > most):
        remedy = "reshape it, array.reshape(-1, 1) for a single column" if array.ndim < 2 else "make one row of each sample"
        allowed = "rows have the shape (n, d), images (n, height, width) or (n, height, width, channels)"
        raise ValueError(f"{where} has the shape {array.shape}; {allowed}: {remedy}")
    image_shape = None if array.ndim == 2 else array.shape[1:]
    return as_numbers(array, where).reshape(len(array), math.prod(array.shape[1:])), image_shape
