"""What scikit-learn users rely on beyond its checks: clone, search, pipelines, frames, routing, pickles."""

from __future__ import annotations

import gc
import io
import pickle
import weakref
from typing import Any

import joblib
import keras
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.estimators.conftest import quick

from narrows import Autoencoder, Dense, Gaussian
from narrows.training import program


class Pair:
    """Models of the user's own."""

    def __init__(self, units: int = 6) -> None:
        self.units = units

    def build(self, n_features: int, n_components: int) -> tuple[Any, Any]:
        dense = keras.layers.Dense
        encoder = keras.Sequential([keras.Input((n_features,)), dense(self.units, "relu"), dense(n_components)])
        return encoder, keras.Sequential([keras.Input((n_components,)), dense(self.units, "relu"), dense(n_features)])


EVERY_PARAMETER = {
    "n_components": 3,
    "layers": Dense(7, activation="tanh"),
    "code_activation": "tanh",
    "code_l1": 0.1,
    "code_l2": 0.2,
    "noise": Gaussian(0.1, clip=False),
    "neighbor_weight": 0.3,
    "n_neighbors": 4,
    "output_activation": "linear",
    "loss": "mse",
    "scale": "minmax",
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "schedule": "constant",
    "batch_size": 7,
    "epochs": 2,
    "early_stopping": False,
    "linear_path": False,
    "validation_fraction": 0.2,
    "patience": 4,
    "precision": "float32",
    "callbacks": None,
    "warm_start": True,
    "verbose": 1,
    "random_state": 3,
}


def test_clone_is_exact():
    made = Autoencoder(**EVERY_PARAMETER)

    assert made.get_params(deep=False).keys() == EVERY_PARAMETER.keys()
    assert clone(made).get_params() == made.get_params()
    assert clone(made).layers is made.layers


def test_fitting_changes_no_parameter(table):
    made = Autoencoder(**{**EVERY_PARAMETER, "verbose": 0}).fit(table)

    assert made.get_params(deep=False) == {**EVERY_PARAMETER, "verbose": 0}


def test_clones_of_keras_objects_fit_the_same(table):
    """Optimizers, losses and schedules are cloned too, and rebuilt at each fit."""
    made = quick(
        optimizer=keras.optimizers.Adam(beta_1=0.8),
        loss=keras.losses.LogCosh(),
        schedule=keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5),
    )

    np.testing.assert_array_equal(clone(made).fit_transform(table), made.fit_transform(table))
    np.testing.assert_array_equal(made.fit(table).transform(table), clone(made).fit_transform(table))


def test_nested_parameters_make_new_frozen_objects():
    layers = Dense(6)
    made = quick(layers=layers).set_params(layers__activation="tanh", layers__widths=(4, 3), learning_rate=0.1)

    assert made.layers == Dense(4, 3, activation="tanh")
    assert made.learning_rate == 0.1
    assert layers == Dense(6)
    assert made.get_params()["layers__activation"] == "tanh"
    assert made.set_params(layers=Dense(9), layers__dropout=0.5).layers == Dense(9, dropout=0.5)


@pytest.mark.parametrize("name", ["layers__units", "layer", "noise__rate"])
def test_unknown_parameters_are_named(name):
    with pytest.raises(ValueError, match=name.partition("__")[2] or name):
        quick(layers=Dense(6)).set_params(**{name: 1})


