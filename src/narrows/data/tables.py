"""What is learned of a table, and a table as one float32 matrix by it: a number for each column, NaN for what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from narrows.data.column_kinds import CONSTANT, KINDS, MOST_CATEGORIES, Column, Kind, Value, coded, family, numbers_of
from narrows.data.names import listed, shortened, unknown
from narrows.data.table_layout import Layout

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 4096  # rows that are turned at a time: they stay in the processor's cache
FEW = 10  # distinct texts: below, they are never names of rows
LEAST_GUESS = 0.1  # nats: a category that nearly all rows have is not made to count more than that
LARGEST = float(np.finfo(np.float32).max)
_NAMED_ID = re.compile(r"(?i:(^|[_\W])(id|uuid|guid|key|index)$|^(id|uuid)([_\W]|$))|[a-z](Id|ID)$", re.ASCII)
_DATE = re.compile(r"\s*\d{4}-\d\d?-\d\d?([T ]\d\d?:\d\d.*)?\s*$", re.ASCII)
STEPS = (86_400.0, 60.0, 1.0)  # of dates, in seconds; the last one of numbers too
NOTHING, IDENTIFIER = "no value is known", "each row has its own"


@dataclass(frozen=True)
class Columns:
    """All that was learned of a table's columns.

    Attributes
    ----------
    all : tuple of Column
        In the order of the table.
    """

    all: tuple[Column, ...]

    @cached_property
    def used(self) -> tuple[Column, ...]:
        """Those that are learned from, in the order in which compact rows have them, which does not depend on the table's."""
        kinds: dict[str, int] = {"numeric": 0, "date": 0, "binary": 1, "categorical": 2}
        chosen = [column for column in self.all if column.kind != "left_out"]
        return tuple(sorted(chosen, key=lambda c: (kinds[c.kind], c.units if c.kind == "categorical" else 0, c.name)))

    @cached_property
    def layout(self) -> Layout:
        """Where they lie."""
        numbers = sum(column.kind in ("numeric", "date") for column in self.used)
        binaries = sum(column.kind == "binary" for column in self.used)
        sizes = [column.units for column in self.used if column.kind == "categorical"]
        return Layout(numbers, binaries, tuple((units, sizes.count(units)) for units in sorted(set(sizes))))

    @property
    def weights(self) -> np.ndarray:
        """What the loss of each used column counts (layout.columns,), float32: so that the best constant guess costs 1 in each."""
        return np.array([1 / column.guess for column in self.used], np.float32)

    def named(self) -> dict[str, Column]:
        """Give all columns by their names."""
        return {column.name: column for column in self.all}

    def names_of_spread(self) -> list[str]:
        """Give a name to each number of a spread row."""
        layout = self.layout
        plain = [column.name for column in self.used[: layout.plain]]
        chosen = (column for column in self.used[layout.plain :])
        categories = [f"{column.name}={value}" for column in chosen for value in (*column.categories, "another")]
        return [*plain, *(f"{name} is missing" for name in plain), *categories]

    def matrix(self, table: pa.Table, where: str = "X") -> np.ndarray:
        """Turn a table into compact rows.

        Parameters
        ----------
        table : pyarrow.Table of shape (n, d)
            With all used columns, in any order.
        where : str, default="X"
            What a sentence begins with.

        Returns
        -------
        ndarray of shape (n, layout.columns), float32
            NaN where a value is missing.

        Raises
        ------
        ValueError
            If a column is missing, holds infinity, or what it did not hold when it was learned from.
        """
        present = set(table.column_names)
        if missing := [column.name for column in self.used if column.name not in present]:
            raise ValueError(unknown(where, "column", missing[0], table.column_names))
        columns = np.empty((len(self.used), table.num_rows), np.float32)
        for place, column in enumerate(self.used):
            columns[place] = _numbers(column, table[column.name], where)
        return _turned(columns)


