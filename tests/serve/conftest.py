"""Bundles to serve, servers in processes of their own, and what speaks to them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import narrows
from narrows import Autoencoder, AutoencoderOutlierDetector, Conv, SupervisedAutoencoder, SupervisedAutoencoderRegressor


@dataclass(frozen=True)
class Kept:
    """A fitted model, its bundle, and rows like those that it was fitted on; as the model takes them, where that is a table."""

    path: Path
    model: Any
    rows: np.ndarray

    @property
    def given(self) -> Any:
        names = getattr(self.model, "feature_names_in_", None)
        return self.rows if names is None else pd.DataFrame(self.rows, columns=names)


def keep(folder: Path, name: str, model: Any, rows: np.ndarray) -> Kept:
    narrows.save(model, folder / f"{name}.narrows")
    return Kept(folder / f"{name}.narrows", model, rows)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture(scope="session")
def digits(folder: Path) -> Kept:
    """Images with classes."""
    found = narrows.data.load("digits")
    images = found.X.reshape(-1, 8, 8)[:300]
    layers = Conv(4, image_shape=(8, 8, 1))
    model = SupervisedAutoencoder(layers=layers, head=(16,), epochs=1, random_state=0).fit(images, found.labels[:300])
    return keep(folder, "digits", model, found.X[:300].astype(np.float32))


@pytest.fixture(scope="session")
def flowers(folder: Path) -> Kept:
    """A table with names, far from zero, and numbers to predict."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(1000, 3, (80, 4)), columns=["width", "length", "height", "age, days"])
    model = SupervisedAutoencoderRegressor(n_components=3, layers=(8,), epochs=2, random_state=0).fit(table, table.sum(axis=1))
    return keep(folder, "flowers", model, table.to_numpy())


@pytest.fixture(scope="session")
def odd(folder: Path) -> Kept:
    """A detector of outliers."""
    rows = np.random.default_rng(0).normal(size=(80, 5))
    model = AutoencoderOutlierDetector(autoencoder=Autoencoder(layers=(8,), epochs=2), random_state=0).fit(rows)
    return keep(folder, "odd", model, rows)


@dataclass
class Said:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The sentence of a refusal, which is all that it tells."""
        assert list(self.json) == ["error"], self.json
        assert "\n" not in self.json["error"]
        return str(self.json["error"])


class Running:
    """A server in a process of its own."""

    def __init__(self, arguments: list[str], cwd: Path) -> None:
        command = [sys.executable, "-m", "narrows", "serve", "--port", "0", "--json", "--quiet", *arguments]
        self.process = subprocess.Popen(
            command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=os.environ.copy()
        )
        self._lines: list[dict[str, Any]] = []
        self._came = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        text = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            text += line
            if line == "}\n":
                break
        if not text:
            self.process.wait(60)
            self._reader.join(10)
            raise AssertionError(f"the server did not start: {self._lines}")
        self.address = json.loads(text)["address"]
        self.port = int(self.address.rpartition(":")[2])

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._came:
                self._lines.append(json.loads(line) if line.startswith("{") else {"event": "text", "text": line})
                self._came.notify_all()

    def logged(self, event: str, n: int = 1, seconds: float = 30, **facts: Any) -> dict[str, Any]:
        """Wait until something was logged n times; give the last."""
        facts["event"] = event
        with self._came:
            found: list[dict[str, Any]] = []

            def there() -> bool:
                found[:] = [line for line in self._lines if facts.items() <= line.items()]
                return len(found) >= n

            assert self._came.wait_for(there, seconds), self._lines
            return found[-1]

    @property
    def log(self) -> list[dict[str, Any]]:
        with self._came:
            return list(self._lines)

    def connect(self, timeout: float = 30) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Said:
        """Send a request on a connection of its own."""
        connection = self.connect()
        try:
            if isinstance(body, dict | list):
                body = json.dumps(body)
                headers.setdefault("content_type", "application/json")
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Said(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """Give a figure of /metrics by its name, with labels; 0 where it is not there."""
        for line in self.ask("GET", "/metrics").body.decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; give the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(10)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code


Start = Callable[..., Running]


@pytest.fixture(scope="session")
def server(digits: Kept, flowers: Kept, odd: Kept, folder: Path) -> Iterator[Running]:
    """Serve all three, for tests that leave it as it is."""
    running = Running([str(one.path) for one in (digits, flowers, odd)], folder)
    yield running
    running.stop()
    assert not [line for line in running.log if line["event"] in ("error", "text")]


def starting(folder: Path) -> Iterator[Start]:
    started: list[Running] = []

    def run(*arguments: str | os.PathLike[str]) -> Running:
        started.append(Running([os.fspath(argument) for argument in arguments], folder))
        return started[-1]

    yield run
    for running in started:
        if running.process.poll() is None:
            running.stop(signal.SIGKILL)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Give what starts servers for one test."""
    yield from starting(tmp_path)


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Give what starts servers for the tests of a module."""
    yield from starting(tmp_path_factory.mktemp("server"))
