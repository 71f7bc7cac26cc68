"""HTTP as uvicorn speaks it, with bounds that it has not: on headers, on connections, and on the time that requests and answers take.

Without them whoever opens connections and sends a byte now and then keeps all others out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from narrows.serve import _meters, _refusals
from narrows.serve._desk import Desk
from narrows.serve._door import ANSWER

KNOWN_WATER, UNKNOWN_WATER = 1 << 20, 1 << 16  # bytes of a body that are taken before somebody asks for them: of a known length, and not
INVALID = "what came is no HTTP request"


class Guarded(HttpToolsProtocol):
    """One connection."""

    desk: Desk

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._began: float | None = None  # when the first byte of a request came that is not all there, or the connection was opened
        self._stuck: float | None = None  # since when nothing of an answer leaves
        self._in_headers = self._refused = False
        self._header_bytes, self._water = 0, UNKNOWN_WATER
        self._parts, self._part_bytes = list[bytes](), 0  # of a body, which nobody has asked for yet

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it where there are enough."""
        super().connection_made(transport)
        self.desk.meters.count("connections")
        self._began = self.loop.time()
        if len(self.connections) > self.desk.settings.limits.connections:
            self.desk.meters.count("turned_away")
            self._refuse(503, "there are too many connections: try again in a moment")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        super().connection_lost(exc)
        self.desk.meters.count("connections", by=-1)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._refused:
            return
        if self._began is None and self._is_idle:
            self._began = self.loop.time()
        before = self._in_headers
        super().data_received(data)
        if before and self._in_headers:
            self._header_bytes += len(data)
            self._check_headers(self._header_bytes)

    def on_message_begin(self) -> None:
        """Begin with a request."""
        super().on_message_begin()
        self._in_headers, self._header_bytes = True, 0

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._in_headers = False
        if self._refused or self._check_headers(len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)):
            return
        super().on_headers_complete()
        self._water = KNOWN_WATER if any(name == b"content-length" for name, _ in self.headers) else UNKNOWN_WATER
        self._parts, self._part_bytes = [], 0
        if self.desk.is_closing:
            self.cycle.keep_alive = False
        scope: Any = self.scope
        scope[ANSWER] = partial(self._answer, self.cycle)

    def on_body(self, body: bytes) -> None:
        """Keep a part of a body, until there is enough to hand on."""
        if self._refused or self.cycle.response_complete:
            return
        self._parts.append(body)
        self._part_bytes += len(body)
        if self._part_bytes > self._water:
            self.flow.pause_reading()
            self._hand_on()
            self.cycle.message_event.set()

    def _hand_on(self) -> None:
        """Put the parts of a body together, once: to add each to those before takes several times as long."""
        cycle: Any = self.cycle  # uvicorn makes bytes of it
        cycle.body = b"".join([cycle.body, *self._parts] if cycle.body else self._parts)
        self._parts, self._part_bytes = [], 0

    def on_message_complete(self) -> None:
        """Hand on the rest of a body."""
        self._began = None
        if not self._refused:
            self._hand_on()
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        if not self._refused:
            self._refuse(400, INVALID)

    def shutdown(self) -> None:
        """End, but not in the middle of a request."""
        if self._is_idle and (self._began is None or not self._in_headers):
            super().shutdown()
        else:
            for cycle in (self.cycle, *(waiting for waiting, _ in self.pipeline)):
                if cycle is not None:
                    cycle.keep_alive = False

    def sweep(self, now: float) -> None:
        """End what takes too long."""
        seconds = self.desk.settings.limits.receive_seconds
        if self.transport.is_closing() or self.flow.write_paused:
            self._stuck = now if self._stuck is None else self._stuck
            if now - self._stuck > seconds:
                self.transport.abort()
            return
        self._stuck = None
        if self._began is not None and now - self._began > seconds and not self.flow.read_paused:
            if self._is_idle and not self._in_headers:  # there is no request that could be answered
                self.desk.meters.count("turned_away")
                self.transport.close()
            else:
                self._refuse(408, f"the request did not arrive within {seconds:g} seconds")

    def _answer(self, cycle: Any, headers: list[tuple[bytes, bytes]], content: bytes) -> bool:
        """Write a good answer whole, in one call of the system; give False where that cannot be done, and uvicorn is to send it."""
        if cycle.disconnected or cycle.response_started or self.flow.write_paused or self.transport.is_closing():
            return False
        cycle.response_started = cycle.response_complete = True
        shown = [*self.server_state.default_headers, *headers, *(() if cycle.keep_alive else ((b"connection", b"close"),))]
        head = b"".join([STATUS_LINE[200], *(b"%b: %b\r\n" % header for header in shown), b"\r\n"])
        self.transport.writelines([head, content])
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _check_headers(self, n_bytes: int) -> bool:
        most = self.desk.settings.limits.header
        if n_bytes > most:
            self._refuse(431, f"the headers are larger than {most:,} bytes, which are allowed")
        return n_bytes > most

    def _refuse(self, status: int, text: str) -> None:
        """Answer without asking the application, and hang up."""
        self._refused = True
        content = _refusals.content(text)
        again = b"retry-after: 1\r\n" if status == 503 else b""
        if self._is_idle or not self.cycle.response_started:
            form = b"content-type: application/json\r\ncontent-length: %d\r\n" % len(content)
            self.transport.write(b"".join((STATUS_LINE[status], form, again, b"connection: close\r\n\r\n", content)))
        self.transport.close()
        if not self._is_idle:  # who reads the body learns that there will be no more
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.desk.meters.request(_meters.OTHER, status, 0.0)
        if self.desk.settings.log_requests:
            self.desk.log.event("refused", status=status, reason=text, client=self.client[0] if self.client else "")


class Server(uvicorn.Server):
    """uvicorn's server, which here is told by others when to end."""

    def __init__(self, config: uvicorn.Config, desk: Desk, grace: float) -> None:
        super().__init__(config)
        self._desk, self._grace = desk, grace

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the one who runs this."""
        yield

    def end(self, hurry: bool) -> None:
        """Begin to end; asked a second time in a hurry, leave what is not answered yet."""
        self.force_exit = self.should_exit and hurry
        self.should_exit = True

    def sweep(self) -> None:
        """End what takes too long."""
        now = asyncio.get_running_loop().time()
        for connection in list(self.server_state.connections):
            if isinstance(connection, Guarded):
                connection.sweep(now)

    async def shutdown(self, sockets: Any = None) -> None:
        """End when what has been taken on is answered."""
        self._desk.is_closing = True
        self._desk.log.event("ending", connections=len(self.server_state.connections))
        # Whoever keeps a connection open may be sending on it now: these requests are answered, and told that they were the last.
        await asyncio.sleep(self._grace)
        await super().shutdown(sockets)


def server_of(app: Any, desk: Desk, grace: float) -> Server:
    """Give a server of an application."""
    limits = desk.settings.limits
    config = uvicorn.Config(
        app,
        http=type("Connection", (Guarded,), {"desk": desk}),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nobody in front is believed
        server_header=False,
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=int(limits.request_seconds + limits.receive_seconds),
    )
    return Server(config, desk, grace)
