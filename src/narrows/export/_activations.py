"""Keras's activations as nodes of ONNX. Of all that look beyond one number, channels are at axis 1: images are channels first here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from narrows.export._graph import Graph

CHANNELS = 1
Made = Callable[[Graph, str], str]


def _one(operation: str, **attributes: Any) -> Made:
    return lambda graph, x: graph.add(operation, x, **attributes)


def _clip(low: float, high: float) -> Made:
    return lambda graph, x: graph.add("Clip", x, graph.number(low), graph.number(high))


def _gelu(graph: Graph, x: str) -> str:
    below = graph.add("Erf", graph.add("Mul", x, graph.number(math.sqrt(0.5))))
    return graph.add("Mul", graph.add("Mul", x, graph.number(0.5)), graph.add("Add", below, graph.number(1.0)))


def _silu(graph: Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def _tanh_shrink(graph: Graph, x: str) -> str:
    return graph.add("Sub", x, graph.add("Tanh", x))


def _log_sigmoid(graph: Graph, x: str) -> str:
    return graph.add("Neg", graph.add("Softplus", graph.add("Neg", x)))


def _squareplus(graph: Graph, x: str) -> str:
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", x, x), graph.number(4.0)))
    return graph.add("Mul", graph.add("Add", x, root), graph.number(0.5))


def _sparse_plus(graph: Graph, x: str) -> str:
    # Clipped to [-1, 1] the parabola is 0 and 1 at the ends; what lies beyond 1 is added to it.
    near = graph.add("Add", _clip(-1.0, 1.0)(graph, x), graph.number(1.0))
    square = graph.add("Mul", graph.add("Mul", near, near), graph.number(0.25))
    return graph.add("Add", square, graph.add("Relu", graph.add("Sub", x, graph.number(1.0))))


def sparsemax(graph: Graph, x: str, units: int, images: bool) -> str:
    """Add sparsemax as Keras has it, which sums the running sums of the support where the paper takes the last of them."""
    axis = graph.integers(CHANNELS)
    sorted_ = graph.add_all("TopK", x, graph.integers(units), axis=CHANNELS, n_outputs=2)[0]
    sums = graph.add("CumSum", sorted_, graph.constant("axis/channels", np.array(CHANNELS, np.int64)))
    ranks = np.arange(1, units + 1, dtype=np.float32).reshape((1, units, 1, 1) if images else (1, units))
    share = graph.add("Div", graph.add("Sub", sums, graph.number(1.0)), graph.constant(f"ranks/{units}/{images}", ranks))
    support = graph.add("Cast", graph.add("Greater", sorted_, share), to=1)
    count = graph.add("ReduceSum", support, axis, keepdims=1)
    total = graph.add("ReduceSum", graph.add("Mul", support, sums), axis, keepdims=1)
    threshold = graph.add("Div", graph.add("Sub", total, graph.number(1.0)), count)
    return graph.add("Relu", graph.add("Sub", x, threshold))


ACTIVATIONS: dict[str, Made] = {
    "linear": lambda graph, x: x,
    "relu": _one("Relu"),
    "relu6": _clip(0.0, 6.0),
    "leaky_relu": _one("LeakyRelu", alpha=0.2),
    "elu": _one("Elu", alpha=1.0),
    "selu": _one("Selu"),
    "celu": _one("Celu", alpha=1.0),
    "gelu": _gelu,
    "silu": _silu,
    "swish": _silu,
    "mish": _one("Mish"),
    "tanh": _one("Tanh"),
    "tanh_shrink": _tanh_shrink,
    "hard_tanh": _clip(-1.0, 1.0),
    "sigmoid": _one("Sigmoid"),
    "log_sigmoid": _log_sigmoid,
    "hard_sigmoid": _one("HardSigmoid", alpha=1 / 6, beta=0.5),
    "sparse_sigmoid": _one("HardSigmoid", alpha=0.5, beta=0.5),
    "hard_silu": _one("HardSwish"),
    "hard_swish": _one("HardSwish"),
    "hard_shrink": _one("Shrink", lambd=0.5, bias=0.0),
    "soft_shrink": _one("Shrink", lambd=0.5, bias=0.5),
    "softplus": _one("Softplus"),
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
    "softsign": _one("Softsign"),
    "exponential": _one("Exp"),
    "softmax": _one("Softmax", axis=CHANNELS),
    "log_softmax": _one("LogSoftmax", axis=CHANNELS),
}
NAMES = (*ACTIVATIONS, "sparsemax")


def name_of(activation: Any, where: str) -> str:
    """Give the name of an activation that the graph and its plain twin know.

    Raises
    ------
    ValueError
        If it is a function of the user's, or one that no layer of a plan can have.
    """
    if not isinstance(activation, str) and str(getattr(activation, "__module__", "")).startswith("keras."):
        activation = getattr(activation, "__name__", activation)
    if activation in NAMES:
        return str(activation)
    if isinstance(activation, str):
        raise ValueError(f"{where} has the activation {activation!r}, which an .onnx file cannot hold; it holds {', '.join(NAMES)}")
    raise ValueError(
        f"{where} has a function of your own as its activation, {activation!r}, which an .onnx file cannot hold: "
        f"use one of Keras's by name, or write .keras"
    )


def activate(graph: Graph, tensor: str, name: str, units: int, images: bool) -> str:
    """Add an activation behind a tensor of `units` values, or of images of so many channels."""
    return sparsemax(graph, tensor, units, images) if name == "sparsemax" else ACTIVATIONS[name](graph, tensor)
