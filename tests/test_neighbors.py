"""The nearest rows of every row: those that all distances name."""

from __future__ import annotations

import numpy as np
import pytest
from tests.training.test_trainer import Told

from narrows import neighbors
from narrows.neighbors import nearest_neighbors


def plain(rows: np.ndarray, k: int) -> np.ndarray:
    distances = np.square(rows[:, None] - rows).sum(-1)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, 1)[:, :k]


@pytest.mark.parametrize("width", [1, 2, 40])
@pytest.mark.parametrize("block", [7, 1000])
def test_they_are_those_of_all_distances(width, block, rng, monkeypatch):
    monkeypatch.setattr(neighbors, "BLOCK", block)
    rows = rng.normal(size=(60, width)).astype(np.float32)

    found = nearest_neighbors(rows, 5)

    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, plain(rows.astype(np.float64), 5))


@pytest.mark.parametrize("n_neighbors", [1, 3, 11])
def test_a_row_is_never_its_own_neighbor_even_among_equal_ones(n_neighbors):
    found = nearest_neighbors(np.zeros((12, 20), np.float32), n_neighbors)

    assert (found != np.arange(12)[:, None]).all()
    assert all(len(set(row)) == n_neighbors for row in found.tolist())


@pytest.mark.parametrize("n_neighbors", [0, 4, 9])
def test_more_neighbors_than_other_rows_are_refused(n_neighbors):
    with pytest.raises(ValueError, match=f"n_neighbors must be from 1 to 3, one less than the 4 rows, got {n_neighbors}"):
        nearest_neighbors(np.eye(4), n_neighbors)


def test_progress_counts_rows(rng, monkeypatch):
    monkeypatch.setattr(neighbors, "BLOCK", 20)
    told = Told()

    nearest_neighbors(rng.random((50, 3)), 2, progress=told)

    assert told.begun == ("neighbors", 50, "rows")
    assert told.done == [20, 40, 50]
