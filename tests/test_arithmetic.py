"""JAX itself computes right on this machine: jax 0.10.2 and 0.11.0 do not, in silence, on CPUs."""

from __future__ import annotations

import numpy as np
import pytest

# Fused reductions go wrong above 32,768 rows in jax 0.10.2 (jax issue 39103; the crash is 39257).
ROWS = [1_000, 32_768, 32_769, 60_000]


@pytest.fixture(scope="module")
def jax():
    import jax

    return jax


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    return np.random.default_rng(0).random((max(ROWS), 30), dtype=np.float32)


# Each plain form takes NumPy's functions or JAX's: the oracle is the same line in float64.
REDUCTIONS = {
    "sum": lambda np, x: x.sum(axis=1),
    "sum of squares": lambda np, x: (x * x).sum(axis=1),
    "mean": lambda np, x: x.mean(axis=1),
    "max": lambda np, x: x.max(axis=1),
    "variance": lambda np, x: x.var(axis=1),
    "softmax": lambda np, x: np.exp(x - x.max(axis=1, keepdims=True)) / np.exp(x - x.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True),
    "cross-entropy": lambda np, x: -(x * np.log(0.1 + 0.8 * x) + (1 - x) * np.log(0.9 - 0.8 * x)).mean(axis=1),
    "columns": lambda np, x: (x - x.mean(axis=0)).std(axis=0),
    "total": lambda np, x: ((x - 0.5) ** 2).sum(axis=1).mean(),
}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("form", REDUCTIONS.values(), ids=REDUCTIONS)
def test_fused_reduction_is_numpys(jax, table, form, rows):
    x = table[:rows]

    ours = jax.jit(lambda x: form(jax.numpy, x))(x)

    np.testing.assert_allclose(ours, form(np, x.astype(np.float64)), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("shape", [(1, 784, 500), (128, 784, 500), (500, 300, 2), (32_769, 30, 16), (7, 1, 7)], ids=str)
def test_matmul_is_numpys(jax, shape):
    rows, inner, columns = shape
    random = np.random.default_rng(0)
    a, b = random.standard_normal((rows, inner), dtype=np.float32), random.standard_normal((inner, columns), dtype=np.float32)

    ours = jax.jit(lambda a, b: a @ b)(a, b)
    back = jax.jit(lambda a, c: a.T @ c)(a, ours)

    expected = a.astype(np.float64) @ b
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6 * np.sqrt(inner) * 10)
    np.testing.assert_allclose(back, a.T.astype(np.float64) @ expected, rtol=0, atol=1e-6 * np.sqrt(rows * inner) * 10 * np.sqrt(inner))


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("turns", [1, 3])
def test_codes_reduced_row_by_row_are_numpys(jax, table, rows, turns):
    """A small matrix times each row, then a sum for each row, also inside a loop: the form that jax 0.10.2 gets wrong."""
    jnp = jax.numpy
    x = table[:rows, :3]
    matrix = np.random.default_rng(3).random((3, 3), dtype=np.float32)

    def one(x, scale):
        return jax.vmap(lambda row: ((matrix @ (row * scale)) ** 2).sum())(x)

    if turns == 1:
        ours = jax.jit(lambda x: one(x, 1))(x)
    else:
        ours = jax.jit(lambda x: jax.lax.fori_loop(1, turns + 1, lambda turn, total: total + one(x, turn), jnp.zeros(rows)))(x)

    expected = ((x.astype(np.float64) @ matrix.T) ** 2).sum(axis=1) * sum(turn**2 for turn in range(1, turns + 1))
    np.testing.assert_allclose(ours, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("left", "right"), [((2, 3, 1, 2, 8, 8, 8), (2, 3, 1, 2, 8, 8, 8)), ((8, 4, 1, 6, 1, 1, 1, 1), (8, 4, 1, 6, 9, 9, 9, 9))], ids=str
)
def test_a_reduction_over_many_axes_comes_back(python, left, right):
    """Seven axes and more, some of length one: jax 0.10.2 and 0.11.0 crash or hang here, so a process of its own looks."""
    printed = python(
        "import jax, numpy as np\n"
        "random = np.random.default_rng(0)\n"
        f"a, b = random.random({left}, dtype=np.float32), random.random({right}, dtype=np.float32)\n"
        "ours = jax.jit(lambda a, b: jax.numpy.log((a * b).sum(axis=3)))(a, b)\n"
        "print(np.allclose(ours, np.log((a * b).sum(axis=3)), rtol=1e-4, atol=1e-4))"
    )

    assert printed == "True\n"


