"""Verdicts on denoising, fed with numbers that confirm, refute, and do neither; how noise is cleaned and measured; and a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from narrows.data import Rows, load
from narrows.quality import LinearCode
from narrows.study import denoising, run
from narrows.study.denoising import CLEAN, CONV, DENSE, EXPERIMENT, INPUT, MAIN, MEDIAN, NOISES, ONCE, PCA, PLAIN, _named
from narrows.study.experiment import Material, Measured, Results, Trial

N_FINDINGS = 6 + len(NOISES) + 2


def made(errors, accuracies, *, noise: float = 0.001, n_seeds: int = 3, hardest: dict[str, float] | None = None) -> Results:
    """Make results: errors by way, the dense network's others under the `hardest` noises; accuracies of the dense and the plain network.

    Networks' figures vary from seed to seed by a share of `noise`, each in its own way.
    """
    trials = []
    for name in NOISES:
        for way in (INPUT, MEDIAN, PCA):
            trials.append(Trial(_named(name, way), 0, Measured({"squared error": errors[way]}), 1.0))
    dense, plain = accuracies
    settings = [*(_named(name, DENSE) for name in NOISES), *(_named(MAIN, way) for way in (CONV, ONCE, PLAIN))]
    for place, setting in enumerate(settings):
        kind, way = setting.split(": ")
        for seed in range(n_seeds):
            off = 1 + noise * (1 + place / 2) * (seed - (n_seeds - 1) / 2)
            told = {name: (plain if way == PLAIN else dense) * off for name in (CLEAN, *NOISES)}
            error = (hardest or {}).get(kind, errors[way]) if way == DENSE else errors[way]
            trials.append(Trial(setting, seed, Measured({"squared error": error * off, **told}), 1.0))
    return Results(tuple(trials))


GOOD = {INPUT: 0.08, MEDIAN: 0.03, PCA: 0.024, DENSE: 0.010, CONV: 0.008, ONCE: 0.012, PLAIN: 0.05}
BAD = {INPUT: 0.008, MEDIAN: 0.007, PCA: 0.006, DENSE: 0.010, CONV: 0.012, ONCE: 0.009, PLAIN: 0.05}
SAME = dict.fromkeys(GOOD, 0.01)


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        (made(GOOD, (0.95, 0.90)), "confirmed"),
        (made(BAD, (0.90, 0.95)), "refuted"),
        (made(SAME, (0.9, 0.9), noise=0.1), "not confirmed"),
        (made(GOOD, (0.95, 0.90), n_seeds=1), "not confirmed"),
    ],
)
def test_verdicts(results, verdict):
    assert [finding.verdict for finding in denoising.judge(results)] == [verdict] * N_FINDINGS


def test_one_noise_is_enough_to_refute():
    """Under four noises the network is better than the median filter, and under the fifth it is not."""
    found = denoising.judge(made(GOOD, (0.95, 0.90), hardest={"SaltAndPepper 0.2": 0.045}))

    assert [finding.verdict for finding in found[:3]] == ["confirmed", "refuted", "refuted"]
    assert found[1].claim.endswith("median filter; the largest ratio of squared errors: SaltAndPepper 0.2")


def test_words_have_the_figures():
    errors = {INPUT: 1.0, MEDIAN: 1.0, PCA: 0.5, DENSE: 0.25, CONV: 0.125, ONCE: 0.5, PLAIN: 1.0}
    found = [str(finding) for finding in denoising.judge(made(errors, (0.75, 0.5), noise=0))]

    assert "(0.25 ± 0, against 1, 3 seeds)" in found[0]
    assert found[2].endswith("(0.5 ± 0, against 1, 3 seeds)")
    assert "(0.25 ± 0, against 0.5 ± 0, 3 seeds)" in found[4]
    assert found[8].startswith("confirmed: trained under Masking 0.5, codes are more robust to Masking 0.5")
    assert found[8].endswith("(0.75 ± 0, against 0.5 ± 0, 3 seeds)")


@pytest.fixture
def material():
    digits = load("digits")
    some = replace(digits, X=digits.X[:300], labels=digits.labels[:300], test=None)
    return Material(some, replace(digits.test, X=digits.test.X[:60], labels=digits.test.labels[:60]), quick=True)


def test_images_are_cleaned_in_their_unit(material):
    bytes_of = [replace(rows, X=(rows.X * 255).round().astype(np.uint8)) for rows in (material.train, material.test)]
    wide_of = [replace(rows, X=rows.X * 16) for rows in (material.train, material.test)]

    for train, test in (bytes_of, wide_of):
        unit = denoising._unit(Material(train, test))
        np.testing.assert_allclose(unit.train.X, material.train.X, atol=0.002)
        np.testing.assert_allclose(unit.test.X, material.test.X, atol=0.002)
    assert denoising._unit(material).train.X is not material.train.X


def test_the_noisy_rows_are_the_same_for_all(material):
    first, again = (denoising._input(MAIN, material, seed) for seed in (0, 1))

    assert first == again
    noisy = NOISES[MAIN].corrupt(material.test.X, 0)
    assert first.figures["squared error"] == pytest.approx(np.square(noisy - material.test.X).mean(), rel=1e-5)
    assert first.figures["squared error"] < 0.4**2  # clipped
    assert first.figures[CLEAN] > first.figures[MAIN] > 0.5


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3)])
def test_the_median_filter_does_not_mix_channels(shape):
    """Images of one gray each: whatever stands beside a thrown pixel restores it, and no other channel is asked."""
    rng = np.random.default_rng(0)
    grays = rng.uniform(0.3, 0.7, (20, 1, shape[2] if len(shape) > 2 else 1))
    X = np.broadcast_to(grays, (20, 64, grays.shape[2])).reshape(20, -1).astype(np.float32)
    rows = Rows(X, labels=np.arange(20), image_shape=shape)

    found = denoising._median("SaltAndPepper 0.2", Material(rows, rows), 0).figures

    assert found["squared error"] < 0.1 * denoising._input("SaltAndPepper 0.2", Material(rows, rows), 0).figures["squared error"]


def test_pca_has_the_benefit_of_the_doubt(material):
    noisy = NOISES[MAIN].corrupt(material.test.X, 0)
    errors = []
    for size in denoising.COMPONENTS:
        code = LinearCode.fit(material.train.X, size)
        errors.append(np.square(code.decode(code.encode(noisy)).clip(0, 1) - material.test.X).mean())

    assert denoising._linear(MAIN, material, 0).figures["squared error"] == pytest.approx(min(errors), rel=1e-4)


@pytest.mark.parametrize("way", [DENSE, ONCE])
def test_a_network_leaves_less_than_came(material, way):
    """It also tells of codes under every noise; noise drawn once differs from the noise on test rows."""
    setting = next(setting for setting in EXPERIMENT.settings if setting.name == _named(MAIN, way))
    rows = replace(material.train, X=np.tile(material.train.X, (10, 1)), labels=np.tile(material.labels, 10))

    found = setting.measure(replace(material, train=rows), 0)

    assert found.figures.keys() == EXPERIMENT.figures.keys()
    assert found.figures["squared error"] < 0.8 * denoising._input(MAIN, material, 0).figures["squared error"]
    assert np.shape(found.series["cleaned"]) == (denoising.DRAWN, 64)


def test_rows_that_are_no_images_are_refused(material):
    rows = replace(material.train, image_shape=None)

    with pytest.raises(ValueError, match="holds no images, which this study is about"):
        denoising._input(MAIN, Material(rows, rows), 0)


def test_the_picture():
    """A page of images for each noise, and the accuracies."""
    pytest.importorskip("matplotlib")
    results = made(GOOD, (0.95, 0.90))
    pictures = {"shape": [4, 6], **{name: np.zeros((6, 24)).tolist() for name in ("clean", "noisy", "cleaned")}}
    drawn = [replace(trial, measured=Measured(trial.measured.figures, pictures)) for trial in results.trials]

    axes = denoising.draw(Results(tuple(drawn))).figure.axes

    assert [ax.get_title() for ax in axes[:5]] == list(NOISES)
    assert [ax.images[0].get_array().shape for ax in axes[:5]] == [(5 * 5, 6 * 7), (6 * 5, 6 * 7), *[(5 * 5, 6 * 7)] * 3]
    assert [label.get_text() for label in axes[5].get_xticklabels()] == [CLEAN, *NOISES]
    assert axes[5].get_lines()[0].get_ydata() == pytest.approx([0.95] * 6, rel=0.001)


@pytest.mark.slow
def test_a_quick_run(tmp_path):
    pytest.importorskip("matplotlib")

    found = run("denoising", "digits", tmp_path / "out", quick=True, seeds=1)

    assert [line[0] for line in found.lines] == [setting.name for setting in EXPERIMENT.settings]
    assert {finding.verdict for finding in found.findings} == {"not confirmed"}  # one seed
    assert all(path.exists() for path in found.files.values())
