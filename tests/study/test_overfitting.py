"""Verdicts on what the head learns by heart, fed with numbers that confirm, refute, and do neither; and a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.study.test_claims import made, verdicts

from narrows import Dense, recipe
from narrows.data import load
from narrows.study import overfitting
from narrows.study.overfitting import EXPERIMENT, WEIGHTS, name_of
from narrows.study.running import run_experiment

SPREAD = (-0.0002, 0.0, 0.0002)


def results_of(gaps, dropped, *, tests=(0.95, 0.96), early=0.01, errors=(0.05, 0.045, 0.042, 0.04), spread=SPREAD):
    """Make results: gaps by label weight without and with dropout; test accuracies without and with it; the early gap."""
    figures = {}
    for dropout, by_weight in enumerate((gaps, dropped)):
        for weight, gap, error in zip(WEIGHTS, by_weight, errors, strict=True):
            test = tests[dropout]
            figures[name_of(weight, bool(dropout))] = {
                "train": test + gap,
                "test": test,
                "gap": gap,
                "early gap": early,
                "squared error": error,
            }
    return made(figures, spread)


def test_confirmed():
    results = results_of((0.05, 0.045, 0.04, 0.02), (0.02, 0.02, 0.015, 0.01))

    assert verdicts(overfitting.judge(results)) == ["confirmed"] * 7


def test_refuted():
    results = results_of((-0.05, -0.04, -0.03, 0.01), (0.05, 0.05, 0.05, 0.05), tests=(0.95, 0.90), errors=(0.04, 0.042, 0.045, 0.05))

    assert verdicts(overfitting.judge(results)) == ["refuted"] * 7


def test_neither_for_the_spread():
    results = results_of((0.05, 0.045, 0.04, 0.02), (0.03, 0.03, 0.03, 0.03), tests=(0.95, 0.95), spread=(-0.1, 0.0, 0.1))
    found = verdicts(overfitting.judge(results))

    # Differences within one setting do not spread here.
    assert [found[place] for place in (1, 2, 3, 4, 6)] == ["not confirmed"] * 5


def test_neither_for_one_seed():
    results = results_of((0.05, 0.045, 0.04, 0.02), (0.02, 0.02, 0.015, 0.01), spread=(0.0,))

    assert set(verdicts(overfitting.judge(results))) == {"not confirmed"}


def test_as_high_allows_for_a_little():
    """Half a point below is no loss, a point is one."""
    judged = [overfitting.judge(results_of((0.04,) * 4, (0.01,) * 4, tests=(0.95, test)))[2] for test in (0.947, 0.940)]

    assert verdicts(judged) == ["confirmed", "refuted"]
    assert "but for 0.5 points of a hundred" in judged[0].claim


def test_words_have_the_figures():
    found = overfitting.judge(results_of((0.05, 0.045, 0.04, 0.02), (0.02, 0.02, 0.015, 0.01)))

    assert "0.99 ± 0.0006, against 0.95 ± 0.0006, 3 seeds" in str(found[0])
    assert "0.015 ± 0.0014, against 0.04 ± 0.0006" in str(found[1])
    assert found[3].claim == "a label weight of 0.1 in place of 1 makes the gap smaller"
    assert "the gap grows from epoch 10 to 40 (0.04 ± 0.0006, against 0.01 ± 0.0006, 3 seeds)" in str(found[5])


def small(name, **overrides):
    head = Dense(6, dropout=0.5 if name.endswith("dropout") else 0.0)
    return recipe(name, layers=Dense(8), head=head, **overrides)


def test_a_short_fit_is_the_beginning_of_a_longer_one():
    digits = load("digits")
    short, long = (small("supervised_dropout", epochs=epochs, random_state=0).fit(digits.X[:90], digits.labels[:90]) for epochs in (2, 3))

    assert short.history_["loss"] == long.history_["loss"][:2]


def test_a_run(tmp_path, monkeypatch):
    """The gap is that of predictions, and all label weights are tried without and with dropout."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(overfitting, "recipe", small)
    digits = load("digits")
    rows = replace(digits, X=digits.X[:90] * 9 - 3, labels=digits.labels[:90], image_shape=None, test=None)

    found = run_experiment(EXPERIMENT, rows, tmp_path / "out", seeds=[0], quick=True)

    assert [line[0] for line in found.lines] == [name_of(weight, dropout) for weight in WEIGHTS for dropout in (False, True)]
    for _, train, test, gap, early, *_ in found.lines:
        assert float(gap) == pytest.approx(float(train) - float(test), abs=1e-3)
        assert early == gap  # a quick run ends where it is early
    assert found.files["picture"].stat().st_size > 10_000
    assert np.isfinite([float(line[-2]) for line in found.lines]).all()
