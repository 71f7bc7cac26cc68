"""A fitted estimator as plain values and arrays, and back."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from narrows import _backend
from narrows._bundle_file import check_weights, is_sound
from narrows.data.tables import Columns
from narrows.diagnostics import Verdict
from narrows.estimators._base import BaseAutoencoder
from narrows.estimators._reasons import Usual
from narrows.estimators._table_state import TableState
from narrows.estimators.autoencoder import Autoencoder
from narrows.estimators.latent_map import FEWEST, LatentMap
from narrows.estimators.outlier_detector import AutoencoderOutlierDetector
from narrows.estimators.supervised import SupervisedAutoencoder
from narrows.estimators.supervised_regressor import SupervisedAutoencoderRegressor
from narrows.estimators.table import TableAutoencoder
from narrows.networks import Choices, Conv, Dense, Plan, config
from narrows.networks import computation as computations
from narrows.networks.network import Network
from narrows.networks.plan import Head, Size
from narrows.networks.scale import Scale
from narrows.training.noise import Gaussian, Masking, SaltAndPepper

ESTIMATORS: dict[str, type[BaseAutoencoder]] = {
    made.__name__: made for made in (Autoencoder, SupervisedAutoencoder, SupervisedAutoencoderRegressor, TableAutoencoder)
}
CHOICES: dict[str, type[Choices]] = {made.__name__: made for made in (Conv, Dense, Gaussian, Masking, SaltAndPepper)}
USUAL = ("misfit", "center", "reach", "code", "precision")  # what a detector's arrays are called
MOST_LETTERS = 2**24  # of all classes: NumPy gives each the room of the longest
NOT_SAVED = {"callbacks": None, "verbose": 0}  # parts of a run, not of a model


def _written(value: float) -> float | str:
    return value if math.isfinite(value) else json.dumps(value)


def _read(value: Any) -> Any:
    return math.nan if value is None else value


# JSON has no infinities: "Infinity", "-Infinity" and "NaN" stand for them. Version 0.1.0 wrote null for all three, which is read as NaN.
Measured = Annotated[float, PlainSerializer(_written, when_used="json"), BeforeValidator(_read)]


class ScaleState(BaseModel):
    """A scale without its arrays."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["none", "bytes", "minmax", "standard"]
    bounded: bool


class VerdictState(BaseModel):
    """One verdict."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    level: Literal["good", "note", "warning"]
    sentence: str
    remedy: str
    figures: dict[str, Measured]


Kind = Literal["bool", "str", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]


class LabelState(BaseModel):
    """What a head predicts: classes, in order, of a NumPy type; or numbers, where these are left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Kind | None = None
    classes: tuple[bool | int | float | str, ...] = ()


class Learned(BaseModel):
    """What fitting learned, besides arrays."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    n_features: int
    feature_names: tuple[str, ...] | None
    scale: ScaleState
    loss: Any
    loss_name: str
    output_activation: str | None
    precision: str
    n_parameters: int
    history: dict[str, tuple[Measured, ...]]
    n_epochs: int
    best_epoch: int | None
    fit_seconds: float
    diagnostics: tuple[VerdictState, ...]
    labels: LabelState | None = None
    image_shape: tuple[Size, Size, Size] | None = None  # since 0.2.0
    table: TableState | None = None  # since 0.2.0

    @property
    def width(self) -> int:
        """How many numbers the network takes: of a table, those that its columns are spread out to."""
        return self.n_features if self.table is None else Columns(self.table.columns).layout.width


class MapState(BaseModel):
    """A `LatentMap` around the estimator: its own parameters, and what fitting learned besides arrays.

    Attributes
    ----------
    params : dict
        All but `autoencoder`.
    given : bool
        Whether settings of an autoencoder were given: the estimator's then are these.
    kl_divergence, fit_seconds : float
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    params: dict[str, Any]
    given: bool
    kl_divergence: Measured
    fit_seconds: float


