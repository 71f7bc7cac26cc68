"""Recipes: named, ready sets of choices, each with its source."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from narrows.estimators.autoencoder import Autoencoder
from narrows.estimators.supervised import SupervisedAutoencoder
from narrows.networks import Conv, Dense
from narrows.training.noise import Gaussian


@dataclass(frozen=True)
class Recipe:
    """A named set of choices.

    Attributes
    ----------
    description, source : str
    params : dict
        Parameters of the estimator that differ from its defaults.
    estimator : type
        What it makes.
    optimizer : tuple of str and dict, or None
        Name and options of a Keras optimizer. Making one needs Keras: it is made when the recipe is asked for.
    """

    description: str
    source: str
    params: dict[str, Any] = field(default_factory=dict)
    estimator: type[Autoencoder] = Autoencoder
    optimizer: tuple[str, dict[str, Any]] | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """What it needs besides rows: "labels", "images"."""
        needs = {"labels": issubclass(self.estimator, SupervisedAutoencoder), "images": isinstance(self.params.get("layers"), Conv)}
        return tuple(name for name, needed in needs.items() if needed)


# Layers of the textbook start as Keras starts them.
_AS_KERAS: dict[str, Any] = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}
_TANH: dict[str, Any] = {"activation": "tanh", **_AS_KERAS}
_PLAIN: dict[str, Any] = {"linear_path": False, "schedule": "constant"}  # what the textbook knows nothing of


def _dense(*widths: int) -> dict[str, Any]:
    layers = Dense(*widths, **_TANH, code_gain=1.0, mean_bias=False)
    return {**_PLAIN, "layers": layers, "code_activation": "tanh", "learning_rate": 0.002, "batch_size": 128, "epochs": 20}


def _supervised(dropout: float) -> dict[str, Any]:
    head = Dense(64, 128, **_TANH, dropout=dropout)
    return {**_dense(500, 300, 100), "n_components": 2, "head": head, "label_weight": 0.1, "reconstruction_weight": 1.0}


_RMSPROP = ("RMSprop", {"learning_rate": 0.002, "momentum": 0.01})
_CONVOLUTIONAL: dict[str, Any] = {
    **_PLAIN,
    "layers": Conv(32, 16, kernel_size=3, activation="relu", **_AS_KERAS, code_gain=1.0, mean_bias=False),
    "n_components": None,
    "learning_rate": 0.001,
    "batch_size": 128,
    "epochs": 20,
}

_TEXTBOOK = "the textbook's"
_HINTON = "after Hinton & Salakhutdinov 2006, https://doi.org/10.1126/science.1127647"
_LE = "after Le, Patterson & White 2018, https://papers.nips.cc/paper/2018/hash/2a38a4a9316c49e5a833517c45d31070-Abstract.html"
_VINCENT = "after Vincent, Larochelle, Bengio & Manzagol 2008, https://doi.org/10.1145/1390156.1390294"
_MASCI = "after Masci, Meier, Cireșan & Schmidhuber 2011, https://doi.org/10.1007/978-3-642-21735-7_7"
_NG = "after Ng 2011, CS294A lecture notes: Sparse autoencoder"
_DAMRICH = "after Damrich, Böhm, Hamprecht & Kobak 2023, https://doi.org/10.48550/arXiv.2206.01816"
_MEASURED = "measured for this library"

RECIPES: dict[str, Recipe] = {
    "default": Recipe("the default settings: GELU, linear code, Adam on a warmed-up cosine", _MEASURED),
    "dense": Recipe(
        "500-300-100-2, tanh in every layer but the output, RMSprop 0.002 with momentum 0.01, batch 128, 20 epochs",
        f"{_TEXTBOOK} dense autoencoder, {_HINTON}",
        {**_dense(500, 300, 100), "n_components": 2},
        optimizer=_RMSPROP,
    ),
    "small": Recipe(
        "100-20 (784-100-20-100-784 on MNIST: 161,804 parameters), otherwise as 'dense'",
        f"{_TEXTBOOK} dense autoencoder, small, {_HINTON}",
        {**_dense(100), "n_components": 20},
        optimizer=_RMSPROP,
    ),
    "supervised": Recipe(
        "as 'dense', with a head of 64-128 and a softmax off the code; the labels count 0.1, the reconstruction 1",
        f"{_TEXTBOOK} supervised autoencoder, {_LE}",
        _supervised(0.0),
        SupervisedAutoencoder,
        _RMSPROP,
    ),
    "supervised_dropout": Recipe(
        "as 'supervised', with dropout of 0.5 in the head, against learning labels by heart",
        f"{_TEXTBOOK} supervised autoencoder with its remedy, {_LE}",
        _supervised(0.5),
        SupervisedAutoencoder,
        _RMSPROP,
    ),
    "supervised_convolutional": Recipe(
        "convolutions of 16 and 24 filters and a dense layer of 128 to 2 numbers, dropout of 0.25; the labels count as much as the "
        "reconstruction; 14 epochs",
        f"{_MEASURED}: the best map with labels of those tried, {_LE}",
        {"layers": Conv(16, 24, dense=(128,), dropout=0.25), "n_components": 2, "label_weight": 1.0, "epochs": 14},
        SupervisedAutoencoder,
    ),
    "convolutional": Recipe(
        "convolutions of 32 and 16 filters, 3x3, ReLU, each pooled by 2; the code is the last feature map (7x7x16 on MNIST: "
        "12,193 parameters); Adam 0.001, batch 128, 20 epochs",
        f"{_TEXTBOOK} convolutional autoencoder, {_MASCI}",
        _CONVOLUTIONAL,
    ),
    "denoising": Recipe(
        "as 'convolutional', from rows under normal noise of deviation 0.4, clipped to [0, 1]; batch 256, 50 epochs",
        f"{_TEXTBOOK} denoising autoencoder, {_VINCENT}",
        {**_CONVOLUTIONAL, "noise": Gaussian(0.4), "batch_size": 256, "epochs": 50},
    ),
    "denoising_dense": Recipe(
        "500-300-64 by default settings, from rows under normal noise of deviation 0.4; 10 epochs",
        f"{_MEASURED}, {_VINCENT}",
        {"layers": Dense(500, 300), "n_components": 64, "noise": Gaussian(0.4), "epochs": 10},
    ),
    "denoising_wide": Recipe(
        "one layer of 1,000 to a code of 256 by default settings, from rows under normal noise of deviation 0.4; 10 epochs",
        f"{_MEASURED}, {_VINCENT}",
        {"layers": Dense(1000), "n_components": 256, "noise": Gaussian(0.4), "epochs": 10},
    ),
    "map": Recipe(
        "a code of two numbers in which neighbors of rows are neighbors: a map that places new rows, and decodes",
        f"{_MEASURED}, {_DAMRICH}",
        {"n_components": 2, "neighbor_weight": 0.1, "batch_size": 256, "learning_rate": 0.004},
    ),
    # Measured on 5,000 rows of MNIST, 20 epochs: half of the numbers are 0, and 15-NN of codes is best. A start as PCA keeps codes full.
    "sparse": Recipe(
        "500-300-64, of whose code a row uses about half: ReLU, and an L1 penalty of 5e-4 on the code",
        f"{_TEXTBOOK} sparse autoencoder, its strength measured; {_NG}",
        {"layers": Dense(500, 300), "n_components": 64, "code_activation": "relu", "code_l1": 5e-4, "linear_path": False},
    ),
}


def recipes() -> dict[str, tuple[str, str]]:
    """Give the names of all recipes, each with its description and its source.

    Returns
    -------
    dict of str to tuple of two str
    """
    return {name: (made.description, made.source) for name, made in RECIPES.items()}


def recipe(name: str, **overrides: Any) -> Autoencoder | SupervisedAutoencoder:
    """Make an estimator by a recipe.

    Those of convolutional layers are for images: give `fit` arrays of shape (n, height, width) or (n, height, width, channels), or
    set ``layers__image_shape=(28, 28)`` for flat rows.

    Parameters
    ----------
    name : str
        One of `recipes`.
    **overrides : any
        Parameters to set otherwise; ``layers__activation`` and the like reach inside.

    Returns
    -------
    Autoencoder or SupervisedAutoencoder
        Not fitted; the latter from the recipes that need labels.

    Raises
    ------
    ValueError
        If there is no such recipe or parameter.

    Examples
    --------
    >>> import narrows
    >>> narrows.recipe("dense", epochs=3).epochs
    3
    >>> narrows.recipe("convolutional", layers__image_shape=(28, 28)).layers.image_shape
    (28, 28, 1)
    """
    return follow(name, **overrides)


def follow(name: str, kind: type[Autoencoder] | None = None, **overrides: Any) -> Any:
    """Make an estimator by a recipe, of another class on request: that takes over the choices that it knows.

    Parameters
    ----------
    name : str
        One of `recipes`.
    kind : type, default=None
        The class; the recipe's own if None.
    **overrides : any
        Parameters to set otherwise.

    Returns
    -------
    estimator of class `kind`

    Raises
    ------
    ValueError
        If there is no such recipe or parameter.
    """
    if name not in RECIPES:
        raise ValueError(f"unknown recipe {name!r}: it must be one of {', '.join(sorted(RECIPES))}")
    chosen = RECIPES[name]
    kind = kind or chosen.estimator
    made = kind(**{key: value for key, value in chosen.params.items() if key in signature(kind).parameters})
    if chosen.optimizer is not None:
        from narrows._backend import keras

        optimizer, options = chosen.optimizer
        made.set_params(optimizer=getattr(keras().optimizers, optimizer)(**options))
    return made.set_params(**overrides)
