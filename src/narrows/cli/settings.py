"""The settings that a run of ``narrows fit`` can have: their names, and what each may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from narrows.cli.toml_files import text as toml
from narrows.data.column_kinds import KINDS
from narrows.data.names import shortened, unknown

if TYPE_CHECKING:
    from narrows.networks import Conv, Dense

# How names begin: of choices of the layers, of the head and of the noise, of options of the optimizer, and of kinds of columns
INSIDE, HEAD, NOISE, OPTIONS, COLUMNS = "layers.", "head.", "noise.", "optimizer.", "kinds."
SHORT = {"layers": "layers.widths", "head": "head.widths", "optimizer.name": "optimizer", "random_state": "seed"}
# Parameters of the estimator that are no settings: objects, what flags say, what one run has no use for; and the seed, by its other name.
ELSEWHERE = {"callbacks", "verbose", "warm_start", "random_state", "layers", "head", "noise", "kinds"}
NO_HEAD = {"tied", "code_gain", "mean_bias"}  # choices of layers that mean nothing in a head
NONE = "none"
TASKS = {"SupervisedAutoencoder": "classes", "SupervisedAutoencoderRegressor": "numbers"}  # what the heads of estimators learn


@dataclass(frozen=True)
class Kind:
    """What a setting may be.

    Attributes
    ----------
    allowed : str
        In words.
    admits : callable
        Whether it may be a value.
    """

    allowed: str
    admits: Callable[[Any], bool]


@dataclass(frozen=True)
class Parts:
    """Settings by whom they are of.

    Attributes
    ----------
    plain : dict
        Parameters of the estimator.
    layers, head, noise : dict
        Choices of these.
    options : dict
        Options of its optimizer.
    kinds : dict
        Kinds of columns of a table.
    """

    plain: dict[str, Any]
    layers: dict[str, Any]
    head: dict[str, Any]
    noise: dict[str, Any]
    options: dict[str, Any]
    kinds: dict[str, Any] = field(default_factory=dict)


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _all(one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list | tuple) and all(map(one, value))


def _or(kind: Kind, *words: str) -> Kind:
    return Kind(" or ".join([kind.allowed, *map(repr, words)]), lambda value: kind.admits(value) or value in words)


def _wholes(example: list[int]) -> Kind:
    return Kind(f"a list of whole numbers, such as {example}", _all(_is(int)))


_word, _number = _is(str), _is(int, float)
_PLAIN = Kind("a word, a number, true or false", _is(str, int, float, bool))
_TEXT = Kind("a string", _word)
_COLUMN = Kind(f"one of {', '.join(map(repr, KINDS))}", lambda value: _word(value) and value in KINDS)
_WIDTHS = Kind("'auto' or a list of whole numbers, such as [500, 300, 100]", lambda value: value == "auto" or _all(_is(int))(value))
_LISTS = {
    "layers.widths": _WIDTHS,
    "layers.filters": _wholes([32, 16]),
    "layers.image_shape": _or(_wholes([28, 28, 1]), NONE),
    "layers.dense": _wholes([128]),
    "head.widths": _wholes([64, 128]),
}
_WEIGHTS = Kind("'balanced' or 'none'; in Python also a weight for each class", lambda value: value in ("balanced", NONE))
_NOISES = {
    "noise.kind": Kind("'gaussian', 'masking', 'salt_and_pepper' or 'none'", lambda value: value == NONE or value in noise_kinds()),
    "noise.strength": Kind("a number, such as 0.4", _number),
    "noise.clip": Kind("true or false", _is(bool)),
}
RUN = {
    "data": Kind("a string or a list of strings", lambda value: _word(value) or (_all(_word)(value) and len(value) > 0)),
    **dict.fromkeys(("label", "validation", "test", "target", "recipe"), _TEXT),
    "supervised": Kind("true, false, 'classes' or 'numbers'", lambda value: isinstance(value, bool) or value in TASKS.values()),
    "seed": Kind("a whole number from 0 to 4294967295", lambda value: _is(int)(value) and 0 <= value < 2**32),
    "output": _TEXT,
}


def kinds() -> dict[str, Kind]:
    """Give every setting by its name: those of a run, then those of the estimator and its parts as their signatures have them."""
    from narrows.estimators import Autoencoder, SupervisedAutoencoder, TableAutoencoder

    parameters = signature(TableAutoencoder).parameters | signature(SupervisedAutoencoder).parameters | signature(Autoencoder).parameters
    found = {name: _kind(parameter) for name, parameter in parameters.items() if name not in ELSEWHERE}
    found["class_weight"] = _WEIGHTS
    dense, conv = (_choices(INSIDE, layers) for layers in layer_classes())
    head = {name: kind for name, kind in _choices(HEAD, layer_classes()[0]).items() if name.removeprefix(HEAD) not in NO_HEAD}
    return RUN | found | dense | conv | head | _NOISES


def layer_classes() -> tuple[type[Dense], type[Conv]]:
    """Give the classes of layers that settings can choose."""
    from narrows.networks import Conv, Dense

    return Dense, Conv


def noise_kinds() -> dict[str, Any]:
    """Give the classes of noise by the words for them."""
    from narrows.training.noise import Gaussian, Masking, SaltAndPepper

    return {"gaussian": Gaussian, "masking": Masking, "salt_and_pepper": SaltAndPepper}


def of_labels() -> set[str]:
    """Give the names of settings that only a supervised autoencoder has."""
    from narrows.estimators import Autoencoder, SupervisedAutoencoder

    own = signature(SupervisedAutoencoder).parameters.keys() - signature(Autoencoder).parameters.keys() - ELSEWHERE
    return own | {name for name in kinds() if name.startswith(HEAD)}


def of_tables() -> set[str]:
    """Give the names of settings that only an autoencoder of tables has, besides kinds of columns."""
    from narrows.estimators import Autoencoder, TableAutoencoder

    return set(signature(TableAutoencoder).parameters.keys() - signature(Autoencoder).parameters.keys() - ELSEWHERE)


def _choices(start: str, layers: type[Dense | Conv]) -> dict[str, Kind]:
    found = {f"{start}{name}": parameter for name, parameter in signature(layers).parameters.items()}
    return {name: _LISTS.get(name) or _kind(parameter) for name, parameter in found.items()}


def _kind(parameter: Parameter) -> Kind:
    """Tell by its default, and by whether others than its like are taken, what a parameter may be."""
    default, annotation = parameter.default, str(parameter.annotation)
    others = annotation in ("Any", str(Any))
    none = others or annotation.endswith("| None")
    if isinstance(default, bool):
        return Kind("true or false", _is(bool))
    if isinstance(default, int | float):
        plain = Kind(f"a {'whole ' * isinstance(default, int)}number, such as {toml_value(default)}", _is(type(default), int))
        return _or(plain, NONE) if none else plain
    if isinstance(default, str) and not (others and default == "auto"):
        return Kind(f"a word, such as {default!r}", _word)
    return _PLAIN


def toml_value(value: Any) -> str:
    """Write a value in a sentence as it would stand in a file."""
    try:
        return shortened(toml({"value": value}).removeprefix("value = ").strip())
    except TypeError:
        return shortened(repr(value))


def check(document: dict[str, Any], where: str) -> dict[str, Any]:
    """Give the settings of a document by their names, those within tables as ``table.name``.

    Parameters
    ----------
    document : dict
    where : str
        Where it stands, for messages.

    Raises
    ------
    ValueError
        If one is unknown, or not what it may be.
    """
    known = kinds()
    found: dict[str, Any] = {}
    for said, given in _flat(document):
        for name, value in _whole(SHORT.get(said, said), given, where).items():
            kind = known.get(name) or (_PLAIN if name.startswith(OPTIONS) else _COLUMN if name.startswith(COLUMNS) else None)
            if kind is None:
                raise ValueError(f"{where}: {_unknown(name, known)}")
            if not kind.admits(value):
                raise ValueError(f"{where}: {name if name.startswith(NOISE) else said} must be {kind.allowed}, got {toml_value(value)}")
            if name in found:
                raise ValueError(f"{where}: {name} is given twice, once as {said}: give it once")
            found[name] = value
    _try(found, where)
    return found


def _flat(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", item) for inner, item in value.items())
        else:
            yield name, value


def _whole(name: str, value: Any, where: str) -> dict[str, Any]:
    """Give a setting that stands for several as these."""
    return noise(value, where) if name == "noise" else {name: value}


def noise(value: Any, where: str) -> dict[str, Any]:
    """Read a noise in short: a number, for Gaussian, or ``kind:strength``, or 'none'.

    Parameters
    ----------
    value : any
    where : str
        Where it stands, for messages.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if _number(value):
        return {"noise.kind": "gaussian", "noise.strength": value}
    kind, colon, strength = str(value).strip().partition(":")
    if isinstance(value, str) and kind == NONE and not colon:
        return {"noise.kind": NONE}
    try:
        if isinstance(value, str) and kind in noise_kinds() and colon:
            return {"noise.kind": kind, "noise.strength": float(strength)}
    except ValueError:
        pass
    words = ", ".join(f"'{kind}:0.3'" for kind in list(noise_kinds())[1:])
    raise ValueError(
        f"{where}: noise must be a strength such as 0.4 (normal noise, 'gaussian:0.4'), {words} or 'none', got {toml_value(value)}"
    )


