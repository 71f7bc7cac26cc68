"""The Autoencoder itself: laws of what it learns, gives back, goes on with, and refuses."""

from __future__ import annotations

import pickle
import random

import keras
import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from tests.estimators.conftest import quick
from tests.estimators.test_contract import Pair

from narrows import Autoencoder, Dense
from narrows.errors import TrainingDiverged


def weights(estimator) -> list[np.ndarray]:
    return estimator.autoencoder_.get_weights()


def assert_same_weights(one, other) -> None:
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)


# What it learns


def test_a_linear_autoencoder_finds_the_pca_subspace(rng):
    """The oracle: with squared error and no hidden layers, codes span what the first principal components span."""
    rows = 4 + 3 * rng.normal(size=(200, 2)) @ rng.normal(size=(2, 8)) + 0.3 * rng.normal(size=(200, 8))
    made = quick(layers=(), learning_rate=0.1, epochs=1000, batch_size=64).fit(rows)

    scaler = StandardScaler().fit(rows)
    pca = PCA(2).fit(scaler.transform(rows))
    decoder, _ = np.linalg.qr(np.asarray(made.decoder_.get_layer("output").kernel).T)
    cosines = np.linalg.svd(pca.components_ @ decoder, compute_uv=False)
    np.testing.assert_allclose(cosines, 1, atol=1e-4)
    rebuilt = scaler.inverse_transform(pca.inverse_transform(pca.transform(scaler.transform(rows))))
    np.testing.assert_allclose(made.reconstruct(rows), rebuilt, atol=0.1 * rows.std())
    assert made.score(rows) == pytest.approx(r2_score(rows, rebuilt, multioutput="variance_weighted"), abs=1e-3)


def test_the_default_learns_digits_better_than_pca(digits):
    made = Autoencoder(2, epochs=60, batch_size=32, random_state=0).fit(digits)

    assert made.score(digits) > PCA(2).fit(digits).explained_variance_ratio_.sum() + 0.1
    assert made.history_["loss"][-1] < made.history_["loss"][0]


@pytest.mark.parametrize(
    ("rows", "loss", "output", "scale"),
    [
        (lambda rng: rng.random((20, 4)), "bce", "sigmoid", "none"),
        (lambda rng: rng.integers(0, 256, (20, 4), dtype=np.uint8), "bce", "sigmoid", "bytes"),
        (lambda rng: rng.normal(size=(20, 4)), "mse", "linear", "standard"),
    ],
    ids=["unit interval", "bytes", "table"],
)
def test_loss_output_and_scale_follow_the_rows(rows, loss, output, scale, rng):
    made = quick(epochs=1).fit(rows(rng))

    assert (made.loss_, made.output_activation_, made.scale_) == (loss, output, scale)


def test_without_a_sigmoid_the_loss_is_squared_error(rng):
    assert quick(epochs=1, output_activation="linear").fit(rng.random((20, 4))).loss_ == "mse"
    assert quick(epochs=1, scale="minmax").fit(rng.normal(size=(20, 4))).loss_ == "bce"


def test_own_models_without_a_sigmoid_learn_by_squared_error(rng):
    """Their last layer is theirs: cross-entropy of what need not be a probability would be wrong."""
    assert quick(epochs=1, layers=Pair()).fit(rng.random((20, 4))).loss_ == "mse"


