"""The table: compiled training against plain Keras gradients and optimizer steps, whatever is combined.

The oracle runs Keras layers one after the other, takes JAX's own derivative of a loss that is written out here, and lets
the Keras optimizer apply it, step by step. Nothing of it is narrows but the order of the rows.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.training.conftest import BATCH, COMPONENTS, FEATURES, ROWS, Trial

from narrows import Conv, Dense
from narrows.training.samplers import Shuffle

EPOCHS = 2
QUICK = {"xla_backend_optimization_level": 0}  # the oracle runs six steps: compiling them well would take the time


def absolute_cubes(target: Any, rebuilt: Any) -> Any:
    """A loss of the user's own: a value per row."""
    return keras.ops.mean(keras.ops.abs(target - rebuilt) ** 3, axis=-1)


def cross_entropy(target: Any, raw: Any) -> Any:
    return -(target * jax.nn.log_sigmoid(raw) + (1 - target) * jax.nn.log_sigmoid(-raw)).mean(-1)


# name: (loss as narrows takes it, output activation, per-row loss of target and raw output, by hand)
LOSSES: dict[str, tuple[Any, str, Callable[[Any, Any], Any]]] = {
    "mse": ("mse", "linear", lambda target, raw: ((raw - target) ** 2).mean(-1)),
    "mse of sigmoid": ("mse", "sigmoid", lambda target, raw: ((jax.nn.sigmoid(raw) - target) ** 2).mean(-1)),
    "bce": ("bce", "sigmoid", cross_entropy),
    "huber": ("huber", "linear", lambda t, raw: jnp.where(abs(t - raw) <= 1, (t - raw) ** 2 / 2, abs(t - raw) - 0.5).mean(-1)),
    "an instance": (
        keras.losses.Huber(delta=0.2),
        "linear",
        lambda t, r: jnp.where(abs(t - r) <= 0.2, (t - r) ** 2 / 2, 0.2 * abs(t - r) - 0.02).mean(-1),
    ),
    "own": (absolute_cubes, "linear", lambda target, raw: (abs(target - raw) ** 3).mean(-1)),
}

OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: keras.optimizers.SGD(),
    "nesterov": lambda: keras.optimizers.SGD(momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(momentum=0.01),
    "adam": lambda: keras.optimizers.Adam(),
    "adamw": lambda: keras.optimizers.AdamW(weight_decay=0.05),
    "clipnorm": lambda: keras.optimizers.SGD(clipnorm=0.05),
    "global clipnorm": lambda: keras.optimizers.Adam(global_clipnorm=0.05),
    "ema": lambda: keras.optimizers.Adam(use_ema=True, ema_momentum=0.8),
    "ema, overwriting": lambda: keras.optimizers.SGD(use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2),
    "accumulation": lambda: keras.optimizers.SGD(gradient_accumulation_steps=2),
}


TANH = Dense(6, activation="tanh")


@dataclass(frozen=True)
class Case:
    """One combination."""

    layers: Dense | Conv = TANH
    loss: str = "mse"
    optimizer: str = "sgd"
    code: tuple[float, float] = (0.0, 0.0)
    weighted: bool = False
    as_bytes: bool = False
    rows: int = ROWS
    rate: float = 0.05


