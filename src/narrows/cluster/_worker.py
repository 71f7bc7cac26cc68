"""A process of the cluster that holds one loaded model, and makes of rows what is asked, piece by piece."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from narrows.cluster import _rows_once, _writing
from narrows.cluster._layout import Layout, Method
from narrows.cluster._sources import File, Span, arrays, check_unchanged, tables

BYTES, LEAST, MOST = 2**25, 256, 2**16  # of rows in memory at a time; rows at least, and at most


@dataclass(frozen=True)
class Job:
    """A piece of work.

    Attributes
    ----------
    file : File
    layout : Layout
    note : dict
        What the output says it was made of.
    span : Span
        The rows; all those of the file, where the parts are to be joined.
    path : str
        What is written.
    parts : tuple of str
        Files to be joined; none where rows are to be computed.
    total : int
        The sum that the joined rows must have.
    """

    file: File
    layout: Layout
    note: dict[str, Any]
    span: Span
    path: str
    parts: tuple[str, ...] = ()
    total: int = 0


@dataclass(frozen=True)
class Made:
    """What became of a job.

    Attributes
    ----------
    rows, total : int
    problem : str
        Why nothing was written; empty where something was.
    lasting : bool
        Whether other jobs would fail likewise.
    """

    rows: int = 0
    total: int = 0
    problem: str = ""
    lasting: bool = False


class Worker:
    """To be made an actor.

    Parameters
    ----------
    content : bytes
        The bundle.
    method : {"transform", "reconstruct", "score_samples"}
    """

    def __init__(self, content: bytes, method: Method) -> None:
        self._content, self._method = content, method
        self._model: Any = None

    def ready(self) -> int:
        """Load the model; give the process's number."""
        self._model = loaded(self._content, self._method)
        self._content = b""
        return os.getpid()

    def make(self, job: Job) -> Made:
        """Do a job; what can go wrong in it is told, not raised."""
        try:
            if job.parts:
                return self._join(job)
            check_unchanged(job.file)
            blocks = self._computed(job)
        except (ValueError, TypeError, OSError) as problem:
            return Made(problem=_sentence(problem))
        try:
            return Made(*_writing.write(job.path, _schema(job), blocks, job.layout.made, job.note, job.span.start, _length(job)))
        except (ValueError, TypeError) as problem:
            return Made(problem=_sentence(problem))
        except OSError as problem:  # reading raises none
            return Made(problem=_sentence(problem), lasting=True)

    def _join(self, job: Job) -> Made:
        from pyarrow import parquet

        try:
            schema = parquet.read_schema(job.parts[0]).remove_metadata()
            blocks = _writing.joined(list(job.parts), job.layout.made)
            made = Made(*_writing.write(job.path, schema, blocks, job.layout.made, job.note, 0, _length(job), job.total))
        except OSError as problem:
            return Made(problem=_sentence(problem), lasting=True)
        for part in job.parts:
            with suppress(OSError):
                os.unlink(part)
        return made

    def _computed(self, job: Job) -> Iterator[tuple[Any, int]]:
        """Read rows, compute, and give tables with the sums of what was computed."""
        import pyarrow as pa

        row = job.span.start
        for kept, given in _rows(job):
            columns = self._columns(given, job.layout)
            table = pa.table([*kept, *columns.values()], schema=_schema(job))
            yield table, _rows_once.summed(row, np.column_stack([columns[name] for name in job.layout.made]))
            row += table.num_rows

    def _columns(self, given: Any, layout: Layout) -> dict[str, np.ndarray]:
        found = getattr(self._model, self._method)(given)
        if self._method != "score_samples":
            return dict(zip(layout.made, np.ascontiguousarray(np.asarray(found, np.float32).T), strict=True))
        errors = -np.asarray(found)
        columns = {"error": errors.astype(np.float32)}
        for name in layout.flags:
            columns[name] = errors > -self._model.offset_
        return columns


def loaded(content: bytes, method: Method) -> Any:
    """Load a bundle; of a detector of outliers, where only its autoencoder has the method, that.

    Raises
    ------
    ValueError
        If what it holds has no such method.
    """
    from narrows import bundle
    from narrows.estimators import AutoencoderOutlierDetector

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.narrows"
        path.write_bytes(content)
        made = bundle.load(path)
    if isinstance(made, AutoencoderOutlierDetector) and not hasattr(made, method):
        made = made.autoencoder_
    if not hasattr(made, method):
        raise ValueError(f"the bundle holds a {type(made).__name__}, which cannot do this: encode, or fit an autoencoder")
    return made


def _rows(job: Job) -> Iterator[tuple[list[Any], Any]]:
    """Give, some rows at a time, the columns that stay, and the row as the estimator takes it."""
    from narrows.data.columns import block_of, type_of
    from narrows.data.frames import framed
    from narrows.data.numbers import check_finite, exact_type

    file, layout = job.file, job.layout
    done = job.span.start

    def where() -> str:
        return f"'{file.path}', after row {done:,},"

    if file.schema is None:
        width = int(np.prod(file.shape[1:]))
        for block in arrays(file, job.span, _at_once(width, 8)):
            flat = block.astype(exact_type([block.dtype], np.inf), copy=False).reshape(len(block), -1)
            check_finite(flat, None, where())
            yield [], framed(flat, None, file.shape[1:] if len(file.shape) > 2 else None)
            done += len(block)
        return
    assert layout.features is not None
    names = list(layout.features)
    at_once = _at_once(len(file.schema.names), 8)
    if job.note["table"]:
        for table in tables(file, job.span, at_once):
            yield [table[name] for name in layout.kept], table.select(names)
            done += table.num_rows
        return
    dtype = type_of([file.schema.field(name).type for name in names])
    for table in tables(file, job.span, at_once):
        block = block_of(table, names, f"'{file.path}'", dtype)
        check_finite(block, names, where())
        yield [table[name] for name in layout.kept], framed(block, names if layout.named else None)
        done += table.num_rows


def _at_once(width: int, size: int) -> int:
    return max(LEAST, min(MOST, BYTES // max(1, width * size)))


def _schema(job: Job) -> Any:
    import pyarrow as pa

    kept = [job.file.schema.field(name).remove_metadata() for name in job.layout.kept]
    made = [pa.field(name, pa.float32()) for name in job.layout.made]
    return pa.schema([*kept, *made, *(pa.field(name, pa.bool_()) for name in job.layout.flags)])


def _length(job: Job) -> int:
    return job.span.stop - job.span.start


def _sentence(problem: BaseException) -> str:
    text = str(problem)
    if isinstance(problem, OSError) and problem.strerror:
        text = problem.strerror if problem.filename is None else f"'{problem.filename}': {problem.strerror}"
    return " ".join(text.split()) or type(problem).__name__