def test_a_grid_search_in_two_processes(table):
    """Flat and nested parameters and a Keras object, in workers that know nothing of this process's Keras settings."""
    grid = {"layers__activation": ["tanh", "relu"], "n_components": [1, 3]}
    made = quick(layers=Dense(6), optimizer=keras.optimizers.Adam(beta_1=0.8))

    there, here = (GridSearchCV(made, grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(table) for n_jobs in (2, 1))

    np.testing.assert_array_equal(there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"])
    assert there.best_params_ == here.best_params_


def test_a_grid_search_compiles_each_network_once(digits):
    """2 networks x 4 learning rates x 3 folds and a refit: two programs, not 25."""
    program._programs.clear()
    before = program.compilations["train"]
    grid = {"layers": [(7,), (9,)], "learning_rate": [0.001, 0.002, 0.004, 0.008]}

    GridSearchCV(quick(epochs=1), grid, cv=3).fit(digits)

    assert program.compilations["train"] - before == 2


def test_own_models_are_compiled_once_for_all_calls(table):
    """Batch after batch, and fits that go on, run one program; a fit from the beginning has models, and a program, of its own."""
    made = quick(layers=Pair(), warm_start=True)
    before = program.compilations["train"]

    for part in (table, table[3:], table):
        made.partial_fit(part)
    made.fit(table).fit(table)
    assert program.compilations["train"] - before == 1

    made.set_params(warm_start=False).fit(table)
    assert program.compilations["train"] - before == 2


def test_a_kept_program_computes_what_a_new_one_does(table):
    """A copy through pickling compiles anew."""
    kept = quick(layers=Pair()).partial_fit(table)
    anew = pickle.loads(pickle.dumps(kept))
    before = program.compilations["train"]

    for made in (kept, anew):
        made.partial_fit(table[::-1])

    assert program.compilations["train"] - before == 1
    np.testing.assert_array_equal(kept.transform(table), anew.transform(table))


def test_programs_of_own_models_go_with_the_estimator(table):
    made = quick(layers=Pair()).fit(table)
    (kept,) = made._network.computation.programs.values()
    program_, computation = weakref.ref(kept), weakref.ref(made._network.computation)

    del made, kept
    gc.collect()

    assert (program_(), computation()) == (None, None)


def test_scores_compare_across_settings(table):
    """Whatever the scaling inside, a score is R² in the rows' own units."""
    for scale in ("standard", "minmax", None):
        made = quick(scale=scale).fit(table)
        expected = r2_score(table, made.reconstruct(table), multioutput="variance_weighted")
        assert made.score(table) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_weighted_scores_are_scikit_learns(fitted, table, rng):
    weight = rng.random(len(table))

    expected = r2_score(table, fitted.reconstruct(table), sample_weight=weight, multioutput="variance_weighted")
    assert fitted.score(table, sample_weight=weight) == pytest.approx(expected, rel=1e-5)


def test_a_pipeline_of_everything(digits):
    labels = np.arange(len(digits)) % 2
    pipeline = make_pipeline(StandardScaler(), quick(n_components=4), LogisticRegression())

    scores = cross_val_score(pipeline, digits, labels, cv=2)

    assert scores.shape == (2,)
    assert pipeline.fit(digits, labels)[:-1].inverse_transform(pipeline[:-1].transform(digits)).shape == digits.shape


def test_sample_weight_is_routed_through_a_pipeline(table):
    weight = np.r_[np.ones(30), np.zeros(20)]
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False), quick(scale=None).set_fit_request(sample_weight=True)
        )
        routed = pipeline.fit(table, sample_weight=weight)[-1]

    scaled = StandardScaler().fit_transform(table)
    np.testing.assert_array_equal(routed.transform(scaled), quick(scale=None).fit(scaled, sample_weight=weight).transform(scaled))
    assert not np.array_equal(routed.transform(scaled), quick(scale=None).fit(scaled).transform(scaled))


FRAMES = {
    "pandas": lambda table: pd.DataFrame(table, columns=list("abcde")),
    "pandas, Arrow types": lambda table: pd.DataFrame(table, columns=list("abcde")).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda table: pl.DataFrame(table, schema=list("abcde")),
    "Arrow": lambda table: pa.table(dict(zip("abcde", table.T, strict=True))),
}


@pytest.mark.parametrize("made", FRAMES.values(), ids=FRAMES)
def test_frames_are_rows_with_names(made, fitted, table):
    frame = made(table)

    from_frame = quick().fit(frame)

    assert list(from_frame.feature_names_in_) == list("abcde")
    np.testing.assert_array_equal(from_frame.transform(frame), fitted.transform(table))


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_other_names_are_refused(name, table):
    made = quick().fit(FRAMES[name](table))
    renamed = FRAMES[name](table).rename({"a": "z"} if name == "polars" else None, **({} if name == "polars" else {"columns": {"a": "z"}}))

    with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
        made.transform(renamed)


@pytest.mark.parametrize("form", [scipy.sparse.csr_matrix, scipy.sparse.csc_array, scipy.sparse.coo_array])
def test_sparse_rows_are_rows(form, fitted, table):
    made = quick().fit(form(table))

    np.testing.assert_array_equal(made.transform(form(table)), fitted.transform(table))
    np.testing.assert_array_equal(made.reconstruction_error(form(table)), fitted.reconstruction_error(table))
    np.testing.assert_array_equal(made.scale_rows(form(table)), fitted.scale_rows(table))
    assert made.score(form(table)) == fitted.score(table)


