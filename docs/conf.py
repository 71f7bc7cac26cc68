"""How the documentation is built: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import narrows

project = "narrows"
author = "the narrows developers"
copyright = author
version = release = narrows.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "mentions",
    "command_help",
]
exclude_patterns = ["_build", "_extensions", "figures", "results"]
nitpicky = True  # a reference that leads nowhere is a warning, and a warning is an error
# Other libraries are not linked: building needs no network.
nitpick_ignore = [
    ("py:obj", f"sklearn.{name}")
    for name in (
        "decomposition.PCA",
        "discriminant_analysis.LinearDiscriminantAnalysis",
        "ensemble.IsolationForest",
        "impute.IterativeImputer",
    )
]

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "mention"  # single backticks in docstrings
autodoc_typehints = "none"  # the docstrings say types and shapes
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # the reference lists members by hand; tests/docs watches
numpydoc_class_members_toctree = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"narrows {release}"
html_show_sphinx = False
html_show_copyright = False
