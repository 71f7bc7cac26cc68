"""Errors over the size of a code: PCA's by an oracle, the network's by its own public face."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from narrows import Autoencoder
from narrows.study import dimensions

LINEAR = {"layers": (), "learning_rate": 0.05, "epochs": 200, "batch_size": 32, "early_stopping": False}


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 3)) @ rng.normal(size=(3, 8)) * np.arange(1, 9) + 0.1 * rng.normal(size=(200, 8))


@pytest.fixture(scope="module")
def found(rows):
    return dimensions(rows, [1, 2, 3, 4, 6], estimator=Autoencoder(**LINEAR))


def test_the_elbow_is_where_the_rows_end(found):
    assert found.elbow.size == 3
    assert found.pca_elbow.size == 3
    assert found.rows.pca[99] == 3


def test_a_linear_network_does_what_pca_does(found):
    np.testing.assert_allclose(found.autoencoder[:3], found.pca[:3], atol=0.02)  # of a variance of 1


def test_pca_is_scikit_learns(rows, found):
    order = np.random.default_rng(0).permutation(200)
    test, train = rows[np.sort(order[:40])], rows[np.sort(order[40:])]
    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)

    for size, error in zip(found.sizes, found.pca, strict=True):
        pca = PCA(size).fit(train)
        theirs = np.square(pca.inverse_transform(pca.transform(test)) - test).mean()
        assert error == pytest.approx(theirs, rel=1e-3)
    assert (found.n_train, found.n_test, found.n_features) == (160, 40, 8)
    assert found.mean_row == pytest.approx(np.square(test).mean(), rel=1e-3)


def test_figures_are_plain_json(found):
    values = json.loads(json.dumps(found.to_dict()))

    assert values["sizes"] == [1, 2, 3, 4, 6]
    assert values["elbow"]["size"] == 3
    assert values["rows"]["pca_99"] == 3
    assert len(values["seconds"]) == 5


def test_in_words(found):
    text = str(found)

    assert text.splitlines()[0].split() == ["code", "size", "autoencoder", "PCA", "explained"]
    assert "The autoencoder's elbow is at 3 (clear: strength 0." in text
    assert "% of the variance; the intrinsic dimension is about " in text


def test_equal_rows_are_nothing_to_encode():
    assert dimensions(np.ones((12, 3)), estimator=Autoencoder(layers=(), epochs=1)).sentences() == [
        "All rows are equal: there is nothing to encode."
    ]


def test_sizes_by_default_double_up_to_what_the_rows_allow(rows):
    class Told:
        texts: list[str] = []  # noqa: RUF012

        def begin(self, name: str, total: float, unit: str = "") -> None:
            assert (name, total) == ("code sizes", 3)

        def advance(self, done: float, text: str = "") -> None:
            self.texts.append(text)

        def end(self, text: str = "") -> None:
            self.texts.append("end")

    progress = Told()
    found = dimensions(rows, estimator=Autoencoder(layers=(), epochs=1), progress=progress)

    assert found.sizes == (1, 2, 4)
    assert progress.texts == ["1 number", "2 numbers", "4 numbers", "PCA", "end"]


def test_the_estimator_is_only_a_pattern(rows):
    pattern = Autoencoder(5, layers=(), epochs=1, random_state=3)

    first, second = (dimensions(rows, [1, 2], estimator=pattern).autoencoder for _ in range(2))

    assert first == second
    assert not hasattr(pattern, "history_")
    assert (pattern.n_components, pattern.random_state) == (5, 3)


@pytest.mark.filterwarnings("error::narrows.errors.VerdictWarning")
def test_poor_codes_are_no_warning(rows):
    dimensions(rows, [1], estimator=Autoencoder(layers=(), epochs=1))


@pytest.mark.parametrize(
    ("rows_", "options", "message"),
    [
        (np.ones((9, 5)), {}, r"X has the shape \(9, 5\); give at least 10 rows of at least 2 features"),
        (np.ones((50, 1)), {}, "at least 2 features"),
        (np.ones((50, 5)), {"sizes": [0]}, r"sizes=\[0\] came; give whole numbers of at least 1"),
        (np.ones((50, 5)), {"sizes": []}, r"sizes=\[\] came"),
        (np.ones((50, 5)), {"sizes": 5}, r"sizes=5 came; give several whole numbers of at least 1, such as \[1, 2, 4, 8\]"),
        (np.ones((50, 5)), {"held_out": 1.0}, "held_out=1.0 came; it is a share of the rows"),
    ],
)
def test_what_cannot_be_studied(rows_, options, message):
    with pytest.raises(ValueError, match=message):
        dimensions(rows_, **options)
