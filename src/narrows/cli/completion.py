"""Names that a shell completes; they stand here, so that a press of a key waits for no library."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

SETS = ("digits", "mnist", "fashion_mnist")
RECIPES = (
    *("default", "dense", "small", "supervised", "supervised_dropout", "supervised_convolutional"),
    *("convolutional", "denoising", "denoising_dense", "denoising_wide", "map", "sparse"),
)
NOISES = ("gaussian:0.4", "masking:0.3", "salt_and_pepper:0.1", "none")
STUDIES = ("discriminative", "plateau", "overfitting", "activation", "loss", "bottleneck", "denoising", "convolution", "direct")
MAPS = ("pca", "autoencoder", "neighbors", "latent_map", "pca_tsne", "tsne", "sklearn_tsne", "supervised", "umap")
FILES = (".npy", ".npz", ".csv", ".parquet", ".arrow", ".arrows", ".feather", ".png", ".jpg", ".jpeg", ".idx", "-ubyte")
ACTIVATIONS = (
    *("celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu"),
    *("linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus"),
    *("softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "tanh", "tanh_shrink", "threshold"),
)
OPTIMIZERS = ("adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lamb", "lion", "muon", "nadam", "rmsprop", "sgd")
LOSSES = ("auto", "bce", "cosine_similarity", "huber", "log_cosh", "mae", "mape", "mse", "msle", "poisson")


def studies(incomplete: str) -> list[str]:
    """Give the studies that begin so."""
    return _beginning(incomplete, STUDIES)


def recipes(incomplete: str) -> list[str]:
    """Give the recipes that begin so."""
    return _beginning(incomplete, RECIPES)


def noises(incomplete: str) -> list[str]:
    """Give the kinds of noise that begin so, each with a strength that does something."""
    return _beginning(incomplete, NOISES)


def activations(incomplete: str) -> list[str]:
    """Give the activations of Keras that begin so."""
    return _beginning(incomplete, ACTIVATIONS)


def optimizers(incomplete: str) -> list[str]:
    """Give the optimizers of Keras that begin so."""
    return _beginning(incomplete, OPTIMIZERS)


def losses(incomplete: str) -> list[str]:
    """Give the losses that begin so."""
    return _beginning(incomplete, LOSSES)


def data(incomplete: str) -> list[str]:
    """Give the named data sets that begin so, with the files and folders here that do; nothing leaves files to the shell."""
    sets = _beginning(incomplete, SETS)
    if not sets:
        return []
    here = [f"{path.name}/" if path.is_dir() else path.name for path in sorted(Path().iterdir()) if _is_data(path)]
    return [*sets, *_beginning(incomplete, here)]


def _is_data(path: Path) -> bool:
    name = path.name.removesuffix(".gz")
    return not name.startswith(".") and (path.is_dir() or name.endswith(FILES))


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
