"""A batch that is shared out gives what it gives alone, whoever computes which part of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows import Autoencoder
from narrows.data import blocks
from narrows.errors import PeerError
from narrows.networks import scale as scales
from narrows.training import feeds
from narrows.training.feeds import InBlocks
from narrows.training.ranks import Ranks
from narrows.training.rows import BlockSet

ROWS = """
    import warnings
    warnings.simplefilter("ignore")
    import numpy as np
    import narrows
    from narrows import Autoencoder, Conv, Gaussian, SupervisedAutoencoder, data
    from narrows.training import ranks

    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(1003, 3))
    X = (np.tanh(hidden @ rng.normal(size=(3, 16))) / 2 + 0.5).astype(np.float32)
    y = (hidden[:, 0] > 0).astype(int)
"""


class Devices:
    """As many devices as are asked for, of which nothing is computed."""

    def __init__(self, count: int) -> None:
        self.devices = np.zeros(count)


def held(feed: InBlocks, epoch: int, number: int) -> np.ndarray:
    """Give the first column of the rows at each place of each batch, by shards; -1 where there is none."""
    arrays, order, n = feed._make(epoch, number)
    shards, each = len(order), feed._ranks.share(feed._batch_size)
    x = arrays["x"].reshape(shards, -1, arrays["x"].shape[1])
    found = np.stack([own[places, 0] for own, places in zip(x, order, strict=True)]).reshape(shards, -1, each)
    return np.where(_real(feed, n, found), found, -1)


def _real(feed: InBlocks, n: int, like: np.ndarray) -> np.ndarray:
    place = np.arange(feed._ranks.shards * like.shape[2]).reshape(feed._ranks.shards, 1, -1)[list(feed._ranks.mine)]
    step = np.arange(like.shape[1])[:, None]
    return (place < feed._batch_size) & (step * feed._batch_size + place < n)


@given(st.integers(60, 700), st.integers(3, 50), st.sampled_from([(1, 2), (2, 2), (3, 3), (4, 4), (2, 6)]), st.integers(0, 2))
def test_workers_hold_the_batches_of_one_process(n, batch_size, counts, epoch):
    size, shards = counts
    rows = np.arange(n, dtype=np.float32)[:, None].repeat(3, 1)
    given = BlockSet(blocks(rows), scales.learn(None, rows))
    batch_size = max(batch_size, shards)
    feeds = [InBlocks(given, batch_size, 7, Ranks(rank, size, Devices(shards))) for rank in range(size)]
    alone = InBlocks(given, batch_size, 7, Ranks())

    for number in range(alone.n_windows):
        arrays, order, count = alone._make(epoch, number)
        together = np.concatenate([held(feed, epoch, number) for feed in feeds])  # by shard, step and place
        batches = together.transpose(1, 0, 2).reshape(together.shape[1], -1)
        expected = arrays["x"][order[:count], 0]
        np.testing.assert_array_equal(batches[batches >= 0], expected)
        assert feeds[0].steps == alone.steps
    for feed in [*feeds, alone]:
        feed.close()


def test_a_worker_reads_little_more_than_its_share():
    rows = np.zeros((65536, 16), np.float32)
    given = BlockSet(blocks(rows), scales.learn(None, rows))
    read = []

    class Noted:
        shape, dtype = given.blocks.shape, given.blocks.dtype

        def __len__(self):
            return len(given.blocks)

        def __getitem__(self, part):
            read.append(part.stop - part.start)
            return given.blocks[part]

    feed = InBlocks(BlockSet(Noted(), given.scale), 128, 0, Ranks(1, 4, Devices(4)))
    for number in range(feed.n_windows):
        feed._make(0, number)
    feed.close()

    assert sum(read) <= 1.3 * len(rows) / 4


def test_rows_that_a_device_has_no_room_for(monkeypatch):
    """They come window after window, as they do from files, and the weights are those of rows in files."""
    rows = np.random.default_rng(0).random((500, 6), np.float32)
    expected = Autoencoder(2, layers=(8,), epochs=2, random_state=0).fit(blocks(rows))
    monkeypatch.setattr(feeds, "ROWS_SHARE", 1e-9)
    monkeypatch.setattr(type(jax.local_devices()[0]), "memory_stats", lambda self: {"bytes_limit": 2**30}, raising=False)

    found = Autoencoder(2, layers=(8,), epochs=2, random_state=0).fit(rows)

    for name, weight in expected._network.weights.items():
        np.testing.assert_array_equal(found._network.weights[name], weight)


@pytest.mark.parametrize(
    ("batch_size", "count", "n", "sentence"),
    [
        (4, 8, 1000, "batches of 4 rows cannot be shared out among 8: take fewer workers or a larger batch_size"),
        (64, 40, 30, "there are 40 workers for 30 blocks of rows: take at most 30 workers"),
    ],
)
def test_more_workers_than_there_is_work_for(batch_size, count, n, sentence):
    rows = np.zeros((n, 3), np.float32)
    with pytest.raises(ValueError, match=sentence):
        InBlocks(BlockSet(blocks(rows), scales.learn(None, rows)), batch_size, 0, Ranks(0, count, Devices(count)))


def test_what_fails_elsewhere_fails_here():
    class Three(Ranks):
        def agree(self, *told):
            return np.array([[0], [1], list(told)])

    ranks = Three(0, 3, None)
    with pytest.raises(PeerError, match="worker 1 of 3 failed to read; it says why"), ranks.together("to read"):
        pass
    with pytest.raises(ZeroDivisionError), ranks.together("to read"):
        raise ZeroDivisionError


@pytest.mark.slow
def test_devices_share_out_every_kind_of_fit(python):
    """One process with several devices: the program is that of a cluster, and so is what it must give."""
    print(
        python(
            textwrap.dedent(ROWS)
            + textwrap.dedent("""
            import jax

            assert len(jax.devices()) == 4
            few = {"layers": (12,), "epochs": 2, "batch_size": 50, "random_state": 0}
            images = (X * 255).astype(np.uint8)
            fits = {
                "plain": lambda: Autoencoder(2, **few).fit(data.blocks(X)),
                "noisy": lambda: SupervisedAutoencoder(
                    2, noise=Gaussian(0.3), head=narrows.Dense(8, dropout=0.3), early_stopping=True, **few
                ).fit(data.blocks(X), y),
                "map": lambda: SupervisedAutoencoder(2, neighbor_weight=1.0, n_neighbors=5, **few).fit(X, y),
                "images": lambda: Autoencoder(2, **{**few, "layers": Conv(4, image_shape=(4, 4, 1))}).fit(data.blocks(images)),
            }
            for name, fit in fits.items():
                alone = fit()
                for count in {"plain": (3, 4), "noisy": (2,), "map": (2,), "images": (3,)}[name]:
                    with ranks.on_devices(jax.devices()[:count]) as here:
                        assert here.shards == count
                        shared = fit()
                    for key, weight in alone._network.weights.items():
                        np.testing.assert_allclose(shared._network.weights[key], weight, rtol=0, atol=1e-5, err_msg=f"{name} {count} {key}")
                    assert shared.history_.keys() == alone.history_.keys()
                    for key, course in alone.history_.items():
                        np.testing.assert_allclose(shared.history_[key], course, rtol=1e-3, err_msg=f"{name} {count} {key}")
                    assert (shared.history_["loss"] != alone.history_["loss"]) or count == 1  # other sums: it was shared out
            """),
            XLA_FLAGS="--xla_force_host_platform_device_count=4",
        )
    )


def processes(code: str, count: int, folder, **environment: str) -> list[str]:
    """Run code in several processes that are to join each other; give back what they printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KERAS_")}
    where = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}", "JAX_NUM_PROCESSES": str(count), "NPROC": "1", **environment}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(ROWS) + textwrap.dedent(code)],
            cwd=folder,
            env=inherited | where | {"JAX_PROCESS_ID": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    ended = [one.communicate(timeout=300) for one in started]
    assert not any(one.returncode for one in started), ended
    return [out for out, _ in ended]


@pytest.mark.slow
def test_processes_that_the_environment_introduces(tmp_path, python):
    """Two processes fit what one does; one leaves a checkpoint from which a single process goes on."""
    few = "Autoencoder(2, layers=(12,), epochs=4, batch_size=64, random_state=0)"
    python(textwrap.dedent(ROWS) + f'np.savez("alone.npz", **{few}.fit(data.blocks(X))._network.weights)\nnp.save("rows.npy", X)')
    said = processes(
        f"""
        from pathlib import Path
        from narrows import cluster

        np.save(f"rows-{{__import__('os').environ['JAX_PROCESS_ID']}}.npy", X)
        made = {few}
        fitted = cluster.fit(made, "rows.npy", cluster="env", checkpoint=narrows.Checkpoint("run.checkpoint", minutes=0))
        assert fitted is made and ranks.current().size == 1
        alone = np.load("alone.npz")
        for name, weight in made._network.weights.items():
            np.testing.assert_allclose(weight, alone[name], rtol=0, atol=1e-5)
        print("alike", len(made.history_["loss"]))
        """,
        2,
        tmp_path,
    )
    assert [text.strip().splitlines()[-1] for text in said] == ["alike 4", "alike 4"]
    assert (tmp_path / "run.checkpoint").exists()


@pytest.mark.slow
def test_one_process_cannot_read(tmp_path):
    """The others do not wait for it: each ends, and says whose fault it is."""
    said = processes(
        """
        import os
        from narrows import cluster

        np.save("rows.npy", X)
        rank = int(os.environ["JAX_PROCESS_ID"])
        source = "rows.npy" if rank == 0 else "missing.npy"
        try:
            cluster.fit(Autoencoder(2, layers=(12,), epochs=2, random_state=0), source, cluster="env")
        except Exception as problem:
            print(type(problem).__name__, problem)
        """,
        2,
        tmp_path,
    )
    assert "PeerError worker 1 of 2 failed to open its rows; it says why" in said[0]
    assert "FileNotFoundError there is no file 'missing.npy': check the path" in said[1]


def test_nobody_to_join(python):
    said = python(
        """
        from narrows.errors import PeerError
        from narrows.training import ranks
        try:
            ranks.joined()
        except PeerError as problem:
            print(problem)
    """.replace("\n        ", "\n")
    )
    assert "start it by srun or mpirun, or set JAX_COORDINATOR_ADDRESS=HOST:PORT" in said
