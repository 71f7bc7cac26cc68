"""How well each column of a table is rebuilt, and told from the others where it is hidden, beside the best constant guess."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from narrows.data.column_kinds import Column
from narrows.data.tables import Columns
from narrows.estimators import _table_rows
from narrows.estimators.table import TableAutoencoder

MOST = 4096  # rows that are looked at: each column is hidden once from all of them


@dataclass(frozen=True)
class ColumnQuality:
    """Figures of one column, of rows in which its value is known.

    Attributes
    ----------
    name : str
    measure : {"RMS error", "RMS error, days", "wrong"}
        The root of the mean squared error in the column's units, of dates in days; or the share of the rows of which another value is
        told.
    rebuilt, told, guessed : float
        By the reconstruction; by that of rows from which the column was hidden; by the mean, or the most frequent value, of the training
        rows. NaN where it is never known.
    n : int
        How many rows these are.
    """

    name: str
    measure: str
    rebuilt: float
    told: float
    guessed: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)


def column_qualities(estimator: TableAutoencoder, X: Any, guess_from: np.ndarray | None = None) -> list[ColumnQuality]:
    """Measure each used column, in the table's order.

    Parameters
    ----------
    estimator : TableAutoencoder
        Fitted.
    X : table of shape (n, n_features)
        Rows that it was not fitted to; of more than 4,096 as many are looked at, evenly spread.
    guess_from : ndarray of shape (columns,), default=None
        What the constant guess is, compact, where it is known; by default the mean or most frequent value of these rows, which flatters it.
    """
    compact = estimator._measured(_table_rows.checked(estimator, X, reset=False))
    compact = compact[:: -(-len(compact) // MOST)]
    columns, network = estimator._columns, estimator._network
    made = _table_rows.collapsed(network, columns, compact)
    found = {}
    for place, column in enumerate(columns.used):
        known = ~np.isnan(compact[:, place])
        truth, hidden = compact[known, place], compact[known].copy()
        hidden[:, place] = np.nan
        told = _table_rows.collapsed(network, columns, hidden)[:, place] if len(hidden) else truth
        guess = _guess(column, truth) if guess_from is None else guess_from[place]
        measure = {"numeric": "RMS error", "date": "RMS error, days"}.get(column.kind, "wrong")
        found[column.name] = ColumnQuality(
            column.name,
            measure,
            rebuilt=_error(column, truth, made[known, place]),
            told=_error(column, truth, told),
            guessed=_error(column, truth, np.full(len(truth), guess, np.float32)),
            n=len(truth),
        )
    return [found[column.name] for column in columns.all if column.name in found]


def best_guesses(columns: Columns, compact: np.ndarray) -> np.ndarray:
    """Give the mean or the most frequent value of each column of compact rows (columns,), float32; 0 where none is known."""
    return np.array([_guess(c, compact[~np.isnan(compact[:, place]), place]) for place, c in enumerate(columns.used)], np.float32)


def _guess(column: Column, truth: np.ndarray) -> float:
    if not len(truth):
        return 0.0
    return (
        float(truth.mean(dtype=np.float64)) if column.kind in ("numeric", "date") else float(np.bincount(truth.astype(np.int64)).argmax())
    )


def _error(column: Column, truth: np.ndarray, made: np.ndarray) -> float:
    if not len(truth):
        return float("nan")
    if column.kind in ("numeric", "date"):
        units = column.deviation / (86_400 if column.kind == "date" else 1)
        return float(np.sqrt(np.square(truth.astype(np.float64) - made).mean()) * units)
    return float(((made > 0.5) != (truth > 0.5)).mean() if column.kind == "binary" else (np.rint(made) != truth).mean())
