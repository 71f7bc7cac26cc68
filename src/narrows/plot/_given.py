"""What a picture is drawn from: an estimator and rows, or arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from narrows.data.frames import as_matrix

BLOCK = 8192  # rows at a time, where an array as wide as they are is made of them
Shape = tuple[int, int, int]


def is_estimator(made: Any) -> bool:
    """Tell an estimator from arrays."""
    return hasattr(made, "fit") and not isinstance(made, type)


def fitted(estimator: Any) -> Any:
    """Give an estimator back; refuse one that is not fitted, or none at all."""
    if not is_estimator(estimator):
        raise ValueError(
            f"this picture needs a fitted estimator, got {'a class' if isinstance(estimator, type) else type(estimator).__name__}"
        )
    if not getattr(estimator, "__sklearn_is_fitted__", lambda: True)():
        raise ValueError(f"this {type(estimator).__name__} is not fitted: call fit first")
    return estimator


def network_of(estimator: Any) -> Any:
    """Give the autoencoder that a fitted estimator is, or has."""
    from narrows.estimators._base import autoencoder_of

    return autoencoder_of(fitted(estimator))


def needs(estimator: Any, X: Any, call: str) -> Any:
    """Give a fitted estimator; refuse it without rows."""
    if X is None:
        raise ValueError(f"X is None, and {type(estimator).__name__} needs rows to make something of: {call}")
    return fitted(estimator)


def refuse_rows(X: Any, what: str) -> None:
    """Refuse rows beside arrays."""
    if X is not None:
        raise ValueError(f"X goes with an estimator, but {what} came as an array: leave X out, and give labels by name, labels=...")


def as_codes(codes: Any, width: int | None = None) -> np.ndarray:
    """Give codes (n, k) as an array of finite numbers; refuse another width than k.

    Raises
    ------
    ValueError
        If they are of another shape, none, or hold anything but finite numbers.
    """
    array = _numbers("codes", as_matrix(codes)[0])
    if array.ndim != 2 or not len(array):
        raise ValueError(f"codes have shape {array.shape}; give at least one, of shape (n, {width or 'n_components'})")
    if width is not None and array.shape[1] != width:
        more = "two columns of them, codes[:, :2], or a map: narrows.LatentMap" if array.shape[1] > width else "codes of n_components=2"
        raise ValueError(f"codes have {array.shape[1]} numbers each, and this picture shows {width}: give {more}")
    if not np.isfinite(array).all():
        raise ValueError("codes hold NaN or infinity; leave out such rows")
    return array


def codes_of(estimator: Any, X: Any, codes: Any, width: int | None = None) -> np.ndarray:
    """Give codes (n, k): of rows by an estimator, or those that are given, or those that a map has of its own rows.

    Raises
    ------
    ValueError
        If there are none of these, or both rows and codes.
    """
    if X is not None and codes is not None:
        raise ValueError("both X and codes are given; give rows as X, or their codes")
    if X is None and codes is None:
        codes = getattr(estimator, "embedding_", None)
        if codes is None:
            raise ValueError(f"neither rows X nor codes are given, and {type(estimator).__name__} needs one of them: give rows as X")
    return as_codes(fitted(estimator).transform(X) if codes is None else codes, width)


def n_rows(X: Any) -> int:
    """Count rows of any kind."""
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def part(X: Any, start: int, stop: int) -> Any:
    """Give some rows in what they came in, which an estimator may know by the names of its columns."""
    if hasattr(X, "iloc"):
        return X.iloc[start:stop]
    if hasattr(X, "slice"):
        return X.slice(start, stop - start)
    return (X.tocsr() if hasattr(X, "tocsr") else X)[start:stop]


def blocks(X: Any) -> Iterator[Any]:
    """Give rows a block at a time."""
    for start in range(0, n_rows(X), BLOCK):
        yield part(X, start, start + BLOCK)


def as_rows(name: str, X: Any) -> np.ndarray:
    """Give rows (n, d) as an array of numbers, of tables, sparse matrices and images alike.

    Raises
    ------
    ValueError
        If they are none, or no numbers.
    """
    matrix, _ = as_matrix(X)
    array = _numbers(name, matrix.toarray() if hasattr(matrix, "toarray") else matrix)
    if array.ndim < 2 or 0 in array.shape:
        raise ValueError(f"{name} has shape {array.shape}; give at least one row, (n, n_features), or images, (n, height, width)")
    return array.reshape(len(array), -1)


def _numbers(name: str, values: Any) -> np.ndarray:
    try:
        array = np.asarray(values)
        return array if array.dtype.kind in "biuf" else array.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers in an array, got {type(values).__name__}") from None


def image_shape_of(image_shape: Sequence[int] | None, X: Any, made: Any, n_features: int) -> Shape | None:
    """Give (height, width, channels) of what rows are: as it is said, as `X` comes, or as an estimator knows; None if they are no images.

    Raises
    ------
    ValueError
        If rows do not have so many numbers, or images so many channels.
    """
    shape = image_shape
    if shape is None and getattr(X, "ndim", 2) in (3, 4):
        shape = X.shape[1:]
    if shape is None and is_estimator(made):
        shape = getattr(network_of(made), "image_shape_", None)
    return None if shape is None else checked_shape(shape, n_features)


def checked_shape(image_shape: Sequence[int], n_features: int) -> Shape:
    """Give (height, width, channels); refuse what rows of so many numbers cannot be."""
    whole = tuple(int(side) for side in image_shape)
    if len(whole) not in (2, 3) or min(whole) < 1 or (len(whole) == 3 and whole[2] not in (1, 3)):
        raise ValueError(f"image_shape is {tuple(image_shape)}; give (height, width), or (height, width, channels) of 1 or 3 channels")
    height, width, channels = (*whole, 1)[:3]
    if math.prod(whole) != n_features:
        raise ValueError(f"image_shape is {whole}, which makes {math.prod(whole)} numbers, and rows have {n_features}: give theirs")
    return height, width, channels


def feature_names_of(feature_names: Sequence[str] | None, X: Any, made: Any, n_features: int) -> list[str]:
    """Give the names of features: as they are said, as a table or an estimator has them, or else their numbers.

    Raises
    ------
    ValueError
        If they are more or fewer.
    """
    names: Any = feature_names
    if names is None and X is not None:
        names = as_matrix(part(X, 0, 1))[1]
    if names is None and is_estimator(made):
        names = getattr(network_of(made), "feature_names_in_", None)
    if names is None:
        return [f"feature {place}" for place in range(n_features)]
    if len(names) != n_features:
        raise ValueError(f"feature_names has {len(names)} names, and rows have {n_features} features; give one for each")
    return [str(name) for name in names]


def as_gray(rows: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Bring images (n, d) to [0, 1], black to white: bytes, those that lie in it, or others by the least and most of what they are like."""
    black, white = shades_of(like)
    gray: np.ndarray = ((np.asarray(rows, np.float64) - black) / (white - black)).clip(0, 1)
    return gray


def shades_of(images: np.ndarray) -> tuple[float, float]:
    """Say which values are black and white: those of bytes, 0 and 1 where all lie between them, or else the least and the most."""
    if images.dtype == np.uint8:
        return 0.0, 255.0
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + max(1.0, 2 * float(np.spacing(abs(low))))  # 1 is nothing beside 1e30
