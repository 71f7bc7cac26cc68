"""One run at a time writes one bundle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Hold a lock on an output, which ends with the process at the latest; where the system has none, nothing is held.

    Raises
    ------
    ValueError
        If another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    path = output.with_name(f".{output.name}.lock")
    with open(path, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            file.seek(0)
            who = file.read().strip()
            raise ValueError(
                f"another run{f' (process {who})' if who else ''} is writing '{output}': wait for it, or write elsewhere"
            ) from problem
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()
