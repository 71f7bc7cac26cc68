"""Verdicts: from measurements of a fitted network to a sentence and a remedy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Level = Literal["good", "note", "warning"]

BARELY = 0.98  # of the mean row's error: a network above it has learned nothing that matters
AS_GOOD = 1.02  # of PCA's error: within it there is nothing to choose


@dataclass(frozen=True)
class Verdict:
    """One finding about a fitted network.

    Attributes
    ----------
    name : str
        Which question it answers: "collapse", "pca".
    level : {"good", "note", "warning"}
    sentence : str
        The finding with its figures.
    remedy : str
        What to do; empty where nothing need be done.
    figures : dict of str to float
    """

    name: str
    level: Level
    sentence: str
    remedy: str = ""
    figures: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, as JSON has them."""
        return asdict(self)


def diagnose(*, error: float, mean_error: float, pca_error: float, n_components: int) -> list[Verdict]:
    """Judge squared errors of the same rows, in the scaled units of the network.

    Parameters
    ----------
    error : float
        The network's.
    mean_error : float
        Of the mean row as everybody's reconstruction.
    pca_error : float
        Of PCA with as many components.
    n_components : int

    Returns
    -------
    list of Verdict
    """
    figures = {"error": error, "mean_error": mean_error, "pca_error": pca_error}
    if mean_error <= 0:
        return [Verdict("collapse", "note", "All rows are equal: there is nothing to learn.", figures=figures)]
    if error >= BARELY * mean_error:
        sentence = f"The code has collapsed: squared error {error:.4g}, where the mean row alone gives {mean_error:.4g}."
        remedy = "Use a linear code (code_activation='linear'), the default optimizer and schedule, more epochs, or scaled rows."
        return [Verdict("collapse", "warning", sentence, remedy, figures)]
    if error <= 0:
        return [Verdict("collapse", "good", "No collapse: every row is rebuilt exactly.", figures=figures)]
    verdicts = [Verdict("collapse", "good", f"No collapse: {mean_error / error:.3g} times less error than the mean row.", figures=figures)]
    name = f"PCA with {n_components} component{'s' if n_components > 1 else ''}"
    if error > AS_GOOD * pca_error:
        sentence = f"The code is worse than {name}: squared error {error:.4g} against {pca_error:.4g}."
        verdicts.append(Verdict("pca", "warning", sentence, "Train longer, widen the layers, or use PCA.", figures))
    elif error > pca_error / AS_GOOD:
        sentence = f"{name} is as good here: squared error {pca_error:.4g} against {error:.4g}."
        verdicts.append(Verdict("pca", "note", sentence, "Use PCA, or more epochs and wider layers.", figures))
    else:
        verdicts.append(Verdict("pca", "good", f"{pca_error / error:.3g} times less error than {name}.", figures=figures))
    return verdicts
