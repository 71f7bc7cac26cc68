"""What each column of a table carries of a row's error, and how its cells are told in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from narrows.data.column_kinds import Column
from narrows.data.tables import Columns
from narrows.networks.network import Network

MISSING = "missing"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ColumnView:
    """A table's network as one that gives a number for each column: a scaled number, or how probable it finds what is there.

    Where a value is missing, row and reconstruction are both 0, so that it carries nothing.

    Parameters
    ----------
    network : Network
    columns : Columns
    """

    def __init__(self, network: Network, columns: Columns) -> None:
        self._network, self._columns = network, columns
        self.scale = self  # of which it has `apply`

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self._columns.used]

    @property
    def places(self) -> list[int]:
        """Their places in the table."""
        places = {column.name: place for place, column in enumerate(self._columns.all)}
        return [places[name] for name in self.names]

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Give what the reconstructions of compact rows are compared with (n, columns), float32."""
        numbers = self._columns.layout.numbers
        given = np.where(np.isnan(block), np.float32(0), np.float32(1))
        given[:, :numbers] = np.nan_to_num(block[:, :numbers])
        return given

    def reconstruct(self, block: np.ndarray, *, scaled: bool = True) -> np.ndarray:
        """Give what the network makes of what is in the cells of compact rows (n, columns), float32."""
        del scaled
        layout = self._columns.layout
        return np.nan_to_num(layout.of_truth(block, self._network.reconstruct(layout.spread(block), scaled=True)))

    def encode(self, block: np.ndarray) -> np.ndarray:
        """Give the codes of compact rows."""
        return self._network.encode(self._columns.layout.spread(block))

    def losses(self, block: np.ndarray, rebuilt: np.ndarray) -> np.ndarray:
        """Give what each cell adds to the mean loss of its row (n, columns), float64, by what `reconstruct` gave."""
        numbers = self._columns.layout.numbers
        losses = -np.log(np.maximum(rebuilt, 1e-12, dtype=np.float64))
        losses[:, :numbers] = np.square(rebuilt[:, :numbers] - block[:, :numbers], dtype=np.float64)
        known = ~np.isnan(block)
        return np.where(known, losses * self._columns.weights, 0.0) / np.maximum(known.sum(1, keepdims=True), 1)

    def told(self, block: np.ndarray) -> tuple[list[list[float | str]], list[list[float | str]]]:
        """Give the cells of compact rows, and what the network makes of them: numbers in their own units, all else in words."""
        layout = self._columns.layout
        made = layout.collapse(self._network.reconstruct(layout.spread(block), scaled=True))
        return self._words(block), self._words(made)

    def told_usual(self, center: np.ndarray) -> list[Any]:
        """Give the middle reconstruction of each column in its own units; None for what is no number."""
        used = self._columns.used
        return [_number(c, value) if c.kind in ("numeric", "date") else None for c, value in zip(used, center.tolist(), strict=True)]

    def _words(self, compact: np.ndarray) -> list[list[float | str]]:
        used = self._columns.used
        return [[_cell(column, value) for column, value in zip(used, row, strict=True)] for row in compact.tolist()]


def _cell(column: Column, value: float) -> float | str:
    if value != value:
        return MISSING
    if column.kind in ("numeric", "date"):
        return _number(column, value)
    place = int(value > 0.5) if column.kind == "binary" else int(value)
    return str(column.categories[place]) if place < len(column.categories) else "another"


def _number(column: Column, scaled: float) -> float | str:
    number = scaled * column.deviation + column.mean
    number = round(number / column.step) * column.step if column.step else number
    if column.kind != "date":
        return number
    if not column.type.startswith(("date", "timestamp")):
        return str(timedelta(seconds=round(max(-1e14, min(number, 1e14)))))
    try:
        moment = _EPOCH + timedelta(seconds=round(number))
    except OverflowError:
        return f"{number / 86_400 / 365.2425 + 1970:.0f}"
    return (
        moment.date().isoformat() if column.step == 86_400 or column.type.startswith("date") else moment.replace(tzinfo=None).isoformat(" ")
    )
