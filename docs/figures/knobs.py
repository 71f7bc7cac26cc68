"""Measures what the parameters do, for the guide: ``python docs/figures/knobs.py`` prints its tables and draws knobs.png.

Each setting is fitted to the 1,438 training digits, with the defaults but for what is named, and measured on the 359 test
digits; figures are means over two seeds. ``--quick`` takes one seed and a few epochs, and shows that it works; ``--only NAME``
prints a single table, or draws the picture alone; ``--out FOLDER`` draws elsewhere.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from narrows import Autoencoder, Dense, Gaussian, Masking, SaltAndPepper, SupervisedAutoencoder, data, quality
from narrows.errors import NarrowsWarning

DIGITS = data.load("digits")
TABLES: dict[str, list[dict[str, Any]]] = {
    "n_components": [{"n_components": n} for n in (1, 2, 4, 8, 16, 32)],
    "layers": [{"layers": layers} for layers in ((), (64,), (128, 32), (500, 300, 100))],
    "epochs": [{"epochs": epochs} for epochs in (5, 20, 60, "auto")],
    "learning_rate": [{"learning_rate": rate} for rate in (0.0002, 0.001, 0.002, 0.005, 0.02)],
    "batch_size": [{"batch_size": size} for size in (32, 128, 512)],
    "loss": [{"loss": "bce"}, {"loss": "mse"}, {"loss": "mse", "scale": "standard"}],
    "code_activation": [{"code_activation": name} for name in ("linear", "tanh", "sigmoid")],
    "code_l2": [{"code_l2": strength} for strength in (0.0, 0.0001, 0.001, 0.01)],
    "regularization": [{"n_components": 8, "layers": Dense(500, 300, 100, **choice)} for choice in ({}, {"dropout": 0.1}, {"l2": 1e-5})],
    "noise": [{"noise": noise} for noise in (None, Gaussian(0.1), Gaussian(0.2), Gaussian(0.4), Masking(0.2), SaltAndPepper(0.1))],
    "neighbors": [{"neighbor_weight": weight} for weight in (0.0, 0.01, 0.1, 1.0)]
    + [{"neighbor_weight": 0.1, "n_neighbors": 5}, {"neighbor_weight": 0.1, "noise": Gaussian(0.2)}],
    "labels": [{"label_weight": weight} for weight in (0.001, 0.01, 0.1, 1.0)]
    + [{"label_weight": 0.1, "head": Dense(64, 128, dropout=0.5)}, {"label_weight": 1.0, "reconstruction_weight": 0.0}],
}
MAPS: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "epochs=5": {"epochs": 5},
    "layers=()": {"layers": ()},
    "code_activation='tanh'": {"code_activation": "tanh"},
    "code_l2=0.01": {"code_l2": 0.01},
    "Dense(..., dropout=0.3)": {"layers": Dense(500, 300, 100, dropout=0.3)},
}


def measured(setting: dict[str, Any], seeds: int, quick: bool) -> str:
    """Fit a setting; give a line of the table."""
    figures = []
    kind, labels = (SupervisedAutoencoder, [DIGITS.labels]) if "label_weight" in setting else (Autoencoder, [])
    for seed in range(seeds):
        fitted = kind(**{"random_state": seed, **setting, **({"epochs": 2} if quick else {})}).fit(DIGITS.X, *labels)
        codes, test_codes = fitted.transform(DIGITS.X), fitted.transform(DIGITS.test.X)
        told = quality.knn_accuracy(codes, DIGITS.labels, test_codes, DIGITS.test.labels, 5)[5]
        trust = quality.trustworthiness(DIGITS.test.X, test_codes)
        explained = Autoencoder.score(fitted, DIGITS.test.X)
        heads = [fitted.score(part.X, part.labels) for part in (DIGITS, DIGITS.test)] if labels else []
        figures.append((explained, trust, told, test_codes.std(), *heads))
    explained, trust, told, spread, *heads = np.mean(figures, axis=0)
    name = ", ".join(f"{key}={value!r}" for key, value in setting.items())
    return f"| `{name}` | {explained:.3f} | {trust:.3f} | {told:.3f} | {spread:.2g} |" + "".join(f" {head:.3f} |" for head in heads)


def draw(path: Path, quick: bool) -> None:
    """Draw the maps of test rows under several settings."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    for axes, (title, setting) in zip(figure.subplots(2, 3).flat, MAPS.items(), strict=True):
        fitted = Autoencoder(**{"random_state": 0, **setting, **({"epochs": 2} if quick else {})}).fit(DIGITS.X)
        axes.scatter(*fitted.transform(DIGITS.test.X).T, c=DIGITS.test.labels, cmap="tab10", s=6)
        axes.set_title(title, fontsize=10)
        axes.tick_params(labelsize=7)
    figure.savefig(path, dpi=90)
    print(f"drew {path}")


def main() -> None:
    """Print the tables and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=[*TABLES, "picture"])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", NarrowsWarning)
    tables = {"n_components": TABLES["n_components"][:2]} if arguments.quick else TABLES
    if arguments.only == "picture":
        tables = {}
    elif arguments.only:
        tables = {arguments.only: TABLES[arguments.only]}
    for title, settings in tables.items():
        columns = ["setting", "explained variance", "trustworthiness", "5-NN accuracy", "spread of codes"]
        columns += ["head, training rows", "head, test rows"] if title == "labels" else []
        print(f"\n{title}\n\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
        for setting in settings:
            print(measured(setting, 1 if arguments.quick else 2, arguments.quick), flush=True)
            if title == "n_components":
                linear = quality.pca_baseline(DIGITS.X, DIGITS.test.X, setting["n_components"])
                print(f"| PCA of as many | {linear.explained_variance:.3f} | | | |")
    if arguments.only in (None, "picture"):
        draw(arguments.out / "knobs.png", arguments.quick)


if __name__ == "__main__":
    main()
