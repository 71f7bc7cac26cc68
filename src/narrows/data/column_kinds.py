"""The columns of a table: of which kind each is, what was learned of it, and how its values become one number each and come back."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["numeric", "binary", "categorical", "date", "left_out"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Value = bool | int | float | str
MOST_CATEGORIES = 10_000  # of one column
LONGEST = 2**20  # letters of all categories of a column

_SIMPLE = {
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double", "halffloat", "string",
    "large_string", "date32[day]", "date64[ms]", "time32[s]", "time32[ms]", "time64[us]", "time64[ns]", "duration[s]", "duration[ms]",
    "duration[us]", "duration[ns]", "null",
}  # fmt: skip
_TIMESTAMP = re.compile(r"timestamp\[(s|ms|us|ns)(?:, tz=([A-Za-z0-9_+:/-]{1,60}))?\]")
_DECIMAL = re.compile(r"decimal128\((\d{1,2}), (\d{1,2})\)")
_DICTIONARY = re.compile(r"dictionary<values=([a-z0-9_]{1,20}), ")
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY = 86_400


@dataclass(frozen=True)
class Column:
    """One column of a table, and what was learned of it.

    Attributes
    ----------
    name : str
    kind : {"numeric", "binary", "categorical", "date", "left_out"}
    type : str
        What Arrow calls the type of its values.
    why : str
        Why it is left out.
    mean, deviation : float
        Of numbers, and of dates in seconds (from 1970 on, from midnight, or their length): a scaled number has mean 0 and deviation 1.
        The mean of a constant number is the number.
    step : float
        What all its numbers are whole multiples of: 1, or of dates 86,400, 60 or 1; 0 if of none of these. Reconstructions are so, too.
    categories : tuple of bool, int, float or str
        The categories with a place of their own, in order; of a binary column, the two values; of a constant one, the one.
    others : int
        Further categories in the training rows, which share a place.
    holes : float
        Share of the training rows in which its value is missing.
    guess : float
        What the best constant guess costs, by which its loss is divided: 1 for numbers, whose variance is 1, else an entropy in nats.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    name: str
    kind: Kind
    type: str
    why: str = ""
    mean: float = 0.0
    deviation: float = 1.0
    step: float = 0.0
    categories: tuple[bool | int | float | str, ...] = ()
    others: int = 0
    holes: float = 0.0
    guess: float = 1.0

    def __post_init__(self) -> None:
        numbers = (self.mean, self.deviation, self.holes, self.guess, self.step)
        if (
            not all(map(math.isfinite, numbers))
            or self.deviation <= 0
            or self.guess <= 0
            or min(self.others, self.step) < 0
            or not 0 <= self.holes <= 1
        ):
            raise ValueError(f"column {self.name!r} has numbers out of their range: {numbers}")
        if len(self.categories) > MOST_CATEGORIES or sum(len(str(value)) for value in self.categories) > LONGEST:
            raise ValueError(f"column {self.name!r} has more categories than there is room for")
        if any(not math.isfinite(value) or abs(value) >= 2**63 for value in self.categories if isinstance(value, int | float)):
            raise ValueError(f"column {self.name!r} has a category that is no finite number of 64 bits")
        if (self.kind == "binary" and len(self.categories) != 2) or (self.kind == "categorical" and not self.categories):
            raise ValueError(f"column {self.name!r} is {self.kind} and has {len(self.categories)} categories")
        types = {float if type(value) is int else type(value) for value in self.categories}
        if len(types) > 1 or len(set(self.categories)) < len(self.categories):
            raise ValueError(f"column {self.name!r} has categories of several types, or one twice")
        if self.kind != "left_out":
            self.arrow_type  # noqa: B018  refuses what is none

    @property
    def units(self) -> int:
        """Places of its categories, the one that others share among them."""
        return len(self.categories) + 1

    @property
    def arrow_type(self) -> Any:
        """The Arrow type of its values.

        Raises
        ------
        ValueError
            If it is none that columns may have.
        """
        return type_of(self.type)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Give numbers (n,), float32, with mean 0 and deviation 1, of numbers as `numbers_of` gives them."""
        return ((values - self.mean) / self.deviation).astype(np.float32)

    def unscaled(self, scaled: np.ndarray) -> np.ndarray:
        """Give numbers (n,), float64, of scaled ones."""
        return scaled.astype(np.float64) * self.deviation + self.mean

    def restored(self, compact: np.ndarray, kind: Any = None) -> pa.Array:
        """Give values of numbers as compact rows hold them.

        Parameters
        ----------
        compact : ndarray of shape (n,), float32
            Scaled numbers, probabilities of the second value, or places of categories; whatever they are for a constant.
        kind : pyarrow.DataType, default=None
            The type that the values are to have; that of the training rows if None.

        Returns
        -------
        pyarrow.Array of shape (n,)
        """
        import pyarrow as pa

        kind = self.arrow_type if kind is None else kind
        if self.kind in ("numeric", "date"):
            return values_of(self.unscaled(compact), kind, step=self.step)
        places = compact > 0.5 if self.kind == "binary" else compact
        return typed(pa.array(self.categories, self._value_type).take(pa.array(places.astype(np.int64))), kind)

    def constant(self, n: int, kind: Any = None) -> pa.Array:
        """Give the one value that a column left out has, n times; nulls where it has several, or none."""
        import pyarrow as pa

        kind = (self.arrow_type if _is_known(self.type) else pa.null()) if kind is None else kind
        if self.why != CONSTANT:
            return pa.nulls(n, kind)
        if self.categories:
            return typed(pa.repeat(pa.scalar(self.categories[0], self._value_type), n), kind)
        return values_of(np.full(n, self.mean), kind, step=self.step)

    def codes(self, column: pa.ChunkedArray, where: str) -> np.ndarray:
        """Give the places of the categories of a column (n,), float32: one behind the last for those without a place, NaN for none.

        Raises
        ------
        ValueError
            If the column is of a type whose values cannot be these categories, or a binary one has a third value.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        indices, dictionary = coded(column)
        try:
            dictionary = dictionary.cast(self._value_type)
        except pa.ArrowException as problem:
            known = ", ".join(map(repr, self.categories[:3]))
            raise ValueError(
                f"{where} holds {column.type} in column {self.name!r}, whose values were {known} and the like when the model was fitted: "
                f"give the same columns"
            ) from problem
        places = pc.fill_null(pc.index_in(dictionary, value_set=pa.array(self.categories, self._value_type)), len(self.categories))
        table = np.append(places.to_numpy(zero_copy_only=False).astype(np.float32), np.float32(np.nan))  # the last one is for nulls
        codes: np.ndarray = table[indices]
        if self.kind == "binary" and (codes > 1).any():
            row = int(np.argmax(codes > 1))
            raise ValueError(
                f"{where} holds {column[row].as_py()!r} in column {self.name!r}, row {row + 1}, which had but the two values "
                f"{self.categories[0]!r} and {self.categories[1]!r} when the model was fitted: mend it, or fit it as another kind"
            )
        return codes

    @property
    def _value_type(self) -> Any:
        import pyarrow as pa

        kinds = set(map(type, self.categories))
        return (
            {bool: pa.bool_(), str: pa.string(), int: pa.int64()}.get(next(iter(kinds)), pa.float64()) if len(kinds) == 1 else pa.float64()
        )


