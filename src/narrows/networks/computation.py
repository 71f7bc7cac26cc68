"""A plan, or a user's own Keras pair, as pure functions of weights and rows."""

from __future__ import annotations

import functools
import random
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from narrows import _backend
from narrows.networks import outputs
from narrows.networks.lowering import lower
from narrows.networks.plan import (
    ActivationLayer,
    AffinePath,
    BatchNormalizationLayer,
    ConvLayer,
    DenseLayer,
    DropoutLayer,
    Head,
    ImageLayer,
    Layer,
    LinearPath,
    Plan,
    TransposedConvLayer,
    Weighted,
    fan_in,
)
from narrows.networks.weights import draw, draw_bias

Weights = dict[str, np.ndarray]

NORMALIZATION = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}  # Keras's names, with where they start
SEED = "seed_generator_state"


@dataclass(frozen=True)
class Outputs:
    """What one pass of rows through the network gives.

    Attributes
    ----------
    codes : array of shape (n, n_components)
    raw : array of shape (n, n_features)
        Before the output activation.
    state : list of array
        The new values of the variables that are not trained (moving statistics, random seeds).
    penalties : list of scalar array
        What the user's own layers add to the loss.
    predicted : array of shape (n, n_outputs), default=None
        What the head gives, before its activation.
    """

    codes: Any
    raw: Any
    state: list[Any]
    penalties: list[Any]
    predicted: Any = None


