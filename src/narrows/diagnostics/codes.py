"""How many of a code's numbers say something of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrows.diagnostics.verdict import Level, Verdict

# Of the variance along the widest direction: a hundredth of its deviation, which what training leaves undecided drowns.
NOTHING = 1e-4
MANY = 0.25  # share of the numbers


@dataclass(frozen=True)
class Code:
    """How codes are spread.

    Attributes
    ----------
    n_components : int
        Numbers in a code.
    rank : int
        Directions along which codes have a variance of at least `NOTHING` times the greatest.
    possible : int
        The most that the rows allow: features, and rows less one, bound it too.
    sparse : bool
        Whether numbers of the code were asked to be zero by a penalty.
    """

    n_components: int
    rank: int
    possible: int
    sparse: bool = False


def spread_of(codes: NDArray[Any], n_features: int, *, sparse: bool = False) -> Code:
    """Measure codes.

    Parameters
    ----------
    codes : ndarray of shape (n, n_components)
    n_features : int
        Of the rows.
    sparse : bool, default=False

    Returns
    -------
    Code
    """
    from threadpoolctl import threadpool_limits

    n, n_components = codes.shape
    possible = min(n_components, n_features, n - 1)
    centered = codes.astype(np.float64) - codes.mean(0, dtype=np.float64)
    products = centered.T @ centered if n_components <= n else centered @ centered.T  # the same variances, but for zeros
    with threadpool_limits(1, user_api="blas"):  # several threads wait for each other more than they help
        variances = np.linalg.eigvalsh(products / n)
    still = np.square(np.abs(codes).max() * 1e-6)  # what is left of a constant by rounding
    rank = int(np.count_nonzero(variances > max(NOTHING * variances[-1], float(still))))
    return Code(n_components, rank, possible, sparse)


def deficient_code(code: Code) -> Verdict | None:
    """Tell of numbers that carry nothing; a code that is wider than its rows is meant to be so."""
    unused = code.possible - code.rank
    if unused <= 0:
        return None
    level: Level = "warning" if unused >= MANY * code.possible and not code.sparse else "note"
    sentence = (
        f"{unused} of the {code.possible} numbers in a code carr{'ies' if unused == 1 else 'y'} nothing: "
        f"codes spread along {code.rank} direction{'s' * (code.rank != 1)} only."
    )
    remedy = f"Use n_components={max(1, code.rank)}, or a linear code and more epochs." if level == "warning" else ""
    return Verdict("deficient_code", level, sentence, remedy, {"rank": float(code.rank), "possible": float(code.possible)})
