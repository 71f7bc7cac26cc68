"""The rows of a page: their values in few bits, and what their points may be colored by."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from narrows.data.names import shortened
from narrows.data.rows import has_label
from narrows.plot._given import shades_of

KEPT = 16_000_000  # bytes of values before they are compressed
NARROW = 64  # columns up to which values have 16 bits, and points can be colored by each
KINDS = 256  # of labels that the page tells apart
LONGEST = 60  # characters of a name that the page shows


def most_rows(n_features: int, *, image: bool) -> int:
    """Give how many rows of so many features a page has room for."""
    return max(1, KEPT // (n_features * (1 if image or n_features > NARROW else 2)))


def quantized(rows: np.ndarray, *, image: bool, key: str = "rows") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Give rows in 8 bits, as images are and long rows must be, or in 16.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Finite numbers.
    image : bool
        Whether all values share one range.
    key : str, default="rows"
        What the arrays are called.

    Returns
    -------
    spec : dict
        Plain JSON values: the number of steps.
    arrays : dict of str to ndarray
        The steps, and lowest value and width of a step: one for images, else one for each feature.
    """
    if rows.dtype == np.uint8:
        return {"features": rows.shape[1]}, {key: rows, f"{key}/low": np.zeros(1, np.float32), f"{key}/step": np.ones(1, np.float32)}
    steps, kind = (255, np.uint8) if image or rows.shape[1] > NARROW else (65_535, np.uint16)
    axis = None if image else 0
    low, high = np.atleast_1d(rows.min(axis)).astype(np.float64), np.atleast_1d(rows.max(axis)).astype(np.float64)
    step = np.where(high > low, (high - low) / steps, 1.0)
    values = np.rint((rows - low) / step).clip(0, steps).astype(kind)
    return {"features": rows.shape[1]}, {key: values, f"{key}/low": low.astype(np.float32), f"{key}/step": step.astype(np.float32)}


def column(name: str, values: Any, key: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Give values that points are colored by: as numbers, or as kinds where they are few or words.

    Parameters
    ----------
    name : str
    values : array-like of shape (n,)
        NaN and None are values that nobody knows.
    key : str
        What the array is called.

    Returns
    -------
    spec : dict
        Plain JSON values.
    arrays : dict of str to ndarray
    """
    found = np.asarray(values)
    known = has_label(found)
    said = found[known]
    said = said if said.dtype.kind != "O" else np.array(said.tolist())
    kinds, places = np.unique(said, return_inverse=True)
    whole = said.dtype.kind in "iub" or (said.dtype.kind == "f" and bool(np.all(said == np.round(said))))
    if said.dtype.kind in "iufb" and not (whole and len(kinds) <= 20):
        numbers = np.full(len(found), np.nan, np.float32)
        numbers[known] = said
        return {"name": shortened(name, LONGEST), "kind": "numbers", "array": key}, {key: numbers}
    codes = np.full(len(found), -1, np.int32)
    codes[known] = np.minimum(places, KINDS)
    names = [shortened(word(kind), LONGEST) for kind in kinds[:KINDS]] + [f"{len(kinds) - KINDS} others"] * (len(kinds) > KINDS)
    return {"name": shortened(name, LONGEST), "kind": "kinds", "kinds": names, "array": key}, {key: codes}


def as_image(shape: tuple[int, ...] | None, rows: np.ndarray) -> dict[str, Any] | None:
    """Say how rows are drawn as images, and which values are black and white; None where they are no images."""
    if shape is None or math.prod(shape) != rows.shape[1] or len(shape) not in (2, 3) or (*shape, 1)[2] not in (1, 3):
        return None
    black, white = shades_of(rows)
    return {"height": shape[0], "width": shape[1], "channels": (*shape, 1)[2], "black": black, "white": white}


def word(value: Any) -> str:
    """Give a value in words; whole numbers come as floats where some are missing, and have no point."""
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)
