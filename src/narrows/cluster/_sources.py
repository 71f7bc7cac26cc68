"""Which files are read, how they are cut into pieces, and where the output of each goes."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from narrows import _files
from narrows.data.columns import check_columns
from narrows.data.numpy_files import read_header
from narrows.data.sources import SETS

ENDINGS = (".parquet", ".npy")
PIECE = 2**18  # rows from which a file is shared out among workers

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class File:
    """One file to read, as it is now.

    Attributes
    ----------
    path, output : str
        Absolute.
    size, changed : int
        Bytes, and nanoseconds: by these it is known again.
    schema : pyarrow.Schema or None
        Of a Parquet file.
    shape : tuple of int
        Of the array of a .npy file, else the number of rows alone.
    groups : tuple of int
        Rows of each row group of a Parquet file.
    """

    path: str
    output: str
    size: int
    changed: int
    schema: Any
    shape: tuple[int, ...]
    groups: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.shape[0]


@dataclass(frozen=True)
class Span:
    """Some rows of a file that follow each other.

    Attributes
    ----------
    start, stop : int
        Rows.
    groups : tuple of (int, int)
        From which row group up to which, of a Parquet file.
    """

    start: int
    stop: int
    groups: tuple[int, int]


def found(source: Source, output: Path) -> list[tuple[str, str]]:
    """Give the files that a source stands for, each with that of its output: the same name below the output folder.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If one is of no kind that is read here, or two would be written into one.
    """
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    pairs = [pair for one in given for pair in _matching(os.fspath(one))]
    if not pairs:
        raise ValueError("no source came: give files, folders or patterns")
    above = os.path.commonpath([root for root, _ in pairs])
    made: dict[str, str] = {}
    for _, path in pairs:
        target = os.path.splitext(os.path.join(output.absolute(), os.path.relpath(path, above)))[0] + ".parquet"
        if made.setdefault(target, path) != path:
            raise ValueError(f"'{made[target]}' and '{path}' would both be written to '{target}': rename one, or give them apart")
    return [(path, target) for target, path in made.items()]


def _matching(text: str) -> Iterator[tuple[str, str]]:
    """Give files with the folder below which they keep their places."""
    whole = os.path.abspath(text)
    if os.path.isdir(whole):
        root, paths = whole, [path for path in _walked(whole) if path.endswith(ENDINGS)]
        nothing = f"the folder '{text}' holds no {' or '.join(ENDINGS)} file: check the path"
    elif glob.has_magic(text) and not os.path.lexists(text):
        parts = Path(whole).parts
        root = os.path.join(*parts[: next(place for place, part in enumerate(parts) if glob.has_magic(part))])
        paths = sorted(path for path in glob.glob(whole, recursive=True) if os.path.isfile(path))
        nothing = f"no file matches the pattern '{text}': check the path"
    else:
        if text in SETS or text == "-":
            raise ValueError(f"{text!r} is not on a disk that all machines see: on a cluster, give {' or '.join(ENDINGS)} files")
        root, paths = os.path.dirname(whole), [whole] * os.path.lexists(whole)
        nothing = f"there is no file '{text}': check the path"
    if not paths:
        raise FileNotFoundError(nothing)
    for path in paths:
        if not path.lower().endswith(ENDINGS):
            raise ValueError(
                f"'{path}' is no {' or '.join(ENDINGS)} file, which are read on a cluster: leave it out, or convert it ('narrows convert')"
            )
        yield root, path


def _walked(folder: str) -> list[str]:
    """Give all files below a folder but those that are hidden, or marked as none of the data by an underscore."""
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        found += [os.path.join(root, name) for name in sorted(files) if not name.startswith((".", "_"))]
    return found


def opened(path: str, output: str) -> File:
    """Look at what a file says of itself.

    Raises
    ------
    ValueError
        If it is damaged or empty.
    OSError
        If it cannot be read.
    """
    where = f"'{path}'"
    with _files.opened(path) as file:
        about = os.fstat(file.fileno())
        if not about.st_size:
            raise ValueError(f"{where} is empty (0 bytes): write or copy it again")
        if path.lower().endswith(".npy"):
            return File(path, output, about.st_size, about.st_mtime_ns, None, _shape(file, about.st_size, where), ())
        from pyarrow import parquet

        with sound(where), parquet.ParquetFile(file) as content:
            schema, said = content.schema_arrow, content.metadata
            groups = tuple(said.row_group(place).num_rows for place in range(said.num_row_groups))
            rows = said.num_rows
    check_columns(schema.names, None, where)
    return File(path, output, about.st_size, about.st_mtime_ns, schema, (rows,), groups)


def _shape(file: IO[bytes], size: int, where: str) -> tuple[int, ...]:
    shape, dtype, _ = read_header(file, size, where)
    if dtype.kind in "US":
        raise ValueError(f"{where} holds text; rows are made of real numbers: convert it to float32, float64 or uint8")
    if len(shape) not in (2, 3, 4):
        raise ValueError(f"{where} has the shape {shape}; rows have the shape (n, d), images (n, height, width) or with channels last")
    return shape


def spans(file: File) -> list[Span]:
    """Cut a file into runs of rows, of which each can be read without the others; the whole file, if it is small."""
    if file.schema is None:
        starts = range(0, max(1, file.rows), PIECE)
        return [Span(start, min(start + PIECE, file.rows), (0, 0)) for start in starts]
    made: list[Span] = []
    start = row = first = 0
    for place, rows in enumerate(file.groups, start=1):
        row += rows
        if row - start >= PIECE:
            made.append(Span(start, row, (first, place)))
            start, first = row, place
    if first < len(file.groups) or not made:
        made.append(Span(start, row, (first, len(file.groups))))
    return made


def check_unchanged(file: File) -> None:
    """Refuse a file that is no longer what it was.

    Raises
    ------
    ValueError, OSError
        If so, or it is gone.
    """
    about = os.stat(file.path)
    if (about.st_size, about.st_mtime_ns) != (file.size, file.changed):
        raise ValueError(f"'{file.path}' was written to while it was to be read: run again when it is whole")


def tables(file: File, span: Span, rows_at_once: int) -> Iterator[Any]:
    """Read rows as Arrow tables, some at a time.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    where = f"'{file.path}'"
    with sound(where), parquet.ParquetFile(file.path, buffer_size=2**16) as content:
        for batch in content.iter_batches(batch_size=rows_at_once, row_groups=range(*span.groups)):
            yield pa.Table.from_batches([batch])


def arrays(file: File, span: Span, rows_at_once: int) -> Iterator[np.ndarray]:
    """Read rows of a .npy file, some at a time."""
    whole = np.load(file.path, mmap_mode="r", allow_pickle=False)
    for start in range(span.start, span.stop, rows_at_once):
        yield np.ascontiguousarray(whole[start : min(start + rows_at_once, span.stop)])


@contextmanager
def sound(where: str) -> Iterator[None]:
    """Say in one sentence that a Parquet file is damaged.

    Raises
    ------
    ValueError
        If it is.
    """
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as problem:
        reason = str(problem).partition("\n")[0]
        raise ValueError(f"{where} is cut short, damaged or no Parquet file ({reason}): write or copy it again") from problem


def folders_of(files: Iterable[File]) -> list[Path]:
    """Give the folders that are written into."""
    return sorted({Path(file.output).parent for file in files})
