"""Verdicts on the size of a code, fed with numbers that confirm, refute, and do neither; and a run."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from narrows import Autoencoder
from narrows.data import load
from narrows.study import bottleneck, run
from narrows.study.bottleneck import EXPERIMENT, NETWORK, PCA, RAW, SIZES
from narrows.study.experiment import Material, Measured, Results, Trial

BENT = (0.06, 0.04, 0.02, 0.008, 0.006, 0.005, 0.004)  # at 8
LINEAR = (0.065, 0.056, 0.045, 0.03, 0.017, 0.008, 0.006)


def made(network, linear, knn, *, noise: float = 0.001, n_seeds: int = 3, accuracies: tuple[float, float] = (0.95, 0.45)) -> Results:
    """Make results: errors of the network over sizes, the same for each seed or one line each; PCA's; and accuracies of the network.

    Errors and accuracies vary from seed to seed by a share of `noise`; `accuracies` are those of raw rows and of PCA.
    """
    raw, pca = accuracies
    trials = [Trial(RAW, 0, Measured({"k-NN": raw}), 1.0)]
    trials += [Trial(PCA[size], 0, Measured({"squared error": error, "k-NN": pca}), 1.0) for size, error in zip(SIZES, linear, strict=True)]
    lines = np.broadcast_to(network, (n_seeds, len(SIZES)))
    for seed in range(n_seeds):
        for place, size in enumerate(SIZES):
            off = 1 + noise * (1 + place / 10) * (seed - (n_seeds - 1) / 2)
            figures = {"squared error": float(lines[seed, place]) * off, "k-NN": knn * off}
            trials.append(Trial(NETWORK[size], seed, Measured(figures), 1.0))
    return Results(tuple(trials))


def verdicts(results: Results) -> list[str]:
    return [finding.verdict for finding in bottleneck.judge(results)]


def test_confirmed():
    assert verdicts(made(BENT, LINEAR, 0.97)) == ["confirmed"] * 7


def test_refuted():
    worse = (0.08, 0.09, 0.05, 0.045, 0.044, 0.01, 0.009)
    bends_before = (0.06, 0.01, 0.009, 0.008, 0.007, 0.006, 0.005)
    lines = [worse, worse, (0.08, 0.09, 0.06, 0.05, 0.015, 0.012, 0.011)]  # bends elsewhere

    assert verdicts(made(lines, bends_before, 0.40)) == ["refuted"] * 7


def test_neither_for_the_spread():
    same = (0.06, 0.045, 0.03, 0.02, 0.015, 0.0148, 0.0147)
    found = bottleneck.judge(made(same, same, 0.7, noise=0.2, accuracies=(0.7, 0.7)))

    assert [finding.verdict for finding in found[:5]] == ["not confirmed"] * 5


def test_neither_for_one_seed():
    assert set(verdicts(made(BENT, LINEAR, 0.97, n_seeds=1))) == {"not confirmed"}


def test_the_hardest_sizes_are_named():
    """One pair of sizes without a fall, or one size at which PCA is better, is enough."""
    stays = (0.06, 0.04, 0.02, 0.008, 0.006, 0.0065, 0.004)
    loses = (0.06, 0.06, 0.02, 0.008, 0.006, 0.005, 0.004)

    fall = bottleneck.judge(made(stays, LINEAR, 0.97))[0]
    beside = bottleneck.judge(made(loses, LINEAR, 0.97))[1]

    assert fall.verdict == beside.verdict == "refuted"
    assert "from 16 to 32 numbers" in fall.claim
    assert beside.claim.endswith(": in 2")


def test_the_elbow_is_named_with_its_figures():
    found = bottleneck.judge(made(BENT, LINEAR, 0.97))[5]
    straight = bottleneck.judge(made(np.linspace(0.07, 0.01, 7) ** 0.5, LINEAR, 0.97, noise=0))[5]

    assert found.claim == "the network's error bends at 8 numbers, whatever the seed"
    assert found.figures.startswith("seed by seed: at 8 of strength 0.4")
    assert straight.claim == "the network's error has no elbow"
    assert straight.figures == "seed by seed: none, none, none"


def test_words_have_the_figures():
    found = bottleneck.judge(made(BENT, LINEAR, 0.75, noise=0, accuracies=(0.5, 0.25)))

    assert "0.8333 ± 0, against 1, 3 seeds" in str(found[0])
    assert "0.75 ± 0, against 0.5, 3 seeds" in str(found[4])
    assert "8 ± 0, against 16, 3 seeds" in str(found[6])


@pytest.fixture
def material():
    """Rows that are no images, in units of their own."""
    digits = load("digits")
    rows = replace(digits, X=digits.X * 16 - 3, image_shape=None)
    return Material(rows, replace(digits.test, X=digits.test.X * 16 - 3, image_shape=None), quick=True)


def test_what_is_measured(material, monkeypatch):
    """The network's error and PCA's are in the same scaled units: a linear network that starts as PCA can do no worse."""
    monkeypatch.setattr(bottleneck, "Autoencoder", partial(Autoencoder, layers=(), linear_path=True, learning_rate=1e-9))

    linear, network, raw = (
        measure(material, 0).figures for measure in (partial(bottleneck._linear, 8), partial(bottleneck._network, 8), bottleneck._raw)
    )

    assert linear.keys() == network.keys() == EXPERIMENT.figures.keys()
    assert network == pytest.approx(linear, rel=0.02)
    assert 0.9 < linear["k-NN"] < raw["k-NN"]


def test_of_as_many_components_as_features_nothing_is_lost(material):
    assert bottleneck._linear(64, material, 0).figures["squared error"] == 0


def test_the_picture():
    pytest.importorskip("matplotlib")

    left, right = bottleneck.draw(made(BENT, LINEAR, 0.97)).figure.axes

    assert "elbow: 8" in [text.get_text() for text in left.get_legend().get_texts()]
    assert [line.get_label() for line in right.get_lines()] == ["autoencoder", "PCA", RAW]
    assert right.get_lines()[0].get_ydata() == pytest.approx([0.97] * 7)


@pytest.mark.slow
def test_a_quick_run(tmp_path):
    pytest.importorskip("matplotlib")

    found = run("bottleneck", "digits", tmp_path / "out", quick=True, seeds=1)

    assert [line[0] for line in found.lines] == [RAW, *PCA.values(), *NETWORK.values()]
    assert {finding.verdict for finding in found.findings} == {"not confirmed"}  # one seed
    assert all(path.exists() for path in found.files.values())
