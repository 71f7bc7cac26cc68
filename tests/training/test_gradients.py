"""Norms of gradients by kernel agree with finite differences of a plain float64 pass."""

from __future__ import annotations

import numpy as np
import pytest
from tests.training.conftest import Trial

from narrows import Dense
from narrows.networks import scale as scales
from narrows.networks.network import Network
from narrows.training.gradients import gradient_norms

STEP = 1e-5
KERNELS = ["encoder_1/kernel", "code/kernel", "decoder_1/kernel", "output/kernel"]


def plain_loss(weights: dict[str, np.ndarray], rows: np.ndarray, loss: str) -> float:
    """Pass rows through tanh, a linear code, tanh and a sigmoid, in float64."""
    values = rows.astype(np.float64)
    for layer in ("encoder_1", "code", "decoder_1", "output"):
        values = values @ weights[f"{layer}/kernel"] + weights[f"{layer}/bias"]
        values = np.tanh(values) if layer in ("encoder_1", "decoder_1") else values
    rebuilt = 1 / (1 + np.exp(-values))
    if loss == "mse":
        return float(np.square(rebuilt - rows).mean())
    return float(-(rows * np.log(rebuilt) + (1 - rows) * np.log(1 - rebuilt)).mean())


@pytest.fixture
def network(unit_rows) -> Network:
    trial = Trial(Dense(4, activation="tanh"), unit_rows, output="sigmoid")
    return Network(scales.learn("auto", unit_rows), trial.weights, trial.plan)


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_norms_are_those_of_finite_differences(network, unit_rows, loss):
    weights = {name: value.astype(np.float64) for name, value in network.weights.items()}

    def norm(kernel: np.ndarray) -> float:
        squares = 0.0
        for place in np.ndindex(kernel.shape):
            before, sides = kernel[place], []
            for step in (STEP, -STEP):
                kernel[place] = before + step
                sides.append(plain_loss(weights, unit_rows, loss))
            kernel[place] = before
            squares += ((sides[0] - sides[1]) / (2 * STEP)) ** 2
        return float(np.sqrt(squares))

    found = gradient_norms(network, loss, unit_rows)

    assert list(found) == KERNELS
    assert found == pytest.approx({name: norm(weights[name]) for name in KERNELS}, rel=1e-3)


def test_no_weight_is_changed(network, unit_rows):
    before = {name: value.copy() for name, value in network.weights.items()}

    gradient_norms(network, "mse", unit_rows)

    assert all(np.array_equal(before[name], value) for name, value in network.weights.items())
