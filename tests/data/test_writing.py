"""Tables written: what is read back is what was written, and what fails leaves no trace."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from narrows.data import FORMATS, check_writable, load, write
from narrows.data.writing import ROWS_AT_ONCE


@pytest.fixture
def table(rng):
    return rng.normal(size=(7, 2)).astype(np.float32)


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_what_was_written_is_read_back(tmp_path, rng, extension, dtype):
    """Every bit, through every format: text too has digits enough for the type."""
    array, path = (rng.random((50, 3)) * 255).astype(dtype), tmp_path / f"table{extension}"

    write(path, array, ["a", "b", "c"])
    rows = load(path)

    assert extension == ".csv" or rows.X.dtype == dtype
    np.testing.assert_array_equal(rows.X.astype(dtype), array)
    assert rows.feature_names == (None if extension == ".npy" else ["a", "b", "c"])


@pytest.mark.parametrize("extension", FORMATS)
def test_order_of_memory_does_not_matter(tmp_path, extension):
    """Transposed and strided arrays are written as they look."""
    array, path = np.arange(24.0).reshape(4, 6)[::2, ::3].T, tmp_path / f"table{extension}"

    write(path, array, ["a", "b"])

    np.testing.assert_array_equal(load(path).X, array)


def test_float32_is_kept_in_parquet_and_short_in_csv(tmp_path):
    """0.1 is written as 0.1, not with the digits of a float64."""
    array = np.array([[0.1]], np.float32)
    write(tmp_path / "table.parquet", array, ["a"])
    write(tmp_path / "table.csv", array, ["a"])

    assert parquet.read_schema(tmp_path / "table.parquet").field("a").type == pa.float32()
    assert (tmp_path / "table.csv").read_text() == '"a"\n0.1\n'


@pytest.mark.parametrize("extension", [".csv", ".parquet"])
def test_several_columns_may_stand_first(tmp_path, extension):
    path = tmp_path / f"table{extension}"

    write(path, np.zeros((3, 0)), [], index=[("file", ["a.png", "b.png", "c.png"]), ("predicted", np.array([3, 1, 2]))])
    rows = load(path, label="file")

    assert (rows.feature_names, rows.X[:, 0].tolist(), rows.labels.tolist()) == (["predicted"], [3, 1, 2], ["a.png", "b.png", "c.png"])


def test_npy_may_hold_one_number_a_row(tmp_path):
    write(tmp_path / "labels.npy", np.array([3, 1, 2]), ["predicted"])

    np.testing.assert_array_equal(np.load(tmp_path / "labels.npy"), [3, 1, 2])


@pytest.mark.parametrize("labels", [np.array([3, 1, 2]), np.array(["x", "y", "z"])])
@pytest.mark.parametrize("extension", [".csv", ".parquet"])
def test_an_index_is_the_first_column(tmp_path, labels, extension):
    """Labels written so can be read back as labels."""
    path = tmp_path / f"table{extension}"

    write(path, np.eye(3), ["a", "b", "c"], index=("label", labels))
    rows = load(path, label="label")

    assert rows.labels.tolist() == labels.tolist()
    np.testing.assert_array_equal(rows.X, np.eye(3))


@pytest.mark.parametrize("extension", [".csv", ".parquet"])
def test_long_tables_are_written_block_by_block(tmp_path, extension):
    """No row is lost or moved between blocks."""
    n = 2 * ROWS_AT_ONCE + 5
    array, path = np.arange(n, dtype=np.float64)[:, None], tmp_path / f"table{extension}"

    write(path, array, ["a"], index=("row", np.arange(n)))
    rows = load(path, label="row")

    np.testing.assert_array_equal(rows.X, array)
    np.testing.assert_array_equal(rows.labels, np.arange(n))


@pytest.mark.parametrize("extension", FORMATS)
def test_a_table_without_rows_is_still_a_table(tmp_path, extension):
    """Its columns are there."""
    write(tmp_path / f"table{extension}", np.empty((0, 2), np.float32), ["a", "b"])

    assert (tmp_path / f"table{extension}").stat().st_size > 0


@pytest.mark.parametrize(
    ("name", "array", "columns", "index", "words"),
    [
        (
            "table.xlsx",
            np.eye(2),
            "ab",
            None,
            r"'.*table.xlsx' has the extension '.xlsx'; narrows writes .npy, .csv, .parquet: rename the output",
        ),
        ("table", np.eye(2), "ab", None, r"has no extension; narrows writes .npy, .csv, .parquet"),
        ("table.csv", np.ones(2), "a", None, r"an array of shape \(2,\) came .*; a table has the shape \(n, d\): reshape it"),
        ("table.csv", np.eye(2), "abc", None, r"3 column names came for the 2 columns of .*: give one name per column"),
        ("table.npy", np.eye(2), "ab", ("y", [1, 2]), r"cannot keep the column 'y', as .npy holds one array .*: write .csv or .parquet"),
        ("table.csv", np.eye(2), "ab", ("y", [1]), r"'y' of shape \(1,\) came for the 2 rows of .*: give one value per row"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, array, columns, index, words):
    """Before a file is begun."""
    with pytest.raises(ValueError, match=words):
        write(tmp_path / name, array, list(columns), index=index)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("extension", FORMATS)
def test_a_full_disk_leaves_what_was_there(mount, table, rng, extension):
    """One sentence, no partial file, and the earlier result untouched."""
    disk = mount("size=64k")
    path = disk / f"table{extension}"
    write(path, table, ["a", "b"])
    before = path.read_bytes()

    with pytest.raises(
        OSError, match=r"^'.*' could not be written \(No space left on device\), and what was there is untouched: make room"
    ) as caught:
        write(path, rng.random((5000, 40)), [f"c{number}" for number in range(40)])
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert os.listdir(disk) == [path.name]


@pytest.mark.parametrize(
    ("place", "error", "words"),
    [
        ("folder", IsADirectoryError, r"folder' is a folder; give the path of a file in it"),
        ("missing/table.csv", FileNotFoundError, r"there is no folder '.*missing' to write 'table.csv' into: make it, or write elsewhere"),
        ("file/table.csv", NotADirectoryError, r"file' is a file and no folder to write 'table.csv' into: write elsewhere"),
    ],
)
def test_a_place_that_cannot_be_written_is_known_beforehand(tmp_path, place, error, words):
    """Before hours of training, not after them."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")

    with pytest.raises(error, match=words):
        check_writable(tmp_path / place)


def test_a_folder_that_may_not_be_written_is_known_beforehand(mount, tmp_path):
    """Root may write anywhere but on a disk that is mounted for reading only."""
    if os.geteuid() == 0:
        folder = mount("ro,size=64k")
    else:
        folder = tmp_path / "locked"
        folder.mkdir(0o500)

    with pytest.raises(PermissionError, match=rf"no file can be made in the folder '{folder}' \(.*\): change its permissions, or write"):
        check_writable(folder / "table.csv")


def test_checking_leaves_nothing_behind(tmp_path):
    """Neither a new file nor a change to one that is there."""
    (tmp_path / "table.csv").write_text("earlier")

    check_writable(tmp_path / "table.csv", FORMATS)
    check_writable(tmp_path / "new.narrows")

    assert (tmp_path / "table.csv").read_text() == "earlier"
    assert os.listdir(tmp_path) == ["table.csv"]
