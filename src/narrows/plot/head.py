"""What a head decides: where in the plane of codes, and how often it is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows.data.names import listed
from narrows.plot._axes import name_ticks, new_axes
from narrows.plot._given import codes_of, is_estimator, needs, network_of, refuse_rows
from narrows.plot.scatter import codes as draw_codes
from narrows.plot.scatter import is_known

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

FINE = 240  # places on a side
MARGIN = 0.05  # of the codes' range, around them
WRITTEN = 15  # classes: more have no room for numbers in their cells
NAMED = 25  # classes: of more only some have their names beside the picture


def decision_regions(
    estimator: Any,
    X: Any = None,
    *,
    codes: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    palette: str | Sequence[str] = "auto",
    density: bool | str = "auto",
    names: bool = False,
    title: str = "",
    legend: Axes | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what the head decides on where in the plane of codes of two numbers, and codes on top.

    Parameters
    ----------
    estimator : SupervisedAutoencoder or SupervisedAutoencoderRegressor
        Fitted, with codes of two numbers; a regressor that predicts one number.
    X : {array-like, sparse matrix, dataframe} of shape (n, n_features), default=None
        Rows whose codes are drawn, and say how far the plane reaches.
    codes : array-like of shape (n, 2), default=None
        Their codes, in place of rows.
    labels : array-like of shape (n,), default=None
        What is true of the rows: points whose color is not that of their region are wrong. Without labels, points are black.
    palette : {"auto", "tab10", "safe"} or sequence of color, default="auto"
        As `codes` takes it.
    density : bool or "auto", default="auto"
        As `codes` takes it.
    names : bool, default=False
        As `codes` takes it.
    title : str, default=""
    legend : matplotlib.axes.Axes, default=None
        Where to say which color is which label: `ax` itself, or one that is empty. Nowhere if None.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the estimator is not fitted or has no head, its codes are not of two numbers, or labels are of another length.
    MissingExtra
        If matplotlib is not installed.
    """
    network = network_of(estimator)
    if not hasattr(type(network), "head_"):
        raise ValueError(f"{type(network).__name__} has no head, and decides nothing: fit a SupervisedAutoencoder")
    if network is not estimator:
        raise ValueError("the head of a LatentMap takes longer codes than its places: give a SupervisedAutoencoder with n_components=2")
    found = codes_of(estimator, X, codes, 2)
    low, high = found.min(0).astype(np.float64), found.max(0).astype(np.float64)
    margin = np.where(high > low, MARGIN * (high - low), 0.5)
    across, up = (np.linspace(low[side] - margin[side], high[side] + margin[side], FINE) for side in (0, 1))
    places = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2).astype(np.float32)
    decided = _decided(network, places).reshape(FINE, FINE)
    labels = None if labels is None else _as_given(network, labels)
    _check_labels(network, labels)
    look: dict[str, Any] = {"palette": palette, "density": density, "names": names, "title": title, "legend": legend, "ax": ax}
    return draw_codes(found, labels=labels, regions=(across, up, decided), **look)


def _as_given(estimator: Any, labels: Any) -> np.ndarray:
    """Give labels (n,), with None for what an estimator takes as none."""
    array: np.ndarray = np.array(labels, object)
    if getattr(estimator, "unlabeled", None) is not None:
        array[array == estimator.unlabeled] = None
    return array


def _check_labels(network: Any, labels: np.ndarray | None) -> None:
    """Refuse labels that the head does not know: they would be colored as classes of their own, and all be wrong."""
    classes = getattr(network, "classes_", None)
    if labels is None or classes is None:
        return
    unknown = set(labels[is_known(labels)].tolist()) - set(classes.tolist())
    if unknown:
        wrong, few = min(map(repr, unknown)), listed(classes.tolist())
        raise ValueError(f"labels hold {wrong}, and the head decides between {few}: give labels as they were given to fit")


def _decided(network: Any, places: np.ndarray) -> np.ndarray:
    """Give what the head decides on at places (n, 2)."""
    predicted = np.asarray(network.head_(places))
    classes = getattr(network, "classes_", None)
    if classes is not None:
        return np.asarray(classes[predicted.argmax(1)])
    if predicted.shape[1] != 1:
        raise ValueError(f"the head predicts {predicted.shape[1]} numbers for a code, and this picture shows 1: fit a regressor of one")
    return predicted[:, 0]


