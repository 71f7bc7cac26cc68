"""Rows of a table as curves, in bands one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows.plot._axes import add_legend, frameless, name_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 0.8  # of a band, from the least to the most of a feature
NAMED = 30  # features: more have no room for names below them
MARKED = 60  # features: more have no room for marks


@dataclass(frozen=True)
class Band:
    """One band.

    Attributes
    ----------
    name : str
        What stands beside it.
    curves : list of tuple of ndarray of shape (d,) and dict
        Values of the features, and how they are drawn.
    """

    name: str
    curves: list[tuple[np.ndarray, dict[str, Any]]]


def draw_bands(
    ax: Axes, bands: Sequence[Band], feature_names: Sequence[str], low: np.ndarray, high: np.ndarray, legend: Sequence[str] = ()
) -> Axes:
    """Draw bands, the first at the top.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    bands : sequence of Band
    feature_names : sequence of str
        The d names of the features.
    low, high : ndarray of shape (d,)
        What is at the lower and at the upper end of a band; what lies beyond is cut off at the middle between two bands.
    legend : sequence of str, default=()
        What the curves of each band are.

    Returns
    -------
    matplotlib.axes.Axes
    """
    n_features = len(feature_names)
    span = np.where(high > low, high - low, 1.0)
    drawn: list[Any] = []
    for place, band in enumerate(bands):
        ax.axhline(place + HEIGHT / 2, color="0.9", linewidth=0.6, zorder=0)
        drawn = []
        for values, look in band.curves:
            up = np.where(high > low, (values - low) / span, 0.5).clip(-0.1, 1.1)
            look = {"linewidth": 1.2, "markersize": 3.5, **look}
            if n_features > MARKED and look.get("linestyle") == "none":
                look = {**look, "marker": "", "linestyle": "-", "linewidth": 0.8}
            drawn += ax.plot(np.arange(n_features), place + HEIGHT * (0.5 - up), **look)
    ax.set(ylim=(len(bands) - 0.5, -0.5), xlim=(-0.5, n_features - 0.5))
    name_ticks(ax.yaxis, np.arange(len(bands)), [band.name for band in bands], fontsize="small")
    _name_features(ax, feature_names)
    if legend:
        add_legend(ax, drawn, legend, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(legend), fontsize="small")
    return frameless(ax)


def _name_features(ax: Axes, names: Sequence[str]) -> None:
    if len(names) > NAMED:
        ax.set_xlabel(f"{len(names)} features", fontsize="small")
        ax.set_xticks([])
        return
    upright = sum(len(name) for name in names) > 40
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if upright else {}
    name_ticks(ax.xaxis, np.arange(len(names)), names, fontsize="small", **turned)
