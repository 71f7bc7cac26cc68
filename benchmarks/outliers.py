"""How well rows that are odd are told from the others, and in what time: narrows, PyOD's AutoEncoder and an isolation forest.

Each round is one seed: it draws every data set anew, and parts it, 60 % to learn from and 40 % to be judged, with outliers in both and no
word of which they are. All sides take their turns on the same rows, with default settings, each in a process of its own, for two libraries
in one fight over cores. Each is warmed up first by a fit of a few rows of another width, for what a library loads once; what is compiled
for the shape of a data set is in the seconds of its first seed.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import _report
import numpy as np

TEST = 0.4
SHARE = 0.05  # of the rows that are outliers
SIDES = ("narrows", "PyOD AutoEncoder", "isolation forest")
Made = tuple[np.ndarray, np.ndarray]


def breast_cancer(rng: np.random.Generator) -> Made:
    """Give all 357 benign tumors, and 19 of the malignant ones, drawn anew for each seed: 30 numbers each."""
    from sklearn.datasets import load_breast_cancer

    rows, benign = load_breast_cancer(return_X_y=True)
    few = rng.choice(np.flatnonzero(benign == 0), 19, replace=False)
    return _with(rows[benign == 1], rows[few])


def clusters(rng: np.random.Generator) -> Made:
    """Give five clusters of differing spread in eight dimensions, and points that are spread evenly over their box."""
    n, d = 1000, 8
    centers = rng.uniform(-5, 5, (5, d))
    rows = centers[rng.integers(5, size=n)] + rng.normal(size=(n, d)) * rng.uniform(0.5, 1.5, (1, d))
    return _with(rows, rng.uniform(rows.min(0), rows.max(0), (_few(n), d)))


def manifold(rng: np.random.Generator) -> Made:
    """Give a curved surface of three hidden numbers in twelve dimensions, and points beside it, up to as far as it bends."""
    n, d = 1500, 12
    first, second = rng.normal(size=(3, 16)), rng.normal(size=(16, d)) / 4

    def surface(m: int) -> np.ndarray:
        return np.tanh(1.5 * rng.uniform(-1, 1, (m, 3)) @ first) @ second

    away = rng.normal(size=(_few(n), d))
    away *= rng.uniform(0.3, 1.2, (len(away), 1)) / np.linalg.norm(away, axis=1, keepdims=True)
    return _with(surface(n) + 0.05 * rng.normal(size=(n, d)), surface(len(away)) + away)


def correlations(rng: np.random.Generator) -> Made:
    """Give twenty columns that five hidden numbers make, and rows whose cells are ordinary each and do not belong together."""
    n, d = 1000, 20
    rows = rng.normal(size=(n, 5)) @ rng.normal(size=(5, d)) + 0.5 * rng.normal(size=(n, d))
    odd = np.stack([rng.choice(column, _few(n)) for column in rows.T], axis=1)
    return _with(rows, odd)


def local(rng: np.random.Generator) -> Made:
    """Give four clusters, each with correlations of its own, and points around them at more than twice the distance (local outliers)."""
    n, d = 1200, 10
    few = _few(n)
    centers = rng.uniform(-6, 6, (4, d))
    shapes = rng.normal(size=(4, d, d)) / np.sqrt(d) * rng.uniform(0.3, 1, (4, 1, 1))
    of = rng.integers(4, size=n + few)
    steps = rng.normal(size=(n + few, d))
    steps[n:] *= np.sqrt(5)
    rows = centers[of] + np.einsum("ncd,nd->nc", shapes[of], steps)
    return _with(rows[:n], rows[n:])


SETS: dict[str, Callable[[np.random.Generator], Made]] = {
    "breast cancer": breast_cancer,
    "clusters": clusters,
    "manifold": manifold,
    "correlations": correlations,
    "local outliers": local,
}


def _few(n: int) -> int:
    """Give how many outliers make up their share beside n ordinary rows."""
    return round(n * SHARE / (1 - SHARE))


def _with(ordinary: np.ndarray, odd: np.ndarray) -> Made:
    return np.vstack([ordinary, odd]), np.r_[np.zeros(len(ordinary), bool), np.ones(len(odd), bool)]


def learn(side: str, rows: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """Fit a side to rows, and give what tells how odd others are: the higher, the odder."""
    if side == "narrows":
        from narrows import AutoencoderOutlierDetector

        fitted = AutoencoderOutlierDetector(random_state=seed).fit(rows)
        return lambda others: -fitted.score_samples(others)
    if side == "PyOD AutoEncoder":
        from pyod.models.auto_encoder import AutoEncoder

        theirs = AutoEncoder(random_state=seed, verbose=0).fit(rows)
        return lambda others: np.asarray(theirs.decision_function(others))
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=seed).fit(rows)
    return lambda others: -forest.score_samples(others)


def measured(side: str, made: Made, seed: int) -> dict[str, float]:
    """Give the area under ROC on rows that were not learned from, and the seconds of learning and scoring."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import train_test_split

    rows, others, _, odd = train_test_split(*made, test_size=TEST, stratify=made[1], random_state=seed)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        errors = learn(side, rows, seed)(others)
    return {"seconds": time.perf_counter() - began, "area": float(roc_auc_score(odd, errors))}


