"""The decoder as a page can run it: a short list of layers and their weights, or a grid of decoded places."""

from __future__ import annotations

from typing import Any

import numpy as np

from narrows.networks.network import Network
from narrows.networks.plan import (
    ActivationLayer,
    AffinePath,
    BatchNormalizationLayer,
    ConvLayer,
    CroppingLayer,
    DenseLayer,
    DropoutLayer,
    Layer,
    LinearPath,
    MaxPoolingLayer,
    TransposedConvLayer,
    UpsamplingLayer,
)
from narrows.report._rows import quantized

# Activations of Keras that page/decoder.js knows as well.
ACTIVATIONS = (
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "swish",
    "tanh",
    "sigmoid",
    "softplus",
    "softsign",
    "softmax",
    "exponential",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "mish",
    "celu",
    "log_sigmoid",
    "tanh_shrink",
)
MOST_WEIGHTS = 1_500_000  # in 16 bits 3 MB, as text 4
EPSILON = 1e-3  # that Keras's batch normalization adds to the variance
GRID = 32  # places across and up where a grid stands for a decoder


def untranslatable(network: Network) -> str:
    """Say why a page cannot run a decoder; nothing where it can."""
    plan = network.plan
    if plan is None:
        return "its layers are Keras models of its maker's own"
    named = [getattr(layer, "activation", "linear") for layer in plan.decoder] + [plan.output_activation]
    odd = next((activation for activation in named if activation not in ACTIVATIONS), None)
    if odd is not None:
        return f"the page knows no activation {odd if isinstance(odd, str) else 'of its maker’s own'}"
    n = sum(array.size for name, array in _weights(network).items() if name.partition("/")[0] in {layer.name for layer in plan.decoder})
    return f"its {n:,} weights are more than a page should hold" if n > MOST_WEIGHTS else ""


def translated(network: Network) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Give a planned decoder as the page's script takes it.

    Returns
    -------
    spec : dict
        Plain JSON values: the layers, the output's activation, and how scaling is undone.
    arrays : dict of str to ndarray
        Kernels in 16 bits, all else in 32.
    """
    plan = network.plan
    assert plan is not None
    weights = _weights(network)
    arrays: dict[str, np.ndarray] = {}
    layers = [_layer(layer, weights, arrays) for layer in plan.decoder if not isinstance(layer, DropoutLayer)]
    if network.scale.kind != "none":
        arrays["decoder/shift"] = network.scale.shift.astype(np.float32)
        arrays["decoder/spread"] = (1 / network.scale.factor).astype(np.float32)
    return {"inputs": plan.n_components, "layers": layers, "activation": plan.output_activation}, arrays


def _weights(network: Network) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in network.computation.expand(network.weights).items()}


def _layer(layer: Layer, weights: dict[str, np.ndarray], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Give one layer, and put its weights to the others."""
    spec: dict[str, Any] = {"kind": layer.kind, "name": layer.name}
    if isinstance(layer, DenseLayer | LinearPath | AffinePath | ConvLayer | TransposedConvLayer):
        kernel = weights[f"{layer.name}/kernel"]
        with np.errstate(over="ignore"):
            half = kernel.astype(np.float16)
        arrays[f"{layer.name}/kernel"] = half if np.isfinite(half).all() else kernel.astype(np.float32)
        spec |= {"inputs": layer.inputs, "units": layer.units}
        if not isinstance(layer, LinearPath):
            arrays[f"{layer.name}/bias"] = weights[f"{layer.name}/bias"].astype(np.float32)
    if isinstance(layer, ConvLayer | TransposedConvLayer):
        spec |= {"size": layer.kernel_size, "strides": layer.strides}
    if isinstance(layer, DenseLayer | ConvLayer | TransposedConvLayer | ActivationLayer):
        spec["activation"] = layer.activation
    if isinstance(layer, BatchNormalizationLayer):
        gamma, beta, mean, variance = (weights[f"{layer.name}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance"))
        factor = gamma / np.sqrt(variance + EPSILON)
        arrays[f"{layer.name}/factor"] = factor.astype(np.float32)
        arrays[f"{layer.name}/bias"] = (beta - mean * factor).astype(np.float32)
    if isinstance(layer, MaxPoolingLayer | UpsamplingLayer):
        spec["size"] = layer.size
    if isinstance(layer, CroppingLayer):
        spec |= {"rows": layer.rows, "columns": layer.columns}
    if layer.kind == "reshape":
        spec["shape"] = list(layer.shape)
    return spec


def gridded(decode: Any, places: np.ndarray, *, image: bool) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Give decoded places of a grid around others: what a page can interpolate.

    Parameters
    ----------
    decode : callable
        From places (n, 2) to rows (n, d) in their own units.
    places : ndarray of shape (n, 2)
    image : bool
        Whether all values of a row share one range.

    Returns
    -------
    spec : dict
        Plain JSON values: the grid's corners and size.
    arrays : dict of str to ndarray
        The rows, in as few bits as those of the page.
    """
    low, high = places.min(0).astype(np.float64), places.max(0).astype(np.float64)
    margin = np.where(high > low, 0.05 * (high - low), 1.0)
    low, high = low - margin, high + margin
    across, up = np.meshgrid(np.linspace(low[0], high[0], GRID), np.linspace(low[1], high[1], GRID))
    rows = np.asarray(decode(np.stack([across.ravel(), up.ravel()], 1).astype(np.float32)), np.float32)
    spec, arrays = quantized(rows, image=image, key="grid")
    return {"low": low.tolist(), "high": high.tolist(), "size": GRID, **spec}, arrays
