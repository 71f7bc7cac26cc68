"""Tables from files as they are: CSV, Parquet and Arrow files, their types kept, several put one below the other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from narrows.data import arrow_files, standard_input
from narrows.data.column_kinds import family
from narrows.data.columns import check_columns, labels_of
from narrows.data.csv_files import layout_of, options, parsed
from narrows.data.label_files import is_label_file, read_labels
from narrows.data.metering import opened
from narrows.data.names import NoSuchLabel, listed
from narrows.data.parquet_files import table_of_parquet
from narrows.data.sources import SETS, expanded
from narrows.progress import Progress, Silent

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (".csv", ".parquet", *arrow_files.ENDINGS)


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """A table with what is known about it.

    Parameters
    ----------
    frame : pyarrow.Table of shape (n, d)
        Columns of any type.
    labels : ndarray of shape (n,), default=None
        One label per row, numbers or text, where they are known.
    name : str, default="table"
        What a person calls it.
    """

    frame: pa.Table
    labels: NDArray[Any] | None = None
    name: str = "table"

    def __len__(self) -> int:
        return int(self.frame.num_rows)

    def __repr__(self) -> str:
        labels = ", labels" if self.labels is not None else ""
        return f"Table({self.name!r}: {len(self)} x {self.frame.num_columns}{labels})"

    def take(self, chosen: NDArray[np.bool_]) -> Table:
        """Give some of the rows."""
        import pyarrow as pa

        labels = None if self.labels is None else self.labels[chosen]
        return replace(self, frame=self.frame.filter(pa.array(chosen)), labels=labels)


def is_table_file(source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> bool:
    """Tell whether all that a source stands for are files that hold tables with types."""
    names = expanded(source)
    return all(name not in SETS and (name == standard_input.NAME or name.lower().endswith(ENDINGS)) for name in names)


def asks(source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], label: str | None = None) -> str:
    """Say which column of a table, as far as its beginning tells, is not made of numbers; nothing where all are.

    Parameters
    ----------
    source : str, path-like, or sequence of these
        As `narrows.data.load` takes it.
    label : str, default=None
        A column that does not count.

    Returns
    -------
    str
        Such as "column 'color' holds text".
    """
    names = expanded(source)
    if not is_table_file(source) or names[0] == standard_input.NAME:
        return ""
    import pyarrow as pa

    with suppress(ValueError, OSError, pa.ArrowException):
        for field in _schema(Path(names[0])):
            if field.name != label and (found := _about(field.type)):
                return f"column {field.name!r} holds {found}"
    return ""


def why_table(table: pa.Table) -> str:
    """Say which column of a table is not made of numbers alone, or has holes; nothing where all are, and none has."""
    import pyarrow.compute as pc

    for name in table.column_names:
        if found := _about(table[name].type):
            return f"column {name!r} holds {found}"
        if table[name].null_count or (family(table[name].type) == "number" and pc.any(pc.is_null(table[name], nan_is_null=True)).as_py()):
            return f"column {name!r} has holes"
    return ""


def _about(kind: Any) -> str:
    return {"text": "text", "bool": "truth values", "date": "dates", "other": str(kind)[:40]}.get(family(kind), "")


def load_table(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    label: str | None = None,
    label_optional: bool = False,
    types: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Table:
    """Load a table from a file or several: numbers, text, truth values, dates, and holes.

    Parameters
    ----------
    source : str, path-like, or sequence of these
        Paths of .csv, .parquet, .arrow or .feather files, patterns of them, or "-", a CSV file on standard input. Several become one
        table, in the order given; their columns must have the same names, in any order, and values of the same kinds.
    label : str, default=None
        The column that is left out and becomes the labels; or the path of a file of labels, one for each row.
    label_optional : bool, default=False
        Whether a table without that column is loaded too, then without labels.
    types : mapping of str to pyarrow.DataType, default=None
        What columns of a CSV file are to be read as, where that is known; others are found out.
    progress : Progress, default=None
        Told of large files.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If a file is damaged, of another kind or without rows, or several do not fit together.
    OSError
        If one cannot be read.
    """
    progress = progress if progress is not None else Silent()
    names = expanded(source)
    if odd := [name for name in names if name != standard_input.NAME and not name.lower().endswith(ENDINGS)]:
        raise ValueError(f"'{odd[0]}' is no table with types: give {', '.join(ENDINGS)} files")
    column = None if label is None or is_label_file(label) else label
    parts = []
    for name in names:
        try:
            parts.append(_read(name, column, types or {}, progress))
        except NoSuchLabel:
            if not label_optional:
                raise
            column = None
            parts.append(_read(name, None, types or {}, progress))
    whole = parts[0] if len(parts) == 1 else _together(parts, names)
    called = Path(names[0]).name if names[0] != standard_input.NAME else "standard input"
    called = called if len(names) == 1 else f"{called} and {len(names) - 1} more"
    if not whole.num_rows or not whole.num_columns - (column is not None):
        raise ValueError(f"'{names[0]}' has {whole.num_rows} rows and {whole.num_columns} columns; give one of each or more")
    labels = None if column is None else labels_of(whole[column], f"column {column!r}", f"'{names[0]}'", typed=False)
    if label is not None and column is None and is_label_file(label):
        labels = read_labels(Path(label), whole.num_rows, called, progress)
    return Table(whole if column is None else whole.drop_columns([column]), labels, called)


def _read(name: str, label: str | None, types: Mapping[str, Any], progress: Progress) -> pa.Table:
    if name == standard_input.NAME:
        with standard_input.standard_input() as file:
            return _of_csv(file, label, "standard input", types)
    path = Path(name)
    if not path.exists():
        raise FileNotFoundError(f"there is no file '{path}': check the path")
    if name.lower().endswith(".parquet"):
        return table_of_parquet(path, label, progress)
    if name.lower().endswith(".csv"):
        with opened(path, progress) as file:
            return _of_csv(file, label, f"'{path}'", types)
    return arrow_files.table_of_arrow(path, label, progress)


def _of_csv(file: IO[bytes], label: str | None, where: str, types: Mapping[str, Any]) -> pa.Table:
    import pyarrow as pa

    layout = layout_of(file, where)
    check_columns(layout.names, label, where)
    known = {name: kind for name, kind in types.items() if name in layout.names}
    known |= {} if label is None else {label: pa.string()}
    return parsed(file, layout, known, where, holes=True)


def _schema(path: Path) -> Any:
    """Give the types of a file's columns; of a CSV file those of its beginning."""
    from pyarrow import csv as arrow
    from pyarrow import ipc, parquet

    with opened(path, Silent()) as file:
        if path.name.lower().endswith(".parquet"):
            return parquet.read_schema(file)
        if path.name.lower().endswith(".csv"):
            layout = layout_of(file, f"'{path}'")
            file.seek(0)
            return arrow.open_csv(file, **options(layout, {}, holes=True)).schema
        start = file.read(6)
        file.seek(0)
        return (ipc.open_file(file) if start == b"ARROW1" else ipc.open_stream(file)).schema


