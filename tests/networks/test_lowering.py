"""Products in bfloat16 inside an otherwise unchanged function."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.training.conftest import Trial

from narrows import Dense
from narrows.networks import lowering
from narrows.networks.lowering import lower, matmul_bfloat16, resolve_precision

HALF_STEP = 2.0**-8  # relative error of rounding to bfloat16


@pytest.fixture
def operands(rng):
    return tuple(rng.normal(size=shape).astype(np.float32) for shape in ((48, 32), (32, 24)))


def to_bfloat16(values):
    return np.asarray(jnp.asarray(values).astype(jnp.bfloat16).astype(jnp.float32))


def test_the_product_rounds_its_operands_and_sums_in_float32(operands):
    """Against float64 products of operands that JAX itself rounds: to the nearest, ties to even."""
    x, w = operands

    ours = matmul_bfloat16()(x, w)

    expected = to_bfloat16(x).astype(np.float64) @ to_bfloat16(w).astype(np.float64)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [1.0, 1 + 2.0**-8, 1 + 3 * 2.0**-8, -1 - 2.0**-8, 3.14159, 1e-30, 0.0, np.inf, -np.inf, 3.4e38])
def test_rounding_is_jaxs_own(value):
    x, w = np.full((16, 16), value, np.float32), np.eye(16, dtype=np.float32)
    with np.errstate(all="ignore"):
        expected = to_bfloat16(x) @ w

    np.testing.assert_array_equal(matmul_bfloat16()(x, w), expected)


def test_derivatives_agree_with_the_plain_ones(operands):
    x, w = operands

    def results(product):
        return jax.value_and_grad(lambda x, w: jnp.sin(product(x, w) / 7).mean(), (0, 1))(x, w)

    for ours, plain in zip(*(jax.tree.leaves(results(product)) for product in (matmul_bfloat16(), jnp.matmul)), strict=True):
        assert abs(ours - plain).max() <= 4 * HALF_STEP * abs(plain).max()


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7FFFFFFF, 0x7F800001, 0xFFFFFFFF])
def test_not_a_number_stays_not_a_number(bits, operands):
    x, w = operands
    x = x.copy()
    x[3, 5] = np.uint32(bits).view(np.float32)

    product = np.asarray(matmul_bfloat16()(x, w))

    assert np.isnan(product[3]).all()
    assert np.isfinite(np.delete(product, 3, 0)).all()


def branching(x, w):
    return jax.lax.cond(x.sum() > 0, lambda: jnp.tanh(x @ w), lambda: x @ w)


def looping(x, w):
    return jax.lax.scan(lambda carry, row: (carry + row @ w, row.sum()), jnp.zeros(24), x)


FUNCTIONS = {
    "relu": lambda x, w: jax.nn.relu(x @ w),
    "gelu": lambda x, w: keras.activations.gelu(x @ w),
    "softmax": lambda x, w: jax.nn.softmax(x @ w),
    "normalized": lambda x, w: (x @ w - (x @ w).mean(0)) * jax.lax.rsqrt((x @ w).var(0) + 1e-3),
    "a tree": lambda x, w: {"codes": [x @ w, x.sum()], "nothing": None},
    "cond": branching,
    "scan": looping,
    "checkpoint": jax.checkpoint(lambda x, w: jnp.tanh(x @ w)),
    "transposed": lambda x, w: w.T @ x.T,
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_whole_functions_agree_with_their_plain_form(function, operands):
    """Values and derivatives, whatever else is in the function, inside jit and out."""

    def results(function):
        def total(*args):
            leaves = [leaf.reshape(-1) for leaf in jax.tree.leaves(function(*args))]
            return sum((jnp.sin(leaf / 5) * jnp.cos(jnp.arange(len(leaf)))).sum() for leaf in leaves)  # no two values cancel

        return jax.tree.leaves((function(*operands), jax.jit(jax.grad(total, (0, 1)))(*operands)))

    ours, plain = results(lower(function, "bfloat16")), results(function)

    assert jax.tree.structure(lower(function, "bfloat16")(*operands)) == jax.tree.structure(function(*operands))
    for one, other in zip(ours, plain, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, atol=8 * HALF_STEP * abs(np.asarray(other)).max())


WITHOUT_PRODUCTS = {
    "elementwise": lambda x, w: jnp.tanh(x[:, :24]) * w[:, 0].sum(),
    "small product": lambda x, w: x[:, :8] @ w[:8],
    "batched product": lambda x, w: jnp.einsum("bij,bjk->bik", x.reshape(2, 24, 32), jnp.stack([w, w])),
    "integers": lambda x, w: (x > 0).astype(jnp.int32) @ (w > 0).astype(jnp.int32),
    "random": lambda x, w: keras.random.dropout(x, 0.5, seed=keras.random.SeedGenerator(3)),
}


@pytest.mark.parametrize("function", WITHOUT_PRODUCTS.values(), ids=WITHOUT_PRODUCTS)
@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_everything_else_is_left_as_it_was(function, precision, operands):
    """Bit for bit: only products of two float32 matrices that are worth it are touched."""
    np.testing.assert_array_equal(jax.jit(lower(function, precision))(*operands), jax.jit(function)(*operands))


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_in_float32_no_product_is_rounded(function, operands):
    """What may be rewritten for speed keeps float32's rounding."""
    for one, other in zip(*(jax.tree.leaves(made(*operands)) for made in (lower(function, "float32"), function)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def wide_pair(n_features, n_components):
    """Own models with a layer of the user's own and several inputs to one product."""

    class Gate(keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], shape[-1]), name="kernel")

        def call(self, x):
            return x * keras.ops.sigmoid(keras.ops.matmul(x, self.kernel))

    encoder = keras.Sequential([keras.Input((n_features,)), keras.layers.Dense(32, "relu"), Gate(), keras.layers.Dense(n_components)])
    return encoder, keras.Sequential([keras.Input((n_components,)), keras.layers.Dense(32, "tanh"), keras.layers.Dense(n_features)])


