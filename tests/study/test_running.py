"""A study keeps each trial as it ends, goes on where it was stopped, and writes what it found."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from narrows import plot
from narrows.data import Rows
from narrows.study import run, studies
from narrows.study.experiment import Experiment, Measured, Results, Setting, Trial
from narrows.study.findings import exceeds
from narrows.study.running import run_experiment

pytest.importorskip("matplotlib")

FIGURES = {"score": "a score", "other": "another"}


class Bench:
    """An experiment of two settings that counts what it measures, and can be stopped."""

    def __init__(self) -> None:
        self.measured: list[tuple[str, int, int]] = []
        self.stop_after: int | None = None
        settings = (Setting("A network", self._setting("A network")), Setting("PCA (2)", self._setting("PCA (2)"), seeded=False))
        self.experiment = Experiment(
            "toy",
            "what a toy shows",
            "It works.",
            "Numbers are made up.",
            {"score": "a score", "other": "another"},
            settings,
            _judge,
            _draw,
        )

    def _setting(self, name):
        def measure(material, seed):
            if self.stop_after == len(self.measured):
                raise KeyboardInterrupt
            self.measured.append((name, seed, len(material.train.X)))
            return Measured({"score": 1.0 + seed / 10 if name == "A network" else 0.5}, {"curve": [1.0, 2.0]})

        return measure

    def run(self, folder, rows, **options):
        return run_experiment(self.experiment, rows, folder, seeds=options.pop("seeds", range(2)), **options)


def _judge(results: Results):
    return [exceeds("the network scores more", results.values("A network", "score"), results.mean("PCA (2)", "score"))]


def _draw(results: Results):
    return plot.bars({name: results.values(name, "score") for name in results.settings})


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def rows(rng):
    labels = np.repeat([0, 1], 20)
    return Rows(rng.random((40, 4)), labels=labels, name="toys")


def test_each_setting_is_measured_once_per_seed(bench, rows, tmp_path):
    bench.run(tmp_path / "out", rows)

    assert bench.measured == [("A network", 0, 32), ("PCA (2)", 0, 32), ("A network", 1, 32)]  # a fifth is held out; PCA knows no seeds


def test_what_is_written(bench, rows, tmp_path):
    found = bench.run(tmp_path / "out", rows)

    table = list(csv.DictReader((tmp_path / "out" / "table.csv").read_text().splitlines()))
    assert [(line["setting"], line["seed"], line["score"], line["other"]) for line in table] == [
        ("A network", "0", "1.0", ""),
        ("PCA (2)", "0", "0.5", ""),
        ("A network", "1", "1.1", ""),
    ]
    text = (tmp_path / "out" / "table.md").read_text()
    assert text.splitlines()[0] == "| setting | a score | another | seconds |"
    assert "| A network | 1.05 ± 0.071 | — |" in text
    assert "| PCA (2) | 0.5 | — |" in text
    assert "- **confirmed**: the network scores more (1.05 ± 0.071, against 0.5, 2 seeds)" in (tmp_path / "out" / "verdict.md").read_text()
    assert (tmp_path / "out" / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert [finding.verdict for finding in found.findings] == ["confirmed"]
    json.dumps(found.to_dict())


def test_a_stopped_study_goes_on(bench, rows, tmp_path):
    whole = Bench()
    expected = whole.run(tmp_path / "whole", rows)
    bench.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        bench.run(tmp_path / "out", rows)
    bench.stop_after = None

    found = bench.run(tmp_path / "out", rows)

    assert bench.measured == whole.measured  # nothing twice
    assert [line[:-1] for line in found.lines] == [line[:-1] for line in expected.lines]


def test_more_seeds_are_added_to_what_is_there(bench, rows, tmp_path):
    bench.run(tmp_path / "out", rows)
    del bench.measured[:]

    bench.run(tmp_path / "out", rows, seeds=range(3))

    assert bench.measured == [("A network", 2, 32)]


def test_a_quick_study_says_that_it_proves_nothing(bench, rows, tmp_path):
    bench.run(tmp_path / "out", rows, quick=True)

    assert (tmp_path / "out" / "verdict.md").read_text().startswith("A quick run")


def test_a_folder_belongs_to_one_study(bench, rows, tmp_path):
    bench.run(tmp_path / "out", rows)

    with pytest.raises(ValueError, match="holds a study whose quick is False, and not True: give another folder, or empty it"):
        bench.run(tmp_path / "out", rows, quick=True)


def test_other_things_are_left_alone(bench, rows, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")

    with pytest.raises(ValueError, match="holds other things than a study: give an empty or a new folder"):
        bench.run(tmp_path, rows)


def test_a_damaged_trial_is_named(bench, rows, tmp_path):
    bench.run(tmp_path / "out", rows)
    (tmp_path / "out" / "trials" / "pca-2-seed-0.json").write_text('{"figures": {"sco')

    with pytest.raises(ValueError, match=r"pca-2-seed-0.json' is no trial that this version can read: remove it, and it is run again"):
        bench.run(tmp_path / "out", rows)


def test_rows_need_labels(bench, tmp_path):
    with pytest.raises(ValueError, match="toys has no labels, by which studies measure codes: give the column of the labels"):
        bench.run(tmp_path / "out", Rows(np.eye(20), name="toys"))
    assert not (tmp_path / "out").exists()


def test_figures_that_are_not_finite_come_back(rows, tmp_path):
    trial = Setting("nan", lambda material, seed: Measured({"score": float("nan") if seed else 1.0, "other": float("nan")}))
    experiment = Experiment("toy", "", "", "", FIGURES, (trial,), lambda results: [], lambda _: plot.new_axes())

    run_experiment(experiment, rows, tmp_path / "out", seeds=range(2))
    found = run_experiment(experiment, rows, tmp_path / "out", seeds=range(2))

    assert found.lines[0][1:3] == ("1 (1 of 2 seeds)", "—")


def test_results_find_figures_by_seed():
    trials = tuple(Trial("x", seed, Measured({"score": float(seed)}, {"curve": [seed, 2]}), 1.0) for seed in (2, 0, 1))

    assert Results(trials).values("x", "score").tolist() == [0.0, 1.0, 2.0]
    assert Results(trials).series("x", "curve").tolist() == [0, 2]
    assert Results(trials).mean("x", "score") == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "nonsense"}, "unknown study 'nonsense': it must be one of discriminative, plateau"),
        ({"seeds": 0}, "seeds=0 came; give how many fits each setting has, a whole number of at least 1"),
    ],
)
def test_bad_input(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run(arguments.pop("name", "plateau"), "digits", tmp_path / "out", **arguments)


def test_each_study_says_what_it_shows():
    assert list(studies())[:2] == ["discriminative", "plateau"]
    assert all(studies().values())
