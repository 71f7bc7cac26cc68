"""The README is executed: what it promises happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WIDE = {"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}  # else help breaks its words
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Give the lines that call narrows, their comments cut off."""
    lines = "".join(blocks("sh")).splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.startswith("narrows ")]


def test_readme_opens_with_the_two_commands():
    assert [line.split("#")[0].strip() for line in blocks("sh")[0].splitlines()] == ["make demo", "make test"]


def test_python_examples_run(python, tmp_path):
    code = "\n".join(blocks("python"))
    assert "narrows.Autoencoder" in code
    assert "narrows.SupervisedAutoencoder" in code

    python(code)

    assert list(tmp_path.glob("*.narrows"))


@pytest.mark.parametrize("name", sorted({line.split()[1] for line in commands()}))
def test_commands_have_the_options_that_are_shown(name):
    """Each option that the README shows stands in the command's own help."""
    asked = {word for line in commands() if line.split()[1] == name for word in line.split() if re.match(r"--?[a-z]", word)}

    done = subprocess.run(
        [sys.executable, "-m", "narrows", name, "--help"], capture_output=True, text=True, check=True, env=os.environ | WIDE, timeout=60
    )

    missing = {option for option in asked if not re.search(rf"(?<![\w-]){option}(?![\w-])", done.stdout)}
    assert not missing, f"narrows {name} --help does not speak of {missing}"
