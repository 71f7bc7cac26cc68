"""What a bar says where it is not on a terminal."""

from __future__ import annotations

import io
import itertools
import math

from narrows.progress import Bar


def shown(total: float, monkeypatch) -> str:
    ticks = itertools.count(0.0, 6.0)
    monkeypatch.setattr("narrows.progress.time.monotonic", lambda: next(ticks))
    stream = io.StringIO()
    bar = Bar(stream)
    bar.begin("rows", total, "rows")
    bar.advance(100, "100 rows")
    bar.advance(200, "200 rows")
    bar.end("200 rows")
    return stream.getvalue()


def test_how_much_is_left(monkeypatch):
    assert " 50 %  200 rows" in shown(400, monkeypatch)


def test_nobody_knows_how_much_is_left(monkeypatch):
    said = shown(math.inf, monkeypatch)

    assert "rows  200 rows\n" in said
    assert "%" not in said
    assert "left" not in said
