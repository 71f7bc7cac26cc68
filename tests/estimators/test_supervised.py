"""Autoencoders with a head: classifiers and regressors that are transformers too, and what labels do to a fit."""

from __future__ import annotations

import inspect
import pickle
import warnings
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from tests.estimators.conftest import QUICK
from tests.estimators.test_contract import Pair
from tests.test_docstrings import entries, sections

from narrows import Autoencoder, Conv, Dense, Gaussian, SupervisedAutoencoder, SupervisedAutoencoderRegressor, errors
from narrows.training import program

SMALL: dict[str, Any] = {**QUICK, "head": (5,)}


def classifier(**choices: Any) -> SupervisedAutoencoder:
    return SupervisedAutoencoder(**{**SMALL, **choices})


def regressor(**choices: Any) -> SupervisedAutoencoderRegressor:
    return SupervisedAutoencoderRegressor(**{**SMALL, **choices})


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """Those of the digits, made three: below 3, below 7, and the rest."""
    return np.digitize(load_digits().target[:120], [3, 7])


@pytest.fixture(scope="module")
def learned(digits, labels) -> SupervisedAutoencoder:
    """Enough epochs to know its rows."""
    return classifier(epochs=60, learning_rate=0.02, label_weight=1.0).fit(digits, labels)


@pytest.fixture
def numbers(table) -> np.ndarray:
    """Two numbers that the rows tell, in units of their own."""
    return np.column_stack([table[:, 0] * 3 + 100, table[:, 1] / 50])


def same_weights(one: Any, other: Any) -> bool:
    first, second = one._network.weights, other._network.weights
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def test_it_is_a_classifier_and_a_transformer_at_once(learned, digits, labels):
    chances = learned.predict_proba(digits)

    assert is_classifier(learned)
    assert learned.classes_.tolist() == [0, 1, 2]
    assert chances.shape == (120, 3)
    np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-6)
    assert chances.min() >= 0
    np.testing.assert_array_equal(learned.predict(digits), learned.classes_[chances.argmax(1)])
    assert learned.score(digits, labels) == accuracy_score(labels, learned.predict(digits)) > 0.95
    assert learned.transform(digits).shape == (120, 2)
    assert learned.inverse_transform(learned.transform(digits)).shape == digits.shape
    np.testing.assert_array_equal(learned.reconstruct(digits), learned.inverse_transform(learned.transform(digits)))
    assert learned.reconstruction_error(digits).shape == learned.score_samples(digits).shape == (120,)


def test_the_code_places_classes_together(learned, digits, labels):
    """k-NN on the codes does as well as the head, and better than on codes that knew no labels."""
    plain = Autoencoder(**{**QUICK, "epochs": 60, "learning_rate": 0.02}).fit(digits)
    knn = KNeighborsClassifier(5)

    with_labels, without = (knn.fit(made.transform(digits), labels).score(made.transform(digits), labels) for made in (learned, plain))

    assert with_labels > max(0.95, without)


def test_it_is_a_regressor_and_a_transformer_at_once(table, numbers):
    made = regressor(n_components=3, epochs=300, learning_rate=0.02, label_weight=1.0).fit(table, numbers)

    assert is_regressor(made)
    assert made.predict(table).shape == (50, 2)
    assert made.predict(table).dtype == np.float64
    assert 0.95 < made.score(table, numbers) == pytest.approx(r2_score(numbers, made.predict(table)))
    assert made.transform(table).shape == (50, 3)
    assert made.reconstruct(table).shape == table.shape


def test_one_number_comes_back_as_it_was_given(table, numbers):
    assert regressor().fit(table, numbers[:, 0]).predict(table).shape == (50,)


