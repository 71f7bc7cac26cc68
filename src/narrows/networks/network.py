"""A network with its weights: what is fitted, predicts, is saved, and is shown as Keras models."""

from __future__ import annotations

import math
import random
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from narrows import _backend
from narrows.networks import computation as computations
from narrows.networks import outputs
from narrows.networks.computation import Computation, Weights
from narrows.networks.plan import DenseLayer, Head, Layer, Plan, Weighted, fan_in
from narrows.networks.scale import Scale

# Rows that go through a program at a time: many where there are many, else few, so that small inputs share one program.
MANY, FEW = 1024, 256
IMAGE_VALUES = 2**22  # that a layer may give for them together: feature maps are far larger than rows, and leave the cache
AT_ONCE = 3  # blocks under way: while one waits for its products, others are scaled, activated and stored


class Network:
    """Weights, scaling, and the computation they belong to.

    Parameters
    ----------
    scale : Scale
    weights : dict of str to ndarray
    plan : Plan, default=None
        None for a user's own models.
    computation : Computation, default=None
        Of a user's own models; found from the plan otherwise.
    head : Head, default=None
        Beside a user's own models; a plan has its own.
    label_scale : Scale, default=None
        Of numbers that the head predicts.
    """

    def __init__(
        self,
        scale: Scale,
        weights: Weights,
        plan: Plan | None = None,
        computation: Computation | None = None,
        *,
        head: Head | None = None,
        label_scale: Scale | None = None,
    ) -> None:
        self.scale, self.plan = scale, plan
        self.head = head if plan is None else plan.head
        self.label_scale = label_scale
        self._own = computation
        self._weights = weights
        self._models: Models | None = None
        self._on_device: tuple[dict[str, Any], Any] | None = None

    @property
    def computation(self) -> Computation:
        """The pure functions; built when first asked for."""
        if self._own is not None:
            return self._own
        assert self.plan is not None
        return computations.of_plan(self.plan.computation)

    @property
    def weights(self) -> Weights:
        """The weights by name; as the Keras models have them, once those are shown."""
        if self._models is not None:
            self._take(self._models.changed())
        return self._weights

    @weights.setter
    def weights(self, weights: Weights) -> None:
        self._take(weights)
        if self._models is not None:
            self._models.assign(self._weights if self.plan is None else self.computation.expand(self._weights))

    def with_weights(self, weights: Weights) -> Network:
        """Give the same network with other weights."""
        return Network(self.scale, weights, self.plan, self._own, head=self.head, label_scale=self.label_scale)

    def _take(self, weights: Weights) -> None:
        if weights:
            self._weights = {**self._weights, **{name: value for name, value in weights.items() if name in self._weights}}
            self._on_device = None

    @property
    def models(self) -> Models:
        """The Keras models, in the rows' own units; built when first asked for."""
        if self._models is None:
            made = _own_models(self) if self._own is not None else _plan_models(self)
            made.assign(self.computation.expand(self._weights))
            self._models = made
        return self._models

    def encode(self, rows: Any) -> np.ndarray:
        """Give codes (n, n_components), float32, of rows (n, n_features) in their own units, dense or CSR."""
        return self._run("encode", rows, scaled_out=True)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Give rows (n, n_features) in their own units, float32, of codes (n, n_components)."""
        return self._run("decode", codes, scaled_in=True)

    def reconstruct(self, rows: Any, *, scaled: bool = False) -> np.ndarray:
        """Give the reconstruction (n, n_features), float32, of rows in their own units; in scaled units on request."""
        return self._run("reconstruct", rows, scaled_out=scaled)

    def predict(self, rows: Any) -> np.ndarray:
        """Give what the head predicts (n, n_outputs), of rows in their own units: probabilities, or numbers in their own units."""
        predicted = self._run("predict", rows, scaled_out=True)
        return predicted if self.label_scale is None else self.label_scale.undo(predicted)

    def _run(self, part: str, rows: Any, *, scaled_in: bool = False, scaled_out: bool = False) -> np.ndarray:
        _backend.keras()  # refuses a forked process, where the next line would hang
        import jax

        weights, function = self.weights, self.computation.compiled(part)
        if self._on_device is None:
            pair = tuple(jax.device_put(value.astype(np.float32)) for value in (self.scale.shift, self.scale.factor))
            self._on_device = {name: jax.device_put(value) for name, value in weights.items()}, pair
        on_device, pair = self._on_device
        # Bytes are scaled on the device; wider numbers on the host, where float64 keeps its digits.
        as_bytes = not scaled_in and rows.dtype == np.uint8
        before = pair if as_bytes and self.scale.kind != "none" else None
        after = None if scaled_out or self.scale.kind == "none" else pair

        def prepare(block: Any) -> np.ndarray:
            block = block.toarray() if hasattr(block, "toarray") else block
            if as_bytes:
                return np.ascontiguousarray(block)
            return block.astype(np.float32, copy=False) if scaled_in else self.scale.apply(block)

        def result(start: int, size: int) -> np.ndarray:
            block = prepare(rows[start : start + size])
            if len(block) < size:
                block = np.concatenate([block, np.zeros((size - len(block), block.shape[1]), block.dtype)])
            return np.asarray(function(on_device, block, before, after))

        n = rows.shape[0]
        many, few = (rows_at_once(self.plan, most) for most in (MANY, FEW))
        whole = n - n % many
        blocks = [(start, many) for start in range(0, whole, many)] + [(start, few) for start in range(whole, n, few)]
        first = result(*blocks[0])
        out = np.empty((n, first.shape[1]), np.float32)
        out[: len(first)] = first[:n]

        def store(block: tuple[int, int]) -> None:
            start, size = block
            out[start : start + size] = result(start, size)[: n - start]

        # What is traced and compiled is traced here, in the caller's thread, where Keras and JAX have its settings.
        with ThreadPoolExecutor(AT_ONCE) as threads:
            deque(threads.map(store, [block for block in blocks[1:] if block[0] < whole]), maxlen=0)
        for block in blocks[1:]:
            if block[0] >= whole:
                store(block)
        return out

    def __getstate__(self) -> dict[str, Any]:
        state = {"scale": self.scale, "weights": self.weights, "label_scale": self.label_scale}
        if self._own is not None:
            return {**state, "own": {"encoder": self._own.encoder, "decoder": self._own.decoder}, "head": self.head}
        return {**state, "plan": self.plan}

    def __setstate__(self, state: dict[str, Any]) -> None:
        own, head = state.get("own"), state.get("head")
        computation = computations.with_head(own["encoder"], own["decoder"], head) if own else None
        Network.__init__(
            self, state["scale"], state["weights"], state.get("plan"), computation, head=head, label_scale=state.get("label_scale")
        )


def rows_at_once(plan: Plan | None, most: int) -> int:
    """Give how many rows a program may take without filling the memory with feature maps: `most`, or a smaller power of two."""
    largest = max((math.prod(shape) for shape in plan.shapes.values() if len(shape) > 1), default=1) if plan is not None else 1
    return min(most, 1 << (max(1, IMAGE_VALUES // largest).bit_length() - 1))


class Models:
    """The Keras models that a user sees, which share their layers.

    Attributes
    ----------
    encoder, decoder, autoencoder : keras.Model
    head : keras.Model or None
    """

    def __init__(self, encoder: Any, decoder: Any, head: Any, n_features: int, variables: dict[str, Any]) -> None:
        self.encoder, self.decoder, self.head = encoder, decoder, head
        self.autoencoder = _whole(encoder, decoder, head, n_features)
        self._variables = variables
        self._seen: dict[str, Any] = {}

    def assign(self, weights: Weights) -> None:
        """Set the models' weights."""
        for name, variable in self._variables.items():
            variable.assign(weights[name])
            self._seen[name] = variable.value

    def changed(self) -> Weights:
        """Give the weights that were set from outside since they were last assigned or asked for."""
        changed = {name: variable for name, variable in self._variables.items() if variable.value is not self._seen[name]}
        self._seen.update({name: variable.value for name, variable in changed.items()})
        return {name: np.array(variable) for name, variable in changed.items()}