class Computation:
    """The network without its weights: built once for all fits of equal plans.

    Parameters
    ----------
    encoder, decoder : keras.Model
        From scaled rows to codes, and from codes to scaled rows before the output activation.
    output_activation : callable
        From what the decoder gives to the reconstruction, elementwise.
    ties : dict of str to str, default=None
        Of a plan: kernels that are the transpose of another one, and are not trained themselves.
        None for a user's own models.
    head : keras.Model, default=None
        From codes to what is predicted, before `head_activation`.
    head_activation : callable, default=None

    Attributes
    ----------
    trainable, state : tuple of str
        Names of the variables that training changes by gradient, and of those that the layers change themselves.
    planned : bool
        Whether it is that of a plan, and not of a user's own models, which may compute anything.
    programs : OrderedDict
        What training compiled for a user's own models: it goes when they go.
    kept : dict
        Compiled functions of the computation, under names, for as long as it lives.
    """

    def __init__(
        self,
        encoder: Any,
        decoder: Any,
        output_activation: Callable[[Any], Any],
        ties: dict[str, str] | None = None,
        head: Any = None,
        head_activation: Any = None,
    ) -> None:
        keras = _backend.keras()
        self.encoder, self.decoder, self.head = encoder, decoder, head
        self.output_activation, self.head_activation = output_activation, head_activation
        rows = keras.Input(encoder.input_shape[1:], dtype="float32")
        codes = encoder(rows)
        self.whole = keras.Model(rows, [codes, decoder(codes), *([] if head is None else [head(codes)])])
        planned = [head] if ties is None else [encoder, decoder, head]
        self.variables = dict(zip(_names(self.whole, [model for model in planned if model is not None]), self.whole.variables, strict=True))
        names = {id(variable): name for name, variable in self.variables.items()}
        self._models = {"whole": self.whole, "encoder": encoder, "decoder": decoder, **({} if head is None else {"head": head})}
        self._named = {
            key: ([names[id(v)] for v in model.trainable_variables], [names[id(v)] for v in model.non_trainable_variables])
            for key, model in self._models.items()
        }
        self._ties, self.planned = ties or {}, ties is not None
        self.kept: dict[str, Any] = {}
        self.programs: OrderedDict[Hashable, Any] = OrderedDict()
        self.trainable = tuple(name for name in self._named["whole"][0] if name not in self._ties)
        self.state = tuple(self._named["whole"][1])

    def gives_probabilities(self) -> bool:
        """Whether the decoder, as far as Keras tells, ends in a sigmoid."""
        layer = self.decoder
        while getattr(layer, "layers", None):
            layer = layer.layers[-1]
        return getattr(layer, "activation", None) is _backend.keras().activations.sigmoid

    def expand(self, weights: dict[str, Any]) -> dict[str, Any]:
        """Add the tied kernels to the weights that exist in their own right."""
        return {**weights, **{name: weights[twin].T for name, twin in self._ties.items()}}

    def _call(self, key: str, weights: dict[str, Any], inputs: Any, **options: Any) -> Any:
        weights = self.expand(weights)
        trainable, state = ([weights[name] for name in names] for names in self._named[key])
        return self._models[key].stateless_call(trainable, state, inputs, **options)

    def __call__(self, weights: dict[str, Any], rows: Any, training: bool) -> Outputs:
        """Run scaled rows of shape (n, n_features) through the whole network."""
        (codes, raw, *predicted), state, penalties = self._call("whole", weights, rows, training=training, return_losses=True)
        return Outputs(codes, raw, state, penalties, *predicted)

    def encode(self, weights: dict[str, Any], rows: Any) -> Any:
        """Give the codes, shape (n, n_components), of scaled rows of shape (n, n_features)."""
        return self._call("encoder", weights, rows, training=False)[0]

    def decode(self, weights: dict[str, Any], codes: Any) -> Any:
        """Give the scaled reconstruction, shape (n, n_features), of codes of shape (n, n_components)."""
        return self.output_activation(self._call("decoder", weights, codes, training=False)[0])

    def reconstruct(self, weights: dict[str, Any], rows: Any) -> Any:
        """Give the scaled reconstruction of scaled rows, both of shape (n, n_features)."""
        return self.decode(weights, self.encode(weights, rows))

    def predict(self, weights: dict[str, Any], rows: Any) -> Any:
        """Give what the head predicts, shape (n, n_outputs), of scaled rows of shape (n, n_features)."""
        return self.head_activation(self._call("head", weights, self.encode(weights, rows), training=False)[0])

    def compiled(self, part: str) -> Callable[..., Any]:
        """Give `encode`, `decode`, `reconstruct` or `predict` as a compiled function, which is kept.

        It takes weights and a block; a pair (shift, factor) that scales the block first, or None; and one that takes
        the result out of scaled units, or None.
        """
        import jax
        import jax.numpy as jnp

        plain = getattr(self, part)

        def scaled(weights: dict[str, Any], block: Any, before: Any, after: Any) -> Any:
            block = block.astype(jnp.float32)
            result = plain(weights, block if before is None else (block - before[0]) * before[1])
            return result if after is None else result / after[1] + after[0]

        if part not in self.kept:
            self.kept[part] = jax.jit(lower(scaled, "float32", convolutions=False))
        return self.kept[part]

    def weights(self) -> Weights:
        """Give the present values of the Keras variables that exist in their own right."""
        return {name: np.array(variable) for name, variable in self.variables.items() if name not in self._ties}

    def assign(self, weights: dict[str, Any]) -> None:
        """Set the Keras variables."""
        for name, value in self.expand(weights).items():
            self.variables[name].assign(value)


def _names(model: Any, planned: list[Any]) -> list[str]:
    """Names of a model's variables: ``layer/variable`` in parts that are planned, whose layers' names differ; else numbered ones."""
    layers = [layer for side in planned for layer in side.layers]
    names = {id(variable): f"{layer.name}/{variable.name}" for layer in layers for variable in layer.variables}
    return [names.get(id(variable), f"{number}/{variable.name}") for number, variable in enumerate(model.variables)]


def activation(function: str | Callable[..., Any]) -> Callable[..., Any]:
    """Find an activation by its Keras name.

    Raises
    ------
    ValueError
        If Keras has none of that name.
    """
    activations = _backend.keras().activations
    try:
        return activations.get(function)
    except ValueError:
        known = sorted(name for name in dir(activations) if name.islower() and name not in ("get", "serialize", "deserialize"))
        raise ValueError(f"unknown activation {function!r}: it must be one of {known}, or a function") from None


