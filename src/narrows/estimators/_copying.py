"""A copy of an estimator that several processes fit alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state


def repeatable(estimator: Any) -> tuple[Any, bool]:
    """Give a copy of an estimator that can be fitted alike by several processes, and whether its seed was drawn for that.

    Raises
    ------
    ValueError
        If it cannot.
    """
    if getattr(estimator, "callbacks", None):
        raise ValueError("callbacks run in one process and see its weights only: leave them out of a fit on a cluster")
    if getattr(estimator, "warm_start", False):
        raise ValueError("a fit on a cluster begins anew: set warm_start=False")
    made = clone(type(estimator)(**{**estimator.get_params(deep=False), "verbose": False}))  # a Progress stays where it writes
    drawn = not isinstance(made.random_state, int | np.integer)
    if drawn:
        made.random_state = int(check_random_state(made.random_state).randint(2**31 - 1))
    return made, drawn
