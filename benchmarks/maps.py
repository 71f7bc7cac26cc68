"""What maps of MNIST keep, and how long they take: one network with neighbors, and an autoencoder followed by t-SNE."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _report
import numpy as np


def ways() -> dict[str, tuple[Callable[[], Any], dict[str, tuple[float, bool]]]]:
    """Give what makes a map, and for each figure what is asked for and whether more is better."""
    from narrows import LatentMap, recipe

    return {
        "recipe map, 14 epochs": (
            lambda: recipe("map", epochs=14),
            {"seconds": (130, False), "1-NN": (0.930, True), "5-NN": (0.953, True), "trustworthiness": (0.945, True)}
            | {"squared error": (0.0350, False), "placing, seconds": (0.3, False)},
        ),
        "recipe map, 100 epochs": (
            lambda: recipe("map", epochs=100),
            {"1-NN": (0.950, True), "5-NN": (0.965, True), "squared error": (0.0325, False)},
        ),
        "LatentMap": (LatentMap, {"1-NN": (0.955, True), "5-NN": (0.960, True), "placing, seconds": (6, False)}),
        "openTSNE of pixels": (_Pixels, {}),
        "openTSNE of 50 components": (lambda: _Pixels(50), {}),
        "scikit-learn's t-SNE of pixels": (_ScikitLearn, {}),
    }


class _Pixels:
    """t-SNE of the rows themselves, or of what PCA keeps of them, by openTSNE's own settings but for the threads."""

    def __init__(self, n_components: int | None = None) -> None:
        self.n_components = n_components

    def _of(self, X: np.ndarray) -> np.ndarray:
        rows = X / np.float32(255)
        return rows if self.n_components is None else self.pca.transform(rows)

    def set_params(self, random_state: int) -> _Pixels:
        self.random_state = random_state
        return self

    def fit(self, X: np.ndarray) -> _Pixels:
        import os

        from openTSNE import TSNE
        from sklearn.decomposition import PCA

        if self.n_components is not None:
            self.pca = PCA(self.n_components, random_state=self.random_state).fit(X / np.float32(255))
        self.made = TSNE(n_jobs=os.cpu_count() or 1, random_state=self.random_state).fit(self._of(X))
        self.embedding_ = np.asarray(self.made)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self.made.transform(self._of(X)))


class _ScikitLearn:
    """t-SNE of the rows themselves, by scikit-learn's own settings: on ever more rows, for as long as one can wait."""

    sizes = (2500, 5000, 10_000)

    def set_params(self, random_state: int) -> _ScikitLearn:
        self.random_state = random_state
        return self

    def seconds(self, X: np.ndarray) -> dict[str, float]:
        """Give the seconds of each size, and those that all rows would take if they go on growing as they did."""
        from sklearn.manifold import TSNE

        found = {}
        for size in self.sizes:
            rows = X[:size] / np.float32(255)
            began = time.perf_counter()
            TSNE(n_jobs=-1, random_state=self.random_state).fit_transform(rows)
            found[f"seconds, {size:,} rows"] = time.perf_counter() - began
        growth = np.log(found[f"seconds, {self.sizes[-1]:,} rows"] / found[f"seconds, {self.sizes[-2]:,} rows"]) / np.log(2)
        whole = found[f"seconds, {self.sizes[-1]:,} rows"] * (len(X) / self.sizes[-1]) ** growth
        return found | {f"seconds, {len(X):,} rows, by their growth": float(whole)}


def measured(make: Callable[[], Any], seed: int, quick: bool) -> dict[str, float]:
    """Fit a map to the training rows, place the test rows; give its figures."""
    from narrows import data, quality

    rows = data.load("mnist")
    X, labels = (part[:2000] if quick else part for part in (rows.X, rows.labels))
    made = make().set_params(random_state=seed)
    if isinstance(made, _ScikitLearn):
        return made.seconds(X) if not quick else {}
    began = time.perf_counter()
    made.fit(X)
    found = {"seconds": time.perf_counter() - began}
    places = made.embedding_ if hasattr(made, "embedding_") else made.transform(X)
    made.transform(rows.test.X[:100])  # what is compiled once is not placing
    began = time.perf_counter()
    placed = made.transform(rows.test.X)
    found["placing, seconds"] = time.perf_counter() - began
    told = quality.knn_accuracy(places, labels, placed, rows.test.labels, (1, 5))
    scaled = rows.test.X.astype(np.float32) / 255
    found |= {"1-NN": told[1], "5-NN": told[5], "trustworthiness": quality.trustworthiness(scaled, placed)}
    if hasattr(made, "save"):
        found |= kept(made)
    if hasattr(made, "inverse_transform"):
        found["squared error"] = quality.mean_squared_error(scaled, made.inverse_transform(placed) / np.float32(255))
    return found


def kept(made: Any) -> dict[str, float]:
    """Give how large a bundle is, and how long it takes to load."""
    import narrows

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.narrows"
        made.save(path)
        began = time.perf_counter()
        narrows.load(path)
        return {"bundle, MB": path.stat().st_size / 1e6, "loading, seconds": time.perf_counter() - began}


def main() -> None:
    """Print the table."""
    parser = _report.options(__doc__.splitlines()[0], rounds=1)
    parser.add_argument("--only", help="what has this in its name; all ways by default")
    parser.add_argument("--seeds", type=int, default=1, help="maps of each way (default 1)")
    arguments = _report.start(parser)
    warnings.simplefilter("ignore")
    found: dict[str, Any] = {}
    lines = []
    for name, (make, targets) in ways().items():
        if arguments.only is not None and arguments.only not in name:
            continue
        runs = [measured(make, seed, arguments.quick) for seed in range(arguments.seeds)]
        found[name] = runs
        for figure in runs[0]:
            values = [run[figure] for run in runs]
            target, more = targets.get(figure, (None, False))
            met = "" if target is None else _report.reached(float(np.mean(values)), target, at_least=more)
            lines.append([name, figure, ", ".join(f"{value:.4g}" for value in values), "" if target is None else f"{target}", met])
            print(name, figure, lines[-1][2], flush=True)
    print()
    _report.table(["map", "figure", "by seed", "asked", "reached"], lines)
    print()
    _report.finish(arguments, found)


if __name__ == "__main__":
    main()