# A bias before a normalization has no gradient but rounding, which Adam would blow up to whole steps: those cases descend plainly.
CASES = {
    "plain": Case(Dense(6, 4, activation="tanh")),
    "no hidden layers": Case(Dense(), rate=0.2),
    "bce": Case(loss="bce", optimizer="adam"),
    "bce of bytes": Case(loss="bce", optimizer="rmsprop", as_bytes=True),
    "mse of sigmoid, nesterov": Case(loss="mse of sigmoid", optimizer="nesterov"),
    "huber, adamw": Case(loss="huber", optimizer="adamw"),
    "loss instance, weights": Case(loss="an instance", weighted=True, optimizer="rmsprop"),
    "own loss, clipnorm": Case(loss="own", optimizer="clipnorm"),
    "own loss, dropout, bytes": Case(Dense(6, dropout=0.3), "own", "adam", as_bytes=True),
    "kernel penalties": Case(Dense(6, 4, l1=1e-3, l2=1e-2), optimizer="nesterov"),
    "kernel penalties, tied": Case(Dense(6, l1=1e-3, l2=1e-2, tied=True), "bce", "adam"),
    "code penalties": Case(code=(0.01, 0.02), optimizer="adam"),
    "code penalties, weights, bytes": Case(code=(0.01, 0.0), weighted=True, as_bytes=True, loss="bce"),
    "dropout, weights, ema": Case(Dense(6, dropout=0.2), "bce", "ema", weighted=True),
    "normalization": Case(Dense(6, batch_normalization=True, activation="relu"), optimizer="nesterov"),
    "normalization, dropout, penalties": Case(
        Dense(6, batch_normalization=True, dropout=0.3, l2=1e-2, activation="selu"), "bce", "nesterov", code=(0.0, 0.01)
    ),
    "normalization, weights, accumulation": Case(Dense(6, batch_normalization=True), "huber", "accumulation", weighted=True),
    "tied": Case(Dense(6, 4, tied=True, activation="tanh"), optimizer="nesterov"),
    "tied, global clipnorm": Case(Dense(6, tied=True), "bce", "global clipnorm"),
    "tied, normalization, weights": Case(Dense(6, tied=True, batch_normalization=True), "mse", "nesterov", weighted=True, as_bytes=True),
    "tied, no hidden layers": Case(Dense(tied=True), "mse of sigmoid", "ema, overwriting", as_bytes=True),
    "everything": Case(
        Dense(6, 4, tied=True, batch_normalization=True, dropout=0.2, l1=1e-3, l2=1e-3), "bce", "ema, overwriting", (0.01, 0.01), True, True
    ),
    "convolutions": Case(Conv(3, kernel_size=2, activation="tanh", image_shape=(4, 2), l2=1e-2), "bce", "adam"),
    "convolutions, strided, normalized, dropout": Case(
        Conv(3, kernel_size=2, strided=True, batch_normalization=True, dropout=0.2, image_shape=(2, 2, 2)), "mse", "nesterov", weighted=True
    ),
    "whole batches": Case(rows=2 * BATCH, optimizer="adam"),
    "fewer rows than a batch": Case(rows=5, optimizer="adam", weighted=True),
}


