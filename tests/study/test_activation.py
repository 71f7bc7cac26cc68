"""Verdicts on activations, fed with numbers that confirm, refute, and do neither; and a run."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from tests.study.test_claims import made, verdicts

from narrows import data, recipe
from narrows.errors import TrainingDiverged
from narrows.networks import Dense
from narrows.study import activation
from narrows.study.activation import DEFAULT, DEFAULT_TANH, EXPERIMENT, GELU, LINEAR_CODE, RELU, SILU, TANH
from narrows.study.experiment import Material, Results, Trial
from narrows.study.running import run_experiment

NAMES = (TANH, RELU, GELU, SILU, LINEAR_CODE, DEFAULT, DEFAULT_TANH)
SPREAD = (-0.0002, 0.0, 0.0002)


def results_of(*losses: float, diverged: float = 0.0, dead: float = 0.3, saturated: float = 0.1, first: float = 0.01, spread=SPREAD):
    """Make results: losses by setting; what relu has of the others; what tanh has of saturated units and of gradient."""
    nothing = {"diverged": 0.0, "dead": 0.0, "saturated": 0.0, "first": 0.005}
    figures = {name: {"loss": value, **nothing} for name, value in zip(NAMES, losses, strict=True)}
    figures[RELU] |= {"diverged": diverged, "dead": dead}
    figures[TANH] |= {"saturated": saturated, "first": first}
    return made(figures, spread)


def test_confirmed():
    results = results_of(0.20, 0.25, 0.23, 0.24, 0.19, 0.17, 0.18, diverged=1.0)

    assert verdicts(activation.judge(results)) == ["confirmed"] * 9


def test_refuted():
    results = results_of(0.25, 0.20, 0.21, 0.22, 0.26, 0.27, 0.26, dead=0.0, first=0.001)

    assert verdicts(activation.judge(results)) == ["refuted"] * 9


def test_neither():
    results = results_of(*[0.20] * 7, diverged=0.5, dead=0.1, first=0.005, spread=(-0.05, 0.0, 0.051))

    assert set(verdicts(activation.judge(results))) == {"not confirmed"}


def test_some_that_diverge_are_not_most():
    trials = results_of(0.20, 0.25, 0.23, 0.24, 0.19, 0.17, 0.18).trials
    some = [
        replace(trial, measured=replace(trial.measured, figures=trial.measured.figures | {"diverged": float(trial.seed == 1)}))
        for trial in trials
    ]

    found = activation.judge(Results(tuple(some)))[3]

    assert found.verdict == "not confirmed"
    assert found.figures == "0.3333 ± 0.58, against 0.5, 3 seeds"


def test_one_without_an_epoch_that_ended_well_is_not_compared():
    found = activation.judge(results_of(0.20, np.nan, 0.23, 0.24, 0.19, 0.17, 0.18))[0]

    assert found.verdict == "not confirmed"
    assert "against not finite" in found.figures


def test_words_have_the_figures():
    found = activation.judge(results_of(0.20, 0.25, 0.23, 0.24, 0.19, 0.17, 0.18))

    assert str(found[0]) == "confirmed: by the textbook's settings, tanh ends below relu (0.2 ± 0.0002, against 0.25 ± 0.0004, 3 seeds)"
    assert "0.3 ± 0.0008, against 0.1 ± 0.0004" in str(found[4])
    assert "0.01 ± 0.0002, against 0.005 ± 0.0004" in str(found[6])


@pytest.fixture
def digits():
    rows = data.load("digits")
    return replace(rows, X=rows.X[:60], labels=rows.labels[:60], test=replace(rows.test, X=rows.test.X[:30], labels=rows.test.labels[:30]))


@pytest.fixture
def small(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(activation, "recipe", partial(recipe, layers=Dense(8, mean_bias=False)))
    monkeypatch.setattr(activation, "LAYERS", (8,))


def test_what_is_measured(digits, small):
    """Losses of each epoch, and gradients from the rows to the output, before training and after."""
    found = EXPERIMENT.settings[0].measure(Material(digits, digits.test, quick=True), 0)

    assert found.figures.keys() == EXPERIMENT.figures.keys()
    assert len(found.series["loss"]) == 2
    assert len(found.series["start"]) == len(found.series["end"]) == 4
    assert found.figures["loss"] == found.series["loss"][-1] == pytest.approx(found.figures["cross-entropy"], rel=1e-4)
    assert found.figures["first"] == found.series["start"][0] != found.series["end"][0] == found.figures["last"]


def test_one_that_diverges_is_measured_where_it_was_last_sound(digits, small, monkeypatch):
    monkeypatch.setattr(activation, "recipe", partial(recipe, layers=Dense(8), optimizer="sgd", learning_rate=1e30))
    setting = EXPERIMENT.settings[1]

    with pytest.raises(TrainingDiverged):
        activation._textbook(RELU).set_params(epochs=2, random_state=0).fit(digits.X)
    found = setting.measure(Material(digits, digits.test, quick=True), 0)

    assert found.figures["diverged"] == 1
    assert np.isnan(found.figures["loss"])
    assert np.isfinite(found.figures["squared error"])
    assert np.isnan(found.series["loss"]).all()


def test_pictures_of_images_and_of_tables(digits, small):
    for rows, places in ((digits, 4), (replace(digits, image_shape=None, test=replace(digits.test, image_shape=None)), 3)):
        found = EXPERIMENT.settings[0].measure(Material(rows, rows.test, quick=True), 0)
        ax = activation.draw(Results(tuple(Trial(name, 0, found, 1.0) for name in NAMES)))

        assert [text.get_text() for text in ax.get_legend().get_texts()] == list(NAMES)
        assert sum(each.get_visible() for each in ax.figure.axes) == places


@pytest.mark.slow
def test_a_run(digits, small, tmp_path):
    table = replace(digits, X=digits.X * 9 - 3, image_shape=None, test=None)

    found = run_experiment(EXPERIMENT, table, tmp_path / "out", seeds=[0], quick=True)

    assert [line[0] for line in found.lines] == list(NAMES)
    assert set(verdicts(found.findings)) == {"not confirmed"}  # one seed
    assert found.files["picture"].stat().st_size > 10_000
