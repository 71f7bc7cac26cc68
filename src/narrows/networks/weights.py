"""How weights start: Keras's initializers by name, drawn by NumPy from the estimator's own random state."""

from __future__ import annotations

from typing import Any

import numpy as np

from narrows.networks.plan import Initializer

# name: (scale, what the variance is divided by, distribution), as keras.initializers.VarianceScaling has them
_SCALED = {
    "glorot_uniform": (1.0, "avg", "uniform"),
    "glorot_normal": (1.0, "avg", "normal"),
    "he_uniform": (2.0, "in", "uniform"),
    "he_normal": (2.0, "in", "normal"),
    "lecun_uniform": (1.0, "in", "uniform"),
    "lecun_normal": (1.0, "in", "normal"),
}
_TRUNCATED = 0.87962566103423978  # standard deviation of a standard normal cut at two


def draw(initializer: Initializer, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw the first weights of a kernel.

    Parameters
    ----------
    initializer : str or callable
        A Keras name; or an initializer instance, which is rebuilt with a seed from `rng`; or any ``f(shape, dtype)``.
    shape : tuple of int
        The last two are inputs and units.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape `shape`, float32

    Raises
    ------
    ValueError
        If the name is unknown, or the result has another shape or is not finite.
    """
    name = initializer.lower() if isinstance(initializer, str) else None
    if name in _SCALED:
        scale, divisor, distribution = _SCALED[name]
        field = int(np.prod(shape[:-2]))
        fan_in, fan_out = field * shape[-2], field * shape[-1]
        deviation = (scale / max(1.0, fan_in if divisor == "in" else (fan_in + fan_out) / 2)) ** 0.5
        if distribution == "uniform":
            return rng.uniform(-(3**0.5) * deviation, 3**0.5 * deviation, shape).astype(np.float32)
        return (deviation / _TRUNCATED * _truncated_normal(shape, rng)).astype(np.float32)
    if name == "orthogonal":
        rows, columns = int(np.prod(shape[:-1])), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return (q if rows >= columns else q.T).reshape(shape).astype(np.float32)
    if name == "zeros":
        return np.zeros(shape, np.float32)
    return _by_keras("kernel_initializer", initializer, shape, int(rng.integers(2**31 - 1)))


def draw_bias(initializer: Initializer, inputs: int, units: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the first biases of a layer.

    Parameters
    ----------
    initializer : str or callable
        "spread" draws evenly from ±1 / √inputs; all else is as for kernels.
    inputs, units : int
        Of the layer.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (units,), float32

    Raises
    ------
    ValueError
        If the name is unknown, or the result has another shape or is not finite.
    """
    if initializer == "spread":
        return rng.uniform(-(inputs**-0.5), inputs**-0.5, units).astype(np.float32)
    if initializer == "zeros":
        return np.zeros(units, np.float32)
    return _by_keras("bias_initializer", initializer, (units,), int(rng.integers(2**31 - 1)))


def before_output(output_activation: Any, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give what an output activation turns into a row, and its slope there; zeros and ones where that is not known.

    Parameters
    ----------
    output_activation : str or callable
    row : ndarray of shape (n_features,)
        Drawn in where it comes too near to the ends of a sigmoid, where value and slope know no bounds.

    Returns
    -------
    value, slope : ndarray of shape (n_features,)
    """
    if output_activation == "sigmoid":
        inner, gentle = row.clip(1e-3, 1 - 1e-3), row.clip(1e-2, 1 - 1e-2)
        return np.log(inner / (1 - inner)), gentle * (1 - gentle)
    if output_activation == "linear":
        return row, np.ones_like(row)
    return np.zeros_like(row), np.ones_like(row)


def _truncated_normal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    values = rng.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(int(outside.sum()))
    return values


def _by_keras(parameter: str, initializer: Initializer, shape: tuple[int, ...], seed: int) -> np.ndarray:
    from narrows._backend import keras

    initializers = keras().initializers
    made: Any = initializer
    if isinstance(initializer, str):
        try:
            made = initializers.get(initializer)
        except ValueError:
            raise ValueError(f"unknown {parameter} {initializer!r}: it must be one of Keras's, such as {sorted(_SCALED)}") from None
    if isinstance(made, initializers.Initializer):
        config = made.get_config()
        if "seed" in config:
            made = type(made).from_config({**config, "seed": seed})
    values = np.asarray(made(shape, dtype="float32"), np.float32)
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError(f"{parameter} {initializer!r} must give finite values of shape {shape}, got shape {values.shape}")
    return values
