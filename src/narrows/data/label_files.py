"""Labels in a file of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrows.data import idx
from narrows.data.columns import is_number, labels_of
from narrows.data.csv_files import read_single_column
from narrows.data.numpy_files import read_npy_labels
from narrows.progress import Progress

ENDINGS = (".npy", ".csv", *idx.ENDINGS)


def is_label_file(label: str) -> bool:
    """Say whether a label is the path of a file, by its ending; a column of such a name would have to be renamed."""
    return label.lower().endswith(ENDINGS)


def read_labels(path: Path, n: int, whose: str, progress: Progress) -> NDArray[Any]:
    """Read one label for each of n rows from a .npy file, a CSV file of one column, or an IDX file.

    A CSV file may have a header: its first line, if that is no number and one more than the rows.

    Parameters
    ----------
    path : Path
        Of the file.
    n : int
        How many rows there are.
    whose : str
        What the rows are called.
    progress : Progress
        Told of a large file.

    Returns
    -------
    ndarray of shape (n,)
        Numbers or text.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, has labels missing, or another number of them.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file of labels '{path}': check the path")
    if path.name.lower().endswith(".csv"):
        column = read_single_column(path, progress)
        if len(column) == n + 1 and not is_number(column[0].as_py() or "0"):
            column = column[1:]
        labels = labels_of(column, "its only column", f"'{path}'", typed=False)
    else:
        labels = (read_npy_labels if path.name.lower().endswith(".npy") else idx.read_idx_labels)(path, progress)
    if labels.shape != (n,):
        raise ValueError(f"'{path}' has {_many(labels)} and {whose} {n:,} row{'s' * (n != 1)}: give one label for each row, in their order")
    if labels.dtype.kind not in "biufU":
        raise ValueError(f"'{path}' holds labels of type {labels.dtype}, which are neither numbers nor text: convert them")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        row = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise ValueError(f"'{path}' holds {labels[row]} in row {row + 1}, where a label is needed: fill it in")
    return labels


def _many(labels: NDArray[Any]) -> str:
    return f"{len(labels):,} label{'s' * (len(labels) != 1)}" if labels.ndim == 1 else f"the shape {labels.shape}"
