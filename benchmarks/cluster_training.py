"""A fit on a cluster beside the same fit in one process: weights, loss, rows a second, and a run whose workers are killed again and again.

The nodes are simulated on this machine (`ray.cluster_utils.Cluster`), of one processor each, so that two workers share what one process has
for itself. Each run is a process of its own. Rows a second are those of steady training, from a fifth of
the run on; starting a cluster is counted apart.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import _report
import numpy as np

LAYERS, WIDTH = (500, 300, 100), 784
WORKERS = (1, 2, 4)
STEPS, BATCH = 50, 128
LARGE_BATCH = 1024
KILLS = 10
WEIGHTS, LOSS, OVERHEAD = 1e-5, 1e-3, 0.25


def make(folder: Path, n: int) -> None:
    """Write images of 784 bytes: a few directions of much variance, and noise."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(8, WIDTH)).astype(np.float32)
    out = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.uint8, (n, WIDTH))
    for start in range(0, n, 20_000):
        block = rng.normal(size=(min(20_000, n - start), 8)).astype(np.float32) @ directions
        out[start : start + len(block)] = np.clip(128 + 24 * (block + rng.normal(size=block.shape)), 0, 255)
    out.flush()
    np.save(folder / "few.npy", out[: STEPS * BATCH])


class Noting:
    """Progress that keeps how far training was, and when."""

    def __init__(self) -> None:
        self.course: list[tuple[float, float, str]] = []
        self.total, self._training = 0.0, False

    def begin(self, name: str, total: float, unit: str = "") -> None:
        """Begin; what is read before training is not its pace."""
        self._training, self.total = name == "training", total

    def advance(self, done: float, text: str = "") -> None:
        """Note."""
        if self._training:
            self.course.append((time.perf_counter(), done, text))

    def end(self, text: str = "") -> None:
        """Note the end of training, unless it is that of an attempt which another one follows."""
        if self._training and self.course and text != "stopped":
            self.course.append((time.perf_counter(), self.total, ""))

    def rate(self) -> float:
        """Give rows a second from a fifth of the run on."""
        steady = [(moment, done) for moment, done, _ in self.course if done >= self.total / 5]
        return (steady[-1][1] - steady[0][1]) / (steady[-1][0] - steady[0][0])


def side(asked: dict[str, Any]) -> None:
    """Fit in this process or on a cluster, and print what there is to say of it."""
    warnings.simplefilter("ignore")
    from narrows import Autoencoder, Checkpoint, cluster, data

    options = {"layers": LAYERS, "early_stopping": False, "random_state": 0, "linear_path": False}
    made = Autoencoder(2, batch_size=asked["batch"], epochs=asked["epochs"], **options)
    noting, began = Noting(), time.perf_counter()
    if not asked["workers"]:
        made.set_params(verbose=noting).fit(data.blocks(asked["rows"]))
    else:
        with nodes(asked["workers"]) as address:
            began = time.perf_counter()
            if asked["kills"]:
                noting = Killing(asked["kills"])
            checkpoint = Checkpoint(asked["out"] + ".checkpoint", minutes=0.05 if asked["kills"] else 5)
            cluster.fit(made, asked["rows"], cluster=address, checkpoint=checkpoint, progress=noting)
    start = noting.course[0][0] - began
    np.savez(asked["out"], **made._network.weights)
    told = {"start": start, "rate": noting.rate() if len(noting.course) > 4 else 0.0, "loss": made.history_["loss"]}
    print(json.dumps(told | ({"kills": noting.kills, "lost": noting.lost()} if isinstance(noting, Killing) else {})))


class Killing(Noting):
    """Progress that kills a worker now and then."""

    def __init__(self, kills: int) -> None:
        super().__init__()
        self._left, self.kills, self._rng, self._next = kills, 0, random.Random(0), 0.0

    def advance(self, done: float, text: str = "") -> None:
        """Note, and kill one where it is time to."""
        super().advance(done, text)
        if self._left and done >= self._next:
            found = workers()
            if found:
                os.kill(self._rng.choice(found), signal.SIGKILL)
                self._left, self.kills = self._left - 1, self.kills + 1
                self._next = done + self._rng.uniform(0.02, 0.08) * self.total

    def lost(self) -> float:
        """Give the largest share of the run that was to be done again after a kill."""
        farthest, most = 0.0, 0.0
        for _, done, _ in self.course:
            most = max(most, farthest - done)
            farthest = max(farthest, done)
        return most / self.total


def workers() -> list[int]:
    """Give the processes that train."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"RayTrainWorker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@contextmanager
def nodes(count: int) -> Iterator[str]:
    """Simulate machines of a processor each; give the address of their cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray.cluster_utils import Cluster

    cores = len(os.sched_getaffinity(0))
    made = Cluster(initialize_head=False)
    for _ in range(count):
        made.add_node(num_cpus=cores if count == 1 else 1, include_dashboard=False)
    try:
        yield str(made.address)
    finally:
        ray.shutdown()
        made.shutdown()


