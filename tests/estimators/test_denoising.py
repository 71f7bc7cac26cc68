"""Denoising: noise as a parameter of an estimator, which training suffers and nothing else."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from tests.estimators.conftest import QUICK, quick
from tests.estimators.test_contract import Pair

from narrows import Autoencoder, Conv, Dense, Gaussian, Masking, SaltAndPepper, SupervisedAutoencoder
from narrows.training import program


@pytest.fixture
def rows(digits) -> np.ndarray:
    return digits / 16


def shaken(rows: Any, key: Any) -> Any:
    """A noise of the user's own."""
    return rows + 0.2 * jax.random.laplace(key, rows.shape)


NOISES = [0.3, Gaussian(0.3, clip=False), Masking(0.3), SaltAndPepper(0.3), shaken]


def test_a_float_is_short_for_gaussian(rows):
    np.testing.assert_array_equal(quick(noise=0.3).fit_transform(rows), quick(noise=Gaussian(0.3)).fit_transform(rows))


@pytest.mark.parametrize("noise", NOISES, ids=lambda it: getattr(it, "__name__", type(it).__name__))
def test_noise_makes_another_network_and_the_same_seed_the_same(noise, rows):
    one, same = (quick(noise=noise, early_stopping=True).fit(rows) for _ in range(2))

    assert one.history_ == same.history_
    np.testing.assert_array_equal(one.transform(rows), same.transform(rows))
    assert not np.array_equal(one.transform(rows), quick(early_stopping=True).fit_transform(rows))


def test_noise_is_of_training_only(rows):
    """All methods give the same twice, and what the network without noise gives of the same weights."""
    made, plain = quick(noise=0.5).fit(rows), quick().fit(rows)
    made._network.weights = plain._network.weights

    for method in ("transform", "reconstruct", "reconstruction_error", "score_samples", "score"):
        np.testing.assert_array_equal(getattr(made, method)(rows), getattr(plain, method)(rows), err_msg=method)


def test_it_learns_to_clean(rows):
    """Rows under noise come out nearer to the clean ones than they came in, and than a network that never saw noise gives them."""
    choices = {"n_components": 16, "layers": (64,), "epochs": 150, "learning_rate": 0.01}
    made, plain = quick(noise=0.3, **choices).fit(rows), quick(**choices).fit(rows)
    noisy = Gaussian(0.3).corrupt(rows, 7)

    cleaned, other, before = (np.square(it - rows).mean() for it in (made.reconstruct(noisy), plain.reconstruct(noisy), noisy))
    assert cleaned < 0.5 * before
    assert cleaned < other


def test_validation_rows_suffer_too(rows):
    made = quick(noise=0.5, epochs=2, learning_rate=1e-30, schedule="constant").fit(rows, validation_data=rows)
    clean = quick(epochs=2, learning_rate=1e-30, schedule="constant").fit(rows, validation_data=rows)

    assert made.history_["val_loss"][0] == made.history_["val_loss"][1]
    assert made.history_["loss"][0] != made.history_["loss"][1]
    assert made.history_["val_loss"][0] != pytest.approx(clean.history_["val_loss"][0], rel=1e-3)


@pytest.mark.parametrize(
    "layers", [(6,), Dense(6, tied=True, dropout=0.1), Conv(3, image_shape=(8, 8)), Pair()], ids=lambda it: type(it).__name__
)
@pytest.mark.parametrize("noise", [Masking(0.3), shaken], ids=["Masking", "own"])
def test_noise_goes_with_all_layers_and_with_labels(layers, noise, rows):
    plain = Autoencoder(**{**QUICK, "layers": layers, "noise": noise}).fit(rows)
    supervised = SupervisedAutoencoder(**{**QUICK, "layers": layers, "noise": noise, "head": (4,)}).fit(rows, np.arange(120) % 2)

    for made in (plain, supervised):
        assert np.isfinite(made.history_["loss"]).all()
        assert made.transform(rows).shape == (120, 2)


def test_strengths_are_in_scaled_units(table):
    """The units of the rows do not matter to a table that is standardized."""
    one, other = (quick(noise=0.3).fit(table * factor) for factor in (1, 1024))

    np.testing.assert_allclose(one.history_["loss"], other.history_["loss"], rtol=1e-5)


def test_bytes_are_in_the_unit_interval(digits):
    """1 is the whole range of a byte."""
    grey = (digits * 15).astype(np.uint8)

    of_bytes, of_floats = quick(noise=0.3).fit(grey), quick(noise=0.3).fit(grey / 255)

    np.testing.assert_allclose(of_bytes.history_["loss"], of_floats.history_["loss"], rtol=1e-5)


def test_partial_fit_draws_anew_at_each_call(rows):
    made = quick(noise=0.5, learning_rate=1e-30, optimizer="sgd")

    for _ in range(3):
        made.partial_fit(rows)

    assert len(set(made.history_["loss"])) == 3


def test_a_search_over_strengths_compiles_once(rows):
    program._programs.clear()
    before = program.compilations["train"]

    GridSearchCV(quick(epochs=1, noise=0.1), {"noise__strength": [0.0, 0.1, 0.2, 0.4]}, cv=3, error_score="raise").fit(rows)

    assert program.compilations["train"] - before == 1


@pytest.mark.parametrize(
    ("noise", "error", "words"),
    [
        (-0.1, ValueError, "the strength of Gaussian must be a finite number of at least 0, got -0.1"),
        ("0.4", TypeError, r"noise must be None, a number .* or a function of \(rows, key\), got '0.4'"),
        (
            lambda rows, key: rows[:, 1:],
            ValueError,
            r"noise must give an array of rows of the shape that it is given, \(120, 64\), got \(120, 63\)",
        ),
        (
            lambda rows, key: rows * np.nan,
            ValueError,
            "noise must give finite numbers, got NaN or infinity from finite rows: mend the function",
        ),
        (lambda rows, key: rows + np.random.default_rng().random(rows.shape), ValueError, "noise must draw from the key that it is given"),
    ],
    ids=["below 0", "text", "another shape", "NaN", "drawn elsewhere"],
)
def test_bad_noise_is_one_clear_error(noise, error, words, rows):
    with pytest.raises(error, match=words):
        quick(noise=noise).fit(rows)


def test_noise_of_ones_own_cannot_be_saved_and_says_so(rows, tmp_path):
    with pytest.raises(ValueError, match=r"noise=.*of your own, which a file cannot hold safely"):
        quick(noise=shaken).fit(rows).save(tmp_path / "a.narrows")
