"""What the columns of the rows are like: out of the output's range, constant, or the same twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrows.diagnostics.verdict import Level, Verdict, listed, percent

# What an output activation can give, by its Keras name.
RANGES: dict[str, tuple[float, float]] = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "sparse_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu6": (0.0, 6.0),
    "relu": (0.0, np.inf),
    "softplus": (0.0, np.inf),
    "exponential": (0.0, np.inf),
}
ROUNDING = 1e-5
OUTSIDE = 0.01  # share of the cells: below, they are stragglers
CONSTANT = 0.5  # share of the features: pictures have borders that never change, and train well
DUPLICATE = 0.25
CELLS = 2**22  # that are compared at a time


@dataclass(frozen=True)
class Features:
    """What the columns of the training rows are like.

    Attributes
    ----------
    n_features : int
    constant : tuple of str
        Names of those that are the same in every row.
    duplicates : tuple of tuple of two str
        Of the others, those that repeat an earlier one in every row, with that one.
    output : str
        The output activation's name.
    outside : float
        Share of the scaled cells beyond what the output activation can give.
    """

    n_features: int
    constant: tuple[str, ...] = ()
    duplicates: tuple[tuple[str, str], ...] = ()
    output: str = "linear"
    outside: float = 0.0


def look_at(rows: NDArray[Any], sample: NDArray[Any], scaled: NDArray[Any], output: str, names: Sequence[str] | None) -> Features:
    """Look at the columns: first in a sample, then what is found there in all rows.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    sample, scaled : ndarray of shape (m, n_features)
        Some of the rows, in their own and in the network's scaled units.
    output : str
        The output activation's name.
    names : sequence of str or None
        Of the features; x0, x1 and so on if None, as scikit-learn calls them.

    Returns
    -------
    Features
    """

    def name(column: int) -> str:
        return f"x{column}" if names is None else str(names[column])

    candidates = np.flatnonzero((sample == sample[0]).all(0))
    constant = candidates[_equal(rows, candidates, None)]
    varying = np.setdiff1d(np.arange(rows.shape[1]), constant)
    pairs = _repeated(sample, varying)
    twice = pairs[_equal(rows, pairs[:, 0], pairs[:, 1])]
    low, high = RANGES.get(output, (-np.inf, np.inf))
    slack = ROUNDING * (high - low if np.isfinite(high) else 1.0)
    outside = float(np.mean((scaled < low - slack) | (scaled > high + slack))) if output in RANGES else 0.0
    duplicates = tuple((name(copy), name(first)) for copy, first in twice.tolist())
    return Features(rows.shape[1], tuple(map(name, constant.tolist())), duplicates, output, outside)


def out_of_range(features: Features) -> Verdict | None:
    """Tell of cells that the output layer cannot give."""
    if not features.outside:
        return None
    low, high = RANGES[features.output]
    level: Level = "warning" if features.outside >= OUTSIDE else "note"
    span = f"below {low:g}" if np.isinf(high) else f"outside [{low:g}, {high:g}]"
    sentence = f"{percent(features.outside)} of the scaled cells are {span}, where the output activation {features.output!r} cannot go."
    remedy = "Use output_activation='linear', or 'sigmoid' with scale='minmax'." if level == "warning" else ""
    return Verdict("out_of_range", level, sentence, remedy, {"outside": features.outside})


def constant_features(features: Features) -> Verdict | None:
    """Tell of features that never change."""
    n = len(features.constant)
    if not n:
        return None
    level: Level = "warning" if n > CONSTANT * features.n_features else "note"
    sentence = f"{n:,} of {features.n_features:,} features never change ({listed(features.constant)})."
    remedy = "Check how the rows were read, or leave these features out." if level == "warning" else ""
    return Verdict("constant_features", level, sentence, remedy, {"constant": float(n), "features": float(features.n_features)})


def duplicate_features(features: Features) -> Verdict | None:
    """Tell of features that are others over again."""
    n = len(features.duplicates)
    if not n:
        return None
    varying = features.n_features - len(features.constant)
    level: Level = "warning" if n > DUPLICATE * varying else "note"
    sentence = f"{n:,} of {varying:,} features repeat{'s' * (n == 1)} another ({listed(f'{a} = {b}' for a, b in features.duplicates)})."
    remedy = "Leave them out, unless they shall count twice in the loss." if level == "warning" else ""
    return Verdict("duplicate_features", level, sentence, remedy, {"duplicates": float(n), "features": float(features.n_features)})


def _equal(rows: NDArray[Any], columns: NDArray[np.intp], others: NDArray[np.intp] | None) -> NDArray[np.bool_]:
    """Tell which columns equal their own first cell throughout, or the column that stands beside them in `others`."""
    equal = np.ones(len(columns), dtype=bool)
    step = max(1, CELLS // max(1, len(columns)))
    for start in range(0, len(rows), step):
        if not equal.any():
            break
        block = rows[start : start + step]
        equal &= (block[:, columns] == (rows[0, columns] if others is None else block[:, others])).all(0)
    return equal


def _repeated(sample: NDArray[Any], columns: NDArray[np.intp]) -> NDArray[np.intp]:
    """Give pairs of columns that are the same bytes in a sample: each copy with the first of its kind, shape (pairs, 2)."""
    first: dict[bytes, int] = {}
    cells = np.ascontiguousarray(sample[:, columns].T) + sample.dtype.type(0)  # adding zero makes -0.0 the same bytes as 0.0
    pairs = [(int(column), first.setdefault(cell.tobytes(), int(column))) for column, cell in zip(columns, cells, strict=True)]
    return np.array([pair for pair in pairs if pair[0] != pair[1]], dtype=np.intp).reshape(-1, 2)
