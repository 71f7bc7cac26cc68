"""Tables as Python users have them, read as Arrow columns and given back in the library, types and order in which they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows.data.names import listed, shortened

if TYPE_CHECKING:
    import pyarrow as pa

WHERE = "X"


def as_table(X: Any) -> pa.Table:
    """Read a frame, or an array of shape (n, d), as an Arrow table, column by column.

    Parameters
    ----------
    X : frame, or ndarray of shape (n, d)
        A frame is what narwhals knows: pandas, polars, pyarrow.Table, and others. The columns of an array are called x0, x1 and so on.

    Returns
    -------
    pyarrow.Table of shape (n, d)

    Raises
    ------
    TypeError
        If a frame is lazy.
    ValueError
        If two columns have one name, or one holds values of several types.
    """
    import narwhals as nw
    import pyarrow as pa
    from narwhals.exceptions import DuplicateError

    if isinstance(X, np.ndarray):
        columns = [_arrow(f"x{place}", column) for place, column in enumerate(X.T)]
        return pa.table(columns, names=[f"x{place}" for place in range(len(columns))])
    if isinstance(X, pa.Table):
        _check_names(X.column_names)
        return X
    try:
        frame = nw.from_native(X)
    except DuplicateError:
        _check_names(list(X.columns))
        raise
    except TypeError as problem:
        raise TypeError(
            f"X must be a table: a frame of pandas, polars or Arrow, or an array of shape (n, d), got {type(X).__name__}"
        ) from problem
    if isinstance(frame, nw.LazyFrame):
        raise TypeError(f"X came as a lazy frame ({type(X).__module__}.{type(X).__name__}); rows must be in memory: pass X.collect()")
    _check_names(list(X.columns))
    names = names_of(X)
    return pa.table([_arrow(name, frame.get_column(column)) for name, column in zip(names, frame.columns, strict=True)], names=names)


def is_frame(X: Any) -> bool:
    """Tell a frame from arrays and lists."""
    if isinstance(X, np.ndarray | list | tuple):
        return False
    import narwhals as nw

    native = nw.from_native(X, pass_through=True)
    return isinstance(native, nw.DataFrame | nw.LazyFrame)


def names_of(X: Any) -> list[str]:
    """Give the names of a frame's columns as text; x0, x1 and so on where they are not named by text."""
    names = list(X.column_names if hasattr(X, "column_names") else X.columns)
    return names if all(isinstance(name, str) for name in names) else [f"x{place}" for place in range(len(names))]


def library_of(X: Any) -> str:
    """Name the library of a frame: "pandas", "polars", "pyarrow", or "numpy" for arrays."""
    if not is_frame(X):
        return "numpy"
    import narwhals as nw

    return str(nw.get_native_namespace(X).__name__).partition(".")[0]


def rows_of_frame(X: Any, chosen: np.ndarray) -> Any:
    """Give some of the rows of a frame or an array, in the order that `chosen`, an array of places or of truth values, says."""
    if isinstance(X, np.ndarray):
        return X[chosen]
    import narwhals as nw

    places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    return nw.from_native(X)[places, :].to_native()


def given_back(X: Any, changed: Mapping[str, pa.Array]) -> Any:
    """Give a frame like another, with other values in some columns.

    Parameters
    ----------
    X : frame, or ndarray of shape (n, d)
        As it came; it is left as it is.
    changed : mapping of str to pyarrow.Array of shape (n,)
        By the names that `as_table` gives.

    Returns
    -------
    frame of the same library, or ndarray of shape (n, d)
        Types, categories and the index are those of `X`.
    """
    import pyarrow as pa

    if isinstance(X, np.ndarray):
        out = X.copy()
        for place in range(X.shape[1]):
            if f"x{place}" in changed:
                out[:, place] = changed[f"x{place}"].to_numpy(zero_copy_only=False)
        return out
    if isinstance(X, pa.Table):
        columns = [changed.get(name, X[name]) for name in X.column_names]
        return pa.table(columns, schema=X.schema)
    names = names_of(X)
    if hasattr(X, "iloc") and hasattr(X, "dtypes"):
        return _pandas(X, {place: changed[name] for place, name in enumerate(names) if name in changed})
    import narwhals as nw

    frame = nw.from_native(X)
    made = nw.from_arrow(pa.table(dict(changed)), backend=nw.get_native_namespace(X))
    types = frame.schema
    columns = [made.get_column(name).cast(types[name]) if name in changed else frame.get_column(name) for name in names]
    return frame.select(columns).to_native()


