"""``narrows fit``: from rows to a judged bundle, and what is kept of a run that ends early."""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows import data
from narrows.cli import blocks, clustering, making, tabling
from narrows.cli.asking import BUNDLE, Asked
from narrows.cli.locking import alone
from narrows.cli.predicting import head_figures
from narrows.cli.reading import Source, as_input, check_alike, check_output, described, load_rows, named
from narrows.cli.reporting import PAGE, page_command, write_page
from narrows.cli.screen import Screen, counted, size
from narrows.cli.settings import TASKS
from narrows.cli.tabling import HELD_OUT, HELD_OUT_SEED
from narrows.cli.telling import bundle_values, origin, quality_lines, settings_facts
from narrows.data.sources import expanded
from narrows.errors import TrainingDiverged, VerdictWarning

if TYPE_CHECKING:
    from narrows.estimators import Autoencoder
    from narrows.progress import Progress
    from narrows.quality import Quality
    from narrows.training.checkpoints import Checkpoint

CHECKPOINT = ".checkpoint"  # behind a bundle's name
OWN = "the data set's own"
EXIT_CODES = {"done": 0, "diverged": 1, "interrupted": 130}


@dataclass(frozen=True)
class _Parts:
    """The rows of a run; `origin` says where the test rows are from, `task` what a head is to learn from their labels.

    The targets are what the rows are to be rebuilt as, where these are not the rows themselves.
    """

    train: data.Rows
    validation: data.Rows | None
    test: data.Rows
    origin: str
    task: str | None = None
    target: data.Rows | None = None
    test_target: data.Rows | None = None


@dataclass(frozen=True)
class _Run:
    """What a run leaves: `end` is one of EXIT_CODES, `head` how well a head predicts, `denoising` what is left of the noise."""

    end: str = "done"
    problem: str = ""
    quality: Quality | None = None
    head: dict[str, Any] | None = None
    denoising: dict[str, float] | None = None


@dataclass(frozen=True)
class Run:
    """How a run goes about it, beside what it is asked for.

    Attributes
    ----------
    report : bool
        Whether to write a page about the test rows.
    blocks : bool or None
        Whether to read rows in blocks; where they are many if None.
    resume : bool
        Whether to go on from where an earlier run was cut short.
    minutes : float
        Between two checkpoints.
    machines : Machines or None
        Which others to train on.
    checkpoint : str or None
        Where the run leaves its state; beside the bundle if None.
    """

    report: bool = False
    blocks: bool | None = None
    resume: bool = False
    minutes: float = 5.0
    machines: clustering.Machines | None = None
    checkpoint: str | None = None


def fit(screen: Screen, asked: Asked, how: Run) -> int:
    """Train, judge, save; give the exit code.

    Raises
    ------
    ValueError, TypeError, OSError, ImportError
        If what came cannot be used, another run writes the same bundle, or the bundle cannot be written.
    KeyboardInterrupt
        If nothing has been trained when it comes.
    """
    output = asked.output or Path(_name(asked.source) + BUNDLE)
    read = (asked.source, asked.validation, asked.test, asked.target, asked.config)
    check_output(output, (BUNDLE,), *(source for source in read if source is not None))
    page = output.with_suffix(PAGE) if how.report else None
    if page is not None:
        check_output(page, (PAGE,), *(source for source in read if source is not None))
    making.check(asked)
    clustering.check(how.machines, asked, how.blocks)
    with clustering.met(screen, how.machines) as here, alone(output) if here.leads else nullcontext():
        return _fit(screen, asked, how, output, page, here.leads)


