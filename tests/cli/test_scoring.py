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


ODD = "50,-50,50,tulip"
NAMES = ("width", "length", "height")


def with_odd_row(flowers, tmp_path) -> str:
    lines = flowers.path.with_suffix(".csv").read_text().splitlines()
    lines[7] = ODD
    (tmp_path / "odd.csv").write_text("\n".join(lines))
    return "odd.csv"


def test_why_names_the_columns_with_value_and_reconstruction(narrows, flowers, tmp_path):
    source = with_odd_row(flowers, tmp_path)
    made = package.load(flowers.path)
    rows = as_table(load(source, label="species"))
    rebuilt = dict(zip(NAMES, made.reconstruct(rows)[6], strict=True))
    squares = dict(zip(NAMES, made.reconstruction_error(rows, per_feature=True)[6], strict=True))
    worst, share = max(NAMES, key=squares.__getitem__), max(squares.values()) / sum(squares.values())

    said = narrows("score", flowers.path, source, "--top", "3", "--why")

    assert said.code == 0
    assert max(map(len, said.out.splitlines())) <= 80
    _, _, first, why, *_ = said.out.splitlines()
    assert first.split()[0] == "7"
    assert f"{worst} {-50 if worst == 'length' else 50}, not {rebuilt[worst]:.4g} ({100 * share:.0f} %)" in why
    assert said.out.count(" %)") == 9


def test_why_is_in_json_and_in_the_table(narrows, flowers, tmp_path):
    source = with_odd_row(flowers, tmp_path)

    done = narrows("score", flowers.path, source, "--top", "2", "--why", "--json", "-o", "errors.csv")

    first, _ = json.loads(done.out)["worst"]
    assert [set(reason) for reason in first["why"]] == [{"feature", "name", "value", "reconstruction", "usual", "share", "extreme"}] * 3
    assert sum(reason["share"] for reason in first["why"]) == pytest.approx(1)
    table = pyarrow.csv.read_csv(tmp_path / "errors.csv")
    assert table.column_names[:7] == ["row", "error", "why_1", "value_1", "reconstruction_1", "share_1", "why_2"]
    assert table.num_rows == 80
    line = table.to_pylist()[0]
    assert [line[f"why_{place}"] for place in (1, 2, 3)] == [reason["name"] for reason in first["why"]]
    assert line["reconstruction_1"] == pytest.approx(first["why"][0]["reconstruction"])


def test_why_names_pixels_of_images(narrows, digits):
    said = narrows("score", digits.path, "digits", "--test", "--top", "1", "--why")

    assert said.out.splitlines()[3].strip().startswith("pixel_")


@pytest.fixture(scope="module")
def detector(flowers, tmp_path_factory):
    """Give a detector's bundle and a table without labels, side by side."""
    folder = tmp_path_factory.mktemp("detector")
    lines = flowers.path.with_suffix(".csv").read_text().splitlines()
    (folder / "plain.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines))
    small = package.Autoencoder(1, layers=(16,), epochs=2, precision="float32")
    made = package.AutoencoderOutlierDetector(small, contamination=0.1, random_state=0)
    made.fit(as_table(load(folder / "plain.csv"))).save(folder / "odd.narrows")
    return folder


def test_a_detector_says_which_rows_are_outliers(narrows, detector, tmp_path):
    bundle, source = detector / "odd.narrows", detector / "plain.csv"
    made, rows = package.load(bundle), as_table(load(source))

    said = narrows("score", bundle, source, "--top", "9", "--why", "-o", "all.csv")

    assert (said.code, said.err) == (0, "")
    head, _, *shown = said.out.splitlines()
    assert head.split() == ["row", "error", "outlier"]
    assert [line.split()[2] for line in shown if line[:1].isdigit()] == ["yes"] * 8 + ["no"]
    assert f"outliers  8 rows, of an error above {-made.offset_:.4g}" in said.out
    table = pyarrow.csv.read_csv(tmp_path / "all.csv").to_pydict()
    np.testing.assert_array_equal(np.where(table["outlier"], -1, 1), made.predict(rows)[np.array(table["row"]) - 1])
    values = json.loads(narrows("score", bundle, source, "--json").out)
    assert (values["outliers"], values["threshold"]) == (8, -made.offset_)
    assert values["worst"][0]["outlier"] is True


def test_a_detector_is_its_autoencoder_to_other_commands(narrows, detector, tmp_path):
    """It encodes, and is described."""
    bundle = detector / "odd.narrows"
    np.save(tmp_path / "rows.npy", np.zeros((3, 3)))

    assert narrows("encode", bundle, "rows.npy", "-o", "codes.npy").code == 0
    assert np.load(tmp_path / "codes.npy").shape == (3, 1)
    assert "contamination 10 % of the rows" in narrows("info", bundle).out
    values = json.loads(narrows("info", bundle, "--json").out)
    assert values["estimator"] == "AutoencoderOutlierDetector"
    assert values["outliers"]["parameters"]["contamination"] == 0.1
