"""Operations in the form that the processor runs fastest, put into a traced function in place of the plain ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
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
def _convolutions_hold() -> bool:
    """Whether the lowered convolutions, max poolings and their derivatives agree with the plain ones here."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    def plain(x: Any, kernels: list[Any]) -> Any:
        """With strides, pooled, and twice as large, to few units."""

        def convolved(x: Any, kernel: Any, stride: int) -> Any:
            return lax.conv_general_dilated(x, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

        x = jnp.tanh(convolved(x, kernels[0], 2))
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")
        return convolved(jnp.repeat(jnp.repeat(x, 2, 1), 2, 2), kernels[1], 1)

    def lowered(*args: Any) -> Any:
        traced = jax.make_jaxpr(plain)(*args)
        return _Lowering("float32", lambda: True).evaluate(traced.jaxpr, traced.consts, *jax.tree.leaves(args))[0]

    def results(function: Callable[..., Any], *args: Any) -> Any:
        return jax.value_and_grad(lambda *args: jnp.mean(jnp.sin(function(*args))), (0, 1))(*args)

    rng = np.random.default_rng(0)
    shapes = (8, 9, 7, 3), (3, 3, 3, 8), (3, 3, 8, 1)
    x, *kernels = ((rng.normal(size=shape) / np.sqrt(np.prod(shape[:3]))).astype(np.float32) for shape in shapes)
    with jax.ensure_compile_time_eval():  # the caller is being traced
        pair = jax.jit(lambda *args: (results(lowered, *args), results(plain, *args)))(x, kernels)
    ours, expected = ([np.asarray(leaf) for leaf in jax.tree.leaves(side)] for side in pair)
    return all(np.abs(a - b).max() <= 1e-4 * np.abs(b).max() + 1e-9 for a, b in zip(ours, expected, strict=True))


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


def lower(function: Callable[..., Any], precision: str, *, convolutions: bool = True) -> Callable[..., Any]:
    """Wrap a function so that, when traced, its expensive operations take their fast forms; all else runs as it was written.

    Parameters
    ----------
    function : callable
        A pure function of trees of arrays.
    precision : {"float32", "bfloat16"}
        Of its matrix products. Convolutions are always float32.
    convolutions : bool, default=True
        Whether convolutions and poolings are among them: where derivatives are taken, these are what is slow.

    Returns
    -------
    callable
        With the same arguments and results.
    """
    import jax

    def lowered(*args: Any) -> Any:
        traced, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        hold = _convolutions_hold if convolutions else bool
        results = _Lowering(precision, hold).evaluate(traced.jaxpr, traced.consts, *jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shape), results)

    return lowered


class _Lowering:
    """One pass over a traced function."""

    def __init__(self, precision: str, convolutions_hold: Callable[[], bool]) -> None:
        self._precision, self._convolutions_hold = precision, convolutions_hold
        self._enlarged: dict[int, _Enlarged] = {}  # by the identity of what is enlarged, which is kept alive there

    def evaluate(self, jaxpr: Any, consts: Any, *args: Any) -> list[Any]:
        import jax.extend.core as core

        values: dict[Any, Any] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args], strict=True))
        for equation in jaxpr.eqns:
            inputs = [atom.val if isinstance(atom, core.Literal) else values[atom] for atom in equation.invars]
            if equation.primitive.name in ("pjit", "jit"):
                inner = equation.params["jaxpr"]
                outputs = self.evaluate(inner.jaxpr, inner.consts, *inputs)
            else:
                lowered = self._lowered(equation, inputs)
                outputs = _as_traced(equation, inputs) if lowered is None else [lowered]
                if inputs and outputs:
                    self._note_enlarged(equation, inputs[0], outputs[0])
            values.update(zip(equation.outvars, outputs, strict=True))
        return [atom.val if isinstance(atom, core.Literal) else values[atom] for atom in jaxpr.outvars]

    def _lowered(self, equation: Any, inputs: list[Any]) -> Any:
        """Give what an equation with one output gives, in a faster form; None where there is none."""
        from jax import lax

        name, parameters = equation.primitive.name, equation.params
        if name == "erfc":
            # Twice as fast; what is lost is below float32's rounding of 1, and GELU multiplies it by its small argument.
            return 1 - lax.erf(*inputs)
        if name == "dot_general" and self._precision == "bfloat16" and _is_product(equation):
            return matmul_bfloat16()(*inputs)
        if name in ("conv_general_dilated", "reduce_window_max") and _on_cpu() and self._convolutions_hold():
            from narrows.networks import convolutions

            if name == "reduce_window_max":
                return convolutions.max_pooling(inputs[0], parameters)
            enlarged = self._enlarged.get(id(inputs[0]))
            x, kernel = inputs
            return convolutions.convolution(x, kernel, parameters, None if enlarged is None else (enlarged.image, enlarged.factors))
        return None

    def _note_enlarged(self, equation: Any, given: Any, output: Any) -> None:
        """Remember what is an image with every pixel repeated: `jnp.repeat` is a broadcast and then a reshape, one axis at a time."""
        name = equation.primitive.name
        if name == "broadcast_in_dim" and getattr(given, "ndim", 0) == 4 and output.ndim == 5:
            (axis,) = set(range(5)) - set(equation.params["broadcast_dimensions"])
            if axis in (2, 3) and output.shape[:axis] + output.shape[axis + 1 :] == given.shape:
                before = self._enlarged.get(id(given))
                factors = list(before.factors if before else (1, 1))
                factors[axis - 2] *= output.shape[axis]
                self._enlarged[id(output)] = _Enlarged(output, before.image if before else given, (factors[0], factors[1]), axis)
        elif name == "reshape" and id(given) in self._enlarged:
            before = self._enlarged[id(given)]
            if before.axis and output.shape == _merged(given.shape, before.axis):
                self._enlarged[id(output)] = _Enlarged(output, before.image, before.factors, None)


@dataclass(frozen=True, eq=False)
class _Enlarged:
    """An image whose every pixel is repeated `factors` times, along height and width; with `axis`, the last repeats are still apart."""

    value: Any
    image: Any
    factors: tuple[int, int]
    axis: int | None


def _merged(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """Give the shape in which an axis and the one before it are one."""
    return (*shape[: axis - 1], shape[axis - 1] * shape[axis], *shape[axis + 1 :])


def _as_traced(equation: Any, inputs: list[Any]) -> list[Any]:
    outputs = equation.primitive.bind(*inputs, **equation.primitive.get_bind_params(equation.params))
    return outputs if equation.primitive.multiple_results else [outputs]


def _is_product(equation: Any) -> bool:
    (left, right), batch = equation.params["dimension_numbers"]
    avals = [atom.aval for atom in equation.invars]
    return (
        tuple(map(tuple, (left, right))) == ((1,), (0,))
        and not any(batch)
        and all(aval.ndim == 2 and aval.dtype == np.float32 and min(aval.shape) >= SMALLEST for aval in avals)
    )
