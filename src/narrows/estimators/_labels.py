"""Labels: from what a user calls a class, or a number to predict, to what a head learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d

from narrows.networks import scale as scales
from narrows.networks.scale import Scale

NONE = -1  # stands for the class of a row that has none
_MISSING = {"NoneType", "NAType", "NaTType"}  # by name: pandas need not be installed
_LARGEST = float(np.finfo(np.float32).max)


def read_classes(y: Any, n: int, *, unlabeled: Any = None, known: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Read labels as classes.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, n_classes)
        Labels of any one kind, or one-hot rows. None, NaN and `unlabeled` stand for no label, and so does a one-hot row of zeros.
    n : int
        How many there must be.
    unlabeled : label, default=None
    known : ndarray of shape (n_classes,), default=None
        The classes that there are, in order; None learns them.

    Returns
    -------
    places : ndarray of shape (n,), int32
        In the classes; -1 for no label.
    classes : ndarray of shape (n_classes,)
        In order.

    Raises
    ------
    ValueError, TypeError
        If they are too few or too many, of no kind that can be a class, unknown, or none or of one class where classes are learned.
    """
    labels, present, columns = plain_labels(y, n, unlabeled=unlabeled, known=known)
    classes = known
    if classes is None:
        if not present.any():
            raise ValueError(
                f"y holds no label, only {n} rows without one: label rows of two classes at least, or use Autoencoder, which needs none"
            )
        classes = np.unique(labels if columns is None else columns)
        if len(classes) < 2:
            raise ValueError(
                f"y holds one class only, {classes[0].item()!r}, and a classifier needs at least two classes: label rows of another, "
                f"name all that will come (partial_fit has classes=), or use Autoencoder, which needs no labels"
            )
    places = np.full(n, NONE, np.int32)
    places[present] = _places(labels, classes)
    return places, classes


def known_classes(classes: Any, unlabeled: Any = None) -> np.ndarray:
    """Give all labels that will ever come, in order.

    Raises
    ------
    ValueError
        If they are fewer than two.
    """
    given = np.asarray(classes)
    known = np.unique(plain_labels(given, len(given), unlabeled=unlabeled)[0]) if given.ndim == 1 else given
    if given.ndim != 1 or len(known) < 2:
        raise ValueError(f"classes must hold at least two labels, all that will ever come, got {classes!r}")
    return known