@pytest.mark.parametrize("rows", ROWS)
def test_row_errors_of_a_network_are_numpys(jax, table, rows):
    """Matmul, activation and a reduction over each row in one program, as scoring all rows does."""
    jnp = jax.numpy
    random = np.random.default_rng(1)
    down, up = (random.standard_normal(shape, dtype=np.float32) / 5 for shape in [(30, 4), (4, 30)])
    x = table[:rows]

    def errors(np, x, down, up):
        return ((np.tanh(x @ down) @ up - x) ** 2).mean(axis=1)

    ours = jax.jit(lambda x: errors(jnp, x, down, up))(x)

    np.testing.assert_allclose(ours, errors(np, x.astype(np.float64), down, up), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rows", ROWS)
def test_fused_reductions_inside_a_loop_are_numpys(jax, table, rows):
    """A loop over minibatches whose carry takes sums over rows and over columns, as training does."""
    jnp, lax, batch = jax.numpy, jax.lax, 128
    steps = rows // batch
    x = table[:rows]

    @jax.jit
    def run(x, start, stop):
        def body(step, carry):
            total, columns, largest = carry
            part = lax.dynamic_slice_in_dim(x, step * batch, batch)
            per_row = (part * jnp.log(part + 0.5)).sum(axis=1)
            return total + (per_row * per_row).mean(), columns + part.mean(axis=0), jnp.maximum(largest, per_row.max())

        return lax.fori_loop(start, stop, body, (jnp.float32(0), jnp.zeros(x.shape[1]), jnp.float32(-jnp.inf)))

    total, columns, largest = run(x, 0, steps)

    parts = x[: steps * batch].astype(np.float64).reshape(steps, batch, -1)
    per_row = (parts * np.log(parts + 0.5)).sum(axis=2)
    np.testing.assert_allclose(total, (per_row**2).mean(axis=1).sum(), rtol=1e-4)
    np.testing.assert_allclose(columns, parts.mean(axis=1).sum(axis=0), rtol=1e-4)
    np.testing.assert_allclose(largest, per_row.max(), rtol=1e-5)


def test_large_rows_inside_a_loop_are_numpys(jax, table):
    """The whole table is reduced in every turn of a loop, above 32,768 rows."""
    jnp = jax.numpy

    @jax.jit
    def run(x):
        def body(carry, scale):
            per_row = ((x * scale) ** 2).sum(axis=1)
            return carry + per_row, per_row.mean()

        return jax.lax.scan(body, jnp.zeros(len(x)), jnp.arange(1.0, 4.0))

    per_row, means = run(table)

    squares = (table.astype(np.float64) ** 2).sum(axis=1)
    np.testing.assert_allclose(per_row, squares * (1 + 4 + 9), rtol=1e-5)
    np.testing.assert_allclose(means, squares.mean() * np.array([1, 4, 9]), rtol=1e-5)


def test_a_step_of_training_is_numpys(jax, table):
    """Loss and gradients of a small network, in float64 by hand beside JAX's own derivative."""
    jnp = jax.numpy
    random = np.random.default_rng(2)
    down, up = (random.standard_normal(shape, dtype=np.float32) / 5 for shape in [(30, 4), (4, 30)])
    x = table[:40_000]

    @jax.jit
    def step(down, up, x):
        return jax.value_and_grad(lambda down, up: ((jnp.tanh(x @ down) @ up - x) ** 2).mean(), argnums=(0, 1))(down, up)

    loss, (down_gradient, up_gradient) = step(down, up, x)

    x = x.astype(np.float64)
    code = np.tanh(x @ down)
    error = code @ up - x
    np.testing.assert_allclose(loss, (error**2).mean(), rtol=1e-5)
    np.testing.assert_allclose(up_gradient, 2 * code.T @ error / error.size, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(down_gradient, 2 * x.T @ (error @ up.T * (1 - code**2)) / error.size, rtol=1e-3, atol=1e-7)
