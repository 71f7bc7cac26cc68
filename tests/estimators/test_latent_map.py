"""A map in two steps: where fitted rows are, where new ones come, and the way back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tests.training.test_trainer import Told

import narrows
from narrows import Autoencoder, Conv, LatentMap, SupervisedAutoencoder, quality
from narrows.errors import BundleError

SMALL = Autoencoder(layers=(48,), epochs=12, learning_rate=0.01)
FEW = {"n_iter": 150, "early_exaggeration_iter": 100}


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_digits(return_X_y=True)
    return np.float32(X / 16), y


@pytest.fixture(scope="module")
def fitted(digits) -> LatentMap:
    return LatentMap(10, autoencoder=SMALL, tsne=FEW, random_state=0).fit(digits[0][:600])


@pytest.fixture(scope="module")
def new(digits) -> np.ndarray:
    return digits[0][600:900]


def quick(n_components: int = 3, **choices) -> LatentMap:
    chosen = {"autoencoder": Autoencoder(layers=(5,), epochs=2), "tsne": {"n_iter": 5, "early_exaggeration_iter": 5}, "random_state": 0}
    return LatentMap(n_components, **{**chosen, **choices})


def test_new_rows_come_to_their_like(fitted, digits, new):
    """Labels were not seen; PCA to two numbers tells a little more than half of them."""
    _, y = digits
    told = quality.knn_accuracy(fitted.embedding_, y[:600], fitted.transform(new), y[600:900], 5)[5]

    assert told > 0.85
    assert quality.trustworthiness(new, fitted.transform(new)) > 0.9


def test_a_map_is_what_it_says(fitted, digits):
    assert fitted.embedding_.shape == (600, 2)
    assert fitted.codes_.shape == (600, 10)
    assert fitted.embedding_.dtype == fitted.codes_.dtype == np.float32
    assert fitted.n_features_in_ == 64
    assert fitted.fit_seconds_ > fitted.autoencoder_.fit_seconds_
    assert np.isfinite(fitted.kl_divergence_)
    assert fitted.get_feature_names_out().tolist() == ["latentmap0", "latentmap1"]
    np.testing.assert_array_equal(fitted.codes_, fitted.autoencoder_.transform(digits[0][:600]))


def test_placing_moves_nothing(fitted, new):
    before = fitted.embedding_.copy(), fitted.codes_.copy()

    fitted.transform(new)
    fitted.inverse_transform(fitted.transform(new))

    np.testing.assert_array_equal(fitted.embedding_, before[0])
    np.testing.assert_array_equal(fitted.codes_, before[1])


def test_fitted_rows_are_where_they_were(fitted, digits):
    """Also when they come in another order, and among others."""
    some = digits[0][[5, 700, 3, 599]]

    np.testing.assert_array_equal(fitted.transform(some)[[0, 2, 3]], fitted.embedding_[[5, 3, 599]])


def test_a_row_is_placed_by_itself(fitted, new):
    """The grid of t-SNE's fast method would depend on all rows that come."""
    together = fitted.transform(new)
    far = np.vstack([new[:5], np.full((1, 64), 40.0, np.float32)])

    np.testing.assert_allclose(fitted.transform(far)[:5], together[:5], rtol=1e-4, atol=1e-4 * np.abs(together).max())


def test_places_are_decoded_by_the_codes_around_them(fitted, digits):
    decoded = fitted.inverse_transform(fitted.embedding_[:50])
    np.testing.assert_allclose(decoded, fitted.autoencoder_.inverse_transform(fitted.codes_[:50]), atol=1e-4)

    between = fitted.inverse_transform(fitted.embedding_[:50] + 0.01)
    assert between.shape == (50, 64)
    assert np.square(between - digits[0][:50]).mean() < 0.7 * digits[0].var(0).mean()


def test_the_same_seed_gives_the_same_map(digits):
    one, same, other = (quick(random_state=seed).fit_transform(digits[0][:80]) for seed in (0, 0, 1))

    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_fitting_changes_no_parameter(digits):
    template = Autoencoder(layers=(5,), epochs=2)
    made = quick(autoencoder=template).fit(digits[0][:80])

    assert made.autoencoder is template
    assert not hasattr(template, "history_")
    assert template.n_components == 2
    assert made.autoencoder_.n_components == 3
    assert clone(made).get_params()["tsne"] == made.tsne


def test_labels_reach_a_supervised_autoencoder(digits):
    X, y = digits[0][:120], digits[1][:120]
    made = quick(autoencoder=SupervisedAutoencoder(layers=(5,), head=(4,), epochs=2)).fit(X, y)

    assert made.autoencoder_.classes_.tolist() == list(range(10))
    assert made.transform(X).shape == (120, 2)


