"""The Keras models of a fitted estimator as Keras's own files, for people who stay in Keras."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from narrows.export._parts import PARTS


def keras_file(estimator: Any, part: str) -> bytes:
    """Give the content of a .keras file of one of an estimator's models.

    Raises
    ------
    ValueError
        If there is no such part, or Keras cannot write it.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(map(repr, PARTS))}, got {part!r}")
    model = getattr(estimator, f"{part}_", None)
    if model is None:
        raise ValueError("this model has no head: export its 'encoder', 'decoder' or 'autoencoder', or fit a SupervisedAutoencoder")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()
