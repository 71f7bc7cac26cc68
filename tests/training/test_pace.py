"""Who holds the others up is named, and nobody else."""

from __future__ import annotations

import numpy as np
import pytest

from narrows.training.pace import Pace, lagging

HOSTS = ("ann", "bob", "cleo")


@pytest.mark.parametrize(
    ("seconds", "shares", "said"),
    [
        ([1.0, 1.1, 0.9], [0.0, 0.01, 0.0], ""),
        ([1.0, 1.1, 2.5], [0.0, 0.01, 0.0], "worker 2 (cleo) computes 2.4 times slower than the others"),
        ([1.0, 1.1, 0.9], [0.1, 0.6, 0.0], "worker 1 (bob) waits for its rows 60 % of the time"),
        ([1.0, 1.1, 0.9], [0.6, 0.6, 0.6], ""),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], ""),
    ],
)
def test_who_lags(seconds, shares, said):
    assert lagging(np.array(seconds), np.array(shares), HOSTS) == said


def test_nobody_lags_alone():
    assert lagging(np.array([1.0]), np.array([0.9]), HOSTS[:1]) == ""


def test_what_is_told():
    pace = Pace()
    seconds, _ = pace.told(0.0)
    again, share = pace.told(1e9)
    assert seconds > 0
    assert again == seconds  # it is tried now and then only
    assert share == 1.0
