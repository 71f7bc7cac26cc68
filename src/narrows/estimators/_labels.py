"""Labels: from what a user calls a class, or a number to predict, to what a head learns, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from narrows.networks.scale import Scale

NONE = -1  # stands for the class of a row that has none
_MISSING = {"NoneType", "NAType", "NaTType"}  # by name: pandas need not be installed


def read_classes(estimator: Any, y: Any, n: int, *, reset: bool) -> np.ndarray:
    """Read labels as classes, and set or check ``classes_``.

    Parameters
    ----------
    estimator : SupervisedAutoencoder
    y : array-like of shape (n,) or (n, n_classes)
        Labels of any kind, or one-hot rows. None, NaN and `estimator.unlabeled` stand for no label.
    n : int
        How many there must be.
    reset : bool
        Whether these labels make the classes, or must be among those that there are.

    Returns
    -------
    ndarray of shape (n,), int32
        Places in ``classes_``; -1 for no label.

    Raises
    ------
    ValueError
        If they are too few or too many, no labels at all, of one class only, or unknown.
    """
    values, present, named = _classes_of(estimator, y, n)
    if not present.any():
        raise ValueError(
            f"y holds no label, only {n} rows without one: label at least two classes, or use Autoencoder, which needs no labels"
        )
    known = values[present]
    if reset:
        check_classification_targets(known)
        try:
            classes = np.unique(known) if named is None else named
        except TypeError:
            kinds = sorted({type(value).__name__ for value in known})
            raise ValueError(f"y mixes labels of different kinds, {' and '.join(kinds)}: use one of them for all") from None
        if len(classes) < 2:
            raise ValueError(
                f"y holds one class only, {classes[0]!r}, and a classifier needs at least two: "
                f"use Autoencoder, which needs no labels, or label other rows"
            )
        estimator.classes_ = classes
    classes = estimator.classes_
    try:
        place = np.searchsorted(classes, known) if named is None else known.astype(int)
        place = np.minimum(place, len(classes) - 1)
        unknown = classes[place] != known if named is None else np.zeros(len(known), bool)
    except TypeError:
        unknown, place = np.ones(len(known), bool), np.zeros(len(known), int)
    if np.any(unknown):
        raise ValueError(f"y holds the label {known[np.argmax(unknown)]!r}, which is none of the classes {_shown(classes)}")
    out = np.full(n, NONE, np.int32)
    out[present] = place
    return out


def known_classes(classes: Any) -> np.ndarray:
    """Give all labels that will ever come, in order.

    Raises
    ------
    ValueError
        If they are fewer than two.
    """
    known = np.unique(np.asarray(classes))
    if len(known) < 2:
        raise ValueError(f"classes holds one class only, {known.tolist()}, and a classifier needs at least two")
    return known


def _classes_of(estimator: Any, y: Any, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Give labels (n,), which of them are there, and the names of one-hot columns, if that is what they are."""
    array = _array(estimator, y, n)
    if array.ndim == 2 and array.shape[1] > 1:
        try:
            hot = array.astype(np.float64)
        except (TypeError, ValueError):
            hot = np.full(array.shape, np.inf)
        present: np.ndarray = np.asarray(~np.isnan(hot).all(1))
        if not (np.isin(hot[present], (0, 1)).all() and (hot[present].sum(1) == 1).all()):
            raise ValueError(f"y of shape {array.shape} must be one-hot, with a single 1 in each row and 0 elsewhere, or of shape ({n},)")
        columns = getattr(y, "columns", None)
        names = np.arange(array.shape[1]) if columns is None else np.asarray(columns)
        return np.where(present, hot.argmax(1, keepdims=False), 0), present, names
    array = column_or_1d(array, warn=True)
    if array.dtype.kind == "f" and np.isinf(array).any():
        raise ValueError("Input y contains infinity: a class is a whole number, a string or a boolean")
    if array.dtype.kind == "O":
        present = np.array([not _is_missing(value) for value in array], bool)
        plain = np.empty(n, object)
        plain[present] = array[present]
        known = np.array(list(array[present]))  # ints, strings and booleans become what they are
        if known.dtype.kind in "iubUf" and len({isinstance(value, str) for value in array[present]}) == 1:
            values = np.zeros(n, known.dtype)
            values[present] = known
        else:
            values = plain
    else:
        values = array
        present = np.asarray(~np.isnan(array) if array.dtype.kind == "f" else np.ones(n, bool))
    if values.dtype.kind == "f" and (values[present] == np.round(values[present])).all() and array.dtype.kind == "O":
        values = np.where(present, values, 0).astype(np.int64)  # integers beside NaN, as frames have them
    if estimator.unlabeled is not None:
        present = present & np.array([value != estimator.unlabeled for value in values], bool)
    return values, present, None


