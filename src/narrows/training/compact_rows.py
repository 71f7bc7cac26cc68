"""Compact rows of a table on their way to the device."""

from __future__ import annotations

from typing import Any

import numpy as np

from narrows.training.rows import RowSet
from narrows.training.samplers import size_class


class CompactRows(RowSet):
    """Rows of a number for each column, NaN where a value is missing; on the device they are spread out batch by batch."""

    def on_device(self) -> tuple[dict[str, Any], Any]:
        """Put them on the device, filled up to their size class with rows that no step reads."""
        import jax

        arrays = {}
        for name, values in (("x", self.x), ("weight", self.weight)):
            if values is not None:
                filled = np.zeros((size_class(len(values)), *values.shape[1:]), np.float32)
                filled[: len(values)] = values
                arrays[name] = jax.device_put(filled)
        return arrays, None
