"""The public face is exactly what we say."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import narrows

ROOT = Path(__file__).parent.parent
PUBLIC = [
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
    "fit_together",
    "load",
    "plot",
    "quality",
    "recipe",
    "recipes",
    "report",
    "save",
    "study",
]


def test_public_names_are_these():
    assert narrows.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_there(name):
    assert getattr(narrows, name) is not None
    assert name in dir(narrows)


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_public_name_is_documented(name):
    assert inspect.getdoc(getattr(narrows, name))


def test_star_import_gives_the_public_names(python):
    assert "True" in python("from narrows import *; print({'Autoencoder', 'load', 'quality'} <= set(dir()))")


def test_unknown_name_says_which_there_are():
    with pytest.raises(AttributeError, match=r"no attribute 'Autoencode'; its names are Autoencoder, AutoencoderOutlierDetector, "):
        _ = narrows.Autoencode


def test_type_checkers_see_the_names_that_are_loaded_lazily():
    """The imports under TYPE_CHECKING and the table behind `__getattr__` say the same."""
    tree = ast.parse(inspect.getsource(narrows))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen = {alias.name: line.module for line in block.body if isinstance(line, ast.ImportFrom) for alias in line.names}

    assert seen == narrows._HOMES | dict.fromkeys(narrows._MODULES, "narrows")


def test_changelog_speaks_of_this_version():
    changelog = ROOT / "CHANGELOG.md"
    releases = re.findall(r"^## \[?(\d+\.\d+\.\d+)", changelog.read_text("utf-8"), flags=re.MULTILINE)

    assert releases[0] == narrows.__version__
