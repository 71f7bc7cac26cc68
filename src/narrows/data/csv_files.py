"""CSV files: where the header is, which row is not as the others, numbers without a detour."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from narrows import _files
from narrows.data.columns import check_columns, is_number, rows_of
from narrows.data.metering import opened
from narrows.data.names import shortened
from narrows.data.rows import Rows
from narrows.progress import Progress

LEAST_BLOCK, MOST_BLOCK = 2**20, 2**24  # bytes that are parsed at once
ROWS_IN_BLOCK = 256  # of wide rows: a column in many small pieces is slow, and takes more memory than its numbers
CELL = 12  # bytes, roughly


@dataclass(frozen=True)
class Layout:
    """How a file is laid out: its columns, and where its rows begin."""

    names: list[str]
    has_header: bool
    delimiter: str
    lines_before: int  # lines of the file before the first row
    block: int


def read_csv(path: Path, label: str | None, progress: Progress) -> Rows:
    """Read a table from a CSV file in UTF-8, separated by commas, or else by semicolons or tabs.

    A first line that is not all numbers is the header. Without one, columns are called by their number, from 1.

    Raises
    ------
    ValueError
        If the file is empty, ragged or no text, or a column is not made of numbers and is not the label.
    """
    with opened(path, progress) as file:
        return rows_of_csv(file, label, f"'{path}'", path.name)


def rows_of_csv(file: IO[bytes], label: str | None, where: str, name: str) -> Rows:
    """Read what `read_csv` does from a file that is open and can be read again.

    Parameters
    ----------
    file : binary file
        Read from its beginning, twice where something is wrong with it.
    label : str or None
        The column that is left out of the rows.
    where, name : str
        What a sentence begins with; what the rows are called.

    Raises
    ------
    ValueError
        As `read_csv` does.
    """
    import pyarrow as pa

    layout = layout_of(file, where)
    check_columns(layout.names, label, where)
    # Letting Arrow find but one type takes twice the memory; where not all are numbers, it finds true and false, or what is wrong.
    table = parsed(file, layout, {column: pa.string() if column == label else pa.float64() for column in layout.names}, where)
    numeric = [name for name in layout.names if is_number(name)]
    if layout.has_header and numeric:  # a first row with a word in it looks the same: say what it was taken for
        where += f" (whose first line, with {shortened(numeric[0])} in it, was read as the header)"
    return rows_of(table, label, where, name, named=layout.has_header, typed=False)


def read_single_column(path: Path, progress: Progress) -> Any:
    """Read a file of one column, its first line too, as an Arrow column of text.

    Raises
    ------
    ValueError
        If there is more than one column, or no text at all.
    """
    import pyarrow as pa

    where = f"'{path}'"
    with opened(path, progress) as file:
        layout = layout_of(file, where)
        if len(layout.names) > 1:
            raise ValueError(f"{where} has {len(layout.names)} columns; a file of labels has one: leave out the others")
        layout = Layout(["label"], False, layout.delimiter, 0, layout.block)
        try:
            return _table(file, layout, {"label": pa.string()})["label"]
        except pa.ArrowInvalid as problem:
            raise ValueError(_what_is_wrong(file, layout, where, problem)) from problem


def csv_blocks(path: Path, label: str | None) -> tuple[list[str], bool, Callable[[], Iterator[Any]]]:
    """Read a CSV file table by table.

    Returns
    -------
    names : list of str
        Of all columns.
    named : bool
        Whether the file has a header.
    tables : callable
        Gives an iterator of pyarrow.Table: numbers as float64, columns of true and false as these, the label as text.

    Raises
    ------
    ValueError
        As `read_csv` does, also later on.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow

    where = f"'{path}'"
    with _files.opened(path) as file:
        layout = layout_of(file, where)
        check_columns(layout.names, label, where)
        file.seek(0)
        found = None
        with suppress(pa.ArrowInvalid):
            found = arrow.open_csv(file, **options(layout, {})).schema
        truths = {name for name in layout.names if found.field(name).type == pa.bool_()} if found is not None else set()
    types = {name: pa.string() if name == label else pa.bool_() if name in truths else pa.float64() for name in layout.names}

    def tables() -> Iterator[Any]:
        with _files.opened(path) as file:
            try:
                for batch in arrow.open_csv(file, **options(layout, types)):
                    yield pa.Table.from_batches([batch])
            except pa.ArrowInvalid as problem:
                raise ValueError(_what_is_wrong(file, layout, where, problem)) from problem

    return layout.names, layout.has_header, tables


