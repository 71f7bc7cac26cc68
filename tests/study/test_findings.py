"""A verdict follows from the spread over seeds: the same mean confirms, refutes, or does neither."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_rel

from narrows.study.findings import exceeds, falls_below, lies_between, spread


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.94, 0.95, 0.96], "confirmed"),
        ([0.84, 0.85, 0.86], "refuted"),
        ([0.85, 0.95, 0.99], "not confirmed"),  # a mean above, and too wide a spread
        ([0.95], "not confirmed"),  # one seed tells nothing of chance
        ([0.95, math.nan, 0.95], "not confirmed"),
        ([0.90, 0.90, 0.90], "not confirmed"),
        ([0.91, 0.91, 0.91], "confirmed"),
    ],
)
def test_a_bound_is_exceeded(values, verdict):
    assert exceeds("more than 0.90", values, 0.90).verdict == verdict


def test_values_of_the_same_seed_are_compared():
    """What varies together from seed to seed says nothing against a difference that stays."""
    theirs = np.array([0.50, 0.70, 0.90])

    assert exceeds("more", theirs + np.array([0.010, 0.011, 0.012]), theirs).verdict == "confirmed"
    assert exceeds("more", theirs[::-1] + 0.01, theirs).verdict == "not confirmed"


@pytest.mark.parametrize("seed", range(20))
def test_it_is_students_one_sided_test(seed):
    rng = np.random.default_rng(seed)
    ours, theirs = rng.normal(0.3, 1, 5), rng.normal(0, 0.5, 5)
    above, below = (ttest_rel(ours, theirs, alternative=side).pvalue < 0.05 for side in ("greater", "less"))

    expected = "confirmed" if above else "refuted" if below else "not confirmed"
    assert exceeds("more", ours, theirs).verdict == expected
    assert (exceeds("more", ours, 0.2).verdict == "confirmed") == (ttest_1samp(ours, 0.2, alternative="greater").pvalue < 0.05)


def test_below_is_above_turned_around():
    assert falls_below("less", [1.0, 1.1], [2.0, 2.1]).verdict == "confirmed"
    assert falls_below("less", [2.0, 2.1], [1.0, 1.1]).verdict == "refuted"
    assert falls_below("less", [2.0, 1.0], [1.0, 2.0]).verdict == "not confirmed"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.62, 0.63, 0.64], "confirmed"),
        ([0.75, 0.76, 0.77], "refuted"),
        ([0.35, 0.36, 0.37], "refuted"),
        ([0.66, 0.70, 0.72], "not confirmed"),
        ([0.60], "not confirmed"),
    ],
)
def test_between_two_bounds(values, verdict):
    assert lies_between("from 0.55 to 0.70", values, 0.55, 0.70).verdict == verdict


def test_a_finding_says_its_figures():
    found = exceeds("the code tells more", [0.94, 0.95, 0.96], 0.9)

    assert str(found) == "confirmed: the code tells more (0.95 ± 0.01, against 0.9, 3 seeds)"
    assert lies_between("it is small", [0.5, 0.5], 0.2, 0.6).figures == "0.5 ± 0, asked for 0.2 to 0.6, 2 seeds"
    assert falls_below("less", [1.0], [2.0]).figures == "1, against 2, 1 seed"


def test_a_spread_in_words():
    assert spread([0.5]) == "0.5"
    assert spread([0.25, 0.75]) == "0.5 ± 0.35"
    assert spread([0.5, math.inf]) == "not finite"
