"""Pictures: what is drawn, and files that appear whole."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from narrows import plot
from narrows.errors import MissingExtra

SIZES, OURS, THEIRS = [1, 2, 4, 8], [8.0, 4.0, 1.0, 0.5], [9.0, 7.0, 5.0, 2.0]


def test_errors_by_size():
    pytest.importorskip("matplotlib")
    ax = plot.errors_by_size(SIZES, OURS, THEIRS, elbow=4)

    ours, theirs, elbow = ax.get_lines()
    assert list(ours.get_ydata()) == OURS
    assert list(theirs.get_ydata()) == THEIRS
    assert list(elbow.get_xdata()) == [4, 4]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [label.get_text() for label in ax.get_legend().get_texts()] == ["autoencoder", "PCA", "elbow: 4"]


def test_axes_of_the_users_own_are_drawn_on():
    pytest.importorskip("matplotlib")
    ax = plot.new_axes()

    assert plot.errors_by_size(SIZES, [2.0, 1.5, 1.2, 1.0], [2.0, 1.8, 1.6, 1.4], ax=ax) is ax
    assert ax.get_yscale() == "linear"


def test_curves():
    pytest.importorskip("matplotlib")
    ax = plot.curves({"a": ([1, 2], [3.0, 4.0]), "b": ([1, 2], [5.0, 6.0])}, across="epochs", up="loss", log=True)

    assert [list(line.get_ydata()) for line in ax.get_lines()] == [[3.0, 4.0], [5.0, 6.0]]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epochs", "loss", "log")


def test_bars():
    pytest.importorskip("matplotlib")
    ax = plot.bars({"a": [1.0, 3.0], "b": 5.0})

    assert [bar.get_width() for bar in ax.patches] == [2.0, 5.0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]


def test_codes_have_the_colors_of_their_regions():
    pytest.importorskip("matplotlib")
    places, labels = [[0.0, 0.0], [1.0, 1.0]], ["x", "y"]
    regions = ([0.0, 1.0], [0.0, 1.0], [["x", "x"], ["y", "y"]])

    ax = plot.codes(places, labels=labels, regions=regions, title="map")

    below, points = ax.collections
    assert below.get_array().ravel().tolist() == [0, 0, 1, 1]
    assert points.get_array().tolist() == [0, 1]
    assert points.get_offsets().tolist() == places
    assert (below.get_clim(), ax.get_title()) == (points.get_clim(), "map")


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        (None, None),
        ([0.5, 2.5, 1.0], [0.5, 2.5, 1.0]),  # a scale
        ([7.0, 3.0, 7.0], [1, 0, 1]),  # kinds
        (np.array(["b", None, "a"], object), [1, 0]),
        ([1.0, np.nan, 0.0], [1, 0]),
        ([True, False, True], [1, 0, 1]),
    ],
    ids=["none", "fractions", "whole numbers", "None", "NaN", "booleans"],
)
def test_labels_of_any_kind_color_points(labels, values):
    pytest.importorskip("matplotlib")
    ax = plot.codes(np.zeros((3, 2)), labels=labels)

    drawn = ax.collections[-1].get_array()
    assert values == (None if drawn is None else drawn.tolist())
    assert sum(len(points.get_offsets()) for points in ax.collections) == 3


def test_many_kinds_and_long_names_have_room():
    pytest.importorskip("matplotlib")
    grid = plot.new_grid(1, 2).flat
    plot.codes(np.zeros((100, 2)), labels=[f"kind {place:03d} {'of a long name' * 9}" for place in range(100)], legend=grid[1], ax=grid[0])

    said = [text.get_text() for text in grid[1].get_legend().get_texts()]
    assert len(said) == 27
    assert said[0] == "kind 000 of a long nameo..."
    assert said[-1] == "and 74 others"


def test_many_points_are_small():
    pytest.importorskip("matplotlib")
    few, many = (plot.codes(np.zeros((n, 2))).collections[0] for n in (100, 50_000))

    assert few.get_sizes()[0] > 10 * many.get_sizes()[0]
    assert many.get_rasterized()


@pytest.mark.parametrize("beside", [False, True])
def test_a_legend_has_the_colors_of_the_points(beside):
    pytest.importorskip("matplotlib")
    from matplotlib.colors import to_rgba

    ax, empty = plot.new_grid(1, 2).flat
    where = empty if beside else ax

    plot.codes([[0.0, 0.0], [1.0, 1.0]], labels=["x", "y"], legend=where, ax=ax)

    colors = ax.collections[0].to_rgba([0, 1]).tolist()
    drawn = where.get_legend()
    assert [text.get_text() for text in drawn.get_texts()] == ["x", "y"]
    assert [list(to_rgba(mark.get_color())) for mark in drawn.legend_handles] == colors
    assert (ax.get_legend() is None) == beside


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stand_in_lines(channels):
    pytest.importorskip("matplotlib")
    first = np.arange(2 * 6 * channels).reshape(2, -1) / 100
    shape = (3, 2) if channels == 1 else (3, 2, 3)

    ax = plot.images({"first": first, "second": first + 5}, shape)

    page = ax.images[0].get_array()
    assert page.shape == (8, 6, 3)[: 2 if channels == 1 else 3]  # a line of white between images
    assert page[:3, :2].ravel().tolist() == pytest.approx(first[0].tolist())
    assert page[:3, 3:5].ravel().tolist() == pytest.approx(first[1].tolist())
    assert page[3:].min() == page[3:].max() == 1.0  # what lies outside is cut off
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "second"]


def test_a_grid_of_axes():
    pytest.importorskip("matplotlib")

    assert plot.new_grid(2, 3).shape == (2, 3)
    assert plot.new_grid(1, 1).shape == (1, 1)


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_files(tmp_path, name, start):
    pytest.importorskip("matplotlib")

    plot.write(tmp_path / name, plot.errors_by_size(SIZES, OURS, THEIRS))

    assert (tmp_path / name).read_bytes().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_matplotlib_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(MissingExtra, match=r"a picture needs matplotlib, which is not installed: pip install 'narrows\[plot\]'"):
        plot.errors_by_size(SIZES, OURS, THEIRS)
