"""Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from narrows.data.columns import check_columns, rows_of
from narrows.data.metering import opened
from narrows.data.rows import Rows
from narrows.progress import Progress


def read_parquet(path: Path, label: str | None, progress: Progress) -> Rows:
    """Read a table from a Parquet file.

    Raises
    ------
    ValueError
        If the file is empty or damaged, or a column is not made of numbers and is not the label.
    """
    return rows_of(table_of_parquet(path, label, progress), label, f"'{path}'", path.name)


def table_of_parquet(path: Path, label: str | None, progress: Progress) -> Any:
    """Read a table as it is.

    Raises
    ------
    ValueError
        If the file is empty or damaged, or its columns are not named.
    """
    import pyarrow as pa
    from pyarrow import parquet

    where = f"'{path}'"
    with opened(path, progress) as file:  # so that a file which may not be read is not taken for a damaged one
        if not file.read(1):
            raise ValueError(f"{where} is empty (0 bytes): write or copy it again")
        file.seek(0)
        try:
            with parquet.ParquetFile(file) as content:
                check_columns(content.schema_arrow.names, label, where)
                return content.read()
        except (pa.ArrowException, OSError) as problem:
            reason = str(problem).partition("\n")[0]
            raise ValueError(f"{where} is cut short, damaged or no Parquet file ({reason}): write or copy it again") from problem
