"""Rows in blocks at an estimator's door: what is asked of all of them, and the sample in memory that stands for them elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from narrows.data import Blocks
from narrows.data.frames import framed

MOST_HELD = 2**14  # rows to validate on, which are in memory
MOST_HELD_BYTES = 2**28


@dataclass(frozen=True, eq=False)
class Whole:
    """All rows to learn from.

    Attributes
    ----------
    blocks : Blocks
    weight : ndarray of shape (n,), float32, or None
    y : ndarray or None
        Labels, as `Given` has them.
    """

    blocks: Blocks
    weight: np.ndarray | None = None
    y: np.ndarray | None = None

    def without(self, numbers: np.ndarray, rest: Blocks) -> Whole:
        """Give what remains beside some rows that are held out."""
        parts = (None if part is None else np.delete(part, numbers, axis=0) for part in (self.weight, self.y))
        return Whole(rest, *parts)


def as_known(blocks: Blocks, rows: np.ndarray) -> Any:
    """Give some of the rows with what is known about all: names of columns, or that they are images."""
    return framed(rows, blocks.feature_names, blocks.image_shape)


def refuse(X: Any, door: str) -> None:
    """Refuse blocks where all rows are needed at once.

    Raises
    ------
    TypeError
        If so.
    """
    if isinstance(X, Blocks):
        raise TypeError(f"{door} takes rows in memory and not Blocks: give blocks[start:stop], or blocks.sample()[0]")


def most_held(blocks: Blocks, wanted: int) -> int:
    """Give how many rows to hold out: as many as are wanted, or as memory is meant for."""
    return max(1, min(wanted, MOST_HELD, MOST_HELD_BYTES // (8 * blocks.shape[1]), len(blocks) - 1))
