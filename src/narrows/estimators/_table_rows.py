"""The rows of a table as estimators pass them on: spread out block by block, and what a network makes of their columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from narrows.data import table_frames, tables
from narrows.data.column_kinds import CONSTANT, typed
from narrows.data.table_layout import Layout
from narrows.data.tables import Columns
from narrows.networks.network import Network

BLOCK = 8192  # rows that are spread out at a time


class SpreadRows:
    """Compact rows that are spread out where they are looked at: a matrix of shape (n, width) that is never there as a whole.

    Parameters
    ----------
    layout : Layout
    compact : ndarray of shape (n, layout.columns), float32
    """

    dtype = np.dtype(np.float32)
    ndim = 2

    def __init__(self, layout: Layout, compact: np.ndarray) -> None:
        self.layout, self.compact = layout, compact
        self.shape = (len(compact), layout.width)

    def __len__(self) -> int:
        return len(self.compact)

    def __getitem__(self, chosen: Any) -> np.ndarray:
        return np.asarray(self.layout.spread(self.compact[chosen]))

    def toarray(self) -> np.ndarray:
        """Give the whole matrix."""
        return self[:]


def checked(estimator: Any, X: Any, *, reset: bool, least: int = 1) -> Any:
    """Check a table as scikit-learn does: a frame is given back as it is, anything else as an array (n, d).

    Raises
    ------
    ValueError, TypeError
        If it is no table, is empty, or has other columns than the estimator was fitted to.
    """
    if not table_frames.is_frame(X):
        X = check_array(X, dtype=None, ensure_all_finite=False, ensure_min_samples=least, input_name="X", estimator=estimator)
        if X.dtype.kind in "US":
            X = X.astype(object)
    elif min(X.shape) == 0 or X.shape[0] < least:
        n, d = X.shape
        raise ValueError(f"Found array with {n} sample(s) and {d} feature(s) (shape={(n, d)}) while a minimum of {least} is required.")
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return X


def blocks(network: Network, columns: Columns, compact: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give some of the rows at a time, compact, with what the network makes of them, spread out."""
    for start in range(0, len(compact), BLOCK):
        block = compact[start : start + BLOCK]
        yield block, network.reconstruct(columns.layout.spread(block), scaled=True)


def collapsed(network: Network, columns: Columns, compact: np.ndarray) -> np.ndarray:
    """Give what the network makes of compact rows, compact."""
    parts = [columns.layout.collapse(made) for _, made in blocks(network, columns, compact)]
    return np.concatenate(parts)


def cell_errors(columns: Columns, block: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Give the error of each cell (n, columns), float32, in the columns' own units; NaN where a value is missing.

    Of numbers it is how far the reconstruction is from them, of dates in seconds; of all else, how improbable the network finds what
    is there, in [0, 1].
    """
    layout = columns.layout
    truth = layout.of_truth(block, made)
    out = 1 - truth
    deviations = np.array([column.deviation for column in columns.used[: layout.numbers]])
    out[:, : layout.numbers] = np.abs(truth[:, : layout.numbers] - block[:, : layout.numbers]) * deviations
    return np.asarray(out)


def row_losses(columns: Columns, block: np.ndarray, made: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give what the known cells of each row cost together (n,), float64, and how many these are."""
    losses = columns.layout.losses(block, made) * columns.weights
    return np.asarray(np.nansum(losses, axis=1, dtype=np.float64)), (~np.isnan(block)).sum(1)


def in_table_order(columns: Columns, values: np.ndarray) -> np.ndarray:
    """Give values of the used columns (n, columns) as the table has its columns (n, d), float64; NaN in those that are left out."""
    places = {column.name: place for place, column in enumerate(columns.all)}
    out = np.full((len(values), len(columns.all)), np.nan)
    out[:, [places[column.name] for column in columns.used]] = values
    return out


def restored(columns: Columns, compact: np.ndarray, X: Any) -> dict[str, Any]:
    """Give the values of the used columns, of the types that a table has there, by their names."""
    types = {field.name: field.type for field in table_frames.as_table(X).schema}
    return {column.name: column.restored(compact[:, place], types[column.name]) for place, column in enumerate(columns.used)}


def rebuilt_table(columns: Columns, compact: np.ndarray) -> Any:
    """Give a table of compact rows that a network made, with the columns of the training rows."""
    import pyarrow as pa

    made = {column.name: column.restored(compact[:, place]) for place, column in enumerate(columns.used)}
    found = {column.name: made.get(column.name, column.constant(len(compact))) for column in columns.all}
    return pa.table(found)


def filled(network: Network, columns: Columns, X: Any) -> dict[str, Any]:
    """Give the columns of a table that have holes, without them, by their names."""
    import pyarrow as pa

    table = table_frames.as_table(X)
    compact = columns.matrix(table)
    with_holes = np.flatnonzero(np.isnan(compact).any(1))
    made = collapsed(network, columns, compact[with_holes]) if len(with_holes) else compact[:0]
    found = {}
    for place, column in enumerate(columns.used):
        holes = np.isnan(compact[:, place])
        if holes.any():
            values = column.restored(made[np.isnan(compact[with_holes, place]), place], table[column.name].type)
            found[column.name] = put_in(table[column.name], holes, values)
    for column in columns.all:
        if column.why == CONSTANT:
            holes = pa.compute.is_null(table[column.name], nan_is_null=True).to_numpy()
            if holes.any():
                found[column.name] = put_in(table[column.name], holes, column.constant(int(holes.sum()), table[column.name].type))
    return found


def put_in(column: Any, holes: np.ndarray, values: Any) -> Any:
    """Put values into the holes of an Arrow column, in their order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type if not pa.types.is_null(column.type) else values.type
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    whole = pa.chunked_array([*column.cast(plain).chunks, values.cast(plain)], plain)
    order = np.arange(len(holes))
    order[holes] = len(holes) + np.arange(int(holes.sum()))
    return typed(pc.take(whole, pa.array(order)).combine_chunks(), kind)


def learned(X: Any, kinds: Any, max_categories: int, weight: np.ndarray | None) -> tuple[Columns, np.ndarray]:
    """Learn of a table's columns; give what was learned, and its compact rows."""
    table = table_frames.as_table(X)
    columns = tables.learn(table, kinds=kinds, max_categories=max_categories, weight=weight)
    return columns, columns.matrix(table)
