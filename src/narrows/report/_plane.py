"""The plane of a page: where each row is on it, and what the plane is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from narrows.estimators import LatentMap
from narrows.estimators.latent_map import AROUND, FEWEST, embed, place
from narrows.progress import Progress

SPREAD = 0.15  # of a line's length: how far points lie beside it


@dataclass(frozen=True)
class Plane:
    """Rows on a plane.

    Attributes
    ----------
    places : ndarray of shape (n, 2), float32
    codes : ndarray of shape (n, n_components), float32
    kind : {"code", "line", "map", "turned"}
        Whether places are codes; codes on a line, with chance beside it; places on a map of longer codes, by t-SNE; or the two directions
        in which longer codes differ most.
    sentence : str
        What a reader needs to know about it.
    """

    places: np.ndarray
    codes: np.ndarray
    kind: Literal["code", "line", "map", "turned"]
    sentence: str


def plane(estimator: Any, network: Any, rows: np.ndarray, seed: int, progress: Progress) -> Plane:
    """Place rows.

    Parameters
    ----------
    estimator : fitted Autoencoder, another of narrows, or LatentMap
    network : Network
        Its own, or its autoencoder's.
    rows : ndarray of shape (n, d)
    seed : int
    progress : Progress

    Returns
    -------
    Plane
    """
    codes = network.encode(rows)
    if isinstance(estimator, LatentMap):
        said = f"A map by t-SNE of codes of {codes.shape[1]} numbers; the rows were placed on it, which did not move."
        return Plane(place(codes, estimator.codes_, estimator.embedding_), codes, "map", f"{said} {_between()}")
    n, width = codes.shape
    if width == 2:
        return Plane(codes, codes, "code", "Each point is a row, at the two numbers of its code. Every place decodes.")
    if width == 1:
        low, high = float(codes.min()), float(codes.max())
        beside = np.random.default_rng(seed).uniform(-1, 1, n) * SPREAD * max(high - low, 1e-6)
        places = np.stack([codes[:, 0], beside], 1).astype(np.float32)
        return Plane(places, codes, "line", "Each point is a row: its code from left to right. Up and down mean nothing.")
    if n >= FEWEST and bool(np.ptp(codes, axis=0).any()):
        places, _ = embed(codes, {}, seed, progress)
        return Plane(places, codes, "map", f"A map of these rows by t-SNE of their codes of {width} numbers. {_between()}")
    return Plane(_turned(codes), codes, "turned", f"The two directions in which codes of {width} numbers differ most. {_between()}")


def _between() -> str:
    return f"A place stands for the codes of the {AROUND} rows nearest to it, averaged."


def _turned(codes: np.ndarray) -> np.ndarray:
    """Give codes along the two directions in which they differ most."""
    centered = codes.astype(np.float64) - codes.mean(0, dtype=np.float64)
    directions = np.linalg.svd(centered, full_matrices=False)[2][:2]
    places = np.zeros((len(codes), 2), np.float32)
    places[:, : len(directions)] = centered @ directions.T
    return places
