"""Verdicts on convolutions, fed with numbers that confirm, refute, and do neither; the networks that are compared; and a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from narrows.data import Rows, load
from narrows.networks import Conv
from narrows.study import convolution, run
from narrows.study.convolution import CONV, DEFAULT, EQUAL, EXPERIMENT, TEXTBOOK
from narrows.study.experiment import Material, Measured, Results, Trial

SETTINGS = (CONV, EQUAL, DEFAULT, TEXTBOOK)


def made(errors, accuracies, *, noise: float = 0.001, n_seeds: int = 3, series=None) -> Results:
    """Make results of the four settings, whose figures vary from seed to seed by a share of `noise`, each in its own way."""
    trials = []
    for place, (name, error, accuracy) in enumerate(zip(SETTINGS, errors, accuracies, strict=True)):
        for seed in range(n_seeds):
            off = 1 + noise * (1 + place / 2) * (seed - (n_seeds - 1) / 2)
            figures = {
                "squared error": error * off,
                "k-NN": accuracy * off,
                "logistic": accuracy * off,
                "code": 784.0 if place == 3 else 32.0,
            }
            trials.append(Trial(name, seed, Measured({**figures, "parameters": 1e6 if name == DEFAULT else 1e5}, series or {}), 1.0))
    return Results(tuple(trials))


def verdicts(results: Results) -> list[str]:
    return [finding.verdict for finding in convolution.judge(results)]


def test_confirmed():
    assert verdicts(made((0.010, 0.013, 0.012, 0.005), (0.96, 0.93, 0.95, 0.97))) == ["confirmed"] * 7


def test_refuted():
    assert verdicts(made((0.010, 0.008, 0.005, 0.013), (0.94, 0.95, 0.97, 0.93))) == ["refuted"] * 7


def test_neither_for_the_spread():
    assert set(verdicts(made((0.01,) * 4, (0.95,) * 4, noise=0.1))) == {"not confirmed"}


def test_neither_for_one_seed():
    assert set(verdicts(made((0.010, 0.013, 0.012, 0.005), (0.96, 0.93, 0.95, 0.97), n_seeds=1))) == {"not confirmed"}


def test_words_have_the_figures():
    found = [str(finding) for finding in convolution.judge(made((0.5, 1.0, 0.75, 0.25), (0.75, 0.5, 0.5, 0.5), noise=0))]

    assert "0.5 ± 0, against 1 ± 0, 3 seeds" in found[0]
    assert "of 10.0 times the parameters (0.5 ± 0, against 0.75 ± 0" in found[3]
    assert "with a code of 784 numbers, rebuilds better than 32 do (0.25 ± 0, against 0.5 ± 0" in found[5]
    assert found[6].startswith("refuted: its code of 784 numbers tells more to k-NN (15) than 32 do (0.5 ± 0, against 0.75 ± 0")


@pytest.fixture
def material():
    digits = load("digits")
    some = replace(digits, X=digits.X[:200], labels=digits.labels[:200], test=None)
    return Material(some, replace(digits.test, X=digits.test.X[:50], labels=digits.test.labels[:50]), quick=True)


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (15, 20, 3)])
def test_as_many_parameters(shape):
    """A dense network of one hidden layer comes within one unit of the convolutional one; nothing is trained to know it."""
    rows = Rows(np.zeros((2, int(np.prod(shape)))), labels=np.arange(2), image_shape=shape)
    width = convolution._as_many(Material(rows, rows)).layers.widths[0]
    n_features = rows.X.shape[1]

    wanted = convolution._n_parameters(Conv(32, 16, image_shape=shape), n_features)
    narrower, found, wider = (convolution._n_parameters(convolution.Dense(units), n_features) for units in (width - 1, width, width + 1))

    assert narrower < wanted < wider
    assert abs(found - wanted) <= (wider - found) / 2


def test_what_is_measured(material):
    """The count that was aimed at is that of the fitted network."""
    measured = convolution._measure(convolution._as_many, material, 0)

    assert measured.figures.keys() == EXPERIMENT.figures.keys()
    assert measured.figures["parameters"] == pytest.approx(convolution._n_parameters(Conv(32, 16, image_shape=(8, 8)), 64), rel=0.01)
    assert measured.figures["code"] == 32
    assert np.shape(measured.series["original"]) == np.shape(measured.series["rebuilt"]) == (8, 64)


def test_rows_that_are_no_images_are_refused(material):
    rows = replace(material.train, image_shape=None)

    for setting in EXPERIMENT.settings:
        with pytest.raises(ValueError, match="holds no images, which this study is about"):
            setting.measure(Material(rows, rows), 0)


def test_the_picture():
    pytest.importorskip("matplotlib")
    series = {"shape": [4, 6, 3], "original": np.zeros((8, 72)).tolist(), "rebuilt": np.ones((8, 72)).tolist()}

    ax = convolution.draw(made((0.010, 0.013, 0.012, 0.005), (0.96,) * 4, series=series))

    assert ax.images[0].get_array().shape == (5 * (4 + 1), 8 * (6 + 1), 3)
    assert [label.get_text().split("\n")[0] for label in ax.get_yticklabels()] == [convolution.ORIGINAL, *SETTINGS]
    assert "1,000,000 parameters, squared error 0.0120" in ax.get_yticklabels()[3].get_text()


@pytest.mark.slow
def test_a_quick_run(tmp_path):
    pytest.importorskip("matplotlib")

    found = run("convolution", "digits", tmp_path / "out", quick=True, seeds=1)

    assert [line[0] for line in found.lines] == list(SETTINGS)
    assert found.lines[0][1:3] == ("20,545", "32")
    assert found.lines[1][1:3] == ("20,488", "32")
    assert found.lines[3][1:3] == ("12,193", "64")  # 2x2x16 numbers of 8x8
    assert {finding.verdict for finding in found.findings} == {"not confirmed"}  # one seed
    assert all(path.exists() for path in found.files.values())
