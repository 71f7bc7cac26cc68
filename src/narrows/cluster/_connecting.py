"""How a cluster is joined, and left again: within seconds, quietly, or with one sentence that says why not."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import platform
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from narrows.cluster._addresses import Address, parsed
from narrows.errors import MissingExtra

PATIENCE = 15.0  # seconds in which a cluster answers, or is none
_TCP = 5.0  # of these, to be let in at all

# Ray reads these when it is first imported, and what it starts inherits them.
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to its makers
    "RAY_CLIENT_INITIAL_CONNECTION_TIMEOUT_S": "2",  # a client tries three times,
    "RAY_CLIENT_MAX_CONNECTION_TIMEOUT_S": "4",  # and sleeps so long in between
}


# Asked in a process of its own: what is no cluster may never answer, cannot be interrupted, and is complained of on the terminal.
_ASK = """
import json, sys
from ray._private import services
from ray._raylet import GcsClient
if sys.argv[2] == "auto":
    try:
        from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available as enable
    except ImportError:  # before Ray 2.60
        pass
    else:
        enable(warn_if_disabled=False)
try:
    client = GcsClient(address=services.canonicalize_bootstrap_address(sys.argv[1]))
    about = json.loads(client.internal_kv_get(b"CLUSTER_METADATA", b"cluster", timeout=10))
except Exception as problem:
    print(json.dumps({"problem": type(problem).__name__}))
else:
    try:
        alive = [node.node_manager_address for node in client.get_all_node_info(timeout=10).values() if node.state == 0]
    except Exception:  # of a Ray that says it otherwise
        alive = []
    print(json.dumps({"ray": about["ray_version"], "python": about["python_version"], "nodes": alive}))
"""
_TOKEN = "RAY_AUTH_MODE=token, with the token in RAY_AUTH_TOKEN or ~/.ray/auth_token"


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process is connected to.

    Parameters
    ----------
    address : str
        As it was said.
    nodes : int
        Machines in it.
    cpus, gpus : float
        Of all of them, busy or not.
    """

    address: str
    nodes: int
    cpus: float
    gpus: float


@contextmanager
def connected(address: str = "auto") -> Iterator[Cluster]:
    """Connect this process to a Ray cluster for as long as the block lasts.

    Where Ray was connected before, by ``ray.init``, that connection is used, whatever the address, and left as it is.

    Parameters
    ----------
    address : str, default="auto"
        ``"auto"``: the cluster that runs on this machine, or the one that ``RAY_ADDRESS`` names. ``"local:N"``: N workers, started on this
        machine and stopped at the end. ``"HOST:PORT"``: a cluster that this machine is part of. ``"ray://HOST:PORT"``: one that it is not
        part of, through Ray's client server (port 10001 by custom).

    Yields
    ------
    Cluster
        What there is.

    Raises
    ------
    ValueError
        If the address is none.
    ConnectionError
        If no cluster answers there within 15 seconds, this machine is not part of it, or it runs another Ray or Python.
    MissingExtra
        If ``narrows[ray]`` is not installed.
    """
    where = parsed(address)
    ray = _loaded(where)
    if ray.is_initialized():
        yield _what_there_is(ray, address)
        return
    _connect(ray, _resolved(where))
    try:
        yield _what_there_is(ray, address)
    finally:
        ray.shutdown()


def _loaded(where: Address) -> Any:
    needed = {"ray": "ray"} | ({"grpc": "grpcio"} if where.kind == "client" else {})
    for module, package in needed.items():
        if importlib.util.find_spec(module) is None:
            raise MissingExtra("work on a cluster", package, "ray")
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, about its own future
        import ray
    return ray


def _what_there_is(ray: Any, address: str) -> Cluster:
    has = ray.cluster_resources()
    return Cluster(address, sum(bool(node["Alive"]) for node in ray.nodes()), float(has.get("CPU", 0)), float(has.get("GPU", 0)))


def _resolved(where: Address) -> Address:
    """Find what "auto" stands for."""
    if where.kind != "auto":
        return where
    said = os.environ.get("RAY_ADDRESS", "").strip()
    if said and said != "auto":
        try:
            return parsed(said)
        except ValueError as problem:
            raise ValueError(f"RAY_ADDRESS: {problem}") from None
    from ray._private import services

    try:
        found = parsed(services.canonicalize_bootstrap_address_or_die("auto"))
        return replace(found, kind="auto")  # it is of this machine, so that Ray may show it this user's token
    except ConnectionError as problem:
        if "multiple" in str(problem):
            raise ConnectionError("several Ray clusters run on this machine, and 'auto' cannot choose: name one as HOST:PORT") from None
        raise ConnectionError(
            "no Ray cluster runs on this machine, and RAY_ADDRESS names none: start one ('ray start --head'), name the address of one "
            "(HOST:PORT or ray://HOST:PORT), or say local:N for N workers on this machine alone"
        ) from None


