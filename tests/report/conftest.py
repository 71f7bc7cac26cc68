from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from narrows import Autoencoder, SupervisedAutoencoder


@pytest.fixture(scope="session")
def digits():
    """Images of digits in bytes, and their labels."""
    rows, labels = load_digits(return_X_y=True)
    return np.rint(rows / 16 * 255).astype(np.uint8).reshape(-1, 8, 8), labels


@pytest.fixture(scope="session")
def dense(digits):
    return Autoencoder(2, layers=(64, 32), epochs=5, random_state=0).fit(digits[0][:1000])


@pytest.fixture(scope="session")
def supervised(digits):
    return SupervisedAutoencoder(2, layers=(64, 32), epochs=5, random_state=0).fit(digits[0][:1000], digits[1][:1000])
