"""``narrows encode``, ``decode`` and ``reconstruct``."""

from __future__ import annotations

import numpy as np
import pytest

import narrows as package
from narrows.cli.reading import as_table
from narrows.data import load

FORMATS = (".npy", ".csv", ".parquet")


@pytest.mark.parametrize("extension", FORMATS)
def test_codes_by_extension(narrows, digits, tmp_path, extension):
    done = narrows("encode", digits.path, "digits", "-o", f"codes{extension}")

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"wrote 'codes{extension}' (")
    assert done.out.endswith("the codes of digits, 1,438 rows of 2 numbers\n")
    codes = load(tmp_path / f"codes{extension}")
    np.testing.assert_array_equal(codes.X.astype(np.float32), package.load(digits.path).transform(as_table(load("digits"))))
    assert codes.feature_names == (None if extension == ".npy" else ["z0", "z1"])


@pytest.mark.parametrize("extension", FORMATS)
def test_codes_are_decoded_from_any_format(narrows, digits, tmp_path, extension):
    assert narrows("-q", "encode", digits.path, "digits", "-o", f"codes{extension}").code == 0

    done = narrows("decode", digits.path, f"codes{extension}", "-o", "rows.csv")

    assert done.code == 0
    rows = load(tmp_path / "rows.csv")
    np.testing.assert_array_equal(rows.X.astype(np.float32), package.load(digits.path).reconstruct(as_table(load("digits"))))
    assert rows.feature_names == load("digits").feature_names


def test_reconstructions_keep_the_names(narrows, flowers, tmp_path):
    assert narrows("reconstruct", flowers.path, flowers.path.with_suffix(".csv"), "-o", "back.parquet").code == 0

    back = load(tmp_path / "back.parquet")
    assert back.feature_names == ["width", "length", "height"]
    assert back.X.shape == (80, 3)


@pytest.mark.parametrize("with_label", [True, False])
def test_the_label_column_is_left_out_again_if_it_is_there(narrows, flowers, tmp_path, with_label):
    lines = flowers.path.with_suffix(".csv").read_text().splitlines()
    (tmp_path / "rows.csv").write_text("\n".join(line if with_label else line.rpartition(",")[0] for line in lines))

    assert narrows("encode", flowers.path, "rows.csv", "-o", "codes.npy").code == 0
    assert load(tmp_path / "codes.npy").X.shape == (80, 1)


def test_test_rows_of_a_named_set(narrows, digits, tmp_path):
    assert narrows("-q", "encode", digits.path, "digits", "--test", "-o", "codes.npy").code == 0
    assert load(tmp_path / "codes.npy").X.shape == (359, 2)

    np.save(tmp_path / "rows.npy", load("digits").X)
    done = narrows("encode", digits.path, "rows.npy", "--test", "-o", "other.npy")
    assert done.code == 2
    assert done.only_line == "narrows: rows.npy brings no test rows, as named data sets do: leave out --test"


def test_features_without_names_are_numbered(narrows, tmp_path, rng):
    np.save(tmp_path / "rows.npy", rng.random((40, 3)))
    assert narrows("-q", "fit", "rows.npy", "--layers", "4", "--epochs", "1").code == 0

    assert narrows("reconstruct", "rows.narrows", "rows.npy", "-o", "back.csv").code == 0
    assert load(tmp_path / "back.csv").feature_names == ["x0", "x1", "x2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "BUNDLE", "narrow.npy", "-o", "o.npy"], "narrow.npy has 3 columns, but 'BUNDLE' takes rows of 64 numbers"),
        (["reconstruct", "BUNDLE", "narrow.npy", "-o", "o.npy"], "narrow.npy has 3 columns, but 'BUNDLE' takes rows of 64 numbers"),
        (["decode", "BUNDLE", "narrow.npy", "-o", "o.npy"], "narrow.npy has 3 columns, but 'BUNDLE' takes codes of 2 numbers"),
        (["encode", "BUNDLE", "holes.npy", "-o", "o.npy"], "holds nan in column 5, row 3"),
        (["encode", "BUNDLE", "words.csv", "-o", "o.npy"], "column 'b'"),
        (["encode", "BUNDLE", "none.npy", "-o", "o.npy"], "there is no file 'none.npy'"),
        (["encode", "BUNDLE", "digits", "-o", "o.txt"], "'o.txt' has the extension '.txt'; narrows writes .npy, .csv, .parquet"),
        (["encode", "BUNDLE", "digits", "-o", "no/o.npy"], "there is no folder 'no'"),
        (["encode", "BUNDLE", "narrow.npy", "-o", "narrow.npy"], "the output 'narrow.npy' is what is read"),
        (["encode", "cut.narrows", "digits", "-o", "o.npy"], "cut.narrows is not a bundle, or was cut off"),
        (["encode", "narrow.npy", "digits", "-o", "o.npy"], "narrow.npy is not a bundle"),
        (["encode", "none.narrows", "digits", "-o", "o.npy"], "'none.narrows': No such file or directory"),
    ],
)
def test_bad_input_is_one_line_and_2_and_leaves_nothing(narrows, digits, tmp_path, arguments, message):
    np.save(tmp_path / "narrow.npy", np.ones((4, 3)))
    holes = np.ones((5, 64))
    holes[2, 4] = np.nan
    np.save(tmp_path / "holes.npy", holes)
    (tmp_path / "words.csv").write_text("a,b\n1,x\n")
    (tmp_path / "cut.narrows").write_bytes(digits.path.read_bytes()[:-9])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    done = narrows(*(str(digits.path) if word == "BUNDLE" else word for word in arguments))

    assert done.code == 2
    assert message.replace("BUNDLE", str(digits.path)) in done.only_line
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
