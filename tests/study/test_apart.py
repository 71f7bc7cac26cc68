"""Work in a process of its own: what it gives, how it may end, and that nothing of it stays."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from narrows.study.apart import Ended, run_apart

WORKS = """
import ctypes, os, sys, time, warnings

def double(argument, tell):
    print("libraries may print")
    tell({"half": 0.5})
    return {"twice": 2 * float(argument), "nothing": float("nan")}

def refuse(argument, tell):
    raise ValueError("too few\\n  rows")

def fail(argument, tell):
    raise KeyError("rows")

def lack(argument, tell):
    raise MemoryError

def crash(argument, tell):
    print("out of luck", file=sys.stderr, flush=True)
    os.abort()

def leave(argument, tell):
    os._exit(3)

def sleep(argument, tell):
    with open(argument, "w") as file:
        file.write(str(os.getpid()))
    tell({"asleep": True})
    time.sleep(1000)

def grow(argument, tell):
    cells = bytearray(int(argument))
    for place in range(0, len(cells), 4096):
        cells[place] = 1
    tell({})
    time.sleep(0.3)
    return {}

def where(argument, tell):
    import narrows
    return {"path": narrows.__file__}
"""


@pytest.fixture
def works(tmp_path, monkeypatch):
    """Give what runs one of the works above."""
    (tmp_path / "works.py").write_text(WORKS)
    monkeypatch.syspath_prepend(tmp_path)

    def run(name: str, argument: str = "", *, limit: float = 60, **options) -> Ended:
        return run_apart(f"works:{name}", argument, limit=limit, **options)

    return run


def test_it_gives_plain_values_and_messages(works):
    heard = []
    ended = works("double", "4", hear=heard.append)

    assert ended.result == {"twice": 8.0, "nothing": None}
    assert (ended.problem, ended.timed_out) == ("", False)
    assert heard == [{"half": 0.5}]
    assert 0 < ended.seconds < 60


def test_modules_are_found_where_this_process_finds_them(works, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "json.py").write_text("raise RuntimeError('that of the folder where the user is')")
    monkeypatch.chdir(tmp_path / "here")
    import narrows

    assert works("where").result == {"path": narrows.__file__}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("refuse", "too few rows"),
        ("fail", "KeyError: 'rows'"),
        ("lack", "there was not enough memory"),
        ("leave", "its process ended with code 3"),
        ("nonsense", "AttributeError: module 'works' has no attribute 'nonsense'"),
    ],
)
def test_a_failure_is_said_in_one_line(works, name, words):
    ended = works(name)

    assert ended.result is None
    assert ended.problem == words


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_crash_is_told_with_the_last_words(works):
    ended = works("crash")

    assert ended.result is None
    assert ended.problem == "its process was ended by SIGABRT: out of luck"


def test_it_is_ended_at_its_limit(works, tmp_path):
    ended = works("sleep", str(tmp_path / "pid"), limit=1)

    assert ended.timed_out
    assert (ended.result, ended.problem) == (None, "")
    assert ended.seconds >= 1
    if (tmp_path / "pid").exists():  # else the machine was too busy for it to begin
        assert is_gone(int((tmp_path / "pid").read_text() or "-1"))


def test_it_is_ended_when_it_is_interrupted(works, tmp_path):
    def interrupt(message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        works("sleep", str(tmp_path / "pid"), hear=interrupt)

    assert is_gone(int((tmp_path / "pid").read_text()))


def test_it_ends_with_the_process_that_started_it(works, tmp_path):
    code = f"from narrows.study.apart import run_apart; run_apart('works:sleep', {str(tmp_path / 'pid')!r}, limit=1000)"
    paths = [str(tmp_path), *(path for path in sys.path if path)]
    parent = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)})
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert parent.poll() is None
        time.sleep(0.05)

    parent.kill()
    parent.wait()

    pid, waited = int((tmp_path / "pid").read_text()), 0.0
    while not is_gone(pid) and waited < 60:
        time.sleep(0.05)
        waited += 0.05
    assert is_gone(pid)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_its_memory_is_its_own(works):
    little, much = (works("grow", json.dumps(size)).megabytes for size in (10**6, 300 * 10**6))

    assert 250 < much - little < 400


@pytest.mark.skipif(sys.platform == "win32", reason="there is no other way to know")
def test_without_proc_the_greatest_resident_memory_stands_in(works, monkeypatch):
    monkeypatch.setattr("narrows.study.apart._own_bytes", lambda pid: 0.0)

    assert 5 < works("double", "1").megabytes < math.inf  # Linux, which has /proc, counts what the parent held when it forked
    assert math.isnan(works("leave").megabytes)


def is_gone(pid: int) -> bool:
    if pid < 0:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    path = Path(f"/proc/{pid}/status")  # a process without a parent may stay as a name only
    return path.exists() and "State:\tZ" in path.read_text()