def parsed(file: IO[bytes], layout: Layout, types: Mapping[str, Any], where: str, *, holes: bool = False) -> Any:
    """Read a file whose layout is known as an Arrow table.

    Parameters
    ----------
    file : binary file
    layout : Layout
    types : mapping of str to pyarrow.DataType
        What columns are to be read as. If one cannot, all are read as what they look like.
    where : str
        What a sentence begins with.
    holes : bool, default=False
        Whether text may be missing.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    ValueError
        If the file is ragged or no text in UTF-8.
    """
    import pyarrow as pa

    try:
        table = _table(file, layout, types, holes)
    except pa.ArrowInvalid:
        try:
            table = _table(file, layout, {}, holes)
        except pa.ArrowInvalid as problem:
            raise ValueError(_what_is_wrong(file, layout, where, problem)) from problem
    binary = [name for name in table.column_names if pa.types.is_binary(table[name].type)]
    if binary:
        raise ValueError(f"{where} holds bytes in column {binary[0]!r} that are not UTF-8: save the file as UTF-8")
    return table


def _table(file: IO[bytes], layout: Layout, types: Mapping[str, Any], holes: bool = False) -> Any:
    from pyarrow import csv as arrow

    file.seek(0)
    return arrow.read_csv(file, **options(layout, types, holes=holes))


def options(layout: Layout, types: Mapping[str, Any], *, holes: bool = False) -> dict[str, Any]:
    """Give how Arrow is to read a file of a layout; see `parsed`."""
    from pyarrow import csv as arrow

    return {
        "read_options": arrow.ReadOptions(column_names=layout.names, skip_rows=layout.lines_before, block_size=layout.block),
        "parse_options": arrow.ParseOptions(delimiter=layout.delimiter),
        "convert_options": arrow.ConvertOptions(column_types=dict(types), strings_can_be_null=holes),
    }


def layout_of(file: IO[bytes], where: str) -> Layout:
    """Find how a file is laid out, by its first line.

    Raises
    ------
    ValueError
        If it is empty, or no text in UTF-8.
    """
    with _text(file, errors="strict") as text:
        try:
            before, line = next(((number, line) for number, line in enumerate(text) if line.strip()), (0, ""))
        except UnicodeDecodeError as problem:
            raise ValueError(f"{where} is not text in UTF-8 ({problem.reason}): save the file as UTF-8") from problem
    if not line:
        raise ValueError(f"{where} is empty; a table has a row of numbers or more, and may have a header")
    if "\0" in line:
        raise ValueError(f"{where} is no text: give a file of another format its usual extension")
    delimiter = next((mark for mark in ",;\t" if mark in line), ",")
    cells = [cell.strip() for cell in next(_cells([line], delimiter, where))]
    row = max(len(line), CELL * len(cells))
    block = max(LEAST_BLOCK, min(MOST_BLOCK, ROWS_IN_BLOCK * row), 4 * row)  # a row that is longer than a block cannot be parsed
    if all(map(is_number, cells)):
        return Layout([str(number + 1) for number in range(len(cells))], False, delimiter, before, block)
    return Layout(cells, True, delimiter, before + 1, block)


def _what_is_wrong(file: IO[bytes], layout: Layout, where: str, problem: Exception) -> str:
    """Find the row that the parser stumbled over: it read blocks at once and does not know."""
    width = len(layout.names)
    for row, cells in enumerate(_records(file, layout, where), start=1):
        if len(cells) != width:
            rule = "the header has" if layout.has_header else "the first row has"
            return f"{where} has {len(cells)} cells in row {row} where {rule} {width}: give every row {width}"
    if not any(_records(file, layout, where)):
        return f"{where} has a header and no rows; give one row or more"
    reason = str(problem).partition("\n")[0]
    return f"{where} cannot be read as CSV ({reason}): save it again as CSV in UTF-8"


def _records(file: IO[bytes], layout: Layout, where: str) -> Iterator[list[str]]:
    with _text(file, errors="replace") as text:
        for _ in range(layout.lines_before):
            next(text)
        yield from (cells for cells in _cells(text, layout.delimiter, where) if cells)


@contextmanager
def _text(file: IO[bytes], errors: str) -> Iterator[io.TextIOWrapper]:
    file.seek(0)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors=errors)
    try:
        yield text
    finally:
        text.detach()  # else it would close the file


def _cells(lines: Iterable[str], delimiter: str, where: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=delimiter)
    except csv.Error as problem:
        raise ValueError(f"{where} has a row that is none of a table ({problem}): save it again as CSV in UTF-8") from problem
