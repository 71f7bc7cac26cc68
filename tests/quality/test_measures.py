"""All figures at once are those of the single functions, PCA's beside them, and survive JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

from narrows.quality import (
    Limits,
    LinearCode,
    Quality,
    continuity,
    knn_accuracy,
    knn_recall,
    logistic_accuracy,
    measure,
    measures,
    neighborhoods,
    pca_baseline,
    reconstruction_figures,
    trustworthiness,
)


def inputs(n_train=300, n_test=100, n_components=2):
    """Give digits and, in the place of a network, a code that keeps the columns which vary most, and so does worse than PCA."""
    rows, labels = load_digits(return_X_y=True)
    rows = rows[: n_train + n_test] / 16
    kept = np.argsort(rows[:n_train].std(0))[-n_components:]
    made = np.tile(rows[:n_train].mean(0), (n_test, 1))
    made[:, kept] = rows[n_train:, kept]
    return {
        "train_rows": rows[:n_train],
        "test_rows": rows[n_train:],
        "train_codes": rows[:n_train, kept],
        "test_codes": rows[n_train:, kept],
        "test_reconstruction": made,
        "train_labels": labels[:n_train],
        "test_labels": labels[n_train : n_train + n_test],
    }


@pytest.fixture
def data():
    return inputs()


class Recorder:
    """Keeps what it is told."""

    def __init__(self):
        self.begun, self.ended, self.done = [], [], []

    def begin(self, name, total, unit=""):
        self.begun.append((name, total))

    def advance(self, done, text=""):
        self.done.append((done, text))

    def end(self, text=""):
        self.ended.append(text)


@pytest.mark.parametrize("brute", [True, False])
def test_figures_are_those_of_the_functions(data, monkeypatch, brute):
    monkeypatch.setattr(neighborhoods, "by_brute_force", lambda points: brute)
    monkeypatch.setattr(measures, "by_brute_force", lambda points: brute)
    train, test = data["train_rows"], data["test_rows"]

    quality = measure(**data)

    code = LinearCode.fit(train, 2)
    own = reconstruction_figures(test, data["test_reconstruction"])
    linear = pca_baseline(train, test, 2)
    for figures, errors, train_codes, test_codes in [
        (quality.autoencoder, own, data["train_codes"], data["test_codes"]),
        (quality.pca, linear, code.encode(train), code.encode(test)),
    ]:
        labeled = train_codes, data["train_labels"], test_codes, data["test_labels"]
        assert figures.mean_squared_error == errors.mean_squared_error
        assert figures.explained_variance == errors.explained_variance
        assert figures.binary_cross_entropy == errors.binary_cross_entropy
        assert figures.trustworthiness == trustworthiness(test, test_codes)
        assert figures.continuity == continuity(test, test_codes)
        assert figures.knn_recall == knn_recall(test, test_codes)
        assert figures.knn_accuracy == knn_accuracy(*labeled)
        assert figures.logistic_accuracy == logistic_accuracy(*labeled)
    assert quality.mean_row_squared_error == pytest.approx(np.square(test - train.mean(0)).mean(), rel=1e-12)
    assert quality.pca_components_to_match == code.components_for(own.explained_variance)
    assert quality.spectrum == tuple(code.spectrum)
    assert (quality.n_train, quality.n_test, quality.n_features, quality.n_components) == (300, 100, 64, 2)
    assert quality.sampled == quality.skipped == {}


def test_the_table_says_what_is_better(data):
    table = measure(**data).table()

    assert [(row.figure, row.better) for row in table] == [
        ("mean squared error", "lower"),
        ("binary cross-entropy", "lower"),
        ("explained variance", "higher"),
        ("trustworthiness, k = 15", "higher"),
        ("continuity, k = 15", "higher"),
        ("k-NN recall, k = 15", "higher"),
        ("k-NN accuracy, k = 1", "higher"),
        ("k-NN accuracy, k = 5", "higher"),
        ("k-NN accuracy, k = 15", "higher"),
        ("logistic accuracy", "higher"),
    ]
    assert [row.winner for row in table[:3]] == ["PCA", "PCA", "PCA"]
    assert table[0].autoencoder > table[0].pca
    assert table[0]._replace(autoencoder=0.0).winner == "autoencoder"
    assert table[2]._replace(autoencoder=1.0).winner == "autoencoder"
    assert table[0]._replace(autoencoder=table[0].pca).winner == "neither"


def test_figures_survive_json(data):
    quality = measure(**data, limits=Limits(neighborhood=50))

    again = Quality.from_dict(json.loads(json.dumps(quality.to_dict(), allow_nan=False)))

    assert again == quality
    assert again.table() == quality.table()


@pytest.mark.parametrize("values", [{}, {"autoencoder": None}, {"autoencoder": {"knn_accuracy": None}, "pca": {"knn_accuracy": None}}])
def test_other_dictionaries_are_refused(values):
    with pytest.raises(ValueError, match=r"these are not the figures of a Quality .*; give what to_dict\(\) gave"):
        Quality.from_dict(values)


def test_what_was_sampled_is_said(data):
    limits = Limits(pca=200, neighborhood=80, knn=150, logistic=120, probe=90)

    quality = measure(**data, limits=limits)

    assert quality.sampled == {
        "pca": "200 of 300 training rows",
        "trustworthiness": "80 of 100 test rows",
        "continuity": "80 of 100 test rows",
        "knn_recall": "80 of 100 test rows",
        "knn_accuracy": "90 of 100 test rows, 150 of 300 training rows",
        "logistic_accuracy": "90 of 100 test rows, 120 of 300 training rows",
    }
    assert quality == measure(**data, limits=limits)
    assert quality != measure(**data, limits=limits, random_state=1)


def test_without_labels_there_is_no_accuracy(data):
    quality = measure(**data | {"test_labels": None})

    assert quality.autoencoder.knn_accuracy is quality.autoencoder.logistic_accuracy is None
    assert quality.skipped == dict.fromkeys(["knn_accuracy", "logistic_accuracy"], "there are no labels")
    assert not [row for row in quality.table() if "accuracy" in row.figure]


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (lambda some: some + 0.5, "the labels are real numbers, not classes"),
        (lambda some: np.array([None] * len(some)), "all labels are missing"),
    ],
)
def test_labels_that_are_no_classes_are_skipped(data, labels, reason):
    quality = measure(**data | {name: labels(data[name]) for name in ("train_labels", "test_labels")})

    assert quality.skipped == dict.fromkeys(["knn_accuracy", "logistic_accuracy"], reason)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_rows_without_a_label_are_left_out(data, missing):
    labels = data["train_labels"].astype(object)
    labels[::2] = missing

    quality = measure(**data | {"train_labels": labels})

    part = data["train_codes"][1::2], data["train_labels"][1::2], data["test_codes"], data["test_labels"]
    assert quality.autoencoder.knn_accuracy == knn_accuracy(*part)
    assert quality.sampled == {}


def test_one_class_or_very_many_have_no_line(data, monkeypatch):
    one = measure(**data | {"train_labels": np.zeros(300)})
    monkeypatch.setattr(measures, "MANY_CLASSES", 9)
    many = measure(**data)

    assert one.skipped == {"logistic_accuracy": "the training rows are of one class"}
    assert many.skipped == {"logistic_accuracy": "there are 10 classes, more than 9"}
    assert many.autoencoder.knn_accuracy is not None


def test_few_rows_are_measured_in_smaller_neighborhoods():
    few = measure(**inputs(n_train=4, n_test=5))
    fewest = measure(**inputs(n_train=4, n_test=2))

    assert few.n_neighbors == 2
    assert few.table()[3].figure == "trustworthiness, k = 2"
    assert list(few.autoencoder.knn_accuracy) == [1]
    assert fewest.autoencoder.trustworthiness is None
    assert fewest.skipped["continuity"] == "there are fewer than 3 test rows"


def test_codes_longer_than_the_rows_and_equal_rows_are_measured():
    rows = np.ones((30, 3))

    quality = measure(rows, rows, train_codes=np.ones((30, 5)), test_codes=np.ones((30, 5)), test_reconstruction=rows)

    assert quality.autoencoder.explained_variance == quality.pca.explained_variance == 1
    assert quality.mean_row_squared_error == 0
    assert quality.pca_components_to_match is None
    json.dumps(quality.to_dict(), allow_nan=False)


def test_progress_rises_to_its_end(data):
    progress = Recorder()

    measure(**data, progress=progress)

    done = [share for share, _ in progress.done]
    assert progress.begun == [("quality", 1.0)]
    assert progress.ended == [""]
    assert done == sorted(done)
    assert done[-1] <= 1
    assert list(dict.fromkeys(text for _, text in progress.done)) == ["reconstruction", "PCA", "neighborhoods", "accuracy of labels"]


def test_progress_ends_when_the_work_is_stopped(data):
    class Impatient(Recorder):
        def advance(self, done, text=""):
            if text == "neighborhoods":
                raise KeyboardInterrupt

    progress = Impatient()

    with pytest.raises(KeyboardInterrupt):
        measure(**data, progress=progress)
    assert progress.ended == ["stopped"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_rows": np.ones((100, 63))}, "test_rows has 63 features; give 64, as the others have"),
        ({"test_codes": np.ones((99, 2))}, "test_codes has 99 rows; give 100, one for each of the others"),
        ({"train_codes": np.ones((300, 3))}, "train_codes has 3 features; give 2"),
        ({"train_codes": np.ones((299, 2))}, "train_codes has 299 rows; give 300"),
        ({"test_reconstruction": np.ones((100, 63))}, "reconstruction has 63 features; give 64"),
        ({"test_reconstruction": np.full((100, 64), np.nan)}, "test_reconstruction holds NaN or infinity"),
        ({"train_rows": np.full((300, 64), np.inf)}, "train_rows holds NaN or infinity"),
        ({"train_labels": np.ones(299)}, r"train_labels has shape \(299,\); give \(300,\)"),
        ({"k": 0}, "k is 0; give a whole number from 1"),
    ],
)
def test_bad_input_is_named(data, change, message):
    with pytest.raises(ValueError, match=message):
        measure(**data | change)


def test_bad_limits_are_named():
    with pytest.raises(ValueError, match="knn is 0; give a whole number from 1"):
        Limits(knn=0)