def _plan_models(network: Network) -> Models:
    plan, scale = network.plan, network.scale
    assert plan is not None
    keras = _backend.keras()
    before, after = scale.layers()
    encoder_layers, decoder_layers = ([_shown(keras, layer) for layer in side] for side in (plan.encoder, plan.decoder))
    rows = keras.Input((plan.n_features,), dtype="float32", name="rows")
    codes = keras.Input((plan.n_components,), dtype="float32", name="codes")
    encoded = computations.chain(plan.encoder, encoder_layers, _chain(before, rows))
    decoded = _chain(after, _ended(keras, plan, computations.chain(plan.decoder, decoder_layers, codes)))
    encoder, decoder = keras.Model(rows, encoded, name="encoder"), keras.Model(codes, decoded, name="decoder")
    head, head_layers = _shown_head(network)
    layers = {layer.name: layer for layer in [*encoder_layers, *decoder_layers, *head_layers]}
    state = random.getstate()  # from which Keras draws a seed for each initializer
    for layer in plan:
        if isinstance(layer, Weighted):
            layers[layer.name].kernel_initializer = keras.initializers.get(layer.kernel_initializer)
            layers[layer.name].bias_initializer = _bias_initializer(keras, layer)
            if isinstance(layer, DenseLayer) and layer.tied_to:
                _share_kernel(layers[layer.name], layers[layer.tied_to])
    random.setstate(state)
    variables = {f"{layer.name}/{variable.name}": variable for layer in layers.values() for variable in layer.variables}
    own = {name: variable for name, variable in variables.items() if name not in plan.ties}
    return Models(encoder, decoder, head, plan.n_features, own)