def _numbers(column: Column, values: pa.ChunkedArray, where: str) -> np.ndarray:
    came, learned = family(values.type), family(column.arrow_type)
    if came == "nothing" or values.null_count == len(values):
        return np.full(len(values), np.nan, np.float32)
    if column.kind in ("binary", "categorical"):
        if came == "other":
            raise ValueError(_refused(column.name, values, where))
        if came == "number" and column.kind == "binary":
            values = values.cast("double")
        return column.codes(values, where)
    if came == "text" and (learned == "text" or column.kind == "date"):  # taken for numbers or dates because it was said so
        values = _cast(column.name, column.kind, values, where)
        came = family(values.type)
    wanted = "date" if column.kind == "date" else "number"
    if came != wanted and not (wanted == "number" and (came == "bool" or learned == came)):
        raise ValueError(
            f"{where} holds {values.type} in column {column.name!r}, which held {column.type} when the model was fitted: "
            f"give the same columns"
        )
    return column.scaled(_finite(column.name, numbers_of(values), where))


def learn(
    table: pa.Table,
    *,
    kinds: Mapping[str, str] | None = None,
    max_categories: int = 64,
    weight: np.ndarray | None = None,
    where: str = "X",
) -> Columns:
    """Find out of which kind each column is, and what its values are like.

    Parameters
    ----------
    table : pyarrow.Table of shape (n, d)
    kinds : mapping of str to str, default=None
        Kinds of some columns that are known.
    max_categories : int, default=64
        Places of a column's categories, the one that others share among them.
    weight : ndarray of shape (n,), default=None
        What rows count; those of weight 0 do not count at all.
    where : str, default="X"
        What a sentence begins with.

    Returns
    -------
    Columns

    Raises
    ------
    ValueError
        If a column cannot be read, a kind does not fit, or no column is left.
    """
    kinds = dict(kinds or {})
    for name, kind in kinds.items():
        if name not in table.column_names:
            raise ValueError(f"kinds: {unknown(where, 'column', name, table.column_names)}")
        if kind not in KINDS:
            raise ValueError(f"kinds[{name!r}] must be one of {', '.join(map(repr, KINDS))}, got {kind!r}")
    if weight is not None and not weight.all():
        import pyarrow as pa

        table, weight = table.filter(pa.array(weight > 0)), weight[weight > 0]
    found = [_learned(name, table[name], kinds.get(name), max_categories, weight, where) for name in table.column_names]
    if all(column.kind == "left_out" for column in found):
        reasons = "; ".join(f"{column.name!r}: {column.why}" for column in found[:3])
        raise ValueError(f"{where} has no column to learn from ({reasons}): give columns whose values differ, or name their kinds")
    return Columns(tuple(found))


def _learned(name: str, column: pa.ChunkedArray, kind: Any, most: int, weight: np.ndarray | None, where: str) -> Column:
    came = family(column.type)
    text = str(column.type)[:200]
    if kind == "left_out":
        return Column(name, "left_out", text, "as was asked for")
    if came == "other":
        raise ValueError(_refused(name, column, where))
    if came == "nothing" or column.null_count == len(column):
        return Column(name, "left_out", text, NOTHING, holes=1.0)
    if kind in ("numeric", "date") and came in ("text", "date", "bool") and not (kind == "date" and came == "date"):
        column = _cast(name, kind, column, where)
        came = family(column.type)
    if kind == "categorical" or (kind == "binary" and came in ("text", "date")) or (kind is None and came == "text"):
        return _categories(name, text, column, kind, most, weight, where)
    return _plain(name, text, column, kind, weight, where)


