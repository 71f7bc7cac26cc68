"""The plan: what a network computes, as a small frozen list of layers that JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer

# What Keras may know, or registered classes are called: one word, and never the path of a function.
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_>-]{1,200}$")]
Activation = Word | Callable[..., Any]
Initializer = Word | Callable[..., Any]
Size = Annotated[int, Field(ge=1, le=2**31 - 1)]
Strength = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class DenseLayer(_Frozen):
    """A matrix and a bias; with `tied_to`, the matrix is the transpose of that layer's. It starts as drawn, times `kernel_gain`."""

    kind: Literal["dense"] = "dense"
    name: Name
    inputs: Size
    units: Size
    activation: Activation = "linear"
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_gain: Strength = 1.0
    tied_to: Name | None = None
    l1: Strength = 0.0
    l2: Strength = 0.0

    @field_serializer("activation", "kernel_initializer", "bias_initializer")
    def _only_names(self, value: Activation, info: Any) -> str:
        if isinstance(value, str):
            return value
        raise ValueError(
            f"{info.field_name}={value!r} is a function of your own, which a file cannot hold safely; "
            f"use one of Keras's by name, or keep the model in this process"
        )


class BatchNormalizationLayer(_Frozen):
    """Batch normalization of `units` values."""

    kind: Literal["batch_normalization"] = "batch_normalization"
    name: Name
    units: Size


class ActivationLayer(_Frozen):
    """An activation that stands alone, because a normalization comes before it."""

    kind: Literal["activation"] = "activation"
    name: Name
    units: Size
    activation: Activation

    _only_names = field_serializer("activation")(DenseLayer._only_names)


class DropoutLayer(_Frozen):
    """Dropout of a share `rate` of `units` values, in training only."""

    kind: Literal["dropout"] = "dropout"
    name: Name
    units: Size
    rate: Annotated[float, Field(gt=0, lt=1)]


class LinearPath(_Frozen):
    """A matrix that takes the input of its whole side past all layers before it, and adds it to what they give."""

    kind: Literal["linear_path"] = "linear_path"
    name: Name
    inputs: Size
    units: Size


class AffinePath(_Frozen):
    """A linear path with a bias: for layers whose last bias is one for each channel and cannot hold a mean image."""

    kind: Literal["affine_path"] = "affine_path"
    name: Name
    inputs: Size
    units: Size


class ReshapeLayer(_Frozen):
    """Flat values as an image of shape (height, width, channels)."""

    kind: Literal["reshape"] = "reshape"
    name: Name
    shape: tuple[Size, Size, Size]

    def gives(self, shape: Shape) -> Shape:
        """Give the shape that comes out of a shape that comes in."""
        _need(self.name, shape == (math.prod(self.shape),), f"{math.prod(self.shape)} values", shape)
        return self.shape


class FlattenLayer(_Frozen):
    """An image as flat values, channels last."""

    kind: Literal["flatten"] = "flatten"
    name: Name

    def gives(self, shape: Shape) -> Shape:
        """Give the shape that comes out of a shape that comes in."""
        _need(self.name, len(shape) == 3, "an image", shape)
        return (math.prod(shape),)


