"""Noise: what the rows suffer in training, and only there, while their targets stay clean."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from narrows._backend import keras
from narrows.networks.choices import Choices
from narrows.networks.scale import Scale

Bounds = tuple[np.ndarray, np.ndarray]
LARGEST = float(np.finfo(np.float32).max)
GENERATOR = "threefry2x32"  # of JAX's: the same bits everywhere, whatever a user sets as the default


class Noise(Choices):
    """Base of the kinds of noise: a strength, and how rows suffer by it."""

    @property
    def _key(self) -> Any:
        """Equal keys compute the same: the strength is an argument of the compiled program, not a part of it."""
        return type(self).__name__

    @abstractmethod
    def _apply(self, key: Any, rows: Any, strength: Any, low: Any, high: Any) -> Any:
        """Give noisy rows (n, n_features) in JAX; `low` and `high` (n_features,) are the data's range."""

    def corrupt(self, X: Any, random_state: int = 0) -> np.ndarray:
        """Give noisy rows, as training sees them: to try a fitted model on, or to fit with noise drawn once.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows in scaled units, such as images in [0, 1]. Their range is [0, 1] if they lie in it, else each feature's own.
        random_state : int, default=0
            At least 0; an equal one gives equal noise.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32
        """
        keras()
        import jax

        rows = np.asarray(X, np.float32)
        low, high = rows.min(0), rows.max(0)
        if low.min() >= 0 and high.max() <= 1:
            low, high = np.zeros_like(low), np.ones_like(high)
        key = jax.random.key(random_state, impl=GENERATOR)
        return np.array(self._apply(key, jax.numpy.asarray(rows), np.float32(self._values.get("strength", 0)), low, high))


def _strength(name: str, value: Any, most: float) -> float:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    if not 0 <= number <= most:
        allowed = f"a number in [0, {most:g}]" if most < LARGEST else "a finite number of at least 0"
        raise (ValueError if isinstance(value, Real) else TypeError)(f"the strength of {name} must be {allowed}, got {value!r}")
    return number


class Gaussian(Noise):
    """Normal noise, added to every number of a row.

    Parameters
    ----------
    strength : float
        Standard deviation, at least 0, in the network's scaled units: images are in [0, 1] there, standardized features have
        deviation 1.
    clip : bool, default=True
        Whether the noisy rows are clipped to the data's range: [0, 1] where the scaled rows lie in it, else each feature's own.

    Raises
    ------
    TypeError, ValueError
        If `strength` is not a number in its range.

    References
    ----------
    .. [1] Vincent, P., Larochelle, H., Bengio, Y., & Manzagol, P.-A. (2008). Extracting and composing robust features with denoising
       autoencoders. ICML. https://doi.org/10.1145/1390156.1390294

    Examples
    --------
    >>> from narrows import Gaussian
    >>> Gaussian(0.4)
    Gaussian(strength=0.4)
    """

    def __init__(self, strength: float, clip: bool = True) -> None:
        if not isinstance(clip, bool):
            raise TypeError(f"clip of Gaussian must be True or False, got {clip!r}")
        self._choose(strength=_strength("Gaussian", strength, LARGEST), clip=clip)

    @property
    def _key(self) -> Any:
        """Equal keys compute the same."""
        return super()._key, self.clip

    def _apply(self, key: Any, rows: Any, strength: Any, low: Any, high: Any) -> Any:
        """Give noisy rows (n, n_features) in JAX."""
        import jax
        import jax.numpy as jnp

        noisy = rows + strength * jax.random.normal(key, rows.shape)
        return jnp.clip(noisy, low, high) if self.clip else noisy


class Masking(Noise):
    """Some numbers of each row are lost: they are 0 in the network's scaled units.

    That is black in an image, and the mean of a standardized feature.

    Parameters
    ----------
    strength : float
        Share of the numbers that are lost, in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If `strength` is not a number in its range.

    Examples
    --------
    >>> import numpy as np
    >>> from narrows import Masking
    >>> bool(abs(Masking(0.25).corrupt(np.ones((1000, 10))).mean() - 0.75) < 0.02)
    True
    """

    def __init__(self, strength: float) -> None:
        self._choose(strength=_strength("Masking", strength, 1.0))

    def _apply(self, key: Any, rows: Any, strength: Any, low: Any, high: Any) -> Any:
        """Give noisy rows (n, n_features) in JAX."""
        import jax
        import jax.numpy as jnp

        del low, high
        return jnp.where(jax.random.uniform(key, rows.shape) < strength, 0.0, rows)


