"""Verdicts of the studies of labels and of the plateau, fed with numbers that confirm, refute, and do neither."""

from __future__ import annotations

import numpy as np
import pytest

from narrows.study import discriminative, plateau
from narrows.study.experiment import Measured, Results, Trial

SPREAD = (-0.002, 0.0, 0.002)  # over three seeds


def made(figures: dict[str, dict[str, float]], spread: tuple[float, ...] = SPREAD, series: dict[str, list[float]] | None = None) -> Results:
    """Make results of settings with figures that vary from seed to seed; each setting in its own way, so that differences vary too."""
    return Results(
        tuple(
            Trial(name, seed, Measured({key: value + (1 + place) * off for key, value in values.items()}, series or {}), 1.0)
            for place, (name, values) in enumerate(figures.items())
            for seed, off in enumerate(spread)
        )
    )


def verdicts(findings) -> list[str]:
    return [finding.verdict for finding in findings]


SETTINGS = (
    discriminative.RAW,
    discriminative.PCA,
    discriminative.TEXTBOOK,
    discriminative.DEFAULT,
    discriminative.LABELS,
    discriminative.LABELS_DEFAULT,
)


def accuracies(*values: float) -> dict[str, dict[str, float]]:
    return {name: {"k-NN": value, "head": value} for name, value in zip(SETTINGS, values, strict=True)}


def test_labels_confirmed():
    results = made(accuracies(0.96, 0.45, 0.63, 0.85, 0.94, 0.99))

    assert verdicts(discriminative.judge(results)) == ["confirmed"] * 7


def test_labels_refuted():
    results = made(accuracies(0.97, 0.45, 0.85, 0.75, 0.70, 0.60))

    assert verdicts(discriminative.judge(results)) == ["refuted"] * 7


def test_labels_neither():
    results = made(accuracies(0.90, 0.45, 0.70, 0.70, 0.90, 0.90), spread=(-0.1, 0.02, 0.1))

    assert set(verdicts(discriminative.judge(results))) == {"not confirmed"}


def test_their_words_have_the_figures():
    first = discriminative.judge(made(accuracies(0.96, 0.45, 0.63, 0.85, 0.94, 0.98)))[0]

    assert "0.63 ± 0.006, asked for 0.55 to 0.7, 3 seeds" in str(first)


def losses(textbook: float, adam: float, linear_code: float, default: float) -> dict[str, dict[str, float]]:
    named = {plateau.TEXTBOOK: textbook, plateau.ADAM: adam, plateau.LINEAR_CODE: linear_code, plateau.DEFAULT: default}
    return {name: {"loss": value, "plateau": 0.263} for name, value in named.items()}


@pytest.mark.parametrize(
    ("values", "first_epoch", "expected"),
    [
        ((0.21, 0.263, 0.20, 0.17), 0.18, ["confirmed"] * 5),
        ((0.263, 0.20, 0.263, 0.29), 0.30, ["refuted"] * 5),
    ],
)
def test_the_plateau(values, first_epoch, expected):
    results = made(losses(*values), spread=(-0.0002, 0.0, 0.0002), series={"loss": [first_epoch] * 25})

    assert verdicts(plateau.judge(results)) == expected


def test_the_plateau_neither():
    results = made(losses(0.253, 0.253, 0.253, 0.253), spread=(-0.05, 0.0, 0.051), series={"loss": [0.253] * 25})

    assert set(verdicts(plateau.judge(results))) == {"not confirmed"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["discriminative", "plateau"])
def test_a_quick_run(name, tmp_path):
    pytest.importorskip("matplotlib")
    from narrows import study

    found = study.run(name, "digits", tmp_path / name, quick=True, seeds=1)

    assert len(found.lines) == len(study.catalog.STUDIES[name].settings)
    assert {finding.verdict for finding in found.findings} == {"not confirmed"}  # one seed
    assert all(path.exists() for path in found.files.values())
    assert all(np.isfinite(float(line[-1])) for line in found.lines)
