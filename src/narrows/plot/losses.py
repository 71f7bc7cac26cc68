"""What training did to the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows.plot._axes import add_legend, bare, log_scale, new_axes
from narrows.plot._given import is_estimator, network_of
from narrows.plot.lines import is_wide

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TERMS = {"loss": "all", "reconstruction_loss": "reconstruction", "label_loss": "labels", "neighbor_loss": "neighbors"}
FEW = 20  # epochs: so many have room for a dot each


def losses(made: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the loss over the epochs of a fit, each of its terms, and both of validation rows where there were any.

    Parameters
    ----------
    made : estimator or dict of str to sequence of float
        A fitted estimator, whose `history_` is drawn; or such a history.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; a new figure of its own if None.

    Returns
    -------
    matplotlib.axes.Axes
        Training rows in solid lines, validation rows in broken ones; a gray line is at the epoch that the weights are of. The axis
        is logarithmic where losses reach from 1 to 10 or further.

    Raises
    ------
    ValueError
        If the estimator is not fitted, or has no history of losses.
    MissingExtra
        If matplotlib is not installed.
    """
    from matplotlib.ticker import MaxNLocator

    history, best = _history(made)
    terms = [name for name in TERMS if name in history]
    if len(terms) == 2 and "reconstruction_loss" in terms and _same(history["loss"], history["reconstruction_loss"]):
        terms = ["loss"]  # the reconstruction is all there is
    ax = new_axes() if ax is None else ax
    said: dict[str, Any] = {}
    for color, term in enumerate(terms):
        for name, style in ((term, "-"), (f"val_{term}", "--")):
            if name in history:
                (line,) = ax.plot(np.arange(1, len(history[name]) + 1), history[name], style, color=f"C{color}", linewidth=1.3)
                line.set_marker("." if len(history[name]) < FEW else "")
                said.setdefault(f"{TERMS[term]}" if len(terms) > 1 else "training rows" if name == term else "validation rows", line)
    if len(terms) > 1 and "val_loss" in history:
        said["broken: validation rows"] = ax.plot([], [], "--", color="0.4", linewidth=1.3)[0]
    if best is not None:
        said[f"epoch {best}, kept"] = ax.axvline(best, color="0.7", linewidth=1, zorder=0)
    if is_wide([value for term in terms for name in (term, f"val_{term}") for value in history.get(name, ())]):
        log_scale(ax, "y")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_xlabel("epochs")
    ax.set_ylabel("loss")
    beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if len(terms) > 1 else {}
    add_legend(ax, list(said.values()), list(said), fontsize="small", **beside)
    return bare(ax)


def _history(made: Any) -> tuple[Mapping[str, Any], int | None]:
    """Give a history, and the epoch that was kept, where it is known and others came after it."""
    history, best = made, None
    if is_estimator(made):
        network = network_of(made)
        history, best = getattr(network, "history_", {}), getattr(network, "best_epoch_", None)
    if not isinstance(history, Mapping) or not len(history.get("loss", ())):
        kind = type(made).__name__
        raise ValueError(f"{kind} has no history of losses: give a fitted estimator of narrows, or its history_, a dict with 'loss'")
    return history, best if best is not None and 0 < best < len(history["loss"]) else None


def _same(one: Any, other: Any) -> bool:
    return len(one) == len(other) and bool(np.allclose(one, other, equal_nan=True))
