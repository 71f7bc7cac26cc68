"""Fits side by side are the fits one by one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from narrows import Autoencoder, Dense, Gaussian, SupervisedAutoencoder, fit_together
from narrows.errors import TrainingDiverged
from narrows.training import program

FEW = {"layers": (8,), "epochs": 4, "batch_size": 32, "random_state": 0}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(205, 2))
    return (np.tanh(hidden @ rng.normal(size=(2, 6))) / 2 + 0.5).astype(np.float32), (hidden[:, 0] > 0).astype(int)


def alike(together, alone):
    for name, weight in alone._network.weights.items():
        np.testing.assert_allclose(together._network.weights[name], weight, rtol=0, atol=2e-5, err_msg=name)
    assert together.history_.keys() == alone.history_.keys()
    for name, course in alone.history_.items():
        np.testing.assert_allclose(together.history_[name], course, rtol=1e-4, err_msg=name)
    assert (together.best_epoch_, together.n_epochs_) == (alone.best_epoch_, alone.n_epochs_)
    assert [verdict.level for verdict in together.diagnostics_] == [verdict.level for verdict in alone.diagnostics_]


def test_seeds_rates_and_strengths(rows):
    X, y = rows
    choices = [
        {"random_state": 0},
        {"random_state": 1},
        {"learning_rate": 0.01},
        {"noise": Gaussian(0.5)},
        {"label_weight": 3.0},
        {"code_l2": 0.01},
    ]
    common = {**FEW, "noise": Gaussian(0.1), "head": Dense(4, dropout=0.2), "code_l2": 0.001}
    made = [SupervisedAutoencoder(2, **{**common, **choice}) for choice in choices]
    alone = [clone(one).fit(X, y) for one in made]
    before = program.compilations["train"]

    found = fit_together(made, X, y)

    assert program.compilations["train"] - before == 1
    assert all(one is other for one, other in zip(found, made, strict=True))
    for together, one in zip(found, alone, strict=True):
        alike(together, one)


def test_each_keeps_its_own_best_epoch(rows):
    X, _ = rows
    made = [Autoencoder(2, **{**FEW, "epochs": 30, "patience": patience, "learning_rate": rate}, early_stopping=True)
            for patience, rate in ((2, 0.3), (3, 0.02), (30, 0.002))]  # fmt: skip
    alone = [clone(one).fit(X[:150], validation_data=X[150:]) for one in made]

    found = fit_together(made, X[:150], validation_data=X[150:])

    assert len({one.n_epochs_ for one in found}) > 1
    for together, one in zip(found, alone, strict=True):
        assert (together.best_epoch_, together.n_epochs_) == (one.best_epoch_, one.n_epochs_)
        np.testing.assert_allclose(together.history_["val_loss"], one.history_["val_loss"], rtol=1e-3)


def test_one_that_diverges_harms_no_other(rows):
    X, _ = rows
    made = [Autoencoder(2, optimizer="sgd", learning_rate=rate, loss="mse", output_activation="linear", linear_path=False, **FEW)
            for rate in (1e25, 0.01)]  # fmt: skip
    alone = clone(made[1]).fit(X)

    with pytest.raises(TrainingDiverged, match="epoch 1"):
        fit_together(made, X)

    alike(made[1], alone)
    assert all(np.isfinite(weight).all() for weight in made[0]._network.weights.values())
    assert made[0].best_epoch_ == 0


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ([], "there is no estimator to fit"),
        ([Autoencoder(2, **FEW), SupervisedAutoencoder(2, **FEW)], "are of two classes, Autoencoder and SupervisedAutoencoder"),
        ([Autoencoder(2, **FEW), Autoencoder(3, **FEW)], "differ in n_components"),
        ([Autoencoder(2, **FEW), Autoencoder(2, **{**FEW, "layers": (9,)})], "differ in layers"),
        ([Autoencoder(2, **FEW, early_stopping=True)], "no rows are held out: give validation_data"),
        ([Autoencoder(2, **FEW, warm_start=True)], "warm_start, which goes one by one only"),
        ([Autoencoder(2, **FEW, noise=0.1), Autoencoder(2, **FEW)], "do not make one and the same network, noise and optimizer"),
        ([object()], "fits autoencoders"),
    ],
)
def test_what_does_not_go_side_by_side(made, sentence, rows):
    with pytest.raises((ValueError, TypeError), match=sentence):
        fit_together(made, rows[0])


def test_one_estimator_is_not_two(rows):
    made = Autoencoder(2, **FEW)
    with pytest.raises(ValueError, match="estimator 1 is there twice"):
        fit_together([made, made], rows[0])
