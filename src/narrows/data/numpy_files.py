"""NumPy's own files, .npy and .npz, read without ever unpickling."""

from __future__ import annotations

import errno
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from narrows.data.images import flattened
from narrows.data.metering import AT_ONCE, opened
from narrows.data.names import NoSuchLabel, unknown
from narrows.data.numbers import check_dtype
from narrows.data.rows import Rows
from narrows.progress import Progress

MOST_DIMENSIONS = 4
ROWS = ("X", "rows")
LABELS = ("y", "labels")


def read_npy(path: Path, label: str | None, progress: Progress) -> Rows:
    """Read rows, or images of 3 or 4 dimensions, from a .npy file.

    Raises
    ------
    ValueError
        If the file is damaged, does not hold rows of real numbers, or is asked for a label.
    """
    where = f"'{path}'"
    if label is not None:
        raise NoSuchLabel(
            f"{where} is one array without column names, so it has no label {label!r}: "
            f"use a .npz file with the arrays X and y, a .csv or .parquet file with a column {label!r}, "
            f"or name a file of labels, such as labels.npy"
        )
    X, image_shape = flattened(_whole_array(path, progress), where, most=MOST_DIMENSIONS)
    return Rows(X, name=path.name, image_shape=image_shape)


def read_npy_labels(path: Path, progress: Progress) -> NDArray[Any]:
    """Read labels of shape (n,) from a .npy file.

    Raises
    ------
    ValueError
        If the file is damaged, or has another shape.
    """
    return _labels(_whole_array(path, progress), f"'{path}'")


def read_npz(path: Path, label: str | None, progress: Progress) -> Rows:
    """Read rows and labels from a .npz file.

    Rows are the array `X`, else `rows`, else the only array of two dimensions or more.
    Labels are the array that `label` names, else `y`, else `labels`.

    Raises
    ------
    ValueError
        If the file is damaged, does not hold rows of real numbers, or leaves open which array is meant.
    """
    where = f"'{path}'"
    with opened(path, progress) as whole, _sound(where), zipfile.ZipFile(whole) as archive:
        sizes = {entry.filename.removesuffix(".npy"): entry.file_size for entry in archive.infolist() if entry.filename.endswith(".npy")}

        def member(name: str, *, header_only: bool = False) -> Any:
            with archive.open(f"{name}.npy") as file:
                inside = f"array {name!r} of {where}"
                return read_header(file, sizes[name], inside) if header_only else _array(file, sizes[name], inside)

        shapes = {name: member(name, header_only=True)[0] for name in sizes}
        labels_key = _labels_key(shapes, label, where)
        rows_key = _rows_key(shapes, labels_key, where)
        labels = None if labels_key is None else _labels(member(labels_key), f"array {labels_key!r} of {where}")
        X, image_shape = flattened(member(rows_key), f"array {rows_key!r} of {where}", most=MOST_DIMENSIONS)
    if labels is not None and len(labels) != len(X):
        raise ValueError(f"{where} has {len(X)} rows in {rows_key!r} and {len(labels)} labels in {labels_key!r}; give one label per row")
    return Rows(X, labels=labels, name=path.name, image_shape=image_shape)


def _labels_key(shapes: dict[str, tuple[int, ...]], label: str | None, where: str) -> str | None:
    if label is not None:
        if label not in shapes:
            raise NoSuchLabel(unknown(where, "array", label, shapes))
        return label
    present = [name for name in LABELS if name in shapes]
    if len(present) > 1:
        raise ValueError(f"{where} holds labels both as 'y' and as 'labels': name one of them as the label")
    return present[0] if present else None


def _rows_key(shapes: dict[str, tuple[int, ...]], labels_key: str | None, where: str) -> str:
    present = [name for name in ROWS if name in shapes and name != labels_key]
    if not present:
        present = [name for name, shape in shapes.items() if len(shape) >= 2 and name != labels_key]
    if len(present) == 1:
        return present[0]
    found = ", ".join(f"{name!r} of shape {shapes[name]}" for name in present or shapes) or "no array at all"
    if present:
        raise ValueError(f"{where} holds more than one array that could be the rows ({found}): name the one that is meant 'X'")
    raise ValueError(f"{where} holds no array of rows, of shape (n, d), but {found}: save the rows under the name 'X'")


def _labels(array: NDArray[Any], where: str) -> NDArray[Any]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{where} has the shape {array.shape}; labels have the shape (n,), one per row")
    return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array


@contextmanager
def _sound(where: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno != errno.EINVAL:  # which a place outside of the file gives
            raise
        raise ValueError(f"{where} is damaged or no .npz file ({problem}): write it again with numpy.savez") from problem


def read_header(file: IO[bytes], size: int, where: str) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    """Read shape, type and whether columns come first, and refuse what is not a whole array of plain values before memory is asked for."""
    if size == 0:
        raise ValueError(f"{where} is empty (0 bytes): write it again with numpy.save")
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}  # 3.0 is for records only
    try:
        version = npy.read_magic(file)
        if version not in readers:
            raise ValueError(f"version {version} of the format")
        shape, columns_first, dtype = readers[version](file)
    except (ValueError, TypeError, SyntaxError, TokenError, OverflowError, MemoryError) as problem:  # a header is a Python literal
        reason = str(problem).partition("\n")[0]
        raise ValueError(f"{where} is not a .npy file that can be read ({reason}): write it again with numpy.save") from problem
    if dtype.kind not in "US":  # text can be a label; numbers that cannot be rows are refused later
        check_dtype(dtype, where)
    expected, found = math.prod(shape) * dtype.itemsize, size - file.tell()
    if expected != found:
        raise ValueError(
            f"{where} is cut short or damaged: its shape {shape} of {dtype} needs {expected} bytes after the header and {found} are there; "
            f"copy or write it again"
        )
    return shape, dtype, columns_first


def _whole_array(path: Path, progress: Progress) -> NDArray[Any]:
    with opened(path, progress) as file:
        return _array(file, path.stat().st_size, f"'{path}'")


def _array(file: IO[bytes], size: int, where: str) -> NDArray[Any]:
    shape, dtype, columns_first = read_header(file, size, where)
    array = np.empty(shape, dtype, order="F" if columns_first else "C")
    if not array.nbytes:
        return array
    content = array.ravel(order="K").view(np.uint8)  # numpy.fromfile would read past a file that counts what is read
    for start in range(0, content.size, AT_ONCE):
        part = content[start : start + AT_ONCE]
        came = file.read(part.size)
        if len(came) < part.size:
            raise ValueError(f"{where} is cut short or damaged: it ends before its array does; copy or write it again")
        part[:] = np.frombuffer(came, np.uint8)
    return array
