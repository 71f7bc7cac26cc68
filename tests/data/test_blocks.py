"""Rows in blocks: the same numbers as in memory, whatever they come from, and one sentence for what is wrong."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import csv, feather, parquet

from narrows import data

NAMES = list("abcde")


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1000, 5)).astype(np.float32)


@pytest.fixture
def parts(rows, tmp_path):
    np.save(tmp_path / "a.npy", rows[:400])
    np.save(tmp_path / "b.npy", rows[400:])
    return tmp_path


def test_files_are_one_matrix(parts, rows):
    blocks = data.blocks([parts / "a.npy", parts / "b.npy"])

    assert (blocks.shape, blocks.dtype, len(blocks), blocks.nbytes) == (rows.shape, rows.dtype, 1000, rows.nbytes)
    np.testing.assert_array_equal(blocks[350:460], rows[350:460])
    np.testing.assert_array_equal(blocks[:], rows)
    assert blocks[400:400].shape == (0, 5)


@pytest.mark.parametrize("source", ["{}/*.npy", "{}"])
def test_a_pattern_and_a_folder_are_its_files(parts, rows, source):
    np.testing.assert_array_equal(data.blocks(source.format(parts))[:], rows)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 20), st.integers(0, 99), st.integers(0, 99))
def test_what_is_held_out_is_left_out(seed, first, second, start, stop):
    rows = np.arange(100.0, dtype=np.float32)[:, None]
    rng = np.random.default_rng(seed)

    rest, held, numbers = data.blocks(rows).hold_out(first, rng)
    again, held_again, numbers_again = rest.hold_out(second, rng)

    left = np.delete(rows, numbers, 0)
    np.testing.assert_array_equal(held, rows[numbers])
    np.testing.assert_array_equal(rest[start:stop], left[start:stop])
    np.testing.assert_array_equal(held_again, left[numbers_again])
    np.testing.assert_array_equal(again[start:stop], np.delete(left, numbers_again, 0)[start:stop])
    some = np.unique(rng.integers(0, len(again), 5))
    np.testing.assert_array_equal(again.take(some), again[:][some])


def test_a_sample_is_of_the_rows(rows):
    found, numbers = data.blocks(rows).sample(most=100)

    np.testing.assert_array_equal(found, rows[numbers])
    assert len(set(numbers)) == 100


def written(kind: str, folder, rows: np.ndarray):
    table = pa.table([pa.array(column) for column in rows.T.copy()], names=NAMES).append_column("y", pa.array(np.arange(len(rows)) % 3))
    path = folder / f"table{kind}"
    if kind == ".parquet":
        parquet.write_table(table, path, row_group_size=100)
    elif kind == ".csv":
        csv.write_csv(table, path)
    else:
        feather.write_feather(table, path)
    return path


@pytest.mark.parametrize("kind", [".parquet", ".csv", ".feather"])
def test_tables_are_read_with_names_and_labels(kind, rows, tmp_path):
    blocks = data.blocks(written(kind, tmp_path, rows), label="y")

    np.testing.assert_allclose(blocks[:], rows)
    assert blocks.feature_names == NAMES
    np.testing.assert_array_equal(blocks.labels, np.arange(1000) % 3)


@pytest.mark.parametrize("kind", [".parquet", ".csv", ".feather"])
def test_what_is_converted_is_what_would_be_loaded(kind, rows, tmp_path):
    path = written(kind, tmp_path, rows)

    made = data.convert(path, tmp_path / "rows.npy", label="y")

    np.testing.assert_allclose(np.load(tmp_path / "rows.npy"), data.load(path, label="y").X)
    assert (made.shape, made.names) == ((1000, 5), NAMES)


def test_converting_takes_a_type(rows, tmp_path):
    data.convert(written(".csv", tmp_path, rows), tmp_path / "rows.npy", label="y", dtype="float32")

    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), rows)
    with pytest.raises(ValueError, match="uint8 cannot hold"):
        data.convert(tmp_path / "rows.npy", tmp_path / "bytes.npy", dtype="uint8")
    assert not (tmp_path / "bytes.npy").exists()


def test_images_are_read_with_the_names_of_their_folders(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 5), np.uint8)
    for place, image in enumerate(images):
        folder = tmp_path / "pictures" / ("even" if place < 3 else "odd")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{place}.png")

    blocks = data.blocks(tmp_path / "pictures")

    np.testing.assert_array_equal(blocks[:], images.reshape(6, 20))
    assert blocks.image_shape == (4, 5)
    assert blocks.labels.tolist() == ["even"] * 3 + ["odd"] * 3


def test_an_iterable_of_blocks_may_be_gone_through_once(rows):
    blocks = data.blocks(rows[start : start + 300] for start in range(0, 1000, 300))

    np.testing.assert_array_equal(blocks[:], rows)
    np.testing.assert_array_equal(blocks[:], rows)


def test_other_orders_and_types_are_converted(rows, tmp_path):
    np.save(tmp_path / "columns.npy", np.asfortranarray(rows))
    np.save(tmp_path / "whole.npy", np.arange(10)[:, None])

    np.testing.assert_array_equal(data.blocks(tmp_path / "columns.npy")[:], rows)
    assert data.blocks(tmp_path / "whole.npy").dtype == np.float64


def test_a_label_file_goes_with_the_rows(parts, rows):
    np.save(parts / "labels.npy", np.arange(1000))

    blocks = data.blocks([parts / "a.npy", parts / "b.npy"], label=str(parts / "labels.npy"))

    np.testing.assert_array_equal(blocks.labels, np.arange(1000))
    rest, _, numbers = blocks.hold_out(10, np.random.default_rng(0))
    np.testing.assert_array_equal(rest.labels, np.delete(np.arange(1000), numbers))


def nothing_left(rows, tmp_path):
    def blocks():
        yield rows
        raise RuntimeError("the cable is out")

    return blocks()


def test_an_iterable_that_raises_is_heard(rows, tmp_path):
    with pytest.raises(RuntimeError, match="the cable is out"):
        data.blocks(nothing_left(rows, tmp_path))


BAD_BLOCKS = {
    "no block": (lambda rows: iter(()), "before the first"),
    "other width": (lambda rows: [rows, rows[:, :3]], r"block 2 has rows of shape \(3,\) and the first of \(5,\)"),
    "other type": (lambda rows: [rows, rows.astype(np.float64)], "block 2 holds float64 and the first float32"),
    "one dimension": (lambda rows: [rows[0]], "block 1 of the rows has the shape"),
    "text": (lambda rows: [rows, np.array([["a"] * 5])], "block 2 of the rows holds text"),
    "no rows": (lambda rows: [rows, rows[:0]], "block 2 of the rows has the shape"),
}


@pytest.mark.parametrize("name", BAD_BLOCKS)
def test_blocks_that_do_not_fit(name, rows):
    make, said = BAD_BLOCKS[name]

    with pytest.raises(ValueError, match=said):
        data.blocks(block for block in make(rows))


def test_numbers_that_are_not_finite_are_refused_where_they_are(parts, rows):
    rows[450, 2] = np.nan
    np.save(parts / "b.npy", rows[400:])
    blocks = data.blocks(parts)

    blocks[:450]
    with pytest.raises(ValueError, match=r"'b.npy', from row 1 on, holds nan in column 3, row 51"):
        blocks[300:500]


def test_a_file_that_disappears_or_changes_is_told(parts, rows):
    blocks = data.blocks(parts)
    np.save(parts / "b.npy", rows[:600] + 1)
    os.utime(parts / "b.npy", ns=(0, 0))

    blocks[:400]
    with pytest.raises(ValueError, match=r"b\.npy' has changed while it was read"):
        blocks[350:450]
    (parts / "a.npy").unlink()
    with pytest.raises(ValueError, match=r"a\.npy' has disappeared"):
        blocks[:10]


def differing(parts, rows, kind):
    if kind == "width":
        np.save(parts / "b.npy", rows[400:, :4])
    if kind == "type":
        np.save(parts / "b.npy", rows[400:].astype(np.float64))
    if kind == "image":
        np.save(parts / "b.npy", rows[400:].reshape(-1, 5, 1))
    return parts


@pytest.mark.parametrize("kind", ["width", "type", "image"])
def test_files_that_differ(parts, rows, kind):
    with pytest.raises(ValueError, match="give files of one"):
        data.blocks(differing(parts, rows, kind))


def test_tables_that_differ(tmp_path):
    for name, columns in (("a", {"x": [1.0], "y": [2.0]}), ("b", {"x": [1.0], "z": [2.0]})):
        parquet.write_table(pa.table(columns), tmp_path / f"{name}.parquet")

    with pytest.raises(ValueError, match=r"only one of .* has a column 'y'"):
        data.blocks(tmp_path / "*.parquet")


def test_the_columns_of_several_tables_may_stand_in_any_order(tmp_path):
    parquet.write_table(pa.table({"x": [1.0], "y": [2.0]}), tmp_path / "a.parquet")
    parquet.write_table(pa.table({"y": [4.0], "x": [3.0]}), tmp_path / "b.parquet")

    assert data.blocks(tmp_path / "*.parquet")[:].tolist() == [[1, 2], [3, 4]]


def test_a_column_that_changes_its_type_halfway(tmp_path):
    parquet.write_table(pa.table({"x": [1.0, 2.0]}), tmp_path / "a.parquet")
    parquet.write_table(pa.table({"x": ["one", "two"]}), tmp_path / "b.parquet")

    with pytest.raises(ValueError, match=r"b\.parquet' holds 'one' in column 'x'"):
        data.blocks(tmp_path / "*.parquet")


def test_a_csv_file_with_a_word_far_down(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n" + "1,2\n" * 300_000 + "1,two\n")

    with pytest.raises(ValueError, match=r"a\.csv' cannot be read as CSV.*two"):
        data.blocks(tmp_path / "a.csv")


def test_a_parquet_file_that_is_cut_off(rows, tmp_path):
    path = written(".parquet", tmp_path, rows)
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(ValueError, match="cut short, damaged or no Parquet file"):
        data.blocks(path)


def test_row_groups_without_rows_are_passed_over(tmp_path):
    table = pa.table({"x": [1.0, 2.0]})
    with parquet.ParquetWriter(tmp_path / "a.parquet", table.schema) as writer:
        for part in (table, table[:0], table):
            writer.write_table(part)

    assert data.blocks(tmp_path / "a.parquet")[:].tolist() == [[1], [2], [1], [2]]
    parquet.write_table(table[:0], tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="there are no rows"):
        data.blocks(tmp_path / "none.parquet")


def test_bytes_with_holes_are_refused(tmp_path):
    parquet.write_table(pa.table({"x": pa.array([1, None], pa.uint8())}), tmp_path / "a.parquet")

    with pytest.raises(ValueError, match="without a value in column 'x'"):
        data.blocks(tmp_path / "a.parquet")


def test_a_full_disk_is_told_and_leaves_nothing(rows, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("narrows.data.converting.shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1000}))

    with pytest.raises(OSError, match=r"could not be written into a temporary file .*0\.0 GB are needed"):
        data.blocks(rows.astype(np.int64))
    assert not list(tmp_path.iterdir())


def test_only_rows_that_follow_one_another_are_sliced(rows):
    blocks = data.blocks(rows)

    for wrong in (3, slice(0, 10, 2), [1, 2]):
        with pytest.raises(TypeError, match="rows that follow one another"):
            blocks[wrong]
