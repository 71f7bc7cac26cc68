"""Work on many rows piece by piece, in threads."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

CELLS = 2**20  # of a block of rows: 8 MiB as float64
MOST_THREADS = 8  # each holds blocks of its own

T = TypeVar("T")


def blocks(n_rows: int, width: int, cells: int = CELLS) -> list[slice]:
    """Cut rows into pieces of about so many cells each.

    Parameters
    ----------
    n_rows, width : int
        The shape of what is cut.
    cells : int, default=1048576

    Returns
    -------
    list of slice
    """
    size = max(1, cells // max(1, width))
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def in_threads(work: Callable[[slice], T], pieces: list[slice]) -> Generator[T, None, None]:
    """Work on pieces side by side, with one BLAS thread each, and give the results in the order of the pieces.

    BLAS's own threads wait for each other within every product. On a machine that does something else besides, that costs more than they
    bring: a third of the speed for blocks of distances, and far more for eigenvectors.

    Parameters
    ----------
    work : callable
    pieces : list of slice

    Yields
    ------
    object
        What `work` gives for each piece.
    """
    if len(pieces) == 1:
        yield work(pieces[0])
        return
    from threadpoolctl import threadpool_info, threadpool_limits

    allowed = max((library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"), default=1)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(max(1, min(allowed, len(pieces), MOST_THREADS))) as pool:
        try:
            yield from pool.map(work, pieces)
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupt does not wait for what has not begun
