"""Tables written: .npy, .csv and .parquet, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import ArrayLike, NDArray

from narrows._files import replacing

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = (".npy", ".csv", ".parquet")
ROWS_AT_ONCE = 2**14


def write(
    path: str | os.PathLike[str],
    array: NDArray[Any],
    columns: Sequence[str],
    *,
    index: tuple[str, ArrayLike] | Sequence[tuple[str, ArrayLike]] | None = None,
) -> None:
    """Write a table in the format that the extension names; what stands at `path` is replaced at the end, or untouched.

    Parameters
    ----------
    path : str or path-like
        A file that ends in .npy, .csv or .parquet.
    array : ndarray of shape (n, d), or (n,) for .npy
        Numbers, written in the type that they have: float32 stays float32.
    columns : sequence of str
        The d names of the columns. A .npy file does not keep them.
    index : tuple of str and array-like of shape (n,), or sequence of such, default=None
        The name and the values of further columns, put first, such as ``("label", labels)``; not for .npy.

    Raises
    ------
    ValueError
        If the extension is unknown, `columns` or `index` do not fit the array, or .npy is to keep an index.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    check_writable(path, FORMATS)
    array = np.asarray(array)
    first = [index] if isinstance(index, tuple) else list(index or ())
    _check_parts(path, array, columns, first)
    try:
        with replacing(path) as file:
            if path.suffix.lower() == ".npy":
                _write_npy(file, array)
            else:
                _write_table(file, path.suffix.lower(), array, columns, first)
    except OSError as problem:
        raise OSError(_untouched(path, problem)) from problem


def write_table(path: str | os.PathLike[str], table: pa.Table) -> None:
    """Write an Arrow table as it is, types and all; what stands at `path` is replaced at the end, or untouched.

    Parameters
    ----------
    path : str or path-like
        A file that ends in .csv or .parquet.
    table : pyarrow.Table of shape (n, d)

    Raises
    ------
    ValueError
        If the extension is another one, or CSV cannot hold a column.
    OSError
        If the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    path = Path(path)
    check_writable(path, (".csv", ".parquet"))
    try:
        with replacing(path) as file:
            if path.suffix.lower() == ".csv":
                plain = [column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column for column in table.columns]
                csv.write_csv(pa.table(plain, names=table.column_names), file)
            else:
                parquet.write_table(table, file)
    except pa.ArrowException as problem:
        raise ValueError(f"'{path}' cannot hold the table ({problem}): write .parquet, or leave the column out") from problem
    except OSError as problem:
        raise OSError(_untouched(path, problem)) from problem


def check_writable(path: str | os.PathLike[str], formats: Collection[str] | None = None) -> None:
    """Fail now if a file could not be written to `path` later: before hours of work, not after them.

    Parameters
    ----------
    path : str or path-like
        A file that need not exist.
    formats : collection of str, default=None
        The extensions that are allowed, any if None.

    Raises
    ------
    ValueError
        If the extension is not among `formats`.
    FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError
        If the folder is missing, is a file or cannot be written, or `path` itself is a folder.
    """
    path = Path(path)
    if formats is not None and path.suffix.lower() not in formats:
        came = f"the extension {path.suffix!r}" if path.suffix else "no extension"
        raise ValueError(f"'{path}' has {came}; narrows writes {', '.join(formats)}: rename the output")
    if path.is_dir():
        raise IsADirectoryError(f"'{path}' is a folder; give the path of a file in it")
    if not path.parent.exists():
        raise FileNotFoundError(f"there is no folder '{path.parent}' to write '{path.name}' into: make it, or write elsewhere")
    if not path.parent.is_dir():
        raise NotADirectoryError(f"'{path.parent}' is a file and no folder to write '{path.name}' into: write elsewhere")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as problem:
        raise PermissionError(
            f"no file can be made in the folder '{path.parent}' ({problem.strerror}): change its permissions, or write elsewhere"
        ) from problem


def _untouched(path: Path, problem: OSError) -> str:
    reason = problem.strerror or str(problem)
    return f"'{path}' could not be written ({reason}), and what was there is untouched: make room, or write elsewhere"


def _check_parts(path: Path, array: NDArray[Any], columns: Sequence[str], first: list[tuple[str, ArrayLike]]) -> None:
    is_npy = path.suffix.lower() == ".npy"
    if array.ndim != 2 and not (is_npy and array.ndim == 1):
        raise ValueError(f"an array of shape {array.shape} came to be written to '{path}'; a table has the shape (n, d): reshape it")
    n, d = (*array.shape, 1)[:2]
    if len(columns) != d:
        raise ValueError(f"{len(columns)} column names came for the {d} columns of '{path}': give one name per column")
    for name, values in first:
        if is_npy:
            raise ValueError(f"'{path}' cannot keep the column {name!r}, as .npy holds one array of numbers: write .csv or .parquet")
        if np.shape(values) != (n,):
            raise ValueError(f"{name!r} of shape {np.shape(values)} came for the {n} rows of '{path}': give one value per row")


def _write_npy(file: IO[bytes], array: NDArray[Any]) -> None:
    # numpy.save would write past the file object, and loses the reason when the disk is full.
    array = np.ascontiguousarray(array)
    npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(array))
    file.write(array.reshape(-1).view(np.uint8).data)


def _write_table(file: IO[bytes], extension: str, array: NDArray[Any], columns: Sequence[str], first: list[tuple[str, ArrayLike]]) -> None:
    from pyarrow import csv, parquet

    blocks = _blocks(array, columns, first)
    begin = next(blocks)
    writer = csv.CSVWriter(file, begin.schema) if extension == ".csv" else parquet.ParquetWriter(file, begin.schema)
    with writer:
        writer.write_batch(begin)
        for block in blocks:
            writer.write_batch(block)


def _blocks(array: NDArray[Any], columns: Sequence[str], first: list[tuple[str, ArrayLike]]) -> Iterator[pa.RecordBatch]:
    """Cut a table into blocks of rows, so that a large one is not held twice; one without rows gives one block."""
    import pyarrow as pa

    names = [*(name for name, _ in first), *columns]
    leading = [np.asarray(values) for _, values in first]
    for start in range(0, max(1, len(array)), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        values = [column[block] for column in leading]
        values += [np.ascontiguousarray(column) for column in array[block].T]
        yield pa.RecordBatch.from_arrays([pa.array(column) for column in values], names=names)