def _connect(ray: Any, where: Address) -> None:
    target = where.kind if where.kind in ("local", "auto") else where.text
    if where.kind != "local":
        began = time.monotonic()
        _knock(where)
        left = PATIENCE - (time.monotonic() - began)
        _check_client(where, left) if where.kind == "client" else _check_head(where, left)
    options: dict[str, Any] = {"num_cpus": where.workers, "include_dashboard": False} if where.kind == "local" else {}
    level = logging.getLogger("ray").level
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(target, logging_level=logging.CRITICAL, log_to_driver=False, **options)
    except Exception as problem:  # Ray raises what it likes
        with suppress(Exception):
            ray.shutdown()
        reason = str(problem).strip().partition("\n")[0].rstrip(".: ") or type(problem).__name__
        if "ersion" in reason and ("mismatch" in reason or "differ" in reason):  # of a client server, which says so itself
            said = " ".join(str(problem).split())
            raise ConnectionError(f"the cluster at {where.text} runs other versions than this process: {said}") from problem
        what = f"{where.workers} workers could not be started on this machine" if where.kind == "local" else f"{where.text} cannot be used"
        raise ConnectionError(f"{what}: {reason}") from problem
    finally:
        logging.getLogger("ray").setLevel(max(level, logging.CRITICAL))


def _knock(where: Address) -> None:
    """Try whether anything listens at an address."""
    try:
        socket.create_connection((where.host, where.port), timeout=_TCP).close()
    except OSError as problem:
        reason = problem.strerror or str(problem) or type(problem).__name__
        raise ConnectionError(
            f"no cluster answers at {where.text} ({reason}): check host and port, and that 'ray start --head' ran there"
        ) from None


def _check_client(where: Address, seconds: float) -> None:
    """Try whether what listens speaks gRPC, as Ray's client server does; Ray itself would try for half a minute."""
    if os.environ.get("RAY_USE_TLS", "0") not in ("", "0", "false"):
        return  # the channel would need Ray's certificates
    import grpc
    from ray.core.generated import ray_client_pb2, ray_client_pb2_grpc

    nothing = f"what listens at {where.text} does not answer as a Ray client server, whose port is 10001 by custom"
    host = f"[{where.host}]" if ":" in where.host else where.host
    channel = grpc.insecure_channel(f"{host}:{where.port}")
    began = time.monotonic()
    try:
        grpc.channel_ready_future(channel).result(timeout=seconds)
        left = seconds - (time.monotonic() - began)
        ask = ray_client_pb2_grpc.RayletDriverStub(channel).ClusterInfo
        ask(ray_client_pb2.ClusterInfoRequest(type=ray_client_pb2.ClusterInfoType.PING), timeout=left)
    except grpc.RpcError as problem:
        if problem.code() == grpc.StatusCode.UNAUTHENTICATED:
            if os.environ.get("RAY_AUTH_MODE", "").lower() == "token":
                return  # which Ray will show
            raise ConnectionError(f"the cluster at {where.text} lets nobody in without its token: set {_TOKEN}") from None
        raise ConnectionError(nothing) from None
    except grpc.FutureTimeoutError:
        raise ConnectionError(nothing) from None
    finally:
        channel.close()


def _check_head(where: Address, seconds: float) -> None:
    """Try whether what listens is the head of a cluster of these versions, and this machine part of it; Ray itself waits for ever."""
    host = f"[{where.host}]" if ":" in where.host else where.host
    answer: dict[str, Any]
    try:
        asking = [sys.executable, "-c", _ASK, f"{host}:{where.port}", where.kind]
        asked = subprocess.run(asking, capture_output=True, timeout=seconds, check=False)
        answer = json.loads(asked.stdout.splitlines()[-1]) if asked.stdout else {"problem": asked.returncode}
    except subprocess.TimeoutExpired:
        answer = {"problem": "time"}
    if answer.get("problem") == "AuthenticationError":
        raise ConnectionError(f"the cluster at {where.text} lets nobody in without its token: set {_TOKEN}")
    if "problem" in answer:
        raise ConnectionError(
            f"what listens at {where.text} does not answer as the head of a Ray cluster, whose port is 6379 by custom; Ray's client server "
            "needs 'ray://' before its address"
        )
    theirs, ours = (answer["ray"], answer["python"]), (_ray_version(), platform.python_version())
    if theirs != ours:
        raise ConnectionError(
            f"the cluster at {where.text} runs Ray {theirs[0]} on Python {theirs[1]}, and this process Ray {ours[0]} on Python {ours[1]}: "
            "both must be the same on all machines"
        )
    if answer["nodes"] and not any(map(_is_here, answer["nodes"])):
        raise ConnectionError(
            f"this machine is not part of the cluster at {where.text}: join it ('ray start --address={where.text}'), or connect from "
            f"outside by ray://{where.host}:10001"
        )


def _ray_version() -> str:
    import ray

    return str(ray.__version__)


def _is_here(address: str) -> bool:
    """Say whether an address is one of this machine's: only such can be bound to."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as made:
            made.bind((address, 0))
    except OSError:
        return False
    return True
