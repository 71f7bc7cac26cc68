"""What the default settings learn: codes of MNIST, tables beside PCA, seconds to a given loss; `--study` compares other settings."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import _report
import numpy as np

SEEDS = (0, 1, 2)
SPLITS = 10
LOSS = 0.189  # of MNIST's test rows: what the textbook's settings reach after some ten epochs
MOST_EPOCHS = 30  # of Keras, to reach it

CODES = {  # (components, epochs): figure: (what may be reached, whether more is better)
    (2, 1): {"cross-entropy": (0.188, False)},
    (2, 20): {"cross-entropy": (0.163, False), "squared error": (0.0337, False), "1-NN": (0.80, True)},
    (32, 20): {"squared error": (0.0041, False), "5-NN": (0.972, True)},
}


def variants() -> dict[str, dict[str, Any]]:
    """Give the settings that were tried beside the defaults, each with what differs."""
    from narrows import Dense

    return {
        "default": {},
        "linear_path=False": {"linear_path": False},
        "linear_path=True": {"linear_path": True},
        "layers=(500, 300, 100)": {"layers": (500, 300, 100)},
        "layers=(100,)": {"layers": (100,)},
        "layers=(50,)": {"layers": (50,)},
        "biases from zero": {"layers": Dense(500, 300, 100, bias_initializer="zeros")},
        "tanh, glorot_uniform": {"layers": Dense(500, 300, 100, activation="tanh", kernel_initializer="glorot_uniform")},
        "silu": {"layers": Dense(500, 300, 100, activation="silu")},
        "dropout 0.1": {"layers": Dense(500, 300, 100, dropout=0.1)},
        "learning_rate=0.001": {"learning_rate": 0.001},
        "learning_rate=0.004": {"learning_rate": 0.004},
        "batch_size=64": {"batch_size": 64},
    }


def codes_of_mnist(quick: bool) -> list[dict[str, Any]]:
    """Fit MNIST's training rows, measure on its test rows."""
    from narrows import Autoencoder, data

    rows = data.load("mnist")
    X, labels = (rows.X[:5000], rows.labels[:5000]) if quick else (rows.X, rows.labels)
    found = []
    for (n_components, epochs), targets in CODES.items():
        figures: dict[str, list[float]] = {}
        for seed in SEEDS[:1] if quick else SEEDS:
            made = Autoencoder(n_components, epochs=1 if quick else epochs, random_state=seed).fit(X)
            reached = _figures(made, X, labels, rows.test)
            for name, value in reached.items():
                figures.setdefault(name, []).append(value)
            _report_line(f"{n_components} components, {epochs} epochs, seed {seed}: {_words(reached)}; {made.fit_seconds_:.0f} s")
        found.append({"components": n_components, "epochs": epochs, "figures": figures, "targets": targets})
    return found


def _figures(made: Any, X: np.ndarray, labels: np.ndarray, test: Any) -> dict[str, float]:
    from sklearn.neighbors import KNeighborsClassifier

    rows, rebuilt = made.scale_rows(test.X), made.reconstruct(test.X, scaled=True)
    codes, test_codes = made.transform(X), made.transform(test.X)
    accuracy = {f"{k}-NN": KNeighborsClassifier(k).fit(codes, labels).score(test_codes, test.labels) for k in (1, 5)}
    return {"cross-entropy": _cross_entropy(rows, rebuilt), "squared error": float(np.square(rows - rebuilt).mean()), **accuracy}


