"""The plan of convolutional layers: sizes, parameters, and what is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from narrows import Conv
from narrows.networks import computation as computations
from narrows.networks.computation import first_weights
from narrows.networks.network import MANY, Network, rows_at_once
from narrows.networks.plan import ConvLayer, Plan, TransposedConvLayer
from narrows.networks.scale import learn
from narrows.networks.table import plan_table

TEXTBOOK = Conv(32, 16, kernel_size=3, activation="relu", image_shape=(28, 28, 1))


def plan(layers: Conv, n_components: int | None = 2, image: tuple[int, ...] | None = None, **choices) -> Plan:
    choices = {"code_activation": "linear", "output_activation": "sigmoid", "image_shape": image, **choices}
    return layers.plan(math.prod(image or layers.image_shape), n_components, **choices)


def test_the_textbooks_network_is_the_textbooks():
    """28x28x1 → 14x14x32 → 7x7x16 → 28x28x1, and 12,193 parameters; the code is the feature map, not 20 numbers."""
    made = plan(TEXTBOOK, None)

    assert plan_table(made).n_parameters == 12_193
    assert made.n_components == 7 * 7 * 16
    assert list(made.shapes.items()) == [
        ("encoder_image", (28, 28, 1)),
        ("encoder_1", (28, 28, 32)),
        ("encoder_1_pooling", (14, 14, 32)),
        ("encoder_2", (14, 14, 16)),
        ("encoder_2_pooling", (7, 7, 16)),
        ("code", (784,)),
        ("decoder_image", (7, 7, 16)),
        ("decoder_1", (7, 7, 16)),
        ("decoder_1_upsampling", (14, 14, 16)),
        ("decoder_2", (14, 14, 32)),
        ("decoder_2_upsampling", (28, 28, 32)),
        ("output", (28, 28, 1)),
        ("output_flat", (784,)),
    ]
    assert computations.of_plan(made.computation).whole.count_params() == 12_193


def test_a_dense_bottleneck_adds_two_layers():
    flat, dense = (plan_table(plan(TEXTBOOK, n)).n_parameters for n in (None, 2))

    assert dense - flat == (784 * 2 + 2) + (2 * 784 + 784)


def test_dense_layers_stand_on_either_side_of_the_bottleneck():
    layers = Conv(32, 16, image_shape=(28, 28), dense=(100, 30), batch_normalization=True, dropout=0.1)
    made = plan(layers, 2)

    sizes = {name: shape for name, shape in made.shapes.items() if "dense" in name or name == "code"}
    assert [sizes[name] for name in sizes if "_normalization" not in name and "_activation" not in name and "_dropout" not in name] == [
        (100,),
        (30,),
        (2,),
        (30,),
        (100,),
        (784,),
    ]
    assert [tuple(output.shape[1:]) for output in computations.of_plan(made.computation).whole.outputs] == [(2,), (784,)]
    assert Plan.model_validate_json(made.model_dump_json()) == made


def test_dense_layers_need_a_bottleneck():
    with pytest.raises(ValueError, match=r"dense=\(30,\) of Conv leads to a bottleneck, and n_components=None has none"):
        plan(Conv(4, image_shape=(28, 28), dense=(30,)), None)


def test_the_table_shows_sizes():
    text = str(plan_table(plan(Conv(32, 16, strided=True, image_shape=(28, 28, 1)), 2)))

    cells = {line.split("  ")[0]: [cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()}
    assert cells["encoder_1"][1:4] == ["conv 3x3, strides 2", "14x14x32", "gelu"]
    assert cells["decoder_2"][1:4] == ["transposed conv 3x3, strides 2", "28x28x32", "gelu"]
    assert cells["output"][1:4] == ["conv 3x3", "28x28x1", "sigmoid"]


@given(
    height=st.integers(4, 40),
    width=st.integers(4, 40),
    channels=st.integers(1, 4),
    kernel_size=st.integers(1, 4),
    filters=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    strided=st.booleans(),
    batch_normalization=st.booleans(),
    dense=st.lists(st.integers(1, 9), max_size=2),
    n_components=st.none() | st.integers(1, 9),
)
def test_images_of_any_size_come_back_in_their_own(
    height, width, channels, kernel_size, filters, strided, batch_normalization, dense, n_components
):
    halvings = (min(height, width) - 1).bit_length()
    options = {"strided": strided, "batch_normalization": batch_normalization, "dense": dense if n_components else ()}
    layers = Conv(*filters[:halvings], kernel_size=kernel_size, dropout=0.1, **options)

    made = plan(layers, n_components, (height, width, channels))

    assert made.shapes["output"] == (height, width, channels)
    assert made.n_features == height * width * channels
    smallest = tuple(-(-size // 2 ** len(layers.filters)) for size in (height, width))
    assert made.shapes["decoder_image"] == (*smallest, layers.filters[-1])
    assert n_components is not None or made.n_components == math.prod(made.shapes["decoder_image"])
    assert Plan.model_validate_json(made.model_dump_json()) == made
    assert sum(math.prod(shape) for shape in computations.shapes(made).values()) >= plan_table(made).n_parameters


def test_what_is_not_square_keeps_its_sides():
    """Rows of a table as high as wide would hide a turned image."""
    made = plan(Conv(4, 3), None, (9, 5, 3))

    assert made.shapes["encoder_1_pooling"] == (5, 3, 4)
    assert made.shapes["encoder_2_pooling"] == (3, 2, 3)
    assert made.shapes["decoder_1_cropping"] == (5, 3, 3)
    assert made.shapes["decoder_2_cropping"] == (9, 5, 4)


def test_layers_know_their_own_image_first():
    with pytest.raises(ValueError, match=r"image_shape=\(28, 28, 1\) is 784 numbers, but the rows have 48 features"):
        TEXTBOOK.plan(48, 2, code_activation="linear", output_activation="linear", image_shape=(4, 4, 3))


@pytest.mark.parametrize(
    ("layers", "image", "words"),
    [
        (
            Conv(4),
            None,
            r"Conv does not know which images these rows of 48 features are: give the images as an array of shape .* or say Conv",
        ),
        (Conv(4, image_shape=(7, 7)), None, r"image_shape=\(7, 7, 1\) is 49 numbers, but the rows have 48 features: say the"),
        (Conv(4, kernel_size=5), (4, 4, 3), r"kernel_size=5 is larger than the images of 4x4: make it 4 or less"),
        (Conv(4, kernel_size=4), (3, 16, 1), r"kernel_size=4 is larger than the images of 3x16: make it 3 or less"),
        (Conv(4, 4, 4), (4, 4, 3), r"Conv\(4, 4, 4\) halves images 3 times, and those of 4x4 can be halved 2 times: use fewer filters"),
        (Conv(4, kernel_size=1), (1, 48, 1), r"Conv\(4,\) halves images 1 times, and those of 1x48 can be halved 0 times"),
    ],
)
def test_images_that_do_not_fit_are_refused(layers, image, words):
    with pytest.raises(ValueError, match=words):
        layers.plan(48, 2, code_activation="linear", output_activation="linear", image_shape=image)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Conv(), ValueError, r"Conv needs the filters of one layer at least, such as Conv\(32, 16\), and got none"),
        (lambda: Conv(4, 0), ValueError, r"filters of Conv must be whole numbers of at least 1, got 0 in \(4, 0\)"),
        (lambda: Conv(4.5), ValueError, "filters of Conv must be a whole number of at least 1, got 4.5"),
        (lambda: Conv(4, kernel_size=0), ValueError, "kernel_size of Conv must be a whole number of at least 1, got 0"),
        (lambda: Conv(4, kernel_size=(3, 3)), ValueError, r"kernel_size of Conv must be a whole number of at least 1, got \(3, 3\)"),
        (lambda: Conv(4, image_shape=784), ValueError, r"image_shape of Conv must be \(height, width, channels\).* got 784"),
        (lambda: Conv(4, image_shape=(28, 28, 1, 1)), ValueError, r"image_shape of Conv must be .* got \(28, 28, 1, 1\)"),
        (
            lambda: Conv(4, image_shape=(28, -1)),
            ValueError,
            r"image_shape of Conv must be whole numbers of at least 1, got -1 in \(28, -1\)",
        ),
        (lambda: Conv(4, image_shape="28x28"), ValueError, "image_shape of Conv must be .* got '28x28'"),
        (lambda: Conv(4, dense=100), ValueError, r"dense of Conv must be a tuple of whole numbers of at least 1.* got 100"),
        (lambda: Conv(4, dense=(100, 0)), ValueError, r"dense of Conv must be whole numbers of at least 1, got 0 in \(100, 0\)"),
        (lambda: Conv(4, strided=2), TypeError, "strided of Conv must be True or False, got 2"),
        (lambda: Conv(4, batch_normalization="yes"), TypeError, "batch_normalization of Conv must be True or False, got 'yes'"),
        (lambda: Conv(4, mean_bias=None), TypeError, "mean_bias of Conv must be True or False, got None"),
        (lambda: Conv(4, dropout=1.0), ValueError, r"dropout of Conv must be a number in \[0, 1.0\), got 1.0"),
        (lambda: Conv(4, l2=-1), ValueError, r"l2 of Conv must be a number in \[0, inf\), got -1"),
        (lambda: Conv(4, code_gain="wide"), ValueError, "code_gain of Conv must be a number in .* got 'wide'"),
    ],
)
def test_choices_out_of_range_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_it_is_a_choice_like_others():
    layers = Conv(32, 16, kernel_size=5, image_shape=[28, 28])

    assert layers == Conv(32, 16, kernel_size=5, image_shape=(28, 28, 1))
    assert hash(layers) == hash(Conv(32, 16, kernel_size=5, image_shape=(28, 28, 1)))
    assert repr(layers) == "Conv(32, 16, kernel_size=5, image_shape=(28, 28, 1))"
    assert eval(repr(layers)) == layers
    assert layers.replace(filters=(8,), kernel_size=3) == Conv(8, image_shape=(28, 28))
    assert layers.replace(filters=8) == Conv(8, kernel_size=5, image_shape=(28, 28))
    assert layers.get_params()["filters"] == (32, 16)
    with pytest.raises(AttributeError, match="Conv is frozen"):
        layers.kernel_size = 3
    with pytest.raises(ValueError, match="Conv has no parameter 'widths'"):
        layers.replace(widths=(3,))


@pytest.mark.parametrize("strided", [False, True])
def test_kernels_start_with_the_variance_of_what_comes_in(strided, rng):
    """Transposed convolutions too, whose kernels have their units before their inputs."""
    layers = Conv(64, 32, strided=strided, image_shape=(16, 16, 3), kernel_size=5)
    made = plan(layers)
    weights = first_weights(made, rng, None)

    for layer in made:
        if isinstance(layer, ConvLayer | TransposedConvLayer):
            inputs = layer.inputs * 25
            assert weights[f"{layer.name}/kernel"].shape == layer.kernel_shape
            assert weights[f"{layer.name}/kernel"].std() == pytest.approx((2 / inputs) ** 0.5, rel=0.06)
            if layer.name != "output":
                assert 0 < abs(weights[f"{layer.name}/bias"]).max() <= inputs**-0.5
    assert not weights["output/bias"].any()


@pytest.mark.parametrize("n_components", [None, 3])
def test_the_output_starts_at_the_mean_of_each_channel(n_components, rng):
    rows = (rng.random((30, 6, 5, 3)) * [0.2, 0.9, 0.5]).reshape(30, -1)
    scale = learn("auto", rows)
    made = plan(Conv(4, kernel_initializer="zeros", bias_initializer="zeros"), n_components, (6, 5, 3))

    network = Network(scale, first_weights(made, rng, scale.mean), made)

    means = rows.reshape(-1, 3).mean(0)
    np.testing.assert_allclose(network.reconstruct(rows), np.tile(means, (30, 30)), atol=1e-5)


def test_equal_convolutions_share_a_program():
    one, other = (plan(Conv(4, l2=l2, kernel_initializer=start), 2, (6, 6, 1)) for l2, start in ((1e-3, "zeros"), (1e-2, "he_normal")))

    assert one.computation == other.computation
    assert one.penalties["encoder_1/kernel"] == (0.0, 1e-3)
    assert one.computation != plan(Conv(4, strided=True, l2=1e-3), 2, (6, 6, 1)).computation


@pytest.mark.parametrize(
    ("side", "number", "change", "words"),
    [
        ("encoder", 0, {"shape": [5, 6, 1]}, "layer 'encoder_image' takes 30 values where 36 come in"),
        ("encoder", 1, {"inputs": 2}, "layer 'encoder_1' takes an image of 2 channels where images of 6x6x1 come in"),
        ("encoder", 3, {"kind": "max_pooling"}, "layer 'code' takes 27 values where images of 2x2x3 come in"),
        ("decoder", 3, {"size": 3}, "layer 'output_flat' gives 81 values where 36 are needed"),
        ("encoder", 1, {"kernel_size": 0}, "greater than or equal to 1"),
        ("encoder", 1, {"strides": 1.5}, "valid integer"),
        ("encoder", 2, {"kind": "average"}, "does not match any of the expected tags"),
    ],
)
def test_a_damaged_plan_of_images_is_refused(side, number, change, words):
    described = json.loads(plan(Conv(3), 2, (6, 6, 1)).model_dump_json())
    described[side][number].update(change)

    with pytest.raises(ValidationError, match=words):
        Plan.model_validate(described)


def test_few_rows_go_through_at_a_time_where_feature_maps_are_large():
    small, large = (plan(Conv(32), 2, (size, size, 1)) for size in (4, 256))

    assert rows_at_once(None, MANY) == rows_at_once(small, MANY) == MANY
    assert rows_at_once(plan(TEXTBOOK), MANY) == 128
    assert rows_at_once(large, MANY) == 2
