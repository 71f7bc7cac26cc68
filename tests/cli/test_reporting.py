"""``narrows report`` and ``narrows fit --report``: a page about a bundle and rows."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

QUICK = ["--layers", "16", "--epochs", "2", "--precision", "float32"]


@pytest.fixture
def table(tmp_path, rng) -> str:
    lines = [f"{a:.3f},{b:.3f},{c:.3f},{kind}" for kind in ("iris", "<rose>") for a, b, c in rng.normal(5 * (kind == "iris"), 1, (60, 3))]
    (tmp_path / "flowers.csv").write_text("\n".join(["width,length,height,species", *lines]) + "\n")
    return "flowers.csv"


def spec_of(path) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="spec">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)[1])


def test_fit_writes_a_page_about_the_test_rows(narrows, table, tmp_path):
    done = narrows("fit", table, "--label", "species", "--supervised", *QUICK, "--report", "-o", "flowers.narrows")

    assert done.code == 0, done.err
    assert "wrote 'flowers.html'" in done.out
    text, spec = (tmp_path / "flowers.html").read_text("utf-8"), spec_of(tmp_path / "flowers.html")
    assert spec["features"] == ["width", "length", "height"]
    assert spec["columns"][0]["kinds"] == ["<rose>", "iris"]
    assert spec["arrays"]["places"]["shape"] == [12, 2]
    assert "Measured on 12 test rows" in text
    assert "narrows fit --config flowers.narrows --report -o flowers.narrows" in text
    assert "the column" not in text.split("<h2")[0]


def test_a_report_about_other_rows_knows_the_label_of_the_fit(narrows, table, tmp_path):
    assert narrows("fit", table, "--label", "species", *QUICK, "-o", "flowers.narrows").code == 0

    done = narrows("report", "flowers.narrows", table, "--rows", "50", "-o", "page.html", "--json")

    assert done.code == 0, done.err
    assert json.loads(done.out) == {"rows": 120, "output": "page.html"}
    spec = spec_of(tmp_path / "page.html")
    assert [column["name"] for column in spec["columns"]] == ["label", "error", "width", "length", "height"]
    assert spec["arrays"]["places"]["shape"] == [50, 2]
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "narrows report flowers.narrows flowers.csv --rows 50 -o page.html" in text
    assert "120 of 3 numbers" in text


def test_digits_are_images_on_the_page(narrows, tmp_path):
    assert narrows("fit", "digits", *QUICK, "-o", "digits.narrows").code == 0
    assert narrows("report", "digits.narrows", "digits", "--test", "-o", "page.html").code == 0

    spec = spec_of(tmp_path / "page.html")
    assert (spec["image"]["height"], spec["image"]["width"]) == (8, 8)
    assert spec["features"] is None


@pytest.mark.slow
def test_a_map_is_a_page_too(narrows, table, tmp_path):
    done = narrows("map", table, "--label", "species", "--two-step", "--components", "3", "--epochs", "1", "-o", "map.html")

    assert done.code == 0, done.err
    spec = spec_of(tmp_path / "map.html")
    assert spec["kind"] == "map"
    assert spec["arrays"]["codes"]["shape"] == [120, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "flowers.narrows", "flowers.csv", "-o", "page.pdf"], "page.pdf"),
        (["report", "flowers.narrows", "flowers.csv", "-o", "nowhere/page.html"], "nowhere"),
        (["report", "flowers.narrows", "nothing.csv", "-o", "page.html"], "nothing.csv"),
        (["report", "flowers.csv", "flowers.csv", "-o", "page.html"], "is not a bundle"),
        (
            ["report", "flowers.narrows", "wide.npy", "-o", "page.html"],
            "has 5 columns, but 'flowers.narrows' takes rows of 3",
        ),
        (["report", "flowers.narrows", "far.npy", "-o", "page.html"], "the squared error of row 1 is beyond the range of float32"),
        (["report", "flowers.narrows", "flowers.csv", "--test", "-o", "page.html"], "brings no test rows"),
        (["report", "flowers.narrows", "flowers.csv", "--label", "petal", "-o", "page.html"], "petal"),
        (["report", "flowers.narrows", "flowers.csv", "--rows", "0", "-o", "page.html"], "--rows"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments, message, narrows, table, tmp_path):
    assert narrows("fit", table, "--label", "species", *QUICK, "-o", "flowers.narrows", "-q").code == 0
    np.save("wide.npy", np.zeros((20, 5)))
    np.save("far.npy", np.full((20, 3), 1e30))

    done = narrows(*arguments)

    assert done.code == 2
    assert message in done.only_line
    assert not list(tmp_path.glob("*.html"))
    assert not list(tmp_path.glob(".*.part"))
