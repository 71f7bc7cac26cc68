"""Test rows that are kept for a picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from narrows import Autoencoder
from narrows.data import load
from narrows.data.rows import Rows
from narrows.study.experiment import Material, Measured, Results, Trial
from narrows.study.picturing import PICTURED, draw_pictured, has_pictures, pictured


@pytest.fixture(scope="module")
def digits() -> Rows:
    rows = load("digits")
    return replace(rows, X=rows.X[:40] * 255, labels=rows.labels[:40])


@pytest.fixture(scope="module")
def made(digits) -> Autoencoder:
    return Autoencoder(2, layers=(4,), epochs=1, random_state=0).fit(digits.X)


def material_of(rows: Rows, test: Rows) -> Material:
    return Material(rows, replace(test, X=test.X * 255))


def test_a_row_of_each_class_in_the_units_of_a_picture(digits, made):
    kept = pictured(made, material_of(digits, digits.test))

    shown = np.array(kept["rows"])
    assert kept["image_shape"] == [8, 8]
    assert shown.shape == np.array(kept["rebuilt"]).shape == (PICTURED, 64)
    assert (shown.min(), shown.max()) == (0, 1)
    firsts = [np.flatnonzero(digits.test.labels == digit)[0] for digit in range(10)]
    np.testing.assert_allclose(shown, digits.test.X[firsts], atol=1e-3)


def test_others_where_classes_are_few(digits, made):
    test = replace(digits.test, X=digits.test.X[:6], labels=np.array([1, 1, 1, 0, 1, 0]))

    kept = pictured(made, material_of(digits, test))

    np.testing.assert_allclose(kept["rows"], test.X[[3, 0, 1, 2, 4, 5]], atol=1e-3)


def test_rows_that_are_no_images_are_not_kept(digits, made):
    test = replace(digits.test, image_shape=None)

    assert pictured(made, material_of(digits, test)) == {}
    assert not has_pictures(Results((Trial("one", 0, Measured({}), 1.0),)))


def test_lines_are_called_by_what_stands_beside(digits, made):
    pytest.importorskip("matplotlib")
    kept = Measured({}, pictured(made, material_of(digits, digits.test)))
    results = Results((Trial("one", 0, kept, 1.0), Trial("two", 0, kept, 1.0)))

    ax = draw_pictured(results, {"two": "the second"})

    assert has_pictures(results)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["test rows", "one", "the second"]
