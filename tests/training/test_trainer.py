"""Epochs of compiled steps: deterministic, in chunks that leave no trace, and stopped well whatever happens."""

from __future__ import annotations

import random
import threading

import keras
import numpy as np
import pytest
from tests.training.conftest import Trial, same_bits

from narrows import Dense
from narrows.networks import computation as computations
from narrows.networks import scale as scales
from narrows.training import program, trainer
from narrows.training.rows import RowSet

SETTINGS = {"plain": Dense(5), "dropout and normalization": Dense(5, dropout=0.3, batch_normalization=True)}


@pytest.fixture(params=SETTINGS)
def layers(request) -> Dense:
    return SETTINGS[request.param]


def test_two_runs_are_bit_identical(layers, unit_rows):
    made = Trial(layers, unit_rows)

    assert same_bits(made(), made())
    assert not same_bits(made(), made(seed=2))


def test_chunks_leave_no_trace(layers, unit_rows, monkeypatch):
    """One step at a time or all at once: the same bits."""
    made = Trial(layers, unit_rows)
    at_once = made(epochs=3, validation=made.rows)

    monkeypatch.setattr(trainer, "CHUNK_SECONDS", 1e-12)

    assert same_bits(made(epochs=3, validation=made.rows), at_once)


def test_an_epoch_is_run_in_chunks(trial, monkeypatch):
    """Between two chunks an interrupt is seen and progress is told."""
    monkeypatch.setattr(trainer, "CHUNK_SECONDS", 1e-12)
    told = Told()

    trial(epochs=2, progress=told)

    assert told.done == pytest.approx([43 * part / 3 for part in range(1, 7)])


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.done: list[float] = []
        self.texts: list[str] = []

    def begin(self, name, total, unit=""):
        self.begun = (name, total, unit)

    def advance(self, done, text=""):
        self.done.append(done)
        self.texts.append(text)

    def end(self, text=""):
        self.last = text


def test_progress_says_what_goes_on(trial):
    told = Told()

    trial(epochs=3, progress=told, validation=trial.rows)

    assert told.begun == ("training", 3 * 43, "rows")
    assert told.done[-1] == 3 * 43
    assert "epoch 2/3" in " ".join(told.texts)
    for word in ("rows/s", "loss 0.", "validation 0."):
        assert word in told.texts[-1]
    assert "loss 0." in told.last


def global_states() -> list[object]:
    keras_seed = keras.src.backend.common.global_state.get_global_attribute("global_seed_generator")
    return [random.getstate(), repr(np.random.get_state()), keras_seed]  # noqa: NPY002


def test_no_global_random_state_is_touched(unit_rows):
    before = global_states()

    Trial(SETTINGS["dropout and normalization"], unit_rows)()

    assert global_states() == before


def test_global_seeds_change_nothing(unit_rows):
    made = Trial(SETTINGS["dropout and normalization"], unit_rows)
    one = made()
    keras.utils.set_random_seed(5)

    assert same_bits(made(), one)


def test_without_patience_the_last_weights_are_kept(trial):
    outcome = trial("adam", 0.05, epochs=4, validation=trial.rows)

    assert outcome.epoch == len(outcome.history["val_loss"]) == 4


RESTLESS = {"optimizer": "sgd", "rate": 2.0}  # a rate at which the validation loss rises now and then


def test_patience_ends_training_and_goes_back_to_the_best_epoch(trial):
    losses = trial(**RESTLESS, epochs=12, patience=100, validation=trial.rows).history["val_loss"]
    best, end = next((at, at + 2) for at, loss in enumerate(losses) if min(losses[at + 1 : at + 3]) >= loss <= min(losses[: at + 1]))

    outcome = trial(**RESTLESS, epochs=12, patience=2, validation=trial.rows)

    assert outcome.history["val_loss"] == losses[: end + 1]
    assert outcome.epoch == best + 1 < end
    assert_weights(outcome, trial(**RESTLESS, epochs=best + 1).weights)


def assert_weights(outcome, expected):
    for name, value in outcome.weights.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_divergence_names_epoch_and_step_and_goes_back(trial):
    """A rate of 1e30 in the third epoch: the weights are those of the second."""

    def listener(epoch):
        if epoch.number == 1:
            epoch.learning_rate = 1e30

    good = trial("sgd", 0.1, epochs=2)
    outcome = trial("sgd", 0.1, epochs=5, listeners=[listener])

    assert outcome.diverged is not None
    epoch, step = outcome.diverged
    assert epoch == 3
    assert step in (1, 2, 3)
    assert outcome.epoch == 2
    assert_weights(outcome, good.weights)
    assert len(outcome.history["loss"]) == 2


def test_divergence_in_the_first_epoch_goes_back_to_the_start(trial):
    outcome = trial("sgd", 1e30)

    assert outcome.diverged == (1, 2)
    assert outcome.epoch == 0
    assert_weights(outcome, trial.weights)


