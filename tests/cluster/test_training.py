"""A fit on a cluster is the fit of one process, whatever happens to its workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from narrows import Autoencoder, Checkpoint, SupervisedAutoencoder, cluster, data
from narrows.errors import NarrowsWarning

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

FEW = {"layers": (16,), "epochs": 3, "batch_size": 64, "random_state": 0}


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    X = (np.tanh(rng.normal(size=(3000, 3)) @ rng.normal(size=(3, 20))) / 2 + 0.5).astype(np.float32)
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    np.save(path, X)
    return path


class Watching:
    """Progress that does something when training has come so far, once."""

    def __init__(self, at: float, act) -> None:
        self.at, self.act, self.told = at, act, []

    def begin(self, name, total, unit=""):
        self.task, self.total = name, total

    def advance(self, done, text=""):
        self.told.append((done, text))
        if self.task == "training" and self.act is not None and done >= self.at * self.total:
            act, self.act = self.act, None
            act()

    def end(self, text=""):
        self.told.append((self.total, text))


def alike(one, other, *, atol=1e-5):
    for name, weight in other._network.weights.items():
        np.testing.assert_allclose(one._network.weights[name], weight, rtol=0, atol=atol, err_msg=name)


def workers() -> list[int]:
    """Give the processes that train."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"RayTrainWorker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def test_labelled_rows_of_a_table(nodes, tmp_path):
    """With rows of their own to stop by."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.random((2000, 6), np.float32), columns=[*"abcdef"])
    frame["kind"] = np.where(frame["a"] > frame["b"], "more", "less")
    for part in range(2):
        frame[part * 1000 : (part + 1) * 1000].to_parquet(tmp_path / f"part-{part}.parquet")
    some = frame.sample(200, random_state=0)
    made, alone = (SupervisedAutoencoder(2, early_stopping=True, **FEW) for _ in range(2))
    held = some[[*"abcdef"]], some["kind"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone.fit(data.blocks(str(tmp_path / "*.parquet"), label="kind"), None, validation_data=held)
        found = cluster.fit(made, tmp_path / "*.parquet", label="kind", workers=2, validation_data=held)

    assert found is made
    assert list(made.classes_) == ["less", "more"]
    assert list(made.feature_names_in_) == [*"abcdef"]
    alike(made, alone)
    assert "val_loss" in alone.history_
    for name, course in alone.history_.items():
        np.testing.assert_allclose(made.history_[name], course, rtol=1e-3)
    assert made.predict(frame[[*"abcdef"]]).shape == (2000,)


@pytest.mark.faults
def test_workers_die(nodes, rows, tmp_path):
    """It costs what was done since the last checkpoint, and changes nothing."""
    few = {**FEW, "epochs": 40}
    alone = Autoencoder(2, **few).fit(data.blocks(rows))
    killed = []

    def kill():
        killed.append(workers()[0])
        os.kill(killed[0], signal.SIGKILL)

    watching = Watching(0.2, kill)
    made = cluster.fit(Autoencoder(2, **few), rows, workers=2, checkpoint=Checkpoint(tmp_path / "run", minutes=0), progress=watching)

    assert killed
    alike(made, alone)
    assert len(made.history_["loss"]) == 40
    before = max(done for done, text in watching.told if "begun" not in text and "loss" in text)
    after = [done for done, text in watching.told if "begun 2 times" in text]
    assert after
    assert min(after) > 0.15 * watching.total  # not from the beginning
    assert before <= watching.total


@pytest.mark.faults
def test_rows_that_change_meanwhile(nodes, rows, tmp_path):
    path = tmp_path / "rows.npy"
    path.write_bytes(rows.read_bytes())

    def change():
        path.write_bytes(path.read_bytes()[:-400])

    with pytest.raises(ValueError, match=r"rows.npy' has changed while it was read"):
        cluster.fit(Autoencoder(2, **{**FEW, "epochs": 400}), path, workers=2, progress=Watching(0.01, change))
    assert not workers()


def test_ctrl_c_keeps_the_best(nodes, rows, mount):
    """With a full disk at the checkpoint too, of which a warning tells; and with a seed that nobody chose, which is one for all workers."""

    def interrupt():
        raise KeyboardInterrupt

    made = Autoencoder(2, **{**FEW, "epochs": 400, "random_state": None})
    full = Checkpoint(mount("size=8k") / "run", minutes=0)
    with pytest.warns(NarrowsWarning, match="could not be written"), pytest.raises(KeyboardInterrupt, match="interrupted"):
        cluster.fit(made, rows, checkpoint=full, progress=Watching(0.05, interrupt))

    assert 0 < len(made.history_["loss"]) < 400
    assert made.random_state is None
    assert made.transform(np.load(rows)[:5]).shape == (5, 2)


@pytest.mark.faults
def test_a_driver_that_is_killed_is_started_again(nodes, rows, tmp_path):
    few = {**FEW, "epochs": 60}
    code = f"""
    from narrows import Autoencoder, Checkpoint, cluster
    cluster.fit(Autoencoder(2, **{few!r}), {str(rows)!r}, cluster="local:1", checkpoint=Checkpoint("run", minutes=0))
    """
    driver = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, start_new_session=True)
    for _ in range(1200):
        if (tmp_path / "run").exists() or driver.poll() is not None:
            break
        time.sleep(0.1)
    driver.kill()
    driver.wait()
    assert (tmp_path / "run").exists()

    watching = Watching(2, None)
    made = cluster.fit(Autoencoder(2, **few), rows, workers=2, checkpoint=tmp_path / "run", progress=watching)

    alike(made, Autoencoder(2, **few).fit(data.blocks(rows)))
    assert watching.told[0][0] > 0.01 * watching.total


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"callbacks": [object()]}, "callbacks run in one process"),
        ({"warm_start": True}, "a fit on a cluster begins anew"),
    ],
)
def test_what_a_cluster_cannot_do(change, sentence, rows):
    with pytest.raises(ValueError, match=sentence):
        cluster.fit(Autoencoder(2, **FEW, **change), rows)


def test_more_workers_than_processors(nodes, rows):
    with pytest.raises(ValueError, match="workers=9: the cluster has 2 processors"):
        cluster.fit(Autoencoder(2, **FEW), rows, workers=9)
    with pytest.raises(ValueError, match="workers=0: must be at least 1"):
        cluster.fit(Autoencoder(2, **FEW), rows, workers=0)
