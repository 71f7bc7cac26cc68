"""Images in lines; rows beside their reconstructions, images and tables."""

from __future__ import annotations

import numpy as np
import pytest

from narrows import plot

pytest.importorskip("matplotlib")


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stand_in_lines(channels):
    first = np.arange(2 * 6 * channels).reshape(2, -1) / 100
    shape = (3, 2) if channels == 1 else (3, 2, 3)

    ax = plot.images({"first": first, "second": first + 5}, shape)

    page = ax.images[0].get_array()
    assert page.shape == (8, 6, 3)[: 2 if channels == 1 else 3]  # a line of white between images
    assert page[:3, :2].ravel().tolist() == pytest.approx(first[0].tolist())
    assert page[:3, 3:5].ravel().tolist() == pytest.approx(first[1].tolist())
    assert page[3:].min() == page[3:].max() == 1.0  # what lies outside is cut off
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "second"]


@pytest.mark.parametrize(
    ("lines", "shape", "words"),
    [
        ({}, (2, 2), "give at least one line"),
        ({"a": np.zeros((2, 4)), "b": np.zeros((3, 4))}, (2, 2), r"lines have the shapes \[\(2, 4\), \(3, 4\)\]"),
        ({"a": np.zeros((2, 4))}, (2, 3), r"image_shape is \(2, 3\), which makes 6 numbers, and rows have 4"),
        ({"a": np.zeros((2, 4))}, (2, 1, 2), r"image_shape is \(2, 1, 2\); give .* 1 or 3 channels"),
        ({"a": np.zeros((2, 4))}, (4,), r"image_shape is \(4,\); give \(height, width\)"),
        ({"a": [["x"]]}, (1, 1), "line 'a' must be numbers"),
    ],
)
def test_lines_that_make_no_picture_are_refused(lines, shape, words):
    with pytest.raises(ValueError, match=words):
        plot.images(lines, shape)


def lines_of(ax) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def cells(ax, n: int, size: int) -> np.ndarray:
    """Cut a picture of n images a line back into images, flat, (lines, n, size * size)."""
    page = np.asarray(ax.images[0].get_array())
    page = page.reshape(-1, size + 1, n, size + 1)[:, :size, :, :size]
    return page.transpose(0, 2, 1, 3).reshape(len(page), n, -1)


def test_reconstructions_stand_below_rows(digits, supervised):
    images, _ = digits

    ax = plot.reconstructions(supervised, images)

    assert lines_of(ax) == ["rows", "reconstructions"]
    above, below = cells(ax, 10, 8)
    np.testing.assert_allclose(above, images[:10].reshape(10, -1))
    np.testing.assert_allclose(below, supervised.reconstruct(images[:10]), atol=1e-6)


def test_what_was_trained_with_noise_is_shown_noise(digits, denoising):
    images, _ = digits

    ax = plot.reconstructions(denoising, images, most=4)

    assert lines_of(ax) == ["rows", "with noise", "reconstructions"]
    rows, noisy, rebuilt = cells(ax, 4, 8)
    assert 0.05 < np.abs(noisy - rows).mean() < 0.3  # clipped noise of deviation 0.3
    np.testing.assert_allclose(rebuilt, denoising.reconstruct(noisy), atol=1e-5)
    assert lines_of(plot.reconstructions(denoising, images, noisy=None)) == ["rows", "reconstructions"]


def test_noisy_rows_of_ones_own_are_what_is_rebuilt(digits, supervised):
    images, _ = digits
    noisy = images[::-1]

    ax = plot.reconstructions(supervised, images, noisy=noisy, most=3)

    np.testing.assert_allclose(cells(ax, 3, 8)[1], noisy[:3].reshape(3, -1))
    np.testing.assert_allclose(cells(ax, 3, 8)[2], supervised.reconstruct(noisy[:3]), atol=1e-6)


def test_bytes_and_numbers_of_any_range_are_shades(digits):
    rows = np.array([[0, 64, 128, 255]])

    as_bytes = plot.reconstructions(rows, rows.astype(np.uint8), image_shape=(2, 2))
    as_numbers = plot.reconstructions([[-3.0, 0.0, 9.0, 1.0]], [[-1.0, 0.0, 3.0, 1.0]], image_shape=(2, 2))

    assert cells(as_bytes, 1, 2).ravel().tolist() == pytest.approx([0, 64 / 255, 128 / 255, 1] * 2)
    assert cells(as_numbers, 1, 2).tolist() == [[[0, 0.25, 1, 0.5]], [[0, 0.25, 1, 0.5]]]  # what lies outside of the rows' range is cut off


def test_a_table_is_drawn_in_bands(linear):
    rows = [[0.0, 0.0, 2.0, 5.0], [1.0, 4.0, 2.0, 6.0]]

    ax = plot.reconstructions(linear(), rows, feature_names=["a", "b", "c", "d"])

    first, rebuilt, second, _ = [np.asarray(line.get_ydata(), float) for line in ax.get_lines() if len(line.get_xdata()) == 4]
    assert lines_of(ax) == ["row 0", "row 1"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c", "d"]
    assert first[:2].tolist() == pytest.approx([0.4, 0.4])  # the least of a feature is at the lower end
    assert second[:2].tolist() == pytest.approx([0.6, 0.6])  # and the most at the upper
    assert rebuilt[2:].tolist() == pytest.approx([0.4, 0.4])  # zeros
    assert ax.get_ylim() == (1.5, -0.5)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["rows", "reconstructions"]


@pytest.mark.parametrize("form", ["frame", "polars", "arrow"])
def test_frames_keep_their_names_as_they_are(table, tabular, form):
    given = table if form == "frame" else pytest.importorskip("polars").from_pandas(table)
    given = given.to_arrow() if form == "arrow" else given

    ax = plot.reconstructions(tabular, given, most=2)

    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names[:4] == list(table.columns[:4])
    assert names[4] == "much longer than anybody..."
    assert not any(label.get_parse_math() for label in ax.get_xticklabels())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["rows", "with noise", "reconstructions"]
    ax.figure.canvas.draw()  # which would fail on mathematics that is none


def test_a_constant_feature_and_very_many_features(linear):
    ax = plot.reconstructions(linear(2, 100), np.ones((2, 100)))

    assert ax.get_xlabel() == "100 features"
    assert not list(ax.get_xticks())


def test_reconstructions_of_a_map_are_its_autoencoders(digits, two_step):
    images, _ = digits

    ax = plot.reconstructions(two_step, images, most=2)

    np.testing.assert_allclose(cells(ax, 2, 8)[1], two_step.autoencoder_.reconstruct(images[:2]).clip(0, 1), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"X": None}, "X is None, and this picture shows rows"),
        ({"X": np.zeros((0, 4))}, r"X has shape \(0, 4\); give at least one row"),
        ({"X": np.zeros((3, 5))}, r"reconstructions have the shape \(2, 4\) where rows have \(3, 5\)"),
        ({"noisy": np.zeros((1, 4))}, r"noisy have the shape \(1, 4\) where rows have \(2, 4\)"),
        ({"noisy": "gaussian"}, "noisy is 'gaussian'; give 'auto', None, or noisy rows"),
        ({"image_shape": (3, 3)}, r"image_shape is \(3, 3\), which makes 9 numbers, and rows have 4"),
        ({"feature_names": ["a"]}, "feature_names has 1 names, and rows have 4 features"),
        ({"most": 0}, "most is 0; give a whole number of at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        plot.reconstructions(np.zeros((2, 4)), **{"X": np.zeros((2, 4)), **options})
