"""Filters: the weights of the first layer, as images."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from narrows import plot

pytest.importorskip("matplotlib")


def test_weights_of_dense_units_are_images(digits, supervised):
    kernel = np.asarray(supervised.encoder_.get_layer("encoder_1").kernel)

    page = np.asarray(plot.filters(supervised).images[0].get_array())

    assert page.shape == (4 * 9, 4 * 9)  # 16 units
    full = np.quantile(np.abs(kernel), 0.99)
    np.testing.assert_allclose(page[:8, 9:17], (0.5 + kernel[:, 1].reshape(8, 8) / full / 2).clip(0, 1), atol=1e-6)


def test_kernels_of_convolutions(digits):
    from narrows import Autoencoder, Conv

    made = Autoencoder(2, layers=Conv(4), epochs=1, random_state=0).fit(digits[0])

    assert np.asarray(plot.filters(made).images[0].get_array()).shape == (2 * 4, 2 * 4)  # four of 3x3


def test_zero_is_gray_and_the_largest_weights_are_drawn():
    page = np.asarray(plot.filters([[0.0, 1.0, -2.0], [0.0, -1.0, 2.0]], image_shape=(1, 2), most=2).images[0].get_array())

    assert page[0, [0, 1, 3, 4]].tolist() == pytest.approx([0.75, 0.25, 0.0, 1.0], abs=0.02)
    assert (np.asarray(plot.filters(np.zeros((4, 1)), image_shape=(2, 2)).images[0].get_array())[:2, :2] == 0.5).all()


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 8)), (3, (4, 8, 3)), (2, (8, 8))])
def test_channels_are_colors_or_images_of_their_own(channels, shape):
    assert np.asarray(plot.filters(np.ones((3, 3, channels, 2))).images[0].get_array()).shape == shape


@pytest.mark.parametrize(
    ("kernel", "options", "words"),
    [
        (np.zeros(4), {}, r"a kernel has shape \(4,\); give \(n_features, n_units\), or \(height, width, channels, n_filters\)"),
        (np.zeros((4, 2)), {}, r"filters of rows of 4 features are drawn as images: give image_shape=\(height, width\)"),
        (np.zeros((4, 2)), {"image_shape": (3, 2)}, r"image_shape is \(3, 2\), which makes 6 numbers, and rows have 4"),
        (np.zeros((4, 2)), {"most": 0}, "most is 0; give a whole number of at least 1"),
    ],
)
def test_kernels_that_are_no_images_are_refused(kernel, options, words):
    with pytest.raises(ValueError, match=words):
        plot.filters(kernel, **options)


def test_rows_of_tables_have_no_filters(tabular):
    with pytest.raises(ValueError, match="filters of rows of 5 features are drawn as images"):
        plot.filters(tabular)


def test_what_has_no_layers_has_no_filters(linear):
    with pytest.raises(ValueError, match="Linear has no encoder of layers: give an autoencoder of narrows, or a kernel"):
        plot.filters(linear())


def test_layers_without_weights_have_no_filters(linear):
    class Own(linear):
        encoder_ = SimpleNamespace(layers=[SimpleNamespace(layers=[SimpleNamespace(name="norm", kernel=np.zeros(3))])])

    with pytest.raises(ValueError, match="the encoder has no dense or convolutional layer, and so no filters to draw"):
        plot.filters(Own())
