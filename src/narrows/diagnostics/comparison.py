"""Whether the network is better than what costs nothing: the mean row, and PCA with as many components."""

from __future__ import annotations

import math
from dataclasses import dataclass

from narrows.diagnostics.verdict import Verdict

EXACT = 1e-10  # of the mean row's error: what float32 leaves where nothing is lost
BARELY = 0.98  # of the mean row's error: a network above it has learned nothing that matters
AS_GOOD = 1.02  # of PCA's error: within it there is nothing to choose
# Of few validation rows, by which the epoch was chosen too, a gain over PCA of less than LUCK / sqrt(rows) says nothing: in half of such
# fits test rows had none of it, in one of eight where it was greater (61 fits of 12 tables, 21 to 140 validation rows).
LUCK = 0.5
BY_HEART = 1.5  # times the error of the training rows on others: there the rows are too few for the network


@dataclass(frozen=True)
class Errors:
    """Mean squared errors of the same rows, in the scaled units of the network.

    Attributes
    ----------
    error : float
        The network's.
    mean_error : float
        Of the mean training row as everybody's reconstruction.
    pca_error : float
        Of PCA with as many components, fitted to training rows.
    n_components : int
    train_error : float or None
        The network's on training rows, where the other errors are those of validation rows. None where all are of training rows.
    n_held_out : int
        Number of these validation rows; 0 without.
    complete : bool
        Whether codes have as many numbers as rows, so that PCA would leave nothing out.
    """

    error: float
    mean_error: float
    pca_error: float
    n_components: int
    train_error: float | None = None
    n_held_out: int = 0
    complete: bool = False

    @property
    def figures(self) -> dict[str, float]:
        """The errors that the comparisons are about."""
        return {"error": self.error, "mean_error": self.mean_error, "pca_error": self.pca_error}

    @property
    def exact(self) -> bool:
        """Whether rows are rebuilt but for rounding."""
        return self.error <= EXACT * self.mean_error

    @property
    def gap(self) -> float | None:
        """How many times more error rows have that were not trained on."""
        return self.error / self.train_error if self.train_error else None


def collapse(errors: Errors) -> Verdict:
    """Compare with the mean row."""
    error, mean_error = errors.error, errors.mean_error
    if mean_error <= 0:
        return Verdict("collapse", "note", "All rows are equal: there is nothing to learn.", figures=errors.figures)
    if error >= BARELY * mean_error:
        sentence = f"The code has collapsed: squared error {error:.4g}, where the mean row alone gives {mean_error:.4g}."
        remedy = "Use a linear code (code_activation='linear'), the default optimizer and schedule, more epochs, or scaled rows."
        return Verdict("collapse", "warning", sentence, remedy, errors.figures)
    if errors.exact:
        return Verdict("collapse", "good", "No collapse: every row is rebuilt exactly, but for rounding.", figures=errors.figures)
    return Verdict("collapse", "good", f"No collapse: {mean_error / error:.3g} times less error than the mean row.", figures=errors.figures)


def has_collapsed(errors: Errors | None) -> bool:
    """Whether `collapse` says that nothing was learned, or that there is nothing to learn."""
    return errors is not None and errors.error >= BARELY * errors.mean_error


def pca(errors: Errors) -> Verdict | None:
    """Compare with PCA; None where `collapse` has said it all."""
    error, pca_error = errors.error, errors.pca_error
    if has_collapsed(errors):
        return None
    name = f"PCA with {errors.n_components} component{'s' if errors.n_components > 1 else ''}"
    if errors.complete:
        return Verdict("pca", "note", f"A code is as long as a row: {name} loses nothing either.", figures=errors.figures)
    if errors.exact:
        if pca_error > EXACT * errors.mean_error:
            return None
        return Verdict("pca", "note", f"{name} is as good here: it rebuilds every row exactly, too.", "Use PCA.", errors.figures)
    if error > AS_GOOD * pca_error:
        sentence = f"The code is worse than {name}: squared error {error:.4g} against {pca_error:.4g}."
        return Verdict("pca", "warning", sentence, _against_pca(errors), errors.figures)
    where = f"{errors.n_held_out:,} validation rows" if errors.n_held_out else "training rows"
    if error > pca_error / _as_good(errors):
        sentence = f"{name} is as good here: squared error {pca_error:.4g} against {error:.4g} on {where}."
        return Verdict("pca", "note", sentence, "Use PCA, or more epochs and wider layers.", errors.figures)
    return Verdict("pca", "good", f"{pca_error / error:.3g} times less error than {name}, on {where}.", figures=errors.figures)


def _as_good(errors: Errors) -> float:
    return max(AS_GOOD, 1 + LUCK / math.sqrt(errors.n_held_out)) if errors.n_held_out else AS_GOOD


def _against_pca(errors: Errors) -> str:
    if errors.gap is not None and errors.gap >= BY_HEART:
        return "It knows its training rows by heart: use more rows, smaller layers or dropout, or use PCA."
    return "Train longer, widen the layers, start as PCA (linear_path=True), or use PCA."
