"""A run that is killed and goes on ends with the bits of one that was not."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress

import numpy as np
import pytest

from narrows import Autoencoder, data
from narrows.errors import CheckpointError, NarrowsWarning
from narrows.training.checkpoints import Checkpoint, Keeper, digest

RUNS = {
    "to the end": {"epochs": 4, "early_stopping": False},
    "stopped by validation": {"epochs": 30, "early_stopping": True, "patience": 2, "learning_rate": 0.3, "optimizer": "sgd"},
    "with noise and moving averages": {"epochs": 3, "noise": 0.2, "optimizer": "rmsprop"},
}


class Killed(BaseException):
    """Stands for the end of a process."""


def kill_after(writings: int, monkeypatch) -> None:
    """Kill the process after so many writings."""
    left = [writings]

    def write(self, position, whole=Keeper.write):
        whole(self, position)
        left[0] -= 1
        if not left[0]:
            raise Killed

    monkeypatch.setattr(Keeper, "write", write)


@pytest.fixture(params=["in memory", "in blocks"])
def rows(request):
    made = np.random.default_rng(0).normal(size=(700, 12)).astype(np.float32)
    return made if request.param == "in memory" else data.blocks(made)


def estimator(**settings) -> Autoencoder:
    return Autoencoder(2, layers=(8,), random_state=0, batch_size=32, **settings)


def same(one: Autoencoder, other: Autoencoder) -> bool:
    ours, theirs = one._network.weights, other._network.weights
    return one.history_ == other.history_ and one.best_epoch_ == other.best_epoch_ and all((ours[k] == theirs[k]).all() for k in ours)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_is_killed_again_and_again_ends_the_same(name, rows, tmp_path, monkeypatch):
    monkeypatch.setattr("narrows.training.trainer.CHUNK_SECONDS", 1e-12)
    monkeypatch.setattr("narrows.training.feeds.WINDOW_BYTES", 12 * 4 * 256)
    never_killed = estimator(**RUNS[name]).fit(rows)
    random = np.random.default_rng(1)
    kills = 0

    while True:
        with monkeypatch.context() as patch, suppress(Killed):
            kill_after(int(random.integers(3, 40)), patch)
            made = estimator(**RUNS[name]).fit(rows, checkpoint=Checkpoint(tmp_path / "run.checkpoint", minutes=0))
            break
        kills += 1

    assert kills >= 2
    assert same(made, never_killed)
    assert same(estimator(**RUNS[name]).fit(rows, checkpoint=tmp_path / "run.checkpoint"), made)  # and it is known to have ended


@pytest.mark.parametrize("change", ["rows", "a setting", "the seed"])
def test_a_checkpoint_of_another_run_is_refused(change, tmp_path):
    rows = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    path = tmp_path / "run.checkpoint"
    estimator(epochs=1).fit(rows, checkpoint=path)
    other = estimator(epochs=2 if change == "a setting" else 1).set_params(random_state=1 if change == "the seed" else 0)

    with pytest.raises(CheckpointError, match="other rows, settings or versions"):
        other.fit(rows + 1 if change == "rows" else rows, checkpoint=path)


BROKEN = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "no metadata": lambda content: (2).to_bytes(8, "little") + b"{}",
    "not text": lambda content: content[:8] + b"\xff" + content[9:],
    "a huge header": lambda content: (2**60).to_bytes(8, "little") + content[8:],
    "another format": lambda content: content.replace(rb"\"format\": 1", rb"\"format\": 9"),
    "a part is missing": lambda content: content.replace(rb"\"window\"", rb"\"widnow\""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_damaged_checkpoint_is_refused(name, tmp_path):
    rows = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    path = tmp_path / "run.checkpoint"
    estimator(epochs=1).fit(rows, checkpoint=path)
    path.write_bytes(BROKEN[name](path.read_bytes()))

    with pytest.raises(CheckpointError, match="delete it to begin anew"):
        estimator(epochs=1).fit(rows, checkpoint=path)


def test_a_full_disk_is_told_once_and_training_goes_on(tmp_path, monkeypatch):
    rows = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    made = estimator(epochs=3).fit(rows)

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("narrows._files.os.fsync", full)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        same_run = estimator(epochs=3).fit(rows, checkpoint=Checkpoint(tmp_path / "run.checkpoint", minutes=0))

    assert same(same_run, made)
    said = [str(one.message) for one in told if issubclass(one.category, NarrowsWarning) and "checkpoint" in str(one.message)]
    assert len(said) == 1
    assert "No space left on device" in said[0]
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_holds_plain_values_only(tmp_path):
    rows = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    path = tmp_path / "run.checkpoint"
    estimator(epochs=1).fit(rows, checkpoint=path)

    content = path.read_bytes()

    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert set(json.loads(header["__metadata__"]["narrows.checkpoint"])) >= {"format", "run", "epoch", "window", "step", "history"}


def test_what_cannot_be_repeated_has_no_checkpoint(tmp_path):
    import keras

    rows = np.zeros((20, 3), np.float32)

    with pytest.raises(ValueError, match="set random_state to a number"):
        estimator().set_params(random_state=None).fit(rows, checkpoint=tmp_path / "a")
    with pytest.raises(ValueError, match="callbacks have a state of their own"):
        estimator(callbacks=[keras.callbacks.ReduceLROnPlateau()]).fit(rows, checkpoint=tmp_path / "a")
    with pytest.raises(ValueError, match="minutes between two checkpoints"):
        Checkpoint(tmp_path / "a", minutes=-1)


def test_a_digest_is_of_values_and_not_of_where_they_lie():
    assert digest([test_what_cannot_be_repeated_has_no_checkpoint, 1]) == digest([test_what_cannot_be_repeated_has_no_checkpoint, 1])
    assert " at 0x" in repr(test_a_digest_is_of_values_and_not_of_where_they_lie)
    one, other = (type("Same", (), {})() for _ in range(2))
    assert digest([one]) == digest([other])
    assert digest([np.zeros(2)]) != digest([np.zeros((1, 2))])
    assert digest([np.zeros(2)]) != digest([np.zeros(2, np.float32)])