@pytest.mark.parametrize("validation", [False, True])
def test_history_has_two_named_losses_and_what_they_add_up_to(validation, digits, labels):
    made = classifier(reconstruction_weight=0.5, label_weight=0.3)
    made.fit(digits, labels, validation_data=(digits[:40], labels[:40]) if validation else None)

    names = ["loss", "reconstruction_loss", "label_loss", "accuracy"]
    assert set(made.history_) == {*names, *(f"val_{name}" for name in names if validation), "learning_rate"}
    for start in ("", "val_") if validation else ("",):
        loss, rebuilt, label = (np.array(made.history_[f"{start}{name}"]) for name in names[:3])
        np.testing.assert_allclose(loss, 0.5 * rebuilt + 0.3 * label, rtol=1e-6)


def test_validation_measures_what_predict_and_reconstruct_give(digits, labels):
    made = classifier().fit(digits, labels, validation_data=(digits[:40], labels[:40]))
    chances = made.predict_proba(digits[:40])

    measured = {name: values[-1] for name, values in made.history_.items()}
    assert measured["val_accuracy"] == pytest.approx(made.score(digits[:40], labels[:40]))
    assert measured["val_label_loss"] == pytest.approx(-np.log(chances[np.arange(40), labels[:40]]).mean(), rel=1e-5)


def test_a_regressors_history_is_in_standardized_units(table, numbers):
    made = regressor(learning_rate=1e-30, epochs=1).fit(table, numbers)

    expected = np.square((made.predict(table) - numbers) / numbers.std(0)).mean()
    assert made.history_["label_loss"][0] == pytest.approx(expected, rel=1e-5)
    assert "accuracy" not in made.history_


def test_the_keras_model_has_named_outputs(learned, digits, table, numbers):
    outputs = learned.autoencoder_.predict(digits.astype(np.float32), verbose=0)

    assert outputs.keys() == {"reconstruction", "probabilities"}
    np.testing.assert_allclose(outputs["probabilities"], learned.predict_proba(digits), atol=1e-5)
    np.testing.assert_allclose(outputs["reconstruction"], learned.reconstruct(digits), rtol=1e-4, atol=1e-4)
    codes = learned.transform(digits)
    np.testing.assert_allclose(learned.head_.predict(codes, verbose=0), learned.predict_proba(digits), atol=1e-5)

    made = regressor().fit(table, numbers)
    outputs = made.autoencoder_.predict(table.astype(np.float32), verbose=0)
    assert outputs.keys() == {"reconstruction", "prediction"}
    np.testing.assert_allclose(outputs["prediction"], made.predict(table), rtol=1e-4)


def test_weights_set_in_the_head_are_the_estimators(digits, labels):
    made = classifier().fit(digits, labels)
    codes = made.transform(digits)

    made.head_.get_layer("head_output").bias.assign([0, 1e4, 0])

    assert set(made.predict(digits)) == {1}
    np.testing.assert_array_equal(made.transform(digits), codes)


def test_the_layer_table_counts_the_head(digits, labels):
    """64-6-2-6-64 and 2-5-3, biases with them."""
    made = classifier().fit(digits, labels)

    assert made.n_parameters_ == (64 * 6 + 6) + (6 * 2 + 2) + (2 * 6 + 6) + (6 * 64 + 64) + (64 * 2) * 2 + (2 * 5 + 5) + (5 * 3 + 3)
    assert [row.name for row in made.layer_table().layers][-2:] == ["head_1", "head_output"]
    assert "softmax" in made.summary()
    assert "head_output" in made.summary()


@pytest.mark.parametrize("head", [(), (5,), [4, 3], Dense(5, activation="tanh", dropout=0.5, batch_normalization=True, l2=1e-3)], ids=repr)
def test_heads_of_any_layers(head, digits, labels):
    made = classifier(head=head).fit(digits, labels)

    assert np.isfinite(made.history_["loss"]).all()
    np.testing.assert_array_equal(made.predict_proba(digits[:3]), made.predict_proba(digits)[:3])


