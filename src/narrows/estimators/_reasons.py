"""What carries a row's error: how far each number is from its reconstruction and from what is usual, and which are the farthest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from narrows.estimators._checks import dense
from narrows.estimators._table_view import ColumnView
from narrows.networks.network import Network

BLOCK = 8192  # rows whose reconstruction is held at a time
ORDINARY = 0.683  # share of ordinary residuals that a spread holds: of normal ones, those within a standard deviation
SHARED = {"misfit": 0.5, "reach": 0.1}  # of the mean square of all spreads, added to each: what hardly ever moves may move a little
TINY = 1e-6  # in scaled units
LONG = 128  # numbers in a code: of longer ones the correlations are not looked at


@dataclass(frozen=True)
class Reason:
    """One feature that carries a part of a row's error.

    Attributes
    ----------
    feature : int
        Its place in the row, from 0.
    name : str
        Of its column; "x3" where columns have no names, "pixel_4_7" (line, place in it, and the channel where there are several, all
        from 0) where rows are images.
    value : float or str
        What the row has there, in its own units; in words, where a table's column holds no numbers.
    reconstruction : float or str
        What the network makes of it, likewise.
    usual : float, str or None
        What the network makes of it in the middle one of the fitted rows; None where the error is the reconstruction's alone, and for
        categories.
    share : float
        Its part of the row's error, in [0, 1]. The shares of all features of a row sum to 1, or to 0 where there is no error.
    extreme : bool
        Whether it is rebuilt well enough, and the larger part of its share is that the row's code is far from the others.

    Examples
    --------
    >>> str(Reason(2, "oil", 75.0, 41.25, 40.5, 0.843, False))
    'oil 75, not 41.25 (84 %)'
    >>> str(Reason(0, "radius", 25.0, 24.75, 12.1, 0.4, True))
    'radius 25, rebuilt as 24.75, usually 12.1 (40 %)'
    >>> str(Reason(1, "color", "red", "blue", None, 0.3, False))
    'color red, not blue (30 %)'
    """

    feature: int
    name: str
    value: float | str
    reconstruction: float | str
    usual: float | str | None
    share: float
    extreme: bool

    def __str__(self) -> str:
        if self.extreme and self.usual is not None:
            told = f"rebuilt as {_word(self.reconstruction)}, usually {_word(self.usual)}"
        elif self.value == self.reconstruction and isinstance(self.value, str):
            told = "though that is unlikely"
        else:
            told = f"not {_word(self.reconstruction)}"
        return f"{self.name} {_word(self.value)}, {told} ({100 * self.share:.0f} %)"


def _word(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


@dataclass(frozen=True, eq=False)
class Usual:
    """What is usual for ordinary rows, in scaled units.

    Attributes
    ----------
    misfit : ndarray of shape (n_features,), float64
        How far reconstructions are from rows.
    center : ndarray of shape (n_features,), float64
        The middle reconstruction.
    reach : ndarray of shape (n_features,), float64
        How far reconstructions are from there.
    code : ndarray of shape (n_components,), float64
        The mean code.
    precision : ndarray of shape (n_components, n_components) or (n_components,), float64
        By which codes are far from there, squared, or of long codes its diagonal alone: of the middle row it makes 1.
    """

    misfit: np.ndarray
    center: np.ndarray
    reach: np.ndarray
    code: np.ndarray
    precision: np.ndarray

    @classmethod
    def learn(cls, network: Network | ColumnView, rows: Any) -> Usual:
        """Learn it from rows (n, n_features), most of them ordinary."""
        blocks = [(rebuilt - network.scale.apply(block), rebuilt) for block, rebuilt in _blocks(network, rows)]
        residuals, rebuilt = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        center = np.median(rebuilt, axis=0).astype(np.float64)
        reach = spread(rebuilt - center.astype(np.float32), SHARED["reach"])
        return cls(spread(residuals, SHARED["misfit"]), center, reach, *_codes(_flat(network.encode(rows))))

    def distance(self, codes: np.ndarray) -> np.ndarray:
        """Give how far codes (n, n_components) are from the mean one, squared, (n,)."""
        return _distance(codes - self.code, self.precision)


def _codes(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the mean of codes (n, n_components) and their precision."""
    from sklearn.covariance import LedoitWolf

    if codes.shape[1] <= LONG:
        found = LedoitWolf().fit(codes)
        mean, precision = found.location_, found.precision_
    else:
        mean, variance = codes.mean(0), codes.var(0)
        precision = 1 / np.maximum(variance + SHARED["reach"] * variance.mean(), TINY**2)
    middle = float(np.median(_distance(codes - mean, precision)))
    return mean, precision / max(middle, TINY)


def _distance(away: np.ndarray, precision: np.ndarray) -> np.ndarray:
    weighted = away @ precision if precision.ndim == 2 else away * precision
    return np.asarray((weighted * away).sum(1))


def _flat(codes: np.ndarray) -> np.ndarray:
    return codes.reshape(len(codes), -1).astype(np.float64)


