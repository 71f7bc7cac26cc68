"""``narrows fit``: from rows to a judged bundle, and what is kept of a run that ends early."""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows import data
from narrows.cli.reading import as_table, check_output, described, load_rows
from narrows.cli.screen import Screen, counted, size
from narrows.cli.telling import bundle_values, quality_lines, settings_facts
from narrows.errors import CollapsedCode, TrainingDiverged

if TYPE_CHECKING:
    from narrows.estimators import Autoencoder
    from narrows.quality import Quality

HELD_OUT = 0.1
HELD_OUT_SEED = 0  # not the user's: figures of several seeds are about the same rows
BUNDLE = ".narrows"
EXIT_CODES = {"done": 0, "diverged": 1, "interrupted": 130}


@dataclass(frozen=True)
class Asked:
    """What the flags of ``narrows fit`` ask for.

    Attributes
    ----------
    source : str
    label, test, recipe : str or None
    output : Path or None
    parameters : dict
        Parameters of the estimator.
    inside : dict
        Choices of its layers.
    """

    source: str
    label: str | None
    test: str | None
    recipe: str | None
    output: Path | None
    parameters: dict[str, Any]
    inside: dict[str, Any]


@dataclass(frozen=True)
class _Run:
    """What a run leaves: `end` is one of EXIT_CODES."""

    end: str = "done"
    problem: str = ""
    quality: Quality | None = None


def fit(screen: Screen, asked: Asked) -> int:
    """Train, judge, save; give the exit code.

    Raises
    ------
    ValueError, TypeError, OSError, ImportError
        If what came cannot be used, or the bundle cannot be written.
    KeyboardInterrupt
        If nothing has been trained when it comes.
    """
    output = asked.output or Path(_name(asked.source) + BUNDLE)
    check_output(output, (BUNDLE,), asked.source)
    if asked.recipe is not None:
        _check_recipe(asked.recipe)
    train, test, origin = _read(screen, asked)
    estimator = _estimator(asked)
    estimator.set_params(verbose=screen.progress())
    _announce(screen, estimator, train, asked)
    run = _train(screen, estimator, train, test)
    if run.end != "done" and not _worth_keeping(estimator, run.end, output):
        kept = f"; '{output}' is as it was" if output.exists() else ""
        screen.error(f"{run.problem}; no epoch had ended and nothing was saved{kept}")
        return EXIT_CODES[run.end]
    about = {
        "source": asked.source,
        "rows": len(train.X),
        "test_rows": len(test.X),
        "test": origin,
        "label": asked.label,
        "image_shape": train.image_shape and list(train.image_shape),
    }
    figures = None if run.quality is None else run.quality.to_dict()
    metadata = {"data": about, "recipe": asked.recipe, "end": run.end, "quality": figures}
    _save(estimator, output, metadata)
    _conclude(screen, estimator, asked, output, run)
    return EXIT_CODES[run.end]


def _name(source: str) -> str:
    name = Path(source).name
    for ending in (".gz", ".npy", ".npz", ".csv", ".parquet", ".idx"):
        name = name.removesuffix(ending)
    return name or "rows"


def _check_recipe(name: str) -> None:
    """Refuse an unknown recipe before rows are read: making one may need Keras, knowing them does not."""
    from narrows.estimators.recipes import recipe, recipes

    if name not in recipes():
        recipe(name)


def _read(screen: Screen, asked: Asked) -> tuple[data.Rows, data.Rows, str]:
    started = time.monotonic()
    progress = screen.progress()
    rows = data.load(asked.source, label=asked.label, progress=progress)
    if asked.test is not None:
        test, origin = load_rows(asked.test, asked.label, progress), asked.test
        test = test.test or test  # of a named set, the rows that it keeps for this
        if test.X.shape[1] != rows.X.shape[1]:
            raise ValueError(
                f"{test.name} has {counted(test.X.shape[1], 'column')} and {rows.name} {rows.X.shape[1]}: give test rows of the same kind"
            )
    elif rows.test is not None:
        test, origin = rows.test, "the data set's own"
    else:
        rows, test = data.hold_out(rows, HELD_OUT, seed=HELD_OUT_SEED)
        origin = f"held out, {100 * HELD_OUT:.0f} % drawn at random"
    left_out = "" if asked.label is None else f", the column {asked.label!r} left out"
    screen.facts(
        [
            ("read", f"{asked.source}{left_out}"),
            ("training rows", described(rows)),
            ("test rows", f"{len(test.X):,}, {origin}" if asked.test is None else f"{len(test.X):,}, from {origin}"),
        ]
    )
    screen.detail(f"reading took {time.monotonic() - started:.1f} s")
    return rows, test, origin


