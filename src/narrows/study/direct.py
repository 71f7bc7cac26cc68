"""Why not straight to two dimensions: maps by a code of two numbers, by longer codes and t-SNE, and by t-SNE alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from narrows import plot, quality
from narrows.estimators import Autoencoder, LatentMap
from narrows.estimators.latent_map import embed, place
from narrows.estimators.recipes import recipe
from narrows.progress import Silent
from narrows.study.experiment import Experiment, Material, Measured, Results, Setting
from narrows.study.findings import Finding, exceeds, falls_below
from narrows.study.measuring import fitted

ROWS, EPOCHS = 10_000, 20
CODE, COMPONENTS = 20, 50
DRAWN = 2000  # test rows in a picture, and those that scikit-learn's t-SNE is given among the others
NETWORK, NEIGHBORS = "autoencoder to 2", "autoencoder to 2, with neighbors"
TWO_STEPS, LINEAR = f"autoencoder to {CODE}, t-SNE", f"PCA to {COMPONENTS}, t-SNE"
PIXELS, OTHER = "t-SNE of the rows, openTSNE", "t-SNE of the rows, scikit-learn"


def _options(material: Material) -> dict[str, Any]:
    return {"n_iter": 20, "early_exaggeration_iter": 20} if material.quick else {}


def _network(make: Callable[[], Autoencoder], material: Material, seed: int) -> Measured:
    began = time.perf_counter()
    made = fitted(make(), material, seed)
    places = made.transform(material.train.X)
    return _measured(made, places, made.transform(material.test.X), time.perf_counter() - began, material)


def _two_steps(material: Material, seed: int) -> Measured:
    inner = Autoencoder(epochs=material.epochs(EPOCHS))
    made = LatentMap(CODE, autoencoder=inner, tsne=_options(material), random_state=seed)
    began = time.perf_counter()
    places = made.fit_transform(material.train.X)
    seconds = time.perf_counter() - began
    return _measured(made, places, made.transform(material.test.X), seconds, material)


def _of_points(encode: Callable[[Material], Callable[[np.ndarray], np.ndarray]], material: Material, seed: int) -> Measured:
    began = time.perf_counter()
    encoded = encode(material)
    points = encoded(material.train.X).astype(np.float32)
    places, _ = embed(points, _options(material), seed, Silent())
    seconds = time.perf_counter() - began
    return _measured(None, places, place(encoded(material.test.X).astype(np.float32), points, places), seconds, material)


def _unit(material: Material) -> Callable[[np.ndarray], np.ndarray]:
    low, high = float(material.train.X.min()), float(material.train.X.max())
    return lambda rows: (rows.astype(np.float32) - low) / ((high - low) or 1)


def _pca(material: Material) -> Callable[[np.ndarray], np.ndarray]:
    unit = _unit(material)
    code = quality.LinearCode.fit(unit(material.train.X), min(COMPONENTS, *material.train.X.shape))
    return lambda rows: np.asarray(code.encode(unit(rows)))


def _scikit_learn(material: Material, seed: int) -> Measured:
    """Give test rows among the others, for it cannot place new ones."""
    n = len(material.train.X)
    points = _unit(material)(np.concatenate([material.train.X, material.test.X[:DRAWN]]))
    began = time.perf_counter()
    places = embed_by_scikit_learn(points, seed, **({"max_iter": 250} if material.quick else {}))
    seconds = (time.perf_counter() - began) * n / len(points)
    return _measured(None, places[:n], places[n:], seconds, material, places_new=False)


def embed_by_scikit_learn(points: np.ndarray, seed: int, **options: Any) -> np.ndarray:
    """Place points of shape (n, d) by scikit-learn's t-SNE, on all cores; gives places of shape (n, 2)."""
    from sklearn.manifold import TSNE

    places: np.ndarray = TSNE(perplexity=min(30, (len(points) - 1) / 3), random_state=seed, n_jobs=-1, **options).fit_transform(points)
    return places


