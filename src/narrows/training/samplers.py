"""Which rows make up each batch: a seed and an epoch become row indices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STREAMS = 8  # of blocks, which workers may share out


@dataclass(frozen=True)
class Shuffle:
    """Every row once an epoch, in an order drawn anew for each.

    Rows in memory are the case of a single block: all eight logical streams read from it in turn, which is a plain shuffle.

    Attributes
    ----------
    n_rows : int
    seed : int
    """

    n_rows: int
    seed: int

    def order(self, epoch: int, length: int) -> np.ndarray:
        """Give the row indices of an epoch, shape (length,), int32.

        Parameters
        ----------
        epoch : int
        length : int
            At least the number of rows; what comes after them repeats the same order, and must weigh nothing.
        """
        order = np.random.default_rng((self.seed, epoch)).permutation(np.arange(self.n_rows, dtype=np.int32))
        return np.resize(order, length)


@dataclass(frozen=True)
class Streams:
    """Every row once an epoch, for rows of which only some are at hand.

    Rows are cut into blocks. Each epoch shuffles the blocks and deals them to eight streams in turn; the next few blocks of a stream
    are its pool, whose rows are shuffled. The pools of the eight streams that stand at one place are a window, whose rows come from the
    streams in turn, as long as these have some; batches are cut from windows, and within a batch the rows of one stream stand together.
    So the order depends on nothing but these numbers, and several machines that each take some places of every batch meet the same
    batches, and read little more than the streams of these places.

    Attributes
    ----------
    n_rows : int
    seed : int
    block : int
        Rows of a block; the last may have fewer.
    pool : int
        Blocks of a pool.
    batch : int
        Rows of a batch.
    """

    n_rows: int
    seed: int
    block: int
    pool: int
    batch: int

    @property
    def n_blocks(self) -> int:
        """All blocks."""
        return -(-self.n_rows // self.block)

    @property
    def window(self) -> int:
        """Rows of a window, if its blocks are whole."""
        return STREAMS * self.pool * self.block

    @property
    def n_windows(self) -> int:
        """Windows of an epoch."""
        return -(-self.n_blocks // (STREAMS * self.pool))

    def size(self, number: int) -> int:
        """Give the most rows that a window of this number may have."""
        blocks = min(self.n_blocks - number * STREAMS * self.pool, STREAMS * self.pool)
        return blocks * self.block

    def window_of(self, epoch: int, number: int) -> tuple[list[tuple[int, int]], np.ndarray]:
        """Give the blocks of a window, and the order of their rows.

        Parameters
        ----------
        epoch, number : int

        Returns
        -------
        blocks : list of (start, stop)
            Row numbers, in the order in which the blocks are to be laid one after another.
        order : ndarray of shape (rows of the window,), int32
            Places among these rows.
        """
        dealt = np.random.default_rng((self.seed, epoch)).permutation(self.n_blocks)
        chosen = dealt[number * STREAMS * self.pool : (number + 1) * STREAMS * self.pool]
        starts = chosen * self.block
        stops = np.minimum(starts + self.block, self.n_rows)
        ends = np.cumsum(stops - starts)
        rows = []
        for stream in range(min(STREAMS, len(chosen))):
            mine = [np.arange(ends[i] - (stops[i] - starts[i]), ends[i], dtype=np.int32) for i in range(stream, len(chosen), STREAMS)]
            rows.append(np.random.default_rng((self.seed, epoch, stream, number)).permutation(np.concatenate(mine)))
        return list(zip(starts.tolist(), stops.tolist(), strict=True)), _in_turn(rows, self.batch)


def _in_turn(streams: list[np.ndarray], batch: int) -> np.ndarray:
    """Take rows from streams in turn, as long as they have some, and put those of one stream together within each batch."""
    lengths = {len(rows) for rows in streams}
    if len(lengths) == 1 and not batch % len(streams):  # as in all windows but the last
        every, share = np.stack(streams), batch // len(streams)
        whole = every.shape[1] // share * share
        batches = every[:, :whole].reshape(len(streams), -1, share).transpose(1, 0, 2)
        return np.concatenate([batches.reshape(-1), every[:, whole:].reshape(-1)])
    stream = np.repeat(np.arange(len(streams)), [len(rows) for rows in streams])
    turn = np.concatenate([np.arange(len(rows)) for rows in streams])
    in_turn = np.lexsort((stream, turn))
    together = np.lexsort((stream[in_turn], np.arange(len(stream)) // batch))
    return np.asarray(np.concatenate(streams)[in_turn][together])


def size_class(n: int) -> int:
    """Round a number of rows up, so that data sets of about one size share a compiled program.

    Powers of two up to 65,536; above, steps of an eighth of the power below.

    Parameters
    ----------
    n : int
        At least 1.

    Returns
    -------
    int
    """
    power = 1 << (n - 1).bit_length() if n > 1 else 1
    if power <= 65536:
        return power
    step = power // 16
    return -(-n // step) * step
