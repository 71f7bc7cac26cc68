"""The Open Inference Protocol, version 2: requests as they are sent, and what is wrong with others."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.serve._bodies import Wanted
from narrows.serve._refusals import Refusal
from narrows.serve._settings import Limits
from narrows.serve._tensors import TYPES, Inference, read, write

WANTED = Wanted("rows", 3, None, Limits(rows=50, text=2000))
OFFERED = {"codes": 2, "error": 1}
ROWS = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def binary(rows=ROWS, kind="FP32", **changes):
    data = np.ascontiguousarray(rows, TYPES[kind]).tobytes()
    tensor = {"name": "rows", "shape": list(rows.shape), "datatype": kind, "parameters": {"binary_data_size": len(data)}} | changes
    header = json.dumps({"inputs": [tensor]}).encode()
    return header + data, str(len(header))


def listed(**changes):
    tensor = {"name": "rows", "shape": [2, 3], "datatype": "FP32", "data": ROWS.ravel().tolist()} | changes
    return json.dumps({"inputs": [{name: value for name, value in tensor.items() if value is not None}]}).encode(), None


def refusal(body, length):
    with pytest.raises(Refusal) as problem:
        read(body, length, WANTED, OFFERED)
    assert problem.value.status in (400, 413)
    assert "\n" not in problem.value.text
    return problem.value.text


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_as_binary_and_as_json(kind):
    np.testing.assert_array_equal(read(*binary(kind=kind), WANTED, OFFERED).rows, ROWS)
    np.testing.assert_array_equal(read(*listed(datatype=kind), WANTED, OFFERED).rows, ROWS)


@pytest.mark.parametrize("spaces", range(8))
@pytest.mark.parametrize("kind", ["FP32", "FP64"])
def test_numbers_lie_straight_whatever_the_length_of_the_header(kind, spaces):
    body, length = binary(kind=kind)
    moved = body[: int(length)] + b" " * spaces + body[int(length) :]

    for _ in range(2):  # the header is remembered
        rows = read(moved, str(int(length) + spaces), WANTED, OFFERED).rows
        np.testing.assert_array_equal(rows, ROWS)
        assert rows.flags.aligned


def test_nested_lists_are_as_good_as_flat_ones():
    np.testing.assert_array_equal(read(*listed(data=ROWS.tolist()), WANTED, OFFERED).rows, ROWS)


def test_all_outputs_are_given_where_none_is_asked_for():
    assert read(*listed(), WANTED, OFFERED).outputs == {"codes": False, "error": False}


def test_outputs_are_binary_where_they_are_asked_to_be():
    said = json.loads(listed()[0]) | {"parameters": {"binary_data_output": True}}
    assert read(json.dumps(said).encode(), None, WANTED, OFFERED).outputs == {"codes": True, "error": True}

    said["outputs"] = [{"name": "error", "parameters": {"binary_data": False}}]
    assert read(json.dumps(said).encode(), None, WANTED, OFFERED).outputs == {"error": False}


def test_answers_can_be_read_back():
    found = {"codes": np.array([[1, 2], [3, 4]], np.float32), "error": np.array([[0.5], [np.inf]])}
    content, headers = write("m", Inference(ROWS, {"codes": True, "error": False}, "seven"), found)

    length = int(headers["inference-header-content-length"])
    said = json.loads(content[:length])
    assert said["id"] == "seven"
    assert said["outputs"] == [
        {"name": "codes", "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}},
        {"name": "error", "datatype": "FP64", "shape": [2, 1], "data": [0.5, None]},
    ]
    np.testing.assert_array_equal(np.frombuffer(content[length:], np.float32), [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ((b"{}", None), 'the JSON must be an object with "inputs", a list'),
        ((b'{"inputs": []}', None), 'this model has one input, "rows"'),
        (listed(name="row"), 'this model has one input, "rows"'),
        (listed(datatype="BYTES"), 'input "rows" must have a "datatype" among FP32'),
        (listed(datatype=None), 'input "rows" must have a "datatype" among FP32'),
        (listed(shape=[2, -3]), 'input "rows" must have a "shape" such as [1, 3]'),
        (listed(shape=[True, 3]), 'input "rows" must have a "shape" such as [1, 3]'),
        (listed(shape=[3, 3]), '"data" has 6 numbers, and shape [3, 3] takes 9'),
        (listed(shape=[0, 3], data=[]), "no rows came: send one at least"),
        (listed(shape=[2**39, 2**39, 2**39]), "rows came, and 50 are allowed"),
        (listed(data=None), 'input "rows" must have "data", a list of numbers, or "binary_data_size"'),
        (listed(data=[1, 2, "x", 4, 5, 6]), '"data" must be lists of numbers'),
        (listed(datatype="INT8", data=[0.5] * 6), '"data" has fractions, which its "datatype" cannot hold'),
        (listed(data=[1e39] + [0] * 5), "row 1 holds no finite number in column 1"),
        (binary(shape=[3, 3]), "shape [3, 3] of FP32 takes 36 bytes, 24 were announced, and 24 came behind the JSON"),
        (binary(parameters={"binary_data_size": 23}), "takes 24 bytes, 23 were announced, and 24 came"),
        (binary(parameters={"binary_data_size": "24"}), '"binary_data_size" must be a number of bytes'),
        (binary(parameters={}), "binary data behind its JSON that no input speaks of"),
        (binary(parameters={"shared_memory_region": "x"}), "tensors in shared memory are not offered"),
        (binary(data=[1]), '"data" be left out beside it'),
        (binary(np.full((1, 3), np.nan)), "row 1 holds no finite number in column 1"),
        ((binary()[0], "9999999"), "must be the length of the JSON that the body begins with"),
        ((binary()[0], "-1"), "must be the length of the JSON that the body begins with"),
        ((binary()[0], "²"), "must be the length of the JSON that the body begins with"),
        ((binary()[0], "3"), "the body is no JSON"),
    ],
)
def test_what_is_wrong_is_said(request_, said):
    assert said in refusal(*request_)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"outputs": [{"name": "nothing"}]}, "this model has no output 'nothing': it has codes, error"),
        ({"outputs": [{"name": "codes"}, {"name": "codes"}]}, "output 'codes' is asked for twice"),
        ({"outputs": [{}]}, '"outputs" must be a list of objects with a "name"'),
        ({"outputs": [{"name": "codes", "parameters": {"classification": 3}}]}, "the classification extension is not offered"),
        ({"parameters": [1]}, '"parameters" must be an object'),
        ({"id": 7}, '"id" must be a text of at most 200 characters'),
    ],
)
def test_what_is_asked_for_must_be_there(changes, said):
    assert said in refusal(json.dumps(json.loads(listed()[0]) | changes).encode(), None)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["name", "shape", "datatype", "data", "parameters", "binary_data_size"])


@given(st.dictionaries(KEYS, plain | st.sampled_from(["rows", [2, 3], "FP32"]), max_size=6), st.binary(max_size=60), st.data())
def test_any_request_is_read_or_refused_and_nothing_else(tensor, data, draw):
    header = json.dumps({"inputs": [json.loads(listed()[0])["inputs"][0] | tensor], "outputs": draw.draw(plain)}).encode()
    length = draw.draw(st.none() | st.just(str(len(header))) | st.text(max_size=4))
    try:
        found = read(header + data, length, WANTED, OFFERED)
    except Refusal:
        return
    assert found.rows.shape[1] == 3
    assert np.isfinite(found.rows).all()


@given(st.sampled_from([binary(), listed()]), st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), max_size=6))
def test_damaged_requests_are_read_or_refused_and_nothing_else(sound, changes):
    body, length = bytearray(sound[0]), sound[1]
    for place, byte in changes:
        body[place % len(body)] = byte
    with contextlib.suppress(Refusal):
        assert read(bytes(body), length, WANTED, OFFERED).rows.shape[1] == 3
