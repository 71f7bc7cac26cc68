"""From a bundle to graphs of ONNX, without Keras and JAX, and without scikit-learn, which takes two seconds to load.

This is run as a process of its own: the server goes on answering meanwhile, and a file that means ill meets no server.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.numpy import load as load_tensors

from narrows import _bundle_file
from narrows._text import sentence
from narrows.errors import BundleError
from narrows.export._graph import Graph
from narrows.export._layers import Side
from narrows.networks.computation import shapes
from narrows.networks.network import MANY, rows_at_once
from narrows.networks.plan import Head, Plan
from narrows.serve._prepared import About, Prepared

HEADS = {"Autoencoder": None, "SupervisedAutoencoder": "softmax", "SupervisedAutoencoderRegressor": "linear"}
USUAL = ("misfit", "center", "code", "precision")  # of a detector's arrays, those that an error takes
KNOWN = {"estimator", "params", "plan", "keras", "head", "learned", "map", "outliers"}
REFUSED = 2  # the exit code where the bundle is at fault


class _Learned(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    n_features: int
    feature_names: tuple[str, ...] | None = None
    scale: dict[str, Any]
    labels: dict[str, Any] | None = None
    image_shape: tuple[int, int, int] | None = None
    loss_name: str = ""
    history: dict[str, tuple[float | str | None, ...]] = {}


class _State(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    estimator: str
    plan: Plan | None
    learned: _Learned
    map: dict[str, Any] | None = None
    outliers: dict[str, Any] | None = None


def prepare(path: str | os.PathLike[str]) -> Prepared:
    """Read a bundle and make what is served of it.

    Raises
    ------
    BundleError, OSError
        If it is damaged, or cannot be read.
    ValueError
        If it is of a kind that cannot be served.
    """
    content, said = _bundle_file.read(path)
    name = os.fspath(path)
    try:
        state = _State.model_validate(said.get("state"))
        _check_kind(state, name)
        arrays = load_tensors(content)
        del content
        return _prepared(state, arrays, said)
    except BundleError:
        raise
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _bundle_file.unusable(name, f"{sentence('.'.join(map(str, first['loc'])), 80)}: {first['msg']}") from None
    except _bundle_file.UNFIT as error:
        raise _bundle_file.unusable(name, error) from None


def _check_kind(state: _State, name: str) -> None:
    if state.map is not None:
        raise BundleError(
            f"{name} holds a LatentMap, which places rows by more than its network: save its .autoencoder_ as a bundle, and serve that"
        )
    if state.plan is None:
        raise BundleError(f"{name} holds Keras layers of your own, which have no plan: only models that narrows has built can be served")
    others = [key for key, value in (state.model_extra or {}).items() if key not in KNOWN and value is not None]
    if others or getattr(state.plan, "output_groups", None) or state.estimator not in HEADS:
        raise BundleError(f"{name} holds a {sentence(state.estimator, 80)}, which does more than its network: it cannot be served")


def _prepared(state: _State, arrays: dict[str, np.ndarray], said: Mapping[str, Any]) -> Prepared:
    plan, learned = state.plan, state.learned
    assert plan is not None
    weights = {key.removeprefix("weights/"): value for key, value in arrays.items() if key.startswith("weights/")}
    _bundle_file.check_weights(weights, shapes(plan))
    if plan.n_features != learned.n_features or (plan.head and plan.head.activation) != HEADS[state.estimator]:
        raise ValueError(f"its {state.estimator}, its plan and its {learned.n_features} features do not belong together")
    kept = _vectors(arrays, "scale", ("shift", "factor"), plan.n_features)
    if state.estimator == "SupervisedAutoencoderRegressor" and plan.head is not None:
        kept |= _vectors(arrays, "label_scale", ("shift", "factor"), plan.head.n_outputs)
    outliers = state.outliers or {}
    measure = "usual" if outliers.get("params", {}).get("measure") == "usual" else "plain"
    if measure == "usual":
        kept |= _usual(arrays, plan)
    about = About(
        estimator="AutoencoderOutlierDetector" if outliers else state.estimator,
        n_features=plan.n_features,
        n_components=plan.n_components,
        scale=str(learned.scale["kind"]),
        rows_at_once=rows_at_once(plan, MANY),
        feature_names=_names(learned.feature_names, plan),
        image_shape=_image_shape(learned.image_shape, plan),
        classes=_classes(learned.labels, plan.head),
        predicts=None if plan.head is None else "probabilities" if plan.head.activation == "softmax" else "prediction",
        value_range=_value_range(str(learned.scale["kind"]), kept["scale/shift"], kept["scale/factor"]),
        training_error=None if outliers else _training_error(learned, said.get("metadata")),
        threshold=-float(outliers["offset"]) if outliers else None,
        measure=measure,
        versions={str(key): sentence(str(value), 80) for key, value in dict(said.get("versions", {})).items()},
    )
    return Prepared(about, _graphs(plan, weights), kept)


def _graphs(plan: Plan, weights: dict[str, np.ndarray]) -> dict[str, bytes]:
    """Give the parts of a network in scaled units: rows are scaled by NumPy, float64 ones before they are rounded, as the library does."""
    sides = {"encoder": (plan.encoder, plan.n_features), "decoder": (plan.decoder, plan.n_components)}
    if plan.head is not None:
        sides["head"] = (plan.head.layers, plan.n_components)
    graphs = {}
    for name, (layers, width) in sides.items():
        graph = Graph()
        side = Side(graph, weights)
        end = side.chain(layers, "x", width)
        n_outputs = {"encoder": plan.n_components, "decoder": plan.n_features}.get(name) or (plan.head.n_outputs if plan.head else 0)
        if name == "decoder":
            end = side.activation(end, plan.output_activation, "the output", (n_outputs,))
        elif name == "head" and plan.head is not None:
            end = side.activation(end, plan.head.activation, "the head", (n_outputs,))
        graph.name(end, "y")
        graphs[name] = graph.model({"x": width}, {"y": n_outputs}, {"description": name}, "")
    return graphs


def _vectors(arrays: dict[str, np.ndarray], group: str, keys: tuple[str, ...], width: int) -> dict[str, np.ndarray]:
    found = {f"{group}/{key}": arrays.get(f"{group}/{key}") for key in keys}
    for name, value in found.items():
        if not _bundle_file.is_sound(value, (width,)):
            raise ValueError(f"it has no sound {name!r} of {width} numbers")
    return {name: value for name, value in found.items() if value is not None}


def _usual(arrays: dict[str, np.ndarray], plan: Plan) -> dict[str, np.ndarray]:
    d, k = plan.n_features, plan.n_components
    allowed: dict[str, set[tuple[int, ...]]] = {"misfit": {(d,)}, "center": {(d,)}, "code": {(k,)}, "precision": {(k,), (k, k)}}
    found = {f"outliers/{key}": arrays.get(f"outliers/{key}") for key in USUAL}
    for name, value in found.items():
        if not _bundle_file.is_sound(value, *allowed[name.partition("/")[2]]):
            raise ValueError(f"its detector has no sound {name!r}")
    kept = {name: value for name, value in found.items() if value is not None}
    if kept["outliers/misfit"].min() <= 0:
        raise ValueError("its detector's arrays do not belong together")
    return kept


def _names(names: tuple[str, ...] | None, plan: Plan) -> tuple[str, ...] | None:
    if names is not None and len(names) != plan.n_features:
        raise ValueError(f"it names {len(names)} features, and has {plan.n_features}")
    return names


def _image_shape(shape: tuple[int, int, int] | None, plan: Plan) -> tuple[int, int, int] | None:
    if shape is not None and math.prod(shape) != plan.n_features:
        raise ValueError(f"its image shape {shape} does not multiply to {plan.n_features} features")
    return shape


def _value_range(kind: str, shift: np.ndarray, factor: np.ndarray) -> tuple[float, float]:
    """Give between which numbers the training rows lay, nearly: of a deviation no more can be told."""
    if kind == "none":
        return 0.0, 1.0
    wide = 1.5 if kind == "standard" else 1.0
    low = 0.0 if shift.min() >= 0 else float((shift - (wide if kind == "standard" else 0) / factor).min())
    return low, max(float((shift + wide / factor).max()), low + 1e-9)


def _classes(labels: Mapping[str, Any] | None, head: Head | None) -> tuple[Any, ...] | None:
    if head is None or head.activation != "softmax":
        return None
    classes = tuple(labels["classes"]) if labels is not None else ()
    if len(classes) != head.n_outputs or not all(map(_is_label, classes)):
        raise ValueError(f"its head predicts {head.n_outputs} classes, and it names {len(classes)}")
    return classes


def _is_label(value: Any) -> bool:
    """Say whether an answer can name it: no integer beyond those of arrays, and no half of a character."""
    if isinstance(value, str):
        return value.encode(errors="ignore").decode() == value
    return isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 1 << 63)


def _training_error(learned: _Learned, metadata: Any) -> float | None:
    """Give the mean error of rows that the model was judged on, or else trained on, where that was noted."""
    quality = metadata.get("quality") if isinstance(metadata, dict) else None
    measured = quality.get("autoencoder", {}).get("mean_squared_error") if isinstance(quality, dict) else None
    if measured is None and learned.loss_name in ("mse", "mean_squared_error"):
        losses = learned.history.get("val_loss") or learned.history.get("loss") or ()
        measured = min((loss for loss in losses if isinstance(loss, float)), default=None)
    return float(measured) if isinstance(measured, int | float) and 0 < measured < math.inf else None


def main(path: str) -> int:
    """Write to standard output what is served of a bundle, or as JSON why it cannot be; give the exit code."""
    try:
        content, code = prepare(path).to_bytes(), 0
    except (ValueError, OSError, ImportError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        content, code = json.dumps({"error": f"'{path}': {reason}" if isinstance(problem, OSError) else reason}).encode(), REFUSED
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
