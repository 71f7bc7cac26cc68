"""Verdicts on ways to a map, fed with numbers that confirm, refute, and do neither; and a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.study.test_claims import made, verdicts

from narrows.data import load
from narrows.study import direct
from narrows.study.direct import EXPERIMENT, LINEAR, NEIGHBORS, NETWORK, OTHER, PIXELS, TWO_STEPS
from narrows.study.running import run_experiment

SLIGHT = (-1e-4, 0.0, 1e-4)
ORDER = (NETWORK, NEIGHBORS, TWO_STEPS, LINEAR, PIXELS, OTHER)


def results_of(told: tuple[float, ...], seconds: tuple[float, ...], error: tuple[float, ...], spread=(-0.001, 0.0, 0.001)):
    names = dict(zip(ORDER, zip(told, seconds, error, strict=True), strict=True))
    return made({name: {"5-NN": a, "fit": b, "squared error": c} for name, (a, b, c) in names.items()}, spread)


def test_confirmed():
    results = results_of(
        (0.84, 0.97, 0.96, 0.95, 0.94, 0.94), (30, 60, 70, 80, 90, 900), (0.033, 0.034, 0.06, 0, 0, 0), spread=(-1e-4, 0, 1e-4)
    )

    assert verdicts(direct.judge(results)) == ["confirmed"] * 8


def test_refuted():
    results = results_of(
        (0.97, 0.84, 0.90, 0.95, 0.96, 0.94), (30, 60, 99, 80, 90, 100), (0.033, 0.08, 0.06, 0, 0, 0), spread=(-1e-4, 0, 1e-4)
    )

    assert verdicts(direct.judge(results)) == ["refuted"] * 8


def test_neither():
    results = results_of((0.95,) * 6, (80, 80, 80, 80, 80, 320), (0.04,) * 6, spread=(-0.3, 0.0, 0.3))

    assert set(verdicts(direct.judge(results))) == {"not confirmed"}


@pytest.mark.slow
def test_a_run(tmp_path):
    pytest.importorskip("matplotlib")
    digits = load("digits")
    test = replace(digits.test, X=digits.test.X[:60], labels=digits.test.labels[:60])
    few = replace(digits, X=digits.X[:100], labels=digits.labels[:100], test=test)

    found = run_experiment(EXPERIMENT, few, tmp_path / "out", seeds=[0], quick=True)

    lines = {line[0]: dict(zip(list(EXPERIMENT.figures), line[1:], strict=False)) for line in found.lines}
    assert tuple(lines) == ORDER
    assert {name: line["places"] for name, line in lines.items()} == {**dict.fromkeys(ORDER, "1"), OTHER: "0"}
    assert {name for name, line in lines.items() if line["squared error"] == "—"} == {LINEAR, PIXELS, OTHER}
    assert all(np.isfinite(float(line["5-NN"])) and 0 < float(line["fit"]) for line in lines.values())
    assert found.files["picture"].stat().st_size > 10_000
