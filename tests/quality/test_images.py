"""Measures of images agree with scikit-image's and with the formula, window by window."""

from __future__ import annotations

import numpy as np
import pytest

from narrows.quality import _blocks, images, mean_squared_error, peak_signal_noise_ratio, structural_similarity

SHAPE = (20, 17, 2)
BY_SCIKIT_IMAGE = {"psnr": 14.863123604713948, "ssim": 0.6756615068977657}  # of `pair`, by version 0.26


@pytest.fixture
def pair():
    n, h, w, c = np.ogrid[:3, :20, :17, :2]
    clean = 0.5 + 0.5 * np.sin(h / (n + 2) + w / (c + 3))
    return flat(clean), flat(np.clip(clean + 0.3 * np.sin(37.0 * h * w + n + 2 * c), 0, 1))


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut even few images into several blocks."""
    monkeypatch.setattr(images, "blocks", lambda n_rows, width, cells=0: _blocks.blocks(n_rows, width, 2 * width))


def flat(stack):
    return stack.reshape(len(stack), -1)


def by_windows(x, y, size, data_range):
    """Give the similarity of two gray images of shape (height, width) by the formula, at one place after the other."""
    bell = np.exp(-0.5 * (np.arange(-(size // 2), size // 2 + 1) / 1.5) ** 2)
    window = np.outer(bell, bell) / bell.sum() ** 2
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    places = []
    for top in range(x.shape[0] - size + 1):
        for left in range(x.shape[1] - size + 1):
            a, b = (image[top : top + size, left : left + size] for image in (x, y))
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            covariance = (window * (a - mean_a) * (b - mean_b)).sum()
            variances = (window * (a - mean_a) ** 2).sum() + (window * (b - mean_b) ** 2).sum()
            places.append((2 * mean_a * mean_b + c1) * (2 * covariance + c2) / ((mean_a**2 + mean_b**2 + c1) * (variances + c2)))
    return np.mean(places)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("data_range", [1, 255])
def test_noise_ratio_is_scikit_images(pair, data_range):
    """There: the mean over images of ``peak_signal_noise_ratio(clean, made, data_range=data_range)``."""
    rows, made = pair

    assert peak_signal_noise_ratio(data_range * rows, data_range * made, data_range=data_range) == pytest.approx(
        BY_SCIKIT_IMAGE["psnr"], rel=1e-12
    )


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("data_range", [1, 255])
def test_similarity_is_scikit_images(pair, data_range):
    """There: the mean of ``structural_similarity(..., gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=-1)``."""
    rows, made = pair

    value = structural_similarity(data_range * rows, data_range * made, image_shape=SHAPE, data_range=data_range)
    assert value == pytest.approx(BY_SCIKIT_IMAGE["ssim"], rel=1e-12)


@pytest.mark.parametrize(("shape", "size"), [((13, 16), 11), ((11, 12), 11), ((8, 8), 7), ((9, 30), 9), ((4, 5), 3), ((3, 3), 3)])
def test_similarity_is_the_formula_window_by_window(rng, shape, size):
    x, y = rng.random((2, 2, *shape))

    oracle = np.mean([by_windows(a, b, size, 1.0) for a, b in zip(x, y, strict=True)])

    assert structural_similarity(flat(x), flat(y), image_shape=shape) == pytest.approx(oracle, rel=1e-10)


def test_channels_count_alike(pair):
    rows, made = pair
    each = [structural_similarity(*(flat(part.reshape(3, *SHAPE)[..., c]) for part in pair), image_shape=SHAPE[:2]) for c in range(2)]

    assert structural_similarity(rows, made, image_shape=SHAPE) == pytest.approx(np.mean(each), rel=1e-12)


def test_images_themselves_are_met_exactly(pair):
    rows, _ = pair

    assert peak_signal_noise_ratio(rows, rows) == np.inf
    assert structural_similarity(rows, rows, image_shape=SHAPE) == pytest.approx(1, abs=1e-12)
    assert structural_similarity(np.ones((1, 9)), np.ones((1, 9)), image_shape=(3, 3)) == 1


def test_noise_ratio_of_one_image_is_its_squared_error_in_decibels(pair):
    rows, made = (part[:1] for part in pair)

    assert peak_signal_noise_ratio(rows, made) == pytest.approx(-10 * np.log10(mean_squared_error(rows, made)), rel=1e-12)


def test_bytes_do_not_wrap_around():
    white, black = np.full((1, 9), 255, np.uint8), np.zeros((1, 9), np.uint8)

    assert peak_signal_noise_ratio(black, white, data_range=255) == 0
    assert structural_similarity(black, white, image_shape=(3, 3), data_range=255) == pytest.approx(0, abs=2e-4)


@pytest.mark.parametrize("figure", [peak_signal_noise_ratio, lambda *pair, **how: structural_similarity(*pair, image_shape=(3, 3), **how)])
@pytest.mark.parametrize(
    ("rows", "made", "how", "message"),
    [
        (np.ones((2, 9)), np.ones((3, 9)), {}, "reconstruction has 3 rows; give 2, one for each of the others"),
        (np.ones((2, 9)), np.ones((2, 8)), {}, "reconstruction has 8 features; give 9, as the others have"),
        (np.full((1, 9), np.nan), np.ones((1, 9)), {}, "rows holds NaN or infinity; give finite numbers"),
        (np.ones((1, 9)), np.full((1, 9), np.inf), {}, "reconstruction holds NaN or infinity; give finite numbers"),
        (np.ones((1, 9)), np.ones((1, 9)), {"data_range": 0}, "data_range is 0; give a number above 0: 1 for images in .*, 255 for bytes"),
        (np.ones((1, 9)), np.ones((1, 9)), {"data_range": np.nan}, "data_range is nan; give a number above 0"),
        (np.arange(9)[None] * 30, np.ones((1, 9)), {}, "rows go from 0 to 240, which is more than data_range=1; give the range of clean"),
    ],
)
def test_bad_input_is_named(figure, rows, made, how, message):
    with pytest.raises(ValueError, match=message):
        figure(rows, made, **how)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 4), r"image_shape is \(4, 4\); give \(height, width\) or \(height, width, channels\) of the 12 numbers of a row"),
        ((12,), r"image_shape is \(12,\); give \(height, width\) or"),
        ((1, 3, 2, 2), r"image_shape is \(1, 3, 2, 2\); give \(height, width\) or"),
        ((-3, -4), r"image_shape is \(-3, -4\); give \(height, width\) or"),
        ((2, 6), r"image_shape is \(2, 6\); structural similarity needs sides of at least 3 pixels: use mean_squared_error"),
    ],
)
def test_a_shape_that_does_not_fit_is_named(shape, message):
    with pytest.raises(ValueError, match=message):
        structural_similarity(np.ones((2, 12)), np.ones((2, 12)), image_shape=shape)
