"""Flags and exit codes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import narrows as package


def test_help_names_every_command(narrows):
    done = narrows("--help")

    assert done.code == 0
    reading = ("encode", "decode", "predict", "reconstruct", "score", "report", "export", "serve", "info")
    for command in ("fit", "dimensions", "map", "compare", "recipes", "study", *reading):
        assert f"\n  {command} " in done.out
    assert "..." not in done.out.partition("Commands:")[2]  # each is said in one line of 80 columns


def test_help_of_fit_is_in_groups_and_fits_into_80_columns(narrows):
    lines = narrows("fit", "--help").out.splitlines()

    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    groups = ["Rows in, bundle out:", "Settings:", "Network:", "Labels:", "Training:", "Many machines:"]
    assert titles == ["Arguments:", *groups, "Other options:"]
    assert max(map(len, lines)) <= 80


def test_no_command_is_answered_with_help(narrows):
    done = narrows()

    assert done.code == 2
    assert done.out == narrows("--help").out


def test_version(narrows):
    done = narrows("--version")

    assert (done.code, done.out, done.err) == (0, f"narrows {package.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fti", "digits"], "narrows: No such command 'fti'"),
        (["fit"], "narrows fit: Missing argument 'DATA': say which rows, or --config FILE (see narrows fit --help)"),
        (["fit", "digits", "--layers", "50,x"], "'50,x' is no list of widths: give whole numbers with commas, as in 500,300,100"),
        (["dimensions", "digits", "--sizes", "0,2"], "'0,2' is no list of sizes: give whole numbers with commas, as in 1,2,4,8"),
        (["fit", "digits", "--epochs", "0"], "'0' is neither a whole number of at least 1 nor 'auto'"),
        (["fit", "digits", "--components", "0"], "'0' is neither a whole number of at least 1 nor 'none'"),
        (["fit", "digits", "--components", "two"], "'two' is neither a whole number of at least 1 nor 'none'"),
        (["fit", "digits", "--conv", "none"], "'none' is no list of filters: give whole numbers with commas, as in 32,16"),
        (["fit", "digits", "--head", "x"], "'x' is no list of widths: give whole numbers with commas, as in 64,128"),
        (["fit", "digits", "--kernel-size", "0"], "Invalid value for '--kernel-size'"),
        (["fit", "digits", "--image-shape", "8"], "'8' is no shape of images: give height and width"),
        (["fit", "digits", "--image-shape", "8x-8"], "and channels where there are several, as in 28x28 or 32x32x3"),
        (["fit", "digits", "--layers", "8", "--conv", "8"], "--layers makes layers dense and --conv convolutional: give one of the two"),
        (["fit", "digits", "--scale", "huge"], "'huge' is not one of 'auto', 'minmax', 'standard', 'none'"),
        (["fit", "digits", "--supervise"], "No such option: --supervise"),
        (["predict", "some.narrows", "digits"], "narrows predict: Missing option '-o'"),
        (["encode", "some.narrows", "digits"], "narrows encode: Missing option '-o'"),
    ],
)
def test_bad_usage_is_one_line_and_2(narrows, arguments, message):
    done = narrows(*arguments)

    assert done.code == 2
    assert message in done.only_line


@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_flags_work_before_and_after_the_command(narrows, flag):
    assert narrows(flag, "recipes") == narrows("recipes", flag)
    assert narrows("recipes", flag).out == ""


@pytest.mark.parametrize("arguments", [["--debug", "info", "none.narrows"], ["info", "none.narrows", "--debug"]])
def test_a_traceback_is_shown_on_request_only(narrows, arguments):
    assert "Traceback" in narrows(*arguments).err
    assert narrows("info", "none.narrows").only_line == "narrows: 'none.narrows': No such file or directory"


def test_a_failure_that_nobody_foresaw_is_one_line_and_1(narrows, monkeypatch):
    def fail() -> None:
        raise RuntimeError("the moon\nis full")

    monkeypatch.setattr("narrows.estimators.recipes.recipes", fail)

    done = narrows("recipes")

    assert done.code == 1
    assert done.only_line == "narrows: failed with RuntimeError: the moon is full (--debug shows where)"


def test_ctrl_c_where_nothing_is_at_stake(narrows, monkeypatch):
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("narrows.estimators.recipes.recipes", interrupt)

    done = narrows("recipes")

    assert done.code == 130
    assert done.only_line == "narrows: interrupted; nothing was written"


def test_a_reader_that_has_seen_enough_is_no_error():
    command = f"{sys.executable} -m narrows recipes | true; exit ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False, env=os.environ)

    assert done.returncode in (0, 1)
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments", [["fit", "digits", "--layers", "x"], ["fit", "nothing.csv"], ["fit", "digits", "-o", "no/folder/x.narrows"]]
)
def test_what_is_wrong_from_the_start_needs_no_network(python, arguments):
    code = f"""
import sys
from narrows.cli import main
try:
    main({arguments!r})
except SystemExit as end:
    print(end.code, "keras" in sys.modules, "jax" in sys.modules)
"""

    assert python(code).split() == ["2", "False", "False"]
