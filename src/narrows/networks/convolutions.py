"""Convolutions, max poolings and upsamplings in the forms that XLA runs fastest on a processor inside a loop, with their derivatives.

XLA's own derivatives of a convolution are convolutions of uncommon layouts, for which it has no fast routine: inside a loop they take
twenty times as long as the convolution. Here every derivative is a convolution of the common layout (NHWC, HWIO) or a matrix product.
What no form here fits (groups, dilated kernels, other layouts, windows that overlap) stays as it was.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# Which form is fastest was measured on two cores without AVX-512.
THIN = 4  # units up to which a convolution is a matrix product whose columns are shifted and added
FEW = 16  # values in a window up to which a kernel's derivative is a matrix product with all windows
PART, PARTS = 2**15, 8  # values that rows may have together where they serve as a kernel, as long as that parts them into so many at most

Pads = tuple[tuple[int, int], tuple[int, int]]  # pixels before and after, of height and of width
Pair = tuple[int, int]  # of height and of width

_LAYOUT = {"lhs_spec": (0, 3, 1, 2), "rhs_spec": (3, 2, 0, 1), "out_spec": (0, 3, 1, 2)}
_NAMES = ("NHWC", "HWIO", "NHWC")
_held = lax.optimization_barrier  # or XLA folds what comes before into an uncommon layout, and leaves the fast routine


def convolution(x: Any, kernel: Any, parameters: Mapping[str, Any], repeated: tuple[Any, Pair] | None = None) -> Any:
    """Give what `conv_general_dilated` does with these parameters, or None where no form here fits.

    Parameters
    ----------
    x : array of shape (n, height, width, channels)
    kernel : array of shape (height, width, channels, units)
    parameters : mapping
        Those of the primitive.
    repeated : (array, pair of int), default=None
        The image whose every pixel is repeated so many times along height and width in `x`, where that is known.
    """
    padding, strides, dilation = (_pairs(parameters[name]) for name in ("padding", "window_strides", "lhs_dilation"))
    dimensions = parameters["dimension_numbers"]
    common = (
        x.ndim == 4
        and x.dtype == kernel.dtype == np.float32
        and all(tuple(getattr(dimensions, name)) == spec for name, spec in _LAYOUT.items())
        and parameters["feature_group_count"] == parameters["batch_group_count"] == 1
        and tuple(parameters["rhs_dilation"]) == (1, 1)
        and parameters["preferred_element_type"] in (None, np.float32)
        and min(x.size, kernel.size) > 0
    )
    fits = common and all(0 <= end < size for pad, size in zip(padding, kernel.shape, strict=False) for end in pad)
    if not fits or (strides != (1, 1) and dilation != (1, 1)):
        return None
    if dilation != (1, 1):
        return _transposed(x, kernel, dilation, padding)
    if strides == (1, 1) and repeated is not None:
        return _of_repeated(*repeated, kernel, padding)
    return _convolved(x, kernel, strides, padding)


def max_pooling(x: Any, parameters: Mapping[str, Any]) -> Any:
    """Give what `reduce_window_max` does with these parameters, or None where no form here fits.

    The derivative goes to the first of the cells that share the largest value, row by row, as it does in JAX's own.
    """
    window = tuple(parameters["window_dimensions"])
    plain = all(set(parameters[name]) == {1} for name in ("base_dilation", "window_dilation"))
    padding = tuple(map(tuple, parameters["padding"]))
    apart = window == tuple(parameters["window_strides"]) and x.ndim == 4 and window[0] == window[3] == 1
    if not (apart and plain and x.dtype == np.float32 and padding[0] == padding[3] == (0, 0)):
        return None
    pads = [(0, 0, 0)] * 4
    for axis in (1, 2):
        before, after = padding[axis]
        uncovered = (x.shape[axis] + before + after) % window[axis]  # at the far end, by no whole window
        pads[axis] = (before, after - uncovered, 0)
    return _pooled(lax.pad(x, np.float32(-np.inf), pads), window[1:3])


def _pairs(given: Sequence[Any]) -> Any:
    return tuple(tuple(map(int, part)) if isinstance(part, tuple | list) else int(part) for part in given)


# Convolutions with strides


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolved(x: Any, kernel: Any, strides: Pair, padding: Pads) -> Any:
    return _correlated(x, kernel, strides, padding)


def _convolved_forward(x: Any, kernel: Any, strides: Pair, padding: Pads) -> Any:
    return _correlated(x, kernel, strides, padding), (x, kernel)


def _convolved_backward(strides: Pair, padding: Pads, kept: Any, gradient: Any) -> Any:
    x, kernel = kept
    flipped = kernel[::-1, ::-1].swapaxes(2, 3)
    if strides == (1, 1):
        towards_x = _correlated(gradient, flipped, (1, 1), _turned(padding, kernel.shape))
    else:
        towards_x = _spread(gradient, flipped, strides, _turned(padding, kernel.shape), x.shape[1:3], repeat=False)
    return towards_x, _towards_kernel(x, gradient, strides, padding, kernel.shape[:2])


_convolved.defvjp(_convolved_forward, _convolved_backward)


# Transposed convolutions


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _transposed(x: Any, kernel: Any, dilation: Pair, padding: Pads) -> Any:
    return _spread(x, kernel, dilation, padding, _size(x, kernel, dilation, padding), repeat=False)


def _transposed_forward(x: Any, kernel: Any, dilation: Pair, padding: Pads) -> Any:
    return _transposed(x, kernel, dilation, padding), (x, kernel)


def _transposed_backward(dilation: Pair, padding: Pads, kept: Any, gradient: Any) -> Any:
    x, kernel = kept
    back = _turned(padding, kernel.shape)
    towards_x = _correlated(gradient, kernel[::-1, ::-1].swapaxes(2, 3), dilation, back)
    return towards_x, _towards_kernel(gradient, x, dilation, back, kernel.shape[:2])[::-1, ::-1].swapaxes(2, 3)


_transposed.defvjp(_transposed_forward, _transposed_backward)


def _size(x: Any, kernel: Any, factors: Pair, padding: Pads) -> Pair:
    """Give the height and width of the convolution of an image with zeros between its pixels."""
    lengths = ((length - 1) * factor + 1 for length, factor in zip(x.shape[1:3], factors, strict=True))
    return tuple(length + sum(pad) - size + 1 for length, pad, size in zip(lengths, padding, kernel.shape, strict=False))


# Convolutions of an image that is made larger first, by zeros between its pixels or by repeating them


def _of_repeated(x: Any, factors: Pair, kernel: Any, padding: Pads) -> Any:
    lengths = (length * factor for length, factor in zip(x.shape[1:3], factors, strict=True))
    size = tuple(length + sum(pad) - taps + 1 for length, pad, taps in zip(lengths, padding, kernel.shape, strict=False))
    return _spread(x, kernel, factors, padding, size, repeat=True)


def _spread(x: Any, kernel: Any, factors: Pair, padding: Sequence[Pair], size: Sequence[int], *, repeat: bool) -> Any:
    """Convolve without making the image larger: each of its windows gives a square of `factors` pixels at once.

    A kernel's rows that fall on the same row of the small image are one row of the small kernel, their sum.
    """
    folds = [_fold(taps, factor, before, repeat) for taps, factor, (before, _) in zip(kernel.shape[:2], factors, padding, strict=True)]
    windows, pads = [], []
    for (fold, shift, first), factor, length, wanted in zip(folds, factors, x.shape[1:3], size, strict=True):
        windows.append(-(-(wanted + shift) // factor))
        pads.append((-first, windows[-1] + first + fold.shape[1] - 1 - length))
    x = x[:, : x.shape[1] + min(pads[0][1], 0), : x.shape[2] + min(pads[1][1], 0)]  # without rows that no window reads
    pads = [(before, max(after, 0)) for before, after in pads]
    (rows, top, _), (columns, left, _) = folds
    n, units = x.shape[0], kernel.shape[3]
    small = jnp.einsum("aki,blj,ijco->klcabo", rows, columns, kernel).reshape(rows.shape[1], columns.shape[1], kernel.shape[2], -1)
    y = _convolved(x, small, (1, 1), tuple(pads))
    y = y.reshape(n, windows[0], windows[1], factors[0], factors[1], units).transpose(0, 1, 3, 2, 4, 5)
    y = y.reshape(n, windows[0] * factors[0], windows[1] * factors[1], units)
    return y[:, top : top + size[0], left : left + size[1]]


@functools.lru_cache(maxsize=256)
def _fold(size: int, factor: int, before: int, repeat: bool) -> tuple[np.ndarray, int, int]:
    """Give how a kernel of `size` rows on the large image becomes one on the small one.

    Returns
    -------
    fold : ndarray of shape (factor, rows of the small kernel, size)
        1 where a row of the kernel falls on a row of the small one, for each of the `factor` rows that one window gives.
    shift : int
        How many of the first window's rows lie before the image: the choice that makes the small kernel smallest.
    first : int
        The small image's row where the first window begins.
    """
    best: Any = None
    for shift in range(factor):
        places = {(row, tap): row - shift - before + tap for row in range(factor) for tap in range(size)}
        falls = {key: place // factor for key, place in places.items() if repeat or place % factor == 0}
        first, last = min(falls.values()), max(falls.values())
        if best is None or last - first + 1 < best[0].shape[1]:
            fold = np.zeros((factor, last - first + 1, size), np.float32)
            for (row, tap), place in falls.items():
                fold[row, place - first, tap] = 1
            best = fold, shift, first
    return best


# What the derivatives are made of


def _correlated(x: Any, kernel: Any, strides: Pair, padding: Pads) -> Any:
    """Convolve in the form that suits the channels, without a derivative of its own."""
    taps, (inputs, units) = kernel.shape[:2], kernel.shape[2:]
    if units <= THIN and strides == (1, 1):
        places = [(row, column) for row in range(taps[0]) for column in range(taps[1])]
        size = [length + sum(pad) - tap + 1 for length, pad, tap in zip(x.shape[1:3], padding, taps, strict=True)]
        y = _dot(_rows(x), _held(kernel.transpose(2, 0, 1, 3).reshape(inputs, -1)))
        y = jnp.pad(y.reshape(*x.shape[:3], len(places), units), ((0, 0), *padding, (0, 0), (0, 0)))
        parts = (y[:, row : row + size[0], column : column + size[1], place] for place, (row, column) in enumerate(places))
        return functools.reduce(jnp.add, parts)
    return lax.conv_general_dilated(x, _held(kernel), strides, padding, dimension_numbers=_NAMES)


def _shifted(x: Any, strides: Pair, padding: Pads, taps: Sequence[int], size: Sequence[int]) -> list[Any]:
    """Give what each tap of a kernel reads, row by row, each of shape (n, *size, channels)."""
    x = _padded(x, padding)
    ends = [(many - 1) * stride + 1 for many, stride in zip(size, strides, strict=True)]
    return [
        x[:, row : row + ends[0] : strides[0], column : column + ends[1] : strides[1]]
        for row in range(taps[0])
        for column in range(taps[1])
    ]


def _towards_kernel(image: Any, other: Any, strides: Pair, padding: Pads, taps: Sequence[int]) -> Any:
    """Correlate an image (n, h, w, c) with what belongs to its windows (n, rows, columns, o): (*taps, c, o)."""
    size, (inputs, units) = other.shape[1:3], (image.shape[3], other.shape[3])
    if taps[0] * taps[1] * inputs <= FEW:
        patches = _rows(jnp.concatenate(_shifted(image, strides, padding, taps, size), -1))
        return lax.dot_general(patches, _rows(other), (((0,), (0,)), ((), ()))).reshape(*taps, inputs, units)
    if strides != (1, 1):  # squares of `strides` pixels become the channels of one
        small = tuple(-(-tap // stride) for tap, stride in zip(taps, strides, strict=True))
        reach = [(many + tap - 1) * stride for many, tap, stride in zip(size, small, strides, strict=True)]
        pads = [(before, to - length - before, 0) for (before, _), to, length in zip(padding, reach, image.shape[1:3], strict=True)]
        image = lax.pad(image, np.float32(0), [(0, 0, 0), *pads, (0, 0, 0)])
        image = image.reshape(len(image), reach[0] // strides[0], strides[0], reach[1] // strides[1], strides[1], inputs)
        image = image.transpose(0, 1, 3, 2, 4, 5).reshape(len(image), image.shape[1], image.shape[3], -1)
        kernel = _towards_kernel(image, other, (1, 1), ((0, 0), (0, 0)), small).reshape(*small, *strides, inputs, units)
        kernel = kernel.transpose(0, 2, 1, 3, 4, 5).reshape(small[0] * strides[0], small[1] * strides[1], inputs, units)
        return kernel[: taps[0], : taps[1]]
    if inputs <= units:
        return _in_parts(_padded(image, padding), other).transpose(1, 2, 0, 3)
    return _in_parts(_padded(other, _turned(padding, taps)), image)[:, ::-1, ::-1].transpose(1, 2, 3, 0)


def _in_parts(image: Any, other: Any) -> Any:
    """Correlate a padded image (n, h, w, c) with another (n, h', w', o) over rows and pixels: (c, taps, taps, o).

    It is a convolution of the common layout whose channels are the rows: some of them at a time, so that the cache holds the kernel.
    """
    n = len(image)
    step = -(-n // min(max(other.size // PART, 1), PARTS, n))
    total: Any = 0
    for start in range(0, n, step):
        some = slice(start, start + step)
        turned = _held(image[some].transpose(3, 1, 2, 0)), _held(other[some].transpose(1, 2, 0, 3))
        total += lax.conv_general_dilated(*turned, (1, 1), "VALID", dimension_numbers=_NAMES)
    return _held(total)


def _padded(x: Any, padding: Pads) -> Any:
    return jnp.pad(x, ((0, 0), *padding, (0, 0)))


def _dot(a: Any, b: Any) -> Any:
    return lax.dot_general(a, b, (((1,), (0,)), ((), ())), preferred_element_type=jnp.float32)


def _rows(x: Any) -> Any:
    return x.reshape(-1, x.shape[-1])


def _turned(padding: Pads, taps: Sequence[int]) -> Pads:
    """Give the padding of the convolution that leads back."""
    return tuple((size - 1 - before, size - 1 - after) for size, (before, after) in zip(taps, padding, strict=False))  # type: ignore[return-value]


# Max pooling


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _pooled(x: Any, window: Pair) -> Any:
    return functools.reduce(jnp.maximum, _cells(x, window))


def _pooled_forward(x: Any, window: Pair) -> Any:
    cells = _cells(x, window)
    y = functools.reduce(jnp.maximum, cells)
    winner = jnp.full(y.shape, len(cells) - 1, jnp.int32)
    for place, cell in reversed(list(enumerate(cells[:-1]))):
        winner = jnp.where(cell == y, place, winner)
    return y, winner


def _pooled_backward(window: Pair, winner: Any, gradient: Any) -> Any:
    n, h, w, c = gradient.shape
    places = jnp.arange(window[0] * window[1], dtype=winner.dtype).reshape(window[0], 1, window[1], 1)
    wins = winner[:, :, None, :, None] == places
    spread = jnp.where(wins, gradient[:, :, None, :, None], 0.0)
    return (spread.reshape(n, h * window[0], w * window[1], c),)


_pooled.defvjp(_pooled_forward, _pooled_backward)


def _cells(x: Any, window: Pair) -> list[Any]:
    """Give the first cells of all windows, then the second ones, row by row."""
    return [x[:, row :: window[0], column :: window[1]] for row in range(window[0]) for column in range(window[1])]
