"""Pictures on matplotlib's Axes.

**What comes first.** Each picture takes a fitted estimator, or what it would have made: codes, reconstructions, errors, predictions,
kernels, a history. Second come rows, `X`, wherever an estimator is to make something of them. All else is given by name, labels too:
``plot.codes(model, X, labels=y)`` or ``plot.codes(model.transform(X), labels=y)``. So no place means one thing beside an estimator and
another beside an array, and what was computed once need not be computed again.

**Where.** Each takes an `ax` and gives it back; without one it makes a figure of its own. Nothing global is touched: no style, no list
of open figures. What is drawn stays matplotlib's, to be changed at will and written by `write` or ``ax.figure.savefig``.
"""

from __future__ import annotations

from narrows.plot._axes import FORMATS, new_axes, new_grid, write
from narrows.plot.head import confusion, decision_regions
from narrows.plot.kernels import filters
from narrows.plot.lines import bars, curves, errors_by_size
from narrows.plot.losses import losses
from narrows.plot.misses import error_histogram, feature_errors
from narrows.plot.pictures import images, reconstructions
from narrows.plot.scatter import codes
from narrows.plot.walks import decoded_grid, traversals

__all__ = [
    "FORMATS",
    "bars",
    "codes",
    "confusion",
    "curves",
    "decision_regions",
    "decoded_grid",
    "error_histogram",
    "errors_by_size",
    "feature_errors",
    "filters",
    "images",
    "losses",
    "new_axes",
    "new_grid",
    "reconstructions",
    "traversals",
    "write",
]
