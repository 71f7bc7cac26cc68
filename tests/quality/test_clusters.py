"""Clusters: extremes are known, and bad input is named."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from narrows.quality import cluster_agreement, silhouette


@pytest.fixture
def apart(rng):
    labels = np.repeat(["a", "b", "c"], 40)
    return rng.normal(size=(120, 2)) + 50 * np.repeat(np.eye(3)[:, :2], 40, axis=0), labels


def test_classes_that_are_far_apart(apart):
    assert silhouette(*apart) > 0.9
    assert cluster_agreement(*apart) == pytest.approx(1.0)


def test_classes_that_are_nowhere(rng):
    codes, labels = rng.normal(size=(400, 2)), rng.integers(0, 3, 400)

    assert abs(silhouette(codes, labels)) < 0.05
    assert cluster_agreement(codes, labels) < 0.05


def test_neither_asks_for_names_or_units(apart):
    codes, labels = apart
    numbers = np.unique(labels, return_inverse=True)[1]

    assert silhouette(7 * codes + 3, numbers) == pytest.approx(silhouette(codes, labels))
    assert cluster_agreement(codes, numbers[:]) == pytest.approx(cluster_agreement(codes, labels))


def test_the_silhouette_is_scikit_learns_and_some_rows_stand_for_many(rng):
    labels = rng.integers(0, 2, 600)
    codes = rng.normal(size=(600, 3)) + 2 * labels[:, None]
    whole = silhouette_score(codes, labels)

    assert silhouette(codes, labels) == pytest.approx(whole)
    assert silhouette(codes, labels, max_rows=200) == pytest.approx(whole, abs=0.05)
    assert silhouette(codes, labels, max_rows=200) == silhouette(codes, labels, max_rows=200)


def test_one_class():
    with pytest.raises(ValueError, match="labels hold 1 class of 3 rows; give two classes or more, and more rows"):
        silhouette([[0.0], [1.0], [2.0]], ["a", "a", "a"])


@pytest.mark.parametrize("figure", [silhouette, cluster_agreement])
def test_labels_that_do_not_fit(figure):
    with pytest.raises(ValueError, match=r"labels has shape \(2,\); give \(3,\), one label for each row"):
        figure([[0.0], [1.0], [2.0]], ["a", "b"])
