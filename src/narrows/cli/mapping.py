"""``narrows map``: rows as points in the plane, in one command."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows import data, plot
from narrows.cli.coding import FILE, begin, code_width, load, rows_for
from narrows.cli.reading import Source, as_input, check_drawing, check_output, described, own_test_rows
from narrows.cli.reporting import PAGE, write_page
from narrows.cli.screen import Screen, counted, size
from narrows.data.rows import has_label
from narrows.errors import VerdictWarning

if TYPE_CHECKING:
    import numpy as np

    from narrows.bundle import Manifest

COLUMNS = ["x", "y"]
LABEL = "label"
MEASURED, FEWEST = 2000, 20  # rows that figures are of: the most, and the least of all rows
NEIGHBORS = 15


@dataclass(frozen=True)
class Asked:
    """What the flags of ``narrows map`` ask for.

    Attributes
    ----------
    source : str or list of str
        Of rows; after a bundle where one was given.
    bundle : Path or None
        Whose map to use; None for one of the rows' own.
    label : str or None
    two_step : bool
    components : int or None
    epochs : int, str or None
    seed : int
    test : bool
    output : Path
    keep : Path or None
        Where the fitted map goes as a bundle.
    """

    source: Source
    bundle: Path | None
    label: str | None
    two_step: bool
    components: int | None
    epochs: int | str | None
    seed: int
    test: bool
    output: Path
    keep: Path | None


def draw_map(screen: Screen, asked: Asked) -> int:
    """Place rows on a map, one of their own or a bundle's, and draw or write where they are; give the exit code.

    Raises
    ------
    ValueError, TypeError, OSError, ImportError
        If what came cannot be used, or the output cannot be written.
    """
    _check(asked)
    estimator, rows, places = _made(screen, asked) if asked.bundle is None else _placed(screen, asked, asked.bundle)
    figures = _figures(estimator, rows, places)
    screen.say()
    screen.facts([(name, f"{value:.4f}") for name, value in figures.items()] or [("figures", f"none of fewer than {FEWEST} rows")])
    if asked.bundle is None:
        from narrows.estimators._base import autoencoder_of

        screen.verdicts(autoencoder_of(estimator).diagnostics_)
    _write(screen, asked, estimator, rows, places)
    screen.say()
    screen.say(f"wrote '{asked.output}' ({size(asked.output.stat().st_size)}): {counted(len(places), 'row')} of {rows.name}", style="bold")
    if asked.keep is not None:
        screen.say(f"wrote '{asked.keep}' ({size(asked.keep.stat().st_size)})", style="bold")
        again = [asked.source] if isinstance(asked.source, str) else list(asked.source)
        screen.commands("next:", [["narrows", "map", str(asked.keep), *again, "-o", f"{asked.output.stem}-again{asked.output.suffix}"]])
    kept = None if asked.keep is None else str(asked.keep)
    screen.result({"rows": len(places), "output": str(asked.output), "bundle": kept, **figures})
    return 0


def _placed(screen: Screen, asked: Asked, bundle: Path) -> tuple[Any, data.Rows, np.ndarray]:
    """Place rows on the map that a bundle holds."""
    manifest = begin(bundle, asked.source, None)
    _check_bundle(manifest, bundle)
    rows = rows_for(screen, manifest, bundle, asked.source, asked.test, asked.label)
    estimator = load(bundle)
    screen.facts([("rows", described(rows))])
    return estimator, rows, estimator.transform(as_input(rows))


def _made(screen: Screen, asked: Asked) -> tuple[Any, data.Rows, np.ndarray]:
    """Make a map of rows, and keep it if that is asked for."""
    given = data.load(asked.source, label=asked.label, progress=screen.progress())
    rows = own_test_rows(given) if asked.test else given
    estimator = _estimator(asked, screen)
    screen.facts([("rows", described(given)), ("map", _way(asked, estimator.n_components))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VerdictWarning)  # the verdicts say it
        estimator.fit(as_input(given))
    if asked.keep is not None:
        from narrows import bundle

        label = {} if asked.label is None else {"label": asked.label}
        about = {"data": {"source": asked.source, "rows": len(given.X), **label}, "settings": {"data": asked.source, **label}}
        bundle.save(estimator, asked.keep, metadata=about)
    if rows is given and hasattr(estimator, "embedding_"):
        return estimator, rows, estimator.embedding_
    return estimator, rows, estimator.transform(as_input(rows))


def _check(asked: Asked) -> None:
    """Refuse before the long work what could not be written after it, and flags that do not go together."""
    inputs = [asked.source, *([] if asked.bundle is None else [asked.bundle])]
    check_drawing(asked.output, (*data.FORMATS, PAGE), *inputs)
    if asked.bundle is not None:
        said = {"--two-step": asked.two_step, "--components": asked.components, "--epochs": asked.epochs, "--save": asked.keep}
        odd = next((flag for flag, value in said.items() if value), None)
        if odd is not None:
            raise ValueError(f"{odd} is for a map that is made, and '{asked.bundle}' holds one that is ready: leave it out")
    elif asked.components is not None and not asked.two_step:
        raise ValueError("--components is for the codes between the two steps: say --two-step as well, or leave it out")
    if asked.keep is not None:
        check_output(asked.keep, (".narrows",), asked.source)
        if asked.keep.resolve() == asked.output.resolve():
            raise ValueError(f"-o and --save both name '{asked.keep}': give two files")


def _check_bundle(manifest: Manifest, bundle: Path) -> None:
    width = code_width(manifest)
    if width != 2:
        raise ValueError(
            f"'{bundle}' has codes of {counted(width, 'number')}, and a map has two: 'narrows map DATA' makes one of rows, "
            f"by way of longer codes with --two-step"
        )


def _estimator(asked: Asked, screen: Screen) -> Any:
    from narrows.estimators import Autoencoder, LatentMap
    from narrows.estimators.recipes import recipe

    run: dict[str, Any] = {"random_state": asked.seed, "verbose": screen.progress()}
    passes: dict[str, Any] = {} if asked.epochs is None else {"epochs": asked.epochs}
    if not asked.two_step:
        return recipe("map", **run, **passes)
    longer: dict[str, Any] = {} if asked.components is None else {"n_components": asked.components}
    return LatentMap(autoencoder=Autoencoder(**passes), **longer, **run)


def _way(asked: Asked, n_components: int) -> str:
    return f"an autoencoder to {n_components} numbers{', then t-SNE' if asked.two_step else ' in which neighbors lie together'}"


def _figures(estimator: Any, rows: data.Rows, places: np.ndarray) -> dict[str, float]:
    """Measure a map on some of its rows: whether neighbors are neighbors, and of one label."""
    import numpy as np

    from narrows import quality
    from narrows.estimators._base import autoencoder_of

    n = len(places)
    if n < FEWEST:
        return {}
    chosen = np.zeros(n, bool)
    chosen[np.random.default_rng(0).choice(n, min(n // 2, MEASURED), replace=False)] = True
    scaled = autoencoder_of(estimator).scale_rows(as_input(rows))[chosen]
    k = min(NEIGHBORS, int(chosen.sum() - 1) // 2)
    measures = {"trustworthiness": quality.trustworthiness, "continuity": quality.continuity}
    found = {name: float(measure(scaled, places[chosen], k)) for name, measure in measures.items()}
    if rows.labels is not None and rows.labels.dtype.kind in "UiubO":
        known = has_label(rows.labels)
        near, asked = (~chosen & known), (chosen & known)
        if near.sum() > 5 and asked.any():
            labels = rows.labels.astype(str)
            found["5-NN accuracy"] = quality.knn_accuracy(places[near], labels[near], places[asked], labels[asked], 5)[5]
    return found


def _write(screen: Screen, asked: Asked, estimator: Any, rows: data.Rows, places: np.ndarray) -> None:
    output = asked.output
    if output.suffix.lower() == PAGE:
        write_page(screen, output, estimator, rows, quality=None, facts={}, command=None)
        return
    if output.suffix.lower() in plot.FORMATS:
        ax = plot.new_grid(1, 1, size=7.0).flat[0]
        plot.codes(places, labels=rows.labels, legend=ax, ax=ax)
        ax.set_aspect("equal", "datalim")
        plot.write(output, ax)
        return
    index: list[tuple[str, Any]] = []
    if output.suffix.lower() != ".npy":  # which holds numbers only
        index += [] if rows.names is None else [(FILE, rows.names)]
        index += [] if rows.labels is None else [(LABEL, rows.labels)]
    data.write(output, places, COLUMNS, index=index or None)
