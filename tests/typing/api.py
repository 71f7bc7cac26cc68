"""Normal uses that a type checker must accept; read by mypy, never run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import narrows
from narrows import (
    Autoencoder,
    Conv,
    Dense,
    Gaussian,
    Masking,
    SaltAndPepper,
    SupervisedAutoencoder,
    SupervisedAutoencoderRegressor,
    errors,
    load,
    recipe,
    recipes,
    save,
)


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


def use_labels(rows: np.ndarray, labels: np.ndarray, clean: np.ndarray) -> None:
    head = Dense(64, 128, dropout=0.5)
    classifier = SupervisedAutoencoder(2, head=head, label_weight=0.1, class_weight={0: 2.0}, unlabeled=-1, noise=0.4)
    classifier = classifier.fit(rows, labels, sample_weight=labels, validation_data=(rows, labels), target=clean)
    chances: np.ndarray = classifier.predict_proba(rows)
    accuracy: float = classifier.score(rows, labels)
    classes: np.ndarray = classifier.classes_
    classifier = classifier.partial_fit(rows, labels, classes=classes)
    regressor = SupervisedAutoencoderRegressor(layers=Conv(8, image_shape=(8, 8)), noise=Masking(0.3)).fit(rows, labels)
    numbers: np.ndarray = regressor.predict(rows)
    _ = chances, accuracy, numbers, classifier.head_, classifier.transform(rows)


def use_noise(rows: np.ndarray, clean: np.ndarray) -> None:
    noisy: np.ndarray = SaltAndPepper(0.1).corrupt(clean, random_state=1)
    denoiser = Autoencoder(32, noise=Gaussian(0.4, clip=True)).fit(clean)
    denoiser = Autoencoder(32).fit(noisy, target=clean, validation_data=(noisy, clean))
    denoiser = denoiser.set_params(noise=lambda rows, key: rows, layers__dropout=0.1)
    cleaned: np.ndarray = denoiser.reconstruct(rows)
    del cleaned
