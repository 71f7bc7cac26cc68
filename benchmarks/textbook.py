"""What labels, convolutions and noise reach on MNIST: accuracies of codes of two numbers, errors of rows that are cleaned."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import _report
import numpy as np

SEEDS = 3
NOISE = 0.4  # standard deviation, of images in [0, 1], clipped
NOISE_SEED = 12345  # of the test rows' noise: the same for everyone


def labelled() -> dict[str, tuple[Callable[[], Any], dict[str, tuple[float, bool]]]]:
    """Give what is fitted with labels, and for each figure what is asked for and whether more is better."""
    from narrows import SupervisedAutoencoder, recipe

    return {
        "recipe supervised (the textbook), 20 epochs": (
            lambda: recipe("supervised"),
            {"head's accuracy": (0.93, True), "15-NN of codes": (0.93, True)},
        ),
        "recipe supervised_convolutional, 14 epochs": (
            lambda: recipe("supervised_convolutional"),
            {"head's accuracy": (0.985, True), "15-NN of codes": (0.985, True)},
        ),
        "SupervisedAutoencoder(2), 3 epochs": (lambda: SupervisedAutoencoder(2, epochs=3), {"head's accuracy": (0.957, True)}),
        "SupervisedAutoencoder(2), 20 epochs": (
            lambda: SupervisedAutoencoder(2, epochs=20),
            {"head's accuracy": (0.973, True), "15-NN of codes": (0.973, True), "cross-entropy": (0.166, False)},
        ),
    }


def denoisers() -> dict[str, tuple[Callable[[], Any], dict[str, tuple[float, bool]]]]:
    """Give what is fitted to clean noisy rows."""
    from narrows import recipe

    return {
        "recipe denoising_dense, 10 epochs": (lambda: recipe("denoising_dense"), {"squared error": (0.0092, False)}),
        "recipe denoising_wide, 10 epochs": (lambda: recipe("denoising_wide"), {"squared error": (0.0080, False)}),
        "recipe denoising (the textbook), 50 epochs": (lambda: recipe("denoising"), {}),
    }


def _fit(make: Callable[[], Any], rows: Any, seed: int, quick: bool) -> Any:
    made = make().set_params(random_state=seed)
    if quick:
        made.set_params(epochs=1)
    X = rows.X[:2000] if quick else rows.X
    labels = rows.labels[: len(X)]
    return made.fit(X.reshape(-1, *rows.image_shape), labels)  # as images: layers of convolutions need their shape


def with_labels(quick: bool, only: str | None, seeds: int) -> list[dict[str, Any]]:
    """Fit with labels, measure on test rows."""
    from narrows import data, quality

    rows = data.load("mnist")
    found = []
    for name, (make, targets) in labelled().items():
        if only is not None and only not in name:
            continue
        figures: dict[str, list[float]] = {}
        for seed in range(seeds):
            began = time.perf_counter()
            made = _fit(make, rows, seed, quick)
            codes, test_codes = made.transform(rows.X), made.transform(rows.test.X)
            rebuilt = quality.reconstruction_figures(made.scale_rows(rows.test.X), made.reconstruct(rows.test.X, scaled=True))
            reached = {
                "head's accuracy": float((made.predict(rows.test.X) == rows.test.labels).mean()),
                "15-NN of codes": quality.knn_accuracy(codes, rows.labels, test_codes, rows.test.labels, 15)[15],
                "cross-entropy": float(rebuilt.binary_cross_entropy or np.nan),
            }
            _collect(figures, reached, f"{name}, seed {seed}", time.perf_counter() - began)
        found.append({"name": name, "figures": figures, "targets": targets})
    return found


def cleaned(quick: bool, only: str | None, seeds: int) -> list[dict[str, Any]]:
    """Clean noisy test rows by networks, by PCA, and by filters."""
    from narrows import Gaussian, data

    rows = data.load("mnist")
    clean = rows.test.X.astype(np.float32) / 255
    noisy = Gaussian(NOISE).corrupt(clean, random_state=NOISE_SEED)
    found = []
    for name, work in _filters(rows.X, noisy, quick).items():
        if only is None or only in name:
            began = time.perf_counter()
            figures: dict[str, list[float]] = {}
            _collect(figures, _measured(clean, work()), name, time.perf_counter() - began)
            found.append({"name": name, "figures": figures, "targets": {}})
    for name, (make, targets) in denoisers().items():
        if only is not None and only not in name:
            continue
        figures = {}
        for seed in range(seeds):
            began = time.perf_counter()
            made = _fit(make, rows, seed, quick)
            # The network was fitted to bytes, and takes rows in their units.
            reached = _measured(clean, made.reconstruct(noisy * 255, scaled=True))
            _collect(figures, reached, f"{name}, seed {seed}", time.perf_counter() - began)
        found.append({"name": name, "figures": figures, "targets": targets})
    return found


def _measured(clean: np.ndarray, result: np.ndarray) -> dict[str, float]:
    from narrows import quality

    result = np.clip(result, 0, 1)
    return {
        "squared error": quality.mean_squared_error(clean, result),
        "PSNR": quality.peak_signal_noise_ratio(clean, result),
        "SSIM": quality.structural_similarity(clean, result, image_shape=(28, 28)),
    }


def _filters(X: np.ndarray, noisy: np.ndarray, quick: bool) -> dict[str, Callable[[], np.ndarray]]:
    """Give what cleans without a network; strengths are the best of a grid, on some hundred noisy training rows."""
    from scipy.ndimage import median_filter
    from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

    from narrows import quality

    images = noisy.reshape(-1, 28, 28)

    def each(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[], np.ndarray]:
        return lambda: np.stack([function(image) for image in images]).reshape(len(images), -1)

    def linear(n_components: int) -> np.ndarray:
        code = quality.LinearCode.fit(X[:2000] if quick else X, n_components)  # of the clean training rows, in bytes
        return np.asarray(code.decode(code.encode(noisy * 255.0))) / 255

    return {
        "as it came": lambda: noisy,
        "median filter, 3x3": lambda: median_filter(images, (1, 3, 3)).reshape(len(images), -1),
        "median filter, 5x5": lambda: median_filter(images, (1, 5, 5)).reshape(len(images), -1),
        "PCA, 32 components": lambda: linear(32),
        "PCA, 64 components": lambda: linear(64),
        "denoise_tv_chambolle, weight 0.15": each(lambda image: denoise_tv_chambolle(image, weight=0.15)),
        "denoise_nl_means, h 0.16, sigma 0.2": each(
            lambda image: denoise_nl_means(image, patch_size=5, patch_distance=6, h=0.16, sigma=0.2)
        ),
    }


def _collect(figures: dict[str, list[float]], reached: dict[str, float], what: str, seconds: float) -> None:
    for name, value in reached.items():
        figures.setdefault(name, []).append(value)
    print(f"{what}: {', '.join(f'{name} {value:.4g}' for name, value in reached.items())}; {seconds:.0f} s", flush=True)


def _table(title: str, found: list[dict[str, Any]]) -> None:
    lines = []
    for one in found:
        for name, values in one["figures"].items():
            target, more = one["targets"].get(name, (None, False))
            met = "" if target is None else _report.reached(float(np.mean(values)), target, at_least=more)
            lines.append([one["name"], name, f"{np.mean(values):.4f} ± {np.std(values):.4f}", "" if target is None else f"{target}", met])
    print()
    _report.table([title, "figure", "mean ± spread over seeds", "asked", "reached"], lines)
    print()


def main() -> None:
    """Print the tables."""
    parser = _report.options(__doc__.splitlines()[0], rounds=1)
    parser.add_argument("--part", choices=["labels", "noise"], help="one of the two tables")
    parser.add_argument("--only", help="what has this in its name")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"fits of each (default {SEEDS}, with --quick 1)")
    arguments = _report.start(parser)
    warnings.simplefilter("ignore")
    seeds = 1 if arguments.quick else arguments.seeds
    found = {}
    if arguments.part != "noise":
        found["labels"] = with_labels(arguments.quick, arguments.only, seeds)
        _table("codes of two numbers, test rows", found["labels"])
    if arguments.part != "labels":
        found["noise"] = cleaned(arguments.quick, arguments.only, seeds)
        _table(f"noise of {NOISE}, test rows", found["noise"])
    _report.finish(arguments, found)


if __name__ == "__main__":
    main()
