"""Verdicts: each one both ways, with its figures in the sentence and a remedy where one is needed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from narrows import Autoencoder
from narrows.diagnostics import diagnose
from narrows.errors import CollapsedCode


def verdicts(error: float, *, mean_error: float = 1.0, pca_error: float = 0.5, n_components: int = 2):
    return {v.name: v for v in diagnose(error=error, mean_error=mean_error, pca_error=pca_error, n_components=n_components)}


@pytest.mark.parametrize("error", [0.981, 1.0, 3.0])
def test_no_better_than_the_mean_row_is_a_collapse(error):
    found = verdicts(error)

    assert found.keys() == {"collapse"}
    assert found["collapse"].level == "warning"
    assert f"The code has collapsed: squared error {error:.4g}, where the mean row alone gives 1." in str(found["collapse"])
    assert "code_activation='linear'" in found["collapse"].remedy


def test_better_than_the_mean_row_is_none():
    found = verdicts(0.25)["collapse"]

    assert found.level == "good"
    assert str(found) == "No collapse: 4 times less error than the mean row."


@pytest.mark.parametrize(
    ("error", "level", "words"),
    [
        (
            0.6,
            "warning",
            "The code is worse than PCA with 2 components: squared error 0.6 against 0.5. Train longer, widen the layers, or use PCA.",
        ),
        (0.505, "note", "PCA with 2 components is as good here: squared error 0.5 against 0.505."),
        (0.495, "note", "PCA with 2 components is as good here: squared error 0.5 against 0.495."),
        (0.25, "good", "2 times less error than PCA with 2 components."),
    ],
)
def test_pca_is_worse_as_good_or_better(error, level, words):
    found = verdicts(error)["pca"]

    assert found.level == level
    assert str(found).startswith(words)


def test_one_component_is_singular():
    assert "PCA with 1 component." in str(verdicts(0.25, n_components=1)["pca"])


def test_equal_rows_are_nothing_to_learn():
    found = verdicts(0.0, mean_error=0.0, pca_error=0.0)

    assert [(v.name, v.level) for v in found.values()] == [("collapse", "note")]
    assert "All rows are equal" in str(found["collapse"])


def test_a_perfect_network_divides_by_nothing():
    found = verdicts(0.0, pca_error=0.1)

    assert {name: verdict.level for name, verdict in found.items()} == {"collapse": "good"}
    assert "every row is rebuilt exactly" in str(found["collapse"])


def test_figures_are_plain_json():
    for verdict in verdicts(0.25).values():
        plain = json.loads(json.dumps(verdict.to_dict()))
        assert plain["figures"] == {"error": 0.25, "mean_error": 1.0, "pca_error": 0.5}


def plane(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(64, 2)) @ rng.normal(size=(2, 6)) + 0.2 * rng.normal(size=(64, 6))


def test_a_fit_that_learned_nothing_warns(rng):
    """Weights of zero and a rate of nearly zero: the mean row is all there is."""
    made = Autoencoder(2, layers=(4,), code_activation="relu", learning_rate=1e-30, epochs=1, random_state=0)

    with pytest.warns(CollapsedCode, match="The code is worse than PCA|The code has collapsed"):
        made.fit(plane(rng))

    assert any(verdict.level == "warning" for verdict in made.diagnostics_)


def test_a_linear_fit_says_that_pca_is_as_good(rng):
    made = Autoencoder(2, layers=(), learning_rate=0.1, epochs=1000, batch_size=32, random_state=0).fit(plane(rng))

    assert {verdict.name: verdict.level for verdict in made.diagnostics_} == {"collapse": "good", "pca": "note"}


@pytest.mark.filterwarnings("error::narrows.errors.CollapsedCode")
def test_a_curve_is_better_than_pca(rng):
    """Points on a circle have one number, which no straight line gives."""
    angle = rng.uniform(-2.5, 2.5, 300)
    made = Autoencoder(1, layers=(32, 16), learning_rate=0.01, epochs=100, batch_size=64, random_state=0)

    made.fit(np.column_stack([np.cos(angle), np.sin(angle)]))

    assert {verdict.name: verdict.level for verdict in made.diagnostics_} == {"collapse": "good", "pca": "good"}
