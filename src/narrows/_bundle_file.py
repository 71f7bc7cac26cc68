"""A bundle as a file: which bytes are one, what its header may hold, its checksum; not what its words mean."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any, cast

import numpy as np
from safetensors import SafetensorError

from narrows._files import opened
from narrows._text import sentence
from narrows.errors import BundleError

FORMAT = 1
LARGEST_HEADER = 12 << 20
# What a header may hold, so that reading it takes no more memory than it is worth: objects and lists, and values in all.
MOST_OBJECTS, MOST_VALUES = 200_000, 1_000_000
MOST_ARRAYS = 20_000  # a plan of 2,000 layers has half as many
# What files that mean ill may raise, in places that trust what they are given.
UNFIT = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError, SafetensorError)
UNSIGNED = "0" * 64  # stands where the checksum will be, while it is computed
# The manifest stands behind the checksum in one string. Quotes within it are escaped: this matches nothing but the checksum itself.
_CHECKSUM = re.compile(rb'"narrows":"sha256:([0-9a-f]{64}) ')


def read(path: str | os.PathLike[str]) -> tuple[bytes, dict[str, Any]]:
    """Read a bundle's file.

    Returns
    -------
    content : bytes
        The whole file, whose arrays are where its header says.
    said : dict
        What its manifest says, as JSON has it; nothing but its format is checked.

    Raises
    ------
    BundleError
        If it is no bundle, damaged, or of another format.
    OSError
        If it cannot be read.
    """
    name = os.fspath(path)
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= size - 8:
            raise BundleError(f"{name} is not a bundle, or was cut off: it does not begin as one")
        start += file.read(min(length, LARGEST_HEADER + 1))
        header = _header(start[8:], name)
        if len(header) > MOST_ARRAYS:
            raise BundleError(f"{name} is not a bundle: its header has more than {MOST_ARRAYS:,} arrays")
        if _end_of_arrays(header) != size - len(start):
            raise BundleError(f"{name} is not a bundle, or was cut off: its arrays do not end where the file does")
        file.seek(0)
        content = file.read(size)
        if not content.startswith(start):
            raise BundleError(f"{name} was written to while it was read: load it again")
    said = header["__metadata__"].get("narrows") if isinstance(header.get("__metadata__"), dict) else None
    if not isinstance(said, str):
        raise BundleError(f"{name} is not a bundle: it is a safetensors file without narrows's part")
    found = _CHECKSUM.findall(content, 8, len(start))
    if len(found) != 1 or _digest(content) != found[0].decode():
        raise BundleError(f"{name} is damaged: its checksum does not match its content; copy or save it again")
    return content, _plain(said, name)


def _plain(said: str, name: str) -> dict[str, Any]:
    try:
        plain = json.loads(said[len(f"sha256:{UNSIGNED} ") :], object_pairs_hook=_once)
        if plain.get("format") != FORMAT:
            came = sentence(repr(plain.get("format")))
            raise BundleError(f"{name} has the bundle format {came}, and this narrows reads format {FORMAT}: pip install -U narrows")
        return cast(dict[str, Any], plain)
    except BundleError:
        raise
    except UNFIT as error:
        raise unusable(name, error) from None


def unusable(name: str, reason: object) -> BundleError:
    """Make the error that says why a bundle cannot be used, in one sentence."""
    return BundleError(f"{name} is not a bundle that this version can use: {sentence(str(reason))}")


def _header(text: bytes, name: str) -> dict[str, Any]:
    if not text.startswith(b"{"):
        raise BundleError(f"{name} is not a bundle, or was cut off: it does not begin as one")
    if excess := excess_of(text):
        raise BundleError(f"{name} is not a bundle: its header has {excess}")
    try:
        return cast(dict[str, Any], json.loads(text, object_pairs_hook=_once))
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} is not a bundle, or is damaged: its header cannot be read ({sentence(str(error))})") from None


def excess_of(header: bytes) -> str:
    """Say what a header has more of than any model needs; nothing where that is not so."""
    if len(header) > LARGEST_HEADER:
        return f"more than {LARGEST_HEADER:,} bytes"
    if header.count(b"{") + header.count(b"[") > MOST_OBJECTS:
        return f"more than {MOST_OBJECTS:,} objects and lists"
    return f"more than {MOST_VALUES:,} values" if header.count(b",") > MOST_VALUES else ""


def _end_of_arrays(header: dict[str, Any]) -> int:
    """Give how many bytes of arrays a header declares, or -1 where that is no number."""
    try:
        return max((int(array["data_offsets"][1]) for name, array in header.items() if name != "__metadata__"), default=0)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError):
        return -1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def is_sound(value: np.ndarray | None, *shapes: tuple[int, ...]) -> bool:
    """Say whether an array is there, of one of these shapes, float64 and finite."""
    return value is not None and value.shape in shapes and value.dtype == np.float64 and bool(np.isfinite(value).all())


def check_weights(weights: dict[str, np.ndarray], needed: dict[str, tuple[int, ...]]) -> None:
    """Refuse weights that a network has no use for, or cannot compute with.

    Raises
    ------
    ValueError
        If one is missing, too many, of another shape or type, or not finite.
    """
    given = {name: value.shape for name, value in weights.items()}
    if given != needed:
        name = sorted(set(given.items()) ^ set(needed.items()))[0][0]
        raise ValueError(f"its weight {name!r} has shape {given.get(name)}, and the network needs {needed.get(name)}")
    for name, value in weights.items():
        if value.dtype not in (np.float32, np.uint32, np.int32) or (value.dtype == np.float32 and not np.isfinite(value).all()):
            raise ValueError(f"its weight {name!r} holds values that are not finite, or of the type {value.dtype}")


def _digest(content: bytes) -> str:
    """SHA-256 of the file with zeros in the place of the checksum."""
    end = 8 + int.from_bytes(content[:8], "little")
    match = _CHECKSUM.search(content, 8, end)
    assert match is not None
    digest = hashlib.sha256(memoryview(content)[: match.start(1)])
    digest.update(UNSIGNED.encode())
    digest.update(memoryview(content)[match.end(1) :])
    return digest.hexdigest()


def signed(content: bytes) -> bytes:
    """Put the checksum into the content of a file that has `UNSIGNED` in its place."""
    return content.replace(f'"narrows":"sha256:{UNSIGNED} '.encode(), f'"narrows":"sha256:{_digest(content)} '.encode(), 1)
