"""Errors of rows and of features."""

from __future__ import annotations

import numpy as np
import pytest

from narrows import plot

pytest.importorskip("matplotlib")


def test_errors_of_pixels_are_shades(digits, supervised):
    images, _ = digits

    drawn = plot.feature_errors(supervised, images).images[0]

    np.testing.assert_allclose(
        drawn.get_array(), supervised.reconstruction_error(images, per_feature=True).mean(0).reshape(8, 8), rtol=1e-5
    )
    assert drawn.get_clim()[0] == 0


def test_the_worst_features_of_a_table_come_first(table, tabular):
    errors = tabular.reconstruction_error(table, per_feature=True).mean(0)
    order = np.argsort(-errors)

    ax = plot.feature_errors(tabular, table, most=3)

    assert [bar.get_width() for bar in ax.patches] == pytest.approx(errors[order[:3]].tolist())
    assert ax.yaxis_inverted()
    assert ax.get_ylabel() == "the worst 3 of 5 features"
    assert [label.get_text()[:5] for label in ax.get_yticklabels()] == [table.columns[place][:5] for place in order[:3]]
    assert not any(label.get_parse_math() for label in ax.get_yticklabels())


@pytest.mark.parametrize("errors", [[1.0, 3.0], [[0.0, 2.0], [2.0, 4.0]]])
def test_errors_of_features_may_be_given(errors):
    ax = plot.feature_errors(errors, feature_names=["a", "b"])

    assert [bar.get_width() for bar in ax.patches] == [3.0, 1.0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a"]
    assert ax.get_ylabel() == ""


def test_rows_are_counted_by_their_error(digits, supervised):
    images, _ = digits
    errors = supervised.reconstruction_error(images)

    ax = plot.error_histogram(supervised, images, bins=7)

    assert len(ax.patches) == 7
    assert sum(bar.get_height() for bar in ax.patches) == 300
    assert ax.get_lines()[0].get_xdata()[0] == pytest.approx(np.median(errors))
    assert f"median {np.median(errors):.3g}" in ax.texts[0].get_text()


@pytest.mark.parametrize(
    ("errors", "scale"),
    [([1.0, 2.0, 3.0], "linear"), ([0.01, 0.1, 1.0], "log"), ([0.0, 0.1, 10.0], "linear"), ([0.0, 0.0], "linear"), ([0.5], "linear")],
)
def test_wide_errors_are_on_a_logarithmic_axis(errors, scale):
    ax = plot.error_histogram(errors)

    assert ax.get_xscale() == scale
    assert sum(bar.get_height() for bar in ax.patches) == len(errors)


def test_numbers_on_a_logarithmic_axis_are_plain():
    ax = plot.error_histogram([0.001, 0.02, 0.3])
    ax.figure.canvas.draw()

    said = [label.get_text() for label in ax.get_xticklabels()]
    assert {"0.001", "0.01", "0.1"} <= set(said)


def test_errors_of_a_map_are_its_autoencoders(digits, two_step):
    images, _ = digits

    median = plot.error_histogram(two_step, images).get_lines()[0].get_xdata()[0]
    assert median == pytest.approx(np.median(two_step.autoencoder_.reconstruction_error(images)))


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([], r"errors have shape \(0,\)"),
        ([[1.0]], r"errors have shape \(1, 1\) .* in 1 dimensions"),
        (["a"], "errors have shape .* give numbers"),
        ([np.nan], "errors hold NaN, infinity or numbers below 0"),
        ([-1.0], "errors hold NaN, infinity or numbers below 0"),
    ],
)
def test_errors_that_are_none_are_refused(errors, words):
    with pytest.raises(ValueError, match=words):
        plot.error_histogram(errors)


@pytest.mark.parametrize(
    ("draw", "options", "words"),
    [
        (plot.error_histogram, {"bins": 0}, "bins is 0; give a whole number of at least 1"),
        (plot.feature_errors, {"most": 0}, "most is 0; give a whole number of at least 1"),
        (plot.feature_errors, {"image_shape": (2, 2)}, r"image_shape is \(2, 2\), which makes 4 numbers, and rows have 2"),
        (plot.feature_errors, {"feature_names": ["a"]}, "feature_names has 1 names, and rows have 2 features"),
    ],
)
def test_options_that_do_not_fit_are_refused(draw, options, words):
    with pytest.raises(ValueError, match=words):
        draw([1.0, 2.0], **options)
