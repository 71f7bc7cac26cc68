"""Some test rows with what a network makes of them, kept for a study's picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from narrows import plot
from narrows.estimators import Autoencoder
from narrows.study.experiment import Material, Results

PICTURED = 10  # test rows in a picture, of as many classes as there are


def pictured(made: Autoencoder, material: Material) -> dict[str, list[Any]]:
    """Keep some test rows and their reconstructions as series "rows", "rebuilt" and "image_shape"; none where rows are no images."""
    if material.test.image_shape is None:
        return {}
    firsts = np.unique(material.test_labels, return_index=True)[1]
    others = np.setdiff1d(np.arange(len(material.test.X)), firsts)
    rows = material.test.X[np.concatenate([firsts, others])[:PICTURED]]
    low, high = float(material.train.X.min()), float(material.train.X.max())
    sides = {"rows": rows, "rebuilt": made.reconstruct(rows)}
    shown = {name: ((side - low) / ((high - low) or 1)).clip(0, 1).round(3).tolist() for name, side in sides.items()}
    return {**shown, "image_shape": list(material.test.image_shape)}


def has_pictures(results: Results) -> bool:
    """Whether `pictured` kept images of the first setting."""
    return "rebuilt" in results.of(results.settings[0])[0].measured.series


def draw_pictured(results: Results, beside: Mapping[str, str] | None = None, ax: Any = None) -> Any:
    """Draw the rows of the first seed, and below them what each setting makes of them; `beside` says what stands beside each."""
    first, beside = results.settings[0], beside or {}
    shape = [int(side) for side in results.series(first, "image_shape")]
    rebuilt = {beside.get(name, name): results.series(name, "rebuilt") for name in results.settings}
    return plot.images({"test rows": results.series(first, "rows"), **rebuilt}, shape, ax=ax)
