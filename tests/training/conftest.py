"""What tests of training share: small rows, small networks, and the settings of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from narrows import Conv, Dense
from narrows.networks import computation as computations
from narrows.networks import scale as scales
from narrows.networks.computation import Computation, Weights
from narrows.training import noise as noises
from narrows.training import optimizers
from narrows.training.objective import Objective, reconstruction
from narrows.training.rows import RowSet
from narrows.training.trainer import Outcome, Settings, train

ROWS, FEATURES, COMPONENTS, BATCH = 43, 8, 3, 16  # two whole batches and a ragged one
CLASSES = 3
NO_PENALTY = np.zeros(0, np.float32)


class Trial:
    """One network with its first weights and rows, that can be trained in this way and that.

    With `y`, places of classes or numbers to predict, it has a head of one layer.
    """

    def __init__(
        self,
        layers: Any,
        rows: np.ndarray,
        *,
        output: str = "linear",
        loss: Any = "mse",
        weight: Any = None,
        target: Any = None,
        y: Any = None,
        noise: Any = None,
    ) -> None:
        rng = np.random.default_rng(7)
        scale = scales.learn("auto", rows, weight)
        self.noise = noises.resolve(noise)
        self.rows = RowSet(rows, scale, None if weight is None else np.asarray(weight, np.float32), target, y)
        penalties: dict[str, tuple[float, float]] = {}
        self.plan = None
        if isinstance(layers, Dense | Conv):
            self.plan = layers.plan(rows.shape[1], COMPONENTS, code_activation="linear", output_activation=output)
            if y is not None:
                sizes = (CLASSES, "softmax") if y.ndim == 1 else (y.shape[1], "linear")
                self.plan = self.plan.model_copy(update={"head": Dense(4).head(COMPONENTS, *sizes)})
            self.computation: Computation = computations.of_plan(self.plan.computation)
            self.weights: Weights = computations.first_weights(self.plan, rng, scale.mean)
            penalties = self.plan.penalties
        else:
            self.computation = computations.of_models(layers, rows.shape[1], COMPONENTS, rng)
            self.weights = self.computation.weights()
        applied = self.computation.output_activation
        labels: Any = None if y is None else "classes" if y.ndim == 1 else "numbers"
        self.objective = Objective(reconstruction(loss, output if self.plan else None, applied), False, tuple(penalties), labels)
        self.numbers = {"code_l1": np.float32(0), "code_l2": np.float32(0)}
        self.numbers |= {name: np.array([pair[at] for pair in penalties.values()], np.float32) for at, name in enumerate(("l1", "l2"))}
        if labels:
            self.numbers |= {
                "reconstruction_weight": np.float32(1),
                "label_weight": np.float32(1),
                "class_weight": np.ones(CLASSES, np.float32),
            }
        if self.noise is not None:
            low, high = noises.bounds(scale, rows)
            self.numbers["noise"] = {"strength": np.float32(self.noise.get_params().get("strength", 0)), "low": low, "high": high}

    def penalize_codes(self, l1: float, l2: float) -> None:
        self.numbers |= {"code_l1": np.float32(l1), "code_l2": np.float32(l2)}
        self.objective = replace(self.objective, code_penalty=True)

    def __call__(
        self,
        optimizer: Any = "adam",
        rate: Any = 0.01,
        schedule: Any = "constant",
        *,
        epochs: int = 2,
        batch_size: int = BATCH,
        seed: int = 1,
        precision: str = "float32",
        patience: int | None = None,
        noise_seed: int = 0,
        pair_seed: int | None = None,
        **others: Any,
    ) -> Outcome:
        described, _, rates = optimizers.resolve(optimizer, rate, schedule)
        settings = Settings(
            optimizer=described,
            rates=rates,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            precision=precision,
            patience=patience,
            numbers=self.numbers,
            shared=self.plan is not None,
            noise=self.noise,
            noise_seed=noise_seed,
            pair_seed=pair_seed,
        )
        return train(self.computation, self.weights, self.rows, self.objective, settings, **others)


@pytest.fixture
def unit_rows() -> np.ndarray:
    """Rows in [0, 1]."""
    return np.random.default_rng(3).random((ROWS, FEATURES), dtype=np.float32)


@pytest.fixture
def trial(unit_rows) -> Trial:
    """A network that bears large learning rates: its code starts no wider than any other layer."""
    return Trial(Dense(5, bias_initializer="zeros", code_gain=1.0), unit_rows)


@pytest.fixture
def make_trial() -> Callable[..., Trial]:
    return Trial


def same_bits(one: Outcome, other: Outcome) -> bool:
    """Whether two runs gave the same weights and the same history, bit for bit."""
    weights = all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)
    return weights and one.history == other.history and one.weights.keys() == other.weights.keys()