class OutliersState(BaseModel):
    """An `AutoencoderOutlierDetector` around the estimator: its own parameters, and what fitting learned besides arrays.

    Attributes
    ----------
    params : dict
        All but `autoencoder`.
    given : bool
        Whether settings of an autoencoder were given: the estimator's then are these.
    offset, fit_seconds : float
    n_held_out : int
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    params: dict[str, Any]
    given: bool
    offset: Measured
    n_held_out: int
    fit_seconds: float


class State(BaseModel):
    """A fitted estimator without its arrays.

    Attributes
    ----------
    estimator : str
        The name of its class.
    params : dict
        Constructor parameters.
    plan : Plan or None
    keras : dict or None
        Configurations of a user's own encoder and decoder, where there is no plan.
    head : Head or None
        Beside a user's own models.
    learned : Learned
    map : MapState or None
        Of the `LatentMap` whose autoencoder this is, if it is one's.
    outliers : OutliersState or None
        Of the `AutoencoderOutlierDetector` whose autoencoder this is, if it is one's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    estimator: str
    params: dict[str, Any]
    plan: Plan | None
    keras: dict[str, Any] | None
    head: Head | None = None
    learned: Learned
    map: MapState | None = None  # since 0.2.0
    outliers: OutliersState | None = None  # since 0.2.0


Saveable = BaseAutoencoder | LatentMap | AutoencoderOutlierDetector


def get_state(estimator: Saveable) -> tuple[State, dict[str, np.ndarray]]:
    """Take a fitted estimator apart.

    Returns
    -------
    state : State
    arrays : dict of str to ndarray
        Weights under "weights/", the scaling under "scale/", that of numbers to predict under "label_scale/"; a map's fitted codes and
        their places under "map/", what is usual to a detector under "outliers/".

    Raises
    ------
    NotFittedError
        If it is not fitted.
    ValueError
        If it holds a function of the user's, or its class is not one that bundles know.
    """
    check_is_fitted(estimator)
    if isinstance(estimator, LatentMap):
        return _map_state(estimator)
    if isinstance(estimator, AutoencoderOutlierDetector):
        return _outliers_state(estimator)
    name = type(estimator).__name__
    if ESTIMATORS.get(name) is not type(estimator):
        raise ValueError(f"a bundle holds one of {sorted(ESTIMATORS)}, got a {name}: save the estimator that it was derived from")
    network = estimator._network
    own = None
    if network.plan is None:
        computation = network.computation
        own = {side: config.to_json(getattr(computation, side), f"your own {side}") for side in ("encoder", "decoder")}
    scale = network.scale
    names = getattr(estimator, "feature_names_in_", None)
    output = estimator.output_activation_ if network.plan is not None else None
    learned = Learned(
        n_features=estimator.n_features_in_,
        feature_names=None if names is None else tuple(map(str, names)),
        scale=ScaleState(kind=scale.kind, bounded=scale.bounded),
        loss=_encode("loss", estimator._loss),
        loss_name=estimator.loss_,
        output_activation=_encode("output_activation", output),
        precision=estimator.precision_,
        n_parameters=estimator.n_parameters_,
        history={key: tuple(values) for key, values in estimator.history_.items()},
        n_epochs=estimator.n_epochs_,
        best_epoch=getattr(estimator, "best_epoch_", None),
        fit_seconds=estimator.fit_seconds_,
        diagnostics=tuple(VerdictState(**verdict.to_dict()) for verdict in getattr(estimator, "diagnostics_", ())),
        labels=_labels_of(estimator),
        image_shape=getattr(estimator, "image_shape_", None),
        table=TableState(columns=estimator.columns_, library=estimator._library) if isinstance(estimator, TableAutoencoder) else None,
    )
    params = {key: _encode(key, value) for key, value in estimator.get_params(deep=False).items()}
    arrays = {f"weights/{key}": np.asarray(value) for key, value in network.weights.items()}
    arrays.update({f"scale/{key}": getattr(scale, key) for key in ("shift", "factor", "mean")})
    if network.label_scale is not None:
        arrays.update({f"label_scale/{key}": getattr(network.label_scale, key) for key in ("shift", "factor")})
    head = network.head if network.plan is None else None
    return State(estimator=name, params=params, plan=network.plan, keras=own, head=head, learned=learned), arrays


