"""``--cluster``: which flags go with it, what is asked of the cluster, and what is said at the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from narrows import cluster
from narrows.cluster import Done

ON = ["--cluster", "local:2"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Give what is asked of the cluster, for which nothing is done."""
    found: list[Any] = []

    def work(what: str) -> Any:
        def run(*arguments: Any, **settings: Any) -> Done:
            found.append((what, *arguments, settings))
            return Done(files=2, skipped=1, rows=5000, written=4000, seconds=2.0)

        return run

    for what in ("encode", "reconstruct", "score"):
        monkeypatch.setattr(cluster, what, work(what))
    return found


@pytest.mark.parametrize(("what", "made"), [("encode", "codes"), ("reconstruct", "reconstructions"), ("score", "errors")])
def test_what_is_asked_and_said(narrows, asked, what, made):
    done = narrows(what, "m.narrows", "a", "b", "-o", "out", *ON, "--workers", "3", "--id", "x", "--id", "y", "--resume")

    assert done.code == 0, done.err
    ((called, bundle, source, output, settings),) = asked
    assert (called, bundle, source, output) == (what, Path("m.narrows"), ["a", "b"], Path("out"))
    assert settings.pop("progress") is not None
    assert settings == {"cluster": "local:2", "workers": 3, "ids": ["x", "y"], "resume": True}
    assert done.out == f"wrote 2 files into 'out': the {made} of 4,000 rows, 2,000 rows a second; 1 file of an earlier run stayed\n"


def test_scores_as_json(narrows, asked):
    done = narrows("score", "m.narrows", "a", "-o", "out", *ON, "--json")

    assert json.loads(done.out) == {"files": 2, "skipped": 1, "rows": 5000, "written": 4000, "seconds": 2.0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["encode", "-o", "out", "--workers", "2"], "--workers goes with --cluster: say which, or leave it out"),
        (["reconstruct", "-o", "out", "--id", "x"], "--id goes with --cluster: say which, or leave it out"),
        (
            ["encode", "-o", "out", *ON, "--test"],
            "--test does not go with --cluster, where files are always read some rows at a time: leave",
        ),
        (
            ["score", "-o", "out", *ON, "--no-blocks"],
            "--blocks does not go with --cluster, where files are always read some rows at a time",
        ),
        (["score", *ON], "--cluster needs -o, a folder for the errors"),
        (["score", "-o", "out", *ON, "--why"], "--why does not go with --cluster"),
        (["score", "-o", "out", *ON, "--top", "3"], "--top does not go with --cluster, which shows no rows"),
    ],
)
def test_flags_that_do_not_go_together(narrows, asked, arguments, said):
    done = narrows(arguments[0], "m.narrows", "rows.parquet", *arguments[1:])

    assert done.code == 2
    assert said in done.only_line
    assert asked == []


def test_interrupted(narrows, monkeypatch):
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cluster, "encode", interrupt)

    done = narrows("encode", "m.narrows", "a", "-o", "out", *ON)

    assert done.code == 130
    assert done.only_line == "narrows: interrupted; what is finished stays in 'out', and --resume goes on with the rest"


def test_an_address_that_is_none(narrows, asked, monkeypatch):
    def refuse(*_: Any, **settings: Any) -> None:
        from narrows.cluster._addresses import parsed

        parsed(settings["cluster"])

    monkeypatch.setattr(cluster, "encode", refuse)

    done = narrows("encode", "m.narrows", "a", "-o", "out", "--cluster", "nowhere")

    assert done.code == 2
    assert done.only_line.startswith("narrows: 'nowhere' is no address of a cluster: say 'auto' (")