def keras_layer(layer: Layer) -> Any:
    """Make the Keras layer of one layer of a plan, its weights at zero until they are set."""
    layers = _backend.keras().layers
    name = {"name": layer.name, "dtype": "float32"}
    if isinstance(layer, DenseLayer):
        return layers.Dense(layer.units, activation=activation(layer.activation), kernel_initializer="zeros", **name)
    if isinstance(layer, BatchNormalizationLayer):
        return layers.BatchNormalization(**name)
    if isinstance(layer, DropoutLayer):
        return layers.Dropout(layer.rate, seed=0, **name)
    if isinstance(layer, LinearPath):
        return layers.Dense(layer.units, use_bias=False, kernel_initializer="zeros", **name)
    if isinstance(layer, AffinePath):
        return layers.Dense(layer.units, kernel_initializer="zeros", **name)
    if isinstance(layer, ImageLayer):
        return image_layer(layer)
    assert isinstance(layer, ActivationLayer)
    return layers.Activation(activation(layer.activation), **name)


def image_layer(layer: ImageLayer) -> Any:
    """Make the Keras layer of one that is about images, its weights at zero until they are set."""
    layers = _backend.keras().layers
    name = {"name": layer.name, "dtype": "float32"}
    last = {"data_format": "channels_last", **name}
    if layer.kind == "conv" or layer.kind == "transposed_conv":
        make = layers.Conv2D if layer.kind == "conv" else layers.Conv2DTranspose
        options = {"strides": layer.strides, "padding": "same", "kernel_initializer": "zeros", **last}
        return make(layer.units, layer.kernel_size, activation=activation(layer.activation), **options)
    if layer.kind == "max_pooling":
        return layers.MaxPooling2D(layer.size, padding="same", **last)
    if layer.kind == "upsampling":
        return layers.UpSampling2D(layer.size, **last)
    if layer.kind == "cropping":
        return layers.Cropping2D(((0, layer.rows), (0, layer.columns)), **last)
    return layers.Reshape(layer.shape, **name) if layer.kind == "reshape" else layers.Flatten(**last)


def chain(plan: tuple[Layer, ...], layers: list[Any], start: Any) -> Any:
    """Call the Keras layers of one side of a plan one after the other; a linear path adds what it makes of the start."""
    add = _backend.keras().layers.Add
    tensor = start
    for described, layer in zip(plan, layers, strict=True):
        beside = isinstance(described, LinearPath | AffinePath)
        tensor = add(name=f"{described.name}_sum", dtype="float32")([tensor, layer(start)]) if beside else layer(tensor)
    return tensor


@functools.lru_cache(maxsize=32)
def of_plan(plan: Plan) -> Computation:
    """Build a plan; equal plans share one computation (pass ``plan.computation``, so that initial weights do not count)."""
    keras = _backend.keras()

    def model(layers: tuple[Layer, ...], width: int, name: str) -> Any:
        start = keras.Input((width,), dtype="float32")
        return keras.Model(start, chain(layers, [keras_layer(layer) for layer in layers], start), name=name)

    encoder = model(plan.encoder, plan.n_features, "encoder")
    decoder = model(plan.decoder, plan.n_components, "decoder")
    end = outputs.grouped(plan.output_groups) if plan.output_groups else activation(plan.output_activation)
    return Computation(encoder, decoder, end, plan.ties, *_head_of(plan.head))


def _head_of(head: Head | None) -> tuple[Any, Any]:
    """Give a head as a Keras model, with its activation."""
    if head is None:
        return None, None
    start = _backend.keras().Input((head.n_components,), dtype="float32")
    end = chain(head.layers, [keras_layer(layer) for layer in head.layers], start)
    return _backend.keras().Model(start, end, name="head"), activation(head.activation)


def with_head(encoder: Any, decoder: Any, head: Head | None) -> Computation:
    """Give the computation of a user's own models, and of a head beside them."""
    return Computation(encoder, decoder, _backend.keras().activations.linear, None, *_head_of(head))


