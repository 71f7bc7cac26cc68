"""A light start: what is loaded before anyone asks for a network."""

from __future__ import annotations

import pytest

NETWORKS = {"keras", "jax", "jaxlib", "tensorflow", "torch"}
PICTURES = {"matplotlib", "plotly", "PIL"}
NUMBERS = {"numpy", "scipy", "sklearn", "pandas", "polars", "pyarrow"}
COMMAND = """
import runpy, sys
sys.argv[1:] = [{argument!r}]
try:
    runpy.run_module("narrows", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, end.code
"""


def loaded(python, code: str) -> tuple[set[str], str]:
    *printed, last = python(code + "\nimport sys; print(); print(*sys.modules)").splitlines()
    return {name.partition(".")[0] for name in last.split()}, "\n".join(printed)


@pytest.mark.parametrize(
    "code", ["import narrows", "import narrows; dir(narrows); narrows.__version__", "import narrows.errors, narrows.progress"]
)
def test_import_loads_nothing_heavy(python, code):
    modules, _ = loaded(python, code)

    assert "narrows" in modules
    assert not modules & (NETWORKS | PICTURES | NUMBERS)


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_the_command_line_answers_without_networks(python, argument):
    modules, printed = loaded(python, COMMAND.format(argument=argument))

    assert "typer" in modules
    assert not modules & (NETWORKS | PICTURES | {"sklearn", "scipy"})
    assert printed.strip()


def test_clusters_are_asked_for_before_ray_is_loaded(python):
    modules, _ = loaded(python, "import narrows; dir(narrows.cluster); narrows.cluster.encode")

    assert not modules & (NETWORKS | PICTURES | {"ray", "rich", "typer"})


def test_version_is_printed(python):
    import narrows

    _, printed = loaded(python, COMMAND.format(argument="--version"))

    assert narrows.__version__ in printed


@pytest.mark.parametrize("room", ["data", "quality", "errors", "progress"])
def test_rooms_below_the_networks_do_without_them(python, room):
    modules, _ = loaded(python, f"import narrows.{room}")

    assert not modules & (NETWORKS | PICTURES | {"rich", "typer"})


def test_data_borrows_scikit_learn_only_when_digits_are_asked_for(python):
    modules, _ = loaded(python, "import narrows.data")

    assert "sklearn" not in modules
