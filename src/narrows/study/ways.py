"""The ways to a map that are compared: each takes rows to the plane, and some of them place new rows and lead back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from narrows import quality
from narrows._backend import keras
from narrows.estimators import Autoencoder, LatentMap, SupervisedAutoencoder, SupervisedAutoencoderRegressor
from narrows.estimators.latent_map import embed, place
from narrows.estimators.recipes import recipe
from narrows.networks.scale import Scale
from narrows.progress import Progress
from narrows.study.direct import embed_by_scikit_learn

COMPONENTS = 50  # of PCA before t-SNE
NONE = -1  # stands for no class

ToPlaces = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Given:
    """What a map is made of.

    Attributes
    ----------
    rows : ndarray of shape (n, d)
        In their own units.
    scale : Scale
        As an autoencoder scales them.
    labels : ndarray of shape (n,) or None
        Classes as whole numbers, -1 for none; or real numbers, NaN for none.
    seed : int
    epochs : int or "auto"
        Of networks.
    progress : Progress
    """

    rows: np.ndarray
    scale: Scale
    labels: np.ndarray | None
    seed: int
    epochs: int | str
    progress: Progress


@dataclass(frozen=True, eq=False)
class Made:
    """A map.

    Attributes
    ----------
    places : ndarray of shape (n, 2)
        Where the rows are that it is made of.
    place : callable or None
        From rows in their own units to their places; None where it knows nothing of new rows.
    decode : callable or None
        From places to rows in scaled units; None where no way leads back.
    """

    places: np.ndarray
    place: ToPlaces | None = None
    decode: ToPlaces | None = None


@dataclass(frozen=True)
class Way:
    """A way to a map.

    Attributes
    ----------
    name : str
        In tables.
    make : callable
        From `Given` to `Made`.
    loads : tuple of str
        Modules that are loaded before it is timed; the first is what it cannot do without.
    places, decodes : bool
        Whether it places new rows, and leads from places back to rows.
    tasks : int
        How many tasks its progress tells of.
    labeled : bool
        Whether it learns from labels.
    """

    name: str
    make: Callable[[Given], Made]
    loads: tuple[str, ...] = ()
    places: bool = True
    decodes: bool = True
    tasks: int = 0
    labeled: bool = False

    def prepare(self) -> None:
        """Load libraries, so that no seconds of a fit are theirs.

        Raises
        ------
        ImportError
            If one is not installed.
        """
        for name in self.loads:
            keras() if name == "keras" else import_module(name)


def _pca(given: Given) -> Made:
    scaled = given.scale.apply(given.rows)
    code = quality.LinearCode.fit(scaled, 2, random_state=given.seed)
    return Made(code.encode(scaled), lambda rows: code.encode(given.scale.apply(rows)), code.decode)


def _network(make: Callable[..., Any], given: Given) -> Made:
    made = make(epochs=given.epochs, random_state=given.seed, verbose=given.progress).fit(given.rows)
    return _fitted(made, given)


def _two_steps(given: Given) -> Made:
    inner = Autoencoder(epochs=given.epochs)
    made = LatentMap(autoencoder=inner, random_state=given.seed, verbose=given.progress).fit(given.rows)
    return _fitted(made, given, made.embedding_)


def _supervised(given: Given) -> Made:
    labels = given.labels
    assert labels is not None
    run: dict[str, Any] = {"epochs": given.epochs, "random_state": given.seed, "verbose": given.progress}
    if labels.dtype.kind == "f":
        known = np.isfinite(labels)
        return _fitted(SupervisedAutoencoderRegressor(2, **run).fit(given.rows[known], labels[known]), given)
    unlabeled = NONE if (labels == NONE).any() else None
    return _fitted(SupervisedAutoencoder(2, unlabeled=unlabeled, **run).fit(given.rows, labels), given)


def _fitted(made: Any, given: Given, places: np.ndarray | None = None) -> Made:
    def decode(codes: np.ndarray) -> np.ndarray:
        return given.scale.apply(made.inverse_transform(codes))

    return Made(made.transform(given.rows) if places is None else places, made.transform, decode)


def _tsne(to_points: Callable[[Given], ToPlaces], given: Given) -> Made:
    encode = to_points(given)
    points = encode(given.rows).astype(np.float32, copy=False)
    places, _ = embed(points, {}, given.seed, given.progress)
    return Made(places, lambda rows: place(encode(rows).astype(np.float32, copy=False), points, places))


def _components(given: Given) -> ToPlaces:
    scaled = given.scale.apply(given.rows)
    code = quality.LinearCode.fit(scaled, min(COMPONENTS, *scaled.shape), random_state=given.seed)
    return lambda rows: code.encode(given.scale.apply(rows))


def _scaled(given: Given) -> ToPlaces:
    return given.scale.apply


def _scikit_learn(given: Given) -> Made:
    return Made(embed_by_scikit_learn(given.scale.apply(given.rows), given.seed))


def _umap(given: Given) -> Made:
    umap = import_module("umap")  # which need not be installed
    made = umap.UMAP(random_state=given.seed)
    return Made(made.fit_transform(given.scale.apply(given.rows)), lambda rows: made.transform(given.scale.apply(rows)))


_BY_KERAS, _BY_TSNE = ("keras",), ("openTSNE",)

WAYS: dict[str, Way] = {
    "pca": Way("PCA", _pca),
    "autoencoder": Way("autoencoder", partial(_network, partial(Autoencoder, 2)), _BY_KERAS, tasks=1),
    "neighbors": Way("autoencoder + neighbors", partial(_network, partial(recipe, "map")), _BY_KERAS, tasks=2),
    "latent_map": Way("autoencoder + t-SNE", _two_steps, (*_BY_KERAS, *_BY_TSNE), tasks=2),
    "pca_tsne": Way("PCA to 50 + t-SNE", partial(_tsne, _components), _BY_TSNE, decodes=False, tasks=1),
    "tsne": Way("t-SNE (openTSNE)", partial(_tsne, _scaled), _BY_TSNE, decodes=False, tasks=1),
    "sklearn_tsne": Way("t-SNE (scikit-learn)", _scikit_learn, ("sklearn.manifold",), places=False, decodes=False),
    "supervised": Way("autoencoder + labels", _supervised, _BY_KERAS, tasks=1, labeled=True),
    "umap": Way("UMAP", _umap, ("umap",), decodes=False),
}