def of_models(
    build: Callable[[int, int], Any], n_features: int, n_components: int, rng: np.random.Generator, head: Head | None = None
) -> Computation:
    """Take a user's own encoder and decoder, with a head of ours if there is one.

    Keras draws the seeds of initializers and dropout from Python's global generator: it is seeded from `rng` for the
    call and put back afterwards.

    Raises
    ------
    TypeError, ValueError
        If `build` does not return two Keras models whose shapes fit.
    """
    keras = _backend.keras()
    before = random.getstate()
    random.seed(int(rng.integers(2**31)))
    try:
        pair = build(n_features, n_components)
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(model, keras.Model) for model in pair)):
            raise TypeError(f"build(n_features, n_components) must return a Keras encoder and a Keras decoder, got {type(pair).__name__}")
        encoder, decoder = pair
        for model, name, width in ((encoder, "encoder", n_features), (decoder, "decoder", n_components)):
            if not model.built:
                model.build((None, width))
            if model.input_shape != (None, width):
                raise ValueError(f"the {name} that build() gave takes rows of shape {model.input_shape}, needed is (None, {width})")
        for model, name, width in ((encoder, "encoder", n_components), (decoder, "decoder", n_features)):
            if model.output_shape != (None, width):
                raise ValueError(f"the {name} that build() gave returns rows of shape {model.output_shape}, needed is (None, {width})")
        return with_head(encoder, decoder, head)
    finally:
        random.setstate(before)


def shapes(layers: Iterable[Layer]) -> dict[str, tuple[int, ...]]:
    """Give the shapes of the weights of layers, such as a plan's, by name."""
    found: dict[str, tuple[int, ...]] = {}
    for layer in layers:
        if isinstance(layer, DenseLayer):
            if not layer.tied_to:
                found[f"{layer.name}/kernel"] = (layer.inputs, layer.units)
            found[f"{layer.name}/bias"] = (layer.units,)
        elif isinstance(layer, BatchNormalizationLayer):
            found.update({f"{layer.name}/{name}": (layer.units,) for name in NORMALIZATION})
        elif isinstance(layer, DropoutLayer):
            found[f"{layer.name}/{SEED}"] = (2,)
        elif isinstance(layer, LinearPath | AffinePath):
            found[f"{layer.name}/kernel"] = (layer.inputs, layer.units)
            found.update({f"{layer.name}/bias": (layer.units,)} if isinstance(layer, AffinePath) else {})
        elif isinstance(layer, ConvLayer | TransposedConvLayer):
            found[f"{layer.name}/kernel"], found[f"{layer.name}/bias"] = layer.kernel_shape, (layer.units,)
    return found


def draw_weights(layers: Iterable[Layer], rng: np.random.Generator) -> Weights:
    """Draw the first weights of layers, such as a plan's or a head's."""
    layers = list(layers)
    weighted = {layer.name: layer for layer in layers if isinstance(layer, Weighted)}
    weights: Weights = {}
    for name, shape in shapes(layers).items():
        owner, _, kind = name.rpartition("/")
        if owner in weighted and kind == "kernel":
            weights[name] = _first_kernel(weighted[owner], shape, rng)
        elif owner in weighted:
            weights[name] = draw_bias(weighted[owner].bias_initializer, fan_in(weighted[owner]), weighted[owner].units, rng)
        elif kind == SEED:
            weights[name] = np.array([rng.integers(2**32), 0], np.uint32)
        else:
            weights[name] = np.full(shape, NORMALIZATION.get(kind, 0.0), np.float32)
    return weights


def first_weights(plan: Plan, rng: np.random.Generator, mean_row: np.ndarray | None) -> Weights:
    """Draw the first weights of a plan.

    Parameters
    ----------
    plan : Plan
    rng : numpy.random.Generator
    mean_row : ndarray of shape (n_features,) or None
        The mean of the scaled rows, where the output bias starts if the plan says so: at the mean of each channel where it is one
        for each channel.

    Returns
    -------
    dict of str to ndarray
    """
    weights = draw_weights(plan, rng)
    if plan.mean_bias and mean_row is not None:
        places = len(weights["output/bias"])  # pixels of one channel count as one
        means = mean_row.reshape(-1, places).mean(0)
        weights["output/bias"] = outputs.before(plan, means)[0].astype(np.float32)
    return weights


def _first_kernel(layer: Weighted, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if isinstance(layer, TransposedConvLayer):
        # Keras has its units before its inputs; it starts as the convolution of as many inputs and units does.
        return np.ascontiguousarray(draw(layer.kernel_initializer, (*shape[:2], shape[3], shape[2]), rng).swapaxes(2, 3))
    kernel = draw(layer.kernel_initializer, shape, rng)
    return kernel * np.float32(layer.kernel_gain) if isinstance(layer, DenseLayer) else kernel
