"""From a name or a path to rows: what is meant by it, and what is said when nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from narrows.data import load


def test_a_name_means_the_data_set_even_where_a_file_has_it(tmp_path, monkeypatch):
    """A file without an extension never stands in the way of a data set; one with an extension is a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").write_text("1,2\n")
    (tmp_path / "digits.csv").write_text("1,2\n")

    assert load("digits").X.shape == (1438, 64)
    assert load("digits.csv").X.shape == (1, 2)


def test_a_path_and_its_text_give_the_same(tmp_path):
    """Any path-like source will do."""
    path = tmp_path / "rows.npy"
    np.save(path, np.eye(3))

    np.testing.assert_array_equal(load(path).X, load(str(path)).X)
    assert load(path).name == "rows.npy"


def test_extensions_are_read_in_any_case(tmp_path):
    """Windows likes capitals."""
    (tmp_path / "ROWS.CSV").write_text("1,2\n")

    assert load(tmp_path / "ROWS.CSV").X.shape == (1, 2)


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        (
            "mnits",
            ValueError,
            r"no data set 'mnits': did you mean 'mnist'\? it has 'digits', 'mnist', 'fashion_mnist'; a file needs its extension",
        ),
        ("MNIST", ValueError, r"no data set 'MNIST': did you mean 'mnist'\?"),
        ("flowers", ValueError, r"narrows has no data set 'flowers': it has 'digits', 'mnist', 'fashion_mnist'"),
        (
            "nowhere.csv",
            FileNotFoundError,
            r"there is no file 'nowhere.csv': check the path, or name a data set \('digits', 'mnist', 'fashion_mnist'\)",
        ),
        ("far/away", FileNotFoundError, r"there is no file 'far/away'"),
        (
            "folder",
            ValueError,
            r"'folder' is a folder without PNG or JPEG images; if it holds files of .* a pattern such as 'folder/\*.csv'",
        ),
        ("folder.csv", ValueError, r"'folder.csv' is a folder without PNG or JPEG images"),
        (
            "rows.xlsx",
            ValueError,
            r"'rows.xlsx' has the extension '.xlsx'; narrows reads .npy, .npz, .*, PNG, JPEG and IDX files .*: convert",
        ),
        ("rows", ValueError, r"'rows' has no extension; narrows reads .npy"),
    ],
)
def test_what_cannot_be_found_is_said_in_one_sentence(tmp_path, monkeypatch, source, error, words):
    """The sentence names what came, what there is and what to do."""
    monkeypatch.chdir(tmp_path)
    for name in ("folder", "folder.csv"):
        (tmp_path / name).mkdir()
    for name in ("rows.xlsx", "rows"):
        (tmp_path / name).write_text("1,2\n")

    with pytest.raises(error, match=words) as caught:
        load(source)
    assert "\n" not in str(caught.value)


def test_a_label_is_not_for_named_sets():
    """Named sets have their own labels, and say so rather than ignore another one."""
    with pytest.raises(ValueError, match=r"data set 'digits' brings its own labels; a label such as 'y' is for files: leave it out"):
        load("digits", label="y")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_cells_without_a_finite_number_are_counted(tmp_path, value):
    """The first such cell is named by column and row, and the sentence says how many there are."""
    X = np.ones((5, 3), np.float32)
    X[2, 1] = X[4, 0] = value
    np.save(tmp_path / "rows.npy", X)

    with pytest.raises(ValueError, match=rf"holds {value} in column 2, row 3, the first of 2 cells without a finite number; fill them in"):
        load(tmp_path / "rows.npy")


def test_the_first_bad_cell_is_found_beyond_the_first_block(tmp_path, monkeypatch):
    """Rows are checked in blocks, and counted from the beginning of the file."""
    monkeypatch.setattr("narrows.data.numbers.CELLS_AT_ONCE", 8)
    X = np.ones((50, 3))
    X[41, 2] = X[41, 1] = np.nan
    np.save(tmp_path / "rows.npy", X)

    with pytest.raises(ValueError, match=r"column 2, row 42, the first of 2 cells"):
        load(tmp_path / "rows.npy")
