"""Codes as maps: neighbors of rows are neighbors of codes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from tests.estimators.conftest import quick
from tests.training.test_trainer import Told

from narrows import Autoencoder, Conv, SupervisedAutoencoder, SupervisedAutoencoderRegressor, bundle, quality
from narrows.estimators import _fitting

COMBINATIONS = {
    "noise": {"noise": 0.1},
    "a long code": {"n_components": 7},
    "one number": {"n_components": 1},
    "convolutions": {"layers": Conv(3, image_shape=(8, 8))},
    "a feature map as code": {"layers": Conv(3, 2, image_shape=(8, 8)), "n_components": None},
    "early stopping": {"early_stopping": True},
    "a constant code": {"code_activation": "relu", "code_l2": 1e3},
}


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    """400 8x8 digits in [0, 1], and their labels."""
    X, y = load_digits(return_X_y=True)
    return X[:400] / 16, y[:400]


def test_it_makes_maps(rows):
    """Of the same network, trained as long: new rows lie beside the rows that are near them."""
    X, y = rows
    new, labels = (part[400:800] for part in load_digits(return_X_y=True))
    told = {}
    for weight in (0.0, 0.1):
        made = Autoencoder(2, layers=(100, 50), neighbor_weight=weight, epochs=60, random_state=0).fit(X)
        told[weight] = quality.knn_accuracy(made.transform(X), y, made.transform(new / 16), labels, 5)[5]

    assert told[0.1] > told[0.0] + 0.03


def test_history_names_its_loss(rows):
    history = quick(neighbor_weight=0.3).fit(rows[0], validation_data=rows[0][:50]).history_

    parts = np.array(history["reconstruction_loss"]) + 0.3 * np.array(history["neighbor_loss"])
    np.testing.assert_allclose(history["loss"], parts, rtol=1e-5)
    assert np.isfinite(history["val_neighbor_loss"]).all()


@pytest.mark.parametrize("choices", COMBINATIONS.values(), ids=COMBINATIONS)
def test_it_goes_with_every_other_choice(choices, rows):
    made = quick(neighbor_weight=0.2, **choices).fit(rows[0])

    assert np.isfinite(made.history_["neighbor_loss"]).all()
    assert np.isfinite(made.transform(rows[0])).all()


@pytest.mark.parametrize("kind", [SupervisedAutoencoder, SupervisedAutoencoderRegressor])
def test_it_goes_with_labels(kind, rows):
    made = kind(2, layers=(6,), head=(5,), neighbor_weight=0.2, epochs=2, random_state=0).fit(*rows)

    logs = {name: values[-1] for name, values in made.history_.items()}
    assert logs["loss"] == pytest.approx(logs["reconstruction_loss"] + 0.1 * logs["label_loss"] + 0.2 * logs["neighbor_loss"], rel=1e-5)


def test_the_same_seed_gives_the_same_bits(rows):
    one, same, other = (quick(neighbor_weight=0.2, random_state=seed).fit_transform(rows[0]) for seed in (0, 0, 1))

    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_without_it_nothing_changes(rows):
    """`n_neighbors` alone is no choice."""
    np.testing.assert_array_equal(quick(n_neighbors=3).fit_transform(rows[0]), quick().fit_transform(rows[0]))


def test_wide_rows_are_compared_by_what_pca_keeps(rows, monkeypatch):
    seen = []
    monkeypatch.setattr(_fitting, "nearest_neighbors", lambda given, k, progress: seen.append(given) or np.zeros((len(given), k), np.int32))

    quick(neighbor_weight=0.1).fit(rows[0])
    quick(neighbor_weight=0.1).fit(rows[0][:, :40])

    assert [given.shape for given in seen] == [(400, 50), (400, 40)]
    np.testing.assert_array_equal(seen[1], np.float32(rows[0][:, :40]))


def test_neighbors_are_those_of_the_clean_rows(rows, monkeypatch):
    seen = []
    monkeypatch.setattr(_fitting, "nearest_neighbors", lambda given, k, progress: seen.append(given) or np.zeros((len(given), k), np.int32))
    clean = rows[0][:, :40]

    quick(neighbor_weight=0.1).fit(np.clip(clean + 0.3, 0, 1), target=clean)

    np.testing.assert_array_equal(seen[0], np.float32(clean))


def test_progress_shows_the_search(rows):
    told = Told()

    quick(neighbor_weight=0.1, verbose=told).fit(rows[0])

    assert told.begun[0] == "training"
    assert told.done[0] == 400  # of the search, which came before


def test_a_bundle_keeps_the_choice(rows, tmp_path):
    made = quick(neighbor_weight=0.2, n_neighbors=4).fit(rows[0])

    bundle.save(made, tmp_path / "map.narrows")
    loaded = bundle.load(tmp_path / "map.narrows")

    assert (loaded.neighbor_weight, loaded.n_neighbors) == (0.2, 4)
    np.testing.assert_array_equal(loaded.transform(rows[0]), made.transform(rows[0]))


def test_equal_rows_only_are_learned_without_a_crash():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = quick(neighbor_weight=0.2).fit(np.full((40, 5), 0.5))

    assert np.isfinite(made.transform(np.full((40, 5), 0.5))).all()


@pytest.mark.parametrize(
    ("choices", "error", "words"),
    [
        ({"neighbor_weight": -1}, ValueError, r"neighbor_weight must be a number in \[0, 1e\+30\], got -1"),
        ({"neighbor_weight": "much"}, ValueError, "neighbor_weight must be a number in .* got 'much'"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors must be a whole number of at least 1, got 0"),
        ({"n_neighbors": 2.5}, ValueError, "n_neighbors must be a whole number of at least 1, got 2.5"),
        ({"neighbor_weight": 0.1, "n_neighbors": 50}, ValueError, "n_neighbors=50 needs more than 50 rows to learn from, and there are 50"),
    ],
)
def test_bad_choices_are_refused(choices, error, words, table):
    with pytest.raises(error, match=words):
        quick(**choices).fit(table)


def test_pieces_of_rows_are_refused(table):
    with pytest.raises(ValueError, match="neighbor_weight looks for neighbors among all rows at once: use fit with all of them"):
        quick(neighbor_weight=0.1).partial_fit(table)


def test_two_validation_rows_are_enough(rows):
    history = quick(neighbor_weight=0.1).fit(rows[0], validation_data=rows[0][:2]).history_
    alone = quick(neighbor_weight=0.1).fit(rows[0], validation_data=rows[0][:1]).history_

    assert np.isfinite(history["val_neighbor_loss"]).all()
    assert np.isnan(alone["val_neighbor_loss"]).all()
    assert alone["val_loss"] == alone["val_reconstruction_loss"]
