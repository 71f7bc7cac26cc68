"""The pages tell the truth: their examples run in order, and their commands too."""

from __future__ import annotations

import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PAGES = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+\.\d+(?:e[+-]?\d+)?")
FOLDERS = [
    os.path.abspath(folder) for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder
]  # before a test goes elsewhere
NEAR = 0.15  # figures of a fit differ from machine to machine: they may be off by this share,
ROUNDING = 0.011  # and by what two decimals cannot tell


class Near(doctest.OutputChecker):
    """Compares words exactly, and numbers with a decimal point by their size."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        if super().check_output(want, got, optionflags):
            return True
        if not super().check_output(NUMBER.sub("#", want), NUMBER.sub("#", got), optionflags):
            return False
        pairs = zip(NUMBER.findall(want), NUMBER.findall(got), strict=True)
        return all(abs(float(a) - float(b)) <= max(NEAR * abs(float(a)), ROUNDING) for a, b in pairs)


def blocks(page: str) -> list[tuple[str, str]]:
    """Give the blocks of code on a page, each with its language."""
    return BLOCK.findall((PAGES / page).read_text("utf-8"))


def run_example(code: str, names: dict[str, Any]) -> None:
    runner = doctest.DocTestRunner(Near(), optionflags=doctest.NORMALIZE_WHITESPACE)
    report = io.StringIO()
    runner.run(doctest.DocTestParser().get_doctest(code, names, "page", None, 0), out=report.write, clear_globs=False)
    names.update(runner.test.globs)
    assert not runner.failures, report.getvalue()


def run_command(line: str) -> None:
    words = shlex.split(line, comments=True)
    assert words[0] == "narrows", f"the page shows a command that nothing runs: {line}"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(FOLDERS)}
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


# Pages whose blocks are run, each with files that they leave.
RUN = {
    "tutorial.md": {"engine.narrows", "engine.csv", "codes.csv"},
    "tables.md": {"houses.csv", "houses.narrows", "filled.csv", "codes.csv", "houses.html"},
    "report.md": {"digits.html", "page.html", "map.html", "told.html"},
    "more-than-memory.md": {"big.narrows", "codes.npy", "big.npy", "labelled.labels.npy"},
    "cluster.md": {"orders.narrows", "codes", "rebuilt"},
    "shipping.md": {"digits.narrows", "digits.onnx", "encoder.onnx", "head.onnx"},
    "scaling.md": set(),
}


ELSEWHERE = {"serving.md": {"sh", "python"}}  # by tests/serve/test_guide.py, which starts the servers


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
@pytest.mark.filterwarnings("ignore::narrows.errors.NarrowsWarning")
def test_a_page_runs(page, tmp_path, monkeypatch):
    if page == "cluster.md":
        pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}

    for language, code in blocks(page):
        if language == "pycon":
            run_example(code, names)
        elif language == "sh":
            for line in code.splitlines():
                run_command(line)

    assert RUN[page] <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES.glob("*.md")))
def test_no_page_shows_code_that_nothing_runs(page):
    """Blocks of some pages run above; examples live in examples/, and other pages have none."""
    languages = {language for language, _ in blocks(page)} - {"text"}

    assert languages <= ({"pycon", "sh"} if page in RUN else ELSEWHERE.get(page, set()))


def test_figures_are_compared_by_their_size():
    near = Near()

    assert near.check_output("loss 0.63, 2 components", "loss 0.64, 2 components", 0)
    assert not near.check_output("loss 0.63, 2 components", "loss 0.83, 2 components", 0)
    assert not near.check_output("loss 0.63, 2 components", "loss 0.63, 3 components", 0)
    assert not near.check_output("loss 0.63", "error 0.63", 0)
