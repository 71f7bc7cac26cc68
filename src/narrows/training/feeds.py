"""How rows reach the device: all at once, or window after window, read ahead while the device works."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from narrows.data.block_rows import ArrayPart, Blocks
from narrows.training.compact_rows import CompactRows
from narrows.training.ranks import Ranks
from narrows.training.rows import BlockSet, RowSet, aligned, fill, on_device_scale
from narrows.training.samplers import STREAMS, Shuffle, Streams, size_class

BLOCK_BYTES, WINDOW_BYTES = 2**17, 2**26  # of rows that are read at once; of rows on the device
ROWS_SHARE = 0.5  # of a device's memory that rows may take; the rest is for weights and steps
FEWEST_BLOCKS = 16  # of each stream, so that no stream is much longer than another


@dataclass(frozen=True)
class Window:
    """Rows on the device, and the order of their steps.

    Attributes
    ----------
    data : dict of str to array
    scale : tuple of array or None
        What scales them there.
    order : array, int32
        Places in the arrays: of shape (slots * batch size,), or (shards, slots * share), in the arrays of each shard.
    n : int
        How many rows there are to learn from; what comes after them weighs nothing.
    number, first, steps : int
        Which window of the epoch this is; the place of its first step in the epoch; how many steps it has.
    """

    data: dict[str, Any]
    scale: Any
    order: Any
    n: int
    number: int
    first: int
    steps: int


class Feed(ABC):
    """Windows of an epoch, of which the next is made while one is used.

    Attributes
    ----------
    n_rows, n_windows, steps, slots : int
        Rows and windows of an epoch, its steps, and the steps that a window has room for.
    waited : float
        Seconds in which there was nothing to do but to wait for rows.
    """

    n_rows: int
    n_windows: int
    steps: int
    slots: int

    def __init__(self, ranks: Ranks, batch_size: int) -> None:
        self._ranks, self._batch_size, self.waited = ranks, batch_size, 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="narrows-feed")
        self._ahead: tuple[tuple[int, int], Future[Any]] | None = None

    def windows(self, epoch: int, first: int, last_epoch: int) -> Iterator[Window]:
        """Give the windows of an epoch from one of them on; what follows the last is that of the next epoch, if there is one.

        Raises
        ------
        ValueError, OSError
            If rows cannot be read.
        PeerError
            If another process cannot read its own.
        """
        for number in range(first, self.n_windows):
            with self._ranks.together("to read its rows"):
                begun = time.monotonic()
                made = self._taken(epoch, number)
                self.waited += time.monotonic() - begun
            following = (epoch, number + 1) if number + 1 < self.n_windows else (epoch + 1, 0)
            if following[0] <= last_epoch:
                self._ahead = following, self._thread.submit(self._make, *following)
            yield self._on_device(made, number)

    def _taken(self, epoch: int, number: int) -> Any:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == (epoch, number):
            return ahead[1].result()
        return self._make(epoch, number)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    @abstractmethod
    def _make(self, epoch: int, number: int) -> Any:
        """Make what a window needs, away from the main thread."""

    @abstractmethod
    def _on_device(self, made: Any, number: int) -> Window:
        """Put it on the device."""


class Whole(Feed):
    """Rows in memory: one window, always of the same rows."""

    def __init__(self, rows: RowSet, batch_size: int, seed: int, ranks: Ranks) -> None:
        super().__init__(ranks, batch_size)
        self.n_rows, self.n_windows = len(rows), 1
        self._data, self._scale = rows.on_device(ranks)
        self.slots = -(-size_class(self.n_rows) // batch_size)
        self.steps = -(-self.n_rows // batch_size)
        self._length = self.slots * batch_size
        self._sampler = Shuffle(self.n_rows, seed)

    def _make(self, epoch: int, number: int) -> np.ndarray:
        return self._sampler.order(epoch, self._length)

    def _on_device(self, made: np.ndarray, number: int) -> Window:
        order = made if self._ranks.mesh is None else self._ranks.place(np.maximum(self._ranks.cut(made, self._batch_size), 0))
        return Window(self._data, self._scale, order, self.n_rows, 0, 0, self.steps)


class InBlocks(Feed):
    """Rows in files: a window is a pool of blocks of each of the eight streams, of which a process reads what its shards need."""

    def __init__(self, rows: BlockSet, batch_size: int, seed: int, ranks: Ranks) -> None:
        super().__init__(ranks, batch_size)
        self._rows = rows
        self.n_rows = len(rows)
        block, pool = shape_of(self.n_rows, rows.blocks.shape[1], batch_size)
        self._sampler = Streams(self.n_rows, seed, block, pool, batch_size)
        _check_enough(ranks, batch_size, self._sampler.n_blocks)
        self.n_windows = self._sampler.n_windows
        size = size_class(min(self.n_rows, self._sampler.window))
        self.slots = -(-size // batch_size)
        self._size = size if ranks.mesh is None else self.slots * ranks.share(batch_size)
        self._full = -(-self._sampler.window // batch_size)  # steps of every window but the last
        self.steps = sum(self._steps(self._sampler.size(number)) for number in range(self.n_windows))

    def _steps(self, n: int) -> int:
        return -(-n // self._batch_size)

    def _make(self, epoch: int, number: int) -> tuple[dict[str, np.ndarray], np.ndarray, int]:
        rows, ranks = self._rows, self._ranks
        blocks, order = self._sampler.window_of(epoch, number)
        n = len(order)
        arrays = {"x": aligned((len(ranks.mine) * self._size, rows.blocks.shape[1]), np.uint8 if rows.as_bytes else np.float32)}
        beside = {name: values for name, values in (("weight", rows.weight), ("y", rows.y)) if values is not None}
        arrays |= {name: np.zeros((len(arrays["x"]), *values.shape[1:]), values.dtype) for name, values in beside.items()}
        if ranks.mesh is None:
            wanted: list[np.ndarray | None] = [None]
            order = np.resize(order, self.slots * self._batch_size)
        else:
            order = np.concatenate([order, np.full(self.slots * self._batch_size - n, -1, np.int32)])
            order = ranks.cut(order, self._batch_size)
            held = [np.unique(own[own >= 0]) for own in order]
            order = np.stack([np.searchsorted(some, own) for some, own in zip(held, order, strict=True)]).astype(np.int32)
            wanted = [*held]
        done, before = [shard * self._size for shard in range(len(wanted))], 0
        for start, stop in blocks:
            inside = [_inside(places, before, before + stop - start) for places in wanted]
            before += stop - start
            if all(places is not None and not len(places) for places in inside):
                continue
            block = rows.blocks[start:stop]
            for shard, places in enumerate(inside):
                some = block if places is None else block[places]
                here = slice(done[shard], done[shard] + len(some))
                fill(arrays["x"][here], some, rows.scale, rows.as_bytes)
                for name, values in beside.items():
                    arrays[name][here] = values[start:stop] if places is None else values[start:stop][places]
                done[shard] += len(some)
        return arrays, order, n

    def _on_device(self, made: tuple[dict[str, np.ndarray], np.ndarray, int], number: int) -> Window:
        arrays, order, n = made
        scale = on_device_scale(self._rows.scale) if self._rows.as_bytes else None
        data = {name: self._ranks.place(values) for name, values in arrays.items()}
        placed = order if self._ranks.mesh is None else self._ranks.place(order)
        return Window(data, scale, placed, n, number, number * self._full, self._steps(n))


def _too_large(rows: RowSet) -> bool:
    """Say whether rows would take more than their share of a device with memory of its own; with targets or neighbors all must be there."""
    import jax

    if rows.target is not None or rows.neighbors is not None:
        return False
    room = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")  # a CPU's memory is the machine's
    return room is not None and size_class(len(rows)) * rows.x.shape[1] * (1 if rows.x.dtype == np.uint8 else 4) > ROWS_SHARE * room


def _check_enough(ranks: Ranks, batch_size: int, n_blocks: int) -> None:
    if ranks.shards > batch_size:
        raise ValueError(
            f"batches of {batch_size} rows cannot be shared out among {ranks.shards}: take fewer workers or a larger batch_size"
        )
    if ranks.size > n_blocks:
        raise ValueError(f"there are {ranks.size} workers for {n_blocks} blocks of rows: take at most {n_blocks} workers")


def _inside(places: np.ndarray | None, start: int, stop: int) -> np.ndarray | None:
    """Give which of some places, ascending, lie in a block, counted from its start; None are all."""
    if places is None:
        return None
    return places[slice(*np.searchsorted(places, (start, stop)))] - start


def shape_of(n: int, width: int, batch_size: int) -> tuple[int, int]:
    """Give the rows of a block, and the blocks of a stream that make a pool.

    Parameters
    ----------
    n, width, batch_size : int

    Returns
    -------
    block, pool : int
    """
    most = max(1, min(BLOCK_BYTES // width, n // (STREAMS * FEWEST_BLOCKS)))
    block = 1 << (most.bit_length() - 1)
    window = max(WINDOW_BYTES // (4 * width), 4 * batch_size)
    return block, max(1, window // (STREAMS * block))


def feed_of(rows: RowSet | BlockSet, batch_size: int, seed: int, ranks: Ranks) -> Feed:
    """Give what feeds rows to the devices; rows in memory that a device has no room for come window after window, as those in files do."""
    if isinstance(rows, RowSet) and not isinstance(rows, CompactRows) and _too_large(rows):
        rows = BlockSet(Blocks((ArrayPart(rows.x, "rows"),)), rows.scale, rows.weight, rows.y)
    return InBlocks(rows, batch_size, seed, ranks) if isinstance(rows, BlockSet) else Whole(rows, batch_size, seed, ranks)