def _own_params(estimator: LatentMap | AutoencoderOutlierDetector, kind: type) -> dict[str, Any]:
    """Give the parameters of what stands around an autoencoder, but for that."""
    if type(estimator) is not kind:
        raise ValueError(f"a bundle holds a {kind.__name__}, got a {type(estimator).__name__}: save the estimator that it was derived from")
    return {key: _encode(key, value) for key, value in estimator.get_params(deep=False).items() if key != "autoencoder"}


def _read_params(params: dict[str, Any], kind: Any, custom_objects: dict[str, Any] | None) -> dict[str, Any]:
    known = set(kind().get_params(deep=False)) - {"autoencoder"}
    if set(params) != known:
        raise ValueError(f"its {kind.__name__} has not the parameters {sorted(known)}")
    return {key: _decode(key, value, custom_objects) for key, value in params.items()}


def _map_state(estimator: LatentMap) -> tuple[State, dict[str, np.ndarray]]:
    params = _own_params(estimator, LatentMap)
    state, arrays = get_state(estimator.autoencoder_)
    found = MapState(
        params=params,
        given=estimator.autoencoder is not None,
        kl_divergence=estimator.kl_divergence_,
        fit_seconds=estimator.fit_seconds_,
    )
    arrays |= {"map/codes": estimator.codes_, "map/embedding": estimator.embedding_}
    return state.model_copy(update={"map": found}), arrays


def _set_map_state(state: State, found: MapState, arrays: dict[str, np.ndarray], custom_objects: dict[str, Any] | None) -> LatentMap:
    parts = {}
    inner = set_state(
        state.model_copy(update={"map": None}), {key: value for key, value in arrays.items() if not key.startswith("map/")}, custom_objects
    )
    for key, width in (("codes", inner._n_features_out), ("embedding", 2)):
        value = arrays.get(f"map/{key}")
        if value is None or value.ndim != 2 or value.shape[1] != width or value.dtype != np.float32 or not np.isfinite(value).all():
            raise ValueError(f"its map has no sound {key!r} of {width} numbers a row")
        parts[key] = value
    if sum(key.startswith("map/") for key in arrays) != 2 or len(parts["codes"]) != len(parts["embedding"]) or len(parts["codes"]) < FEWEST:
        raise ValueError("its map's codes and places do not belong together")
    params = _read_params(found.params, LatentMap, custom_objects)
    made = LatentMap(**params, autoencoder=clone(inner) if found.given else None)
    made.autoencoder_, made.codes_, made.embedding_ = inner, parts["codes"], parts["embedding"]
    made.kl_divergence_, made.fit_seconds_ = found.kl_divergence, found.fit_seconds
    made._take_over()
    return made


def _outliers_state(estimator: AutoencoderOutlierDetector) -> tuple[State, dict[str, np.ndarray]]:
    params = _own_params(estimator, AutoencoderOutlierDetector)
    state, arrays = get_state(estimator.autoencoder_)
    found = OutliersState(
        params=params,
        given=estimator.autoencoder is not None,
        offset=estimator.offset_,
        n_held_out=estimator.n_held_out_,
        fit_seconds=estimator.fit_seconds_,
    )
    usual = {} if estimator.usual_ is None else {f"outliers/{key}": getattr(estimator.usual_, key) for key in USUAL}
    return state.model_copy(update={"outliers": found}), arrays | usual


