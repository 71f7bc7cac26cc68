"""MNIST: where its four files are, that they are the right ones, and how they are fetched."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import warnings
import zlib
from pathlib import Path

import numpy as np

from narrows._files import replacing
from narrows.data.idx import content, decode
from narrows.data.images import flattened
from narrows.data.rows import Rows
from narrows.errors import NarrowsWarning
from narrows.progress import Progress, Silent

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")

# Of the decompressed bytes: the compressed ones differ from mirror to mirror.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def mnist(progress: Progress | None = None) -> Rows:
    """Give MNIST's 60,000 digits of 28x28 grey levels as uint8; its `test` are the other 10,000.

    Each file is looked for in the folder NARROWS_DATA/mnist, in NARROWS_DATA itself and in the cache folder, and is else
    downloaded into the cache folder.

    Parameters
    ----------
    progress : Progress, default=None
        Told of the download.

    Returns
    -------
    Rows
        With labels and test rows.

    Raises
    ------
    ValueError
        If a file that was found in NARROWS_DATA is not MNIST's.
    OSError
        If a file can neither be found nor downloaded.
    """
    progress = progress if progress is not None else Silent()
    test = _part("t10k", "mnist, test rows", None, progress)
    return _part("train", "mnist", test, progress)


def _part(part: str, name: str, test: Rows | None, progress: Progress) -> Rows:
    images, labels = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    X, image_shape = flattened(decode(_bytes(images, progress), images), images)
    y = decode(_bytes(labels, progress), labels).astype(np.int64)
    return Rows(X, labels=y, name=name, test=test, image_shape=image_shape)


def _bytes(name: str, progress: Progress) -> bytes:
    """Give the checked, decompressed bytes of one of the files, from the nearest place that has it."""
    for folder in _own_folders():
        found = _in(folder, name)
        if found is not None:
            raw = content(found)
            if not _is(name, raw):
                raise ValueError(
                    f"'{found}' is not MNIST's file {name} (its SHA-256, decompressed, begins with {_sha256(raw)[:12]} in place of "
                    f"{SHA256[name][:12]}): replace it, or unset NARROWS_DATA to have it downloaded"
                )
            return raw
    found = _in(_cache(), name)
    if found is not None:
        try:
            raw = content(found)
        except ValueError:
            raw = b""
        if _is(name, raw):
            return raw
    return _downloaded(name, progress)


def _own_folders() -> list[Path]:
    said = os.environ.get("NARROWS_DATA")
    return [Path(said) / "mnist", Path(said)] if said else []


def _cache() -> Path:
    import pooch

    return Path(pooch.os_cache("narrows"))


def _in(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


def _is(name: str, raw: bytes) -> bool:
    return _sha256(raw) == SHA256[name]


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _downloaded(name: str, progress: Progress) -> bytes:
    from pooch import HTTPDownloader

    problems = []
    for mirror in MIRRORS:
        url, compressed, meter = f"{mirror}{name}.gz", io.BytesIO(), _Meter(name, progress)
        try:
            HTTPDownloader(progressbar=meter)(url, compressed, None)
            raw = gzip.decompress(compressed.getvalue())
        except (OSError, EOFError, zlib.error) as problem:  # what requests raises is an OSError
            problems.append(f"{url}: {problem}")
            continue
        finally:
            meter.end()
        if _is(name, raw):
            _keep(_cache() / f"{name}.gz", compressed.getvalue())
            return raw
        problems.append(f"{url}: its SHA-256, decompressed, begins with {_sha256(raw)[:12]} in place of {SHA256[name][:12]}")
    raise OSError(
        f"MNIST's file {name} is neither here nor could it be downloaded ({'; '.join(problems)}): "
        f"try again, or set NARROWS_DATA to a folder that holds MNIST's four files"
    )


def _keep(path: Path, compressed: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(compressed)
    except OSError as problem:
        warnings.warn(
            f"MNIST was downloaded and cannot be kept in '{path.parent}' ({problem.strerror or problem}), so that it will be downloaded "
            f"again: make room there, or set NARROWS_DATA to a folder that holds it",
            NarrowsWarning,
            stacklevel=2,
        )


class _Meter:
    """What pooch takes for a progress bar, telling a `Progress`.

    pooch sets `total` (0 where the server does not say) and ends with reset, update(total), close.
    """

    def __init__(self, name: str, progress: Progress) -> None:
        self._name, self._progress = name, progress
        self._done, self._open = 0, False
        self.total = 0

    def update(self, count: int) -> None:
        if not self._open:
            self._progress.begin(f"downloading {self._name}", self.total, "bytes")
            self._open = True
        self._done = min(self._done + count, self.total or self._done + count)
        self._progress.advance(self._done, f"{self._done / 1e6:.1f} MB")

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        self.end()

    def end(self) -> None:
        if self._open:
            self._progress.end(f"{self._done / 1e6:.1f} MB")
            self._open = False