def show(found: dict[str, dict[str, list[dict[str, float]]]]) -> None:
    """Print areas, seconds, and their ratios."""

    def values(name: str, side: str, figure: str) -> np.ndarray:
        return np.array([run[figure] for run in found[name][side]])

    def cell(name: str, side: str) -> str:
        areas = values(name, side, "area")
        return f"{areas.mean():.3f} ± {areas.std():.3f}"

    lines: list[list[Any]] = [[name, *(cell(name, side) for side in SIDES)] for name in found]
    means = [f"{np.mean([values(name, side, 'area').mean() for name in found]):.3f}" for side in SIDES]
    _report.table(["area under ROC", *SIDES], [*lines, ["mean", *means]])
    timed = []
    for name in [*found, "mean"]:
        of = list(found) if name == "mean" else [name]
        seconds = [float(np.mean([values(each, side, "seconds").mean() for each in of])) for side in SIDES]
        later = [float(np.mean([np.median(values(each, side, "seconds")[1:]) for each in of])) for side in SIDES]
        timed.append([name, *seconds, seconds[0] / seconds[1], later[0] / later[1]])
    _report.table(["seconds, mean over seeds", *SIDES, "narrows / PyOD", "the same of medians, first seed left out"], timed)


def main() -> None:
    """Print the tables."""
    parser = _report.options(__doc__.splitlines()[0], rounds=10)
    parser.add_argument("--first-seed", type=int, default=0, help="seed of the first round (default 0)")
    arguments = _report.start(parser)
    found: dict[str, dict[str, list[dict[str, float]]]] = {name: {side: [] for side in SIDES} for name in SETS}
    pools = {side: ProcessPoolExecutor(1, mp_context=get_context("spawn")) for side in SIDES}
    warming = _with(*np.split(np.random.default_rng(0).normal(size=(80, 3)), [70]))
    for side, pool in pools.items():
        pool.submit(measured, side, warming, 0).result()
    for seed in range(arguments.first_seed, arguments.first_seed + max(arguments.rounds, 2)):
        for place, (name, make) in enumerate(SETS.items()):
            made = make(np.random.default_rng((seed, place)))
            for turn in range(len(SIDES)):
                side = SIDES[(seed + turn) % len(SIDES)]
                found[name][side].append(pools[side].submit(measured, side, made, seed).result())
        print(f"seed {seed} done", flush=True)
    for pool in pools.values():
        pool.shutdown()
    show(found)
    _report.finish(arguments, found)


if __name__ == "__main__":
    main()
