"""A model of scaling: what a step costs here, what gradients weigh, and what both say of 1 to 64 machines.

A step of a batch of B rows takes a + b B seconds on one machine, measured; n machines that share it out take a + b B / n, and sum their
gradients, G bytes, in a ring: 2 (n - 1) / n G / bandwidth + 2 (n - 1) latency. Nothing overlaps, as in narrows' own steps on a CPU.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from dataclasses import dataclass
from typing import Any

import _report
import numpy as np

LAYERS, WIDTH = (500, 300, 100), 784
BATCHES = (128, 512, 1024, 2048, 4096)
MACHINES = (1, 2, 4, 8, 16, 32, 64)
NETWORKS = {
    "10 Gbit/s": (10e9 / 8, 50e-6),
    "100 Gbit/s": (100e9 / 8, 10e-6),
}  # bytes a second; seconds of a message, as data centers have them
GLOBAL = (1024, 8192)
# Published, not measured here: dense TF32 and bfloat16 peaks of one H100 SXM5, NVIDIA's data sheet; what of it small matrices reach, and
# what the launches of a step's kernels cost, are assumptions.
GPU = {"H100, TF32": 495e12, "H100, bfloat16": 990e12}
REACHED, LAUNCHES = 0.3, 150e-6


@dataclass(frozen=True)
class Step:
    """Seconds of a step: `fixed` for any, `each` for each row."""

    fixed: float
    each: float

    def seconds(self, rows: float) -> float:
        """Give those of a batch."""
        return self.fixed + self.each * rows


def measured(rounds: int, quick: bool) -> tuple[dict[int, float], int]:
    """Give the seconds of a step by batch size, and how many parameters there are."""
    from narrows import Autoencoder

    warnings.simplefilter("ignore")
    rows = np.random.default_rng(0).integers(0, 256, (8192 if quick else 32768, WIDTH), np.uint8)
    steps: dict[int, list[float]] = {batch: [] for batch in BATCHES}
    parameters = 0
    for _ in range(rounds):
        for batch, found in steps.items():
            clock = _Clock()
            made = Autoencoder(2, layers=LAYERS, batch_size=batch, epochs=4, early_stopping=False, random_state=0, linear_path=False)
            made.set_params(verbose=clock).fit(rows)
            found.append(clock.seconds_per_row() * batch)
            parameters = int(made.n_parameters_)
    return {batch: statistics.median(found) for batch, found in steps.items()}, parameters


class _Clock:
    """Progress that knows the pace from the second epoch on."""

    def __init__(self) -> None:
        self._course: list[tuple[float, float]] = []

    def begin(self, name: str, total: float, unit: str = "") -> None:
        self._total = total

    def advance(self, done: float, text: str = "") -> None:
        if done >= self._total / 4:
            self._course.append((time.perf_counter(), done))

    def end(self, text: str = "") -> None: ...

    def seconds_per_row(self) -> float:
        (began, first), (ended, last) = self._course[0], self._course[-1]
        return (ended - began) / (last - first)


def line(steps: dict[int, float]) -> Step:
    """Fit a line to the seconds of steps, each batch size by its own share."""
    sizes = np.array(list(steps), float)
    seconds = np.array(list(steps.values()))
    fixed, each = np.linalg.lstsq(np.stack([1 / seconds, sizes / seconds], 1), np.ones(len(sizes)), rcond=None)[0]
    return Step(max(float(fixed), 0.0), float(each))


def summing(n: int, size: int, network: tuple[float, float]) -> float:
    """Give the seconds that n machines take to sum gradients of a size in bytes, in a ring."""
    bandwidth, latency = network
    return 2 * (n - 1) / n * size / bandwidth + 2 * (n - 1) * latency


def break_even(step: Step, n: int, size: int, network: tuple[float, float]) -> float:
    """Give the batch from which n machines are faster than one."""
    return summing(n, size, network) / (step.each * (1 - 1 / n)) if n > 1 else 0.0


def predicted(title: str, step: Step, size: int) -> list[dict[str, Any]]:
    """Print rows a second by machines, and the break-even batch."""
    header = [
        "machines",
        *(f"{batch:,} rows, {name}" for name in NETWORKS for batch in GLOBAL),
        *(f"break-even batch, {name}" for name in NETWORKS),
    ]
    lines, found = [], []
    for n in MACHINES:
        rates = [batch / (step.seconds(batch / n) + summing(n, size, network)) for network in NETWORKS.values() for batch in GLOBAL]
        even = [break_even(step, n, size, network) for network in NETWORKS.values()]
        lines.append([n, *(f"{rate:,.0f}" for rate in rates), *("-" if n == 1 else f"{one:,.0f}" for one in even)])
        found.append({"machines": n, "rates": rates, "break even": even})
    print(f"\n**{title}**: a step takes {1e3 * step.fixed:.2f} ms and {1e6 * step.each:.2f} µs a row; rows a second by batch and network\n")
    _report.table(header, lines)
    return found


def main() -> None:
    """Print the tables."""
    parser: argparse.ArgumentParser = _report.options(__doc__.partition("\n")[0], 3)
    arguments = _report.start(parser)
    steps, parameters = measured(arguments.rounds, arguments.quick)
    size = 4 * parameters
    print(f"\n784-500-300-100-2: {parameters:,} parameters, {size / 1e6:.1f} MB of gradients\n")
    _report.table(["batch", "step, ms", "rows a second"], [[f"{b:,}", f"{1e3 * s:.1f}", f"{b / s:,.0f}"] for b, s in steps.items()])
    results: dict[str, Any] = {"steps": steps, "parameters": parameters}
    results["here"] = predicted("this machine, measured", line(steps), size)
    for name, peak in GPU.items():
        step = Step(LAUNCHES, 6 * parameters / (REACHED * peak))
        results[name] = predicted(f"{name}, from published figures, not measured", step, size)
    _report.finish(arguments, results)


if __name__ == "__main__":
    main()
