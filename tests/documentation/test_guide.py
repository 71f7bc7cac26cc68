"""The guide to the parameters speaks of all of them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import narrows

GUIDE = (Path(__file__).parents[2] / "docs" / "parameters.md").read_text("utf-8")


THINGS = [
    narrows.Autoencoder,
    narrows.SupervisedAutoencoder,
    narrows.SupervisedAutoencoderRegressor,
    narrows.SupervisedAutoencoder.fit,
    narrows.TableAutoencoder,
    narrows.Dense,
    narrows.Conv,
    narrows.Gaussian,
]


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.__name__)
def test_every_parameter_has_its_place(thing):
    spoken_of = set(re.findall(r"`(\w+)(?:=[^`]*)?`", GUIDE))
    parameters = {name for name, parameter in inspect.signature(thing).parameters.items() if parameter.kind is not parameter.VAR_POSITIONAL}
    parameters -= {"self", "X", "y"}

    assert not parameters - spoken_of, f"docs/parameters.md does not speak of {', '.join(sorted(parameters - spoken_of))}"