class ConvLayer(_Frozen):
    """A convolution with zeros around the image, `inputs` channels to `units`; `strides` pixels from one output to the next."""

    kind: Literal["conv"] = "conv"
    name: Name
    inputs: Size
    units: Size
    kernel_size: Size
    strides: Size = 1
    activation: Activation = "linear"
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    l1: Strength = 0.0
    l2: Strength = 0.0

    _only_names = field_serializer("activation", "kernel_initializer", "bias_initializer")(DenseLayer._only_names)

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """The shape of its kernel, as Keras has it."""
        return self.kernel_size, self.kernel_size, self.inputs, self.units

    def gives(self, shape: Shape) -> Shape:
        """Give the shape that comes out of a shape that comes in."""
        _need(self.name, len(shape) == 3 and shape[-1] == self.inputs, f"an image of {self.inputs} channels", shape)
        return -(-shape[0] // self.strides), -(-shape[1] // self.strides), self.units


class TransposedConvLayer(_Frozen):
    """The transpose of a convolution of `units` channels to `inputs`: it gives images `strides` times as high and wide."""

    kind: Literal["transposed_conv"] = "transposed_conv"
    name: Name
    inputs: Size
    units: Size
    kernel_size: Size
    strides: Size = 1
    activation: Activation = "linear"
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    l1: Strength = 0.0
    l2: Strength = 0.0

    _only_names = field_serializer("activation", "kernel_initializer", "bias_initializer")(DenseLayer._only_names)

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """The shape of its kernel, as Keras has it."""
        return self.kernel_size, self.kernel_size, self.units, self.inputs

    def gives(self, shape: Shape) -> Shape:
        """Give the shape that comes out of a shape that comes in."""
        _need(self.name, len(shape) == 3 and shape[-1] == self.inputs, f"an image of {self.inputs} channels", shape)
        return shape[0] * self.strides, shape[1] * self.strides, self.units


class MaxPoolingLayer(_Frozen):
    """The largest value of each square of `size` pixels a side; squares at the far edges may be cut off."""

    kind: Literal["max_pooling"] = "max_pooling"
    name: Name
    size: Size = 2

    def gives(self, shape: Shape) -> Shape:
        """Give the shape that comes out of a shape that comes in."""
        _need(self.name, len(shape) == 3, "an image", shape)
        return -(-shape[0] // self.size), -(-shape[1] // self.size), shape[2]


class UpsamplingLayer(_Frozen):
    """Each pixel as a square of `size` pixels a side."""

    kind: Literal["upsampling"] = "upsampling"
    name: Name
    size: Size = 2

    def gives(self, shape: Shape) -> Shape:
        """Give the shape that comes out of a shape that comes in."""
        _need(self.name, len(shape) == 3, "an image", shape)
        return shape[0] * self.size, shape[1] * self.size, shape[2]


class CroppingLayer(_Frozen):
    """An image without its last `rows` and its last `columns`."""

    kind: Literal["cropping"] = "cropping"
    name: Name
    rows: Annotated[int, Field(ge=0, le=2**31 - 1)]
    columns: Annotated[int, Field(ge=0, le=2**31 - 1)]

    def gives(self, shape: Shape) -> Shape:
        """Give the shape that comes out of a shape that comes in."""
        larger = len(shape) == 3 and shape[0] > self.rows and shape[1] > self.columns
        _need(self.name, larger, f"an image of more than {self.rows} rows and {self.columns} columns", shape)
        return shape[0] - self.rows, shape[1] - self.columns, shape[2]


Shape = tuple[int, ...]  # of what one row has become: (values,) or (height, width, channels)
ImageLayer = (
    ReshapeLayer | FlattenLayer | ConvLayer | TransposedConvLayer | MaxPoolingLayer | UpsamplingLayer | CroppingLayer
)  # those that know no other form than an image, or lead there and back
Weighted = DenseLayer | ConvLayer | TransposedConvLayer  # those whose kernels are drawn, and penalized
Layer = Annotated[
    DenseLayer | BatchNormalizationLayer | ActivationLayer | DropoutLayer | LinearPath | AffinePath | ImageLayer,
    Field(discriminator="kind"),
]


class OutputGroup(_Frozen):
    """Numbers of the output that lie side by side and have one activation: `times` times `units`, each of these with its own softmax."""

    activation: Literal["linear", "sigmoid", "softmax"]
    units: Size
    times: Size = 1

    @property
    def width(self) -> int:
        """How many numbers of the output it is."""
        return self.units * self.times


class Head(_Frozen):
    """What predicts labels from codes. What its last layer gives is linear; `activation` follows it, as the output's does in a plan."""

    n_components: Size
    n_outputs: Size
    layers: tuple[Layer, ...] = Field(min_length=1, max_length=1000)
    activation: Literal["softmax", "linear"]

    def model_post_init(self, context: Any) -> None:
        """Refuse a head whose layers do not follow from one another."""
        del context
        _check_names(self.layers)
        _check_chain(self.layers, self.n_components, self.n_outputs)


class Plan(_Frozen):
    """An encoder and a decoder, and a head if there is one, in the scaled units of the network.

    What the last decoder layer gives is linear; `output_activation` follows it, so that a loss can be computed from what comes before.
    Where there are `output_groups`, as in a table's, these follow it instead: together they are the whole output.
    """

    n_features: Size
    n_components: Size
    encoder: tuple[Layer, ...] = Field(min_length=1, max_length=1000)
    decoder: tuple[Layer, ...] = Field(min_length=1, max_length=1000)
    output_activation: Activation
    mean_bias: bool = False
    head: Head | None = None
    output_groups: tuple[OutputGroup, ...] = Field(default=(), max_length=10_000)

    _only_names = field_serializer("output_activation")(DenseLayer._only_names)

    def model_post_init(self, context: Any) -> None:
        """Refuse a plan whose layers do not follow from one another."""
        del context
        _check_names(self)
        if self.output_groups and sum(group.width for group in self.output_groups) != self.n_features:
            raise ValueError(f"its groups of outputs are not the {self.n_features} numbers of its output")
        if self.head is not None and self.head.n_components != self.n_components:
            raise ValueError(f"the head takes codes of {self.head.n_components} numbers, and the encoder gives {self.n_components}")
        _check_chain(self.encoder, self.n_features, self.n_components)
        _check_chain(self.decoder, self.n_components, self.n_features)
        dense = {layer.name: layer for layer in self.encoder if isinstance(layer, DenseLayer)}
        for layer in self:
            if isinstance(layer, DenseLayer) and layer.tied_to is not None:
                twin = dense.get(layer.tied_to)
                if twin is None or twin is layer or twin.tied_to or (twin.inputs, twin.units) != (layer.units, layer.inputs):
                    raise ValueError(f"layer {layer.name!r} cannot be tied to {layer.tied_to!r}: there is no such transposed twin")

    def __iter__(self) -> Iterator[Layer]:  # type: ignore[override]  # a plan is read as its layers
        """Give all layers from rows to reconstruction, and then the head's."""
        yield from self.encoder
        yield from self.decoder
        if self.head is not None:
            yield from self.head.layers

    @property
    def ties(self) -> dict[str, str]:
        """Kernel names of tied layers, each with the kernel whose transpose it is."""
        return {f"{layer.name}/kernel": f"{layer.tied_to}/kernel" for layer in self if isinstance(layer, DenseLayer) and layer.tied_to}

    @property
    def penalties(self) -> dict[str, tuple[float, float]]:
        """Kernel names with their L1 and L2 strengths, where either is not zero; a tied kernel counts once, where it lives."""
        return penalties(self)

    @property
    def linear_path(self) -> bool:
        """Whether a linear path runs beside the layers."""
        return any(isinstance(layer, LinearPath | AffinePath) for layer in self)

    @property
    def shapes(self) -> dict[str, Shape]:
        """What one row becomes behind each layer, by the layer's name."""
        head = () if self.head is None else self.head.layers
        sides = ((self.encoder, self.n_features), (self.decoder, self.n_components), (head, self.n_components))
        return {layer.name: shape for side, start in sides for layer, shape in zip(side, _chain(side, start), strict=True)}

    @property
    def computation(self) -> Plan:
        """The same plan without what a compiled program does not depend on: initial weights and penalty strengths."""
        head = None if self.head is None else self.head.model_copy(update={"layers": tuple(map(_bare, self.head.layers))})
        sides = {"encoder": tuple(map(_bare, self.encoder)), "decoder": tuple(map(_bare, self.decoder))}
        return self.model_copy(update={**sides, "mean_bias": False, "head": head})


def penalties(layers: Iterable[Layer]) -> dict[str, tuple[float, float]]:
    """Give kernel names with their L1 and L2 strengths, where either is not zero; a tied kernel counts once, where it lives."""
    own = (layer for layer in layers if isinstance(layer, Weighted) and not getattr(layer, "tied_to", None))
    return {f"{layer.name}/kernel": (layer.l1, layer.l2) for layer in own if layer.l1 or layer.l2}


def _bare(layer: Layer) -> Layer:
    if not isinstance(layer, Weighted):
        return layer
    on = {"l1": float(layer.l1 > 0), "l2": float(layer.l2 > 0)}
    gain = {"kernel_gain": 1.0} if isinstance(layer, DenseLayer) else {}
    return layer.model_copy(update={"kernel_initializer": "zeros", "bias_initializer": "zeros", **gain, **on})


def _check_names(layers: Iterable[Layer]) -> None:
    names = [layer.name for layer in layers]
    if len(set(names)) != len(names):
        raise ValueError(f"layer names must differ, got {names}")


def _check_chain(layers: tuple[Layer, ...], start: int, end: int) -> None:
    shape = _chain(layers, start)[-1]
    if shape != (end,):
        raise ValueError(f"layer {layers[-1].name!r} gives {_words(shape)} where {end} are needed")


def _chain(layers: tuple[Layer, ...], start: int) -> list[Shape]:
    """Give what a row of `start` values becomes behind each layer; refuse layers that do not follow from one another."""
    shapes: list[Shape] = [(start,)]
    for layer in layers:
        shape = _passed(layer, shapes[-1], start)
        if math.prod(shape) >= 2**31:
            raise ValueError(f"layer {layer.name!r} gives {_words(shape)}, more than there is room for")
        shapes.append(shape)
    return shapes[1:]


def _passed(layer: Layer, shape: Shape, start: int) -> Shape:
    if isinstance(layer, ImageLayer):
        return layer.gives(shape)
    inputs = layer.inputs if isinstance(layer, DenseLayer) else layer.units
    if isinstance(layer, LinearPath | AffinePath) and layer.inputs != start:
        raise ValueError(f"layer {layer.name!r} takes {layer.inputs} values past the others where {start} come in")
    by_channel = isinstance(layer, BatchNormalizationLayer | ActivationLayer | DropoutLayer)
    _need(layer.name, (inputs,) == (shape[-1:] if by_channel else shape), f"{inputs} values", shape)
    return shape if by_channel else (layer.units,)


def _need(name: str, fits: bool, needed: str, shape: Shape) -> None:
    if not fits:
        raise ValueError(f"layer {name!r} takes {needed} where {_words(shape).removesuffix(' values')} come in")


def _words(shape: Shape) -> str:
    return f"{shape[0]} values" if len(shape) == 1 else f"images of {by(shape)}"


def by(shape: Shape) -> str:
    """Write a shape as people do: 28x28x1."""
    return "x".join(map(str, shape))


def fan_in(layer: Weighted) -> int:
    """Give how many values each unit of a layer adds up."""
    return layer.inputs if isinstance(layer, DenseLayer) else layer.inputs * layer.kernel_size**2


def count_parameters(layer: Layer) -> tuple[int, int]:
    """Weights and biases of a layer that are its own (a tied kernel is counted where it lives).

    Batch normalization counts its scale among the weights and its center among the biases; its two moving
    statistics are not trained and not counted.

    Returns
    -------
    weights, biases : int
    """
    if isinstance(layer, DenseLayer):
        return (0 if layer.tied_to else layer.inputs * layer.units), layer.units
    if isinstance(layer, BatchNormalizationLayer):
        return layer.units, layer.units
    if isinstance(layer, LinearPath):
        return layer.inputs * layer.units, 0
    if isinstance(layer, AffinePath):
        return layer.inputs * layer.units, layer.units
    if isinstance(layer, ConvLayer | TransposedConvLayer):
        return math.prod(layer.kernel_shape), layer.units
    return 0, 0
