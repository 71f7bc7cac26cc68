"""Bodies of requests: all forms give the same rows, and what is wrong is one sentence."""

from __future__ import annotations

import contextlib
import io
import json
import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv, feather, ipc

from narrows.serve import _bodies
from narrows.serve._bodies import ARROW, CSV, JSON, NPY, Wanted, read, type_of
from narrows.serve._refusals import Refusal
from narrows.serve._settings import Limits

NAMES = ("a", "b", "c")
WANTED = Wanted("rows", 3, NAMES, Limits(rows=50, text=500))
BARE = Wanted("rows", 3, None, Limits(rows=50, text=500))
ROWS = np.array([[1.5, -2.0, 3.0], [0.25, 1e6, -7.0]])


def npy(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def arrow(table, options=None):
    stream = io.BytesIO()
    with ipc.new_stream(stream, table.schema, options=options) as writer:
        writer.write_table(table)
    return stream.getvalue()


def table(rows=ROWS, names=NAMES):
    return pa.table({name: rows[:, place] for place, name in enumerate(names)})


def as_csv(table):
    stream = io.BytesIO()
    csv.write_csv(table, stream)
    return stream.getvalue()


def refusal(kind, body, wanted=WANTED):
    with pytest.raises(Refusal) as problem:
        read(kind, body, wanted)
    assert problem.value.status in (400, 413)
    assert "\n" not in problem.value.text
    return problem.value.text


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, json.dumps({"rows": ROWS.tolist()}).encode()),
        (JSON, json.dumps(ROWS.tolist()).encode()),
        (JSON, json.dumps(ROWS.tolist()).encode("utf-8-sig")),
        (JSON, json.dumps(ROWS.tolist()).encode("utf-16")),
        (JSON, json.dumps([dict(zip(NAMES, row, strict=True)) for row in ROWS.tolist()]).encode()),
        (CSV, as_csv(table())),
        (CSV, b"1.5,-2,3\n0.25,1e6,-7\n"),
        (CSV, b"\xef\xbb\xbf1.5;-2;3\r\n0.25;1e6;-7\r\n"),
        (CSV, b"c,b,a\n3,-2,1.5\n-7,1e6,0.25\n"),
        (NPY, npy(ROWS)),
        (NPY, npy(np.asfortranarray(ROWS))),
        (NPY, npy(ROWS.astype(">f8"))),
        (NPY, npy(ROWS.astype(np.float32))),
        (ARROW, arrow(table())),
        (ARROW, arrow(table().select(["c", "a", "b"]).append_column("more", pa.array([1, 2])))),
    ],
)
def test_every_form_gives_the_same_rows(kind, body):
    np.testing.assert_array_equal(read(kind, body, WANTED), ROWS)


def test_feather_files_are_arrow_s(tmp_path):
    feather.write_feather(table(), tmp_path / "rows.feather", compression="uncompressed")

    np.testing.assert_array_equal(read(ARROW, (tmp_path / "rows.feather").read_bytes(), WANTED), ROWS)


def test_types_of_numbers_that_scaling_is_exact_for_stay():
    assert read(NPY, npy(np.ones((2, 3), np.uint8)), BARE).dtype == np.uint8
    assert read(NPY, npy(np.ones((2, 3), np.float32)), BARE).dtype == np.float32
    assert read(NPY, npy(np.ones((2, 3), np.int16)), BARE).dtype == np.float64


