"""Whether tanh is the better activation of a dense autoencoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from narrows import plot
from narrows.diagnostics.units import up_to_the_first_that_is_mute
from narrows.estimators import Autoencoder
from narrows.estimators._fitting import first_network
from narrows.estimators.recipes import recipe
from narrows.networks import Dense
from narrows.networks.activity import LayerActivity, activity
from narrows.networks.network import Network
from narrows.study.experiment import Experiment, Material, Measured, Results, Setting
from narrows.study.findings import Finding, exceeds, falls_below
from narrows.study.measuring import ERRORS, errors, fitted
from narrows.study.picturing import draw_pictured, has_pictures, pictured
from narrows.training.gradients import gradient_norms

ROWS, EPOCHS = 20_000, 15
LOOKED_AT = 512  # the most training rows whose gradients and units are looked at
LAYERS = (500, 300, 100)
TANH, RELU, GELU, SILU = "tanh", "relu", "gelu", "silu"  # by the textbook's settings
LINEAR_CODE = "relu, linear code"
DEFAULT, DEFAULT_TANH = "defaults, gelu", "defaults, tanh"


def _textbook(name: str, code: str | None = None) -> Autoencoder:
    return recipe("dense", layers__activation=name, code_activation=code or name, epochs=EPOCHS)


def _default(name: str) -> Autoencoder:
    return Autoencoder(2, layers=Dense(*LAYERS, activation=name), epochs=EPOCHS)


def _measure(make: Callable[[], Autoencoder], material: Material, seed: int) -> Measured:
    made = make().set_params(random_state=seed)
    before = first_network(made, material.train.X)
    fitted(made, material, seed, validation_data=material.test.X)
    some = made.scale_rows(material.train.X[:: -(-len(material.train.X) // LOOKED_AT)])
    start, end = (_norms(network, made.loss_, some) for network in (before, made._network))
    losses = made.history_.get("val_reconstruction_loss", [])  # of the epochs that ended well
    units = up_to_the_first_that_is_mute(activity(made._network, some).layers)
    figures = {
        "loss": losses[-1] if losses else np.nan,
        **errors(made, material.test.X),
        "diverged": float(made.n_epochs_ < made.epochs),
        "dead": _share(units, "dead"),
        "saturated": _share(units, "saturated"),
        "first": start[0],
        "last": end[0],
    }
    return Measured(figures, {"loss": losses, "start": start, "end": end, **pictured(made, material)})


def _norms(network: Network, loss: str, some: np.ndarray) -> list[float]:
    """Give the norms of gradients from the first layer to the output."""
    norms = gradient_norms(network, loss, some)
    return [norm for name, norm in norms.items() if "path" not in name]


def _share(units: Sequence[LayerActivity], kind: str) -> float:
    return float(sum(getattr(layer, kind) for layer in units) / max(1, sum(layer.units for layer in units)))


def judge(results: Results) -> list[Finding]:
    """Put tanh beside the others, and the default settings beside the textbook's."""
    loss = {setting: results.values(setting, "loss") for setting in results.settings}
    lost = {setting: results.values(setting, "dead") + results.values(setting, "saturated") for setting in results.settings}
    first = {setting: results.values(setting, "first") for setting in results.settings}
    return [
        *(falls_below(f"by the textbook's settings, tanh ends below {other}", loss[TANH], loss[other]) for other in (RELU, GELU, SILU)),
        exceeds("by the textbook's settings, most networks of relu diverge", results.values(RELU, "diverged"), 0.5),
        exceeds("more units are dead or saturated with relu than with tanh", lost[RELU], lost[TANH]),
        falls_below("a linear code is enough for relu to end below the textbook's tanh", loss[LINEAR_CODE], loss[TANH]),
        exceeds("at the start, the first layer's gradient is larger with tanh than with relu", first[TANH], first[RELU]),
        falls_below("the default settings (gelu) end below the textbook's tanh", loss[DEFAULT], loss[TANH]),
        falls_below("among the default settings, gelu ends below tanh", loss[DEFAULT], loss[DEFAULT_TANH]),
    ]


def draw(results: Results) -> Any:
    """Draw losses over epochs, gradients over layers at the start and at the end, and reconstructions."""
    grid = plot.new_grid(2, 2, size=5.0)
    curves, start, end, below = grid.flat

    def drawn(name: str) -> dict[str, Any]:
        values = {setting: results.series(setting, name) for setting in results.settings}
        return {setting: (range(1, len(one) + 1), one) for setting, one in values.items()}

    plot.curves(drawn("loss"), across="epochs", up="loss of test rows, first seed", ax=curves)
    layers = "kernels, from the rows to the output"
    plot.curves(drawn("start"), across=layers, up="norm of the gradient at the start", log=True, ax=start)
    plot.curves(drawn("end"), across=layers, up="norm of the gradient at the end", log=True, ax=end)
    for ax in (start, end):
        ax.get_legend().remove()  # that of the losses serves all
    curves.locator_params(axis="x", integer=True)
    if has_pictures(results):
        draw_pictured(results, ax=below)
    else:
        below.set_visible(False)
    return curves


EXPERIMENT = Experiment(
    name="activation",
    shows="tanh against relu, gelu and silu in the dense network: losses, gradients, divergence, dead units, reconstructions",
    claim="In the dense autoencoder tanh is to be preferred to relu, whose networks learn badly or diverge.",
    method=f"Networks 500-300-100-2 train on {ROWS:,} rows for {EPOCHS} epochs: on MNIST that is long enough for most of the textbook's to "
    "leave the plateau of the mean image. They do so by the textbook's settings (RMSprop, every layer but the output of one activation, "
    "the code too), and by the default ones (linear code, Adam). The loss is the last epoch's, of test rows. Gradients are those of the "
    f"loss of up to {LOOKED_AT} training rows, before the first step and after the last; the same rows tell which units are dead (one "
    "output for all) or saturated (at a bound for nearly all), up to the first layer that has no others. One that diverged stands at its "
    "last good epoch.",
    figures={
        "loss": "loss",
        **ERRORS,
        "diverged": "diverged",
        "dead": "dead units",
        "saturated": "saturated units",
        "first": "first layer's gradient, start",
        "last": "the same, end",
    },
    settings=(
        *(Setting(name, partial(_measure, partial(_textbook, name))) for name in (TANH, RELU, GELU, SILU)),
        Setting(LINEAR_CODE, partial(_measure, partial(_textbook, RELU, "linear"))),
        Setting(DEFAULT, partial(_measure, partial(_default, "gelu"))),
        Setting(DEFAULT_TANH, partial(_measure, partial(_default, "tanh"))),
    ),
    judge=judge,
    draw=draw,
    n_rows=ROWS,
)