def plain_labels(
    y: Any, n: int, *, unlabeled: Any = None, known: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Give the labels of n rows in a plain array, whatever they came in.

    Parameters
    ----------
    y, n
        As in `read_classes`.
    unlabeled : label, default=None
        A label that stands for none.
    known : ndarray of shape (n_classes,), default=None
        The labels of one-hot columns that have no names.

    Returns
    -------
    labels : ndarray of shape (n_labeled,)
        Of the rows that have one: whole numbers, booleans or strings.
    present : ndarray of shape (n,), bool
        Which rows these are.
    columns : ndarray of shape (n_classes,) or None
        The labels that one-hot columns stand for.
    """
    if unlabeled is not None and not np.isscalar(unlabeled):
        raise TypeError(f"unlabeled must be None or one label that stands for none, such as -1, got {unlabeled!r}")
    array = _array(y, n)
    if array.ndim == 2 and array.shape[1] > 1:
        return _of_one_hot(array, getattr(y, "columns", None), known)
    array = column_or_1d(array, warn=True)
    if array.dtype.kind == "O":
        present = np.array([not _is_missing(label) for label in array], bool)
        labels = _of_one_kind(array[present].tolist())
    else:
        present = ~np.isnan(array) if array.dtype.kind == "f" else np.ones(n, bool)
        labels = array[present]
    if labels.dtype.kind not in "biufU":
        raise ValueError(f"Unknown label type: y holds {labels[0]!r}, and a class is a whole number, a string or a boolean")
    if labels.dtype.kind == "f":
        labels = _whole(labels, np.int64 if not present.all() else labels.dtype)
    if unlabeled is not None:
        is_label = np.broadcast_to(labels != unlabeled, labels.shape)
        present[present] = is_label
        labels = labels[is_label]
    return labels, present, None


def _of_one_hot(array: np.ndarray, names: Any, known: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    try:
        hot = np.nan_to_num(array.astype(np.float64))
    except (TypeError, ValueError):
        hot = np.full(array.shape, np.inf)
    present: np.ndarray = np.asarray(hot.any(1))
    if not (np.isin(hot, (0, 1)).all() and (hot[present].sum(1) == 1).all()):
        raise ValueError(
            f"y of shape {array.shape} must be one-hot, a single 1 in each row and 0 elsewhere, or of shape ({len(array)},), a label a row"
        )
    if names is not None:
        columns = _of_one_kind(list(names))
    elif known is None:
        columns = np.arange(array.shape[1])
    elif len(known) == array.shape[1]:
        columns = known
    else:
        raise ValueError(f"y has {array.shape[1]} one-hot columns, and there are {len(known)} classes: {_shown(known)}")
    return columns[hot[present].argmax(1)], present, columns


def _of_one_kind(labels: list[Any]) -> np.ndarray:
    """Make an array of labels that are all numbers, all strings or all booleans."""
    kinds = sorted({type(label).__name__ for label in labels})
    are_text = {isinstance(label, str) for label in labels}
    if len(are_text) > 1:
        raise ValueError(f"y mixes labels of different kinds, {' and '.join(kinds)}: use one of them for all")
    array = np.array(labels)
    if array.ndim != 1:
        raise ValueError(f"Unknown label type: y holds {labels[0]!r}, and a class is a whole number, a string or a boolean")
    return array


def _whole(labels: np.ndarray, kind: Any) -> np.ndarray:
    """Refuse fractions. Beside NaN, whole numbers come as floats, for NumPy's integers have none: they become integers again."""
    if np.isinf(labels).any():
        raise ValueError("Input y contains infinity: a class is a whole number, a string or a boolean")
    if (broken := labels != np.round(labels)).any():
        raise ValueError(
            f"Unknown label type: continuous. y holds {labels[broken][0].item()!r}, and a class is a whole number, a string or a boolean: "
            f"use SupervisedAutoencoderRegressor to predict numbers"
        )
    return labels.astype(kind)


def _places(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Find labels among classes that are in order."""
    comparable = (labels.dtype.kind == "U") == (classes.dtype.kind == "U")
    places = np.minimum(np.searchsorted(classes, labels), len(classes) - 1) if comparable else np.zeros(len(labels), int)
    unknown = classes[places] != labels
    if unknown.any():
        raise ValueError(f"y holds the label {labels[unknown][0].item()!r}, which is none of the classes: {_shown(classes)}")
    return places


def _is_missing(value: Any) -> bool:
    return type(value).__name__ in _MISSING or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def _array(y: Any, n: int) -> np.ndarray:
    if y is None:
        raise ValueError("a head requires y to be passed, but the target y is None: label rows, or use Autoencoder, which needs no labels")
    # Of a list, NumPy would make text of numbers among strings, and of NaN.
    array = np.array(y, object) if isinstance(y, list | tuple) else np.asarray(y.toarray() if hasattr(y, "toarray") else y)
    if array.ndim not in (1, 2) or len(array) != n:
        raise ValueError(f"y must hold a label for each of the {n} rows, got shape {array.shape}")
    return array


def _shown(classes: np.ndarray) -> str:
    few = ", ".join(map(repr, classes[:10].tolist()))
    return f"{few}, … ({len(classes)} in all)" if len(classes) > 10 else few


def class_weights(class_weight: Any, classes: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Give what each class counts in the label term, shape (n_classes,), float32.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
    classes : ndarray of shape (n_classes,)
    y : ndarray of shape (n,)
        Places in `classes`, -1 for no label.
    weight : ndarray of shape (n,), default=None
        What each row counts.

    Raises
    ------
    ValueError
        If a class is unknown, or a weight is not a finite number of at least 0.
    """
    out = np.ones(len(classes), np.float32)
    if class_weight is None:
        return out
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = np.bincount(y[y >= 0], None if weight is None else weight[y >= 0], len(classes))
        if (there := counts > 0).any():
            out[there] = counts[there].mean() / counts[there]
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


def read_numbers(y: Any, n: int, *, known: int | None = None) -> np.ndarray:
    """Read numbers to predict.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, n_outputs)
        NaN and None stand for a number that is not known.
    n : int
        How many rows there must be.
    known : int, default=None
        How many numbers a row there must be; None takes what comes.

    Returns
    -------
    ndarray of shape (n, n_outputs), float64

    Raises
    ------
    ValueError
        If they are too few or too many, no numbers, infinite, or none is known where their scale is learned.
    """
    array = _array(y, n)
    if array.ndim == 2 and array.shape[1] == 1:
        array = column_or_1d(array, warn=True)
    if array.dtype.kind == "O":
        array = np.array([np.nan if _is_missing(value) else value for value in array.ravel()], object).reshape(array.shape)
        others = [value for value in array.ravel() if isinstance(value, str)]
    else:
        others = [] if array.dtype.kind in "biuf" else [array.ravel()[0].item()]
    if others:
        raise ValueError(f"y must hold numbers to predict, got {others[0]!r}; for classes use SupervisedAutoencoder")
    numbers = array.astype(np.float64).reshape(n, -1)
    if np.isinf(numbers).any():
        raise ValueError("Input y contains infinity: leave such rows out, or mark them as unknown by NaN")
    if (np.abs(numbers) > _LARGEST).any():
        raise ValueError("y holds numbers beyond the range of float32 (3.4e38): divide them by a large number first")
    if known is not None and numbers.shape[1] != known:
        raise ValueError(f"y holds {numbers.shape[1]} numbers a row, and this estimator predicts {known}")
    nowhere: np.ndarray = np.asarray(np.isnan(numbers).all(0))
    if known is None and nowhere.any():
        where = f" in column {int(nowhere.argmax())}" if len(nowhere) > 1 else ""
        raise ValueError(f"y holds no number{where}, only {n} rows without one: use Autoencoder, which needs no labels")
    return numbers


def scale_of(numbers: np.ndarray, weight: np.ndarray | None) -> Scale:
    """Learn the scaling of numbers to predict, shape (n, n_outputs): each to mean 0 and deviation 1 over those that are known."""
    n_outputs = numbers.shape[1]
    shift, factor = np.zeros(n_outputs), np.ones(n_outputs)
    for place, column in enumerate(numbers.T):
        known = ~np.isnan(column) & (True if weight is None else weight > 0)
        if known.any():
            learned = scales.learn("standard", column[known, None], None if weight is None else weight[known])
            shift[place], factor[place] = learned.shift[0], learned.factor[0]
    return Scale("standard", shift, factor, False, np.zeros(n_outputs))


def held_out(y: np.ndarray | None, n: int, held: int, rng: np.random.Generator) -> np.ndarray:
    """Draw rows to validate on: of each class its share, and never its last row.

    Parameters
    ----------
    y : ndarray of shape (n,), int32, or None
        Places of classes; -1 for no label. None draws from all rows alike.
    n, held : int
        Rows, and how many of them to draw, at least 1; fewer come where classes are many and small.
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
    stays = np.r_[True, np.diff(y[order]) != 0] & (y[order] != NONE)
    if not stays.all():  # else each class has one row only
        order = order[~stays]
    # Every k-th of the rows, class after class, each in random order: shares come out as even as whole rows allow.
    places = ((np.arange(held) + rng.random()) * len(order) / held).astype(int)
    chosen[order[np.minimum(places, len(order) - 1)]] = True
    return chosen
