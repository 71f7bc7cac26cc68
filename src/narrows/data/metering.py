"""Files that tell, while they are read, how much of them has been."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from narrows import _files
from narrows.progress import Progress

LARGE = 2**25  # bytes: smaller files are read before a bar would be seen
AT_ONCE = 2**22


@contextmanager
def opened(path: Path, progress: Progress) -> Iterator[IO[bytes]]:
    """Open a file for reading; if it is large, tell of every part that is read.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    with _files.opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size < LARGE:
            yield file
            return
        progress.begin(f"reading {path.name}", size, "bytes")
        try:
            yield io.BufferedReader(_Metered(file, size, progress), AT_ONCE)
        finally:
            progress.end(f"{size / 1e6:.1f} MB")


class _Metered(io.RawIOBase):
    def __init__(self, file: IO[bytes], size: int, progress: Progress) -> None:
        self._file, self._size, self._progress = file, size, progress
        self._done = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)[:AT_ONCE]
        return self._told(self._file.readinto(view))  # type: ignore[attr-defined]

    def readall(self) -> bytes:
        parts = []
        while part := self._file.read(AT_ONCE):
            self._told(len(part))
            parts.append(part)
        return b"".join(parts)

    def _told(self, count: int) -> int:
        self._done = min(self._size, self._done + count)  # some parts may be read twice
        self._progress.advance(self._done, f"{self._done / 1e6:.1f} MB")
        return count
