"""``narrows convert``: rows into a .npy file, from which more of them than memory holds are read fastest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from narrows import data
from narrows._files import replacing
from narrows.cli.reading import Source, check_output, named
from narrows.cli.screen import Screen, counted, size

LABELS = ".labels.npy"


def convert(screen: Screen, source: Source, output: Path, *, label: str | None, dtype: str | None) -> int:
    """Write rows, and their labels beside them; give the exit code.

    Raises
    ------
    ValueError, OSError
        If what came cannot be used, or the output cannot be written.
    """
    check_output(output, (".npy",), source)
    beside = output.with_name(output.stem + LABELS)
    made = data.convert(source, output, label=label, dtype=dtype, progress=screen.progress())
    n, d = made.shape
    shown = "" if made.image_shape is None else f", images of {'x'.join(map(str, made.image_shape))}"
    screen.say(f"wrote '{output}' ({size(output.stat().st_size)}): {named(source)}, {counted(n, 'row')} of {d:,} {made.dtype}{shown}")
    if made.labels is not None:
        with replacing(beside) as file:
            np.lib.format.write_array(file, made.labels, allow_pickle=False)
        screen.say(f"wrote '{beside}' ({size(beside.stat().st_size)}): their labels")
    if made.names is not None:
        screen.prose("A .npy file keeps no names: the columns are called x0, x1 and so on from here on.")
    labels = [] if made.labels is None else ["--label", str(beside)]
    screen.commands("next:", [["narrows", "fit", str(output), *labels]])
    values = {"rows": n, "columns": d, "dtype": str(made.dtype), "output": str(output)}
    screen.result(values | ({} if made.labels is None else {"labels": str(beside)}))
    return 0