def test_bytes_are_understood_as_255ths(rng):
    rows = rng.integers(0, 256, (40, 6), dtype=np.uint8)

    as_bytes, as_shares = quick().fit(rows), quick().fit(rows / 255)

    np.testing.assert_allclose(as_bytes.transform(rows), as_shares.transform(rows / 255), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(as_bytes.reconstruct(rows), 255 * as_shares.reconstruct(rows / 255), rtol=1e-3, atol=0.1)


def test_a_code_may_be_longer_than_a_row(table):
    assert quick(n_components=9, code_l1=1e-3).fit_transform(table).shape == (50, 9)


def test_code_penalties_make_codes_small_and_sparse(table):
    choices = {"n_components": 4, "epochs": 60, "learning_rate": 0.02}
    plain, sparse = (quick(code_l1=strength, **choices).fit_transform(table) for strength in (0.0, 1.0))

    assert abs(sparse).mean() < 0.2 * abs(plain).mean()


@pytest.mark.parametrize(
    "choices",
    [
        {"code_activation": "tanh"},
        {"code_activation": "sigmoid"},
        {"layers": ()},
        {"layers": [5, 4]},
        {"layers": Dense(5, activation="selu", kernel_initializer="lecun_normal")},
        {"optimizer": "rmsprop", "learning_rate": None},
        {"loss": "mean_absolute_error"},
        {"loss": "mean_squared_error", "scale": "minmax"},
        {"batch_size": 1000},
    ],
    ids=str,
)
def test_every_choice_fits(choices, table):
    made = quick(**choices).fit(table)

    assert np.isfinite(made.reconstruct(table)).all()


# What it gives back


def test_rows_and_codes_have_their_shapes_and_types(fitted, table):
    codes = fitted.transform(table)

    assert codes.shape == (50, 2)
    assert codes.dtype == fitted.inverse_transform(codes).dtype == np.float32
    np.testing.assert_allclose(fitted.inverse_transform(codes), fitted.reconstruct(table), rtol=1e-5, atol=1e-4)


def test_fit_transform_is_fit_then_transform(fitted, table):
    np.testing.assert_array_equal(quick().fit_transform(table), fitted.transform(table))


def test_transform_is_row_by_row_bit_for_bit(fitted, table):
    together = fitted.transform(np.tile(table, (30, 1)))

    np.testing.assert_array_equal(together, np.tile(fitted.transform(table), (30, 1)))
    np.testing.assert_array_equal(np.vstack([fitted.transform(row[None]) for row in table[:5]]), together[:5])


def test_errors_are_squares_in_scaled_units(table):
    made = quick().fit(table)
    scaled = (table - table.mean(0)) / table.std(0)
    rebuilt = (made.reconstruct(table) - table.mean(0)) / table.std(0)

    cells = made.reconstruction_error(table, per_feature=True)

    np.testing.assert_allclose(cells, (rebuilt - scaled) ** 2, rtol=1e-2, atol=1e-4)
    np.testing.assert_allclose(made.reconstruction_error(table), cells.mean(1), rtol=1e-6)
    np.testing.assert_array_equal(made.score_samples(table), -made.reconstruction_error(table))


def test_scaled_rows_and_reconstructions_are_what_errors_are_between(table):
    made = quick().fit(table)
    scaled = made.scale_rows(table)

    np.testing.assert_allclose(scaled, (table - table.mean(0)) / table.std(0), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal((made.reconstruct(table, scaled=True) - scaled) ** 2, made.reconstruction_error(table, per_feature=True))


def test_odd_rows_score_low(digits):
    made = quick(layers=(32,), n_components=8, epochs=60).fit(digits)
    noise = np.random.default_rng(0).uniform(0, 16, (20, 64))

    assert np.median(made.score_samples(noise)) < made.score_samples(digits).min()


@pytest.mark.parametrize("choices", [{}, {"layers": Pair()}, {"layers": Dense(6, tied=True)}], ids=["dense", "own", "tied"])
def test_the_keras_models_are_the_estimator(choices, table):
    made = quick(**choices).fit(table)
    rows = table.astype(np.float32)

    np.testing.assert_allclose(made.encoder_(rows), made.transform(table), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(made.decoder_(made.transform(table)), made.inverse_transform(made.transform(table)), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(made.autoencoder_(rows), made.reconstruct(table), rtol=1e-3, atol=1e-2)


def test_weights_set_through_the_keras_models_are_the_estimators(fitted, table):
    before = fitted.transform(table)

    fitted.encoder_.set_weights(
        [0.5 * value if value.ndim == 2 and value.shape[1] == 2 else value for value in fitted.encoder_.get_weights()]
    )

    after = fitted.transform(table)
    assert not np.array_equal(after, before)
    np.testing.assert_allclose(fitted.encoder_(table.astype(np.float32)), after, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(table), after)


def test_the_summary_counts(fitted):
    text = fitted.summary()

    assert fitted.n_parameters_ == (5 * 6 + 6) + (6 * 2 + 2) + (2 * 6 + 6) + (6 * 5 + 5) + 2 * (5 * 2)
    for landmark in ("encoder_1", "code", "code_path", "decoder_1", "output", "total", str(fitted.n_parameters_), "5 → 2: 2.5 times"):
        assert landmark in text


def test_the_summary_of_own_models_counts_too(table):
    made = quick(layers=Pair(6)).fit(table)

    assert made.n_parameters_ == (5 * 6 + 6) + (6 * 2 + 2) + (2 * 6 + 6) + (6 * 5 + 5)
    assert "Dense" in made.summary()


def test_it_is_silent_unless_asked(table, capfd):
    quick().fit(table)
    assert capfd.readouterr() == ("", "")

    quick(verbose=1).fit(table)
    out, err = capfd.readouterr()
    assert out == ""
    assert "training" in err


# How long it trains


def test_equal_seeds_give_equal_bits(table):
    assert_same_weights(quick().fit(table), quick().fit(table))
    assert_same_weights(quick(layers=Pair()).fit(table), quick(layers=Pair()).fit(table))
    assert not np.array_equal(quick().fit_transform(table), quick(random_state=1).fit_transform(table))


def test_random_states_of_numpy_move_on(table):
    state = np.random.RandomState(0)
    first, second = (quick(random_state=state).fit_transform(table) for _ in range(2))

    assert not np.array_equal(first, second)


@pytest.mark.parametrize("layers", [Dense(6, dropout=0.2), Pair()], ids=["dense", "own"])
def test_no_global_random_state_is_touched(layers, table):
    def states():
        return random.getstate(), repr(np.random.get_state())  # noqa: NPY002

    before = states()

    made = quick(layers=layers, callbacks=[keras.callbacks.LambdaCallback()]).fit(table)
    made.autoencoder_  # noqa: B018

    assert states() == before


@pytest.mark.parametrize(("n", "batch_size", "epochs"), [(50, 128, 500), (1000, 128, 375), (60_000, 128, 20), (1000, 16, 48)])
def test_auto_gives_few_rows_enough_steps(n, batch_size, epochs):
    """At least 20 epochs and 3,000 steps, at most 500 epochs."""
    from narrows.estimators import _fitting

    assert _fitting.n_epochs(Autoencoder(batch_size=batch_size), n) == epochs


@pytest.mark.parametrize(("n", "held"), [(7, None), (8, 2), (20, 5), (40, 10), (99, 10), (1000, 100)])
def test_auto_holds_out_ten_rows_or_a_quarter_of_very_few(n, held):
    from narrows.estimators import _fitting

    auto, asked = Autoencoder(), Autoencoder(early_stopping=True)

    assert (_fitting._n_held_out(auto, n) if _fitting.stops_early(auto, n) else None) == held
    assert _fitting.stops_early(asked, n)
    assert _fitting._n_held_out(asked, n) == max(1, round(n / 10))


def test_few_rows_are_not_learned_by_heart():
    """On rows that were not trained on, the default is hardly worse than PCA of all training rows; without validation it would be."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 12)) + 0.5 * rng.normal(size=(300, 12))
    scaler = StandardScaler().fit(rows[:30])
    train, test = scaler.transform(rows[:30]), scaler.transform(rows[30:])
    pca = PCA(2).fit(train)

    error = np.square(Autoencoder(scale=None, random_state=0).fit(train).reconstruct(test) - test).mean()

    assert error < 1.1 * np.square(pca.inverse_transform(pca.transform(test)) - test).mean()


def test_validation_rows_of_the_users_stop_also_few_rows(table):
    made = Autoencoder(layers=(8,), learning_rate=0.05, patience=2, random_state=0).fit(table[:20], validation_data=table[20:])

    assert made.n_epochs_ == made.best_epoch_ + 2


def test_auto_epochs_stop_by_validation(table):
    made = quick(epochs="auto", patience=1, learning_rate=0.05, batch_size=1).fit(np.tile(table, (3, 1)))

    assert made.n_epochs_ < 500
    assert made.n_epochs_ == made.best_epoch_ + 1
    assert len(made.history_["val_loss"]) == made.n_epochs_


def test_early_stopping_goes_back_to_the_best_epoch(table):
    choices = {"linear_path": False, "learning_rate": 0.3, "schedule": "constant", "early_stopping": True, "validation_fraction": 0.3}
    made = quick(epochs=60, patience=2, **choices).fit(table)

    losses = made.history_["val_loss"]
    assert made.best_epoch_ == int(np.argmin(losses)) + 1
    assert made.n_epochs_ == len(losses) <= made.best_epoch_ + 2
    assert_same_weights(made, quick(epochs=made.best_epoch_, patience=100, **choices).fit(table))


def test_early_stopping_keeps_the_start_where_no_epoch_is_better(table):
    rows, held = table[:40], table[40:]
    made = quick(epochs=8, early_stopping=True, patience=3, learning_rate=0.5, schedule="constant").fit(rows, validation_data=held)
    scaler = StandardScaler().fit(rows)
    pca = PCA(2).fit(scaler.transform(rows))
    rebuilt = scaler.inverse_transform(pca.inverse_transform(pca.transform(scaler.transform(table))))

    assert (made.best_epoch_, made.n_epochs_) == (0, 3)
    np.testing.assert_allclose(made.reconstruct(table), rebuilt, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("output", "n_components", "has_path"), [("linear", 1, True), ("sigmoid", 2, False), ("sigmoid", 6, True), ("tanh", 6, False)]
)
def test_by_default_the_linear_path_is_where_it_helps(output, n_components, has_path):
    rows = np.random.default_rng(0).random((30, 8))
    made = quick(n_components=n_components, epochs=1, output_activation=output)

    assert ("code_path" in made.fit(rows).summary()) == has_path
    for asked in (True, False):
        assert ("code_path" in made.set_params(linear_path=asked).fit(rows).summary()) == asked


def test_layers_follow_the_number_of_rows(rng):
    def widths(made):
        return [row.units for row in made.layer_table().layers if row.name.startswith("encoder")]

    made = quick(layers="auto", epochs=1)

    assert widths(made.fit(rng.random((30, 4)))) == [100]
    assert widths(made.fit(rng.random((1000, 4)))) == [500, 300, 100]
    assert widths(quick(layers="auto").partial_fit(rng.random((30, 4)))) == [500, 300, 100]


def test_validation_data_are_measured_and_not_learned(table, rng):
    other = rng.normal(size=(9, 5)) * 100
    made = quick().fit(table, validation_data=other)

    assert len(made.history_["val_loss"]) == 3
    assert_same_weights(made, quick().fit(table))
    assert made.reconstruction_error(other).mean() == pytest.approx(made.history_["val_loss"][-1], rel=1e-4)


def test_the_history_has_one_entry_an_epoch(fitted):
    assert fitted.history_.keys() == {"loss", "reconstruction_loss", "learning_rate"}
    assert {len(values) for values in fitted.history_.values()} == {fitted.n_epochs_} == {3}
    assert fitted.history_["learning_rate"][-1] < fitted.history_["learning_rate"][0]


def test_a_verbose_object_receives_the_progress(table):
    class Lines:
        lines: list[str] = []  # noqa: RUF012

        def begin(self, name, total, unit=""):
            self.lines.append(f"begin {name} {total} {unit}")

        def advance(self, done, text=""):
            self.lines.append(text)

        def end(self, text=""):
            self.lines.append(f"end {text}")

    quick(verbose=Lines()).fit(table)

    assert Lines.lines[0] == "begin training 150 rows"
    assert Lines.lines[-1].startswith("end loss")


# How it goes on


def test_partial_fit_goes_on_through_pickling_bit_for_bit(table):
    parts = np.array_split(table, 5)
    straight, stored = quick(), quick()

    for part in parts:
        straight.partial_fit(part)
        stored = pickle.loads(pickle.dumps(stored.partial_fit(part)))

    assert_same_weights(straight, stored)
    assert straight.n_epochs_ == len(straight.history_["loss"]) == 5


def test_partial_fit_keeps_the_optimizers_state(table):
    """Two calls are two epochs of one fit: momentum goes on. The orders of rows differ, so a single batch is compared."""
    choices = {"batch_size": 64, "schedule": "constant", "scale": "standard"}
    pieces = quick(**choices).partial_fit(table).partial_fit(table).partial_fit(table)

    whole = quick(epochs=3, **choices).fit(table)

    for one, other in zip(weights(pieces), weights(whole), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_the_first_call_fixes_scale_and_loss(table):
    made = quick().partial_fit(table)
    scale, loss = made.scale_, made.loss_

    made.partial_fit(np.clip(table, 0, 1)).partial_fit(table * 1000)

    assert (made.scale_, made.loss_) == (scale, loss) == ("standard", "mse")
    np.testing.assert_array_equal(made.encoder_.get_layer("scale").mean[0], quick().fit(table).encoder_.get_layer("scale").mean[0])


def test_partial_fit_takes_one_row_after_the_first_call(fitted, table):
    before = fitted.transform(table)

    fitted.partial_fit(table[:1])

    assert not np.array_equal(fitted.transform(table), before)


def test_partial_fit_learns(table):
    made = quick(learning_rate=0.02, linear_path=False)
    for _ in range(30):
        made.partial_fit(table)

    assert made.history_["loss"][-1] < 0.5 * made.history_["loss"][0]


def test_fit_starts_anew(fitted, table):
    fitted.partial_fit(table)

    assert_same_weights(fitted.fit(table), quick().fit(table))


def test_warm_start_goes_on(table):
    made = quick(warm_start=True).fit(table)
    first = made.history_["loss"]

    made.fit(table)

    assert made.history_["loss"][0] < first[0]
    assert made.n_epochs_ == 3


def test_warm_start_refuses_another_width(table):
    made = quick(warm_start=True).fit(table)

    with pytest.raises(ValueError, match="warm_start goes on with 5 features, but X has 4; set warm_start=False"):
        made.fit(table[:, :4])


def test_one_optimizer_instance_serves_two_fits(table):
    optimizer = keras.optimizers.Adam()

    assert_same_weights(quick(optimizer=optimizer).fit(table), quick(optimizer=optimizer).fit(table))


# What goes wrong


def test_divergence_leaves_an_estimator_that_works(table):
    made = quick(optimizer="sgd", learning_rate=1e30, schedule="constant")

    with pytest.raises(TrainingDiverged, match=r"no longer finite in epoch 1, step \d; the weights are back at their start. Use a smaller"):
        made.fit(table)

    assert np.isfinite(made.transform(table)).all()
    assert made.best_epoch_ == 0


def test_divergence_by_large_rows(rng):
    with pytest.raises(TrainingDiverged) as caught:
        quick(scale=None, optimizer="sgd", learning_rate=0.5, epochs=50).fit(rng.normal(size=(50, 5)) * 1e6)

    assert caught.value.epoch >= 1
    assert caught.value.step >= 1
    assert pickle.loads(pickle.dumps(caught.value)).step == caught.value.step


def test_an_interrupt_leaves_the_best_weights(table):
    def interrupt(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    made = quick(epochs=9, schedule="constant", callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=interrupt)])

    with pytest.raises(KeyboardInterrupt, match="training was interrupted; the estimator holds the weights of epoch 2"):
        made.fit(table)

    assert_same_weights(made, quick(epochs=2, schedule="constant").fit(table))


CTRL_C = """
import os, signal, sys, threading, time
import numpy as np
from narrows import Autoencoder
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
made = Autoencoder(epochs=100_000, early_stopping=False, random_state=0)
rows = np.random.default_rng(0).random((4096, 64), dtype=np.float32)
class Late:
    def begin(self, name, total, unit=""): self.sent = None
    def advance(self, done, text=""):
        if done > 2 * 4096 and self.sent is None:
            self.sent = time.monotonic() + 0.05
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    def end(self, text=""): pass
made.verbose = late = Late()
try:
    made.fit(rows)
except KeyboardInterrupt as error:
    print(time.monotonic() - late.sent, "|", error, "|", np.isfinite(made.transform(rows)).all())
"""


def test_ctrl_c_ends_training_at_once(python):
    """A real signal, in the middle of compiled steps, with the default network; 100,000 epochs would take an hour."""
    seconds, sentence, sound = python(CTRL_C).split(" | ")

    assert float(seconds) < 60
    assert sentence.startswith("training was interrupted; the estimator holds the weights of epoch ")
    assert sound == "True\n"


BAD_ROWS = {
    "NaN": (lambda t: np.where(t == t[0, 0], np.nan, t), ValueError, "Input X contains NaN"),
    "infinity": (lambda t: np.where(t == t[0, 0], np.inf, t), ValueError, "Input X contains infinity"),
    "strings": (lambda t: np.full(t.shape, "five"), ValueError, "could not convert string to float|dtype='numeric' is not compatible"),
    "no row": (lambda t: t[:0], ValueError, r"Found array with 0 sample\(s\) .* while a minimum of 2 is required"),
    "one row": (lambda t: t[:1], ValueError, r"Found array with 1 sample\(s\) .* while a minimum of 2 is required"),
    "no feature": (lambda t: t[:, :0], ValueError, r"Found array with 0 feature\(s\)"),
    "one dimension": (lambda t: t[0], ValueError, "Expected 2D array, got 1D array instead"),
    "five dimensions": (lambda t: t.reshape(5, 5, 2, 5, 1), ValueError, "Found array with dim 5"),
    "complex numbers": (lambda t: t * 1j, ValueError, "Complex data not supported"),
    "too large for float32": (
        lambda t: t * 1e300,
        ValueError,
        "X holds values beyond the range of float32 \\(3.4e38\\): divide them by a large number first",
    ),
    "nothing at all": (lambda t: None, ValueError, "Expected 2D array, got scalar array instead"),
}


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_bad_rows_are_one_clear_error(bad, table):
    spoil, error, words = BAD_ROWS[bad]

    with pytest.raises(error, match=words):
        quick().fit(spoil(table))


def test_a_bad_fit_leaves_the_earlier_one_untouched(fitted, table):
    before = fitted.transform(table)

    for spoil in (lambda t: np.where(t == t[0, 0], np.nan, t), lambda t: t[:1]):
        with pytest.raises(ValueError, match=r"NaN|minimum of 2"):
            fitted.fit(spoil(table))

    np.testing.assert_array_equal(fitted.transform(table), before)


@pytest.mark.parametrize("method", ["transform", "reconstruct", "scale_rows", "reconstruction_error", "score_samples", "score"])
def test_another_width_is_refused(method, fitted, table):
    with pytest.raises(ValueError, match="X has 4 features, but Autoencoder is expecting 5 features as input"):
        getattr(fitted, method)(table[:, :4])


def test_codes_of_another_width_are_refused(fitted):
    with pytest.raises(ValueError, match="codes have 3 columns, but Autoencoder gives codes of 2 components"):
        fitted.inverse_transform(np.zeros((4, 3)))


def test_constant_columns_are_rebuilt(table):
    table[:, 2] = 7.25
    made = quick(epochs=100, learning_rate=0.02).fit(table)

    assert np.isfinite(made.transform(table)).all()
    assert abs(made.reconstruct(table)[:, 2] - 7.25).mean() < 0.2


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_rows_that_are_all_equal_are_noted():
    made = quick().fit(np.full((20, 5), 3.5))

    assert "All rows are equal" in str(made.diagnostics_[0])
    np.testing.assert_allclose(made.reconstruct(np.full((20, 5), 3.5)), 3.5, atol=0.2)


def test_later_rows_beyond_float32_are_refused_too(fitted, table):
    for rows in (table * 1e300, scipy.sparse.csr_array(table * 1e300)):
        with pytest.raises(ValueError, match="X holds values beyond the range of float32"):
            fitted.transform(rows)


def test_large_offsets_cost_no_digits(rng):
    """Seconds since 1970, learned and scored beside small numbers."""
    hour = rng.uniform(0, 3600, 60)
    rows = np.column_stack([1.7e9 + hour, hour / 3600 + 0.01 * rng.normal(size=60)])

    made = quick(n_components=1, layers=(), epochs=300, learning_rate=0.05).fit(rows)

    codes = made.transform(rows)
    assert len(np.unique(codes)) == 60
    assert abs(np.corrcoef(codes[:, 0], hour)[0, 1]) > 0.99


@pytest.mark.parametrize(
    ("choices", "error", "words"),
    [
        ({"n_components": 0}, ValueError, "n_components must be a whole number of at least 1 or None, got 0"),
        ({"n_components": 2.5}, ValueError, "n_components must be a whole number of at least 1 or None, got 2.5"),
        (
            {"n_components": None},
            ValueError,
            "n_components=None makes the feature map of convolutional layers the code, and these layers have none",
        ),
        ({"batch_size": -1}, ValueError, "batch_size must be a whole number of at least 1, got -1"),
        ({"epochs": "many"}, ValueError, "epochs must be a whole number of at least 1 or 'auto', got 'many'"),
        ({"epochs": 0}, ValueError, "epochs must be a whole number of at least 1 or 'auto', got 0"),
        ({"patience": 0}, ValueError, "patience must be a whole number of at least 1 or 'auto', got 0"),
        ({"early_stopping": "yes"}, ValueError, "early_stopping must be one of 'auto', True, False, got 'yes'"),
        ({"warm_start": "no"}, ValueError, "warm_start must be one of True, False, got 'no'"),
        ({"validation_fraction": 1.0}, ValueError, r"validation_fraction must be a number in \(0, 1\), got 1.0"),
        ({"code_l1": -0.1}, ValueError, r"code_l1 must be a number in \[0, 1e\+30\], got -0.1"),
        ({"code_l2": "much"}, ValueError, r"code_l2 must be a number in \[0, 1e\+30\], got 'much'"),
        ({"learning_rate": 0}, ValueError, "learning_rate must be a number above 0"),
        ({"schedule": "linear"}, ValueError, "schedule must be 'cosine', 'constant' or a Keras LearningRateSchedule, got 'linear'"),
        ({"optimizer": "adamm"}, ValueError, "unknown optimizer 'adamm'"),
        ({"loss": "mmse"}, ValueError, "unknown loss 'mmse'"),
        ({"loss": "bce"}, ValueError, r"loss='bce' needs rows in \[0, 1\] after scaling, and these are not: use scale='minmax'"),
        ({"scale": "robust"}, ValueError, "scale must be 'auto', 'minmax', 'standard' or None, got 'robust'"),
        ({"precision": "float16"}, ValueError, "precision must be 'auto', 'float32' or 'bfloat16', got 'float16'"),
        ({"code_activation": "gellu"}, ValueError, "unknown activation 'gellu': it must be one of"),
        ({"output_activation": "softmaxx"}, ValueError, "unknown activation 'softmaxx': it must be one of"),
        ({"layers": (6, 0)}, ValueError, r"widths of Dense must be whole numbers of at least 1, got 0 in \(6, 0\)"),
        (
            {"layers": 6},
            TypeError,
            r"must be 'auto', a tuple of widths, a Dense\(...\), a Conv\(...\), or an object with build.* got 6",
        ),
        ({"layers": Dense(6, activation="gellu")}, ValueError, "unknown activation 'gellu'"),
        ({"layers": Dense(6, kernel_initializer="he")}, ValueError, "unknown kernel_initializer 'he'"),
        ({"callbacks": [print]}, TypeError, "callbacks must be Keras callbacks, got <built-in function print>"),
        ({"verbose": "loud"}, TypeError, "verbose must be a number, or a Progress with begin, advance and end, got 'loud'"),
        ({"random_state": "seed"}, ValueError, "'seed' cannot be used to seed"),
    ],
    ids=str,
)
def test_bad_parameters_are_named_with_what_is_allowed(choices, error, words, table):
    with pytest.raises(error, match=words):
        quick(**choices).fit(table)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (np.ones(49), r"sample_weight must have shape \(50,\), one weight for each row, got \(49,\)"),
        (np.ones((50, 1)), r"sample_weight must have shape \(50,\)"),
        (np.zeros(50), "sample_weight must be finite and not negative, with at least one weight above zero"),
        (-np.ones(50), "sample_weight must be finite and not negative"),
        (np.full(50, np.nan), "sample_weight must be finite"),
    ],
    ids=["short", "two dimensions", "zeros", "negative", "NaN"],
)
def test_bad_weights_are_refused(weight, words, table):
    with pytest.raises(ValueError, match=words):
        quick().fit(table, sample_weight=weight)


@pytest.mark.parametrize("factor", [1e300, 1e-300, 8])
def test_only_ratios_of_weights_count(factor, table, rng):
    weight = rng.random(50) + 0.5

    one, other = (quick().fit(table, sample_weight=weight * times) for times in (1.0, factor))

    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_pca_too_starts_by_the_weights_of_rows(table, rng):
    wild = np.vstack([table, rng.normal(size=(14, 5)) * 1e5])
    weight = np.r_[np.ones(50), np.zeros(14)]
    still = {"learning_rate": 1e-30, "epochs": 1}

    made, alone = quick(**still).fit(wild, sample_weight=weight), quick(**still).fit(table)

    np.testing.assert_allclose(made.reconstruct(table), alone.reconstruct(table), rtol=1e-4, atol=1e-4)


def test_weights_of_rows_count(table, rng):
    """Rows of weight zero, however wild, leave no trace in what is learned."""
    wild = np.vstack([table, rng.normal(size=(14, 5)) * 1e5])
    weight = np.r_[np.ones(50), np.zeros(14)]

    # Where it begins as PCA, some gradients are nothing but rounding, and Adam makes steps of them all the same.
    settings = {"linear_path": False, "batch_size": 64, "schedule": "constant", "epochs": 5}
    made = quick(**settings).fit(wild, sample_weight=weight)
    alone = quick(**settings).fit(table)

    for one, other in zip(weights(made), weights(alone), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
