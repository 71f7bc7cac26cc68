"""Rows that come one block after another: of Parquet, CSV and Arrow files, images, arrays, or whatever gives arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrows import _files
from narrows.data.block_rows import Blocks
from narrows.data.columns import block_of, check_columns, labels_of, type_of
from narrows.data.csv_files import csv_blocks
from narrows.data.image_files import read_images
from narrows.data.names import NoSuchLabel
from narrows.data.numbers import as_numbers, check_dtype, check_finite, exact_type
from narrows.data.numpy_files import read_header
from narrows.data.rows import Rows
from narrows.progress import Silent

BYTES, TABLE_BYTES = 2**22, 2**23  # of a block, roughly: of a table, whose columns are turned one by one, more
BUFFERS, LEAST_BUFFER = 2**25, 2**14  # bytes that wait to be decoded: of all columns, of one
IMAGES = 1024  # of a block at most


Block = tuple[NDArray[Any], NDArray[Any] | None]


@dataclass(frozen=True)
class Stream:
    """Rows, block by block.

    Attributes
    ----------
    read : callable
        From the number of a row to an iterator of (ndarray of shape (m, d), ndarray of shape (m,) or None): from this row on, rows of
        one type, of finite numbers where they come from files, and their labels where one was asked for.
    width : int
        Numbers of a row.
    dtype : dtype
        What all rows fit into.
    names : list of str or None
        Of the columns.
    image_shape : tuple of int or None
    rows : int or None
        How many there are, where that is known beforehand.
    """

    read: Callable[[int], Iterator[Block]]
    width: int
    dtype: np.dtype[Any]
    names: list[str] | None = None
    image_shape: tuple[int, ...] | None = None
    rows: int | None = None


def parquet(path: Path, label: str | None) -> Stream:
    """Read a Parquet file.

    Raises
    ------
    ValueError
        If the file is empty or damaged, also later on, or a column is not made of numbers and is not the label.
    """
    import pyarrow as pa
    from pyarrow import parquet

    where = f"'{path}'"
    with _files.opened(path) as file:
        if not file.read(1):
            raise ValueError(f"{where} is empty (0 bytes): write or copy it again")
    with _sound(where, "Parquet"), parquet.ParquetFile(path) as content:
        schema, about = content.schema_arrow, content.metadata
    names = _names(schema.names, label, where)
    dtype = type_of([schema.field(name).type for name in names])
    # Each column has a buffer of its own, and wide tables have many.
    buffer = max(LEAST_BUFFER, BUFFERS // max(1, len(schema.names)))

    size = max(256, TABLE_BYTES // (len(names) * dtype.itemsize))

    def tables(groups: list[int]) -> Iterator[Any]:
        with _sound(where, "Parquet"), parquet.ParquetFile(path, buffer_size=buffer) as content:
            for run in _runs(groups, [about.row_group(group).num_rows for group in groups], size):
                for batch in content.iter_batches(batch_size=size, row_groups=run):
                    yield pa.Table.from_batches([batch])

    def read(first: int) -> Iterator[Block]:
        groups, before = list(range(about.num_row_groups)), 0
        while groups and before + about.row_group(groups[0]).num_rows <= first:  # which need not be decoded
            before += about.row_group(groups.pop(0)).num_rows
        return _from(first - before, _of_tables(tables(groups), names, label, where, dtype, typed=True, before=before))

    return Stream(read, len(names), dtype, names, rows=about.num_rows)


def _runs(groups: list[int], rows: list[int], size: int) -> Iterator[list[int]]:
    """Put row groups together until there are so many rows: Arrow keeps something of all that it is asked for at once."""
    run, found = [], 0
    for group, n in zip(groups, rows, strict=True):
        run.append(group)
        found += n
        if found >= size or group == groups[-1]:
            yield run
            run, found = [], 0


def arrow(path: Path, label: str | None) -> Stream:
    """Read an Arrow IPC file, which Feather files of version 2 are as well.

    Raises
    ------
    ValueError
        If it is empty, damaged or none, or a column is not made of numbers and is not the label.
    """
    import pyarrow as pa
    from pyarrow import ipc

    where = f"'{path}'"
    with _files.opened(path) as file, _sound(where, "Arrow"):
        schema = ipc.open_file(file).schema
    names = _names(schema.names, label, where)
    dtype = type_of([schema.field(name).type for name in names])

    def tables() -> Iterator[Any]:
        with _files.opened(path) as file, _sound(where, "Arrow"):
            reader = ipc.open_file(file)
            for number in range(reader.num_record_batches):
                table = pa.Table.from_batches([reader.get_batch(number)])
                table.validate(full=True)
                yield table

    def read(first: int) -> Iterator[Block]:
        return _from(first, _of_tables(tables(), names, label, where, dtype, typed=True))

    return Stream(read, len(names), dtype, names)


def csv(path: Path, label: str | None) -> Stream:
    """Read a CSV file; its numbers are float64.

    Raises
    ------
    ValueError
        If the file is empty, ragged or no text, also later on, or a column is not made of numbers and is not the label.
    """
    where = f"'{path}'"
    names, named, tables = csv_blocks(path, label)
    kept = [name for name in names if name != label]
    dtype = np.dtype(np.float64)

    def read(first: int) -> Iterator[Block]:
        return _from(first, _of_tables(tables(), kept, label, where, dtype, typed=False))

    return Stream(read, len(kept), dtype, kept if named else None)


def array_file(path: Path, label: str | None) -> Stream:
    """Read a .npy file of any order and type of numbers.

    Raises
    ------
    ValueError
        If it is damaged, or a label is asked for.
    """
    if label is not None:
        raise NoSuchLabel(f"'{path}' is one array without column names, so it has no label {label!r}: name a file of labels")
    with _files.opened(path) as file:
        read_header(file, path.stat().st_size, f"'{path}'")
    return array(np.load(path, mmap_mode="r", allow_pickle=False), f"'{path}'")


def array(whole: NDArray[Any], where: str) -> Stream:
    """Go through an array of shape (n, d), or of images.

    Raises
    ------
    ValueError
        If it is not made of real numbers, or of another shape.
    """
    if whole.ndim not in (2, 3, 4) or not whole.size:
        raise ValueError(
            f"{where} has the shape {whole.shape}; rows have the shape (n, d), images (n, height, width) or with channels last"
        )
    check_dtype(whole.dtype, where)
    dtype = exact_type([whole.dtype], math.inf)
    width = int(np.prod(whole.shape[1:]))
    step = _rows_of(width, dtype)

    def read(first: int) -> Iterator[Block]:
        for start in range(first, len(whole), step):
            block = np.ascontiguousarray(whole[start : start + step], dtype)
            rows = block.reshape(len(block), -1)
            check_finite(rows, None, f"{where}, from row {start + 1:,} on,")
            yield rows, None

    return Stream(read, width, dtype, image_shape=whole.shape[1:] if whole.ndim > 2 else None, rows=len(whole))


def lying(blocks: Blocks) -> Stream:
    """Go through rows that can be read where they lie."""
    step = _rows_of(blocks.shape[1], blocks.dtype)

    def read(first: int) -> Iterator[Block]:
        for start in range(first, len(blocks), step):
            yield blocks[start : start + step], None

    return Stream(read, blocks.shape[1], blocks.dtype, blocks.feature_names, blocks.image_shape, len(blocks))


def piece(rows: Rows) -> Stream:
    """Give rows that are in memory, in one block."""

    def read(first: int) -> Iterator[Block]:
        yield rows.X[first:], None if rows.labels is None else rows.labels[first:]

    return Stream(read, rows.X.shape[1], rows.X.dtype, rows.feature_names, rows.image_shape, len(rows.X))


def images(paths: list[Path], labels: NDArray[Any] | None) -> Stream:
    """Read images of one size, all gray or all with colors.

    Raises
    ------
    ValueError
        If one is damaged, no image, or of another shape, also later on.
    """

    def together(some: list[Path]) -> Any:
        return read_images(some, [path.name for path in some], some[0].parent.name, Silent())

    shape = together(paths[:1]).image_shape
    width = int(np.prod(shape))
    step = max(1, min(IMAGES, BYTES // width))

    def read(first: int) -> Iterator[Block]:
        for start in range(first, len(paths), step):
            some = paths[start : start + step]
            found = together(some)
            if found.image_shape != shape:
                came, wanted = ("x".join(map(str, one)) for one in (found.image_shape, shape))
                raise ValueError(
                    f"among '{some[0]}' and the {len(some) - 1} after it are images of {came}, and '{paths[0]}' is one of {wanted}: "
                    "in blocks all need one size, and all are gray or all have colors"
                )
            yield found.X, None if labels is None else labels[start : start + step]

    return Stream(read, width, np.dtype(np.uint8), image_shape=shape, rows=len(paths))


def iterable(source: Iterable[Any]) -> Stream:
    """Go through arrays of shape (m, d) that something gives, all of one width and type; once.

    Raises
    ------
    ValueError, TypeError
        If there are none, or one is no such array, also later on.
    """
    given = iter(source)
    begun = next(given, None)
    if begun is None:
        raise ValueError("the blocks of rows came to an end before the first: give one or more arrays of shape (m, d)")
    shape, dtype = _of_block(begun, 1).shape[1:], as_numbers(_of_block(begun, 1), "block 1 of the rows").dtype

    def blocks() -> Iterator[Block]:
        number, block = 1, begun
        while True:
            found = _of_block(block, number)
            if found.shape[1:] != shape:
                raise ValueError(f"block {number} has rows of shape {found.shape[1:]} and the first of {shape}: give blocks of one width")
            numbers = as_numbers(found, f"block {number} of the rows")
            if not np.can_cast(numbers.dtype, dtype):
                raise ValueError(f"block {number} holds {numbers.dtype} and the first {dtype}: give blocks of one type")
            yield numbers.astype(dtype, copy=False).reshape(len(numbers), -1), None
            number += 1
            try:
                block = next(given)
            except StopIteration:
                return

    def read(first: int) -> Iterator[Block]:
        return _from(first, blocks())

    return Stream(read, int(np.prod(shape)), dtype, image_shape=shape if len(shape) > 1 else None)


def several(files: list[tuple[Path, Callable[[], Stream]]], *, counted: bool = False) -> Stream:
    """Join the rows of files, whose columns must have the same names, in any order.

    Parameters
    ----------
    files : list of (Path, callable)
        The callable opens the file.
    counted : bool, default=False
        Whether opening tells how many rows a file has: then all are opened, and compared, beforehand.

    Raises
    ------
    ValueError
        If they have not, or hold numbers of more than one type, also later on.
    """
    (first_path, open_first), *others = files
    begun = open_first()

    def opened(path: Path, open_next: Callable[[], Stream]) -> tuple[Stream, list[int] | None]:
        stream = open_next()
        order = _order(begun, stream, first_path, path)
        if not np.can_cast(stream.dtype, begun.dtype):
            raise ValueError(f"'{path}' holds {stream.dtype} and '{first_path}' {begun.dtype}: give files of one type")
        return stream, order

    known = [opened(path, open_next) for path, open_next in others] if counted else []
    counts = [begun.rows, *(stream.rows for stream, _ in known)] if counted or not others else [None]
    ends = None if None in counts else np.cumsum(np.array(counts, np.int64))

    def joined(number: int, first: int) -> Iterator[Block]:
        """Give the rows of a file from one of them on, then those of the files after it."""
        following = known or (opened(path, open_next) for path, open_next in others)
        for stream, order in islice(chain([(begun, None)], following), number, None):
            for rows, labels in stream.read(first):
                yield (rows if order is None else rows[:, order]).astype(begun.dtype, copy=False), labels
            first = 0

    def read(first: int) -> Iterator[Block]:
        if ends is None:
            return _from(first, joined(0, 0))
        number = int(np.searchsorted(ends, first, side="right"))  # files before it need not be opened
        return joined(number, first - (int(ends[number - 1]) if number else 0))

    return Stream(read, begun.width, begun.dtype, begun.names, begun.image_shape, None if ends is None else int(ends[-1]))


def _order(first: Stream, stream: Stream, of_first: Path, of_this: Path) -> list[int] | None:
    if stream.image_shape != first.image_shape or (stream.names is None) != (first.names is None):
        raise ValueError(
            f"'{of_this}' is of another kind than '{of_first}': give files whose columns have names, or none, or images of one size"
        )
    if stream.names is None or first.names is None or stream.names == first.names:
        return None
    if set(stream.names) != set(first.names):
        odd = sorted(set(stream.names) ^ set(first.names))[0]
        raise ValueError(f"only one of '{of_this}' and '{of_first}' has a column {odd!r}: give files of the same columns")
    return [stream.names.index(name) for name in first.names]


def _of_block(block: Any, number: int) -> NDArray[Any]:
    found = np.asarray(block)
    if found.ndim not in (2, 3, 4) or not found.size:
        raise ValueError(f"block {number} of the rows has the shape {found.shape}; a block has the shape (m, d), or is of images")
    return found


def _of_tables(
    tables: Iterable[Any], names: list[str], label: str | None, where: str, dtype: np.dtype[Any], *, typed: bool, before: int = 0
) -> Iterator[Block]:
    done = before
    for table in tables:
        if not table.num_rows:
            continue
        block = block_of(table, names, where, dtype)
        check_finite(block, names, f"{where}, after row {done:,},")
        yield block, None if label is None else labels_of(table[label], f"column {label!r}", where, typed=typed)
        done += len(block)


def _from(first: int, blocks: Iterator[Block]) -> Iterator[Block]:
    """Leave out the rows before one."""
    for rows, labels in blocks:
        after = min(first, len(rows))
        first -= after
        if after < len(rows):
            yield rows[after:], None if labels is None else labels[after:]


def _names(names: list[str], label: str | None, where: str) -> list[str]:
    check_columns(names, label, where)
    kept = [name for name in names if name != label]
    if not kept:
        raise ValueError(f"{where} has no column beside the label {label!r}; rows need one column of numbers or more")
    return kept


def _rows_of(width: int, dtype: np.dtype[Any]) -> int:
    return max(256, BYTES // (width * dtype.itemsize))


@contextmanager
def _sound(where: str, kind: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as problem:
        reason = str(problem).partition("\n")[0]
        raise ValueError(f"{where} is cut short, damaged or no {kind} file ({reason}): write or copy it again") from problem