def _plain(name: str, text: str, column: pa.ChunkedArray, kind: Kind | None, weight: np.ndarray | None, where: str) -> Column:
    """Learn of numbers, truth values and dates."""
    values = _finite(name, numbers_of(column), where)
    known = ~np.isnan(values)
    holes = 1 - float(_share(known, weight))
    weight = None if weight is None else weight[known]
    values = values if known.all() else values[known]
    if not len(values):
        return Column(name, "left_out", text, NOTHING, holes=1.0)
    low, high = float(values.min()), float(values.max())
    came = family(column.type)
    is_date = kind == "date" or (kind is None and came == "date")
    step = _step(values, is_date)
    if low == high and kind != "binary":
        if came == "bool":
            return Column(name, "left_out", text, CONSTANT, categories=(bool(low),), holes=holes)
        return Column(name, "left_out", text, CONSTANT, mean=low, step=step, holes=holes)
    if kind == "binary" or (kind is None and not is_date and low == 0 and high == 1 and bool(((values == 0) | (values == 1)).all())):
        others = values[(values != low) & (values != high)]
        if low == high or len(others):
            third = f"{low:g}, {float(others[0]):g} and {high:g}" if len(others) else f"{low:g} alone"
            raise ValueError(f"{where} holds {third} in column {name!r}, and a binary column has two values: name another kind")
        share = float(_average(values == high, weight))
        two = (False, True) if came == "bool" else (low, high)
        return Column(name, "binary", text, categories=two, holes=holes, guess=_entropy(np.array([share, 1 - share])), mean=share)
    if kind is None and _counts_rows(name, column, values, known):
        return Column(name, "left_out", text, IDENTIFIER, holes=holes)
    mean = float(_average(values, weight))
    deviation = float(np.sqrt(_average(np.square(values - mean), weight)))
    if not deviation > 10 * np.finfo(np.float64).eps * abs(mean):
        return Column(name, "left_out", text, CONSTANT, mean=low, step=step, holes=holes)
    return Column(name, "date" if is_date else "numeric", text, mean=mean, deviation=deviation, step=step, holes=holes)


def _categories(
    name: str, text: str, column: pa.ChunkedArray, kind: Kind | None, most: int, weight: np.ndarray | None, where: str
) -> Column:
    """Learn of text, and of what is taken for categories."""
    indices, dictionary = coded(column)
    known = indices >= 0
    holes = 1 - float(_share(known, weight))
    counts = np.bincount(indices[known], None if weight is None else weight[known], len(dictionary))
    values: list[Value] = [_plain_value(value) for value in dictionary.to_pylist()]
    present = sorted(
        (place for place in range(len(values)) if counts[place] > 0), key=lambda place: (-counts[place], _order(values[place]))
    )
    if not present:
        return Column(name, "left_out", text, NOTHING, holes=1.0)
    if len(present) == 1 and kind != "binary":
        return Column(name, "left_out", text, CONSTANT, categories=(values[present[0]],), holes=holes)
    if kind == "binary" and len(present) != 2:
        few = listed([str(values[place]) for place in present], 3)
        raise ValueError(f"{where} holds {few} in column {name!r}, and a binary column has two values: name another kind")
    if kind is None and len(present) > max(FEW, known.sum() / 2) and isinstance(values[present[0]], str):
        _check_meant(name, column, [str(values[place]) for place in present], where)
        return Column(name, "left_out", text, IDENTIFIER, holes=holes)
    kept = sorted(present[: max(1, min(most, MOST_CATEGORIES) - 1)], key=lambda place: _order(values[place]))
    shares = counts[kept] / counts.sum()
    if kind == "binary":
        return Column(name, "binary", text, categories=tuple(values[k] for k in kept), holes=holes, guess=_entropy(shares), mean=shares[1])
    further = len(present) - len(kept)
    guess = _entropy(np.append(shares, max(0.0, 1 - float(shares.sum()))))
    return Column(name, "categorical", text, categories=tuple(values[k] for k in kept), others=further, holes=holes, guess=guess)


def _check_meant(name: str, column: pa.ChunkedArray, values: list[str], where: str) -> None:
    """Refuse text that is mostly numbers or dates: it is hardly meant to be the names of the rows."""
    from narrows.data.columns import is_number

    for test, what in ((is_number, "number"), (lambda text: _is_date(text), "date")):
        odd = [value for value in values if not test(value)]
        if odd and len(odd) < len(values) / 2:
            import pyarrow.compute as pc

            row = pc.index(column.cast("string"), odd[0]).as_py() + 1
            raise ValueError(
                f"{where} holds {shortened(repr(odd[0]))} in column {name!r}, row {row}, where a {what} is expected by "
                f"{len(values) - len(odd):,} others: mend it, or name the column's kind, 'categorical' or 'left_out'"
            )


