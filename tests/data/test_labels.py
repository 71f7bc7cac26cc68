"""Labels in a file of their own: one for each row, or a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from narrows.data import load

IMAGES = np.arange(24, dtype=np.uint8).reshape(3, 4, 2)


def idx(labels) -> bytes:
    return bytes([0, 0, 8, 1, 0, 0, 0, len(labels)]) + bytes(labels)


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """Give the path of three rows without labels."""
    monkeypatch.chdir(tmp_path)
    np.save("images.npy", IMAGES)
    return "images.npy"


@pytest.mark.parametrize(
    "labels", [np.array([3, 1, 2]), np.array([[3], [1], [2]]), np.array(["a", "b", "a"]), np.array([b"a", b"b", b"a"])]
)
def test_npy_labels(rows, labels):
    np.save("labels.npy", labels)

    found = load(rows, label="labels.npy").labels

    assert found.tolist() == np.char.decode(labels, "utf-8").tolist() if labels.dtype.kind == "S" else labels.ravel().tolist()


@pytest.mark.parametrize("name", ["labels.idx", "t-labels-idx1-ubyte"])
def test_idx_labels(rows, tmp_path, name):
    (tmp_path / name).write_bytes(idx([3, 1, 2]))

    assert load(rows, label=str(tmp_path / name)).labels.tolist() == [3, 1, 2]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("3\n1\n2\n", [3, 1, 2]),
        ("label\n3\n1\n2\n", [3, 1, 2]),
        ("cat\ndog\ncat", ["cat", "dog", "cat"]),
        ("kind\ncat\ndog\ncat\n", ["cat", "dog", "cat"]),
        ('"a, b"\nc\nd\n', ["a, b", "c", "d"]),
    ],
    ids=["numbers", "numbers below a header", "text", "text below a header", "quoted"],
)
def test_csv_labels(rows, tmp_path, text, labels):
    """The first line is a header if there is one line too many, and only then."""
    (tmp_path / "labels.csv").write_text(text)

    assert load(rows, label="labels.csv").labels.tolist() == labels


def test_labels_of_several_files_and_instead_of_those_beside(rows, tmp_path):
    np.save("labels.npy", np.arange(6))
    assert load([rows, rows], label="labels.npy").labels.tolist() == [0, 1, 2, 3, 4, 5]

    (tmp_path / "images.idx").write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 1, 7, 8, 9]))
    (tmp_path / "labels.idx").write_bytes(idx([3, 1, 2]))
    np.save("others.npy", np.array([5, 5, 6]))
    assert load("images.idx").labels.tolist() == [3, 1, 2]
    assert load("images.idx", label="others.npy").labels.tolist() == [5, 5, 6]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("y.npy", np.arange(2), r"'y.npy' has 2 labels and images.npy 3 rows: give one label for each row, in their order"),
        ("y.idx", idx([1, 2, 3, 4]), r"'y.idx' has 4 labels and images.npy 3 rows"),
        ("y.csv", b"1\n2\n", r"'y.csv' has 2 labels and images.npy 3 rows"),
        ("y.csv", b"7\n1\n2\n3\n", r"'y.csv' has 4 labels and images.npy 3 rows"),
        ("y.csv", b"1,2\n2,3\n3,4\n", r"'y.csv' has 2 columns; a file of labels has one: leave out the others"),
        ("y.csv", b"", r"'y.csv' is empty"),
        ("y.csv", b'1\n""\n3\n', r"'y.csv' has no label in its only column, row 2, the first of 1"),
        ("y.npy", np.eye(3), r"'y.npy' has the shape \(3, 3\); labels have the shape \(n,\)"),
        ("y.npy", np.array([1, np.nan, 2]), r"'y.npy' holds nan in row 2, where a label is needed: fill it in"),
        ("y.npy", np.array([1j, 2, 3]), r"'y.npy' holds complex numbers"),
        ("y.npy", b"nonsense", r"'y.npy' is not a .npy file that can be read"),
        ("y.idx", idx([1, 2, 3])[:-1], r"'y.idx' is cut short or damaged"),
    ],
)
def test_labels_that_do_not_fit_are_refused(rows, tmp_path, name, content, words):
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    else:
        np.save(name, content)

    with pytest.raises(ValueError, match=words) as caught:
        load(rows, label=name)
    assert "\n" not in str(caught.value)


def test_a_file_of_labels_that_is_not_there(rows):
    with pytest.raises(FileNotFoundError, match=r"there is no file of labels 'nowhere.npy': check the path"):
        load(rows, label="nowhere.npy")


def test_named_sets_have_labels_of_their_own(rows):
    with pytest.raises(ValueError, match=r"data set 'digits' brings its own labels; a label such as 'y.npy' is for files"):
        load("digits", label="y.npy")


def test_a_label_may_be_optional(rows, tmp_path):
    """So that rows without it can be encoded by a model that left it out."""
    (tmp_path / "with.csv").write_text("a,kind\n1,x\n")
    (tmp_path / "without.csv").write_text("a\n1\n")

    assert load("with.csv", label="kind", label_optional=True).labels.tolist() == ["x"]
    assert load("without.csv", label="kind", label_optional=True).labels is None
    assert load(rows, label="kind", label_optional=True).labels is None
    with pytest.raises(ValueError, match=r"'without.csv' has no column 'kind'"):
        load("without.csv", label="kind")
