"""Keras's own callbacks, called between epochs, take effect as in Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from narrows import Autoencoder, Dense
from narrows.training.callbacks import check_callbacks

callbacks = keras.callbacks


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(3).random((43, 8), dtype=np.float32)


def fitted(rows, *given, epochs=6, rate=0.1, **choices) -> Autoencoder:
    settings = {
        "layers": Dense(5, bias_initializer="zeros", code_gain=1.0),  # bears large learning rates
        "optimizer": "sgd",
        "schedule": "constant",
        "batch_size": 16,
        "precision": "float32",
        "random_state": 0,
        **choices,
    }
    return Autoencoder(2, epochs=epochs, learning_rate=rate, callbacks=list(given), **settings).fit(rows, validation_data=rows)


def same_weights(one: Autoencoder, other: Autoencoder) -> bool:
    return all((a == b).all() for a, b in zip(one.autoencoder_.get_weights(), other.autoencoder_.get_weights(), strict=True))


def test_hooks_are_called_in_keras_order_with_its_arguments(rows):
    seen = []

    class Recorder(callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(("train begins", self.params["epochs"]))

        def on_epoch_begin(self, epoch, logs=None):
            seen.append(("begin", epoch))

        def on_epoch_end(self, epoch, logs=None):
            seen.append(("end", epoch, sorted(logs)))

        def on_train_end(self, logs=None):
            seen.append(("train ends",))

    fitted(rows, Recorder(), epochs=2)

    logs = ["learning_rate", "loss", "reconstruction_loss", "val_loss", "val_reconstruction_loss"]
    assert seen == [("train begins", 2), ("begin", 0), ("end", 0, logs), ("begin", 1), ("end", 1, logs), ("train ends",)]


def test_callbacks_change_nothing_by_looking(rows):
    looked = []
    watching = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: looked.append(logs["loss"]))

    watched = fitted(rows, watching)

    assert looked == watched.history_["loss"]
    assert same_weights(watched, fitted(rows))


def test_the_model_they_see_has_the_weights_of_the_epoch(rows):
    errors = []

    class Measure(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rebuilt = self.model(rows)
            errors.append(float(keras.ops.mean((rebuilt - rows) ** 2)))

    made = fitted(rows, Measure(), loss="mse")

    np.testing.assert_allclose(errors, made.history_["val_loss"], rtol=1e-5)


def test_early_stopping_restores_the_best_weights(rows):
    stop = callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True)

    made = fitted(rows, stop, epochs=40, rate=5.0)

    best = int(np.argmin(made.history_["val_loss"]))
    assert made.n_epochs_ == best + 3 < 40
    assert same_weights(made, fitted(rows, epochs=best + 1, rate=5.0))


def test_reduce_on_plateau_reduces(rows):
    reduce = callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=100.0)

    made = fitted(rows, reduce, epochs=4)

    np.testing.assert_allclose(made.history_["learning_rate"], [0.1, 0.1, 0.05, 0.025], rtol=1e-6)


def test_a_scheduler_sets_the_rate_of_every_epoch(rows):
    """The first one too: Keras asks it at the beginning of an epoch."""
    rates = [0.3, 0.2, 0.4, 0.1]

    made = fitted(rows, callbacks.LearningRateScheduler(lambda epoch: rates[epoch]), epochs=4)

    np.testing.assert_allclose(made.history_["learning_rate"], rates, rtol=1e-6)
    steps = keras.optimizers.schedules.PiecewiseConstantDecay([2, 5, 8], rates)  # of three batches an epoch
    expected = fitted(rows, epochs=4, schedule=steps)
    for ours, theirs in zip(made.autoencoder_.get_weights(), expected.autoencoder_.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_a_checkpoint_is_written_each_epoch(rows, tmp_path):
    made = fitted(rows, callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True), epochs=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.weights.h5", "2.weights.h5"]
    before = made.reconstruct(rows)
    made.autoencoder_.load_weights(tmp_path / "1.weights.h5")
    assert not np.allclose(made.reconstruct(rows), before)
    made.autoencoder_.load_weights(tmp_path / "2.weights.h5")
    np.testing.assert_array_equal(made.reconstruct(rows), before)


def test_a_checkpoint_of_the_whole_model_opens_in_keras(rows, tmp_path):
    made = fitted(rows, callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="val_loss", save_best_only=True), epochs=3, rate=0.01)

    opened = keras.saving.load_model(tmp_path / "best.keras")

    np.testing.assert_allclose(opened(rows), made.reconstruct(rows), atol=1e-5)


def test_weights_that_a_callback_sets_are_trained_on(rows):
    class Reset(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.set_weights(start)

    class Keep(callbacks.Callback):
        def on_train_begin(self, logs=None):
            start.extend(self.model.get_weights())

    start: list[np.ndarray] = []
    made = fitted(rows, Keep(), Reset(), epochs=2)

    assert made.history_["loss"][1] == pytest.approx(made.history_["loss"][0], rel=0.02)
    assert fitted(rows, epochs=2).history_["loss"][1] < made.history_["loss"][1]


class EachBatch(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        """Want to be called too often."""


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (
            EachBatch(),
            ValueError,
            "EachBatch has on_train_batch_end, and narrows calls callbacks at the ends of epochs only, .*: use its on_epoch_end",
        ),
        (callbacks.ModelCheckpoint("x.keras", save_freq=10), ValueError, "ModelCheckpoint has on_train_batch_end"),
        (print, TypeError, "callbacks must be Keras callbacks, got <built-in function print>"),
    ],
)
def test_what_cannot_be_called_between_epochs_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        check_callbacks([given])


def test_a_callback_that_fails_says_so_itself(rows):
    def fail(epoch, logs):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fitted(rows, callbacks.LambdaCallback(on_epoch_end=fail))
