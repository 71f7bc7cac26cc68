"""``narrows dimensions``: how many numbers a code of some rows needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows import data, plot
from narrows.cli.drawing import curves
from narrows.cli.reading import Source, as_table, check_drawing, described
from narrows.cli.screen import Screen, aligned, counted, size

if TYPE_CHECKING:
    from narrows.study import CodeSizes

TABLES = (".csv", ".parquet")


@dataclass(frozen=True)
class Asked:
    """What the flags of ``narrows dimensions`` ask for.

    Attributes
    ----------
    source : str or list of str
    label : str or None
    sizes : tuple of int or None
    epochs : int or str
    seed : int
    output : Path or None
    """

    source: Source
    label: str | None
    sizes: tuple[int, ...] | None
    epochs: int | str
    seed: int
    output: Path | None


def dimensions(screen: Screen, asked: Asked) -> int:
    """Fit a network for each size, compare with PCA, say where the elbow is; give the exit code.

    Raises
    ------
    ValueError, TypeError, OSError, ImportError
        If what came cannot be used, or the output cannot be written.
    """
    if asked.output is not None:
        check_drawing(asked.output, TABLES, asked.source)
    rows = data.load(asked.source, label=asked.label, progress=screen.progress())
    screen.facts([("rows", described(rows))])
    from narrows import study
    from narrows.estimators import Autoencoder

    estimator = Autoencoder(epochs=asked.epochs)
    found = study.dimensions(as_table(rows), asked.sizes, estimator=estimator, random_state=asked.seed, progress=screen.progress())
    _show(screen, found)
    if asked.output is not None:
        _write(asked.output, found)
        screen.say()
        screen.say(f"wrote '{asked.output}' ({size(asked.output.stat().st_size)})", style="bold")
    screen.result({"source": asked.source, "label": asked.label, **found.to_dict()})
    return 0


def _show(screen: Screen, found: CodeSizes) -> None:
    head, lines = found.table()
    screen.facts([("measured on", f"{counted(found.n_test, 'row')} held out, as mean squared error in scaled units")])
    screen.say()
    screen.table(aligned(head, lines))
    if len(found.sizes) > 1:
        screen.say()
        drawn = curves(found.sizes, {"o": found.autoencoder, "+": found.pca}, marked=found.elbow.size if found.elbow else None)
        for line in [*drawn, "", "o autoencoder   + PCA   (error over code size)"]:
            screen.say(line)
    screen.say()
    for sentence in found.sentences():
        screen.prose(sentence)


def _write(output: Path, found: CodeSizes) -> None:
    if output.suffix.lower() in plot.FORMATS:
        elbow = found.elbow.size if found.elbow else None
        plot.write(output, plot.errors_by_size(found.sizes, found.autoencoder, found.pca, elbow=elbow))
        return
    import numpy as np

    columns: dict[str, Any] = {"autoencoder": found.autoencoder, "pca": found.pca, "seconds": found.seconds}
    data.write(output, np.column_stack(list(columns.values())), list(columns), index=("size", np.array(found.sizes)))
