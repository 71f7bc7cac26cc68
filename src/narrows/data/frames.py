"""Frames that Python users have: pandas, polars and Arrow tables, checked, and as one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_frame(X: Any) -> Any:
    """Check a frame and give it back, for scikit-learn to read its names and types; anything else comes back unchecked.

    Parameters
    ----------
    X : frame, array-like or sparse matrix of shape (n, d)
        A frame is what narwhals knows: pandas, polars, pyarrow.Table, and others.

    Returns
    -------
    X : as it came, of shape (n, d)

    Raises
    ------
    TypeError
        If a frame is lazy, or only some of its columns are named by text.
    ValueError
        If a column holds text, dates or anything else but numbers, or two columns have one name.
    """
    _checked(X)
    return X


def as_matrix(X: Any) -> tuple[Any, list[str] | None]:
    """Give a frame's matrix and the names of its columns; anything else is given back as it is.

    Parameters
    ----------
    X : frame, array-like or sparse matrix of shape (n, d)
        A frame is what narwhals knows: pandas, polars, pyarrow.Table, and others.

    Returns
    -------
    matrix : ndarray of shape (n, d), or `X` itself
        Columns that have one type keep it: float32 stays float32, uint8 stays uint8. Missing cells are NaN.
    names : list of str, or None
        None for what is no frame, and for a frame whose columns are not named by text.

    Raises
    ------
    TypeError
        If a frame is lazy, or only some of its columns are named by text.
    ValueError
        If a column holds text, dates or anything else but numbers, or two columns have one name.
    """
    frame = _checked(X)
    if frame is None:
        return X, None
    return _matrix(frame), list(frame.columns) if isinstance(next(iter(frame.columns), None), str) else None


def framed(X: NDArray[Any], names: Sequence[str] | None, image_shape: tuple[int, ...] | None = None) -> Any:
    """Give rows as an estimator takes them: a table if the columns have names, images as images, else the array.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    names : sequence of str or None
        The d names of the columns.
    image_shape : tuple of int, default=None
        Of the image that each row is: (height, width), or with channels.

    Returns
    -------
    pyarrow.Table of shape (n, d), ndarray of shape (n, height, width) or (n, height, width, channels), or `X` itself
    """
    if names is not None:
        import pyarrow as pa

        return pa.table([pa.array(column) for column in X.T.copy()], names=list(names))
    if image_shape is not None and len(image_shape) in (2, 3):
        return X.reshape(len(X), *image_shape)
    return X


def _checked(X: Any) -> Any:
    """Give X as a narwhals frame of numbers, or None where it is no frame."""
    if isinstance(X, np.ndarray):
        return None
    import narwhals as nw
    from narwhals.exceptions import DuplicateError

    try:
        frame = nw.from_native(X, pass_through=True)
    except DuplicateError as problem:
        raise ValueError(f"X has more than one column of the same name ({_repeated(X)}): rename all but one") from problem
    if isinstance(frame, nw.LazyFrame):
        raise TypeError(f"X came as a lazy frame ({type(X).__module__}.{type(X).__name__}); rows must be in memory: pass X.collect()")
    if not isinstance(frame, nw.DataFrame):
        return None
    _check_names(frame)
    _check_types(frame)
    return frame


def _check_names(frame: Any) -> None:
    others = [name for name in frame.columns if not isinstance(name, str)]
    if others and len(others) < len(frame.columns):
        raise TypeError(
            f"X has columns named by text and one named by {others[0]!r}; feature names are supported only if all are text, "
            f"or none: X.columns = X.columns.astype(str)"
        )


def _check_types(frame: Any) -> None:
    import narwhals as nw

    for name, kind in frame.schema.items():
        if not (kind.is_numeric() or kind in (nw.Boolean, nw.Object, nw.Unknown)):  # the last two may hold numbers
            values = frame.get_column(name).drop_nulls()
            found = f" ({values[0]!r}, say)" if len(values) else ""
            raise ValueError(
                f"X holds {kind}{found} in column {name!r}, where numbers are needed: leave the column out, or encode it as "
                f"numbers, or fit a TableAutoencoder, which takes it as it is"
            )


def _matrix(frame: Any) -> NDArray[Any]:
    import narwhals as nw

    matrix: NDArray[Any] = frame.to_numpy()
    if matrix.dtype == object and all(kind.is_numeric() or kind == nw.Boolean for kind in frame.schema.values()):
        matrix = np.column_stack([frame.get_column(name).cast(nw.Float64).to_numpy() for name in frame.columns])
    return matrix


def _repeated(X: Any) -> str:
    names = list(getattr(X, "columns", []))
    return ", ".join(sorted({repr(name) for name in names if isinstance(name, str) and names.count(name) > 1}))
