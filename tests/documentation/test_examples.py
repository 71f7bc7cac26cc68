"""The example scripts run, at a small size, as a stranger would run them."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))


def test_they_are_numbered():
    assert [script.name[:3] for script in SCRIPTS] == [f"{number:02}_" for number in range(1, len(SCRIPTS) + 1)]
    assert len(SCRIPTS) >= 5


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_each_says_what_it_shows_and_is_short(script):
    text = script.read_text("utf-8")

    assert f"python examples/{script.name}" in (ast.get_docstring(ast.parse(text)) or "")
    assert text.count("\n") <= 60


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_each_stands_in_the_documentation(script):
    page = (ROOT / "docs" / "examples.md").read_text("utf-8")

    assert f"{{literalinclude}} ../examples/{script.name}\n" in page


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::narrows.errors.NarrowsWarning")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_each_runs_and_prints_figures(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(script), "--quick"])

    runpy.run_path(str(script), run_name="__main__")

    printed = capsys.readouterr().out
    assert len(re.findall(r"\d\.\d+", printed)) >= 2
