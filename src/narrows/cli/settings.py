"""The settings that a run of ``narrows fit`` can have: their names, and what each may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any

from narrows.cli.toml_files import text as toml
from narrows.data.names import shortened, unknown

INSIDE, OPTIONS = "layers.", "optimizer."  # how the names of choices of the layers, and of options of the optimizer, begin
SHORT = {"layers": "layers.widths", "optimizer.name": "optimizer", "random_state": "seed"}
# Parameters of the estimator that are no settings: objects, what flags say, what one run has no use for; and the seed, by its other name.
ELSEWHERE = {"callbacks", "verbose", "warm_start", "random_state", "layers"}


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


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _all(one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list | tuple) and all(map(one, value))


_word, _number = _is(str), _is(int, float)
_PLAIN = Kind("a word, a number, true or false", _is(str, int, float, bool))
_TEXT = Kind("a string", _word)
_WIDTHS = Kind("'auto' or a list of whole numbers, such as [500, 300, 100]", lambda value: value == "auto" or _all(_is(int))(value))
RUN = {
    "data": Kind("a string or a list of strings", lambda value: _word(value) or (_all(_word)(value) and len(value) > 0)),
    **dict.fromkeys(("label", "validation", "test", "recipe"), _TEXT),
    "seed": Kind("a whole number from 0 to 4294967295", lambda value: _is(int)(value) and 0 <= value < 2**32),
    "output": _TEXT,
}


def kinds() -> dict[str, Kind]:
    """Give every setting by its name: those of a run, then those of the estimator and its layers as their signatures have them."""
    from narrows.estimators import Autoencoder
    from narrows.networks import Dense

    found = {name: _kind(parameter) for name, parameter in signature(Autoencoder).parameters.items() if name not in ELSEWHERE}
    inside = {f"{INSIDE}{name}": _kind(parameter) for name, parameter in signature(Dense).parameters.items()}
    return RUN | found | inside


def _kind(parameter: Parameter) -> Kind:
    """Tell by its default, and by whether others than its like are taken, what a parameter may be."""
    default, others = parameter.default, parameter.annotation in ("Any", Any)
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return _WIDTHS
    if isinstance(default, bool):
        return Kind("true or false", _is(bool))
    if isinstance(default, int):
        return Kind(f"a whole number, such as {default}", _is(int))
    if isinstance(default, float):
        or_none = " or 'none'" if others else ""
        return Kind(f"a number, such as {toml_value(default)}{or_none}", lambda value: _number(value) or (others and value == "none"))
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
    for said, value in _flat(document):
        name = SHORT.get(said, said)
        kind = known.get(name) or (_PLAIN if name.startswith(OPTIONS) else None)
        if kind is None:
            raise ValueError(f"{where}: {_unknown(name, known)}")
        if not kind.admits(value):
            raise ValueError(f"{where}: {said} must be {kind.allowed}, got {toml_value(value)}")
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


def _unknown(name: str, known: dict[str, Kind]) -> str:
    alike = [other for other in known if other.rpartition(".")[2] == name.rpartition(".")[2]]  # a choice without its table, or in another
    if alike:
        return f"narrows fit has no setting {name!r}: did you mean {' or '.join(map(repr, alike))}?"
    return unknown("narrows fit", "setting", name, known)


def _try(settings: dict[str, Any], where: str) -> None:
    """Refuse what the estimator and its layers would refuse, before rows are read."""
    from narrows.estimators import Autoencoder, _fitting
    from narrows.networks import Dense

    plain, inside, _ = parts(settings)
    try:
        Dense().replace(**inside)
        _fitting.check_params(Autoencoder(**plain))
    except (ValueError, TypeError) as problem:
        raise ValueError(f"{where}: {problem}") from None


def parts(settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Part settings into parameters of the estimator, choices of its layers, and options of its optimizer."""
    given = {name: None if value == "none" else value for name, value in settings.items() if name not in RUN}
    inside, options = (
        {name.removeprefix(start): value for name, value in given.items() if name.startswith(start)} for start in (INSIDE, OPTIONS)
    )
    plain = {name: value for name, value in given.items() if "." not in name}
    if inside.get("widths") == "auto":
        plain["layers"] = inside.pop("widths")
    return plain, inside, options


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Put settings over others; the options of an optimizer go where another is chosen."""
    if "optimizer" in above and above["optimizer"] != below.get("optimizer"):
        below = {name: value for name, value in below.items() if not name.startswith(OPTIONS)}
    return below | above


def ordered(settings: dict[str, Any]) -> dict[str, Any]:
    """Give settings in the order in which `kinds` has them, then the options of the optimizer."""
    known = [name for name in kinds() if name in settings]
    return {name: settings[name] for name in (*known, *settings)}


def nested(settings: dict[str, Any]) -> dict[str, Any]:
    """Give settings as a document: tables for the layers and, where it has options, the optimizer."""
    document: dict[str, Any] = {}
    has_options = any(name.startswith(OPTIONS) for name in settings)
    for name, value in settings.items():
        table, _, inner = ("optimizer", ".", "name") if name == "optimizer" and has_options else name.rpartition(".")
        (document.setdefault(table, {}) if table else document)[inner] = value
    return document