def oracle_convolutions(layers: Conv) -> list[Any]:
    """The same network of one convolution and its mirror image in Keras's words, of images that can be halved."""
    keras_layers, (height, width, channels), (filters,) = keras.layers, layers.image_shape, layers.filters
    options = {"padding": "same", "kernel_initializer": "zeros"}
    conv = functools.partial(keras_layers.Conv2D, kernel_size=layers.kernel_size, **options)
    up = functools.partial(keras_layers.Conv2DTranspose, kernel_size=layers.kernel_size, strides=2, **options)
    dense = functools.partial(keras_layers.Dense, kernel_initializer="zeros")
    small = (height // 2, width // 2, filters)

    def hidden(layer: Any, *between: Any) -> list[Any]:
        if not layers.batch_normalization:
            layer.activation = keras.activations.get(layers.activation)
            return [layer, *between]
        rest = [keras_layers.BatchNormalization(name=f"{layer.name}_normalization"), keras_layers.Activation(layers.activation)]
        return [layer, *between, *rest, keras_layers.Dropout(layers.dropout, seed=0, name=f"{layer.name}_dropout")]

    return [
        keras_layers.Reshape(layers.image_shape),
        *hidden(conv(filters, strides=2 if layers.strided else 1, name="encoder_1")),
        *([] if layers.strided else [keras_layers.MaxPooling2D(2, padding="same")]),
        keras_layers.Flatten(),
        dense(COMPONENTS, name="code"),
        *hidden(dense(math.prod(small), name="decoder_dense"), keras_layers.Reshape(small)),
        *hidden((up if layers.strided else conv)(filters, name="decoder_1")),
        *([] if layers.strided else [keras_layers.UpSampling2D(2)]),
        conv(channels, name="output"),
        keras_layers.Flatten(),
    ]


def oracle_layers(layers: Dense | Conv) -> list[Any]:
    """The same network in Keras's words, decoder mirrored by hand, linear at the end."""
    if isinstance(layers, Conv):
        return oracle_convolutions(layers)
    keras_layers = keras.layers
    dense = functools.partial(keras_layers.Dense, kernel_initializer="zeros")  # until the first weights are set
    stack: list[Any] = []

    def hidden(name: str, units: int) -> None:
        if layers.batch_normalization:
            stack.extend([dense(units, name=name), keras_layers.BatchNormalization(name=f"{name}_normalization")])
            stack.append(keras_layers.Activation(layers.activation))
        else:
            stack.append(dense(units, layers.activation, name=name))
        if layers.dropout:
            stack.append(keras_layers.Dropout(layers.dropout, seed=0, name=f"{name}_dropout"))

    for number, units in enumerate(layers.widths, 1):
        hidden(f"encoder_{number}", units)
    stack.append(dense(COMPONENTS, name="code"))
    for number, units in enumerate(layers.widths[::-1], 1):
        hidden(f"decoder_{number}", units)
    stack.append(dense(FEATURES, name="output"))
    return stack


def twins(layers: Dense | Conv) -> dict[str, str]:
    """Which kernel is the transpose of which."""
    if isinstance(layers, Conv) or not layers.tied:
        return {}
    down = [*(f"encoder_{number}" for number in range(1, len(layers.widths) + 1)), "code"]
    up = [*(f"decoder_{number}" for number in range(1, len(layers.widths) + 1)), "output"]
    return {f"{name}/kernel": f"{twin}/kernel" for name, twin in zip(up, down[::-1], strict=True)}


def oracle(case: Case, first: dict[str, np.ndarray], rows: np.ndarray, weight: np.ndarray | None, seed: int) -> tuple[Any, Sequence[float]]:
    """Train by plain steps; give the last weights and the loss of each epoch."""
    stack, ties = oracle_layers(case.layers), twins(case.layers)
    shape = (None, FEATURES)
    for layer in stack:
        layer.build(shape)
        shape = layer.compute_output_shape(shape)
    named = {f"{layer.name}/{variable.name}": variable for layer in stack for variable in layer.variables}
    for name, value in first.items():
        named[name].assign(value)
    free = {name: v for name, v in named.items() if v.trainable and name not in ties}
    state = {name: v.value for name, v in named.items() if not v.trainable or name.endswith("seed_generator_state")}
    kernels = [name for name in free if name.endswith("/kernel")]  # a tied kernel is penalized where it lives, once
    per_row = LOSSES[case.loss][2]

    def loss(trainable: dict[str, Any], state: dict[str, Any], x: Any, w: Any) -> Any:
        values = trainable | {name: trainable[twin].T for name, twin in ties.items()}
        signal, moved = x, {}
        for layer in stack:
            own = (
                [f"{layer.name}/{v.name}" for v in layer.trainable_variables],
                [f"{layer.name}/{v.name}" for v in layer.non_trainable_variables],
            )
            options = {"training": True} if isinstance(layer, keras.layers.BatchNormalization | keras.layers.Dropout) else {}
            signal, after = layer.stateless_call([values[n] for n in own[0]], [state[n] for n in own[1]], signal, **options)
            moved |= dict(zip(own[1], after, strict=True))
            if layer.name == "code":
                code = signal
        values = per_row(x, signal) + case.code[0] * abs(code).sum(-1) + case.code[1] * (code**2).sum(-1)
        penalty = sum(case.layers.l1 * abs(trainable[name]).sum() + case.layers.l2 * (trainable[name] ** 2).sum() for name in kernels)
        return (w * values).sum() / w.sum() + penalty, moved

    optimizer = OPTIMIZERS[case.optimizer]()
    optimizer.learning_rate = case.rate
    optimizer.build(list(free.values()))

    def plain_step(trainable: dict[str, Any], state: dict[str, Any], moments: list[Any], x: Any, w: Any) -> Any:
        (value, state), gradient = jax.value_and_grad(loss, has_aux=True)(trainable, state, x, w)
        weights, moments = optimizer.stateless_apply(moments, [gradient[name] for name in free], [trainable[name] for name in free])
        return value, dict(zip(free, weights, strict=True)), state, moments

    trainable, moments = {name: v.value for name, v in free.items()}, [v.value for v in optimizer.variables]
    batch = min(BATCH, 1 << (len(rows) - 1).bit_length())
    scaled = rows.astype(np.float32) / 255 if case.as_bytes else rows
    step, losses = None, []
    for epoch in range(EPOCHS):
        order = Shuffle(len(rows), seed).order(epoch, 1 << (len(rows) + batch).bit_length())
        summed = total = 0.0
        for start in range(0, len(rows), batch):
            index = order[start : start + batch]
            w = (start + np.arange(batch) < len(rows)) * (np.ones_like(index) if weight is None else weight[index]).astype(np.float32)
            step = step or jax.jit(plain_step).lower(trainable, state, moments, scaled[index], w).compile(QUICK)
            value, trainable, state, moments = step(trainable, state, moments, scaled[index], w)
            summed, total = summed + float(value) * w.sum(), total + w.sum()
        losses.append(summed / total)
    for variables, values in ((free.values(), [trainable[name] for name in free]), (optimizer.variables, moments)):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    optimizer.finalize_variable_values(list(free.values()))
    return {name: np.array(v) for name, v in free.items()} | {name: np.array(value) for name, value in state.items()}, losses


def rows_of(case: Case) -> np.ndarray:
    rng = np.random.default_rng(5)
    if case.as_bytes:
        return rng.integers(0, 256, (case.rows, FEATURES), dtype=np.uint8)
    return rng.random((case.rows, FEATURES), dtype=np.float32)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_compiled_steps_are_plain_keras_steps(case):
    rows = rows_of(case)
    weight = np.random.default_rng(6).uniform(0.2, 3, case.rows).astype(np.float32) if case.weighted else None
    loss, output, _ = LOSSES[case.loss]
    made = Trial(case.layers, rows, output=output, loss=loss, weight=weight)
    if any(case.code):
        made.penalize_codes(*case.code)

    outcome = made(OPTIMIZERS[case.optimizer](), case.rate, epochs=EPOCHS, seed=11)

    expected, losses = oracle(case, made.weights, rows, weight, seed=11)
    assert outcome.weights.keys() == expected.keys()
    np.testing.assert_allclose(outcome.history["loss"], losses, rtol=1e-4)
    moved = 0.0
    for name, value in outcome.weights.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, atol=2e-5, err_msg=name)
        moved = max(moved, float(abs(value.astype(float) - made.weights[name]).max()))
    assert moved > 1e-3


