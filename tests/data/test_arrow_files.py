"""Arrow IPC files and streams, and Feather: the same table gives the same rows as from Parquet."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather, ipc

from narrows.data import load

TABLE = {"a": np.arange(500, dtype=np.float32), "b": np.arange(500, dtype=np.float32) / 7}


def write_ipc(new, table, path):
    with new(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=100)


WRITERS = {
    "file.arrow": lambda table, path: write_ipc(ipc.new_file, table, path),
    "stream.arrows": lambda table, path: write_ipc(ipc.new_stream, table, path),
    "stream.arrow": lambda table, path: write_ipc(ipc.new_stream, table, path),
    "plain.feather": lambda table, path: feather.write_feather(table, str(path), compression="uncompressed"),
    "zstd.feather": lambda table, path: feather.write_feather(table, str(path), compression="zstd"),
    "polars.arrow": lambda table, path: pl.from_arrow(table).write_ipc(path),
    "pandas.feather": lambda table, path: table.to_pandas().to_feather(path),
}


@pytest.fixture(params=WRITERS)
def written(request, tmp_path):
    """Give what writes a table of columns by one of the writers, and its path."""

    def write(**columns):
        path = tmp_path / request.param
        WRITERS[request.param](pa.table(columns), path)
        return path

    return write


def test_names_and_types_are_kept(written):
    rows = load(written(**TABLE))

    assert rows.feature_names == ["a", "b"]
    assert rows.X.dtype == np.float32
    np.testing.assert_array_equal(rows.X, np.column_stack([TABLE["a"], TABLE["b"]]))


def test_labels_may_be_text_or_categories(written):
    kinds = np.array(["x", "yy"])[np.arange(500) % 2]
    for kind in (pa.array(kinds), pa.array(kinds).dictionary_encode()):
        rows = load(written(**TABLE, kind=kind), label="kind")

        assert rows.labels.tolist() == kinds.tolist()
        assert rows.feature_names == ["a", "b"]


@pytest.mark.parametrize(
    ("columns", "label", "words"),
    [
        ({"a": [1, 2], "city": ["Rome", "Oslo"]}, None, r"holds 'Rome' in column 'city', row 1, where a number is needed"),
        ({"a": [1.0, None]}, None, r"holds nan in column 'a', row 2, the only cell"),
        ({"a": [1.0]}, "kind", r"has no column 'kind': it has 'a'"),
        ({"a": pa.array([], pa.float32())}, None, r"has 0 rows and 1 columns"),
    ],
)
def test_bad_columns_are_named(written, columns, label, words):
    with pytest.raises(ValueError, match=words) as caught:
        load(written(**columns), label=label)
    assert "\n" not in str(caught.value)


def test_a_file_cut_anywhere_is_refused(written):
    """Also between two batches of a stream, which Arrow itself takes for its end."""
    path = written(**TABLE)
    content = path.read_bytes()

    for length in [*range(0, len(content), max(1, len(content) // 60)), len(content) - 1, len(content) - 8]:
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"' is (empty|cut short, damaged or no Arrow file|an Arrow stream without)") as caught:
            load(path)
        assert "\n" not in str(caught.value)


def test_damage_is_a_sentence_and_no_crash(python, tmp_path, written):
    """Bytes are changed one after the other: there are rows or there is a sentence, and the process lives."""
    path = written(kind=["x", "yyy", "z"] * 5, a=np.arange(15.0))
    code = f"""
import pathlib
from narrows.data import load
path = pathlib.Path({str(path)!r})
content = path.read_bytes()
step = max(1, len(content) // 80)
for place in range(0, len(content), step):
    damaged = bytearray(content)
    damaged[place] ^= 0xFF
    path.write_bytes(damaged)
    try:
        load(path, label="kind")
    except ValueError as problem:
        assert "\\n" not in str(problem), problem
print("alive")
"""
    assert python(code) == "alive\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"FEA1" + bytes(20), r"is of Feather's first version, which is no longer read: write it again as version 2"),
        (b"", r"is empty \(0 bytes\): write or copy it again"),
        (b"PK\3\4" + bytes(20), r"is cut short, damaged or no Arrow file \(.*\): write or copy it again"),
        (b"a,b\n1,2\n", r"is cut short, damaged or no Arrow file"),
    ],
)
def test_other_files_are_refused(tmp_path, content, words):
    path = tmp_path / "table.feather"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=words):
        load(path)


def test_pandas_own_types_are_numbers(tmp_path):
    """Nullable columns come as Arrow has them."""
    pd.DataFrame({"a": pd.array([1, 2], "Int64"), "b": pd.array([True, False], "boolean")}).to_feather(tmp_path / "table.feather")

    assert load(tmp_path / "table.feather").X.tolist() == [[1, 1], [2, 0]]