def test_images_and_frames_and_pipelines(digits):
    X = digits[0][:60]
    images = quick(autoencoder=Autoencoder(layers=Conv(2), epochs=1)).fit(X.reshape(-1, 8, 8))
    assert images.transform(X.reshape(-1, 8, 8)).shape == (60, 2)

    frame = pd.DataFrame(X[:, :5], columns=list("abcde"))
    named = quick().set_output(transform="pandas").fit(frame)
    assert named.feature_names_in_.tolist() == list("abcde")
    assert named.transform(frame).columns.tolist() == ["latentmap0", "latentmap1"]
    assert not hasattr(named.fit(X), "feature_names_in_")

    assert make_pipeline(FunctionTransformer(np.sqrt), quick()).fit_transform(X).shape == (60, 2)


def test_progress_shows_both_steps(digits):
    begun = []

    class All(Told):
        def begin(self, name, total, unit=""):
            begun.append((name, total, unit))

    told = All()
    quick(verbose=told, tsne={"n_iter": 30, "early_exaggeration_iter": 20}).fit(digits[0][:60])

    assert begun == [("training", 120, "rows"), ("neighbors", 60, "rows"), ("t-SNE", 50, "iterations")]
    assert told.done[-5:] == [10, 20, 30, 40, 50]
    assert told.last.startswith("divergence ")


@pytest.mark.parametrize("given", [True, False])
def test_a_bundle_keeps_the_map(given, digits, tmp_path):
    X, others = digits[0][:60], digits[0][60:90]
    made = quick(**({} if given else {"autoencoder": None})) if given else LatentMap(3, tsne={"n_iter": 5}, random_state=1)
    made.fit(X[:, :4])

    made.save(tmp_path / "map.narrows")
    loaded = narrows.load(tmp_path / "map.narrows")

    assert type(loaded) is LatentMap
    np.testing.assert_array_equal(loaded.embedding_, made.embedding_)
    np.testing.assert_array_equal(loaded.transform(others[:, :4]), made.transform(others[:, :4]))
    np.testing.assert_array_equal(loaded.inverse_transform([[0, 0]]), made.inverse_transform([[0, 0]]))
    assert (loaded.kl_divergence_, loaded.fit_seconds_, loaded.n_features_in_) == (made.kl_divergence_, made.fit_seconds_, 4)
    assert {**loaded.get_params(deep=False), "autoencoder": None} == {**made.get_params(deep=False), "autoencoder": None}
    assert (loaded.autoencoder is None) == (not given)
    assert LatentMap.load(tmp_path / "map.narrows").tsne == made.tsne
    with pytest.raises(BundleError, match="holds a LatentMap, not a Autoencoder"):
        Autoencoder.load(tmp_path / "map.narrows")


def test_equal_rows_have_a_map_too():
    rows = np.repeat(np.random.default_rng(0).random((3, 4)), 10, axis=0)

    for made in (quick().fit(rows), quick(1).fit(np.ones((20, 4)))):
        assert np.isfinite(made.embedding_).all()
        assert np.isfinite(made.transform(rows)).all()


@pytest.mark.parametrize("n", [8, 30, 91])
def test_few_rows_get_a_smaller_perplexity(n, digits):
    assert quick().fit(digits[0][:n]).embedding_.shape == (n, 2)


@pytest.mark.parametrize(
    ("choices", "n", "error", "words"),
    [
        ({}, 7, ValueError, "a map needs at least 8 rows, got n_samples=7: give more"),
        ({"tsne": {"perplexity": 30}}, 90, ValueError, "perplexity=30 of tsne needs 91 rows, and there are 90: ask for 29 or less"),
        ({"tsne": {"perplexity": 0}}, 90, ValueError, "perplexity of tsne must be a number above 0, got 0"),
        ({"tsne": {"perplexity": "large"}}, 90, ValueError, "perplexity of tsne must be a number above 0, got 'large'"),
        ({"tsne": {"n_iter": -1}}, 90, ValueError, "n_iter of tsne must be a whole number of at least 0, got -1"),
        ({"tsne": {"colour": "red"}}, 90, ValueError, "tsne has the unknown parameter 'colour': it may have dof, early_exag"),
        ({"tsne": {"random_state": 3}}, 90, ValueError, "tsne has the unknown parameter 'random_state'"),
        ({"tsne": 30}, 90, TypeError, r"tsne must be a dict of parameters of openTSNE.TSNE, or None, got 30"),
        ({"autoencoder": "small"}, 90, TypeError, "autoencoder must be an Autoencoder or another of narrows, or None, got 'small'"),
        ({"n_components": 0}, 90, ValueError, "n_components must be a whole number of at least 1, got 0"),
    ],
)
def test_what_makes_no_map_is_refused(choices, n, error, words, digits):
    with pytest.raises(error, match=words):
        quick(**choices).fit(digits[0][:n])


def test_places_must_be_pairs(fitted):
    with pytest.raises(ValueError, match="places have 3 columns, but a map has 2"):
        fitted.inverse_transform(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="Input places contains NaN"):
        fitted.inverse_transform([[np.nan, 0]])
    with pytest.raises(NotFittedError):
        LatentMap().transform([[1.0]])
