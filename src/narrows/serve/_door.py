"""Who may come in, and what is noted of each request."""

from __future__ import annotations

import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from narrows.serve import _refusals, _routes
from narrows.serve._desk import Desk
from narrows.serve._protocol_routes import HEALTH, INFER, INFERENCE, inference
from narrows.serve._refusals import Gone, Refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Answering = Awaitable[tuple[bytes, dict[str, str]]]

OPEN = frozenset({*HEALTH, "/", "/page.js", "/page.css"})  # without a token; "/" lists no models then
ANSWER = "narrows.answer"  # in a scope: what writes a good answer whole, if the connection can
LOCAL = (b"localhost", b"127.0.0.1", b"[::1]")
_WRONG = "something went wrong here, and was noted: tell whoever runs this server"
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]


class Door:
    """The outermost layer of the application.

    Parameters
    ----------
    app : ASGI application
    desk : Desk

    Notes
    -----
    Requests for rows are the many. They go past the application's layers, which would take more time than all else.
    """

    def __init__(self, app: App, desk: Desk) -> None:
        self.inner, self._desk, self._infer = app, desk, inference(desk)
        self._hosts = None if desk.tokens or desk.settings.insecure else {*LOCAL, desk.settings.host.encode()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it; note what became of it."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        started, status, label = time.perf_counter(), 0, ""

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            if (refusal := self._refused(scope)) is not None:
                await answer(noted, refusal)
            elif (lane := self._lane(scope, receive)) is not None:
                label, answering = lane
                try:
                    content, headers = await answering
                except Refusal as problem:
                    await answer(noted, problem)
                else:
                    status = await _send(scope, noted, content, headers)
            else:
                await self.inner(scope, receive, noted)
        except Gone:
            status = status or 408
        except Exception as problem:
            self._desk.log.event(
                "error", path=scope["path"], error=type(problem).__name__, trace="".join(traceback.format_exception(problem))
            )
            if not status:
                await answer(noted, Refusal(500, _WRONG))
        seconds = time.perf_counter() - started
        self._desk.meters.request(label or getattr(scope.get("route"), "path", ""), status, seconds)
        if self._desk.settings.log_requests:
            client = scope.get("client")
            self._desk.log.request(scope["method"], scope["path"], status, seconds, client[0] if client else "")

    def _lane(self, scope: Scope, receive: Receive) -> tuple[str, Answering] | None:
        """Give what answers a request for rows, and what figures are kept by; None where it is another."""
        if scope["method"] != "POST":
            return None
        if (found := INFERENCE.fullmatch(scope["path"])) is not None:
            return INFER, self._infer(found["name"], found["version"], dict(scope["headers"]), receive)
        if (found := _routes.PATH.fullmatch(scope["path"])) is not None:
            label = f"/models/{{name}}/{found['word']}" if found["name"] else f"/{found['word']}"
            return label, _routes.answered(self._desk, found["word"], found["name"], dict(scope["headers"]), receive)
        return None

    def _refused(self, scope: Scope) -> Refusal | None:
        host = origin = authorization = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.lower()
            elif name == b"origin":
                origin = value.lower()
            elif name == b"authorization":
                authorization = value
        # A page that has given its own name this machine's address could else read what is here.
        if self._hosts is not None and _without_port(host) not in self._hosts:
            return Refusal(421, "this server answers to localhost: call it by that name, or start it with tokens")
        if origin and origin.partition(b"://")[2] != host:
            return Refusal(403, "pages of other sites may not use this server")
        if scope["path"] not in OPEN and not self._desk.tokens.let_in(authorization):
            return Refusal(401, "send a token that this server knows, as in 'Authorization: Bearer TOKEN'", www_authenticate="Bearer")
        return None


def _without_port(host: bytes) -> bytes:
    end = host.rfind(b":")
    return host[:end] if end > host.rfind(b"]") else host


async def answer(send: Send, refusal: Refusal) -> None:
    """Send a refusal."""
    await send_all(send, refusal.status, _refusals.content(refusal.text), {"content-type": "application/json", **refusal.headers})


async def _send(scope: Scope, send: Send, content: bytes, headers: dict[str, str]) -> int:
    """Send a good answer, whole if the connection can; give its status."""
    at_once = scope.get(ANSWER)
    if at_once is None or not at_once([*_shown(content, headers), *_HEADERS], content):
        await send_all(send, 200, content, headers)
    return 200


def _shown(content: bytes, headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(b"content-length", str(len(content)).encode()), *((name.encode(), value.encode()) for name, value in headers.items())]


async def send_all(send: Send, status: int, content: bytes, headers: dict[str, str]) -> None:
    """Send an answer."""
    await send({"type": "http.response.start", "status": status, "headers": _shown(content, headers)})
    await send({"type": "http.response.body", "body": content})
