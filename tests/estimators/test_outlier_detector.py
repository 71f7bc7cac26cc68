"""Odd rows: where the line is drawn, which features are to blame, and what scikit-learn and bundles make of it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from scipy.stats import norm
from sklearn.base import clone, is_outlier_detector
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tests.estimators.conftest import QUICK

import narrows
from narrows import Autoencoder, AutoencoderOutlierDetector, Conv, SupervisedAutoencoder, SupervisedAutoencoderRegressor
from narrows.errors import BundleError
from narrows.estimators._reasons import spread
from narrows.estimators.outlier_detector import FEW, FEWEST, threshold

UNITS = np.array([1.0, 10, 0.1, 3, 1000, 1, 1, 1])


def rows_of(n: int, seed: int = 0) -> np.ndarray:
    """Eight columns in units of their own, that three hidden numbers make, and a little noise."""
    rng = np.random.default_rng(seed)
    weights = np.random.default_rng(99).normal(size=(3, 8))
    return (rng.normal(size=(n, 3)) @ weights + 0.1 * rng.normal(size=(n, 8))) * UNITS + 7 * UNITS


def quick(**choices: Any) -> AutoencoderOutlierDetector:
    """Make a detector that is fitted in a moment."""
    return AutoencoderOutlierDetector(**{"autoencoder": Autoencoder(3, **QUICK), "random_state": 0, **choices})


@pytest.fixture(scope="module")
def ordinary() -> np.ndarray:
    return rows_of(400)


@pytest.fixture(scope="module")
def fitted(ordinary) -> AutoencoderOutlierDetector:
    return quick(contamination=0.05).fit(ordinary)


@pytest.fixture
def broken() -> tuple[np.ndarray, np.ndarray]:
    """New rows, each with one cell that is ordinary for its column and wrong beside the others; and which it is."""
    rows = rows_of(60, seed=1)
    columns = np.arange(60) % 8
    rows[np.arange(60), columns] += 4 * rows_of(400).std(0)[columns]
    return rows, columns


def test_decisions_are_scores_beside_the_threshold(fitted, ordinary):
    decided, scores = fitted.decision_function(ordinary), fitted.score_samples(ordinary)

    np.testing.assert_array_equal(decided, scores - fitted.offset_)
    np.testing.assert_array_equal(fitted.predict(ordinary), np.where(decided >= 0, 1, -1))
    assert scores.dtype == decided.dtype == np.float64
    assert (scores <= 0).all()
    assert is_outlier_detector(fitted)


def test_scores_are_what_the_formula_says(fitted, ordinary):
    """An independent computation, from what the autoencoder makes public."""
    made, usual = fitted.autoencoder_, fitted.usual_
    residuals = made.reconstruct(ordinary, scaled=True) - made.scale_rows(ordinary)
    away = made.transform(ordinary) - usual.code
    half, other = np.square(residuals / usual.misfit).mean(1), np.einsum("nk,kl,nl->n", away, usual.precision, away)

    np.testing.assert_allclose(fitted.score_samples(ordinary), -(half + other) / 2, rtol=1e-5)
    assert np.median(half) == pytest.approx(1, rel=1e-4)
    assert np.median(other) == pytest.approx(1, rel=1e-4)


def test_the_other_measure_is_the_error_of_the_autoencoder(ordinary):
    made = quick(measure="error").fit(ordinary)

    np.testing.assert_allclose(made.score_samples(ordinary), made.autoencoder_.score_samples(ordinary), rtol=1e-5)
    assert made.usual_ is None
    assert made.explain(ordinary[:1])[0][0].usual is None


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_contamination_is_the_share_of_new_rows_called_outliers(share):
    """Rows that were not trained on say where the line is: others of the same kind cross it as often, but for chance."""
    made = quick(contamination=share).fit(rows_of(3 * FEW))
    found = (made.predict(rows_of(4000, seed=2)) == -1).mean()

    held_out = made.n_held_out_
    assert held_out == 3 * FEW // 5
    assert abs(found - share) < 3 * np.sqrt(share * (1 - share) * (1 / held_out + 1 / 4000))


def test_of_few_rows_contamination_is_the_share_of_these(ordinary):
    for share in (0.1, 0.25):
        assert (quick(contamination=share).fit_predict(ordinary) == -1).sum() == share * len(ordinary)


def test_auto_takes_few_ordinary_rows_for_odd():
    made = quick().fit(rows_of(3 * FEW))

    assert 0.001 < (made.predict(rows_of(4000, seed=2)) == -1).mean() < 0.04


def test_auto_goes_by_the_rows_that_are_odd():
    """Whether 2 or 10 of 100 are, nearly all of them are found."""
    for share in (0.02, 0.1):
        rows = rows_of(1500)
        odd = np.arange(len(rows)) < share * len(rows)
        rows[odd] = np.random.default_rng(5).permuted(rows, axis=0)[odd]
        called = quick(autoencoder=Autoencoder(3, **{**QUICK, "epochs": 8})).fit(rows).predict(rows) == -1

        assert called[odd].mean() > 0.8
        assert called[~odd].mean() < 0.04


def test_the_threshold_of_auto_is_a_fence_or_the_worst_hundredth():
    logs = norm.ppf((np.arange(10_000) + 0.5) / 10_000)  # errors as they are of ordinary rows
    heavy = np.r_[logs, np.full(800, 9.0)]

    assert threshold(-np.exp(logs), "auto") == pytest.approx(-np.exp(norm.ppf(0.99)), rel=1e-2)
    assert -np.exp(4) < threshold(-np.exp(heavy), "auto") < -np.exp(2)
    assert threshold(-np.exp(logs), 0.2) == pytest.approx(-np.exp(norm.ppf(0.8)), rel=1e-2)


def test_spreads_are_usual_residuals_and_never_nothing():
    rng = np.random.default_rng(0)
    residuals = rng.normal(size=(5000, 3)) * [1, 10, 0]
    residuals[:50] *= 1000  # outliers do not move them
    found = spread(np.float32(residuals), 1e-4)

    assert found[1] / found[0] == pytest.approx(10, rel=0.05)
    assert 0 < found[2] < 0.05 * found[1]
    assert np.median(np.square(residuals / found).mean(1)) == pytest.approx(1, rel=1e-3)
    assert (spread(np.zeros((9, 2), np.float32), 0.5) > 0).all()


def test_what_is_extreme_is_told_from_what_does_not_fit():
    """The middle of the rows, moved far along what they have in common, and beside it."""
    rows = rows_of(600)
    made = AutoencoderOutlierDetector(Autoencoder(3, epochs=150, random_state=0), random_state=0).fit(rows)
    along, beside = 12 * (rows[:1] - 7 * UNITS) + 7 * UNITS, rows[:1] + 3 * UNITS * (np.arange(8) == 4)

    (far,), (broken,) = made.explain(along), made.explain(beside)
    assert made.predict(np.vstack([along, beside])).tolist() == [-1, -1]
    assert broken[0].feature == 4
    assert not broken[0].extreme
    assert far[0].usual == pytest.approx(np.median(rows[:, far[0].feature]), abs=0.5 * UNITS[far[0].feature])
    assert abs(far[0].value - far[0].usual) > 3 * UNITS[far[0].feature]


def test_explanations_point_at_the_broken_cell(fitted, broken):
    rows, columns = broken
    blamed = fitted.explain(rows)

    assert np.mean([reasons[0].feature == column for reasons, column in zip(blamed, columns, strict=True)]) > 0.8
    for row, reasons in enumerate(blamed):
        shares = [reason.share for reason in reasons]
        assert len(reasons) == 3
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1 + 1e-9
        for reason in reasons:
            assert reason.value == rows[row, reason.feature]
            assert reason.name == f"x{reason.feature}"


def test_explanations_hold_what_the_network_makes_of_rows(fitted, broken):
    rows, _ = broken
    rebuilt = fitted.autoencoder_.reconstruct(rows)

    for row, reasons in enumerate(fitted.explain(rows, top=99)):
        assert len(reasons) == 8
        assert sum(reason.share for reason in reasons) == pytest.approx(1)
        for reason in reasons:
            assert reason.reconstruction == pytest.approx(rebuilt[row, reason.feature], rel=1e-4)


def test_shares_of_the_plain_error_are_those_of_its_cells(ordinary):
    made = quick(measure="error").fit(ordinary)
    squares = made.autoencoder_.reconstruction_error(ordinary[:9], per_feature=True)

    for row, reasons in enumerate(made.explain(ordinary[:9], top=8)):
        for reason in reasons:
            assert reason.share == pytest.approx(squares[row, reason.feature] / squares[row].sum(), rel=1e-4)
            assert not reason.extreme


def test_the_default_detector_finds_broken_rows(ordinary, broken):
    rows, _ = broken
    made = AutoencoderOutlierDetector(random_state=0).fit(ordinary)
    others = rows_of(200, seed=3)

    assert roc_auc_score(np.r_[np.ones(len(others)), np.zeros(len(rows))], made.score_samples(np.vstack([others, rows]))) > 0.98


def test_images_are_explained_by_pixels():
    images = np.float32(load_digits().images[:80] / 16)
    made = quick(autoencoder=Autoencoder(3, layers=Conv(2), epochs=1)).fit(images)
    spoiled = images[:1].copy()
    spoiled[0, 2, 5] = 1 - spoiled[0, 2, 5].round() + 4

    (reasons,) = made.explain(spoiled)
    assert reasons[0].name == "pixel_2_5"
    assert reasons[0].feature == 21
    assert made.image_shape_ == made.autoencoder_.image_shape_ == (8, 8, 1)
    assert made.predict(images).shape == (80,)
    np.testing.assert_array_equal(made.score_samples(images), made.score_samples(images.reshape(80, -1)))
    with pytest.raises(ValueError, match=r"X holds images of shape \(7, 8, 1\), but AutoencoderOutlierDetector was fitted on images"):
        made.predict(images[:, 1:])


def test_colors_are_named_by_channel():
    images = np.random.default_rng(0).random((30, 3, 4, 2))

    assert quick().fit(images).explain(images[:1], top=30)[0][0].name.count("_") == 3


def test_columns_are_called_by_their_names(ordinary):
    frame = pd.DataFrame(ordinary, columns=list("abcdefgh"))
    made = quick().fit(frame)

    assert made.feature_names_in_.tolist() == made.autoencoder_.feature_names_in_.tolist() == list("abcdefgh")
    assert {reason.name for reason in made.explain(frame[:1], top=8)[0]} == set("abcdefgh")
    with pytest.raises(ValueError, match="feature names should match"):
        made.predict(frame.rename(columns={"a": "z"}))
    assert not hasattr(made.fit(ordinary), "feature_names_in_")
    assert str(made.explain(ordinary[:1])[0][0]).endswith(" %)")


def test_sparse_rows_are_rows(ordinary, fitted):
    sparse = scipy.sparse.csr_array(ordinary)
    made = quick(contamination=0.05).fit(sparse)

    np.testing.assert_array_equal(made.decision_function(sparse), fitted.decision_function(ordinary))
    assert made.explain(sparse[:5]) == fitted.explain(ordinary[:5])


def test_the_same_seed_gives_the_same_detector(ordinary, fitted):
    again, other = (quick(contamination=0.05, random_state=seed).fit(ordinary) for seed in (0, 1))

    np.testing.assert_array_equal(again.decision_function(ordinary), fitted.decision_function(ordinary))
    assert (other.score_samples(ordinary) != fitted.score_samples(ordinary)).any()


def test_fitting_changes_no_parameter(ordinary):
    template = Autoencoder(3, **QUICK)
    made = quick(autoencoder=template, contamination=0.1)
    before = made.get_params()

    made.fit(ordinary)

    assert made.get_params() == before
    assert made.autoencoder is template
    assert not hasattr(template, "history_")
    assert clone(made).get_params().keys() == before.keys()


def test_rows_of_the_threshold_are_not_trained_on(ordinary):
    """A row of its own kind, held out, leaves the network as it was."""
    made = quick(validation_fraction=0.5).fit(ordinary)

    assert made.n_held_out_ == 200
    assert len(made.autoencoder_.history_["val_loss"]) == QUICK["epochs"]


def test_it_works_in_pipelines_and_searches(ordinary, broken):
    mixed = np.random.default_rng(0).permutation(180)
    rows, labels = np.vstack([ordinary[:120], broken[0]])[mixed], np.r_[np.ones(120), -np.ones(60)][mixed]
    pipeline = make_pipeline(FunctionTransformer(lambda X: X / UNITS), quick())
    assert set(pipeline.fit_predict(rows)) == {-1, 1}

    found = GridSearchCV(quick(), {"autoencoder__n_components": [1, 3], "measure": ["error"]}, scoring="roc_auc", cv=2, error_score="raise")
    assert found.fit(rows, labels).best_params_["autoencoder__n_components"] in (1, 3)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("form", [np.asarray, list, pd.Series])
def test_labels_reach_a_supervised_autoencoder(ordinary, form):
    y = np.array(["few", "many", "rare"])[np.r_[np.arange(395) % 2, [2] * 5]]
    made = quick(autoencoder=SupervisedAutoencoder(3, head=(4,), **QUICK)).fit(ordinary, form(y))

    assert made.autoencoder_.classes_.tolist() == ["few", "many", "rare"]
    assert made.n_held_out_ == 80
    assert set(made.predict(ordinary)) == {-1, 1}


def test_numbers_to_predict_reach_it_too(ordinary):
    made = quick(autoencoder=SupervisedAutoencoderRegressor(3, head=(4,), **QUICK)).fit(ordinary, ordinary[:, :2])

    assert made.autoencoder_.predict(ordinary).shape == (400, 2)


@pytest.mark.parametrize(
    "choices",
    [{}, {"autoencoder": None}, {"autoencoder": SupervisedAutoencoder(3, head=(4,), **QUICK), "contamination": 0.1, "measure": "error"}],
)
def test_a_bundle_keeps_the_detector(choices, ordinary, tmp_path):
    frame, y = pd.DataFrame(ordinary[:90], columns=list("abcdefgh")), np.arange(90) % 2
    made = quick(**choices).fit(frame, y)

    made.save(tmp_path / "odd.narrows")
    loaded = narrows.load(tmp_path / "odd.narrows")

    assert type(loaded) is AutoencoderOutlierDetector
    np.testing.assert_array_equal(loaded.decision_function(frame), made.decision_function(frame))
    np.testing.assert_array_equal(loaded.predict(frame), made.predict(frame))
    assert loaded.explain(frame[:3]) == made.explain(frame[:3])
    assert (loaded.offset_, loaded.n_held_out_, loaded.fit_seconds_) == (made.offset_, made.n_held_out_, made.fit_seconds_)
    assert {**loaded.get_params(deep=False), "autoencoder": None} == {**made.get_params(deep=False), "autoencoder": None}
    assert (loaded.autoencoder is None) == (made.autoencoder is None)
    assert loaded.feature_names_in_.tolist() == list("abcdefgh")
    assert AutoencoderOutlierDetector.load(tmp_path / "odd.narrows").n_features_in_ == 8
    with pytest.raises(BundleError, match="holds a AutoencoderOutlierDetector, not a Autoencoder"):
        Autoencoder.load(tmp_path / "odd.narrows")


def test_a_class_of_ones_own_is_not_saved(ordinary, tmp_path):
    class Own(AutoencoderOutlierDetector):
        pass

    made = Own(Autoencoder(3, **QUICK), random_state=0).fit(ordinary[:50])
    with pytest.raises(ValueError, match="a bundle holds a AutoencoderOutlierDetector, got a Own"):
        made.save(tmp_path / "own.narrows")


def test_odd_tables_have_a_detector_too():
    """Constant columns, equal rows, one column."""
    rng = np.random.default_rng(0)
    for rows in (np.ones((20, 3)), np.repeat(rng.random((2, 4)), 10, axis=0), rng.random((30, 1)), np.c_[rng.random((30, 3)), np.ones(30)]):
        made = quick().fit(rows)
        assert np.isfinite(made.score_samples(rows)).all()
        assert np.isfinite(made.offset_)

    odd = np.r_[rows[:1, :3].ravel(), 2][None]  # a column that was constant, and is no more
    assert made.predict(odd)[0] == -1
    assert made.explain(odd)[0][0].feature == 3


@pytest.mark.parametrize(
    ("choices", "n", "error", "words"),
    [
        ({"contamination": 0}, 40, ValueError, r"contamination must be 'auto' or a share of the rows in \(0, 0.5\], got 0"),
        ({"contamination": 0.51}, 40, ValueError, r"contamination must be 'auto' or a share of the rows in \(0, 0.5\], got 0.51"),
        ({"contamination": "some"}, 40, ValueError, r"contamination must be 'auto' or a share of the rows in \(0, 0.5\], got 'some'"),
        ({"contamination": None}, 40, TypeError, r"contamination must be 'auto' or a share of the rows in \(0, 0.5\], got None"),
        ({"contamination": True}, 40, ValueError, "got True"),
        ({"validation_fraction": 1.0}, 40, ValueError, r"validation_fraction must be a number in \(0, 1\), got 1.0"),
        ({"measure": "rank"}, 40, ValueError, "measure must be one of 'usual', 'error', got 'rank'"),
        ({"autoencoder": "small"}, 40, TypeError, "autoencoder must be an Autoencoder or another of narrows, or None, got 'small'"),
        ({"verbose": "loud"}, 40, TypeError, "verbose must be a number, or a Progress"),
        ({}, FEWEST - 1, ValueError, f"{FEWEST - 1} sample.*a minimum of {FEWEST} is required"),
    ],
)
def test_what_makes_no_detector_is_refused(choices, n, error, words, ordinary):
    with pytest.raises(error, match=words):
        quick(**choices).fit(ordinary[:n])


def test_contamination_may_be_any_kind_of_number(ordinary):
    for half in (0.5, np.float32(0.5), Fraction(1, 2)):
        assert (quick(contamination=half).fit_predict(ordinary) == -1).sum() == 200


def test_rows_and_numbers_that_do_not_fit_are_refused(fitted, ordinary):
    with pytest.raises(ValueError, match="X has 3 features, but AutoencoderOutlierDetector is expecting 8"):
        fitted.predict(ordinary[:, :3])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        fitted.explain(np.full((1, 8), np.nan))
    with pytest.raises(ValueError, match="Input X contains NaN"):
        quick().fit(np.full((30, 8), np.nan))
    with pytest.raises(ValueError, match="top must be a whole number of at least 1, got 0"):
        fitted.explain(ordinary, top=0)


@pytest.mark.parametrize("method", ["predict", "decision_function", "score_samples", "explain", "save"])
def test_nothing_works_before_fit(method, tmp_path):
    with pytest.raises(NotFittedError):
        getattr(AutoencoderOutlierDetector(), method)(tmp_path / "a.narrows" if method == "save" else [[1.0]])