def _together(parts: list[pa.Table], names: list[str]) -> pa.Table:
    """Put tables one below the other, columns by their names."""
    import pyarrow as pa

    first = parts[0]
    for part, name in zip(parts[1:], names[1:], strict=True):
        missing = [column for column in first.column_names if column not in set(part.column_names)]
        further = [column for column in part.column_names if column not in set(first.column_names)]
        if missing or further:
            facts = [f"lacks {listed(missing, 3)}"] * bool(missing) + [f"has {listed(further, 3)} besides"] * bool(further)
            raise ValueError(f"'{name}' {' and '.join(facts)}, compared with the columns of '{names[0]}': give files of the same columns")
        for column in first.column_names:
            ours, theirs = first.schema.field(column).type, part.schema.field(column).type
            if family(ours) != family(theirs) and "nothing" not in (family(ours), family(theirs)):
                raise ValueError(f"'{name}' holds {theirs} in column {column!r}, and '{names[0]}' {ours}: give files of the same columns")
    try:
        ordered = [part.select(first.column_names) for part in parts]
        return pa.concat_tables([_undictionaried(part) for part in ordered], promote_options="permissive")
    except pa.ArrowException as problem:
        raise ValueError(f"'{names[0]}' and the others do not fit together ({problem}): give files of the same columns") from problem


def _undictionaried(table: pa.Table) -> pa.Table:
    """Give categories as what they stand for: each file may number them in its own way."""
    import pyarrow as pa

    columns = [c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    return pa.table(columns, names=table.column_names)
