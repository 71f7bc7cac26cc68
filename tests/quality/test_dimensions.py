"""The intrinsic dimension of rows whose dimension is known."""

from __future__ import annotations

import numpy as np
import pytest

from narrows.quality import intrinsic_dimension


def ball(rng: np.random.Generator, n: int, dimension: int) -> np.ndarray:
    directions = rng.normal(size=(n, dimension))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True) * rng.random((n, 1)) ** (1 / dimension)


@pytest.mark.parametrize("dimension", [1, 2, 3, 5])
def test_a_ball(rng, dimension):
    assert intrinsic_dimension(ball(rng, 2000, dimension)) == pytest.approx(dimension, rel=0.1)


@pytest.mark.parametrize(("dimension", "low", "high"), [(10, 8, 10), (20, 14, 19)])
def test_it_falls_short_where_rows_cannot_fill_the_space(rng, dimension, low, high):
    assert low < intrinsic_dimension(ball(rng, 2000, dimension)) < high


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_a_plane_in_a_space_of_many_dimensions(rng, dimension):
    """Turning, moving and scaling rows changes nothing."""
    rows = ball(rng, 1000, dimension)
    frame = np.linalg.qr(rng.normal(size=(200, dimension)))[0]

    assert intrinsic_dimension(1e3 * rows @ frame.T + 1e4) == pytest.approx(intrinsic_dimension(rows), rel=1e-3)


def test_a_sheet_rolled_up_in_three_dimensions_has_two(rng):
    along, across = 1.5 * np.pi * (1 + 2 * rng.random(2000)), 21 * rng.random(2000)

    assert intrinsic_dimension(np.column_stack([along * np.cos(along), across, along * np.sin(along)])) == pytest.approx(2, rel=0.1)


def test_rows_that_are_there_twice_count_once(rng):
    rows = rng.random((300, 3))

    assert intrinsic_dimension(np.concatenate([rows, rows[:100], rows[:100]])) == pytest.approx(intrinsic_dimension(rows), rel=1e-9)


def test_both_searches_find_the_same_neighbors(rng, monkeypatch):
    rows = rng.random((500, 3))
    before = intrinsic_dimension(rows)

    monkeypatch.setattr("narrows.quality.dimensions.SMALL", 10)

    assert intrinsic_dimension(rows) == pytest.approx(before, rel=1e-9)


def test_a_sample_of_many_rows(rng):
    rows = rng.random((3000, 2))

    assert intrinsic_dimension(rows, max_rows=1000) == pytest.approx(2, rel=0.15)
    assert intrinsic_dimension(rows, max_rows=1000) == intrinsic_dimension(rows, max_rows=1000)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((50, 3)), "rows has 1 different rows; give at least 20"),
        (np.stack(np.meshgrid(*3 * [np.arange(6.0)]), -1).reshape(-1, 3), "equally far, as on a grid"),
        (np.full((30, 2), np.nan), "NaN or infinity"),
    ],
)
def test_rows_without_a_dimension(rows, message):
    with pytest.raises(ValueError, match=message):
        intrinsic_dimension(rows)