CONSTANT = "always the same"


def family(kind: pa.DataType) -> Literal["number", "bool", "text", "date", "nothing", "other"]:
    """Tell what a type of Arrow's is about; categories, whatever they stand for, are text."""
    import pyarrow as pa

    types = pa.types
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_boolean(kind):
        return "bool"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_dictionary(kind):
        return "text"
    if types.is_temporal(kind) and not types.is_interval(kind):
        return "date"
    return "nothing" if types.is_null(kind) else "other"


def numbers_of(column: pa.ChunkedArray) -> np.ndarray:
    """Give numbers, truth values, and dates in seconds, as float64 (n,); NaN where there is none."""
    import pyarrow as pa

    kind, per_second = column.type, 1.0
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    elif pa.types.is_decimal(kind) or pa.types.is_null(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_date32(kind):
        column, per_second = column.cast(pa.int32()), 1 / _DAY
    elif family(kind) == "date":
        per_second = _PER_SECOND["ms" if pa.types.is_date64(kind) else kind.unit]
        column = column.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64())
    values: np.ndarray = column.to_numpy().astype(np.float64, copy=False)
    return values if per_second == 1.0 else values / per_second


def values_of(numbers: np.ndarray, kind: Any, *, step: float = 0.0) -> pa.Array:
    """Give numbers (n,), float64, dates in seconds, as an Arrow array of a type; drawn in to what it can hold."""
    import pyarrow as pa

    types = pa.types
    numbers = np.rint(numbers / step) * step if step else numbers
    if types.is_boolean(kind):
        return pa.array(numbers >= 0.5)
    if types.is_floating(kind) or types.is_decimal(kind):
        return pa.array(numbers).cast(kind, safe=False)
    if types.is_integer(kind):
        return pa.array(_within(numbers, np.dtype(kind.to_pandas_dtype())))
    if types.is_date32(kind):
        return pa.array(_within(np.floor(numbers / _DAY + 0.5), np.dtype(np.int32))).cast(kind)
    if family(kind) == "date":
        unit = "ms" if types.is_date64(kind) else kind.unit
        storage = np.dtype(np.int32 if types.is_time32(kind) else np.int64)
        if types.is_time(kind):
            numbers = numbers.clip(0, _DAY - 1)
        ticks = np.floor(numbers / _DAY + 0.5) * _DAY * 1000 if types.is_date64(kind) else numbers * _PER_SECOND[unit]
        return pa.array(_within(np.rint(ticks), storage)).cast(kind)
    return typed(pa.array(numbers), kind)


