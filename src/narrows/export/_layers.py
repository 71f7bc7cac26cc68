"""The layers of a plan as nodes of ONNX: images are channels first between the layers that make and flatten them."""

from __future__ import annotations

import numpy as np

from narrows.export._activations import activate, name_of
from narrows.export._graph import Graph
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
    Shape,
    TransposedConvLayer,
)

EPSILON = 1e-3  # that Keras's batch normalization adds to the variance


def same_padding(size: int, window: int, strides: int) -> tuple[int, int]:
    """Give what Keras's "same" puts before and behind `size` pixels."""
    total = max((-(-size // strides) - 1) * strides + window - size, 0)
    return total // 2, total - total // 2


def transposed_padding(window: int, strides: int) -> tuple[int, int, int]:
    """Give what is cut off before and behind a whole transposed convolution, and what is added behind, so that Keras's "same" is left.

    Keras on JAX puts zeros around the spread image, at most ``window - 1`` of them before it.
    """
    before = min((strides + window - 1) // 2, window - 1)
    behind = before + 1 - strides
    return window - 1 - before, max(behind, 0), max(-behind, 0)


class Side:
    """Layers in a chain from one tensor to another.

    Parameters
    ----------
    graph : Graph
    weights : dict of str to ndarray
        Of the network, by name, of any shapes.
    """

    def __init__(self, graph: Graph, weights: dict[str, np.ndarray]) -> None:
        self.graph, self._weights = graph, weights

    def chain(self, layers: tuple[Layer, ...], start: str, width: int) -> str:
        """Add layers behind `start`, which has `width` values a row; give what the last one makes.

        Raises
        ------
        ValueError
            If an activation is not known.
        """
        tensor = start
        shape: Shape = (width,)
        for layer in layers:
            self.graph.scope = layer.name
            tensor, shape = self._layer(layer, tensor, shape, start)
        return tensor

    def activation(self, tensor: str, activation: object, where: str, shape: Shape) -> str:
        """Add an activation behind a tensor whose rows have a shape.

        Raises
        ------
        ValueError
            If it is not known.
        """
        return activate(self.graph, tensor, name_of(activation, where), shape[-1], len(shape) == 3)

    def _layer(self, layer: Layer, tensor: str, shape: Shape, start: str) -> tuple[str, Shape]:
        if isinstance(layer, DropoutLayer):
            return tensor, shape
        if isinstance(layer, LinearPath | AffinePath):
            return self.graph.add("Add", tensor, self._beside(layer, start)), shape
        if isinstance(layer, BatchNormalizationLayer):
            parts = (self._weight(f"{layer.name}/{part}") for part in ("gamma", "beta", "moving_mean", "moving_variance"))
            return self.graph.add("BatchNormalization", tensor, *parts, epsilon=EPSILON), shape
        if isinstance(layer, DenseLayer):
            tensor, shape = self._dense(layer, tensor), (layer.units,)
        elif isinstance(layer, ImageLayer):
            tensor, shape = self._image(layer, tensor, shape), layer.gives(shape)
        if isinstance(layer, ActivationLayer | DenseLayer | ConvLayer | TransposedConvLayer):
            tensor = self.activation(tensor, layer.activation, f"layer {layer.name!r}", shape)
        return tensor, shape

    def _dense(self, layer: DenseLayer, tensor: str) -> str:
        kernel = self._weight(f"{layer.tied_to or layer.name}/kernel")
        return self.graph.add("Gemm", tensor, kernel, self._weight(f"{layer.name}/bias"), transB=int(layer.tied_to is not None))

    def _beside(self, layer: LinearPath | AffinePath, start: str) -> str:
        names = ("kernel", "bias") if isinstance(layer, AffinePath) else ("kernel",)
        return self.graph.add("Gemm", start, *(self._weight(f"{layer.name}/{name}") for name in names))

    def _image(self, layer: ImageLayer, tensor: str, shape: Shape) -> str:
        graph = self.graph
        if isinstance(layer, ConvLayer | TransposedConvLayer):
            return self._conv(layer, tensor, shape)
        if layer.kind == "reshape":
            images = graph.add("Reshape", tensor, graph.integers(0, *layer.shape))
            return graph.add("Transpose", images, perm=[0, 3, 1, 2])
        if layer.kind == "flatten":
            last = graph.add("Transpose", tensor, perm=[0, 2, 3, 1])
            return graph.add("Reshape", last, graph.integers(0, *layer.gives(shape)))
        if layer.kind == "max_pooling":
            size = [layer.size, layer.size]
            return graph.add("MaxPool", tensor, kernel_shape=size, strides=size, pads=_pads(shape, layer.size, layer.size))
        if layer.kind == "upsampling":
            scales = graph.constant(f"{layer.name}/scales", np.array([1, 1, layer.size, layer.size], np.float32))
            modes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            return graph.add("Resize", tensor, "", scales, **modes)
        height, width, _ = layer.gives(shape)
        return graph.add("Slice", tensor, graph.integers(0, 0), graph.integers(height, width), graph.integers(2, 3))

    def _conv(self, layer: ConvLayer | TransposedConvLayer, tensor: str, shape: Shape) -> str:
        size, strides = layer.kernel_size, layer.strides
        # Keras has the window first, and of a transposed convolution the units before the inputs.
        kernel = self._weight(f"{layer.name}/kernel", (3, 2, 0, 1))
        bias, options = self._weight(f"{layer.name}/bias"), {"kernel_shape": [size, size], "strides": [strides, strides]}
        if isinstance(layer, ConvLayer):
            return self.graph.add("Conv", tensor, kernel, bias, pads=_pads(shape, size, strides), **options)
        before, behind, more = transposed_padding(size, strides)
        pads = [before, before, behind, behind]
        return self.graph.add("ConvTranspose", tensor, kernel, bias, pads=pads, output_padding=[more, more], **options)

    def _weight(self, name: str, axes: tuple[int, ...] | None = None) -> str:
        value = self._weights[name]
        return self.graph.constant(name, np.asarray(value if axes is None else value.transpose(axes), np.float32))


def _pads(shape: Shape, window: int, strides: int) -> list[int]:
    (top, bottom), (left, right) = (same_padding(size, window, strides) for size in shape[:2])
    return [top, left, bottom, right]
