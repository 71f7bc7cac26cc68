"""How long work tells a person that it is going on: one task at a time, on standard error."""

from __future__ import annotations

import math
import sys
import time
from typing import Any, Protocol, TextIO

from narrows._text import printable


class Progress(Protocol):
    """Receives the progress of one piece of work after another."""

    def begin(self, name: str, total: float, unit: str = "") -> None:
        """Begin a task of `total` units, infinity where nobody knows how many there are."""

    def advance(self, done: float, text: str = "") -> None:
        """Say how much of the task is done by now, with a few words of figures."""

    def end(self, text: str = "") -> None:
        """End the task with its last figures."""


class Silent:
    """No progress at all: the default in Python."""

    def begin(self, name: str, total: float, unit: str = "") -> None:
        """Do nothing."""

    def advance(self, done: float, text: str = "") -> None:
        """Do nothing."""

    def end(self, text: str = "") -> None:
        """Do nothing."""


class Bar:
    """A bar on a terminal (redrawn at most ten times a second), plain lines (one in five seconds) elsewhere.

    Parameters
    ----------
    stream : text stream, default=None
        Where to write; standard error if None.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._live: Any = None
        self._terminal = self._stream.isatty()

    def begin(self, name: str, total: float, unit: str = "") -> None:
        """Begin a task of `total` units."""
        self._name, self._total, self._unit = printable(name), total, unit
        self._started = time.monotonic()
        self._written = self._started
        self._origin: tuple[float, float] | None = None
        if self._terminal:
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            self._live = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=10),
                TaskProgressColumn(),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[text]}"),
                console=Console(file=self._stream),
                auto_refresh=False,
                transient=True,
            )
            self._live.start()
            self._task = self._live.add_task(self._name, total=None if math.isinf(total) else total, text="")

    def advance(self, done: float, text: str = "") -> None:
        """Say how much of the task is done by now; written only when it is time to."""
        now = time.monotonic()
        if self._origin is None:  # what came before, compilation for one, tells nothing of the pace
            self._origin = now, done
        if now - self._written < (0.1 if self._terminal else 5.0):
            return
        self._written = now
        if self._live is not None:
            self._live.update(self._task, completed=done, text=text, refresh=True)
        elif math.isinf(self._total):
            self._line(f"{self._name}  {text}")
        else:
            since, first = self._origin
            left = (now - since) * (self._total - done) / max(done - first, 1e-9 * self._total)
            self._line(f"{self._name} {100 * done / max(self._total, 1e-9):3.0f} %  {text}  {left:.0f} s left")

    def end(self, text: str = "") -> None:
        """End the task: the bar goes, one line stays."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._line(f"{self._name} done in {time.monotonic() - self._started:.1f} s  {text}".rstrip())

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()
