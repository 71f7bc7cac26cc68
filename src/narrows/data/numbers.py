"""Which numbers rows are made of: uint8, float32 or float64, the smallest that holds what came exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

WHOLE_IN_FLOAT32 = 2**24  # every whole number up to here
CELLS_AT_ONCE = 2**20

_KINDS = {
    "O": "Python objects, which are never read (they could run code)",
    "U": "text",
    "S": "text",
    "c": "complex numbers",
    "M": "dates",
    "m": "times",
    "V": "records",
    "T": "text",
}


def check_dtype(dtype: np.dtype[Any], where: str) -> None:
    """Refuse what is not made of real numbers.

    Raises
    ------
    ValueError
        For text, objects, complex numbers, dates and records.
    """
    kind = "O" if dtype.hasobject and dtype.kind != "T" else dtype.kind
    if kind not in "biuf":
        raise ValueError(f"{where} holds {_KINDS[kind]}; rows are made of real numbers: convert it to float32, float64 or uint8")


def exact_type(dtypes: Iterable[np.dtype[Any]], largest: float) -> np.dtype[Any]:
    """Give the smallest of uint8, float32, float64 for real numbers of these types.

    Parameters
    ----------
    dtypes : iterable of dtype
        Types of columns or arrays that become one matrix. uint8 stays only where all are: it means pixels in [0, 255].
    largest : float
        The largest absolute value among integers of 32 bits and more.

    Returns
    -------
    dtype
        One that holds all values exactly (float64 also where integers pass 2**53 and nothing would).
    """
    dtypes = set(dtypes)
    if dtypes == {np.dtype(np.uint8)}:
        return np.dtype(np.uint8)
    if any(is_wide(dtype) for dtype in dtypes) and largest > WHOLE_IN_FLOAT32:
        return np.dtype(np.float64)
    return np.dtype(np.float64 if any(dtype.kind == "f" and dtype.itemsize > 4 for dtype in dtypes) else np.float32)


def is_wide(dtype: np.dtype[Any]) -> bool:
    """Say whether these are integers that float32 may not hold."""
    return dtype.kind in "iu" and dtype.itemsize > 2


def as_numbers(array: NDArray[Any], where: str) -> NDArray[Any]:
    """Convert an array of real numbers to the smallest type for rows, without a copy where it has it.

    Raises
    ------
    ValueError
        If it is not made of real numbers.
    """
    check_dtype(array.dtype, where)
    largest = max(-int(array.min()), int(array.max())) if is_wide(array.dtype) and array.size else 0
    return array.astype(exact_type([array.dtype], largest), order="C", copy=False)


def check_finite(X: NDArray[Any], names: Sequence[str] | None, where: str) -> None:
    """Refuse NaN and infinity, and say where the first one is and how many there are.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        The rows.
    names : sequence of str
        The names of the d columns, or None.
    where : str
        What the sentence begins with.

    Raises
    ------
    ValueError
        If a cell is missing, NaN or infinite.
    """
    if X.dtype.kind != "f":
        return
    step = max(1, CELLS_AT_ONCE // X.shape[1])
    count, first = 0, (0, 0)
    for start in range(0, len(X), step):
        bad = ~np.isfinite(X[start : start + step])
        if not count and bad.any():
            row, column = divmod(int(bad.argmax()), X.shape[1])
            first = (start + row, column)
        count += int(np.count_nonzero(bad))
    if count:
        row, column = first
        many = "the only cell" if count == 1 else f"the first of {count} cells"
        raise ValueError(
            f"{where} holds {X[row, column]} in column {column_name(names, column)}, row {row + 1}, {many} without a finite number; "
            f"fill them in, or leave out those rows or columns"
        )


def check_range(X: NDArray[Any], name: str) -> None:
    """Refuse numbers that float32, in which everything is computed, does not hold.

    Raises
    ------
    ValueError
        If so.
    """
    if X.dtype == np.float64 and X.size and max(-X.min(), X.max()) > np.finfo(np.float32).max:
        raise ValueError(f"{name} holds values beyond the range of float32 (3.4e38): divide them by a large number first")


def column_name(names: Sequence[str] | None, column: int) -> str:
    """Give a column's name in quotes, or its number, counted from 1."""
    return repr(names[column]) if names is not None else str(column + 1)
