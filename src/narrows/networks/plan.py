"""The plan: what a network computes, as a small frozen list of layers that JSON can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer

Activation = str | Callable[..., Any]
Initializer = str | Callable[..., Any]
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


Layer = Annotated[DenseLayer | BatchNormalizationLayer | ActivationLayer | DropoutLayer | LinearPath, Field(discriminator="kind")]


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
    """

    n_features: Size
    n_components: Size
    encoder: tuple[Layer, ...] = Field(min_length=1, max_length=1000)
    decoder: tuple[Layer, ...] = Field(min_length=1, max_length=1000)
    output_activation: Activation
    mean_bias: bool = False
    head: Head | None = None

    _only_names = field_serializer("output_activation")(DenseLayer._only_names)

    def model_post_init(self, context: Any) -> None:
        """Refuse a plan whose layers do not follow from one another."""
        del context
        _check_names(self)
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
        return any(isinstance(layer, LinearPath) for layer in self)

    @property
    def computation(self) -> Plan:
        """The same plan without what a compiled program does not depend on: initial weights and penalty strengths."""
        head = None if self.head is None else self.head.model_copy(update={"layers": tuple(map(_bare, self.head.layers))})
        sides = {"encoder": tuple(map(_bare, self.encoder)), "decoder": tuple(map(_bare, self.decoder))}
        return self.model_copy(update={**sides, "mean_bias": False, "head": head})


def penalties(layers: Iterable[Layer]) -> dict[str, tuple[float, float]]:
    """Give kernel names with their L1 and L2 strengths, where either is not zero; a tied kernel counts once, where it lives."""
    own = (layer for layer in layers if isinstance(layer, DenseLayer) and not layer.tied_to)
    return {f"{layer.name}/kernel": (layer.l1, layer.l2) for layer in own if layer.l1 or layer.l2}


def _bare(layer: Layer) -> Layer:
    if not isinstance(layer, DenseLayer):
        return layer
    on = {"l1": float(layer.l1 > 0), "l2": float(layer.l2 > 0)}
    return layer.model_copy(update={"kernel_initializer": "zeros", "bias_initializer": "zeros", "kernel_gain": 1.0, **on})


def _check_names(layers: Iterable[Layer]) -> None:
    names = [layer.name for layer in layers]
    if len(set(names)) != len(names):
        raise ValueError(f"layer names must differ, got {names}")


def _check_chain(layers: tuple[Layer, ...], start: int, end: int) -> None:
    width = start
    for layer in layers:
        inputs = layer.inputs if isinstance(layer, DenseLayer) else layer.units
        if isinstance(layer, LinearPath) and layer.inputs != start:
            raise ValueError(f"layer {layer.name!r} takes {layer.inputs} values past the others where {start} come in")
        if inputs != width:
            raise ValueError(f"layer {layer.name!r} takes {inputs} values where {width} come in")
        width = layer.units
    if width != end:
        raise ValueError(f"layer {layers[-1].name!r} gives {width} values where {end} are needed")


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
    return 0, 0
