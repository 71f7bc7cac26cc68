"""Lowered convolutions, poolings and upsamplings against JAX's own, values and derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax

from narrows import Conv
from narrows.networks import computation as computations
from narrows.networks import convolutions, lowering
from narrows.networks.convolutions import _fold
from narrows.networks.lowering import lower

NHWC = ("NHWC", "HWIO", "NHWC")
QUICK = {"xla_backend_optimization_level": 0}  # each program runs once: compiling it well would take the time


@dataclass(frozen=True)
class Case:
    """A convolution of an image (height, width, channels), perhaps made larger before by repeating its pixels."""

    image: tuple[int, int, int]
    kernel: tuple[int, int]
    units: int
    strides: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Any = "SAME"
    repeats: tuple[int, int] = (1, 1)
    rows: int = 5

    def __call__(self, x: Any, kernel: Any) -> Any:
        for axis, times in enumerate(self.repeats, 1):
            x = jnp.repeat(x, times, axis)
        return lax.conv_general_dilated(x, kernel, self.strides, self.padding, lhs_dilation=self.dilation, dimension_numbers=NHWC)

    def operands(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        shapes = (self.rows, *self.image), (*self.kernel, self.image[-1], self.units)
        return tuple(rng.normal(size=shape).astype(np.float32) for shape in shapes)


CASES = {
    "1x1": Case((7, 9, 3), (1, 1), 6),
    "grey": Case((9, 7, 1), (3, 3), 8),
    "to grey": Case((8, 9, 8), (3, 3), 1),
    "colour": Case((8, 5, 3), (3, 3), 32),
    "to colour": Case((7, 7, 32), (3, 3), 3),
    "wide": Case((14, 14, 32), (3, 3), 16, rows=9),
    "even kernel": Case((9, 6, 8), (2, 2), 8),
    "large kernel": Case((9, 11, 4), (7, 7), 8),
    "no padding": Case((9, 8, 5), (4, 3), 6, padding="VALID"),
    "uneven padding": Case((6, 6, 5), (3, 3), 7, padding=((2, 0), (0, 1))),
    "strides": Case((9, 9, 3), (3, 3), 8, (2, 2)),
    "strides, grey": Case((11, 9, 1), (3, 3), 8, (2, 2)),
    "strides of 3": Case((10, 11, 4), (3, 3), 8, (3, 3)),
    "strides beyond the kernel": Case((10, 9, 6), (2, 1), 5, (3, 2)),
    "strides, no padding": Case((10, 9, 6), (3, 2), 5, (2, 2), padding="VALID"),
    "transposed": Case((4, 5, 8), (3, 3), 6, dilation=(2, 2), padding=((2, 1), (2, 1))),
    "transposed, even kernel": Case((4, 5, 8), (2, 2), 6, dilation=(2, 2), padding=((1, 1), (1, 1))),
    "transposed, kernel of 5": Case((4, 3, 6), (5, 5), 8, dilation=(2, 2), padding=((3, 2), (3, 2))),
    "transposed by 3": Case((3, 4, 6), (3, 3), 5, dilation=(3, 3), padding=((2, 2), (2, 2))),
    "transposed by more than the kernel": Case((3, 4, 6), (2, 1), 5, dilation=(3, 2), padding=((1, 1), (0, 0))),
    "upsampled": Case((5, 6, 16), (3, 3), 8, repeats=(2, 2)),
    "upsampled, kernel of 5": Case((5, 4, 6), (5, 5), 4, repeats=(2, 2)),
    "upsampled, even kernel": Case((5, 4, 6), (2, 4), 6, repeats=(2, 2)),
    "upsampled by 3": Case((3, 4, 6), (3, 3), 6, repeats=(3, 3)),
    "upsampled along one axis, to grey": Case((8, 9, 6), (3, 3), 1, repeats=(1, 2)),
    "upsampled, then strides": Case((5, 4, 6), (3, 3), 6, (2, 2), repeats=(2, 2)),
}


def both(function: Any, *operands: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """The lowered function and the plain one: values, and derivatives of a sum in which no two values count the same."""

    def results(made: Any, *operands: Any) -> Any:
        def total(*operands: Any) -> Any:
            values = made(*operands)
            return (values * jnp.cos(jnp.arange(values.size)).reshape(values.shape)).sum(), values

        (_, values), gradients = jax.value_and_grad(total, tuple(range(len(operands))), has_aux=True)(*operands)
        return [values, *gradients]

    made = jax.jit(lambda *operands: (results(lower(function, "float32"), *operands), results(function, *operands)))
    return list(zip(*made.lower(*operands).compile(QUICK)(*operands), strict=True))


def assert_same(function: Any, *operands: Any) -> None:
    pairs = both(function, *operands)
    largest = max(abs(plain).max() for _, plain in pairs)  # a bias before a normalization has a derivative of nothing but rounding
    for ours, plain in pairs:
        np.testing.assert_allclose(ours, plain, rtol=0, atol=2e-6 * largest)


def equations(jaxpr: Any) -> list[Any]:
    """All equations, at any depth."""
    found = []
    for equation in jaxpr.eqns:
        found.append(equation)
        inner = [getattr(value, "jaxpr", value) for value in equation.params.values()]
        found += [each for value in inner if hasattr(value, "eqns") for each in equations(value)]
    return found


def step_of(function: Any, *operands: Any) -> list[Any]:
    """The equations of a lowered function with its derivatives."""
    lowered = lower(function, "float32")
    return equations(jax.make_jaxpr(jax.grad(lambda *operands: lowered(*operands).sum(), tuple(range(len(operands)))))(*operands).jaxpr)


def assert_fast(found: list[Any]) -> None:
    """Only convolutions of the common layout, for which there is a fast routine."""
    for equation in found:
        if equation.primitive.name == "conv_general_dilated":
            assert equation.params["dimension_numbers"] == lax.conv_dimension_numbers((1, 9, 9, 1), (3, 3, 1, 1), NHWC)
            assert equation.params["lhs_dilation"] == equation.params["rhs_dilation"] == (1, 1)
            assert equation.params["feature_group_count"] == equation.params["batch_group_count"] == 1
        assert equation.primitive.name not in ("reduce_window_max", "select_and_scatter_add", "select_and_gather_add")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_convolutions_agree_with_jaxs_own(case, rng):
    """And they and their derivatives have fast routines."""
    operands = case.operands(rng)

    assert_same(case, *operands)
    assert_fast(step_of(case, *operands))


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("upsampled") and "strides" not in name])
def test_what_follows_an_upsampling_reads_the_small_image(name, rng):
    case = CASES[name]

    convolved = [each for each in step_of(case, *case.operands(rng)) if each.primitive.name == "conv_general_dilated"]

    large = case.image[0] * case.repeats[0] * case.image[1] * case.repeats[1]
    assert all(np.prod(equation.invars[0].aval.shape[1:3]) < large for equation in convolved)


@given(
    size=st.integers(1, 7),
    factor=st.integers(1, 4),
    length=st.integers(1, 6),
    repeat=st.booleans(),
    before=st.integers(0, 6),
    data=st.data(),
)
def test_a_folded_kernel_reads_the_small_row_as_the_kernel_reads_the_large_one(size, factor, length, repeat, before, data):
    """In one dimension, by hand: every output of the large row, from windows of the small one."""
    before = before % size
    small, kernel = (np.array(data.draw(st.lists(st.integers(-9, 9), min_size=n, max_size=n))) for n in (length, size))
    large = np.repeat(small, factor) if repeat else np.insert(small, np.repeat(np.arange(1, length), factor - 1), 0)
    outputs = np.correlate(np.pad(large, (before, size - 1)), kernel, "valid")

    fold, shift, first = _fold(size, factor, before, repeat)
    windows = -(-(len(outputs) + shift) // factor)
    padded = np.pad(small, (-first, windows + fold.shape[1]))
    found = np.array([(fold @ kernel) @ padded[start : start + fold.shape[1]] for start in range(windows)]).reshape(-1)

    np.testing.assert_array_equal(found[shift : shift + len(outputs)], outputs)


@dataclass(frozen=True)
class Pool:
    """A max pooling of images."""

    image: tuple[int, int, int]
    window: tuple[int, int] = (2, 2)
    padding: Any = "SAME"
    strides: tuple[int, int] | None = None

    def __call__(self, x: Any) -> Any:
        strides = self.strides or self.window
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, *self.window, 1), (1, *strides, 1), self.padding)


POOLS = {
    "even": Pool((8, 6, 5)),
    "odd": Pool((7, 5, 5)),
    "odd, cut off": Pool((7, 5, 5), padding="VALID"),
    "3x3": Pool((7, 8, 4), (3, 3)),
    "3x2, cut off": Pool((8, 7, 4), (3, 2), "VALID"),
    "along one axis": Pool((6, 5, 3), (1, 2)),
    "padded by hand": Pool((5, 6, 3), (3, 3), ((0, 0), (1, 2), (2, 1), (0, 0))),
}


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
@pytest.mark.parametrize("values", ["all differ", "many the same"])
def test_poolings_are_jaxs_own_bit_for_bit(pool, values, rng):
    """Where several cells share the largest value, the derivative goes to the same one of them."""
    shape = (4, *pool.image)
    x = (rng.normal(size=shape) if values == "all differ" else rng.integers(0, 3, shape)).astype(np.float32)

    for ours, plain in both(pool, x):
        np.testing.assert_array_equal(ours, plain)
    assert_fast(step_of(pool, x))


def test_a_pooling_shows_what_is_not_finite():
    x = np.zeros((1, 4, 4, 1), np.float32)
    x[0, 0, 1], x[0, 2, 2] = np.nan, np.inf

    pooled = np.asarray(lower(POOLS["even"], "float32")(x))

    np.testing.assert_array_equal(pooled[0, :, :, 0], [[np.nan, 0], [0, np.inf]])


LEFT_ALONE = {
    "overlapping windows": (Pool((8, 8, 3), (3, 3), strides=(2, 2)), 1),
    "dilated kernel": (lambda x, k: lax.conv_general_dilated(x, k, (1, 1), "SAME", rhs_dilation=(2, 2), dimension_numbers=NHWC), 2),
    "both strides and dilation": (
        lambda x, k: lax.conv_general_dilated(x, k, (2, 2), ((0, 0), (0, 0)), (3, 3), dimension_numbers=NHWC),
        2,
    ),
    "more padding than the kernel": (lambda x, k: lax.conv_general_dilated(x, k, (1, 1), ((3, 0), (0, 4)), dimension_numbers=NHWC), 2),
    "cropped by its padding": (lambda x, k: lax.conv_general_dilated(x, k, (1, 1), ((-1, 0), (0, 0)), dimension_numbers=NHWC), 2),
    "channels first": (lambda x, k: lax.conv_general_dilated(jnp.moveaxis(x, 3, 1), jnp.transpose(k, (3, 2, 0, 1)), (1, 1), "SAME"), 2),
    "groups": (
        lambda x, k: lax.conv_general_dilated(
            x, k.reshape(3, 3, 1, -1), (1, 1), "SAME", feature_group_count=3, dimension_numbers=NHWC
        ),
        2,
    ),
    "half precision": (
        lambda x, k: lax.conv_general_dilated(x.astype(jnp.bfloat16), k.astype(jnp.bfloat16), (1, 1), "SAME", dimension_numbers=NHWC),
        2,
    ),
    "one axis": (
        lambda x, k: lax.conv_general_dilated(x[:, 0], k[0], (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")),
        2,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("function", "operands"), LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_what_no_form_fits_stays_as_it_was(function, operands, rng):
    x, kernel = (rng.normal(size=shape).astype(np.float32) for shape in ((3, 8, 8, 3), (3, 3, 3, 6)))
    given = (x, kernel)[:operands]

    def names(made):
        found = equations(jax.make_jaxpr(made)(*given).jaxpr)
        return [(each.primitive.name, str(each.params)) for each in found if each.primitive.name not in ("jit", "pjit")]

    assert names(lower(function, "float32")) == names(function)


def test_what_is_cropped_between_upsampling_and_convolution_is_not_read(rng):
    """Of an odd size, the last row of the enlarged image is dropped, and the convolution sees zeros there."""
    x, kernel = (rng.normal(size=shape).astype(np.float32) for shape in ((3, 4, 4, 5), (3, 3, 5, 6)))

    assert_same(lambda x, kernel: CASES["1x1"](jnp.repeat(jnp.repeat(x, 2, 1), 2, 2)[:, :7, :7], kernel), x, kernel)


def test_only_repeats_of_pixels_count_as_upsampling(rng):
    """Broadcasts and reshapes of other kinds lead to the same shapes."""
    x, kernel = (rng.normal(size=shape).astype(np.float32) for shape in ((3, 4, 4, 5), (3, 3, 5, 6)))
    convolved = CASES["1x1"]

    assert_same(lambda x, k: convolved(jnp.tile(x, (1, 2, 1, 1)), k), x, kernel)
    assert_same(lambda x, k: convolved(jnp.repeat(x, 2, 1).reshape(3, 4, 8, 5), k), x, kernel)
    assert_same(lambda x, k: convolved(jnp.repeat(x, 2, 0), k), x, kernel)
    assert_same(lambda x, k: convolved(jnp.repeat(jnp.repeat(x, 2, 1), 2, 1), k), x, kernel)
    assert_same(lambda x, k: convolved(jnp.repeat(x, 2, 3), jnp.repeat(k, 2, 2)), x, kernel)


LAYERS = {
    "pooling": [
        keras.layers.Conv2D(8, 3, padding="same", activation="gelu"),
        keras.layers.MaxPooling2D(2, padding="same"),
        keras.layers.UpSampling2D(2),
        keras.layers.Conv2D(3, 3, padding="same"),
    ],
    "strided": [
        keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Conv2DTranspose(6, 3, strides=2, padding="same", activation="tanh"),
    ],
    "valid": [keras.layers.Conv2D(8, 3, activation="relu"), keras.layers.Conv2DTranspose(6, 4, strides=3)],
}


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_keras_layers_of_a_user_are_lowered(layers, rng):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((7, 6, 3)), *layers])
    values = [np.array(variable) for variable in model.trainable_variables]
    state = [np.array(variable) for variable in model.non_trainable_variables]
    x = rng.normal(size=(6, 7, 6, 3)).astype(np.float32)

    def function(*values):
        return model.stateless_call(list(values), state, x, training=True)[0]

    assert_same(function, *values)
    assert_fast(step_of(function, *values))


PLANS = {
    "pooled": (Conv(8, 6), (9, 7, 3), None),
    "strided, normalized": (Conv(6, strided=True, batch_normalization=True, kernel_size=4), (7, 6, 1), 3),
}


@pytest.mark.parametrize(("layers", "image", "n_components"), PLANS.values(), ids=PLANS)
def test_a_convolutional_network_is_lowered_whole(layers, image, n_components, rng):
    n_features = int(np.prod(image))
    plan = layers.plan(n_features, n_components, code_activation="linear", output_activation="linear", image_shape=image)
    network, weights = computations.of_plan(plan.computation), computations.first_weights(plan, rng, None)
    trainable = {name: weights[name] for name in network.trainable}
    rows = rng.random((6, n_features), dtype=np.float32)

    def function(*values):
        given = {**weights, **dict(zip(trainable, values, strict=True))}
        return network(given, rows, training=True).raw

    assert_same(function, *trainable.values())
    assert_fast(step_of(function, *trainable.values()))


def test_where_no_derivative_is_taken_convolutions_may_stay(rng):
    case = CASES["upsampled"]
    operands = case.operands(rng)

    left = equations(jax.make_jaxpr(lower(case, "float32", convolutions=False))(*operands).jaxpr)

    assert next(each for each in left if each.primitive.name == "conv_general_dilated").invars[0].aval.shape == (5, 10, 12, 16)


def test_the_forms_hold_here():
    assert lowering._convolutions_hold()


def test_without_trust_in_the_forms_nothing_is_lowered(monkeypatch, rng):
    monkeypatch.setattr(lowering, "_convolutions_hold", lambda: False)
    case = CASES["strides"]

    assert any(1 not in each.params["rhs_dilation"] for each in step_of(case, *case.operands(rng)) if "conv" in each.primitive.name)


@pytest.mark.parametrize("form", ["_correlated", "_in_parts", "_cells", "_fold"])
def test_a_form_that_goes_wrong_is_found_out(monkeypatch, form):
    """The check sees an error in any part of what the forms are made of."""
    right = getattr(convolutions, form)

    def wrong(*args: Any, **options: Any) -> Any:
        result = right(*args, **options)
        if form == "_cells":
            return result[::-1]
        return (1.001 * result[0], *result[1:]) if form == "_fold" else 1.001 * result

    monkeypatch.setattr(convolutions, form, wrong)

    assert not lowering._convolutions_hold.__wrapped__()


def test_on_other_devices_nothing_is_lowered(monkeypatch, rng):
    monkeypatch.setattr(lowering, "_on_cpu", lambda: False)
    x = rng.normal(size=(2, 4, 4, 1)).astype(np.float32)

    assert any(each.primitive.name == "reduce_window_max" for each in equations(jax.make_jaxpr(lower(POOLS["even"], "float32"))(x).jaxpr))