def _usual(arrays: dict[str, np.ndarray], state: State) -> Usual:
    """Give what is usual to a detector, by its arrays."""
    d = state.learned.n_features if state.learned.table is None else len(Columns(state.learned.table.columns).used)
    k = arrays["code"].size if "code" in arrays else 0
    shapes: dict[str, set[tuple[int, ...]]] = {key: {(d,)} for key in ("misfit", "center", "reach")}
    shapes |= {"code": {(k,)}, "precision": {(k, k), (k,)}}
    for key in USUAL:
        if not is_sound(arrays.get(key), *shapes[key]):
            raise ValueError(f"its detector has no sound {key!r} for {d} features")
    if set(arrays) != set(USUAL) or min(arrays["misfit"].min(), arrays["reach"].min()) <= 0:
        raise ValueError("its detector's arrays do not belong together")
    return Usual(**arrays)


def _set_outliers_state(
    state: State, found: OutliersState, arrays: dict[str, np.ndarray], custom_objects: dict[str, Any] | None
) -> AutoencoderOutlierDetector:
    own = {key.removeprefix("outliers/"): value for key, value in arrays.items() if key.startswith("outliers/")}
    usual = _usual(own, state) if found.params.get("measure") == "usual" else None
    if usual is None and own:
        raise ValueError("its detector holds arrays that its measure does not use")
    others = {key: value for key, value in arrays.items() if not key.startswith("outliers/")}
    inner = set_state(state.model_copy(update={"outliers": None}), others, custom_objects)
    if not isinstance(inner, BaseAutoencoder) or (usual is not None and usual.code.size != inner._n_features_out):
        raise ValueError("its detector and its autoencoder do not belong together")
    params = _read_params(found.params, AutoencoderOutlierDetector, custom_objects)
    made = AutoencoderOutlierDetector(**params, autoencoder=clone(inner) if found.given else None)
    made.autoencoder_, made.usual_, made.offset_ = inner, usual, found.offset
    made.n_held_out_, made.fit_seconds_ = found.n_held_out, found.fit_seconds
    made._take_over()
    return made


def set_state(state: State, arrays: dict[str, np.ndarray], custom_objects: dict[str, Any] | None = None) -> Saveable:
    """Put a fitted estimator together again.

    Raises
    ------
    ValueError
        If a class is unknown, or the arrays are not those of the network.
    """
    if state.map is not None:
        return _set_map_state(state, state.map, arrays, custom_objects)
    if state.outliers is not None:
        return _set_outliers_state(state, state.outliers, arrays, custom_objects)
    params = params_of(state, custom_objects)
    estimator = ESTIMATORS[state.estimator](**params)
    estimator._network = network_of(state, arrays, custom_objects)
    learned, head = state.learned, estimator._network.head
    if estimator._labels == "classes" and head is not None and learned.labels is not None:
        estimator.classes_ = _classes(learned.labels, head.n_outputs)
    estimator._loss = _decode("loss", learned.loss, custom_objects)
    estimator.n_features_in_ = learned.n_features
    if learned.image_shape is not None and math.prod(learned.image_shape) != learned.n_features:
        raise ValueError(f"its image shape {learned.image_shape} does not multiply to {learned.n_features} features")
    if isinstance(estimator, TableAutoencoder) and learned.table is not None:
        estimator._columns, estimator._library = learned.table.made(state.plan), learned.table.library
    else:
        estimator.image_shape_ = learned.image_shape
    if learned.feature_names is not None:
        estimator.feature_names_in_ = np.array(learned.feature_names, dtype=object)
    estimator.loss_, estimator.scale_, estimator.precision_ = learned.loss_name, learned.scale.kind, learned.precision
    estimator.output_activation_ = learned.output_activation if state.plan is not None else "linear"
    estimator.n_parameters_, estimator.n_epochs_, estimator.fit_seconds_ = learned.n_parameters, learned.n_epochs, learned.fit_seconds
    if learned.best_epoch is not None:
        estimator.best_epoch_ = learned.best_epoch
    estimator.history_ = {key: list(values) for key, values in learned.history.items()}
    estimator.diagnostics_ = [Verdict(**verdict.model_dump()) for verdict in learned.diagnostics]
    return estimator


