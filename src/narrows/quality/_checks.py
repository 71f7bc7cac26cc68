"""What the arrays of this room must be: the one place where they are looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from narrows.quality._blocks import blocks

Floats = NDArray[np.float64]
Array = NDArray[Any]


def as_rows(name: str, value: ArrayLike, width: int | None = None, length: int | None = None, finite: bool = True) -> Array:
    """Give an array of finite real numbers as it is: not copied, of its own type.

    Parameters
    ----------
    name : str
        What the caller knows it as.
    value : array-like of shape (n, d)
    width, length : int, default=None
        What d and n must be, if that is known.
    finite : bool, default=True
        Look at each cell. False where the caller does so on its way through the blocks.

    Returns
    -------
    ndarray of shape (n, d)

    Raises
    ------
    ValueError
        If it is of another shape, empty, or holds anything but finite real numbers.
    """
    array = np.asarray(value)
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}; give two dimensions, (rows, features): a single feature is .reshape(-1, 1)")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} is of type {array.dtype}; give real numbers")
    if 0 in array.shape:
        raise ValueError(f"{name} is empty, of shape {array.shape}; give at least one row and one feature")
    if width is not None and array.shape[1] != width:
        raise ValueError(f"{name} has {array.shape[1]} features; give {width}, as the others have")
    if length is not None and len(array) != length:
        raise ValueError(f"{name} has {len(array)} rows; give {length}, one for each of the others")
    if finite and array.dtype.kind == "f":
        for block in blocks(*array.shape):
            require_finite(name, array[block])
    return array


def require_finite(name: str, block: Array) -> None:
    """Refuse NaN and infinities.

    Parameters
    ----------
    name : str
    block : ndarray of shape (n, d)

    Raises
    ------
    ValueError
        If there is one.
    """
    if not np.isfinite(block).all():
        raise ValueError(f"{name} holds NaN or infinity; give finite numbers: fill in or leave out such rows first")


def as_count(name: str, value: Any, most: int, why: str) -> int:
    """Give a whole number from 1 to `most`.

    Parameters
    ----------
    name : str
    value : object
    most : int
    why : str
        Where the upper end comes from.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 1 <= value <= most:
        raise ValueError(f"{name} is {value!r}; give a whole number from 1 to {most}{', ' + why if why else ''}")
    return int(value)


def sample(n_rows: int, limit: int, random_state: int | None) -> NDArray[np.intp] | None:
    """Choose rows without replacement, in their order.

    Parameters
    ----------
    n_rows, limit : int
    random_state : int or None

    Returns
    -------
    ndarray of shape (limit,) or None
        Row numbers; None if all rows are within the limit.
    """
    if n_rows <= limit:
        return None
    return np.sort(np.random.default_rng(random_state).choice(n_rows, limit, replace=False))
