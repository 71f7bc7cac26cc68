"""Rows into blocks: of .npy files as they lie, of all else by one pass that writes such a file."""

from __future__ import annotations

import errno
import math
import os
import shutil
import struct
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from narrows._files import replacing
from narrows.data import streams
from narrows.data.block_rows import ArrayPart, Blocks
from narrows.data.label_files import is_label_file, read_labels
from narrows.data.opening import Source, as_they_lie, called, files_of, opened
from narrows.data.streams import Stream
from narrows.progress import Progress, Silent

HEADER = 128  # bytes: room for the number of rows, which may be known only at the end
TYPES = ("uint8", "float32", "float64")


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    names : list of str or None
        Of the columns, which a .npy file does not keep.
    image_shape : tuple of int or None
    labels : ndarray of shape (n,) or None
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    names: list[str] | None
    image_shape: tuple[int, ...] | None
    labels: NDArray[Any] | None


def blocks(source: Any, *, label: str | None = None, progress: Progress | None = None) -> Blocks:
    """Give rows that need not fit into memory, to be fitted, encoded and scored some at a time.

    Parameters
    ----------
    source : str, path-like, sequence of these, ndarray, or iterable of ndarray
        What `load` takes; .npy files, or a folder of them, are read where they lie. All else, also arrays of shape (m, d) that an
        iterable gives, is written once into a temporary file of the system's temporary folder (``TMPDIR`` names another), which
        takes as much room as the numbers and vanishes with them. An array may be memory-mapped.
    label : str, default=None
        As `load` takes it: a column, or a file of labels. Labels are held in memory.
    progress : Progress, default=None
        Told of what is written; nothing is told if None.

    Returns
    -------
    Blocks

    Raises
    ------
    ValueError, TypeError
        If a file is damaged, files or blocks do not fit together, or what they hold is not rows of finite numbers.
    OSError
        If a file cannot be read, or the temporary folder has no room.

    Examples
    --------
    >>> import numpy as np
    >>> from narrows import data
    >>> data.blocks(np.full((100, 3), float(number)) for number in range(5))
    Blocks('rows': 500 x 3 float64)
    """
    progress = progress or Silent()
    if isinstance(source, Blocks):
        return source
    if isinstance(source, np.ndarray):
        found = _of_array(source, progress)
    elif _is_source(source):
        names = files_of(source)
        lying = None if label is not None and not is_label_file(label) else as_they_lie(names)
        found = lying or _spooled(opened(names, _column(label), progress), called(names), progress)
    else:
        found = _spooled(streams.iterable(source), "rows", progress)
    if label is not None and is_label_file(label):
        found = replace(found, labels=read_labels(Path(label), len(found), found.name, progress))
    return found


def convert(
    source: Source,
    path: str | os.PathLike[str],
    *,
    label: str | None = None,
    dtype: str | None = None,
    progress: Progress | None = None,
) -> Converted:
    """Write rows into a .npy file, from which they are read fastest, some at a time.

    Parameters
    ----------
    source : str, path-like, or sequence of these
        What `load` takes.
    path : path-like
        A file that ends in .npy; what stands there is replaced at the end, or untouched.
    label : str, default=None
        A column that is left out of the rows.
    dtype : {"uint8", "float32", "float64"}, default=None
        By default the smallest that holds every value exactly, whatever comes: float64 for CSV and for integers of 32 bits.
    progress : Progress, default=None

    Returns
    -------
    Converted

    Raises
    ------
    ValueError, OSError
        As `blocks` does; also if `dtype` cannot hold a value.
    """
    if dtype is not None and dtype not in TYPES:
        raise ValueError(f"dtype must be one of {', '.join(TYPES)}, got {dtype!r}")
    names = files_of(source)
    stream = opened(names, _column(label), progress or Silent())
    with replacing(path) as file:
        return _written(file, stream, np.dtype(dtype) if dtype else stream.dtype, Path(path).parent, progress or Silent())


def _is_source(source: Any) -> bool:
    if isinstance(source, str | os.PathLike):
        return True
    return isinstance(source, list | tuple) and bool(source) and all(isinstance(one, str | os.PathLike) for one in source)


def _column(label: str | None) -> str | None:
    return None if label is None or is_label_file(label) else label


def _of_array(rows: NDArray[Any], progress: Progress) -> Blocks:
    stream = streams.array(rows, "the array")
    if rows.dtype != stream.dtype:
        return _spooled(stream, "rows", progress)
    return Blocks((ArrayPart(rows.reshape(len(rows), -1), "rows"),), image_shape=stream.image_shape)


def _spooled(stream: Stream, name: str, progress: Progress) -> Blocks:
    folder = Path(tempfile.gettempdir())
    try:
        with tempfile.TemporaryFile(dir=folder) as file:  # has no name, so that nothing is left of it, whatever happens
            made = _written(file, stream, stream.dtype, folder, progress)
            file.flush()
            rows = np.memmap(file, made.dtype, "r", HEADER, made.shape)
    except OSError as problem:
        if problem.errno is None:
            raise
        raise OSError(
            problem.errno,
            f"rows could not be written into a temporary file in '{folder}' ({problem.strerror}): "
            "make room there, name another folder by TMPDIR, or give .npy files, which are read where they lie",
        ) from problem
    return Blocks((ArrayPart(rows, name),), made.names, made.image_shape, made.labels, name)


def _written(file: IO[bytes], stream: Stream, dtype: np.dtype[Any], folder: Path, progress: Progress) -> Converted:
    """Write rows as a .npy file."""
    file.write(b"\0" * HEADER)
    n, width, labels = 0, 0, []
    progress.begin("reading", stream.rows or math.inf, "rows")
    for rows, of_rows in stream.read(0):
        if not n:
            width = rows.shape[1]
            _check_room(folder, (stream.rows or 0) * width * dtype.itemsize)
        file.write(_as_type(rows, dtype).reshape(-1).view(np.uint8).data)
        n += len(rows)
        labels.append(of_rows)
        progress.advance(n, f"{n:,} rows")
    progress.end(f"{n:,} rows")
    if not n:
        raise ValueError("there are no rows: give one or more")
    file.seek(0)
    shape = (n, width) if stream.image_shape is None else (n, *stream.image_shape)
    file.write(npy_header(shape, dtype))
    told = [part for part in labels if part is not None]
    return Converted((n, width), dtype, stream.names, stream.image_shape, np.concatenate(told) if told else None)


def _as_type(rows: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if rows.dtype == dtype:
        return np.ascontiguousarray(rows)
    with np.errstate(all="ignore"):
        cast = np.ascontiguousarray(rows, dtype)
    lost = ~np.isfinite(cast) if dtype.kind == "f" else cast != rows
    if lost.any():
        raise ValueError(f"{dtype} cannot hold {rows[lost][0]!s}, one of the values: take another dtype")
    return cast


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(errno.ENOSPC, f"{needed / 1e9:,.1f} GB are needed and {free / 1e9:,.1f} free")


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Give the header of a .npy file, always of one length, so that another can be written over it."""
    text = repr({"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", HEADER - 10) + text.ljust(HEADER - 11) + b"\n"
