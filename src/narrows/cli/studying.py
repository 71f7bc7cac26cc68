"""``narrows study``: what the textbook says, put to the test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from narrows import data
from narrows.cli.reading import described
from narrows.cli.screen import Screen, aligned

if TYPE_CHECKING:
    from narrows.study import Outcome

INTERRUPTED = 130


@dataclass(frozen=True)
class Asked:
    """What the flags of ``narrows study`` ask for.

    Attributes
    ----------
    name, source : str
    label : str or None
    seeds : int or None
    quick : bool
    output : Path or None
        The folder; named after the study if None.
    """

    name: str
    source: str
    label: str | None
    seeds: int | None
    quick: bool
    output: Path | None


def listing(screen: Screen) -> int:
    """Show which studies there are; give the exit code."""
    from narrows.study import catalog

    if not screen.json:
        screen.facts(list(catalog.studies().items()))
    screen.result(catalog.studies())
    return 0


def study(screen: Screen, asked: Asked) -> int:
    """Run what is left of a study, show its table and its verdict; give the exit code.

    Raises
    ------
    ValueError, OSError, ImportError
        If what came cannot be used, or the folder cannot be written.
    """
    from narrows.study import catalog

    folder = asked.output or Path(f"study-{asked.name}")
    about = catalog.find(asked.name).shows
    rows = data.load(asked.source, label=asked.label, progress=screen.progress())
    screen.facts([("study", f"{asked.name}: {about}"), ("rows", described(rows)), ("folder", f"'{folder}'")])
    screen.say()
    try:
        found = catalog.run(asked.name, rows, folder, seeds=asked.seeds, quick=asked.quick, progress=screen.progress())
    except KeyboardInterrupt:
        screen.error(f"interrupted; what has ended is kept in '{folder}': the same command goes on from there")
        return INTERRUPTED
    _show(screen, found, asked.quick)
    screen.result(found.to_dict())
    return 0


def _show(screen: Screen, found: Outcome, quick: bool) -> None:
    screen.say()
    screen.table(aligned(found.head, found.lines))
    screen.say()
    screen.prose(f"The claim: {found.claim}")
    screen.say()
    for finding in found.findings:
        screen.prose(str(finding))
    screen.say()
    if quick:
        screen.warning("a quick run shows that the study works; its verdicts mean nothing")
    written = ", ".join(f"'{path}'" for path in found.files.values())
    screen.say(f"wrote {written}", style="bold")
