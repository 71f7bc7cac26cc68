"""Rows that are gone through once: all of them, in chunks of one size, from any row on, from every kind of file."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import csv, feather, parquet

from narrows import data
from narrows.data.one_pass import one_pass

NAMES = ["a", "b", "c"]


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)


def table(rows: np.ndarray, names: list[str] = NAMES) -> pa.Table:
    return pa.table({name: rows[:, NAMES.index(name)].copy() for name in names})


def written(kind: str, folder, rows: np.ndarray) -> list[str]:
    """Write rows in two files, whose columns are in different orders where they have names."""
    first, second = table(rows[:600]), table(rows[600:], ["c", "a", "b"])
    paths = [str(folder / f"{name}.{kind}") for name in "pq"]
    for path, part, of_array in zip(paths, (first, second), (rows[:600], rows[600:]), strict=True):
        if kind == "parquet":
            parquet.write_table(part, path, row_group_size=70)
        elif kind == "feather":
            feather.write_feather(part, path, chunksize=70)
        elif kind == "csv":
            csv.write_csv(part, path)
        else:
            np.save(path, np.asfortranarray(of_array) if kind == "turned.npy" else of_array)
    return paths


def all_of(chunks) -> np.ndarray:
    return np.concatenate([chunk[:] for chunk in chunks])


KINDS = ["parquet", "feather", "csv", "npy", "turned.npy"]


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_are_the_rows_in_their_order(kind, rows, tmp_path):
    once = one_pass(written(kind, tmp_path, rows))

    chunks = list(once.chunks(size=128))

    assert [len(chunk) for chunk in chunks] == [128] * 7 + [104]
    found = all_of(chunks)
    np.testing.assert_array_equal(found.astype(np.float32), rows)
    assert once.stream.rows == (None if kind in ("csv", "feather") else 1000)
    assert chunks[0].feature_names == (None if kind.endswith("npy") else NAMES)
    np.testing.assert_array_equal(found, data.blocks(written(kind, tmp_path, rows))[:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", [1, 69, 70, 599, 600, 601, 999, 1000])
def test_from_any_row_on(kind, first, rows, tmp_path):
    chunks = list(one_pass(written(kind, tmp_path, rows)).chunks(first, 256))

    found = all_of(chunks) if chunks else np.empty((0, 3))
    np.testing.assert_array_equal(found.astype(np.float32), rows[first:])


def test_row_groups_and_files_before_the_first_row_are_not_decoded(rows, tmp_path, monkeypatch):
    paths = written("parquet", tmp_path, rows)
    once = one_pass(paths)
    asked = []

    class Watched(parquet.ParquetFile):
        def iter_batches(self, *given, row_groups, **options):
            asked.append((self.metadata.num_rows, list(row_groups)))
            return super().iter_batches(*given, row_groups=row_groups, **options)

    monkeypatch.setattr(parquet, "ParquetFile", Watched)

    list(once.chunks(600 + 150))

    assert asked == [(400, [2, 3, 4, 5])]
    asked.clear()
    monkeypatch.setattr("narrows.data.streams.TABLE_BYTES", 1)
    np.testing.assert_array_equal(all_of(one_pass(paths[0]).chunks()), rows[:600])
    assert asked == [
        (600, [0, 1, 2, 3]),
        (600, [4, 5, 6, 7]),
        (600, [8]),
    ]  # some 256 rows at a time: Arrow keeps what it is asked for at once


def test_a_folder_of_images(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (10, 4, 4), dtype=np.uint8)
    for place, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{place}.png")

    once = one_pass(tmp_path)

    assert once.stream.image_shape == (4, 4)
    np.testing.assert_array_equal(all_of(once.chunks(3, 4)), images[3:].reshape(7, 16))


@pytest.mark.parametrize("kind", KINDS)
def test_some_rows_are_taken(kind, rows, tmp_path, monkeypatch):
    once = one_pass(written(kind, tmp_path, rows))
    wanted = np.array([977, 3, 601, 70, 599])

    for most in (2**16, 64):  # by going through all, and by going to each
        monkeypatch.setattr("narrows.data.one_pass.MOST_ROWS", most)
        np.testing.assert_array_equal(once.take(wanted)[:].astype(np.float32), rows[wanted])
    assert once.take(np.array([], int)).shape == (0, 3)


@pytest.mark.parametrize("kind", ["parquet", "feather", "csv"])
def test_labels_come_with_the_rows(kind, rows, tmp_path):
    way = np.where(rows[:, 0] > 0, "up", "down")
    labeled = table(rows).append_column("way", pa.array(way))
    path = tmp_path / f"p.{kind}"
    {"parquet": parquet.write_table, "feather": feather.write_feather, "csv": csv.write_csv}[kind](labeled, path)
    once = one_pass(path, label="way")

    assert once.labeled
    assert np.concatenate([chunk.labels for chunk in once.chunks(5, 300)]).tolist() == way[5:].tolist()
    assert once.take(np.array([9, 2, 4])).labels.tolist() == way[[9, 2, 4]].tolist()


def test_who_goes_away_leaves_no_thread(rows, tmp_path):
    chunks = one_pass(written("parquet", tmp_path, rows)).chunks(size=10)
    next(chunks)
    chunks.close()

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("narrows-pass")]


def test_rows_are_known_by_their_files(rows, tmp_path):
    paths = written("csv", tmp_path, rows)
    before = one_pass(paths).identity()

    assert one_pass(paths).identity() == before
    assert one_pass(paths[::-1]).identity() != before
    (tmp_path / "q.csv").write_text("a,b,c\n1,2,3\n")
    assert one_pass(paths).identity() != before


@pytest.mark.parametrize("kind", ["parquet", "csv", "npy", "turned.npy"])
@pytest.mark.parametrize(("value", "said"), [(np.nan, "nan in column"), (1e300, "beyond the range of float32")])
def test_numbers_that_cannot_be_computed_with_are_refused(kind, value, said, rows, tmp_path):
    wrong = rows.astype(np.float64)
    wrong[700, 1] = value

    with pytest.raises(ValueError, match=said):
        list(one_pass(written(kind, tmp_path, wrong)).chunks())


def test_files_that_do_not_fit_are_refused_before_the_first_row(rows, tmp_path):
    paths = written("parquet", tmp_path, rows)
    parquet.write_table(table(rows, ["a", "b"]), paths[1])

    with pytest.raises(ValueError, match="has a column 'c'"):
        one_pass(paths)
