"""Which rows make up each batch: a seed and an epoch become row indices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
