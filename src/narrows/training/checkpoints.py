"""What a run of training leaves on the disk, so that a killed one can go on as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from narrows._files import opened, replacing
from narrows.errors import CheckpointError, MissingExtra, NarrowsWarning
from narrows.training.ranks import ALONE, Ranks

FORMAT = 1
MINUTES = 5.0
BETWEEN_EPOCHS = 10.0  # seconds, so that epochs of a moment do not wait for the disk
MOST_HEADER = 2**24  # bytes
ABOUT = "narrows.checkpoint"
ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of a function, which differs from process to process


@dataclass
class Position:
    """Where training is, and all that its further course depends on.

    Attributes
    ----------
    epoch, window, step : int
        Counted from 0; the step that comes next, within its window.
    arrays : dict of str to ndarray
        Weights, moments of the optimizer, sums of losses.
    told : dict
        History, the lowest loss, and other plain values.
    """

    epoch: int
    window: int
    step: int
    arrays: dict[str, np.ndarray]
    told: dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """A file where training leaves its state, and from which it goes on if it is there.

    Parameters
    ----------
    path : path-like
        Written aside and renamed, so that it is always whole. With fsspec installed also an address that it knows, such as
        ``s3://bucket/run.checkpoint``.
    minutes : float, default=5
        After how many it is written again within an epoch, at least 0; it is written at the ends of epochs, too, if ten seconds have
        passed. With 0 it is written as often as can be.
    resume : bool, default=True
        Whether to go on from what is there; if not, it is replaced.

    Raises
    ------
    ValueError
        If `minutes` is below 0 or not finite.
    """

    path: str | os.PathLike[str]
    minutes: float = MINUTES
    resume: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.minutes < float("inf"):
            raise ValueError(f"minutes between two checkpoints must be 0 or more, got {self.minutes!r}")


def folder_of(checkpoint: Checkpoint) -> Path | None:
    """Give the folder that a checkpoint is in, if that is one of this system's."""
    return None if _is_address(checkpoint.path) else Path(checkpoint.path).absolute().parent


def exists(checkpoint: Checkpoint) -> bool:
    """Say whether anything is where a checkpoint is to be.

    Raises
    ------
    MissingExtra
        If that is an address, here and below, and fsspec is not installed.
    """
    if not _is_address(checkpoint.path):
        return Path(checkpoint.path).exists()
    store, name = _store(checkpoint.path)
    return bool(store.exists(name))


def content_of(checkpoint: Checkpoint) -> bytes | None:
    """Give what a checkpoint holds, if it is there.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if not exists(checkpoint):
        return None
    if _is_address(checkpoint.path):
        store, name = _store(checkpoint.path)
        return bytes(store.cat_file(name))
    with opened(checkpoint.path) as file:
        return file.read()


def write(checkpoint: Checkpoint, content: bytes) -> None:
    """Write what a checkpoint is to hold, as a whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    if not _is_address(checkpoint.path):
        with replacing(checkpoint.path) as file:
            file.write(content)
        return
    store, name = _store(checkpoint.path)
    store.pipe_file(f"{name}.part", content)
    store.mv(f"{name}.part", name)


def discard(checkpoint: Checkpoint) -> None:
    """Remove a checkpoint, if it is there.

    Raises
    ------
    OSError
        If it cannot be removed.
    """
    if not _is_address(checkpoint.path):
        Path(checkpoint.path).unlink(missing_ok=True)
    elif exists(checkpoint):
        store, name = _store(checkpoint.path)
        store.rm_file(name)


def _is_address(path: Any) -> bool:
    return "://" in str(path)


def _store(address: Any) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingExtra(f"a checkpoint at '{address}'", "fsspec", "ray") from None
    store, name = url_to_fs(str(address))
    return store, str(name)


class Keeper:
    """What reads and writes the checkpoint of one run.

    Parameters
    ----------
    of : Checkpoint
    ranks : Ranks, default=None
        Whose run it is: the first of them reads and writes, the others hear from it. This process alone if None.
    """

    def __init__(self, of: Checkpoint, ranks: Ranks | None = None) -> None:
        self.of, self._ranks = of, ranks or ALONE
        self._written, self._run, self._failed = time.monotonic(), "", False

    def begin(self, run: str) -> Position | None:
        """Begin a run, which a digest stands for; give where it is to go on, if the file is there.

        Raises
        ------
        CheckpointError
            If the file is damaged, or of another run.
        OSError
            If it cannot be read.
        """
        self._run = run
        content = b""
        with self._ranks.together("to read the checkpoint"):
            if self._ranks.leads and self.of.resume:
                found = content_of(self.of)
                content = b"" if found is None else found or b"\0"  # an empty file is a damaged one
        content = self._ranks.from_first(content)
        if not content:
            return None
        told, arrays = _parsed(content, self.of.path)
        if told.pop("run", None) != run:
            raise CheckpointError(
                f"'{self.of.path}' is of a run with other rows, settings or versions of narrows, Keras or JAX: repeat that run as it was, "
                "or delete the file to begin anew"
            )
        try:
            epoch, window, step = (int(told.pop(name)) for name in ("epoch", "window", "step"))
            return Position(epoch, window, step, arrays, told)
        except (KeyError, TypeError, ValueError) as problem:
            raise CheckpointError(f"'{self.of.path}' lacks a part of a checkpoint: delete it to begin anew") from problem

    def due(self, *, between_epochs: bool = False) -> bool:
        """Say whether it is time to write."""
        pause = min(BETWEEN_EPOCHS, 60 * self.of.minutes) if between_epochs else 60 * self.of.minutes
        return time.monotonic() - self._written >= pause

    def write(self, position: Position) -> None:
        """Write where training is. If that fails, a warning says so, once, and training goes on."""
        from safetensors.numpy import save

        if not self._ranks.leads:
            return
        about = {"format": FORMAT, "run": self._run, "epoch": position.epoch, "window": position.window, "step": position.step}
        arrays = {name: np.asarray(array, order="C") for name, array in position.arrays.items()}
        content = save(arrays, {ABOUT: json.dumps({**about, **position.told})})
        try:
            write(self.of, content)
            self._failed = False
        except OSError as problem:
            if not self._failed:
                warnings.warn(
                    f"the checkpoint '{self.of.path}' could not be written ({problem.strerror or problem}); training goes on, and a run "
                    "that ends early would go on from the last one that was: make room",
                    NarrowsWarning,
                    stacklevel=2,
                )
            self._failed = True
        self._written = time.monotonic()


def _parsed(content: bytes, path: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, deserialize

    try:
        length = int.from_bytes(content[:8], "little")
        if not 8 <= length <= min(MOST_HEADER, len(content)):
            raise ValueError("its header")
        told = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][ABOUT])
        if told.pop("format") != FORMAT:
            raise ValueError("its format")
        kinds = {"F32": np.float32, "F64": np.float64, "I32": np.int32, "I64": np.int64, "U32": np.uint32, "BOOL": np.bool_}
        arrays = {
            name: np.frombuffer(part["data"], kinds[part["dtype"]]).reshape(part["shape"]).copy() for name, part in deserialize(content)
        }
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise CheckpointError(f"'{path}' is damaged or no checkpoint ({problem}): delete it to begin anew") from problem
    return told, arrays


def digest(values: Iterable[Any]) -> str:
    """Give what stands for a run: a digest of plain values and arrays."""
    made = hashlib.sha256()
    for value in values:
        if isinstance(value, np.ndarray | np.generic):
            array = np.ascontiguousarray(value)
            made.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
        else:
            made.update(ADDRESS.sub("", repr(value)).encode())
        made.update(b"\0")
    return made.hexdigest()
