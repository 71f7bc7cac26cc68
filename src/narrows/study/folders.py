"""A folder that belongs to one piece of work: claimed by what that is about, and filled file by file, so that it can go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from narrows import _json
from narrows._files import replacing


def claim(path: Path, about: dict[str, Any], kind: str) -> None:
    """Make a folder that of some work, or see that it is.

    Parameters
    ----------
    path : Path
        The .json file that holds `about`; its folder is made if it is not there.
    about : dict
        What all that lies in the folder must have in common; plain values.
    kind : str
        What such work is called: "study", for one.

    Raises
    ------
    ValueError
        If the folder holds other work, or other things.
    OSError
        If it cannot be written.
    """
    folder = path.parent
    if path.exists():
        try:
            before = json.loads(path.read_text("utf-8"))
        except ValueError:
            before = None
        if before != about:
            other = next((name for name in about if not isinstance(before, dict) or before.get(name) != about[name]), kind)
            came = before.get(other) if isinstance(before, dict) else "what cannot be read"
            raise ValueError(
                f"'{folder}' holds a {kind} whose {other} is {came!r}, and not {about[other]!r}: give another folder, or empty it"
            )
        return
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"'{folder}' holds other things than a {kind}: give an empty or a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, _json.dumps(about, indent=2))


def write_text(path: Path, text: str) -> None:
    """Write a text that appears whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with replacing(path) as file:
        file.write(text.encode())
