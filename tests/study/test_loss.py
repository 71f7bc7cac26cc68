"""Verdicts on the loss, fed with numbers that confirm, refute, and do neither; and runs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from tests.study.test_claims import made, verdicts

from narrows import Autoencoder
from narrows.data import load
from narrows.data.rows import Rows
from narrows.study import loss
from narrows.study.loss import EXPERIMENT, SIZES, name_of
from narrows.study.running import run_experiment

FIGURES = ("cross-entropy", "squared error", "k-NN")
SPREAD = (-0.0002, 0.0, 0.0002)


def results_of(mse: tuple[float, ...], bce: tuple[float, ...], spread: tuple[float, ...] = SPREAD):
    """Make results with the same figures for each size of code."""
    values = {"mse": mse, "bce": bce}
    return made({name_of(size, of): dict(zip(FIGURES, values[of], strict=True)) for size in SIZES for of in values}, spread)


def test_confirmed():
    assert verdicts(loss.judge(results_of((0.30, 0.040, 0.80), (0.28, 0.045, 0.85)))) == ["confirmed"] * 6


def test_refuted():
    assert verdicts(loss.judge(results_of((0.28, 0.045, 0.85), (0.30, 0.040, 0.80)))) == ["refuted"] * 6


def test_cross_entropy_may_be_better_at_both():
    found = verdicts(loss.judge(results_of((0.30, 0.045, 0.80), (0.28, 0.040, 0.80), spread=(-0.0002, 0.0001, 0.0001))))

    assert found == ["confirmed", "refuted", "not confirmed"] * 2


def test_neither():
    results = results_of((0.30, 0.040, 0.80), (0.29, 0.041, 0.81), spread=(-0.05, 0.0, 0.05))

    assert set(verdicts(loss.judge(results))) == {"not confirmed"}


def test_words_have_the_figures():
    found = loss.judge(results_of((0.30, 0.040, 0.80), (0.28, 0.045, 0.85)))

    assert str(found[0]) == (
        "confirmed: code of 2: trained on cross-entropy, the cross-entropy is lower (0.28 ± 0.0004, against 0.3 ± 0.0002, 3 seeds)"
    )
    assert "0.04 ± 0.0006, against 0.045 ± 0.0008" in str(found[4])


@pytest.fixture
def rows() -> Rows:
    digits = load("digits")
    return replace(digits, X=digits.X[:80], labels=digits.labels[:80])


@pytest.fixture
def small(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(loss, "Autoencoder", partial(Autoencoder, layers=(8,)))


def test_a_run_on_images(rows, small, tmp_path):
    found = run_experiment(EXPERIMENT, rows, tmp_path / "out", seeds=[0], quick=True)

    assert [line[0] for line in found.lines] == [
        "code of 2, loss mse",
        "code of 2, loss bce",
        "code of 32, loss mse",
        "code of 32, loss bce",
    ]
    assert np.isfinite([float(cell) for line in found.lines for cell in line[1:]]).all()
    assert found.files["picture"].stat().st_size > 10_000


def test_a_run_on_a_table_in_0_1(rows, small, tmp_path):
    table = replace(rows, X=(rows.X * 255).astype(np.uint8), image_shape=None)
    table = replace(table, test=replace(table, test=None))

    found = run_experiment(EXPERIMENT, table, tmp_path / "out", seeds=[0], quick=True)

    assert set(verdicts(found.findings)) == {"not confirmed"}  # one seed
    assert found.files["picture"].stat().st_size > 5_000


def test_rows_that_have_no_cross_entropy_are_refused(rows, small, tmp_path):
    words = r"digits has values from -1 to 2, and cross-entropy is of values in \[0, 1\]: give images of uint8, or rows scaled to"

    with pytest.raises(ValueError, match=words):
        run_experiment(EXPERIMENT, replace(rows, X=rows.X * 3 - 1), tmp_path / "out", seeds=[0], quick=True)
