""".npy and .npz: types and shapes that are kept, and files that are refused before anything in them runs."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from narrows.data import load


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


@pytest.mark.parametrize(
    ("came", "becomes"),
    [
        ("u1", "u1"),
        ("f4", "f4"),
        ("f8", "f8"),
        (">f4", "f4"),
        ("f2", "f4"),
        ("?", "f4"),
        ("i1", "f4"),
        ("u2", "f4"),
        ("i8", "f4"),
    ],
)
def test_types_become_the_smallest_that_holds_them(tmp_path, came, becomes):
    """uint8, float32 and float64 stay; whole numbers become float32 where it holds them exactly."""
    array = np.array([[0, 1], [1, 0], [1, 1]]).astype(came)
    np.save(tmp_path / "rows.npy", array)

    X = load(tmp_path / "rows.npy").X

    assert X.dtype == np.dtype(becomes)
    np.testing.assert_array_equal(X, array)


@pytest.mark.parametrize("large", [2**24 + 1, -(2**24) - 1])
def test_whole_numbers_that_float32_would_round_become_float64(tmp_path, large):
    """No value is changed on its way in."""
    np.save(tmp_path / "rows.npy", np.array([[large, 1]]))

    X = load(tmp_path / "rows.npy").X

    assert X.dtype == np.float64
    assert X[0, 0] == large


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 3, 2)])
def test_images_are_flattened_and_their_shape_is_kept(tmp_path, shape):
    """Each image is one row, pixel after pixel."""
    images = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    np.save(tmp_path / "images.npy", images)

    rows = load(tmp_path / "images.npy")

    assert rows.image_shape == shape[1:]
    np.testing.assert_array_equal(rows.X, images.reshape(5, -1))


def test_fortran_order_is_read_right(tmp_path):
    """The order of the bytes in the file does not matter."""
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.save(tmp_path / "rows.npy", array)

    np.testing.assert_array_equal(load(tmp_path / "rows.npy").X, array)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(5), r"has the shape \(5,\); rows have the shape \(n, d\), images .*: reshape it, array.reshape\(-1, 1\)"),
        (np.zeros(()), r"has the shape \(\); rows have the shape \(n, d\)"),
        (np.zeros((1, 2, 3, 4, 5)), r"has the shape \(1, 2, 3, 4, 5\); .*: make one row of each sample"),
        (np.zeros((0, 3)), r"has 0 rows and 3 columns; give one of each or more"),
        (np.zeros((3, 0)), r"has 3 rows and 0 columns"),
        (np.array([["a", "b"]]), r"holds text; rows are made of real numbers: convert it to float32, float64 or uint8"),
        (np.array([[1j]]), r"holds complex numbers; rows are made of real numbers"),
        (np.array([["2020-01-01"]], "M8[D]"), r"holds dates; rows are made of real numbers"),
        (np.array([(1, 2)], "i4,i4"), r"holds records; rows are made of real numbers"),
    ],
)
def test_arrays_that_are_no_rows_are_refused(tmp_path, array, words):
    """What came, what is allowed, what to do."""
    np.save(tmp_path / "rows.npy", array)

    with pytest.raises(ValueError, match=words):
        load(tmp_path / "rows.npy")


@pytest.mark.parametrize("save", [np.save, lambda path, array: np.savez(path, X=array)], ids=["npy", "npz"])
def test_objects_are_never_unpickled(tmp_path, monkeypatch, save):
    """A pickle in a file is refused by its header, before a byte of it is read."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ("rows.npy" if save is np.save else "rows.npz")
    save(path, np.array([[Bomb(), 1]], dtype=object))

    with pytest.raises(ValueError, match=r"holds Python objects, which are never read \(they could run code\)"):
        load(path)
    assert not Path("exploded").exists()


def test_a_bare_pickle_is_not_a_npy_file(tmp_path, monkeypatch):
    """numpy.load would unpickle such a file if it were allowed to; it is not even tried."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.npy").write_bytes(pickle.dumps(Bomb()))

    with pytest.raises(ValueError, match=r"is not a .npy file that can be read \(.*\): write it again with numpy.save"):
        load(tmp_path / "rows.npy")
    assert not Path("exploded").exists()


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_file_cut_anywhere_is_refused(tmp_path, suffix):
    """No length that is too short gives rows, and each gives one sentence."""
    whole = tmp_path / f"whole{suffix}"
    (np.save if suffix == ".npy" else np.savez)(whole, np.arange(60.0).reshape(20, 3))
    content, path = whole.read_bytes(), tmp_path / f"rows{suffix}"

    for length in range(0, len(content), max(1, len(content) // 20)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"rows.np[yz]' is (empty|cut short|damaged|not a .npy file)") as caught:
            load(path)
        assert "\n" not in str(caught.value)


def test_a_header_that_promises_too_much_asks_for_no_memory(tmp_path):
    """The size of the file is compared with the header's shape before memory is taken."""
    np.save(tmp_path / "rows.npy", np.zeros((10, 10)))
    content = (tmp_path / "rows.npy").read_bytes().replace(b"(10, 10), }      ", b"(10**0, 10), }   ".replace(b"10**0", b"99999"))
    (tmp_path / "rows.npy").write_bytes(content)

    with pytest.raises(ValueError, match=r"cut short or damaged: its shape \(99999, 10\) of float64 needs 7999920 bytes .* 800 are there"):
        load(tmp_path / "rows.npy")