def _is_date(text: str) -> bool:
    from datetime import datetime

    if not _DATE.match(text):
        return False
    try:
        datetime.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


def _cast(name: str, kind: str, column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Give text, dates or truth values as numbers, or text as dates, because it was said so."""
    import pyarrow as pa

    if family(column.type) in ("date", "bool") and kind == "numeric":
        return pa.chunked_array([pa.array(numbers_of(column), from_pandas=True)])
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if family(column.type) == "number" and kind == "numeric":
        return column
    target = pa.float64() if kind == "numeric" else pa.timestamp("us")
    try:
        return column.cast(pa.string()).cast(target)
    except pa.ArrowException as problem:
        wanted = "numbers" if kind == "numeric" else "dates such as 2024-03-31"
        reason = str(problem).partition("\n")[0]
        raise ValueError(
            f"{where} holds in column {name!r} what is none of {wanted} ({reason}): mend it, or name another kind"
        ) from problem


def _step(values: np.ndarray, is_date: bool) -> float:
    """Tell what all values are whole multiples of; 0 if of none of those that are looked at."""
    for step in STEPS if is_date else STEPS[-1:]:
        times = values / step
        if np.abs(times).max() < 2**53 and (times == np.rint(times)).all():
            return step
    return 0.0


def _counts_rows(name: str, column: pa.ChunkedArray, values: np.ndarray, known: np.ndarray) -> bool:
    """Tell whether whole numbers only say which row it is."""
    import pyarrow as pa

    n = len(values)
    if not pa.types.is_integer(column.type) or not known.all() or n < 2 * FEW:
        return False
    in_a_row = values.max() - values.min() == n - 1
    return bool((in_a_row or _NAMED_ID.search(name)) and len(np.unique(values)) == n)


def _finite(name: str, values: np.ndarray, where: str) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        beyond = np.abs(values) > LARGEST
    if beyond.any():
        row = int(beyond.argmax())
        what = "infinity" if np.isinf(values[row]) else f"{values[row]:g}, a value beyond the range of float32"
        raise ValueError(f"{where} holds {what} in column {name!r}, row {row + 1}: mend it, or leave it empty to have it taken as missing")
    return values


def _refused(name: str, column: pa.ChunkedArray, where: str) -> str:
    return (
        f"{where} holds {str(column.type)[:80]} in column {name!r}; columns are of numbers, text, truth values or dates: take it apart "
        f"into such columns, or leave it out (kinds={{{name!r}: 'left_out'}} in Python, --kind {name}=left_out on the command line)"
    )


def _turned(columns: np.ndarray) -> np.ndarray:
    """Turn columns (d, n) into rows (n, d), block by block."""
    rows = np.empty(columns.shape[::-1], np.float32)
    for start in range(0, len(rows), AT_ONCE):
        rows[start : start + AT_ONCE] = columns[:, start : start + AT_ONCE].T
    return rows


def _plain_value(value: Any) -> Value:
    return value if isinstance(value, bool | int | float | str) else str(value)


def _order(value: Value) -> tuple[str, Any]:
    return ("", value) if isinstance(value, bool | int | float) else ("text", value)


def _entropy(shares: np.ndarray) -> float:
    shares = shares[shares > 0]
    return max(LEAST_GUESS, float(-(shares * np.log(shares)).sum()))


def _average(values: np.ndarray, weight: np.ndarray | None) -> Any:
    return values.mean(dtype=np.float64) if weight is None else np.average(values, weights=weight)


def _share(known: np.ndarray, weight: np.ndarray | None) -> Any:
    return _average(known, weight) if len(known) else 0.0
