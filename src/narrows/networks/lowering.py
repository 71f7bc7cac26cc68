"""Operations in the form that the processor runs fastest, put into a traced function in place of the plain ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from narrows._backend import keras, processor_flags

SMALLEST = 16  # a matrix with a shorter side is not worth rounding


def resolve_precision(precision: str) -> str:
    """Choose what matrices are multiplied in: "float32" or "bfloat16" (with float32 sums, float32 weights and updates).

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        "auto" is bfloat16 on processors with instructions for it, if it passes its check there, else float32.

    Raises
    ------
    ValueError
        If `precision` is none of these.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise ValueError(f"precision must be 'auto', 'float32' or 'bfloat16', got {precision!r}")
    if precision != "auto":
        return precision
    fast = not processor_flags().isdisjoint({"avx512_bf16", "amx_bf16"})
    return "bfloat16" if fast and _on_cpu() and _holds() else "float32"


def _on_cpu() -> bool:
    keras()
    import jax

    return jax.default_backend() == "cpu"


@functools.cache
def _holds() -> bool:
    """Whether the lowered product and its derivatives agree with the plain ones here, as far as bfloat16 can."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    x, w = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((64, 48), (48, 32)))

    def results(product: Callable[[Any, Any], Any]) -> Any:
        return jax.jit(jax.value_and_grad(lambda x, w: jnp.mean(jnp.sin(product(x, w) / 7)), (0, 1)))(x, w)

    ours, plain = (jax.tree.leaves(results(product)) for product in (matmul_bfloat16(), jnp.matmul))
    return all(float(jnp.abs(a - b).max()) <= 0.03 * float(jnp.abs(b).max()) + 1e-6 for a, b in zip(ours, plain, strict=True))


@functools.cache
def matmul_bfloat16() -> Callable[[Any, Any], Any]:
    """Give the product of (n, a) and (a, b) float32 matrices with operands rounded to bfloat16 and sums in float32, in both directions."""
    import jax
    import jax.numpy as jnp
    from jax import lax
    from jax.experimental.layout import Layout, with_layout_constraint

    def dot(a: Any, b: Any, contract: Any) -> Any:
        return laid_out(lax.dot_general(laid_out(a), laid_out(b), (contract, ((), ())), preferred_element_type=jnp.float32))

    def rounded(a: Any) -> Any:
        # To the nearest, ties to even, in integers: XLA's own conversion costs more than the product it serves.
        bits = lax.bitcast_convert_type(a, jnp.uint32)
        bits = bits + jnp.uint32(0x7FFF) + ((bits >> 16) & 1)
        # The carry of a rounded NaN would make it a number: divergence must stay visible.
        bits = jnp.where(jnp.isnan(a), jnp.uint32(0x7FC00000), bits)
        return lax.bitcast_convert_type((bits >> 16).astype(jnp.uint16), jnp.bfloat16)

    def laid_out(a: Any) -> Any:
        # By hand: with a lazy transpose on the left, or of the result (a tied kernel), XLA leaves the fast library or fails.
        return with_layout_constraint(a, Layout((0, 1)))

    @jax.custom_vjp
    def matmul(x: Any, w: Any) -> Any:
        return dot(rounded(x), rounded(w), ((1,), (0,)))

    def forward(x: Any, w: Any) -> Any:
        x, w = rounded(x), rounded(w)
        return dot(x, w, ((1,), (0,))), (x, w)

    def backward(kept: Any, gradient: Any) -> Any:
        x, w = kept
        gradient = rounded(gradient)
        return dot(gradient, w, ((1,), (1,))), dot(x.T, gradient, ((1,), (0,)))

    matmul.defvjp(forward, backward)
    return matmul


def lower(function: Callable[..., Any], precision: str) -> Callable[..., Any]:
    """Wrap a function so that, when traced, its matrix products run in `precision`; all else runs as it was written.

    Parameters
    ----------
    function : callable
        A pure function of trees of arrays.
    precision : {"float32", "bfloat16"}

    Returns
    -------
    callable
        With the same arguments and results.
    """
    import jax

    def lowered(*args: Any) -> Any:
        traced, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        results = _evaluate(precision, traced.jaxpr, traced.consts, *jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shape), results)

    return lowered


def _evaluate(precision: str, jaxpr: Any, consts: Any, *args: Any) -> list[Any]:
    import jax.extend.core as core
    from jax import lax

    values: dict[Any, Any] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args], strict=True))
    for equation in jaxpr.eqns:
        inputs = [atom.val if isinstance(atom, core.Literal) else values[atom] for atom in equation.invars]
        name, parameters = equation.primitive.name, equation.params
        if name in ("pjit", "jit"):
            inner = parameters["jaxpr"]
            outputs = _evaluate(precision, inner.jaxpr, inner.consts, *inputs)
        elif name == "erfc":
            # Twice as fast; what is lost is below float32's rounding of 1, and GELU multiplies it by its small argument.
            outputs = [1 - lax.erf(*inputs)]
        elif name == "dot_general" and precision == "bfloat16" and _is_product(equation):
            outputs = [matmul_bfloat16()(*inputs)]
        else:
            outputs = equation.primitive.bind(*inputs, **equation.primitive.get_bind_params(parameters))
            outputs = outputs if equation.primitive.multiple_results else [outputs]
        values.update(zip(equation.outvars, outputs, strict=True))
    return [atom.val if isinstance(atom, core.Literal) else values[atom] for atom in jaxpr.outvars]


def _is_product(equation: Any) -> bool:
    (left, right), batch = equation.params["dimension_numbers"]
    avals = [atom.aval for atom in equation.invars]
    return (
        tuple(map(tuple, (left, right))) == ((1,), (0,))
        and not any(batch)
        and all(aval.ndim == 2 and aval.dtype == np.float32 and min(aval.shape) >= SMALLEST for aval in avals)
    )
