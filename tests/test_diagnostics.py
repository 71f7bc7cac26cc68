"""Verdicts on real fits: each question with data and settings that deserve a warning, and with some that do not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from narrows import Autoencoder, Dense, SupervisedAutoencoder, SupervisedAutoencoderRegressor, data, diagnostics, errors

rng = np.random.default_rng(0)
PLANE = rng.normal(size=(64, 2)) @ rng.normal(size=(2, 6)) + 0.2 * rng.normal(size=(64, 6))
FLAT = rng.normal(size=(64, 2)) @ rng.normal(size=(2, 6))
NOISE = rng.normal(size=(40, 8))
ANGLE = rng.uniform(-2.5, 2.5, 300)
ARC = np.column_stack([np.cos(ANGLE), np.sin(ANGLE)])
UNIT = rng.random((64, 6))
BORDERED = np.column_stack([PLANE, np.ones((64, 1))])  # as a picture has them
EMPTY = np.column_stack([PLANE[:, :2], np.ones((64, 4))])
TWICE = np.column_stack([PLANE[:, :3], PLANE[:, :3]])
CROWD = np.random.default_rng(0).normal(size=(200, 20))  # which no two numbers tell much of

CHANCE = rng.integers(0, 2, 40)  # labels of `NOISE` that nothing in it tells
SIDE = (PLANE[:, 0] > 0).astype(int)
LABELED = {"n_components": 6, "layers": (), "epochs": 150, "learning_rate": 0.01, "label_weight": 10.0}

PLAIN = {"linear_path": False}  # without it a network begins as PCA, and has less to be warned of
MAP = {**PLAIN, "layers": (64, 64), "learning_rate": 0.01, "batch_size": 100, "neighbor_weight": 0.1}
LINEAR = {**PLAIN, "layers": (), "learning_rate": 0.1, "batch_size": 32}


def same(value: float) -> Any:
    """Start all weights at one value."""
    from narrows._backend import keras

    return keras().initializers.Constant(value)


def wide(deviation: float) -> Any:
    from narrows._backend import keras

    return keras().initializers.RandomNormal(stddev=deviation, seed=0)


@dataclass(frozen=True)
class Fit:
    """Rows and settings."""

    rows: np.ndarray
    settings: Callable[[], dict[str, Any]]  # what needs Keras is made when the test runs
    validation: Any = field(default=None)
    labels: np.ndarray | None = field(default=None)

    def run(self) -> Any:
        settings = {"epochs": 2, "early_stopping": False, "precision": "float32", "random_state": 0, **self.settings()}
        made = Autoencoder(**settings) if self.labels is None else SupervisedAutoencoder(**settings)
        return made.fit(self.rows, self.labels, validation_data=self.validation)


# name: (class of the warning, a fit that deserves it, one that does not)
TABLE: dict[str, tuple[type[errors.VerdictWarning], Fit, Fit]] = {
    "collapse": (
        errors.CollapsedCode,
        Fit(PLANE, lambda: {**PLAIN, "layers": Dense(4, kernel_initializer=same(0.0)), "learning_rate": 1e-30}),
        Fit(PLANE, lambda: {**LINEAR, "epochs": 50}),
    ),
    "pca": (
        errors.WorseThanPCA,
        Fit(PLANE, lambda: {**LINEAR, "epochs": 20, "learning_rate": 0.03}),
        Fit(ARC, lambda: {"n_components": 1, "layers": (32, 16), "learning_rate": 0.01, "epochs": 60, "batch_size": 64}),
    ),
    "overfitting": (
        errors.Overfitting,
        Fit(NOISE[:20], lambda: {"n_components": 6, "layers": (64,), "epochs": 300, "learning_rate": 0.01}, NOISE[20:]),
        Fit(PLANE[:40], lambda: {**LINEAR, "epochs": 100}, PLANE[40:]),
    ),
    "head": (
        errors.OverfittedHead,
        Fit(NOISE[:20], lambda: LABELED, (NOISE[20:], CHANCE[20:]), CHANCE[:20]),
        Fit(PLANE[:40], lambda: LABELED, (PLANE[40:], SIDE[40:]), SIDE[:40]),
    ),
    "map": (
        errors.TornMap,
        Fit(CROWD, lambda: {**MAP, "neighbor_weight": 100.0, "n_neighbors": 1, "epochs": 300}),
        Fit(ARC, lambda: {**MAP, "n_components": 1, "epochs": 60}),
    ),
    "still_learning": (
        errors.StillLearning,
        Fit(PLANE[:40], lambda: {**PLAIN, "layers": (16,), "epochs": 20, "learning_rate": 0.01, "schedule": "constant"}, PLANE[40:]),
        Fit(PLANE[:40], lambda: {**LINEAR, "epochs": 300}, PLANE[40:]),
    ),
    "dead_units": (
        errors.DeadUnits,
        Fit(UNIT, lambda: {"layers": Dense(12, activation="relu", kernel_initializer=same(-1.0))}),
        Fit(UNIT, lambda: {"layers": Dense(12, activation="relu")}),
    ),
    "saturated_units": (
        errors.SaturatedUnits,
        Fit(PLANE, lambda: {"layers": Dense(12, activation="tanh", kernel_initializer=wide(1000.0))}),
        Fit(PLANE, lambda: {"layers": Dense(12, activation="tanh", kernel_initializer="glorot_uniform")}),
    ),
    "deficient_code": (
        errors.DeficientCode,
        Fit(FLAT, lambda: {**LINEAR, "n_components": 4, "layers": Dense(2, activation="linear"), "epochs": 50}),
        Fit(FLAT, lambda: {**LINEAR, "n_components": 2, "layers": Dense(2, activation="linear"), "epochs": 50}),
    ),
    "out_of_range": (
        errors.RowsOutOfRange,
        Fit(PLANE, lambda: {"layers": (4,), "output_activation": "tanh"}),
        Fit(PLANE, lambda: {"layers": (4,), "output_activation": "sigmoid", "scale": "minmax"}),
    ),
    "constant_features": (
        errors.ConstantFeatures,
        Fit(EMPTY, lambda: {"layers": (4,)}),
        Fit(BORDERED, lambda: {"layers": (4,)}),
    ),
    "duplicate_features": (
        errors.DuplicateFeatures,
        Fit(TWICE, lambda: {"layers": (4,)}),
        Fit(PLANE, lambda: {"layers": (4,)}),
    ),
}


def test_the_table_has_every_warning():
    assert {name: row[0] for name, row in TABLE.items()} == diagnostics.WARNINGS


@pytest.mark.parametrize("name", TABLE)
def test_what_deserves_a_warning_gets_it(name):
    kind, deserving, _ = TABLE[name]

    with pytest.warns(kind) as caught:
        made = deserving.run()

    (verdict,) = [verdict for verdict in made.diagnostics_ if verdict.name == name]
    assert verdict.level == "warning"
    assert verdict.remedy
    assert str(verdict) in [str(warning.message) for warning in caught if warning.category is kind]


@pytest.mark.parametrize("name", TABLE)
def test_what_does_not_deserve_it_does_not(name):
    kind, _, innocent = TABLE[name]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = innocent.run()

    assert not [warning for warning in caught if warning.category is kind]
    assert all(verdict.level != "warning" for verdict in made.diagnostics_ if verdict.name == name)


@pytest.mark.filterwarnings("error::narrows.errors.VerdictWarning")
def test_divergence_is_an_exception_and_a_verdict():
    made = Autoencoder(layers=(4,), learning_rate=1e30, schedule="constant", epochs=3, random_state=0)

    with pytest.raises(errors.TrainingDiverged, match=r"Use a smaller learning_rate"):
        made.fit(PLANE * 1e3)

    first = made.diagnostics_[0]
    assert (first.name, first.level) == ("divergence", "warning")
    assert str(first).startswith("Training diverged: the loss was no longer finite in epoch ")
    assert {verdict.name for verdict in made.diagnostics_} == {"divergence", "dimensions"}


def head_of(made: Any) -> diagnostics.Verdict:
    return next(verdict for verdict in made.diagnostics_ if verdict.name == "head")


def test_an_overfitted_head_is_silenced_alone():
    """What else there is to say is said, and the verdict stands in `diagnostics_` all the same."""
    rows = np.column_stack([NOISE, np.ones((40, 10))])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", errors.OverfittedHead)
        made = Fit(rows[:20], lambda: LABELED, (rows[20:], CHANCE[20:]), CHANCE[:20]).run()

    kinds = {warning.category for warning in caught}
    assert errors.ConstantFeatures in kinds
    assert errors.OverfittedHead not in kinds
    assert head_of(made).level == "warning"


def test_the_remedies_narrow_the_gap():
    """Dropout in the head, a smaller label weight and fewer epochs, as the verdict has them."""
    labels = np.where(np.arange(64) % 4, SIDE, 1 - SIDE)  # one of four is wrong: there is something to learn, and something by heart
    remedy = {"head": Dense(64, 128, dropout=0.5), "label_weight": 0.1, "epochs": 20}

    plain, mended = (
        Fit(PLANE[:32], lambda others=others: {**LABELED, **others}, (PLANE[32:], labels[32:]), labels[:32]).run()
        for others in ({}, remedy)
    )

    assert head_of(plain).figures["gap"] > head_of(mended).figures["gap"]


@pytest.mark.parametrize("labels", [np.full(24, np.nan), None], ids=["validation without labels", "no validation"])
def test_a_head_that_nothing_is_known_of_is_not_judged(labels):
    made = Fit(PLANE[:40], lambda: {"layers": (4,)}, None if labels is None else (PLANE[40:], labels), SIDE[:40]).run()

    assert "head" not in {verdict.name for verdict in made.diagnostics_}


def test_a_regressors_head_is_not_judged_by_classes():
    made = SupervisedAutoencoderRegressor(layers=(4,), epochs=2, random_state=0).fit(PLANE, SIDE, validation_data=(PLANE, SIDE))

    assert "head" not in {verdict.name for verdict in made.diagnostics_}


def test_the_course_is_judged_by_what_is_minimized():
    """The labels' loss rises while rows are learned by heart, the reconstruction's does not: that is overfitting all the same."""
    with pytest.warns(errors.Overfitting, match="the validation loss was lowest in epoch"):
        Fit(PLANE[:40], lambda: LABELED, (PLANE[40:], np.arange(24) % 2), np.arange(40) % 2).run()


@pytest.mark.parametrize(
    "call",
    [
        lambda made: made.fit(EMPTY),
        lambda made: made.fit_transform(EMPTY),
        lambda made: make_pipeline(StandardScaler(), made).fit(EMPTY),
    ],
    ids=["fit", "fit_transform", "pipeline"],
)
def test_a_warning_points_at_the_users_line(call):
    made = Autoencoder(layers=(4,), epochs=1, random_state=0)

    with pytest.warns(errors.ConstantFeatures) as caught:
        call(made)

    assert {warning.filename for warning in caught if issubclass(warning.category, errors.VerdictWarning)} == {__file__}


def test_one_kind_is_silenced_and_the_others_are_not():
    made = Autoencoder(layers=(4,), output_activation="tanh", epochs=1, random_state=0)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", errors.ConstantFeatures)
        made.fit(EMPTY)

    kinds = {warning.category for warning in caught}
    assert errors.RowsOutOfRange in kinds
    assert errors.ConstantFeatures not in kinds
    assert {"constant_features", "out_of_range"} <= {verdict.name for verdict in made.diagnostics_}


def test_a_linear_fit_says_that_pca_is_as_good():
    made = Autoencoder(2, **LINEAR, epochs=1000, early_stopping=False, random_state=0).fit(PLANE)

    found = {verdict.name: verdict for verdict in made.diagnostics_}
    assert {name: verdict.level for name, verdict in found.items()} == {"collapse": "good", "pca": "note", "dimensions": "note"}
    assert str(found["pca"]).startswith("PCA with 2 components is as good here: squared error ")


def test_dimensions_come_with_every_fit():
    made = Autoencoder(2, layers=(4,), epochs=1, random_state=0).fit(FLAT)

    verdict = made.diagnostics_[-1]
    assert (verdict.name, verdict.level) == ("dimensions", "note")
    assert verdict.figures["pca_99"] == 2
    assert verdict.figures["intrinsic"] == pytest.approx(2, abs=0.5)


def test_names_of_features_are_the_users():
    import pandas as pd

    frame = pd.DataFrame(EMPTY, columns=list("abcdef"))

    made = Autoencoder(layers=(4,), epochs=1, random_state=0).fit(frame)

    assert "4 of 6 features never change (c, d, e, …)." in [verdict.sentence for verdict in made.diagnostics_]


def test_validation_rows_tell_of_rows_learned_by_heart():
    """On its training rows this network is better than PCA; on others it is not, and says so."""
    with pytest.warns(errors.WorseThanPCA, match="It knows its training rows by heart: use more rows"):
        TABLE["overfitting"][1].run()


def test_rows_of_weight_zero_are_not_looked_at():
    rows = np.concatenate([PLANE, 1e3 * NOISE[:, :6]])
    weight = np.r_[np.ones(64), np.zeros(40)]

    made = Autoencoder(2, **LINEAR, epochs=300, early_stopping=False, random_state=0).fit(rows, sample_weight=weight)

    assert next(verdict for verdict in made.diagnostics_ if verdict.name == "collapse").level == "good"
    assert "on 64 rows." in made.diagnostics_[-1].sentence


def test_a_network_of_the_users_own_is_watched_as_far_as_keras_tells():
    from narrows._backend import keras

    layers = keras().layers

    class Own:
        def build(self, n_features: int, n_components: int) -> Any:
            start = same(-1.0)
            encoder = [layers.Dense(9, kernel_initializer=start), layers.ReLU(name="bent"), layers.Dense(n_components)]
            decoder = [layers.Dense(5, activation="relu", name="inner"), layers.Dense(n_features, activation="tanh")]
            sides = ((n_features, encoder), (n_components, decoder))
            return tuple(keras().Sequential([keras().Input((width,)), *side]) for width, side in sides)

    with pytest.warns(errors.DeadUnits, match=r"9 of 9 units of bent \(100 %\)"), pytest.warns(errors.RowsOutOfRange, match="'tanh'"):
        Autoencoder(layers=Own(), scale=None, epochs=1, random_state=0).fit(3 * UNIT)


@pytest.mark.slow
def test_the_textbook_sits_on_its_plateau_for_epochs(mnist_path):
    """A tanh code, glorot weights, Adam 0.001: after 3 epochs on MNIST nothing is learned yet, and the verdict says so."""
    del mnist_path
    layers = Dense(500, 300, 100, activation="tanh", kernel_initializer="glorot_uniform", bias_initializer="zeros", mean_bias=False)
    made = Autoencoder(2, layers=layers, code_activation="tanh", learning_rate=0.001, schedule="constant", epochs=3, random_state=0)

    with pytest.warns(errors.CollapsedCode):
        made.fit(data.load("mnist").X)
