"""Output files: Parquet, with a note of what they were made of, checked row by row before they get their names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import IO, Any

import numpy as np

from narrows._files import replacing
from narrows.cluster import _rows_once

KEY = b"narrows"  # of the note, among the metadata
PART = ".part"
_ROWS = 2**16


class Unfaithful(OSError):
    """What was written is not what was computed."""


def write(
    path: str,
    schema: Any,
    blocks: Iterable[tuple[Any, int]],
    made: tuple[str, ...],
    note: dict[str, Any],
    start: int,
    expected: int,
    of_parts: int | None = None,
) -> tuple[int, int]:
    """Write tables one after another, read them again, and give the file its name if each row is there once, in its place.

    Parameters
    ----------
    path : str
        Replaced at the end, or untouched.
    schema : pyarrow.Schema
    blocks : iterable of (pyarrow.Table, int)
        Rows, and the sum that `_rows_once` gives of their computed values.
    made : tuple of str
        The columns of computed numbers.
    note : dict
        What it is made of; the sum is added to it.
    start, expected : int
        The number of the first row, and how many there must be.
    of_parts : int, default=None
        The sum that there must be, where rows were computed before.

    Returns
    -------
    rows, total : int

    Raises
    ------
    Unfaithful
        If what is read again is something else.
    OSError
        If it cannot be written.
    """
    from pyarrow import parquet

    rows = total = 0
    with replacing(path) as file:
        with parquet.ParquetWriter(file, schema) as writer:
            for table, of_table in blocks:
                writer.write_table(table)
                rows, total = rows + table.num_rows, _rows_once.added(total, of_table)
            writer.add_key_value_metadata({KEY: json.dumps({**note, "sum": f"{total:016x}"})})
        file.flush()
        with os.fdopen(os.dup(file.fileno()), "rb") as again:
            seen = _seen(again, made, start)
        if seen != (rows, total) or rows != expected or of_parts not in (None, total):
            came = f"{rows:,} rows were written and {seen[0]:,} are read again, of {expected:,}"
            raise Unfaithful(f"'{path}' does not hold what was computed ({came}): look at the disk and at what was read")
    return rows, total


def _seen(file: IO[bytes], made: tuple[str, ...], start: int) -> tuple[int, int]:
    from pyarrow import parquet

    rows = total = 0
    with parquet.ParquetFile(file) as content:
        for batch in content.iter_batches(batch_size=_ROWS, columns=list(made)):
            total = _rows_once.added(total, _rows_once.summed(start + rows, numbers_of(batch, made)))
            rows += batch.num_rows
    return rows, total


def numbers_of(table: Any, made: tuple[str, ...]) -> np.ndarray:
    """Give columns of numbers of one type, of a table or a record batch, as a matrix of shape (m, d)."""
    return np.column_stack([table.column(name).to_numpy(zero_copy_only=False) for name in made])


def joined(parts: list[str], made: tuple[str, ...]) -> Iterator[tuple[Any, int]]:
    """Read parts one after another, as `write` takes them, with the sums of their rows in their new places.

    Raises
    ------
    OSError
        If one cannot be read.
    """
    import pyarrow as pa
    from pyarrow import parquet

    row = 0
    for part in parts:
        with parquet.ParquetFile(part) as content:
            for batch in content.iter_batches(batch_size=_ROWS):
                yield pa.Table.from_batches([batch]), _rows_once.summed(row, numbers_of(batch, made))
                row += batch.num_rows


def note_of(path: str) -> tuple[dict[str, Any], int] | None:
    """Give the note of an output, and its rows; None where there is none, or the file is damaged or not there."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        about = parquet.read_metadata(path)
        said = json.loads((about.metadata or {})[KEY])
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return None
    return (said, about.num_rows) if isinstance(said, dict) else None


def part_of(output: str, start: int, stop: int) -> str:
    """Name the file of some rows, beside the output."""
    path = Path(output)
    return str(path.with_name(f".{path.name}.{start}-{stop}{PART}"))


def leftovers(folder: Path) -> Iterator[Path]:
    """Find what workers left in a folder: parts of files, and files that they did not bring to their end."""
    yield from (path for path in folder.glob(f".*{PART}") if ".parquet." in path.name)


def is_of(leftover: Path, outputs: Set[str]) -> bool:
    """Say whether a leftover was to become one of some files, or a part of one; what was to become a part is hidden twice."""
    name = leftover.name.partition(".parquet.")[0] + ".parquet"
    return any(str(leftover.with_name(name[dots:])) in outputs for dots in (1, 2))