def confusion(made: Any, X: Any = None, *, labels: ArrayLike, rates: bool = False, ax: Axes | None = None) -> Axes:
    """Draw how often rows of each class are taken for which: the confusion matrix.

    Parameters
    ----------
    made : estimator or array-like of shape (n,)
        A fitted classifier, whose predictions for `X` are drawn; or predicted labels.
    X : {array-like, sparse matrix, dataframe} of shape (n, n_features), default=None
        Rows, where an estimator is given.
    labels : array-like of shape (n,)
        What is true. Rows of which nothing is known, None or NaN, do not count.
    rates : bool, default=False
        Whether cells hold the share of the true class in percent, in place of counts. Their shade is by the root of that share in
        both cases, so that rare mistakes are seen.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None.

    Returns
    -------
    matplotlib.axes.Axes
        True classes down, predicted ones across. Of more than 15 classes there are shades only.

    Raises
    ------
    ValueError
        If the estimator is not fitted or has no classes, labels are of another length, or none is known.
    MissingExtra
        If matplotlib is not installed.
    """
    if is_estimator(made):
        predictor = needs(made, X, "plot.confusion(estimator, X, labels=labels)")
        if not hasattr(predictor, "classes_"):
            raise ValueError(f"{type(predictor).__name__} predicts no classes: give a SupervisedAutoencoder, or predicted labels")
        predicted = predictor.predict(X)
        known = list(predictor.classes_.tolist())
    else:
        refuse_rows(X, "predictions")
        predicted, known = np.asarray(made, object), []
    classes, counts = _count(_as_given(made, labels), np.asarray(predicted, object), known)
    ax = new_axes() if ax is None else ax
    from matplotlib.colors import PowerNorm

    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    by_root = PowerNorm(0.5, vmin=0, vmax=1)  # which tells one percent from five
    ax.imshow(np.where(counts > 0, shares, np.nan), cmap="Blues", norm=by_root, interpolation="nearest")
    if len(classes) <= WRITTEN:
        _write_cells(ax, counts, shares, rates)
    _name_classes(ax, classes)
    return ax


def _count(labels: np.ndarray, predicted: np.ndarray, known: list[Any]) -> tuple[list[Any], np.ndarray]:
    """Give all classes in order, and how many rows of each (down) are taken for which (across)."""
    if labels.ndim != 1 or labels.shape != predicted.shape:
        raise ValueError(f"labels have shape {labels.shape}, and predictions {predicted.shape}: give one label for each, of shape (n,)")
    there = is_known(labels)
    if not there.any():
        raise ValueError(f"none of {len(labels)} labels is known: give at least one")
    if not is_known(predicted).all():
        raise ValueError("predictions hold None or NaN; give a label for each row")
    true, guessed = labels[there].tolist(), predicted[there].tolist()
    if known and not {*true} & {*known}:
        raise ValueError(f"labels hold {true[0]!r}, and the head knows {listed(known)}: give labels as they were given to fit")
    every = {*true, *guessed, *known}
    classes = sorted(every, key=None if len({isinstance(one, str) for one in every}) == 1 else str)
    place = {one: number for number, one in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, ([place[one] for one in true], [place[one] for one in guessed]), 1)
    return classes, counts


def _write_cells(ax: Axes, counts: np.ndarray, shares: np.ndarray, rates: bool) -> None:
    size = "medium" if len(counts) <= 6 else "small" if len(counts) <= 10 else "x-small"
    for down, across in np.argwhere(counts):
        said = f"{100 * shares[down, across]:.1f}" if rates else f"{counts[down, across]}"
        color = "white" if shares[down, across] > 0.35 else "0.15"
        ax.text(across, down, said, ha="center", va="center", fontsize=size, color=color)


def _name_classes(ax: Axes, classes: list[Any]) -> None:
    step = -(-len(classes) // NAMED)
    names = [str(one) for one in classes[::step]]
    longest = max(map(len, names))
    places, size = np.arange(len(classes))[::step], "small" if len(names) <= 12 else "x-small"
    turned = {"rotation": 90} if longest * len(names) > 40 and longest > 1 else {}
    name_ticks(ax.xaxis, places, names, fontsize=size, **turned)
    name_ticks(ax.yaxis, places, names, fontsize=size)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    ax.tick_params(length=0)
    if len(classes) <= NAMED:
        ax.set_xticks(np.arange(len(classes) + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(len(classes) + 1) - 0.5, minor=True)
        ax.grid(which="minor", color="0.9", linewidth=0.5)
        ax.tick_params(which="minor", length=0)
