"""Kinds of columns, and values that become numbers and come back."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrows.data.column_kinds import Column, type_of, values_of
from narrows.data.table_frames import as_table, from_table, given_back, library_of, rows_of_frame
from narrows.data.table_layout import Layout
from narrows.data.tables import learn

N = 40
RNG = np.random.default_rng(0)
MANY = [f"name {number}" for number in range(N)]


def kind_of(values: Any, name: str = "a", **options: Any) -> Column:
    column = values if isinstance(values, pa.Array) else pa.array(values)
    table = pa.table({name: column, "other": np.arange(len(column)) ** 2.0})
    return learn(table, **options).all[0]


@pytest.mark.parametrize(
    ("values", "kind", "why"),
    [
        (RNG.normal(size=N), "numeric", ""),
        (RNG.integers(0, 9, N), "numeric", ""),
        ([0, 1] * (N // 2), "binary", ""),
        ([True, False, None, True] * 10, "binary", ""),
        (["red", "blue"] * (N // 2), "categorical", ""),
        (pa.array(["red", "blue"] * (N // 2)).dictionary_encode(), "categorical", ""),
        ([date(2024, 1, 1) + timedelta(days=day) for day in range(N)], "date", ""),
        ([datetime(2024, 1, 1, 12) + timedelta(hours=hour) for hour in range(N)], "date", ""),
        ([time(hour % 24, 5) for hour in range(N)], "date", ""),
        ([timedelta(hours=hour) for hour in range(N)], "date", ""),
        ([Decimal(number) / 3 for number in range(N)], "numeric", ""),
        ([None] * N, "left_out", "no value is known"),
        ([np.nan] * N, "left_out", "no value is known"),
        ([7] * N, "left_out", "always the same"),
        (["x", None] * (N // 2), "left_out", "always the same"),
        ([True] * N, "left_out", "always the same"),
        (MANY, "left_out", "each row has its own"),
        (np.arange(N) + 100, "left_out", "each row has its own"),
    ],
)
def test_kinds_are_found(values, kind, why):
    column = kind_of(values)

    assert (column.kind, column.why) == (kind, why)


def test_ids_are_told_by_their_names():
    numbers = RNG.permutation(1000)[:N]

    assert [kind_of(numbers, name).kind for name in ("customer_id", "ID", "orderId", "paid", "size")] == ["left_out"] * 3 + ["numeric"] * 2


def test_kinds_can_be_named():
    assert kind_of([1, 2, 3, 4] * 10, kinds={"a": "categorical"}).categories == (1, 2, 3, 4)
    assert kind_of(["1.5", "2", "7"] * 10, kinds={"a": "numeric"}).mean == 3.5
    assert kind_of(["2024-03-01", "2024-03-02"] * 10, kinds={"a": "date"}).kind == "date"
    assert kind_of(["no", "yes"] * 10, kinds={"a": "binary"}).categories == ("no", "yes")
    assert kind_of(MANY, kinds={"a": "categorical"}, max_categories=8).others == N - 7
    assert kind_of([1.0, 2.0] * 10, kinds={"a": "left_out"}).why == "as was asked for"


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1, 2], {"kinds": {"b": "numeric"}}, "kinds: X has no column 'b'"),
        ([1, 2], {"kinds": {"a": "text"}}, r"kinds\['a'\] must be one of 'numeric', .*, got 'text'"),
        (["x", "y"], {"kinds": {"a": "numeric"}}, "holds in column 'a' what is none of numbers"),
        (["x", "y"], {"kinds": {"a": "date"}}, "holds in column 'a' what is none of dates such as 2024-03-31"),
        (["x", "y", "z"], {"kinds": {"a": "binary"}}, "holds 'x', 'y', 'z' in column 'a', and a binary column has two values"),
        ([1.0, 2.0, 3.0], {"kinds": {"a": "binary"}}, "holds 1, 2 and 3 in column 'a', and a binary column has two values"),
        ([1.0, np.inf], {}, "holds infinity in column 'a', row 2"),
        ([1.0, 1e300], {}, r"holds 1e\+300, a value beyond the range of float32 in column 'a', row 2"),
        ([[1, 2], [3]], {}, r"holds list<.*> in column 'a'; columns are of numbers, text, truth values or dates.*--kind a=left_out"),
        (
            [str(number) for number in range(N)] + ["oops"],
            {},
            "holds 'oops' in column 'a', row 41, where a number is expected by 40 others",
        ),
        (
            [f"2024-01-{day:02}" for day in range(1, 32)] + ["2024-02-31"],
            {},
            "holds '2024-02-31' in column 'a', row 32, where a date is expected by 31 others",
        ),
    ],
)
def test_what_cannot_be_learned_is_refused_in_one_sentence(values, options, message):
    with pytest.raises(ValueError, match=message):
        kind_of(values, **options)


def test_a_column_of_lists_can_be_left_out():
    assert kind_of([[1, 2], [3]], kinds={"a": "left_out"}).kind == "left_out"


def test_a_table_of_which_nothing_is_left_is_refused():
    with pytest.raises(ValueError, match="has no column to learn from \\('a': always the same; 'b': no value is known\\)"):
        learn(pa.table({"a": [1, 1], "b": pa.nulls(2)}))


def test_rows_of_no_weight_are_not_learned_from():
    table = pa.table({"a": [1.0, 2.0, 900.0], "b": ["x", "y", "z"]})
    weight = np.array([1, 3, 0.0])

    numeric, text = learn(table, weight=weight).all

    assert numeric.mean == 1.75
    assert text.categories == ("x", "y")


def test_columns_lie_where_their_order_in_the_table_does_not_matter():
    table = pa.table(
        {"n": RNG.normal(size=N), "c": ["u", "v"] * 20, "b": [0, 1] * 20, "a": RNG.normal(size=N), "d": list("xyz") * 13 + ["x"]}
    )
    turned = table.select(["d", "b", "a", "c", "n"])

    first, second = learn(table), learn(turned)

    assert [column.name for column in first.used] == ["a", "n", "b", "c", "d"]
    assert first.used == second.used
    np.testing.assert_array_equal(first.matrix(table), second.matrix(turned))
    assert first.layout == Layout(2, 1, ((3, 1), (4, 1)))


def test_spread_rows_are_what_they_are_said_to_be():
    table = pa.table({"n": [1.0, None, 3.0], "b": [True, False, None], "c": ["u", None, "v"]})
    columns = learn(table)
    compact = columns.matrix(table)
    spread = columns.layout.spread(compact)

    np.testing.assert_allclose(compact[:, 0], [-1, np.nan, 1])
    np.testing.assert_array_equal(compact[:, 1:], [[1, 0], [0, np.nan], [np.nan, 1]])
    assert columns.names_of_spread() == ["n", "b", "n is missing", "b is missing", "c=u", "c=v", "c=another"]
    np.testing.assert_array_equal(spread, [[-1, 1, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0], [1, 0, 0, 1, 0, 1, 0]])
    np.testing.assert_array_equal(columns.layout.collapse(spread)[[0, 2]], [[-1, 1, 0], [1, 0, 1]])


def test_a_category_that_comes_later_has_a_place():
    columns = learn(pa.table({"c": ["u", "v"] * 5}))
    later = columns.matrix(pa.table({"c": ["v", "w", None]}))

    np.testing.assert_array_equal(later[:, 0], [1, 2, np.nan])
    np.testing.assert_array_equal(columns.layout.spread(later), [[0, 1, 0], [0, 0, 1], [0, 0, 0]])


def test_rare_categories_share_a_place():
    column = kind_of(["a"] * 20 + ["b"] * 10 + list("cdef"), max_categories=3)

    assert (column.categories, column.others) == (("a", "b"), 4)


@pytest.mark.parametrize(
    ("later", "message"),
    [
        ({"n": ["x", "y"], "c": ["u", "v"]}, "holds string in column 'n', which held double when the model was fitted"),
        ({"n": [date(2024, 1, 1)] * 2, "c": ["u", "v"]}, r"holds date32\[day\] in column 'n', which held double"),
        ({"c": ["u", "v"]}, "has no column 'n'"),
        ({"n": [1.0, 2.0], "c": [[1], [2]]}, "holds list<.*> in column 'c'"),
    ],
)
def test_tables_of_other_types_are_refused(later, message):
    columns = learn(pa.table({"n": [1.0, 2.0], "c": ["u", "v"]}))

    with pytest.raises(ValueError, match=message):
        columns.matrix(pa.table(later))


def test_a_third_value_of_a_binary_column_is_refused():
    columns = learn(pa.table({"b": [0, 1, 1]}))

    with pytest.raises(ValueError, match=r"holds 2\.0 in column 'b', row 2, which had but the two values 0\.0 and 1\.0"):
        columns.matrix(pa.table({"b": [1, 2]}))


NUMBERS = st.floats(-1e12, 1e12, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(
    numbers=st.lists(NUMBERS, min_size=1, max_size=5),
    kind=st.sampled_from(
        ["int8", "uint16", "int64", "float", "double", "bool", "date32[day]", "timestamp[ms]", "timestamp[us, tz=UTC]", "time64[us]"]
    ),
)
def test_any_number_becomes_a_value_of_any_type(numbers, kind):
    """What a network makes of a row may be anything: it is drawn in to what the type can hold."""
    made = values_of(np.array(numbers), type_of(kind))

    assert made.type == type_of(kind)
    assert made.null_count == 0
    made.validate(full=True)


def test_dates_far_out_come_back_as_dates_that_exist():
    table = pa.table({"d": [date(1, 1, 1), date(9999, 12, 31), date(2024, 2, 29)]})
    column = learn(table).all[0]

    made = column.restored(np.array([-50, 50, column.scaled(np.array([1709164800.0]))[0]], np.float32))

    assert made.type == pa.date32()
    assert abs((made[2].as_py() - date(2024, 2, 29)).days) < 10


def frames() -> dict[str, Any]:
    values = {
        "size": [1.5, None, 3.25, 4.0],
        "count": [1, 2, 3, 5],
        "color": ["red", "blue", None, "red"],
        "open": [True, False, True, True],
        "day": [date(2024, 1, 1), date(2024, 2, 1), None, date(2024, 3, 1)],
        "moment": [datetime(2024, 1, 1, 5), datetime(2024, 1, 2, 6), datetime(2024, 1, 3, 7), None],
    }
    arrow = pa.table(values)
    polars = pl.from_arrow(arrow).with_columns(pl.col("color").cast(pl.Categorical))
    pandas = arrow.to_pandas()
    pandas["color"] = pandas["color"].astype(pd.CategoricalDtype(["blue", "green", "red"]))
    pandas.index = [3, 1, 4, 1]
    return {"pyarrow": arrow, "polars": polars, "pandas": pandas}


@pytest.mark.parametrize("library", ["pyarrow", "polars", "pandas"])
def test_frames_come_back_with_their_types_order_and_index(library):
    frame = frames()[library]
    columns = learn(as_table(frame))
    compact = columns.matrix(as_table(frame))
    holes = np.isnan(compact)
    types = {field.name: field.type for field in as_table(frame).schema}
    made = {c.name: c.restored(np.nan_to_num(compact[:, at]), types[c.name]) for at, c in enumerate(columns.used)}

    back = given_back(frame, made)

    assert type(back) is type(frame)
    assert library_of(frame) == library
    assert list(back.columns if library != "pyarrow" else back.column_names) == list(types)
    if library == "pandas":
        assert (back.dtypes == frame.dtypes).all()
        assert list(back.index) == [3, 1, 4, 1]
        assert list(back["color"].cat.categories) == ["blue", "green", "red"]
    else:
        assert back.schema == frame.schema
    again = columns.matrix(as_table(back))
    np.testing.assert_allclose(again[~holes], compact[~holes], atol=2e-6)


def test_rows_of_frames_are_taken_by_truth_and_by_place():
    chosen = np.array([True, False, False, True])

    for frame in frames().values():
        assert as_table(rows_of_frame(frame, chosen))["count"].to_pylist() == [1, 5]
        assert as_table(rows_of_frame(frame, np.array([2, 0])))["count"].to_pylist() == [3, 1]


def test_tables_become_what_they_were_learned_from():
    table = pa.table({"a": [1.0, 2.0], "b": ["x", "y"]})

    assert isinstance(from_table(table, "pandas"), pd.DataFrame)
    assert isinstance(from_table(table, "polars"), pl.DataFrame)
    assert from_table(table, "numpy").dtype == object
    assert from_table(table, "elsewhere") is table


@pytest.mark.parametrize(
    ("frame", "kind", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, r"more than one column of the same name \('a'\)"),
        (pd.DataFrame([[1, 2]], columns=["a", 3]), TypeError, "columns named by text and one named by 3"),
        (pd.DataFrame({"a": [1, 2, "x", 4]}), ValueError, "holds 'x' in column 'a', row 3, where 1 and the like came before"),
        (pl.LazyFrame({"a": [1]}), TypeError, r"lazy frame .* pass X.collect\(\)"),
        (7, TypeError, "X must be a table: a frame of pandas, polars or Arrow"),
    ],
)
def test_what_is_no_table_is_refused(frame, kind, message):
    with pytest.raises(kind, match=message):
        as_table(frame)


@pytest.mark.parametrize("text", ["list<item: int64>", "timestamp[us, tz=../../x y]", "decimal128(99, 2)", "dictionary<values=list", ""])
def test_types_that_columns_cannot_have_are_refused(text):
    with pytest.raises(ValueError, match="columns have no type"):
        type_of(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"deviation": 0.0},
        {"mean": float("nan")},
        {"holes": 2.0},
        {"guess": -1.0},
        {"step": -1.0},
        {"kind": "binary", "categories": (1.0,)},
        {"kind": "categorical", "categories": ("a", "a")},
        {"kind": "categorical", "categories": ("a", 1)},
        {"kind": "categorical", "categories": (2**70,)},
        {"kind": "categorical", "categories": tuple(map(str, range(20_000)))},
        {"type": "struct<>"},
    ],
)
def test_columns_that_cannot_be_are_refused(changes):
    with pytest.raises(ValueError, match="column"):
        Column(**{"name": "a", "kind": "numeric", "type": "double", **changes})
