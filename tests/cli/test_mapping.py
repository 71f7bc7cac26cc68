"""``narrows map``: a picture or a table of where rows are, and the bundle that places others."""

from __future__ import annotations

import json
import sys

import numpy as np
import pyarrow.parquet as parquet
import pytest

import narrows as package
from narrows.cli.reading import as_input

QUICK = ["--epochs", "1"]


@pytest.fixture
def rows(tmp_path, rng) -> str:
    np.save(tmp_path / "rows.npy", rng.normal(size=(60, 2)) @ rng.normal(size=(2, 6)))
    return "rows.npy"


@pytest.fixture
def table(tmp_path, rng) -> str:
    lines = [f"{a:.3f},{b:.3f},{c:.3f},{kind}" for kind in ("iris", "<rose>") for a, b, c in rng.normal(5 * (kind == "iris"), 1, (30, 3))]
    (tmp_path / "flowers.csv").write_text("\n".join(["width,length,height,species", *lines]) + "\n")
    return "flowers.csv"


@pytest.mark.parametrize("way", [[], ["--two-step", "--components", "3"]], ids=["one network", "two steps"])
def test_a_map_and_the_bundle_that_made_it(way, narrows, table, tmp_path):
    done = narrows("map", table, "--label", "species", *QUICK, *way, "-o", "map.csv", "--save", "map.narrows")
    assert done.code == 0, done.err
    assert "labels of 2 kinds" in done.out
    assert ("then t-SNE" in done.out) == bool(way)
    for name in ("trustworthiness", "continuity", "5-NN accuracy"):
        assert f"{name} " in done.out
    head, *lines = (tmp_path / "map.csv").read_text().replace('"', "").splitlines()
    assert head == "label,x,y"
    assert [line.split(",")[0] for line in lines] == ["iris"] * 30 + ["<rose>"] * 30

    again = narrows("map", "map.narrows", table, "-o", "again.csv")
    assert again.code == 0, again.err
    places = [np.loadtxt(tmp_path / name, delimiter=",", skiprows=1, usecols=(1, 2)) for name in ("map.csv", "again.csv")]
    np.testing.assert_allclose(places[0], places[1], rtol=1e-4, atol=1e-5)

    assert narrows("encode", "map.narrows", table, "-o", "codes.npy").code == 0
    np.testing.assert_allclose(np.load("codes.npy"), places[0], rtol=1e-4, atol=1e-5)
    assert narrows("decode", "map.narrows", "codes.npy", "-o", "rows.npy").code == 0
    assert np.load("rows.npy").shape == (60, 3)


def test_a_warning_is_said_once(narrows, rows):
    done = narrows("map", rows, *QUICK, "-q", "-o", "map.csv")

    assert done.code == 0, done.err
    assert done.err.count("worse than PCA") == 1


def test_two_steps_are_those_of_the_estimator(narrows, rows):
    assert narrows("map", rows, "--two-step", "--components", "2", "--epochs", "2", "--seed", "3", "-o", "map.npy").code == 0

    made = package.LatentMap(2, autoencoder=package.Autoencoder(epochs=2), random_state=3).fit(np.load(rows))
    np.testing.assert_array_equal(np.load("map.npy"), made.embedding_)


def test_a_picture(narrows, table, tmp_path):
    pytest.importorskip("matplotlib")

    assert narrows("map", table, "--label", "species", *QUICK, "-o", "map.svg").code == 0
    drawn = (tmp_path / "map.svg").read_text()
    assert "<svg" in drawn
    assert "<rose>" not in drawn  # text from data stays text

    assert narrows("map", table, "--label", "species", *QUICK, "-o", "map.png").code == 0
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_test_rows_are_placed_on_the_map_of_the_others(narrows, tmp_path):
    assert narrows("map", "digits", "--test", *QUICK, "-o", "map.parquet", "--save", "map.narrows").code == 0

    places = parquet.read_table("map.parquet")
    digits = package.data.load("digits")
    assert places.column_names == ["label", "x", "y"]
    assert places["label"].to_pylist() == digits.test.labels.tolist()
    expected = package.load("map.narrows").transform(as_input(digits.test))
    np.testing.assert_allclose(np.column_stack([places["x"], places["y"]]), expected, rtol=1e-5)


