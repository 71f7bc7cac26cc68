"""The decoder in the page's language computes what Keras does, for every activation and every kind of layer."""

from __future__ import annotations

import base64
from pathlib import Path

import keras
import numpy as np
import pytest

from narrows import report
from narrows.networks.computation import first_weights
from narrows.networks.network import Network
from narrows.networks.plan import (
    ActivationLayer,
    AffinePath,
    BatchNormalizationLayer,
    ConvLayer,
    CroppingLayer,
    DenseLayer,
    DropoutLayer,
    FlattenLayer,
    LinearPath,
    MaxPoolingLayer,
    Plan,
    ReshapeLayer,
    TransposedConvLayer,
    UpsamplingLayer,
)
from narrows.networks.scale import Scale
from narrows.report import _decoder
from narrows.report._packing import packed

SCRIPTS = Path(report.__file__).parent / "page"


@pytest.fixture(scope="module")
def page(browser):
    made = browser.new_page()
    for name in ("decoder.js", "rows.js"):
        made.add_script_tag(content=(SCRIPTS / name).read_text("utf-8"))
    yield made
    made.close()


@pytest.mark.parametrize("name", _decoder.ACTIVATIONS)
def test_an_activation_is_keras_s(page, name):
    values = np.concatenate([np.linspace(-8, 8, 161), [-60.0, 60.0]]).astype(np.float32)

    found = page.evaluate(
        "([values, name]) => Array.from(activate(Float32Array.from(values), name, values.length))", [values.tolist(), name]
    )

    wanted = np.asarray(keras.activations.get(name)(values[None]))[0]
    np.testing.assert_allclose(np.array(found, np.float32), wanted, rtol=2e-5, atol=2e-6)


def dense(name, inputs, units, **more):
    return DenseLayer(name=name, inputs=inputs, units=units, **more)


IMAGE = dense("d0", 3, 24), ReshapeLayer(name="r0", shape=(4, 3, 2))
SIDES = {
    "dense": ((dense("d1", 3, 7, activation="gelu"), DropoutLayer(name="o1", units=7, rate=0.5), dense("d2", 7, 6)), 6),
    "softmax": ((dense("d1", 3, 7, activation="softmax"), dense("d2", 7, 6)), 6),
    "normalized": (
        (
            dense("d1", 3, 5),
            BatchNormalizationLayer(name="b1", units=5),
            ActivationLayer(name="a1", units=5, activation="tanh"),
            dense("d2", 5, 6),
        ),
        6,
    ),
    "paths": ((dense("d1", 3, 6, activation="relu"), LinearPath(name="p1", inputs=3, units=6)), 6),
    "affine": ((dense("d1", 3, 6, activation="relu"), AffinePath(name="p1", inputs=3, units=6)), 6),
    "conv": ((*IMAGE, ConvLayer(name="c1", inputs=2, units=3, kernel_size=3, activation="relu"), FlattenLayer(name="f1")), 36),
    "conv of even kernel, strided": (
        (*IMAGE, ConvLayer(name="c1", inputs=2, units=3, kernel_size=4, strides=2), FlattenLayer(name="f1")),
        12,
    ),
    "transposed": ((*IMAGE, TransposedConvLayer(name="t1", inputs=2, units=3, kernel_size=3, strides=2), FlattenLayer(name="f1")), 144),
    "transposed, wide": (
        (*IMAGE, TransposedConvLayer(name="t1", inputs=2, units=1, kernel_size=5, strides=2), FlattenLayer(name="f1")),
        48,
    ),
    "transposed, even": (
        (*IMAGE, TransposedConvLayer(name="t1", inputs=2, units=1, kernel_size=4, strides=2), FlattenLayer(name="f1")),
        48,
    ),
    "transposed, narrow": (
        (*IMAGE, TransposedConvLayer(name="t1", inputs=2, units=1, kernel_size=2, strides=3), FlattenLayer(name="f1")),
        108,
    ),
    "pooled": ((*IMAGE, MaxPoolingLayer(name="m1"), FlattenLayer(name="f1")), 8),
    "upsampled, cropped": (
        (*IMAGE, UpsamplingLayer(name="u1"), CroppingLayer(name="k1", rows=1, columns=2), FlattenLayer(name="f1")),
        7 * 4 * 2,
    ),
}


