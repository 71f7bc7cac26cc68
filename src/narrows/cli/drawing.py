"""Curves in plain characters, for a terminal or a file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

WIDTH, HEIGHT = 56, 14
LOGARITHMIC = 10.0  # times the least value: from there on a straight axis would hide the small ones


def curves(sizes: Sequence[int], series: dict[str, Sequence[float]], *, marked: int | None = None) -> list[str]:
    """Draw values over sizes; sizes are on a logarithmic axis, values too where they span more than a power of ten.

    Parameters
    ----------
    sizes : sequence of int
        Rising, each at least 1.
    series : dict of str to sequence of float
        A character to draw with, and a value for each size. Where two meet, the first is seen.
    marked : int, default=None
        A size below which an arrow stands.

    Returns
    -------
    list of str
        Lines of up to 70 characters.
    """
    values = [value for line in series.values() for value in line]
    positive = [value for value in values if value > 0]
    logarithmic = len(positive) == len(values) and max(values) >= LOGARITHMIC * min(values)
    across = _axis(list(map(math.log, sizes)), WIDTH)
    up = _axis([math.log(value) for value in values] if logarithmic else values, HEIGHT)
    cells = [[" "] * WIDTH for _ in range(HEIGHT)]
    for character, line in reversed(series.items()):
        points = [(across(math.log(size)), up(math.log(value) if logarithmic else value)) for size, value in zip(sizes, line, strict=True)]
        for (x, y), (x_next, y_next) in itertools.pairwise(points):
            for step in range(x + 1, x_next):
                row = round(y + (y_next - y) * (step - x) / (x_next - x))
                if cells[row][step] == " ":
                    cells[row][step] = "."
        for x, y in points:
            cells[y][x] = character
    labels = {HEIGHT - 1: f"{max(values):.3g}", 0: f"{min(values):.3g}"}
    margin = max(map(len, labels.values()))
    lines = [f"{labels.get(row, ''):>{margin}} |{''.join(cells[row])}".rstrip() for row in range(HEIGHT - 1, -1, -1)]
    ticks = _ticks([(across(math.log(size)), str(size)) for size in sizes])
    foot = [f"{'':>{margin}} +{'-' * WIDTH}", f"{'':>{margin}}  {ticks}"]
    if marked is not None:
        foot.append(f"{'':>{margin}}  {_ticks([(across(math.log(marked)), '^ elbow')])}")
    return lines + foot


def _axis(values: Sequence[float], length: int) -> _Axis:
    return _Axis(min(values), max(values) - min(values) or 1.0, length)


class _Axis:
    """From a value to the place of a character."""

    def __init__(self, low: float, span: float, length: int) -> None:
        self._low, self._span, self._length = low, span, length

    def __call__(self, value: float) -> int:
        return round((value - self._low) / self._span * (self._length - 1))


def _ticks(labels: Sequence[tuple[int, str]]) -> str:
    """Write labels at their places; one that would touch its neighbor is left out."""
    text = ""
    for place, label in labels:
        if not text or place > len(text):
            text = f"{text:<{place}}{label}"
    return text
