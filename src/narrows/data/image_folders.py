"""Folders of images: which files are meant, and which label each has."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrows.data.image_files import is_image, read_images
from narrows.data.names import NoSuchLabel, listed
from narrows.data.rows import Rows
from narrows.errors import NarrowsWarning
from narrows.progress import Progress


def read_folder(path: Path, label: str | None, progress: Progress) -> Rows:
    """Read the PNG and JPEG files of a folder, or those of its subfolders, whose names are then the labels.

    Rows come in the order of the names, folder by folder, so that the same folder gives the same rows. Names that begin with
    a dot are passed over in silence, other files with a warning. Folders within subfolders have no meaning and are refused.
    How an image becomes a row is said in `narrows.data.image_files.read_images`.

    Parameters
    ----------
    path : Path
        A folder.
    label : str or None
        None: a folder has no columns.
    progress : Progress
        Told of images, where there are many or large ones.

    Returns
    -------
    Rows
        Of uint8, with a name for each row: its file within the folder.

    Raises
    ------
    ValueError
        If there are no images, they lie in more than one way, or one of them cannot be read.
    """
    if label is not None:
        raise NoSuchLabel(
            f"'{path}' is a folder of images, which has no label {label!r}: its labels are the names of its subfolders, "
            f"or stand in a file that you name as the label"
        )
    files, labels = images_of(path)
    name = path.name or path.resolve().name
    rows = read_images(files, [file.relative_to(path).as_posix() for file in files], name, progress)
    return rows if labels is None else replace(rows, labels=labels)


def images_of(path: Path) -> tuple[list[Path], NDArray[Any] | None]:
    """Give the images of a folder in the order of its rows, and their labels where it has subfolders.

    Raises
    ------
    ValueError
        If there are none, or they lie in more than one way.
    """
    flat, folders, others = _inside(path)
    files = flat
    labels: list[str] = []
    for folder in folders:
        inside, nested, left = _inside(folder)
        for below in nested:
            if _inside(below)[0]:
                raise ValueError(
                    f"'{below}' holds images two folders below '{path}', where they have no label: "
                    f"give the folder whose subfolders are the labels, such as '{folder}'"
                )
        files, others = files + inside, others + left
        labels += [folder.name] * len(inside)
    if flat and labels:
        raise ValueError(
            f"'{path}' holds images in itself ('{flat[0].name}') and in subfolders ('{labels[0]}'), so that some have no label: "
            f"move those into a subfolder, or give the folders one by one"
        )
    if not files:
        raise ValueError(
            f"'{path}' is a folder without PNG or JPEG images; "
            f"if it holds files of another kind, name one of them, or all by a pattern such as '{path / '*.csv'}'"
        )
    if others:
        warnings.warn(f"'{path}' holds {_left_out(path, others)}", NarrowsWarning, stacklevel=3)
    return files, np.array(labels) if labels else None


def _inside(folder: Path) -> tuple[list[Path], list[Path], list[Path]]:
    """Give a folder's images, its folders, and its other files, each in order."""
    images: list[Path] = []
    folders: list[Path] = []
    others: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if not entry.name.startswith("."):
                kind = folders if entry.is_dir() else images if is_image(entry.name) and entry.is_file() else others
                kind.append(folder / entry.name)
    return images, folders, others


def _left_out(folder: Path, others: list[Path]) -> str:
    names = listed((path.relative_to(folder).as_posix() for path in others), 3)
    if len(others) == 1:
        return f"a file that is no PNG or JPEG image and is left out: {names}"
    return f"{len(others):,} files that are no PNG or JPEG images and are left out: {names}"
