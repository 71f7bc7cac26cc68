"""What a command is given: rows, with or without the label column, and files that may be written."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from narrows import data
from narrows.cli.screen import counted
from narrows.progress import Progress


def load_rows(source: str, label: str | None, progress: Progress) -> data.Rows:
    """Load rows, and leave out the label column where they have it.

    Raises
    ------
    ValueError, OSError
        If they cannot be read.
    """
    if label is None:
        return data.load(source, progress=progress)
    try:
        return data.load(source, label=label, progress=progress)
    except ValueError as with_label:
        try:
            return data.load(source, progress=progress)
        except ValueError as without:
            # The label column itself is what cannot be read as numbers: so it is there, and the first error is the real one.
            raise (with_label if repr(label) in str(without) else without) from None


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


def as_table(rows: data.Rows) -> Any:
    """Give rows as an estimator takes them: a table if the columns have names, else the array."""
    if rows.feature_names is None:
        return rows.X
    import pyarrow as pa

    return pa.table([pa.array(column) for column in rows.X.T.copy()], names=rows.feature_names)


def described(rows: data.Rows) -> str:
    """Say how many rows of what there are."""
    import numpy as np

    facts = [f"{counted(len(rows.X), 'row')} of {counted(rows.X.shape[1], 'number')} ({rows.X.dtype})"]
    if rows.image_shape:
        facts.append(f"images of {'x'.join(map(str, rows.image_shape))}")
    if rows.labels is not None:
        facts.append(f"labels of {counted(len(np.unique(rows.labels)), 'kind')}")
    return ", ".join(facts)


def check_output(output: Path, formats: Collection[str], *inputs: str | Path) -> None:
    """Refuse an output that cannot be written, or that is an input, before anything is computed.

    Raises
    ------
    ValueError, OSError
        If so.
    """
    data.check_writable(output, formats)
    for source in inputs:
        if output.exists() and Path(source).exists() and output.samefile(source):
            raise ValueError(f"the output '{output}' is what is read: write elsewhere")