def test_a_flipped_byte_in_a_npz_is_noticed(tmp_path):
    """The archive's own checksums are checked."""
    path = tmp_path / "rows.npz"
    np.savez(path, X=np.ones((20, 3)))
    content = bytearray(path.read_bytes())
    content[content.index(np.float64(1).tobytes()) + 3] ^= 1
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"is damaged or no .npz file \(Bad CRC-32.*\): write it again with numpy.savez"):
        load(path)


def test_a_header_that_breaks_off_is_refused(tmp_path):
    """It is a Python literal, which is read by Python's own tokenizer."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2,"
    (tmp_path / "rows.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)

    with pytest.raises(ValueError, match=r"rows.npy' is not a .npy file that can be read \(.*\): write it again"):
        load(tmp_path / "rows.npy")


@pytest.mark.parametrize("place", [-22, -19, -10, -7, -6, -3])
def test_damage_to_the_end_of_a_npz_is_noticed(tmp_path, place):
    """Its last bytes say where its directory is, and may point outside of the file."""
    path = tmp_path / "rows.npz"
    np.savez(path, X=np.ones((20, 3)))
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"rows.npz' is damaged or no .npz file \(.*\): write it again with numpy.savez"):
        load(path)


def test_a_label_is_refused_for_npy(tmp_path):
    """One array has no named columns."""
    np.save(tmp_path / "rows.npy", np.eye(2))

    with pytest.raises(
        ValueError, match=r"one array without column names, so it has no label 'y': use a .npz file with the arrays X and y"
    ):
        load(tmp_path / "rows.npy", label="y")


@pytest.mark.parametrize("rows", ["X", "rows", "anything"])
@pytest.mark.parametrize("labels", ["y", "labels", "kind"])
def test_npz_arrays_are_found_by_name_or_by_shape(tmp_path, rows, labels):
    """X, rows or the only matrix; y, labels or what is named."""
    np.savez(tmp_path / "rows.npz", **{rows: np.eye(3), labels: np.array(["a", "b", "c"])})

    loaded = load(tmp_path / "rows.npz", label="kind" if labels == "kind" else None)

    np.testing.assert_array_equal(loaded.X, np.eye(3))
    assert loaded.labels.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("y", [np.array([[1], [2]]), np.array([1, 2])])
def test_a_single_column_of_labels_is_taken_as_labels(tmp_path, y):
    """Shape (n, 1) and shape (n,) mean the same."""
    np.savez(tmp_path / "rows.npz", X=np.eye(2), y=y)

    assert load(tmp_path / "rows.npz").labels.tolist() == [1, 2]


def test_bytes_as_labels_become_text(tmp_path):
    """Labels are numbers or text."""
    np.savez_compressed(tmp_path / "rows.npz", X=np.zeros((2, 4, 4), np.uint8), y=np.array([b"a", b"bc"]))

    rows = load(tmp_path / "rows.npz")

    assert rows.labels.tolist() == ["a", "bc"]
    assert rows.image_shape == (4, 4)


@pytest.mark.parametrize(
    ("arrays", "label", "words"),
    [
        (
            {"a": np.eye(2), "b": np.zeros((3, 4))},
            None,
            r"more than one array .* \('a' of shape \(2, 2\), 'b' of shape \(3, 4\)\): name .* 'X'",
        ),
        ({"X": np.eye(2), "rows": np.eye(2)}, None, r"more than one array that could be the rows \('X' of shape \(2, 2\), 'rows'"),
        ({"a": np.zeros(2)}, None, r"holds no array of rows, of shape \(n, d\), but 'a' of shape \(2,\): save the rows under the name 'X'"),
        ({}, None, r"holds no array of rows, of shape \(n, d\), but no array at all"),
        ({"X": np.eye(2), "y": np.zeros(2), "labels": np.zeros(2)}, None, r"labels both as 'y' and as 'labels': name one of them"),
        ({"X": np.eye(2), "kind": np.zeros(2)}, "kinds", r"no array 'kinds': did you mean 'kind'\? it has 'X', 'kind'"),
        ({"X": np.eye(2), "y": np.zeros(3)}, None, r"2 rows in 'X' and 3 labels in 'y'; give one label per row"),
        ({"X": np.eye(2), "y": np.eye(2)}, None, r"array 'y' of .* has the shape \(2, 2\); labels have the shape \(n,\)"),
    ],
)
def test_npz_files_that_leave_a_question_are_refused(tmp_path, arrays, label, words):
    """The arrays that there are, and how to say which is meant."""
    np.savez(tmp_path / "rows.npz", **arrays)

    with pytest.raises(ValueError, match=words):
        load(tmp_path / "rows.npz", label=label)


def test_what_else_is_in_an_archive_is_left_alone(tmp_path):
    """Only arrays are looked at."""
    np.savez(tmp_path / "rows.npz", X=np.eye(2))
    with zipfile.ZipFile(tmp_path / "rows.npz", "a") as archive:
        archive.writestr("README.txt", "hello")

    assert load(tmp_path / "rows.npz").X.shape == (2, 2)
