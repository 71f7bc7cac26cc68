"""One process that serves: it begins, watches, and ends without leaving a request that it has taken on."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

from narrows.serve._log import Log
from narrows.serve._settings import Settings

GRACE = 0.3  # seconds in which those who are about to send a request on an open connection still can
SWEEP = 0.25  # seconds between looks for who takes too long
Told = Callable[[], None]


def run(settings: Settings, listening: socket.socket, told: Told, shared: int = -1, process: int = 0, parent: int | None = None) -> None:
    """Serve until told to end.

    Parameters
    ----------
    settings : Settings
    listening : socket
        Bound and listening.
    told : callable
        Called when requests are answered.
    shared : int, default=-1
        The file of figures that all processes share.
    process : int, default=0
        Which of them this is.
    parent : int, default=None
        What can be read from as long as the parent lives.

    Raises
    ------
    ValueError
        If a bundle cannot be served.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, listening, told, shared, process, parent))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # it is not made for Windows
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(settings: Settings, listening: socket.socket, told: Told, shared: int, process: int, parent: int | None) -> None:
    # The bundles are prepared while this process loads what it needs.
    from narrows.serve._kitchen import Preparation
    from narrows.serve._reloading import signature_of

    before = {name: signature_of(path) for name, path in settings.bundles.items()}
    first = [Preparation(path) for path in settings.bundles.values()]
    try:
        import onnxruntime
        import pyarrow.csv
        import pyarrow.ipc

        from narrows.serve._app import app_of, routes_of
        from narrows.serve._desk import Desk
        from narrows.serve._meters import Meters
        from narrows.serve._protocol import server_of
        from narrows.serve._reloading import Reloading

        del onnxruntime, pyarrow
        log = Log(sys.stderr)
        desk = Desk(settings, log, _cores(settings.workers))
        door = app_of(desk)
        desk.meters = Meters(routes_of(door), settings.bundles, shared, process, settings.workers)
        reloading = Reloading(desk, before)
        for name, preparation in zip(settings.bundles, first, strict=True):
            await reloading.load(name, preparation)
    except BaseException:
        for preparation in first:
            preparation.stop()
        raise
    _pass_on_logs(log)
    # What is there now stays: to look through it again and again for what may go would make requests wait.
    gc.collect()
    gc.freeze()
    server = server_of(door, desk, GRACE)
    loop = asyncio.get_running_loop()
    with _signals(loop, server.end, reloading.ask), _watching(loop, parent, server.end):
        watchers = [asyncio.create_task(reloading.watch()), asyncio.create_task(_sweep(server, desk))]
        desk.loop.call_soon(told)
        log.event("started", process=os.getpid(), models=list(settings.bundles), address=list(listening.getsockname()[:2]))
        try:
            await server.serve([listening])
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            desk.close()
            log.event("ended", process=os.getpid())
            log.close()


async def _sweep(server: Any, desk: Any) -> None:
    while True:
        await asyncio.sleep(SWEEP)
        server.sweep()
        desk.give_up_old()


def _cores(workers: int) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // workers)


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, end: Callable[[bool], None], reload: Callable[[], None]) -> Iterator[None]:
    # What `signal` knows of the handlers stays as it was: asyncio's own are put behind them, and taken away again.
    handlers: dict[str, Callable[[], None]] = {"SIGTERM": lambda: end(False), "SIGINT": lambda: end(True), "SIGHUP": reload}
    added = []
    for name, handler in handlers.items():
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            if number is not None:
                loop.add_signal_handler(number, handler)
                added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _watching(loop: asyncio.AbstractEventLoop, parent: int | None, end: Callable[[bool], None]) -> Iterator[None]:
    """End when the parent has: nobody would end this process then."""
    if parent is None:
        yield
        return

    def look() -> None:
        if not os.read(parent, 1024):
            loop.remove_reader(parent)
            end(False)

    loop.add_reader(parent, look)
    try:
        yield
    finally:
        loop.remove_reader(parent)


class _Handler(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.event("warning", source=record.name, message=record.getMessage())


def _pass_on_logs(log: Log) -> None:
    """Have what the libraries say in the same log."""
    for name in ("uvicorn", "asyncio", "concurrent"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_Handler(log)], False
        logger.setLevel(logging.WARNING)
