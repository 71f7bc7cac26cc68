"""``narrows score``: how far each row is from its reconstruction, the worst first, and what carries the distance."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows import data
from narrows.cli import blocks
from narrows.cli.coding import FILE, begin, load, once_for, rows_for, streams
from narrows.cli.reading import Source, as_input
from narrows.cli.screen import Screen, aligned, counted, size
from narrows.data.one_pass import OnePass

if TYPE_CHECKING:
    from narrows.estimators._reasons import Reason

FORMATS = (".csv", ".parquet")  # row numbers are integers, errors are not: .npy holds one type
NAMED, WIDTH = 3, 78  # columns that are named for a row; characters of a line


def score(
    screen: Screen,
    bundle: Path,
    source: Source,
    output: Path | None,
    *,
    top: int,
    test: bool,
    why: bool = False,
    in_blocks: bool | None = None,
    resume: bool = False,
) -> int:
    """Show the rows of largest error, write all of them if asked; give the exit code.

    Raises
    ------
    ValueError, OSError
        If what came cannot be used, or the output cannot be written.
    """
    manifest = begin(bundle, source, output, FORMATS)
    estimator = load(bundle, "score_samples")
    rows: Any
    if streams(manifest, source, in_blocks, resume):
        rows = once_for(screen, manifest, bundle, source)
        if why and output is not None:
            raise ValueError("--why into a file goes with rows in memory: leave out -o for the worst rows, or say --no-blocks if all fit")
        errors = _errors_in_blocks(screen, estimator, rows, bundle, output, resume=resume)
    else:
        rows = rows_for(screen, manifest, bundle, source, test)
        errors = -estimator.score_samples(as_input(rows))
    threshold = -estimator.offset_ if hasattr(estimator, "offset_") else None
    outliers = 0 if threshold is None else int((errors > threshold).sum())
    order = np.argsort(-errors, kind="stable")
    figures = {"mean": errors.mean(), "median": np.median(errors), "p95": np.quantile(errors, 0.95), "largest": errors.max()}
    given, chosen, labels = _looked_at(rows, order if output is not None and why else order[:top], why)
    reasons = _reasons_of(estimator, given, chosen) if why else []
    names = getattr(rows, "names", None)  # which tables and rows in blocks have not
    worst = [_about(row, names, labels, place, errors, threshold) for place, row in enumerate(order[:top])]
    _show(screen, worst, reasons)
    screen.facts(
        [
            ("rows", f"{len(errors):,}" + ", counted from 1" * (names is None)),
            ("error", "mean {mean:.4g}, median {median:.4g}, 95 % up to {p95:.4g}, largest {largest:.4g}".format(**figures)),
            *([] if threshold is None else [("outliers", f"{counted(outliers, 'row')}, of an error above {threshold:.4g}")]),
        ]
    )
    if output is not None:
        _write(output, names, errors, order, threshold, reasons)
        what = f"the errors of {rows.name}, {counted(len(errors), 'row')}, worst first"
        screen.say(f"wrote '{output}' ({size(output.stat().st_size)}): {what}")
    found = {} if threshold is None else {"threshold": float(threshold), "outliers": outliers}
    told = [{**line, "why": [asdict(reason) for reason in of_row]} for line, of_row in zip(worst, reasons, strict=False)] if why else worst
    screen.result({"rows": len(errors), **{name: float(figure) for name, figure in figures.items()}, **found, "worst": told})
    return 0


def _errors_in_blocks(screen: Screen, estimator: Any, rows: OnePass, bundle: Path, output: Path | None, *, resume: bool) -> np.ndarray:
    """Measure the errors of rows in blocks; where a file is written, they grow beside it, so that a later run can go on."""

    def compute(given: Any) -> np.ndarray:
        scores: np.ndarray = estimator.score_samples(given)
        return -scores[:, None]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "errors.npy" if output is None else output.with_name(f"{output.name}.errors.npy")
        blocks.stream(
            rows,
            compute,
            ["error"],
            blocks.Growing(path, {**blocks.identity(bundle, rows), "what": "errors"}),
            screen.progress(),
            resume=resume and output is not None,
        )
        errors: np.ndarray = np.load(path, allow_pickle=False)[:, 0]
        path.unlink()
    return errors


def _reasons_of(estimator: Any, given: Any, chosen: np.ndarray) -> list[tuple[Reason, ...]]:
    """Name the columns that carry the errors of some of the rows, whatever kind of estimator scored them."""
    from narrows.estimators import _reasons
    from narrows.estimators._checks import check_rows

    made = estimator.autoencoder_ if hasattr(estimator, "offset_") else estimator
    usual = getattr(estimator, "usual_", None)
    if made._measured_by is not made._network:  # a table
        view = made._measured_by
        return _reasons.reasons(view, made._measured(given)[chosen], view.names, NAMED, usual)
    found = check_rows(estimator, given, reset=False)
    found = found.take(chosen) if isinstance(found, data.Blocks) else found[chosen]
    return _reasons.reasons(made._network, found, _reasons.feature_names(estimator), NAMED, usual)


def _looked_at(rows: Any, worst: np.ndarray, why: bool) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Give rows among which the worst are, as an estimator takes them, which of these they are, and the labels of the worst."""
    if isinstance(rows, OnePass):  # of which only these are read again
        taken = rows.take(worst) if why or rows.labeled else None
        return taken, np.arange(len(worst)), None if taken is None else taken.labels
    labels = getattr(rows, "labels", None)
    return as_input(rows), worst, None if labels is None else labels[worst]