def _fit(screen: Screen, asked: Asked, how: Run, output: Path, page: Path | None, leads: bool) -> int:
    from narrows.training.checkpoints import Checkpoint

    checkpoint = Checkpoint(how.checkpoint or output.with_name(output.name + CHECKPOINT), how.minutes, how.resume)
    _look_for(screen, checkpoint)
    why, table, parts = tabling.why_table(asked), None, None
    if not why:
        try:
            parts = _read(screen, asked, how.blocks if how.machines is None else True)
        except ValueError as problem:
            why, table = tabling.instead(asked, problem, screen.progress())
    if parts is None:
        if how.machines is not None:
            raise ValueError(f"tables are fitted by one process, and this is taken as one ({why}): leave out --cluster")
        if how.blocks:
            raise ValueError(f"tables are read as a whole, and this is taken as one ({why}): leave out --blocks")
        return _fit_table(screen, asked, tabling.read(screen, asked, why, table), output, page, checkpoint)
    making.check_no_table(asked)
    estimator = making.estimator(asked, parts.task, parts.train)
    estimator.set_params(verbose=screen.progress())
    _announce(screen, estimator, parts, asked)
    run = _train(screen, estimator, parts, checkpoint, asked, how.machines)
    if not leads:
        return EXIT_CODES[run.end]
    if _nothing_to_keep(screen, estimator, run, output):
        return EXIT_CODES[run.end]
    figures = None if run.quality is None else run.quality.to_dict()
    about = {"data": _about(parts, asked), "recipe": asked.recipe, "settings": asked.kept, "end": run.end, "quality": figures}
    about |= {name: found for name, found in (("head", run.head), ("denoising", run.denoising)) if found is not None}
    _save(estimator, output, about, checkpoint)
    if page is not None and run.quality is not None:
        _write_page(screen, page, estimator, parts, asked, about, run.quality)
    _conclude(screen, estimator, asked, output, run)
    return EXIT_CODES[run.end]


def _look_for(screen: Screen, checkpoint: Checkpoint) -> None:
    """Say what becomes of a checkpoint that an earlier run left."""
    from narrows.training.checkpoints import exists

    there = exists(checkpoint)
    if checkpoint.resume:
        screen.say(
            f"going on from '{checkpoint.path}'" if there else f"there is no '{checkpoint.path}' to go on from: this run begins anew"
        )
    elif there:
        screen.warning(f"an earlier run left '{checkpoint.path}', which this one will replace: --resume would go on from it")


def _fit_table(screen: Screen, asked: Asked, parts: tabling.Parts, output: Path, page: Path | None, checkpoint: Checkpoint) -> int:
    """Train on a table, judge, save; give the exit code."""
    estimator = tabling.estimator(asked, len(parts.train))
    estimator.set_params(verbose=screen.progress())
    tabling.announce(screen, estimator, parts)
    run = _Run(*tabling.train(estimator, parts, checkpoint))
    if _nothing_to_keep(screen, estimator, run, output):
        return EXIT_CODES[run.end]
    figures = tabling.measured(estimator, parts) if run.end == "done" else None
    about = {"data": tabling.about(parts, asked), "recipe": None, "settings": asked.kept, "end": run.end, "table_quality": figures}
    _save(estimator, output, about, checkpoint)
    if page is not None and figures is not None:
        tabling.write_report(screen, page, estimator, parts, asked, {"bundle": str(output), **dict(origin(about))})
    _conclude(screen, estimator, asked, output, run, figures)
    return EXIT_CODES[run.end]


def _name(source: Source) -> str:
    if expanded(source) != [source]:  # several files
        return "rows"
    name = Path(str(source)).resolve().name if Path(str(source)).is_dir() else Path(str(source)).name
    for ending in (".gz", ".npy", ".npz", ".csv", ".parquet", ".arrow", ".feather", ".idx"):
        name = name.removesuffix(ending)
    return (name.strip("-") and name) or "rows"


def _about(parts: _Parts, asked: Asked) -> dict[str, Any]:
    train, validation = parts.train, parts.validation
    return {
        "source": asked.source,
        "rows": len(train.X),
        "test_rows": len(parts.test.X),
        "test": parts.origin,
        "label": asked.column,
        "label_file": asked.label if asked.column is None else None,
        "image_shape": train.image_shape and list(train.image_shape),
        **({} if validation is None else {"validation": asked.validation, "validation_rows": len(validation.X)}),
        **({} if asked.target is None else {"target": asked.target}),
    }


