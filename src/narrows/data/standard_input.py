"""Standard input, read whole, so that it can be looked at twice."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

NAME = "-"
IN_MEMORY = 2**26  # bytes; what is longer waits on the disk


@contextmanager
def standard_input() -> Iterator[IO[bytes]]:
    """Give what came on standard input as a file that can be read again.

    Raises
    ------
    ValueError
        If nothing can come, as it is a terminal or closed.
    OSError
        If it is longer than the disk has room for.
    """
    stream = sys.stdin
    if stream is None or stream.closed or stream.isatty():
        what = "closed" if stream is None or stream.closed else "a terminal, and nobody types a table"
        raise ValueError(
            f"standard input, which '-' stands for, is {what}: lead a CSV file into it, as in 'narrows encode BUNDLE - < rows.csv', "
            f"or give the file's path"
        )
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        shutil.copyfileobj(stream.buffer, file)
        file.seek(0)
        yield file
