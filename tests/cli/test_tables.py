"""Tables of text, dates and holes on the command line: taken as they are, filled, scored, and refused in one line."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from tests.cli.conftest import Fitted, call

import narrows as package

QUICK = ["--layers", "16", "--epochs", "3", "--components", "2"]
N = 120


def table_of(n: int = N, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    return pa.table(
        {
            "price": pa.array(np.round(100.0 + 40 * kind + rng.normal(size=n), 2), mask=rng.random(n) < 0.1),
            "color": pa.array(np.array(["red", "green", "blue"], object)[kind], mask=rng.random(n) < 0.1),
            "day": pa.array([date(2024, 1, 1) + timedelta(days=int(30 * k + d)) for k, d in zip(kind, rng.integers(0, 9, n), strict=True)]),
            "sold": kind == 2,
            "name": [f"house {number}" for number in range(n)],
            "zip": np.array([10115, 20095, 80331])[kind],
        }
    )


@pytest.fixture(scope="session")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """Fit a table from CSV; it is there as Parquet, too."""
    folder = tmp_path_factory.mktemp("houses")
    pyarrow.csv.write_csv(table_of(), folder / "houses.csv")
    pyarrow.parquet.write_table(table_of(), folder / "houses.parquet")
    said = call("fit", folder / "houses.csv", "--kind", "zip=categorical", *QUICK, "-o", folder / "houses.narrows")
    assert said.code == 0, said.err
    return Fitted(folder / "houses.narrows", said)


def beside(fitted: Fitted, ending: str) -> Path:
    return fitted.path.with_suffix(ending)


def test_what_it_is_taken_for_is_said_and_shown(houses):
    lines = [" ".join(line.split()) for line in houses.said.out.splitlines()]

    assert "as a table kinds of columns are given: fitted by TableAutoencoder, each column by its kind" in " ".join(lines)
    assert any(line.startswith("price numeric 1") and "mean 14" in line for line in lines)
    assert any(line.startswith("color categorical") and line.endswith("blue, green, red") for line in lines)
    assert any(line.startswith("day date about 2024-0") for line in lines)
    assert "sold binary False or True" in lines
    assert "name left out each row has its own" in lines
    assert any(line.startswith("zip categorical") and line.endswith("10115, 20095, 80331") for line in lines)
    assert "quality on 12 test rows measure rebuilt told when hidden best guess" in lines
    assert any(line.startswith("narrows impute ") for line in lines)


def test_parquet_is_a_table_by_its_types_alone(narrows, houses):
    done = narrows("fit", beside(houses, ".parquet"), *QUICK, "-o", "p.narrows")

    assert done.code == 0
    assert "column 'color' holds text: fitted by" in " ".join(done.out.split())
    assert package.load("p.narrows").kinds_["zip"] == "numeric"


def test_a_table_of_numbers_is_one_for_its_holes(narrows, tmp_path):
    lines = [f"{a:.3f},{b:.3f}" for a, b in np.random.default_rng(0).normal(size=(40, 2))]
    lines[5] = ",1.0"
    (tmp_path / "rows.csv").write_text("\n".join(["a,b", *lines]))

    done = narrows("fit", "rows.csv", *QUICK)

    assert done.code == 0
    assert "column 'a' has holes" in done.out
    assert type(package.load("rows.narrows")).__name__ == "TableAutoencoder"


def test_holes_are_filled_and_nothing_else(narrows, houses, tmp_path):
    for ending in (".csv", ".parquet"):
        done = narrows("impute", houses.path, beside(houses, ending), "-o", f"filled{ending}")
        assert (done.code, done.err) == (0, "")
        assert "holes filled" in done.out

    filled, before = pyarrow.parquet.read_table(tmp_path / "filled.parquet"), table_of()
    assert sum(column.null_count for column in filled.columns) == 0
    assert filled.schema.equals(before.schema)
    for name in ("price", "color"):
        known = before[name].is_valid()
        assert filled[name].filter(known).equals(before[name].filter(known))
    assert pyarrow.csv.read_csv(tmp_path / "filled.csv").column_names == before.column_names


def test_reconstructions_and_decoded_codes_are_tables(narrows, houses, tmp_path):
    assert narrows("reconstruct", houses.path, beside(houses, ".parquet"), "-o", "r.parquet").code == 0
    assert narrows("encode", houses.path, beside(houses, ".csv"), "-o", "z.npy").code == 0
    assert narrows("decode", houses.path, "z.npy", "-o", "d.parquet").code == 0

    made, decoded = (pyarrow.parquet.read_table(tmp_path / name) for name in ("r.parquet", "d.parquet"))
    assert made.schema.equals(table_of().schema)
    assert made["name"].equals(table_of()["name"])
    assert decoded["color"].equals(made["color"])
    assert np.load(tmp_path / "z.npy").shape == (N, 2)


def test_scores_name_the_columns_to_blame(narrows, houses, tmp_path):
    odd = table_of()
    odd = odd.set_column(0, "price", pa.array([900.0, *odd["price"].to_pylist()[1:]]))
    pyarrow.csv.write_csv(odd, tmp_path / "odd.csv")

    done = narrows("score", houses.path, "odd.csv", "--why", "--top", "1", "-o", "scores.csv")
    values = json.loads(narrows("score", houses.path, "odd.csv", "--why", "--top", "1", "--json").out)

    assert done.code == 0
    assert done.out.splitlines()[2].split()[0] == "1"
    assert done.out.splitlines()[3].strip().startswith("price 900, not ")
    assert values["worst"][0]["why"][0]["name"] == "price"
    assert (tmp_path / "scores.csv").read_text().splitlines()[1].startswith("1,")


def test_a_bundle_tells_its_columns_and_repeats_its_run(narrows, houses, tmp_path, monkeypatch):
    told = narrows("info", houses.path)
    values = json.loads(narrows("info", houses.path, "--json").out)
    monkeypatch.chdir(houses.path.parent)
    again = narrows("-q", "fit", "--config", houses.path, "-o", tmp_path / "again.narrows")

    assert "color categorical" in " ".join(told.out.split())
    assert "told when hidden" in told.out
    assert values["estimator"] == "TableAutoencoder"
    assert [column["kind"] for column in values["columns"]] == ["numeric", "categorical", "date", "binary", "left_out", "categorical"]
    assert again.code == 0
    first, second = (package.load(path) for path in (houses.path, tmp_path / "again.narrows"))
    assert first.columns_ == second.columns_
    np.testing.assert_array_equal(first.transform(table_of()), second.transform(table_of()))


def test_a_label_is_left_out(narrows, houses, tmp_path):
    done = narrows("fit", beside(houses, ".csv"), "--label", "sold", *QUICK, "-o", "l.narrows")
    scored = json.loads(narrows("score", "l.narrows", beside(houses, ".csv"), "--json", "--top", "1").out)

    assert done.code == 0
    assert "sold" not in package.load("l.narrows").kinds_
    assert scored["worst"][0]["label"] in ("true", "false")


def test_several_files_are_one_table(narrows, houses, tmp_path):
    pyarrow.csv.write_csv(table_of(60), tmp_path / "a.csv")
    turned = table_of(60, seed=1).select(["zip", "name", "sold", "day", "color", "price"])
    pyarrow.csv.write_csv(turned, tmp_path / "b.csv")

    done = narrows("encode", houses.path, "a.csv", "b.csv", "-o", "z.npy")

    assert done.code == 0
    assert np.load(tmp_path / "z.npy").shape == (120, 2)


def test_validation_and_test_rows_may_be_given(narrows, houses, tmp_path):
    pyarrow.csv.write_csv(table_of(30, seed=2), tmp_path / "v.csv")
    done = narrows("fit", beside(houses, ".csv"), "--validation", "v.csv", "--test", "v.csv", *QUICK, "-o", "v.narrows")

    assert done.code == 0
    assert "test rows        30, from v.csv" in done.out


def test_a_row_group_of_no_rows_is_no_row(narrows, houses, tmp_path):
    with pyarrow.parquet.ParquetWriter(tmp_path / "g.parquet", table_of().schema) as writer:
        for part in (table_of()[:50], table_of()[:0], table_of()[50:]):
            writer.write_table(part)

    assert narrows("encode", houses.path, "g.parquet", "-o", "z.npy").code == 0
    assert len(np.load(tmp_path / "z.npy")) == N


def test_a_category_seen_only_in_scoring_and_columns_of_holes_are_borne(narrows, houses, tmp_path):
    later = table_of().set_column(1, "color", pa.array(["violet"] * N)).set_column(0, "price", pa.nulls(N, pa.float64()))
    pyarrow.csv.write_csv(later, tmp_path / "later.csv")

    assert narrows("score", houses.path, "later.csv").code == 0
    assert narrows("impute", houses.path, "later.csv", "-o", "filled.csv").code == 0
    assert pyarrow.csv.read_csv(tmp_path / "filled.csv")["price"].null_count == 0


BAD = [
    (["fit", "houses.csv", "--kind", "color"], "'color' is no column and its kind"),
    (["fit", "houses.csv", "--kind", "colour=categorical"], "kinds: houses.csv has no column 'colour': did you mean 'color'?"),
    (["fit", "houses.csv", "--kind", "color=numeric"], "column 'color' what is none of numbers"),
    (["fit", "houses.csv", "--conv", "8"], "layers.filters is not for tables, and houses.csv is taken as one (column 'color' holds text)"),
    (["fit", "houses.csv", "--scale", "minmax"], "scale is not for tables"),
    (["fit", "houses.csv", "--label", "color", "--supervised"], "supervised is not for tables"),
    (["fit", "houses.csv", "--noise", "gaussian:0.1"], "noise of a table must be 'auto', None or Masking"),
    (["fit", "digits", "--kind", "a=numeric"], "kinds of columns are for tables, and digits is none"),
    (["fit", "numbers.csv", "--set", "max_categories=8"], "max_categories is about tables of text"),
    (["fit", "mixed.csv"], "holds 'oops' in column 'b', row 61, where a number is expected by 60 others"),
    (["fit", "badday.csv"], "holds '2024-02-31' in column 'b', row 30, where a date is expected by 29 others"),
    (["fit", "houses.csv", "other.csv"], "'other.csv' lacks 'price' and has 'prize' besides, compared with the columns of 'houses.csv'"),
    (["fit", "houses.csv", "types.csv"], "'types.csv' holds string in column 'price', and 'houses.csv' double"),
    (["fit", "cut.parquet"], "is cut short, damaged or no Parquet file"),
    (["fit", "twice.csv"], "more than one column of the same name ('a')"),
    (["fit", "lists.parquet"], "in column 'b'; columns are of numbers, text, truth values or dates"),
    (["encode", "BUNDLE", "other.csv", "-o", "z.npy"], "other.csv lacks 'price' and has 'prize' besides, compared with the columns that"),
    (["encode", "BUNDLE", "types.csv", "-o", "z.npy"], "holds string in column 'price', which held double when the model was fitted"),
    (["encode", "BUNDLE", "houses.csv", "--test", "-o", "z.npy"], "brings no test rows"),
    (["impute", "BUNDLE", "houses.csv", "-o", "filled.npy"], "narrows writes .csv, .parquet"),
    (["impute", "FLOWERS", "houses.csv", "-o", "filled.csv"], "holds no TableAutoencoder, which alone fills holes"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_is_one_line_and_2(narrows, houses, flowers, tmp_path, arguments, message):
    table = table_of(60)
    pyarrow.csv.write_csv(table, tmp_path / "houses.csv")
    pyarrow.csv.write_csv(table.rename_columns(["prize", *table.column_names[1:]]), tmp_path / "other.csv")
    pyarrow.csv.write_csv(table.set_column(0, "price", pa.array(["cheap", "dear"] * 30)), tmp_path / "types.csv")
    pyarrow.parquet.write_table(table, tmp_path / "whole.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "whole.parquet").read_bytes()[:900])
    pyarrow.parquet.write_table(pa.table({"a": range(60), "b": [[1]] * 60}), tmp_path / "lists.parquet")
    (tmp_path / "numbers.csv").write_text("a,b\n" + "".join(f"{a},{a % 7}\n" for a in range(60)))
    (tmp_path / "mixed.csv").write_text("a,b\n" + "".join(f"{a % 7},{a}\n" for a in range(60)) + "1,oops\n")
    (tmp_path / "badday.csv").write_text("a,b\n" + "".join(f"{a % 7},2024-01-{a:02}\n" for a in range(1, 30)) + "1,2024-02-31\n")
    (tmp_path / "twice.csv").write_text("a,a\n" + "1,x\n" * 60)
    named = {"BUNDLE": houses.path, "FLOWERS": flowers.path}

    done = narrows(*(named.get(argument, argument) for argument in arguments))

    assert done.code == 2, done.out
    assert message in done.err
    assert done.err.count("\n") == 1
