"""Keras objects as JSON: written only if no code of the user's is in them, read only through a list of what is allowed."""

from __future__ import annotations

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
# Classes within them that run what a file says.
CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
PLAIN = {"__tuple__", "__numpy__", "__tensor__", "slice", "range", "__ellipsis__", "__typespec__"}


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
        if item["class_name"] in CODE | {"function", "__lambda__", "__bytes__"}:
            raise ValueError(
                f"{what} holds a function of your own ({item.get('config', item['class_name'])!r}), which a file cannot hold safely: "
                f"use one of Keras's by name, or a registered Keras layer class"
            )
    return config


def from_json(config: Any, what: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """Make a Keras object from its configuration.

    Parameters
    ----------
    config : dict
    what : str
        What it is to the user, for messages.
    custom_objects : dict of str to class, default=None
        The user's own classes that it may name.

    Returns
    -------
    Keras object

    Raises
    ------
    ValueError
        If it names anything that is not allowed, or does not fit.
    """
    custom = custom_objects or {}
    for item in _objects(config):
        name, registered = item["class_name"], item.get("registered_name")
        allowed = name in PLAIN or (item.get("module") in MODULES and name not in CODE) or name in custom or registered in custom
        if not allowed:
            raise ValueError(
                f"{what} names the class {item.get('module') or registered}.{name}, which is not one of Keras's own: "
                f"pass it by custom_objects={{{name!r}: {name}}} if you trust it"
            )
    keras = _backend.keras()
    try:
        return keras.saving.deserialize_keras_object(config, custom_objects=custom, safe_mode=True)
    except Exception as error:
        raise ValueError(f"{what} cannot be made from its configuration: {str(error).splitlines()[0][:200]}") from None


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
