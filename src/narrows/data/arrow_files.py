"""Arrow's own files: IPC files, which Feather files are as well, and IPC streams."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from narrows.data.columns import check_columns, rows_of
from narrows.data.metering import opened
from narrows.data.rows import Rows
from narrows.progress import Progress

ENDINGS = (".arrow", ".arrows", ".feather")

_FILE, _FEATHER_1 = b"ARROW1", b"FEA1"
_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


def read_arrow(path: Path, label: str | None, progress: Progress) -> Rows:
    """Read a table from an Arrow IPC file, a Feather file of version 2, or an IPC stream.

    Raises
    ------
    ValueError
        If the file is empty, damaged or of Feather's first version, or a column is not made of numbers and is not the label.
    """
    return rows_of(table_of_arrow(path, label, progress), label, f"'{path}'", path.name)


def table_of_arrow(path: Path, label: str | None, progress: Progress) -> Any:
    """Read a table as it is.

    Raises
    ------
    ValueError
        If the file is empty, damaged or of Feather's first version, or its columns are not named.
    """
    import pyarrow as pa
    from pyarrow import ipc

    where = f"'{path}'"
    with opened(path, progress) as file:
        start = file.read(len(_FILE))
        if not start:
            raise ValueError(f"{where} is empty (0 bytes): write or copy it again")
        if start.startswith(_FEATHER_1):
            raise ValueError(f"{where} is of Feather's first version, which is no longer read: write it again as version 2")
        file.seek(0)
        try:
            reader = ipc.open_file(file) if start == _FILE else ipc.open_stream(file)
            check_columns(reader.schema.names, label, where)
            table = reader.read_all()
            table.validate(full=True)  # what is damaged could lead outside of the file
        except MemoryError as problem:
            raise ValueError(f"{where} asks for more memory than there is: it is damaged, or too large for this machine") from problem
        except (pa.ArrowException, OSError) as problem:
            reason = str(problem).partition("\n")[0]
            raise ValueError(f"{where} is cut short, damaged or no Arrow file ({reason}): write or copy it again") from problem
        if start != _FILE:
            file.seek(-len(_END_OF_STREAM), os.SEEK_END)
            if file.read() != _END_OF_STREAM:
                raise ValueError(
                    f"{where} is an Arrow stream without the mark of its end, so that rows may be missing: write or copy it again"
                )
    return table