def _words(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def tables() -> dict[str, Callable[[], Any]]:
    """Give the bundled tables by name."""
    from sklearn import datasets

    return {
        "breast cancer": datasets.load_breast_cancer,
        "wine": datasets.load_wine,
        "diabetes": datasets.load_diabetes,
        "digits": datasets.load_digits,
    }


def beside_pca(name: str, splits: int, **settings: Any) -> tuple[list[float], list[float]]:
    """Give the explained variance of held-out rows, ours and PCA's, for codes of two numbers of standardized rows."""
    from sklearn.decomposition import PCA
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    from narrows import Autoencoder

    rows = tables()[name]().data
    ours, theirs = [], []
    for split in range(splits):
        train, test = train_test_split(rows, test_size=0.25, random_state=split)
        scaler = StandardScaler().fit(train)
        train, test = scaler.transform(train), scaler.transform(test)
        total = np.square(test - train.mean(0)).sum()
        made, pca = Autoencoder(2, random_state=split, **settings).fit(train), PCA(2).fit(train)
        ours.append(1 - np.square(test - made.reconstruct(test)).sum() / total)
        theirs.append(1 - np.square(test - pca.inverse_transform(pca.transform(test))).sum() / total)
    return ours, theirs


def seconds_to_the_loss(quick: bool) -> dict[str, float]:
    """Measure the seconds until the test rows' cross-entropy is `LOSS`: of a whole `fit`, and of Keras with the textbook's settings."""
    import os

    os.environ["KERAS_BACKEND"] = "jax"
    import keras
    from _sides import keras_model
    from _works import ALL

    from narrows import Autoencoder, data

    rows = data.load("mnist")
    test = rows.test.X.astype(np.float32) / 255
    began = time.perf_counter()
    made = Autoencoder(2, epochs=1, random_state=0).fit(rows.X)
    ours = time.perf_counter() - began
    reached = _cross_entropy(test, made.reconstruct(rows.test.X, scaled=True))
    _report_line(f"narrows: {reached:.4f} after 1 epoch, {ours:.1f} s")
    work = ALL["textbook"]
    train = rows.X.astype(np.float32) / 255
    keras.utils.set_random_seed(0)
    model, seconds = keras_model(work, 784), 0.0
    for epoch in range(1 if quick else MOST_EPOCHS):
        began = time.perf_counter()
        model.fit(train, train, batch_size=work.batch, epochs=1, verbose=0)
        seconds += time.perf_counter() - began
        loss = _cross_entropy(test, model.predict(test, batch_size=1024, verbose=0))
        _report_line(f"Keras: {loss:.4f} after {epoch + 1} epochs, {seconds:.1f} s")
        if loss <= LOSS:
            break
    return {"ours": ours, "our loss": reached, "keras": seconds, "keras loss": loss, "keras epochs": epoch + 1.0}


def _cross_entropy(rows: np.ndarray, rebuilt: np.ndarray) -> float:
    p = rebuilt.astype(np.float64).clip(1e-7, 1 - 1e-7)
    return float(-(rows * np.log(p) + (1 - rows) * np.log(1 - p)).mean())


def study(quick: bool) -> None:
    """Print what each of the settings tried reaches beside PCA: on tables, and on images of which there are few or many."""
    for name in tables():
        lines = []
        for words, settings in variants().items():
            ours, theirs = beside_pca(name, 1 if quick else 4, **settings)
            lines.append([words, f"{np.mean(ours):.4f}", f"{np.mean(ours) - np.mean(theirs):+.4f}"])
        _report_line(f"\n### {name}: explained variance of held-out rows\n")
        _report.table(["settings", "explained variance", "more than PCA"], lines)
    for n, n_components, epochs in ((400, 2, "auto"), (400, 16, "auto"), (10_000, 2, 10), (10_000, 16, 10)):
        lines = [[words, *_images(n, n_components, epochs, quick, settings)] for words, settings in variants().items()]
        _report_line(f"\n### {n:,} images of MNIST, {n_components} components, epochs={epochs!r}: test rows\n")
        _report.table(["settings", "cross-entropy", "less squared error than PCA"], lines)


def _images(n: int, n_components: int, epochs: Any, quick: bool, settings: dict[str, Any]) -> list[str]:
    from narrows import Autoencoder, data
    from narrows.quality import pca_baseline

    rows = data.load("mnist")
    losses, less = [], []
    for seed in range(1 if quick else 2):
        X = rows.X[np.random.default_rng(seed).permutation(len(rows.X))[:n]]
        made = Autoencoder(n_components, epochs=1 if quick else epochs, random_state=seed, **settings).fit(X)
        test = made.scale_rows(rows.test.X)
        rebuilt = made.reconstruct(rows.test.X, scaled=True)
        losses.append(_cross_entropy(test, rebuilt))
        pca = pca_baseline(made.scale_rows(X), test, n_components).mean_squared_error
        less.append(1 - float(np.square(test - rebuilt).mean()) / pca)
    return [f"{np.mean(losses):.4f}", f"{100 * np.mean(less):+.1f} %"]


def _report_line(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    """Print the tables."""
    parser = _report.options(__doc__.splitlines()[0], rounds=1)
    parser.add_argument("--study", action="store_true", help="compare the defaults with the settings they were chosen from")
    arguments = _report.start(parser)
    warnings.simplefilter("ignore")
    if arguments.study:
        study(arguments.quick)
        return
    codes = codes_of_mnist(arguments.quick)
    print()
    lines = []
    for one in codes:
        for name, (target, more) in one["targets"].items():
            mean, spread = np.mean(one["figures"][name]), np.std(one["figures"][name])
            target_met = _report.reached(float(mean), target, at_least=more)
            lines.append([f"{one['components']}-D, {one['epochs']} epochs", name, f"{mean:.4f} ± {spread:.4f}", f"{target}", target_met])
    _report.table(["code of MNIST's test rows", "figure", "mean ± spread over seeds", "asked", "reached"], lines)
    print()
    beside = {name: beside_pca(name, 1 if arguments.quick else SPLITS) for name in tables()}
    _report.table(
        ["table, 2 components", "explained variance of held-out rows", "PCA's", "splits won"],
        [
            [name, f"{np.mean(ours):.4f}", f"{np.mean(pca):.4f}", f"{sum(a > b for a, b in zip(ours, pca, strict=True))} of {len(ours)}"]
            for name, (ours, pca) in beside.items()
        ],
    )
    print()
    seconds = seconds_to_the_loss(arguments.quick)
    lines = [
        ["narrows", seconds["ours"], seconds["our loss"], 1],
        ["Keras", seconds["keras"], seconds["keras loss"], seconds["keras epochs"]],
    ]
    _report.table(["2-D", "seconds", "cross-entropy", "epochs"], lines)
    print(f"\nratio {seconds['ours'] / seconds['keras']:.3f} {_report.reached(seconds['ours'] / seconds['keras'], 0.20)}")
    _report.finish(arguments, {"codes": codes, "beside_pca": beside, "seconds": seconds})


if __name__ == "__main__":
    main()
