"""What figures over several seeds say of a claim: that it holds, that the opposite does, or neither."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

CONFIDENCE = 0.95  # one-sided
WHOLE = 10_000  # from there on nobody reads parts, nor powers of ten

Verdict = Literal["confirmed", "not confirmed", "refuted"]


@dataclass(frozen=True)
class Finding:
    """A claim with its verdict.

    Parameters
    ----------
    claim : str
    verdict : {"confirmed", "not confirmed", "refuted"}
    figures : str
        What was measured, and what was asked for.
    """

    claim: str
    verdict: Verdict
    figures: str

    def __str__(self) -> str:
        return f"{self.verdict}: {self.claim} ({self.figures})"


def exceeds(claim: str, values: ArrayLike, bound: ArrayLike) -> Finding:
    """Judge the claim that values exceed a bound, or others of the same seeds.

    Parameters
    ----------
    claim : str
    values : array-like of shape (n_seeds,)
    bound : float or array-like of shape (n_seeds,)
        What is measured with the same seed stands at the same place.

    Returns
    -------
    Finding
        "confirmed" where the mean difference is above zero by more than chance would have it, "refuted" where it is as far below, else
        "not confirmed": one seed tells nothing of chance.

    Notes
    -----
    Student's one-sided t test of the (paired) differences at 95 %.
    """
    x, y = np.asarray(values, np.float64), np.asarray(bound, np.float64)
    other = f"{y.item():.4g}" if y.ndim == 0 else spread(y)
    return Finding(claim, _sign(x - y), f"{spread(x)}, against {other}, {_seeds(len(x))}")


def falls_below(claim: str, values: ArrayLike, bound: ArrayLike) -> Finding:
    """Judge the claim that values are below a bound, or below others of the same seeds; see `exceeds`."""
    x, y = np.asarray(values, np.float64), np.asarray(bound, np.float64)
    found = exceeds(claim, -x, -y)
    return Finding(claim, found.verdict, exceeds(claim, x, y).figures)


def lies_between(claim: str, values: ArrayLike, low: float, high: float) -> Finding:
    """Judge the claim that values lie between two bounds.

    Parameters
    ----------
    claim : str
    values : array-like of shape (n_seeds,)
    low, high : float

    Returns
    -------
    Finding
        "confirmed" where both bounds are kept by more than chance, "refuted" where one is broken by more than chance.
    """
    x = np.asarray(values, np.float64)
    both = {_sign(x - low), _sign(high - x)}
    verdict: Verdict = "refuted" if "refuted" in both else "not confirmed" if "not confirmed" in both else "confirmed"
    return Finding(claim, verdict, f"{spread(x)}, asked for {low:.4g} to {high:.4g}, {_seeds(len(x))}")


def spread(values: ArrayLike) -> str:
    """Write values as their mean and, if there are several, their standard deviation."""
    x = np.asarray(values, np.float64)
    if not np.isfinite(x).all():
        return "not finite"
    mean = x.mean()
    return (f"{mean:,.0f}" if abs(mean) >= WHOLE else f"{mean:.4g}") + (f" ± {x.std(ddof=1):.2g}" if len(x) > 1 else "")


def _sign(differences: np.ndarray) -> Verdict:
    """Tell whether differences are above zero, below it, or neither for all that is known."""
    from scipy.stats import t

    n = len(differences)
    if n < 2 or not np.isfinite(differences).all():
        return "not confirmed"
    margin = float(t.ppf(CONFIDENCE, n - 1)) * float(differences.std(ddof=1)) / math.sqrt(n)
    mean = float(differences.mean())
    return "confirmed" if mean > margin else "refuted" if mean < -margin else "not confirmed"


def _seeds(n: int) -> str:
    return f"{n} seed{'s' * (n != 1)}"
