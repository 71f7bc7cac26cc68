"""Rows in blocks: memory, rows a second beside rows in memory, and runs that are killed again and again.

Each way is a process of its own, which makes one pass over the rows, or encodes them all as `narrows encode` does. Memory is what the
process alone holds (`RssAnon + RssShmem` in ``/proc``, looked at every 20 milliseconds).
"""

from __future__ import annotations

import json
import os
import random
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

SETS = {
    "2 million images of 784 bytes": (2_000_000, 784, np.uint8, (500, 300, 100)),
    "20 million rows of 32 float32": (20_000_000, 32, np.float32, (64, 32)),
}
MEMORY, NPY, PARQUET, ENCODING = 1200.0, 0.9, 0.6, 0.8  # MB, and shares of the rate in memory
WAYS = ("in memory", ".npy", "Parquet")
AT_ONCE, ROW_GROUP = 100_000, 65_536
KILLS = 20


def make(folder: Path, name: str, n: int) -> None:
    """Write rows as .npy and as Parquet: a few directions of much variance, and noise."""
    import pyarrow as pa
    from pyarrow import parquet

    _, width, dtype, _ = SETS[name]
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(8, width)).astype(np.float32)
    out = np.lib.format.open_memmap(folder / "rows.npy", "w+", dtype, (n, width))
    schema = pa.schema([(f"x{place}", pa.from_numpy_dtype(dtype)) for place in range(width)])
    with parquet.ParquetWriter(folder / "rows.parquet", schema, compression="lz4") as writer:
        for start in range(0, n, AT_ONCE):
            size = min(AT_ONCE, n - start)
            block = rng.normal(size=(size, 8)).astype(np.float32) @ directions
            block += rng.normal(size=block.shape).astype(np.float32)
            rows = np.clip(128 + 24 * block, 0, 255).astype(dtype) if dtype == np.uint8 else block
            out[start : start + size] = rows
            columns = [pa.array(column) for column in np.ascontiguousarray(rows.T)]
            writer.write_table(pa.table(columns, schema=schema), row_group_size=ROW_GROUP)
    out.flush()


def side(folder: str, name: str, way: str, task: str) -> None:
    """Do one thing in this process, and print seconds and megabytes."""
    warnings.simplefilter("ignore")
    watched, ended = _watch.Watch(os.getpid()), threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            watched.look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    from narrows import Autoencoder, data
    from narrows.cli.blocks import Growing, stream
    from narrows.data.one_pass import one_pass
    from narrows.progress import Silent

    path = Path(folder)
    made = Autoencoder(2, layers=SETS[name][3], epochs=1, early_stopping=False, random_state=0)
    if task == "encoding":
        made.fit(np.load(path / "rows.npy", mmap_mode="r")[:20_000].copy())
    file = path / ("rows.parquet" if way == "Parquet" else "rows.npy")
    rows: Any = np.load(file) if way == "in memory" else None
    began = time.perf_counter()
    if task == "training":
        made.fit(data.blocks(file) if rows is None else rows)
    elif rows is None:
        stream(one_pass(file), made.transform, ["z0", "z1"], Growing(path / "codes.npy", {}), Silent(), resume=False)
    else:
        made.transform(rows)
    seconds = time.perf_counter() - began
    ended.set()
    watcher.join()
    print(json.dumps({"seconds": seconds, "MB": watched.peak, "training seconds": getattr(made, "fit_seconds_", 0.0)}))


def measured(folder: Path, name: str, way: str, task: str) -> dict[str, float]:
    """Run a side in a process of its own."""
    command = [sys.executable, __file__, "--side", str(folder), name, way, task]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def killed(folder: Path, kills: int, quick: bool) -> tuple[int, bool]:
    """Kill a run at random moments, go on after each; give the kills, and whether the weights are those of a run that never was."""
    import narrows

    rng = np.random.default_rng(0)
    np.save(folder / "small.npy", rng.normal(size=(20_000 if quick else 200_000, 32)).astype(np.float32))
    epochs = "10" if quick else "60"
    command = [
        sys.executable,
        "-m",
        "narrows",
        "fit",
        "small.npy",
        "--blocks",
        "--layers",
        "64,32",
        "--epochs",
        epochs,
        "--seed",
        "0",
        "-q",
    ]
    command += ["--checkpoint-minutes", "0"]
    began = time.perf_counter()
    subprocess.run([*command, "-o", "whole.narrows"], cwd=folder, check=True)
    seconds = time.perf_counter() - began
    moments, done = random.Random(0), 0
    while True:
        process = subprocess.Popen([*command, "-o", "made.narrows", "--resume"], cwd=folder)
        try:
            process.wait(moments.uniform(0.5, max(1.0, seconds / 3)) if done < kills else None)
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            done += 1
    ours, theirs = (narrows.load(folder / f"{name}.narrows")._network.weights for name in ("whole", "made"))
    return done, all((ours[name] == theirs[name]).all() for name in ours)


def main() -> None:
    """Print the tables."""
    if sys.argv[1:2] == ["--side"]:
        side(*sys.argv[2:])
        return
    parser = _report.options(__doc__.splitlines()[0], rounds=1)
    parser.add_argument("--share", type=float, default=1.0, help="of the rows (default all, which takes half an hour)")
    parser.add_argument("--only", choices=("training", "encoding", "rows", "kills"), help="a part; rows are the first two")
    arguments = _report.start(parser)
    found: dict[str, Any] = {}
    lines: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, (n, *_) in SETS.items() if arguments.only != "kills" else ():
            n = n // 1000 if arguments.quick else int(n * arguments.share)
            make(folder, name, n)
            for task in [task for task in ("training", "encoding") if arguments.only in (task, "rows", None)]:
                rates: dict[str, list[float]] = {way: [] for way in WAYS}
                for _ in range(arguments.rounds):
                    for way in WAYS:
                        run = measured(folder, name, way, task)
                        found.setdefault(f"{name}, {task}, {way}", []).append(run)
                        rates[way].append(n / run["seconds"])
                for way in WAYS:
                    memory = max(run["MB"] for run in found[f"{name}, {task}, {way}"])
                    share = float(np.median(rates[way]) / np.median(rates["in memory"]))
                    asked = None if way == "in memory" else ENCODING if task == "encoding" else {".npy": NPY, "Parquet": PARQUET}[way]
                    small = None if way == "in memory" else MEMORY
                    reached = [_report.reached(share, asked, at_least=True), _report.reached(memory, small)]
                    lines.append([name, task, way, float(np.median(rates[way])), share, asked, memory, small, " ".join(reached)])
                    print(*lines[-1], flush=True)
        if lines:
            _report.table(["rows", "what", "from", "rows a second", "of memory's", "asked", "MB", "asked", "reached"], lines)
        if arguments.only in ("kills", None):
            kills, same = killed(folder, 3 if arguments.quick else KILLS, arguments.quick)
            found["kills"] = {"kills": kills, "same weights": same}
            _report.table(
                ["kills", "asked", "weights are those of a run that was never killed"], [[kills, KILLS, "yes" if same else "**no**"]]
            )
    print()
    _report.finish(arguments, found)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
