"""A server under full load while it is abused: reloads, clients that hang up, slow lorises, and requests that are none."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _load import HOST, Ask, Loaded, load

RELOAD_SECONDS, MALFORMED, LORISES = 5.0, 1000, 24
GROWTH = 0.05  # of memory, after the first minute or a third of the run, whichever is less


@dataclass
class Abused:
    """What came of it."""

    loaded: Loaded | None = None
    reloads: int = 0
    hung_up: int = 0
    malformed: int = 0
    strange: list[str] = field(default_factory=list)  # answers to malformed requests that are no refusals
    lorises: int = 0
    memory: list[tuple[float, int]] = field(default_factory=list)

    def growth(self, settled: float) -> float:
        """Give by which share memory has grown since it had settled: the mean of the last tenth over that of the tenth after.

        While a bundle is reloaded there are two models: a part holds two reloads, so that both have as many, where the run is long enough.
        """
        after = [size for second, size in self.memory if second >= settled]
        part = max(1, min(len(after) // 2, max(round(2 * RELOAD_SECONDS), len(after) // 10)))
        return sum(after[-part:]) / sum(after[:part]) - 1


def abuse(port: int, ask: Ask, bundles: tuple[Path, Path], served: Path, minutes: float) -> Abused:
    """Abuse a server that serves `served` for so long, with good requests beside."""
    found, end, started = Abused(), threading.Event(), time.monotonic()
    work = (_reload, _hang_up, _malform, _dawdle, _weigh)
    seconds = 60 * minutes
    context = {"port": port, "ask": ask, "bundles": bundles, "served": served, "seconds": seconds, "started": started}
    threads = [threading.Thread(target=one, args=(found, end, context), daemon=True) for one in work]
    for thread in threads:
        thread.start()
    found.loaded = load(ask, port, 32, seconds, own=True)
    end.set()
    for thread in threads:
        thread.join(30)
    return found


def _reload(found: Abused, end: threading.Event, context: dict[str, Any]) -> None:
    while not end.wait(RELOAD_SECONDS):
        part = context["served"].with_suffix(".part")
        shutil.copy(context["bundles"][found.reloads % 2], part)
        os.replace(part, context["served"])
        found.reloads += 1


def _hang_up(found: Abused, end: threading.Event, context: dict[str, Any]) -> None:
    content, chance = context["ask"].bytes(context["port"]), random.Random(0)
    while not end.wait(0.02):
        with socket.create_connection((HOST, context["port"]), timeout=10) as connection:
            connection.sendall(content[: chance.randrange(1, len(content) + 1)])
            if chance.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # so that it is reset
        found.hung_up += 1


def _malform(found: Abused, end: threading.Event, context: dict[str, Any]) -> None:
    """Send a thousand requests with bytes changed, left out or put in; each is refused, or still good, or cut off."""
    content, chance = context["ask"].bytes(context["port"]), random.Random(1)
    pause = 0.8 * context["seconds"] / MALFORMED
    for _ in range(MALFORMED):
        if end.wait(pause):
            return
        changed = bytearray(content)
        for _ in range(chance.randrange(1, 8)):
            # Most of them in the head and in the JSON, where there is more to break.
            place = chance.randrange(len(changed) if chance.random() < 0.2 else min(len(changed), 500))
            changed[place : place + chance.choice((0, 1, 1, 1, 40))] = chance.randbytes(chance.choice((0, 1, 1, 1, 40)))
        status = _status(bytes(changed), context["port"])
        found.malformed += 1
        if status is not None and not (status == 200 or 400 <= status < 500):
            found.strange.append(f"{status} to {bytes(changed[:200])!r}")


def _status(content: bytes, port: int) -> int | None:
    try:
        with socket.create_connection((HOST, port), timeout=30) as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            head = connection.recv(4096)
    except OSError:
        return None
    said = re.match(rb"HTTP/1.1 (\d+)", head)
    return int(said[1]) if said else None


def _dawdle(found: Abused, end: threading.Event, context: dict[str, Any]) -> None:
    """Keep connections that send a byte a second, and open others where the server closes them."""
    content = context["ask"].bytes(context["port"])
    open_: list[tuple[socket.socket, int]] = []
    while not end.wait(1):
        while len(open_) < LORISES:
            open_.append((socket.create_connection((HOST, context["port"]), timeout=10), 0))
            found.lorises += 1
        still = []
        for connection, sent in open_:
            try:
                connection.sendall(content[sent : sent + 1])
                still.append((connection, sent + 1))
            except OSError:
                connection.close()
        open_ = still
    for connection, _ in open_:
        connection.close()


def _weigh(found: Abused, end: threading.Event, context: dict[str, Any]) -> None:
    while not end.wait(1):
        try:
            text = _metrics(context["port"])
        except OSError:
            continue
        if said := re.search(r"^process_resident_memory_bytes (\d+)$", text, re.MULTILINE):
            found.memory.append((time.monotonic() - context["started"], int(said[1])))


def _metrics(port: int) -> str:
    with socket.create_connection((HOST, port), timeout=30) as connection:
        connection.sendall(f"GET /metrics HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
        content = b""
        while part := connection.recv(1 << 16):
            content += part
    return content.decode()


def start(bundle: Path, log: Path, *flags: str) -> tuple[subprocess.Popen[str], int, float]:
    """Start a server; give its process, its port, and the seconds until it answered."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "narrows", "serve", str(bundle), "--port", "0", "--json", "--quiet", *flags]
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            break
    if not text:
        raise RuntimeError(log.read_text())
    return process, int(json.loads(text)["address"].rpartition(":")[2]), time.perf_counter() - started
