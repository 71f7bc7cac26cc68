"""Rows on their way to the device: in memory, or in blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from narrows.networks.scale import CHUNK, Scale
from narrows.training.ranks import ALONE, Ranks
from narrows.training.samplers import size_class

ALIGNMENT = 64  # bytes; memory that begins so is a CPU's device memory without a copy


def aligned(shape: tuple[int, int], dtype: type[np.generic]) -> np.ndarray:
    """Make zeros that JAX may take over as they are; nobody may write to them once they are on the device."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def check_range(scaled: np.ndarray) -> None:
    """Refuse scaled rows that float32 could not hold.

    Raises
    ------
    ValueError
        If so.
    """
    if not np.isfinite(scaled).all():
        raise ValueError("rows hold values beyond the range of float32 (3.4e38 after scaling): divide them by a large number first")


@dataclass(frozen=True)
class RowSet:
    """Rows in memory.

    Attributes
    ----------
    x : ndarray of shape (n, n_features)
        In their own units; uint8 stays uint8 on the device, and is scaled batch by batch.
    scale : Scale
    weight : ndarray of shape (n,), float32, or None
    target : ndarray of shape (n, n_features) or None
        What their reconstruction is compared with, in its own units; None is the rows themselves.
    y : ndarray of shape (n,), int32, or (n, n_outputs), float32, or None
        Labels: classes, -1 where there is none, or scaled numbers, NaN where there are none.
    neighbors : ndarray of shape (n, n_neighbors), int32, or None
        The nearest rows of each. With them, every row of a batch brings one of its neighbors along.
    """

    x: np.ndarray
    scale: Scale
    weight: np.ndarray | None = None
    target: np.ndarray | None = None
    y: np.ndarray | None = None
    neighbors: np.ndarray | None = None

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.x)

    def some(self, places: np.ndarray) -> np.ndarray:
        """Give some rows, by their places in ascending order."""
        return self.x[places]

    def on_device(self, ranks: Ranks = ALONE) -> tuple[dict[str, Any], Any]:
        """Put the rows on the device, filled up to their size class with zeros that no step reads; and what scales them there.

        Of several devices each has all rows.

        Raises
        ------
        ValueError
            If a scaled value is beyond the range of float32.
        """
        size = size_class(len(self.x))
        both = [self.x] if self.target is None else [self.x, self.target]
        as_bytes = all(rows.dtype == np.uint8 for rows in both)
        arrays = {name: ranks.place_copies(self._filled(rows, as_bytes)) for name, rows in zip(("x", "target"), both, strict=False)}
        for name, values in (("weight", self.weight), ("y", self.y), ("neighbors", self.neighbors)):
            if values is not None:
                filled = np.zeros((size, *values.shape[1:]), values.dtype)
                filled[: len(values)] = values
                arrays[name] = ranks.place_copies(filled)
        return arrays, on_device_scale(self.scale) if as_bytes else None

    def _filled(self, rows: np.ndarray, as_bytes: bool) -> np.ndarray:
        out = aligned((size_class(len(rows)), rows.shape[1]), np.uint8 if as_bytes else np.float32)
        for start in range(0, len(rows), CHUNK):
            fill(out[start : start + CHUNK], rows[start : start + CHUNK], self.scale, as_bytes)
        return out


@dataclass(frozen=True)
class BlockSet:
    """Rows in files, of which a window at a time is on the device.

    Attributes
    ----------
    blocks : narrows.data.Blocks
    scale : Scale
    weight, y : ndarray or None
        As `RowSet` has them, for all rows.
    """

    blocks: Any
    scale: Scale
    weight: np.ndarray | None = None
    y: np.ndarray | None = None

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.blocks)

    @property
    def as_bytes(self) -> bool:
        """Whether rows are scaled on the device."""
        return bool(self.blocks.dtype == np.uint8)

    def some(self, places: np.ndarray) -> np.ndarray:
        """Give some rows, by their places in ascending order."""
        return np.asarray(self.blocks.take(places))


def fill(into: np.ndarray, rows: np.ndarray, scale: Scale, as_bytes: bool) -> None:
    """Write rows where the device reads them, scaled unless they are bytes.

    Raises
    ------
    ValueError
        If a scaled value is beyond the range of float32.
    """
    with np.errstate(over="ignore"):
        into[: len(rows)] = rows if as_bytes else scale.apply(rows)
    if not as_bytes:
        check_range(into[: len(rows)])


def on_device_scale(scale: Scale) -> tuple[np.ndarray, np.ndarray]:
    """Give what scales bytes on the device."""
    return scale.shift.astype(np.float32), scale.factor.astype(np.float32)
