"""``narrows compare``: ways to a map, side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from narrows import data
from narrows.cli.reading import Source, check_alike, described, load_rows
from narrows.cli.screen import Screen, aligned

if TYPE_CHECKING:
    from narrows.study import Comparison

FAILED, INTERRUPTED = 1, 130


@dataclass(frozen=True)
class Asked:
    """What the flags of ``narrows compare`` ask for.

    Attributes
    ----------
    source : str or list of str
    label : str or None
    output : Path or None
        The folder; named after the rows if None.
    methods : list of str or None
    time_limit : float
    test : str or None
        A share of the rows, or which other rows.
    rows : int or None
    epochs : int or "auto"
    seed : int
    """

    source: Source
    label: str | None
    output: Path | None
    methods: list[str] | None
    time_limit: float
    test: str | None
    rows: int | None
    epochs: int | str
    seed: int


def compare(screen: Screen, asked: Asked) -> int:
    """Make what is missing of the maps, show their table and what it says; give the exit code.

    Raises
    ------
    ValueError, TypeError, OSError, ImportError
        If what came cannot be used, or the folder cannot be written.
    """
    from narrows import study
    from narrows.study.comparing import check_methods

    methods = None if asked.methods is None else check_methods(asked.methods)
    rows = data.load(asked.source, label=asked.label, progress=screen.progress())
    test = _test(screen, asked, rows)
    folder = asked.output or Path("comparison-" + (re.sub(r"[^\w.-]+", "-", Path(rows.name).stem).strip("-") or "rows"))
    screen.facts([("rows", described(rows)), ("measured on", _measured_on(rows, test)), ("folder", f"'{folder}'")])
    screen.say()
    try:
        found = study.compare(
            rows,
            folder,
            methods=methods,
            time_limit=asked.time_limit,
            test=test,
            n_rows=asked.rows,
            epochs=asked.epochs,
            random_state=asked.seed,
            progress=screen.progress(),
        )
    except KeyboardInterrupt:
        screen.error(f"interrupted; what has ended is kept in '{folder}': the same command goes on from there")
        return INTERRUPTED
    _show(screen, found)
    screen.result(found.to_dict())
    if not found.done:
        screen.error(f"no map was made: {' '.join(found.notes()).rstrip('.')}")
        return FAILED
    return 0


def _test(screen: Screen, asked: Asked, rows: data.Rows) -> data.Rows | float | None:
    if asked.test is None:
        return None
    try:
        return float(asked.test)
    except ValueError:
        others = load_rows(asked.test, asked.label, screen.progress())
    others = others.test or others  # of a named set, the rows that it keeps for this
    check_alike(rows, others, "test")
    return others


def _measured_on(rows: data.Rows, test: data.Rows | float | None) -> str:
    if isinstance(test, data.Rows):
        return f"{len(test.X):,} rows of {test.name}"
    if test is None and rows.test is not None:
        return f"{len(rows.test.X):,} rows, the data set's own test rows"
    from narrows.study.running import HELD_OUT

    return f"{100 * (HELD_OUT if test is None else test):g} % of the rows, drawn at random and held out"


def _show(screen: Screen, found: Comparison) -> None:
    from narrows.study.comparison import LEGEND

    screen.say()
    screen.table(aligned(*found.table()))
    screen.say()
    for note in found.notes():
        screen.prose(note)
    screen.say()
    screen.facts(LEGEND)
    screen.say()
    for sentence in found.sentences():
        screen.prose(sentence)
    screen.say()
    written = ", ".join(f"'{path}'" for path in found.files.values())
    screen.say(f"wrote {written}", style="bold")
