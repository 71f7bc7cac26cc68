"""Several processes that serve at one address, and the one that keeps them alive."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import IO, Any

from narrows.serve._server import run
from narrows.serve._settings import Limits, Settings

COMMAND = (sys.executable, "-P", "-m", "narrows.serve._workers")
ROOM = 1 << 20  # bytes for the figures of each process
LOOK = 0.1  # seconds between looks at the processes
AGAIN = 1.0  # seconds before one that has died is replaced
READY = "ready"


class Workers:
    """Processes that serve at one address.

    Parameters
    ----------
    settings : Settings
    listening : socket
    """

    def __init__(self, settings: Settings, listening: socket.socket) -> None:
        self._settings, self._listening = settings, listening
        self._shared = tempfile.TemporaryFile()  # has no name: only these processes can see it
        self._shared.truncate(ROOM * settings.workers)
        self._processes: list[subprocess.Popen[str]] = []
        self._signals: list[int] = []

    def run(self, told: Callable[[], None]) -> None:
        """Keep them alive until told to end.

        Raises
        ------
        ValueError
            If a bundle cannot be served.
        """
        numbers = [number for name in ("SIGTERM", "SIGINT", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
        before = {number: signal.signal(number, lambda number, _: self._signals.append(number)) for number in numbers}
        try:
            self._processes = [self._start(place) for place in range(self._settings.workers)]
            for process in self._processes:
                _wait_until_ready(process)
            told()
            self._keep_alive()
        finally:
            self._end()
            self._shared.close()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start(self, place: int) -> subprocess.Popen[str]:
        handed = (self._listening.fileno(), self._shared.fileno())
        process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=handed, text=True)
        said = {"settings": asdict(self._settings), "listening": handed[0], "shared": handed[1], "process": place}
        _written(process.stdin, json.dumps(said))
        return process

    def _keep_alive(self) -> None:
        while True:
            time.sleep(LOOK)
            while self._signals:
                number = self._signals.pop(0)
                if number != getattr(signal, "SIGHUP", None):
                    return
                for process in self._processes:
                    process.send_signal(number)
            for place, process in enumerate(self._processes):
                if process.poll() is not None:
                    _written(sys.stderr, json.dumps({"event": "worker_died", "process": process.pid, "code": process.returncode}))
                    time.sleep(AGAIN)
                    self._processes[place] = self._start(place)

    def _end(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        until = time.monotonic() + self._settings.limits.request_seconds + self._settings.limits.receive_seconds
        for process in self._processes:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    line = process.stdout.readline().strip() if process.stdout is not None else ""
    if line != READY:
        raise ValueError(json.loads(line)["error"] if line.startswith("{") else "a process of the server ended before it was ready")


def _written(pipe: IO[str] | None, line: str) -> None:
    assert pipe is not None
    pipe.write(f"{line}\n")
    pipe.flush()


def _settings(plain: dict[str, Any]) -> Settings:
    return Settings(**{**plain, "tokens": tuple(plain["tokens"]), "limits": Limits(**plain["limits"])})


def main() -> int:
    """Be one of the processes: what it is told stands in the first line of standard input, which ends when the parent does."""
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(0, 1)
    said = json.loads(line)
    listening = socket.socket(fileno=said["listening"])

    def ready() -> None:
        _written(sys.stdout, READY)

    try:
        run(_settings(said["settings"]), listening, ready, said["shared"], said["process"], parent=0)
    except ValueError as problem:
        _written(sys.stdout, json.dumps({"error": str(problem)}))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
