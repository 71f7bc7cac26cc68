"""Rows of numbers, with what is known about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, repr=False)
class Rows:
    """Rows of numbers, with what is known about them.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        The rows, of uint8, float32 or float64.
    feature_names : list of str, default=None
        The d names of the columns, where they have names.
    labels : ndarray of shape (n,), default=None
        One label per row, numbers or text, where they are known.
    name : str, default="rows"
        What a person calls these rows: a data set's or a file's name.
    test : Rows, default=None
        Rows that the data set itself keeps for testing.
    image_shape : tuple of int, default=None
        The shape of the image that each row was, such as (28, 28), or (32, 32, 3) for colors; its product is d.
    names : list of str, default=None
        What each row is called, where rows have names: the files of a folder of images.

    Raises
    ------
    ValueError
        If the parts do not fit together.
    """

    X: NDArray[Any]
    feature_names: list[str] | None = None
    labels: NDArray[Any] | None = None
    name: str = "rows"
    test: Rows | None = None
    image_shape: tuple[int, ...] | None = None
    names: list[str] | None = None

    def __post_init__(self) -> None:
        if self.X.ndim != 2:
            raise ValueError(f"{self.name} came as an array of shape {self.X.shape}; rows have the shape (n, d): reshape it")
        n, d = self.X.shape
        if self.labels is not None and self.labels.shape != (n,):
            raise ValueError(f"{self.name} has {n} rows and labels of shape {self.labels.shape}; give one label per row, or none")
        if self.names is not None and len(self.names) != n:
            raise ValueError(f"{self.name} has {n} rows and {len(self.names)} names; give one name per row, or none")
        if self.feature_names is not None and len(self.feature_names) != d:
            raise ValueError(f"{self.name} has {d} columns and {len(self.feature_names)} feature names; give one name per column, or none")

    def __repr__(self) -> str:
        facts = [f"{len(self.X)} x {self.X.shape[1]} {self.X.dtype}"]
        facts += ["labels"] if self.labels is not None else []
        facts += [f"images {'x'.join(map(str, self.image_shape))}"] if self.image_shape else []
        facts += [f"{len(self.test.X)} test rows"] if self.test is not None else []
        return f"Rows({self.name!r}: {', '.join(facts)})"


def has_label(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which of labels are some: None and NaN stand for none.

    Parameters
    ----------
    labels : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n,), bool
    """
    return np.array([label is not None and label == label for label in labels.tolist()], bool)
