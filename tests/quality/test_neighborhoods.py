"""Trustworthiness and continuity are scikit-learn's to the last digits, in blocks and for a part of the queries; recall is plain sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.neighbors import NearestNeighbors

from narrows.quality import _blocks, continuity, knn_recall, neighborhoods, trustworthiness

FIGURES = [trustworthiness, continuity, knn_recall]


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut even small arrays into several blocks."""
    monkeypatch.setattr(neighborhoods, "blocks", lambda n_rows, width, cells=0: _blocks.blocks(n_rows, width, 60 * width))


@pytest.fixture
def brute(monkeypatch):
    """Search as for many rows."""
    monkeypatch.setattr(neighborhoods, "by_brute_force", lambda points: True)


def random_pair(rng, n=203, d=20, c=2):
    rows = rng.normal(size=(n, d))
    return rows, rows[:, :c] + 0.3 * rng.normal(size=(n, c))


def tied_pair(rng, n=203, d=5, c=2):
    """Integers of which many are equal."""
    return rng.integers(0, 4, (n, d)).astype(np.float64), rng.integers(0, 5, (n, c)).astype(np.float64)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("k", [1, 5, 15, 101])
@pytest.mark.parametrize("pair", [random_pair, tied_pair])
def test_they_are_scikit_learns(rng, pair, k):
    rows, codes = pair(rng)

    assert trustworthiness(rows, codes, k) == pytest.approx(sklearn_trustworthiness(rows, codes, n_neighbors=k), abs=1e-13)
    assert continuity(rows, codes, k) == pytest.approx(sklearn_trustworthiness(codes, rows, n_neighbors=k), abs=1e-13)


@pytest.mark.usefixtures("small_blocks", "brute")
def test_brute_force_gives_the_same(rng):
    rows, codes = random_pair(rng, d=12, c=12)

    assert trustworthiness(rows, codes, 7) == pytest.approx(sklearn_trustworthiness(rows, codes, n_neighbors=7), abs=1e-13)
    assert continuity(rows, codes, 7) == pytest.approx(sklearn_trustworthiness(codes, rows, n_neighbors=7), abs=1e-13)


def test_duplicates_are_no_trouble(rng):
    rows = np.repeat(rng.normal(size=(4, 3)).round(1), 20, axis=0)
    codes = rows[:, :2] * 2

    for k in (3, 25):
        assert trustworthiness(rows, codes, k) == pytest.approx(sklearn_trustworthiness(rows, codes, n_neighbors=k), abs=1e-13)
    assert 0 <= trustworthiness(rows, codes, 3, n_queries=30) <= 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.uint8, np.int64, bool, np.longdouble])
def test_numbers_of_all_types_are_taken(rng, dtype):
    rows = rng.integers(0, 100, (60, 7)).astype(dtype)
    codes = rng.normal(size=(60, 2))

    expected = sklearn_trustworthiness(rows.astype(np.float64), codes, n_neighbors=5)

    assert trustworthiness(rows, codes, 5) == pytest.approx(expected, abs=1e-13)
    assert 0 < continuity(rows, codes, 5) < 1


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("k", [1, 7, 60])
def test_recall_is_the_share_of_common_neighbors(rng, k):
    rows, codes = random_pair(rng)
    near, near_codes = (NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False) for points in (rows, codes))

    recall = knn_recall(rows, codes, k)

    assert recall == pytest.approx(np.mean([len({*a} & {*b}) / k for a, b in zip(near, near_codes, strict=True)]), abs=1e-13)


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("search", [True, False])
def test_sampled_queries_are_a_part_of_all(rng, monkeypatch, figure, search):
    """The figures of two halves, weighted, are that of all; the seed alone decides which rows are drawn."""
    monkeypatch.setattr(neighborhoods, "by_brute_force", lambda points: search)
    rows, codes = random_pair(rng, n=200)
    half = neighborhoods.choose_queries(200, 100, 3)
    other = np.setdiff1d(np.arange(200), half)

    some = figure(rows, codes, 5, n_queries=100, random_state=3)
    monkeypatch.setattr(neighborhoods, "choose_queries", lambda *arguments: other)
    rest = figure(rows, codes, 5, n_queries=100)
    monkeypatch.undo()

    assert (some + rest) / 2 == pytest.approx(figure(rows, codes, 5), abs=1e-13)
    assert figure(rows, codes, 5, n_queries=100, random_state=3) == some
    assert figure(rows, codes, 5, n_queries=100, random_state=4) != some
    assert figure(rows, codes, 5, n_queries=1000) == figure(rows, codes, 5)


