"""Networks of any layers with random weights, and what ONNX Runtime makes of files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest

from narrows.networks.computation import first_weights
from narrows.networks.network import Network
from narrows.networks.plan import DenseLayer, Plan
from narrows.networks.scale import Scale


def random_network(*, decoder, encoder=None, head=None, output="linear", scale="standard") -> Network:
    """Give a network of 3 numbers a code; a missing encoder is one dense layer."""
    bare = DenseLayer(name="bare", inputs=3, units=3)
    shape = (3,)
    for layer in decoder:
        shape = layer.gives(shape) if hasattr(layer, "gives") else (*shape[:-1], layer.units)
    (width,) = shape
    encoder = encoder or (bare.model_copy(update={"name": "e1", "inputs": width}),)
    plan = Plan(n_features=width, n_components=3, encoder=encoder, decoder=decoder, output_activation=output, head=head)
    rng = np.random.default_rng(0)
    weights = first_weights(plan, rng, None)
    for name, array in weights.items():
        if array.dtype == np.float32:  # biases and statistics start at zeros and ones, which would hide what is left out
            moved = array + rng.normal(0, 0.3, array.shape).astype(np.float32)
            weights[name] = np.abs(moved) + np.float32(0.1) if "variance" in name else moved
    shift, factor = (rng.normal(size=width), rng.uniform(0.5, 2, width)) if scale == "standard" else (np.zeros(width), np.ones(width))
    labels = Scale("standard", np.array([100.0]), np.array([0.1]), False, np.zeros(1)) if head and head.activation == "linear" else None
    return Network(Scale(scale, shift, factor, scale == "none", np.full(width, 0.5)), weights, plan, label_scale=labels)


def run_file(content: bytes, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Give all outputs by name."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: rows.astype(np.float32)}), strict=True))


@pytest.fixture(scope="session")
def make() -> Callable[..., Network]:
    return random_network


@pytest.fixture(scope="session")
def run() -> Callable[..., dict[str, np.ndarray]]:
    return run_file
