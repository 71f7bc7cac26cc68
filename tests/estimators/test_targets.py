"""Targets: what reconstructions are to be, where that is not the rows themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.estimators.conftest import QUICK, quick

from narrows import Autoencoder, Conv, Gaussian, SupervisedAutoencoder, SupervisedAutoencoderRegressor

CLASSES = [Autoencoder, SupervisedAutoencoder, SupervisedAutoencoderRegressor]


@pytest.fixture
def clean(digits) -> np.ndarray:
    return digits / 16


@pytest.fixture
def noisy(clean) -> np.ndarray:
    """Noise drawn once, before training, as a textbook does."""
    return Gaussian(0.4).corrupt(clean)


def weights_of(made: Any) -> dict[str, np.ndarray]:
    return made._network.weights


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", CLASSES)
def test_rows_that_are_their_own_target_need_not_say_so(kind, early_stopping, table):
    """Bit for bit."""
    labels = [] if kind is Autoencoder else [np.arange(50) % 2]
    made, plain = (kind(**QUICK, early_stopping=early_stopping) for _ in range(2))

    made.fit(table, *labels, target=table)
    plain.fit(table, *labels)

    assert made.history_ == plain.history_
    for name, value in weights_of(plain).items():
        np.testing.assert_array_equal(weights_of(made)[name], value, err_msg=name)


def test_reconstructions_come_near_the_target(clean, noisy):
    made = quick(n_components=8, layers=(32,), epochs=200, learning_rate=0.01).fit(noisy, target=clean)

    error = np.square(made.reconstruct(noisy) - clean).mean()
    assert error < 0.25 * np.square(noisy - clean).mean()
    assert error < 0.5 * np.square(made.reconstruct(noisy) - noisy).mean()


def test_the_loss_is_measured_against_the_target(clean, noisy):
    made = quick(epochs=1, learning_rate=1e-30, loss="mse").fit(noisy, target=clean, validation_data=(noisy[:40], clean[:40]))

    rebuilt = made.reconstruct(noisy)
    assert made.history_["loss"][0] == pytest.approx(np.square(rebuilt - clean).mean(), rel=1e-5)
    assert made.history_["val_loss"][0] == pytest.approx(np.square(rebuilt - clean)[:40].mean(), rel=1e-5)


def test_rows_that_are_held_out_keep_their_targets(clean, noisy):
    """Validation by a part of the rows is validation by these rows and targets given."""
    made = quick(epochs=1, early_stopping=True, learning_rate=1e-30, loss="mse").fit(noisy, target=clean)
    errors = np.square(made.reconstruct(noisy) - clean).mean(1)

    measured = made.history_["val_loss"][0] * 12 + made.history_["loss"][0] * 108
    assert measured == pytest.approx(errors.sum(), rel=1e-5)


def test_scaling_and_loss_are_chosen_by_the_target(clean, rng):
    """Noise may leave [0, 1]; what is to be rebuilt does not."""
    wild = clean + rng.normal(0, 1, clean.shape)

    made = quick(epochs=1).fit(wild, target=clean)

    assert (made.scale_, made.loss_, made.output_activation_) == ("none", "bce", "sigmoid")
    np.testing.assert_array_equal(made.scale_rows(wild), wild.astype(np.float32))


def test_bytes_are_targets_of_bytes_and_of_numbers_in_their_units(digits):
    bright = (digits * 15).astype(np.uint8)
    dark = bright // 2

    made, other = quick().fit(dark, target=bright), quick().fit(dark.astype(float), target=bright)

    assert made.scale_ == other.scale_ == "bytes"
    for name, value in weights_of(made).items():
        np.testing.assert_allclose(weights_of(other)[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_noise_comes_on_top(clean, noisy):
    both, once = (quick(noise=noise).fit(noisy, target=clean) for noise in (0.2, None))

    assert both.history_["loss"] != once.history_["loss"]


def test_target_and_labels_and_weights_together(clean, noisy, rng):
    """Repeated rows and weighted ones, target and label with them, begin with equal loss."""
    times = rng.integers(0, 3, 120)
    labels = np.arange(120) % 3
    choices = {**QUICK, "epochs": 1, "learning_rate": 1e-30, "scale": None}
    repeated = SupervisedAutoencoder(**choices)
    repeated.fit(np.repeat(noisy, times, 0), np.repeat(labels, times), target=np.repeat(clean, times, 0))

    weighted = SupervisedAutoencoder(**choices).fit(noisy, labels, sample_weight=times, target=clean)

    for name in ("loss", "reconstruction_loss", "label_loss", "accuracy"):
        assert weighted.history_[name] == pytest.approx(repeated.history_[name], rel=1e-5)


def test_validation_with_labels_and_target(clean, noisy):
    labels = np.arange(120) % 2

    made = SupervisedAutoencoder(**QUICK).fit(noisy, labels, target=clean, validation_data=(noisy, labels, clean))

    error = np.square(made.reconstruct(noisy) - clean).mean()
    assert error > 0
    assert {"val_reconstruction_loss", "val_label_loss", "val_accuracy"} <= made.history_.keys()


def test_partial_fit_takes_targets(clean, noisy):
    made, other = quick(), quick()
    for part in np.array_split(np.arange(120), 3):
        made.partial_fit(noisy[part], target=clean[part])
        other.partial_fit(noisy[part])

    assert made.history_["loss"] != other.history_["loss"]


def test_warm_start_takes_targets(clean, noisy):
    made = quick(warm_start=True).fit(clean)

    assert made.fit(noisy, target=clean).history_["loss"] != quick(warm_start=True).fit(clean).fit(noisy).history_["loss"]


def test_frames_are_targets(clean, noisy):
    frame = pd.DataFrame(clean)

    np.testing.assert_array_equal(quick().fit(noisy, target=frame).transform(noisy), quick().fit(noisy, target=clean).transform(noisy))


def test_images_are_targets_of_images(clean, noisy):
    shape = (120, 8, 8)
    layers = Conv(2, image_shape=(8, 8))

    images = quick(layers=layers).fit(noisy.reshape(shape), target=clean.reshape(*shape, 1))
    rows = quick(layers=layers).fit(noisy, target=clean)

    np.testing.assert_array_equal(images.transform(noisy), rows.transform(noisy))


def test_images_of_another_shape_are_no_targets(clean):
    """Of as many numbers, they would be rebuilt as a jumble."""
    images = np.float32(clean[:, :4]).reshape(-1, 2, 2)

    with pytest.raises(ValueError, match=r"target holds images of shape \(4, 1, 1\), and X of \(2, 2, 1\): give a clean image of the same"):
        quick().fit(images, target=images.reshape(-1, 4, 1))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (lambda clean: clean[1:], r"target must have the shape of X, \(120, 64\), a clean row for each noisy one, got \(119, 64\)"),
        (lambda clean: clean[:, 1:], r"target must have the shape of X, \(120, 64\), a clean row for each noisy one, got \(120, 63\)"),
        (lambda clean: clean.reshape(120, 8, 8)[:, 1:], r"target must have the shape of X, \(120, 64\), .* got \(120, 7, 8\)"),
        (lambda clean: clean[0], "Expected 2D array, got 1D array instead"),
        (lambda clean: np.where(clean > 0.9, np.nan, clean), "Input target contains NaN"),
        (lambda clean: clean * 1e300, r"target holds values beyond the range of float32 \(3.4e38\): divide them by a large number first"),
        (lambda clean: pd.DataFrame({"a": list("xy")}), "X holds String .* in column 'a', where numbers are needed"),
    ],
    ids=["fewer rows", "fewer features", "other images", "one row", "NaN", "huge", "text"],
)
def test_other_targets_are_refused(target, words, clean):
    with pytest.raises(ValueError, match=words):
        quick().fit(clean, target=target(clean))


@pytest.mark.parametrize(
    ("validation", "words"),
    [
        (lambda X: (X, X[1:]), r"target must have the shape of X, \(120, 64\), a clean row for each noisy one, got \(119, 64\)"),
        (lambda X: (X, X, X), r"validation_data must be X or \(X, target\), got 3 parts"),
    ],
)
def test_other_validation_targets_are_refused(validation, words, clean):
    with pytest.raises(ValueError, match=words):
        quick().fit(clean, validation_data=validation(clean))
