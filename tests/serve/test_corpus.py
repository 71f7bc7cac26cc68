"""Inputs that a fuzzer has kept, because each went where none had been: they are read, or refused in one sentence."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("fuzz", Path(__file__).parent / "fuzz.py")
fuzz = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fuzz)


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_kept_inputs(target):
    inputs = [content for name, content in fuzz.seeds() if name == target]
    inputs += [path.read_bytes() for path in sorted(fuzz.CORPUS.glob(f"{target}-*"))]
    for content in inputs:
        fuzz.run(target, content)
    assert len(inputs) > 1
