"""The reference leaves nothing out: every public name has its entry, and every method of a class its place in it."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import narrows

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
FACES = ["narrows", *(f"narrows.{name}" for name in sorted(narrows._MODULES))]


def entries() -> Iterator[tuple[str, set[str]]]:
    """Give the names that the reference documents, each with its members."""
    for page in sorted(FOLDER.glob("*.rst")):
        module = entry = ""
        members: set[str] = set()
        for line in [*page.read_text("utf-8").splitlines(), ".. end::"]:
            if line.strip().startswith(":members:"):
                members = {name.strip() for name in line.partition(":members:")[2].split(",")}
            if not line.startswith(".. ") or "::" not in line:
                continue
            if entry:
                yield entry if entry.startswith("narrows.") else f"{module}.{entry}", members
            kind, _, name = line.removeprefix(".. ").partition(":: ")
            entry, members = (name, set()) if kind.startswith("auto") and kind != "automodule" else ("", set())
            module = name if kind in ("automodule", "currentmodule") else module


def public(face: str) -> Iterator[tuple[str, Any]]:
    """Give the public names of a module that are not modules themselves."""
    module = import_module(face)
    own = [name for name, thing in vars(module).items() if inspect.isclass(thing) and thing.__module__ == face]
    for name in getattr(module, "__all__", own):
        thing = getattr(module, name)
        if not inspect.ismodule(thing) and name != "__version__":
            yield f"{face}.{name}", thing


def methods(thing: type) -> set[str]:
    """Give the public methods and properties that narrows itself gives a class, with a docstring to show."""
    found = set()
    for name, member in inspect.getmembers_static(thing):
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        ours = (getattr(function, "__module__", None) or "").startswith("narrows")
        if not name.startswith("_") and ours and inspect.isfunction(function) and function.__doc__:
            found.add(name)
    return found


def resolved(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


def test_nothing_stands_twice():
    assert [name for name, times in Counter(name for name, _ in entries()).items() if times > 1] == []


@pytest.mark.parametrize("face", FACES)
def test_every_public_name_has_its_entry(face):
    names = {name for name, _ in public(face)}

    missing = names - {name for name, _ in entries()}
    assert names
    assert not missing, f"docs/reference lacks {', '.join(sorted(missing))}"


@pytest.mark.parametrize(("name", "members"), [pytest.param(*entry, id=entry[0]) for entry in entries()])
def test_every_method_has_its_place(name, members):
    thing = resolved(name)

    missing = methods(thing) - members if inspect.isclass(thing) and not issubclass(thing, BaseException) else set()
    assert not missing, f"the entry of {name} in docs/reference lacks {', '.join(sorted(missing))}"


def test_every_page_is_in_the_index():
    listed = {line.strip() for line in (FOLDER / "index.md").read_text("utf-8").splitlines()}

    assert {page.stem for page in FOLDER.glob("*.rst")} <= listed
