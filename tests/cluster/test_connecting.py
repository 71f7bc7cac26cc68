"""Joining a cluster, and the ways in which that fails: one sentence each, within seconds."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from narrows.cluster import Cluster, _connecting, connected
from narrows.errors import MissingExtra


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give a port that is listened at by nobody who answers, and is not waited for as long as others."""
    monkeypatch.setattr(_connecting, "PATIENCE", 3.0)
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen(8)
        yield made.getsockname()[1]


@pytest.fixture
def free() -> int:
    """Give a port that nobody listens at."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process look as if it was not connected."""
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)


def told(address: str) -> str:
    began = time.monotonic()
    with pytest.raises(ConnectionError) as caught, connected(address):
        pass
    assert time.monotonic() - began < _connecting.PATIENCE + 5  # the machine may be busy
    return str(caught.value)


@pytest.mark.parametrize("scheme", ["", "ray://"])
@pytest.mark.usefixtures("apart")
def test_nobody_listens(free, scheme):
    address = f"{scheme}127.0.0.1:{free}"

    assert (
        told(address) == f"no cluster answers at {address} (Connection refused): check host and port, and that 'ray start --head' ran there"
    )


@pytest.mark.usefixtures("apart")
def test_a_host_that_is_none():
    assert told("no-such-host.invalid:6379").startswith("no cluster answers at no-such-host.invalid:6379 (")


@pytest.mark.usefixtures("apart")
def test_who_listens_is_no_cluster(deaf, capfd):
    said = told(f"127.0.0.1:{deaf}")

    assert said == (
        f"what listens at 127.0.0.1:{deaf} does not answer as the head of a Ray cluster, whose port is 6379 by custom; Ray's client server "
        "needs 'ray://' before its address"
    )
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("apart")
def test_who_listens_is_no_client_server(deaf, capfd):
    said = told(f"ray://127.0.0.1:{deaf}")

    assert said == f"what listens at ray://127.0.0.1:{deaf} does not answer as a Ray client server, whose port is 10001 by custom"
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("apart")
def test_the_head_is_no_client_server(nodes):
    assert "does not answer as a Ray client server" in told(f"ray://{nodes.address}")


@pytest.mark.usefixtures("apart")
def test_auto_is_the_address_of_the_environment(monkeypatch, free):
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free}")

    assert told("auto").startswith(f"no cluster answers at 127.0.0.1:{free} (")

    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    with pytest.raises(ValueError, match="RAY_ADDRESS: 'nonsense' is no address of a cluster"), connected("auto"):
        pass


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize(
    ("rays", "ours"),
    [
        (
            "Could not find any running Ray instance.",
            "no Ray cluster runs on this machine, and RAY_ADDRESS names none: start one ('ray start",
        ),
        ("Found multiple active Ray instances: {1, 2}.", "several Ray clusters run on this machine, and 'auto' cannot choose: name one"),
    ],
)
def test_auto_without_one_cluster(monkeypatch, rays, ours):
    def find(*_: object) -> str:
        raise ConnectionError(rays)

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("ray._private.services.canonicalize_bootstrap_address_or_die", find)

    assert told("auto").startswith(ours)


def answers(monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]) -> None:
    done = subprocess.CompletedProcess([], 0, json.dumps(answer).encode(), b"")
    monkeypatch.setattr(_connecting.subprocess, "run", lambda *_, **__: done)


@pytest.mark.usefixtures("apart")
def test_another_ray(monkeypatch, nodes):
    answers(monkeypatch, {"ray": "2.1.0", "python": "3.9.1", "nodes": []})

    said = told(nodes.address)

    import ray

    python = ".".join(map(str, sys.version_info[:3]))
    assert said == (
        f"the cluster at {nodes.address} runs Ray 2.1.0 on Python 3.9.1, and this process Ray {ray.__version__} on Python {python}: both "
        "must be the same on all machines"
    )


def test_what_a_head_says_of_itself(nodes):
    asked = subprocess.run(
        [sys.executable, "-c", _connecting._ASK, nodes.address, "host"], capture_output=True, timeout=60, check=True, text=True
    )

    import ray

    said = json.loads(asked.stdout.splitlines()[-1])
    assert (said["ray"], said["python"]) == (ray.__version__, ".".join(map(str, sys.version_info[:3])))
    assert len(said["nodes"]) == 2
    assert all(map(_connecting._is_here, said["nodes"]))


@pytest.mark.usefixtures("apart")
def test_a_machine_that_is_no_part_of_the_cluster(monkeypatch, nodes):
    import platform

    import ray

    answers(monkeypatch, {"ray": ray.__version__, "python": platform.python_version(), "nodes": ["198.51.100.7"]})
    host = nodes.address.rpartition(":")[0]

    assert told(nodes.address) == (
        f"this machine is not part of the cluster at {nodes.address}: join it ('ray start --address={nodes.address}'), or connect from "
        f"outside by ray://{host}:10001"
    )


@pytest.mark.usefixtures("apart")
def test_a_cluster_that_asks_for_a_token(monkeypatch, nodes):
    answers(monkeypatch, {"problem": "AuthenticationError"})

    assert told(nodes.address) == (
        f"the cluster at {nodes.address} lets nobody in without its token: set RAY_AUTH_MODE=token, with the token in RAY_AUTH_TOKEN or "
        "~/.ray/auth_token"
    )


@pytest.mark.parametrize(("missing", "address", "package"), [("ray", "auto", "ray"), ("grpc", "ray://127.0.0.1:10001", "grpcio")])
def test_without_the_extra(monkeypatch, missing, address, package):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == missing else found(name, *more))

    with pytest.raises(MissingExtra) as caught, connected(address):
        pass

    assert str(caught.value) == f"work on a cluster needs {package}, which is not installed: pip install 'narrows[ray]'"


def test_a_connection_that_was_there_is_used_and_stays(nodes):
    import ray

    with connected("no-such-host.invalid:1") as there:
        assert there == Cluster("no-such-host.invalid:1", nodes=2, cpus=2.0, gpus=0.0)

    assert ray.is_initialized()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_workers_of_this_machine_are_started_and_stopped_without_a_word(python):
    pytest.importorskip("ray")
    printed = python(
        "from narrows import cluster\n"
        "import warnings; warnings.simplefilter('error')\n"
        "with cluster.connected('local:2') as there:\n"
        "    import ray\n"
        "    print(there, ray.get(ray.remote(lambda: 7).remote()))\n"
        "    process = ray._private.worker._global_node.all_processes['raylet'][0].process\n"
        "print(ray.is_initialized(), process.poll() is None, file=__import__('sys').stdout)\n"
    )

    assert printed.splitlines() == ["Cluster(address='local:2', nodes=1, cpus=2.0, gpus=0.0) 7", "False False"]
