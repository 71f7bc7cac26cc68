"""Curves and bars say what they were given."""

from __future__ import annotations

import pytest

from narrows import plot

pytest.importorskip("matplotlib")
SIZES, OURS, THEIRS = [1, 2, 4, 8], [8.0, 4.0, 1.0, 0.5], [9.0, 7.0, 5.0, 2.0]


def test_errors_by_size():
    ax = plot.errors_by_size(SIZES, OURS, THEIRS, elbow=4)

    ours, theirs, elbow = ax.get_lines()
    assert list(ours.get_ydata()) == OURS
    assert list(theirs.get_ydata()) == THEIRS
    assert list(elbow.get_xdata()) == [4, 4]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [label.get_text() for label in ax.get_legend().get_texts()] == ["autoencoder", "PCA", "elbow: 4"]


def test_axes_of_the_users_own_are_drawn_on():
    ax = plot.new_axes()

    assert plot.errors_by_size(SIZES, [2.0, 1.5, 1.2, 1.0], [2.0, 1.8, 1.6, 1.4], ax=ax) is ax
    assert ax.get_yscale() == "linear"


def test_curves():
    ax = plot.curves({"a": ([1, 2], [3.0, 4.0]), "b": ([1, 2], [5.0, 6.0])}, across="epochs", up="loss", log=True)

    assert {line.get_label(): list(line.get_ydata()) for line in ax.get_lines()} == {"a": [3.0, 4.0], "b": [5.0, 6.0]}
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epochs", "loss", "log")


def test_bars():
    ax = plot.bars({"a": [1.0, 3.0], "b": 5.0})

    assert [bar.get_width() for bar in ax.patches] == [2.0, 5.0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]


def test_names_are_written_as_they_are():
    names = ["_first", "$a$ and $b$"]
    ax = plot.curves({name: ([1, 2], [3.0, 4.0]) for name in names})

    said = ax.get_legend().get_texts()
    assert [text.get_text() for text in said] == names
    assert not any(text.get_parse_math() for text in said)
