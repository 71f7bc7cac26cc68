"""Which of the processes that train together holds the others up: all wait for it at each step, so that clocks of steps do not tell."""

from __future__ import annotations

import time

import numpy as np

SLOW = 1.5  # times the others' seconds for the same work
WAITS = 0.2  # share of its time that a process may wait for its rows
PROBE = 5.0  # seconds between two tries
SIZE = 256  # of the matrices of a try


class Pace:
    """What one process can say of its own pace: how long a fixed piece of work takes, and how long it waits for its rows."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._a, self._b = (rng.random((SIZE, SIZE), np.float32) for _ in range(2))
        self._tried, self._seconds = -np.inf, 0.0
        self._began, self._waited = time.monotonic(), 0.0

    def told(self, waited: float) -> tuple[float, float]:
        """Give the seconds of the fixed work, and the share of the time since the last such call that went by waiting for rows.

        Parameters
        ----------
        waited : float
            Seconds so far, of the whole run.
        """
        now = time.monotonic()
        if now - self._tried >= PROBE:
            tries = []
            for _ in range(3):  # the fastest: what else the machine does for a moment is no pace
                begun = time.perf_counter()
                self._a @ self._b
                tries.append(time.perf_counter() - begun)
            self._tried, self._seconds = now, min(tries)
        share = (waited - self._waited) / max(now - self._began, 1e-9)
        self._began, self._waited = time.monotonic(), waited
        return self._seconds, min(share, 1.0)


def lagging(seconds: np.ndarray, shares: np.ndarray, hosts: tuple[str, ...]) -> str:
    """Name the process that holds the others up, if one does.

    Parameters
    ----------
    seconds, shares : ndarray of shape (size,)
        What each has told.
    hosts : tuple of str

    Returns
    -------
    str
        A few words, or none.
    """
    slowest, others = int(np.argmax(seconds)), np.delete(seconds, np.argmax(seconds))
    if len(others) and seconds[slowest] > SLOW * np.median(others) > 0:
        return f"worker {slowest} ({hosts[slowest]}) computes {seconds[slowest] / np.median(others):.1f} times slower than the others"
    waiting, others = int(np.argmax(shares)), np.delete(shares, np.argmax(shares))
    if len(others) and shares[waiting] > WAITS and shares[waiting] > SLOW * np.median(others):
        return f"worker {waiting} ({hosts[waiting]}) waits for its rows {100 * shares[waiting]:.0f} % of the time"
    return ""
