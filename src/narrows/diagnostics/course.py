"""What the course of training says: broken off, gone too far, or stopped too early."""

from __future__ import annotations

from dataclasses import dataclass

from narrows.diagnostics.comparison import BY_HEART, Errors
from narrows.diagnostics.verdict import Verdict, percent

REMEDY = "Use a smaller learning_rate, scale='standard', or an optimizer with clipnorm."

RISE = 0.05  # of the validation loss above its lowest: beyond, an earlier epoch is worth going back to
FEWEST = 10  # validation rows: from fewer nothing follows

# The loss of a run falls by about as much in its second half as it would in a run twice as long. So it was, within a factor of two,
# in 64 runs of 2 to 256 epochs (digits and a table of 1,000 rows; 2 and 8 components; cosine and constant rates), on validation rows.
# On training rows the loss goes on falling for as long as the network learns them by heart: only a much larger fall says anything.
FALL = 0.1
FALL_IN_TRAINING = 0.25


@dataclass(frozen=True)
class Course:
    """How a run of training went.

    Attributes
    ----------
    loss : tuple of float
        The training rows' reconstruction loss after each epoch.
    val_loss : tuple of float
        That of the validation rows; empty without them.
    epochs : int
        How many were asked for; a run that ended before was stopped by validation or by a callback.
    kept : int
        The epoch, counted from 1, whose weights the network has.
    floor : float
        The least that the loss could be: for binary cross-entropy the entropy of the rows, else 0.
    diverged : tuple of two int, default=None
        Epoch and step, counted from 1, where the loss was no longer finite.
    """

    loss: tuple[float, ...]
    val_loss: tuple[float, ...]
    epochs: int
    kept: int
    floor: float = 0.0
    diverged: tuple[int, int] | None = None


def divergence(course: Course) -> Verdict | None:
    """Tell of a loss that was no longer finite."""
    if course.diverged is None:
        return None
    epoch, step = course.diverged
    kept = f"epoch {course.kept}" if course.kept else "their start"
    sentence = f"Training diverged: the loss was no longer finite in epoch {epoch}, step {step}; the weights are back at {kept}."
    return Verdict("divergence", "warning", sentence, REMEDY, {"epoch": epoch, "step": step, "kept_epoch": course.kept})


def overfitting(course: Course, errors: Errors | None) -> Verdict | None:
    """Tell of validation rows that fared better in an earlier epoch, or are rebuilt much worse than the training rows."""
    if errors is None or errors.gap is None or errors.n_held_out < FEWEST or not 0 < course.kept <= len(course.val_loss):
        return None
    reducible = [max(loss - course.floor, 1e-12) for loss in course.val_loss]
    rise = reducible[course.kept - 1] / min(reducible) - 1
    best = reducible.index(min(reducible)) + 1
    figures = {"rise": rise, "best_epoch": float(best), "kept_epoch": float(course.kept), "gap": errors.gap}
    if rise >= RISE:
        sentence = f"Overfitting: the validation loss was lowest in epoch {best} and is {percent(rise)} above that in epoch {course.kept}."
        return Verdict("overfitting", "warning", sentence, "Use early_stopping=True, which goes back to the best epoch.", figures)
    if errors.gap >= BY_HEART:
        sentence = f"Validation rows have {errors.gap:.2g} times the error of training rows."
        return Verdict("overfitting", "note", sentence, "More rows, smaller layers or dropout may narrow this gap.", figures)
    return None


def still_learning(course: Course) -> Verdict | None:
    """Tell of a run that ended while the loss was falling fast."""
    which, losses, fall_to_tell = ("validation", course.val_loss, FALL) if course.val_loss else ("training", course.loss, FALL_IN_TRAINING)
    n = len(losses)
    if n < max(2, course.epochs):  # of one epoch there is no course; one that was stopped early was stopped for a reason
        return None
    lowest = [max(min(half) - course.floor, 1e-12) for half in (losses[: n - n // 2], losses[n - n // 2 :])]
    fall = 1 - lowest[1] / lowest[0]
    if fall < fall_to_tell:
        return None
    sentence = f"Stopped while it was learning: the {which} loss fell by {percent(fall)} in the second half of {n} epochs."
    remedy = f"Train longer (epochs={2 * n}): a run twice as long falls by about as much again."
    if not course.val_loss:
        remedy = f"Train longer (epochs={2 * n}), with early_stopping=True to see that other rows gain by it."
    return Verdict("still_learning", "warning", sentence, remedy, {"fall": fall, "epochs": float(n)})