def test_the_step_that_diverged_is_the_same_in_any_chunk(unit_rows, monkeypatch):
    made = Trial(Dense(5, activation="relu"), np.repeat(unit_rows, 10, axis=0))
    monkeypatch.setattr(trainer, "CHUNK_SECONDS", 1e3)
    at_once = made("sgd", 20.0, epochs=3).diverged
    monkeypatch.setattr(trainer, "CHUNK_SECONDS", 1e-12)

    assert made("sgd", 20.0, epochs=3).diverged == at_once
    assert at_once is not None


def test_an_interrupt_keeps_the_last_whole_epoch(trial):
    def listener(epoch):
        if epoch.number == 2:
            raise KeyboardInterrupt

    outcome = trial(epochs=9, listeners=[listener])

    assert outcome.interrupted
    assert outcome.epoch == 2
    assert_weights(outcome, trial(epochs=2).weights)


def test_an_interrupt_keeps_the_best_epoch(trial):
    """By validation loss, where that is what chooses."""

    def listener(epoch):
        if epoch.number == 6:
            raise KeyboardInterrupt

    outcome = trial(**RESTLESS, epochs=9, patience=100, validation=trial.rows, listeners=[listener])

    assert outcome.interrupted
    assert outcome.epoch == int(np.argmin(outcome.history["val_loss"][:6])) + 1


def test_an_interrupt_in_the_first_epoch_keeps_what_there_is(trial, monkeypatch):
    monkeypatch.setattr(trainer, "CHUNK_SECONDS", 1e-12)

    class Impatient(Told):
        def advance(self, done, text=""):
            raise KeyboardInterrupt

    outcome = trial(epochs=3, progress=Impatient())

    assert outcome.interrupted
    assert outcome.epoch == 0
    assert any((outcome.weights[name] != value).any() for name, value in trial.weights.items())


def test_a_listener_may_stop_change_weights_and_rates(trial):
    def listener(epoch):
        epoch.stop = epoch.number == 2
        if epoch.number == 1:
            epoch.weights["code/bias"] = np.full(3, 9.0, np.float32)
            epoch.learning_rate = 1e-12

    outcome = trial("sgd", 0.1, epochs=9, listeners=[listener])

    np.testing.assert_allclose(outcome.history["learning_rate"], [0.1, 0.1, 1e-12], rtol=1e-5)
    np.testing.assert_allclose(outcome.weights["code/bias"], 9.0, rtol=1e-5)


def test_training_works_outside_the_main_thread(trial):
    """joblib's threads, a notebook's: no signal handler can be set there."""
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(trial()))
    thread.start()
    thread.join()

    assert same_bits(outcomes[0], trial())


def test_rows_beyond_float32_are_one_sentence():
    rows = np.array([[1e39, 0.0], [2e39, 1.0]])
    scale = scales.learn(None, rows)

    with pytest.raises(ValueError, match=r"rows hold values beyond the range of float32 .*: divide them by a large number first"):
        RowSet(rows, scale).on_device()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_bytes_stay_bytes_on_the_device(dtype, rng):
    rows = rng.integers(0, 200, (10, 3)).astype(dtype)

    arrays, scale = RowSet(rows, scales.learn("auto", rows)).on_device()

    assert arrays["x"].dtype == (np.uint8 if dtype == np.uint8 else np.float32)
    assert (scale is not None) == (dtype == np.uint8)
    assert arrays["x"].shape == (16, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_rows_are_copied_once_on_their_way_to_a_cpu(dtype, rng, monkeypatch):
    """What is filled in on the host is the device's memory, so that rows from a disk come into memory once."""
    import jax

    if jax.default_backend() != "cpu":
        pytest.skip("another device has its own memory")
    given = []
    put = jax.device_put
    monkeypatch.setattr(jax, "device_put", lambda array: given.append(array) or put(array))
    rows = rng.integers(0, 200, (300, 7)).astype(dtype)

    arrays, _ = RowSet(rows, scales.learn("auto", rows)).on_device()

    assert arrays["x"].unsafe_buffer_pointer() == given[0].ctypes.data


def test_programs_are_shared_by_equal_networks_and_sizes(unit_rows):
    """What is only a number compiles nothing: rates, seeds, epochs, strengths, weights, a few rows more."""
    Trial(Dense(7, l2=1e-3), unit_rows)("adam", 0.01)
    compiled = program.compilations["train"]

    Trial(Dense(7, l2=1e-2, kernel_initializer="zeros"), unit_rows[:35])(keras.optimizers.Adam(0.5), 0.02, "cosine", epochs=3, seed=8)

    assert program.compilations["train"] == compiled


def test_a_computation_is_shared_by_equal_plans():
    one, same = (Dense(9).plan(6, 2, code_activation="linear", output_activation="linear") for _ in range(2))

    assert computations.of_plan(one.computation) is computations.of_plan(same.computation)
