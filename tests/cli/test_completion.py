"""What a shell is told when a key is pressed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from narrows.cli import completion, settings
from narrows.data.sources import SETS
from narrows.estimators.recipes import recipes

SHELLS = ("bash", "zsh", "fish")


def pressed(shell: str, line: str, folder) -> tuple[int, str]:
    """Give what is printed for a line that ends where the key is pressed."""
    words = line.split()
    asked = {
        "_NARROWS_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - (not line.endswith(" "))),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    code = "from narrows.cli import main; main()"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KERAS_")}
    if "PYTHONPATH" in inherited:
        inherited["PYTHONPATH"] = os.path.abspath(inherited["PYTHONPATH"])
    done = subprocess.run(
        [sys.executable, "-c", code], env=inherited | asked, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("narrows fi", ["fit"]),
        ("narrows fit --recipe c", ["convolutional"]),
        ("narrows fit digits --noise ma", ["masking:0.3"]),
        ("narrows fit m", ["mnist"]),
        ("narrows fit x.csv --validation mn", ["mnist"]),
        ("narrows fit digits --activation sof", ["soft_shrink", "softmax", "softplus", "softsign"]),
        ("narrows fit digits --code-activation tanh_", ["tanh_shrink"]),
        ("narrows fit digits --optimizer r", ["rmsprop"]),
        ("narrows fit digits --loss m", ["mae", "mape", "mse", "msle"]),
    ],
)
def test_names_are_completed(shell, line, names, tmp_path):
    code, told = pressed(shell, line, tmp_path)

    assert code == 0
    if shell == "zsh":
        assert told.startswith("_arguments ")
    words = {"bash": told.split("\n"), "zsh": told.split('"')[1::2], "fish": [one.partition("\t")[0] for one in told.split("\n")]}[shell]
    words = [word.replace("\\", "") for word in words]  # zsh is given its colons behind backslashes
    assert [word for word in words if word in names] == names
    assert len([word for word in words if word.strip()]) == len(names) + (shell == "zsh" and line == "narrows fi")  # its help


@pytest.mark.parametrize(("shell", "told"), [("bash", "\n"), ("zsh", "_files\n"), ("fish", "\n")])
def test_files_are_left_to_the_shell(shell, told, tmp_path):
    (tmp_path / "rows.csv").touch()

    assert pressed(shell, "narrows fit ro", tmp_path) == (0, told)


def test_data_that_begin_like_a_named_set_are_not_hidden_by_it(tmp_path, monkeypatch):
    for name in ("dogs.csv", "digits.narrows", "more.parquet", ".hidden.csv", "t10k-images-idx3-ubyte.gz"):
        (tmp_path / name).touch()
    (tmp_path / "days").mkdir()
    monkeypatch.chdir(tmp_path)

    assert completion.data("d") == ["digits", "days/", "dogs.csv"]
    assert completion.data("") == ["digits", "mnist", "fashion_mnist", "days/", "dogs.csv", "more.parquet", "t10k-images-idx3-ubyte.gz"]
    assert completion.data("./d") == []


def test_completion_loads_no_library_of_numbers(python):
    code = """
import sys
from narrows.cli import main
try:
    main(["fit", "--recipe", "c"])
except SystemExit:
    print(bool({"keras", "jax", "sklearn", "numpy"} & set(sys.modules)))
"""

    asked = {"_NARROWS_COMPLETE": "complete_bash", "COMP_WORDS": "narrows fit --recipe c", "COMP_CWORD": "3"}
    assert python(code, **asked).split() == ["convolutional", "False"]


def test_the_names_are_those_that_there_are():
    import keras

    assert completion.SETS == tuple(SETS)
    assert completion.RECIPES == tuple(recipes())
    for name in completion.ACTIVATIONS:
        assert callable(keras.activations.get(name))
    for noise in completion.NOISES:
        assert settings.noise(noise, "here")
    assert {noise.partition(":")[0] for noise in completion.NOISES} == {*settings.noise_kinds(), "none"}
    known = {name.lower() for name, value in vars(keras.optimizers).items() if isinstance(value, type)}
    assert set(completion.OPTIMIZERS) <= known
    for name in completion.LOSSES[1:]:
        assert callable(keras.losses.get(name))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_is_given_its_script(shell, monkeypatch, narrows):
    monkeypatch.setattr("shellingham.detect_shell", lambda: (shell, f"/bin/{shell}"))

    done = narrows("--show-completion")

    assert (done.code, done.err) == (0, "")
    assert f"complete_{shell}" in done.out
    assert "narrows" in done.out


def test_it_is_installed_where_the_shell_looks(monkeypatch, narrows, tmp_path):
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("fish", "/bin/fish"))
    monkeypatch.setenv("HOME", str(tmp_path))

    done = narrows("--install-completion")

    assert done.code == 0
    assert "fish completion installed in" in done.out
    assert "narrows" in (tmp_path / ".config/fish/completions/narrows.fish").read_text()