def coded(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Give which of its values each cell of a column has (n,), int32, -1 for none, and the values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        if pa.types.is_string_view(kind.value_type):
            column = column.cast(pa.dictionary(kind.index_type, pa.string()))
        column = column.unify_dictionaries()
    else:
        if pa.types.is_string_view(kind) or family(kind) == "date":
            column = column.cast(pa.string())
        column = column.dictionary_encode()
    if not column.num_chunks:
        return np.empty(0, np.int32), pa.array([], pa.string())
    whole = column.combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    indices = pc.fill_null(whole.indices.cast(pa.int32()), -1).to_numpy().copy()
    dictionary = whole.dictionary
    if dictionary.type == pa.large_string() or family(dictionary.type) == "date":
        dictionary = dictionary.cast(pa.string())
    nothing = np.flatnonzero(pc.is_null(dictionary, nan_is_null=True).to_numpy(zero_copy_only=False))
    if len(nothing):
        indices[np.isin(indices, nothing)] = -1
    return indices, dictionary


def type_of(text: str) -> Any:
    """Give the Arrow type that a text names.

    Raises
    ------
    ValueError
        If it names none that columns may have.
    """
    import pyarrow as pa

    if text in _SIMPLE:
        plain = text.partition("[")[0]
        aliases = {"date32": pa.date32(), "date64": pa.date64(), "halffloat": pa.float16(), "null": pa.null()}
        return aliases[plain] if plain in aliases else pa.type_for_alias(text)
    if found := _TIMESTAMP.fullmatch(text):
        return pa.timestamp(found[1], found[2])
    if (found := _DECIMAL.fullmatch(text)) and 1 <= int(found[1]) <= 38 and int(found[2]) <= int(found[1]):
        return pa.decimal128(int(found[1]), int(found[2]))
    if (found := _DICTIONARY.match(text)) and found[1] in _SIMPLE | {"string_view"}:
        value = pa.string() if found[1] in ("string_view", "null") else type_of(found[1])
        return pa.dictionary(pa.int32(), value)
    if text == "string_view":
        return pa.string()
    raise ValueError(f"columns have no type {text[:80]!r}")


def _is_known(text: str) -> bool:
    try:
        type_of(text)
    except ValueError:
        return False
    return True


def _within(numbers: np.ndarray, kind: np.dtype[Any]) -> np.ndarray:
    ends = np.iinfo(kind)
    high = float(ends.max) if float(ends.max) <= ends.max else np.nextafter(float(ends.max), 0)  # 2**63 - 1 has no float
    lowest = float(ends.min) + (ends.min == np.iinfo(np.int64).min)  # Pandas takes the very lowest for no date
    return np.asarray(np.rint(np.nan_to_num(numbers)).clip(lowest, high), kind)


def typed(values: pa.Array, kind: Any) -> pa.Array:
    """Give values of an Arrow type, of categories too, as far as Arrow can cast them."""
    import pyarrow as pa

    if pa.types.is_null(kind):  # a column that nothing is known of here
        return values
    if pa.types.is_dictionary(kind):
        value = pa.string() if pa.types.is_string_view(kind.value_type) else kind.value_type
        made = values.cast(value, safe=False).dictionary_encode()
        return pa.DictionaryArray.from_arrays(made.indices.cast(kind.index_type), made.dictionary, ordered=kind.ordered)
    return values.cast(kind, safe=False)
