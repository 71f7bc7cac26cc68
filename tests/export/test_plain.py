"""The plan in NumPy computes what Keras does: what a bundle's export is held against is the float32 model."""

from __future__ import annotations

import numpy as np
import pytest

from narrows import _backend
from narrows.export import _plain
from narrows.export._activations import NAMES, name_of

VALUES = np.concatenate([np.random.default_rng(0).uniform(-8, 8, 161), [-0.5, 0.5, -60.0, 60.0]]).astype(np.float32)


@pytest.fixture(scope="module")
def keras():
    return _backend.keras()


@pytest.fixture(scope="module")
def activated(keras):
    """All at once: each alone would be compiled alone."""
    return keras_made(lambda x: {name: keras.activations.get(name)(x) for name in NAMES}, VALUES.reshape(5, 33))


def keras_made(function, *arrays):
    import jax

    return {key: np.asarray(value) for key, value in jax.jit(function)(*arrays).items()}


@pytest.mark.parametrize("name", NAMES)
def test_an_activation_is_keras_s(activated, name):
    found = _plain.ACTIVATIONS[name](VALUES.reshape(5, 33).astype(np.float64))

    np.testing.assert_allclose(found, activated[name], rtol=1e-5, atol=1e-6)


def test_every_activation_that_a_layer_can_have_is_known(keras):
    names = {name for name in dir(keras.activations) if name.islower() and not name.startswith("_")}

    # glu halves its values, and threshold asks for numbers: no layer of a plan can have them
    assert names - set(NAMES) <= {"get", "serialize", "deserialize", "glu", "threshold"}
    assert set(_plain.ACTIVATIONS) == set(NAMES)


def test_keras_s_own_functions_are_known_by_name(keras):
    assert name_of(keras.activations.gelu, "layer 'a'") == "gelu"


SIZES = [(size, strides) for size in (1, 2, 3, 5) for strides in (1, 2, 3)]


def test_convolutions_are_keras_s(keras, rng):
    images = rng.normal(size=(2, 5, 8, 3)).astype(np.float32)
    kernels = {size: rng.normal(size=(size, size, 3, 2)).astype(np.float32) for size in (1, 2, 3, 5)}

    wanted = keras_made(
        lambda images: {pair: keras.ops.conv(images, kernels[pair[0]], pair[1], "same", "channels_last") for pair in SIZES}, images
    )
    for size, strides in SIZES:
        found = _plain.convolved_with(images, kernels[size], strides)
        np.testing.assert_allclose(found, wanted[size, strides], atol=1e-4, err_msg=f"{size} {strides}")


def test_transposed_convolutions_are_keras_s(keras, rng):
    images = rng.normal(size=(2, 5, 8, 3)).astype(np.float32)
    kernels = {size: rng.normal(size=(size, size, 2, 3)).astype(np.float32) for size in (1, 2, 3, 5)}

    def all_of_them(images):
        way = {"padding": "same", "data_format": "channels_last"}
        return {(size, strides): keras.ops.conv_transpose(images, kernels[size], strides, **way) for size, strides in SIZES}

    wanted = keras_made(all_of_them, images)
    for size, strides in SIZES:
        found = _plain.transposed_with(images, kernels[size], strides)
        np.testing.assert_allclose(found, wanted[size, strides], atol=1e-4, err_msg=f"{size} {strides}")


def test_the_pixels_of_a_pooling_are_keras_s(keras, rng):
    images = -1 - rng.random((2, 5, 8, 3)).astype(np.float32)  # zeros around them would be the largest

    wanted = keras_made(
        lambda images: {size: keras.ops.max_pool(images, size, size, "same", "channels_last") for size in (1, 2, 3, 4)}, images
    )
    for size in wanted:
        found = np.max([pixels for _, pixels in _plain.seen_by(images, size, size, -np.inf)], 0)
        np.testing.assert_array_equal(found, wanted[size])
