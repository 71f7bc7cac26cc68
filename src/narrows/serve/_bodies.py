"""Rows and codes out of the body of a request: JSON, CSV, .npy or Arrow, none of which can take much more memory than it has bytes."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from narrows._text import sentence
from narrows.serve._refusals import Refusal, bad
from narrows.serve._settings import Limits

JSON, CSV, NPY, ARROW = "application/json", "text/csv", "application/x-npy", "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
TYPES = {JSON: JSON, CSV: CSV, "application/csv": CSV, NPY: NPY, "application/octet-stream": NPY, ARROW: ARROW, ARROW_FILE: ARROW}
_NPY = re.compile(rb"\{'descr': '([<>|=]?[biuf?][0-9]{0,2})', 'fortran_order': (True|False), 'shape': \(([0-9, ]{0,80})\), \} *\n?")
_NPY_START, _NPY_HEADER = b"\x93NUMPY", 4096  # bytes of a header at most
_SEPARATORS = (b",", b";", b"\t", b"\n")
_OFTEN = 2  # how many columns a table may have for each that is needed


@dataclass(frozen=True)
class Wanted:
    """What a body is to hold.

    Parameters
    ----------
    what : {"rows", "codes"}
    width : int
        Numbers of each.
    names : tuple of str or None
        Of the columns, where they have names.
    limits : Limits
    """

    what: str
    width: int
    names: tuple[str, ...] | None
    limits: Limits


def type_of(header: str | None) -> str:
    """Give which of the four a content type is.

    Raises
    ------
    Refusal
        If none.
    """
    kind = TYPES.get((header or JSON).partition(";")[0].strip().lower())
    if kind is None:
        raise Refusal(415, f"content type {sentence(header or '', 80)!r} is not read here: send {JSON}, {CSV}, {NPY} or {ARROW}")
    return kind


def read(kind: str, body: bytes, wanted: Wanted) -> np.ndarray:
    """Read rows or codes from a body.

    Returns
    -------
    ndarray of shape (n, width)
        Finite numbers.

    Raises
    ------
    Refusal
        If there are none, or other ones than are wanted.
    """
    readers: dict[str, Callable[[bytes, Wanted], np.ndarray]] = {JSON: _json, CSV: _csv, NPY: _npy, ARROW: _arrow}
    return checked(readers[kind](body, wanted), wanted)


def checked(array: np.ndarray, wanted: Wanted) -> np.ndarray:
    """Give an array as rows, where it is some; images come as rows of their pixels.

    Raises
    ------
    Refusal
        If it has another shape, no rows or too many, or holds what is not finite.
    """
    if array.ndim > 2 and math.prod(array.shape[1:]) == wanted.width:
        array = array.reshape(len(array), -1)
    if array.ndim != 2 or array.shape[1] != wanted.width:
        shape = "×".join(map(str, array.shape)) or "a single number"
        raise bad(f"{wanted.what} of this model have {wanted.width} numbers each, in an array of shape n×{wanted.width}: {shape} came")
    check_count(len(array), wanted)
    if not np.isfinite(array).all():
        row, column = (int(place) + 1 for place in np.argwhere(~np.isfinite(array))[0])
        raise bad(f"row {row} holds no finite number in column {column}: fill it in, or leave the row out")
    return array


def check_count(n: int, wanted: Wanted) -> None:
    """Refuse no rows, and too many.

    Raises
    ------
    Refusal
        If so.
    """
    if n < 1:
        raise bad(f"no {wanted.what} came: send one at least")
    if n > wanted.limits.rows:
        raise Refusal(413, f"{n:,} {wanted.what} came, and {wanted.limits.rows:,} are allowed: send them in parts")


def plain_json(body: bytes | memoryview, most: int) -> Any:
    """Read JSON of a bounded number of values.

    Raises
    ------
    Refusal
        If it has more, or is none.
    """
    body = bytes(body)
    if body.count(b",") + body.count(b"[") + body.count(b"{") > most:
        raise Refusal(413, f"this JSON has more than {most:,} values: send .npy, Arrow or binary tensors")
    try:
        # Some write UTF-16, or a mark before UTF-8, which orjson does not take.
        return orjson.loads(body.decode(json.detect_encoding(body)))
    except UnicodeDecodeError:
        raise bad("the body is not text in UTF-8") from None
    except orjson.JSONDecodeError as problem:
        raise bad(f"the body is no JSON: {sentence(str(problem), 120)}") from None


def numbers(values: Any, where: str) -> np.ndarray:
    """Make an array of lists of numbers.

    Raises
    ------
    Refusal
        If they are of different lengths, or hold anything else.
    """
    try:
        array = np.array(values)
    except (ValueError, OverflowError, RecursionError):
        raise bad(f"{where} must be lists of equally many numbers") from None
    if array.dtype.kind not in "iuf":
        raise bad(f"{where} must be lists of numbers, without text, null, true or false")
    return array


def _json(body: bytes, wanted: Wanted) -> np.ndarray:
    said = plain_json(body, wanted.limits.text)
    if isinstance(said, dict):
        if set(said) != {wanted.what}:
            raise bad(f'send {{"{wanted.what}": [[…], …]}}, or the list alone')
        said = said[wanted.what]
    if not isinstance(said, list) or not said:
        raise bad(f'send {{"{wanted.what}": [[…], …]}}, with one at least')
    if all(isinstance(row, dict) for row in said):
        names = wanted.names
        if names is None:
            raise bad("the columns of this model have no names: send each row as a list of numbers")
        try:
            said = [[row[name] for name in names] for row in said]
        except KeyError as missing:
            raise bad(f"a row has no {sentence(str(missing), 80)}: each needs all of the model's columns") from None
    return numbers(said, f'"{wanted.what}"').astype(np.float64)


def _npy(body: bytes, wanted: Wanted) -> np.ndarray:
    if not body.startswith(_NPY_START) or len(body) < 12 or body[6] not in (1, 2, 3):
        raise bad("the body is no .npy file: write it with numpy.save")
    start = 10 if body[6] == 1 else 12
    length = int.from_bytes(body[8:start], "little")
    header = _NPY.fullmatch(body[start : start + min(length, _NPY_HEADER)]) if length <= _NPY_HEADER else None
    if header is None or len(body) < start + length:
        raise bad("the body is no .npy file of numbers, or was cut short: write it with numpy.save, in a type of numbers")
    try:
        dtype, shape = np.dtype(header[1].decode()), tuple(int(size) for size in header[3].decode().split(",") if size.strip())
    except (TypeError, ValueError):
        raise bad("the body is no .npy file of numbers: write it with numpy.save, in a type of numbers") from None
    if dtype.kind not in "iuf" or len(shape) > 4:
        raise bad(f"the body is an array of {dtype} of {len(shape)} dimensions: send numbers of two")
    if math.prod(shape) * dtype.itemsize != len(body) - start - length:
        raise bad("the body was cut short, or is longer than its shape: write it with numpy.save")
    array = np.frombuffer(body, dtype, offset=start + length)
    return native(array.reshape(shape, order="F" if header[2] == b"True" else "C"))


def native(array: np.ndarray) -> np.ndarray:
    """Give numbers in this machine's order of bytes, of a type that scaling is exact for."""
    if array.dtype.kind in "iu" and array.dtype != np.uint8:
        return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _csv(body: bytes, wanted: Wanted) -> np.ndarray:
    from narrows.data.csv_files import rows_of_csv

    if sum(map(body.count, _SEPARATORS)) > wanted.limits.text:
        raise Refusal(413, f"this CSV has more than {wanted.limits.text:,} cells: send .npy or Arrow")
    first = body.lstrip().partition(b"\n")[0]
    _check_columns(1 + max(map(first.count, _SEPARATORS)), wanted)
    try:
        found = rows_of_csv(io.BytesIO(body), None, "the body", "the body")
    except ValueError as problem:
        raise bad(sentence(str(problem))) from None
    return _aligned(found.X, found.feature_names, wanted)