def _unknown(name: str, known: dict[str, Kind]) -> str:
    alike = [other for other in known if other.rpartition(".")[2] == name.rpartition(".")[2]]  # a choice without its table, or in another
    if name.startswith("class_weight."):
        return f"class_weight must be {known['class_weight'].allowed}, got a table"
    if alike:
        return f"narrows fit has no setting {name!r}: did you mean {' or '.join(map(repr, alike))}?"
    return unknown("narrows fit", "setting", name, known)


def _try(settings: dict[str, Any], where: str) -> None:
    """Refuse what the estimator and its parts would refuse, before rows are read."""
    from narrows.cli import making
    from narrows.estimators import SupervisedAutoencoder, _fitting

    found, (dense, conv) = parts(settings), layer_classes()
    try:
        making.layers(conv(1) if only_conv(found.layers) else dense(), found.layers)
        making.head((), found.head)
        plain = {name: value for name, value in found.plain.items() if name not in of_tables()}
        _fitting.check_params(SupervisedAutoencoder(**plain, noise=making.noise(None, {"strength": 0.0, **found.noise})))
    except (ValueError, TypeError) as problem:
        raise ValueError(f"{where}: {problem}") from None


def only_conv(choices: dict[str, Any]) -> list[str]:
    """Give the names of choices that only convolutional layers have."""
    return _only(choices, 1)