def test_sparse_validation_rows_are_rows(table):
    sparse, plain = (quick().fit(table, validation_data=form(table[:9])) for form in (scipy.sparse.csr_array, np.asarray))

    assert sparse.history_ == plain.history_


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64, np.int8, bool])
def test_any_number_will_do(dtype, rng):
    rows = rng.integers(0, 2, (30, 5)).astype(dtype)

    np.testing.assert_array_equal(quick().fit_transform(rows), quick().fit_transform(rows.astype(np.float64)))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(library, fitted, table):
    codes = fitted.set_output(transform=library).transform(table)

    assert list(codes.columns) == ["autoencoder0", "autoencoder1"] == list(fitted.get_feature_names_out())
    np.testing.assert_array_equal(codes.to_numpy(), fitted.set_output(transform="default").transform(table))


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


def through_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


CHOICES = {
    "dense": {},
    "all choices": {"layers": Dense(6, tied=True, batch_normalization=True, dropout=0.2)},
    "own models": {"layers": Pair()},
    "bytes": {"scale": "auto"},
}


@pytest.mark.parametrize("through", [through_pickle, through_joblib])
@pytest.mark.parametrize("choices", CHOICES)
def test_fitted_estimators_survive_pickling(through, choices, table, rng):
    rows = rng.integers(0, 256, (40, 5), dtype=np.uint8) if choices == "bytes" else table
    made = quick(**CHOICES[choices]).fit(rows)

    again = through(made)

    np.testing.assert_array_equal(again.transform(rows), made.transform(rows))
    np.testing.assert_array_equal(again.reconstruct(rows), made.reconstruct(rows))
    assert again.history_ == made.history_
    assert again.summary() == made.summary()


def test_a_pickle_of_own_models_opens_in_a_fresh_process(python, tmp_path, table):
    """Keras is imported by the pickle itself there, and must find JAX."""
    made = quick(optimizer=keras.optimizers.Adam(), layers=Pair()).fit(table)
    made.set_params(layers=(6,))  # whose class that process could not import
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(made))
    np.save(tmp_path / "rows.npy", table)

    printed = python(
        "import pickle, numpy as np\n"
        "made = pickle.load(open('model.pickle', 'rb'))\n"
        "print(made.transform(np.load('rows.npy')).tobytes().hex())"
    )

    assert printed.strip() == made.transform(table).tobytes().hex()


def test_own_models_can_be_searched_in_two_processes(table):
    scores = cross_val_score(quick(layers=Pair(4)), table, cv=2, n_jobs=2, error_score="raise")

    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "method", ["transform", "inverse_transform", "reconstruct", "scale_rows", "reconstruction_error", "score_samples", "score"]
)
def test_nothing_works_before_fit(method, table):
    with pytest.raises(NotFittedError, match="This Autoencoder instance is not fitted yet"):
        getattr(quick(), method)(table)


@pytest.mark.parametrize("name", ["encoder_", "decoder_", "autoencoder_", "summary"])
def test_nothing_is_shown_before_fit(name):
    made = quick()

    with pytest.raises(NotFittedError):
        made.summary() if name == "summary" else getattr(made, name)


callback_protocol = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")


class Recorder:
    """A callback of scikit-learn's protocol."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.tasks: list[str] = []
        self.scores: list[float] = []
        self.stop_at = stop_at

    def setup(self, estimator, context):
        self.tasks.append("setup")

    def teardown(self, estimator, context):
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.tasks.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.tasks.append(f"end {context.task_name}")
        if context.task_name == "epoch":
            self.scores.append(fitted_estimator.score(X))
            return len(self.scores) == self.stop_at
        return False


def test_scikit_learns_callbacks_see_each_epoch(table):
    recorder = Recorder()

    made = quick(epochs=2).set_callbacks(recorder).fit(table)

    assert recorder.tasks == ["setup", "begin fit", "begin epoch", "end epoch", "begin epoch", "end epoch", "end fit", "teardown"]
    assert len(recorder.scores) == 2
    assert recorder.scores[-1] == pytest.approx(made.score(table), rel=1e-6)


def test_scikit_learns_callbacks_may_stop_a_fit(table):
    assert quick(epochs=50).set_callbacks(Recorder(stop_at=2)).fit(table).n_epochs_ == 2


def test_scikit_learns_progress_bar_runs(table, capsys):
    pytest.importorskip("rich")

    quick(epochs=2).set_callbacks(callback_protocol.ProgressBar()).fit(table)

    assert "Autoencoder" in capsys.readouterr().out
