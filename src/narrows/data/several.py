"""Several files as one set of rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from narrows.data.names import listed
from narrows.data.rows import Rows


def together(parts: list[Rows], sources: list[str]) -> Rows:
    """Put rows one below the other, in the order that they came.

    Columns belong together by their names, in any order; the first file's order stays. Labels, and names of rows, stay where
    all parts have them.

    Parameters
    ----------
    parts : list of Rows
        Two or more; emptied, so that the rows are not held twice.
    sources : list of str
        What each was read from.

    Returns
    -------
    Rows
        Of the smallest type that holds all parts.

    Raises
    ------
    ValueError
        If a part has other columns, or images of another shape, than the first.
    """
    first = parts[0]
    orders = [_order(first, part, sources[0], source) for part, source in zip(parts, sources, strict=True)]
    labels = [part.labels for part in parts if part.labels is not None]
    names = [_path(source, name) for part, source in zip(parts, sources, strict=True) for name in part.names or []]
    n, known = sum(len(part.X) for part in parts), len(labels) == len(parts)
    X = np.empty((n, first.X.shape[1]), np.result_type(*(part.X for part in parts)))
    start = 0
    for order in orders:
        rows = parts.pop(0).X
        X[start : start + len(rows)] = rows if order is None else rows[:, order]
        start += len(rows)
    return replace(
        first,
        X=X,
        labels=np.concatenate(labels) if known else None,
        names=names if len(names) == n else None,
        name=f"{first.name} and {len(orders) - 1} more",
    )


def _path(source: str, name: str) -> str:
    path = Path(source)
    return source if path.name == name else (path / name).as_posix()


def _order(first: Rows, part: Rows, of_first: str, of_part: str) -> list[int] | None:
    """Say in which order the columns of a part come in the first; None for the same."""
    if part.image_shape != first.image_shape:
        raise ValueError(f"'{of_part}' holds {_kind(part)} and '{of_first}' {_kind(first)}: give files of one kind")
    ours, theirs = first.feature_names, part.feature_names
    if (ours is None) != (theirs is None):
        with_names, without = (of_first, of_part) if theirs is None else (of_part, of_first)
        raise ValueError(f"'{without}' has no names of columns and '{with_names}' has: give both a header of the same names, or none")
    if ours is None or theirs is None:
        if part.X.shape[1] != first.X.shape[1]:
            raise ValueError(
                f"'{of_part}' has {part.X.shape[1]} columns and '{of_first}' {first.X.shape[1]}: give files of the same columns"
            )
        return None
    missing = [name for name in ours if name not in set(theirs)]
    further = [name for name in theirs if name not in set(ours)]
    if missing or further:
        facts = [f"lacks {listed(missing, 3)}"] * bool(missing) + [f"has {listed(further, 3)} besides"] * bool(further)
        raise ValueError(f"'{of_part}' {' and '.join(facts)}, compared with the columns of '{of_first}': give files of the same columns")
    places = {name: place for place, name in enumerate(theirs)}
    return None if ours == theirs else [places[name] for name in ours]


def _kind(rows: Rows) -> str:
    return f"images of {'x'.join(map(str, rows.image_shape))}" if rows.image_shape else f"rows of {rows.X.shape[1]} numbers"