def network_of(state: State, arrays: dict[str, np.ndarray], custom_objects: dict[str, Any] | None = None) -> Network:
    """Put the network alone together again; Keras is needed only where there is no plan.

    Raises
    ------
    ValueError
        If the class is unknown, or the arrays are not those of the network.
    """
    learned, kind = state.learned, _class_of(state)._labels
    if (learned.table is not None) != issubclass(_class_of(state), TableAutoencoder):
        raise ValueError(f"its {state.estimator} and its columns do not belong together")
    if learned.table is not None and len(learned.table.columns) != learned.n_features:
        raise ValueError(f"its table has {len(learned.table.columns)} columns, and it was fitted on {learned.n_features}")
    parts = _scaling(arrays, "scale", ("shift", "factor", "mean"), learned.width)
    scale = Scale(learned.scale.kind, bounded=learned.scale.bounded, **parts)
    weights = {key.removeprefix("weights/"): value for key, value in arrays.items() if key.startswith("weights/")}
    head = state.head if state.plan is None else state.plan.head
    if (head is None) != (kind is None) or (head is None) != (learned.labels is None):
        raise ValueError(f"its {state.estimator} and its head do not belong together")
    used, label_scale = len(weights) + len(parts), None
    if head is not None and kind == "numbers":
        inner = _scaling(arrays, "label_scale", ("shift", "factor"), head.n_outputs)
        label_scale = Scale("standard", bounded=False, mean=np.zeros(head.n_outputs), **inner)
        used += len(inner)
    if used != len(arrays):
        raise ValueError("it holds arrays that no part of the model uses")
    return _network(state, scale, weights, label_scale, custom_objects)


def _scaling(arrays: dict[str, np.ndarray], name: str, keys: tuple[str, ...], width: int) -> dict[str, np.ndarray]:
    parts = {}
    for key in keys:
        value = arrays.get(f"{name}/{key}")
        if value is None or not is_sound(value, (width,)):
            raise ValueError(f"its scaling has no sound {key!r} for {width} features")
        parts[key] = value
    return parts


def _labels_of(estimator: Any) -> LabelState | None:
    if estimator._labels != "classes":
        return LabelState() if estimator._labels else None
    classes = estimator.classes_
    return LabelState(kind="str" if classes.dtype.kind == "U" else classes.dtype.name, classes=tuple(classes.tolist()))


def _classes(labels: LabelState, n_outputs: int) -> np.ndarray:
    if labels.kind is None or len(labels.classes) != n_outputs:
        raise ValueError(f"its head predicts {n_outputs} classes, and it names {len(labels.classes)}")
    if labels.kind == "str" and len(labels.classes) * max(map(len, map(str, labels.classes))) > MOST_LETTERS:
        raise ValueError(f"its classes need room for more than {MOST_LETTERS:,} letters: one of them is far too long")
    classes = np.array(labels.classes, labels.kind)
    if classes.tolist() != list(labels.classes) or not np.array_equal(np.unique(classes), classes):
        raise ValueError(f"its classes are not in order, or not of the type {labels.kind}")
    return classes


