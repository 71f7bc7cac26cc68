"""What a command is given: rows, with or without the label column, and files that may be written."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from narrows import data, plot
from narrows.cli.screen import counted
from narrows.data.frames import framed
from narrows.data.sources import expanded
from narrows.progress import Progress

Source = str | list[str]  # what DATA names: one thing as it stands there, or several


def load_rows(source: Source, label: str | None, progress: Progress) -> data.Rows:
    """Load rows, and leave out the label column where they have it.

    Raises
    ------
    ValueError, OSError
        If they cannot be read.
    """
    return data.load(source, label=label, label_optional=True, progress=progress)


def named(source: Source) -> str:
    """Give what was read in words."""
    return source if isinstance(source, str) else " ".join(source)


def own_test_rows(rows: data.Rows) -> data.Rows:
    """Give the test rows that a named data set brings.

    Raises
    ------
    ValueError
        If there are none.
    """
    if rows.test is None:
        raise ValueError(f"{rows.name} brings no test rows, as named data sets do: leave out --test")
    return rows.test


def check_alike(rows: data.Rows, others: data.Rows, what: str) -> None:
    """Refuse rows whose columns are not those of the rows that are learned from.

    Raises
    ------
    ValueError
        If so.
    """
    if rows.image_shape and others.image_shape and rows.image_shape != others.image_shape:
        came, wanted = ("x".join(map(str, shape)) for shape in (others.image_shape, rows.image_shape))
        raise ValueError(f"{others.name} holds images of {came} and {rows.name} of {wanted}: give {what} images of one size")
    mine, theirs = rows.feature_names or [], others.feature_names or []
    missing = next((name for name in mine if theirs and name not in theirs), None)
    more = next((name for name in theirs if mine and name not in mine), None)
    advice = f"give {what} rows of the same kind"
    if others.X.shape[1] != rows.X.shape[1]:
        odd = f" ({missing!r} is missing)" if missing else f" ({more!r} is one too many)" if more else ""
        raise ValueError(f"{others.name} has {counted(others.X.shape[1], 'column')} and {rows.name} {rows.X.shape[1]}{odd}: {advice}")
    if missing:
        raise ValueError(f"{others.name} has no column {missing!r}, which {rows.name} has; it has {more!r}: {advice}")
    if mine and theirs and mine != theirs:
        place = next(place for place, (ours, its) in enumerate(zip(mine, theirs, strict=True)) if ours != its)
        raise ValueError(
            f"column {place + 1} is {theirs[place]!r} in {others.name} and {mine[place]!r} in {rows.name}: "
            f"give {what} rows with the same columns in the same order"
        )


def is_images(rows: data.Rows) -> bool:
    """Say whether rows are images: of (height, width), or with channels."""
    return rows.image_shape is not None and len(rows.image_shape) in (2, 3)


def as_input(rows: Any) -> Any:
    """Give rows as an estimator takes them: blocks as such, a table if the columns have names, images as images, else the array."""
    if isinstance(getattr(rows, "X", None), data.Blocks):
        return rows.X
    if not hasattr(rows, "X"):  # a table, with its types
        return rows.frame
    return framed(rows.X, rows.feature_names, rows.image_shape)


def as_table(rows: data.Rows) -> Any:
    """Give rows as a table if the columns have names, else as the array."""
    return framed(rows.X, rows.feature_names)


def described(rows: data.Rows) -> str:
    """Say how many rows of what there are."""
    import numpy as np

    facts = [f"{counted(len(rows.X), 'row')} of {counted(rows.X.shape[1], 'number')} ({rows.X.dtype})"]
    if rows.image_shape:
        facts.append(f"images of {'x'.join(map(str, rows.image_shape))}")
    if rows.labels is not None:
        facts.append(f"labels of {counted(len(np.unique(rows.labels)), 'kind')}")
    return ", ".join(facts)


def check_output(output: Path, formats: Collection[str], *inputs: Source | Path) -> None:
    """Refuse an output that cannot be written, or that is an input, before anything is computed.

    Raises
    ------
    ValueError, OSError
        If so.
    """
    data.check_writable(output, formats)
    if not output.exists():
        return
    for source in [name for given in inputs for name in expanded(given)]:
        if Path(source).exists() and output.samefile(source):
            raise ValueError(f"the output '{output}' is what is read: write elsewhere")


def check_drawing(output: Path, tables: Collection[str], *inputs: Source | Path) -> None:
    """Refuse a picture or a table that cannot be written, or drawn here, before anything is computed.

    Raises
    ------
    ValueError, OSError, ImportError
        If so.
    """
    check_output(output, (*tables, *plot.FORMATS), *inputs)
    if output.suffix.lower() in plot.FORMATS:
        plot.new_axes()
