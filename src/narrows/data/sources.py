"""From what a person names, a data set or a file, to rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from narrows.data import idx
from narrows.data.csv_files import read_csv
from narrows.data.digits import digits
from narrows.data.mnist import mnist
from narrows.data.names import listed, unknown
from narrows.data.numbers import check_finite
from narrows.data.numpy_files import read_npy, read_npz
from narrows.data.parquet_files import read_parquet
from narrows.data.rows import Rows
from narrows.progress import Progress

SETS: dict[str, Callable[[Progress | None], Rows]] = {"digits": lambda progress: digits(), "mnist": mnist}

_READERS: dict[str, Callable[[Path, str | None], Rows]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".csv": read_csv,
    ".parquet": read_parquet,
    **dict.fromkeys(idx.ENDINGS, idx.read_idx),
}


def load(source: str | os.PathLike[str], *, label: str | None = None, progress: Progress | None = None) -> Rows:
    """Load rows from a named data set or a file.

    Parameters
    ----------
    source : str or path-like
        ``"digits"`` or ``"mnist"``, or the path of a .npy, .npz, .csv, .parquet or IDX file (.idx, -ubyte, also .gz).
        A name always means the data set: a file of that name needs its extension.
    label : str, default=None
        The column (.csv, .parquet) or array (.npz) that is left out of the rows and becomes their labels.
        Columns of a CSV file without a header are called by their number, from 1.
    progress : Progress, default=None
        Told of a download; nothing is told if None.

    Returns
    -------
    Rows
        Of uint8 where all that came was uint8, of float64 where float64 came; else (integers, and CSV, which knows no types)
        of float32 where that holds every value exactly, of float64 where it does not.
        Images of more dimensions are flattened, and their shape is kept. Named sets bring labels and test rows.

    Raises
    ------
    ValueError
        If the name is unknown, the file damaged or of an unknown kind, or what it holds is not rows of finite numbers.
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    OSError
        If a file cannot be read or a data set not downloaded.

    Examples
    --------
    >>> from narrows import data
    >>> data.load("digits")
    Rows('digits': 1438 x 64 float32, labels, images 8x8, 359 test rows)
    """
    text = os.fspath(source)
    if text in SETS:
        if label is not None:
            raise ValueError(f"the data set {text!r} brings its own labels; a label such as {label!r} is for files: leave it out")
        return SETS[text](progress)
    path = Path(text)
    reader = _reader(text, path)
    rows = reader(path, label)
    n, d = rows.X.shape
    if not n or not d:
        raise ValueError(f"'{path}' has {n} rows and {d} columns; give one of each or more")
    check_finite(rows.X, rows.feature_names, f"'{path}'")
    return rows


def _reader(text: str, path: Path) -> Callable[[Path, str | None], Rows]:
    ending = next((ending for ending in _READERS if path.name.lower().endswith(ending)), None)
    if path.is_dir():
        raise IsADirectoryError(f"'{path}' is a folder; give the path of a file in it, or the name of a data set ({listed(SETS)})")
    if not path.exists():
        if ending is None and not path.suffix and path.name == text:
            raise ValueError(unknown("narrows", "data set", text, SETS) + "; a file needs its extension, such as 'rows.csv'")
        raise FileNotFoundError(f"there is no file '{path}': check the path, or name a data set ({listed(SETS)})")
    if ending is None:
        raise ValueError(
            f"'{path}' has {f'the extension {path.suffix!r}' if path.suffix else 'no extension'}; narrows reads .npy, .npz, .csv, "
            f".parquet and IDX files ({', '.join(idx.ENDINGS)}): convert or rename it"
        )
    return _READERS[ending]
