"""Draws the pictures of the guide to pictures: ``python docs/figures/pictures.py`` puts pictures-*.png beside this script.

Three networks are fitted: one with a head and one with noise, to 10,000 training digits of MNIST, and one to a table that
scikit-learn brings. All pictures are about rows that they were not trained on. MNIST comes from the folder that NARROWS_DATA names, or is
downloaded once. ``--quick`` takes the small digits of scikit-learn and a few epochs, and shows that it works; ``--only NAME`` draws one
picture; ``--out FOLDER`` draws elsewhere.
"""

from __future__ import annotations

import argparse
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer

from narrows import Autoencoder, Gaussian, SupervisedAutoencoder, data, plot
from narrows.errors import NarrowsWarning

ROWS = 10_000
DPI = 110


class Material:
    """Rows and fitted networks, each made when a picture first asks for it."""

    def __init__(self, quick: bool) -> None:
        self.quick = quick
        rows = data.load("digits" if quick else "mnist")
        assert rows.test is not None  # both sets bring test rows and labels
        self.X, self.labels = rows.X[:ROWS].reshape(-1, *rows.image_shape), rows.labels[:ROWS]
        self.every, self.every_label = rows.X.reshape(-1, *rows.image_shape), rows.labels
        self.test, self.test_labels = rows.test.X.reshape(-1, *rows.image_shape), rows.test.labels
        self.frame = load_breast_cancer(as_frame=True).data

    @cached_property
    def model(self) -> Any:
        """Give codes of two numbers, drawn by labels and by neighbors."""
        made = SupervisedAutoencoder(2, neighbor_weight=0.05, epochs=2 if self.quick else 20, early_stopping=True, random_state=0)
        return made.fit(self.X, self.labels)

    @cached_property
    def cleaner(self) -> Any:
        """Give codes of eight numbers, learned under noise."""
        return Autoencoder(8, layers=(256, 64), noise=Gaussian(0.4), epochs=2 if self.quick else 30, random_state=0).fit(self.X)

    @cached_property
    def tabular(self) -> Any:
        """Give a network of a table, fitted to all but its last rows."""
        return Autoencoder(4, epochs=5 if self.quick else "auto", random_state=0).fit(self.frame[:-60])

    def pictures(self) -> dict[str, tuple[Any, tuple[float, float]]]:
        """Give by name what draws each picture on given Axes, and inches across and up."""
        some, X, labels, tail = slice(3000), self.test, self.test_labels, self.frame[-60:]
        return {
            "codes": (lambda ax: plot.codes(self.model, X[some], labels=labels[some], legend=ax, ax=ax), (5.2, 4)),
            "safe": (lambda ax: plot.codes(self.model, X[some], labels=labels[some], palette="safe", names=True, ax=ax), (4, 4)),
            "density": (lambda ax: plot.codes(self.model, self.every, labels=self.every_label, density=True, names=True, ax=ax), (4, 4)),
            "regions": (lambda ax: plot.decision_regions(self.model, X[some], labels=labels[some], ax=ax), (4, 4)),
            "confusion": (lambda ax: plot.confusion(self.model, X, labels=labels, rates=True, ax=ax), (4.2, 4)),
            "plane": (lambda ax: plot.decoded_grid(self.model, X[some], size=12, ax=ax), (4.2, 4.2)),
            "losses": (lambda ax: plot.losses(self.model, ax=ax), (5.4, 3)),
            "reconstructions": (lambda ax: plot.reconstructions(self.cleaner, X, ax=ax), (6, 2)),
            "traversals": (lambda ax: plot.traversals(self.cleaner, X, ax=ax), (5, 4)),
            "filters": (lambda ax: plot.filters(self.cleaner, most=48, ax=ax), (4, 4)),
            "rows": (lambda ax: plot.error_histogram(self.cleaner, X, ax=ax), (4, 2.8)),
            "pixels": (lambda ax: plot.feature_errors(self.cleaner, X, ax=ax), (4, 3)),
            "table": (lambda ax: plot.reconstructions(self.tabular, tail, most=4, ax=ax), (6.5, 3.6)),
            "columns": (lambda ax: plot.feature_errors(self.tabular, tail, most=12, ax=ax), (5, 3)),
        }


def main() -> None:
    """Fit and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", NarrowsWarning)
    pictures = Material(arguments.quick).pictures()
    if arguments.only is not None and arguments.only not in pictures:
        parser.error(f"there is no picture {arguments.only!r}: there are {', '.join(pictures)}")
    for name in pictures if arguments.only is None else [arguments.only]:
        draw, size = pictures[name]
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        path = arguments.out / f"pictures-{name}.png"
        figure.savefig(path, dpi=DPI, bbox_inches="tight", pil_kwargs={"optimize": True})
        print(f"drew {path}")


if __name__ == "__main__":
    main()
