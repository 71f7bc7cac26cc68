"""``narrows score``: how far each row is from its reconstruction, the worst first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from narrows import data
from narrows.cli.coding import FILE, begin, load, rows_for
from narrows.cli.reading import Source, as_input
from narrows.cli.screen import Screen, aligned, counted, size

FORMATS = (".csv", ".parquet")  # row numbers are integers, errors are not: .npy holds one type


def score(screen: Screen, bundle: Path, source: Source, output: Path | None, *, top: int, test: bool) -> int:
    """Show the rows of largest error, write all of them if asked; give the exit code.

    Raises
    ------
    ValueError, OSError
        If what came cannot be used, or the output cannot be written.
    """
    manifest = begin(bundle, source, output, FORMATS)
    rows = rows_for(screen, manifest, bundle, source, test)
    errors = load(bundle, "reconstruction_error").reconstruction_error(as_input(rows))
    order = np.argsort(-errors, kind="stable")
    figures = {"mean": errors.mean(), "median": np.median(errors), "p95": np.quantile(errors, 0.95), "largest": errors.max()}
    worst = [_about(rows, errors, row) for row in order[:top]]
    if worst:
        screen.table(
            aligned(list(worst[0]), [[f"{value:.4g}" if name == "error" else str(value) for name, value in line.items()] for line in worst])
        )
        screen.say()
    screen.facts(
        [
            ("rows", f"{len(errors):,}" + ", counted from 1" * (rows.names is None)),
            ("error", "mean {mean:.4g}, median {median:.4g}, 95 % up to {p95:.4g}, largest {largest:.4g}".format(**figures)),
        ]
    )
    if output is not None:
        index = ("row", order + 1) if rows.names is None else (FILE, [rows.names[row] for row in order])
        data.write(output, errors[order, None], ["error"], index=index)
        what = f"the errors of {rows.name}, {counted(len(errors), 'row')}, worst first"
        screen.say(f"wrote '{output}' ({size(output.stat().st_size)}): {what}")
    screen.result({"rows": len(errors), **{name: float(figure) for name, figure in figures.items()}, "worst": worst})
    return 0


def _about(rows: data.Rows, errors: np.ndarray, row: Any) -> dict[str, Any]:
    label = {} if rows.labels is None else {"label": rows.labels[row].item()}
    which = {"row": int(row) + 1} if rows.names is None else {FILE: rows.names[row]}
    return {**which, "error": float(errors[row]), **label}
