"""What an estimator accepts: parameters and rows are checked here, before anything is computed."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from narrows import data
from narrows.data.numbers import check_range
from narrows.estimators import _images
from narrows.estimators._blocks import as_known


def check_whole(name: str, value: Any, least: int = 1, *, words: tuple[Any, ...] = ()) -> None:
    """Refuse a parameter that is neither a whole number of at least `least` nor one of `words`."""
    if any(value is word or (isinstance(word, str) and value == word) for word in words):
        return
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        allowed = " or ".join([f"a whole number of at least {least}", *map(repr, words)])
        raise (ValueError if isinstance(value, Real | str) else TypeError)(f"{name} must be {allowed}, got {value!r}")


def check_number(name: str, value: Any, low: float, high: float, *, open_ends: bool = False) -> None:
    """Refuse a parameter that is not a number in [low, high], or in (low, high) on request."""
    brackets = "()" if open_ends else "[]"
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    if not (low < number < high if open_ends else low <= number <= high):
        raise (ValueError if isinstance(value, Real | str) else TypeError)(
            f"{name} must be a number in {brackets[0]}{low:g}, {high:g}{brackets[1]}, got {value!r}"
        )


def check_word(name: str, value: Any, words: tuple[Any, ...]) -> None:
    """Refuse a parameter that is none of `words`."""
    if not any(value is word or (isinstance(word, str) and isinstance(value, str) and value == word) for word in words):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, words))}, got {value!r}")


def check_fitted(estimator: Any) -> None:
    """Refuse an estimator that is not fitted, as scikit-learn does.

    Raises
    ------
    NotFittedError
        If so.
    """
    check_is_fitted(estimator)


def check_rows(estimator: Any, X: Any, *, reset: bool, least: int = 1) -> Any:
    """Check rows as scikit-learn does, through every door of `narrows.data`; images are made rows, and their shape is kept or checked.

    Returns
    -------
    ndarray, CSR matrix or Blocks of shape (n, n_features)
        uint8, float32 or float64.
    """
    if isinstance(X, data.Blocks):
        check_rows(estimator, as_known(X, X[:least]), reset=reset, least=least)
        return X
    X, image_shape = _images.as_rows(estimator, data.as_frame(X), reset=reset)
    X = validate_data(estimator, X, reset=reset, accept_sparse="csr", dtype="numeric", ensure_min_samples=least, ensure_all_finite=True)
    if reset:
        estimator.image_shape_ = image_shape
    return _numbers("X", X)


def _numbers(name: str, rows: Any) -> Any:
    """Give checked rows as uint8, float32 or float64."""
    check_range(rows.data if hasattr(rows, "nnz") else rows, name)
    if rows.dtype == np.float16:
        return rows.astype(np.float32)
    return rows if rows.dtype in (np.uint8, np.float32, np.float64) else rows.astype(np.float64)


def dense(rows: Any) -> np.ndarray:
    """Give checked rows, or some of them, as an array, whatever they were stored as."""
    return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)


def check_target(target: Any, shape: tuple[int, int], image_shape: tuple[int, int, int] | None) -> np.ndarray | None:
    """Check what the reconstructions of rows of a shape are to be, and of images of a shape where they are some; None stays None."""
    if target is None:
        return None
    target = data.as_frame(target)
    came = getattr(target, "shape", None)
    if getattr(target, "ndim", 2) in (3, 4):  # images, as X may be
        target = np.asarray(target)
        image = (*target.shape[1:], 1)[:3]
        if image_shape is not None and image != image_shape:
            raise ValueError(f"target holds images of shape {image}, and X of {image_shape}: give a clean image of the same shape for each")
        target = target.reshape(len(target), -1)
    target = check_array(target, dtype="numeric", input_name="target")
    if target.shape != shape:
        raise ValueError(f"target must have the shape of X, {shape}, a clean row for each noisy one, got {came or target.shape}")
    return np.asarray(_numbers("target", target))


def check_codes(estimator: Any, codes: Any, n_components: int) -> np.ndarray:
    """Check codes that are to be decoded."""
    codes = check_array(data.as_frame(codes), dtype=[np.float32, np.float64], input_name="codes")
    if codes.shape[1] != n_components:
        raise ValueError(f"codes have {codes.shape[1]} columns, but {type(estimator).__name__} gives codes of {n_components} components")
    return codes


def check_weights(sample_weight: Any, n: int) -> np.ndarray | None:
    """Check row weights; None stays None."""
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, np.float64)
    if weight.ndim == 0:
        weight = np.full(n, float(weight))
    if weight.shape != (n,):
        raise ValueError(f"sample_weight must have shape ({n},), one weight for each row, got {weight.shape}")
    if not np.isfinite(weight).all() or weight.min() < 0 or weight.max() <= 0:
        raise ValueError("sample_weight must be finite and not negative, with at least one weight above zero")
    return (weight / weight.max()).astype(np.float32)  # only their ratios count
