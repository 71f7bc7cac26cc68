"""Elbows of curves whose bend is known."""

from __future__ import annotations

import numpy as np
import pytest

from narrows.study import find_elbow

SIZES = [1, 2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize("bend", [2, 4, 8, 16])
def test_the_bend_of_two_straight_lines_is_found(bend):
    """On the logarithmic axis the error falls steeply up to the bend, and hardly after it."""
    errors = [10 - np.log2(size) if size <= bend else 10 - np.log2(bend) - 0.05 * np.log2(size / bend) for size in SIZES]

    elbow = find_elbow(SIZES, errors)

    assert elbow.size == bend
    assert elbow.clear
    assert 0 < elbow.strength < 1


def test_neither_the_unit_of_the_error_nor_its_zero_matters():
    errors = np.array([10, 6, 3, 2.5, 2.2, 2.1, 2.0])

    assert find_elbow(SIZES, errors) == find_elbow(SIZES, list(1000 * errors + 5))


def test_a_nearly_straight_line_has_a_faint_one():
    elbow = find_elbow(SIZES, [7, 5.9, 4.8, 3.8, 2.9, 2, 1])

    assert not elbow.clear
    assert str(elbow).startswith("at 8 (faint: strength 0.03 of 1, Kneedle on a logarithmic axis)")


@pytest.mark.parametrize(
    ("sizes", "errors"),
    [([1, 2], [2, 1]), (SIZES, [7, 6, 5, 4, 3, 2, 1]), (SIZES, [1] * 7), (SIZES, [7, 7, 7, 7, 6, 4, 1]), (SIZES, range(7))],
)
def test_there_is_none(sizes, errors):
    assert find_elbow(sizes, errors) is None


def test_an_error_that_rises_again_is_the_trainings_fault():
    assert find_elbow(SIZES, [10, 5, 1, 3, 2, 2, 2]).size == 4


@pytest.mark.parametrize(("sizes", "errors"), [([1, 2, 4], [1, 2]), ([1, 4, 2], [3, 2, 1])])
def test_sizes_and_errors_belong_together(sizes, errors):
    with pytest.raises(ValueError, match="give rising sizes and one error for each"):
        find_elbow(sizes, errors)