def spread(residuals: np.ndarray, shared: float) -> np.ndarray:
    """Give what residuals (n, n_features) are divided by: the middle row of mean squares then has 1.

    Parameters
    ----------
    residuals : ndarray of shape (n, n_features)
        A few of the rows may be outliers: quantiles do not see them.
    shared : float
        What of the mean square of all spreads is added to the square of each.

    Returns
    -------
    ndarray of shape (n_features,), float64
        Above 0.
    """
    own = np.square(np.quantile(np.abs(residuals), ORDINARY, axis=0).astype(np.float64))
    squares = own + shared * own.mean() + TINY**2
    middle = float(np.median(np.square(residuals, dtype=np.float64) @ (1 / squares))) / squares.size
    return np.sqrt(squares * max(middle, TINY))


def row_errors(network: Network | ColumnView, rows: Any, usual: Usual | None = None) -> np.ndarray:
    """Give the error of each row (n,), float64: its mean squared residual, or how far it is from what is usual."""
    parts = (_parts(network, block, rebuilt, usual) for block, rebuilt in _blocks(network, rows))
    errors = np.concatenate([(misfit + reach).sum(1) for misfit, reach in parts])
    return np.where(np.isnan(errors), np.inf, errors)  # beyond all numbers


def reasons(network: Network | ColumnView, rows: Any, names: list[str], top: int, usual: Usual | None = None) -> list[tuple[Reason, ...]]:
    """Name the features that carry the errors of rows.

    Parameters
    ----------
    network : Network
    rows : ndarray or CSR matrix of shape (n, n_features)
        In their own units.
    names : list of str
        Of all features.
    top : int
        How many to give for each row, the largest share first; all where there are fewer.
    usual : Usual, default=None
        By which errors are measured.

    Returns
    -------
    list of tuple of Reason
        One for each row.
    """
    middle = [None] * len(names) if usual is None else _middle(network, usual.center)
    places = network.places if isinstance(network, ColumnView) else range(len(names))
    found = list[tuple[Reason, ...]]()
    for block, rebuilt in _blocks(network, rows):
        misfit, reach = _parts(network, block, rebuilt, usual)
        parts = misfit + reach
        whole = parts.sum(1, keepdims=True)
        shares = np.divide(parts, whole, out=np.zeros_like(parts), where=whole > 0)
        largest = np.argsort(-shares, axis=1, kind="stable")[:, :top].tolist()
        told = (
            network.told(block)
            if isinstance(network, ColumnView)
            else (block.astype(np.float64).tolist(), network.scale.undo(rebuilt).tolist())
        )
        for chosen, row, made, share, far in zip(largest, *told, shares, reach > misfit, strict=True):
            found.append(
                tuple(
                    Reason(places[at], names[at], row[at], made[at], middle[at], float(share[at]), bool(far[at]) and middle[at] is not None)
                    for at in chosen
                )
            )
    return found


def _middle(network: Network | ColumnView, center: np.ndarray) -> list[Any]:
    return network.told_usual(center) if isinstance(network, ColumnView) else network.scale.undo(center).tolist()


def feature_names(estimator: Any) -> list[str]:
    """Give a name to each feature of a fitted estimator: its column's, its pixel's, or its place's."""
    if (view := getattr(estimator, "_measured_by", None)) is not None and isinstance(view, ColumnView):
        return view.names
    names, image_shape = getattr(estimator, "feature_names_in_", None), getattr(estimator, "image_shape_", None)
    if names is not None:
        return [str(name) for name in names]
    if image_shape is None:
        return [f"x{place}" for place in range(estimator.n_features_in_)]
    shown = image_shape if image_shape[2] > 1 else image_shape[:2]
    return ["_".join(["pixel", *map(str, place)]) for place in np.ndindex(*shown)]


def _parts(network: Network | ColumnView, block: np.ndarray, rebuilt: np.ndarray, usual: Usual | None) -> tuple[np.ndarray, np.ndarray]:
    """Give what each number adds to its row's error, by its misfit and by the row's code, (n, n_features), float64.

    A code has no features: what its distance adds is shared out by how far each number's reconstruction is from the usual one.
    """
    n_features = rebuilt.shape[1]
    misfit = np.square(rebuilt - network.scale.apply(block), dtype=np.float64) / n_features
    if usual is None and isinstance(network, ColumnView):
        misfit = network.losses(block, rebuilt)
    if usual is None:
        return misfit, np.zeros_like(misfit)
    reach = np.square((rebuilt - usual.center) / usual.reach)
    whole = reach.sum(1, keepdims=True)
    shares = np.divide(reach, whole, out=np.full_like(reach, 1 / n_features), where=whole > 0)
    return misfit / (2 * np.square(usual.misfit)), shares * usual.distance(_flat(network.encode(block)))[:, None] / 2


def _blocks(network: Network | ColumnView, rows: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give some of the rows at a time, dense, with their reconstruction in scaled units."""
    for start in range(0, rows.shape[0], BLOCK):
        block = dense(rows[start : start + BLOCK])
        yield block, network.reconstruct(block, scaled=True)
