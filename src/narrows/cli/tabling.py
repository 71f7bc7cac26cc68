"""``narrows fit`` and ``narrows impute`` on tables of text, dates and holes: what is said of columns, how they are fitted and filled."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows.cli import making
from narrows.cli.asking import Asked
from narrows.cli.reading import Source, named
from narrows.cli.screen import Screen, aligned, counted, size
from narrows.cli.telling import settings_facts
from narrows.data import table_files
from narrows.data.splits import drawn
from narrows.data.table_files import Table
from narrows.data.tables import Columns, learn
from narrows.data.writing import write_table
from narrows.errors import TrainingDiverged, VerdictWarning

if TYPE_CHECKING:
    from narrows.bundle import Manifest
    from narrows.estimators import TableAutoencoder
    from narrows.training.checkpoints import Checkpoint

HELD_OUT = 0.1
HELD_OUT_SEED = 0  # not the user's: figures of several seeds are about the same rows
FILLED = (".csv", ".parquet")
SHOWN = 5  # categories of a column
FEWEST = 8  # rows of a table
MOST = 64  # places for the categories of a column, where nothing is said


@dataclass(frozen=True)
class Parts:
    """The tables of a run; `origin` says where the test rows are from, `columns` what is found in all rows of the first."""

    train: Table
    validation: Table | None
    test: Table
    origin: str
    columns: Columns


def why_table(asked: Asked) -> str:
    """Say why rows are to be taken as a table, as far as flags and the beginning of the file tell; nothing where they need not be."""
    if asked.parts.kinds:
        return "kinds of columns are given"
    return table_files.asks(asked.source, asked.column)


def instead(asked: Asked, problem: ValueError, progress: Any) -> tuple[str, Table]:
    """Read as a table what could not be read as rows of numbers, and say why it must be one.

    Raises
    ------
    ValueError
        As before, if it cannot be read so either, or has nothing but numbers.
    """
    if not table_files.is_table_file(asked.source) or "-" in ([asked.source] if isinstance(asked.source, str) else asked.source):
        raise problem
    try:
        table = _loaded(asked.source, asked, progress)
    except (ValueError, OSError):
        raise problem from None
    why = table_files.why_table(table.frame)
    if not why or len(table) < FEWEST:
        raise problem
    return why, table


def read(screen: Screen, asked: Asked, why: str, table: Table | None) -> Parts:
    """Read the tables of a run, and say what they are.

    Raises
    ------
    ValueError, OSError
        If they cannot be read, or what was asked for is not for tables.
    """
    _check(asked, why)
    started = time.monotonic()
    progress = screen.progress()
    table = _loaded(asked.source, asked, progress) if table is None else table
    if len(table) < FEWEST:
        raise ValueError(f"{table.name} has {counted(len(table), 'row')} and is taken as a table ({why}): that needs {FEWEST} rows or more")
    most = asked.parts.plain.get("max_categories", MOST)
    columns = learn(table.frame, kinds=asked.parts.kinds, max_categories=most, where=table.name)  # refuses cells by their rows in the file
    validation = None if asked.validation is None else _others(asked.validation, asked, table, progress)
    if asked.test is not None:
        test, origin = _others(asked.test, asked, table, progress), asked.test
    else:
        table, test = _hold_out(table)
        origin = f"held out, {100 * HELD_OUT:.0f} % drawn at random"
    left_out = "" if asked.column is None else f", the column {asked.column!r} left out"
    validated = [] if validation is None else [("validation rows", f"{len(validation):,}, from {asked.validation}")]
    screen.facts(
        [
            ("read", f"{named(asked.source)}{left_out}"),
            ("as a table", f"{why}: fitted by TableAutoencoder, each column by its kind"),
            ("training rows", f"{counted(len(table), 'row')} of {counted(table.frame.num_columns, 'column')}"),
            *validated,
            ("test rows", f"{len(test):,}, {origin}" if asked.test is None else f"{len(test):,}, from {origin}"),
        ]
    )
    screen.detail(f"reading took {time.monotonic() - started:.1f} s")
    return Parts(table, validation, test, origin, columns)


def estimator(asked: Asked, n_rows: int) -> TableAutoencoder:
    """Make the estimator that was asked for.

    Raises
    ------
    ValueError, TypeError
        If a choice is not one.
    """
    from narrows.estimators import TableAutoencoder
    from narrows.estimators._table_fitting import HIDDEN
    from narrows.training.noise import Masking
    from narrows.training.optimizers import with_options

    parts = asked.parts
    made = TableAutoencoder(kinds=dict(parts.kinds) or None, **parts.plain)
    noise = making.noise(Masking(HIDDEN), parts.noise) if parts.noise else made.noise
    made.set_params(layers=making.layers(made.layers, parts.layers, n_rows), noise=noise)
    if parts.options:
        made.set_params(optimizer=with_options(made.optimizer, parts.options))
    return made


def announce(screen: Screen, made: TableAutoencoder, parts: Parts) -> None:
    """Show the columns, the network and the choices before the long work."""
    if screen.quiet:
        return
    from narrows.estimators._table_fitting import preview
    from narrows.networks.lowering import resolve_precision
    from narrows.networks.table import plan_table

    plan = preview(made, parts.columns, len(parts.train))
    screen.say()
    screen.table(columns_table(parts.columns.all))
    screen.say()
    screen.table(str(plan_table(plan)))
    screen.say()
    validated = None if parts.validation is None else counted(len(parts.validation), "row")
    chosen = {"loss": "columns", "scale": "columns", "precision": resolve_precision(made.precision)}
    screen.facts(settings_facts(made.get_params(deep=False), chosen, validated))
    screen.say()


def train(made: TableAutoencoder, parts: Parts, checkpoint: Checkpoint) -> tuple[str, str]:
    """Train; give how the run ended, and what the problem was.

    Raises
    ------
    KeyboardInterrupt
        If nothing has been trained when it comes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VerdictWarning)  # the verdicts say it
            validation = None if parts.validation is None else parts.validation.frame
            made.fit(parts.train.frame, validation_data=validation, checkpoint=checkpoint)
    except KeyboardInterrupt:
        if not hasattr(made, "best_epoch_"):
            raise
        return "interrupted", "interrupted"
    except TrainingDiverged as problem:
        return "diverged", f"training diverged: {str(problem).rstrip('.')}"
    return "done", ""


