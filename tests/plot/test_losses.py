"""Losses over the epochs."""

from __future__ import annotations

import numpy as np
import pytest

from narrows import plot

pytest.importorskip("matplotlib")


def drawn(ax) -> dict[str, list[float]]:
    """Give what was drawn, by color and style."""
    return {f"{line.get_color()}{line.get_linestyle()}": list(line.get_ydata()) for line in ax.get_lines() if len(line.get_xdata())}


def said(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_every_term_is_drawn_with_its_validation(supervised):
    history = supervised.history_

    ax = plot.losses(supervised)

    curves = drawn(ax)
    for color, term in enumerate(["loss", "reconstruction_loss", "label_loss"]):
        assert curves[f"C{color}-"] == history[term]
        assert curves[f"C{color}--"] == history[f"val_{term}"]
    assert said(ax)[:4] == ["all", "reconstruction", "labels", "broken: validation rows"]


def test_a_reconstruction_alone_is_one_curve(denoising):
    ax = plot.losses(denoising)

    assert drawn(ax) == {"C0-": denoising.history_["loss"]}
    assert said(ax) == ["training rows"]


def test_the_epoch_that_was_kept_is_marked(digits):
    from narrows import Autoencoder

    made = Autoencoder(2, layers=(4,), epochs=3).fit(digits[0])
    made.best_epoch_ = 2

    ax = plot.losses(made)

    assert list(ax.get_lines()[-1].get_xdata()) == [2, 2]
    assert said(ax)[-1] == "epoch 2, kept"


@pytest.mark.parametrize(
    ("losses", "scale"), [([2.0, 1.0], "linear"), ([20.0, 1.0], "log"), ([20.0, np.nan, 1.0], "log"), ([0.5], "linear")]
)
def test_a_history_may_be_given(losses, scale):
    ax = plot.losses({"loss": losses, "neighbor_loss": losses})

    assert ax.get_yscale() == scale
    assert said(ax) == ["all", "neighbors"]
    np.testing.assert_array_equal(ax.get_lines()[0].get_xdata(), np.arange(1, len(losses) + 1))


def test_losses_of_a_map_are_its_autoencoders(two_step):
    assert drawn(plot.losses(two_step))["C0-"] == two_step.autoencoder_.history_["loss"]


@pytest.mark.parametrize("given", [{}, {"loss": []}, {"accuracy": [1.0]}, [1.0, 2.0]])
def test_what_is_no_history_is_refused(given):
    with pytest.raises(
        ValueError, match="has no history of losses: give a fitted estimator of narrows, or its history_, a dict with 'loss'"
    ):
        plot.losses(given)


def test_an_estimator_without_history_is_refused(linear):
    with pytest.raises(ValueError, match="Linear has no history of losses"):
        plot.losses(linear())
