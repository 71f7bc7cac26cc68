"""Tables of numbers in Arrow's format of streams, read without believing what strangers say of sizes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from narrows._text import sentence
from narrows.serve._refusals import bad

_FILE = b"ARROW1\0\0"  # before the stream that a file holds
_SCHEMA, _BATCH = 1, 3  # kinds of messages, in Arrow's Message.fbs
_KIND, _HEADER, _COMPRESSION = 1, 2, 3  # fields of a message, and of a batch


def table_of(body: bytes, check_names: Callable[[list[str]], None]) -> Any:
    """Read an Arrow stream, or a file, which is one between two marks.

    Returns
    -------
    pyarrow.Table
        Columns of numbers only.

    Raises
    ------
    Refusal
        If it is damaged or compressed, or a column is not made of numbers.
    """
    import pyarrow as pa
    from pyarrow import ipc

    buffer = pa.py_buffer(body)
    if body.startswith(_FILE):
        buffer = buffer.slice(len(_FILE))
    try:
        _check_messages(pa.BufferReader(buffer), ipc)
        reader = ipc.open_stream(buffer)
        check_names(reader.schema.names)
        for column in reader.schema:
            if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
                raise bad(f"column {sentence(column.name, 80)!r} is of the type {sentence(str(column.type), 80)}: send numbers")
        if len(set(reader.schema.names)) != len(reader.schema.names):
            raise bad("two columns have one name: rename all but one")
        batches = list(reader)
        # Columns may lie on one another: only so does an honest table of many numbers take few bytes.
        if sum(batch.num_rows for batch in batches) * max(1, len(reader.schema)) > len(body):
            raise bad("the body is shorter than the rows that it announces")
        table = pa.Table.from_batches(batches, reader.schema)
        table.validate(full=True)
    except (pa.ArrowException, OSError, struct.error, MemoryError, OverflowError, UnicodeDecodeError) as problem:
        raise bad(f"the body is no Arrow stream, or is damaged: {sentence(str(problem), 120)}") from None
    return table


def _check_messages(stream: Any, ipc: Any) -> None:
    """Refuse what has to be unpacked: its size would be known only then."""
    while True:
        try:
            message = ipc.read_message(stream)
        except EOFError:
            return
        metadata = message.metadata.to_pybytes()
        kind = _field(metadata, _root(metadata), _KIND)
        kind = metadata[kind] if kind else 0
        if kind not in (_SCHEMA, _BATCH):
            raise bad("the body has dictionaries, which stand for text: send numbers")
        if kind == _BATCH:
            header = _field(metadata, _root(metadata), _HEADER)
            batch = header + _number("<I", metadata, header)
            if _field(metadata, batch, _COMPRESSION):
                raise bad("the body is compressed: write it without compression (compression=None for IpcWriteOptions or write_feather)")


def _root(metadata: bytes) -> int:
    return _number("<I", metadata, 0)


def _field(metadata: bytes, table: int, number: int) -> int:
    """Give where a field of a flatbuffer's table lies; 0 where it is left out."""
    vtable = table - _number("<i", metadata, table)
    if 4 + 2 * number >= _number("<H", metadata, vtable):
        return 0
    offset = _number("<H", metadata, vtable + 4 + 2 * number)
    return table + offset if offset else 0


def _number(form: str, metadata: bytes, place: int) -> int:
    if place < 0:
        raise struct.error("a place before the beginning")
    return int(struct.unpack_from(form, metadata, place)[0])
