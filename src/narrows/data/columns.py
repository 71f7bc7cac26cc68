"""Columns of an Arrow table as rows: numbers into one matrix, one column apart as labels."""

from __future__ import annotations

import math
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from narrows.data.names import NoSuchLabel, listed, shortened, unknown
from narrows.data.numbers import exact_type, is_wide
from narrows.data.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE, CELLS_AT_ONCE = 2**11, 2**22

_MISSING = {"", "na", "n/a", "#n/a", "#na", "nan", "-nan", "null"}  # what stands for no value in text
_TRUTH = {"true", "false"}


def check_columns(names: list[str], label: str | None, where: str) -> None:
    """Refuse names that are empty or come twice, and a label that is not among them.

    Raises
    ------
    ValueError
        If so.
    """
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if label is not None and label not in names:
        raise NoSuchLabel(unknown(where, "column", label, names))
    if "" in names:
        raise ValueError(
            f"{where} has no name for column {names.index('') + 1}; every column needs one: give it a name, "
            f"or leave it out if it only counts the rows (pandas writes no such column with index=False)"
        )
    if repeated:
        raise ValueError(f"{where} has more than one column of the same name ({listed(repeated)}): rename all but one")


def rows_of(table: pa.Table, label: str | None, where: str, name: str, *, named: bool = True, typed: bool = True) -> Rows:
    """Make rows of a table.

    Parameters
    ----------
    table : pyarrow.Table of shape (n, d or d + 1)
        Columns of numbers, and that of the labels.
    label : str or None
        The column that is left out of the rows.
    where, name : str
        What a sentence begins with; what the rows are called.
    named : bool, default=True
        Whether the columns have names of their own.
    typed : bool, default=True
        Whether float64 is what the table says, and not only what its text was read as; then it may become float32 where
        that holds every value exactly.

    Returns
    -------
    Rows
        Cells without a value are NaN.

    Raises
    ------
    ValueError
        If a column is not made of numbers, no column is left, or a label is missing.
    """
    import pyarrow as pa

    labels = None if label is None else labels_of(table[label], f"column {label!r}", where, typed=typed)
    columns = {column: _numbers(table[column], column, where) for column in table.column_names if column != label}
    if not columns:
        raise ValueError(f"{where} has no column beside the label {label!r}; rows need one column of numbers or more")
    return Rows(
        _matrix(pa.table(columns), typed),
        feature_names=list(columns) if named else None,
        labels=labels,
        name=name,
    )


def _matrix(table: pa.Table, typed: bool) -> NDArray[Any]:
    import pyarrow.compute as pc

    dtypes = [np.dtype(column.type.to_pandas_dtype()) for column in table.columns]
    largest = 0
    for column, dtype in zip(table.columns, dtypes, strict=True):
        if is_wide(dtype) and len(column) > column.null_count:
            ends = pc.min_max(column).as_py()
            largest = max(largest, -ends["min"], ends["max"])
    if any(column.null_count for column in table.columns):
        dtypes.append(np.dtype(np.float32))  # a type that has a NaN
    dtype = exact_type(dtypes, largest)
    smaller = None if typed or dtype != np.float64 else _filled(table, np.dtype(np.float32), exactly=True)
    return smaller if smaller is not None else _filled(table, dtype)


def type_of(kinds: list[Any]) -> np.dtype[Any]:
    """Give the smallest of uint8, float32 and float64 that holds columns of Arrow types exactly, whatever the values are."""
    import pyarrow as pa

    as_floats = [pa.float64() if pa.types.is_decimal(kind) or pa.types.is_null(kind) else kind for kind in kinds]
    return exact_type([np.dtype(kind.to_pandas_dtype()) for kind in as_floats], math.inf)


