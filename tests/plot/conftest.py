"""Small fitted estimators, and a stand-in whose arithmetic can be done in one's head; narrows itself is not imported here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


class Linear:
    """Codes are the first numbers of a row, and what is decoded is the code with zeros behind it."""

    def __init__(self, n_components: int = 2, n_features: int = 4) -> None:
        self.n_components, self.n_features = n_components, n_features

    def fit(self, X: Any, y: Any = None) -> Linear:
        del X, y
        return self

    def transform(self, X: Any) -> np.ndarray:
        return np.asarray(X, float)[:, : self.n_components]

    def inverse_transform(self, X: Any) -> np.ndarray:
        return np.pad(np.asarray(X, float), ((0, 0), (0, self.n_features - self.n_components)))

    def reconstruct(self, X: Any) -> np.ndarray:
        return self.inverse_transform(self.transform(X))


@pytest.fixture
def linear() -> type[Linear]:
    """Give the stand-in."""
    return Linear


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Give 300 images of shape (8, 8), in [0, 1], and their labels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.images[:300] / 16).astype(np.float32), found.target[:300]


@pytest.fixture(scope="session")
def table() -> Any:
    """Give a frame of 80 rows, whose names matplotlib would read as mathematics or leave out."""
    import pandas as pd

    names = ["$x$ and $y$", "_hidden", "a\\b_{c}^2", "plain", "much longer than anybody would write"]
    return pd.DataFrame(np.random.default_rng(0).normal(3, [1, 2, 3, 4, 5], (80, 5)), columns=names)


@pytest.fixture(scope="session")
def supervised(digits: Any) -> Any:
    """Give a fitted SupervisedAutoencoder of images, with validation rows."""
    from narrows import SupervisedAutoencoder

    images, labels = digits
    return SupervisedAutoencoder(2, layers=(16,), epochs=3, early_stopping=True, random_state=0).fit(images, labels)


@pytest.fixture(scope="session")
def denoising(digits: Any) -> Any:
    """Give an Autoencoder of images that was fitted with noise."""
    from narrows import Autoencoder, Gaussian

    return Autoencoder(3, layers=(16,), noise=Gaussian(0.3), epochs=2, random_state=0).fit(digits[0])


@pytest.fixture(scope="session")
def tabular(table: Any) -> Any:
    """Give an Autoencoder of a frame that was fitted with noise."""
    from narrows import Autoencoder

    return Autoencoder(2, layers=(8,), noise=0.1, epochs=2, random_state=0).fit(table)


@pytest.fixture(scope="session")
def regressor(table: Any) -> Any:
    """Give a fitted SupervisedAutoencoderRegressor of one number."""
    from narrows import SupervisedAutoencoderRegressor

    return SupervisedAutoencoderRegressor(2, layers=(8,), head=(4,), epochs=2, random_state=0).fit(table, table["plain"] / 2)


@pytest.fixture(scope="session")
def two_step(digits: Any) -> Any:
    """Give a fitted LatentMap of images."""
    from narrows import Autoencoder, LatentMap

    small = Autoencoder(layers=(16,), epochs=2)
    return LatentMap(4, autoencoder=small, tsne={"n_iter": 20, "early_exaggeration_iter": 20}, random_state=0).fit(digits[0][:100])
