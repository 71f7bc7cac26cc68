"""What happens, as one JSON object a line, written by a thread of its own: a reader that stalls stalls no request."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TextIO

MOST_LINES = 20_000  # that wait to be written; older ones are dropped
EVERY = 0.1  # seconds


class Log:
    """Lines for a stream.

    Parameters
    ----------
    stream : text file
    lost : callable, default=None
        Told how many lines were dropped.
    """

    def __init__(self, stream: TextIO, lost: Callable[[int], None] | None = None) -> None:
        self._stream, self._lost = stream, lost
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._wake, self._ended = threading.Event(), False
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def event(self, event: str, **facts: Any) -> None:
        """Note something that happened."""
        self._add(json.dumps({"time": _now(), "event": event, **facts}, ensure_ascii=True, default=str))

    def request(self, method: str, path: str, status: int, seconds: float, client: str) -> None:
        """Note an answer; this is called for each of thousands a second."""
        self._add(
            f'{{"time": "{_now()}", "event": "request", {_asked(method[:20], path[:200])}, "status": {status}, '
            f'"seconds": {seconds:.6f}, "client": "{client}"}}'
        )

    def _add(self, line: str) -> None:
        if len(self._lines) == MOST_LINES and self._lost is not None:
            self._lost(1)
        self._lines.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def _write(self) -> None:
        while not self._ended:
            self._wake.wait()
            time.sleep(EVERY)
            self._wake.clear()
            self._flush()

    def _flush(self) -> None:
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        if lines:
            try:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
            except (OSError, ValueError):  # nobody reads it any more
                pass

    def close(self) -> None:
        """Write what is left."""
        self._ended = True
        self._wake.set()
        self._thread.join(timeout=2)
        self._flush()


@lru_cache(256)  # most requests are for the same few paths
def _asked(method: str, path: str) -> str:
    return f'"method": {json.dumps(method)}, "path": {json.dumps(path)}'


_second = (0, "")


def _now() -> str:
    global _second  # a time is written thousands of times a second, and most of it is the same
    now = time.time()
    whole = int(now)
    if _second[0] != whole:
        _second = (whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)))
    return f"{_second[1]}.{int((now - whole) * 1000):03d}Z"
