"""Rows and what belongs to them."""

from __future__ import annotations

import numpy as np
import pytest

from narrows.data import Rows

X = np.zeros((3, 4), np.float32)


def test_repr_says_what_a_person_asks_first():
    """Size, type, labels, images and test rows are in the one line that stands for the rows."""
    rows = Rows(X, labels=np.arange(3), name="few", test=Rows(X[:1]), image_shape=(2, 2))

    assert repr(rows) == "Rows('few': 3 x 4 float32, labels, images 2x2, 1 test rows)"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"X": np.zeros(3)}, r"rows came as an array of shape \(3,\); rows have the shape \(n, d\): reshape it"),
        ({"X": X, "labels": np.arange(2)}, r"3 rows and labels of shape \(2,\); give one label per row"),
        ({"X": X, "feature_names": ["a"]}, r"4 columns and 1 feature names; give one name per column"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, words):
    """Rows cannot be made of parts of different lengths."""
    with pytest.raises(ValueError, match=words):
        Rows(**parts)