def test_images_come_as_their_pixels():
    wanted = Wanted("rows", 6, None, Limits())

    assert read(NPY, npy(np.arange(12.0).reshape(2, 2, 3)), wanted).shape == (2, 6)
    assert read(JSON, json.dumps(np.arange(12.0).reshape(2, 2, 3).tolist()).encode(), wanted).shape == (2, 6)


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        (JSON, b"[[1,2]]", "rows of this model have 3 numbers each, in an array of shape n×3: 1×2 came"),
        (JSON, b"[[1,2,3],[1,2]]", '"rows" must be lists of equally many numbers'),
        (JSON, b'[[1,2,"3"]]', '"rows" must be lists of numbers, without text, null, true or false'),
        (JSON, b"[[1,2,null]]", '"rows" must be lists of numbers, without text, null, true or false'),
        (JSON, b"[[1,2,NaN]]", "the body is no JSON: unexpected character"),
        (JSON, b"[[1,2,1e999]]", "the body is no JSON: number is infinity"),
        (JSON, b"[]", 'send {"rows": [[…], …]}, with one at least'),
        (JSON, b'{"codes": [[1]]}', 'send {"rows": [[…], …]}, or the list alone'),
        (JSON, b'[{"a": 1, "b": 2}]', "a row has no 'c': each needs all of the model's columns"),
        (JSON, b"\xff", "the body is not text in UTF-8"),
        (JSON, b"[" * 400, "the body is no JSON"),
        (JSON, b"[[" + b"1," * 600 + b"1]]", "this JSON has more than 500 values: send .npy, Arrow or binary tensors"),
        (JSON, json.dumps([[1, 2, 3]] * 51).encode(), "51 rows came, and 50 are allowed: send them in parts"),
        (CSV, b"1,2\n", "rows of this model have 3 numbers each, in an array of shape n×3: 1×2 came"),
        (CSV, b"a,b,d\n1,2,3\n", "the table has no column 'c': it needs all of the model's columns"),
        (CSV, b"a,b,c\n1,x,3\n", "the body holds 'x' in column 'b', row 1, where a number is needed"),
        (CSV, b"a,b,c\n1,,3\n", "row 1 holds no finite number in column 2: fill it in, or leave the row out"),
        (CSV, b"1,2,3\n" * 300, "this CSV has more than 500 cells: send .npy or Arrow"),
        (CSV, b",".join([b"1"] * 400), "the table has 400 columns, and rows of this model have 3 numbers: leave the others out"),
        (CSV, b"", "the body is empty"),
        (NPY, npy(np.array([[1, "x", None]], object), allow_pickle=True), "the body is no .npy file of numbers, or was cut short"),
        (NPY, npy(np.array([["a", "b", "c"]])), "the body is no .npy file of numbers, or was cut short"),
        (NPY, npy(ROWS)[:-1], "the body was cut short, or is longer than its shape"),
        (NPY, npy(ROWS) + b"x", "the body was cut short, or is longer than its shape"),
        (NPY, npy(ROWS).replace(b"(2, 3)", b"(2, 9" + b"9" * 70 + b")"), "the body is no .npy file"),
        (NPY, b"PK\x03\x04", "the body is no .npy file: write it with numpy.save"),
        (NPY, npy(np.ones((2, 3), complex)), "the body is no .npy file of numbers"),
        (NPY, npy(np.full((1, 3), np.inf)), "row 1 holds no finite number in column 1"),
        (ARROW, b"", "the body is no Arrow stream, or is damaged"),
        (ARROW, arrow(table())[:-50], "the body is no Arrow stream, or is damaged"),
        (ARROW, arrow(pa.table({"a": ["x"]})), "column 'a' is of the type string: send numbers"),
        (ARROW, arrow(pa.table({"a": pa.array(["x"]).dictionary_encode()})), "the body has dictionaries, which stand for text"),
        (ARROW, arrow(pa.table({"a": pa.nulls(10**6)})), "column 'a' is of the type null: send numbers"),
        (ARROW, arrow(table(), ipc.IpcWriteOptions(compression="lz4")), "the body is compressed: write it without compression"),
    ],
)
def test_what_is_wrong_is_said(kind, body, said):
    assert said in refusal(kind, body)


def test_columns_that_lie_on_one_another_are_not_unfolded():
    """Twenty columns of two buffers: each is whole, and all of them are ten times what came."""
    n, d = 4096, 20
    whole = arrow(pa.table({f"c{place}": np.zeros(n, np.int8) for place in range(d)}))
    assert read(ARROW, whole, Wanted("rows", d, None, Limits())).shape == (n, d)
    for place in range(2, d):
        buffer = struct.pack("<qq", place * n, n)
        assert whole.count(buffer) == 1
        whole = whole.replace(buffer, struct.pack("<qq", 0, n))
    whole = whole.replace(struct.pack("<q", d * n), struct.pack("<q", 2 * n))
    start = len(whole) - 8 - d * n

    assert "shorter than the rows that it announces" in refusal(
        ARROW, whole[: start + 2 * n] + whole[-8:], Wanted("rows", d, None, Limits())
    )


@pytest.mark.parametrize(
    ("header", "kind"),
    [(None, JSON), ("application/json; charset=utf-8", JSON), ("TEXT/CSV", CSV), ("application/octet-stream", NPY), (ARROW, ARROW)],
)
def test_content_types(header, kind):
    assert type_of(header) == kind


def test_an_unknown_type_is_refused():
    with pytest.raises(Refusal, match=r"content type 'application/x-pickle' is not read here: send application/json, text/csv") as problem:
        type_of("application/x-pickle")
    assert problem.value.status == 415


SOUND = [(JSON, json.dumps(ROWS.tolist()).encode()), (CSV, as_csv(table())), (NPY, npy(ROWS)), (ARROW, arrow(table()))]


@given(st.sampled_from(SOUND), st.data())
def test_damaged_bodies_are_read_or_refused_and_nothing_else(sound, data):
    kind, body = sound
    damaged = bytearray(body)
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=8)):
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        found = read(kind, bytes(damaged[: data.draw(st.integers(0, len(damaged)))]), WANTED)
    except Refusal:
        return
    assert found.shape[1] == 3
    assert np.isfinite(found).all()


@given(st.sampled_from([JSON, CSV, NPY, ARROW]), st.binary(max_size=300))
def test_any_bytes_are_refused(kind, body):
    with contextlib.suppress(Refusal):
        assert _bodies.read(kind, body, BARE).shape[1] == 3
