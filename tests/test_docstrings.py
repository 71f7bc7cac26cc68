"""Docstrings agree with the code: names, order and defaults of parameters, shapes at the public face, examples."""

from __future__ import annotations

import ast
import doctest
import inspect
import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import narrows

FOLDER = Path(narrows.__file__).parent
FACES = [
    "narrows",
    "narrows.cluster",
    "narrows.data",
    "narrows.errors",
    "narrows.export",
    "narrows.plot",
    "narrows.quality",
    "narrows.study",
]
ORDER = [
    "Parameters",
    "Attributes",
    "Returns",
    "Yields",
    "Other Parameters",
    "Raises",
    "Warns",
    "See Also",
    "Notes",
    "References",
    "Examples",
]


def module_names() -> list[str]:
    """Give the names of all modules, found without importing one."""
    paths = [path.relative_to(FOLDER.parent).with_suffix("") for path in sorted(FOLDER.rglob("*.py"))]
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    return [name for name in names if not name.endswith("__main__")]


def sections(text: str) -> dict[str, str]:
    """Cut a numpydoc docstring at its underlined titles."""
    pieces = re.split(r"^(\w[\w ]*)\n-{3,}\n", inspect.cleandoc(text), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def entries(section: str) -> dict[str, tuple[str, str]]:
    """Read ``a, b : type`` and the indented text below it: name -> (type, text), stars taken off."""
    found = {}
    for entry in re.split(r"\n(?=\S)", section.strip("\n")):
        head, _, text = entry.partition("\n")
        names, _, kind = head.partition(" : ")
        for name in names.split(","):
            found[name.strip().lstrip("*")] = (kind.strip(), text)
    return found


def parameters(thing: Any) -> dict[str, inspect.Parameter] | None:
    try:
        signature = inspect.signature(thing)
    except ValueError:  # an exception class without a constructor of its own
        return None
    return {name: parameter for name, parameter in signature.parameters.items() if name not in {"self", "cls"}}


def default_problem(kind: str, parameter: inspect.Parameter) -> str | None:
    documented = re.search(r"default[=:]\s*(.+)$", kind)
    if type(parameter.default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS":  # a dataclass's mutable default: any text will do
        return None
    if parameter.default is inspect.Parameter.empty:
        return "has a documented default and none in the signature" if documented else None
    if documented is None:
        unsaid = parameter.default is None and ("optional" in kind or kind.lower() in {"none", "ignored"})
        return None if unsaid else f"lacks 'default={parameter.default!r}'"
    said = documented[1].strip().strip("`")
    try:
        same = ast.literal_eval(said) == parameter.default
    except (ValueError, SyntaxError):
        same = said in {repr(parameter.default), getattr(parameter.default, "__name__", None)}
    return None if same else f"says default={said}, the signature {parameter.default!r}"


def problems(name: str, thing: Any) -> Iterator[str]:
    """Compare what a docstring says with what is there."""
    parts = sections(inspect.getdoc(thing) or "")
    places = [ORDER.index(title) for title in parts if title in ORDER]
    if places != sorted(places):
        yield f"{name}: the sections come in another order than numpydoc's: {', '.join(parts)}"
    actual = parameters(thing)
    if "Parameters" not in parts or actual is None:
        return
    documented = entries(parts["Parameters"])
    if list(documented) != list(actual):
        yield f"{name}: documents {list(documented)}, takes {list(actual)}"
        return
    for parameter, (kind, _) in documented.items():
        problem = default_problem(kind, actual[parameter])
        if problem:
            yield f"{name}: {parameter} {problem}"


def members(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Give the public functions and classes that a module defines, and the classes' own public methods."""
    for name, thing in vars(module).items():
        if name.startswith("_") or not (inspect.isfunction(thing) or inspect.isclass(thing)) or thing.__module__ != module.__name__:
            continue
        yield f"{module.__name__}.{name}", thing
        if inspect.isclass(thing):
            yield from methods(f"{module.__name__}.{name}", thing)


def methods(prefix: str, thing: type) -> Iterator[tuple[str, Any]]:
    for name, _ in inspect.getmembers_static(thing):
        method = getattr(thing, name, None)
        if not name.startswith("_") and inspect.isroutine(method) and (getattr(method, "__module__", None) or "").startswith("narrows"):
            yield f"{prefix}.{name}", method


def face(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Give what users call: functions, classes and their methods."""
    for name in getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]:
        thing = getattr(module, name)
        ours = (getattr(thing, "__module__", None) or "").startswith("narrows")
        if ours and (inspect.isfunction(thing) or inspect.isclass(thing)):
            yield f"{module.__name__}.{name}", thing
            if inspect.isclass(thing):
                yield from methods(f"{module.__name__}.{name}", thing)


def face_problems(name: str, thing: Any) -> Iterator[str]:
    """Ask more of what users call: all parameters, what comes back, and the shape of each array."""
    text = inspect.getdoc(thing) or ""
    parts = sections(text)
    if not text.partition("\n")[0].endswith("."):
        yield f"{name}: the first line is no sentence"
    if parameters(thing) and "Parameters" not in parts:
        yield f"{name}: its parameters are not documented"
    if not inspect.isclass(thing):
        gives = str(inspect.signature(thing).return_annotation)
        if gives not in {"None", "Self"} and "Returns" not in parts and "Yields" not in parts:
            yield f"{name}: what it gives back is not documented"
    for title in ("Parameters", "Returns"):
        for parameter, (kind, description) in entries(parts.get(title, "")).items():
            array = re.search(r"\barray|ndarray|frame|matrix", f"{parameter} {kind}" if title == "Returns" else kind)
            if array and "shape" not in f"{parameter} {kind} {description}":
                yield f"{name}: {parameter} is an array without a shape"


@pytest.mark.parametrize("name", module_names())
def test_docstrings_agree_with_signatures(name):
    found = [problem for member, thing in members(import_module(name)) for problem in problems(member, thing)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", FACES)
def test_the_face_is_documented_whole(name):
    found = [problem for member, thing in face(import_module(name)) for problem in face_problems(member, thing)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", module_names())
def test_examples_say_what_happens(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    report = io.StringIO()

    with redirect_stdout(report):
        for example in doctest.DocTestFinder().find(module, name):
            runner.run(example, out=report.write)

    assert not runner.failures, report.getvalue()


def test_the_comparison_finds_what_it_is_for():
    """A docstring that lies in each way that is looked for."""

    def lies(a: int, b: int = 2, c: str | None = None, d: float = 1e-3) -> None:
        """Lie.

        Parameters
        ----------
        a, b : int, default=3
            Two numbers.
        c : str, optional
            Right.
        d : float, default=0.001
            Right.
        """

    def misses(rows: Any, b: int) -> int:
        """Miss

        Returns
        -------
        int
            Right.

        Parameters
        ----------
        rows : ndarray
            Rows.
        """

    assert list(problems("lies", lies)) == [
        "lies: a has a documented default and none in the signature",
        "lies: b says default=3, the signature 2",
    ]
    assert list(problems("misses", misses)) == [
        "misses: the sections come in another order than numpydoc's: Returns, Parameters",
        "misses: documents ['rows'], takes ['rows', 'b']",
    ]
    assert list(face_problems("misses", misses)) == [
        "misses: the first line is no sentence",
        "misses: rows is an array without a shape",
    ]
