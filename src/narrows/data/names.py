"""Names and values in sentences: few, short, and the nearest to one that was not found."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class NoSuchLabel(ValueError):
    """The label that was asked for is not there; without one, the rows could be read."""


MANY = 10
LONG = 40


def listed(names: Iterable[str], many: int = MANY) -> str:
    """Give the first names in quotes, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - many} more" if len(names) > many else ""
    return ", ".join(map(repr, names[:many])) + more


def shortened(text: str, most: int = LONG) -> str:
    """Give a text that fits into a sentence."""
    return text if len(text) <= most else f"{text[:most]}..."


def unknown(where: str, kind: str, name: str, names: Iterable[str]) -> str:
    """Say that a name is not there, which are nearest, and which there are.

    Parameters
    ----------
    where : str
        What was searched.
    kind : str
        What the names are names of, such as "column".
    name : str
        What was asked for.
    names : iterable of str
        What there is.

    Returns
    -------
    str
        One sentence.
    """
    names = list(names)
    plain = {known.casefold(): known for known in reversed(names)}
    close = [plain[match] for match in get_close_matches(name.casefold(), plain, n=3, cutoff=0.6)]
    meant = f" did you mean {' or '.join(map(repr, close))}?" if close else ""
    return f"{where} has no {kind} {name!r}:{meant} it has {listed(names)}" if names else f"{where} has no {kind} {name!r}, nor any other"
