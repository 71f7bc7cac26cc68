"""What a comparison of maps found: a table, what it says in sentences, and the same for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from narrows.study.ways import WAYS, Way

State = Literal["done", "stopped", "failed", "left out"]
Line = tuple[str, ...]

FIGURES = {  # each with its heading in a table of 80 columns
    "fit_seconds": "fit",
    "place_seconds": "place",
    "peak_megabytes": "MB",
    "trustworthiness": "trust",
    "continuity": "contin",
    "accuracy_1nn": "1-NN",
    "accuracy_5nn": "5-NN",
    "squared_error": "error",
}
LEGEND = (
    ("fit, place", "seconds, libraries being loaded; place is of all rows held out"),
    ("MB", "the most memory of the process, libraries included"),
    (
        "trust, contin",
        "trustworthiness and continuity: are neighbors on the map neighbors among the rows, and these on the map? (2,000 rows at most)",
    ),
    ("1-NN, 5-NN", "how many labels of rows held out the nearest rows on the map tell"),
    ("error", "mean squared error of places that are led back to rows, in scaled units"),
    ("—", "cannot be done, or not be measured"),
)
CLOSE = 0.01  # of a share: nearer to the best than that is as good


@dataclass(frozen=True)
class Compared:
    """What was found of one way to a map.

    Parameters
    ----------
    method : str
        One of `narrows.study.comparable`.
    name : str
        What tables call it.
    state : {"done", "stopped", "failed", "left out"}
        "stopped" stands for one that ran into its time limit.
    reason : str
        Why it is not done; empty if it is.
    figures : dict of str to float or None
        "fit_seconds", "place_seconds" (of all rows held out), "peak_megabytes" (of its process, libraries included), "trustworthiness",
        "continuity", "accuracy_1nn", "accuracy_5nn" and "squared_error" (of decoded places of rows held out, in scaled units); None where
        there is none.
    places_new_rows, decodes : bool
        What it can do.
    learns_labels : bool
        Whether it was given the labels.
    """

    method: str
    name: str
    state: State
    reason: str
    figures: dict[str, float | None]
    places_new_rows: bool
    decodes: bool
    learns_labels: bool

    @classmethod
    def of(cls, method: str, state: State, reason: str = "", figures: dict[str, float | None] | None = None) -> Compared:
        """Make one of what is known of its way.

        Parameters
        ----------
        method : str
        state : {"done", "stopped", "failed", "left out"}
        reason : str, default=""
        figures : dict of str to float or None, default=None
            What is not in it is None.

        Returns
        -------
        Compared
        """
        way: Way = WAYS[method]
        whole = {name: (figures or {}).get(name) for name in FIGURES}
        return cls(method, way.name, state, reason, whole, way.places, way.decodes, way.labeled)


@dataclass(frozen=True)
class Comparison:
    """Ways to a map, side by side.

    Parameters
    ----------
    data : str
        What the rows are called.
    n_rows, n_held_out, n_features : int
        Rows that maps are made of, rows that they are measured on, and numbers in a row.
    time_limit : float
        Seconds that each way had.
    methods : tuple of Compared
    files : dict of str to Path
        "table" (CSV), "figures" (JSON) and "picture".
    """

    data: str
    n_rows: int
    n_held_out: int
    n_features: int
    time_limit: float
    methods: tuple[Compared, ...]
    files: dict[str, Path]

    @property
    def done(self) -> list[Compared]:
        """Those that came to their end."""
        return [one for one in self.methods if one.state == "done"]

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, as JSON has them.

        Returns
        -------
        dict
        """
        return {**asdict(self), "files": {name: str(path) for name, path in self.files.items()}, "sentences": self.sentences()}

    def table(self) -> tuple[Line, list[Line]]:
        """Give the figures as text that fits into 80 columns.

        Returns
        -------
        head : tuple of str
        lines : list of tuple of str
            One for each way. A star marks figures of rows that the map was made of, a dagger one that was given the labels.
        """
        return ("map", *FIGURES.values()), [_line(one) for one in self.methods]

    def notes(self) -> list[str]:
        """Say what the table's marks mean, and why figures are missing.

        Returns
        -------
        list of str
        """
        notes = []
        if any(not one.places_new_rows for one in self.done):
            notes.append("* places no new rows: measured on some of the rows that the map is made of, which flatters it.")
        if any(one.learns_labels for one in self.done):
            notes.append("† was given the labels.")
        return notes + [f"{one.name}: {one.reason}." for one in self.methods if one.state != "done"]

    def sentences(self) -> list[str]:
        """Say what the figures say.

        Returns
        -------
        list of str
        """
        asked = "accuracy_5nn" if any(one.figures["accuracy_5nn"] is not None for one in self.done) else "trustworthiness"
        ranked = self._ranked(asked)
        if not ranked:
            return ["There are no figures to choose a map by."]
        said = [_best(ranked, asked)]
        able = [one for one in ranked if one.decodes]
        if able and able[0] is not ranked[0]:
            said.append(f"Of those that also lead back to rows, {able[0].name} comes first ({_share(able[0], asked)}).")
        elif able:
            said.append("It also leads back to rows." if len(able) == 1 else f"It also leads back to rows, as do {_names(able[1:])}.")
        told = next((one for one in self.done if one.learns_labels and one.figures[asked] is not None), None)
        if told is not None:
            said.append(f"{_capital(told.name)}, which was given the labels of the fitted rows, reaches {_share(told, asked)}.")
        lost = [one for one in self.done if not one.places_new_rows]
        if lost:
            said.append(f"{_capital(_names(lost))} cannot place new rows at all.")
        return said

    def csv(self) -> str:
        """Give the figures as a table for programs.

        Returns
        -------
        str
        """
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["method", "name", "state", *FIGURES, "places_new_rows", "decodes", "learns_labels", "measured_on", "reason"])
        for one in self.methods:
            figures = ["" if one.figures[name] is None else one.figures[name] for name in FIGURES]
            able = [str(value).lower() for value in (one.places_new_rows, one.decodes, one.learns_labels)]
            on = "" if one.state != "done" else "rows held out" if one.places_new_rows else "fitted rows"
            writer.writerow([one.method, one.name, one.state, *figures, *able, on, one.reason])
        return out.getvalue()

    def _ranked(self, asked: str) -> list[Compared]:
        """Give those whose figures can be put beside each other, the best first."""
        comparable = [one for one in self.done if one.places_new_rows and not one.learns_labels and one.figures[asked] is not None]
        return sorted(comparable, key=lambda one: -(one.figures[asked] or 0.0))


