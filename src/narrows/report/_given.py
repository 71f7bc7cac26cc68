"""What a report is made of: an estimator, rows, and how the page is to have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from narrows.estimators import _base
from narrows.estimators._base import BaseAutoencoder
from narrows.report import _decoder
from narrows.report._rows import as_image, quantized


@dataclass(frozen=True)
class Given:
    """What a report is made of.

    Attributes
    ----------
    estimator : fitted estimator
    rows : ndarray of shape (n, d)
    labels : ndarray of shape (n,) or None
    names : list of str or None
        What each row is called.
    columns : dict of str to array-like of shape (n,)
    image_shape : tuple of int or None
        Of the image that each row is.
    errors : ndarray of shape (n,), float32
        Mean squared error of each row, in scaled units.
    misses : ndarray of shape (d,)
        Mean squared error of each feature, in scaled units.
    """

    estimator: Any
    rows: np.ndarray
    labels: np.ndarray | None
    names: Sequence[str] | None
    columns: Mapping[str, Any]
    image_shape: tuple[int, ...] | None
    errors: np.ndarray
    misses: np.ndarray

    @property
    def network(self) -> Any:
        """Weights, scaling and plan."""
        return autoencoder_of(self.estimator)._network

    def pair(self, chosen: Any) -> tuple[np.ndarray, np.ndarray]:
        """Give some rows, and their reconstructions, in the network's scaled units."""
        rows = self.rows[chosen]
        return self.network.scale.apply(rows), self.network.reconstruct(rows, scaled=True)

    def values(self, chosen: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Give some rows as the page has them, in few bits."""
        return quantized(self.rows[chosen], image=self.image is not None)

    def colors(self, chosen: Any) -> list[tuple[str, np.ndarray]]:
        """Give the features of some rows, by which points may be colored."""
        return [(name, self.rows[chosen, place].astype(np.float32)) for place, name in enumerate(self.features)]

    @cached_property
    def image(self) -> dict[str, Any] | None:
        """How rows are drawn as images."""
        return as_image(self.image_shape, self.rows)

    @cached_property
    def features(self) -> list[str]:
        """What the columns are called."""
        names = getattr(autoencoder_of(self.estimator), "feature_names_in_", None)
        return [f"x{place}" for place in range(self.rows.shape[1])] if names is None else [str(name) for name in names]

    @property
    def words(self) -> list[Any] | None:
        """How the page tells the values of each feature; None where all are numbers."""
        return None

    @property
    def untranslatable(self) -> str:
        """Why the page cannot run the decoder itself; nothing where it can."""
        return _decoder.untranslatable(self.network)


def autoencoder_of(estimator: Any) -> BaseAutoencoder:
    """Give the autoencoder that an estimator is, or has.

    Raises
    ------
    TypeError
        If it is, and has, none.
    """
    found = _base.autoencoder_of(estimator)
    if not isinstance(found, BaseAutoencoder):
        raise TypeError(f"a report is about an autoencoder of narrows, got {type(estimator).__name__}: give the autoencoder itself")
    return found
