"""``narrows study``: listed, run, stopped, gone on with, refused."""

from __future__ import annotations

import json
import sys

import pytest

from narrows.study import catalog
from narrows.study.experiment import Experiment, Measured, Setting
from narrows.study.findings import exceeds

pytest.importorskip("matplotlib")


@pytest.fixture
def toy(monkeypatch):
    """Put a study in the place of the others that takes no time, and can be stopped; give what it measured."""
    measured: list[int] = []

    def measure(material, seed):
        if stop and len(measured) == 1:
            raise KeyboardInterrupt
        measured.append(seed)
        return Measured({"score": 0.9 + seed / 100})

    def draw(results):
        from narrows import plot

        return plot.bars({name: results.values(name, "score") for name in results.settings})

    stop: list[bool] = []
    toy = Experiment(
        "plateau",
        "a toy",
        "It works.",
        "Made up.",
        {"score": "a score"},
        (Setting("one", measure),),
        lambda results: [exceeds("it scores more than a half", results.values("one", "score"), 0.5)],
        draw,
    )
    monkeypatch.setattr(catalog, "STUDIES", {"plateau": toy})
    return measured, stop


def test_all_are_listed(narrows):
    done = narrows("study")

    assert done.code == 0
    assert all(name in done.out for name in catalog.STUDIES)
    assert json.loads(narrows("study", "--json").out) == catalog.studies()


def test_a_table_and_a_verdict(narrows, toy, tmp_path):
    done = narrows("study", "plateau", "--data", "digits", "-o", "found")

    assert done.code == 0
    assert "one      0.91 ± 0.01" in done.out
    assert "confirmed: it scores more than a half (0.91 ± 0.01, against 0.5, 3 seeds)" in " ".join(done.out.split())
    assert {path.name for path in (tmp_path / "found").iterdir()} == {
        *("study.json", "trials", "table.csv", "table.md", "figure.png", "verdict.md")
    }


def test_as_json(narrows, toy):
    values = json.loads(narrows("study", "plateau", "--data", "digits", "-o", "found", "--seeds", "2", "--quick", "--json").out)

    assert values["findings"][0]["verdict"] == "confirmed"
    assert values["files"]["picture"].endswith("figure.png")


def test_what_was_stopped_goes_on(narrows, toy):
    measured, stop = toy
    stop.append(True)

    done = narrows("study", "plateau", "--data", "digits")
    assert done.code == 130
    assert "interrupted; what has ended is kept in 'study-plateau': the same command goes on from there" in done.err
    del stop[:]

    assert narrows("study", "plateau", "--data", "digits").code == 0
    assert measured == [0, 1, 2]


def test_unknown(narrows):
    assert narrows("study", "plato").only_line == f"narrows: unknown study 'plato': it must be one of {', '.join(catalog.STUDIES)}"


def test_without_labels(narrows, toy, tmp_path, rng):
    import numpy as np

    np.save(tmp_path / "rows.npy", rng.random((30, 4)))
    done = narrows("study", "plateau", "--data", "rows.npy", "-q")

    assert done.code == 2
    assert done.only_line == "narrows: rows.npy has no labels, by which studies measure codes: give the column of the labels"


def test_without_matplotlib(narrows, toy, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = narrows("study", "plateau", "--data", "digits", "-q")

    assert done.code == 2
    assert "pip install 'narrows[plot]'" in done.only_line
