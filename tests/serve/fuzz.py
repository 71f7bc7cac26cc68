"""Looks for bodies, tensors and bundles that are neither read nor refused: ``python tests/serve/fuzz.py --minutes 10``.

Inputs are changed at random; those that reach a line of the code which none has reached before are kept, and changed on. They stand in
``corpus/``, which the tests go through in each run.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from narrows import _bundle_file
from narrows.errors import BundleError
from narrows.serve import _bodies, _tensors
from narrows.serve._bodies import ARROW, CSV, JSON, NPY, Wanted
from narrows.serve._preparing import prepare
from narrows.serve._refusals import Refusal
from narrows.serve._settings import Limits

HERE = Path(__file__).parent
CORPUS, GOLDEN = HERE / "corpus", HERE.parent / "golden" / "v1.narrows"
WANTED = Wanted("rows", 3, ("a", "b", "c"), Limits(rows=50, text=2000))
LONGEST, SLOW = 1 << 16, 5.0  # bytes of an input, and seconds that it may take
NUMBERS = [b"-1", b"1e999", b"NaN", b"99999999999999999999", b"\xff\xff\xff\xff", b"\x00" * 8]
TOKENS = [
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b'"',
    b"null",
    b"true",
    b"\\u0000",
    b"\x93NUMPY",
    b"(3,)",
    b"'O'",
    b"\n",
    b"\r\n",
    b";",
    *NUMBERS,
]


def _bundle(content: bytes) -> None:
    """Read a bundle whose checksum is right."""
    with tempfile.NamedTemporaryFile(suffix=".narrows") as file:
        file.write(_signed(content))
        file.flush()
        try:
            prepare(file.name)
        except (BundleError, OSError) as problem:
            _check(str(problem))


def _check(text: str, status: int = 400) -> None:
    if "\n" in text or status not in (400, 413):
        raise AssertionError(f"refused by {status}: {text!r}")


def _signed(content: bytes) -> bytes:
    """Sign what may be no bundle, as somebody would who knows how."""
    found = _bundle_file._CHECKSUM.search(content)
    if found is None:
        return content
    try:
        return _bundle_file.signed(content[: found.start(1)] + _bundle_file.UNSIGNED.encode() + content[found.end(1) :])
    except (AssertionError, OverflowError):
        return content


def _body(kind: str) -> Callable[[bytes], None]:
    def run(content: bytes) -> None:
        found = _bodies.read(kind, content, WANTED)
        assert found.shape[1] == 3
        assert np.isfinite(found).all()

    return run


def _tensor(content: bytes) -> None:
    """Read a request: the length of its JSON in four bytes, 0 for none, and its body."""
    length = int.from_bytes(content[:4], "little")
    found = _tensors.read(content[4:], str(length) if length else None, WANTED, {"codes": 2, "error": 1})
    assert np.isfinite(found.rows).all()


TARGETS: dict[str, Callable[[bytes], None]] = {
    "json": _body(JSON),
    "csv": _body(CSV),
    "npy": _body(NPY),
    "arrow": _body(ARROW),
    "tensor": _tensor,
    "bundle": _bundle,
}


def run(target: str, content: bytes) -> None:
    """Give an input to what it is for: it is read, or refused.

    Raises
    ------
    Exception
        If it is neither.
    """
    try:
        TARGETS[target](content)
    except Refusal as problem:
        _check(problem.text, problem.status)


def seeds() -> Iterator[tuple[str, bytes]]:
    """Give one sound input of each kind."""
    rows = np.arange(6.0).reshape(2, 3)
    yield "json", json.dumps({"rows": rows.tolist()}).encode()
    yield "json", json.dumps([dict(zip("abc", row, strict=True)) for row in rows.tolist()]).encode()
    yield "csv", b"a,b,c\n1,2.5,3\n4,5e3,6\n"
    np.save(stream := io.BytesIO(), rows)
    yield "npy", stream.getvalue()
    table = pa.table({name: rows[:, place] for place, name in enumerate("abc")})
    with ipc.new_stream(stream := io.BytesIO(), table.schema) as writer:
        writer.write_table(table)
    yield "arrow", stream.getvalue()
    said: dict[str, Any] = {"name": "rows", "shape": [2, 3], "datatype": "FP32"}
    yield "tensor", bytes(4) + json.dumps({"id": "1", "inputs": [{**said, "data": rows.tolist()}], "outputs": [{"name": "codes"}]}).encode()
    header = json.dumps({"inputs": [{**said, "parameters": {"binary_data_size": 24}}]}).encode()
    yield "tensor", len(header).to_bytes(4, "little") + header + rows.astype("<f4").tobytes()
    yield "bundle", GOLDEN.read_bytes()


def changed(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Give an input with a few changes."""
    made = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        # Most of a bundle is weights, in which there is little to break.
        place = chance.randrange(min(len(made), 6000) + 1) if chance.random() < 0.9 else chance.randrange(len(made) + 1)
        size = chance.choice((1, 1, 2, 4, 8, 64))
        way = chance.randrange(5)
        if way == 0:
            made[place : place + 1] = chance.randbytes(1)
        elif way == 1:
            del made[place : place + size]
        elif way == 2:
            made[place:place] = chance.choice(TOKENS)
        elif way == 3:
            made[place:place] = made[place : place + size] * chance.choice((1, 2, 20))
        else:
            other = chance.choice(others)
            start = chance.randrange(len(other) + 1)
            made[place : place + size] = other[start : start + size]
    return bytes(made[:LONGEST])


class _Lines:
    """Which lines of ours were reached."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, int]] = set()
        self._new = False

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if not ("/narrows/serve/" in name or name.endswith(("_bundle_file.py", "/plan.py", "csv_files.py", "columns.py"))):
            return None
        key = (name, frame.f_lineno)
        if key not in self.seen:
            self.seen.add(key)
            self._new = True
        return self

    def reached_by(self, target: str, content: bytes) -> bool:
        """Run an input; say whether it went where none had been."""
        self._new = False
        sys.settrace(self)
        try:
            run(target, content)
        finally:
            sys.settrace(None)
        return self._new


def main() -> None:
    """Search for so long, or until something is found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    wanted = arguments.targets.split(",")
    chance, lines, n = random.Random(arguments.seed), _Lines(), 0
    kept: dict[str, list[bytes]] = {target: [] for target in wanted}
    for target, content in [*seeds(), *((path.name.partition("-")[0], path.read_bytes()) for path in sorted(CORPUS.glob("*-*")))]:
        if target in kept:
            kept[target].append(content)
            lines.reached_by(target, content)
    CORPUS.mkdir(exist_ok=True)
    until = time.monotonic() + 60 * arguments.minutes
    while time.monotonic() < until:
        target = chance.choice(wanted)
        content = changed(chance.choice(kept[target]), kept[target], chance)
        path = CORPUS / f"{target}-{hashlib.sha256(content).hexdigest()[:12]}"
        started = time.monotonic()
        try:
            new = lines.reached_by(target, content)
        except BaseException:
            path.write_bytes(content)
            print(f"found: {path}")
            raise
        n += 1
        if time.monotonic() - started > SLOW:
            path.write_bytes(content)
            sys.exit(f"slow: {path} took {time.monotonic() - started:.1f} s")
        if new:
            path.write_bytes(content)
            kept[target].append(content)
    n_kept = sum(map(len, kept.values()))
    print(f"{n:,} inputs in {arguments.minutes:g} minutes, {n_kept} kept, {len(lines.seen)} lines reached: nothing found")


if __name__ == "__main__":
    main()