KINDS: dict[str, Any] = {
    "integers": [10, 20, 30],
    "strings": ["few", "many", "more"],
    "whole floats": [0.0, 1.0, 2.0],
}


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_the_users_labels(kind, digits, labels):
    y = np.array(KINDS[kind])[labels]

    made = classifier().fit(digits, y)

    assert made.classes_.tolist() == KINDS[kind]
    assert made.predict(digits).dtype == y.dtype
    assert made.score(digits, y) == accuracy_score(y, made.predict(digits))
    assert same_weights(made, classifier().fit(digits, labels))


def test_booleans_are_labels(digits, labels):
    made = classifier().fit(digits, labels > 0)

    assert made.predict(digits).dtype == bool
    assert made.predict_proba(digits).shape == (120, 2)


def test_one_hot_rows_are_labels(digits, labels):
    frame = pd.DataFrame(np.eye(3)[labels], columns=["few", "many", "more"])
    plain = classifier().fit(digits, labels)

    hot, named = classifier().fit(digits, np.eye(3)[labels]), classifier().fit(digits, frame)

    assert same_weights(hot, plain)
    assert same_weights(named, plain)
    assert named.classes_.tolist() == ["few", "many", "more"]
    assert hot.score(digits, np.eye(3)[labels]) == named.score(digits, frame) == plain.score(digits, labels)
    assert named.score(digits, np.array(["few", "many", "more"])[labels]) == plain.score(digits, labels)


MARKS: dict[str, Any] = {"None": (None, {}), "NaN": (np.nan, {}), "-1 by request": (-1, {"unlabeled": -1})}


@pytest.mark.parametrize("mark", MARKS)
def test_rows_without_labels_count_for_the_reconstruction_only(mark, digits, labels):
    """With no weight on the reconstruction they might as well not be there, in one batch of all rows."""
    none, choices = MARKS[mark]
    some = labels.astype(object if none is None else float)
    some[::3] = none
    settings = {**choices, "reconstruction_weight": 0, "batch_size": 128, "optimizer": "sgd", "schedule": "constant", "scale": None}
    settings |= {"linear_path": False}  # which would start as PCA of all rows
    keep = np.arange(120) % 3 > 0

    among, alone = classifier(**settings).fit(digits, some), classifier(**settings).fit(digits[keep], labels[keep])

    assert among.classes_.tolist() == [0, 1, 2]
    for name in ("label_loss", "accuracy"):
        np.testing.assert_allclose(among.history_[name], alone.history_[name], rtol=1e-4)
    np.testing.assert_allclose(among.predict_proba(digits), alone.predict_proba(digits), atol=1e-4)
    assert among.score(digits, some) == pytest.approx(among.score(digits[keep], labels[keep]))


def test_minus_one_is_a_class_unless_said_otherwise(digits, labels):
    assert classifier(epochs=1).fit(digits, labels - 1).classes_.tolist() == [-1, 0, 1]


def test_numbers_may_be_unknown(table, numbers):
    some = numbers.copy()
    some[::3, 0] = np.nan
    some[3, 1] = np.nan

    made = regressor(early_stopping=True).fit(table, some)

    assert np.isfinite(made.history_["loss"]).all()
    assert np.isfinite(made.predict(table)).all()
    known = [~np.isnan(column) for column in some.T]
    scores = [r2_score(some[rows, place], made.predict(table)[rows, place]) for place, rows in enumerate(known)]
    assert made.score(table, some) == pytest.approx(np.mean(scores))


def test_a_few_labels_among_many_rows(digits, labels):
    """Validation may then have none: nothing is said of its labels, and the reconstruction stops the run."""
    some = np.full(120, None, object)
    some[:4] = labels[[0, 3, 4, 7]]

    made = classifier(early_stopping=True).fit(digits, some)

    assert np.isnan(made.history_["val_accuracy"]).all()
    assert np.isfinite(made.history_["val_loss"]).all()
    assert not np.isnan(made.history_["accuracy"]).any()


