"""Large files tell how far they have been read, and give the same rows."""

from __future__ import annotations

import gzip

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import feather, parquet

from narrows.data import load


class Recorder:
    def __init__(self):
        self.said = []

    def begin(self, name, total, unit=""):
        self.said.append(("begin", name, total, unit))

    def advance(self, done, text=""):
        self.said.append(("advance", done))

    def end(self, text=""):
        self.said.append(("end", text))


ROWS = np.random.default_rng(0).integers(0, 256, (500, 6)).astype(np.uint8)
IDX = bytes([0, 0, 8, 2, 0, 0, 1, 0xF4, 0, 0, 0, 6]) + ROWS.tobytes()
TABLE = pa.table({f"c{column}": ROWS[:, column] for column in range(6)})
WRITERS = {
    "rows.npy": lambda path: np.save(path, ROWS),
    "columns.npy": lambda path: np.save(path, np.asfortranarray(ROWS)),
    "rows.npz": lambda path: np.savez(path, X=ROWS),
    "small.npz": lambda path: np.savez_compressed(path, X=ROWS),
    "rows.idx": lambda path: path.write_bytes(IDX),
    "rows.idx.gz": lambda path: path.write_bytes(gzip.compress(IDX)),
    "rows.csv": lambda path: np.savetxt(path, ROWS, "%d", ","),
    "rows.parquet": lambda path: parquet.write_table(TABLE, path),
    "rows.feather": lambda path: feather.write_feather(TABLE, str(path)),
}


@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize("name", WRITERS)
def test_large_files_are_told_of_and_read_the_same(tmp_path, monkeypatch, name, large):
    """One task in bytes, which never goes back, and is at its end before it ends."""
    WRITERS[name](tmp_path / name)
    monkeypatch.setattr("narrows.data.metering.AT_ONCE", 700)
    monkeypatch.setattr("narrows.data.numpy_files.AT_ONCE", 700)
    if large:
        monkeypatch.setattr("narrows.data.metering.LARGE", 1000)
    recorder, size = Recorder(), (tmp_path / name).stat().st_size

    np.testing.assert_array_equal(load(tmp_path / name, progress=recorder).X, ROWS)

    if not large:
        assert recorder.said == []
        return
    first, *told, last = recorder.said
    assert first == ("begin", f"reading {name}", size, "bytes")
    assert last == ("end", f"{size / 1e6:.1f} MB")
    done = [line[1] for line in told]
    assert done == sorted(done)
    assert len(done) > 1
    assert 0.8 * size < done[-1] <= size


def test_a_task_ends_also_where_reading_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("narrows.data.metering.LARGE", 10)
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,x\n")
    recorder = Recorder()

    with pytest.raises(ValueError, match="holds 'x'"):
        load(tmp_path / "rows.csv", progress=recorder)
    assert [line[0] for line in recorder.said].count("end") == 1


@pytest.mark.parametrize("many", [True, False])
def test_many_images_are_told_of(tmp_path, monkeypatch, many):
    monkeypatch.setattr("narrows.data.image_files.MANY", 5 if many else 50)
    monkeypatch.setattr("narrows.data.image_files._AT_ONCE", (2, 2))
    for number in range(5):
        Image.new("L", (2, 2)).save(tmp_path / f"{number}.png")
    recorder = Recorder()

    load(tmp_path, progress=recorder)

    told = [("begin", f"reading {tmp_path.name}", 5, "images"), ("advance", 2), ("advance", 4), ("advance", 5), ("end", "5 images")]
    assert recorder.said == (told if many else [])
