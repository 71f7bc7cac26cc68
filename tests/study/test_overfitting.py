"""Verdicts on what the head learns by heart, fed with numbers that confirm, refute, and do neither; and a run."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from tests.study.test_claims import made, verdicts

from narrows import Dense, SupervisedAutoencoder, recipe
from narrows.data import load
from narrows.study import overfitting
from narrows.study.experiment import Material, Results, Trial
from narrows.study.overfitting import DEFAULT, DEFAULT_DROPOUT, EXPERIMENT, WEIGHTS, name_of
from narrows.study.running import run_experiment

SPREAD = (-0.0002, 0.0, 0.0002)


def results_of(gaps, dropped, *, tests=(0.95, 0.96), early=0.01, errors=(0.05, 0.045, 0.042, 0.04), spread=SPREAD):
    """Make results: gaps by label weight, and of the default settings, without and with dropout; test accuracies without and with it."""
    figures = {}
    for dropout, of_all in enumerate((gaps, dropped)):
        names = [*(name_of(weight, bool(dropout)) for weight in WEIGHTS), (DEFAULT, DEFAULT_DROPOUT)[dropout]]
        test = tests[dropout]
        for name, gap, error in zip(names, of_all, (*errors, 0.03), strict=True):
            figures[name] = {"train": test + gap, "test": test, "gap": gap, "early gap": early, "squared error": error}
    return made(figures, spread)


GAPS, SMALLER = (0.05, 0.045, 0.04, 0.02, 0.05), (0.02, 0.02, 0.015, 0.01, 0.02)


def test_confirmed():
    assert verdicts(overfitting.judge(results_of(GAPS, SMALLER))) == ["confirmed"] * 11


def test_refuted():
    results = results_of((-0.05, -0.04, -0.03, 0.01, -0.03), (0.05,) * 5, tests=(0.95, 0.90), errors=(0.04, 0.042, 0.045, 0.05))

    assert verdicts(overfitting.judge(results)) == ["refuted"] * 11


def test_neither_for_the_spread():
    results = results_of(GAPS, (0.03,) * 5, tests=(0.95, 0.95), spread=(-0.1, 0.0, 0.1))
    found = verdicts(overfitting.judge(results))

    # Differences within one setting do not spread here.
    assert [verdict for place, verdict in enumerate(found) if place not in (0, 3, 4, 7)] == ["not confirmed"] * 7


def test_neither_for_one_seed():
    assert set(verdicts(overfitting.judge(results_of(GAPS, SMALLER, spread=(0.0,))))) == {"not confirmed"}


def test_as_high_allows_for_a_little():
    """Half a point below is no loss, a point is one."""
    judged = [overfitting.judge(results_of(GAPS, SMALLER, tests=(0.95, test)))[2] for test in (0.947, 0.940)]

    assert verdicts(judged) == ["confirmed", "refuted"]
    assert "but for 0.5 points of a hundred" in judged[0].claim


def test_words_have_the_figures():
    found = overfitting.judge(results_of(GAPS, SMALLER))

    assert "textbook settings: the head does better" in found[0].claim
    assert "0.99 ± 0.0006, against 0.95 ± 0.0006, 3 seeds" in str(found[0])
    assert "default settings: dropout makes that gap smaller (0.02 ± 0.002, against 0.05 ± 0.001, 3 seeds)" in str(found[5])
    assert "after 10 epochs the gap is smaller than after 30 (0.01 ± 0.0006, against 0.04 ± 0.0006, 3 seeds)" in str(found[3])
    assert found[8].claim == "a label weight of 0.1 in place of 1 makes the gap smaller"
    assert "0.04 ± 0.0008, against 0.05 ± 0.0002" in str(found[10])


def small(name, **overrides):
    head = Dense(6, dropout=0.5 if name.endswith("dropout") else 0.0)
    return recipe(name, layers=Dense(8), head=head, **overrides)


@pytest.fixture
def table(monkeypatch):
    """Rows that are no images; and small networks."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(overfitting, "recipe", small)
    monkeypatch.setattr(overfitting, "SupervisedAutoencoder", partial(SupervisedAutoencoder, layers=(8,)))
    digits = load("digits")
    return replace(digits, X=digits.X[:90] * 9 - 3, labels=digits.labels[:90], image_shape=None, test=None)


def test_what_is_measured_and_drawn(table):
    """The gap is that of predictions; there is a panel for each label weight, and one for the default settings."""
    setting = next(setting for setting in EXPERIMENT.settings if setting.name == name_of(0.1, False))
    found = setting.measure(Material(table, replace(table, X=table.X[:50], labels=table.labels[:50]), quick=True), 0)
    ax = overfitting.draw(Results(tuple(Trial(each.name, 0, found, 1.0) for each in EXPERIMENT.settings)))

    assert found.figures["gap"] == found.figures["train"] - found.figures["test"]
    assert found.figures["early gap"] == found.figures["gap"]  # a quick run ends where it is early
    assert {name: len(values) for name, values in found.series.items()} == {"train": 2, "test": 2}
    assert [each.get_title() for each in ax.figure.axes if each.get_visible()][3:] == ["label weight 0.01", "default settings"]
    assert len(ax.get_lines()) == 4


@pytest.mark.slow
def test_a_run(table, tmp_path):
    """The early gap is measured without dropout, once with the textbook's settings and once with the default ones."""
    found = run_experiment(EXPERIMENT, table, tmp_path / "out", seeds=[0], quick=True)

    assert [line[0] for line in found.lines] == [setting.name for setting in EXPERIMENT.settings]
    for name, train, test, gap, early, *_ in found.lines:
        assert float(gap) == pytest.approx(float(train) - float(test), abs=1e-3)
        assert early == (gap if name in (name_of(0.1, False), DEFAULT) else "—")  # a quick run ends where it is early
    assert found.files["picture"].stat().st_size > 10_000
    assert np.isfinite([float(line[-2]) for line in found.lines]).all()
