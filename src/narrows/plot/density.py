"""Very many points: how many of them there are where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST, MOST = 32, 256  # bins on a side
FAINTEST = 0.25  # how much color a bin of one point has; one of the most points has all of it


def draw_density(
    ax: Axes,
    points: np.ndarray,
    *,
    kinds: np.ndarray | None = None,
    colors: Sequence[str] = (),
    numbers: np.ndarray | None = None,
    look: dict[str, Any] | None = None,
    color: str = "C0",
) -> None:
    """Draw how many points there are in each bin of the plane, on a logarithmic scale.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    points : ndarray of shape (n, 2)
    kinds : ndarray of shape (n,), default=None
        The place of each point's color in `colors`; a bin has the color of the most frequent.
    colors : sequence of color, default=()
    numbers : ndarray of shape (n,), default=None
        In place of kinds; a bin has the color of the mean.
    look : dict, default=None
        Colors of numbers: cmap, vmin, vmax.
    color : str, default="C0"
        Of points without either.
    """
    from matplotlib import colormaps
    from matplotlib.colors import Normalize, to_rgb

    side = int(np.clip(np.sqrt(len(points)) / 1.5, FEWEST, MOST))  # two or three points for each bin, if they were spread evenly
    bins, sides = _bins(points, side)
    counts = np.bincount(bins, minlength=side**2)
    page = np.zeros((side**2, 4))
    if kinds is not None:
        each = np.bincount(bins * len(colors) + kinds, minlength=side**2 * len(colors)).reshape(-1, len(colors))
        page[:, :3] = np.array([to_rgb(one) for one in colors])[each.argmax(1)]
    elif numbers is not None and look is not None:
        means = np.bincount(bins, numbers, minlength=side**2) / np.maximum(counts, 1)
        page[:, :3] = colormaps[look["cmap"]](Normalize(look["vmin"], look["vmax"])(means))[:, :3]
    else:
        page[:, :3] = to_rgb(color)
    page[:, 3] = np.where(counts > 0, FAINTEST + (1 - FAINTEST) * np.log(np.maximum(counts, 1)) / max(np.log(counts.max()), 1e-30), 0)
    ax.imshow(page.reshape(side, side, 4).clip(0, 1), extent=sides, origin="lower", aspect="auto", interpolation="nearest")
    ax.autoscale_view()  # an image drawn before may reach further


def _bins(points: np.ndarray, side: int) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Give the bin of each point, and the sides of the plane that the bins part: left, right, bottom, top."""
    low, high = points.min(0).astype(np.float64), points.max(0).astype(np.float64)
    flat = high <= low  # all in one place
    low, high = np.where(flat, low - 0.5, low), np.where(flat, high + 0.5, high)
    across, up = np.minimum(((points - low) / (high - low) * side).astype(np.int64), side - 1).T
    return up * side + across, (low[0], high[0], low[1], high[1])