def params_of(state: State, custom_objects: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give the constructor parameters of an estimator; Keras is needed only where one is a Keras object.

    Raises
    ------
    ValueError
        If a class or a parameter is unknown.
    """
    known = set(_class_of(state)().get_params(deep=False))
    if unknown := sorted(set(state.params) - known):
        raise ValueError(f"its {state.estimator} has the unknown parameter {unknown[0]!r}")
    return {key: _decode(key, value, custom_objects) for key, value in state.params.items()}


def _class_of(state: State) -> type[BaseAutoencoder]:
    if state.estimator not in ESTIMATORS:
        raise ValueError(f"it holds an estimator of the unknown class {state.estimator!r}; this version knows {sorted(ESTIMATORS)}")
    return ESTIMATORS[state.estimator]


def _network(
    state: State, scale: Scale, weights: dict[str, np.ndarray], label_scale: Scale | None, custom_objects: dict[str, Any] | None
) -> Network:
    if state.plan is not None:
        if state.plan.n_features != state.learned.width:
            raise ValueError(f"its plan is for {state.plan.n_features} features, and it was fitted on {state.learned.width}")
        check_weights(weights, computations.shapes(state.plan))
        return Network(scale, weights, state.plan, label_scale=label_scale)
    if state.keras is None or set(state.keras) != {"encoder", "decoder"}:
        raise ValueError("it has neither a plan nor an encoder and a decoder")
    written = state.keras

    def make() -> Any:
        encoder, decoder = (config.from_json(written[side], f"its {side}", custom_objects) for side in ("encoder", "decoder"))
        return computations.with_head(encoder, decoder, state.head)

    try:
        needed = config.weight_shapes(lambda: make().variables)
    except ValueError:
        if not config.names_any(written, custom_objects or {}):
            raise  # a layer of the user's may compute with NumPy when it is built, which cannot be traced
    else:
        if sorted(needed) != sorted(value.shape for value in weights.values()):
            raise ValueError("its layers need weights of other shapes than it holds")
    computation = make()
    present = computation.weights()
    check_weights(weights, {name: value.shape for name, value in present.items()})
    computation.assign(weights)
    return Network(scale, weights, None, computation, head=state.head, label_scale=label_scale)


def _encode(name: str, value: Any) -> Any:
    """Give a parameter as JSON has it."""
    if name in NOT_SAVED:
        return NOT_SAVED[name]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        return {"tuple": [_encode("", item) for item in value]}
    if isinstance(value, list):
        return [_encode("", item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[_encode("", key), _encode("", item)] for key, item in value.items()]}
    if isinstance(value, Choices):
        return {"choices": type(value).__name__, "values": {key: _encode(key, item) for key, item in value.get_params().items()}}
    if name == "random_state":
        return None  # a generator's state is not a setting
    if name == "layers" and callable(getattr(value, "build", None)):
        return None  # the network itself is in the bundle
    keras = _backend.keras()
    kinds = (keras.optimizers.Optimizer, keras.optimizers.schedules.LearningRateSchedule, keras.losses.Loss, keras.initializers.Initializer)
    if isinstance(value, kinds):
        return {"keras": config.to_json(value, f"{name}={value!r}")}
    builtin = getattr(keras.activations, getattr(value, "__name__", ""), None)
    if builtin is value and value is not None:
        return value.__name__
    raise ValueError(
        f"{name}={value!r} is a function or object of your own, which a file cannot hold safely: "
        f"use one of Keras's by name, or pickle the estimator"
    )


def _decode(name: str, value: Any, custom_objects: dict[str, Any] | None) -> Any:
    if isinstance(value, list):
        return [_decode(name, item, custom_objects) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"tuple"}:
        return tuple(_decode(name, item, custom_objects) for item in value["tuple"])
    if set(value) == {"dict"}:
        return {_decode(name, key, custom_objects): _decode(name, item, custom_objects) for key, item in value["dict"]}
    if set(value) == {"choices", "values"}:
        if value["choices"] not in CHOICES:
            raise ValueError(f"its parameter {name!r} is of the unknown class {value['choices']!r}")
        inner = {key: _decode(key, item, custom_objects) for key, item in value["values"].items()}
        return CHOICES[value["choices"]]._from_choices(inner)
    if set(value) == {"keras"}:
        return config.from_json(value["keras"], f"its parameter {name!r}", custom_objects, config.SETTINGS)
    raise ValueError(f"its parameter {name!r} is of no kind that this version knows")
