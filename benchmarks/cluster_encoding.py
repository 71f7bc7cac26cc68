"""Codes of many rows on two nodes of a cluster: rows a second, memory, and that each row is there once after kills.

The nodes are simulated on this machine (`ray.cluster_utils.Cluster`), of one CPU each, so that two workers share what one process has for
itself in the first line. Half of the rows are in one large file, which is shared out, the others in ten. Each run is a process of its own;
memory is what a worker alone holds at most (`RssAnon + RssShmem` in ``/proc``, looked at every 50 milliseconds).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import _report
import _watch
import numpy as np

ROWS, COLUMNS, LAYERS = 2_000_000, 32, (64, 32)
SMALL, ROW_GROUP, AT_ONCE = 10, 65_536, 100_000
NODES = 2
WAYS = ("one process", "two workers", "two workers, one killed", "two workers, driver killed, resumed")


def make(folder: Path, n: int) -> None:
    """Write files of rows with a number each, and a bundle."""
    import pyarrow as pa
    from pyarrow import parquet

    from narrows import Autoencoder

    rng = np.random.default_rng(0)
    directions = rng.normal(size=(8, COLUMNS)).astype(np.float32)
    names = [f"x{place}" for place in range(COLUMNS)]
    (folder / "in").mkdir()
    row = 0
    for name, size in [("large", n // 2), *((f"small-{place}", n // 2 // SMALL) for place in range(SMALL))]:
        schema = pa.schema([("row", pa.int64()), *((column, pa.float32()) for column in names)])
        with parquet.ParquetWriter(folder / "in" / f"{name}.parquet", schema) as writer:
            for start in range(0, size, AT_ONCE):
                some = min(AT_ONCE, size - start)
                block = rng.normal(size=(some, 8)).astype(np.float32) @ directions
                block += rng.normal(size=block.shape).astype(np.float32)
                columns = [pa.array(np.arange(row, row + some)), *map(pa.array, np.ascontiguousarray(block.T))]
                writer.write_table(pa.table(columns, schema=schema), row_group_size=ROW_GROUP)
                row += some
                if row <= AT_ONCE:
                    made = Autoencoder(2, layers=LAYERS, epochs=1, random_state=0).fit(writer_rows(columns[1:], names))
                    made.save(folder / "made.narrows")


def writer_rows(columns: list[Any], names: list[str]) -> Any:
    """Give the first rows as a table, to learn from."""
    import pyarrow as pa

    return pa.table(columns, names=names).slice(0, 20_000)


def side(folder: str, way: str, output: str, address: str) -> None:
    """Encode in this process, and print what there is to say of it."""
    warnings.simplefilter("ignore")
    path, began = Path(folder), time.perf_counter()
    if way == WAYS[0]:
        print(json.dumps(alone(path, Path(output)) | {"wall": time.perf_counter() - began}))
        return
    from narrows import cluster
    from narrows.cluster import _bulk, _pool

    pools: list[_pool.Pool] = []
    peaks: dict[int, float] = {}
    ended = threading.Event()

    class Watched(_pool.Pool):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            pools.append(self)

    class Killing:
        killed = way != WAYS[2]

        def begin(self, name: str, total: float, unit: str = "") -> None:
            self.total = total

        def advance(self, done: float, text: str = "") -> None:
            if not self.killed and pools and done > self.total / 4:
                self.killed = True
                os.kill(min(pools[0].pids), signal.SIGKILL)

        def end(self, text: str = "") -> None: ...

    def watch() -> None:
        watched: dict[int, _watch.Watch] = {}
        while not ended.wait(0.05):
            for pid in list(pools[0].pids) if pools else []:
                one = watched.setdefault(pid, _watch.Watch(pid))
                try:
                    one.look()
                except OSError:  # it was killed
                    continue
                peaks[pid] = one.peak

    _bulk.Pool = Watched
    threading.Thread(target=watch, daemon=True).start()
    done = cluster.encode(path / "made.narrows", path / "in", output, cluster=address, resume=True, progress=Killing())
    ended.set()
    told = {"written": done.written, "seconds": done.seconds, "skipped": done.skipped, "workers": len(pools[0].pids)}
    print(json.dumps(told | {"MB": max(peaks.values()), "wall": time.perf_counter() - began}))


def alone(folder: Path, output: Path) -> dict[str, float]:
    """Encode the same files one after another, as this process can."""
    import pyarrow as pa
    from pyarrow import parquet

    import narrows

    watched, ended = _watch.Watch(os.getpid()), threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            watched.look()

    threading.Thread(target=watch, daemon=True).start()
    made, n = narrows.load(folder / "made.narrows"), 0
    output.mkdir()
    began = time.perf_counter()
    for path in sorted((folder / "in").iterdir()):
        with parquet.ParquetFile(path) as content, parquet.ParquetWriter(output / path.name, _schema()) as writer:
            for batch in content.iter_batches(batch_size=ROW_GROUP):
                codes = made.transform(pa.Table.from_batches([batch]).drop_columns(["row"]))
                writer.write_table(pa.table([batch.column("row"), *map(pa.array, np.ascontiguousarray(codes.T))], schema=_schema()))
                n += len(codes)
    seconds = time.perf_counter() - began
    ended.set()
    return {"written": n, "seconds": seconds, "skipped": 0, "workers": 1, "MB": watched.peak}


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema([("row", pa.int64()), ("z0", pa.float32()), ("z1", pa.float32())])


def run(folder: Path, way: str, address: str) -> dict[str, Any]:
    """Run a side; kill its driver and run it again, where that is the way."""
    output = folder / "out"
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, __file__, "--side", str(folder), way, str(output), address]
    kills, began = 0, time.perf_counter()
    if way == WAYS[3]:
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while len(list(output.glob("*.parquet"))) < 3:
            if driver.poll() is not None:
                raise SystemExit("the run ended before it could be killed: take more rows")
            time.sleep(0.01)
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
        kills = 1
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"kills of the driver": kills, "wall": time.perf_counter() - began}


def once(folder: Path, n: int, reference: Path | None) -> tuple[bool, bool]:
    """Say whether each row is there, once and in its place, and whether codes are those of the reference."""
    from pyarrow import parquet

    rows, same = [], True
    for path in sorted((folder / "in").iterdir()):
        written = parquet.read_table(folder / "out" / path.name)
        came = parquet.read_table(path, columns=["row"])
        rows.append(written["row"].to_numpy())
        same &= bool(written["row"].equals(came["row"]))
        if reference is not None:
            theirs = parquet.read_table(reference / path.name)
            same &= all(np.allclose(written[name].to_numpy(), theirs[name].to_numpy(), atol=1e-5) for name in ("z0", "z1"))
    told = np.concatenate(rows)
    strays = [path.name for path in (folder / "out").iterdir() if path.name.startswith(".")]
    return len(told) == n and bool((np.bincount(told, minlength=n) == 1).all()) and not strays, same


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--side"]:
        side(*sys.argv[2:])
        return
    parser = _report.options(__doc__.splitlines()[0], rounds=1)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"default {ROWS:,}")
    arguments = _report.start(parser)
    n = 200_000 if arguments.quick else arguments.rows // (2 * SMALL) * (2 * SMALL)
    from narrows.cluster import _connecting

    _connecting._loaded(_connecting.parsed("auto"))
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _ in range(NODES - 1):
        nodes.add_node(num_cpus=1)
    found: dict[str, Any] = {}
    lines: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make(folder, n)
        reference: Path | None = None
        for way in WAYS:
            for _ in range(arguments.rounds):
                told = run(folder, way, nodes.address)
                whole, same = once(folder, n, reference)
                found.setdefault(way, []).append(told | {"once": whole, "same": same})
                lines.append(
                    [
                        way,
                        f"{told['written']:,}",
                        told["written"] / told["seconds"],
                        told["wall"],
                        told["MB"],
                        "yes" if whole else "**no**",
                        "yes" if same else "**no**",
                    ]
                )
                print(*lines[-1], flush=True)
            if reference is None:
                reference = folder / "reference"
                shutil.move(folder / "out", reference)
    nodes.shutdown()
    _report.table(
        ["way", "rows in the last run", "rows a second", "seconds in all", "MB a worker", "each row once", "codes the same"], lines
    )
    print(f"\n{n:,} rows of {COLUMNS} float32; seconds in all are those of the whole command, with Ray, Keras and JAX to be loaded.")
    _report.finish(arguments, found)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
