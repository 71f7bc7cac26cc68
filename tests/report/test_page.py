"""What a page says and holds, read as text."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from narrows import Autoencoder, SupervisedAutoencoder, SupervisedAutoencoderRegressor, report
from narrows.quality import measure
from narrows.report import _charts, _plane, _rows, _words


@pytest.fixture
def page(tmp_path):
    """Write a page and read it: its text, and what its script is told."""

    def write(estimator, X, y=None, **options):
        path = tmp_path / "page.html"
        report.write(path, estimator, X, y, **options)
        text = path.read_text("utf-8")
        return text, json.loads(re.search(r'<script type="application/json" id="spec">(.*?)</script>', text, re.DOTALL)[1])

    return write


def test_it_asks_for_nothing_from_outside(page, digits, dense):
    text, _ = page(dense, digits[0][:50])

    markup = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="(?!data:|#)([^"]*)"', markup) == []
    assert "url(" not in markup
    assert "default-src 'none'" in markup


def test_the_same_page_has_the_same_bytes(page, digits, supervised):
    once = page(supervised, digits[0][:60], digits[1][:60])[0]
    assert page(supervised, digits[0][:60], digits[1][:60])[0] == once


def test_it_begins_with_a_sentence_and_the_verdicts_of_the_fit(page, digits, dense):
    text, _ = page(dense, digits[0][1000:1200])

    assert re.search(r'class="verdict">2 numbers keep (\d+\.\d %|none) of the variance; ', text)
    for verdict in dense.diagnostics_:
        assert verdict.sentence.split("(")[0].split("'")[0] in text


def quality_of(mine, pca, kept=0.5, n=2):
    rows = np.random.default_rng(0).normal(size=(40, 4))
    codes = rows[:, :2]
    found = measure(rows, rows, train_codes=codes, test_codes=codes, test_reconstruction=rows)
    values = found.to_dict()
    values["n_components"] = n
    values["autoencoder"] |= {"mean_squared_error": mine, "explained_variance": kept}
    values["pca"]["mean_squared_error"] = pca
    return type(found).from_dict(values)


@pytest.mark.parametrize(
    ("quality", "sentence"),
    [
        (quality_of(1.0, 3.2, 0.941, 32), "32 numbers keep 94.1 % of the variance; 3.2 times less error than PCA; no collapse."),
        (quality_of(1.0, 1.25, 0.5, 1), "1 number keeps 50.0 % of the variance; 20 % less error than PCA; no collapse."),
        (quality_of(1.0, 1.01), "2 numbers keep 50.0 % of the variance; as much error as PCA; no collapse."),
        (
            quality_of(4.0, 1.0, -0.1),
            "2 numbers keep none of the variance; 4.0 times more error than PCA: use PCA, or mend it; no collapse.",
        ),
        (quality_of(0.0, 1.0), "2 numbers keep 50.0 % of the variance; infinitely less error than PCA; no collapse."),
    ],
)
def test_the_sentence_says_what_is_so(quality, sentence):
    assert _words.headline(quality, []) == sentence


def test_the_sentence_counts_warnings():
    from narrows.diagnostics import Verdict

    collapse, other = Verdict("collapse", "warning", "It collapsed."), Verdict("dead_units", "warning", "Some are dead.")
    assert _words.headline(quality_of(1, 1), [collapse, other]).endswith("; the code has collapsed; one warning.")


def test_figures_that_are_given_are_shown(page, digits, dense):
    text, _ = page(dense, digits[0][:30], quality=quality_of(0.123456, 1.0))

    assert "0.1235" in text
    assert "PCA was fitted to them" not in text
    assert "PCA was fitted to them" in page(dense, digits[0][:30])[0]


def test_a_head_is_measured_by_labels_that_are_known(page, digits, supervised):
    rows, labels = digits[0][1000:1200], digits[1][1000:1200].astype(float)
    labels[:50] = np.nan
    right = (supervised.predict(rows[50:]) == labels[50:]).mean()

    text, spec = page(supervised, rows, labels)

    assert f"<strong>{100 * right:.1f} %</strong> of 150 rows" in text
    assert spec["columns"][0]["kinds"] == [str(digit) for digit in range(10)]
    assert 'class="matrix"' in text


@pytest.mark.parametrize("kind", [float, bool, str])
def test_classes_of_any_kind_are_counted_as_score_counts_them(page, kind):
    rows = np.random.default_rng(0).normal(size=(90, 4))
    labels = (rows[:, 0] > 0).astype(kind)
    made = SupervisedAutoencoder(2, layers=(8,), epochs=2, random_state=0).fit(rows, labels)

    text, _ = page(made, rows, labels)

    assert f"<strong>{100 * made.score(rows, labels):.1f} %</strong> of 90 rows" in text


def test_labels_that_the_head_was_not_taught_are_wrong_and_said(page):
    rows = np.random.default_rng(0).normal(size=(90, 4))
    labels = (rows[:, 0] > 0).astype(float)
    made = SupervisedAutoencoder(2, layers=(8,), epochs=2, random_state=0).fit(rows, labels)
    labels[:30] = np.inf

    text, _ = page(made, rows, labels)

    right = (made.predict(rows)[30:] == labels[30:]).sum() / 90
    assert f"<strong>{100 * right:.1f} %</strong> of 90 rows. Of these, 30 have labels that it was not taught." in text


def test_a_hundred_classes_have_a_list_of_what_is_confused(page):
    rows = np.random.default_rng(0).random((400, 5))
    labels = np.array([f"class {number % 100:02d} with a very long name indeed {'x' * 80}" for number in range(400)])
    made = SupervisedAutoencoder(2, layers=(8,), epochs=1, random_state=0).fit(rows, labels)

    text, spec = page(made, rows, labels)

    assert 'class="matrix"' not in text
    assert "What is confused most" in text
    assert len(spec["columns"][0]["kinds"]) == 100
    assert max(map(len, spec["columns"][0]["kinds"])) < 70


def test_numbers_that_are_predicted_have_their_share_of_variance(page):
    rows = np.random.default_rng(0).random((200, 4))
    made = SupervisedAutoencoderRegressor(2, layers=(16,), epochs=5, random_state=0).fit(rows, rows.sum(1))

    text, spec = page(made, rows, rows.sum(1))

    predicted = made.predict(rows)
    share = 1 - np.square(predicted - rows.sum(1)).sum() / np.square(rows.sum(1) - rows.sum(1).mean()).sum()
    assert f"<strong>{share:.4f}</strong>" in text
    assert spec["columns"][0]["kind"] == "numbers"


def test_words_are_no_numbers_to_predict(page):
    rows = np.random.default_rng(0).random((40, 4))
    made = SupervisedAutoencoderRegressor(2, layers=(8,), epochs=1, random_state=0).fit(rows, rows.sum(1))

    with pytest.raises(ValueError, match="the head predicts numbers, and y holds dear: give numbers, or leave y out"):
        page(made, rows, ["dear"] * 40)


def test_the_shade_of_colored_pixels_is_their_mean(page, digits):
    rows = np.repeat(digits[0][:60, :, :, None], 3, axis=3) // np.array([1, 2, 9], np.uint8)
    made = Autoencoder(2, layers=(8,), epochs=1, random_state=0).fit(rows)

    text, _ = page(made, rows)

    errors = made.reconstruction_error(rows, per_feature=True).reshape(60, 64, 3).mean((0, 2))
    assert f"white {errors.max():.3g}</figcaption>" in text


def test_a_row_too_far_away_is_named(page, dense, digits):
    rows = digits[0][:20].reshape(20, 64).astype(np.float32)
    rows[6] = 1e30

    with pytest.raises(ValueError, match="the squared error of row 7 is beyond the range of float32"):
        page(dense, rows)


def test_what_is_no_autoencoder_is_refused(page, digits):
    from sklearn.decomposition import PCA

    rows = digits[0][:20].reshape(20, 64)
    with pytest.raises(TypeError, match="a report is about an autoencoder of narrows, got PCA: give the autoencoder itself"):
        page(PCA(2).fit(rows), rows)


@pytest.mark.parametrize(("width", "kind"), [(1, "line"), (2, "code"), (3, "map")])
def test_codes_of_any_size_lie_on_a_plane(page, width, kind):
    rows = np.random.default_rng(0).random((60, 5))
    made = Autoencoder(width, layers=(8,), epochs=1, random_state=0).fit(rows)

    _, spec = page(made, rows)

    assert spec["kind"] == kind
    assert spec["arrays"]["places"]["shape"] == [60, 2]
    assert spec["arrays"]["codes"]["shape"] == [60, width]


def test_a_constant_code_and_few_rows_still_have_a_page(page):
    rows = np.random.default_rng(0).random((60, 5))
    made = Autoencoder(3, layers=(8,), epochs=1, random_state=0).fit(rows)

    assert page(made, rows[:3])[1]["kind"] == "turned"
    assert page(made, np.repeat(rows[:1], 20, 0), ["one class"] * 20)[1]["kind"] == "turned"
    assert page(made, rows[:1])[1]["arrays"]["places"]["shape"] == [1, 2]


def test_names_of_columns_are_text(page):
    import pandas as pd

    table = pd.DataFrame(np.random.default_rng(0).random((80, 3)), columns=["<i>a</i>", "b" * 300, "</script>"])
    made = Autoencoder(2, layers=(8,), epochs=1, random_state=0).fit(table)

    text, spec = page(made, table)

    assert "<i>a</i>" not in text
    assert "&lt;i&gt;a&lt;/i&gt;" in text
    assert text.count("</script>") == 3
    assert spec["features"][0] == "<i>a</i>"
    assert len(spec["features"][1]) < 70
    assert "b" * 70 not in text


def test_more_rows_than_asked_for_are_drawn_at_random(page, digits, dense):
    text, spec = page(dense, digits[0][:200], digits[1][:200], max_rows=50)

    assert spec["arrays"]["ids"]["shape"] == [50]
    assert "50 of 200 rows are here, drawn at random" in text


def test_flat_rows_are_images_if_that_is_said(page, digits, dense):
    flat = Autoencoder(2, layers=(16,), epochs=1, random_state=0).fit(digits[0].reshape(-1, 64)[:100])

    assert page(flat, digits[0].reshape(-1, 64)[:20])[1]["image"] is None
    assert page(flat, digits[0].reshape(-1, 64)[:20], image_shape=(8, 8))[1]["image"]["width"] == 8
    with pytest.raises(ValueError, match=r"image_shape=\(7, 8\) has 56 values, and rows have 64: give the shape of a row"):
        page(flat, digits[0].reshape(-1, 64)[:20], image_shape=(7, 8))


def test_rows_come_back_from_few_bits(digits):
    def back(rows, **options):
        spec, arrays = _rows.quantized(rows, **options)
        assert spec["features"] == rows.shape[1]
        return arrays["rows/low"] + arrays["rows/step"] * arrays["rows"]

    assert (back(digits[0][:9].reshape(9, 64), image=True) == digits[0][:9].reshape(9, 64)).all()
    table = np.random.default_rng(0).normal([0, 1e6, 3], [1, 10, 0], (50, 3))
    assert (np.abs(back(table, image=False) - table) <= np.ptp(table, axis=0) / 60_000 + 1e-7 * np.abs(table)).all()
    wide = np.random.default_rng(0).random((50, 100))
    np.testing.assert_allclose(back(wide, image=False), wide, atol=1 / 500)
    assert _rows.most_rows(784, image=True) >= 10_000


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([1, 2, None, 2], object), "kinds"),
        (np.array(["a", None, "b", "a"], object), "kinds"),
        (np.array([1.0, 2.0, np.nan]), "kinds"),
        (np.array([0.5, 1.5, np.nan]), "numbers"),
        (np.arange(100), "numbers"),
        (np.array([True, False]), "kinds"),
    ],
)
def test_colors_are_of_kinds_or_numbers(values, kind):
    spec, arrays = _rows.column("c", values, "key")

    assert spec["kind"] == kind
    unknown = np.array([value is None or value != value for value in values.tolist()])
    assert ((arrays["key"] < 0) == unknown).all() if kind == "kinds" else (np.isnan(arrays["key"]) == unknown).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": [1, 2]}, r"y has the shape \(2,\) beside 20 rows: give one value for each row"),
        ({"names": ["a"]}, r"names has the shape \(1,\) beside 20 rows"),
        ({"columns": {"age": np.zeros((20, 2))}}, r"the column 'age' has the shape \(20, 2\): give one value for each row"),
        ({"max_rows": 0}, "max_rows must be at least 1, got 0"),
    ],
)
def test_what_does_not_fit_the_rows_is_refused(page, digits, dense, options, message):
    with pytest.raises(ValueError, match=message):
        page(dense, digits[0][:20], **options)


def test_rows_of_another_model_and_one_that_is_not_fitted_are_refused(page, digits, dense):
    with pytest.raises(ValueError, match="features"):
        page(dense, np.zeros((5, 3)))
    with pytest.raises(NotFittedError):
        page(Autoencoder(), digits[0][:5])


def test_nothing_half_written_stays(tmp_path, digits, dense):
    path = tmp_path / "page.html"
    path.write_text("before")
    with pytest.raises(ValueError, match="beside 20 rows"):
        report.write(path, dense, digits[0][:20], [1])
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["page.html"]
    with pytest.raises(OSError, match="nowhere"):
        report.write(tmp_path / "nowhere" / "page.html", dense, digits[0][:20])


def test_axes_have_round_marks():
    chart = _charts.curves("loss", {"training": [0.9, 0.5, 0.31], "validation": [0.95, 0.6, float("nan")]})
    assert [tick.text for tick in chart.y] == ["0.4", "0.6", "0.8"]
    assert [tick.text for tick in chart.x] == ["1", "2", "3"]
    assert chart.lines[1].points.count(",") == 2
    assert _charts.curves("none", {"training": [float("nan")]}) is None
    assert [tick.text for tick in _charts.curves("wide", {"training": [1000.0, 0.01]}).y] == ["0.01", "0.1", "1", "10", "100", "1000"]


def test_a_histogram_holds_every_row():
    values = np.random.default_rng(0).lognormal(0, 2, 500)
    chart = _charts.histogram("errors", values, "error")
    unit = next(tick for tick in chart.y if tick.text != "0")
    rows = sum(bar[3] for bar in chart.bars) / (chart.bottom - unit.place) * float(unit.text)
    assert "logarithmic" in chart.across
    assert rows == pytest.approx(500, rel=0.02)
    assert len(_charts.histogram("errors", np.zeros(4), "error").bars) == _charts.BINS


def test_places_beside_a_line_repeat_themselves(dense, digits):
    one = Autoencoder(1, layers=(8,), epochs=1, random_state=0).fit(digits[0][:50])
    from narrows.progress import Silent

    laid = [_plane.plane(one, one._network, digits[0][:50].reshape(50, 64), 3, Silent()) for _ in range(2)]
    assert (laid[0].places == laid[1].places).all()
    assert (laid[0].places[:, 0] == laid[0].codes[:, 0]).all()
