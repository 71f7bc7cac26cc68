"""The layer table: what each layer has and does, read off the plan."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from narrows.networks.computation import Computation
from narrows.networks.plan import AffinePath, ConvLayer, DropoutLayer, FlattenLayer, Layer, Plan, TransposedConvLayer, by, count_parameters


@dataclass(frozen=True)
class TableRow:
    """One layer.

    Attributes
    ----------
    name, kind, activation : str
    units, weights, biases : int
        Units of a layer of images are its channels.
    shape : tuple of int
        Height, width and channels of the images that it gives; empty where it gives plain numbers.
    """

    name: str
    kind: str
    units: int
    activation: str
    weights: int
    biases: int
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Table:
    """All layers, totals and the compression factor; as text by `str`.

    Attributes
    ----------
    layers : tuple of TableRow
    n_features, n_components : int
    """

    layers: tuple[TableRow, ...]
    n_features: int
    n_components: int

    @property
    def n_parameters(self) -> int:
        """Trained weights and biases."""
        return sum(layer.weights + layer.biases for layer in self.layers)

    @property
    def compression(self) -> float:
        """How many times fewer numbers a code has than a row."""
        return self.n_features / self.n_components

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, as JSON has them."""
        return {**asdict(self), "n_parameters": self.n_parameters, "compression": self.compression}

    def __str__(self) -> str:
        head = ("layer", "kind", "units", "activation", "weights", "biases", "parameters")
        lines = [
            (row.name, row.kind, _size(row), row.activation, f"{row.weights:,}", f"{row.biases:,}", f"{row.weights + row.biases:,}")
            for row in self.layers
        ]
        weights, biases = (sum(getattr(row, name) for row in self.layers) for name in ("weights", "biases"))
        lines.append(("total", "", "", "", f"{weights:,}", f"{biases:,}", f"{weights + biases:,}"))
        widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]

        def text(line: tuple[str, ...]) -> str:
            cells = (
                cell.rjust(width) if column in (2, 4, 5, 6) else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            return "  ".join(cells).rstrip()

        rule = "  ".join("-" * width for width in widths)
        compression = f"{self.n_features:,} → {self.n_components:,}: {self.compression:.1f} times fewer numbers"
        return "\n".join([text(head), rule, *map(text, lines[:-1]), rule, text(lines[-1]), compression])


def plan_table(plan: Plan) -> Table:
    """Give the layer table of a plan."""
    rows, shapes = [], plan.shapes
    last = next(layer for layer in reversed(plan.decoder) if not isinstance(layer, FlattenLayer))
    for layer in plan:
        activation: Any = getattr(layer, "activation", "")
        if layer is last:
            activation = ", ".join(dict.fromkeys(group.activation for group in plan.output_groups)) or plan.output_activation
        elif plan.head is not None and layer is plan.head.layers[-1]:
            activation = plan.head.activation
        shape = shapes[layer.name]
        image = shape if len(shape) > 1 else ()
        rows.append(TableRow(layer.name, _kind(layer), shape[-1], _name(activation), *count_parameters(layer), image))
    return Table(tuple(rows), plan.n_features, plan.n_components)


def _kind(layer: Layer) -> str:
    kind = layer.kind.replace("_", " ")
    if isinstance(layer, AffinePath):
        return "linear path"
    if isinstance(layer, DropoutLayer):
        return f"dropout {layer.rate:g}"
    if isinstance(layer, ConvLayer | TransposedConvLayer):
        kind = f"{kind} {layer.kernel_size}x{layer.kernel_size}"
        return kind if layer.strides == 1 else f"{kind}, strides {layer.strides}"
    return f"{kind}, tied" if getattr(layer, "tied_to", None) else kind


def _size(row: TableRow) -> str:
    return by(row.shape) if row.shape else f"{row.units:,}"


def own_table(computation: Computation) -> Table:
    """Give the layer table of a user's own models, as far as Keras tells."""
    rows = []
    head = [] if computation.head is None else computation.head.layers[1:]  # without what it starts from, which is the code
    for layer in [*computation.encoder.layers, *computation.decoder.layers, *head]:
        sizes = [(len(variable.shape), math.prod(variable.shape)) for variable in layer.trainable_variables]
        weights, biases = (sum(size for rank, size in sizes if (rank > 1) == wide) for wide in (True, False))
        units = getattr(layer, "output", None)
        width = int(units.shape[-1]) if units is not None and units.shape[-1] else 0
        activation = computation.head_activation if head and layer is head[-1] else getattr(layer, "activation", "")
        rows.append(TableRow(layer.name, type(layer).__name__, width, _name(activation), weights, biases))
    return Table(tuple(rows), int(computation.encoder.input_shape[-1]), int(computation.encoder.output_shape[-1]))


def _name(activation: Any) -> str:
    return activation if isinstance(activation, str) else getattr(activation, "__name__", type(activation).__name__)
