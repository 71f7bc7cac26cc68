"""The end of a network: one activation for the whole output, or of a table one for each group of its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from narrows import _backend
from narrows.networks.plan import OutputGroup, Plan
from narrows.networks.weights import before_output

RAREST = 1e-4  # share of rows that a category starts with at least: its logarithm knows no bound


def slices(groups: tuple[OutputGroup, ...]) -> Iterator[tuple[OutputGroup, slice]]:
    """Give groups, each with where it lies in the output."""
    start = 0
    for group in groups:
        yield group, slice(start, start + group.width)
        start += group.width


def grouped(groups: tuple[OutputGroup, ...]) -> Callable[[Any], Any]:
    """Give the activation of groups as a function in JAX, from (n, n_features) to the same."""

    def columns(raw: Any) -> Any:
        import jax
        import jax.numpy as jnp

        parts = []
        for group, where in slices(groups):
            part = raw[:, where]
            if group.activation == "sigmoid":
                part = jax.nn.sigmoid(part)
            elif group.activation == "softmax":
                part = jax.nn.softmax(part.reshape(-1, group.times, group.units), axis=-1).reshape(part.shape)
            parts.append(part)
        return jnp.concatenate(parts, axis=1)

    return columns


def shown(groups: tuple[OutputGroup, ...], raw: Any) -> Any:
    """Put groups behind a Keras tensor (n, n_features), in layers that Keras itself knows."""
    layers = _backend.keras().layers
    parts = []
    for number, (group, where) in enumerate(slices(groups)):
        part = raw[:, where]
        if group.activation == "softmax":
            part = layers.Reshape((group.times, group.units), dtype="float32", name=f"columns_{number}")(part)
            part = layers.Activation("softmax", dtype="float32", name=f"columns_{number}_softmax")(part)
            part = layers.Reshape((group.width,), dtype="float32", name=f"columns_{number}_flat")(part)
        elif group.activation != "linear":
            part = layers.Activation(group.activation, dtype="float32", name=f"columns_{number}_{group.activation}")(part)
        parts.append(part)
    return parts[0] if len(parts) == 1 else layers.Concatenate(dtype="float32", name="columns")(parts)


def before(plan: Plan, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give what the end of a plan turns into a row (n_features,), and its slope there; see `before_output`.

    Of a softmax the slope is that of each number by itself.
    """
    if not plan.output_groups:
        return before_output(plan.output_activation, row)
    found = []
    for group, where in slices(plan.output_groups):
        part = row[where]
        if group.activation == "softmax":
            share = part.reshape(group.times, group.units).clip(RAREST)
            share = (share / share.sum(1, keepdims=True)).reshape(-1)
            found.append((np.log(share), share.clip(1e-2)))
        else:
            found.append(before_output(group.activation, part))
    values, slopes = zip(*found, strict=True)
    return np.concatenate(values), np.concatenate(slopes)
