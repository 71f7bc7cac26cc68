"""One cluster of two nodes for all tests of this folder, each of one CPU, and files to work on."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

NAMES = [f"f{place}" for place in range(6)]


@pytest.fixture(scope="package")
def nodes() -> Iterator[Any]:
    """Give a cluster of two simulated nodes, to which this process is connected."""
    ray = pytest.importorskip("ray", reason="Ray is not installed here (narrows[ray])")
    from narrows.cluster import _connecting

    _connecting._loaded(_connecting.parsed("auto"))  # its settings, such as that nothing is told to anybody
    from ray.cluster_utils import Cluster

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX's, which does not like that Ray forks; what is forked becomes another program at once
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        made.add_node(num_cpus=1)
    with _connecting.connected(made.address):
        yield made
    ray.shutdown()
    made.shutdown()


def table(n: int, seed: int) -> pa.Table:
    """Give rows with a number, a word and a time beside each."""
    rows = np.random.default_rng(seed).normal(size=(n, len(NAMES))).astype(np.float32)
    columns = {name: pa.array(column) for name, column in zip(NAMES, np.ascontiguousarray(rows.T), strict=True)}
    number = pa.array(np.arange(n) + 1_000_000 * seed)
    # The columns that stay stand before, between and after the others.
    return pa.table({"number": number, **columns, "word": pa.array(np.where(rows[:, 0] > 0, "warm", "cold"))})


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Give a bundle and what it holds."""
    import narrows

    made = narrows.Autoencoder(2, layers=(8,), epochs=2, random_state=0).fit(table(300, 0).select(NAMES))
    path = tmp_path_factory.mktemp("bundle") / "made.narrows"
    made.save(path)
    return path, made


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Give a folder of files: one of several row groups, a small one, an empty one, one in a folder of its own."""
    folder = tmp_path / "lake"
    (folder / "day=2").mkdir(parents=True)
    for name, n, seed in (("large", 5000, 1), ("small", 70, 2), ("empty", 0, 3), ("day=2/small", 90, 4)):
        parquet.write_table(table(n, seed), folder / f"{name}.parquet", row_group_size=800)
    return folder


class Alone:
    """Stands for workers of a cluster: does all jobs in this process, where a model is loaded in no time."""

    seconds = 0.0

    def __init__(self, content: bytes, method: Any, count: int, gpus: float) -> None:
        from narrows.cluster._worker import Worker

        del count, gpus
        self._worker = Worker(content, method)
        self._worker.ready()

    def run(self, jobs: Any, done: Any, wanted: Any) -> None:
        waiting = deque(jobs)
        while waiting:
            job = waiting.popleft()
            if wanted(job):
                waiting.extendleft(done(job, self._worker.make(job)))

    def close(self) -> None: ...


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all the work of a cluster done by this process: what is written is the same, seconds earlier."""
    from narrows.cluster import Cluster, _bulk

    @contextmanager
    def connected(address: str) -> Iterator[Cluster]:
        yield Cluster(address, nodes=1, cpus=1.0, gpus=0.0)

    monkeypatch.setattr(_bulk, "connected", connected)
    monkeypatch.setattr(_bulk, "check_nodes", lambda *_, **__: None)
    monkeypatch.setattr(_bulk, "Pool", Alone)