def only_dense(choices: dict[str, Any]) -> list[str]:
    """Give the names of choices that only dense layers have."""
    return _only(choices, 0)


def _only(choices: dict[str, Any], place: int) -> list[str]:
    own, others = (set(signature(layers).parameters) for layers in (layer_classes()[place], layer_classes()[1 - place]))
    return [name for name in choices if name in own - others]


def parts(settings: dict[str, Any]) -> Parts:
    """Part settings by whom they are of."""
    given = {name: None if value == NONE else value for name, value in settings.items() if name not in RUN}
    parted = (
        {name.removeprefix(start): value for name, value in given.items() if name.startswith(start)}
        for start in (INSIDE, HEAD, NOISE, OPTIONS, COLUMNS)
    )
    return Parts({name: value for name, value in given.items() if "." not in name}, *parted)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Put settings over others; what belongs to another optimizer, kind of noise or of layers, or to labels, goes with these."""
    gone: set[str] = set()
    if "optimizer" in above and above["optimizer"] != below.get("optimizer"):
        gone |= {name for name in below if name.startswith(OPTIONS)}
    if "noise.kind" in above and above["noise.kind"] != below.get("noise.kind"):
        gone |= {name for name in below if name.startswith(NOISE)}
    inside = {name.removeprefix(INSIDE): name for name in below if name.startswith(INSIDE)}
    if "layers.widths" in above:
        gone |= {inside[name] for name in only_conv(inside)}
    if "layers.filters" in above:
        gone |= {inside[name] for name in only_dense(inside)}
    if above.get("supervised") is False:
        gone |= of_labels()
    return {name: value for name, value in below.items() if name not in gone} | above


def ordered(settings: dict[str, Any]) -> dict[str, Any]:
    """Give settings in the order in which `kinds` has them, then the options of the optimizer."""
    known = [name for name in kinds() if name in settings]
    return {name: settings[name] for name in (*known, *settings)}


def nested(settings: dict[str, Any]) -> dict[str, Any]:
    """Give settings as a document: tables for what has choices of its own, and for the optimizer where it has options."""
    document: dict[str, Any] = {}
    has_options = any(name.startswith(OPTIONS) for name in settings)
    for name, value in settings.items():
        table, _, inner = name.partition(".") if name.startswith(COLUMNS) else name.rpartition(".")
        if name == "optimizer" and has_options:
            table, inner = "optimizer", "name"
        elif name == "noise.kind" and value == NONE:
            table, inner = "", "noise"
        (document.setdefault(table, {}) if table else document)[inner] = value
    return document


def complete(settings: dict[str, Any]) -> bool:
    """Tell whether settings leave nothing open that a recipe could choose."""
    other = only_dense if f"{INSIDE}filters" in settings else only_conv
    known = kinds()
    open_ = other({name.removeprefix(INSIDE): None for name in known if name.startswith(INSIDE)})
    optional = of_labels() | of_tables() | _NOISES.keys() - {"noise.kind"} | {f"{INSIDE}{name}" for name in open_}
    return not known.keys() - RUN.keys() - optional - settings.keys()
