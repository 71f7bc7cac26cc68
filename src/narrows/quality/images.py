"""How far images are from what was made of them, by the measures of image restoration."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from narrows.quality._blocks import CELLS, blocks, in_threads
from narrows.quality._checks import Array, Floats, as_rows, require_finite

WINDOW, SIGMA = 11, 1.5  # Wang et al.'s Gaussian window, in pixels
K1, K2 = 0.01, 0.03  # and their constants
SCRATCH = 16  # arrays of a block's size that the similarity of its images needs


def peak_signal_noise_ratio(rows: ArrayLike, reconstruction: ArrayLike, *, data_range: float = 1.0) -> float:
    """Peak signal-to-noise ratio (PSNR): of each image, then the mean over images.

    Parameters
    ----------
    rows : array-like of shape (n, d)
        Clean images, one a row.
    reconstruction : array-like of shape (n, d)
        What stands for them: cleaned, noisy or reconstructed.
    data_range : float, default=1.0
        How far apart the least and the greatest value are that a clean image may hold: 1 for images in [0, 1], 255 for bytes.

    Returns
    -------
    float
        In decibels: higher is better, infinite if an image is met exactly. Ten more are a tenth of the squared error.

    Raises
    ------
    ValueError
        If rows span more than data_range or it is not above 0, the two differ in shape, are empty, or hold anything but finite real
        numbers.

    See Also
    --------
    structural_similarity : Looks at surroundings instead of pixels.
    mean_squared_error : One figure for the pixels of all images.

    Notes
    -----
    The mean of 10 log10(range² / e), where e is the mean squared error of one image. It is not the ratio at the mean of e, which is lower:
    a few bad images weigh more there.

    Examples
    --------
    >>> from narrows.quality import peak_signal_noise_ratio
    >>> peak_signal_noise_ratio([[0.0, 1.0], [0.5, 0.5]], [[0.1, 0.9], [0.6, 0.4]])
    20.0
    """
    x, y = _pair(rows, reconstruction, data_range)

    def work(block: slice) -> Floats:
        require_finite("reconstruction", y[block])
        errors: Floats = np.square(x[block].astype(np.float64) - y[block]).mean(1)
        return errors

    errors = np.concatenate(list(in_threads(work, blocks(*x.shape))))
    with np.errstate(divide="ignore"):  # an image that is met exactly
        return float(np.mean(10 * np.log10(data_range**2 / errors)))


def structural_similarity(rows: ArrayLike, reconstruction: ArrayLike, *, image_shape: Sequence[int], data_range: float = 1.0) -> float:
    r"""Structural similarity (SSIM): how alike images are in brightness, contrast and structure, the mean over images.

    Parameters
    ----------
    rows : array-like of shape (n, d)
        Clean images, one a row.
    reconstruction : array-like of shape (n, d)
        What stands for them: cleaned, noisy or reconstructed.
    image_shape : tuple of int
        (height, width) or (height, width, channels) of an image, each side at least 3: d numbers in all.
    data_range : float, default=1.0
        How far apart the least and the greatest value are that a clean image may hold: 1 for images in [0, 1], 255 for bytes.

    Returns
    -------
    float
        In [-1, 1]: 1 for images that are met exactly, about 0 for noise in their place.

    Raises
    ------
    ValueError
        If image_shape does not fit, rows span more than data_range or it is not above 0, the two differ in shape, are empty, or hold
        anything but finite real numbers.

    See Also
    --------
    peak_signal_noise_ratio : Of pixels, each by itself.

    Notes
    -----
    The mean over images, channels and places of

    .. math:: \frac{(2 \mu_x \mu_y + (0.01 L)^2)(2 \sigma_{xy} + (0.03 L)^2)}
        {(\mu_x^2 + \mu_y^2 + (0.01 L)^2)(\sigma_x^2 + \sigma_y^2 + (0.03 L)^2)},

    where L is data_range, and means, variances and covariance are those under a Gaussian window of 11 by 11 pixels with a standard
    deviation of 1.5, at each place where the whole window lies within the image. In an image with a side below 11 the window is cropped to
    the largest odd size that fits (7 for 8 by 8 pixels): such figures compare with each other, not with those of larger images.

    References
    ----------
    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli: Image quality assessment: from error visibility to structural similarity. IEEE
    Transactions on Image Processing 13(4), 600-612, 2004. https://doi.org/10.1109/TIP.2003.819861

    Examples
    --------
    >>> import numpy as np
    >>> from narrows.quality import structural_similarity
    >>> ramp = np.linspace(0, 1, 144).reshape(1, -1)
    >>> structural_similarity(ramp, ramp, image_shape=(12, 12))
    1.0
    >>> round(structural_similarity(ramp, 1 - ramp, image_shape=(12, 12)), 2)
    -0.93
    """
    x, y = _pair(rows, reconstruction, data_range)
    shape = _shape(image_shape, x.shape[1])

    def work(block: slice) -> Floats:
        require_finite("reconstruction", y[block])
        pictures = [part[block].astype(np.float64).reshape(-1, *shape) for part in (x, y)]
        return _similarities(pictures[0], pictures[1], data_range)

    return float(np.mean(np.concatenate(list(in_threads(work, blocks(len(x), x.shape[1], CELLS // SCRATCH))))))


def _similarities(x: Floats, y: Floats, data_range: float) -> Floats:
    """Give the structural similarity of each image of two stacks of shape (n, height, width, channels)."""
    kernel = _kernel(min(WINDOW, *(side - 1 + side % 2 for side in x.shape[1:3])))
    mean_x, mean_y = _filtered(x, kernel), _filtered(y, kernel)
    mean_xy, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = _filtered(x * y, kernel) - mean_xy
    variances = _filtered(x**2 + y**2, kernel) - squares
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    places = (2 * mean_xy + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    similarities: Floats = places.mean((1, 2, 3))
    return similarities


def _kernel(size: int) -> Floats:
    bell = np.exp(-0.5 * (np.arange(-(size // 2), size // 2 + 1) / SIGMA) ** 2)
    kernel: Floats = bell / bell.sum()
    return kernel


def _filtered(images: Floats, kernel: Floats) -> Floats:
    """Weigh the surroundings of each place where the whole window lies within the image."""
    from scipy.ndimage import correlate1d

    margin = len(kernel) // 2
    within = slice(margin, -margin)
    filtered: Floats = correlate1d(correlate1d(images, kernel, axis=1)[:, within], kernel, axis=2)[:, :, within]
    return filtered


def _pair(rows: ArrayLike, reconstruction: ArrayLike, data_range: float) -> tuple[Array, Array]:
    x = as_rows("rows", rows)
    y = as_rows("reconstruction", reconstruction, width=x.shape[1], length=len(x), finite=False)
    if not (data_range > 0 and math.isfinite(data_range)):
        raise ValueError(f"data_range is {data_range}; give a number above 0: 1 for images in [0, 1], 255 for bytes")
    least, greatest = float(x.min()), float(x.max())
    if greatest - least > data_range * (1 + 1e-6):  # float32 rounds
        raise ValueError(
            f"rows go from {least:g} to {greatest:g}, which is more than data_range={data_range:g}; give the range of clean images"
        )
    return x, y


def _shape(image_shape: Sequence[int], width: int) -> tuple[int, int, int]:
    shape = tuple(image_shape)
    if len(shape) not in (2, 3) or math.prod(shape) != width or min(shape) < 1:
        raise ValueError(f"image_shape is {shape}; give (height, width) or (height, width, channels) of the {width} numbers of a row")
    if min(shape[:2]) < 3:
        raise ValueError(f"image_shape is {shape}; structural similarity needs sides of at least 3 pixels: use mean_squared_error")
    height, across, channels = (*shape, 1)[:3]
    return height, across, channels
