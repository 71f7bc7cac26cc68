"""``narrows predict``: what a bundle's head makes of rows, and how often it is right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows import data
from narrows.cli.coding import FILE, begin, load, rows_for
from narrows.cli.reading import Source, as_input
from narrows.cli.screen import Screen, counted, size
from narrows.cli.settings import TASKS
from narrows.data.rows import has_label

if TYPE_CHECKING:
    from narrows.bundle import Manifest

PREDICTED = "predicted"


def predict(screen: Screen, bundle: Path, source: Source, output: Path, *, label: str | None, test: bool) -> int:
    """Write what is predicted for rows, and show how good it is where they have labels; give the exit code.

    Raises
    ------
    ValueError, OSError
        If what came cannot be used, or the output cannot be written.
    """
    manifest = begin(bundle, source, output)
    _check_head(manifest, bundle, output)
    rows = rows_for(screen, manifest, bundle, source, test, label)
    estimator, given = load(bundle, "predict"), as_input(rows)
    predicted = estimator.predict(given)
    probabilities = estimator.predict_proba(given) if hasattr(estimator, "classes_") else np.empty((len(predicted), 0), np.float32)
    figures = None if rows.labels is None else head_figures(estimator, given, rows.labels)
    if output.suffix.lower() == ".npy":
        data.write(output, predicted, [PREDICTED])
    else:
        files = [] if rows.names is None else [(FILE, rows.names)]
        names = [f"p_{name}" for name in getattr(estimator, "classes_", ())]
        data.write(output, probabilities, names, index=[*files, (PREDICTED, predicted)])
    screen.facts([] if figures is None else [head_fact(figures)])
    what = f"what is predicted for {rows.name}, {counted(len(predicted), 'row')}"
    screen.say(f"wrote '{output}' ({size(output.stat().st_size)}): {what}")
    screen.result({"rows": len(predicted), "output": str(output), **({} if figures is None else figures)})
    return 0


def head_figures(estimator: Any, rows: Any, labels: np.ndarray) -> dict[str, Any] | None:
    """Measure a head on rows that have labels: "accuracy", or for numbers "r2"; None where no row has one.

    Raises
    ------
    ValueError
        If numbers are predicted and the labels are text.
    """
    unlabeled = getattr(estimator, "unlabeled", None)
    known = has_label(labels) & np.array([label != unlabeled for label in labels.tolist()], bool)
    if not known.any():
        return None
    predicted, truth = np.asarray(estimator.predict(rows))[known], labels[known]
    if hasattr(estimator, "classes_"):
        return {"accuracy": float(np.mean(predicted.astype(object) == truth.astype(object))), "labels": len(truth)}
    if truth.dtype.kind == "U":
        raise ValueError(f"numbers are predicted, and the labels are text, such as {str(truth[0])!r}: name another column by --label")
    missed, total = (float(np.square(truth - about).sum()) for about in (predicted, truth.mean()))
    return {"r2": 1 - missed / total if total > 0 else float(missed == 0), "labels": len(truth)}


def head_fact(figures: dict[str, Any]) -> tuple[str, str]:
    """Say how good a head is."""
    on = f"on {counted(figures['labels'], 'row')} with labels"
    return ("accuracy", f"{figures['accuracy']:.4f} {on}") if "accuracy" in figures else ("R²", f"{figures['r2']:.4f} {on}")


def _check_head(manifest: Manifest, bundle: Path, output: Path) -> None:
    if manifest.state.estimator not in TASKS:
        raise ValueError(
            f"'{bundle}' holds an {manifest.state.estimator}, which has no head to predict with: fit with labels, as in "
            f"'narrows fit DATA --label COL --supervised', or 'narrows encode' rows and give the codes to a classifier"
        )
    labels = manifest.state.learned.labels
    text = next((label for label in labels.classes if isinstance(label, str)), None) if labels is not None else None
    if text is not None and output.suffix.lower() == ".npy":
        raise ValueError(f"'{bundle}' predicts text, such as {text!r}, and .npy holds numbers only: write .csv or .parquet")
