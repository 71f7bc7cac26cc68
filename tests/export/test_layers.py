"""ONNX Runtime computes every kind of layer and every activation as the plan says, and as Keras does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.export._activations import NAMES
from narrows.export._layers import transposed_padding
from narrows.export._parts import built
from narrows.export._plain import PlainNetwork
from narrows.networks.plan import (
    ActivationLayer,
    AffinePath,
    BatchNormalizationLayer,
    ConvLayer,
    CroppingLayer,
    DenseLayer,
    DropoutLayer,
    FlattenLayer,
    Head,
    LinearPath,
    MaxPoolingLayer,
    ReshapeLayer,
    TransposedConvLayer,
    UpsamplingLayer,
)

ABOUT = {"estimator": "Autoencoder"}
CODES = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)


def dense(name, inputs, units, **more):
    return DenseLayer(name=name, inputs=inputs, units=units, **more)


def on_image(layer, height=4, width=3):
    """Give a decoder whose one layer of interest takes images of two channels."""
    reshape = ReshapeLayer(name="r0", shape=(height, width, 2))
    return dense("d0", 3, height * width * 2), reshape, layer, FlattenLayer(name="f1")


def assert_alike(found, wanted):
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 3e-6 * np.ptp(wanted)


@pytest.mark.parametrize("name", NAMES)
def test_an_activation_on_values_and_on_channels(name, make, run):
    conv = ConvLayer(name="c1", inputs=2, units=5, kernel_size=1, activation=name)
    for layers in ((dense("d1", 3, 7, activation=name), dense("d2", 7, 6)), on_image(conv)):
        network = make(decoder=layers)

        assert_alike(run(built(network, "decoder", ABOUT), CODES)["reconstruction"], PlainNetwork(network).decode(CODES))


@given(
    kind=st.sampled_from([ConvLayer, TransposedConvLayer]),
    size=st.integers(1, 6),
    strides=st.integers(1, 4),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
)
def test_convolutions_of_all_sizes(kind, size, strides, height, width, make, run):
    network = make(decoder=on_image(kind(name="c1", inputs=2, units=3, kernel_size=size, strides=strides), height, width))

    assert_alike(run(built(network, "decoder", ABOUT), CODES)["reconstruction"], PlainNetwork(network).decode(CODES))


@given(kind=st.sampled_from([MaxPoolingLayer, UpsamplingLayer]), size=st.integers(1, 7), height=st.integers(1, 9), width=st.integers(1, 9))
def test_pooling_and_upsampling_of_all_sizes(kind, size, height, width, make, run):
    network = make(decoder=on_image(kind(name="m1", size=size), height, width))

    assert_alike(run(built(network, "decoder", ABOUT), CODES)["reconstruction"], PlainNetwork(network).decode(CODES))


@given(size=st.integers(1, 9), strides=st.integers(1, 9))
def test_a_transposed_convolution_keeps_as_many_pixels_as_its_strides(size, strides):
    before, behind, more = transposed_padding(size, strides)

    assert min(before, behind, more) >= 0
    assert more < strides  # else ONNX Runtime refuses it
    assert (5 - 1) * strides + size - before - behind + more == 5 * strides


DENSE = (
    dense("d1", 3, 5),
    BatchNormalizationLayer(name="b1", units=5),
    ActivationLayer(name="a1", units=5, activation="gelu"),
    DropoutLayer(name="o1", units=5, rate=0.5),
    dense("d2", 5, 8, tied_to="e2"),
    LinearPath(name="p1", inputs=3, units=8),
)
IMAGES = (
    dense("d0", 3, 30),
    ReshapeLayer(name="r0", shape=(5, 3, 2)),
    ConvLayer(name="c1", inputs=2, units=4, kernel_size=4, strides=2, activation="softmax"),
    TransposedConvLayer(name="t1", inputs=4, units=3, kernel_size=4, strides=3),
    BatchNormalizationLayer(name="b1", units=3),
    ActivationLayer(name="a1", units=3, activation="gelu"),
    MaxPoolingLayer(name="m1"),
    UpsamplingLayer(name="u1", size=3),
    CroppingLayer(name="k1", rows=1, columns=2),
    FlattenLayer(name="f1"),
    AffinePath(name="p1", inputs=3, units=294),
)
PREDICTING = (dense("h1", 3, 4, activation="relu"), dense("h2", 4, 1))
NETWORKS = {
    "dense": {
        "decoder": DENSE,
        "encoder": (dense("e2", 8, 5, activation="tanh"), dense("e3", 5, 3), LinearPath(name="q1", inputs=8, units=3)),
        "head": Head(n_components=3, n_outputs=4, layers=(PREDICTING[0], dense("h2", 4, 4)), activation="softmax"),
        "output": "sigmoid",
    },
    "images": {
        "decoder": IMAGES,
        "head": Head(n_components=3, n_outputs=1, layers=PREDICTING, activation="linear"),
        "output": "softplus",
    },
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_all_kinds_is_the_one_in_memory(name, make, run, rng):
    network = make(**NETWORKS[name])
    rows = rng.normal(0, 2, (7, network.plan.n_features)).astype(np.float32)

    for model in (network, PlainNetwork(network)):
        whole = run(built(network, "autoencoder", ABOUT), rows)
        predicted = "probabilities" if name == "dense" else "prediction"
        assert list(whole) == ["codes", "reconstruction", predicted]
        assert_alike(whole["codes"], model.encode(rows))
        assert_alike(whole["reconstruction"], model.reconstruct(rows))
        assert_alike(whole[predicted], model.predict(rows))
    alone = run(built(network, "decoder", ABOUT), whole["codes"])
    assert list(alone) == ["reconstruction"]
    assert_alike(alone["reconstruction"], whole["reconstruction"])


def test_rows_that_are_not_scaled_go_in_as_they_are(make, run):
    network = make(decoder=(dense("d1", 3, 6),), scale="none")
    rows = np.random.default_rng(2).random((7, 6))

    assert_alike(run(built(network, "encoder", ABOUT), rows)["codes"], PlainNetwork(network).encode(rows.astype(np.float32)))


def test_a_large_offset_is_taken_away_before_anything_is_rounded(make, run):
    network = make(decoder=(dense("d1", 3, 6),))
    network.scale.shift[:] = 1.7e9
    network.scale.factor[:] = 1e-6
    rows = np.float32(1.7e9) + np.random.default_rng(2).normal(0, 1e6, (7, 6)).astype(np.float32)

    assert_alike(run(built(network, "encoder", ABOUT), rows)["codes"], network.encode(rows))


def test_a_tied_kernel_is_held_once(make):
    import onnx

    network = make(**NETWORKS["dense"])

    names = [held.name for held in onnx.load_from_string(built(network, "autoencoder", ABOUT)).graph.initializer]
    assert names.count("e2/kernel") == 1
    assert not [name for name in names if name.startswith("d2/kernel")]
