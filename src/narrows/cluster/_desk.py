"""Where the workers of a run and the one who waits for it leave word for each other."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

PAUSE = 0.5  # seconds between two words of progress
PATIENCE = 3  # attempts that may end at one and the same place


@dataclass
class Word:
    """What was said about progress: the name of a method of `narrows.progress.Progress`, and its arguments."""

    method: str
    arguments: tuple[Any, ...]


@dataclass
class End:
    """How a run ended.

    Attributes
    ----------
    estimator : object or None
        Fitted, as far as it came.
    problem : BaseException or None
        What the call is to raise.
    warnings : list of (str, type)
        What the call is to warn of.
    """

    estimator: Any = None
    problem: BaseException | None = None
    warnings: list[tuple[str, type[Warning]]] = field(default_factory=list)


class Desk:
    """An actor of Ray's, through which nothing waits."""

    def __init__(self) -> None:
        self._words: list[Word] = []
        self._stop = False
        self._end: End | None = None
        self._task, self._reached, self._idle = "", dict[str, float](), 0
        self._attempts = 0
        self._last = ""

    def arrive(self, rank: int) -> str:
        """Take note of a worker; give why there is no use in another attempt, if so, else nothing."""
        if rank == 0:
            self._attempts += 1
            self._idle += 1
        return self._last or "its workers died" if self._idle > PATIENCE else ""

    def complain(self, rank: int, host: str, text: str) -> None:
        """Take note of what went wrong on a worker."""
        self._last = f"worker {rank} ({host}): {text}"

    def tell(self, word: Word) -> bool:
        """Take a word of progress; give whether to stop."""
        if word.method == "begin":
            self._task = word.arguments[0]
        if word.method == "advance" and word.arguments[0] > self._reached.get(self._task, -1.0):
            self._reached[self._task], self._idle = word.arguments[0], 0
        self._words.append(word)
        return self._stop

    def stop(self) -> None:
        """Ask the workers to stop after the chunk of steps that they are at."""
        self._stop = True

    def end(self, end: End) -> None:
        """Take how the run ended: what the first says that has something to say."""
        if self._end is None or (self._end.estimator is None and end.estimator is not None):
            self._end = end

    def heard(self) -> tuple[list[Word], int]:
        """Give the words since the last time, and how many attempts there were."""
        words, self._words = self._words, []
        return words, self._attempts

    def ended(self) -> End | None:
        """Give how the run ended, if it did."""
        return self._end


class DeskProgress:
    """Progress that is told at a desk, at most twice a second.

    Parameters
    ----------
    desk : actor
    stop : callable
        Called when the desk says so.
    """

    def __init__(self, desk: Any, stop: Any) -> None:
        self._desk, self._stop, self._told, self._answer = desk, stop, 0.0, None

    def begin(self, name: str, total: float, unit: str = "") -> None:
        """Begin a task."""
        self._tell("begin", name, total, unit)

    def advance(self, done: float, text: str = "") -> None:
        """Say how far it is."""
        if time.monotonic() - self._told >= PAUSE:
            self._tell("advance", done, text)

    def end(self, text: str = "") -> None:
        """End it."""
        self._tell("end", text)

    def _tell(self, method: str, *arguments: Any) -> None:
        import ray

        if self._answer is not None and ray.wait([self._answer], timeout=0)[0] and ray.get(self._answer):
            self._stop()
        self._answer = self._desk.tell.remote(Word(method, arguments))
        self._told = time.monotonic()
