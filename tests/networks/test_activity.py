"""What units do, against the outputs that a plain Keras model gives."""

from __future__ import annotations

import numpy as np
import pytest

from narrows.networks import Conv, Dense
from narrows.networks import computation as computations
from narrows.networks.activity import activity, output_activation
from narrows.networks.network import Network
from narrows.networks.scale import learn


def network(rows: np.ndarray, layers: Dense | Conv, **ends: str) -> Network:
    plan = layers.plan(rows.shape[1], 2, **{"code_activation": "linear", "output_activation": "linear", **ends})
    return Network(learn(None, rows), computations.first_weights(plan, np.random.default_rng(0), None), plan)


@pytest.mark.parametrize("n", [1, 300, 512])
def test_codes_and_reconstructions_are_the_networks(rng, n):
    rows = rng.normal(size=(n, 5)).astype(np.float32)
    made = network(rows, Dense(8, batch_normalization=True, dropout=0.5, tied=True), output_activation="sigmoid")

    seen = activity(made, rows)

    np.testing.assert_allclose(seen.codes, made.encode(rows), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(seen.reconstruction, made.reconstruct(rows, scaled=True), rtol=1e-5, atol=1e-6)


def test_layers_with_an_activation_are_watched(rng):
    rows = rng.normal(size=(50, 5)).astype(np.float32)
    made = network(rows, Dense(8, 4, activation="relu"), code_activation="tanh", output_activation="tanh")

    layers = activity(made, rows).layers

    assert [(layer.name, layer.activation, layer.units, layer.is_code) for layer in layers] == [
        ("encoder_1", "relu", 8, False),
        ("encoder_2", "relu", 4, False),
        ("code", "tanh", 2, True),
        ("decoder_1", "relu", 4, False),
        ("decoder_2", "relu", 8, False),
    ]
    assert output_activation(made) == "tanh"


def test_normalized_layers_are_watched_where_they_are_activated(rng):
    rows = rng.normal(size=(50, 5)).astype(np.float32)

    layers = activity(network(rows, Dense(8, batch_normalization=True)), rows).layers

    assert [layer.name for layer in layers] == ["encoder_1_activation", "decoder_1_activation"]


@pytest.mark.parametrize(
    ("name", "bias", "dead", "saturated"),
    [("relu", -1e3, 3, 0), ("gelu", -1e3, 3, 0), ("relu", 1e3, 0, 0), ("tanh", 1e3, 0, 3), ("sigmoid", -1e3, 0, 3)],
)
def test_dead_and_saturated_units_are_counted(rng, name, bias, dead, saturated):
    """Three units of eight are pushed so far that no row moves them."""
    rows = rng.normal(size=(300, 5)).astype(np.float32)
    made = network(rows, Dense(8, activation=name))
    weights = {key: np.array(value) for key, value in made.weights.items()}
    weights["encoder_1/bias"][:3] = bias

    layer = activity(made.with_weights(weights), rows).layers[0]

    assert (layer.units, layer.dead, layer.saturated) == (8, dead, saturated)


@pytest.mark.parametrize("strided", [False, True])
def test_channels_of_convolutions_are_watched_over_all_pixels(rng, strided):
    """One channel of four gives the same everywhere; of another, one pixel of one row differs."""
    rows = rng.random((300, 36)).astype(np.float32)
    rows[7, 14] = 50
    made = network(rows, Conv(4, 3, activation="relu", image_shape=(6, 6), strided=strided), output_activation="sigmoid")
    weights = {key: np.array(value) for key, value in made.weights.items()}
    weights["encoder_1/bias"][0], weights["encoder_1/bias"][1] = -1e3, -20
    weights["encoder_1/kernel"][..., 1] = 1

    layers = activity(made.with_weights(weights), rows).layers

    assert [(layer.name, layer.units) for layer in layers] == [
        ("encoder_1", 4),
        ("encoder_2", 3),
        ("decoder_dense", 12),
        ("decoder_1", 3),
        ("decoder_2", 4),
    ]
    assert layers[0].dead == 1
    assert activity(made, rows).reconstruction.shape == (300, 36)
