"""Sides of a comparison, each alive in its own process and at work only in its turn, and what their rounds say.

Two libraries in one process fight over cores: each brings its own thread pool, and a pool may spin for a while after its work.
So every side has a process, one of them is asked at a time, and each reports the processor time that it used while it waited.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PAUSE = 0.2
"""Seconds between two turns: thread pools fall asleep, caches settle."""

QUIET = 0.15
"""Cores that the rest of the machine may use during a turn; a round with a noisier turn is run again."""


class SideFailed(RuntimeError):
    """A side raised or died; the message is its traceback."""


class Turns:
    """What a side's process sees of the comparison: wait for a turn, work, report."""

    def __init__(self, connection: multiprocessing.connection.Connection) -> None:
        self._connection = connection
        self._waited = self._used = 0.0

    def ready(self, **facts: Any) -> None:
        """Say that all is warm, with facts for the report (settings, parameters, seconds of the first epoch)."""
        self._connection.send(("ready", facts))

    def wait(self) -> Any:
        """Wait for the next request; None means that there is none, and the side should end.

        Returns
        -------
        object
            What the other end asked for.
        """
        began, used = time.perf_counter(), time.process_time()
        try:
            request = self._connection.recv()
        except EOFError:
            return None
        self._waited += time.perf_counter() - began
        self._used += time.process_time() - used
        return request

    def report(self, result: Any) -> None:
        """Give the result of a turn."""
        self._connection.send(("done", result, self._used, self._waited))


def _serve(
    work: Callable[..., None], connection: multiprocessing.connection.Connection, arguments: tuple[Any, ...], environment: Mapping[str, str]
) -> None:
    os.environ.update(environment)
    try:
        work(Turns(connection), *arguments)
    except BaseException:
        with contextlib.suppress(OSError):
            connection.send(("failed", traceback.format_exc()))


class Side:
    """One side of a comparison in a process of its own.

    Parameters
    ----------
    name : str
        Its name in messages.
    work : callable
        A function at the top of its module, called in the new process with a `Turns` and then `arguments`. It imports its
        library itself, so that nothing else is loaded.
    *arguments : any
        Must pickle.
    environment : mapping of str to str, default=None
        Variables to set in the new process before `work` is called.

    Attributes
    ----------
    facts : dict
        What the side said when it was ready.
    idle : float
        Cores that the side used while it waited; well below 0.01 where sides don't disturb each other.
    others : float
        Cores that all other processes used during its last turn, and that the hypervisor took; 0 where the system does not say.
    pid : int
    """

    def __init__(self, name: str, work: Callable[..., None], *arguments: Any, environment: Mapping[str, str] | None = None) -> None:
        self.name, self.facts, self.idle, self.others = name, dict[str, Any](), 0.0, 0.0
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(work, theirs, arguments, dict(environment or {})), daemon=True)
        self._process.start()
        theirs.close()
        self.pid = self._process.pid or 0

    def wait_ready(self, meanwhile: Callable[[], None] | None = None) -> Side:
        """Wait until the side is warm.

        Parameters
        ----------
        meanwhile : callable, default=None
            Called again and again, every five milliseconds, while waiting.

        Raises
        ------
        SideFailed
            If it raised or died.
        """
        self.facts = self._receive(meanwhile)[1]
        return self

    def ask(self, request: Any = True, meanwhile: Callable[[], None] | None = None) -> Any:
        """Give the side a turn and wait for its result.

        Raises
        ------
        SideFailed
            If it raised or died.
        """
        began, others = time.perf_counter(), used_by_others(self.pid)
        self._connection.send(request)
        _, result, used, waited = self._receive(meanwhile)
        self.idle = used / max(waited, 1e-9)
        self.others = max(used_by_others(self.pid) - others, 0.0) / (time.perf_counter() - began)
        return result

    def close(self) -> None:
        """End the side's process."""
        with contextlib.suppress(OSError):
            self._connection.send(None)
        self._process.join(20)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(10)
        self._connection.close()

    def _receive(self, meanwhile: Callable[[], None] | None) -> tuple[Any, ...]:
        while not self._connection.poll(0.005 if meanwhile else 0.5):
            if meanwhile:
                meanwhile()
            if not self._process.is_alive() and not self._connection.poll(0.1):
                raise SideFailed(f"the process of {self.name} ended with code {self._process.exitcode}")
        try:
            message: tuple[Any, ...] = self._connection.recv()
        except EOFError:
            raise SideFailed(f"the process of {self.name} ended") from None
        if message[0] == "failed":
            raise SideFailed(message[1])
        return message


