"""Bundles that change and servers that end lose no request."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import shutil
import signal
import threading
import time

import numpy as np
import pytest

import narrows
from narrows import _bundle_file


class Load:
    """Clients that ask without pause, each on one connection as long as the server keeps it, until they are told to stop."""

    def __init__(self, server, path, rows, n=4):
        self._server, self._path, self._body = server, path, json.dumps(rows.tolist())
        self._stop = threading.Event()
        self.answers, self.problems = [], []
        self._threads = [threading.Thread(target=self._ask) for _ in range(n)]
        for thread in self._threads:
            thread.start()

    def _ask(self):
        connection = self._server.connect()
        try:
            while not self._stop.is_set():
                connection.request("POST", self._path, self._body)
                answer = connection.getresponse()
                self.answers.append((answer.status, json.loads(answer.read())))
                if answer.getheader("connection") == "close":
                    return  # the server ends: a client would go elsewhere now
        except (OSError, http.client.HTTPException, ValueError) as problem:
            self.problems.append(problem)
        finally:
            connection.close()

    def until(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.problems
            time.sleep(0.02)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self.problems
        assert {status for status, _ in self.answers} == {200}


@pytest.fixture
def moved(odd, tmp_path):
    """A bundle whose codes are others, beside the same model's own."""
    own, other = tmp_path / "own.narrows", tmp_path / "other.narrows"
    shutil.copy(odd.path, own)
    model = narrows.load(own).autoencoder_
    codes = model.transform(odd.rows[:1])
    network = model._network
    name = next(
        name for name in reversed(list(network.weights)) if name.endswith("/bias") and network.weights[name].shape == codes.shape[1:]
    )
    network.weights = {name: network.weights[name] + 1}
    narrows.save(model, other)
    assert not np.allclose(narrows.load(other).transform(odd.rows[:1]), codes)
    return own, other


def put(source, path):
    """Put a file in another's place, at once."""
    part = path.with_suffix(".part")
    shutil.copy(source, part)
    os.replace(part, path)


def test_a_changed_bundle_takes_over_without_a_lost_request(start, odd, moved, tmp_path):
    own, other = moved
    path = tmp_path / "model.narrows"
    put(own, path)
    server = start(path)
    load = Load(server, "/encode", odd.rows[:1])
    load.until(lambda: len(load.answers) > 20)
    before = load.answers[-1][1]["codes"]
    put(other, path)
    server.logged("reloaded", model="model")
    n = len(load.answers)
    load.until(lambda: len(load.answers) > n + 20)
    after = load.answers[-1][1]["codes"]
    load.stop()

    assert not np.allclose(before, after)
    assert {json.dumps(answer["codes"]) for _, answer in load.answers} <= {json.dumps(before), json.dumps(after)}
    assert server.metric('narrows_reloads_total{model="model"}') == 1


def test_a_bad_bundle_leaves_the_old_one_serving(start, odd, tmp_path):
    path = tmp_path / "model.narrows"
    put(odd.path, path)
    server = start(path)
    load = Load(server, "/encode", odd.rows[:1], n=2)
    whole = path.read_bytes()
    (tmp_path / "bad").write_bytes(whole[:-7])
    put(tmp_path / "bad", path)
    failed = server.logged("reload_failed")
    n = len(load.answers)
    load.until(lambda: len(load.answers) > n + 20)
    put(odd.path, path)
    server.logged("reloaded")
    load.stop()

    assert "its arrays do not end where the file does" in failed["error"]
    assert server.metric('narrows_reloads_failed_total{model="model"}') == 1
    assert _bundle_file.read(path)


def test_sighup_reloads_and_a_missing_file_is_no_end(start, odd, tmp_path):
    path = tmp_path / "model.narrows"
    put(odd.path, path)
    server = start(path)
    server.process.send_signal(signal.SIGHUP)
    server.logged("reloaded")
    path.unlink()
    server.process.send_signal(signal.SIGHUP)

    assert server.logged("reload_failed")["error"].endswith("No such file or directory")
    assert server.ask("POST", "/encode", odd.rows[:1].tolist()).status == 200
    assert server.stop() == 0


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGTERM, 2)])
def test_it_ends_when_what_it_has_taken_on_is_answered(start, odd, number, workers):
    server = start(odd.path, "--workers", str(workers))
    load = Load(server, "/encode", odd.rows[:3])
    load.until(lambda: len(load.answers) > 50)
    slow = server.connect()
    rows = np.tile(odd.rows, (400, 1))
    stream = io.BytesIO()
    np.save(stream, rows)
    slow.request("POST", "/reconstruct", stream.getvalue(), {"content-type": "application/x-npy"})
    half = server.connect()
    body = json.dumps(odd.rows[:1].tolist()).encode()
    half.putrequest("POST", "/encode")
    half.putheader("content-length", str(len(body)))
    half.endheaders()
    half.send(body[:-5])
    time.sleep(0.2)
    server.process.send_signal(number)
    server.logged("ending")
    half.send(body[-5:])

    with contextlib.closing(half), contextlib.closing(slow):
        assert half.getresponse().status == 200
        assert np.load(io.BytesIO(slow.getresponse().read())).shape == rows.shape
    assert server.stop(number) == 0
    load.stop()
    assert not [line for line in server.log if line["event"] in ("error", "warning", "text")]


def test_several_processes_share_an_address_and_their_figures(start, odd):
    server = start(odd.path, "--workers", "2")
    for _ in range(40):
        assert server.ask("POST", "/score", odd.rows[:2].tolist()).status == 200
    server.logged("started", n=2)
    processes = {line["process"] for line in server.log if line["event"] == "started"}

    assert len(processes) == 2
    assert server.process.pid not in processes
    assert {server.metric('narrows_rows_total{model="odd"}') for _ in range(8)} == {80}
    server.process.send_signal(signal.SIGHUP)
    server.logged("reloaded", n=2)
    assert server.stop() == 0


def test_a_process_that_dies_is_replaced(start, odd):
    server = start(odd.path, "--workers", "2")
    os.kill(server.logged("started")["process"], signal.SIGKILL)
    assert server.logged("worker_died")["code"] == -signal.SIGKILL
    server.logged("started", n=3)

    for _ in range(10):
        assert server.ask("GET", "/v2/health/ready").status == 200


def test_processes_end_with_the_one_that_keeps_them(start, odd):
    server = start(odd.path, "--workers", "2")
    server.logged("started", n=2)
    server.stop(signal.SIGKILL)

    assert server.logged("ended", n=2)


def test_who_comes_when_too_many_wait_is_told_to_come_again(start, odd):
    """Where but one row may wait, two that come at one time are one too many."""
    server = start(odd.path, "--queue-rows", "1")
    body, refused, answered = json.dumps(odd.rows[:1].tolist()), [], []

    def ask():
        with contextlib.closing(server.connect()) as connection:
            for _ in range(500):
                connection.request("POST", "/encode", body)
                answer = connection.getresponse()
                said = answer.read()
                (answered if answer.status == 200 else refused).append((answer.status, answer.getheader("retry-after"), said))
                if refused:
                    return

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {(status, again) for status, again, _ in refused} == {(429, "1")}
    assert b"1 rows are waiting already: try again in a moment" in refused[0][2]
    assert answered
    assert server.ask("POST", "/encode", odd.rows[:1].tolist()).status == 200
