"""The bundled digits, and the fifth of them that is always kept for testing."""

from __future__ import annotations

import hashlib

import numpy as np
from sklearn.datasets import load_digits

from narrows.data import load


def test_digits_lie_between_0_and_1():
    """Sixteen grey levels as float32, which holds the quotients exactly."""
    rows = load("digits")

    assert rows.X.dtype == np.float32
    assert (rows.X.min(), rows.X.max()) == (0, 1)
    assert rows.image_shape == (8, 8)
    assert rows.feature_names[:2] == ["pixel_0_0", "pixel_0_1"]


def test_kept_and_test_rows_are_all_digits():
    """No digit is lost, and none comes twice."""
    rows, bunch = load("digits"), load_digits()

    both = np.column_stack([np.vstack([rows.X, rows.test.X]) * 16, np.concatenate([rows.labels, rows.test.labels])])

    assert sorted(map(tuple, both)) == sorted(map(tuple, np.column_stack([bunch.data, bunch.target])))


def test_the_test_rows_are_a_stratified_fifth_that_never_changes():
    """Figures measured on them years apart can be compared."""
    test = load("digits").test

    assert len(test.X) == 359
    assert set(np.bincount(test.labels)) <= {35, 36, 37}
    assert (
        hashlib.sha256((test.X * 16).astype(np.uint8).tobytes()).hexdigest()
        == "44761d89f8e49daebc987fa4f848a40a0485a849c9da5b13a4d9f9d78b6ef9cb"
    )
