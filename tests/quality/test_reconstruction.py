"""Figures of reconstructions agree with NumPy's plain formulas and scikit-learn's metrics, in bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import log_loss, r2_score
from sklearn.metrics import mean_squared_error as sklearn_mean_squared_error

from narrows.quality import _blocks, binary_cross_entropy, explained_variance, mean_squared_error, reconstruction, reconstruction_figures

FIGURES = [reconstruction_figures, mean_squared_error, binary_cross_entropy, explained_variance]
CELLS = st.floats(0, 1, width=32)


@pytest.fixture
def pair(rng):
    rows = rng.random((50, 4)) * [1.0, 0.5, 0.1, 1.0]
    return rows, np.clip(rows + rng.normal(0, 0.1, rows.shape), 0, 1)


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut even small arrays into several blocks."""
    monkeypatch.setattr(reconstruction, "blocks", lambda n_rows, width: _blocks.blocks(n_rows, width, 7 * width))


@pytest.mark.usefixtures("small_blocks")
def test_squared_error_is_scikit_learns(pair):
    figures = reconstruction_figures(*pair)

    assert mean_squared_error(*pair) == pytest.approx(sklearn_mean_squared_error(*pair), rel=1e-12)
    assert figures.mean_squared_error == mean_squared_error(*pair)
    np.testing.assert_allclose(figures.feature_mean_squared_error, ((pair[0] - pair[1]) ** 2).mean(0), rtol=1e-12)


@pytest.mark.usefixtures("small_blocks")
def test_explained_variance_is_scikit_learns(pair):
    figures = reconstruction_figures(*pair)

    assert explained_variance(*pair) == pytest.approx(r2_score(*pair, multioutput="variance_weighted"), rel=1e-12)
    assert figures.explained_variance == explained_variance(*pair)
    np.testing.assert_allclose(figures.feature_explained_variance, r2_score(*pair, multioutput="raw_values"), rtol=1e-12)


def test_explained_variance_may_be_about_another_row(pair):
    rows, made = pair
    reference = np.array([0.2, 0.1, 0.0, 0.5])

    explained = explained_variance(rows, made, reference=reference)

    assert explained == pytest.approx(1 - ((rows - made) ** 2).sum() / ((rows - reference) ** 2).sum(), rel=1e-12)
    assert explained_variance(rows, np.tile(reference, (50, 1)), reference=reference) == pytest.approx(0, abs=1e-12)


@pytest.mark.usefixtures("small_blocks")
def test_cross_entropy_of_bits_is_scikit_learns_log_loss(pair, rng):
    bits = (rng.random((50, 4)) < 0.5).astype(np.uint8)
    probabilities = 0.01 + 0.98 * pair[1]

    value = binary_cross_entropy(bits, probabilities)

    assert value == pytest.approx(log_loss(bits.ravel(), probabilities.ravel()), rel=1e-12)
    assert value == pytest.approx(reconstruction_figures(bits, probabilities).feature_binary_cross_entropy.mean(), rel=1e-12)


def test_cross_entropy_stays_finite_at_the_ends():
    assert binary_cross_entropy([[0.0, 1.0]], [[1.0, 0.0]]) == pytest.approx(-np.log(np.finfo(np.float32).eps), rel=1e-6)
    assert binary_cross_entropy([[0.0, 1.0]], [[-3.0, 4.0]]) == pytest.approx(0, abs=2e-7)


def test_cross_entropy_is_left_out_where_rows_leave_the_unit_interval():
    figures = reconstruction_figures([[0.0], [1.5]], [[0.0], [1.0]])

    assert figures.binary_cross_entropy is None
    assert figures.feature_binary_cross_entropy is None
    with pytest.raises(ValueError, match=r"rows leave \[0, 1\], .*; scale them to it, or use mean_squared_error"):
        binary_cross_entropy([[0.0], [1.5]], [[0.0], [1.0]])


def test_what_does_not_vary_is_explained_if_it_is_met():
    figures = reconstruction_figures([[1.0, 1.0], [1.0, 1.0]], [[1.0, 0.5], [1.0, 1.0]])

    assert figures.feature_explained_variance.tolist() == [1, 0]
    assert explained_variance([[1.0]], [[1.0]]) == 1
    assert explained_variance([[1.0]], [[2.0]]) == 0


@given(arrays(np.float32, (6, 3), elements=CELLS), arrays(np.float32, (6, 3), elements=CELLS), st.permutations(range(6)))
def test_the_order_of_rows_does_not_matter(rows, made, order):
    some, others = reconstruction_figures(rows, made), reconstruction_figures(rows[order], made[order])

    assert some.mean_squared_error == pytest.approx(others.mean_squared_error, rel=1e-12)
    assert some.explained_variance == pytest.approx(others.explained_variance, rel=1e-9, abs=1e-9)
    assert some.binary_cross_entropy == pytest.approx(others.binary_cross_entropy, rel=1e-12)


@given(arrays(np.float32, (6, 3), elements=CELLS))
def test_rows_themselves_are_perfect_and_their_mean_explains_nothing(rows):
    perfect = reconstruction_figures(rows, rows)
    center = reconstruction_figures(rows, np.broadcast_to(rows.mean(0, dtype=np.float64), rows.shape))

    assert (perfect.mean_squared_error, perfect.explained_variance) == (0, 1)
    assert center.explained_variance == pytest.approx(0, abs=1e-6) or np.ptp(rows, axis=0).max() < 1e-6


def test_rows_are_never_copied_whole(monkeypatch):
    monkeypatch.setattr(_blocks, "MOST_THREADS", 2)
    rows = np.zeros((40_000, 784), dtype=np.uint8)  # 31 MB; 251 MB as float64
    tracemalloc.start()

    mean_squared_error(rows, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2 * 5 * 8 * 2**20  # some blocks of 8 MiB for each thread


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    ("rows", "made", "message"),
    [
        (np.ones((3, 2)), np.ones((2, 2)), r"reconstruction has 2 rows; give 3, one for each of the others"),
        (np.ones((3, 2)), np.ones((3, 1)), r"reconstruction has 1 features; give 2, as the others have"),
        (np.ones((0, 2)), np.ones((0, 2)), r"rows is empty, of shape \(0, 2\); give at least one row and one feature"),
        (np.ones(3), np.ones(3), r"rows has shape \(3,\); give two dimensions, .*reshape\(-1, 1\)"),
        ([["a"]], [["b"]], r"rows is of type <U1; give real numbers"),
        ([[1j]], [[1j]], r"rows is of type complex128; give real numbers"),
        ([[np.nan]], [[1.0]], r"rows holds NaN or infinity; give finite numbers"),
        ([[1.0]], [[np.inf]], r"reconstruction holds NaN or infinity; give finite numbers"),
    ],
)
def test_bad_input_is_named(figure, rows, made, message):
    with pytest.raises(ValueError, match=message):
        figure(rows, made)


def test_a_reference_of_another_width_is_named(pair):
    with pytest.raises(ValueError, match="reference has 3 features; give 4"):
        explained_variance(*pair, reference=[0, 0, 0])
