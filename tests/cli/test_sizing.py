"""``narrows dimensions``, and curves in plain characters."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from narrows.cli.drawing import curves

QUICK = ["--sizes", "1,2,4", "--epochs", "2"]


@pytest.fixture
def table(tmp_path, rng):
    rows = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 6))
    np.save(tmp_path / "rows.npy", rows)
    return "rows.npy"


def test_a_table_a_drawing_and_the_elbow(narrows, table):
    done = narrows("dimensions", table, *QUICK)

    assert done.code == 0
    assert "measured on  12 rows held out, as mean squared error in scaled units\n" in done.out
    assert "code size  autoencoder" in done.out
    assert "o autoencoder   + PCA   (error over code size)" in done.out
    assert "elbow" in done.out
    assert "PCA needs " in done.out
    assert "\x1b[" not in done.out


def test_as_json(narrows, table):
    values = json.loads(narrows("dimensions", table, *QUICK, "--json").out)

    assert values["source"] == table
    assert values["sizes"] == [1, 2, 4]
    assert values["pca_elbow"]["size"] == 2
    assert values["rows"]["pca_99"] == 2


def test_a_table_is_written(narrows, table):
    done = narrows("dimensions", table, *QUICK, "-o", "sizes.csv")

    assert done.code == 0
    assert "wrote 'sizes.csv' (" in done.out
    with open("sizes.csv") as file:
        head, *lines = file.read().splitlines()
    assert head.replace('"', "") == "size,autoencoder,pca,seconds"
    assert [line.split(",")[0] for line in lines] == ["1", "2", "4"]


def test_a_picture_is_written(narrows, table, tmp_path):
    pytest.importorskip("matplotlib")

    assert narrows("dimensions", table, *QUICK, "-o", "sizes.png").code == 0
    assert (tmp_path / "sizes.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_without_matplotlib_is_refused_before_any_work(narrows, table, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    done = narrows("dimensions", table, *QUICK, "-o", "sizes.png")

    assert done.code == 2
    assert done.only_line == "narrows: a picture needs matplotlib, which is not installed: pip install 'narrows[plot]'"


@pytest.mark.parametrize("name", ["sizes.txt", "no/folder/sizes.csv", "rows.npy"])
def test_what_cannot_be_written_is_refused_before_any_work(narrows, table, name):
    assert narrows("dimensions", table, *QUICK, "-o", name).code == 2


def test_curves():
    drawn = curves([1, 2, 4], {"o": [100.0, 10.0, 1.0], "+": [100.0, 90.0, 80.0]}, marked=2)

    assert "".join(drawn[:14]).count("o") == 3
    assert "".join(drawn[:14]).count("+") == 2  # the first one is behind the other curve's
    assert drawn[0].startswith("100 |o")
    assert drawn[13].lstrip().startswith("1 |")
    assert drawn[13].endswith("o")
    assert drawn[15].split() == ["1", "2", "4"]
    assert drawn[16].split() == ["^", "elbow"]
    assert drawn[16].index("^") == drawn[15].index("2")
    assert max(map(len, drawn)) <= 70


def test_a_flat_curve_and_a_single_size_are_drawn():
    assert any("o" in line for line in curves([1, 2], {"o": [1.0, 1.0]}))
    assert any("o" in line for line in curves([4], {"o": [0.0]}))
