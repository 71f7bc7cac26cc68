"""IDX: MNIST's layout, with the labels beside the images."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from narrows.data import load
from narrows.data.idx import decode

CODES = {"u1": 8, "i1": 9, ">i2": 11, ">i4": 12, ">f4": 13, ">f8": 14}


def encoded(array: np.ndarray, dtype: str = "u1") -> bytes:
    return bytes([0, 0, CODES[dtype], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(dtype).tobytes()


IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


@pytest.mark.parametrize("dtype", CODES)
def test_every_type_of_the_format_is_read(dtype):
    """The values come back in the order of bytes of this machine."""
    array = decode(encoded(IMAGES, dtype), "it")

    assert array.dtype.isnative
    np.testing.assert_array_equal(array, IMAGES)


@pytest.mark.parametrize("name", ["images-ubyte", "images.idx", "train-images.idx3-ubyte", "images-ubyte.gz", "images.idx.gz"])
def test_images_are_flattened_rows(tmp_path, name):
    """Plain or gzipped, by any of the usual names."""
    content = encoded(IMAGES)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)

    rows = load(tmp_path / name)

    assert rows.X.dtype == np.uint8
    assert rows.image_shape == (4, 3)
    assert rows.labels is None
    np.testing.assert_array_equal(rows.X, IMAGES.reshape(2, 12))


@pytest.mark.parametrize(("images", "labels"), [("", ""), (".gz", ".gz"), (".gz", ""), ("", ".gz")])
def test_labels_beside_the_images_are_picked_up(tmp_path, images, labels):
    """Either file may be gzipped."""
    for name, array in ((f"t-images-idx3-ubyte{images}", IMAGES), (f"t-labels-idx1-ubyte{labels}", np.array([7, 3]))):
        content = encoded(array)
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)

    assert load(tmp_path / f"t-images-idx3-ubyte{images}").labels.tolist() == [7, 3]


def test_labels_of_other_rows_are_refused(tmp_path):
    """A labels file of another length is an error, not ignored."""
    (tmp_path / "images-idx3-ubyte").write_bytes(encoded(IMAGES))
    (tmp_path / "labels-idx1-ubyte").write_bytes(encoded(np.arange(3)))

    with pytest.raises(ValueError, match=r"labels-idx1-ubyte' has labels of shape \(3,\) and .* 2 rows; give one label per row, or move"):
        load(tmp_path / "images-idx3-ubyte")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"is empty \(0 bytes\): copy or download it again"),
        (b"PK\3\4aaaa", r"begins with the bytes 50 4b 03 04, which are not IDX's magic number"),
        (bytes([0, 0, 10, 2]) + encoded(IMAGES), r"which are not IDX's magic number"),
        (encoded(IMAGES)[:7], r"is cut short: 7 bytes end within the header"),
        (encoded(IMAGES)[:-1], r"cut short or damaged: its shape \(2, 4, 3\) needs 24 bytes after the header and 23 are there"),
        (encoded(IMAGES) + b"\0", r"needs 24 bytes after the header and 25 are there"),
        (gzip.compress(encoded(IMAGES), mtime=0)[:-9], r"is cut short or damaged \(.*\): copy or download it again"),
        (encoded(np.arange(3)), r"has the shape \(3,\); rows have the shape \(n, d\)"),
        (encoded(IMAGES[:0]), r"has 0 rows and 12 columns"),
    ],
    ids=["empty", "a zip", "another magic number", "half a header", "a byte short", "a byte more", "half a gzip", "one axis", "no rows"],
)
def test_bad_files_are_refused_in_one_sentence(tmp_path, content, words):
    """A header that does not fit its file is found before memory is taken."""
    (tmp_path / "images.idx").write_bytes(content)

    with pytest.raises(ValueError, match=words) as caught:
        load(tmp_path / "images.idx")
    assert "\n" not in str(caught.value)


def test_a_gzip_with_a_flipped_byte_is_refused(tmp_path):
    """gzip's own checksum is checked."""
    content = bytearray(gzip.compress(encoded(IMAGES), compresslevel=0))
    content[30] ^= 1
    (tmp_path / "images.idx.gz").write_bytes(content)

    with pytest.raises(ValueError, match=r"is cut short or damaged"):
        load(tmp_path / "images.idx.gz")


def test_a_label_name_is_refused(tmp_path):
    """IDX has no columns."""
    (tmp_path / "images.idx").write_bytes(encoded(IMAGES))

    with pytest.raises(ValueError, match=r"has no columns and no label 'y': labels are read from a file beside it"):
        load(tmp_path / "images.idx", label="y")