def measured(made: TableAutoencoder, parts: Parts) -> dict[str, Any]:
    """Measure on the test rows: the share of the loss that is saved, and figures of each column."""
    from narrows.estimators._table_quality import best_guesses, column_qualities

    guesses = best_guesses(made._columns, made._measured(parts.train.frame))
    qualities = [quality.to_dict() for quality in column_qualities(made, parts.test.frame, guesses)]
    return {"test_rows": len(parts.test), "score": made.score(parts.test.frame), "columns": qualities}


def about(parts: Parts, asked: Asked) -> dict[str, Any]:
    """Give what a bundle keeps of where its table is from."""
    return {
        "source": asked.source,
        "rows": len(parts.train),
        "test_rows": len(parts.test),
        "test": parts.origin,
        "label": asked.column,
        "label_file": asked.label if asked.column is None else None,
        **({} if parts.validation is None else {"validation": asked.validation, "validation_rows": len(parts.validation)}),
    }


def saved(found: dict[str, Any]) -> str:
    """Say how much of the loss of the best constant guesses is saved."""
    share = found["score"]
    return f"of what the best constant guesses cost, the reconstruction saves {100 * share:.1f} % on test rows"


def write_report(screen: Screen, page: Path, made: TableAutoencoder, parts: Parts, asked: Asked, facts: dict[str, str]) -> None:
    """Write a page about the test rows.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    from narrows.cli.reporting import page_command, write_page

    command = page_command(Path(facts["bundle"]), page, asked.test)
    write_page(screen, page, made, parts.test, quality=None, facts=facts, command=command)


def quality_table(found: dict[str, Any]) -> str:
    """Lay out the figures of columns."""
    lines = []
    for figures in found["columns"]:
        values = (_figure(figures[name], figures["measure"]) for name in ("rebuilt", "told", "guessed"))
        lines.append((str(figures["name"]), str(figures["measure"]), *values))
    return aligned((f"quality on {counted(found['test_rows'], 'test row')}", "measure", "rebuilt", "told when hidden", "best guess"), lines)


def _figure(value: float | None, measure: str) -> str:
    if value is None or value != value:
        return "-"
    return f"{100 * value:.1f} %" if measure == "wrong" else f"{value:.4g}"


def columns_table(columns: Any) -> str:
    """Lay out what was learned of columns."""
    lines = [
        (column.name, column.kind.replace("_", " "), f"{100 * column.holes:.1f} %" if column.holes else "", _about(column))
        for column in columns
    ]
    head = ("column", "kind", "holes", "what is in it")
    widths = [max(len(line[place]) for line in (head, *lines)) for place in range(4)]

    def text(line: tuple[str, ...]) -> str:
        name, kind, holes, about = line
        return f"{name.ljust(widths[0])}  {kind.ljust(widths[1])}  {holes.rjust(widths[2])}  {about}".rstrip()

    return "\n".join([text(head), "  ".join("-" * width for width in widths), *map(text, lines)])


def _about(column: Any) -> str:
    from narrows.data.names import shortened

    if column.kind == "left_out":
        value = f", {column.categories[0] if column.categories else f'{column.mean:g}'}" if column.why == "always the same" else ""
        return f"{column.why}{value}"
    if column.kind == "numeric":
        return f"mean {column.mean:.4g}, deviation {column.deviation:.4g}"
    if column.kind == "date":
        from narrows.estimators._table_view import _number

        return f"about {_number(column, 0.0)}"
    if column.kind == "binary":
        return f"{column.categories[0]} or {column.categories[1]}"
    few = ", ".join(shortened(str(value), 16) for value in column.categories[:SHOWN])
    more = len(column.categories) + column.others - SHOWN
    shared = f", {column.others:,} of them in one place" if column.others else ""
    return f"{few}{f' and {more:,} more' if more > 0 else ''}{shared}"


def impute(screen: Screen, bundle: Path, source: Source, output: Path) -> int:
    """Write a table without holes; give the exit code.

    Raises
    ------
    ValueError, OSError
        If what came cannot be used, or the output cannot be written.
    """
    from narrows.cli.coding import begin, load, rows_for

    manifest = begin(bundle, source, output, FILLED)
    if manifest.state.learned.table is None or manifest.state.outliers is not None:
        raise ValueError(f"'{bundle}' holds no TableAutoencoder, which alone fills holes: fit one on a table with holes, or with --kind")
    rows = rows_for(screen, manifest, bundle, source, False)
    assert isinstance(rows, Table)
    made = load(bundle).impute(rows.frame)
    before, after = (sum(_holes(frame[name]) for name in frame.column_names) for frame in (rows.frame, made))
    write_table(output, made)
    left = f"; {counted(after, 'hole')} left, in columns that the model leaves out" if after else ""
    what = f"{rows.name}, {counted(len(rows), 'row')}, {counted(before - after, 'hole')} filled{left}"
    screen.say(f"wrote '{output}' ({size(output.stat().st_size)}): {what}")
    return 0


def _holes(column: Any) -> int:
    import pyarrow.compute as pc

    return int(pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0)


def rows_of_bundle(manifest: Manifest, bundle: Path, source: Source, label: str | None, progress: Any, *, optional: bool) -> Table:
    """Load a table for a bundle, its columns in the order in which it was fitted.

    Raises
    ------
    ValueError, OSError
        If it cannot be read, or has other columns.
    """
    from narrows.data.names import listed

    learned = manifest.state.learned
    assert learned.table is not None
    types = {}
    for column in learned.table.columns:
        if column.kind != "left_out" and column.kind != "date":
            kind = column.arrow_type
            types[column.name] = getattr(kind, "value_type", kind)
    table = table_files.load_table(source, label=label, label_optional=optional, types=types, progress=progress)
    names = [column.name for column in learned.table.columns]
    missing = [name for name in names if name not in table.frame.column_names]
    further = [name for name in table.frame.column_names if name not in set(names)]
    if missing or further:
        facts = [f"lacks {listed(missing, 3)}"] * bool(missing) + [f"has {listed(further, 3)} besides"] * bool(further)
        raise ValueError(
            f"{table.name} {' and '.join(facts)}, compared with the columns that '{bundle}' was fitted to: give the same columns"
        )
    return Table(table.frame.select(names), table.labels, table.name)


def end(screen: Screen, output: Path, frame: Any, what: str) -> int:
    """Write a table as it is, whole or not at all, and say so; give the exit code.

    Raises
    ------
    ValueError, OSError
        If it cannot be written.
    """
    from narrows.data.table_frames import as_table

    table = as_table(frame)
    write_table(output, table)
    n, d = table.shape
    screen.say(f"wrote '{output}' ({size(output.stat().st_size)}): {what}, {counted(n, 'row')} of {counted(d, 'column')}")
    return 0


def _loaded(source: Source, asked: Asked, progress: Any) -> Table:
    import pyarrow as pa

    types = {name: pa.string() for name, kind in asked.parts.kinds.items() if kind == "categorical"}
    return table_files.load_table(source, label=asked.label, types=types, progress=progress)


def _others(source: str, asked: Asked, table: Table, progress: Any) -> Table:
    types = {field.name: field.type for field in table.frame.schema}
    types = {name: getattr(kind, "value_type", kind) for name, kind in types.items()}
    others = table_files.load_table(source, label=asked.column, label_optional=True, types=types, progress=progress)
    mine, theirs = table.frame.column_names, others.frame.column_names
    if set(mine) != set(theirs):
        odd = next(name for name in [*mine, *theirs] if (name in mine) != (name in theirs))
        raise ValueError(f"{others.name} and {table.name} differ in the column {odd!r}: give tables of the same columns")
    return Table(others.frame.select(mine), others.labels, others.name)


def _hold_out(table: Table) -> tuple[Table, Table]:
    held = drawn(len(table), HELD_OUT, HELD_OUT_SEED)
    return table.take(~held), table.take(held)


def _check(asked: Asked, why: str) -> None:
    """Refuse what is not for tables."""
    from inspect import signature

    from narrows.estimators import TableAutoencoder

    known = set(signature(TableAutoencoder).parameters)
    odd = [name for name in asked.parts.plain if name not in known]
    odd += ["supervised"] * bool(asked.supervised) + ["recipe"] * (asked.recipe is not None) + ["target"] * (asked.target is not None)
    odd += ["layers.filters"] * ("filters" in asked.parts.layers) + [f"head.{name}" for name in asked.parts.head]
    if odd:
        raise ValueError(
            f"{odd[0]} is not for tables, and {named(asked.source)} is taken as one ({why}): leave it out, or give rows of numbers alone"
        )
    if not table_files.is_table_file(asked.source):
        raise ValueError(
            f"kinds of columns are for tables, and {named(asked.source)} is none: give a .csv, .parquet, .arrow or .feather file"
        )
