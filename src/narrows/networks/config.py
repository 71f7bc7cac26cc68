"""Keras objects as JSON: written only if no code of the user's is in them, read only through a list of what is allowed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from narrows import _backend

# Modules of Keras whose classes hold numbers and layers only.
MODULES = {
    "keras",
    "keras.constraints",
    "keras.initializers",
    "keras.layers",
    "keras.losses",
    "keras.models",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.regularizers",
}
# Those of losses, optimizers and the like, which hold no weights.
SETTINGS = MODULES - {"keras", "keras.layers", "keras.models"}
# Classes and functions that run what a file says, or read the files that it names.
CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "function", "__lambda__", "__bytes__"}
FILES = {"StringLookup", "IntegerLookup", "TextVectorization"}
ELSEWHERE = {("keras", "DTypePolicy"), ("keras.src.models.functional", "Functional")}  # which Keras writes with these modules
PLAIN = {"__slice__", "__ellipsis__", "__keras_tensor__"}  # not looked up in any module
ARRAYS = {"__numpy__", "__tensor__"}
NUMBERS = {"bool", "float16", "float32", "float64", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}


def to_json(thing: Any, what: str) -> Any:
    """Give the configuration of a Keras object.

    Parameters
    ----------
    thing : Keras object
    what : str
        What it is to the user, for messages.

    Returns
    -------
    dict
        Plain JSON values.

    Raises
    ------
    ValueError
        If a function of the user's is part of it.
    """
    keras = _backend.keras()
    try:
        config = keras.saving.serialize_keras_object(thing)
    except Exception as error:
        raise ValueError(f"{what} cannot be saved: {error}") from None
    for item in _objects(config):
        if item["class_name"] in CODE | FILES:
            raise ValueError(
                f"{what} holds a function of your own ({item.get('config', item['class_name'])!r}), which a file cannot hold safely: "
                f"use one of Keras's by name, or a registered Keras layer class"
            )
    return config


def from_json(config: Any, what: str, custom_objects: dict[str, Any] | None = None, modules: Collection[str] | None = None) -> Any:
    """Make a Keras object from its configuration.

    Parameters
    ----------
    config : dict
    what : str
        What it is to the user, for messages.
    custom_objects : dict of str to class, default=None
        The user's own classes that it may name.
    modules : collection of str, default=None
        Those of Keras whose classes it may name; `MODULES` if None.

    Returns
    -------
    Keras object

    Raises
    ------
    ValueError
        If it names anything that is not allowed, or does not fit.
    """
    keras = _backend.keras()
    custom = dict(custom_objects or {})
    _check_unnamed(config, what, keras.saving.get_custom_objects(), list(custom.values()))
    for item in _objects(config):
        name, registered = item["class_name"], item.get("registered_name", item["class_name"])
        own = custom.get(name, custom.get(registered))
        if own is not None and isinstance(registered, str):
            custom[registered] = own  # by this name Keras looks it up
        elif not _is_keras_own(item, MODULES if modules is None else modules):
            raise ValueError(
                f"{what} names the class {item.get('module') or registered}.{name}, which is not one of Keras's own: "
                f"pass it by custom_objects={{{name!r}: {name}}} if you trust it"
            )
    try:  # Keras changes what it reads
        return keras.saving.deserialize_keras_object(copy.deepcopy(config), custom_objects=custom, safe_mode=True)
    except Exception as error:
        raise ValueError(
            f"{what} cannot be made from its configuration: {(str(error).splitlines() or [type(error).__name__])[0][:200]}"
        ) from None


def _check_unnamed(config: Any, what: str, registered: dict[str, Any], custom: list[Any]) -> None:
    """Refuse what this process has registered with Keras and the user did not name: Keras takes a word for it before all else."""
    unnamed = {name for name, thing in registered.items() if not any(thing is own for own in custom)}
    todo = [config] if unnamed else []
    while todo:
        item = todo.pop()
        if isinstance(item, str) and item in unnamed:
            raise ValueError(
                f"{what} names {item}, which is registered with Keras: pass it by custom_objects={{{item!r}: ...}} if you trust it"
            )
        todo.extend(item.values() if isinstance(item, dict) else item if isinstance(item, list | tuple) else ())


def _is_keras_own(item: dict[str, Any], modules: Collection[str]) -> bool:
    name, module = item["class_name"], item.get("module")
    if name in ARRAYS:
        config = item.get("config")
        return isinstance(config, dict) and str(config.get("dtype")) in NUMBERS
    if name in PLAIN:
        return True
    known = module in modules or (module, name) in ELSEWHERE
    return known and name not in CODE | FILES and item.get("registered_name") in (None, name)


def names_any(config: Any, custom_objects: dict[str, Any]) -> bool:
    """Tell whether a configuration names a class of the user's."""
    return any({item["class_name"], item.get("registered_name")} & custom_objects.keys() for item in _objects(config))


def weight_shapes(make: Callable[[], dict[str, Any]]) -> list[tuple[int, ...]]:
    """Give the shapes of the variables that a function makes, without memory for them: a few bytes may ask for layers of any size."""
    import jax

    found: list[tuple[int, ...]] = []

    def traced() -> None:
        found.extend(tuple(variable.shape) for variable in make().values())

    # In a thread of its own Keras counts what it names anew: what is made next is named as if this had not been.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(jax.eval_shape, traced).result()
    return found


def _objects(config: Any) -> list[dict[str, Any]]:
    """All dictionaries that name a class, at any depth."""
    found, todo = [], [config]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str):
                found.append(item)
            todo.extend(item.values())
        elif isinstance(item, list | tuple):
            todo.extend(item)
    return found