def _estimator(asked: Asked) -> Autoencoder:
    from narrows.estimators.recipes import recipe
    from narrows.networks import Dense

    made = recipe(asked.recipe or "default", **asked.parameters)
    if asked.inside:
        layers = made.layers if isinstance(made.layers, Dense) else Dense(*made.layers)
        made.set_params(layers=layers.replace(**asked.inside))
    return made


def _announce(screen: Screen, estimator: Autoencoder, train: data.Rows, asked: Asked) -> None:
    """Show the network and the choices before the long work."""
    if screen.quiet:
        return
    from narrows import _backend
    from narrows.estimators import _fitting
    from narrows.networks.table import plan_table

    started = time.monotonic()
    _backend.keras()
    screen.detail(f"starting Keras and JAX took {time.monotonic() - started:.1f} s")
    preview = _fitting.preview(estimator, train.X)
    assert preview.plan is not None  # layers on the command line are Dense
    screen.say()
    screen.table(str(plan_table(preview.plan)))
    screen.say()
    chosen = {"loss": preview.loss, "scale": preview.scale, "precision": preview.precision}
    recipe = [] if asked.recipe is None else [("recipe", asked.recipe)]
    screen.facts([*recipe, *settings_facts(estimator.get_params(deep=False), chosen)])
    screen.say()


def _train(screen: Screen, estimator: Autoencoder, train: data.Rows, test: data.Rows) -> _Run:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CollapsedCode)  # the verdicts say it
            estimator.fit(as_table(train))
    except KeyboardInterrupt:
        if not hasattr(estimator, "best_epoch_"):  # it came before the first step, or twice
            raise
        return _Run("interrupted", "interrupted")
    except TrainingDiverged as problem:
        return _Run("diverged", f"training diverged: {str(problem).rstrip('.')}")
    try:
        return _Run(quality=_measure(screen, estimator, train, test))
    except KeyboardInterrupt:
        return _Run("interrupted", "interrupted while measuring")


def _measure(screen: Screen, estimator: Autoencoder, train: data.Rows, test: data.Rows) -> Quality:
    from narrows.quality import measure

    # Figures are about scaled rows, as in training: there no feature's unit decides, and cross-entropy has a meaning.
    network = estimator._network
    return measure(
        network.scale.apply(train.X),
        network.scale.apply(test.X),
        train_codes=network.encode(train.X),
        test_codes=network.encode(test.X),
        test_reconstruction=network.reconstruct(test.X, scaled=True),
        train_labels=train.labels,
        test_labels=test.labels,
        progress=screen.progress(),
    )


def _worth_keeping(estimator: Autoencoder, end: str, output: Path) -> bool:
    """Whole epochs always; the beginning of a first one, cut short by Ctrl-C, only where nothing else is lost."""
    return bool(estimator.best_epoch_) or (end == "interrupted" and not output.exists())


def _save(estimator: Autoencoder, output: Path, metadata: dict[str, Any]) -> None:
    from narrows import bundle

    try:
        with _undisturbed():
            bundle.save(estimator, output, metadata=metadata)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise OSError(
            problem.errno, f"'{output}' could not be written ({reason}), and what was there is untouched: make room, or write elsewhere"
        ) from problem


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no further Ctrl-C keep the bundle from being written: that takes a moment only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _conclude(screen: Screen, estimator: Autoencoder, asked: Asked, output: Path, run: _Run) -> None:
    if run.end == "done" and estimator.best_epoch_ < estimator.n_epochs_:
        screen.say(f"kept epoch {estimator.best_epoch_} of {estimator.n_epochs_}, where the validation loss was lowest")
    if run.quality is not None:
        screen.say()
        for line in quality_lines(run.quality):
            line(screen)
    if run.end != "diverged":
        screen.say()
        screen.verdicts(getattr(estimator, "diagnostics_", []))
    screen.say()
    wrote = f"'{output}' ({size(output.stat().st_size)})"
    if run.end == "done":
        screen.say(f"wrote {wrote}", style="bold")
        screen.commands("next:", _next(asked.source, output))
    else:
        epoch = estimator.best_epoch_
        screen.error(f"{run.problem}; {wrote} holds {f'the weights of epoch {epoch}' if epoch else 'the weights so far'}")
    if screen.json:
        from narrows.bundle import read_manifest

        screen.result(bundle_values(output, read_manifest(output)))


def _next(source: str, output: Path) -> list[list[str]]:
    stem = output.stem
    return [
        ["narrows", "info", str(output)],
        ["narrows", "encode", str(output), source, "-o", f"{stem}-codes.csv"],
        ["narrows", "reconstruct", str(output), source, "-o", f"{stem}-reconstructed.npy"],
    ]
