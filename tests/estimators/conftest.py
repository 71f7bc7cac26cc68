"""What tests of the estimators share: a small table, and an autoencoder that is fitted in a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from narrows import Autoencoder

QUICK: dict[str, Any] = {"layers": (6,), "epochs": 3, "batch_size": 16, "precision": "float32", "random_state": 0}


def quick(**choices: Any) -> Autoencoder:
    """Make an unfitted autoencoder that is fitted in a moment."""
    return Autoencoder(**{**QUICK, **choices})


@pytest.fixture(name="quick")
def quick_fixture() -> Callable[..., Autoencoder]:
    return quick


@pytest.fixture(scope="session")
def digits() -> np.ndarray:
    """120 8x8 digits, in [0, 16]."""
    return load_digits().data[:120]


@pytest.fixture
def table(rng) -> np.ndarray:
    """Fifty rows of five features in units of their own, that three hidden numbers make."""
    return rng.normal(size=(50, 3)) @ rng.normal(size=(3, 5)) * [1, 10, 0.1, 3, 1000] + [0, 50, 1, -3, 1e4]


@pytest.fixture
def fitted(table) -> Autoencoder:
    return quick().fit(table)
