"""Requests and answers of the Open Inference Protocol, version 2, with its extension for binary tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import orjson

from narrows._text import sentence
from narrows.serve._bodies import Wanted, check_count, checked, native, numbers, plain_json
from narrows.serve._refusals import bad

HEADER_LENGTH = "inference-header-content-length"
VERSION = "1"  # of every model: another bundle takes its place under the same one
LONGEST_HEADER, SHORT = 1 << 20, 1 << 9  # bytes of JSON before binary tensors; of one that is remembered
TYPES: dict[str, np.dtype[Any]] = {
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "FP16": np.dtype("<f2"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
}
DATATYPES = {"error": ("FP64", np.dtype("<f8"))}  # all others are FP32


@dataclass(frozen=True)
class Inference:
    """What a request asks.

    Parameters
    ----------
    rows : ndarray of shape (n, width)
    outputs : dict of str to bool
        What is wanted, and whether as binary.
    id : str or None
        To be said again in the answer.
    """

    rows: np.ndarray
    outputs: dict[str, bool]
    id: str | None


def read(body: bytes, header_length: str | None, wanted: Wanted, offered: Mapping[str, int]) -> Inference:
    """Read a request.

    Parameters
    ----------
    body : bytes
    header_length : str or None
        Of the JSON before the binary tensors, as the request's headers say; all is JSON without it.
    wanted : Wanted
        What its one input is to be.
    offered : mapping of str to int
        Outputs that may be asked for; all are given where none is.

    Raises
    ------
    Refusal
        If it is not in order.
    """
    end = _length(header_length, body)
    said = _header(body[:end]) if end <= SHORT < len(body) else plain_json(body[:end], wanted.limits.text)
    if not isinstance(said, dict) or not isinstance(said.get("inputs"), list):
        raise bad('the JSON must be an object with "inputs", a list')
    if len(said["inputs"]) != 1 or not isinstance(said["inputs"][0], dict) or said["inputs"][0].get("name") != wanted.what:
        raise bad(f'this model has one input, "{wanted.what}"')
    name = said.get("id")
    if name is not None and not (isinstance(name, str) and len(name) <= 200):
        raise bad('"id" must be a text of at most 200 characters')
    outputs = _outputs(said, offered)
    return Inference(_tensor(said["inputs"][0], memoryview(body)[end:], wanted), outputs, name or None)


@lru_cache(64)  # a client sends the same before each of its rows
def _header(content: bytes) -> Any:
    return plain_json(content, SHORT)


def write(model: str, asked: Inference, found: Mapping[str, np.ndarray]) -> tuple[bytes, dict[str, str]]:
    """Give the body of an answer, and the headers that belong to it."""
    arrays = {name: found[name].astype(_given(name)[1], copy=False) for name in asked.outputs}
    if asked.id is None and all(asked.outputs.values()):
        header = _binary_header(model, tuple((name, array.shape) for name, array in arrays.items()))
    else:
        told = [_told(name, array.shape, array if not asked.outputs[name] else None) for name, array in arrays.items()]
        header = _header_of(model, told, asked.id)
    tensors = [arrays[name].tobytes() for name, is_binary in asked.outputs.items() if is_binary]
    if not tensors:
        return header, {"content-type": "application/json"}
    return b"".join([header, *tensors]), {"content-type": "application/octet-stream", HEADER_LENGTH: str(len(header))}


@lru_cache(64)  # the same for each of a client's rows
def _binary_header(model: str, outputs: tuple[tuple[str, tuple[int, ...]], ...]) -> bytes:
    return _header_of(model, [_told(name, shape, None) for name, shape in outputs], None)


def _header_of(model: str, outputs: list[dict[str, Any]], id: str | None) -> bytes:
    answer: dict[str, Any] = {"model_name": model, "model_version": VERSION, "outputs": outputs}
    # Numbers that are not finite, which JSON has not, are null.
    return orjson.dumps(answer if id is None else {**answer, "id": id}, option=orjson.OPT_SERIALIZE_NUMPY)


def _told(name: str, shape: tuple[int, ...], array: np.ndarray | None) -> dict[str, Any]:
    """Describe an output; one that is no binary tensor stands there itself."""
    datatype, dtype = _given(name)
    tensor: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(shape)}
    if array is not None:
        return {**tensor, "data": array.ravel()}
    return {**tensor, "parameters": {"binary_data_size": math.prod(shape) * dtype.itemsize}}


def _given(name: str) -> tuple[str, np.dtype[Any]]:
    return DATATYPES.get(name, ("FP32", TYPES["FP32"]))


def _length(said: str | None, body: bytes) -> int:
    if said is None:
        return len(body)
    if not (said.isascii() and said.isdecimal() and len(said) < 12 and int(said) <= len(body)):
        raise bad("Inference-Header-Content-Length must be the length of the JSON that the body begins with")
    if int(said) > LONGEST_HEADER:
        raise bad(f"the JSON before binary tensors may have {LONGEST_HEADER:,} bytes at most")
    return int(said)


def _outputs(said: dict[str, Any], offered: Mapping[str, int]) -> dict[str, bool]:
    by_default = _parameters(said).get("binary_data_output") is True
    asked = said.get("outputs")
    if asked is None or asked == []:
        return dict.fromkeys(offered, by_default)
    if not isinstance(asked, list) or not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in asked):
        raise bad('"outputs" must be a list of objects with a "name"')
    found: dict[str, bool] = {}
    for one in asked:
        name, parameters = one["name"], _parameters(one)
        if name not in offered:
            raise bad(f"this model has no output {sentence(name, 80)!r}: it has {', '.join(offered)}")
        if name in found:
            raise bad(f"output {name!r} is asked for twice")
        if "classification" in parameters:
            raise bad("the classification extension is not offered: ask for the output, and take the largest")
        found[name] = parameters.get("binary_data", by_default) is True
    return found


def _parameters(said: dict[str, Any]) -> dict[str, Any]:
    parameters = said.get("parameters", {})
    if not isinstance(parameters, dict):
        raise bad('"parameters" must be an object')
    if any(str(name).startswith("shared_memory") for name in parameters):
        raise bad("tensors in shared memory are not offered: send them in the body")
    return parameters


def _tensor(said: dict[str, Any], binary: memoryview, wanted: Wanted) -> np.ndarray:
    kind, shape = said.get("datatype"), said.get("shape")
    dtype = TYPES.get(kind) if isinstance(kind, str) else None
    if dtype is None:
        raise bad(f'input "{wanted.what}" must have a "datatype" among {", ".join(TYPES)}')
    if not isinstance(shape, list) or not 1 <= len(shape) <= 4 or not all(type(size) is int and 0 <= size < 2**40 for size in shape):
        raise bad(f'input "{wanted.what}" must have a "shape" such as [1, {wanted.width}]')
    n_bytes = _parameters(said).get("binary_data_size")
    if n_bytes is None:
        if len(binary):
            raise bad("the body has binary data behind its JSON that no input speaks of")
        return _listed(said.get("data"), shape, dtype, wanted)
    if "data" in said or type(n_bytes) is not int:
        raise bad('"binary_data_size" must be a number of bytes, and "data" be left out beside it')
    if math.prod(shape) * dtype.itemsize != n_bytes or n_bytes != len(binary):
        raise bad(
            f"shape {shape} of {kind} takes {math.prod(shape) * dtype.itemsize:,} bytes, "
            f"{n_bytes:,} were announced, and {len(binary):,} came behind the JSON"
        )
    array = np.frombuffer(binary, dtype)
    if not array.flags.aligned:  # which all that is computed of it would pay for: its place depends on the length of the JSON
        array = array.copy()
    return checked(native(array.reshape(shape)), wanted)


def _listed(data: Any, shape: list[int], dtype: np.dtype[Any], wanted: Wanted) -> np.ndarray:
    if not isinstance(data, list):
        raise bad(f'input "{wanted.what}" must have "data", a list of numbers, or "binary_data_size"')
    check_count(shape[0], wanted)
    array = numbers(data, '"data"')
    if array.size != math.prod(shape):
        raise bad(f'"data" has {array.size:,} numbers, and shape {shape} takes {math.prod(shape):,}')
    if dtype.kind in "iu" and not np.array_equal(array, np.trunc(array)):
        raise bad('"data" has fractions, which its "datatype" cannot hold')
    array = array.reshape(shape).astype(np.float64)
    if dtype.kind == "f" and dtype.itemsize <= 4:
        with np.errstate(over="ignore"):  # what is too large for it is refused below
            array = array.astype(np.float32)
    return checked(array, wanted)
