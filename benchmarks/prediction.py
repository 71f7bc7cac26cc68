"""Seconds to encode and to reconstruct 60,000 rows: narrows against Keras `predict`, and against bare matrix products."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import _report
import _sides
import _works
from _pairs import Side, Turns, interleave, noise, ratio, warm

JOBS = ("transform", "reconstruct")
WORK = _works.ALL["textbook"]
AGAINST_KERAS, OF_THE_BOUND = 0.5, 0.6
BATCHES = (128, 256, 512, 1024, 2048, 4096, 10_000, 60_000)


def narrows_side(turns: Turns, quick: bool) -> None:
    """`transform` and `reconstruct` of a fitted estimator."""
    rows = WORK.rows(quick)
    estimator = _sides.narrows_autoencoder(WORK, epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Of a network that saw 2,000 rows once.
        estimator.fit(rows[:2000])
    _answer(
        turns,
        {"transform": lambda: estimator.transform(rows), "reconstruct": lambda: estimator.reconstruct(rows)},
        "Autoencoder.transform and .reconstruct, rows float32, as they come",
    )


def keras_side(turns: Turns, quick: bool) -> None:
    """`predict` of the encoder and of the whole, with its defaults (batches of 32)."""
    rows = WORK.rows(quick)
    model = _sides.keras_model(WORK, rows.shape[1])
    encoder = model.get_layer("encoder")
    _answer(
        turns,
        {"transform": lambda: encoder.predict(rows, verbose=0), "reconstruct": lambda: model.predict(rows, verbose=0)},
        "predict(x, verbose=0) of the encoder and of the whole model, JAX backend, its default batch of 32 rows",
    )


def jax_side(turns: Turns, quick: bool) -> None:
    """Multiply the chain and nothing else, under `jax.jit` in float32, rows already in place."""
    import jax

    rows, kernels = WORK.rows(quick), _kernels()

    @jax.jit
    def chain(x: Any, kernels: list[Any]) -> Any:
        for kernel in kernels:
            x = x @ kernel
        return x

    def jobs(batch: int) -> dict[str, Callable[[], Any]]:
        parts = [jax.device_put(rows[i : i + batch].copy()) for i in range(0, len(rows), batch)]
        return {job: partial(_run_jax, chain, parts, [jax.device_put(kernel) for kernel in kernels[job]]) for job in JOBS}

    _answer_best(turns, jobs, "JAX", len(rows))


def _run_jax(chain: Callable[..., Any], parts: list[Any], kernels: list[Any]) -> None:
    for result in [chain(part, kernels) for part in parts]:
        result.block_until_ready()


def numpy_side(turns: Turns, quick: bool) -> None:
    """Multiply the chain and nothing else, by NumPy in float32, into memory that is there already."""
    import numpy as np

    rows, kernels = WORK.rows(quick), _kernels()

    def jobs(batch: int) -> dict[str, Callable[[], Any]]:
        widths = {kernel.shape[1] for kernel in kernels["reconstruct"]}
        room = {width: np.empty((min(batch, len(rows)), width), np.float32) for width in widths}

        def run(job: str) -> None:
            for i in range(0, len(rows), batch):
                x = rows[i : i + batch]
                for kernel in kernels[job]:
                    x = np.matmul(x, kernel, out=room[kernel.shape[1]][: len(x)])

        # A chain never has the same width twice running, so no product overwrites its own input.
        return {job: partial(run, job) for job in JOBS}

    _answer_best(turns, jobs, "NumPy", len(rows))


def _kernels() -> dict[str, list[Any]]:
    import numpy as np

    random = np.random.default_rng(0)
    widths = WORK.widths(784)
    kernels = [random.normal(size=size).astype(np.float32) / 30 for size in itertools.pairwise(widths)]
    return {"transform": kernels[: len(kernels) // 2], "reconstruct": kernels}


def _answer(turns: Turns, jobs: dict[str, Callable[[], Any]], settings: str) -> None:
    for job in JOBS * 2:
        jobs[job]()
    turns.ready(settings=settings)
    while (job := turns.wait()) is not None:
        turns.report(_seconds(jobs[job]))


def _answer_best(turns: Turns, jobs: Callable[[int], dict[str, Callable[[], Any]]], library: str, n: int) -> None:
    """Find the batch size at which both jobs together are fastest, and answer with that."""

    def tried(batch: int) -> float:
        given = jobs(batch)
        return min(sum(_seconds(given[job]) for job in JOBS) for _ in range(4))

    best = min((batch for batch in BATCHES if batch <= n), key=tried)
    _answer(turns, jobs(best), f"matrix products alone, {library} float32, {best} rows at a time (the fastest of {BATCHES})")


def _seconds(job: Callable[[], Any]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


SIDES: dict[str, tuple[Callable[..., None], dict[str, str]]] = {
    "narrows": (narrows_side, {"KERAS_BACKEND": "jax"}),
    "keras": (keras_side, {"KERAS_BACKEND": "jax"}),
    "matmul-jax": (jax_side, {}),
    "matmul-numpy": (numpy_side, {}),
}


def main() -> None:
    """Compare both jobs on all sides."""
    parser = _report.options(__doc__ or "", rounds=9)
    parser.add_argument("--only", type=_report.names, metavar="SIDES", help=f"of {','.join(SIDES)}")
    arguments = _report.start(parser)
    wanted = [name for name in SIDES if not arguments.only or name in arguments.only]
    starts = {name: partial(Side, name, SIDES[name][0], arguments.quick, environment=SIDES[name][1]) for name in wanted}
    with warm(starts) as sides:
        results = interleave(sides, arguments.rounds, JOBS, again=1 if arguments.quick else 3)
        facts = {name: side.facts for name, side in sides.items()}
    others = results.pop("others")

    n = len(WORK.rows(arguments.quick))
    print(f"\n## {n} rows of 784 through 784-500-300-100-2 and back")
    _print_seconds(results, n)
    if "narrows" in facts:
        _print_ratios(results, [name for name in facts if name.startswith("matmul")])
    print()
    for name, fact in facts.items():
        print(f"- {name}: {fact['settings']}")
    print(f"- {len(others)} rounds; {noise(others)}")
    seconds = {f"{side} {job}": given for (side, job), given in results.items()}
    _report.finish(arguments, {"facts": facts, "seconds": seconds, "others": others})


def _print_seconds(results: dict[Any, list[float]], n: int) -> None:
    flops = {job: 2 * n * sum(kernel.size for kernel in kernels) for job, kernels in _kernels().items()}
    rows = []
    for (side, job), given in results.items():
        found = ratio(given, given)
        rows.append([side, job, found.ours, f"{min(given):.3g} to {max(given):.3g}", flops[job] / found.ours / 1e9])
    _report.table(("side", "job", "s", "min to max", "10⁹ operations/s"), rows)


def _print_ratios(results: dict[Any, list[float]], bounds: list[str]) -> None:
    rows = []
    for job in JOBS:
        ours = results["narrows", job]
        if ("keras", job) in results:
            found = ratio(ours, results["keras", job])
            rows.append([job, "seconds over Keras's", found.medians, found, f"{AGAINST_KERAS} or less"])
            rows[-1].append(_report.reached(found.medians, AGAINST_KERAS))
        if bounds:
            bound = min(bounds, key=lambda name: ratio(results[name, job], ours).medians)
            found = ratio(results[bound, job], ours)
            rows.append([job, f"share of the bound ({bound})", found.medians, found, f"{OF_THE_BOUND} or more"])
            rows[-1].append(_report.reached(found.medians, OF_THE_BOUND, at_least=True))
    _report.table(("job", "figure", "of medians", "round by round", "target", "reached"), rows)


if __name__ == "__main__":
    main()
