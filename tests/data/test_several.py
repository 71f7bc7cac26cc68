"""Several files, patterns and standard input."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from narrows.data import load
from narrows.data.sources import expanded


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Write tables by name and stand beside them."""
    monkeypatch.chdir(tmp_path)

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.csv").write_text(text)
        return [f"{name}.csv" for name in texts]

    return write


def test_files_come_in_the_order_given_and_columns_by_name(parts):
    sources = parts(b="x,y\n1,2\n", a="y,x\n4,3\n", c="x,y\n5,6\n7,8\n")

    rows = load(sources)

    assert rows.feature_names == ["x", "y"]
    assert rows.X.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert rows.name == "b.csv and 2 more"


def test_a_pattern_gives_files_in_the_order_of_their_names(parts, tmp_path):
    parts(b="x\n2\n", a="x\n1\n", c="x\n3\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "d.csv").write_text("x\n4\n")

    assert load("*.csv").X.ravel().tolist() == [1, 2, 3]
    assert load(["deep/d.csv", "[ab].csv"]).X.ravel().tolist() == [4, 1, 2]
    assert load("**/*.csv").X.ravel().tolist() == [1, 2, 3, 4]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(parts, tmp_path):
    (tmp_path / "run[1].csv").write_text("x\n1\n")

    assert expanded("run[1].csv") == ["run[1].csv"]
    assert load(tmp_path / "run[1].csv").X.tolist() == [[1]]


def test_labels_stay_where_all_have_them(parts, tmp_path):
    sources = parts(a="x,kind\n1,cat\n", b="kind,x\ndog,2\n", c="x\n3\n")

    assert load(sources[:2], label="kind").labels.tolist() == ["cat", "dog"]
    assert load(sources, label="kind", label_optional=True).labels is None
    with pytest.raises(ValueError, match=r"'c.csv' has no column 'kind': it has 'x'"):
        load(sources, label="kind")


def test_the_type_is_the_smallest_that_holds_all(parts):
    np.save("bytes.npy", np.ones((2, 3), np.uint8))
    np.save("floats.npy", np.ones((2, 3), np.float32))
    np.save("doubles.npy", np.ones((2, 3)))

    assert load(["bytes.npy", "bytes.npy"]).X.dtype == np.uint8
    assert load(["bytes.npy", "floats.npy"]).X.dtype == np.float32
    assert load(["floats.npy", "doubles.npy"]).X.dtype == np.float64


def test_images_keep_their_shape(parts):
    np.save("a.npy", np.ones((2, 3, 4), np.uint8))

    assert load(["a.npy", "a.npy"]).image_shape == (3, 4)


def test_names_of_rows_are_paths(parts, tmp_path):
    """Whether an image came by itself or in a folder."""
    for name in ("a/x.png", "b/y.png"):
        (tmp_path / name).parent.mkdir()
        Image.new("L", (2, 2)).save(tmp_path / name)

    assert load(["a/", "b"]).names == load(["a/x.png", "b"]).names == load(["a/x.png", "b/y.png"]).names == ["a/x.png", "b/y.png"]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ("x,z\n1,2\n", r"'b.csv' lacks 'y' and has 'z' besides, compared with the columns of 'a.csv': give files of the same columns"),
        ("x\n1\n", r"'b.csv' lacks 'y', compared with"),
        ("x,y,z\n1,2,3\n", r"'b.csv' has 'z' besides, compared with"),
        ("1,2\n", r"'b.csv' has no names of columns and 'a.csv' has: give both a header of the same names, or none"),
        ("x,y\n1,no\n", r"'b.csv' holds 'no' in column 'y', row 1, where a number is needed"),
        ("x,y\n1,\n", r"'b.csv' holds nan in column 'y', row 1"),
    ],
)
def test_the_file_that_differs_is_named(parts, second, words):
    sources = parts(a="x,y\n1,2\n", b=second)

    with pytest.raises(ValueError, match=words) as caught:
        load(sources)
    assert "\n" not in str(caught.value)


def test_arrays_that_differ_are_named(parts):
    for name, shape in {"wide": (1, 3), "narrow": (1, 2), "images": (1, 3, 1), "tall": (1, 1, 3)}.items():
        np.save(f"{name}.npy", np.ones(shape))

    with pytest.raises(ValueError, match=r"'narrow.npy' has 2 columns and 'wide.npy' 3: give files of the same columns"):
        load(["wide.npy", "narrow.npy"])
    with pytest.raises(ValueError, match=r"'images.npy' holds images of 3x1 and 'wide.npy' rows of 3 numbers: give files of one kind"):
        load(["wide.npy", "images.npy"])
    with pytest.raises(ValueError, match=r"'tall.npy' holds images of 1x3 and 'images.npy' images of 3x1"):
        load(["images.npy", "tall.npy"])


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ([], ValueError, r"no source came: give a data set, a file or a folder, or several files"),
        ("*.parquet", FileNotFoundError, r"no file matches the pattern '\*.parquet': check the path"),
        (["a.csv", "digits"], ValueError, r"'digits' is a data set, which is loaded alone, and 2 sources came: leave out it or the others"),
        (["-", "-"], ValueError, r"'-' came more than once, and standard input can be read only once: give it once"),
        (["a.csv", "nowhere.csv"], FileNotFoundError, r"there is no file 'nowhere.csv'"),
        (["a.png", "nowhere.png"], FileNotFoundError, r"there is no file 'a.png'"),
    ],
)
def test_sources_that_cannot_be_are_refused(parts, source, error, words):
    parts(a="x\n1\n")

    with pytest.raises(error, match=words):
        load(source)


@pytest.fixture
def said(monkeypatch):
    """Put bytes on standard input."""

    def say(content: bytes):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return say


def test_standard_input_is_a_csv_file(said):
    said(b"a;b\n1;2\n3;4\n")

    rows = load("-")

    assert rows.feature_names == ["a", "b"]
    assert rows.X.tolist() == [[1, 2], [3, 4]]
    assert rows.name == "standard input"


def test_standard_input_is_read_once_for_a_label_that_may_be_missing(said):
    said(b"a\n1\n")
    assert load("-", label="kind", label_optional=True).X.tolist() == [[1]]

    said(b"a,kind\n1,x\n")
    assert load("-", label="kind", label_optional=True).labels.tolist() == ["x"]


def test_much_on_standard_input_waits_on_the_disk(said, monkeypatch):
    monkeypatch.setattr("narrows.data.standard_input.IN_MEMORY", 100)
    said(b"a,b\n" + b"1,2\n" * 1000)

    assert load("-").X.shape == (1000, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"^standard input is empty; a table has a row of numbers or more"),
        (b"a,b\n1,2\n3\n", r"^standard input has 1 cells in row 2 where the header has 2"),
        (b"a,b\n1,x\n", r"^standard input holds 'x' in column 'b', row 1, where a number is needed"),
        (b"a,b\n1,\n", r"^standard input holds nan in column 'b', row 1"),
        (b"\x89PNG\r\n", r"^standard input is not text in UTF-8"),
        (b"a,b\n", r"^standard input has 0 rows"),
    ],
)
def test_what_is_wrong_with_standard_input(said, content, words):
    said(content)

    with pytest.raises(ValueError, match=words) as caught:
        load("-")
    assert "\n" not in str(caught.value)


def test_a_terminal_says_nothing(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, what in ((Terminal(), "a terminal, and nobody types a table"), (None, "closed")):
        monkeypatch.setattr(sys, "stdin", stream)
        with pytest.raises(
            ValueError, match=rf"standard input, which '-' stands for, is {what}: lead a CSV file into it, as in .*, or give"
        ):
            load("-")
