"""Whether all machines of a cluster are fit for the same work: the same versions, and the same files."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

LIBRARIES = ("narrows", "keras", "jax")
ANSWER = 120.0  # seconds for a node to start a process and look


def check_nodes(paths: Iterable[str | os.PathLike[str]] = (), *, written: str | os.PathLike[str] | None = None) -> None:
    """Ask every node of the cluster that this process is connected to for its versions, and whether it sees what this machine sees.

    Parameters
    ----------
    paths : iterable of path-like, default=()
        Files and folders that are read.
    written : path-like, default=None
        A folder that is written into. It must be there; whether it is the same one is tried by a file that is there for a moment.

    Raises
    ------
    ConnectionError
        If a node has other versions of narrows, Keras or JAX than this process, or none, or does not answer.
    FileNotFoundError
        If a node does not see a path, or sees another file there.
    PermissionError
        If a node may not write.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    told = {os.path.abspath(path): _seen(path) for path in paths}
    token = None if written is None else Path(written).absolute() / f".narrows-{uuid.uuid4().hex}"
    probe = ray.remote(num_cpus=0, max_retries=1)(_probe())
    try:
        if token is not None:
            token.touch()
        asked = {}
        for node in ray.nodes():
            if node["Alive"] and node["Resources"].get("CPU", 0) > 0:  # others get no work
                there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                name = f"{node.get('NodeName') or node['NodeManagerAddress']} ({node['NodeID'][:8]})"
                asked[probe.options(scheduling_strategy=there).remote(list(told), None if token is None else str(token))] = name
        ready, late = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER) if asked else ([], [])
        if late:
            raise ConnectionError(f"node {asked[late[0]]} of the cluster did not answer within {ANSWER:.0f} s: see 'ray status'")
        ours = _probe()([], None)["versions"]
        for ref in ready:
            try:
                answer = ray.get(ref)
            except ray.exceptions.RayError as problem:
                reason = str(problem).strip().splitlines()[-1:] or [type(problem).__name__]
                raise ConnectionError(f"node {asked[ref]} of the cluster cannot be asked: {reason[0]}") from problem
            _check_versions(asked[ref], answer["versions"], ours)
            _check_paths(asked[ref], answer, told, written)
    finally:
        if token is not None:
            with suppress(OSError):
                token.unlink()


def _seen(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Give size and time of a file, nothing of a folder."""
    about = os.stat(path)
    return None if Path(path).is_dir() else (about.st_size, about.st_mtime_ns)


def _check_versions(node: str, theirs: dict[str, str | None], ours: dict[str, str | None]) -> None:
    for name in LIBRARIES:
        if theirs[name] is None:
            raise ConnectionError(f"node {node} of the cluster has no {name}: install there what is installed here, {name} {ours[name]}")
        if theirs[name] != ours[name]:
            raise ConnectionError(
                f"node {node} of the cluster has {name} {theirs[name]}, and this process {ours[name]}: install the same on all machines"
            )


def _check_paths(node: str, answer: dict[str, Any], told: dict[str, Any], written: str | os.PathLike[str] | None) -> None:
    shared = "all machines need the same folder under the same path, such as a network file system"
    for path, seen in answer["paths"].items():
        if seen == "missing":
            raise FileNotFoundError(f"node {node} of the cluster does not see '{path}': {shared}")
        if told[path] is not None and tuple(seen) != tuple(told[path]):
            raise FileNotFoundError(f"node {node} of the cluster sees another file at '{path}' than this machine: {shared}")
    if answer["written"] == "missing":
        raise FileNotFoundError(f"node {node} of the cluster does not see the folder '{written}' of this machine: {shared}")
    if answer["written"] == "forbidden":
        raise PermissionError(f"node {node} of the cluster may not write into '{written}': let it, or write elsewhere")


def _probe() -> Any:
    """Make the function that looks; one within another travels by value, so that a node without narrows can say that it has none."""
    libraries = LIBRARIES

    def probe(paths: list[str], token: str | None) -> dict[str, Any]:
        import os
        from importlib.metadata import PackageNotFoundError, version

        versions: dict[str, str | None] = {}
        for name in libraries:
            try:
                versions[name] = version(name)
            except PackageNotFoundError:
                versions[name] = None
        seen: dict[str, Any] = {}
        for path in paths:
            try:
                about = os.stat(path)
                seen[path] = (about.st_size, about.st_mtime_ns)
            except OSError:
                seen[path] = "missing"
        state = "fine"
        if token is not None:
            folder = os.path.dirname(token)
            state = "missing" if not os.path.exists(token) else "fine" if os.access(folder, os.W_OK) else "forbidden"
        return {"versions": versions, "paths": seen, "written": state}

    return probe
