"""What a page says of a table: its columns in their own units and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from narrows.data.names import shortened
from narrows.estimators import TableAutoencoder, _table_rows
from narrows.estimators._table_view import ColumnView
from narrows.report._given import Given
from narrows.report._rows import LONGEST


class TableNetwork:
    """The network of a table as one from compact rows, and to rows as the page shows them: a number for each column, in its own units.

    Parameters
    ----------
    estimator : TableAutoencoder
        Fitted.
    """

    plan = None

    def __init__(self, estimator: TableAutoencoder) -> None:
        self._network, self._columns = estimator._network, estimator._columns

    def encode(self, compact: np.ndarray) -> np.ndarray:
        """Give codes of compact rows."""
        return self._network.encode(_table_rows.SpreadRows(self._columns.layout, compact))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Give rows as the page shows them, of codes."""
        return self.shown(self._columns.layout.collapse(self._network.decode(codes)))

    def shown(self, compact: np.ndarray) -> np.ndarray:
        """Give compact rows as the page shows them: numbers in their own units, dates in seconds, places of categories; NaN for none."""
        out = np.empty(compact.shape, np.float32)
        for place, column in enumerate(self._columns.used):
            values = compact[:, place]
            if column.kind in ("numeric", "date"):
                values = column.unscaled(values)
                values = np.rint(values / column.step) * column.step if column.step else values
            elif column.kind == "binary":
                values = np.where(np.isnan(values), values, values > 0.5)
            out[:, place] = values
        return out


@dataclass(frozen=True)
class TableGiven(Given):
    """What a report about a table is made of; `rows` are compact."""

    @property
    def network(self) -> Any:
        """The network, from compact rows to rows as the page shows them."""
        return TableNetwork(self.estimator)

    def pair(self, chosen: Any) -> tuple[np.ndarray, np.ndarray]:
        """Give some rows, and their reconstructions, spread out."""
        spread = self.estimator._columns.layout.spread(self.rows[chosen])
        return spread, self.estimator._network.reconstruct(spread, scaled=True)

    def values(self, chosen: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Give some rows as the page has them: in 32 bits, which know of missing values."""
        shown = self.network.shown(self.rows[chosen])
        return {"features": shown.shape[1]}, {"rows": shown, "rows/low": np.zeros(1, np.float32), "rows/step": np.ones(1, np.float32)}

    def colors(self, chosen: Any) -> list[tuple[str, np.ndarray]]:
        """Give the columns of some rows, by which points may be colored."""
        shown, found = self.network.shown(self.rows[chosen]), []
        for place, column in enumerate(self.estimator._columns.used):
            values = shown[:, place]
            if column.kind in ("binary", "categorical"):
                names = [*map(str, column.categories), "another", None]
                values = np.array([names[-1] if value != value else names[int(value)] for value in values.tolist()], object)
            found.append((column.name, values))
        return found

    @property
    def features(self) -> list[str]:
        """What the columns are called."""
        return [column.name for column in self.estimator._columns.used]

    @property
    def words(self) -> list[Any]:
        """How the page tells the values of each column: by the names of its categories, as dates, or as numbers (None)."""
        return [_words(column) for column in self.estimator._columns.used]

    @property
    def untranslatable(self) -> str:
        """Why the page does not run the decoder itself."""
        return "what it gives are the columns of a table"

    def cells(self, row: int, most: int) -> list[tuple[str, str, str, str]]:
        """Give the cells of a row that are rebuilt worst: name, value, reconstruction and share of the loss."""
        view = ColumnView(self.estimator._network, self.estimator._columns)
        block = self.rows[[row]]
        losses = view.losses(block, view.reconstruct(block))[0]
        (values,), (made,) = view.told(block)
        first = np.argsort(-losses, kind="stable")[:most]
        names = [shortened(name, LONGEST) for name in view.names]
        return [(names[at], _text(values[at]), _text(made[at]), f"{losses[at]:.3g}") for at in first]


def given(estimator: TableAutoencoder, X: Any, **others: Any) -> TableGiven:
    """Check the rows of a report, and run the network once.

    Raises
    ------
    NotFittedError, ValueError, TypeError
        If something does not fit.
    """
    compact = estimator._measured(_table_rows.checked(estimator, X, reset=False))
    view = ColumnView(estimator._network, estimator._columns)
    errors, sums = np.empty(len(compact), np.float32), np.zeros(compact.shape[1])
    known = np.maximum((~np.isnan(compact)).sum(0), 1)
    for start in range(0, len(compact), _table_rows.BLOCK):
        block = compact[start : start + _table_rows.BLOCK]
        losses = view.losses(block, view.reconstruct(block))
        errors[start : start + len(block)] = losses.sum(1)
        sums += (losses * np.maximum((~np.isnan(block)).sum(1, keepdims=True), 1)).sum(0)
    return TableGiven(estimator=estimator, rows=compact, errors=errors, misses=sums / known, image_shape=None, **others)


def _words(column: Any) -> Any:
    if column.kind in ("binary", "categorical"):
        return {"names": [shortened(str(value), LONGEST) for value in column.categories]}
    if column.kind == "date" and column.type.startswith(("date", "timestamp")):
        return {"date": column.step != 86_400}
    return None


def _text(value: float | str) -> str:
    return shortened(value, LONGEST) if isinstance(value, str) else f"{value:.4g}"
