"""``narrows score``."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.csv
import pytest

import narrows as package
from narrows.cli.reading import as_table
from narrows.data import load


@pytest.mark.parametrize("extension", [".csv", ".parquet"])
def test_all_rows_are_written_worst_first(narrows, digits, tmp_path, extension):
    done = narrows("score", digits.path, "digits", "-o", f"errors{extension}")

    assert (done.code, done.err) == (0, "")
    table = load(tmp_path / f"errors{extension}")
    numbers, errors = table.X[:, 0].astype(int), table.X[:, 1].astype(np.float32)
    assert table.feature_names == ["row", "error"]
    assert (np.diff(errors) <= 0).all()
    np.testing.assert_array_equal(np.sort(numbers), np.arange(1, 1439))
    expected = package.load(digits.path).reconstruction_error(as_table(load("digits")))
    np.testing.assert_array_equal(errors, expected[numbers - 1])


def test_an_odd_row_comes_first_with_its_label(narrows, flowers, tmp_path):
    lines = flowers.path.with_suffix(".csv").read_text().splitlines()
    lines[7] = "50,-50,50,tulip"
    (tmp_path / "odd.csv").write_text("\n".join(lines))

    said = narrows("score", flowers.path, "odd.csv", "--top", "3")

    assert said.code == 0
    head, _, first, *_ = said.out.splitlines()
    assert head.split() == ["row", "error", "label"]
    assert first.split()[0] == "7"
    assert first.split()[2] == "tulip"
    assert "80, counted from 1" in said.out


def test_json_holds_the_same(narrows, flowers):
    source = flowers.path.with_suffix(".csv")
    errors = package.load(flowers.path).reconstruction_error(as_table(load(source, label="species")))

    values = json.loads(narrows("score", flowers.path, source, "--json", "--top", "2").out)

    assert values["rows"] == 80
    assert values["mean"] == pytest.approx(errors.mean())
    assert values["largest"] == pytest.approx(errors.max())
    assert [line["row"] for line in values["worst"]] == (np.argsort(-errors)[:2] + 1).tolist()
    assert {line["label"] for line in values["worst"]} <= {"iris", "rose"}


def test_test_rows_of_a_named_set(narrows, digits):
    assert json.loads(narrows("score", digits.path, "digits", "--test", "--json").out)["rows"] == 359


def test_an_unfit_output_is_refused_before_anything_is_read(narrows, digits, tmp_path):
    done = narrows("score", digits.path, "digits", "-o", "errors.npy")

    assert done.code == 2
    assert "narrows writes .csv, .parquet" in done.only_line
    assert not list(tmp_path.iterdir())


def test_no_rows_are_shown_if_none_are_asked_for(narrows, digits, tmp_path):
    done = narrows("-q", "score", digits.path, "digits", "--top", "0", "-o", "errors.csv")

    assert (done.code, done.out, done.err) == (0, "", "")
    assert pyarrow.csv.read_csv(tmp_path / "errors.csv").num_rows == 1438
