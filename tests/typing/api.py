"""Normal uses that a type checker must accept; read by mypy, never run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import narrows
from narrows import Autoencoder, Dense, errors, load, recipe, recipes, save


def use(rows: np.ndarray, path: Path) -> None:
    autoencoder = Autoencoder(2, layers=(500, 300, 100), random_state=0)
    autoencoder = Autoencoder(n_components=20, layers=Dense(100, activation="gelu", dropout=0.1), epochs=3, verbose=1)
    codes = autoencoder.fit(rows).transform(rows)
    _ = autoencoder.inverse_transform(codes), autoencoder.reconstruct(rows), autoencoder.score_samples(rows)
    quality: float = autoencoder.score(rows)
    _ = autoencoder.reconstruct(rows, scaled=True) - autoencoder.scale_rows(rows)
    text: str = autoencoder.summary()
    losses: list[float] = autoencoder.history_["loss"]
    for verdict in autoencoder.diagnostics_:
        text += verdict.sentence
    try:
        save(autoencoder, path)
        load(path).transform(rows)
    except errors.BundleError as error:
        text += str(error)
    for name in recipes():
        recipe(name, epochs=1).fit(rows)
    version: str = narrows.__version__
    del quality, losses, version
