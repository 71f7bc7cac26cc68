"""The linear path: a matrix beside the layers of each side, and the network begins as PCA."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from narrows.networks import Conv, Dense, computation, linear_path
from narrows.networks.network import Network
from narrows.networks.plan import AffinePath, LinearPath, Plan, count_parameters
from narrows.networks.scale import learn
from narrows.networks.weights import before_output


def started(rows: np.ndarray, layers: Dense | Conv, n_components: int, *, code: str = "linear", output: str = "linear") -> Network:
    """Make a network with a linear path as it is before the first step."""
    scale = learn(None, rows)
    plan = layers.plan(rows.shape[1], n_components, code_activation=code, output_activation=output, linear_path=True)
    pca = PCA(n_components).fit(rows)
    weights = computation.first_weights(plan, np.random.default_rng(0), scale.mean)
    return Network(scale, {**weights, **linear_path.first_weights(plan, pca.mean_, pca.components_)}, plan)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return load_digits().data[:200] / 16 - 0.5


@pytest.mark.parametrize(
    "layers",
    [
        Dense(),
        Dense(9, 5),
        Dense(9, tied=True),
        Dense(9, 5, batch_normalization=True),
        Dense(9, dropout=0.3),
        Dense(9, activation="relu"),
        Conv(4, 3, image_shape=(8, 8)),
        Conv(4, strided=True, batch_normalization=True, image_shape=(4, 4, 4)),
    ],
    ids=repr,
)
def test_it_begins_as_pca(rows, layers):
    network, pca = started(rows, layers, 3), PCA(3).fit(rows)

    np.testing.assert_allclose(network.encode(rows), pca.transform(rows), atol=1e-5)
    np.testing.assert_allclose(network.reconstruct(rows), pca.inverse_transform(pca.transform(rows)), atol=1e-5)


@pytest.mark.parametrize("layers", [Dense(4), Conv(3, kernel_size=2, image_shape=(3, 2))], ids=repr)
def test_before_a_sigmoid_it_begins_as_pca_to_first_order(layers):
    rng = np.random.default_rng(0)
    middle = rng.uniform(0.3, 0.7, 6)

    for step in (0.02, 0.01):
        rows = middle + step * rng.normal(size=(50, 2)) @ rng.normal(size=(2, 6))
        network, pca = started(rows, layers, 2, output="sigmoid"), PCA(2).fit(rows)
        missed = np.abs(network.reconstruct(rows) - pca.inverse_transform(pca.transform(rows))).max()

        assert missed < 200 * step**2


def test_an_activation_of_the_code_comes_after_both(rows):
    network, pca = started(rows, Dense(9), 3, code="tanh"), PCA(3).fit(rows)

    np.testing.assert_allclose(network.encode(rows), np.tanh(pca.transform(rows)), atol=1e-5)


def test_the_keras_models_have_it_too(rows):
    rows = rows.astype(np.float32)
    network = started(rows, Dense(9, 5), 3, code="tanh")
    rng = np.random.default_rng(1)
    network.weights = {name: value + rng.normal(0, 0.1, value.shape).astype(np.float32) for name, value in network.weights.items()}

    np.testing.assert_allclose(np.array(network.models.encoder(rows)), network.encode(rows), atol=1e-5)
    np.testing.assert_allclose(np.array(network.models.autoencoder(rows)), network.reconstruct(rows), atol=1e-5)


def test_it_is_the_sum_of_what_numpy_computes(rows):
    network = started(rows, Dense(9, activation="tanh"), 3)
    rng = np.random.default_rng(1)
    w = {name: value + rng.normal(0, 0.1, value.shape) for name, value in network.weights.items()}
    network.weights = {name: value.astype(np.float32) for name, value in w.items()}

    hidden = np.tanh(rows @ w["encoder_1/kernel"] + w["encoder_1/bias"])
    codes = hidden @ w["code/kernel"] + w["code/bias"] + rows @ w["code_path/kernel"]

    np.testing.assert_allclose(network.encode(rows), codes, atol=1e-4)


def test_convolutions_hold_the_mean_image_in_their_path():
    """Their last bias is one for each channel."""
    plan = Conv(4, image_shape=(5, 4)).plan(20, 3, code_activation="linear", output_activation="linear", linear_path=True)

    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert [count_parameters(layer) for layer in plan if isinstance(layer, LinearPath | AffinePath)] == [(60, 0), (60, 20)]
    flat = Conv(4, image_shape=(5, 4)).plan(20, None, code_activation="linear", output_activation="linear", linear_path=True)
    assert not flat.linear_path


def test_a_plan_with_it_goes_through_json_and_counts_its_weights():
    plan = Dense(9, 5).plan(20, 3, code_activation="linear", output_activation="linear", linear_path=True)

    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert plan.linear_path
    assert not Dense(9).plan(20, 3, code_activation="linear", output_activation="linear").linear_path
    assert [count_parameters(layer) for layer in plan if isinstance(layer, LinearPath)] == [(60, 0), (60, 0)]


def test_a_path_that_does_not_take_what_its_side_takes_is_refused():
    plan = Dense(9).plan(20, 3, code_activation="linear", output_activation="linear", linear_path=True)
    wrong = [layer.model_copy(update={"inputs": 9}) if isinstance(layer, LinearPath) else layer for layer in plan.encoder]

    with pytest.raises(ValueError, match=r"layer 'code_path' takes 9 values past the others where 20 come in"):
        Plan.model_validate({**plan.model_dump(), "encoder": wrong})


@pytest.mark.parametrize(("output", "function"), [("sigmoid", lambda x: 1 / (1 + np.exp(-x))), ("linear", lambda x: x)])
def test_what_comes_before_an_output_is_its_inverse_and_slope(output, function):
    row = np.array([0.02, 0.3, 0.5, 0.98])

    value, slope = before_output(output, row)

    np.testing.assert_allclose(function(value), row, rtol=1e-10)
    np.testing.assert_allclose(slope, (function(value + 1e-6) - function(value - 1e-6)) / 2e-6, rtol=1e-6)