def _read(screen: Screen, asked: Asked, in_blocks: bool | None) -> _Parts:
    started = time.monotonic()
    progress = screen.progress()
    if blocks.in_blocks(asked.source, in_blocks):
        if asked.target is not None:
            raise ValueError("--target goes with rows in memory: say --no-blocks, if they fit")
        rows = blocks.rows_of(blocks.read(screen, asked.source, asked.label))
    else:
        rows = data.load(asked.source, label=asked.label, progress=progress)
    task = making.task(asked, rows)
    targets: tuple[data.Rows, ...] | tuple[None, None] = (None, None)
    validation = None if asked.validation is None else _others("validation", asked.validation, asked.column, rows, progress)
    if task is not None and validation is not None and validation.labels is None:
        raise ValueError(
            f"validation rows need labels as the others do, and {validation.name} came without: give rows with a column of them"
        )
    if asked.target is not None:
        target = _targets(asked.target, asked.column, rows, progress)
        rows, targets = replace(rows, test=None), data.hold_out(target, HELD_OUT, seed=HELD_OUT_SEED)
    if asked.test is not None:
        test, origin = _others("test", asked.test, asked.column, rows, progress), asked.test
    elif rows.test is not None:
        test, origin = rows.test, OWN
    elif isinstance(rows.X, data.Blocks):
        rows, test = blocks.hold_out(rows, HELD_OUT, seed=HELD_OUT_SEED)
        origin = "held out, drawn at random"
    else:
        rows, test = data.hold_out(rows, HELD_OUT, seed=HELD_OUT_SEED)
        origin = f"held out, {100 * HELD_OUT:.0f} % drawn at random"
    _show(screen, asked, rows, validation, test, origin)
    screen.detail(f"reading took {time.monotonic() - started:.1f} s")
    whole = rows.test is None or asked.test is None  # what is read again includes rows that are learned from or measured on
    if asked.validation is not None and (asked.validation == asked.test or (whole and asked.validation == asked.source)):
        screen.warning(f"--validation {asked.validation}: its rows are trained or measured on too, so that figures flatter: give others")
    return _Parts(rows, validation, test, origin, task, *targets)


def _show(screen: Screen, asked: Asked, rows: data.Rows, validation: data.Rows | None, test: data.Rows, origin: str) -> None:
    column = asked.column
    left_out = "" if asked.label is None else f", labels from '{asked.label}'" if column is None else f", the column {column!r} left out"
    validated = [] if validation is None else [("validation rows", f"{len(validation.X):,}, from {asked.validation}")]
    screen.facts(
        [
            ("read", f"{named(asked.source)}{left_out}"),
            ("training rows", described(rows)),
            *([] if asked.target is None else [("rebuilt as", asked.target)]),
            *validated,
            ("test rows", f"{len(test.X):,}, {origin}" if asked.test is None else f"{len(test.X):,}, from {origin}"),
        ]
    )


def _others(what: str, source: str, label: str | None, rows: data.Rows, progress: Progress) -> data.Rows:
    """Load rows beside those that are learned from."""
    others = load_rows(source, label, progress)
    others = others.test or others  # of a named set, the rows that it keeps for this
    check_alike(rows, others, what)
    if rows.labels is not None and others.labels is not None and (rows.labels.dtype.kind == "U") != (others.labels.dtype.kind == "U"):
        raise ValueError(
            f"one of {rows.name} and {others.name} has labels of text and one of numbers: give {what} rows with labels of the same kind"
        )
    return replace(others, feature_names=rows.feature_names)


def _targets(source: str, label: str | None, rows: data.Rows, progress: Progress) -> data.Rows:
    """Load what each row is to be rebuilt as, with the labels of the rows, so that the same ones are held out."""
    target = load_rows(source, label, progress)
    check_alike(rows, target, "target")
    if len(target.X) != len(rows.X):
        came = f"{target.name} has {counted(len(target.X), 'row')} and {rows.name} {len(rows.X):,}"
        raise ValueError(f"{came}: --target needs a clean row for each, in their order")
    return replace(target, feature_names=rows.feature_names, labels=rows.labels, test=None)


