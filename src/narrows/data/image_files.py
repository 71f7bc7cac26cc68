"""PNG and JPEG files as rows of bytes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrows import _files
from narrows.data.metering import LARGE
from narrows.data.names import NoSuchLabel
from narrows.data.rows import Rows
from narrows.progress import Progress, Silent

ENDINGS = (".png", ".jpg", ".jpeg")
MOST_PIXELS = 2**26  # of one image: a small file may decode to any number of them
MANY = 1000  # images, from which on their reading is told

_AT_ONCE = (16, 256)  # images that wait to be stored, where they are large and small
_THREADS = 4
_PNG = b"\x89PNG\r\n\x1a\n"
_DEPTH = len(_PNG) + 16  # where a PNG file says how many bits a value has


def is_image(path: str | Path) -> bool:
    """Say whether a file is called as PNG and JPEG files are."""
    return str(path).lower().endswith(ENDINGS)


def read_image(path: Path, label: str | None, progress: Progress) -> Rows:
    """Read one image as one row; see `read_images`.

    Raises
    ------
    ValueError
        If it cannot be read, or is asked for a label.
    """
    if label is not None:
        raise NoSuchLabel(
            f"'{path}' is an image, which has no label {label!r}: give a folder whose subfolders are the labels, or name a file of labels"
        )
    return read_images([path], [path.name], path.name, progress)


def read_images(paths: Sequence[Path], names: list[str], name: str, progress: Progress) -> Rows:
    """Read images as rows of uint8 in [0, 255], as a person sees them.

    Gray images give rows of height * width numbers; if one has colors, all give height * width * 3, red, green and blue of
    each pixel. What is transparent is laid on white, colors of a palette are looked up, and the orientation that a camera
    noted is followed. Of several frames the first counts. 16 bits are refused, since 8 cannot hold them.

    Parameters
    ----------
    paths : sequence of Path
        One image or more, all of one size.
    names : list of str
        What each row is called.
    name : str
        What the rows are called.
    progress : Progress
        Told of images, where there are many or large ones.

    Returns
    -------
    Rows
        With an `image_shape` of (height, width) or (height, width, 3), and no labels.

    Raises
    ------
    ValueError
        If a file is damaged, no image, of more than 2**26 pixels or 16 bits, or the sizes differ.
    """
    large = len(paths) >= MANY or sum(path.stat().st_size for path in paths) >= LARGE
    teller = progress if large else Silent()
    teller.begin(f"reading {name}", len(paths), "images")
    try:
        X, shape = _stacked(paths, teller)
    finally:
        teller.end(f"{len(paths):,} images")
    return Rows(X, name=name, image_shape=shape, names=names)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Give an image as a PNG file.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, channels), uint8
        One channel is gray, three are red, green and blue.

    Returns
    -------
    bytes
    """
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def _stacked(paths: Sequence[Path], progress: Progress) -> tuple[NDArray[np.uint8], tuple[int, ...]]:
    with _silent(), ThreadPoolExecutor(_THREADS) as threads:
        first = _pixels(paths[0])
        at_once = int(np.clip(MOST_PIXELS // first.size, *_AT_ONCE))
        images = _room(len(paths), first.shape)
        for start in range(0, len(paths), at_once):
            block = paths[start : start + at_once]
            for place, pixels in enumerate(threads.map(_pixels, block), start):
                if pixels.shape[:2] != first.shape[:2]:
                    raise ValueError(
                        f"'{paths[place]}' has {_size(pixels)} pixels and '{paths[0]}' {_size(first)}: all images need the same size; "
                        f"resize them, or leave some out"
                    )
                if pixels.ndim > images.ndim - 1:  # the first one with colors: those before become gray ones among colors
                    gray, images = images, _room(len(paths), pixels.shape)
                    images[:place] = gray[:place, :, :, None]
                images[place] = pixels if pixels.ndim == images.ndim - 1 else pixels[:, :, None]
            progress.advance(min(start + at_once, len(paths)), paths[start].parent.name)
    return images.reshape(len(images), -1), images.shape[1:]


def _room(n: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    try:
        return np.empty((n, *shape), np.uint8)
    except MemoryError as problem:
        raise ValueError(
            f"{n:,} images of {'x'.join(map(str, shape))} need {n * np.prod(shape) / 1e9:,.0f} GB of memory: make them smaller first"
        ) from problem


def _size(pixels: NDArray[np.uint8]) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"


def _pixels(path: Path) -> NDArray[np.uint8]:
    """Give an image of shape (height, width), or (height, width, 3) if it has colors."""
    from PIL import Image

    with _files.opened(path) as file:
        start = file.read(_DEPTH + 1)
        if not start:
            raise ValueError(f"'{path}' is empty (0 bytes): copy it again, or leave it out")
        file.seek(0)
        with _sound(path):
            image = Image.open(file, formats=("PNG", "JPEG"))
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(_too_large(path, f"{image.width}x{image.height}"))
        if start.startswith(_PNG) and start[_DEPTH:] == b"\x10":
            raise ValueError(
                f"'{path}' has 16 bits for each value, and images are read as 8: "
                f"save it with 8, or put the images into a .npy file of float32"
            )
        with _sound(path):
            return _as_seen(image)


def _as_seen(image: Any) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    gray = image.mode in ("1", "L", "LA")
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        image = white
    return np.asarray(image.convert("L" if gray else "RGB"))


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Turn whatever a decoder stumbles over into one sentence."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except UnidentifiedImageError as problem:
        raise ValueError(f"'{path}' is damaged or no PNG or JPEG image: save it again, or leave it out") from problem
    except Image.DecompressionBombError as problem:
        raise ValueError(_too_large(path, "too many")) from problem
    except Exception as problem:  # decoders raise OSError, SyntaxError, struct.error and more
        reason = str(problem).partition("\n")[0]
        raise ValueError(f"'{path}' is cut short or damaged ({reason}): copy it again, or leave it out") from problem


def _too_large(path: Path, pixels: str) -> str:
    return f"'{path}' has {pixels} pixels; images of more than {MOST_PIXELS:,} pixels are not read: make it smaller first"


@contextmanager
def _silent() -> Iterator[None]:
    """Ignore what Pillow warns of: what matters is refused with a sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
