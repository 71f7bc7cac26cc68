"""``narrows export``: a bundle as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from narrows.cli.reading import check_output
from narrows.cli.screen import Screen, size

if TYPE_CHECKING:
    from narrows.export._parts import Part


def export(screen: Screen, bundle: Path, output: Path, *, part: Part) -> int:
    """Write a part of a bundle's network; give the exit code.

    Raises
    ------
    ValueError, OSError, ImportError
        If the bundle cannot be exported, the output cannot be written, or a package is missing.
    ExportError
        If the file would compute something else than the bundle.
    """
    from narrows import export as exports

    check_output(output, exports.FORMATS, bundle)
    found = exports.write(output, bundle, part=part)
    wrote = f"wrote '{output}' ({size(output.stat().st_size)}): the {part} of '{bundle}'"
    if found:
        start = "codes" if part == "decoder" else "rows"
        checked = f"ONNX Runtime differs from the model by {max(found.values()):.1g} of an output's spread at most"
        screen.say(f"{wrote}, from {start} to {', '.join(found)}; {checked}")
    else:
        screen.say(f"{wrote}, for keras.saving.load_model")
    screen.result({"output": str(output), "part": part, "differences": found})
    return 0