def test_above_twenty_thousand_rows_queries_are_sampled():
    assert neighborhoods.choose_queries(20_000, None, 0) is None
    assert neighborhoods.choose_queries(20_001, None, 0).shape == (5_000,)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.permutations(range(14)))
def test_figures_know_only_distances(seed, k, order):
    """Turning, moving, scaling and reordering the rows changes nothing; a perfect map has 1; all lie in [0, 1]."""
    random = np.random.default_rng(seed)
    rows, codes = random.normal(size=(14, 3)), random.normal(size=(14, 2))
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    moved = 3 * rows @ turn + random.normal(size=3)

    for figure in FIGURES:
        value = figure(rows, codes, k)
        assert 0 <= value <= 1
        assert figure(moved, codes, k) == pytest.approx(value, abs=1e-12)
        assert figure(rows[order], codes[order], k) == pytest.approx(value, abs=1e-12)
        assert figure(rows, moved, k) == 1


def test_reversed_neighborhoods_have_nothing_to_trust():
    """Codes that put each row's farthest rows nearest are near the lower end."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False) + 1e-4 * np.arange(60) ** 2
    rows = np.column_stack([np.cos(angles), np.sin(angles)])
    codes = np.column_stack([np.cos(angles * 30), np.sin(angles * 30)]) + rows / 100

    assert trustworthiness(rows, codes, 5) < 0.7
    assert knn_recall(rows, codes, 5) < 0.3


@pytest.mark.parametrize("figure", [trustworthiness, continuity])
@pytest.mark.parametrize(
    ("n", "k", "message"),
    [
        (10, 5, "k is 5; give a whole number from 1 to 4, below half of the 10 rows"),
        (11, 6, "k is 6; give a whole number from 1 to 5, below half of the 11 rows"),
        (11, 0, "k is 0; give a whole number from 1 to 5"),
        (11, 2.0, "k is 2.0; give a whole number from 1 to 5"),
        (2, 1, "rows has 2 rows; give at least 3: a neighborhood is less than half of them"),
    ],
)
def test_neighborhoods_of_half_the_rows_are_refused(figure, n, k, message):
    with pytest.raises(ValueError, match=message):
        figure(np.ones((n, 2)), np.ones((n, 2)), k)


def test_recall_of_all_rows_is_refused():
    with pytest.raises(ValueError, match="k is 4; give a whole number from 1 to 3, below the 4 rows"):
        knn_recall(np.ones((4, 1)), np.ones((4, 1)), 4)


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    ("rows", "codes", "message"),
    [
        (np.ones((9, 2)), np.ones((8, 2)), "codes has 8 rows; give 9, one for each of the others"),
        (np.ones((0, 2)), np.ones((0, 2)), r"rows is empty, of shape \(0, 2\)"),
        (np.ones((9, 2)), np.ones(9), r"codes has shape \(9,\); give two dimensions"),
        (np.full((9, 2), np.nan), np.ones((9, 2)), "rows holds NaN or infinity"),
        (np.ones((9, 2)), np.full((9, 2), np.inf), "codes holds NaN or infinity"),
    ],
)
def test_bad_input_is_named(figure, rows, codes, message):
    with pytest.raises(ValueError, match=message):
        figure(rows, codes, 3)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_bad_number_of_queries_is_named(figure):
    with pytest.raises(ValueError, match="n_queries is 0; give a whole number from 1"):
        figure(np.ones((9, 2)), np.ones((9, 2)), 3, n_queries=0)
