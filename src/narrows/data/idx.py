"""IDX, the layout of MNIST's files: a magic number, the sizes, the values; often gzipped."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrows.data.images import flattened
from narrows.data.metering import opened
from narrows.data.names import NoSuchLabel
from narrows.data.rows import Rows
from narrows.progress import Progress

ENDINGS = ("-ubyte", ".idx", "-ubyte.gz", ".idx.gz")

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path, label: str | None, progress: Progress) -> Rows:
    """Read rows or images from an IDX file, and the labels from the file beside it that has the usual name.

    The usual name has ``labels`` for ``images`` and ``idx1`` for ``idx3``, gzipped or not.

    Raises
    ------
    ValueError
        If a file is damaged, holds no rows, has another number of labels, or is asked for a label by name.
    """
    if label is not None:
        raise NoSuchLabel(
            f"'{path}' is an IDX file, which has no columns and no label {label!r}: labels are read from a file beside it, "
            f"named as train-labels-idx1-ubyte is beside train-images-idx3-ubyte, or from the file that you name as the label"
        )
    X, image_shape = flattened(decode(content(path, progress), f"'{path}'"), f"'{path}'")
    beside = labels_beside(path)
    labels = None
    if beside is not None:
        labels = read_idx_labels(beside, progress)
        if labels.shape != (len(X),):
            raise ValueError(
                f"'{beside}' has labels of shape {labels.shape} and '{path}' {len(X)} rows; "
                f"give one label per row, or move the labels elsewhere if they belong to other rows"
            )
    return Rows(X, labels=labels, name=path.name, image_shape=image_shape)


def read_idx_labels(path: Path, progress: Progress) -> NDArray[Any]:
    """Read labels from an IDX file, as int64 or float64.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    labels = decode(content(path, progress), f"'{path}'")
    return labels.astype(np.int64 if labels.dtype.kind in "iu" else np.float64)


def labels_beside(path: Path) -> Path | None:
    """Find the labels of a file of images, where a file of the usual name lies beside it."""
    name = re.sub(r"idx\d", "idx1", path.name.replace("images", "labels"))
    plain = name.removesuffix(".gz")
    candidates = [path.with_name(other) for other in (name, plain, f"{plain}.gz") if "labels" in name and other != path.name]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def content(path: Path, progress: Progress) -> bytes:
    """Give a file's bytes, decompressed if they are gzipped, whatever the file is called.

    Raises
    ------
    ValueError
        If the compressed bytes are damaged.
    """
    with opened(path, progress) as file:
        raw = file.read()
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as problem:
        raise ValueError(f"'{path}' is cut short or damaged ({problem}): copy or download it again") from problem


def decode(content: bytes, where: str) -> NDArray[Any]:
    """Read the array out of the bytes of an IDX file.

    Raises
    ------
    ValueError
        If the magic number, the sizes and the bytes do not fit together.
    """
    if not content:
        raise ValueError(f"{where} is empty (0 bytes): copy or download it again")
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES or not content[3]:
        raise ValueError(
            f"{where} begins with the bytes {content[:4].hex(' ')}, which are not IDX's magic number "
            f"(00 00, a type from 08 to 0e, the number of dimensions): give a file of another format its usual extension"
        )
    dtype, start = np.dtype(_TYPES[content[2]]), 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"{where} is cut short: {len(content)} bytes end within the header; copy or download it again")
    shape = tuple(np.frombuffer(content, ">u4", content[3], offset=4).tolist())
    expected, found = math.prod(shape) * dtype.itemsize, len(content) - start
    if expected != found:
        raise ValueError(
            f"{where} is cut short or damaged: its shape {shape} needs {expected} bytes after the header and {found} are there; "
            f"copy or download it again"
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