@pytest.mark.parametrize(
    "layers", [Dense(32, 24, batch_normalization=True, dropout=0.1), Dense(32, tied=True), wide_pair], ids=["dense", "tied", "own"]
)
def test_training_in_bfloat16_follows_training_in_float32(layers, rng):
    rows = rng.random((200, 40), dtype=np.float32)
    made = Trial(layers, rows)

    plain, lowered = (made("adam", 0.01, epochs=5, batch_size=64, precision=precision) for precision in ("float32", "bfloat16"))

    assert all(value.dtype == plain.weights[name].dtype for name, value in lowered.weights.items())
    assert plain.history["loss"] != lowered.history["loss"]
    np.testing.assert_allclose(lowered.history["loss"], plain.history["loss"], rtol=0.02)
    assert lowered.history["loss"][-1] < lowered.history["loss"][0]


@pytest.mark.parametrize(
    ("flags", "holds", "chosen"),
    [({"avx512_bf16"}, True, "bfloat16"), ({"amx_bf16"}, True, "bfloat16"), ({"avx2"}, True, "float32"), ({"amx_bf16"}, False, "float32")],
)
def test_auto_is_bfloat16_where_the_processor_has_it_and_it_holds(monkeypatch, flags, holds, chosen):
    monkeypatch.setattr(lowering, "processor_flags", lambda: frozenset(flags))
    monkeypatch.setattr(lowering, "_on_cpu", lambda: True)
    monkeypatch.setattr(lowering, "_holds", lambda: holds)

    assert resolve_precision("auto") == chosen
    assert resolve_precision("float32") == "float32"
    assert resolve_precision("bfloat16") == "bfloat16"


def test_the_product_holds_here():
    assert lowering._holds()


def test_another_precision_is_refused():
    with pytest.raises(ValueError, match="precision must be 'auto', 'float32' or 'bfloat16', got 'float16'"):
        resolve_precision("float16")
