"""How much a code keeps of rows, and of their labels, over its size."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import numpy as np

from narrows import plot, quality
from narrows.estimators import Autoencoder
from narrows.networks import scale
from narrows.study.elbow import Elbow, find_elbow
from narrows.study.experiment import Experiment, Material, Measured, Results, Setting
from narrows.study.findings import Finding, Verdict, exceeds, falls_below
from narrows.study.measuring import ACCURACIES, NEIGHBORS, errors, fitted, probes

SIZES = (1, 2, 4, 8, 16, 32, 64)
SMALL = (1, 2, 4, 8, 16)  # where PCA is far from rows
ENOUGH = 32
ROWS, EPOCHS = 20_000, 10
RAW = "raw rows"
NETWORK = {size: f"network, {size}" for size in SIZES}
PCA = {size: f"PCA, {size}" for size in SIZES}


def _raw(material: Material, seed: int) -> Measured:
    return Measured(probes(scale.learn("auto", material.train.X).apply, material, seed, ["k-NN"]))


def _linear(size: int, material: Material, seed: int) -> Measured:
    scaled = scale.learn("auto", material.train.X).apply
    code = quality.LinearCode.fit(scaled(material.train.X), size)
    whole = size >= material.train.X.shape[1]  # components that lose nothing but bits
    error = 0.0 if whole else code.reconstruction_figures(scaled(material.test.X)).mean_squared_error
    return Measured({"squared error": error, **probes(lambda rows: code.encode(scaled(rows)), material, seed, ["k-NN"])})


def _network(size: int, material: Material, seed: int) -> Measured:
    made = fitted(Autoencoder(size, epochs=EPOCHS), material, seed)
    return Measured({"squared error": errors(made, material.test.X)["squared error"], **probes(made.transform, material, seed, ["k-NN"])})


def judge(results: Results) -> list[Finding]:
    """Compare sizes with each other, with PCA's and with the rows themselves, and name the elbow."""
    error = np.stack([results.values(NETWORK[size], "squared error") for size in SIZES])
    linear = np.array([results.mean(PCA[size], "squared error") for size in SIZES])
    knn = {size: results.values(NETWORK[size], "k-NN") for size in SIZES}
    named = f"k-NN ({NEIGHBORS})"
    elbows, bend = _elbows(results), find_elbow(SIZES, linear.tolist())
    places = np.array([np.nan if elbow is None else elbow.size for elbow in elbows])
    with np.errstate(divide="ignore"):  # PCA loses nothing of rows with no more features
        falls, beside = error[1:] / error[:-1], error[: len(SMALL)] / linear[: len(SMALL), None]
    least, hardest = int(falls.mean(1).argmax()), int(beside.mean(1).argmax())
    return [
        falls_below(
            f"the squared error falls whenever the code doubles; the largest ratio: from {SIZES[least]} to {SIZES[least + 1]} numbers",
            falls[least],
            1,
        ),
        falls_below(
            f"the network loses less than PCA in {SMALL[0]} to {SMALL[-1]} numbers; the largest ratio of errors: in {SMALL[hardest]}",
            beside[hardest],
            1,
        ),
        falls_below(f"the network loses less than PCA in {SIZES[-1]} numbers, too", error[-1], linear[-1]),
        exceeds(f"{named} on codes of 2 numbers tells more than on PCA's", knn[2], results.mean(PCA[2], "k-NN")),
        exceeds(f"{named} on codes of {ENOUGH} numbers reaches what it tells of raw rows", knn[ENOUGH], results.mean(RAW, "k-NN")),
        _one_elbow(elbows),
        falls_below("the network's error bends at a shorter code than PCA's", places, np.nan if bend is None else bend.size),
    ]


def _elbows(results: Results) -> list[Elbow | None]:
    """Give the elbow of each seed's errors."""
    curves = np.stack([results.values(NETWORK[size], "squared error") for size in SIZES], 1)
    return [find_elbow(SIZES, curve.tolist()) for curve in curves]


def _one_elbow(elbows: list[Elbow | None]) -> Finding:
    """Tell where the elbow lies: one other place refutes that it lies there with every seed."""
    sizes = [None if elbow is None else elbow.size for elbow in elbows]
    place = Counter(sizes).most_common(1)[0][0]
    claim = "the network's error has no elbow" if place is None else f"the network's error bends at {place} numbers, whatever the seed"
    verdict: Verdict = "not confirmed" if len(sizes) < 2 else "confirmed" if len(set(sizes)) == 1 else "refuted"
    found = ["none" if elbow is None else f"at {elbow.size} of strength {elbow.strength:.2f}" for elbow in elbows]
    return Finding(claim, verdict, f"seed by seed: {', '.join(found)}")


def draw(results: Results) -> Any:
    """Draw errors and accuracies over the size of the code, means over seeds."""
    left, right = plot.new_grid(1, 2, size=4.5)[0]
    error, linear = ([results.mean(of[size], "squared error") for size in SIZES] for of in (NETWORK, PCA))
    elbow = find_elbow(SIZES, error)
    plot.errors_by_size(SIZES, error, linear, elbow=None if elbow is None else elbow.size, ax=left)
    raw = results.mean(RAW, "k-NN")
    lines = {name: (SIZES, [results.mean(of[size], "k-NN") for size in SIZES]) for name, of in (("autoencoder", NETWORK), ("PCA", PCA))}
    plot.curves({**lines, RAW: (SIZES, [raw] * len(SIZES))}, across="numbers in a code", up=ACCURACIES["k-NN"], ax=right)
    right.set_xscale("log", base=2)
    right.set_xticks(SIZES, labels=[f"{size}" for size in SIZES])
    return left


EXPERIMENT = Experiment(
    name="bottleneck",
    shows="how much codes of 1 to 64 numbers keep of rows and of their labels, beside PCA",
    claim="The longer the code, the less is lost, and a network loses less than PCA in as many numbers; nothing says how long is enough.",
    method=f"Networks of default settings train on {ROWS:,} rows for {EPOCHS} epochs, one for each size of the code; PCA with as many "
    f"components is fitted to the same rows. Squared errors are those of test rows in scaled units; k-NN ({NEIGHBORS}) is fitted to "
    "training codes and measured on test codes. The elbow is Kneedle's, on a logarithmic axis of sizes.",
    figures={"squared error": "squared error", "k-NN": ACCURACIES["k-NN"]},
    settings=(
        Setting(RAW, _raw, seeded=False),
        *(Setting(PCA[size], partial(_linear, size), seeded=False) for size in SIZES),
        *(Setting(NETWORK[size], partial(_network, size)) for size in SIZES),
    ),
    judge=judge,
    draw=draw,
    n_rows=ROWS,
)
