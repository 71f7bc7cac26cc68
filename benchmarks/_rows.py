"""The rows that the benchmarks train on: MNIST from `NARROWS_DATA`, and a table and images drawn from fixed seeds."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def mnist(quick: bool = False) -> np.ndarray:
    """Read MNIST's training images.

    Parameters
    ----------
    quick : bool, default=False
        Only the first tenth.

    Returns
    -------
    ndarray of shape (60000, 784), dtype uint8

    Raises
    ------
    SystemExit
        If `NARROWS_DATA` does not name a folder with them.
    """
    import numpy as np

    folder = Path(os.environ.get("NARROWS_DATA", "."))
    for path in (folder / "mnist" / "train-images-idx3-ubyte.gz", folder / "train-images-idx3-ubyte.gz"):
        if path.exists():
            rows = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=16).reshape(-1, 784)
            return rows[: len(rows) // 10] if quick else rows
    raise SystemExit("MNIST was not found: set NARROWS_DATA to the folder that holds mnist/train-images-idx3-ubyte.gz")


def unit(rows: np.ndarray) -> np.ndarray:
    """Bring uint8 pixels to float32 in [0, 1]."""
    import numpy as np

    return rows.astype(np.float32) * np.float32(1 / 255)


def images(n: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Draw images of flat rows, in [0, 1]: a spot of some colour at some place in each.

    Parameters
    ----------
    n : int
    shape : tuple of int
        (height, width, channels).

    Returns
    -------
    ndarray of shape (n, height * width * channels), dtype float32
    """
    import numpy as np

    random = np.random.default_rng(0)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)[:, None] / max(shape[:2])
    places, colors = random.random((2, n, 1, 1), np.float32), random.random((n, 1, 1, shape[2]), np.float32)
    spots = np.exp(-20 * ((y - places[0]) ** 2 + (x - places[1]) ** 2))
    return (spots[..., None] * colors).reshape(n, -1)


def table(quick: bool = False) -> np.ndarray:
    """Draw a table of standardized columns that six factors explain in part.

    Parameters
    ----------
    quick : bool, default=False
        Only the first tenth.

    Returns
    -------
    ndarray of shape (20000, 30), dtype float32
    """
    import numpy as np

    random = np.random.default_rng(0)
    rows = np.tanh(random.normal(size=(20_000, 6)) @ random.normal(size=(6, 30))) + 0.1 * random.normal(size=(20_000, 30))
    rows = np.asarray((rows - rows.mean(0)) / rows.std(0), np.float32)
    return rows[: len(rows) // 10] if quick else rows
