"""Keras optimizers and learning-rate schedules by name or instance, always rebuilt from their configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from narrows._backend import keras

WARM_UP_STEPS = 200
FLOOR = 0.01  # of the learning rate: where the cosine ends
_NOT_BY_NAME = ("Optimizer", "LossScaleOptimizer", "MultiOptimizer")  # the base, and those that wrap others


@dataclass(frozen=True)
class Optimizer:
    """A Keras optimizer as its configuration, whose learning rate comes from outside, step by step.

    Attributes
    ----------
    class_name : str
    config : str
        JSON without the learning rate: equal strings compile to one program.
    """

    class_name: str
    config: str
    cls: Any

    def build(self, variables: Sequence[Any]) -> Any:
        """Make a fresh optimizer for Keras variables."""
        made = self.cls.from_config({**json.loads(self.config), "learning_rate": 1.0})
        made.build(variables)
        return made


def resolve(optimizer: Any, learning_rate: Any, schedule: Any) -> tuple[Optimizer, float, Callable[[int, int, int], np.ndarray]]:
    """Take an optimizer, a learning rate and a schedule apart.

    Parameters
    ----------
    optimizer : str or keras.optimizers.Optimizer
    learning_rate : float, keras.optimizers.schedules.LearningRateSchedule or None
        None takes the optimizer's own.
    schedule : {"constant", "cosine"} or keras.optimizers.schedules.LearningRateSchedule

    Returns
    -------
    optimizer : Optimizer
    learning_rate : float
        The peak; 1.0 where a Keras schedule gives the rates themselves.
    rates : callable
        ``rates(steps, first_step, total)`` gives the learning rate of `steps` steps.

    Raises
    ------
    TypeError, ValueError
        If a name is unknown or a value is out of range.
    """
    optimizers = keras().optimizers
    made = _made(optimizer)
    config = made.get_config()
    own = config.pop("learning_rate", None)
    config.pop("name", None)
    abstract = optimizers.schedules.LearningRateSchedule
    if isinstance(own, dict):
        own = optimizers.schedules.deserialize(own)
    if learning_rate is None:
        learning_rate = own
    if isinstance(learning_rate, abstract):
        learning_rate, schedule = 1.0, learning_rate
    if not isinstance(learning_rate, Real) or not 0 < float(learning_rate) < np.inf:
        raise ValueError(f"learning_rate must be a number above 0, a Keras schedule, or None for the optimizer's, got {learning_rate!r}")
    description = Optimizer(type(made).__name__, json.dumps(config, sort_keys=True, default=float), type(made))
    return description, float(learning_rate), _rates(schedule, float(learning_rate), abstract)


def with_options(optimizer: Any, options: dict[str, Any]) -> Any:
    """Make a Keras optimizer again with some of its options set otherwise.

    Parameters
    ----------
    optimizer : str or keras.optimizers.Optimizer
    options : dict
        Numbers, truths or None by the names of its constructor's arguments.

    Returns
    -------
    keras.optimizers.Optimizer

    Raises
    ------
    TypeError, ValueError
        If the optimizer or an option is unknown, or Keras refuses a value.
    """
    made = _made(optimizer)
    config = made.get_config()
    for name, value in options.items():
        if name == "name" or name not in config:
            known = sorted(set(config) - {"name"})
            raise ValueError(f"the optimizer {type(made).__name__} has no option {name!r}: it must be one of {known}")
        if not isinstance(value, Real | None):
            raise ValueError(f"the option {name!r} of the optimizer {type(made).__name__} must be a number, true or false, got {value!r}")
    return type(made).from_config({**config, **options})


def options_of(optimizer: Any) -> tuple[str, dict[str, Any]]:
    """Give the name of a Keras optimizer, and those of its options that are not as usual.

    Parameters
    ----------
    optimizer : str or keras.optimizers.Optimizer

    Returns
    -------
    name : str
    options : dict

    Raises
    ------
    TypeError, ValueError
        If it is unknown.
    """
    made = _made(optimizer)
    usual = type(made)().get_config()
    return type(made).__name__, {name: value for name, value in made.get_config().items() if name != "name" and value != usual.get(name)}


def _made(optimizer: Any) -> Any:
    optimizers = keras().optimizers
    if isinstance(optimizer, optimizers.Optimizer):
        return optimizer
    if not isinstance(optimizer, str):
        raise TypeError(f"optimizer must be the name of a Keras optimizer or an instance of one, got {optimizer!r}")
    known = {name.lower(): name for name, value in vars(optimizers).items() if isinstance(value, type) and name not in _NOT_BY_NAME}
    if optimizer.lower() not in known:
        raise ValueError(f"unknown optimizer {optimizer!r}: it must be one of {sorted(known.values())}, or a Keras optimizer")
    return getattr(optimizers, known[optimizer.lower()])()


def _rates(schedule: Any, peak: float, abstract: Any) -> Callable[[int, int, int], np.ndarray]:
    if isinstance(schedule, abstract):
        rebuilt = type(schedule).from_config(schedule.get_config())

        def by_keras(steps: int, first: int, total: int) -> np.ndarray:
            del total
            import jax

            return np.asarray(jax.vmap(rebuilt)(np.arange(first, first + steps, dtype=np.float32)), np.float32)

        return by_keras
    if schedule == "constant":
        return lambda steps, first, total: np.full(steps, peak, np.float32)
    if schedule == "cosine":
        return lambda steps, first, total: (peak * cosine(np.arange(first, first + steps), total)).astype(np.float32)
    raise ValueError(f"schedule must be 'cosine', 'constant' or a Keras LearningRateSchedule, got {schedule!r}")


def cosine(step: np.ndarray, total: int) -> np.ndarray:
    """Give a linear warm-up (200 steps, at most a tenth of all), then half a cosine down to 1 %.

    Parameters
    ----------
    step : ndarray of int, shape (steps,)
        Counted from 0.
    total : int
        The steps of the whole run; the rate stays at its floor after them.

    Returns
    -------
    ndarray of shape (steps,)
        Shares of the peak, in (0, 1].
    """
    warm = min(WARM_UP_STEPS, max(total // 10, 1))
    share = np.clip((step - warm) / max(total - warm, 1), 0, 1)
    return np.where(step < warm, (step + 1) / warm, FLOOR + (1 - FLOOR) * (1 + np.cos(np.pi * share)) / 2)
