"""Work in a process of its own, which is watched: how much memory it takes, how long it may take, and what it says on its way."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from narrows import _json

LOOK = 0.02  # seconds between two looks at the memory
GRACE = 2.0  # seconds for a process that has said its last word
LINES = 200  # characters of a last line on standard error
# The folders of modules are handed over, as multiprocessing does; -P keeps those of the folder where a user happens to be from joining.
START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from narrows.study.apart import inside; inside(*sys.argv[2:])"

Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Ended:
    """How work in a process of its own ended.

    Attributes
    ----------
    result : dict or None
        What it gave; None if it did not come to its end.
    problem : str
        Why it did not, in words; empty if it did.
    timed_out : bool
        Whether it was ended at its time limit.
    seconds : float
        From the start of the process on.
    megabytes : float
        The most memory that was its own, libraries included; NaN where the system does not say.
    """

    result: dict[str, Any] | None
    problem: str
    timed_out: bool
    seconds: float
    megabytes: float


def run_apart(target: str, argument: str, *, limit: float, hear: Tell | None = None) -> Ended:
    """Call a function in a new process, and wait for what it gives.

    Parameters
    ----------
    target : str
        Module and name, as "module:function"; it is called as ``function(argument, tell)`` and gives a dict of plain values.
    argument : str
    limit : float
        Seconds after which the process is ended.
    hear : callable, default=None
        Called with each message, a dict of plain values, that the function gives to `tell`.

    Returns
    -------
    Ended

    Notes
    -----
    The process ends when this one does, however that happens: it reads from a pipe that nobody writes to, and which then closes. It has a
    session of its own, so that Ctrl-C comes here alone.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", START, json.dumps([path or os.getcwd() for path in sys.path]), target, argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        assert process.stdout is not None
        watch = _Watch(process, time.monotonic() + limit)
        try:
            watch.follow(hear or (lambda message: None))
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
        return watch.ended(errors)


@dataclass
class _Watch:
    """What is seen of a process from outside."""

    process: subprocess.Popen[bytes]
    deadline: float
    started: float = field(default_factory=time.monotonic)
    last: dict[str, Any] = field(default_factory=dict)
    timed_out: bool = False
    code: int | None = None
    bytes_seen: float = 0.0

    def follow(self, hear: Tell) -> None:
        """Listen until the last word, the end or the time limit."""
        messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(self.process.stdout, messages), daemon=True).start()
        looked = 0.0
        while True:
            now = time.monotonic()
            if now - looked >= LOOK:
                self.bytes_seen, looked = max(self.bytes_seen, _own_bytes(self.process.pid)), now
            if now > self.deadline:
                self.timed_out = True
                return
            try:
                message = messages.get(timeout=LOOK)
            except queue.Empty:
                continue
            if message is None or "end" in message:
                self.last = message or {}
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.code = self.process.wait(GRACE)
                return
            hear(message)

    def ended(self, errors: IO[bytes]) -> Ended:
        """Put it into words."""
        seconds = time.monotonic() - self.started
        said = self.last.get("end", {})
        megabytes = (self.bytes_seen or said.get("bytes") or float("nan")) / 1e6
        problem = said.get("problem", "")
        if not self.last and not self.timed_out:
            problem = _of_code(self.code, errors)
        return Ended(said.get("result"), problem, self.timed_out, seconds, megabytes)


def _listen(pipe: IO[bytes], messages: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    with contextlib.suppress(ValueError, OSError):  # it was closed, or cut off in the middle of a line
        for line in pipe:
            messages.put(json.loads(line))
    messages.put(None)


def _own_bytes(pid: int) -> float:
    """Give the memory that is a process's own: pages of mapped library files, which the system takes back when it likes, do not count."""
    kilobytes = 0
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(("RssAnon:", "RssShmem:")):
                kilobytes += int(line.split()[1])
    return 1024.0 * kilobytes


def _of_code(code: int | None, errors: IO[bytes]) -> str:
    """Say how a process ended that did not say so itself."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    words = f": {lines[-1].strip()[:LINES]}" if lines else ""
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"its process was ended by {name}{', perhaps for lack of memory' if name == 'SIGKILL' else ''}{words}"
    return f"its process ended with code {code}{words}"


def inside(target: str, argument: str) -> None:
    """Call a function in this process, which `run_apart` has started, and send what it gives.

    Parameters
    ----------
    target, argument : str
        As `run_apart` was given them.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries print is no message

    def tell(message: dict[str, Any]) -> None:
        channel.write(_json.dumps(message) + "\n")
        channel.flush()

    module, _, name = target.partition(":")
    try:
        said: dict[str, Any] = {"result": getattr(importlib.import_module(module), name)(argument, tell)}
    except MemoryError:
        said = {"problem": "there was not enough memory"}
    except Exception as problem:
        plain = isinstance(problem, ValueError | TypeError | ImportError | OSError | RuntimeError)
        words = " ".join(str(problem).split())
        said = {"problem": words if plain and words else f"{type(problem).__name__}: {words}"}
    tell({"end": {**said, "bytes": _most_bytes()}})
    os._exit(0)  # a compiler may still run in a thread, which Python would wait for


def _end_with_parent() -> None:
    with contextlib.suppress(OSError):
        os.read(0, 1)  # comes back when the other end is closed
    os._exit(1)


def _most_bytes() -> float | None:
    """Give the greatest resident memory so far, for systems without /proc."""
    try:
        import resource
    except ImportError:
        return None
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)
