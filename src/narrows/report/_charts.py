"""Charts as numbers: what the page's template draws as lines and bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 460.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 12.0, 12.0, 40.0  # room for what the axes say
TICKS = 5
BINS = 40
WIDE = 30.0  # times the median error: from there on a linear axis would hide most of a histogram


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place in the chart, and its text."""

    place: float
    text: str


@dataclass(frozen=True)
class Line:
    """A curve: its name, what `points` of SVG says, and its last value."""

    name: str
    points: str
    last: str


@dataclass(frozen=True)
class Chart:
    """Curves or bars with their axes; bars are (left, top, width, height)."""

    title: str
    across: str
    up: str
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    lines: tuple[Line, ...] = ()
    bars: tuple[tuple[float, float, float, float], ...] = ()
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def curves(title: str, series: Mapping[str, Sequence[float]]) -> Chart | None:
    """Chart values by epoch; None if there are none that are finite."""
    finite = [value for values in series.values() for value in values if math.isfinite(value)]
    if not finite:
        return None
    log = min(finite) > 0 and max(finite) > 10 * min(finite)
    up = _Axis(min(finite), max(finite), HEIGHT - BOTTOM, TOP, log=log)
    epochs = max(map(len, series.values()))
    across = _Axis(1, max(epochs, 2), LEFT, WIDTH - RIGHT)
    lines = []
    for name, values in series.items():
        points = [f"{across(1 + place):.1f},{up(value):.1f}" for place, value in enumerate(values) if math.isfinite(value)]
        if len(points) == 1:  # a line needs two ends
            points.append(f"{across(2):.1f},{points[0].partition(',')[2]}")
        lines.append(Line(name, " ".join(points), f"{values[-1]:.4g}"))
    whole = tuple(tick for tick in across.ticks() if tick.text.isdigit())
    return Chart(title, "epoch", "logarithmic" if log else "", whole, up.ticks(), tuple(lines))


def histogram(title: str, values: np.ndarray, across: str) -> Chart:
    """Chart how many values lie where; on a logarithmic axis if they are of very different sizes."""
    positive = values[values > 0]
    log = len(positive) > 0 and float(positive.max()) > WIDE * float(np.median(positive))
    shown = positive if log else values
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.0, 1.0)
    if high <= low:
        low, high = (low / 2, low * 2) if log else (low - max(abs(low), 1e-12) / 2, low + max(abs(low), 1e-12) / 2)
    edges = np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high, BINS + 1)
    edges[0], edges[-1] = low, high
    counts = np.histogram(shown, edges)[0]
    x, y = _Axis(low, high, LEFT, WIDTH - RIGHT, log=log), _Axis(0, float(max(counts.max(), 1)), HEIGHT - BOTTOM, TOP)
    bars = tuple(
        (round(x(a), 1), round(y(float(n)), 1), round(max(x(b) - x(a) - 1, 0.5), 1), round(HEIGHT - BOTTOM - y(float(n)), 1))
        for a, b, n in zip(edges, edges[1:], counts, strict=False)
    )
    return Chart(title, across + (", logarithmic" if log else ""), "rows", x.ticks(), y.ticks(), bars=bars)


class _Axis:
    """From values to places along an axis."""

    def __init__(self, low: float, high: float, start: float, end: float, *, log: bool = False) -> None:
        self.low, self.high, self.start, self.end, self.log = low, high if high > low else low + (abs(low) or 1.0), start, end, log

    def __call__(self, value: float) -> float:
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        share = ((math.log(value) if self.log else value) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> tuple[Tick, ...]:
        """Give some round values on the axis."""
        return tuple(Tick(round(self(value), 1), f"{value:.6g}") for value in (self._decades() if self.log else self._steps()))

    def _steps(self) -> list[float]:
        rough = (self.high - self.low) / TICKS
        unit = 10.0 ** math.floor(math.log10(rough))
        step = unit * next(times for times in (1, 2, 5, 10) if times * unit >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [step * place for place in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _decades(self) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        times = (1,) if last - first > 3 else (1, 2, 5)
        found = [time * 10.0**power for power in range(first, last + 1) for time in times]
        return [value for value in found if self.low <= value <= self.high] or [self.low, self.high]
