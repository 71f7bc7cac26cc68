"""Autoencoders that people can trust and use: rows in, a few numbers out, and back.

The public names are loaded when they are first asked for, so that ``import narrows`` needs neither Keras nor JAX.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from narrows import cluster, data, errors, export, plot, quality, report, study
    from narrows.bundle import load, save
    from narrows.estimators import (
        Autoencoder,
        AutoencoderOutlierDetector,
        LatentMap,
        SupervisedAutoencoder,
        SupervisedAutoencoderRegressor,
        TableAutoencoder,
    )
    from narrows.estimators.recipes import recipe, recipes
    from narrows.networks import Conv, Dense
    from narrows.training.checkpoints import Checkpoint
    from narrows.training.noise import Gaussian, Masking, SaltAndPepper

__version__ = "0.1.0"

__all__ = [
    "Autoencoder",
    "AutoencoderOutlierDetector",
    "Checkpoint",
    "Conv",
    "Dense",
    "Gaussian",
    "LatentMap",
    "Masking",
    "SaltAndPepper",
    "SupervisedAutoencoder",
    "SupervisedAutoencoderRegressor",
    "TableAutoencoder",
    "__version__",
    "cluster",
    "data",
    "errors",
    "export",
    "load",
    "plot",
    "quality",
    "recipe",
    "recipes",
    "report",
    "save",
    "study",
]

_MODULES = {"cluster", "data", "errors", "export", "plot", "quality", "report", "study"}
_HOMES = {
    "Autoencoder": "narrows.estimators",
    "AutoencoderOutlierDetector": "narrows.estimators",
    "Checkpoint": "narrows.training.checkpoints",
    "Conv": "narrows.networks",
    "Dense": "narrows.networks",
    "Gaussian": "narrows.training.noise",
    "LatentMap": "narrows.estimators",
    "Masking": "narrows.training.noise",
    "SaltAndPepper": "narrows.training.noise",
    "SupervisedAutoencoder": "narrows.estimators",
    "SupervisedAutoencoderRegressor": "narrows.estimators",
    "TableAutoencoder": "narrows.estimators",
    "load": "narrows.bundle",
    "recipe": "narrows.estimators.recipes",
    "recipes": "narrows.estimators.recipes",
    "save": "narrows.bundle",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'narrows' has no attribute {name!r}; its names are {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
