"""Settings as TOML: one table of names, and tables within it for what belongs together."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from narrows import _files
from narrows._text import within_strings

LARGEST = 2**20  # bytes


def read(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    ValueError
        If it is none.
    OSError
        If it cannot be read.
    """
    with _files.opened(path) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"'{path}' is longer than {LARGEST:,} bytes, which no file of settings is: name another")
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"'{path}' is not TOML: byte {error.start + 1} is not UTF-8 text") from None
    except RecursionError:
        raise ValueError(f"'{path}' nests lists or tables deeper than settings do: write it anew") from None
    except ValueError as error:  # beside tomllib's own, that of a number of too many digits
        raise ValueError(f"'{path}' is not TOML: {str(error).rstrip('.')}") from None


def value(text: str) -> Any:
    """Read one value as TOML has it; a word needs no quotes."""
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return found["value"] if len(found) == 1 else text


def text(document: dict[str, Any]) -> str:
    """Write a document of strings, numbers, truths, lists of these, and tables of such one level deep."""
    lines = [f"{name} = {_value(item)}" for name, item in document.items() if not isinstance(item, dict)]
    for name, table in document.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *(f"{inner} = {_value(item)}" for inner, item in table.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def _value(item: Any) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        # Of a string, JSON allows one control character that TOML does not, and both allow some that a terminal obeys.
        return within_strings(json.dumps(item, ensure_ascii=False))
    if isinstance(item, list | tuple):
        return f"[{', '.join(map(_value, item))}]"
    return repr(item)
