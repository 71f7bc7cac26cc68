"""A plan computed by NumPy in float64, from the definitions: what a file is held against where there is no Keras."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.special import erf, expit, log_softmax, softmax

from narrows.export._activations import name_of
from narrows.export._layers import EPSILON
from narrows.networks.network import MANY, Network, rows_at_once
from narrows.networks.outputs import slices
from narrows.networks.plan import (
    ActivationLayer,
    AffinePath,
    BatchNormalizationLayer,
    ConvLayer,
    DenseLayer,
    DropoutLayer,
    ImageLayer,
    Layer,
    LinearPath,
    OutputGroup,
    TransposedConvLayer,
)

Array = np.ndarray
Curve = Callable[[Array], Any]  # SciPy's have no types
SELU = 1.0507009873554805, 1.6732632423543772  # its scale, and its slope below zero


class PlainNetwork:
    """The methods of a network of a plan that give codes, reconstructions and predictions, without Keras and JAX.

    Scaling is the library's own, rounding included; all else is exact to float64.

    Parameters
    ----------
    network : Network
    """

    def __init__(self, network: Network) -> None:
        assert network.plan is not None
        self._plan, self._network = network.plan, network
        self._weights = {name: np.asarray(value, np.float64) for name, value in network.weights.items()}

    def encode(self, rows: Array) -> Array:
        """Give codes (n, n_components) of rows (n, n_features) in their own units."""
        return self._side(self._plan.encoder, self._network.scale.apply(rows))

    def decode(self, codes: Array) -> Array:
        """Give rows (n, n_features) in their own units of codes (n, n_components)."""
        scaled = self._side(self._plan.decoder, codes)
        if self._plan.output_groups:
            scaled = np.concatenate([_ended(group, scaled[:, where]) for group, where in slices(self._plan.output_groups)], axis=1)
        else:
            scaled = ACTIVATIONS[name_of(self._plan.output_activation, "the output")](scaled)
        return scaled if self._network.scale.kind == "none" else self._network.scale.undo(scaled)

    def reconstruct(self, rows: Array) -> Array:
        """Give the reconstruction (n, n_features) of rows in their own units."""
        return self.decode(self.encode(rows))

    def predict(self, rows: Array) -> Array:
        """Give what the head predicts (n, n_outputs) of rows in their own units."""
        head, labels = self._plan.head, self._network.label_scale
        assert head is not None
        predicted = ACTIVATIONS[head.activation](self._side(head.layers, self.encode(rows)))
        return predicted if labels is None else labels.undo(predicted)

    def _side(self, layers: tuple[Layer, ...], start: Array) -> Array:
        step = rows_at_once(self._plan, MANY)
        return np.concatenate([self._chain(layers, start[first : first + step].astype(np.float64)) for first in range(0, len(start), step)])

    def _chain(self, layers: tuple[Layer, ...], start: Array) -> Array:
        values = start
        for layer in layers:
            if isinstance(layer, LinearPath | AffinePath):
                values = values + start @ self._weights[f"{layer.name}/kernel"] + self._weights.get(f"{layer.name}/bias", 0)
            elif not isinstance(layer, DropoutLayer):
                values = self._layer(layer, values)
        return values

    def _layer(self, layer: Layer, values: Array) -> Array:
        if isinstance(layer, BatchNormalizationLayer):
            gamma, beta, mean, variance = (
                self._weights[f"{layer.name}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")
            )
            return gamma * (values - mean) / np.sqrt(variance + EPSILON) + beta
        if isinstance(layer, DenseLayer):
            kernel = self._weights[f"{layer.tied_to}/kernel"].T if layer.tied_to else self._weights[f"{layer.name}/kernel"]
            values = values @ kernel + self._weights[f"{layer.name}/bias"]
        elif isinstance(layer, ImageLayer):
            values = self._image(layer, values)
        if isinstance(layer, ActivationLayer | DenseLayer | ConvLayer | TransposedConvLayer):
            values = ACTIVATIONS[name_of(layer.activation, f"layer {layer.name!r}")](values)
        return values

    def _image(self, layer: ImageLayer, values: Array) -> Array:
        if isinstance(layer, ConvLayer | TransposedConvLayer):
            convolved = convolved_with if isinstance(layer, ConvLayer) else transposed_with
            return convolved(values, self._weights[f"{layer.name}/kernel"], layer.strides) + self._weights[f"{layer.name}/bias"]
        if layer.kind == "reshape":
            return values.reshape(-1, *layer.shape)
        if layer.kind == "flatten":
            return values.reshape(len(values), -1)
        if layer.kind == "max_pooling":
            return functools.reduce(np.maximum, (pixels for _, pixels in seen_by(values, layer.size, layer.size, -np.inf)))
        if layer.kind == "upsampling":
            return values.repeat(layer.size, 1).repeat(layer.size, 2)
        return values[:, : values.shape[1] - layer.rows, : values.shape[2] - layer.columns]


def _ended(group: OutputGroup, raw: Array) -> Array:
    """Give the activation of a group of outputs."""
    return np.asarray(ACTIVATIONS[group.activation](raw.reshape(-1, group.times, group.units)).reshape(raw.shape))


def seen_by(images: Array, size: int, strides: int, around: float) -> Iterator[tuple[tuple[int, int], Array]]:
    """Walk a window over images (n, h, w, c), a constant `around` them; give what each place in it sees, (n, rows, columns, c)."""
    steps = [-(-pixels // strides) for pixels in images.shape[1:3]]
    missing = [max((n - 1) * strides + size - pixels, 0) for n, pixels in zip(steps, images.shape[1:3], strict=True)]
    padded = np.pad(images, [(0, 0), *((pixels // 2, pixels - pixels // 2) for pixels in missing), (0, 0)], constant_values=around)
    for row, column in np.ndindex(size, size):
        last_row, last_column = (first + (n - 1) * strides for first, n in zip((row, column), steps, strict=True))
        yield (row, column), padded[:, row : last_row + 1 : strides, column : last_column + 1 : strides]


def convolved_with(images: Array, kernel: Array, strides: int) -> Array:
    """Convolve images (n, h, w, inputs) with a kernel (size, size, inputs, units), zeros around the image."""
    return functools.reduce(np.add, (pixels @ kernel[place] for place, pixels in seen_by(images, len(kernel), strides, 0.0)))


def transposed_with(images: Array, kernel: Array, strides: int) -> Array:
    """Put a kernel (size, size, units, inputs) on all pixels of images (n, h, w, inputs), `strides` apart, and keep h * strides of them.

    Keras on JAX slides the flipped kernel over the spread image, which has at most ``size - 1`` zeros before it; so much less than
    that is what is cut off before the first pixel.
    """
    n, height, width, _ = images.shape
    size, units = len(kernel), kernel.shape[2]
    cut = size - 1 - min(-(-(strides + size - 2) // 2), size - 1)
    canvas = np.zeros((n, cut + height * strides + size, cut + width * strides + size, units))
    for row, column in np.ndindex(size, size):
        canvas[:, row : row + height * strides : strides, column : column + width * strides : strides] += images @ kernel[row, column].T
    return canvas[:, cut : cut + height * strides, cut : cut + width * strides]


def _below_zero(curve: Curve) -> Curve:
    return lambda x: np.where(x > 0, x, curve(np.minimum(x, 0)))


def _sparse_plus(x: Array) -> Any:
    return np.square(np.clip(x, -1, 1) + 1) / 4 + np.maximum(x - 1, 0)


def _sparsemax(x: Array) -> Any:
    # Keras's own, which sums the running sums of the support where the paper takes the last of them.
    ordered = -np.sort(-x, axis=-1)
    sums, ranks = ordered.cumsum(-1), np.arange(1, x.shape[-1] + 1)
    support = ordered - (sums - 1) / ranks > 0
    return np.maximum(x - (np.where(support, sums, 0).sum(-1, keepdims=True) - 1) / support.sum(-1, keepdims=True), 0)


def _silu(x: Array) -> Any:
    return x * expit(x)


def _hard_sigmoid(x: Array) -> Any:
    return np.clip((x + 3) / 6, 0, 1)


def _softplus(x: Array) -> Any:
    return np.logaddexp(x, 0)


def _over_channels(function: Any) -> Curve:
    return lambda x: function(x, axis=-1)


ACTIVATIONS: dict[str, Curve] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": _below_zero(lambda x: 0.2 * x),
    "elu": _below_zero(np.expm1),
    "selu": lambda x: SELU[0] * _below_zero(lambda low: SELU[1] * np.expm1(low))(x),
    "celu": _below_zero(np.expm1),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "silu": _silu,
    "swish": _silu,
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "tanh": np.tanh,
    "tanh_shrink": lambda x: x - np.tanh(x),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "sigmoid": expit,
    "log_sigmoid": lambda x: -_softplus(-x),
    "hard_sigmoid": _hard_sigmoid,
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "hard_silu": lambda x: x * _hard_sigmoid(x),
    "hard_swish": lambda x: x * _hard_sigmoid(x),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "softplus": _softplus,
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "sparse_plus": _sparse_plus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "exponential": np.exp,
    "softmax": _over_channels(softmax),
    "log_softmax": _over_channels(log_softmax),
    "sparsemax": _sparsemax,
}
