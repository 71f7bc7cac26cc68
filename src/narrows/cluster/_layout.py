"""What becomes of the columns of a file: which are the row that a bundle takes, which stay beside it, and which are made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from narrows.cluster._sources import File
from narrows.data.names import unknown

if TYPE_CHECKING:
    from narrows.bundle import Manifest

Method = Literal["transform", "reconstruct", "score_samples"]


@dataclass(frozen=True)
class Layout:
    """The columns of one file.

    Attributes
    ----------
    features : tuple of str or None
        Those of the row, in the bundle's order; None of an array.
    named : bool
        Whether the bundle knows them by their names.
    kept : tuple of str
        Those that are written as they came.
    made : tuple of str
        Those of the numbers that are computed.
    flags : tuple of str
        Those of truth values that follow from them.
    """

    features: tuple[str, ...] | None
    named: bool
    kept: tuple[str, ...]
    made: tuple[str, ...]
    flags: tuple[str, ...]


def layout_of(manifest: Manifest, method: Method, file: File, ids: Sequence[str]) -> Layout:
    """Share out the columns of a file.

    Raises
    ------
    ValueError
        If the file has not those that the bundle takes, or a name would stand twice in the output.
    """
    where, learned = f"'{file.path}'", manifest.state.learned
    wanted = [column.name for column in learned.table.columns] if learned.table is not None else learned.feature_names
    if file.schema is None:
        return _of_array(manifest, method, file, ids, wanted)
    names = list(file.schema.names)
    label = _label_of(manifest)
    for name in ids:
        if name not in names:
            raise ValueError(unknown(where, "column", name, names))
        if wanted is not None and name in wanted:
            raise ValueError(f"the column {name!r} is one that the bundle takes, and cannot stay beside the row: leave it out of the ids")
    if wanted is None:
        features = tuple(name for name in names if name not in {*ids, label} and _is_number(file.schema.field(name).type))
        _check_width(len(features), learned.n_features, where, "; name those that are none of the row (ids)")
    else:
        missing = next((name for name in wanted if name not in names), None)
        if missing is not None:
            raise ValueError(f"{unknown(where, 'column', missing, names)}; the bundle takes it")
        features = tuple(wanted)
    made = _made(manifest, method, features)
    kept = tuple(name for name in names if name not in set(features))
    flags = _flags(manifest, method)
    twice = next((name for name in kept if name in {*made, *flags}), None)
    if twice is not None:
        raise ValueError(
            f"{where} has a column {twice!r}, which is what a column of the output is called: rename or leave out that of the file"
        )
    return Layout(features, wanted is not None, kept, made, flags)


def _of_array(manifest: Manifest, method: Method, file: File, ids: Sequence[str], wanted: Sequence[str] | None) -> Layout:
    where = f"'{file.path}'"
    if ids:
        raise ValueError(
            f"{where} is one array without column names, so it has no column {ids[0]!r}: leave out the ids, or give .parquet files"
        )
    if manifest.state.learned.table is not None:
        raise ValueError(f"{where} is one array without column names, and the bundle takes a table: give .parquet files")
    _check_width(math.prod(file.shape[1:]), manifest.state.learned.n_features, where)
    return Layout(None, False, (), _made(manifest, method, wanted), _flags(manifest, method))


def _check_width(came: int, wanted: int, where: str, remedy: str = "") -> None:
    if came != wanted:
        raise ValueError(f"{where} has {came} columns of numbers, and the bundle takes rows of {wanted}{remedy}")


def _label_of(manifest: Manifest) -> str | None:
    about = manifest.metadata.get("data")
    label = about.get("label") if isinstance(about, dict) else None
    return label if isinstance(label, str) else None


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind))


def _made(manifest: Manifest, method: Method, features: Sequence[str] | None) -> tuple[str, ...]:
    state = manifest.state
    if method == "score_samples":
        return ("error",)
    if method == "reconstruct":
        return tuple(features or (f"x{place}" for place in range(state.learned.n_features)))
    width = 2 if state.map is not None else state.params["n_components"] if state.plan is None else state.plan.n_components
    return tuple(f"z{place}" for place in range(width))


def _flags(manifest: Manifest, method: Method) -> tuple[str, ...]:
    return ("outlier",) if method == "score_samples" and manifest.state.outliers is not None else ()
