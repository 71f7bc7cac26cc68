"""The verdict: one finding about a fit, in a sentence, with its figures and a remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Level = Literal["good", "note", "warning"]


@dataclass(frozen=True)
class Verdict:
    """One finding about a fit.

    Attributes
    ----------
    name : str
        Which question it answers: "collapse", "pca", "dead_units" and so on.
    level : {"good", "note", "warning"}
        "warning" is what a careful user would act upon; it is also issued as a warning of its own class.
    sentence : str
        The finding with its figures.
    remedy : str
        What to do; empty where nothing need be done.
    figures : dict of str to float
        What the sentence is drawn from, in full precision; what could not be measured is left out.
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


def percent(share: float) -> str:
    """Give a share as people say it: two digits, and never 0 % or 100 % for what is only nearly so."""
    text = f"{100 * share:.2g}" if share < 0.1 else f"{100 * share:.0f}"
    if share > 0 and float(text) < 0.01:
        return "less than 0.01 %"
    return "more than 99 %" if share < 1 and float(text) >= 100 else f"{text} %"


def listed(names: Iterable[str], most: int = 3) -> str:
    """Give the first names, and an ellipsis for the others."""
    names = list(names)
    return ", ".join([*names[:most], *(["…"] if len(names) > most else [])])