def _best(ranked: Sequence[Compared], asked: str) -> str:
    first, *others = ranked
    close = [one for one in others if (first.figures[asked] or 0) - (one.figures[asked] or 0) < CLOSE]
    near = f"; {_names(close)} {'comes' if len(close) == 1 else 'come'} within {CLOSE:g}" if close else ""
    if asked == "trustworthiness":
        return f"{_capital(first.name)} keeps neighborhoods best (trustworthiness {_share(first, asked)}){near}."
    return f"{_capital(first.name)} tells the labels of rows held out best (5-NN {_share(first, asked)}){near}."


def _share(one: Compared, asked: str) -> str:
    return f"{one.figures[asked]:.3f}"


def _names(several: Sequence[Compared]) -> str:
    *most, last = (one.name for one in several)
    return f"{', '.join(most)} and {last}" if most else last


def _capital(text: str) -> str:
    return text[0].upper() + text[1:] if not text.startswith("t-SNE") else text


def _line(one: Compared) -> Line:
    mark = "" if one.state != "done" else "*" * (not one.places_new_rows) + "†" * one.learns_labels
    return (one.name + mark, *(_cell(name, one.figures[name]) for name in FIGURES))


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "—"
    if name == "peak_megabytes":
        return f"{value:.0f}"
    if name.endswith("seconds"):
        return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
    return f"{value:.3f}" if name != "squared_error" else f"{value:.4f}" if value < 10 else f"{value:.3g}"
