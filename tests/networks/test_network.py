"""A network with its weights, and the Keras models that show it: one truth, seen from two sides."""

from __future__ import annotations

import pickle
import random

import keras
import numpy as np
import pytest
import scipy.sparse

from narrows import Conv, Dense
from narrows.networks import computation as computations
from narrows.networks import scale as scales
from narrows.networks.computation import first_weights, of_models
from narrows.networks.network import Network

LAYERS = {
    "plain": Dense(6, 4),
    "dropout and normalization": Dense(6, 4, dropout=0.3, batch_normalization=True, activation="relu"),
    "tied": Dense(6, 4, tied=True, activation="tanh"),
    "no hidden layers": Dense(),
    "convolutions": Conv(3, kernel_size=2, image_shape=(4, 2)),
    "strided convolutions": Conv(3, strided=True, batch_normalization=True, dropout=0.3, image_shape=(2, 2, 2), kernel_size=1),
}
ROWS_OF = {
    "bytes": lambda rng: rng.integers(0, 256, (40, 8), dtype=np.uint8),
    "none": lambda rng: rng.random((40, 8), dtype=np.float32),
    "standard": lambda rng: rng.normal(50, 9, (40, 8)),
}


def network(layers: Dense | Conv, rows: np.ndarray, output_activation: str = "linear", seed: int = 0) -> Network:
    """A network as it might be after training: every weight moved by a little."""
    rng = np.random.default_rng(seed)
    scale = scales.learn("auto", rows)
    plan = layers.plan(8, 2, code_activation="linear", output_activation=output_activation)
    weights = first_weights(plan, rng, scale.mean)
    moved = {
        name: value if value.dtype != np.float32 else (value + rng.uniform(0.01, 0.2, value.shape)).astype(np.float32)
        for name, value in weights.items()
    }
    return Network(scale, moved, plan)


@pytest.fixture(params=LAYERS)
def layers(request) -> Dense | Conv:
    return LAYERS[request.param]


@pytest.mark.parametrize("kind", ROWS_OF)
def test_the_keras_models_agree(layers, kind, rng):
    """Rows in their own units go in, codes and rows in their own units come out."""
    rows = ROWS_OF[kind](rng)
    made = network(layers, rows, "linear" if kind == "standard" else "sigmoid")
    models, floats = made.models, rows.astype(np.float32)

    codes, rebuilt = made.encode(rows), made.reconstruct(rows)

    spread = rebuilt.std()
    np.testing.assert_allclose(models.encoder(floats), codes, atol=1e-5 * codes.std())
    np.testing.assert_allclose(models.decoder(codes), rebuilt, atol=1e-5 * spread)
    np.testing.assert_allclose(models.autoencoder(floats), rebuilt, atol=1e-5 * spread)
    np.testing.assert_allclose(made.decode(codes), rebuilt, atol=1e-5 * spread)


def test_the_models_are_named_and_plain(rng):
    models = network(LAYERS["plain"], ROWS_OF["bytes"](rng)).models

    assert all(isinstance(model, keras.Model) for model in (models.encoder, models.decoder, models.autoencoder))
    assert [layer.name for layer in models.encoder.layers] == ["rows", "scale", "encoder_1", "encoder_2", "code"]
    assert models.autoencoder.output_names == ["reconstruction"]


def test_weights_set_through_a_keras_model_are_the_networks(rng):
    rows = ROWS_OF["none"](rng)
    made = network(LAYERS["plain"], rows)
    before = made.encode(rows)

    kernel = made.models.encoder.get_layer("code").kernel
    kernel.assign(2 * kernel)

    np.testing.assert_allclose(made.encode(rows) - made.weights["code/bias"], 2 * (before - made.weights["code/bias"]), rtol=1e-5)


