"""Recipes: named, ready sets of choices, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from narrows.estimators.autoencoder import Autoencoder
from narrows.networks import Dense

_TEXTBOOK = "the textbook's dense autoencoder"
_HINTON = "after Hinton & Salakhutdinov 2006, https://doi.org/10.1126/science.1127647"


@dataclass(frozen=True)
class Recipe:
    """A named set of choices.

    Attributes
    ----------
    name, description, source : str
    params : dict
        Parameters of `Autoencoder` that differ from its defaults.
    """

    name: str
    description: str
    source: str
    params: dict[str, Any]


def _textbook(*widths: int) -> dict[str, Any]:
    return {
        "layers": Dense(
            *widths, activation="tanh", kernel_initializer="glorot_uniform", bias_initializer="zeros", code_gain=1.0, mean_bias=False
        ),
        "code_activation": "tanh",
        "linear_path": False,
        "batch_size": 128,
        "schedule": "constant",
    }


# The optimizer's momentum makes it an instance, which needs Keras: it is made when the recipe is asked for.
_RECIPES = {
    made.name: made
    for made in (
        Recipe("default", "the default settings: GELU, linear code, Adam on a warmed-up cosine", "measured for this library", {}),
        Recipe(
            "dense",
            "500-300-100-2, tanh in every layer but the output, RMSprop 0.002 with momentum 0.01, batch 128, 20 epochs",
            f"{_TEXTBOOK}, {_HINTON}",
            {**_textbook(500, 300, 100), "n_components": 2, "epochs": 20, "learning_rate": 0.002},
        ),
        Recipe(
            "small",
            "100-20 (784-100-20-100-784 on MNIST: 161,804 parameters), otherwise as 'dense'",
            f"{_TEXTBOOK}, small",
            {**_textbook(100), "n_components": 20, "epochs": 20, "learning_rate": 0.002},
        ),
    )
}


def recipes() -> dict[str, tuple[str, str]]:
    """Give the names of all recipes, each with its description and its source.

    Returns
    -------
    dict of str to tuple of two str
    """
    return {name: (made.description, made.source) for name, made in _RECIPES.items()}


def recipe(name: str, **overrides: Any) -> Autoencoder:
    """Make an estimator by a recipe.

    Parameters
    ----------
    name : str
        One of `recipes`.
    **overrides : any
        Parameters to set otherwise; ``layers__activation`` and the like reach inside.

    Returns
    -------
    Autoencoder
        Not fitted.

    Raises
    ------
    ValueError
        If there is no such recipe or parameter.

    Examples
    --------
    >>> import narrows
    >>> narrows.recipe("dense", epochs=3).epochs
    3
    """
    if name not in _RECIPES:
        raise ValueError(f"unknown recipe {name!r}: it must be one of {', '.join(sorted(_RECIPES))}")
    made = Autoencoder(**_RECIPES[name].params)
    if name in ("dense", "small"):
        from narrows._backend import keras

        made.set_params(optimizer=keras().optimizers.RMSprop(learning_rate=0.002, momentum=0.01))
    return made.set_params(**overrides)
