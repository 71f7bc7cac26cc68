"""Whether a head has learned, and not its training rows by heart."""

from __future__ import annotations

import math
from dataclasses import dataclass

from narrows.diagnostics.verdict import Verdict, percent

GAP = 0.03  # between accuracies: below, nobody would change a setting for it
DEVIATIONS = 3.0  # of the validation accuracy's own chance error, which a gap must exceed


@dataclass(frozen=True)
class Head:
    """How well a head predicts classes.

    Attributes
    ----------
    train_accuracy, accuracy : float
        On rows that it was trained on, and on validation rows, in [0, 1].
    n_held_out : int
        Validation rows with a label.
    commonest : float
        Share of the commonest class among them: what a guess would reach.
    """

    train_accuracy: float
    accuracy: float
    n_held_out: int
    commonest: float


def overfitted_head(head: Head) -> Verdict | None:
    """Tell whether the head does better on its training rows than on others, and better than a guess."""
    gap = head.train_accuracy - head.accuracy
    chance = math.sqrt(max(head.accuracy * (1 - head.accuracy), 1 / head.n_held_out) / head.n_held_out)
    figures = {"train_accuracy": head.train_accuracy, "accuracy": head.accuracy, "gap": gap, "commonest": head.commonest}
    said = f"{percent(head.accuracy)} of {head.n_held_out:,} validation rows, {percent(head.train_accuracy)} of training rows"
    if gap > max(GAP, DEVIATIONS * chance):
        sentence = f"The head knows its training rows by heart: it predicts {said}."
        remedy = "Use dropout in the head (head=Dense(64, 128, dropout=0.5)), a smaller label_weight, fewer epochs, or more labels."
        return Verdict("head", "warning", sentence, remedy, figures)
    if head.accuracy <= head.commonest:
        sentence = f"The head predicts {said}, and a guess of the commonest class {percent(head.commonest)}."
        return Verdict("head", "note", sentence, "Use a larger label_weight, more epochs, or a wider head.", figures)
    return Verdict("head", "good", f"The head predicts {said}.", "", figures)
