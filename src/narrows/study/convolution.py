"""What convolutions are worth for images: against dense layers of as many parameters, and at an equal size of the code."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from narrows import plot
from narrows.estimators import Autoencoder
from narrows.estimators.recipes import recipe
from narrows.networks import Conv, Dense
from narrows.networks.table import plan_table
from narrows.study.experiment import Experiment, Material, Measured, Results, Setting
from narrows.study.findings import Finding, exceeds, falls_below
from narrows.study.measuring import ACCURACIES, ERRORS, NEIGHBORS, errors, fitted, probes

CODE = 32
ROWS, EPOCHS = 20_000, 10
DRAWN = 8  # test images in a picture
CONV, EQUAL = "convolutional", "dense, as many parameters"
DEFAULT, TEXTBOOK = "dense, default widths", "convolutional, textbook settings"
ORIGINAL = "test rows"
PROBED = ("k-NN", "logistic")


def _filters(material: Material) -> Conv:
    return Conv(32, 16, image_shape=material.image_shape)


def _convolutional(material: Material) -> Autoencoder:
    return Autoencoder(CODE, layers=_filters(material), epochs=EPOCHS)


def _as_many(material: Material) -> Autoencoder:
    """Give the network of one dense hidden layer that comes closest to the convolutional one's number of parameters."""
    n_features = material.train.X.shape[1]
    wanted, narrowest, next_one = (_n_parameters(layers, n_features) for layers in (_filters(material), Dense(1), Dense(2)))
    width = max(1, 1 + round((wanted - narrowest) / (next_one - narrowest)))  # each unit adds as many
    return Autoencoder(CODE, layers=Dense(width), epochs=EPOCHS)


def _n_parameters(layers: Conv | Dense, n_features: int) -> int:
    plan = layers.plan(n_features, CODE, code_activation="linear", output_activation="sigmoid", linear_path=True)
    return plan_table(plan).n_parameters


def _default(material: Material) -> Autoencoder:
    del material
    return Autoencoder(CODE, epochs=EPOCHS)


def _textbook(material: Material) -> Autoencoder:
    return recipe("convolutional", layers__image_shape=material.image_shape, epochs=EPOCHS)


def _measure(make: Callable[[Material], Autoencoder], material: Material, seed: int) -> Measured:
    shape = material.image_shape  # dense layers would not ask for it
    made = fitted(make(material), material, seed)
    figures = {
        "parameters": float(made.n_parameters_),
        "code": float(made.layer_table().n_components),
        **errors(made, material.test.X),
        **probes(made.transform, material, seed, PROBED),
        "fit": made.fit_seconds_,
    }
    shown = material.test.X[:DRAWN]
    pictures = {"original": made.scale_rows(shown), "rebuilt": made.reconstruct(shown, scaled=True)}
    return Measured(figures, {"shape": list(shape), **{name: rows.round(3).tolist() for name, rows in pictures.items()}})


def judge(results: Results) -> list[Finding]:
    """Compare convolutions with as many parameters, with a code of as many numbers, and with the textbook's longer code."""
    error = {setting: results.values(setting, "squared error") for setting in results.settings}
    told = {probe: {setting: results.values(setting, probe) for setting in results.settings} for probe in PROBED}
    knn, logistic = (told[probe] for probe in PROBED)
    times = results.mean(DEFAULT, "parameters") / results.mean(CONV, "parameters")
    long = f"{results.mean(TEXTBOOK, 'code'):.0f}"
    named = f"k-NN ({NEIGHBORS})"
    return [
        falls_below("with as many parameters, convolutions rebuild better than dense layers", error[CONV], error[EQUAL]),
        exceeds(f"with as many parameters, their codes tell more to {named}", knn[CONV], knn[EQUAL]),
        exceeds("with as many parameters, their codes tell more to a logistic regression", logistic[CONV], logistic[EQUAL]),
        falls_below(
            f"they rebuild better than the default dense network, of {times:.1f} times the parameters", error[CONV], error[DEFAULT]
        ),
        exceeds(f"their codes tell more to {named} than the default dense network's", knn[CONV], knn[DEFAULT]),
        falls_below(f"the textbook's network, with a code of {long} numbers, rebuilds better than {CODE} do", error[TEXTBOOK], error[CONV]),
        exceeds(f"its code of {long} numbers tells more to {named} than {CODE} do", knn[TEXTBOOK], knn[CONV]),
    ]


def draw(results: Results) -> Any:
    """Draw what each network makes of the same test images."""
    first = results.settings[0]
    lines = {ORIGINAL: results.series(first, "original")}
    for setting in results.settings:
        size, error = results.mean(setting, "parameters"), results.mean(setting, "squared error")
        lines[f"{setting}\n{size:,.0f} parameters, squared error {error:.4f}"] = results.series(setting, "rebuilt")
    return plot.images(lines, results.series(first, "shape").tolist())


EXPERIMENT = Experiment(
    name="convolution",
    shows="convolutions against dense layers: with as many parameters, and at an equal size of the code",
    claim="Convolutional layers suit images better than dense ones; the textbook's snippet calls its code one of 20 numbers, though it is "
    "the last feature map: 7x7x16 on MNIST.",
    method=f"Codes of {CODE} numbers by default settings but for the layers: Conv(32, 16), one dense layer as wide as makes the parameters "
    "as many, and the default widths 500-300-100. Each has the default's linear path, which starts as PCA, beside its layers and counts it "
    f"among its parameters. Beside them the textbook's network, its code the last feature map. All train on {ROWS:,} rows for {EPOCHS} "
    f"epochs; squared error and cross-entropy are those of test rows. k-NN ({NEIGHBORS}) and a logistic regression are fitted to training "
    "codes and measured on test codes.",
    figures={
        "parameters": "parameters",
        "code": "numbers in a code",
        **ERRORS,
        **{probe: ACCURACIES[probe] for probe in PROBED},
        "fit": "seconds of the fit",
    },
    settings=(
        Setting(CONV, partial(_measure, _convolutional)),
        Setting(EQUAL, partial(_measure, _as_many)),
        Setting(DEFAULT, partial(_measure, _default)),
        Setting(TEXTBOOK, partial(_measure, _textbook)),
    ),
    judge=judge,
    draw=draw,
    n_rows=ROWS,
)