def _arrow(body: bytes, wanted: Wanted) -> np.ndarray:
    import pyarrow as pa

    from narrows.data.columns import rows_of
    from narrows.serve._arrow import table_of

    table = table_of(body, lambda names: _check_columns(len(names), wanted))
    check_count(table.num_rows, wanted)
    if wanted.names is not None and set(wanted.names) <= set(table.column_names):
        table = table.select(list(wanted.names))
    try:
        found = rows_of(table, None, "the body", "the body")
    except (ValueError, pa.ArrowException) as problem:
        raise bad(sentence(str(problem))) from None
    return _aligned(found.X, found.feature_names, wanted)


def _check_columns(n: int, wanted: Wanted) -> None:
    if n > _OFTEN * wanted.width + 16:
        raise bad(f"the table has {n:,} columns, and {wanted.what} of this model have {wanted.width} numbers: leave the others out")


def _aligned(X: np.ndarray, names: Sequence[str] | None, wanted: Wanted) -> np.ndarray:
    """Give the columns that a model knows by name, in its order; all of them where one of the two has no names."""
    if names is None or wanted.names is None or tuple(names) == wanted.names:
        return X
    places = {name: place for place, name in enumerate(names)}
    if missing := [name for name in wanted.names if name not in places]:
        raise bad(f"the table has no column {sentence(missing[0], 80)!r}: it needs all of the model's columns")
    return X[:, [places[name] for name in wanted.names]]
