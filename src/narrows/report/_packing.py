"""Arrays as one compressed text that a page can hold."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from typing import Any

import numpy as np

DTYPES = {"<f4": "f4", "<f2": "f2", "|u1": "u1", "<u2": "u2", "<i4": "i4"}  # what the page's script knows


def packed(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], str]:
    """Pack arrays.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Of float32, float16, uint8, uint16 or int32.

    Returns
    -------
    where : dict of str to dict
        Type, shape and first byte of each.
    text : str
        Their bytes one after the other, compressed by gzip, in base64.
    """
    where: dict[str, Any] = {}
    parts: list[bytes] = []
    start = 0
    for name, array in arrays.items():
        little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
        where[name] = {"type": DTYPES[little.dtype.str], "shape": list(little.shape), "start": start}
        parts.append(little.tobytes())
        start += little.nbytes
    return where, base64.b64encode(gzip.compress(b"".join(parts), 6, mtime=0)).decode("ascii")