def block_of(table: pa.Table, names: list[str], where: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Give some columns of a table as a matrix of a type that holds them.

    Raises
    ------
    ValueError
        If a column is not made of numbers.
    """
    import pyarrow as pa

    columns = {name: _numbers(table[name], name, where) for name in names}
    if dtype == np.uint8 and any(column.null_count for column in columns.values()):
        name = next(name for name, column in columns.items() if column.null_count)
        raise ValueError(f"{where} has cells without a value in column {name!r}: fill them in, or leave out those rows or the column")
    return _filled(pa.table(columns), dtype)


@overload
def _filled(table: pa.Table, dtype: np.dtype[Any]) -> NDArray[Any]: ...
@overload
def _filled(table: pa.Table, dtype: np.dtype[Any], *, exactly: bool) -> NDArray[Any] | None: ...
def _filled(table: pa.Table, dtype: np.dtype[Any], *, exactly: bool = False) -> NDArray[Any] | None:
    """Turn columns into a matrix of rows; give up with None where a value must be held exactly and is not."""
    X = np.empty((table.num_rows, table.num_columns), dtype)
    start = 0
    for batch in table.to_batches(max_chunksize=max(ROWS_AT_ONCE, CELLS_AT_ONCE // table.num_columns)):  # with holes they are copied
        columns = [values.to_numpy(zero_copy_only=False) for values in batch.columns]
        for first in range(0, len(batch), ROWS_AT_ONCE):  # small blocks stay in the processor's cache while they are turned
            block = X[start + first : start + min(first + ROWS_AT_ONCE, len(batch))]
            came = [values[first : first + ROWS_AT_ONCE] for values in columns]
            with np.errstate(over="ignore"):
                for place, values in enumerate(came):
                    block[:, place] = values
            if exactly and not all(np.array_equal(values, block[:, place], equal_nan=True) for place, values in enumerate(came)):
                return None
        start += len(batch)
    return X


def _numbers(column: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    """Give a column of integers or floats, of the type that it has if it can be."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return column
    if pa.types.is_boolean(kind):
        return column.cast(pa.int8())
    if pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return column.cast(pa.float64())
    row, value = _first_that_is_no_number(column)
    remedy = f"mend it, leave the column out, or name it as the label (label={name!r} in Python, --label {name} on the command line)"
    if _is_number_with_commas(value):
        remedy = "write numbers with a decimal point and without marks between thousands (pandas.read_csv has decimal= and thousands=)"
    raise ValueError(f"{where} holds {shortened(value)!r} in column {name!r}, row {row}, where a number is needed: {remedy}")


def _first_that_is_no_number(column: pa.ChunkedArray) -> tuple[int, str]:
    truth = None  # a column of nothing else can be read; where there is something else, that is what is wrong
    for row, cell in enumerate(column, start=1):
        value = cell.as_py()
        if not isinstance(value, str):
            if value is not None:
                return row, str(value)
        elif value.strip().casefold() in _TRUTH:
            truth = truth or (row, value)
        elif value.strip().casefold() not in _MISSING and not is_number(value):
            return row, value
    return truth or (1, str(column[0]) if len(column) else "")  # numbers stored as text


def _is_number_with_commas(cell: str) -> bool:
    return "," in cell and is_number(cell.replace(".", "").replace(",", "."))  # 3,14 and 1.234,5, but also 1,234


def is_number(cell: str) -> bool:
    """Say whether a cell of text is a number, as tables write them (an empty one is not)."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python's own digits may be grouped, a table's may not


def labels_of(column: pa.ChunkedArray, place: str, where: str, *, typed: bool) -> NDArray[Any]:
    """Give a column as labels, numbers or text.

    Parameters
    ----------
    column : pyarrow.ChunkedArray of shape (n,)
        Numbers, text or categories.
    place, where : str
        What a sentence calls the column, and what it begins with.
    typed : bool
        Whether text is meant to be text, and not numbers if it can be read so.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If a label is missing, or the column is neither numbers nor text.
    """
    import pyarrow as pa

    came = column.type
    try:
        if pa.types.is_dictionary(column.type):
            column = _without_categories(column)
        if pa.types.is_null(column.type):
            column = column.cast(pa.float64())
        if not typed:
            column = _understood(column)
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
            column = column.cast(pa.string())
    except pa.ArrowException as problem:
        raise ValueError(f"{where} holds {came} in the label {place}, which is neither numbers nor text: name another column") from problem
    missing = _without_value(column)
    if missing.any():
        raise ValueError(
            f"{where} has no label in {place}, row {int(missing.argmax()) + 1}, the first of {int(missing.sum())}: "
            f"fill them in, or leave those rows out"
        )
    values: NDArray[Any] = column.to_numpy()
    return values.astype(str) if values.dtype.kind == "O" else values


def _without_categories(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    kind = column.type.value_type
    if pa.types.is_string_view(kind):  # which polars writes, and Arrow cannot yet take by index
        kind = pa.string()
    return pa.chunked_array([chunk.dictionary.cast(kind).take(chunk.indices) for chunk in column.chunks], kind)


def _understood(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give text that is all numbers as numbers."""
    import pyarrow as pa

    for kind in (pa.int64(), pa.float64()):
        with suppress(pa.ArrowException):
            return column.cast(kind)
    return column


def _without_value(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pc.is_null(column, nan_is_null=True)
    if pa.types.is_string(column.type):
        missing = pc.or_kleene(missing, pc.equal(column, ""))
    found: NDArray[np.bool_] = missing.to_numpy()
    return found
