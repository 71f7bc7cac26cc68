"""The order of rows: every row once an epoch, from a seed alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.training.samplers import Shuffle, size_class


def test_every_row_comes_once_an_epoch():
    order = Shuffle(100, seed=1).order(3, 128)

    assert order.dtype == np.int32
    np.testing.assert_array_equal(np.sort(order[:100]), np.arange(100))


def test_the_filling_are_real_rows():
    assert set(Shuffle(5, seed=1).order(0, 32)) <= set(range(5))


def test_seed_and_epoch_make_the_order():
    def order(seed, epoch):
        return Shuffle(50, seed).order(epoch, 50)

    np.testing.assert_array_equal(order(1, 2), order(1, 2))
    assert not np.array_equal(order(1, 2), order(1, 3))
    assert not np.array_equal(order(1, 2), order(2, 2))


@given(st.integers(1, 2**31))
def test_a_size_class_holds_the_rows_and_wastes_little(n):
    size = size_class(n)

    assert n <= size
    assert size < 2 * n if n <= 65536 else size < 1.126 * n
    assert size_class(size) == size


@pytest.mark.parametrize(("n", "size"), [(1, 1), (2, 2), (3, 4), (60_000, 65_536), (65_536, 65_536), (65_537, 73_728), (140_000, 147_456)])
def test_size_classes(n, size):
    assert size_class(n) == size
