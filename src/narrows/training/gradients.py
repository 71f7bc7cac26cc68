"""Gradients of the reconstruction's loss, kernel by kernel: where a network would learn, and where it hardly does."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from narrows.networks.computation import Computation
from narrows.networks.network import Network
from narrows.training.objective import Objective, reconstruction


def gradient_norms(network: Network, loss: Any, scaled: np.ndarray) -> dict[str, float]:
    """Measure the gradient of the reconstruction's mean loss by each kernel.

    Parameters
    ----------
    network : Network
    loss : {"mse", "bce"}, str, keras.losses.Loss or callable
        As `reconstruction` takes it.
    scaled : ndarray of shape (n, n_features), float32
        Rows in the network's scaled units; they pass at once, and so should be few.

    Returns
    -------
    dict of str to float
        The root of the sum of squares of each trained kernel's gradient, by the kernel's name, from the rows on.
    """
    computation = network.computation
    output = None if network.plan is None else network.plan.output_activation
    gradients = _derivative(computation, loss, output)(network.weights, scaled)
    exact = {name: np.asarray(gradients[name], np.float64) for name in computation.trainable if name in gradients}
    return {name: float(np.linalg.norm(gradient)) for name, gradient in exact.items()}


@functools.lru_cache(maxsize=8)  # a network is measured before training and after: one compilation serves both
def _derivative(computation: Computation, loss: Any, output: Any) -> Callable[..., dict[str, Any]]:
    """Give the compiled gradients by kernel, of weights and scaled rows."""
    import jax
    import jax.numpy as jnp

    objective = Objective(reconstruction(loss, output, computation.output_activation))

    def mean_loss(kernels: dict[str, Any], weights: dict[str, Any], rows: Any) -> Any:
        weights = {**weights, **kernels}
        batch = {"target": rows, "weight": jnp.ones(len(rows), jnp.float32)}
        return objective.loss(objective.sums(computation(weights, rows, False), weights, batch, {}), {})

    def gradients(weights: dict[str, Any], rows: Any) -> Any:
        kernels = {name: weights[name] for name in computation.trainable if name.endswith("/kernel")}
        return jax.grad(mean_loss)(kernels, weights, rows)

    compiled: Callable[..., dict[str, Any]] = jax.jit(gradients)
    return compiled
