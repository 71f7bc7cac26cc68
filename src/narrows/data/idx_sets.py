"""MNIST and Fashion-MNIST: where their four IDX files are, that they are the right ones, and how they are fetched."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from narrows._files import replacing
from narrows.data.idx import content, decode
from narrows.data.images import flattened
from narrows.data.rows import Rows
from narrows.errors import NarrowsWarning
from narrows.progress import Progress, Silent


@dataclass(frozen=True)
class IdxSet:
    """A data set of four IDX files.

    Attributes
    ----------
    name, title : str
        What it is loaded by, and called in sentences.
    folders : tuple of str
        Where its files may lie below the folder that NARROWS_DATA names; "" is that folder itself.
    cache : str
        Where they lie below the cache folder.
    mirrors : tuple of str
        Addresses that the gzipped files lie below.
    checksums : dict of str to str
        ``algorithm:digits`` for each file, of the decompressed bytes: the compressed ones differ from mirror to mirror.
    """

    name: str
    title: str
    folders: tuple[str, ...]
    cache: str
    mirrors: tuple[str, ...]
    checksums: Mapping[str, str]


MNIST = IdxSet(
    name="mnist",
    title="MNIST",
    folders=("mnist", ""),
    cache="",
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    checksums={
        "train-images-idx3-ubyte": "sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
)

FASHION_MNIST = IdxSet(
    name="fashion_mnist",
    title="Fashion-MNIST",
    folders=("fashion_mnist",),  # not NARROWS_DATA itself: MNIST's files have the same names
    cache="fashion_mnist",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    checksums={
        "train-images-idx3-ubyte": "md5:f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "md5:9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "md5:8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "md5:15d484375f8d13e6eb1aabb0c3f46965",
    },
)


def read_set(which: IdxSet, progress: Progress) -> Rows:
    """Give the 60,000 images of 28x28 gray levels of a set as uint8; its `test` are the other 10,000.

    Each file is looked for in the folders below NARROWS_DATA and in the cache folder, and is else downloaded into the cache
    folder.

    Parameters
    ----------
    which : IdxSet
        The data set.
    progress : Progress
        Told of the download.

    Returns
    -------
    Rows
        With labels and test rows.

    Raises
    ------
    ValueError
        If a file that was found below NARROWS_DATA is not the set's.
    OSError
        If a file can neither be found nor downloaded.
    """
    test = _part(which, "t10k", f"{which.name}, test rows", None, progress)
    return _part(which, "train", which.name, test, progress)


def _part(which: IdxSet, part: str, name: str, test: Rows | None, progress: Progress) -> Rows:
    images, labels = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    X, image_shape = flattened(decode(_bytes(which, images, progress), images), images)
    y = decode(_bytes(which, labels, progress), labels).astype(np.int64)
    return Rows(X, labels=y, name=name, test=test, image_shape=image_shape)


def _bytes(which: IdxSet, file: str, progress: Progress) -> bytes:
    """Give the checked, decompressed bytes of one of the files, from the nearest place that has it."""
    for folder in _own_folders(which):
        found = _in(folder, file)
        if found is not None:
            raw = content(found, Silent())
            problem = _problem(which, file, raw)
            if problem:
                raise ValueError(
                    f"'{found}' is not {which.title}'s file {file} ({problem}): replace it, or unset NARROWS_DATA to have it downloaded"
                )
            return raw
    found = _in(_cache(which), file)
    if found is not None:
        try:
            raw = content(found, Silent())
        except ValueError:
            raw = b""
        if not _problem(which, file, raw):
            return raw
    return _downloaded(which, file, progress)


def _own_folders(which: IdxSet) -> list[Path]:
    said = os.environ.get("NARROWS_DATA")
    return [Path(said) / folder for folder in which.folders] if said else []


def _cache(which: IdxSet) -> Path:
    import pooch

    return Path(pooch.os_cache("narrows")) / which.cache


def _in(folder: Path, file: str) -> Path | None:
    return next((path for path in (folder / f"{file}.gz", folder / file) if path.is_file()), None)


def _problem(which: IdxSet, file: str, raw: bytes) -> str:
    """Say what is wrong with the decompressed bytes of a file; nothing if they are right."""
    algorithm, _, expected = which.checksums[file].partition(":")
    found = hashlib.new(algorithm, raw, usedforsecurity=False).hexdigest()
    name = {"sha256": "SHA-256", "md5": "MD5"}[algorithm]
    return "" if found == expected else f"its {name}, decompressed, begins with {found[:12]} in place of {expected[:12]}"


def _downloaded(which: IdxSet, file: str, progress: Progress) -> bytes:
    from pooch import HTTPDownloader

    problems, cause = [], None
    for mirror in which.mirrors:
        url, compressed, meter = f"{mirror}{file}.gz", io.BytesIO(), _Meter(file, progress)
        try:
            HTTPDownloader(progressbar=meter)(url, compressed, None)
            raw = gzip.decompress(compressed.getvalue())
        except (OSError, EOFError, zlib.error) as problem:  # what requests raises is an OSError
            problems.append(f"{urlsplit(url).hostname} {_reason(problem)}")
            cause = problem
            continue
        finally:
            meter.end()
        if not _problem(which, file, raw):
            _keep(which, file, compressed.getvalue())
            return raw
        problems.append(f"{urlsplit(url).hostname} sent another file")
    raise OSError(
        f"{which.title}'s file {file} is neither here nor could it be downloaded, as {' and '.join(problems)}: "
        f"try again, or set NARROWS_DATA to a folder that holds {which.title}'s four files in its folder {which.name}"
    ) from cause


def _reason(problem: Exception) -> str:
    """Say in plain words what requests says as nested calls, which stay the error's cause."""
    response = getattr(problem, "response", None)
    if response is not None:
        return f"answered {response.status_code}"
    if isinstance(problem, gzip.BadGzipFile | EOFError | zlib.error):
        return "sent a damaged file"
    return "could not be reached"


def _keep(which: IdxSet, file: str, compressed: bytes) -> None:
    folder = _cache(which)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / f"{file}.gz") as kept:
            kept.write(compressed)
    except OSError as problem:
        warnings.warn(
            f"{which.title} was downloaded and cannot be kept in '{folder}' ({problem.strerror or problem}), so that it will be downloaded "
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
