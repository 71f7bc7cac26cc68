"""Text from files and other people, as a terminal may have it."""

from __future__ import annotations

import re

# What moves the cursor, colors, renames windows, or turns the direction of writing: all but tabs and the ends of lines.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
LONGEST = 300


def printable(text: str) -> str:
    r"""Give text with control characters written out, as ``\x1b``; tabs and the ends of lines stay."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def in_line(text: str) -> str:
    r"""Give `printable` text in which no line ends either, so that none of it can pass for a line of ours."""
    return printable(text).replace("\n", "\\n")


def within_strings(text: str) -> str:
    r"""Give JSON or TOML with control characters within its strings written as ``\u001b``."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def sentence(text: str, longest: int = LONGEST) -> str:
    """Give text as one line of a length that can be read."""
    text = " ".join(text[: 4 * longest].split())
    return printable(text if len(text) <= longest else f"{text[:longest]}…")
