"""How well networks clean noisy images, and whether codes that were learned under noise are more robust."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from narrows import plot, quality
from narrows.data import Rows
from narrows.estimators import Autoencoder
from narrows.estimators.recipes import recipe
from narrows.study.experiment import Experiment, Material, Measured, Results, Setting
from narrows.study.findings import Finding, exceeds, falls_below
from narrows.study.measuring import NEIGHBORS, fitted
from narrows.training.noise import Gaussian, Masking, Noise, SaltAndPepper

NOISES: dict[str, Noise] = {
    "Gaussian 0.2": Gaussian(0.2),
    "Gaussian 0.4": Gaussian(0.4),
    "Gaussian 0.6": Gaussian(0.6),
    "Masking 0.5": Masking(0.5),
    "SaltAndPepper 0.2": SaltAndPepper(0.2),
}
MAIN = "Gaussian 0.4"  # the textbook's
TEST_NOISE = 0  # the random state of the noise on test rows, the same for every seed
ROWS, EPOCHS = 20_000, 10
MEDIANS, COMPONENTS = (3, 5), (32, 64, 128)
DRAWN = 6  # test images in a picture
INPUT, MEDIAN, PCA, DENSE, CONV, ONCE, PLAIN = (
    "as it came",
    "median filter",
    "PCA",
    "dense",
    "convolutional",
    "dense, noise once",
    "no noise",
)
CLEAN = "clean"
ACCURACY = f"k-NN ({NEIGHBORS})"


def _named(noise: str, way: str) -> str:
    return f"{noise}: {way}"


def _unit(material: Material) -> Material:
    """Give the same images in [0, 1], where noise has its strength."""
    came = material.train.X
    low, high = (0.0, 255.0) if came.dtype == np.uint8 else (min(0.0, float(came.min())), max(1.0, float(came.max())))

    def scaled(rows: Rows) -> Rows:
        return replace(rows, X=((rows.X.astype(np.float32) - np.float32(low)) / np.float32(high - low)).clip(0, 1), test=None)

    return replace(material, train=scaled(material.train), test=scaled(material.test))


def _noisy(noise: str, material: Material) -> np.ndarray:
    return NOISES[noise].corrupt(material.test.X, TEST_NOISE)


def _measured(noisy: np.ndarray, cleaned: np.ndarray, material: Material, probed: Mapping[str, float] | None = None) -> Measured:
    """Measure cleaned test rows against the clean ones, and keep some for the picture."""
    clean, shape = material.test.X, material.image_shape
    figures = {
        "squared error": quality.mean_squared_error(clean, cleaned),
        "PSNR": quality.peak_signal_noise_ratio(clean, cleaned),
        "SSIM": quality.structural_similarity(clean, cleaned, image_shape=shape),
        **(probed or {}),
    }
    pictures = {"clean": clean, "noisy": noisy, "cleaned": cleaned}
    return Measured(figures, {"shape": list(shape), **{name: rows[:DRAWN].round(3).tolist() for name, rows in pictures.items()}})


def _probed(encode: Callable[[np.ndarray], np.ndarray], material: Material, noises: Sequence[str]) -> dict[str, float]:
    """Give what k-NN, fitted to codes of clean training rows, tells of codes of test rows: clean, and under each noise."""
    train = encode(material.train.X)
    k = min(NEIGHBORS, len(train))
    rows = {CLEAN: material.test.X, **{noise: _noisy(noise, material) for noise in noises}}
    return {name: quality.knn_accuracy(train, material.labels, encode(test), material.test_labels, k)[k] for name, test in rows.items()}


def _input(noise: str, material: Material, seed: int) -> Measured:
    material = _unit(material)
    noisy = _noisy(noise, material)
    return _measured(noisy, noisy, material, _probed(lambda rows: rows, material, [noise]))


def _median(noise: str, material: Material, seed: int) -> Measured:
    from scipy.ndimage import median_filter

    material = _unit(material)
    noisy, shape = _noisy(noise, material), material.image_shape
    images = noisy.reshape(-1, *shape)
    whole = [1] * (len(shape) - 2)  # channels, which are not mixed
    filtered = [median_filter(images, size=(1, size, size, *whole)).reshape(noisy.shape) for size in MEDIANS]
    return _measured(noisy, _best(filtered, material), material)


def _linear(noise: str, material: Material, seed: int) -> Measured:
    material = _unit(material)
    noisy = _noisy(noise, material)
    codes = [quality.LinearCode.fit(material.train.X, size) for size in COMPONENTS]
    cleaned = [code.decode(code.encode(noisy)).clip(0, 1) for code in codes]
    best = _best(cleaned, material)
    chosen = next(code for code, rows in zip(codes, cleaned, strict=True) if rows is best)
    return _measured(noisy, best, material, _probed(chosen.encode, material, [noise]))


def _best(ways: Sequence[np.ndarray], material: Material) -> np.ndarray:
    """Give the rows nearest to the clean ones: what networks are compared with has the benefit of the doubt."""
    return min(ways, key=lambda rows: quality.mean_squared_error(material.test.X, rows))


def _dense(noise: str, own: Noise | None, material: Material, seed: int) -> Measured:
    material = _unit(material)
    return _of_network(noise, fitted(recipe("denoising_dense", noise=own, epochs=EPOCHS), material, seed), material)


def _convolutional(noise: str, material: Material, seed: int) -> Measured:
    material = _unit(material)
    made = recipe("denoising", noise=NOISES[noise], epochs=EPOCHS, layers__image_shape=material.image_shape)
    return _of_network(noise, fitted(made, material, seed), material)


def _once(noise: str, material: Material, seed: int) -> Measured:
    material = _unit(material)
    noisy = NOISES[noise].corrupt(material.train.X, TEST_NOISE + 1 + seed)
    given = replace(material, train=replace(material.train, X=noisy))
    made = fitted(recipe("denoising_dense", noise=None, epochs=EPOCHS), given, seed, target=material.train.X)
    return _of_network(noise, made, material)


def _of_network(noise: str, made: Autoencoder, material: Material) -> Measured:
    noisy = _noisy(noise, material)
    return _measured(noisy, made.reconstruct(noisy), material, _probed(made.transform, material, [*NOISES]))


def judge(results: Results) -> list[Finding]:
    """Compare cleaned rows with what came and with what others make of it, and codes with those of a network that never saw noise."""
    error = {setting: results.values(setting, "squared error") for setting in results.settings}
    main, plain = _named(MAIN, DENSE), _named(MAIN, PLAIN)

    def leaves_less(than: str, way: str) -> Finding:
        """Judge the noise under which the dense network does worst beside another way, which knows no seeds."""
        ratios = np.stack([error[_named(noise, DENSE)] / error[_named(noise, way)][0] for noise in NOISES])
        hardest = int(ratios.mean(1).argmax())
        claim = f"under every noise the dense network leaves less than {than}; the largest ratio of squared errors: {list(NOISES)[hardest]}"
        return falls_below(claim, ratios[hardest], 1)

    def tells_more(trained: str, noise: str) -> Finding:
        """Judge codes under a noise, those of a network that was trained under some noise beside those of one that was not."""
        claim = f"trained under {trained}, codes are more robust to {noise} than trained without noise: {ACCURACY} tells more"
        return exceeds(claim, results.values(_named(trained, DENSE), noise), results.values(plain, noise))

    return [
        leaves_less("came", INPUT),
        leaves_less("the better median filter", MEDIAN),
        leaves_less("the best PCA", PCA),
        falls_below(f"under {MAIN}, the convolutional network leaves less than the dense one", error[_named(MAIN, CONV)], error[main]),
        falls_below(f"under {MAIN}, fresh noise each epoch teaches more than noise drawn once", error[main], error[_named(MAIN, ONCE)]),
        *(tells_more(noise, noise) for noise in NOISES),
        *(tells_more(MAIN, noise) for noise in NOISES if not noise.startswith("Gaussian")),
        exceeds(
            f"trained under {MAIN}, codes of clean rows tell {ACCURACY} more, too",
            results.values(main, CLEAN),
            results.values(plain, CLEAN),
        ),
    ]


def draw(results: Results) -> Any:
    """Draw noisy test images and what was made of them, noise by noise, and what is told of codes under each noise."""
    grid = plot.new_grid(2, 3, size=4).flat
    for ax, noise in zip(grid, NOISES, strict=False):
        first = _named(noise, INPUT)
        lines = {"clean": results.series(first, "clean")}
        for way in (INPUT, MEDIAN, PCA, DENSE, CONV):
            setting = _named(noise, way)
            if setting in results.settings:
                lines[f"{way}\n{results.mean(setting, 'squared error'):.4f}"] = results.series(setting, "cleaned")
        plot.images(lines, results.series(first, "shape").tolist(), ax=ax).set_title(noise, fontsize="medium")
    last, places = grid[len(NOISES)], range(len(NOISES) + 1)
    told = {
        "dense, that very noise": [_named(MAIN, DENSE), *(_named(noise, DENSE) for noise in NOISES)],
        f"dense, {MAIN}": [_named(MAIN, DENSE)] * len(places),
        f"dense, {PLAIN}": [_named(MAIN, PLAIN)] * len(places),
    }
    names = [CLEAN, *NOISES]
    series = {way: (places, [results.mean(setting, name) for setting, name in zip(of, names, strict=True)]) for way, of in told.items()}
    plot.curves(series, up=f"{ACCURACY} on codes of test rows", ax=last)
    last.set_xticks(places, labels=names, fontsize="small", rotation=30, ha="right")
    return last


EXPERIMENT = Experiment(
    name="denoising",
    shows="noise levels and kinds, cleaned by networks, a median filter and PCA, and how robust codes are",
    claim="Denoising autoencoders remove noise, and learn more robust features.",
    method=f"Networks train on {ROWS:,} rows in [0, 1] for {EPOCHS} epochs under fresh noise; the convolutional one, whose recipe has 50, "
    f"under {MAIN} alone, for it is slow. 'noise once' is trained on rows whose noise was drawn before, as the textbook does; '{PLAIN}' "
    f"is the dense network that never saw any. Beside them the better median filter of {MEDIANS[0]} and {MEDIANS[1]} pixels and the best "
    f"PCA of {', '.join(map(str, COMPONENTS[:-1]))} and {COMPONENTS[-1]} components, fitted to clean rows, both chosen by the test rows. "
    f"Errors are against clean test rows. {ACCURACY} is fitted to codes of clean training rows and measured on codes of test rows, clean "
    "and noisy; of what came, on the rows themselves.",
    figures={
        "squared error": "squared error",
        "PSNR": "PSNR (dB)",
        "SSIM": "SSIM",
        CLEAN: f"{ACCURACY}, clean rows",
        **{noise: f"under {noise}" for noise in NOISES},
    },
    settings=(
        *(
            Setting(_named(noise, way), partial(measure, noise), seeded=False)
            for noise in NOISES
            for way, measure in ((INPUT, _input), (MEDIAN, _median), (PCA, _linear))
        ),
        *(Setting(_named(noise, DENSE), partial(_dense, noise, own)) for noise, own in NOISES.items()),
        Setting(_named(MAIN, CONV), partial(_convolutional, MAIN)),
        Setting(_named(MAIN, ONCE), partial(_once, MAIN)),
        Setting(_named(MAIN, PLAIN), partial(_dense, MAIN, None)),
    ),
    judge=judge,
    draw=draw,
    n_rows=ROWS,
)
