"""Ctrl-C in the middle of ``narrows fit``, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import narrows as package

START = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from narrows.cli import main; main()"
LONG = ["--layers", "64", "--epochs", "100000", "--precision", "float32"]


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    paths = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return subprocess.Popen(
        [sys.executable, "-c", START, "fit", "digits", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(stream, words: str) -> None:
    for line in stream:
        if words in line:
            return
    raise AssertionError(f"the process ended without {words!r}")


def interrupted(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Send Ctrl-C; give what the process printed from then on."""
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=120)


def test_the_best_weights_are_saved_and_the_code_is_130(tmp_path):
    process = started(tmp_path, *LONG)
    wait_for(process.stderr, "epoch")

    _, err = interrupted(process)

    assert process.returncode == 130
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith("narrows: interrupted; 'digits.narrows' (")
    fitted = package.load(tmp_path / "digits.narrows")
    assert last.endswith(f"holds the weights of epoch {fitted.best_epoch_}")
    assert fitted.n_epochs_ > 0


def test_before_training_nothing_is_written_and_what_was_there_stays(tmp_path):
    (tmp_path / "digits.narrows").write_bytes(b"earlier")
    process = started(tmp_path, *LONG)
    wait_for(process.stdout, "test rows")

    _, err = interrupted(process)

    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("narrows: interrupted; n")
    assert (tmp_path / "digits.narrows").read_bytes() == b"earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["digits.narrows"]


def test_a_model_that_was_trained_is_saved_without_figures(narrows, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("narrows.quality.measure", interrupt)

    done = narrows("-q", "fit", "digits", "--layers", "16", "--epochs", "1")

    assert done.code == 130
    assert "interrupted while measuring; 'digits.narrows'" in done.err
    assert package.load("digits.narrows").n_epochs_ == 1


def test_nothing_but_narrows_speaks_on_standard_error(tmp_path):
    """No log lines of Keras, JAX or XLA."""
    done = subprocess.run(
        [sys.executable, "-m", "narrows", "-q", "fit", "digits", "--layers", "64", "--epochs", "30", "-o", tmp_path / "quiet.narrows"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )

    assert done.stdout == ""
    assert all(line.startswith("warning: ") for line in done.stderr.splitlines())