def _announce(screen: Screen, estimator: Autoencoder, parts: _Parts, asked: Asked) -> None:
    """Show the network and the choices before the long work."""
    if screen.quiet:
        return
    from narrows import _backend
    from narrows.estimators import _fitting
    from narrows.networks.table import plan_table

    started = time.monotonic()
    _backend.keras()
    screen.detail(f"starting Keras and JAX took {time.monotonic() - started:.1f} s")
    preview = _fitting.preview(estimator, as_input(parts.train), parts.train.labels)
    assert preview.plan is not None  # layers on the command line are ours
    screen.say()
    screen.table(str(plan_table(preview.plan)))
    screen.say()
    chosen: dict[str, Any] = {"loss": preview.loss, "scale": preview.scale, "precision": preview.precision}
    chosen |= {"task": parts.task, "outputs": preview.plan.head and preview.plan.head.n_outputs}
    recipe = [] if asked.recipe is None else [("recipe", asked.recipe)]
    validated = None if parts.validation is None else f"{counted(len(parts.validation.X), 'row')} of {asked.validation}"
    screen.facts([*recipe, *settings_facts(estimator.get_params(deep=False), chosen, validated)])
    screen.say()


def _train(
    screen: Screen, estimator: Autoencoder, parts: _Parts, checkpoint: Checkpoint, asked: Asked, machines: clustering.Machines | None
) -> _Run:
    held, labelled = parts.validation, parts.task is not None
    validation = None if held is None else (as_input(held), held.labels) if labelled else as_input(held)
    target = None if parts.target is None else parts.target.X
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VerdictWarning)  # the verdicts say it
            if machines is not None:
                clustering.fit(machines, estimator, asked, parts.train, validation, checkpoint, screen.progress())
            else:
                given = {"validation_data": validation, "target": target, "checkpoint": checkpoint}
                estimator.fit(as_input(parts.train), parts.train.labels if labelled else None, **given)
    except KeyboardInterrupt:
        if not hasattr(estimator, "best_epoch_"):  # it came before the first step, or twice
            raise
        return _Run("interrupted", "interrupted")
    except TrainingDiverged as problem:
        return _Run("diverged", f"training diverged: {str(problem).rstrip('.')}")
    try:
        quality = _measure(screen, estimator, parts)
        return _Run(quality=quality, head=_head(estimator, parts), denoising=_denoising(estimator, parts))
    except KeyboardInterrupt:
        return _Run("interrupted", "interrupted while measuring")


def _measure(screen: Screen, estimator: Autoencoder, parts: _Parts) -> Quality:
    from narrows.quality import measure

    # Figures are about scaled rows, as in training: there no feature's unit decides, and cross-entropy has a meaning.
    train, test = blocks.sampled(parts.train), _as_trained(parts.test, parts.train)
    clean, clean_test = (as_input(_as_trained(rows, train)) for rows in (parts.target or train, parts.test_target or test))
    return measure(
        estimator.scale_rows(clean),
        estimator.scale_rows(clean_test),
        train_codes=estimator.transform(as_input(train)),
        test_codes=estimator.transform(as_input(test)),
        test_reconstruction=estimator.reconstruct(as_input(test), scaled=True),
        train_labels=_known(estimator, train.labels),
        test_labels=_known(estimator, test.labels),
        progress=screen.progress(),
    )


def _known(estimator: Any, labels: Any) -> Any:
    """Give labels with None for the one that stands for none."""
    unlabeled = getattr(estimator, "unlabeled", None)
    if labels is None or unlabeled is None:
        return labels
    return [None if label == unlabeled else label for label in labels.tolist()]


def _head(estimator: Any, parts: _Parts) -> dict[str, Any] | None:
    """Measure a head on the test rows that have labels."""
    test = _as_trained(parts.test, parts.train)
    return None if parts.task is None or test.labels is None else head_figures(estimator, as_input(test), test.labels)


def _denoising(estimator: Any, parts: _Parts) -> dict[str, float] | None:
    """Measure how far test rows under the noise of training, and what is made of them, are from the clean ones."""
    if estimator.noise is None:
        return None
    import numpy as np

    clean = estimator.scale_rows(as_input(_as_trained(parts.test_target or parts.test, parts.train)))
    rows = estimator.scale_rows(as_input(_as_trained(parts.test, parts.train)))
    noisy = estimator.noise.corrupt(rows)
    own = replace(parts.train, X=estimator._network.scale.undo(noisy), labels=None, names=None, test=None)
    cleaned = estimator.reconstruct(as_input(own), scaled=True)
    return {name: float(np.square(found - clean).mean()) for name, found in (("noisy", noisy), ("cleaned", cleaned))}