def test_weights_set_in_the_network_are_the_models(rng):
    rows = ROWS_OF["none"](rng)
    made, other = (network(LAYERS["plain"], rows, seed=seed) for seed in (0, 1))
    models = made.models

    made.weights = other.weights

    np.testing.assert_allclose(models.autoencoder(rows), other.reconstruct(rows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_a_tied_kernel_set_on_either_side_is_set_on_both(side, rng):
    rows = ROWS_OF["none"](rng)
    made = network(LAYERS["tied"], rows)
    models = made.models
    layer = models.encoder.get_layer("encoder_1") if side == "encoder" else models.decoder.get_layer("output")

    layer.kernel.assign(layer.kernel * 0 + 0.1)

    np.testing.assert_allclose(made.weights["encoder_1/kernel"], 0.1, rtol=1e-6)
    np.testing.assert_allclose(models.autoencoder(rows), made.reconstruct(rows), atol=1e-6)


def test_twins_are_one_variable_in_the_keras_models(rng):
    models = network(LAYERS["tied"], ROWS_OF["none"](rng)).models

    for down, up in (("encoder_1", "output"), ("encoder_2", "decoder_2"), ("code", "decoder_1")):
        assert models.decoder.get_layer(up).kernel is models.encoder.get_layer(down).kernel


def test_a_clone_of_the_models_starts_as_the_plan_says(rng):
    """The layers' configurations name the plan's initializer, although nothing is drawn by it."""
    encoder = network(Dense(6, kernel_initializer="he_normal"), ROWS_OF["none"](rng)).models.encoder

    assert isinstance(encoder.get_layer("encoder_1").kernel_initializer, keras.initializers.HeNormal)
    assert isinstance(encoder.get_layer("encoder_1").bias_initializer, keras.initializers.RandomUniform)
    assert isinstance(encoder.get_layer("code").bias_initializer, keras.initializers.Zeros)


@pytest.mark.parametrize("tied", [False, True])
def test_the_models_have_as_many_trainable_parameters_as_the_table_says(tied, rng):
    made = network(Dense(6, 4, tied=tied), ROWS_OF["none"](rng))

    counted = sum(int(np.prod(variable.shape)) for variable in made.models.autoencoder.trainable_variables)

    kernels = 8 * 6 + 6 * 4 + 4 * 2
    assert counted == (1 if tied else 2) * kernels + (6 + 4 + 2) + (4 + 6 + 8)


def test_a_row_does_not_depend_on_its_neighbors(layers, rng):
    """Bit for bit, in whatever blocks the rows go through."""
    rows = np.tile(ROWS_OF["standard"](rng), (40, 1))
    made = network(layers, rows)

    codes, rebuilt = made.encode(rows), made.reconstruct(rows)

    np.testing.assert_array_equal(codes, np.tile(codes[:40], (40, 1)))
    for part in (slice(0, 1), slice(39, 41), slice(250, 260), slice(1020, 1030), slice(100, None)):
        np.testing.assert_array_equal(made.encode(rows[part]), codes[part])
        np.testing.assert_array_equal(made.reconstruct(rows[part]), rebuilt[part])


@pytest.mark.parametrize("n", [1, 255, 256, 257, 700, 1023, 1024, 1025, 2048, 5000])
@pytest.mark.parametrize("kind", ["bytes", "standard"])
def test_any_number_of_rows_comes_back_in_order(kind, n, rng):
    """However rows are cut into blocks, each result stands in its row's place, bit by bit."""
    few = ROWS_OF[kind](rng)
    made = network(Dense(6, 4), few)
    alone = np.concatenate([made.reconstruct(row[None]) for row in few])

    order = rng.integers(0, len(few), n)

    np.testing.assert_array_equal(made.reconstruct(few[order]), alone[order])
    sparse = scipy.sparse.csr_matrix(few[order])
    np.testing.assert_array_equal(made.reconstruct(sparse), alone[order])


def test_prediction_draws_no_noise(rng):
    rows = ROWS_OF["none"](rng)
    made = network(LAYERS["dropout and normalization"], rows)

    np.testing.assert_array_equal(made.reconstruct(rows), made.reconstruct(rows))
    np.testing.assert_array_equal(made.models.autoencoder(rows), made.models.autoencoder(rows))


def test_pickled_networks_give_the_same_bits(layers, rng):
    rows = ROWS_OF["standard"](rng)
    made = network(layers, rows)

    np.testing.assert_array_equal(pickle.loads(pickle.dumps(made)).reconstruct(rows), made.reconstruct(rows))


def test_the_output_starts_at_the_mean_row(rng):
    """Before a step is made, an empty hidden signal gives the mean row: training need not find it."""
    rows = ROWS_OF["none"](rng)
    scale = scales.learn("auto", rows)
    plan = Dense(6, kernel_initializer="zeros").plan(8, 2, code_activation="linear", output_activation="sigmoid")

    made = Network(scale, first_weights(plan, rng, scale.mean), plan)

    np.testing.assert_allclose(made.reconstruct(rows), np.tile(rows.mean(0), (40, 1)), atol=1e-5)


def test_mean_bias_can_be_left_out(rng):
    plan = Dense(6, mean_bias=False).plan(8, 2, code_activation="linear", output_activation="linear")

    assert not first_weights(plan, rng, np.ones(8))["output/bias"].any()


def test_an_unknown_activation_names_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown activation 'gellu': it must be one of \[.*'gelu'.*\], or a function"):
        computations.activation("gellu")


def pair(n_features: int = 8, n_components: int = 2):
    dense, sequential = keras.layers.Dense, keras.Sequential
    return (
        sequential([keras.Input((n_features,)), dense(5, "tanh"), keras.layers.Dropout(0.2), dense(n_components)]),
        sequential([keras.Input((n_components,)), dense(5, "tanh"), dense(n_features)]),
    )


def test_own_models_are_built_from_the_generator_alone():
    """Keras draws from Python's global generator: equal generators give equal weights, and the global one is put back."""
    state = random.getstate()
    first, again, other = (of_models(pair, 8, 2, np.random.default_rng(seed)).weights() for seed in (1, 1, 2))

    assert random.getstate() == state
    kernels = [name for name in first if "kernel" in name]
    assert all((first[name] == again[name]).all() for name in first)
    assert all((first[name] != other[name]).any() for name in kernels)


def test_own_models_that_are_not_built_are_built():
    def build(n_features, n_components):
        return keras.Sequential([keras.layers.Dense(n_components)]), keras.Sequential([keras.layers.Dense(n_features)])

    assert of_models(build, 8, 2, np.random.default_rng(0)).encode


def test_a_network_of_own_models_agrees_with_them(rng):
    rows = ROWS_OF["standard"](rng)
    computation = of_models(pair, 8, 2, rng)
    made = Network(scales.learn("auto", rows), computation.weights(), None, computation)

    np.testing.assert_allclose(made.models.autoencoder(rows.astype(np.float32)), made.reconstruct(rows), rtol=1e-5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(made)).encode(rows), made.encode(rows))


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda d, k: None, TypeError, "must return a Keras encoder and a Keras decoder, got NoneType"),
        (lambda d, k: (pair()[0], "decoder"), TypeError, "must return a Keras encoder and a Keras decoder, got tuple"),
        (lambda d, k: pair(7, 2), ValueError, r"the encoder that build\(\) gave takes rows of shape \(None, 7\), needed is \(None, 8\)"),
        (lambda d, k: pair(8, 3), ValueError, r"the decoder that build\(\) gave takes rows of shape \(None, 3\), needed is \(None, 2\)"),
        (lambda d, k: (pair()[0], pair(9, 2)[1]), ValueError, r"the decoder that build\(\) gave returns rows of shape \(None, 9\)"),
    ],
)
def test_own_models_that_do_not_fit_are_refused(build, error, words):
    with pytest.raises(error, match=words):
        of_models(build, 8, 2, np.random.default_rng(0))


