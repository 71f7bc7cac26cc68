"""Rows that are gone through once: some of them in memory, the next of which are read while somebody works on the last."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrows.data.block_rows import ArrayPart, Blocks
from narrows.data.numbers import check_range
from narrows.data.opening import Source, as_they_lie, called, files_of, opened
from narrows.data.streams import Stream, lying
from narrows.progress import Progress, Silent

MOST_ROWS, MOST_BYTES = 2**16, 2**24  # of a chunk
ROUND = 2**10  # rows: networks take so many at a time


@dataclass(frozen=True)
class OnePass:
    """Rows of files, which nothing is written of, unlike those of `blocks`.

    Attributes
    ----------
    stream : Stream
    name : str
        What a person calls them.
    files : list of Path
        Where they are, in order; the images of a folder.
    labeled : bool
        Whether they have labels.
    """

    stream: Stream
    name: str
    files: list[Path]
    labeled: bool = False

    def identity(self) -> str:
        """Give what tells these rows from others: a digest of the names, sizes and times of their files.

        Raises
        ------
        OSError
            If one is gone.
        """
        told = hashlib.sha256()
        for file in self.files:
            about = file.stat()
            told.update(f"{file.name}\0{about.st_size}\0{about.st_mtime_ns}\n".encode())
        return told.hexdigest()

    def chunks(self, first: int = 0, size: int | None = None) -> Generator[Blocks]:
        """Read rows from one of them on, so many at a time.

        Parameters
        ----------
        first : int, default=0
            Number of a row. Row groups of Parquet files that end before it are not decoded, files that do so not read if they tell
            how many rows they have.
        size : int, default=None
            Rows of a chunk; by default 65,536, or what 16 MB take.

        Yields
        ------
        Blocks of shape (size, d), the last of them of what is left
            Rows in memory, with what is known of all, and their labels.

        Raises
        ------
        ValueError, OSError
            If a file is damaged or gone, or does not fit the first.
        """
        with closing(_cut(self, first, size or self._size())) as chunks, ThreadPoolExecutor(1, thread_name_prefix="narrows-pass") as thread:
            ahead = thread.submit(next, chunks, None)
            while (chunk := ahead.result()) is not None:
                ahead = thread.submit(next, chunks, None)
                yield chunk

    def take(self, rows: NDArray[Any]) -> Blocks:
        """Read some of the rows: a few by going to each where the files allow that, else by going through all once more.

        Parameters
        ----------
        rows : ndarray of shape (m,), of whole numbers
            Numbers of rows, in any order.

        Returns
        -------
        Blocks of shape (m, d)
            In memory.

        Raises
        ------
        ValueError, OSError
            As `chunks` does.
        """
        order = np.argsort(rows)
        wanted = np.asarray(rows)[order]
        found, labels = np.empty((len(rows), self.stream.width), self.stream.dtype), []
        for first, chunk in self._around(wanted):
            low, high = np.searchsorted(wanted, [first, first + len(chunk)])
            found[order[low:high]] = chunk.take(wanted[low:high] - first)
            labels += [] if chunk.labels is None else [chunk.labels[wanted[low:high] - first]]
            if high == len(wanted):
                break
        return self._chunk(found, np.concatenate(labels)[np.argsort(order)] if labels else None)

    def _around(self, wanted: NDArray[Any]) -> Iterator[tuple[int, Blocks]]:
        """Give chunks in which there are rows that are wanted, and perhaps others, with the numbers of their first rows."""
        if len(wanted) * MOST_ROWS < (self.stream.rows or 0):
            for row in wanted.tolist():
                with closing(self.chunks(row, 1)) as chunks:
                    yield row, next(chunks)
            return
        first = int(min(wanted, default=0))
        with closing(self.chunks(first)) as chunks:
            for chunk in chunks:
                yield first, chunk
                first += len(chunk)

    def _size(self) -> int:
        most = MOST_BYTES // (self.stream.width * self.stream.dtype.itemsize)
        return max(ROUND, min(MOST_ROWS, most) // ROUND * ROUND)

    def _chunk(self, rows: NDArray[Any], labels: NDArray[Any] | None) -> Blocks:
        check_range(rows, self.name)
        return Blocks((ArrayPart(rows, self.name, sound=True),), self.stream.names, self.stream.image_shape, labels, self.name)


def one_pass(source: Source, *, label: str | None = None, progress: Progress | None = None) -> OnePass:
    """Open files of rows that are read once: .npy, Parquet, CSV, Feather and all else that `load` takes.

    Parameters
    ----------
    source : str, path-like, or sequence of these
    label : str, default=None
        A column that is left out of the rows and becomes their labels.
    progress : Progress, default=None
        Told of kinds of files that are read at once.

    Returns
    -------
    OnePass

    Raises
    ------
    ValueError, OSError
        If a file is missing or damaged, or files do not fit together, as far as their beginnings tell.
    """
    names = files_of(source)
    lies = as_they_lie(names) if label is None else None
    stream = opened(names, label, progress or Silent()) if lies is None else lying(lies)
    paths = [Path(name) for name in names]
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return OnePass(stream, called(names), files, label is not None or paths[0].is_dir())


def _cut(rows: OnePass, first: int, size: int) -> Generator[Blocks]:
    """Cut a stream into chunks of one size."""
    stream = rows.stream
    chunk, done, labels = np.empty((size, stream.width), stream.dtype), 0, []
    for block, of_block in stream.read(first):
        start = 0
        while start < len(block):
            stop = start + min(size - done, len(block) - start)
            chunk[done : done + stop - start] = block[start:stop]
            labels += [] if of_block is None else [of_block[start:stop]]
            done, start = done + stop - start, stop
            if done == size:
                yield rows._chunk(chunk, np.concatenate(labels) if labels else None)
                chunk, done, labels = np.empty((size, stream.width), stream.dtype), 0, []
    if done:
        yield rows._chunk(chunk[:done], np.concatenate(labels) if labels else None)
