"""The page of results says what the studies wrote, and nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_studies_wrote():
    spec = importlib.util.spec_from_file_location("results", DOCS / "figures" / "results.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    assert (DOCS / "results.md").read_text("utf-8") == script.page(), "run: python docs/figures/results.py"