def _is_missing(value: Any) -> bool:
    return type(value).__name__ in _MISSING or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def _array(estimator: Any, y: Any, n: int) -> np.ndarray:
    if y is None:
        raise ValueError(f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None.")
    array = np.asarray(y)
    if array.ndim not in (1, 2) or len(array) != n:
        raise ValueError(f"y must hold a label for each of the {n} rows, got shape {array.shape}")
    return array


def _shown(classes: np.ndarray) -> str:
    few = ", ".join(map(repr, classes[:10].tolist()))
    return f"{few}, … ({len(classes)} in all)" if len(classes) > 10 else few


def class_weights(class_weight: Any, classes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give what each class counts in the label term, shape (n_classes,), float32.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
    classes : ndarray of shape (n_classes,)
    y : ndarray of shape (n,)
        Places in `classes`, -1 for no label.

    Raises
    ------
    ValueError, TypeError
        If a class is unknown, or a weight is not a finite number of at least 0.
    """
    out = np.ones(len(classes), np.float32)
    if class_weight is None:
        return out
    if isinstance(class_weight, str) and class_weight == "balanced":
        there = np.unique(y[y >= 0])
        out[there] = compute_class_weight("balanced", classes=there, y=y[y >= 0])
        return out
    if not isinstance(class_weight, Mapping):
        raise ValueError(f"class_weight must be None, 'balanced' or a dict from class to weight, got {class_weight!r}")
    places = {label: place for place, label in enumerate(classes.tolist())}
    for label, weight in class_weight.items():
        if label not in places:
            raise ValueError(f"class_weight names the class {label!r}, which y does not hold: it holds {_shown(classes)}")
        if not isinstance(weight, int | float | np.number) or not 0 <= weight < np.inf:
            raise ValueError(f"class_weight of {label!r} must be a finite number of at least 0, got {weight!r}")
        out[places[label]] = weight
    return out


def read_numbers(estimator: Any, y: Any, n: int) -> np.ndarray:
    """Read numbers to predict.

    Parameters
    ----------
    estimator : SupervisedAutoencoderRegressor
    y : array-like of shape (n,) or (n, n_outputs)
        NaN and None stand for a number that is not known.
    n : int
        How many there must be.

    Returns
    -------
    ndarray of shape (n, n_outputs), float64

    Raises
    ------
    ValueError
        If they are too few or too many, no numbers, infinite, or none is known.
    """
    array = _array(estimator, y, n)
    if array.ndim == 2 and array.shape[1] == 1:
        array = column_or_1d(array, warn=True)
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"y must hold numbers to predict, got {array.ravel()[0]!r}; for classes use SupervisedAutoencoder") from None
    if np.isinf(numbers).any():
        raise ValueError("Input y contains infinity: leave such rows out, or mark them as unknown by NaN")
    numbers = numbers.reshape(n, -1)
    if np.isnan(numbers).all(0).any():
        raise ValueError(f"y holds no number, only {n} rows without one: use Autoencoder, which needs no labels")
    return numbers


def scale_of(numbers: np.ndarray) -> Scale:
    """Learn the scaling of numbers to predict, shape (n, n_outputs): each to mean 0 and deviation 1 over those that are known."""
    mean, deviation = np.nanmean(numbers, 0), np.nanstd(numbers, 0)
    return Scale("standard", mean, 1 / np.where(deviation > 0, deviation, 1), False, np.zeros_like(mean))


def held_out(y: np.ndarray | None, n: int, held: int, rng: np.random.Generator) -> np.ndarray:
    """Draw rows to validate on: of each class its share, and never the only row of one.

    Parameters
    ----------
    y : ndarray of shape (n,), int32, or None
        Places of classes; -1 for no label. None draws from all rows alike.
    n, held : int
        Rows, and how many of them to draw, at least 1.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n,), bool
    """
    order = rng.permutation(n)
    chosen = np.zeros(n, bool)
    if y is None:
        chosen[order[:held]] = True
        return chosen
    order = order[np.argsort(y[order], kind="stable")]
    labels, sizes = np.unique(y, return_counts=True)
    single = labels[(sizes == 1) & (labels != NONE)]
    order = order[~np.isin(y[order], single)]
    # Every k-th of the rows, class after class, each in random order: shares come out as even as whole rows allow.
    places = ((np.arange(held) + rng.random()) * len(order) / held).astype(int)
    chosen[order[np.minimum(places, len(order) - 1)]] = True
    return chosen
