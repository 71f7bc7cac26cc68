"""What a simple classifier can read from codes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from narrows.quality._blocks import blocks
from narrows.quality._checks import Array, as_count, as_rows, sample
from narrows.quality.neighborhoods import as_points, search_tree


def knn_accuracy(
    train_codes: ArrayLike, train_labels: ArrayLike, test_codes: ArrayLike, test_labels: ArrayLike, k: int | Iterable[int] = (1, 5, 15)
) -> dict[int, float]:
    """Give the accuracy of labels voted for by the k nearest training codes, for several k from one exact search.

    Parameters
    ----------
    train_codes : array-like of shape (n, c)
    train_labels : array-like of shape (n,)
        Classes: numbers or strings.
    test_codes : array-like of shape (m, c)
    test_labels : array-like of shape (m,)
    k : int or iterable of int, default=(1, 5, 15)
        At most n each.

    Returns
    -------
    dict of int to float
        Accuracy in [0, 1] for each k, in rising order.

    Raises
    ------
    ValueError
        If widths or lengths differ, a k is out of range, labels are missing or of mixed type, or anything is empty or not finite.

    Notes
    -----
    Each neighbor has one vote. Of classes with as many votes the first in sorted order wins, as in scikit-learn's ``KNeighborsClassifier``.

    Examples
    --------
    >>> from narrows.quality import knn_accuracy
    >>> knn_accuracy([[0.0], [1.0], [5.0], [6.0]], list("aabb"), [[0.5], [5.2], [2.0]], list("abb"), k=[1, 3])
    {1: 0.666..., 3: 0.666...}
    """
    train, test, train_classes, test_classes, _ = _pairs(train_codes, train_labels, test_codes, test_labels)
    asked = k if isinstance(k, Iterable) else [k]
    sizes = sorted({as_count("k", size, len(train), "as there are training rows") for size in asked})
    if not sizes:
        raise ValueError("k is empty; give at least one size of neighborhood, like (1, 5, 15)")
    neighbors = search_tree(as_points(train), sizes[-1]).kneighbors(as_points(test), return_distance=False)
    right = _votes(train_classes[neighbors], test_classes, sizes)
    return {size: int(count) / len(test) for size, count in zip(sizes, right, strict=True)}


def knn_labels(train_codes: ArrayLike, train_labels: ArrayLike, codes: ArrayLike, k: int = 15) -> Array:
    """Give the label that the k nearest training codes vote for.

    Parameters
    ----------
    train_codes : array-like of shape (n, c)
    train_labels : array-like of shape (n,)
        Classes: numbers or strings.
    codes : array-like of shape (m, c)
    k : int, default=15
        At most n.

    Returns
    -------
    ndarray of shape (m,)

    Raises
    ------
    ValueError
        If widths or lengths differ, k is out of range, labels are missing, or anything is empty or not finite.

    Examples
    --------
    >>> from narrows.quality import knn_labels
    >>> knn_labels([[0.0], [1.0], [5.0], [6.0]], list("aabb"), [[0.5], [5.2]], k=1).tolist()
    ['a', 'b']
    """
    train = as_rows("train_codes", train_codes)
    asked = as_rows("codes", codes, width=train.shape[1])
    size = as_count("k", k, len(train), "as there are training rows")
    names, classes = np.unique(as_labels("train_labels", train_labels, len(train)), return_inverse=True)
    neighbors = search_tree(as_points(train), size).kneighbors(as_points(asked), return_distance=False)
    votes = np.zeros((len(asked), len(names)), dtype=np.int32)
    np.add.at(votes, (np.arange(len(asked))[:, None], classes[neighbors]), 1)
    return np.asarray(names[votes.argmax(1)])


def logistic_accuracy(
    train_codes: ArrayLike,
    train_labels: ArrayLike,
    test_codes: ArrayLike,
    test_labels: ArrayLike,
    *,
    max_rows: int = 20_000,
    random_state: int | None = 0,
) -> float:
    """Give the accuracy of a logistic regression on standardized codes.

    Parameters
    ----------
    train_codes : array-like of shape (n, c)
    train_labels : array-like of shape (n,)
        Classes: numbers or strings.
    test_codes : array-like of shape (m, c)
    test_labels : array-like of shape (m,)
    max_rows : int, default=20000
        Fit to so many training rows at most, drawn at random.
    random_state : int or None, default=0
        Of the draw.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If widths or lengths differ, there are fewer than two classes, labels are missing or of mixed type, or anything is empty or not
        finite.

    Notes
    -----
    Multinomial, with scikit-learn's default L2 penalty (C = 1): what a straight cut through the codes can tell.

    Examples
    --------
    >>> from narrows.quality import logistic_accuracy
    >>> logistic_accuracy([[0.0], [1.0], [5.0], [6.0]], list("aabb"), [[0.5], [5.2]], list("ab"))
    1.0
    """
    from sklearn.linear_model import LogisticRegression

    return _fitted_accuracy(
        LogisticRegression(max_iter=300),
        _pairs(train_codes, train_labels, test_codes, test_labels),
        as_count("max_rows", max_rows, 2**62, ""),
        random_state,
    )


def mlp_accuracy(
    train_codes: ArrayLike,
    train_labels: ArrayLike,
    test_codes: ArrayLike,
    test_labels: ArrayLike,
    *,
    max_rows: int = 20_000,
    random_state: int | None = 0,
) -> float:
    """Give the accuracy of a small multilayer perceptron on standardized codes.

    Parameters
    ----------
    train_codes : array-like of shape (n, c)
    train_labels : array-like of shape (n,)
        Classes: numbers or strings.
    test_codes : array-like of shape (m, c)
    test_labels : array-like of shape (m,)
    max_rows : int, default=20000
        Fit to so many training rows at most, drawn at random.
    random_state : int or None, default=0
        Of the draw, and of the perceptron.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If widths or lengths differ, there are fewer than two classes, labels are missing or of mixed type, or anything is empty or not
        finite.

    Notes
    -----
    One hidden layer of 64 rectified units, 20 passes of Adam: what curved cuts through the codes can tell.

    Examples
    --------
    >>> from narrows.quality import mlp_accuracy
    >>> mlp_accuracy([[0.0], [1.0], [5.0], [6.0]] * 50, list("aabb") * 50, [[0.5], [5.2]], list("ab"))
    1.0
    """
    from sklearn.neural_network import MLPClassifier

    return _fitted_accuracy(
        MLPClassifier((64,), max_iter=20, random_state=random_state),
        _pairs(train_codes, train_labels, test_codes, test_labels),
        as_count("max_rows", max_rows, 2**62, ""),
        random_state,
    )


def is_missing(labels: Array) -> NDArray[np.bool_]:
    """Tell which labels are None or NaN.

    Parameters
    ----------
    labels : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n,)
    """
    if labels.dtype.kind == "O":
        return np.array([_is_missing(label) for label in labels], dtype=bool)
    return np.isnan(labels) if labels.dtype.kind == "f" else np.zeros(len(labels), dtype=bool)


def is_continuous(labels: Array) -> bool:
    """Tell whether labels are measurements instead of classes.

    Parameters
    ----------
    labels : ndarray of shape (n,)

    Returns
    -------
    bool
    """
    return _first_fraction(labels) is not None


def _fitted_accuracy(
    classifier: Any, pairs: tuple[Array, Array, NDArray[np.intp], NDArray[np.intp], Array], max_rows: int, random_state: int | None
) -> float:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    train, test, train_classes, test_classes, names = pairs
    chosen = sample(len(train), max_rows, random_state)
    if chosen is not None:
        train, train_classes = train[chosen], train_classes[chosen]
    if len(np.unique(train_classes)) < 2:
        raise ValueError(f"train_labels hold only the class {str(names[train_classes[0]])!r}; give at least two classes")
    model = make_pipeline(StandardScaler(), classifier)
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):  # its products are small
        warnings.simplefilter("ignore", ConvergenceWarning)  # the accuracy has long settled
        model.fit(train.astype(np.float64), train_classes)
    return float(np.mean(model.predict(test.astype(np.float64)) == test_classes))


def _pairs(
    train_codes: ArrayLike, train_labels: ArrayLike, test_codes: ArrayLike, test_labels: ArrayLike
) -> tuple[Array, Array, NDArray[np.intp], NDArray[np.intp], Array]:
    """Check codes and labels; give codes, classes as numbers in sorted order, and the names of the classes."""
    train = as_rows("train_codes", train_codes)
    test = as_rows("test_codes", test_codes, width=train.shape[1])
    train_names = as_labels("train_labels", train_labels, len(train))
    test_names = as_labels("test_labels", test_labels, len(test))
    try:
        names = np.unique(np.concatenate([train_names.astype(object), test_names.astype(object)]))
    except TypeError:
        raise ValueError("labels mix strings and numbers; give all of one kind") from None
    return train, test, np.searchsorted(names, train_names.astype(object)), np.searchsorted(names, test_names.astype(object)), names


def as_labels(name: str, labels: ArrayLike, length: int) -> Array:
    """Give an array of labels, one for each row.

    Parameters
    ----------
    name : str
    labels : array-like of shape (n,)
    length : int
        What n must be.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If the shape is another, a label is missing, or labels are measurements instead of classes.
    """
    array = np.asarray(labels)
    if array.shape != (length,):
        raise ValueError(f"{name} has shape {array.shape}; give ({length},), one label for each row")
    if is_missing(array).any():
        raise ValueError(f"{name} holds missing labels; leave such rows out")
    if is_continuous(array):
        raise ValueError(f"{name} holds real numbers like {_first_fraction(array)}; give classes: whole numbers or strings")
    return array


def _votes(labels: NDArray[np.intp], truth: NDArray[np.intp], sizes: list[int]) -> NDArray[np.intp]:
    """Count the right majorities among the first neighbors, for each size of neighborhood."""
    right = np.zeros(len(sizes), dtype=np.intp)
    n_classes = int(labels.max()) + 1
    for block in blocks(len(labels), n_classes):
        votes = np.zeros((block.stop - block.start, n_classes), dtype=np.int32)
        for place in range(sizes[-1]):
            votes[np.arange(len(votes)), labels[block, place]] += 1
            if place + 1 in sizes:
                right[sizes.index(place + 1)] += np.count_nonzero(votes.argmax(1) == truth[block])
    return right


def _is_missing(label: Any) -> bool:
    try:
        return label is None or bool(label != label)
    except TypeError:  # pandas.NA is neither equal nor unequal to itself
        return True


def _first_fraction(labels: Array) -> Any:
    if labels.dtype.kind not in "fO":
        return None
    return next((label for label in labels.tolist() if isinstance(label, float) and label % 1 != 0), None)