def _about(
    row: Any, names: list[str] | None, labels: np.ndarray | None, place: int, errors: np.ndarray, threshold: float | None
) -> dict[str, Any]:
    label = {} if labels is None else {"label": labels[place].item()}
    which = {"row": int(row) + 1} if names is None else {FILE: names[row]}
    outlier = {} if threshold is None else {"outlier": bool(errors[row] > threshold)}
    return {**which, "error": float(errors[row]), **outlier, **label}


def _show(screen: Screen, worst: list[dict[str, Any]], reasons: list[tuple[Reason, ...]]) -> None:
    """Print the worst rows, below each what carries its error."""
    if not worst:
        return
    head, rule, *lines = aligned(list(worst[0]), [[_cell(name, value) for name, value in line.items()] for line in worst]).splitlines()
    shown = [head, rule]
    for place, line in enumerate(lines):
        shown.append(line)
        if reasons:
            shown += _packed([str(reason) for reason in reasons[place]])
    screen.table("\n".join(shown))
    screen.say()


def _packed(phrases: list[str]) -> list[str]:
    """Put as many phrases in a line as fit."""
    lines: list[str] = []
    for phrase in phrases:
        longer = f"{lines[-1]}; {phrase}" if lines else ""
        if lines and len(longer) <= WIDTH:
            lines[-1] = longer
        else:
            lines.append(f"    {phrase}")
    return lines


def _cell(name: str, value: Any) -> str:
    if name == "outlier":
        return "yes" if value else "no"
    return f"{value:.4g}" if name == "error" else str(value)


def _write(
    output: Path, names: list[str] | None, errors: np.ndarray, order: np.ndarray, threshold: float | None, reasons: list[tuple[Reason, ...]]
) -> None:
    """Write all rows, the worst first."""
    columns: list[tuple[str, Any]] = [("row", order + 1) if names is None else (FILE, [names[row] for row in order])]
    columns.append(("error", errors[order]))
    if threshold is not None:
        columns.append(("outlier", errors[order] > threshold))
    for place in range(len(reasons[0]) if reasons else 0):
        of_place = [of_row[place] for of_row in reasons]
        columns.append((f"why_{place + 1}", [reason.name for reason in of_place]))
        for what in ("value", "reconstruction", "share"):
            cells = [getattr(reason, what) for reason in of_place]
            words = any(isinstance(cell, str) for cell in cells)  # of a table
            told = [cell if isinstance(cell, str) else f"{cell:.9g}" for cell in cells] if words else np.array(cells)
            columns.append((f"{what}_{place + 1}", told))
    data.write(output, np.empty((len(order), 0), np.float32), [], index=columns)