def test_the_network_of_a_map_can_be_fitted_again(narrows, rows):
    assert narrows("map", rows, *QUICK, "-o", "map.npy", "--save", "map.narrows").code == 0
    assert narrows("-q", "fit", "--config", "map.narrows", "-o", "again.narrows").code == 0

    assert package.load("again.narrows").neighbor_weight == package.load("map.narrows").neighbor_weight == 0.1


def test_as_json(narrows, rows):
    values = json.loads(narrows("map", rows, *QUICK, "-o", "map.csv", "--json").out)

    assert values["rows"] == 60
    assert values["bundle"] is None
    assert 0 <= values["trustworthiness"] <= 1
    assert "5-NN accuracy" not in values


def test_few_rows_have_no_figures(narrows, tmp_path):
    np.save(tmp_path / "few.npy", np.eye(17))

    done = narrows("map", "few.npy", *QUICK, "-o", "map.csv")

    assert done.code == 0, done.err
    assert "none of fewer than 20 rows" in done.out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["rows.npy", "--components", "3", "-o", "map.csv"], "--components is for the codes between the two steps: say --two-step as well"),
        (["rows.npy", "-o", "map.txt"], "map.txt"),
        (["rows.npy", "-o", "rows.npy"], "the output 'rows.npy' is what is read: write elsewhere"),
        (["rows.npy", "-o", "no/folder/map.csv"], "no/folder"),
        (["rows.npy", "-o", "map.csv", "--save", "map.csv"], "map.csv"),
        (["few.npy", "--two-step", "-o", "map.csv"], "a map needs at least 8 rows, got n_samples=5: give more"),
        (["few.npy", "-o", "map.csv"], "n_neighbors=15 needs more than 15 rows to learn from, and there are"),
        (["digits.narrows", "rows.npy", "-o", "map.csv"], "'digits.narrows': No such file"),
        (["digits.narrows", "-o", "map.csv"], "rows are missing after the bundle 'digits.narrows'"),
        (["rows.npy", "--epochs", "few", "-o", "map.csv"], "few"),
    ],
)
def test_what_makes_no_map_is_refused(given, words, narrows, rows, tmp_path):
    np.save(tmp_path / "few.npy", np.eye(5))
    before = sorted(path.name for path in tmp_path.iterdir())

    done = narrows("map", *given)

    assert done.code == 2
    assert words in done.err
    assert done.err.count("\n") <= 1 or "searching" in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_bundles_of_other_codes_are_no_maps(narrows, flowers, tmp_path):
    table = flowers.path.with_name("flowers.csv")
    done = narrows("map", flowers.path, table, "-o", "map.csv")

    assert done.code == 2
    assert "has codes of 1 number, and a map has two: 'narrows map DATA' makes one of rows" in done.only_line
    for flag in (["--two-step"], ["--epochs", "3"], ["--save", "other.narrows"]):
        assert narrows("map", flowers.path, table, *flag, "-o", "map.csv").code == 2


def test_maps_are_not_asked_for_what_they_cannot(narrows, rows):
    assert narrows("map", rows, "--two-step", *QUICK, "-o", "map.npy", "--save", "map.narrows").code == 0

    for command in (["reconstruct", "map.narrows", rows, "-o", "back.npy"], ["score", "map.narrows", rows]):
        done = narrows(*command)
        assert done.code == 2
        assert "holds a LatentMap, which places rows on a map and decodes places" in done.only_line
    about = narrows("info", "map.narrows")
    assert about.code == 0
    assert "trained on  rows.npy: 60 rows\n" in about.out
    assert "map  t-SNE of these codes" in about.out
    assert json.loads(narrows("info", "map.narrows", "--json").out)["map"]["parameters"]["n_components"] == 20
    assert "holds a map in two steps" in narrows("info", "map.narrows", "--config").only_line


def test_a_picture_without_matplotlib_is_refused_before_any_work(narrows, rows, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    done = narrows("map", rows, "-o", "map.png")

    assert done.code == 2
    assert done.only_line == "narrows: a picture needs matplotlib, which is not installed: pip install 'narrows[plot]'"
