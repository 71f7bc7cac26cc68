"""Compact rows of a table on their way to the device."""

from __future__ import annotations

from typing import Any

import numpy as np

from narrows.training.ranks import ALONE, Ranks
from narrows.training.rows import RowSet
from narrows.training.samplers import size_class


class CompactRows(RowSet):
    """Rows of a number for each column, NaN where a value is missing; on the device they are spread out batch by batch."""

    def on_device(self, ranks: Ranks = ALONE) -> tuple[dict[str, Any], Any]:
        """Put them on the device, or all of them on each of several, filled up to their size class with rows that no step reads."""
        arrays = {}
        for name, values in (("x", self.x), ("weight", self.weight)):
            if values is not None:
                filled = np.zeros((size_class(len(values)), *values.shape[1:]), np.float32)
                filled[: len(values)] = values
                arrays[name] = ranks.place_copies(filled)
        return arrays, None