def used_by_others(pid: int) -> float:
    """Give the seconds of processor time that the machine spent since it started, less those of one process; 0 where it does not say."""
    try:
        with open("/proc/stat") as machine, open(f"/proc/{pid}/stat") as own:
            user, nice, system, _, _, interrupts, soft, stolen = map(int, machine.readline().split()[1:9])
            fields = own.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (user + nice + system + interrupts + soft + stolen - int(fields[11]) - int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def warm(sides: Mapping[str, Callable[[], Side]]) -> Iterator[dict[str, Side]]:
    """Start sides one after the other, so that each warms up alone, and end them all in the end.

    A side that fails to start is named on standard error and left out: the others can still be compared.
    """
    alive: dict[str, Side] = {}
    try:
        for name, start in sides.items():
            say(f"  {name}: warming up")
            side = start()
            try:
                alive[name] = side.wait_ready()
            except SideFailed as failure:
                say(f"  {name} is left out:\n{failure}")
                side.close()
        yield alive
    finally:
        for side in alive.values():
            side.close()


def interleave(sides: Mapping[str, Side], rounds: int, requests: Sequence[Any] = (True,), again: int = 3) -> dict[Any, list[Any]]:
    """Give every side a turn in every round: A B C A B C ...

    A round in which other processes used more than `QUIET` cores during a turn is run again, up to `again` times as many rounds in
    all; the quietest rounds count. Which round counts is thus decided by the machine, never by the sides' figures.

    Parameters
    ----------
    sides : mapping of str to Side
    rounds : int
        How many rounds are to count, at least 1.
    requests : sequence, default=(True,)
        What to ask of every side in every round; with more than one, the results are under (side, request).
    again : int, default=3

    Returns
    -------
    dict of list
        One result for each round that counts, by name of side (or by side and request), and under "others" the most cores that
        other processes used in each of these rounds.
    """
    done: list[tuple[float, dict[Any, Any]]] = []
    quiet = 0
    while quiet < rounds and len(done) < again * rounds:
        others, results = 0.0, dict[Any, Any]()
        for request in requests:
            for name, side in sides.items():
                time.sleep(PAUSE)
                results[name if len(requests) == 1 else (name, request)] = side.ask(request)
                others = max(others, side.others)
        done.append((others, results))
        quiet += others <= QUIET
        say(f"  round {len(done)}, {quiet} of {rounds} quiet; others used up to {others:.2f} cores")
    return quietest(done, rounds)


def quietest(done: Sequence[tuple[float, dict[Any, Any]]], rounds: int) -> dict[Any, list[Any]]:
    """Keep the rounds in which other processes used least, in the order in which they were run.

    Parameters
    ----------
    done : sequence of (float, dict)
        Cores used by others, and results by name.
    rounds : int
        How many to keep.

    Returns
    -------
    dict of list
        As `interleave` gives it.
    """
    limit = sorted(others for others, _ in done)[:rounds][-1]
    kept = [entry for entry in done if entry[0] <= limit][:rounds]
    return {name: [results[name] for _, results in kept] for name in kept[0][1]} | {"others": [others for others, _ in kept]}


def noise(others: Sequence[float]) -> str:
    """Say how much other processes disturbed the rounds that count."""
    if max(others) <= QUIET:
        return f"other processes used at most {max(others):.2f} cores during a turn"
    return f"**disturbed: other processes used up to {max(others):.2f} cores during a turn; measure again on a quiet machine**"


@dataclass(frozen=True)
class Ratio:
    """One side's seconds over another's.

    Attributes
    ----------
    ours, theirs : float
        Medians in seconds.
    medians : float
        The ratio of the medians.
    rounds : tuple of float
        The ratio in each round.
    """

    ours: float
    theirs: float
    medians: float
    rounds: tuple[float, ...]

    def __str__(self) -> str:
        return f"{statistics.median(self.rounds):.2f} ({min(self.rounds):.2f} to {max(self.rounds):.2f})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Compare two sides of the same rounds."""
    middle = statistics.median(ours), statistics.median(theirs)
    return Ratio(*middle, middle[0] / middle[1], tuple(a / b for a, b in zip(ours, theirs, strict=True)))


def say(line: str) -> None:
    """Write a line of progress to standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
