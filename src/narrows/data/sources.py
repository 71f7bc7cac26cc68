"""From what a person names, data sets, files or folders, to rows."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from narrows.data import arrow_files, idx, idx_sets, image_files, standard_input
from narrows.data.csv_files import read_csv, rows_of_csv
from narrows.data.digits import digits
from narrows.data.image_folders import read_folder
from narrows.data.label_files import is_label_file, read_labels
from narrows.data.names import NoSuchLabel, listed, unknown
from narrows.data.numbers import check_finite
from narrows.data.numpy_files import read_npy, read_npz
from narrows.data.parquet_files import read_parquet
from narrows.data.rows import Rows
from narrows.data.several import together
from narrows.progress import Progress, Silent

Reader = Callable[[Path, str | None, Progress], Rows]

SETS: dict[str, Callable[[Progress], Rows]] = {
    "digits": lambda progress: digits(),
    "mnist": lambda progress: idx_sets.read_set(idx_sets.MNIST, progress),
    "fashion_mnist": lambda progress: idx_sets.read_set(idx_sets.FASHION_MNIST, progress),
}

_READERS: dict[str, Reader] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".csv": read_csv,
    ".parquet": read_parquet,
    **dict.fromkeys(arrow_files.ENDINGS, arrow_files.read_arrow),
    **dict.fromkeys(image_files.ENDINGS, image_files.read_image),
    **dict.fromkeys(idx.ENDINGS, idx.read_idx),
}


def load(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    label: str | None = None,
    label_optional: bool = False,
    progress: Progress | None = None,
) -> Rows:
    """Load rows from a named data set, a file, a folder of images, standard input, or several files.

    Parameters
    ----------
    source : str, path-like, or sequence of these
        ``"digits"``, ``"mnist"`` or ``"fashion_mnist"``; the path of a .npy, .npz, .csv, .parquet, .arrow, .feather, PNG, JPEG
        or IDX file (.idx, -ubyte, also .gz); the path of a folder of PNG and JPEG images, whose subfolders are the labels;
        ``"-"`` for a CSV file on standard input; a pattern such as ``"parts/*.csv"``. A name always means the data set: a file
        of that name needs its extension. Several files become one set of rows, in the order given, those of a pattern in the
        order of their names; their columns must have the same names, in any order, and their images the same shape.
    label : str, default=None
        The column (of a table) or array (.npz) that is left out of the rows and becomes their labels.
        Columns of a CSV file without a header are called by their number, from 1.
        Or else the path of a file of labels, one for each row: .npy, a CSV file of one column, or IDX.
    label_optional : bool, default=False
        Whether rows without that column or array are loaded too, then without labels.
    progress : Progress, default=None
        Told of a download, of large files and of many images; nothing is told if None.

    Returns
    -------
    Rows
        Of uint8 where all that came was uint8, of float64 where float64 came; else (integers, and CSV, which knows no types)
        of float32 where that holds every value exactly, of float64 where it does not.
        Images of more dimensions are flattened, and their shape is kept; those of files have the `names` of these.
        Named sets bring labels and test rows.

    Raises
    ------
    ValueError
        If a name is unknown, a file damaged or of an unknown kind, what it holds is not rows of finite numbers, or several
        files do not fit together.
    FileNotFoundError
        If there is no such file.
    OSError
        If a file cannot be read or a data set not downloaded.

    Examples
    --------
    >>> from narrows import data
    >>> data.load("digits")
    Rows('digits': 1438 x 64 float32, labels, images 8x8, 359 test rows)
    """
    progress = progress if progress is not None else Silent()
    column = None if label is None or is_label_file(label) else label
    names = expanded(source)
    if len(names) > 1 and all(map(image_files.is_image, names)) and (column is None or label_optional):
        paths = [_existing(name) for name in names]
        rows = image_files.read_images(paths, names, f"{paths[0].name} and {len(names) - 1} more", progress)
    else:
        parts = [_loaded(name, column, label_optional, progress) for name in names]
        rows = parts[0] if len(parts) == 1 else together(parts, names)
    if label is not None and column is None:
        if names[0] in SETS:
            raise ValueError(_own_labels(names[0], label))
        rows = replace(rows, labels=read_labels(Path(label), len(rows.X), rows.name, progress))
    return rows


def expanded(source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[str]:
    """Give the data sets, files and folders that a source stands for: patterns become the paths that match, in order.

    Raises
    ------
    FileNotFoundError
        If nothing matches a pattern.
    ValueError
        If nothing came, or what cannot be one of several.
    """
    given = [source] if isinstance(source, str | os.PathLike) else source
    names = [name for one in given for name in _matching(os.fspath(one))]
    if not names:
        raise ValueError("no source came: give a data set, a file or a folder, or several files")
    alone = next((name for name in names if name in SETS), None)
    if len(names) > 1 and alone is not None:
        raise ValueError(f"{alone!r} is a data set, which is loaded alone, and {len(names)} sources came: leave out it or the others")
    if names.count(standard_input.NAME) > 1:
        raise ValueError("'-' came more than once, and standard input can be read only once: give it once")
    return names


def _matching(text: str) -> list[str]:
    if not glob.has_magic(text) or os.path.lexists(text):
        return [text]
    found = sorted(glob.glob(text, recursive=True))
    if not found:
        raise FileNotFoundError(f"no file matches the pattern '{text}': check the path")
    return found


def _loaded(name: str, label: str | None, label_optional: bool, progress: Progress) -> Rows:
    def tried(read: Callable[[str | None], Rows]) -> Rows:
        try:
            return read(label)
        except NoSuchLabel:
            if not label_optional:
                raise
            return read(None)

    if name in SETS:
        if label is not None and not label_optional:
            raise ValueError(_own_labels(name, label))
        return SETS[name](progress)
    if name == standard_input.NAME:
        where = "standard input"
        with standard_input.standard_input() as file:
            rows = tried(lambda label: rows_of_csv(file, label, where, where))
    else:
        path = _existing(name)
        where = f"'{path}'"
        reader = _reader(path)
        rows = tried(lambda label: reader(path, label, progress))
    n, d = rows.X.shape
    if not n or not d:
        raise ValueError(f"{where} has {n} rows and {d} columns; give one of each or more")
    check_finite(rows.X, rows.feature_names, where)
    return rows


def _own_labels(name: str, label: str) -> str:
    return f"the data set {name!r} brings its own labels; a label such as {label!r} is for files: leave it out"


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        if not path.suffix and path.name == text and _ending(path) is None:
            raise ValueError(unknown("narrows", "data set", text, SETS) + "; a file needs its extension, such as 'rows.csv'")
        raise FileNotFoundError(f"there is no file '{path}': check the path, or name a data set ({listed(SETS)})")
    return path


def _reader(path: Path) -> Reader:
    if path.is_dir():
        return read_folder
    ending = _ending(path)
    if ending is None:
        raise ValueError(
            f"'{path}' has {f'the extension {path.suffix!r}' if path.suffix else 'no extension'}; narrows reads .npy, .npz, .csv, "
            f".parquet, .arrow, .feather, PNG, JPEG and IDX files ({', '.join(idx.ENDINGS)}): convert or rename it"
        )
    return _READERS[ending]


def _ending(path: Path) -> str | None:
    return next((ending for ending in _READERS if path.name.lower().endswith(ending)), None)
