"""How soon each setting leaves the mean image, and which never does."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from narrows import plot, quality
from narrows.estimators import Autoencoder
from narrows.estimators.recipes import recipe
from narrows.networks import Dense
from narrows.study.experiment import Experiment, Material, Measured, Results, Setting
from narrows.study.findings import Finding, exceeds, falls_below
from narrows.study.measuring import fitted

ROWS = 12_000  # a fifth of MNIST, so that each point of a curve is 94 steps of 128 rows
EPOCHS = 25
LEFT = 0.01  # nats below the cross-entropy of the mean image: the plateau is behind
TEXTBOOK, ADAM, LINEAR_CODE = "textbook (tanh, RMSprop)", "textbook with Adam", "textbook with Adam, linear code"
MEAN_BIAS, LECUN = "the same, output from the mean image", "the same, LeCun weights"
COSINE, DEFAULT = "the same, cosine schedule of 0.002", "default settings"

_TANH = {"activation": "tanh", "bias_initializer": "zeros", "code_gain": 1.0}
_ADAM: dict[str, Any] = {"optimizer": "adam", "learning_rate": 0.001, "schedule": "constant", "linear_path": False}


def _adam(*, code_activation: str = "linear", weights: str = "glorot_uniform", mean_bias: bool = False, **parameters: Any) -> Autoencoder:
    layers = Dense(500, 300, 100, kernel_initializer=weights, mean_bias=mean_bias, **_TANH)  # type: ignore[arg-type]
    return Autoencoder(2, layers=layers, code_activation=code_activation, **{**_ADAM, "epochs": EPOCHS, **parameters})


def _measure(make: Any, material: Material, seed: int) -> Measured:
    made = fitted(make(), material, seed, validation_data=material.test.X)
    losses = np.array(made.history_["val_reconstruction_loss"])
    steps = -(-len(material.train.X) // made.batch_size)
    scaled, mean = made.scale_rows(material.test.X), made.scale_rows(material.train.X).mean(0, dtype=np.float64)
    plateau = quality.binary_cross_entropy(scaled, np.broadcast_to(mean, scaled.shape))
    behind = np.flatnonzero(losses < plateau - LEFT)
    left = (int(behind[0]) + 1) * steps if len(behind) else np.nan
    figures = {"left": float(len(behind) > 0), "steps": left, "loss": float(losses[-1]), "plateau": plateau}
    return Measured(figures, {"loss": losses.tolist(), "steps": [(epoch + 1) * steps for epoch in range(len(losses))]})


def judge(results: Results) -> list[Finding]:
    """Compare with the mean image, and the defaults with the textbook's settings."""
    loss = {setting: results.values(setting, "loss") for setting in results.settings}
    bound = {setting: results.values(setting, "plateau") - LEFT for setting in results.settings}
    return [
        falls_below("the textbook's settings leave the mean image", loss[TEXTBOOK], bound[TEXTBOOK]),
        exceeds("the same network never leaves it with Adam 0.001: a collapse that stays", loss[ADAM], bound[ADAM]),
        falls_below("a linear code is enough to leave it with Adam", loss[LINEAR_CODE], bound[LINEAR_CODE]),
        falls_below("the default settings end below the textbook's", loss[DEFAULT], loss[TEXTBOOK]),
        falls_below("the default settings are within their first epoch where the textbook's end", _first(results, DEFAULT), loss[TEXTBOOK]),
    ]


def _first(results: Results, setting: str) -> np.ndarray:
    """Give the loss after as many steps as an epoch of all of MNIST has, for each seed."""
    return np.array([trial.measured.series["loss"][: 60_000 // ROWS][-1] for trial in results.of(setting)])


def draw(results: Results) -> Any:
    """Draw losses over steps."""
    series = {name: (results.series(name, "steps"), results.series(name, "loss")) for name in results.settings}
    steps = next(iter(series.values()))[0]
    mean_image = results.mean(results.settings[0], "plateau")
    lines = {**series, "the mean image": ([steps[0], steps[-1]], [mean_image] * 2)}
    return plot.curves(lines, across="steps of 128 rows", up="cross-entropy of test rows, first seed")  # type: ignore[arg-type]


EXPERIMENT = Experiment(
    name="plateau",
    shows="how soon each setting leaves the mean image, and the collapse that stays",
    claim="The dense autoencoder (tanh, RMSprop) learns a code of two numbers; nothing is said of settings under which it does not.",
    method=f"Networks 500-300-100-2 train on {ROWS:,} rows for {EPOCHS} epochs, and the cross-entropy of test rows is measured after each. "
    f"The plateau is behind where it is {LEFT} nats below that of the mean image.",
    figures={"left": "left the mean image", "steps": "after steps", "loss": "cross-entropy at the end", "plateau": "of the mean image"},
    settings=(
        Setting(TEXTBOOK, partial(_measure, partial(recipe, "dense", epochs=EPOCHS))),
        Setting(ADAM, partial(_measure, partial(_adam, code_activation="tanh"))),
        Setting(LINEAR_CODE, partial(_measure, _adam)),
        Setting(MEAN_BIAS, partial(_measure, partial(_adam, mean_bias=True))),
        Setting(LECUN, partial(_measure, partial(_adam, mean_bias=True, weights="lecun_normal"))),
        Setting(
            COSINE,
            partial(_measure, partial(_adam, mean_bias=True, weights="lecun_normal", learning_rate=0.002, schedule="cosine")),
        ),
        Setting(DEFAULT, partial(_measure, partial(Autoencoder, 2, epochs=EPOCHS))),
    ),
    judge=judge,
    draw=draw,
    n_rows=ROWS,
)