def test_a_class_of_one_row_is_learned_and_never_held_out(digits, labels):
    lonely = labels.copy()
    lonely[7] = 9

    made = classifier(early_stopping=True, validation_fraction=0.5, epochs=1).fit(digits, lonely)

    assert made.classes_.tolist() == [0, 1, 2, 9]


@pytest.mark.parametrize("kind", [Autoencoder, SupervisedAutoencoder])
@pytest.mark.parametrize("validated", [False, True])
def test_without_weight_on_labels_it_is_an_autoencoder(kind, validated, digits, labels):
    """The same seed, the same encoder and decoder, the head where it started; to rounding, for the programs are two."""
    choices = {"head": (5,), "label_weight": 0.0} if kind is SupervisedAutoencoder else {}
    made = kind(**{**QUICK, "noise": 0.1, **choices})
    y = [labels] if choices else []
    made.fit(digits, *y, validation_data=(digits[:30], *(part[:30] for part in y)) if y else (digits[:30],)[0] if validated else None)
    plain = Autoencoder(**{**QUICK, "noise": 0.1}).fit(digits, validation_data=digits[:30] if validated else None)

    for name, value in plain._network.weights.items():
        np.testing.assert_allclose(made._network.weights[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(made.history_["reconstruction_loss"], plain.history_["loss"], rtol=1e-5)


def test_without_weight_on_the_reconstruction_the_head_alone_is_trained(digits, labels):
    """No word then of a decoder that learned nothing, as was asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", errors.CollapsedCode)
        made = classifier(reconstruction_weight=0, label_weight=1, epochs=60, learning_rate=0.02).fit(digits, labels)
    first = classifier(reconstruction_weight=0, label_weight=1, epochs=1, learning_rate=1e-30).fit(digits, labels)

    for name, value in first._network.weights.items():
        assert np.array_equal(made._network.weights[name], value) == name.startswith(("decoder", "output")), name
    assert made.score(digits, labels) > 0.95


def test_class_weights(digits, labels):
    plain, ones, balanced, one_class = (
        classifier(class_weight=weight).fit(digits, labels)
        for weight in (None, {0: 1, 1: 1.0, 2: np.float64(1)}, "balanced", {0: 1, 1: 0, 2: 0})
    )

    assert same_weights(plain, ones)
    assert not same_weights(plain, balanced)
    longer = one_class.set_params(epochs=40, learning_rate=0.05, label_weight=10).fit(digits, labels)
    assert (longer.predict(digits) == 0).mean() > 0.8 > (plain.predict(digits) == 0).mean()


@pytest.mark.parametrize("make", [classifier, regressor])
def test_rows_of_no_weight_do_not_count(make, table):
    """Neither in the scaling of rows and numbers nor in any loss nor in a score."""
    wild = np.concatenate([table, 1e6 * table[:10]])
    y = np.concatenate([np.arange(50) % 2, np.full(10, 2 if make is classifier else 1e6)])
    weight = np.r_[np.ones(50), np.zeros(10)]

    made = make(epochs=20).fit(wild, y, sample_weight=weight)

    assert made.history_["label_loss"][0] < 10
    assert made.score(wild, y, sample_weight=weight) == pytest.approx(made.score(table, y[:50]))
    plain = make(epochs=20).fit(table, y[:50])
    np.testing.assert_allclose(made.scale_rows(table), plain.scale_rows(table), rtol=1e-4, atol=1e-5)


def test_score_leaves_out_rows_without_labels_and_counts_unknown_classes_as_wrong(learned, digits, labels):
    some = labels.astype(object)
    some[:60] = None
    strange = labels.copy()
    strange[60:] = 7

    assert learned.score(digits, some) == learned.score(digits[60:], labels[60:])
    assert learned.score(digits, strange) == pytest.approx(learned.score(digits[:60], labels[:60]) / 2)


def test_a_weighted_score_is_scikit_learns(learned, digits, labels, rng):
    weight = rng.random(120)

    assert learned.score(digits, labels, weight) == pytest.approx(accuracy_score(labels, learned.predict(digits), sample_weight=weight))


def test_warm_start_goes_on(digits, labels):
    made = classifier(warm_start=True).fit(digits, labels)
    first = made.history_["label_loss"]

    made.fit(digits[:60], labels[:60]).fit(digits, labels)

    assert made.history_["label_loss"][-1] < first[-1]
    assert made.classes_.tolist() == [0, 1, 2]


def test_warm_start_with_rows_of_fewer_classes_keeps_them_all(digits, labels):
    few = labels < 2
    made = classifier(warm_start=True).fit(digits, labels).fit(digits[few], labels[few])

    assert made.classes_.tolist() == [0, 1, 2]
    assert made.predict_proba(digits).shape == (120, 3)


def test_a_fit_that_is_refused_leaves_the_classes_as_they_were(digits, labels):
    made = classifier().fit(digits, labels)
    before = made.predict(digits)

    with pytest.raises(ValueError, match="class_weight names the class 0"):
        made.set_params(class_weight={0: 1}).fit(digits, labels + 10)

    np.testing.assert_array_equal(made.predict(digits), before)


def test_a_fit_from_the_beginning_may_have_other_labels(digits, labels, table, numbers):
    made = classifier().fit(digits, labels).fit(digits, labels > 0, validation_data=(digits, labels > 0))
    other = regressor().fit(table, numbers).fit(table, numbers[:, 0], validation_data=(table, numbers[:, 0]))

    assert made.classes_.tolist() == [False, True]
    assert other.predict(table).shape == (50,)


def test_partial_fit_learns_batch_by_batch(digits, labels):
    made = classifier(learning_rate=0.02, label_weight=1.0, optimizer="adam")
    names = np.array(["few", "many", "more"])

    for _ in range(30):
        for part in np.array_split(np.argsort(labels, kind="stable"), 6):
            made.partial_fit(digits[part], names[labels[part]], classes=names)

    assert made.classes_.tolist() == ["few", "many", "more"]
    assert made.n_epochs_ == len(made.history_["label_loss"]) == 180
    assert made.score(digits, names[labels]) > 0.8


def test_partial_fit_takes_rows_without_labels(digits, labels):
    made = classifier(unlabeled=-1)

    made.partial_fit(digits, np.full(120, -1), classes=[-1, 0, 1, 2]).partial_fit(digits, labels).partial_fit(digits, [None] * 120)

    assert made.classes_.tolist() == [0, 1, 2]
    assert [np.isnan(loss) for loss in made.history_["label_loss"]] == [True, False, True]


def test_partial_fit_goes_on_after_fit_and_through_pickling(digits, labels):
    made = classifier().fit(digits, labels)
    again = pickle.loads(pickle.dumps(made))

    assert same_weights(made.partial_fit(digits, labels), again.partial_fit(digits, labels))
    assert not same_weights(made, classifier().fit(digits, labels))


def test_a_regressor_learns_batch_by_batch(table, numbers):
    made = regressor().partial_fit(table, numbers[:, 0]).partial_fit(table[:5], [np.nan] * 5)

    assert made.predict(table).shape == (50,)


@pytest.mark.parametrize("kind", [classifier, regressor])
def test_the_same_seed_gives_the_same_bits(kind, digits, labels):
    one, other, another = (kind(noise=0.1, random_state=seed).fit(digits, labels) for seed in (1, 1, 2))

    assert same_weights(one, other)
    assert one.history_ == other.history_
    assert not same_weights(one, another)


def test_clones_and_nested_parameters():
    made = classifier(head=(8, 4), noise=0.1).set_params(head__dropout=0.5, head__activation="tanh", noise__strength=0.3, noise__clip=False)

    assert made.head == Dense(8, 4, dropout=0.5, activation="tanh")
    assert made.noise == Gaussian(0.3, clip=False)
    assert made.get_params()["head__dropout"] == 0.5
    assert clone(made).get_params() == made.get_params()
    assert made.set_params(layers__widths=(3, 2)).layers == Dense(3, 2)
    assert SupervisedAutoencoder().set_params(head__dropout=0.5).head == Dense(64, 128, dropout=0.5)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("noise__strength", r"noise=None has no parameter 'strength': set noise to an object that has it, Gaussian\(0.4\) say"),
        ("layers__dropout", r"layers='auto' has no parameter 'dropout': set layers to an object that has it, Dense\(500, 300\) say"),
        ("head__strength", "Dense has no parameter 'strength'"),
        ("loss__x", "loss='auto' has no parameter 'x'"),
        ("tail__x", "Invalid parameter 'tail'"),
    ],
)
def test_nested_parameters_that_are_not_there_are_named(name, words):
    with pytest.raises(ValueError, match=words):
        SupervisedAutoencoder().set_params(**{name: 0.5})


@pytest.mark.parametrize("kind", [SupervisedAutoencoder, SupervisedAutoencoderRegressor])
def test_fitting_changes_no_parameter(kind, digits, labels):
    made = kind(**{**SMALL, "head": [4], "noise": 0.1, **({"class_weight": {0: 2.0}} if kind is SupervisedAutoencoder else {})})
    before = made.get_params()

    made.fit(digits, labels)

    assert made.get_params() == before


def test_a_search_over_the_labels_weight_compiles_once(digits, labels):
    program._programs.clear()
    before = program.compilations["train"]
    grid = {
        "label_weight": [0.01, 0.1, 1.0],
        "noise__strength": [0.1, 0.2],
        "class_weight": [None, "balanced"],
    }

    GridSearchCV(classifier(epochs=1, noise=0.1), grid, cv=3, error_score="raise").fit(digits, labels)

    assert program.compilations["train"] - before == 1


@pytest.mark.slow
def test_a_search_in_two_processes(digits, labels):
    grid = {"head__dropout": [0.0, 0.5], "noise": [Gaussian(0.1)]}

    there, here = (GridSearchCV(classifier(), grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(digits, labels) for n_jobs in (2, 1))

    np.testing.assert_array_equal(there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"])


def test_a_pipeline_ends_in_it_or_goes_through_it(digits, labels):
    ends = make_pipeline(MinMaxScaler(), classifier())
    through = make_pipeline(MinMaxScaler(), classifier(), KNeighborsClassifier(3))

    for pipeline in (ends, through):
        scores = cross_val_score(pipeline, digits, labels, cv=2, error_score="raise")
        assert ((scores >= 0) & (scores <= 1)).all()
    assert ends.fit(digits, labels).predict_proba(digits).shape == (120, 3)


def test_cross_validation_with_rows_without_labels(digits, labels):
    some = np.where(np.arange(120) % 2, labels, -1)

    scores = cross_val_score(classifier(unlabeled=-1), digits, some, cv=2, error_score="raise")

    assert np.isfinite(scores).all()


def test_names_of_features_and_codes(digits, labels):
    frame = pd.DataFrame(digits, columns=[f"pixel {number}" for number in range(64)])

    made = classifier().fit(frame, labels).set_output(transform="pandas")

    assert made.feature_names_in_[3] == "pixel 3"
    assert list(made.transform(frame).columns) == ["supervisedautoencoder0", "supervisedautoencoder1"]
    with pytest.raises(ValueError, match="feature names should match"):
        made.predict(frame.rename(columns={"pixel 3": "other"}))


@pytest.mark.parametrize("kind", [classifier, regressor])
def test_fitted_estimators_survive_pickling(kind, digits, labels):
    made = kind(noise=0.1).fit(digits, labels)

    again = pickle.loads(pickle.dumps(made))

    np.testing.assert_array_equal(again.predict(digits), made.predict(digits))
    np.testing.assert_array_equal(again.transform(digits), made.transform(digits))
    assert again.history_ == made.history_


@pytest.mark.parametrize("kind", [classifier, regressor])
def test_own_keras_models_have_a_head_of_ours(kind, digits, labels):
    made = kind(layers=Pair(), noise=0.1, epochs=40, learning_rate=0.02, label_weight=1.0).fit(digits, labels)

    assert made.score(digits, labels) > 0.5
    assert made.history_["label_loss"][-1] < made.history_["label_loss"][0]
    n_outputs = 3 if kind is classifier else 1
    assert made.n_parameters_ == (64 * 6 + 6) + (6 * 2 + 2) + (2 * 6 + 6) + (6 * 64 + 64) + (2 * 5 + 5) + (5 * n_outputs + n_outputs)
    assert "head_output" in made.summary()
    name = "probabilities" if kind is classifier else "prediction"
    predicted = made.predict_proba(digits) if kind is classifier else made.predict(digits)[:, None]
    shown = made.autoencoder_.predict(digits.astype(np.float32), verbose=0)[name]
    np.testing.assert_allclose(shown, predicted, rtol=1e-4, atol=1e-5)
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again.predict(digits), made.predict(digits))
    again.partial_fit(digits, labels)


@pytest.mark.parametrize("n_components", [2, None])
def test_convolutions_noise_and_labels_in_one_call(n_components, digits, labels):
    layers = Conv(3, 2, kernel_size=3, image_shape=(8, 8))

    made = classifier(n_components=n_components, layers=layers, noise=0.2).fit(digits / 16, labels)

    assert made.predict_proba(digits / 16).shape == (120, 3)
    assert made.transform(digits / 16).shape == (120, 2 if n_components else 2 * 2 * 2)
    assert made.reconstruct(digits / 16).shape == digits.shape


def test_keras_callbacks_see_all_that_history_has(digits, labels):
    seen = []

    class Logs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(dict(logs))

    made = classifier(callbacks=[Logs()]).fit(digits, labels)

    assert [logs["label_loss"] for logs in seen] == made.history_["label_loss"]
    assert [logs["accuracy"] for logs in seen] == made.history_["accuracy"]


@pytest.mark.parametrize("kind", [classifier, regressor])
def test_scikit_learns_callbacks_score_each_epoch(kind, digits, labels):
    monitor = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks").ScoringMonitor(
        scoring="accuracy" if kind is classifier else "r2"
    )

    made = kind(learning_rate=0.02).set_callbacks(monitor).fit(digits, labels, sample_weight=np.ones(120))

    scores = [score for line in monitor.get_logs().data for name, score in line.items() if name in ("accuracy", "r2")]
    assert len(scores) >= 3
    assert scores[-1] == pytest.approx(made.score(digits, labels))


@pytest.mark.parametrize("kind", [SupervisedAutoencoder, SupervisedAutoencoderRegressor])
def test_what_all_autoencoders_take_is_said_in_the_same_words(kind):
    """Each docstring says all of it, for help() and editors; none may drift from the others."""
    (plain, own), (defaults, own_defaults) = (
        [reading(each) for each in (Autoencoder, kind)]
        for reading in (lambda cls: entries(sections(inspect.getdoc(cls))["Parameters"]), lambda cls: inspect.signature(cls).parameters)
    )

    assert {name: own[name] for name in plain} == plain
    assert {name: own_defaults[name] for name in defaults} == dict(defaults)
    assert own.keys() - plain.keys() >= {"head", "reconstruction_weight", "label_weight"}


BAD: dict[str, Any] = {
    "labels of the wrong length": (
        lambda X, y: classifier().fit(X, y[1:]),
        r"y must hold a label for each of the 120 rows, got shape \(119,\)",
    ),
    "one class": (lambda X, y: classifier().fit(X, y * 0), "y holds one class only, 0, and a classifier needs at least two classes"),
    "unlabelled rows only": (lambda X, y: classifier().fit(X, [None] * 120), "y holds no label, only 120 rows without one"),
    "no labels": (lambda X, y: classifier().fit(X, None), "requires y to be passed, but the target y is None"),
    "fractions": (lambda X, y: classifier().fit(X, y / 2), "Unknown label type: continuous. y holds 0.5, and a class is"),
    "weights for an unknown class": (
        lambda X, y: classifier(class_weight={5: 2}).fit(X, y),
        "class_weight names the class 5, which y does not hold",
    ),
    "text to predict as a number": (lambda X, y: regressor().fit(X, ["a"] * 120), "y must hold numbers to predict, got 'a'"),
    "no number": (lambda X, y: regressor().fit(X, [np.nan] * 120), "y holds no number, only 120 rows without one"),
    "a head of no layers": (lambda X, y: classifier(head=3).fit(X, y), r"head must be a tuple of widths or a Dense\(...\), got 3"),
    "a head of bad widths": (lambda X, y: classifier(head=(0,)).fit(X, y), r"widths of Dense must be whole numbers of at least 1, got 0"),
    "a negative weight": (lambda X, y: classifier(label_weight=-1).fit(X, y), r"label_weight must be a number in \[0, 1e\+30\], got -1"),
    "a weight of text": (
        lambda X, y: classifier(reconstruction_weight="1").fit(X, y),
        r"reconstruction_weight must be a number in \[0, 1e\+30\], got '1'",
    ),
    "two weights of 0": (
        lambda X, y: classifier(label_weight=0, reconstruction_weight=0).fit(X, y),
        "reconstruction_weight and label_weight are both 0, which leaves nothing to learn: set one of them above 0",
    ),
    "validation without labels": (
        lambda X, y: classifier().fit(X, y, validation_data=X),
        r"must be \(X, y\) or \(X, y, target\), got 1 part",
    ),
    "validation of too many parts": (lambda X, y: classifier().fit(X, y, validation_data=(X, y, X, y)), r"\(X, y, target\), got 4 parts"),
    "validation of an unknown class": (
        lambda X, y: classifier().fit(X, y, validation_data=(X, y + 1)),
        "y holds the label 3, which is none of the classes: 0, 1, 2",
    ),
    "validation of other numbers": (
        lambda X, y: regressor().fit(X, y, validation_data=(X, np.c_[y, y])),
        "y holds 2 numbers a row, and this estimator predicts 1",
    ),
    "an unknown class to go on with": (
        lambda X, y: classifier(warm_start=True, epochs=1).fit(X, y).fit(X, y + 1),
        "y holds the label 3, which is none of the classes: 0, 1, 2",
    ),
    "other classes to come": (
        lambda X, y: classifier().partial_fit(X, y, [0, 1, 2]).partial_fit(X, y, [0, 1, 2, 3]),
        r"classes must be those of the first call, \[0, 1, 2\], got \[0, 1, 2, 3\]",
    ),
    "a class that was not to come": (
        lambda X, y: classifier().partial_fit(X, y, classes=[0, 1]),
        "y holds the label 2, which is none of the classes",
    ),
    "a first batch of one class": (
        lambda X, y: classifier().partial_fit(X, y * 0),
        r"name all that will come \(partial_fit has classes=\)",
    ),
    "a score without labels": (lambda X, y: classifier().fit(X, y).score(X, [None] * 120), "y holds no label to compare with"),
    "a score without numbers": (lambda X, y: regressor().fit(X, y).score(X, [np.nan] * 120), "y holds no number to compare with"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_error(case, digits, labels):
    call, words = BAD[case]

    with pytest.raises((ValueError, TypeError), match=words):
        call(digits, labels)
