"""Rows that are too many for memory: when they are read in blocks, and how long work on them goes on after it was cut short."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from narrows import data
from narrows._files import replacing
from narrows.cli.reading import Source
from narrows.cli.screen import Screen, counted
from narrows.data.converting import npy_header
from narrows.data.names import NoSuchLabel
from narrows.data.one_pass import OnePass, one_pass
from narrows.data.sources import SETS, expanded
from narrows.data.standard_input import NAME as STANDARD_INPUT

if TYPE_CHECKING:
    from narrows.progress import Progress

LARGE = 2**30  # bytes of numbers: from here on rows are read in blocks unless somebody says otherwise
CELL = 4  # bytes that a number takes in memory at least
ROWS_AT_ONCE: int | None = None  # as many as memory is meant for
SECONDS = 1.0  # from one note of how far a file is whole to the next
MOST_HELD = 10_000  # rows to measure on
FORMATS = (".npy", ".csv")  # that can grow
PART, PLACE = ".part", ".part.json"


def in_blocks(source: Source, asked: bool | None) -> bool:
    """Say whether rows are to be read in blocks: as asked, or else if they are many.

    Raises
    ------
    ValueError
        If that was asked for, and they cannot be.
    """
    names = expanded(source)
    alone = next((name for name in names if name in SETS or name == STANDARD_INPUT), None)
    if alone is not None:
        if asked:
            raise ValueError(f"{alone!r} is read at once, and --blocks is for files and folders: leave it out")
        return False
    return _bytes_of(names) >= LARGE if asked is None else asked


def _bytes_of(names: list[str]) -> int:
    """Give how much memory files would take, roughly."""
    total = 0
    for name in names:
        path = Path(name)
        files = [path] if path.is_file() else sorted(path.glob("*.npy")) if path.is_dir() else []
        total += sum(_size(file) for file in files)
    return total


def _size(path: Path) -> int:
    if path.suffix.lower() != ".parquet":
        return path.stat().st_size
    import pyarrow as pa
    from pyarrow import parquet

    try:
        about = parquet.read_metadata(path)
    except (pa.ArrowException, OSError):  # what reads it will say what is wrong
        return 0
    return int(about.num_rows * about.num_columns * CELL)


def read(screen: Screen, source: Source, label: str | None) -> data.Blocks:
    """Open rows in blocks, and say so.

    Raises
    ------
    ValueError, OSError
        If they cannot be read.
    """
    blocks = data.blocks(source, label=label, progress=screen.progress())
    screen.detail(f"{blocks.name}: {counted(len(blocks), 'row')} are read in blocks, {blocks.nbytes / 1e9:.1f} GB in all")
    return blocks


def once(screen: Screen, source: Source, label: str | None) -> OnePass:
    """Open rows to go through once, and say so; without labels where there is no such column.

    Raises
    ------
    ValueError, OSError
        If they cannot be read.
    """
    try:
        rows = one_pass(source, label=label, progress=screen.progress())
    except NoSuchLabel:
        rows = one_pass(source, progress=screen.progress())
    n = rows.stream.rows
    screen.detail(f"{rows.name}: {'rows' if n is None else counted(n, 'row')} are read in blocks")
    return rows


def rows_of(blocks: data.Blocks) -> data.Rows:
    """Give rows in blocks as rows."""
    return data.Rows(blocks, blocks.feature_names, blocks.labels, blocks.name, image_shape=blocks.image_shape)  # type: ignore[arg-type]


def hold_out(rows: data.Rows, fraction: float, *, seed: int) -> tuple[data.Rows, data.Rows]:
    """Hold out some rows to measure on, which are then in memory."""
    blocks: Any = rows.X
    count = max(1, min(round(fraction * len(blocks)), MOST_HELD, len(blocks) - 1))
    rest, held, numbers = blocks.hold_out(count, np.random.default_rng(seed))
    labels = None if rows.labels is None else rows.labels[numbers]
    test = data.Rows(held, rows.feature_names, labels, f"{rows.name}, held out", image_shape=rows.image_shape)
    return rows_of(rest), test


def sampled(rows: data.Rows) -> data.Rows:
    """Give some rows in memory where they are in blocks, else all."""
    if not isinstance(rows.X, data.Blocks):
        return rows
    X, numbers = rows.X.sample()
    return data.Rows(X, rows.feature_names, None if rows.labels is None else rows.labels[numbers], rows.name, image_shape=rows.image_shape)


@dataclass
class Growing:
    """A file beside the output that grows block by block, with the place up to which it is whole.

    Attributes
    ----------
    output : Path
        What it becomes at its end.
    run : dict
        What it is made of: only the same goes on.
    """

    output: Path
    run: dict[str, Any]

    @property
    def part(self) -> Path:
        """Where rows are written."""
        return self.output.with_name(f".{self.output.name}{PART}")

    @property
    def place(self) -> Path:
        """Where it is written how far they are whole."""
        return self.output.with_name(f".{self.output.name}{PLACE}")

    def begun(self, resume: bool) -> tuple[int, int]:
        """Give the rows and bytes that are there already; nothing unless they are to be gone on with.

        Raises
        ------
        ValueError
            If what is there is of another run.
        """
        if not resume or not self.place.exists() or not self.part.exists():
            return 0, 0
        try:
            told = json.loads(self.place.read_text())
            rows, size, run = int(told["rows"]), int(told["bytes"]), told["run"]
        except (ValueError, KeyError, TypeError) as problem:
            raise ValueError(f"'{self.place}' is damaged: delete it, or leave out --resume") from problem
        if run != self.run or not 0 <= size <= self.part.stat().st_size or rows < 0:
            raise ValueError(f"what was written of '{self.output}' is of other rows or another bundle: leave out --resume to begin anew")
        return rows, size

    def save(self, rows: int, size: int, file: IO[bytes]) -> None:
        """Note that all rows up to here are written, and how many bytes they take."""
        file.flush()
        os.fsync(file.fileno())
        with replacing(self.place) as note:
            note.write(json.dumps({"rows": rows, "bytes": size, "run": self.run}).encode())

    @contextmanager
    def kept(self, file: IO[bytes]) -> Iterator[Callable[[int, int], None]]:
        """Give what is told of all rows that are whole, with their bytes: it is noted now and then, and where work is cut short."""
        last, noted = (0, 0), time.monotonic()

        def keep(rows: int, size: int) -> None:
            nonlocal last, noted
            last = rows, size
            if time.monotonic() - noted >= SECONDS:
                self.save(*last, file)
                noted = time.monotonic()

        try:
            yield keep
        except BaseException:
            with suppress(OSError):  # the disk may be full, which is then what is told
                if last[0]:
                    self.save(*last, file)
            raise

    @contextmanager
    def opened(self, size: int) -> Iterator[IO[bytes]]:
        """Open the file behind what is whole of it."""
        with open(self.part, "r+b" if size else "w+b") as file:
            file.truncate(size)
            file.seek(size)
            yield file

    def end(self) -> None:
        """Give the file its name."""
        os.replace(self.part, self.output)
        self.place.unlink(missing_ok=True)


def identity(bundle: Path, rows: OnePass) -> dict[str, Any]:
    """Give what a streamed output is made of: the bundle, and the rows."""
    about = bundle.stat()
    stream = rows.stream
    seen = {"name": rows.name, "width": stream.width, "type": str(stream.dtype), "files": rows.identity()}
    return {"bundle": [about.st_size, about.st_mtime_ns], "rows": seen}


def stream(
    rows: OnePass,
    compute: Callable[[data.Blocks], np.ndarray],
    columns: list[str],
    growing: Growing,
    progress: Progress,
    *,
    resume: bool,
) -> tuple[int, int]:
    """Write what is computed of rows, some at a time; give how many rows and columns.

    Parameters
    ----------
    rows : OnePass
    compute : callable
        From some rows, as an estimator takes them, to an array of shape (m, d).
    columns : list of str
        Their names, for .csv.
    growing : Growing
        Whose output is a .npy or .csv file.
    progress : Progress
    resume : bool
        Whether to go on with what is there.

    Raises
    ------
    ValueError, OSError
        If rows cannot be read, or the file cannot be written.
    """
    is_npy = growing.output.suffix.lower() == ".npy"
    done, size = growing.begun(resume)
    progress.begin("rows", rows.stream.rows or math.inf, "rows")
    with growing.opened(size) as file, growing.kept(file) as keep, closing(rows.chunks(done, ROWS_AT_ONCE)) as chunks:
        for chunk in chunks:
            found = compute(chunk)
            if not done:
                file.write(npy_header((0, found.shape[1]), found.dtype) if is_npy else _head(columns))
            file.write(np.ascontiguousarray(found).reshape(-1).view(np.uint8).data if is_npy else _lines(found, columns))
            done += len(found)
            keep(done, file.tell())
            progress.advance(done, f"{done:,} rows")
        if is_npy:
            _count(file, done)
    progress.end(f"{done:,} rows")
    growing.end()
    return done, len(columns)


def _count(file: IO[bytes], n: int) -> None:
    """Write into the header of a .npy file how many rows there are, which may be known at the end only."""
    file.seek(0)
    np.lib.format.read_magic(file)
    (_, *rest), _, dtype = np.lib.format.read_array_header_1_0(file)
    file.seek(0)
    file.write(npy_header((n, *rest), dtype))


def _head(columns: list[str]) -> bytes:
    return (",".join(f'"{name.replace(chr(34), 2 * chr(34))}"' for name in columns) + "\n").encode()


def _lines(found: np.ndarray, columns: list[str]) -> bytes:
    import pyarrow as pa
    from pyarrow import csv

    table = pa.table([pa.array(np.ascontiguousarray(column)) for column in found.T], names=columns)
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink, csv.WriteOptions(include_header=False))
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]
