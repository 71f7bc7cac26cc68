"""Walks: each place is what the decoder makes of it, and stands where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from narrows import plot

pytest.importorskip("matplotlib")


def page_of(ax) -> np.ndarray:
    return np.asarray(ax.images[0].get_array())


def test_each_number_walks_alone(linear):
    """Pixels are the numbers of the code: in the first line the first pixel grows, in the second the second."""
    codes = np.stack([np.linspace(0, 1, 101), np.full(101, 0.5)], axis=1)
    codes[::2, 1] = [0.0, *np.full(49, 0.5), 1.0]

    ax = plot.traversals(linear(), codes=codes, steps=3, image_shape=(2, 2))

    first, second = page_of(ax)[0:2], page_of(ax)[3:5]
    assert first[0, [0, 3, 6]].tolist() == pytest.approx([0.01, 0.5, 0.99])  # quantiles
    assert first[0, [1, 4, 7]].tolist() == pytest.approx([0.5, 0.5, 0.5])  # the median
    assert second[0, [0, 3, 6]].tolist() == pytest.approx([0.5, 0.5, 0.5])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0:  0.01 to 0.99", "1:  0.5 to 0.5"]


def test_rows_say_where_the_ends_are(digits, denoising):
    images, _ = digits
    low, high = np.quantile(denoising.transform(images), (0.01, 0.99), axis=0)

    ax = plot.traversals(denoising, images, steps=4)

    assert page_of(ax).shape == (3 * 9, 4 * 9)
    said = [label.get_text().replace("\N{MINUS SIGN}", "-").partition(":  ")[2].split(" to ") for label in ax.get_yticklabels()]
    np.testing.assert_allclose(np.array(said, float), np.stack([low, high], 1), rtol=0.06)


def test_of_many_numbers_those_walk_that_spread_most(linear):
    codes = np.outer([-1.0, 1.0], np.arange(20)[::-1])

    ax = plot.traversals(linear(20, 25), codes=codes, image_shape=(5, 5))

    assert [label.get_text().partition(":")[0] for label in ax.get_yticklabels()] == [f"{number}" for number in range(16)]


def test_a_table_walks_in_curves(linear):
    ax = plot.traversals(linear(1, 3), codes=[[0.0], [1.0]], steps=3, feature_names=["$a$", "_b", "c"])

    curves = [line for line in ax.get_lines() if len(line.get_xdata()) == 3]
    assert [round(float(line.get_ydata()[0]), 2) for line in curves] == [0.4, 0.0, -0.4]  # the first feature, from its low end up
    assert len({str(line.get_color()) for line in curves}) == 3
    assert [label.get_text() for label in ax.get_xticklabels()] == ["$a$", "_b", "c"]


def test_constant_codes_rest(linear):
    page = page_of(plot.traversals(linear(), codes=np.full((3, 2), 0.25), image_shape=(2, 2), steps=2))

    assert page[0, [0, 1, 3, 4]].tolist() == [0.25] * 4


def test_the_plane_is_decoded_the_right_way_up(linear):
    ax = plot.decoded_grid(linear(), codes=[[0, 0], [1, 1]], size=3, image_shape=(2, 2))

    page = page_of(ax)
    left, right, bottom, top = ax.images[0].get_extent()
    assert page[0::3, 1].tolist() == pytest.approx([0.99, 0.5, 0.01])  # the second number falls from the top down,
    assert page[0, 0::3].tolist() == pytest.approx([0.01, 0.5, 0.99])  # the first one grows to the right
    assert (left, right) == (bottom, top) == pytest.approx((0.01 - 0.245, 0.99 + 0.245))  # an image is centered on its code


def test_one_feature_of_the_plane(linear):
    for feature in ("up", 1):
        ax = plot.decoded_grid(linear(), codes=[[0, 0], [1, 1]], feature=feature, feature_names=["across", "up", "c", "d"])

        page = page_of(ax)
        assert page[0, 0] == page[0, -1] == pytest.approx(0.99)
        assert page[-1, 0] == page[-1, -1] == pytest.approx(0.01)
        assert ax.figure.axes[1].get_ylabel() == "up"


def test_a_map_knows_its_own_places(two_step):
    left, right, bottom, top = plot.decoded_grid(two_step, size=4).images[0].get_extent()

    places = two_step.embedding_
    assert ((places[:, 0] > left) & (places[:, 0] < right) & (places[:, 1] > bottom) & (places[:, 1] < top)).mean() > 0.9
    assert page_of(plot.traversals(two_step, steps=3)).shape == (2 * 9, 3 * 9)


def test_constant_codes_are_a_plane_around_them(linear):
    assert plot.decoded_grid(linear(), codes=np.ones((3, 2)), size=2, image_shape=(2, 2)).images[0].get_extent() == [0, 2, 0, 2]


@pytest.mark.parametrize("draw", [plot.traversals, plot.decoded_grid])
def test_rows_or_codes_are_needed_and_not_both(draw, linear):
    with pytest.raises(ValueError, match="neither rows X nor codes are given, and Linear needs one of them"):
        draw(linear())
    with pytest.raises(ValueError, match="both X and codes are given"):
        draw(linear(), np.zeros((2, 4)), codes=np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"codes": np.zeros((3, 3))}, "codes have 3 numbers each, and this picture shows 2"),
        ({"codes": np.zeros((3, 1))}, "codes have 1 numbers each, and this picture shows 2"),
        ({}, r"rows of 4 features are not known as images: give image_shape=\(height, width\), or feature="),
        ({"feature": "z"}, "feature is 'z'; give a number from 0 to 3, or a name such as 'feature 0'"),
        ({"feature": 4}, "feature is 4; give a number from 0 to 3"),
        ({"size": 1}, "size is 1; give a whole number of at least 2"),
    ],
)
def test_planes_that_cannot_be_drawn_are_refused(options, words, linear):
    with pytest.raises(ValueError, match=words):
        plot.decoded_grid(linear(), **{"codes": np.zeros((2, 2)), **options})


def test_a_walk_takes_two_steps(linear):
    with pytest.raises(ValueError, match="steps is 1; give a whole number of at least 2"):
        plot.traversals(linear(), codes=np.zeros((2, 2)), steps=1)
