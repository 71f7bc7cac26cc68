"""What training minimizes: a sum of terms, each a pure function that gives a value per row."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from narrows._backend import keras
from narrows.networks.computation import Outputs

Numbers = Mapping[str, Any]
FACTORS = 8  # logarithms taken at once


@dataclass(frozen=True)
class Reconstruction:
    """The reconstruction term: how far a row's reconstruction is from its target.

    Attributes
    ----------
    name : str
        "bce", "mse", or the class or function name of a Keras loss.
    key : hashable
        Equal keys compute the same: a function of the user's is its own key.
    per_row : callable
        From what comes before the output activation, and the target, both (n, n_features), to (n,).
    """

    name: str
    key: Any
    per_row: Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Objective:
    """The sum of all terms.

    Attributes
    ----------
    reconstruction : Reconstruction
    code_penalty : bool
        Whether codes are penalized, by ``numbers["code_l1"]`` and ``numbers["code_l2"]``.
    penalized : tuple of str
        Names of penalized kernels, by ``numbers["l1"]`` and ``numbers["l2"]``, one strength each.
    """

    reconstruction: Reconstruction
    code_penalty: bool = False
    penalized: tuple[str, ...] = ()

    @property
    def key(self) -> Any:
        """Equal keys compute the same."""
        return self.reconstruction.key, self.code_penalty, self.penalized

    def sums(self, outputs: Outputs, weights: Mapping[str, Any], batch: Mapping[str, Any], numbers: Numbers) -> Any:
        """Give the terms, each summed over the rows by weight.

        Parameters
        ----------
        outputs : Outputs
            Of the batch's rows.
        weights : dict of str to array
        batch : dict of str to array
            `target` (n, n_features) and `weight` (n,).
        numbers : dict of str to array
            The strengths of the terms.

        Returns
        -------
        array of shape (2,)
            Reconstruction; penalties (on the codes, on kernels, of the user's own layers), 0 where there are none.
            Divided by the sum of weights, they add up to the loss.
        """
        import jax.numpy as jnp

        weight, codes = batch["weight"], outputs.codes
        reconstruction = jnp.sum(weight * self.reconstruction.per_row(outputs.raw, batch["target"]))
        penalty: Any = jnp.float32(0)
        if self.code_penalty:
            strength = numbers["code_l1"] * jnp.abs(codes) + numbers["code_l2"] * jnp.square(codes)
            penalty += jnp.sum(weight * strength.reshape(len(codes), -1).sum(-1))
        for number, name in enumerate(self.penalized):
            kernel = weights[name]
            strength = numbers["l1"][number] * jnp.abs(kernel).sum() + numbers["l2"][number] * jnp.square(kernel).sum()
            penalty += strength * jnp.sum(weight)
        for own in outputs.penalties:
            penalty += own * jnp.sum(weight)
        return jnp.stack([reconstruction, penalty])


def reconstruction(loss: Any, output_activation: Any, apply_output: Callable[[Any], Any]) -> Reconstruction:
    """Find the reconstruction term.

    Parameters
    ----------
    loss : {"mse", "bce"}, str, keras.losses.Loss or callable
        A Keras name or loss, or ``f(target, reconstruction)`` that gives a value per row.
    output_activation : str or callable
        As in the plan; with "sigmoid", the binary cross-entropy is computed from what comes before it.
    apply_output : callable
        That activation as a function.

    Raises
    ------
    ValueError, TypeError
        If the loss is unknown.
    """
    import jax.numpy as jnp

    if loss == "bce" and output_activation == "sigmoid":
        return Reconstruction("bce", "bce_from_logits", cross_entropy())
    if loss == "mse":
        return Reconstruction("mse", "mse", lambda raw, target: row_means(jnp.square(apply_output(raw) - target)))
    losses = keras().losses
    key, made = loss, loss
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    if isinstance(loss, str):
        try:
            made = losses.get({"bce": "binary_crossentropy"}.get(loss, loss))
        except ValueError:
            raise ValueError(f"unknown loss {loss!r}: it must be 'auto', 'mse', 'bce', or a Keras loss by name or instance") from None
    if isinstance(made, losses.Loss):
        if type(made).__module__.startswith("keras."):
            # Keras leaves out of the configuration what the loss passes to its function, the delta of Huber for one.
            config = {**made.get_config(), **getattr(made, "_fn_kwargs", {})}
            key = (type(made).__name__, json.dumps(config, sort_keys=True, default=repr))
        call = made.call
    elif callable(made):
        call = made
    else:
        raise TypeError(f"loss must be a name, a Keras loss or a function of (target, reconstruction), got {loss!r}")

    def per_row(raw: Any, target: Any) -> Any:
        value = call(target, apply_output(raw))
        if value.ndim == 0 or value.shape[0] != target.shape[0]:
            raise ValueError(f"loss {name} must give a value per row, shape ({target.shape[0]},), got shape {value.shape}")
        return value.reshape(value.shape[0], -1).mean(-1)

    return Reconstruction(name, key, per_row)


def row_means(values: Any) -> Any:
    """Give the means of the rows of an (n, d) array: as a product with ones, which XLA sums several times faster than by `mean`."""
    import jax.numpy as jnp

    return values @ jnp.ones(values.shape[1], values.dtype) / values.shape[1]


def cross_entropy() -> Callable[[Any, Any], Any]:
    """Give the binary cross-entropy of a sigmoid's input, a mean per row, with its derivative as the textbook has it: sigmoid minus target.

    Returns
    -------
    callable
        From what comes before the sigmoid, and the target, both (n, d), to (n,), in nats.

    Notes
    -----
    With z before the sigmoid and s = exp(-|z|), a cell's value is max(z, 0) - z t + log(1 + s). The logarithm is most of
    the cost of the whole loss: it is taken of products of eight factors, each in [1, 2], instead of each alone.
    """
    import jax
    import jax.numpy as jnp

    def value(raw: Any, target: Any, factors: Any) -> Any:
        width = -(-factors.shape[1] // FACTORS)
        factors = jnp.pad(factors, ((0, 0), (0, width * FACTORS - factors.shape[1])), constant_values=1.0)
        product = math.prod(factors[:, i * width : (i + 1) * width] for i in range(FACTORS))
        linear = jnp.maximum(raw, 0) - raw * target
        return row_means(linear) + row_means(jnp.log(product)) * (width / raw.shape[1])

    @jax.custom_vjp
    def per_row(raw: Any, target: Any) -> Any:
        return value(raw, target, 1 + jnp.exp(-jnp.abs(raw)))

    def forward(raw: Any, target: Any) -> Any:
        small = jnp.exp(-jnp.abs(raw))
        sigmoid = jnp.where(raw >= 0, 1.0, small) / (1 + small)
        return value(raw, target, 1 + small), (sigmoid - target, raw)

    def backward(kept: Any, gradient: Any) -> Any:
        difference, raw = kept
        each = gradient[:, None] / raw.shape[1]
        return each * difference, -each * raw

    per_row.defvjp(forward, backward)
    return per_row
