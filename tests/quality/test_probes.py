"""Accuracies of labels read from codes are scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from narrows.quality import _blocks, knn_accuracy, knn_labels, logistic_accuracy, mlp_accuracy, probes

PROBES = [knn_accuracy, logistic_accuracy, mlp_accuracy]


def labeled(rng, c=2, n=300, names=("one", "three", "two")):
    labels = rng.integers(0, len(names), n)
    codes = rng.normal(size=(n, c)) + labels[:, None]
    return codes[:200], np.array(names)[labels[:200]], codes[200:], np.array(names)[labels[200:]]


@pytest.mark.parametrize("c", [2, 20])
@pytest.mark.parametrize("names", [("one", "three", "two"), (7, 3, 5), (False, True)])
def test_votes_are_scikit_learns(rng, monkeypatch, c, names):
    """Also where classes have as many votes: k = 2, 4, 6 bring many such ties."""
    monkeypatch.setattr(probes, "blocks", lambda n_rows, width: _blocks.blocks(n_rows, width, 30 * width))
    train, train_labels, test, test_labels = labeled(rng, c, names=names)
    sizes = [1, 2, 4, 6, 15, 200]

    accuracies = knn_accuracy(train, train_labels, test, test_labels, sizes)

    assert list(accuracies) == sizes
    for k, accuracy in accuracies.items():
        assert accuracy == KNeighborsClassifier(k).fit(train, train_labels).score(test, test_labels)


@pytest.mark.parametrize("names", [("one", "three", "two"), (7, 3, 5)])
@pytest.mark.parametrize("k", [1, 2, 15])
def test_labels_voted_for_are_scikit_learns(rng, names, k):
    train, train_labels, test, _ = labeled(rng, names=names)

    voted = knn_labels(train, train_labels, test, k)
    assert voted.tolist() == KNeighborsClassifier(k).fit(train, train_labels).predict(test).tolist()


def test_a_perceptron_sees_what_no_line_does(rng):
    codes = rng.normal(size=(1500, 2))
    labels = (codes[:, 0] * codes[:, 1] > 0).astype(int)
    parts = codes[:1200], labels[:1200], codes[1200:], labels[1200:]

    assert mlp_accuracy(*parts) == mlp_accuracy(*parts) > 0.85
    assert logistic_accuracy(*parts) < 0.7


def test_one_size_is_as_good_as_several(rng):
    data = labeled(rng)

    assert knn_accuracy(*data, k=5) == {5: knn_accuracy(*data, k=[9, 5, 5])[5]}


def test_the_line_is_scikit_learns(rng):
    train, train_labels, test, test_labels = labeled(rng, 4)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(train, train_labels)

    assert logistic_accuracy(train, train_labels, test, test_labels) == pytest.approx(model.score(test, test_labels), abs=0.011)


def test_the_scale_of_codes_does_not_matter_to_the_line(rng):
    train, train_labels, test, test_labels = labeled(rng)

    plain = logistic_accuracy(train, train_labels, test, test_labels)

    assert logistic_accuracy(1e4 * train - 7, train_labels, 1e4 * test - 7, test_labels) == plain


def test_many_rows_are_sampled(rng):
    data = labeled(rng)

    assert logistic_accuracy(*data, max_rows=60) == logistic_accuracy(*data, max_rows=60)
    assert logistic_accuracy(*data, max_rows=200) == logistic_accuracy(*data)
    assert len({logistic_accuracy(*data, max_rows=20, random_state=seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("probe", PROBES)
def test_a_class_that_was_never_seen_counts_as_wrong(probe):
    accuracy = probe([[0.0], [0.1], [5.0], [5.1]], list("bbcc"), [[0.0], [5.0]], ["a", "c"], **({"k": 1} if probe is knn_accuracy else {}))

    assert accuracy in ({1: 0.5}, 0.5)


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: np.ones((3, 2))}, r"train_labels has shape \(4,\); give \(3,\), one label for each row"),
        ({2: np.ones((2, 3))}, "test_codes has 3 features; give 2"),
        ({3: ["a"]}, r"test_labels has shape \(1,\); give \(2,\)"),
        ({1: ["a", None, "b", "b"]}, "train_labels holds missing labels; leave such rows out"),
        ({1: [1.0, np.nan, 2, 2]}, "train_labels holds missing labels; leave such rows out"),
        ({1: [1.0, 0.5, 2, 2]}, "train_labels holds real numbers like 0.5; give classes: whole numbers or strings"),
        ({3: [1, 2]}, "labels mix strings and numbers; give all of one kind"),
        ({0: np.full((4, 2), np.nan)}, "train_codes holds NaN or infinity"),
        ({2: np.ones((0, 2)), 3: []}, "test_codes is empty"),
    ],
)
def test_bad_input_is_named(probe, change, message):
    data = [np.ones((4, 2)), ["a", "a", "b", "b"], np.ones((2, 2)), ["a", "b"]]
    for place, value in change.items():
        data[place] = value

    with pytest.raises(ValueError, match=message):
        probe(*data)


@pytest.mark.parametrize(
    ("k", "message"),
    [
        ([1, 5], "k is 5; give a whole number from 1 to 4, as there are training rows"),
        (0, "k is 0; give a whole number from 1 to 4"),
        ([], "k is empty; give at least one size"),
    ],
)
def test_sizes_out_of_range_are_named(k, message):
    with pytest.raises(ValueError, match=message):
        knn_accuracy(np.ones((4, 2)), list("aabb"), np.ones((2, 2)), list("ab"), k)


def test_one_class_is_named():
    with pytest.raises(ValueError, match="train_labels hold only the class 'b'; give at least two classes"):
        logistic_accuracy(np.ones((2, 1)), list("bb"), np.ones((2, 1)), list("ab"))
