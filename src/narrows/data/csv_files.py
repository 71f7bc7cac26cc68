"""CSV files: where the header is, which row is not as the others, numbers without a detour."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrows.data.columns import check_columns, is_number, rows_of
from narrows.data.names import shortened
from narrows.data.rows import Rows


@dataclass(frozen=True)
class _Layout:
    names: list[str]
    has_header: bool
    delimiter: str
    lines_before: int  # lines of the file before the first row


def read_csv(path: Path, label: str | None) -> Rows:
    """Read a table from a CSV file in UTF-8, separated by commas, or else by semicolons or tabs.

    A first line that is not all numbers is the header. Without one, columns are called by their number, from 1.

    Raises
    ------
    ValueError
        If the file is empty, ragged or no text, or a column is not made of numbers and is not the label.
    """
    import pyarrow as pa

    where = f"'{path}'"
    layout = _layout(path, where)
    check_columns(layout.names, label, where)
    types = {name: pa.string() if name == label else pa.float64() for name in layout.names}
    try:
        table = _table(path, layout, types)
    except pa.ArrowInvalid:  # true and false, or what is wrong; letting Arrow find but one type takes twice the memory
        try:
            table = _table(path, layout, {})
        except pa.ArrowInvalid as problem:
            raise ValueError(_what_is_wrong(path, layout, problem)) from problem
    binary = [name for name in table.column_names if pa.types.is_binary(table[name].type)]
    if binary:
        raise ValueError(f"{where} holds bytes in column {binary[0]!r} that are not UTF-8: save the file as UTF-8")
    numeric = [name for name in layout.names if is_number(name)]
    if layout.has_header and numeric:  # a first row with a word in it looks the same: say what it was taken for
        where += f" (whose first line, with {shortened(numeric[0])} in it, was read as the header)"
    return rows_of(table, label, where, path.name, named=layout.has_header, typed=False)


def _table(path: Path, layout: _Layout, types: dict[str, Any]) -> Any:
    from pyarrow import csv as arrow

    return arrow.read_csv(
        str(path),
        read_options=arrow.ReadOptions(column_names=layout.names, skip_rows=layout.lines_before),
        parse_options=arrow.ParseOptions(delimiter=layout.delimiter),
        convert_options=arrow.ConvertOptions(column_types=types),
    )


def _layout(path: Path, where: str) -> _Layout:
    with _text(path, errors="strict") as file:
        try:
            before, line = next(((number, line) for number, line in enumerate(file) if line.strip()), (0, ""))
        except UnicodeDecodeError as problem:
            raise ValueError(f"{where} is not text in UTF-8 ({problem.reason}): save the file as UTF-8") from problem
    if not line:
        raise ValueError(f"{where} is empty; a table has a row of numbers or more, and may have a header")
    if "\0" in line:
        raise ValueError(f"{where} is no text: give a file of another format its usual extension")
    delimiter = next((mark for mark in ",;\t" if mark in line), ",")
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    if all(map(is_number, cells)):
        return _Layout([str(number + 1) for number in range(len(cells))], False, delimiter, before)
    return _Layout(cells, True, delimiter, before + 1)


def _what_is_wrong(path: Path, layout: _Layout, problem: Exception) -> str:
    """Find the row that the parser stumbled over: it read blocks at once and does not know."""
    width = len(layout.names)
    for row, cells in enumerate(_records(path, layout), start=1):
        if len(cells) != width:
            rule = "the header has" if layout.has_header else "the first row has"
            return f"'{path}' has {len(cells)} cells in row {row} where {rule} {width}: give every row {width}"
    if not any(_records(path, layout)):
        return f"'{path}' has a header and no rows; give one row or more"
    reason = str(problem).partition("\n")[0]
    return f"'{path}' cannot be read as CSV ({reason}): save it again as CSV in UTF-8"


def _records(path: Path, layout: _Layout) -> Iterator[list[str]]:
    with _text(path, errors="replace") as file:
        for _ in range(layout.lines_before):
            next(file)
        yield from (cells for cells in csv.reader(file, delimiter=layout.delimiter) if cells)


def _text(path: Path, errors: str) -> Any:
    return open(path, encoding="utf-8-sig", errors=errors)
