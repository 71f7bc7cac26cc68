"""What all requests share: models, limits, the memory for bodies, and the threads that compute."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from narrows._text import sentence
from narrows.serve._batching import Batcher
from narrows.serve._bodies import Wanted
from narrows.serve._log import Log
from narrows.serve._meters import Meters
from narrows.serve._model import Model
from narrows.serve._refusals import Gone, Refusal, bad, busy
from narrows.serve._settings import DECODER, Settings
from narrows.serve._tokens import Tokens

LARGE = 1 << 16  # bytes of a body that is read in a thread, so that the others are not kept waiting


@dataclass(frozen=True, eq=False)
class Served:
    """A model with its queue; a reloaded one is another."""

    model: Model
    batcher: Batcher


class Desk:
    """What all requests share; lives in one event loop.

    Parameters
    ----------
    settings : Settings
    log : Log
    lanes : int, default=1
        Threads that compute, each a batch of its own.

    Attributes
    ----------
    meters : Meters
        Put there when the routes are known.
    models : dict of str to Served
        By name, as they were given; empty until all are loaded.
    tokens : Tokens
    is_closing : bool
        Whether no more requests should come.
    """

    meters: Meters

    def __init__(self, settings: Settings, log: Log, lanes: int = 1) -> None:
        self.settings, self.log, self._lanes = settings, log, lanes
        self.models: dict[str, Served] = {}
        self.tokens = Tokens(settings.tokens)
        self.is_closing = False
        self._held = 0
        self._computing = ThreadPoolExecutor(lanes, "compute")
        self._reading = ThreadPoolExecutor(1, "read")
        self.loop = asyncio.get_running_loop()

    @property
    def is_ready(self) -> bool:
        """Whether requests are answered."""
        return len(self.models) == len(self.settings.bundles) and not self.is_closing

    def put(self, model: Model) -> None:
        """Serve a model, in the place of another of the same name if there is one, which answers what it has taken on."""
        limits, settings = self.settings.limits, self.settings
        batcher = Batcher(
            model.compute,
            self._computing,
            self.meters,
            lanes=self._lanes,
            window=settings.window_seconds,
            most_rows=min(settings.batch_rows, model.about.rows_at_once),
            queue_rows=limits.queue_rows,
            seconds=limits.request_seconds,
        )
        self.meters.put("training_error", model.about.training_error or 0.0, model.name)
        self.models = {name: self.models[name] if name != model.name else Served(model, batcher)
                       for name in self.settings.bundles if name in self.models or name == model.name}  # fmt: skip

    def model(self, name: str | None) -> Served:
        """Give a model by name; the only one where no name is given.

        Raises
        ------
        Refusal
            If there is none of that name.
        """
        if name is None:
            if len(self.models) == 1:
                return next(iter(self.models.values()))
            raise Refusal(404, f"several models are served here: use /models/NAME/…, with one of {', '.join(self.models)}")
        served = self.models.get(name)
        if served is None:
            raise Refusal(404, f"there is no model {sentence(name, 80)!r} here: {', '.join(self.models)} are served")
        return served

    def by_protocol(self, name: str) -> tuple[Served, str, dict[str, int]]:
        """Give a model by the name that the Open Inference Protocol has for it, what goes into it, and what comes out.

        Raises
        ------
        Refusal
            If there is none of that name.
        """
        served = self.models.get(name)
        if served is not None:
            return served, "rows", served.model.outputs
        served = self.model(name.removesuffix(DECODER))
        return served, "codes", {"reconstruction": served.model.about.n_features}

    def wanted(self, model: Model, what: str) -> Wanted:
        """Give what a body for a model is to hold."""
        return Wanted(what, model.width(what), model.about.feature_names if what == "rows" else None, self.settings.limits)

    async def read(self, work: Any, body: bytes, *arguments: Any) -> Any:
        """Call what reads a body, in a thread where that may take long."""
        if len(body) < LARGE:
            return work(*arguments)
        return await self.loop.run_in_executor(self._reading, work, *arguments)

    @contextmanager
    def holding(self) -> Iterator[Hold]:
        """Count the bytes of a request's body for as long as they are held."""
        hold = Hold(self)
        try:
            yield hold
        finally:
            self._held -= hold.n_bytes

    def take(self, hold: Hold, n_bytes: int) -> None:
        """Let a request hold more bytes.

        Raises
        ------
        Refusal
            If it has too many (413), or all together do (429).
        """
        limits = self.settings.limits
        if hold.n_bytes + n_bytes > limits.body:
            raise Refusal(413, f"the body is larger than {limits.body:,} bytes, which are allowed: send it in parts", connection="close")
        if self._held + n_bytes > limits.body * limits.bodies:
            raise busy("the memory for bodies is full: try again in a moment")
        hold.n_bytes += n_bytes
        self._held += n_bytes

    def give_up_old(self) -> None:
        """Answer those who have waited for too long."""
        for served in self.models.values():
            served.batcher.give_up_old()

    def close(self) -> None:
        """End the threads."""
        self._computing.shutdown(cancel_futures=True)
        self._reading.shutdown(cancel_futures=True)


class Hold:
    """The bytes of one request's body."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self.n_bytes = desk, 0

    async def body(self, headers: dict[bytes, bytes], receive: Callable[[], Awaitable[Any]]) -> bytes:
        """Receive the body of a request with these headers.

        Raises
        ------
        Refusal
            If it is too large, packed, or there is no memory for it now.
        Gone
            If the client has hung up.
        """
        if headers.get(b"content-encoding", b"identity") not in (b"identity", b""):
            raise Refusal(415, "packed bodies are not read here: send it without Content-Encoding", accept_encoding="identity")
        said = headers.get(b"content-length")
        if said is not None:
            if not said.isdigit():
                raise bad("Content-Length must be a number")
            self._desk.take(self, int(said))
        parts = list[bytes]()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise Gone
            part = message.get("body", b"")
            if said is None:
                self._desk.take(self, len(part))
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)
