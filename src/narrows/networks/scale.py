"""Scaling of rows: learned from the training rows, part of the model, undone on the way out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from narrows import _backend
from narrows.progress import Progress, Silent

Kind = Literal["none", "bytes", "minmax", "standard"]
CHUNK = 8192  # rows


@dataclass(frozen=True, eq=False)
class Scale:
    """``(row - shift) * factor``, feature by feature.

    Attributes
    ----------
    kind : {"none", "bytes", "minmax", "standard"}
        How it was found; "bytes" divides uint8 by 255.
    shift, factor : ndarray of shape (n_features,), float64
    bounded : bool
        Whether the scaled training rows lie in [0, 1].
    mean : ndarray of shape (n_features,), float64
        Of the scaled training rows.
    """

    kind: Kind
    shift: np.ndarray
    factor: np.ndarray
    bounded: bool
    mean: np.ndarray

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Scale rows of shape (n, n_features); the result is float32.

        float64 rows are scaled before they are rounded, so that a large offset (a date in seconds, say) costs no digits.
        """
        if self.kind == "none":
            return rows.astype(np.float32, copy=False)
        exact = np.float32 if rows.dtype in (np.uint8, np.float32, np.float16) else np.float64
        scaled = np.subtract(rows, self.shift.astype(exact), dtype=exact)
        scaled *= self.factor.astype(exact)
        return scaled.astype(np.float32, copy=False)

    def undo(self, scaled: np.ndarray) -> np.ndarray:
        """Give rows of shape (n, n_features) in their own units, float64, of scaled ones."""
        return scaled / self.factor + self.shift

    def layers(self) -> tuple[list[Any], list[Any]]:
        """Give the Keras layers that scale rows and that undo it; two empty lists where nothing is scaled."""
        if self.kind == "none":
            return [], []
        normalization = _backend.keras().layers.Normalization
        # Keras divides by the root of the variance.
        config = {"axis": -1, "mean": self.shift.tolist(), "variance": (self.factor**-2.0).tolist(), "dtype": "float32"}
        return [normalization(name="scale", **config)], [normalization(name="unscale", invert=True, **config)]


def learn(scale: str | None, rows: np.ndarray, weight: np.ndarray | None = None, progress: Progress | None = None) -> Scale:
    """Learn the scaling of rows.

    Parameters
    ----------
    scale : {"auto", "minmax", "standard"} or None
        "auto" divides uint8 by 255, leaves rows in [0, 1] as they are, and standardizes others.
    rows : ndarray or Blocks of shape (n, n_features)
        Read through once, and once more for deviations.
    weight : ndarray of shape (n,), default=None
        Of rows in means and deviations; rows of weight 0 do not count at all.
    progress : Progress, default=None
        Told of each time that rows are read through.

    Returns
    -------
    Scale

    Raises
    ------
    ValueError
        If `scale` is none of these.
    """
    if scale not in ("auto", "minmax", "standard", None):
        raise ValueError(f"scale must be 'auto', 'minmax', 'standard' or None, got {scale!r}")
    progress = progress or Silent()
    low, high, mean = _ends_and_mean(rows, weight, progress)
    kind: Kind
    if scale == "auto":
        kind = "bytes" if rows.dtype == np.uint8 else "none" if low.min() >= 0 and high.max() <= 1 else "standard"
    else:
        kind = "none" if scale is None else scale  # type: ignore[assignment]
    ones = np.ones(rows.shape[1])
    if kind == "bytes":
        shift, factor = 0 * ones, ones / 255
    elif kind == "minmax":
        shift, factor = low, 1 / np.where(high > low, high - low, 1)
    elif kind == "standard":
        deviation = np.sqrt(_mean_square(rows, weight, mean, progress))
        # What is left of a constant column by rounding must not be blown up to unit variance.
        rounding = 10 * np.finfo(rows.dtype if rows.dtype.kind == "f" else np.float64).eps * np.abs(mean)
        shift, factor = mean, 1 / np.where(deviation > rounding, deviation, 1)
    else:
        shift, factor = 0 * ones, ones
    lowest, highest = ((low - shift) * factor).min(), ((high - shift) * factor).max()
    bounded = bool(lowest >= 0 and highest <= 1 + 1e-6)
    return Scale(kind, shift, factor, bounded, (mean - shift) * factor)


def _ends_and_mean(rows: np.ndarray, weight: np.ndarray | None, progress: Progress) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the least, the largest and the mean value of each feature."""
    low, high = np.full(rows.shape[1], np.inf), np.full(rows.shape[1], -np.inf)
    sums = np.zeros(rows.shape[1])
    for block, of_block in _counted(rows, weight, "means", progress):
        np.minimum(low, block.min(0), out=low)
        np.maximum(high, block.max(0), out=high)
        sums += _sum(block, of_block)
    return low, high, np.clip(sums / _total(rows, weight), low, high)


def _mean_square(rows: np.ndarray, weight: np.ndarray | None, about: np.ndarray, progress: Progress) -> np.ndarray:
    """Give the mean square of each feature about a value."""
    out = np.zeros(rows.shape[1])
    for block, of_block in _counted(rows, weight, "deviations", progress):
        out += _sum(np.square(block.astype(np.float64) - about), of_block)
    return out / _total(rows, weight)


def _counted(rows: np.ndarray, weight: np.ndarray | None, what: str, progress: Progress) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Give the rows that count, some at a time, so that sums in float64 need no such copy of the whole."""
    progress.begin(f"scale: {what}", len(rows), "rows")
    for start in range(0, len(rows), CHUNK):
        block = rows[start : start + CHUNK]
        done = start + len(block)
        of_block = None if weight is None else weight[start : start + CHUNK]
        if of_block is not None and not of_block.all():
            block, of_block = block[of_block > 0], of_block[of_block > 0]
        if len(block):
            yield block, of_block
        progress.advance(done, f"{done:,} rows")
    progress.end(f"{len(rows):,} rows")


def _sum(block: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    if weight is None:
        return block.sum(0, dtype=np.float64)
    out: np.ndarray = weight.astype(np.float64) @ block.astype(np.float64)
    return out


def _total(rows: np.ndarray, weight: np.ndarray | None) -> float:
    return float(len(rows)) if weight is None else float(weight.sum(dtype=np.float64))
