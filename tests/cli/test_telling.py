"""``narrows info`` and ``narrows recipes``."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import narrows as package


def test_info_shows_what_fit_showed(narrows, digits):
    shown, said = narrows("info", digits.path), digits.said.out

    assert (shown.code, shown.err) == (0, "")
    for start, end in (("layer ", "times fewer numbers"), ("loss  ", "seed       0"), ("quality on", "logistic accuracy")):
        part = said[said.index(f"\n{start}") : said.index(end)]
        assert part in shown.out


def test_info_says_where_the_rows_came_from(narrows, digits, flowers):
    assert "trained on  digits: 1,438 rows; 359 test rows (the data set's own)\n" in narrows("info", digits.path).out
    assert "label       species, left out of the rows\n" in narrows("info", flowers.path).out


def test_info_shows_history_verdicts_and_versions(narrows, digits):
    out = narrows("info", digits.path).out

    assert "epoch    loss  learning rate\n-----  ------  -------------\n1      0." in out
    assert "2 epochs in " in out
    assert any(verdict.sentence.split()[0] in out for verdict in package.load(digits.path).diagnostics_)
    assert f"narrows {package.__version__}" in out


def test_info_needs_no_network(python, digits):
    code = f"""
import sys
from narrows.cli import main
try:
    main(["-q", "info", {str(digits.path)!r}])
except SystemExit as end:
    print(end.code, "keras" in sys.modules, "jax" in sys.modules)
"""

    assert python(code).split() == ["0", "False", "False"]


def test_info_of_a_loss_that_is_not_finite(narrows, tmp_path, rng):
    """People read what it was; JSON has null for it."""
    rows = rng.normal(size=(40, 3))
    odd = np.vstack([rows[:9], np.full(3, 1e30)])
    package.Autoencoder(1, layers=(4,), epochs=1, random_state=0).fit(rows, validation_data=odd).save(tmp_path / "odd.narrows")

    shown, values = narrows("info", "odd.narrows"), json.loads(narrows("info", "odd.narrows", "--json").out)

    assert shown.code == 0
    assert re.search(r"epoch +loss +validation loss +learning rate\n[- ]+\n1 +[\d.]+ +inf +[\d.]+\n", shown.out)
    assert values["history"]["val_loss"] == [None]
    assert values["history"]["loss"] == package.load("odd.narrows").history_["loss"]


def test_info_of_a_bundle_from_python(narrows, tmp_path, rng):
    """It has no figures of quality, and no names of data."""
    fitted = package.Autoencoder(1, layers=(4,), epochs=1, random_state=0).fit(rng.normal(size=(30, 3)))
    package.save(fitted, tmp_path / "own.narrows")

    done = narrows("info", "own.narrows")

    assert done.code == 0
    assert "quality" not in done.out
    assert "scale      standard, each feature to mean 0 and deviation 1\n" in done.out


def test_info_as_json(narrows, digits):
    values = json.loads(narrows("info", digits.path, "--json").out)

    assert values["estimator"] == "Autoencoder"
    assert values["parameters"]["layers"]["class"] == "Dense"
    assert values["parameters"]["layers"]["widths"] == [16]
    assert [layer["units"] for layer in values["network"]["layers"]] == [16, 2, 16, 64]
    assert values["quality"]["pca"]["knn_accuracy"].keys() == {"1", "5", "15"}


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_bundle_is_one_line_and_2(narrows, digits, tmp_path, damage):
    content = bytearray(digits.path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    (tmp_path / "bad.narrows").write_bytes(content if damage == "flipped" else content[: len(content) // 2])

    done = narrows("info", "bad.narrows")

    assert done.code == 2
    assert done.only_line.startswith("narrows: bad.narrows is ")


def test_recipes(narrows):
    done = narrows("recipes")

    assert (done.code, done.err) == (0, "")
    values = json.loads(narrows("recipes", "--json").out)
    assert values.keys() == package.recipes().keys()
    for name, made in values.items():
        assert f"{name} " in done.out
        assert made["description"].split()[0] in done.out
    assert (values["dense"]["needs"], values["supervised"]["needs"], values["denoising"]["needs"]) == ([], ["labels"], ["images"])
    for needs in (["labels"], ["images"], ["labels", "images"]):
        assert done.out.count(f"needs {' and '.join(needs)}\n") == sum(made["needs"] == needs for made in values.values()) > 0


def test_unicode_that_a_terminal_lacks_is_no_error(python, digits, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code = f"""
import os, subprocess, sys
command = [sys.executable, "-m", "narrows", "info", {str(digits.path)!r}]
done = subprocess.run(command, env=os.environ | {{"PYTHONIOENCODING": "ascii"}}, capture_output=True, check=False)
assert b"64 ? 2" in done.stdout, done.stdout
print(done.returncode, done.stderr)
"""

    assert python(code).strip() == "0 b''"


def test_colors_on_request_and_never_against_it(narrows, digits, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in narrows("info", digits.path).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in narrows("info", digits.path).out


def test_a_matrix_of_odd_names_is_printed_as_it_is(narrows, tmp_path, rng):
    """Brackets mean nothing to the terminal."""
    np.save(tmp_path / "[bold]rows[red].npy", rng.random((30, 3)))

    done = narrows("fit", "[bold]rows[red].npy", "--layers", "4", "--epochs", "1")

    assert done.code == 0
    assert "'[bold]rows[red].narrows'" in done.out
