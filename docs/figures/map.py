"""Draws the picture of the README: ``python docs/figures/map.py`` puts map.png beside this script.

The codes of MNIST's test rows by PCA and by an Autoencoder, both of two components and fitted to the 60,000 training rows. The
network has the default settings but for a small penalty on its codes, which keeps a few rows from stretching the map.
MNIST comes from the folder that NARROWS_DATA names, or is downloaded once. ``--quick`` takes the small digits of scikit-learn
instead; ``--out FOLDER`` draws elsewhere.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from narrows import Autoencoder, data, quality

DRAWN = 3000  # points: more would hide each other


def main() -> None:
    """Fit, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()

    rows = data.load("digits" if arguments.quick else "mnist")
    test = rows.test
    assert test is not None  # both sets bring test rows and labels
    linear = quality.LinearCode.fit(rows.X, 2)
    network = Autoencoder(2, code_l2=0.001, epochs=2 if arguments.quick else "auto", random_state=0, verbose=1).fit(rows.X)
    print(*network.diagnostics_, sep="\n")
    sides = {
        "PCA, 2 components": (linear.encode, linear.decode(linear.encode(test.X))),
        "narrows.Autoencoder(2, code_l2=0.001)": (network.transform, network.reconstruct(test.X)),
    }

    figure = Figure(figsize=(11, 5.6), layout="constrained")
    for axes, (title, (encode, reconstruction)) in zip(figure.subplots(1, 2), sides.items(), strict=True):
        codes = encode(test.X)
        told = quality.knn_accuracy(encode(rows.X), rows.labels, codes, test.labels, 5)[5]
        explained = quality.explained_variance(test.X, reconstruction)
        figures = f"explains {100 * explained:.0f} % of the variance,\n5 neighbors name {100 * told:.0f} % of the digits"
        print(f"{title} {figures}".replace("\n", " "))
        points = axes.scatter(*codes[:DRAWN].T, c=test.labels[:DRAWN], cmap="tab10", s=5, linewidths=0)
        (left, right), (bottom, top) = np.quantile(codes, [0.002, 0.998], axis=0).T
        axes.set_title(f"{title}\n{figures}", fontsize=11)
        axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    figure.legend(*points.legend_elements(), loc="outside right center", frameon=False, markerscale=1.2)
    figure.savefig(arguments.out / "map.png", dpi=80, pil_kwargs={"optimize": True})
    print(f"drew {arguments.out / 'map.png'}")


if __name__ == "__main__":
    main()
