"""The network that a fit starts from."""

from __future__ import annotations

import numpy as np
import pytest

from narrows import Autoencoder, SupervisedAutoencoder
from narrows.estimators._fitting import first_network


@pytest.mark.parametrize("kind", [Autoencoder, SupervisedAutoencoder])
@pytest.mark.parametrize("linear_path", [False, True])
def test_a_fit_that_does_not_move_ends_where_it_starts(kind, linear_path, rng):
    rows, labels = rng.random((40, 6)), np.arange(40) % 2
    made = kind(2, layers=(5,), linear_path=linear_path, epochs=1, learning_rate=1e-30, random_state=3)

    first = first_network(made, rows, labels)

    assert not hasattr(made, "history_")
    last = made.fit(rows, labels)._network.weights
    assert first.weights.keys() == last.keys()
    for name, value in first.weights.items():
        np.testing.assert_allclose(value, last[name], atol=1e-25, err_msg=name)
