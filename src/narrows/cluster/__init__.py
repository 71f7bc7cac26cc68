"""Many machines: work on more rows than one of them should do alone, on a Ray cluster.

The public names are loaded when they are first asked for: ``import narrows.cluster`` needs neither Ray nor Keras.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from narrows.cluster._bulk import Done, encode, reconstruct, score
    from narrows.cluster._connecting import Cluster, connected
    from narrows.cluster._training import fit, joined

__all__ = ["Cluster", "Done", "connected", "encode", "fit", "joined", "reconstruct", "score"]

_HOMES = {
    "Cluster": "_connecting",
    "Done": "_bulk",
    "connected": "_connecting",
    "encode": "_bulk",
    "fit": "_training",
    "joined": "_training",
    "reconstruct": "_bulk",
    "score": "_bulk",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'narrows.cluster' has no attribute {name!r}; its names are {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
