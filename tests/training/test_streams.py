"""The order of rows in blocks: every row once, spread well, the same for the same seed, and shared out as one likes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrows.training.feeds import WINDOW_BYTES, shape_of
from narrows.training.samplers import STREAMS, Streams, _in_turn


def order_of(sampler: Streams, epoch: int) -> np.ndarray:
    """Give the rows of an epoch in their order."""
    found = []
    for number in range(sampler.n_windows):
        blocks, order = sampler.window_of(epoch, number)
        rows = np.concatenate([np.arange(*block) for block in blocks])
        found.append(rows[order])
    return np.concatenate(found)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 3000), st.integers(0, 2**32 - 1), st.integers(1, 64), st.integers(1, 5), st.integers(1, 200), st.integers(0, 3))
def test_every_row_comes_once_an_epoch(n, seed, block, pool, batch, epoch):
    sampler = Streams(n, seed, block, pool, batch)

    assert sorted(order_of(sampler, epoch)) == list(range(n))
    for number in range(sampler.n_windows):
        assert len(sampler.window_of(epoch, number)[1]) <= min(sampler.size(number), sampler.window)


def test_seed_and_epoch_make_the_order():
    def order(seed, epoch):
        return order_of(Streams(1000, seed, 8, 4, 32), epoch)

    np.testing.assert_array_equal(order(1, 0), order(1, 0))
    assert (order(1, 0) != order(2, 0)).any()
    assert (order(1, 0) != order(1, 1)).any()


def test_streams_share_every_batch_alike():
    """A worker that has some places of every batch reads the blocks of some streams only."""
    sampler = Streams(STREAMS * 4 * 16, 0, 16, 4, 32)
    blocks, order = sampler.window_of(0, 0)

    stream_of_block = np.arange(len(blocks)) % STREAMS

    assert (stream_of_block[order // 16].reshape(-1, STREAMS, 4) == np.arange(STREAMS)[:, None]).all()


@given(st.integers(1, 8), st.integers(1, 9), st.integers(1, 40))
def test_streams_of_one_length_are_taken_alike_by_both_ways(count, share, length):
    streams = [np.arange(length) + 1000 * stream for stream in range(count)]
    batch = count * share

    fast = _in_turn(streams, batch)

    batches = [np.concatenate([rows[start : start + share] for rows in streams]) for start in range(0, length, share)]
    np.testing.assert_array_equal(fast, np.concatenate(batches))
    longer = [*streams[:-1], np.append(streams[-1], -1)]  # which the general way takes
    np.testing.assert_array_equal(_in_turn(longer, batch)[: length // share * batch], fast[: length // share * batch])


def test_batches_are_mixed_from_all_over_the_rows():
    """Rows that lie together in a file, sorted by something say, do not come in one batch."""
    n = 100_000
    block, pool = shape_of(n, 784, 128)
    order = order_of(Streams(n, 0, block, pool, 128), 0)

    batches = order[: n // 128 * 128].reshape(-1, 128)

    assert np.abs(batches.mean(1) - n / 2).max() < 0.25 * n
    assert batches.std(1).min() > 0.15 * n


@pytest.mark.parametrize(
    ("n", "width", "batch"), [(100, 3, 16), (10**7, 32, 128), (2 * 10**6, 784, 512), (10**6, 100_000, 128), (5, 1, 128)]
)
def test_windows_are_small_and_blocks_are_many(n, width, batch):
    block, pool = shape_of(n, width, batch)

    assert block >= 1
    assert STREAMS * block * pool * width * 4 <= max(WINDOW_BYTES, 5 * batch * width * 4)
    assert -(-n // block) >= min(n, STREAMS * 16)
