"""What a report says first: one sentence for people who have no time."""

from __future__ import annotations

from collections.abc import Sequence

from narrows.diagnostics import Verdict
from narrows.quality import Quality

ALIKE = 0.03  # relative difference of errors that says nothing


def headline(quality: Quality, verdicts: Sequence[Verdict]) -> str:
    """Say how much a code keeps, how that compares with PCA, and whether anything is wrong."""
    n = quality.n_components
    kept = quality.autoencoder.explained_variance
    first = f"{n:,} {'number keeps' if n == 1 else 'numbers keep'} "
    first += f"{100 * kept:.1f} % of the variance" if kept > 0 else "none of the variance"
    warned = [verdict for verdict in verdicts if verdict.level == "warning"]
    collapsed = any(verdict.name == "collapse" for verdict in warned)
    others = len(warned) - collapsed
    end = "the code has collapsed" if collapsed else "no collapse"
    if others:
        end += f"; {'one warning' if others == 1 else f'{others} warnings'}"
    return f"{first}; {_beside_pca(quality)}; {end}."


def _beside_pca(quality: Quality) -> str:
    mine, pca = quality.autoencoder.mean_squared_error, quality.pca.mean_squared_error
    if mine <= pca * (1 + ALIKE) and pca <= mine * (1 + ALIKE):
        return "as much error as PCA"
    if mine < pca:
        return f"{_times(pca, mine)} less error than PCA"
    return f"{_times(mine, pca)} more error than PCA: use PCA, or mend it"


def _times(more: float, less: float) -> str:
    if less <= 0:
        return "infinitely"
    ratio = more / less
    return f"{ratio:.0f} times" if ratio >= 10 else f"{ratio:.1f} times" if ratio >= 1.95 else f"{100 * (1 - less / more):.0f} %"