def _as_trained(rows: data.Rows, train: data.Rows) -> data.Rows:
    return replace(rows, feature_names=train.feature_names)


def _nothing_to_keep(screen: Screen, estimator: Any, run: _Run, output: Path) -> bool:
    """Tell whether a run ended too early, and say so.

    Whole epochs are kept always; the beginning of a first one, cut short by Ctrl-C, only where nothing else is lost.
    """
    if run.end == "done" or estimator.n_epochs_ or (run.end == "interrupted" and not output.exists()):
        return False
    kept = f"; '{output}' is as it was" if output.exists() else ""
    screen.error(f"{run.problem}; no epoch had ended and nothing was saved{kept}")
    return True


def _save(estimator: Any, output: Path, metadata: dict[str, Any], checkpoint: Checkpoint) -> None:
    """Write the bundle; the checkpoint of a run that ended well is then of no more use."""
    from narrows import bundle
    from narrows.training.checkpoints import discard

    try:
        with _undisturbed():
            bundle.save(estimator, output, metadata=metadata)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise OSError(
            problem.errno, f"'{output}' could not be written ({reason}), and what was there is untouched: make room, or write elsewhere"
        ) from problem
    if metadata["end"] == "done":
        discard(checkpoint)


def _write_page(screen: Screen, page: Path, estimator: Any, parts: _Parts, asked: Asked, about: dict[str, Any], quality: Quality) -> None:
    """Write a report about the test rows."""
    bundle = page.with_suffix(BUNDLE)
    data_set = asked.source if parts.origin == OWN and isinstance(asked.source, str) else None
    command = page_command(bundle, page, asked.test, data_set)
    facts = {"bundle": str(bundle), **dict(origin(about))}
    write_page(screen, page, estimator, _as_trained(parts.test, parts.train), quality=quality, facts=facts, command=command)


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


def _conclude(screen: Screen, estimator: Autoencoder, asked: Asked, output: Path, run: _Run, figures: dict[str, Any] | None = None) -> None:
    if run.end == "done" and estimator.best_epoch_ < estimator.n_epochs_:
        best = f"epoch {estimator.best_epoch_} of {estimator.n_epochs_}" if estimator.best_epoch_ else "the start, before the first epoch"
        screen.say(f"kept {best}, where the validation loss was lowest")
    if run.quality is not None:
        screen.say()
        for line in quality_lines(run.quality, run.head, run.denoising):
            line(screen)
        if asked.target is not None:
            screen.prose("figures compare with the clean rows; PCA's are those of PCA on these")
    if figures is not None:
        screen.say()
        screen.table(tabling.quality_table(figures))
        screen.prose(tabling.saved(figures))
    if run.end != "diverged":
        screen.say()
        screen.verdicts(getattr(estimator, "diagnostics_", []))
    screen.say()
    wrote = f"'{output}' ({size(output.stat().st_size)})"
    if run.end == "done":
        screen.say(f"wrote {wrote}", style="bold")
        name = type(estimator).__name__
        screen.commands("next:", _next(asked.source, output, predicts=name in TASKS, imputes=name == "TableAutoencoder"))
    else:
        epoch = estimator.best_epoch_
        screen.error(f"{run.problem}; {wrote} holds {f'the weights of epoch {epoch}' if epoch else 'the weights so far'}")
    if screen.json:
        from narrows.bundle import read_manifest

        screen.result(bundle_values(output, read_manifest(output)))


def _next(source: Source, output: Path, *, predicts: bool, imputes: bool = False) -> list[list[str]]:
    stem, sources = output.stem, [source] if isinstance(source, str) else source
    return [
        ["narrows", "info", str(output)],
        ["narrows", "report", str(output), *sources, "-o", f"{stem}.html"],
        ["narrows", "encode", str(output), *sources, "-o", f"{stem}-codes.csv"],
        *([["narrows", "predict", str(output), *sources, "-o", f"{stem}-predicted.csv"]] if predicts else []),
        *([["narrows", "impute", str(output), *sources, "-o", f"{stem}-filled.csv"]] if imputes else []),
        ["narrows", "reconstruct", str(output), *sources, "-o", f"{stem}-reconstructed.{'csv' if imputes else 'npy'}"],
    ]