def _measured(made: Any, train: np.ndarray, test: np.ndarray, seconds: float, material: Material, *, places_new: bool = True) -> Measured:
    labels, rows = material.test_labels[: len(test)], _unit(material)(material.test.X[: len(test)])
    k = min(15, (len(test) - 1) // 2)
    told = quality.knn_accuracy(train, material.labels, test, labels, (1, 5))
    error = np.nan
    if made is not None:
        error = quality.mean_squared_error(rows, _unit(material)(made.inverse_transform(test)))
    figures = {
        "fit": seconds,
        "1-NN": told[1],
        "5-NN": told[5],
        "trustworthiness": quality.trustworthiness(rows[:DRAWN], test[:DRAWN], k),
        "squared error": error,
        "places": float(places_new),
    }
    series = {"places": test[:DRAWN].round(3).tolist(), "labels": labels[:DRAWN].tolist()}
    return Measured(figures, series)


def judge(results: Results) -> list[Finding]:
    """Put the ways beside each other, by what neighbors tell and by seconds."""
    told = {setting: results.values(setting, "5-NN") for setting in results.settings}
    seconds = {setting: results.values(setting, "fit") for setting in results.settings}
    error = {setting: results.values(setting, "squared error") for setting in results.settings}
    return [
        exceeds(f"by way of {CODE} numbers and t-SNE, 5-NN tells more than on a code of two", told[TWO_STEPS], told[NETWORK]),
        exceeds("and more than on t-SNE of the rows themselves", told[TWO_STEPS], told[PIXELS]),
        exceeds(f"and more than on t-SNE of {COMPONENTS} components of PCA", told[TWO_STEPS], told[LINEAR]),
        falls_below("it takes fewer seconds than t-SNE of the rows themselves", seconds[TWO_STEPS], seconds[PIXELS]),
        falls_below("openTSNE takes a quarter of scikit-learn's seconds or less", seconds[PIXELS], seconds[OTHER][0] / 4),
        exceeds("a code of two, drawn by neighbors, tells more than one that is not", told[NEIGHBORS], told[NETWORK]),
        exceeds("and as much as two steps, but for a point of a hundred", told[NEIGHBORS], told[TWO_STEPS] - 0.01),
        falls_below("decoded, its squared error is below that of two steps", error[NEIGHBORS], error[TWO_STEPS]),
    ]


def draw(results: Results) -> Any:
    """Draw the maps of test rows side by side."""
    grid = plot.new_grid(2, 3)
    for number, (setting, ax) in enumerate(zip(results.settings, grid.flat, strict=False)):
        title = f"{setting}\n5-NN {results.mean(setting, '5-NN'):.3f}"
        last = ax if number == len(results.settings) - 1 else None
        plot.codes(results.series(setting, "places"), labels=results.series(setting, "labels"), title=title, legend=last, ax=ax)
    return grid.flat[0]


EXPERIMENT = Experiment(
    name="direct",
    shows="why not straight to two dimensions: a code of two, a longer one and t-SNE, and t-SNE alone, by seconds and accuracy",
    claim=f"t-SNE straight from the rows is too slow and too noisy: an autoencoder first takes them to some {CODE} numbers, and t-SNE "
    "those to the map.",
    method=f"Maps of {ROWS:,} rows; networks train for {EPOCHS} epochs, t-SNE is openTSNE's, 750 iterations in all. Test rows are placed "
    f"afterwards and told by their nearest fitted rows; scikit-learn's t-SNE cannot place rows, and has {DRAWN:,} of the test rows among "
    "those that it is given (its seconds are scaled by the rows). Seconds are those of the fit. The squared error is that of decoded "
    f"places of test rows, in [0, 1]; trustworthiness is of {DRAWN:,} of them.",
    figures={
        "fit": "seconds of the fit",
        "1-NN": "1-NN accuracy",
        "5-NN": "5-NN accuracy",
        "trustworthiness": "trustworthiness",
        "squared error": "squared error, decoded",
        "places": "places new rows",
    },
    settings=(
        Setting(NETWORK, partial(_network, partial(Autoencoder, 2, epochs=EPOCHS))),
        Setting(NEIGHBORS, partial(_network, partial(recipe, "map", epochs=EPOCHS))),
        Setting(TWO_STEPS, _two_steps),
        Setting(LINEAR, partial(_of_points, _pca)),
        Setting(PIXELS, partial(_of_points, _unit)),
        Setting(OTHER, _scikit_learn, seeded=False),
    ),
    judge=judge,
    draw=draw,
    n_rows=ROWS,
)