class SaltAndPepper(Noise):
    """Some numbers of each row are thrown to an end of the data's range, half of them to either end.

    Parameters
    ----------
    strength : float
        Share of the numbers that are thrown, in [0, 1]. The range is [0, 1] where the scaled rows lie in it, else each feature's own.

    Raises
    ------
    TypeError, ValueError
        If `strength` is not a number in its range.

    Examples
    --------
    >>> from narrows import SaltAndPepper
    >>> SaltAndPepper(0.1).corrupt([[0.5] * 8]).shape
    (1, 8)
    """

    def __init__(self, strength: float) -> None:
        self._choose(strength=_strength("SaltAndPepper", strength, 1.0))

    def _apply(self, key: Any, rows: Any, strength: Any, low: Any, high: Any) -> Any:
        """Give noisy rows (n, n_features) in JAX."""
        import jax
        import jax.numpy as jnp

        drawn = jax.random.uniform(key, rows.shape)
        return jnp.where(drawn < strength / 2, low, jnp.where(drawn >= 1 - strength / 2, high, rows))


class _Own(Noise):
    """A function of the user's."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self._choose(function=function)

    @property
    def _key(self) -> Any:
        return self.function

    def _apply(self, key: Any, rows: Any, strength: Any, low: Any, high: Any) -> Any:
        del strength, low, high
        noisy = self.function(rows, key)
        shape = getattr(noisy, "shape", None)
        if shape != rows.shape:
            raise ValueError(f"noise must give an array of rows of the shape that it is given, {rows.shape}, got {shape or noisy!r}")
        return noisy.astype(rows.dtype)


def resolve(noise: Any) -> Noise | None:
    """Give what the parameter `noise` stands for.

    Parameters
    ----------
    noise : Noise, float, callable or None
        A float is short for `Gaussian`; a callable is ``f(rows, key)`` in JAX.

    Raises
    ------
    TypeError, ValueError
        If it is none of these, or out of range.
    """
    if noise is None or isinstance(noise, Noise):
        return noise
    if isinstance(noise, Real) and not isinstance(noise, bool):
        return Gaussian(float(noise))
    if callable(noise) and not isinstance(noise, type):
        return _Own(noise)
    raise TypeError(
        f"noise must be None, a number (the strength of Gaussian), Gaussian(...), Masking(...), SaltAndPepper(...), "
        f"or a function of (rows, key), got {noise!r}"
    )


def bounds(scale: Scale, rows: np.ndarray, weight: np.ndarray | None = None) -> Bounds:
    """Give the range of the data in scaled units: [0, 1] where all rows lie in it, else each feature's own.

    Parameters
    ----------
    scale : Scale
    rows : ndarray of shape (n, n_features)
        In their own units.
    weight : ndarray of shape (n,), default=None
        Rows of weight 0 do not count.

    Returns
    -------
    low, high : ndarray of shape (n_features,), float32
    """
    if scale.bounded:
        return np.zeros(rows.shape[1], np.float32), np.ones(rows.shape[1], np.float32)
    if weight is not None and not weight.all():
        rows = rows[weight > 0]
    low, high = scale.apply(np.stack([rows.min(0), rows.max(0)]))
    return low, high


def check(noise: Noise, rows: np.ndarray) -> None:
    """Try the noise on some scaled rows; a function of the user's may do anything.

    Raises
    ------
    ValueError
        If it gives rows of another shape, or what is not finite, or draws from elsewhere than from its key: such noise would be drawn
        once, while the program is compiled, and then be the same for all batches.
    """
    if not isinstance(noise, _Own):
        return
    noisy = noise.corrupt(rows)
    if not np.isfinite(noisy).all():
        raise ValueError("noise must give finite numbers, got NaN or infinity from finite rows: mend the function")
    if not np.array_equal(noisy, noise.corrupt(rows)):
        raise ValueError("noise must draw from the key that it is given, by jax.random; it gave two results for one key: mend the function")
