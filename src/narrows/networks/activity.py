"""What the units of a network do: which give every row the same, and which are at their bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from narrows import _backend
from narrows.networks.computation import Computation
from narrows.networks.lowering import lower
from narrows.networks.network import FEW, Network, rows_at_once

BOUNDS: dict[str, tuple[float, float]] = {  # of activations, by their Keras names
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "sparse_sigmoid": (0.0, 1.0),
}
AT_BOUNDS = 0.01  # of half the way from one bound to the other
NEARLY_ALL = 0.95  # of the rows
STILL = 1e-4  # of the largest output in the layer: what varies by less says nothing
ACTIVATIONS = {"ReLU", "LeakyReLU", "PReLU", "ELU"}  # Keras layers that are an activation and nothing else


@dataclass(frozen=True)
class LayerActivity:
    """What the units of one layer do on some rows.

    Attributes
    ----------
    name, activation : str
    units : int
        Channels, where a layer has more dimensions.
    dead : int
        Units that give every row the same, and are not at a bound.
    saturated : int
        Units that are at a bound for nearly every row.
    is_code : bool, default=False
        Whether it is the bottleneck.
    """

    name: str
    activation: str
    units: int
    dead: int
    saturated: int
    is_code: bool = False


@dataclass(frozen=True, eq=False)
class Activity:
    """What a network does with some rows.

    Attributes
    ----------
    layers : tuple of LayerActivity
        Those with an activation, from the rows on, but for the output; of a user's own models those whose outputs Keras knows.
    codes : ndarray of shape (n, n_components), float32
    reconstruction : ndarray of shape (n, n_features), float32
        In scaled units.
    """

    layers: tuple[LayerActivity, ...]
    codes: np.ndarray
    reconstruction: np.ndarray


@dataclass(frozen=True)
class _Watched:
    """A layer that is looked at."""

    name: str
    activation: str
    is_code: bool


def activity(network: Network, scaled: np.ndarray) -> Activity:
    """Pass rows through a network and watch its units; all that is to be known of it is computed by one program.

    Parameters
    ----------
    network : Network
    scaled : ndarray of shape (n, n_features), float32
        Rows in the network's scaled units.

    Returns
    -------
    Activity
    """
    watched, function = _probe(network.computation)
    import jax

    weights = {name: jax.device_put(value) for name, value in network.weights.items()}
    n, size = len(scaled), rows_at_once(network.plan, FEW)
    filled = scaled if n % size == 0 else np.resize(scaled, (n + size - n % size, scaled.shape[1]))  # with the first rows once more
    figures, codes, reconstruction = [], [], []
    for start in range(0, n, size):
        outputs, code, rebuilt = function(weights, filled[start : start + size])
        figures.append([_figures(layer, np.asarray(output)) for layer, output in zip(watched, outputs, strict=True)])
        codes.append(np.asarray(code))
        reconstruction.append(np.asarray(rebuilt))
    layers = tuple(_count(layer, *map(np.stack, zip(*parts, strict=True))) for layer, *parts in zip(watched, *figures, strict=True))
    return Activity(layers, np.concatenate(codes)[:n], np.concatenate(reconstruction)[:n])


def output_activation(network: Network) -> str:
    """Give the name of the activation that the reconstruction comes from, as far as Keras tells; "linear" if it does not."""
    if network.plan is not None:
        return _named(network.computation.output_activation)
    layer = network.computation.decoder
    while getattr(layer, "layers", None):
        layer = layer.layers[-1]
    return _activation(layer)


def _count(layer: _Watched, low: np.ndarray, high: np.ndarray, at_bounds: np.ndarray) -> LayerActivity:
    """Count the units of a layer by figures of shape (blocks, units)."""
    low, high = low.min(0), high.max(0)
    saturated = at_bounds.mean(0) >= NEARLY_ALL
    largest = max(float(np.abs(low).max()), float(np.abs(high).max()))
    dead = (high - low <= STILL * largest) & ~saturated
    return LayerActivity(layer.name, layer.activation, len(low), int(dead.sum()), int(saturated.sum()), layer.is_code)


def _probe(computation: Computation) -> tuple[list[_Watched], Callable[..., Any]]:
    """Give the layers to watch, and what gives their outputs, codes and reconstructions of scaled rows; the computation keeps it."""
    if "activity" not in computation.kept:
        import jax

        encoder, decoder = (_watch(model, is_encoder) for model, is_encoder in ((computation.encoder, True), (computation.decoder, False)))
        watched = [layer for layers, _ in (encoder, decoder) for layer in layers]
        names = {id(variable): name for name, variable in computation.variables.items()}

        def pass_through(weights: dict[str, Any], rows: Any) -> tuple[list[Any], Any, Any]:
            weights, values, ends = computation.expand(weights), [], []
            for _, model in (encoder, decoder):
                kinds = (model.trainable_variables, model.non_trainable_variables)
                trainable, state = ([weights[names[id(variable)]] for variable in kind] for kind in kinds)
                outputs = model.stateless_call(trainable, state, rows, training=False)[0]
                *found, rows = outputs if isinstance(outputs, list | tuple) else [outputs]
                values += found
                ends.append(rows)
            return values, ends[0], computation.output_activation(ends[1])

        computation.kept["activity"] = watched, jax.jit(lower(pass_through, "float32", convolutions=False))
    return computation.kept["activity"]


def _watch(model: Any, is_encoder: bool) -> tuple[list[_Watched], Any]:
    """Give what to watch of an encoder or decoder, and a model that gives these outputs and then the side's own.

    What Keras cannot reach, in a user's model that is no graph of layers, is left out.
    """
    keras = _backend.keras()
    found = [(layer, _activation(layer), getattr(layer, "output", None)) for layer in model.layers]
    found = [(layer, name, output) for layer, name, output in found if name != "linear" and output is not None]
    end = (getattr(model, "outputs", None) or [None])[0]
    if not is_encoder:
        found = [each for each in found if each[2] is not end]
    if not found:
        return [], model
    try:
        watching = keras.Model(model.inputs, [*(output for *_, output in found), end])
    except (ValueError, AttributeError, TypeError):
        return [], model
    return [_Watched(layer.name, name, is_encoder and output is end) for layer, name, output in found], watching


def _activation(layer: Any) -> str:
    """Give the name of a layer's activation; "linear" where it has none."""
    if type(layer).__name__ in ACTIVATIONS:
        return type(layer).__name__
    activation = getattr(layer, "activation", None)
    return "linear" if activation is None else _named(activation)


def _named(activation: Any) -> str:
    return str(getattr(activation, "__name__", type(activation).__name__))


def _figures(layer: _Watched, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the least and the largest output of each unit, and the share of rows for which it is at a bound.

    This is not part of the program: its reductions would take three times as long to compile as all the rest.
    """
    units = outputs.reshape(-1, outputs.shape[-1])
    low, high = units.min(0), units.max(0)
    if layer.activation not in BOUNDS:
        return low, high, np.zeros(len(low))
    least, most = BOUNDS[layer.activation]
    slack = AT_BOUNDS * (most - least) / 2
    return low, high, ((units <= least + slack) | (units >= most - slack)).mean(0)
