"""Codes: points, colors, names, and density where there are very many."""

from __future__ import annotations

import numpy as np
import pytest

from narrows import plot
from narrows.plot.colors import SAFE, TAB10, colors_of

pytest.importorskip("matplotlib")
from matplotlib.colors import to_rgb, to_rgba

# To the eyes of those who lack one kind of cone, in linear RGB: Machado, Oliveira and Fernandes, 2009, severity 1.
EYES = {
    "all cones": np.eye(3),
    "no long": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no middle": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no short": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
CONES = [[0.41222147, 0.53633254, 0.05144599], [0.21190350, 0.68069955, 0.10739696], [0.08830246, 0.28171884, 0.62997870]]
OKLAB = [[0.21045426, 0.79361779, -0.00407205], [1.97799850, -2.42859221, 0.45059371], [0.02590404, 0.78277177, -0.80867577]]


def least_distance(colors, eyes) -> float:
    """Give how far apart the two most alike of some colors are, in OKLab."""
    light = np.array([to_rgb(color) for color in colors])
    light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4) @ np.array(EYES[eyes]).T
    seen = np.cbrt(light.clip(0, 1) @ np.array(CONES).T) @ np.array(OKLAB).T
    return (np.linalg.norm(seen[:, None] - seen, axis=-1) + 9 * np.eye(len(seen))).min()


def shown(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_codes_have_the_colors_of_their_regions():
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
    ax = plot.codes(np.zeros((3, 2)), labels=labels)

    drawn = ax.collections[-1].get_array()
    assert values == (None if drawn is None else drawn.tolist())
    assert sum(len(points.get_offsets()) for points in ax.collections) == 3


def test_many_kinds_and_long_names_have_room():
    grid = plot.new_grid(1, 2).flat
    plot.codes(np.zeros((100, 2)), labels=[f"kind {place:03d} {'of a long name' * 9}" for place in range(100)], legend=grid[1], ax=grid[0])

    said = [text.get_text() for text in grid[1].get_legend().get_texts()]
    assert len(said) == 27
    assert said[0] == "kind 000 of a long nameo..."
    assert said[-1] == "and 74 others"


def test_many_points_are_small():
    few, many = (plot.codes(np.zeros((n, 2))).collections[0] for n in (100, 50_000))

    assert few.get_sizes()[0] > 10 * many.get_sizes()[0]
    assert many.get_rasterized()


@pytest.mark.parametrize("beside", [False, True])
def test_a_legend_has_the_colors_of_the_points(beside):
    ax, empty = plot.new_grid(1, 2).flat
    where = empty if beside else ax

    plot.codes([[0.0, 0.0], [1.0, 1.0]], labels=["x", "y"], legend=where, ax=ax)

    colors = ax.collections[0].to_rgba([0, 1]).tolist()
    drawn = where.get_legend()
    assert [text.get_text() for text in drawn.get_texts()] == ["x", "y"]
    assert [list(to_rgba(mark.get_color())) for mark in drawn.legend_handles] == colors
    assert (ax.get_legend() is None) == beside


def test_codes_of_an_estimator_are_its_own(digits, supervised):
    images, labels = digits

    ax = plot.codes(supervised, images, labels=labels)

    np.testing.assert_array_equal(ax.collections[0].get_offsets(), supervised.transform(images))
    assert ax.collections[0].get_array().tolist() == labels.tolist()


def test_a_map_without_rows_shows_its_own(two_step):
    np.testing.assert_array_equal(plot.codes(two_step).collections[0].get_offsets(), two_step.embedding_)


def test_an_estimator_needs_rows(supervised):
    with pytest.raises(ValueError, match="neither rows X nor codes are given, and SupervisedAutoencoder needs one of them: give rows as X"):
        plot.codes(supervised)


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (np.zeros((3, 1)), r"codes have 1 numbers each, and this picture shows 2: give codes of n_components=2"),
        (np.zeros((3, 3)), r"codes have 3 numbers each, and this picture shows 2: give two columns of them, codes\[:, :2\], or a map"),
        (np.zeros(3), r"codes have shape \(3,\)"),
        (np.zeros((0, 2)), r"codes have shape \(0, 2\); give at least one"),
        ([[0.0, np.nan]], "codes hold NaN or infinity"),
        ([["a", "b"]], "codes must be numbers"),
    ],
)
def test_codes_that_are_no_points_are_refused(codes, words):
    with pytest.raises(ValueError, match=words):
        plot.codes(codes)


@pytest.mark.parametrize("labels", [[0, 1], [[0], [1], [2]], 5])
def test_labels_of_another_length_are_refused(labels):
    with pytest.raises(ValueError, match=r"labels have shape .*, and there are 3 codes: give one label for each, of shape \(3,\)"):
        plot.codes(np.zeros((3, 2)), labels=labels)


def test_one_class_and_one_place_are_a_picture():
    ax = plot.codes(np.ones((5, 2)), labels=["a"] * 5, legend=(axes := plot.new_axes()), ax=axes)

    assert ax.collections[0].get_facecolors() is not None
    assert ax.collections[0].to_rgba([0])[0].tolist() == list(to_rgba(TAB10[0]))
    assert shown(ax) == ["a"]


def test_no_label_is_known():
    (points,) = plot.codes(np.zeros((2, 2)), labels=[None, np.nan]).collections

    assert points.get_facecolor()[0].tolist() == list(to_rgba("0.8"))


