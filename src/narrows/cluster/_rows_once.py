"""A number that tells whether rows were written once each, in their places: a sum over rows, so that parts of it add up."""

from __future__ import annotations

import numpy as np

_MOST = 2**64
_TURN, _MIX_1, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def summed(start: int, values: np.ndarray) -> int:
    """Give the sum of a hash of each row, which is of its number and of the bits of its values, modulo 2**64.

    Parameters
    ----------
    start : int
        The number of the first row.
    values : ndarray of shape (m, d)
        Of 4 or 8 bytes each.
    """
    bits = np.ascontiguousarray(values).view(np.dtype(f"u{values.dtype.itemsize}"))
    with np.errstate(over="ignore"):  # which is meant, all over
        hashes = _mixed(np.arange(start, start + len(bits), dtype=np.uint64) * _TURN + _MIX_1)
        for place, column in enumerate(bits.T):
            hashes += _mixed(column.astype(np.uint64) + np.uint64(place + 1) * _TURN) * (hashes | np.uint64(1))
        return int(_mixed(hashes).sum(dtype=np.uint64))


def added(*sums: int) -> int:
    """Add sums of different rows."""
    return sum(sums) % _MOST


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Spread each bit over all (the end of SplitMix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _MIX_1
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _MIX_2
    mixed: np.ndarray = numbers ^ (numbers >> np.uint64(31))
    return mixed
