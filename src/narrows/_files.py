"""Files that appear whole or not at all, and are read only if they end."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def opened(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file for reading, but no pipe and no device: these may never answer, or never end.

    Raises
    ------
    OSError
        If it is one, or cannot be opened.
    """
    file = open(path, "rb", opener=_without_waiting)
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(f"'{os.fspath(path)}' is a pipe or a device and no file: write what it gives into a file first")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # else a pipe that nobody writes to is waited for


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` for writing; rename it to `path` when the block ends well, else remove it.

    Raises
    ------
    OSError
        Where the folder is missing or cannot be written, or the disk is full; what stood at `path` is untouched.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
