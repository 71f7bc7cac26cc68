"""Where a falling curve bends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Elbow:
    """The place where a falling curve bends most.

    Parameters
    ----------
    size : int
        There.
    strength : float
        How far the curve is below the straight line from its first to its last point, in (0, 1): 0 for a straight line, near 1 for a
        right angle.
    clear : bool
        Whether that is as much as Kneedle asks for, at a sensitivity of 1: the mean distance of neighboring sizes on the axis.
    """

    size: int
    strength: float
    clear: bool

    def __str__(self) -> str:
        return f"at {self.size} ({'clear' if self.clear else 'faint'}: strength {self.strength:.2f} of 1, Kneedle on a logarithmic axis)"


def find_elbow(sizes: Sequence[int], errors: Sequence[float]) -> Elbow | None:
    """Find the elbow of errors over sizes of a code.

    Parameters
    ----------
    sizes : sequence of int
        Each at least 1, in rising order.
    errors : sequence of float
        One for each size.

    Returns
    -------
    Elbow or None
        None if there are fewer than three sizes, or the curve does not fall, or bends nowhere below the straight line.

    Raises
    ------
    ValueError
        If the two differ in length, or sizes do not rise.

    Notes
    -----
    Kneedle scales both axes to [0, 1] and takes the point that is farthest below the diagonal. Sizes are on a logarithmic axis, because
    they are tried by doubling. Where an error is above that of a smaller size, the smaller one's is taken: a longer code can do
    no worse, only its training can.

    References
    ----------
    V. Satopää, J. Albrecht, D. Irwin, B. Raghavan: Finding a "Kneedle" in a haystack: detecting knee points in system behavior. ICDCS
    Workshops 2011, 166-171. https://doi.org/10.1109/ICDCSW.2011.20

    Examples
    --------
    >>> from narrows.study import find_elbow
    >>> find_elbow([1, 2, 4, 8, 16], [10.0, 5.0, 1.0, 0.9, 0.8]).size
    4
    """
    x, y = np.log(np.asarray(sizes, dtype=np.float64)), np.minimum.accumulate(np.asarray(errors, dtype=np.float64))
    if len(x) != len(y) or (np.diff(x) <= 0).any():
        raise ValueError(f"sizes={list(sizes)} and {len(errors)} errors came; give rising sizes and one error for each")
    if len(x) < 3 or y[0] <= y[-1]:
        return None
    below = 1 - (x - x[0]) / (x[-1] - x[0]) - (y - y[-1]) / (y[0] - y[-1])
    place = int(below.argmax())
    if below[place] <= 1e-9:
        return None
    return Elbow(int(sizes[place]), float(below[place]), bool(below[place] >= 1 / (len(x) - 1)))
