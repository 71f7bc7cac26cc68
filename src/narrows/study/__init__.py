"""Experiments that answer a question about rows by many fits: how long a code, which map, and whether what the textbook says holds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from narrows.study.catalog import run, studies
    from narrows.study.code_sizes import CodeSizes, dimensions
    from narrows.study.comparing import comparable, compare
    from narrows.study.comparison import Compared, Comparison
    from narrows.study.elbow import Elbow, find_elbow
    from narrows.study.findings import Finding
    from narrows.study.running import Outcome

__all__ = [
    "CodeSizes",
    "Compared",
    "Comparison",
    "Elbow",
    "Finding",
    "Outcome",
    "comparable",
    "compare",
    "dimensions",
    "find_elbow",
    "run",
    "studies",
]

_HOMES = {  # loaded when they are asked for: a process that does one thing of all this starts at once
    "CodeSizes": "code_sizes",
    "Compared": "comparison",
    "Comparison": "comparison",
    "Elbow": "elbow",
    "Finding": "findings",
    "Outcome": "running",
    "comparable": "comparing",
    "compare": "comparing",
    "dimensions": "code_sizes",
    "find_elbow": "elbow",
    "run": "catalog",
    "studies": "catalog",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'narrows.study' has no attribute {name!r}; its names are {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