def own_pair(n_features: int, n_components: int) -> tuple[Any, Any]:
    """Models of the user's own: two branches, a layer norm, noise, penalties on weights and activity, a constraint."""
    rows = keras.Input((n_features,))
    wide = keras.layers.Dense(6, "relu", kernel_regularizer="l2", activity_regularizer=keras.regularizers.L1(1e-3))(rows)
    narrow = keras.layers.Dense(6, "tanh", kernel_constraint=keras.constraints.MaxNorm(0.7))(keras.layers.GaussianNoise(0.1, seed=4)(rows))
    joined = keras.layers.LayerNormalization()(keras.layers.Add()([wide, narrow]))
    encoder = keras.Model(rows, keras.layers.Dense(n_components)(joined))
    decoder = keras.Sequential([keras.Input((n_components,)), keras.layers.Dense(n_features, "sigmoid")])
    return encoder, decoder


@pytest.mark.parametrize("optimizer", ["nesterov", "adam"])
def test_own_models_train_as_keras_trains_them(optimizer, unit_rows):
    """The oracle is ``train_on_batch`` of the same models, compiled by Keras."""
    rows = unit_rows[: 2 * BATCH]
    made = Trial(own_pair, rows, loss="mse")
    computation = made.computation
    computation.assign(made.weights)
    source = keras.Input((FEATURES,))
    whole = keras.Model(source, computation.decoder(computation.encoder(source)))

    outcome = made(OPTIMIZERS[optimizer](), 0.05, epochs=EPOCHS, seed=3)

    theirs = OPTIMIZERS[optimizer]()
    theirs.learning_rate = 0.05
    whole.compile(theirs, "mse")
    for epoch in range(EPOCHS):
        order = Shuffle(len(rows), 3).order(epoch, len(rows))
        for start in range(0, len(rows), BATCH):
            batch = rows[order[start : start + BATCH]]
            whole.train_on_batch(batch, batch)
    expected = computation.weights()
    for name, value in outcome.weights.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, atol=2e-5, err_msg=name)
    assert any(abs(outcome.weights[name] - made.weights[name]).max() > 1e-3 for name in computation.trainable)


def numpy_epoch(weights: dict[str, np.ndarray], rows: np.ndarray, order: np.ndarray, batch: int, rate: float) -> dict[str, np.ndarray]:
    """Squared error of a tanh network with one hidden layer, descended by plain gradient in float64."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    for start in range(0, len(rows), batch):
        x = rows[order[start : min(start + batch, len(rows))]].astype(np.float64)
        h = np.tanh(x @ w["encoder_1/kernel"] + w["encoder_1/bias"])
        z = h @ w["code/kernel"] + w["code/bias"]
        g = np.tanh(z @ w["decoder_1/kernel"] + w["decoder_1/bias"])
        out = 2 * (g @ w["output/kernel"] + w["output/bias"] - x) / x.size
        dg = out @ w["output/kernel"].T * (1 - g**2)
        dz = dg @ w["decoder_1/kernel"].T
        dh = dz @ w["code/kernel"].T * (1 - h**2)
        pairs = {"output": (g, out), "decoder_1": (z, dg), "code": (h, dz), "encoder_1": (x, dh)}
        for name, (inputs, error) in pairs.items():
            w[f"{name}/kernel"] = w[f"{name}/kernel"] - rate * inputs.T @ error
            w[f"{name}/bias"] = w[f"{name}/bias"] - rate * error.sum(0)
    return w


@pytest.mark.parametrize(("rows", "batch"), [(ROWS, BATCH), (40_000, 256), (40_000, 65_536)], ids=str)
def test_compiled_training_is_numpys_in_float64(rows, batch):
    """Also above 32,768 rows, in many small steps and in a single one: where jax 0.10.2 goes wrong in silence."""
    table = np.random.default_rng(2).random((rows, FEATURES), dtype=np.float32)
    made = Trial(Dense(6, activation="tanh"), table)

    outcome = made("sgd", 0.1, epochs=1, batch_size=batch, seed=9)

    expected = numpy_epoch(made.weights, table, Shuffle(rows, 9).order(0, rows), batch, 0.1)
    for name, value in outcome.weights.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-5, err_msg=name)
        assert abs(value - made.weights[name]).max() > 1e-5
