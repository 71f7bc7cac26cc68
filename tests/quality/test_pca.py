"""PCA beside the network is scikit-learn's PCA, whatever the shape of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from narrows.quality import LinearCode, pca, pca_baseline


@pytest.fixture(scope="module")
def digits():
    return load_digits().data / 16


@pytest.fixture
def wide(monkeypatch):
    """Treat even narrow rows as too wide for a covariance matrix."""
    monkeypatch.setattr(pca, "EXACT", 1)


def test_it_is_scikit_learns_pca(digits):
    ours, theirs = LinearCode.fit(digits, 5), PCA(5, svd_solver="full").fit(digits)

    np.testing.assert_allclose(np.abs((ours.components * theirs.components_).sum(1)), 1, rtol=1e-10)
    np.testing.assert_allclose(ours.spectrum[:5], theirs.explained_variance_ratio_, rtol=1e-10)
    np.testing.assert_allclose(ours.decode(ours.encode(digits)), theirs.inverse_transform(theirs.transform(digits)), atol=1e-10)
    assert ours.spectrum.sum() == pytest.approx(1, rel=1e-12)
    assert ours.rank == 5


@pytest.mark.usefixtures("wide")
def test_wide_rows_give_the_same_without_a_covariance_matrix(digits):
    ours, theirs = LinearCode.fit(digits, 5), PCA(5, svd_solver="full").fit(digits)

    np.testing.assert_allclose(np.abs((ours.components * theirs.components_).sum(1)), 1, rtol=1e-5)
    np.testing.assert_allclose(ours.spectrum[:5], theirs.explained_variance_ratio_, rtol=1e-5)
    np.testing.assert_array_equal(LinearCode.fit(digits, 5).components, ours.components)


def test_more_features_than_a_covariance_matrix_is_formed_for(rng):
    rows = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 3000)) + 5

    figures = pca_baseline(rows, rows, 3)

    assert figures.explained_variance == pytest.approx(1, abs=1e-9)


def test_figures_are_those_of_the_reconstruction(digits):
    train, test = digits[:1000], digits[1000:]
    made = LinearCode.fit(train, 4)
    made = made.decode(made.encode(test))

    figures = pca_baseline(train, test, 4)

    assert figures.mean_squared_error == pytest.approx(np.square(test - made).mean(), rel=1e-12)
    assert figures.explained_variance == pytest.approx(1 - np.square(test - made).sum() / np.square(test - test.mean(0)).sum(), rel=1e-12)
    clipped = np.clip(made, 2.0**-23, 1 - 2.0**-23)
    assert figures.binary_cross_entropy == pytest.approx(-(test * np.log(clipped) + (1 - test) * np.log(1 - clipped)).mean(), rel=1e-9)


def test_rows_outside_the_unit_interval_have_no_cross_entropy(digits):
    assert pca_baseline(digits, digits - 1, 4).binary_cross_entropy is None


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
@pytest.mark.parametrize("exact", [True, False])
def test_more_components_than_rows_or_features_are_zero(rng, monkeypatch, shape, exact):
    monkeypatch.setattr(pca, "EXACT", 2048 if exact else 1)
    rows = rng.normal(size=shape)

    code = LinearCode.fit(rows, 50)

    assert code.rank == min(shape[0] - 1, shape[1])
    assert code.encode(rows).shape == (shape[0], 50)
    assert not code.components[code.rank :].any()
    np.testing.assert_allclose(code.decode(code.encode(rows)), rows, atol=1e-10)


def test_constant_columns_get_no_weight(rng):
    rows = np.column_stack([rng.normal(size=20), np.full(20, 7.0), np.full(20, 0.1)])

    code = LinearCode.fit(rows, 2)

    assert code.rank == 1
    np.testing.assert_allclose(code.components, [[1, 0, 0], [0, 0, 0]], atol=1e-12)


def test_equal_rows_give_the_mean_row():
    code = LinearCode.fit(np.full((5, 3), 0.1), 2)

    assert code.rank == 0
    assert not code.spectrum.any()
    np.testing.assert_allclose(code.decode(code.encode([[1.0, 2.0, 3.0]])), [[0.1, 0.1, 0.1]])


def test_components_for_a_share_of_the_variance():
    rows = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])

    code = LinearCode.fit(rows, 1)

    assert [code.components_for(share) for share in (0, 0.8, 0.81, 1)] == [1, 1, 2, 2]
    assert LinearCode.fit(np.ones((3, 2)), 1).components_for(0.5) is None


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64, np.uint8]))
def test_more_components_never_explain_less(seed, dtype):
    rows = (np.random.default_rng(seed).random((12, 5)) * 20).astype(dtype)

    errors = [pca_baseline(rows, rows, count).mean_squared_error for count in (1, 2, 3, 4, 5)]

    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("train", "test", "components", "message"),
    [
        (np.ones((3, 2)), np.ones((3, 4)), 1, "test_rows has 4 features; give 2, as the others have"),
        (np.ones((0, 2)), np.ones((3, 2)), 1, "train_rows is empty"),
        ([[np.nan, 1]], np.ones((3, 2)), 1, "rows holds NaN or infinity"),
        (np.ones((3, 2)), [[np.nan, 1]], 1, "test_rows holds NaN or infinity"),
        (np.ones((3, 2)), np.ones((3, 2)), 0, "n_components is 0; give a whole number from 1"),
        (np.ones((3, 2)), np.ones((3, 2)), 1.5, "n_components is 1.5; give a whole number from 1"),
        (np.ones((3, 2)), np.ones((3, 2)), True, "n_components is True; give a whole number from 1"),
    ],
)
def test_bad_input_is_named(train, test, components, message):
    with pytest.raises(ValueError, match=message):
        pca_baseline(train, test, components)


def test_codes_of_another_width_are_named():
    code = LinearCode.fit(np.eye(4), 2)

    with pytest.raises(ValueError, match="codes has 3 features; give 2"):
        code.decode(np.ones((1, 3)))
    with pytest.raises(ValueError, match="rows has 3 features; give 4"):
        code.encode(np.ones((1, 3)))


@pytest.mark.parametrize("exact", [pca.EXACT, 1], ids=["covariance", "subspace"])
def test_a_weight_is_as_good_as_repeating_the_row(digits, exact, monkeypatch):
    monkeypatch.setattr(pca, "EXACT", exact)
    rows, weight = digits[:100], np.random.default_rng(0).integers(0, 4, 100)

    weighted, repeated = LinearCode.fit(rows, 3, weight=weight), LinearCode.fit(np.repeat(rows, weight, axis=0), 3)

    np.testing.assert_allclose(weighted.mean, repeated.mean, atol=1e-12)
    np.testing.assert_allclose(np.abs((weighted.components * repeated.components).sum(1)), 1, rtol=1e-4)
    np.testing.assert_allclose(weighted.spectrum[:3], repeated.spectrum[:3], rtol=1e-6)


@pytest.mark.parametrize("weight", [[1.0], [1, -1, 1], [0, 0, 0], [1, np.nan, 1]], ids=str)
def test_weights_that_weigh_nothing_are_refused(weight):
    with pytest.raises(ValueError, match="weight must hold a finite number of at least 0 for each of 3 rows"):
        LinearCode.fit(np.eye(3), 1, weight=weight)


@pytest.mark.parametrize("n_components", [3, 60])
def test_rows_that_are_fewer_than_their_features_are_decomposed_by_their_inner_products(rng, n_components, monkeypatch):
    rows = rng.normal(size=(20, 50)) * np.linspace(3, 0.1, 50) + 100
    ours = LinearCode.fit(rows, n_components)

    monkeypatch.setattr("narrows.quality.pca._gram", lambda x, mean, n: pca._covariance(x, mean))
    exact = LinearCode.fit(rows, n_components)

    assert ours.rank == exact.rank == min(n_components, 19)
    np.testing.assert_allclose(ours.components, exact.components, atol=1e-9)
    np.testing.assert_allclose(ours.spectrum[:19], exact.spectrum[:19], rtol=1e-9)
    assert [ours.components_for(share) for share in (0.5, 0.99)] == [exact.components_for(share) for share in (0.5, 0.99)]