def from_table(table: pa.Table, library: str) -> Any:
    """Give an Arrow table as a frame of a library, as far as that is installed, or as an array."""
    if library == "numpy":
        columns = [column.to_numpy() for column in table.columns]
        return np.column_stack(columns) if columns else np.empty((table.num_rows, 0))
    if library == "pyarrow":
        return table
    import narwhals as nw

    try:
        return nw.from_arrow(table, backend=library).to_native()  # type: ignore[arg-type]  # a bundle may name any
    except (ImportError, ValueError):
        return table


def _pandas(X: Any, changed: Mapping[int, pa.Array]) -> Any:
    """Do it for pandas, whose columns may have any names, and whose types Arrow does not all know."""
    out = X.copy()
    for place, values in changed.items():
        kind, column = X.dtypes.iloc[place], values.to_pandas()
        if hasattr(kind, "categories") and hasattr(kind, "ordered"):
            further = [value for value in column.dropna().unique() if value not in set(kind.categories)]
            kind = type(kind)([*kind.categories, *further], kind.ordered) if further else kind
        elif getattr(kind, "tz", None) is not None and getattr(column.dt, "tz", None) is None:
            column = column.dt.tz_localize("UTC")
        column = column.astype(kind)
        column.index = X.index
        out.isetitem(place, column)
    return out


def _arrow(name: str, column: Any) -> Any:
    import pyarrow as pa

    try:
        if isinstance(column, np.ndarray):
            return pa.array(np.ascontiguousarray(column), from_pandas=True)
        return column.to_arrow()
    except (pa.ArrowException, TypeError, ValueError, OverflowError, NotImplementedError) as problem:
        values = column.tolist() if isinstance(column, np.ndarray) else column.to_list()
        raise ValueError(_changes(name, values) or _reason(name, problem)) from problem


def _changes(name: str, values: list[Any]) -> str:
    """Say where a column's values are no longer of the type of the first; nothing where they all are."""
    known = ((row, value) for row, value in enumerate(values, start=1) if value is not None and value == value)
    first = next(known, (0, None))[1]
    kinds = (bool,) if isinstance(first, bool) else (int, float) if isinstance(first, int | float) else (type(first),)
    for row, value in known:
        if not isinstance(value, kinds) or isinstance(value, bool) != isinstance(first, bool):
            return (
                f"{WHERE} holds {shortened(repr(value))} in column {name!r}, row {row}, where {shortened(repr(first))} and the like came "
                f"before: give the column values of one type, or turn them all into text"
            )
    return ""


def _reason(name: str, problem: Exception) -> str:
    reason = str(problem).partition("\n")[0]
    return f"{WHERE} holds values in column {name!r} that no table of numbers, text and dates can hold ({reason}): leave the column out"


def _check_names(names: list[Any]) -> None:
    """Refuse names that come twice, and frames of which only some columns are named by text."""
    repeated = [name for name, times in Counter(name for name in names if isinstance(name, str)).items() if times > 1]
    if repeated:
        raise ValueError(f"{WHERE} has more than one column of the same name ({listed(sorted(repeated))}): rename all but one")
    others = [name for name in names if not isinstance(name, str)]
    if others and len(others) < len(names):
        raise TypeError(
            f"{WHERE} has columns named by text and one named by {others[0]!r}; feature names are supported only if all are text, "
            f"or none: X.columns = X.columns.astype(str)"
        )
