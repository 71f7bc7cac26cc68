"""Whether labels make a code of two numbers tell classes apart."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from narrows import plot, quality
from narrows.estimators import Autoencoder, SupervisedAutoencoder
from narrows.estimators.recipes import recipe
from narrows.study.experiment import Experiment, Material, Measured, Results, Setting
from narrows.study.findings import Finding, exceeds, lies_between
from narrows.study.measuring import ACCURACIES, ERRORS, NEIGHBORS, errors, fitted, probes

RAW, PCA = "raw rows", "PCA to 2-D"
TEXTBOOK, DEFAULT = "2-D, textbook settings", "2-D, default settings"
LABELS, LABELS_DEFAULT = "2-D with labels, textbook settings", "2-D with labels, default settings"
EPOCHS = 20
DRAWN = 1000  # test rows in a picture
GRID = 60  # places on a side, at each of which is shown what is decided there


def _raw(material: Material, seed: int) -> Measured:
    largest = np.float32(np.abs(material.train.X).max() or 1)
    return Measured(probes(lambda rows: rows.astype(np.float32) / largest, material, seed))


def _linear(material: Material, seed: int) -> Measured:
    return _of_codes(quality.LinearCode.fit(material.train.X, 2).encode, material, seed)


def _network(make: Callable[[], Autoencoder], material: Material, seed: int) -> Measured:
    made = fitted(make(), material, seed)
    found = _of_codes(made.transform, material, seed)
    head = {}
    if isinstance(made, SupervisedAutoencoder):
        head = {"head": float((made.predict(material.test.X) == material.test_labels).mean())}
    return Measured({**found.figures, **head, **errors(made, material.test.X)}, found.series)


def _of_codes(encode: Any, material: Material, seed: int) -> Measured:
    """Measure codes of two numbers: what classifiers and clusters make of them, and for the picture what k-NN decides where."""
    codes, labels = encode(material.test.X), material.test_labels
    found = {
        **probes(encode, material, seed),
        "silhouette": quality.silhouette(codes, labels),
        "agreement": quality.cluster_agreement(codes, labels, random_state=seed),
    }
    drawn = codes[:DRAWN].astype(np.float64)
    (left, bottom), (right, top) = np.quantile(drawn, [0.005, 0.995], axis=0)
    across, up = np.linspace(left, right, GRID), np.linspace(bottom, top, GRID)
    places = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)
    train = encode(material.train.X)
    decided = quality.knn_labels(train, material.labels, places, min(NEIGHBORS, len(train)))
    series = {"codes": drawn.round(4), "labels": labels[:DRAWN], "across": across, "up": up, "decided": decided.reshape(GRID, GRID)}
    return Measured(found, {name: values.tolist() for name, values in series.items()})


def judge(results: Results) -> list[Finding]:
    """Compare with what the textbook says."""
    knn = {setting: results.values(setting, "k-NN") for setting in results.settings}
    named = f"k-NN ({NEIGHBORS})"
    return [
        lies_between(f"{named} on 2-D codes without labels, by the textbook's settings, reaches 55 to 70 %", knn[TEXTBOOK], 0.55, 0.70),
        exceeds(f"{named} on 2-D codes with labels, by the textbook's settings, reaches more than 90 %", knn[LABELS], 0.90),
        exceeds("the textbook's head itself reaches more than 90 %", results.values(LABELS, "head"), 0.90),
        exceeds("with labels, the same network's codes tell more than without", knn[LABELS], knn[TEXTBOOK]),
        exceeds("the default settings tell more than the textbook's, without labels", knn[DEFAULT], knn[TEXTBOOK]),
        exceeds("the default settings tell more than the textbook's, with labels", knn[LABELS_DEFAULT], knn[LABELS]),
        exceeds("2-D codes with labels, by the default settings, tell more than raw rows", knn[LABELS_DEFAULT], float(knn[RAW].mean())),
    ]


def draw(results: Results) -> Any:
    """Draw the maps of test rows side by side, over what k-NN decides where."""
    drawn = [setting for setting in results.settings if setting != RAW]
    grid = plot.new_grid(2, 3)
    for place, setting in enumerate(drawn):
        parts = {name: results.series(setting, name) for name in ("codes", "labels", "across", "up", "decided")}
        title = f"{setting}\n{results.mean(setting, 'k-NN'):.3f}"
        regions = (parts["across"], parts["up"], parts["decided"])
        last = grid.flat[-1] if place == 0 and len(drawn) < grid.size else None
        plot.codes(parts["codes"], labels=parts["labels"], regions=regions, title=title, legend=last, ax=grid.flat[place])
    for empty in grid.flat[len(drawn) :]:
        empty.set_axis_off()
    return grid.flat[0]


EXPERIMENT = Experiment(
    name="discriminative",
    shows="what classifiers read from codes of two numbers, learned without and with labels",
    claim="Classifiers reach some 97 % on raw images, 55 to 70 % on codes of two numbers, and more than 90 % where the code was learned "
    "with labels.",
    method=f"The same three classifiers, fitted to training codes and measured on test codes: k-NN ({NEIGHBORS}), a logistic regression, a "
    f"perceptron of 64 units; the latter two on 20,000 training rows. Networks train for {EPOCHS} epochs. Below them the silhouette of the "
    "classes, the normalized mutual information of k-means clusters and classes, and the accuracy of the head itself.",
    figures={**ACCURACIES, "head": "head's accuracy", "silhouette": "silhouette", "agreement": "NMI of k-means", **ERRORS},
    settings=(
        Setting(RAW, _raw, seeded=False),
        Setting(PCA, _linear, seeded=False),
        Setting(TEXTBOOK, partial(_network, partial(recipe, "dense", epochs=EPOCHS))),
        Setting(DEFAULT, partial(_network, partial(Autoencoder, 2, epochs=EPOCHS))),
        Setting(LABELS, partial(_network, partial(recipe, "supervised", epochs=EPOCHS))),
        Setting(LABELS_DEFAULT, partial(_network, partial(SupervisedAutoencoder, 2, epochs=EPOCHS))),
    ),
    judge=judge,
    draw=draw,
)