@pytest.mark.parametrize("kind", SIDES)
def test_a_layer_is_keras_s(page, kind):
    layers, width = SIDES[kind]
    plan = Plan(n_features=width, n_components=3, encoder=(dense("e1", width, 3),), decoder=layers, output_activation="sigmoid")
    rng = np.random.default_rng(0)
    weights = first_weights(plan, rng, None)
    for name, array in weights.items():
        if array.dtype == np.float32:  # what a page rounds to 16 bits is the same there and here
            weights[name] = (
                (np.abs(array) if "variance" in name else array + rng.normal(0, 0.3, array.shape)).astype(np.float16).astype(np.float32)
            )
    scale = Scale("standard", rng.normal(size=width), rng.uniform(0.5, 2, width), False, np.zeros(width))
    network = Network(scale, weights, plan)
    codes = rng.normal(size=(5, 3)).astype(np.float32)

    assert _decoder.untranslatable(network) == ""
    spec, arrays = _decoder.translated(network)
    where, blob = packed(arrays)
    found = page.evaluate(
        "async ([spec, where, blob, codes]) => { const decode = makeDecoder(spec, await unpack(blob, where));"
        " return codes.map((code) => Array.from(decode(code))); }",
        [spec, where, blob, codes.tolist()],
    )

    np.testing.assert_allclose(np.array(found, np.float32), network.decode(codes), rtol=2e-5, atol=2e-5)


def test_numbers_of_16_bits_are_read_as_numpy_has_them(page):
    bits = np.arange(65536, dtype=np.uint16)
    values = bits.view(np.float16)
    where, blob = packed({"one": np.zeros(3, np.uint8), "all": values})

    found = page.evaluate(
        "async ([blob, where]) => Array.from((await unpack(blob, where)).all, (v) => Number.isFinite(v) ? v : null)", [blob, where]
    )

    wanted = [float(value) if np.isfinite(value) else None for value in values]
    assert found == wanted


def test_what_a_page_does_not_know_is_said():
    def network(activation, width=4):
        layers = (dense("d1", 2, width, activation=activation),)
        plan = Plan(n_features=width, n_components=2, encoder=(dense("e1", width, 2),), decoder=layers, output_activation="linear")
        return Network(
            Scale("none", np.zeros(width), np.ones(width), True, np.zeros(width)), first_weights(plan, np.random.default_rng(0), None), plan
        )

    assert "no activation glu" in _decoder.untranslatable(network("glu"))
    assert "of its maker" in _decoder.untranslatable(network(keras.ops.sin))
    assert "more than a page should hold" in _decoder.untranslatable(network("relu", _decoder.MOST_WEIGHTS))


def test_a_grid_keeps_digits_that_floats_of_16_bits_have_not():
    def decode(places):
        return np.array([1013, 0]) + np.array([0.5, 1e-7]) * places

    spec, arrays = _decoder.gridded(decode, np.array([[0, 0], [1, 1]], np.float32), image=False)

    found = arrays["grid/low"] + arrays["grid/step"] * arrays["grid"]
    assert spec["features"] == 2
    wanted = np.array([[1013 - 0.025, -5e-9], [1013.525, 1.05e-7]])  # a twentieth more than the places on each side
    np.testing.assert_allclose(found[[0, -1]], wanted, rtol=1e-6, atol=1e-11)
    assert len(np.unique(found[:, 0].round(5))) == _decoder.GRID


def test_packing_repeats_its_bytes():
    arrays = {"a": np.arange(5, dtype=np.float32), "b": np.arange(6, dtype=">i4").reshape(2, 3)}
    assert packed(arrays) == packed(arrays)
    assert packed(arrays)[0]["b"] == {"type": "i4", "shape": [2, 3], "start": 20}
    assert base64.b64decode(packed(arrays)[1])[:2] == b"\x1f\x8b"
