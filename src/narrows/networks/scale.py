"""Scaling of rows: learned from the training rows, part of the model, undone on the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from narrows import _backend

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


def learn(scale: str | None, rows: np.ndarray, weight: np.ndarray | None = None) -> Scale:
    """Learn the scaling of rows.

    Parameters
    ----------
    scale : {"auto", "minmax", "standard"} or None
        "auto" divides uint8 by 255, leaves rows in [0, 1] as they are, and standardizes others.
    rows : ndarray of shape (n, n_features)
    weight : ndarray of shape (n,), default=None
        Of rows in means and deviations; rows of weight 0 do not count at all.

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
    if weight is not None and not weight.all():
        rows, weight = rows[weight > 0], weight[weight > 0]
    low, high = rows.min(0).astype(np.float64), rows.max(0).astype(np.float64)
    mean = np.clip(_mean(rows, weight), low, high)
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
        deviation = np.sqrt(_mean(rows, weight, about=mean))
        # What is left of a constant column by rounding must not be blown up to unit variance.
        rounding = 10 * np.finfo(rows.dtype if rows.dtype.kind == "f" else np.float64).eps * np.abs(mean)
        shift, factor = mean, 1 / np.where(deviation > rounding, deviation, 1)
    else:
        shift, factor = 0 * ones, ones
    lowest, highest = ((low - shift) * factor).min(), ((high - shift) * factor).max()
    bounded = bool(lowest >= 0 and highest <= 1 + 1e-6)
    return Scale(kind, shift, factor, bounded, (mean - shift) * factor)


def _mean(rows: np.ndarray, weight: np.ndarray | None, about: np.ndarray | None = None) -> np.ndarray:
    """Mean per feature, or mean square about a value, in float64 sums without a float64 copy of the whole."""
    total = float(len(rows)) if weight is None else float(weight.sum(dtype=np.float64))
    out = np.zeros(rows.shape[1])
    for start in range(0, len(rows), CHUNK):
        block = rows[start : start + CHUNK]
        if about is not None:
            block = np.square(block.astype(np.float64) - about)
        if weight is None:
            out += block.sum(0, dtype=np.float64)
        else:
            out += weight[start : start + CHUNK].astype(np.float64) @ block.astype(np.float64)
    return out / total
