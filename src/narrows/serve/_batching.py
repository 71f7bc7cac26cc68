"""Small requests that come together are computed together; how many may wait is bounded."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from narrows.serve._refusals import busy, too_slow

SHORT = 0.002  # seconds: a batch that takes less is computed where it is, since to hand it to a thread and back takes as long
AHEAD = 1  # batches given to the threads beyond those that run: the next is there when one ends, and all others still grow
Key = tuple[str, frozenset[str]]  # what goes in, and what is wanted
Arrays = dict[str, np.ndarray]
Compute = Callable[[str, frozenset[str], Sequence[np.ndarray]], Arrays]


class Watch(Protocol):
    """Who is told how requests are batched."""

    def waiting(self, rows: int) -> None:
        """Note by how many the rows that wait have changed."""

    def batch(self, rows: int, requests: int) -> None:
        """Note that a batch is computed."""


@dataclass(eq=False)
class _Waiting:
    rows: np.ndarray
    answer: asyncio.Future[Arrays]
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """A queue before a function that computes rows; lives in one event loop.

    A request waits for others until there are `most_rows`, or for `window` seconds, and then for its turn, in which others join it.
    Where the batch before was of one request alone it waits for nobody but those that were read with it: who comes alone is not
    slowed down.

    Parameters
    ----------
    compute : callable
    threads : Executor
        Where it is called, if that takes more than a moment.
    watch : Watch
    window : float
        Seconds.
    most_rows : int
        Of a batch. A request of more is split.
    queue_rows : int
        That may wait.
    seconds : float
        After which a request is given up.
    lanes : int, default=1
        Threads, and so batches that are computed side by side.
    """

    def __init__(
        self,
        compute: Compute,
        threads: Executor,
        watch: Watch,
        *,
        window: float,
        most_rows: int,
        queue_rows: int,
        seconds: float,
        lanes: int = 1,
    ) -> None:
        self._compute, self._threads, self._watch, self._lanes = compute, threads, watch, lanes
        self._window, self._most_rows, self._queue_rows, self._seconds = window, most_rows, queue_rows, seconds
        self._loop = asyncio.get_running_loop()
        self._queues: dict[Key, deque[_Waiting]] = {}
        self._turns: deque[Key] = deque()  # keys whose queue may be computed now
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._running: dict[asyncio.Future[Arrays], list[_Waiting]] = {}
        self._waiting_rows = 0
        self._took: dict[int, float] = {}  # seconds of the last batch of about as many rows, by powers of two
        self._alone = True  # whether the batch before was of one request

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or is computed."""
        return not (self._waiting_rows or self._running)

    async def submit(self, start: str, wanted: frozenset[str], rows: np.ndarray) -> Arrays:
        """Compute what is wanted of rows, together with others' or in parts.

        Raises
        ------
        Refusal
            If too many wait already (429), or it takes too long (503).
        """
        n, size = len(rows), self._most_rows
        if n <= size:
            return await self._join((start, wanted), rows)
        until = time.monotonic() + self._seconds
        found = []
        for first in range(0, n, size * self._lanes):  # as many as run at one time, so that small requests come between
            if time.monotonic() > until:
                raise too_slow(self._seconds)
            parts = range(first, min(n, first + size * self._lanes), size)
            found += await asyncio.gather(*(self._join((start, wanted), rows[part : part + size], part > 0) for part in parts))
        return {name: np.concatenate([part[name] for part in found]) for name in wanted}

    def _join(self, key: Key, rows: np.ndarray, goes_on: bool = False) -> asyncio.Future[Arrays]:
        n = len(rows)
        if self._waiting_rows and self._waiting_rows + n > self._queue_rows and not goes_on:
            raise busy(f"{self._waiting_rows:,} rows are waiting already: try again in a moment")
        one = _Waiting(rows, self._loop.create_future())
        self._count(n)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
        queue.append(one)
        if len(queue) == 1:
            wait = 0.0 if self._alone else self._window
            self._timers[key] = self._loop.call_later(wait, self._open, key)
        elif key in self._timers and sum(len(waiting.rows) for waiting in queue) >= self._most_rows:
            self._open(key)
        return one.answer

    def _open(self, key: Key) -> None:
        """Let a queue be computed."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
            self._turns.append(key)
            self._go_on()

    def _go_on(self) -> None:
        while self._turns and len(self._running) < self._lanes + AHEAD:
            key = self._turns.popleft()
            batch = self._take(key)
            if self._queues.get(key):
                self._turns.append(key)  # behind the others
            if batch:
                self._start(key, batch)

    def _take(self, key: Key) -> list[_Waiting]:
        queue, batch, n, now = self._queues[key], list[_Waiting](), 0, time.monotonic()
        while queue and (not batch or n + len(queue[0].rows) <= self._most_rows):
            one = queue.popleft()
            self._count(-len(one.rows))
            if one.answer.done():  # nobody waits for it any more
                continue
            if now - one.since > self._seconds:
                one.answer.set_exception(too_slow(self._seconds))
                continue
            batch.append(one)
            n += len(one.rows)
        if not queue:
            del self._queues[key]
        return batch

    def _start(self, key: Key, batch: list[_Waiting]) -> None:
        parts = [one.rows for one in batch]
        self._alone = len(batch) == 1
        n = sum(map(len, parts))
        self._watch.batch(n, len(batch))
        if not self._running and self._took.get(n.bit_length(), SHORT) < SHORT:
            running: asyncio.Future[Arrays] = self._loop.create_future()
            try:
                running.set_result(self._timed(*key, parts))
            except Exception as problem:
                running.set_exception(problem)
        else:
            running = asyncio.ensure_future(self._loop.run_in_executor(self._threads, self._timed, *key, parts))
        self._running[running] = batch
        running.add_done_callback(self._end)

    def _timed(self, start: str, wanted: frozenset[str], parts: Sequence[np.ndarray]) -> Arrays:
        before = time.perf_counter()
        found = self._compute(start, wanted, parts)
        self._took[sum(map(len, parts)).bit_length()] = time.perf_counter() - before
        return found

    def _end(self, done: asyncio.Future[Arrays]) -> None:
        batch = self._running.pop(done)
        problem = asyncio.CancelledError() if done.cancelled() else done.exception()
        start = 0
        for one in batch:
            end = start + len(one.rows)
            if one.answer.done():
                pass
            elif problem is not None:
                one.answer.set_exception(problem)
            else:
                one.answer.set_result({name: values[start:end] for name, values in done.result().items()})
            start = end
        self._go_on()

    def _count(self, rows: int) -> None:
        self._waiting_rows += rows
        self._watch.waiting(rows)

    def give_up_old(self) -> None:
        """Answer those who have waited for too long, also where a computation does not end."""
        now = time.monotonic()
        for batch in (*self._queues.values(), *self._running.values()):
            for one in batch:
                if now - one.since > self._seconds and not one.answer.done():
                    one.answer.set_exception(too_slow(self._seconds))
