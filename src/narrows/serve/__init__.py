"""A server of fitted models: rows in; codes, reconstructions, predictions and errors out. It needs neither Keras nor JAX.

A bundle is made graphs of ONNX in a process of its own (`_preparing`, `_kitchen`). A process that serves (`_server`) has a door that lets
requests in (`_door`, `_protocol`), routes that read and answer them (`_routes`, `_protocol_routes`), and what they share (`_desk`): models
(`_model`) behind queues (`_batching`), figures (`_meters`) and a log (`_log`). Several such processes share an address (`_workers`).
"""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable

from narrows.errors import MissingExtra
from narrows.serve._settings import Limits, Settings, named, read_tokens

__all__ = ["Limits", "Settings", "named", "read_tokens", "run"]

_NEEDED = ("fastapi", "uvicorn", "httptools", "orjson", "onnxruntime", "onnx")
BACKLOG = 2048


def run(settings: Settings, told: Callable[[str], None] | None = None) -> None:
    """Serve bundles until SIGTERM or SIGINT; requests that were taken on are answered first.

    SIGHUP loads the bundles again, and so does a file that changes. What happens is written to standard error, one JSON object a line.

    Parameters
    ----------
    settings : Settings
    told : callable, default=None
        Given the address, once requests are answered there.

    Raises
    ------
    ValueError
        If a bundle cannot be served.
    OSError
        If the address cannot be had.
    MissingExtra
        If ``narrows[serve]`` is not installed.
    """
    for package in _NEEDED:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra("narrows serve", package, "serve")
    listening = _listening(settings)
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def ready() -> None:
        if told is not None:
            told(address)

    with listening:
        if settings.workers > 1:
            from narrows.serve._workers import Workers

            Workers(settings, listening).run(ready)
        else:
            from narrows.serve._server import run as serve

            serve(settings, listening, ready)


def _listening(settings: Settings) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host.strip("[]"), settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise ValueError(f"host {settings.host!r} is no address of this machine: say an address, such as 127.0.0.1") from None
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as problem:
        made.close()
        reason = problem.strerror or str(problem)
        raise OSError(f"{settings.host}:{settings.port} cannot be listened at ({reason}): say another --host or --port") from None
    return made