@pytest.mark.parametrize("legend", [False, True])
def test_names_are_written_as_they_are(legend):
    names = ["_first", "$a$ and $b$", "c_{d}^e"]
    ax = plot.new_axes()
    plot.codes([[0, 0], [1, 1], [2, 0]], labels=names, names=not legend, legend=ax if legend else None, ax=ax)

    texts = ax.get_legend().get_texts() if legend else ax.texts
    assert sorted(text.get_text() for text in texts) == sorted(names)
    assert not any(text.get_parse_math() for text in texts)
    ax.figure.canvas.draw()  # which would fail on mathematics that is none


def test_names_stand_at_the_middle_of_their_points():
    points = [[0, 0], [1, 1], [2, 2], [10, 10], [11, 10], [30, 10]]

    ax = plot.codes(points, labels=list("aaabbb"), names=True)

    assert {text.get_text(): text.get_position() for text in ax.texts} == {"a": (1, 1), "b": (11, 10)}


def test_ten_kinds_have_the_textbooks_colors_and_more_have_safe_ones():
    assert colors_of("auto", 10) == list(TAB10)
    assert colors_of("auto", 11) == list(SAFE[:11])
    assert colors_of("safe", 3) == list(SAFE[:3])
    assert colors_of(["red", "black"], 3) == ["red", "black"]  # which come round again


def test_a_palette_colors_points():
    ax = plot.codes(np.zeros((3, 2)), labels=["x", "y", "x"], palette=["red", "black"])

    assert ax.collections[0].to_rgba([0, 1]).tolist() == [list(to_rgba("red")), list(to_rgba("black"))]


@pytest.mark.parametrize(
    ("palette", "words"),
    [
        ("tab11", "palette is 'tab11'; give one of 'auto', 'tab10', 'safe', or a list of colors"),
        (["red", "rred"], "palette holds 'rred', which is no color"),
        ([], "palette is an empty list"),
    ],
)
def test_a_palette_that_is_none_is_refused(palette, words):
    with pytest.raises(ValueError, match=words):
        plot.codes(np.zeros((2, 2)), labels=[0, 1], palette=palette)


@pytest.mark.parametrize("eyes", EYES)
def test_safe_colors_are_apart_to_all_eyes(eyes):
    """The textbook's ten are less than 0.01 apart to some; what is 0.02 apart can just be told apart side by side."""
    assert least_distance(SAFE[:10], eyes) > 0.07
    assert least_distance(SAFE, eyes) > 0.045
    assert min(least_distance(TAB10, those) for those in EYES) < 0.01


def test_safe_colors_are_seen_on_white_and_are_not_those_of_rows_without_labels():
    assert least_distance([*SAFE, "white", "0.8"], "all cones") > 0.06


def test_density_counts_points_and_shows_the_most_frequent_label():
    points = [[0, 0]] * 5 + [[1, 1]] * 100 + [[0, 0]]

    ax = plot.codes(points, labels=["a"] * 5 + ["b"] * 101, density=True)

    page = ax.images[0].get_array()
    few, many, none = page[0, 0], page[-1, -1], page[0, -1]
    assert few[:3].tolist() == pytest.approx(to_rgb(TAB10[0]))
    assert many[:3].tolist() == pytest.approx(to_rgb(TAB10[1]))
    assert 0.25 < few[3] < many[3] == 1.0
    assert none[3] == 0.0
    assert ax.images[0].get_extent() == [0, 1, 0, 1]
    assert not ax.collections


def test_density_of_numbers_shows_their_mean():
    from matplotlib import colormaps

    ax = plot.codes([[0, 0], [0, 0], [1, 1]], labels=[0.5, 1.5, 3.0], density=True)

    assert ax.images[0].get_array()[0, 0, :3].tolist() == pytest.approx(colormaps["viridis"](0.2)[:3])  # 1 between 0.5 and 3


@pytest.mark.parametrize("labels", [None, "kinds", "numbers", "unknown"])
def test_very_many_points_are_drawn_by_their_density(labels, rng):
    points = rng.normal(size=(100_001, 2))
    given = {"kinds": np.arange(100_001) % 3, "numbers": points[:, 0], "unknown": np.where(points[:, 0] < 0, np.nan, 1.0)}

    ax = plot.codes(points, labels=given.get(labels))

    assert len(ax.images) == (2 if labels == "unknown" else 1)
    assert not ax.collections
    assert ax.get_xlim()[0] <= points[:, 0].min() < points[:, 0].max() <= ax.get_xlim()[1]
    assert plot.codes(points, density=False).collections
    assert not plot.codes(points[1:]).images


def test_density_of_one_place():
    page = plot.codes(np.ones((9, 2)), density=True).images[0].get_array()

    assert page[..., 3].sum() == page[..., 3].max() > 0


def test_density_is_yes_no_or_auto():
    with pytest.raises(ValueError, match="density is 'yes'; give True, False or 'auto'"):
        plot.codes(np.zeros((2, 2)), density="yes")


def test_regions_of_numbers_are_on_the_scale_of_the_points():
    below, points = plot.codes([[0, 0], [1, 1]], labels=[0.5, 2.5], regions=([0, 1], [0, 1], [[0.0, 1.5], [3.0, 4.5]])).collections

    assert below.get_clim() == points.get_clim() == (0.0, 4.5)
    assert below.get_array().ravel().tolist() == [0.0, 1.5, 3.0, 4.5]


def test_regions_may_be_of_labels_that_no_point_has():
    below, points = plot.codes([[0, 0], [1, 1]], labels=["b", "b"], regions=([0, 1], [0, 1], [["a", "b"], ["c", "c"]])).collections

    assert below.get_array().ravel().tolist() == [0, 1, 2, 2]
    assert points.get_array().tolist() == [1, 1]


def test_regions_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"regions have 2 places across, 3 up and labels of shape \(2, 3\): give \(up, across\)"):
        plot.codes([[0, 0]], regions=([0, 1], [0, 1, 2], np.zeros((2, 3))))
