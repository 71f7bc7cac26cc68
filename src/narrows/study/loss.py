"""Whether squared error or cross-entropy is the better loss of images."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from narrows import plot
from narrows.estimators import Autoencoder
from narrows.study.experiment import Experiment, Material, Measured, Results, Setting
from narrows.study.findings import Finding, exceeds, falls_below
from narrows.study.measuring import ACCURACIES, ERRORS, NEIGHBORS, errors, fitted, probes
from narrows.study.picturing import draw_pictured, has_pictures, pictured

ROWS = 20_000
EPOCHS = 20
SIZES = (2, 32)  # numbers in a code
LOSSES = ("mse", "bce")


def name_of(size: int, loss: str) -> str:
    """Give the name of a setting."""
    return f"code of {size}, loss {loss}"


def _measure(size: int, loss: str, material: Material, seed: int) -> Measured:
    _check(material)
    made = fitted(Autoencoder(size, loss=loss, epochs=EPOCHS), material, seed)
    told = probes(made.transform, material, seed, ("k-NN",))
    return Measured({**errors(made, material.test.X), **told}, pictured(made, material))


def _check(material: Material) -> None:
    """Refuse rows that cross-entropy cannot be measured of."""
    for rows in (material.train, material.test):
        if rows.X.dtype != np.uint8 and not (rows.X.min() >= 0 and rows.X.max() <= 1):
            low, high = rows.X.min(), rows.X.max()
            raise ValueError(
                f"{rows.name} has values from {low:.4g} to {high:.4g}, and cross-entropy is of values in [0, 1]: "
                "give images of uint8, or rows scaled to [0, 1]"
            )


def judge(results: Results) -> list[Finding]:
    """Compare the losses by both errors, and by what their codes tell, for each size of code."""
    found: list[Finding] = []
    for size in SIZES:
        squared, entropy = name_of(size, "mse"), name_of(size, "bce")
        errors_of = {figure: (results.values(squared, figure), results.values(entropy, figure)) for figure in ERRORS}
        by_squared, by_entropy = errors_of["squared error"]
        knn = (results.values(entropy, "k-NN"), results.values(squared, "k-NN"))
        found += [
            falls_below(f"code of {size}: trained on cross-entropy, the cross-entropy is lower", *errors_of["cross-entropy"][::-1]),
            falls_below(f"code of {size}: trained on squared error, the squared error is lower", by_squared, by_entropy),
            exceeds(f"code of {size}: k-NN ({NEIGHBORS}) reads more from codes trained on cross-entropy", *knn),
        ]
    return found


def draw(results: Results) -> Any:
    """Draw reconstructions of some test rows; of rows that are no images, the squared errors."""
    if has_pictures(results):
        beside = {name: f"{name}\nsquared error {results.mean(name, 'squared error'):.4f}" for name in results.settings}
        return draw_pictured(results, beside)
    return plot.bars({name: results.values(name, "squared error") for name in results.settings}, up="squared error of test rows")


EXPERIMENT = Experiment(
    name="loss",
    shows="squared error against cross-entropy as the loss: both errors of both, and their reconstructions",
    claim="Images of values in [0, 1] are rebuilt by minimizing squared error or binary cross-entropy: the textbook takes the one for "
    "dense networks, the other for convolutional ones, and compares them nowhere.",
    method="Networks by the default settings, equal but for the loss, squared error (mse) or binary cross-entropy (bce), train on "
    f"{ROWS:,} rows for {EPOCHS} epochs. Both errors are measured on test rows, in scaled units; "
    f"k-NN ({NEIGHBORS}) is fitted to training codes and measured on test codes.",
    figures={**ERRORS, "k-NN": ACCURACIES["k-NN"]},
    settings=tuple(Setting(name_of(size, loss), partial(_measure, size, loss)) for size in SIZES for loss in LOSSES),
    judge=judge,
    draw=draw,
    n_rows=ROWS,
)