def _ended(keras: Any, plan: Plan, raw: Any) -> Any:
    """Put the activation of the output, or those of its groups, behind what the last layer gives."""
    if plan.output_groups:
        return outputs.shown(plan.output_groups, raw)
    return keras.layers.Activation(computations.activation(plan.output_activation), name="output_activation", dtype="float32")(raw)


def _shown_head(network: Network) -> tuple[Any, list[Any]]:
    """Give the head as a Keras model, in the labels' own units, and the layers in it that have weights; (None, []) without a head."""
    head = network.head
    if head is None:
        return None, []
    keras = _backend.keras()
    layers = [_shown(keras, layer) for layer in head.layers]
    codes = keras.Input((head.n_components,), dtype="float32", name="codes")
    predicted = computations.chain(head.layers, layers, codes)
    if network.label_scale is not None:
        predicted = _chain(network.label_scale.layers()[1], predicted)
    end = computations.activation(head.activation)
    return keras.Model(codes, keras.layers.Activation(end, name="head_activation", dtype="float32")(predicted), name="head"), layers


def _bias_initializer(keras: Any, layer: Weighted) -> Any:
    if layer.bias_initializer == "spread":
        return keras.initializers.RandomUniform(-(fan_in(layer) ** -0.5), fan_in(layer) ** -0.5)
    return keras.initializers.get(layer.bias_initializer)


def _shown(keras: Any, layer: Layer) -> Any:
    """Make the Keras layer that a user sees: with penalties, and able to share its kernel."""
    if not isinstance(layer, Weighted):
        return computations.keras_layer(layer)
    if isinstance(layer, DenseLayer) and layer.tied_to:
        activation = computations.activation(layer.activation)
        # Its kernel has the shape of its twin's, (units, inputs).
        options = {"activation": activation, "kernel_initializer": "zeros", "name": layer.name, "dtype": "float32"}
        return keras.layers.EinsumDense("ab,cb->ac", output_shape=layer.units, bias_axes="c", **options)
    made = computations.keras_layer(layer)
    made.kernel_regularizer = keras.regularizers.L1L2(layer.l1, layer.l2) if layer.l1 or layer.l2 else None
    return made


def _share_kernel(layer: Any, twin: Any) -> None:
    """Let a built layer use the kernel variable of its twin: one variable, counted once, trained by Keras as one."""
    layer._tracker.unlock()
    layer._untrack_variable(layer._kernel)
    layer._kernel = twin._kernel
    layer._tracker.lock()


def _own_models(network: Network) -> Models:
    keras = _backend.keras()
    before, after = network.scale.layers()
    own = network.computation
    encoder, decoder = own.encoder, own.decoder
    n_features = encoder.input_shape[-1]
    if before:
        encoder = keras.Sequential([keras.Input((n_features,), dtype="float32"), *before, own.encoder], name="scaled_encoder")
        decoder = keras.Sequential([keras.Input(decoder.input_shape[1:], dtype="float32"), own.decoder, *after], name="scaled_decoder")
    head, head_layers = _shown_head(network)
    shown = {f"{layer.name}/{variable.name}": variable for layer in head_layers for variable in layer.variables}
    return Models(encoder, decoder, head, n_features, {**own.variables, **shown})


def _whole(encoder: Any, decoder: Any, head: Any, n_features: int) -> Any:
    keras = _backend.keras()
    rows = keras.Input((n_features,), dtype="float32", name="rows")
    codes = encoder(rows)
    outputs = keras.layers.Identity(name="reconstruction", dtype="float32")(decoder(codes))
    if head is not None:
        name = "probabilities" if head.layers[-1].activation is keras.activations.softmax else "prediction"
        outputs = {"reconstruction": outputs, name: keras.layers.Identity(name=name, dtype="float32")(head(codes))}
    return keras.Model(rows, outputs, name="autoencoder")


def _chain(layers: list[Any], tensor: Any) -> Any:
    for layer in layers:
        tensor = layer(tensor)
    return tensor
