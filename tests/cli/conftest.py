"""The command line, called in this process: what it printed and how it ended."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

WIDTH = "80"
QUICK = ["--layers", "16", "--epochs", "2", "--precision", "float32"]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def only_line(self) -> str:
        """Its error, which is one line beside nothing else."""
        assert self.out == ""
        assert self.err.count("\n") == 1
        return self.err.rstrip("\n")


Call = Callable[..., Done]


class _Ended(BaseException):
    """Stands for the end of the process where it would not be waited for."""


def call(*arguments: str | os.PathLike[str]) -> Done:
    from narrows.cli import main

    def at_once(code: int) -> None:
        raise _Ended(code)

    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, COLUMNS=WIDTH),
        mock.patch("os._exit", at_once),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main([os.fspath(argument) for argument in arguments])
        except (SystemExit, _Ended) as end:
            return Done(int(end.args[0] or 0), out.getvalue(), err.getvalue())
    raise AssertionError("main came back")


@pytest.fixture
def narrows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Give what runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return call


@dataclass(frozen=True)
class Fitted:
    """A bundle and what was said when it was made."""

    path: Path
    said: Done


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """Fit the digits, once for all tests."""
    path = tmp_path_factory.mktemp("digits") / "digits.narrows"
    said = call("fit", "digits", *QUICK, "-o", path)
    assert said.code == 0, said.err
    return Fitted(path, said)


@pytest.fixture(scope="session")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """Fit a table with a column of labels; the table is beside the bundle."""
    folder = tmp_path_factory.mktemp("flowers")
    rng = np.random.default_rng(0)
    lines = [f"{a:.3f},{b:.3f},{c:.3f},{kind}" for kind in ("iris", "rose") for a, b, c in rng.normal(5 * (kind == "rose"), 1, (40, 3))]
    (folder / "flowers.csv").write_text("\n".join(["width,length,height,species", *lines]) + "\n")
    path = folder / "flowers.narrows"
    said = call("fit", folder / "flowers.csv", "--label", "species", "--components", "1", *QUICK, "-o", path)
    assert said.code == 0, said.err
    return Fitted(path, said)
