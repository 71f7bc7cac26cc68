"""What is minimized: terms that agree with JAX's own derivative, and losses that read as Keras's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.training.conftest import Trial

from narrows import Dense
from narrows.training.objective import reconstruction


@pytest.fixture
def logits(rng) -> np.ndarray:
    """Small, large and extreme inputs of a sigmoid."""
    return np.concatenate([rng.normal(0, 3, (20, 5)), rng.normal(0, 60, (19, 5)), [[0.0, 1e4, -1e4, 88.8, -104.0]]]).astype(np.float32)


def plain_cross_entropy(raw, target):
    return (jax.nn.softplus(raw) - target * raw).mean(-1)


def test_cross_entropy_and_its_derivatives_are_jaxs_own(logits, rng):
    """Value, derivative by the raw output and by the target, against JAX's derivative of the plain form."""
    target = rng.random(logits.shape, dtype=np.float32)
    ours = reconstruction("bce", "sigmoid", keras.activations.sigmoid).per_row

    def results(per_row):
        return per_row(logits, target), *jax.grad(lambda raw, target: per_row(raw, target).sum(), (0, 1))(logits, target)

    for value, expected in zip(results(ours), results(plain_cross_entropy), strict=True):
        assert np.isfinite(value).all()
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6)


def test_cross_entropy_is_keras_own_of_probabilities(rng):
    raw, target = rng.normal(size=(9, 4)).astype(np.float32), rng.random((9, 4), dtype=np.float32)

    ours = reconstruction("bce", "sigmoid", keras.activations.sigmoid).per_row(raw, target)

    np.testing.assert_allclose(ours, keras.losses.binary_crossentropy(target, keras.activations.sigmoid(raw)), rtol=1e-5)


@pytest.mark.parametrize(
    "loss", ["bce", "mean_absolute_error", "huber", "log_cosh", "poisson", keras.losses.LogCosh(), keras.losses.BinaryCrossentropy()]
)
def test_losses_are_keras_own_per_row(loss, rng):
    raw, target = rng.random((2, 9, 4), dtype=np.float32) * 0.8 + 0.1
    known = {"bce": "binary_crossentropy"}.get(loss, loss) if isinstance(loss, str) else loss.name
    expected = keras.losses.get(known)(target, raw)

    ours = reconstruction(loss, "linear", keras.activations.linear).per_row(raw, target)

    assert ours.shape == (9,)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_names_say_what_was_chosen():
    def own_loss(target, rebuilt):
        return abs(target - rebuilt)

    linear = keras.activations.linear
    assert reconstruction("mse", "linear", linear).name == "mse"
    assert reconstruction("huber", "linear", linear).name == "huber"
    assert reconstruction(keras.losses.Huber(), "linear", linear).name == "Huber"
    assert reconstruction(own_loss, "linear", linear).name == "own_loss"


def test_a_value_per_cell_becomes_its_mean_per_row(rng):
    raw, target = rng.random((2, 6, 4), dtype=np.float32)

    ours = reconstruction(lambda target, rebuilt: abs(target - rebuilt), "linear", keras.activations.linear).per_row(raw, target)

    np.testing.assert_allclose(ours, abs(target - raw).mean(1), rtol=1e-6)


def test_equal_losses_share_a_program_and_others_do_not():
    keys = [
        reconstruction(loss, "linear", keras.activations.linear).key
        for loss in (keras.losses.Huber(0.5), keras.losses.Huber(0.5), keras.losses.Huber(0.7), "mse")
    ]

    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("loss", "error", "words"),
    [
        ("mmse", ValueError, "unknown loss 'mmse': it must be 'auto', 'mse', 'bce', or a Keras loss by name or instance"),
        (3, TypeError, r"loss must be a name, a Keras loss or a function of \(target, reconstruction\), got 3"),
    ],
)
def test_unknown_losses_are_named(loss, error, words):
    with pytest.raises(error, match=words):
        reconstruction(loss, "linear", keras.activations.linear)


@pytest.mark.parametrize("loss", [lambda t, r: jnp.mean(t - r), lambda t, r: jnp.mean(t - r, 0)], ids=["one number", "a value per feature"])
def test_a_loss_must_give_a_value_per_row(loss, rng):
    with pytest.raises(ValueError, match=r"loss <lambda> must give a value per row, shape \(6,\), got shape"):
        reconstruction(loss, "linear", keras.activations.linear).per_row(*rng.random((2, 6, 4), dtype=np.float32))


@pytest.mark.parametrize("layers", [Dense(5, l2=1e-2), Dense(5, tied=True)], ids=["penalized", "tied"])
def test_weighted_and_repeated_rows_give_equal_loss_and_first_gradient(layers, rng):
    """The law in place of scikit-learn's two sample-weight checks, which no minibatch estimator passes.

    All rows in one step of plain descent: the moved weights show the gradient.
    """
    rows = rng.random((12, 6), dtype=np.float32)
    times = np.array([1, 2, 3, 0, 1, 1, 2, 1, 4, 1, 0, 1])
    weighted, repeated = Trial(layers, rows, weight=times), Trial(layers, np.repeat(rows, times, axis=0))
    for made in (weighted, repeated):
        made.penalize_codes(0.01, 0.02)
    repeated.weights = weighted.weights

    one, other = (made("sgd", 1.0, epochs=1, batch_size=32) for made in (weighted, repeated))

    assert one.history["loss"] == pytest.approx(other.history["loss"], rel=1e-6)
    for name, first in weighted.weights.items():
        np.testing.assert_allclose(one.weights[name] - first, other.weights[name] - first, rtol=1e-4, atol=1e-6, err_msg=name)
        assert (one.weights[name] != first).any()


def test_the_scale_of_weights_does_not_matter(rng):
    rows, weight = rng.random((20, 6), dtype=np.float32), rng.random(20) + 0.1

    one, other = (Trial(Dense(5), rows, weight=weight * factor)("adam") for factor in (1, 1024))

    np.testing.assert_allclose(one.history["loss"], other.history["loss"], rtol=1e-5)


def test_validation_loss_is_the_training_loss_of_those_rows(trial):
    """One more epoch at a rate of nearly zero measures what validation measured."""
    measured = trial("sgd", 0.1, epochs=3, validation=trial.rows).history["val_loss"][-1]
    trial.weights = trial("sgd", 0.1, epochs=3).weights

    assert trial("sgd", 1e-30, epochs=1).history["loss"][0] == pytest.approx(measured, rel=1e-5)
