"""The guide to pictures shows calls that can be made, and pictures that its script draws."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
import sys
from pathlib import Path

import pytest

from narrows import plot

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "pictures.md").read_text("utf-8")
SHOWN = re.findall(r"figures/(pictures-\w+\.png)", PAGE)
LARGEST = 150_000  # bytes of a picture: a page of them must load fast


@pytest.mark.parametrize("call", sorted(set(re.findall(r"`(plot\.\w+\(.*?\))`", PAGE))))
def test_calls_are_as_the_functions_take_them(call):
    tree = ast.parse(call, mode="eval").body
    keywords = {keyword.arg: None for keyword in tree.keywords}

    inspect.signature(getattr(plot, tree.func.attr)).bind(*tree.args, **keywords)


def test_every_picture_of_a_model_is_shown():
    others = {"FORMATS", "bars", "curves", "errors_by_size", "images", "new_axes", "new_grid", "write"}

    assert set(plot.__all__) - others <= set(re.findall(r"plot\.(\w+)\(", PAGE))


@pytest.mark.parametrize("name", SHOWN)
def test_pictures_are_there_and_small(name):
    assert 1000 < (DOCS / "figures" / name).stat().st_size < LARGEST


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::narrows.errors.NarrowsWarning")
def test_the_script_draws_all_of_them(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(sys, "argv", ["pictures.py", "--quick", "--out", str(tmp_path)])

    runpy.run_path(str(DOCS / "figures" / "pictures.py"), run_name="__main__")

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SHOWN)
    assert capsys.readouterr().out.count("drew") == len(SHOWN)
