"""A page about a table: columns in their own units and words, holes as such."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from narrows import TableAutoencoder, report


@pytest.fixture(scope="module")
def houses() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 60)
    frame = pd.DataFrame(
        {
            "price": 100.0 + 40 * kind + rng.normal(size=60),
            "color": np.array(["red", "<blink>", "blue"], object)[kind],
            "sold": kind == 2,
            "day": [date(2024, 1, 1) + timedelta(days=int(day)) for day in 10 * kind + rng.integers(0, 9, 60)],
            "name": [f"house {number}" for number in range(60)],
        }
    )
    frame.loc[[3, 8], "price"] = None
    frame.loc[[5], "color"] = None
    return frame


@pytest.fixture(scope="module")
def fitted(houses) -> TableAutoencoder:
    return TableAutoencoder(2, layers=(16,), epochs=3, random_state=0).fit(houses)


def read(path) -> tuple[str, dict]:
    text = path.read_text("utf-8")
    return text, json.loads(re.search(r'<script type="application/json" id="spec">(.*?)</script>', text, re.DOTALL)[1])


def test_columns_are_told_in_words(fitted, houses, tmp_path):
    report.write(tmp_path / "page.html", fitted, houses, houses["color"])
    text, spec = read(tmp_path / "page.html")

    assert spec["features"] == ["day", "price", "sold", "color"]
    assert spec["words"] == [{"date": False}, None, {"names": ["False", "True"]}, {"names": ["<blink>", "blue", "red"]}]
    assert spec["arrays"]["rows"] | {"start": 0} == {"type": "f4", "shape": [60, 4], "start": 0}
    assert [column["name"] for column in spec["columns"]] == ["label", "error", "day", "price", "sold", "color"]
    assert spec["columns"][-1]["kinds"] == ["<blink>", "blue", "red"]
    assert spec["grid"]["features"] == 4
    assert "what it gives are the columns of a table" in text
    assert "60 of 5 columns" in text or "60 of 4 columns" in text
    assert re.search(r"<td>2024-01-\d\d</td>", text)
    assert "<td>missing</td>" in text
    assert "<blink>" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


def test_rows_that_do_not_fit_are_refused(fitted, houses, tmp_path):
    with pytest.raises(ValueError, match="feature names"):
        report.write(tmp_path / "page.html", fitted, houses.drop(columns="sold"))
    with pytest.raises(ValueError, match="y has the shape"):
        report.write(tmp_path / "page.html", fitted, houses, ["x"])


@pytest.mark.slow
def test_a_browser_shows_words_dates_and_holes(browser, fitted, houses, tmp_path):
    report.write(tmp_path / "page.html", fitted, houses)
    page, problems = browser.new_page(), []
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_function("document.documentElement.dataset.ready", timeout=60_000)
    page.fill("#row-number", "4")
    page.dispatch_event("#row-number", "change")
    shown = page.inner_text("#row-shown")

    assert re.search(r"price\s+missing\s+\d", shown)
    assert re.search(rf"day\s+{houses['day'][3]}\s+2024-", shown)
    assert re.search(r"color\s+(red|<blink>|blue)\s+(red|<blink>|blue)", shown)
    assert problems == []
