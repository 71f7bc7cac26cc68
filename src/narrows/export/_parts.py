"""The parts of a fitted network as graphs: from rows in their own units to codes, reconstructions and predictions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from narrows import __version__
from narrows.export._graph import Graph
from narrows.export._layers import Side
from narrows.networks.network import Network
from narrows.networks.outputs import slices
from narrows.networks.plan import Head, Plan
from narrows.networks.scale import Scale

Part = Literal["autoencoder", "encoder", "decoder", "head"]
PARTS: tuple[Part, ...] = ("autoencoder", "encoder", "decoder", "head")


def ends(network: Network, part: Part) -> tuple[dict[str, int], dict[str, int]]:
    """Give what goes into a part and what comes out, each name with the numbers that a row has there.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    plan, head = network.plan, network.head
    assert plan is not None
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(map(repr, PARTS))}, got {part!r}")
    if part == "head" and head is None:
        raise ValueError("this model has no head: export its 'encoder', 'decoder' or 'autoencoder', or fit a SupervisedAutoencoder")
    codes, rows = {"codes": plan.n_components}, {"reconstruction": plan.n_features}
    predicted = {} if head is None else {_predicted(head): head.n_outputs}
    if part == "decoder":
        return codes, rows
    given = {"encoder": codes, "autoencoder": {**codes, **rows, **predicted}, "head": {**codes, **predicted}}
    return {"rows": plan.n_features}, given[part]


def built(network: Network, part: Part, about: Mapping[str, Any]) -> bytes:
    """Give a part of a network as the content of a file.

    Parameters
    ----------
    network : Network
        Of a plan.
    part : str
    about : mapping
        JSON values to keep with it.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If there is no such part, or it holds what ONNX does not.
    """
    plan = network.plan
    assert plan is not None
    inputs, outputs = ends(network, part)
    graph = Graph()
    side = Side(graph, network.weights)
    codes = "codes" if part == "decoder" else graph.name(_encoded(side, plan, network.scale), "codes")
    if "reconstruction" in outputs:
        graph.name(_decoded(side, plan, network.scale, codes), "reconstruction")
    if plan.head is not None and _predicted(plan.head) in outputs:
        graph.name(_predictions(side, plan.head, network.label_scale, codes), _predicted(plan.head))
    shown = {name: f"{name} (n, {width})" for name, width in {**inputs, **outputs}.items()}
    description = f"{about['estimator']} of narrows {__version__}, {part}: from {', '.join(map(shown.get, inputs))}"  # type: ignore[arg-type]
    text = {key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for key, value in about.items()}
    text |= {"part": part, "narrows": __version__}
    text["description"] = f"{description} to {', '.join(shown[name] for name in outputs)}; float32, rows in their own units"
    return graph.model(inputs, outputs, text, __version__)


def _predicted(head: Head) -> str:
    """Give the name of what a head predicts, as the Keras models have it."""
    return "probabilities" if head.activation == "softmax" else "prediction"


def _encoded(side: Side, plan: Plan, scale: Scale) -> str:
    graph, rows = side.graph, "rows"
    graph.scope = "scale"
    if scale.kind != "none":
        # In this order and precision the library scales float32 rows: a large offset goes before anything is rounded.
        rows = graph.add("Sub", rows, _numbers(graph, "scale/shift", scale.shift))
        rows = graph.add("Mul", rows, _numbers(graph, "scale/factor", scale.factor))
    return side.chain(plan.encoder, rows, plan.n_features)


def _decoded(side: Side, plan: Plan, scale: Scale, codes: str) -> str:
    scaled = side.chain(plan.decoder, codes, plan.n_components)
    side.graph.scope = "output_activation"
    if plan.output_groups:
        return _unscaled(side.graph, _grouped(side.graph, plan, scaled), "scale", scale)
    scaled = side.activation(scaled, plan.output_activation, "the output", (plan.n_features,))
    return _unscaled(side.graph, scaled, "scale", scale)


def _grouped(graph: Graph, plan: Plan, raw: str) -> str:
    """Add the activations of the output's groups."""
    parts = []
    for group, where in slices(plan.output_groups):
        part = graph.add("Slice", raw, graph.integers(where.start), graph.integers(where.stop), graph.integers(1))
        if group.activation == "sigmoid":
            part = graph.add("Sigmoid", part)
        elif group.activation == "softmax":
            part = graph.add("Reshape", part, graph.integers(-1, group.times, group.units))
            part = graph.add("Reshape", graph.add("Softmax", part, axis=-1), graph.integers(-1, group.width))
        parts.append(part)
    return graph.add("Concat", *parts, axis=1)


def _predictions(side: Side, head: Head, scale: Scale | None, codes: str) -> str:
    predicted = side.chain(head.layers, codes, head.n_components)
    side.graph.scope = "head_activation"
    predicted = side.activation(predicted, head.activation, "the head", (head.n_outputs,))
    return predicted if scale is None else _unscaled(side.graph, predicted, "label_scale", scale)


def _unscaled(graph: Graph, scaled: str, name: str, scale: Scale) -> str:
    if scale.kind == "none":
        return scaled
    graph.scope = f"un{name}"
    rows = graph.add("Div", scaled, _numbers(graph, f"{name}/factor", scale.factor))
    return graph.add("Add", rows, _numbers(graph, f"{name}/shift", scale.shift))


def _numbers(graph: Graph, name: str, values: np.ndarray) -> str:
    return graph.constant(name, values.astype(np.float32)[: 1 if (values == values[0]).all() else None])
