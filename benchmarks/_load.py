"""Load on a server: requests on many connections, by wrk where it is there, else by sockets of our own; every answer is counted."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ask:
    """One request, to be sent again and again."""

    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def bytes(self, port: int) -> bytes:
        """Give it as it is sent."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {HOST}:{port}", *(f"{name}: {value}" for name, value in self.headers)]
        lines += [f"Content-Length: {len(self.body)}"] if self.body else []
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True)
class Loaded:
    """What came of a load: answers a second, the slow end of their times in seconds, and those that were none or no 200."""

    by: str
    seconds: float
    answers: int
    p99: float
    failed: int

    @property
    def a_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def load(ask: Ask, port: int, connections: int, seconds: float, *, own: bool = False) -> Loaded:
    """Ask on so many connections for so long, each again as soon as it is answered."""
    return _by_wrk(ask, port, connections, seconds) if shutil.which("wrk") and not own else _by_sockets(ask, port, connections, seconds)


def _by_wrk(ask: Ask, port: int, connections: int, seconds: float) -> Loaded:
    with tempfile.TemporaryDirectory() as folder:
        body, script = Path(folder) / "body", Path(folder) / "ask.lua"
        body.write_bytes(ask.body)
        lines = [f"wrk.method = {json.dumps(ask.method)}", f'wrk.body = io.open({json.dumps(str(body))}, "rb"):read("*a")']
        lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in ask.headers]
        script.write_text("\n".join(lines))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(script), f"http://{HOST}:{port}{ask.path}"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+) requests in ([\d.]+)s", said)
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    assert found, said
    assert slow, said
    wrong = sum(map(int, re.findall(r"(?:3xx responses:|connect|read|write|timeout) (\d+)", said.partition("requests in")[2])))
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0}[slow[2]]
    return Loaded("wrk", float(found[2]), int(found[1]), float(slow[1]) * unit, wrong)


def _by_sockets(ask: Ask, port: int, connections: int, seconds: float) -> Loaded:
    """Ask from a process of its own, so that this one may do other things."""
    said = {**asdict(ask), "body": ask.body.hex(), "port": port, "connections": connections, "seconds": seconds}
    done = subprocess.run([sys.executable, __file__], input=json.dumps(said), check=True, stdout=subprocess.PIPE, text=True)
    return Loaded(**json.loads(done.stdout))


class _Asking:
    def __init__(self, content: bytes, port: int, until: float) -> None:
        self._content, self._port, self._until = content, port, until
        self.times: list[float] = []
        self.failed = 0

    async def connection(self) -> None:
        """Ask on one connection, or on another where the server has closed it between two answers, as it may."""
        writer = None
        while time.perf_counter() < self._until:
            started = time.perf_counter()
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection(HOST, self._port)
                writer.write(self._content)
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"\ncontent-length: (\d+)", head.lower())
                await reader.readexactly(int(length[1]) if length else 0)
            except (OSError, asyncio.IncompleteReadError):
                self.failed += 1
                writer = None
                continue
            self.times.append(time.perf_counter() - started)
            self.failed += not head.startswith(b"HTTP/1.1 200 ")
            if b"connection: close" in head.lower():
                writer.close()
                writer = None
        if writer is not None:
            writer.close()


def _main() -> None:
    said = json.loads(sys.stdin.read())
    ask = Ask(said["method"], said["path"], bytes.fromhex(said["body"]), tuple(map(tuple, said["headers"])))
    started = time.perf_counter()
    asking = _Asking(ask.bytes(said["port"]), said["port"], started + said["seconds"])

    async def all_of_them() -> None:
        await asyncio.gather(*(asking.connection() for _ in range(said["connections"])))

    asyncio.run(all_of_them())
    times = sorted(asking.times) or [float("inf")]
    slow = times[min(len(times) - 1, int(0.99 * len(times)))]
    print(json.dumps(asdict(Loaded("asyncio", time.perf_counter() - started, len(asking.times), slow, asking.failed))))


if __name__ == "__main__":
    _main()
