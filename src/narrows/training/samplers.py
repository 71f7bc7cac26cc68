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
    streams in turn, as long as these have some; batches are cut from windows. So the order depends on nothing but these numbers, and
    several machines can share out the streams and meet the same batches.

    Attributes
    ----------
    n_rows : int
    seed : int
    block : int
        Rows of a block; the last may have fewer.
    pool : int
        Blocks of a pool.
    """

    n_rows: int
    seed: int
    block: int
    pool: int

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
        rows, turns = [], []
        for stream in range(min(STREAMS, len(chosen))):
            mine = [np.arange(ends[i] - (stops[i] - starts[i]), ends[i]) for i in range(stream, len(chosen), STREAMS)]
            shuffled = np.random.default_rng((self.seed, epoch, stream, number)).permutation(np.concatenate(mine))
            rows.append(shuffled)
            turns.append(np.arange(len(shuffled)) * STREAMS + stream)
        order = np.concatenate(rows)[np.argsort(np.concatenate(turns), kind="stable")]
        return list(zip(starts.tolist(), stops.tolist(), strict=True)), order.astype(np.int32)


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