def test_looking_at_the_models_draws_nothing_from_global_generators(rng):
    made = network(LAYERS["dropout and normalization"], ROWS_OF["none"](rng))
    before = random.getstate()

    made.models  # noqa: B018

    assert random.getstate() == before


def test_kernel_penalties_are_in_the_keras_models(rng):
    """Once for a tied kernel: what `fit` minimizes is what Keras would."""
    for tied in (False, True):
        made = network(Dense(6, l1=1e-3, l2=1e-2, tied=tied), ROWS_OF["none"](rng))
        kernels = [value for name, value in made.weights.items() if name.endswith("/kernel")]

        assert sum(map(float, made.models.autoencoder.losses)) == pytest.approx(
            sum(1e-3 * abs(kernel).sum() + 1e-2 * (kernel**2).sum() for kernel in kernels), rel=1e-5
        )


@pytest.mark.parametrize("tied", [False, True])
def test_the_models_train_in_keras_and_the_network_follows(tied, rng):
    rows = ROWS_OF["bytes"](rng)
    made = network(Dense(6, tied=tied), rows, "sigmoid")
    whole = made.models.autoencoder
    whole.compile("sgd", "mse")
    before = made.reconstruct(rows)

    whole.train_on_batch(rows.astype(np.float32), rows.astype(np.float32))

    assert not np.allclose(made.reconstruct(rows), before)
    np.testing.assert_allclose(made.reconstruct(rows), whole(rows.astype(np.float32)), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("part", ["encoder", "decoder", "autoencoder"])
def test_keras_saves_and_loads_the_models(layers, part, rng, tmp_path):
    """Without narrows: they are of Keras's own classes."""
    made = network(layers, ROWS_OF["standard"](rng))
    model = getattr(made.models, part)
    inputs = rng.random((5, 2 if part == "decoder" else 8), dtype=np.float32)

    model.save(tmp_path / "model.keras")

    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "model.keras")(inputs), model(inputs), rtol=1e-6)