def run(folder: Path, name: str, **asked: Any) -> dict[str, Any]:
    """Run a side in a process of its own."""
    given = {"workers": 0, "kills": 0, "batch": BATCH, "epochs": 1, "rows": str(folder / "rows.npy"), "out": str(folder / f"{name}.npz")}
    given |= asked
    Path(given["out"] + ".checkpoint").unlink(missing_ok=True)  # of an earlier round, which this one would only end
    done = subprocess.run([sys.executable, __file__, "--side", json.dumps(given)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told | {"weights": dict(np.load(folder / f"{name}.npz"))}


def apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Give the largest difference of two runs' weights."""
    return max(float(np.abs(weight.astype(float) - other["weights"][name]).max()) for name, weight in one["weights"].items())


def main() -> None:
    """Print the tables."""
    if len(sys.argv) > 2 and sys.argv[1] == "--side":
        side(json.loads(sys.argv[2]))
        return
    parser = _report.options(__doc__.partition("\n")[0], 3)
    parser.add_argument("--only", type=_report.names, default=["equal", "pace", "kills"], help="some of equal,pace,kills")
    parser.add_argument("--rows", type=int, default=200_000, help="how many rows (default 200,000)")
    arguments = _report.start(parser)
    n, rounds = (20_000, 1) if arguments.quick else (arguments.rows, arguments.rounds)
    measured: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make(folder, n)
        if "equal" in arguments.only:
            measured["equal"] = equal(folder, WORKERS[:2] if arguments.quick else WORKERS)
        if "pace" in arguments.only:
            measured["pace"] = pace(folder, rounds)
        if "kills" in arguments.only:
            measured["kills"] = kills(folder, 2 if arguments.quick else KILLS)
    _report.finish(arguments, measured)


def equal(folder: Path, counts: tuple[int, ...]) -> list[dict[str, float]]:
    """Compare weights after 50 steps, and the loss after an epoch, with one process's."""
    few = {"rows": str(folder / "few.npy")}
    alone, whole = run(folder, "few", **few), run(folder, "whole")
    print(f"\n| workers | weights after {STEPS} steps (asked {WEIGHTS:g}) | loss after {len(np.load(folder / 'rows.npy', 'r')):,} rows "
          f"(asked {LOSS:g}) | start-up, s |\n| ---: | ---: | ---: | ---: |")  # fmt: skip
    found = []
    for count in counts:
        short, long = run(folder, f"few-{count}", workers=count, **few), run(folder, f"whole-{count}", workers=count)
        weights, loss = apart(short, alone), abs(long["loss"][-1] / whole["loss"][-1] - 1)
        print(f"| {count} | {weights:.1e} | {loss:.1e} | {long['start']:.0f} |", flush=True)
        found.append({"workers": count, "weights": weights, "loss": loss, "start": long["start"]})
    return found


def pace(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Compare the rows a second of two workers and of one process, in turns."""
    options = {"batch": LARGE_BATCH, "epochs": 2}
    rates: dict[str, list[float]] = {"one process": [], "two workers": []}
    for _ in range(rounds):
        rates["one process"].append(run(folder, "one", **options)["rate"])
        rates["two workers"].append(run(folder, "two", workers=2, **options)["rate"])
    one, two = (statistics.median(rates[name]) for name in rates)
    ratios = [one / two - 1 for one, two in zip(*rates.values(), strict=True)]
    print(f"\n| batches of {LARGE_BATCH} | rows a second |\n| --- | ---: |\n| one process | {one:,.0f} |\n| two workers | {two:,.0f} |")
    print(f"\ntwo workers take {100 * statistics.median(ratios):.0f} % longer ({', '.join(f'{100 * ratio:.0f}' for ratio in ratios)}; "
          f"asked {100 * OVERHEAD:.0f} %)", flush=True)  # fmt: skip
    return rates


def kills(folder: Path, count: int) -> dict[str, Any]:
    """Kill workers of one run at random moments, and compare what comes out with a run that nobody disturbed."""
    options = {"batch": LARGE_BATCH, "epochs": 6}
    calm, wild = run(folder, "calm", **options), run(folder, "wild", workers=2, kills=count, **options)
    loss = abs(wild["loss"][-1] / calm["loss"][-1] - 1)
    print(f"\n{wild['kills']} kills of {count}: loss {loss:.1e} from that of one undisturbed process (asked {LOSS:g}), weights "
          f"{apart(wild, calm):.1e}; at most {100 * wild['lost']:.1f} % of the run were done again after one", flush=True)  # fmt: skip
    return {"kills": wild["kills"], "loss": loss, "weights": apart(wild, calm), "lost": wild["lost"]}


if __name__ == "__main__":
    main()
