"""What a person names, files and folders, as a stream of rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from narrows.data import arrow_files, image_files, streams
from narrows.data.block_rows import Blocks, FilePart, NotAsItLies, joined
from narrows.data.image_folders import images_of
from narrows.data.sources import SETS, expanded, load
from narrows.data.streams import Stream
from narrows.progress import Progress

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

_OPENED: dict[str, Callable[[Path, str | None], Stream]] = {
    ".parquet": streams.parquet,
    ".csv": streams.csv,
    ".npy": streams.array_file,
    **{ending: streams.arrow for ending in arrow_files.ENDINGS if ending != ".arrows"},
}
_COUNTED = {".parquet", ".npy"}  # tell at once how many rows they have


def files_of(source: Source) -> list[str]:
    """Give the names that a source stands for; a folder of .npy files is these.

    Raises
    ------
    ValueError, FileNotFoundError
        As `expanded` does.
    """
    names = expanded(source)
    if len(names) == 1 and names[0] not in SETS and Path(names[0]).is_dir():
        inside = sorted(str(path) for path in Path(names[0]).glob("*.npy"))
        return inside or names
    return names


def called(names: list[str]) -> str:
    """Give what a person calls files."""
    return Path(names[0]).name if len(names) == 1 else f"{Path(names[0]).name} and {len(names) - 1} more"


def as_they_lie(names: list[str]) -> Blocks | None:
    """Give files that can be read as they are, if all can.

    Raises
    ------
    ValueError, OSError
        If one is damaged, or they do not fit together.
    """
    if not all(name.lower().endswith(".npy") and Path(name).is_file() for name in names):
        return None
    try:
        return joined([FilePart.of(Path(name)) for name in names])
    except NotAsItLies:
        return None


def opened(names: list[str], label: str | None, progress: Progress) -> Stream:
    """Open files, one of whose columns may be a label.

    Raises
    ------
    ValueError, OSError
        If one is missing or damaged, or they do not fit together; also later on.
    """
    paths = [Path(name) for name in names]
    missing = next((path for path in paths if path.name not in SETS and not path.exists()), None)
    if missing is not None:
        raise FileNotFoundError(f"there is no file '{missing}': check the path")
    if all(image_files.is_image(name) for name in names) and label is None:
        return streams.images(paths, None)
    if len(paths) == 1 and paths[0].is_dir() and label is None:
        files, labels = images_of(paths[0])
        return streams.images(files, labels)
    kinds = [kind for name in names for kind in _OPENED if name.lower().endswith(kind)]
    if len(kinds) == len(names):
        found = [(path, _opener(path, kind, label)) for path, kind in zip(paths, kinds, strict=True)]
        return streams.several(found, counted=_COUNTED.issuperset(kinds))
    rows = load(names if len(names) > 1 else names[0], label=label, progress=progress)  # kinds that are small, or of one piece
    return streams.piece(rows)


def _opener(path: Path, kind: str, label: str | None) -> Callable[[], Stream]:
    return lambda: _OPENED[kind](path, label)
