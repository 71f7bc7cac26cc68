"""Recipes: what each of them chooses, and that another class can follow it."""

from __future__ import annotations

import numpy as np
import pytest

import narrows
from narrows.estimators.recipes import RECIPES, follow

NAMES = tuple(RECIPES)


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_is_and_where_it_comes_from(name):
    description, source = narrows.recipes()[name]

    assert description
    assert source.startswith(("the textbook's ", "measured for this library"))
    assert type(narrows.recipe(name)) is RECIPES[name].estimator


def test_the_list_and_the_making_of_most_need_no_network(python):
    code = """
import sys
import narrows
narrows.recipes()
narrows.recipe("denoising"), narrows.recipe("sparse"), narrows.recipe("default")
print("keras" in sys.modules, "jax" in sys.modules)
narrows.recipe("supervised")  # its optimizer is one of Keras's
print("keras" in sys.modules)
"""

    assert python(code, KERAS_BACKEND="jax").split() == ["False", "False", "True"]


def test_an_unknown_recipe_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"unknown recipe 'secret': it must be one of convolutional, default, denoising, .*supervised"):
        narrows.recipe("secret")


def test_overrides_reach_inside():
    made = narrows.recipe("supervised", head__dropout=0.25, layers__widths=(8,), label_weight=1.0, noise=0.1)

    assert (made.head.dropout, made.layers.widths, made.label_weight, made.noise) == (0.25, (8,), 1.0, 0.1)
    assert made.head.activation == narrows.recipe("supervised").head.activation == "tanh"
    with pytest.raises(ValueError, match="has no parameter 'filters'"):
        narrows.recipe("supervised", layers__filters=(8,))


@pytest.mark.parametrize("name", ["dense", "small", "supervised", "supervised_dropout"])
def test_dense_networks_of_the_textbook_are_tanh_trained_by_rmsprop(name):
    made = narrows.recipe(name)

    assert (made.layers.activation, made.code_activation, made.epochs, made.batch_size) == ("tanh", "tanh", 20, 128)
    config = made.optimizer.get_config()
    assert (type(made.optimizer).__name__, config["momentum"]) == ("RMSprop", 0.01)
    assert config["learning_rate"] == pytest.approx(0.002) == made.learning_rate
    assert (made.schedule, made.linear_path, made.layers.mean_bias, made.layers.bias_initializer) == ("constant", False, False, "zeros")


def test_the_textbooks_supervised_network():
    made, remedy = narrows.recipe("supervised"), narrows.recipe("supervised_dropout")

    assert (made.head.widths, made.head.activation, made.head.dropout) == ((64, 128), "tanh", 0.0)
    assert (made.reconstruction_weight, made.label_weight) == (1.0, 0.1)
    assert remedy.head == made.head.replace(dropout=0.5)
    assert remedy.layers == made.layers == narrows.recipe("dense").layers


def test_the_textbooks_convolutional_network_has_its_shapes_and_its_parameters(rng):
    images = rng.random((4, 28, 28, 1)).astype(np.float32)

    made = narrows.recipe("convolutional", epochs=1, batch_size=4).fit(images)

    shapes = {layer.name: layer.shape for layer in made.layer_table().layers}
    assert [shapes[name] for name in ("encoder_1_pooling", "encoder_2_pooling", "output")] == [(14, 14, 32), (7, 7, 16), (28, 28, 1)]
    assert made.n_parameters_ == 12_193
    assert made.transform(images).shape == (4, 7 * 7 * 16)
    assert (made.loss_, made.output_activation_) == ("bce", "sigmoid")


def test_denoising_is_the_convolutional_network_under_noise():
    made, clean = (narrows.recipe(name).get_params(deep=False) for name in ("denoising", "convolutional"))

    different = {name: made[name] for name in made if made[name] != clean[name]}
    assert different == {"noise": narrows.Gaussian(0.4), "batch_size": 256, "epochs": 50}


def test_convolutions_on_flat_rows_are_told_of_their_shape(rng):
    rows = rng.random((8, 16)).astype(np.float32)

    with pytest.raises(ValueError, match=r"Conv does not know which images these rows of 16 features are"):
        narrows.recipe("convolutional", epochs=1, layers__filters=(2,)).fit(rows)
    made = narrows.recipe("convolutional", epochs=1, layers__filters=(2,), layers__image_shape=(4, 4)).fit(rows)
    assert made.image_shape_ == (4, 4, 1)


def test_the_best_map_with_labels_is_convolutional():
    made = narrows.recipe("supervised_convolutional")

    assert made.layers == narrows.Conv(16, 24, dense=(128,), dropout=0.25)
    assert (made.n_components, made.label_weight, made.epochs) == (2, 1.0, 14)
    assert RECIPES["supervised_convolutional"].needs == ("labels", "images")


def test_a_map_draws_neighbors_together():
    changed = {"neighbor_weight": 0.1, "batch_size": 256, "learning_rate": 0.004}
    assert {name: narrows.recipe("map").get_params(deep=False)[name] for name in changed} == changed
    assert {name: value for name, value in narrows.recipe("map").get_params(deep=False).items() if name not in changed} == {
        name: value for name, value in narrows.Autoencoder().get_params(deep=False).items() if name not in changed
    }


def test_the_sparse_code_is_wider_than_the_textbooks_and_penalized():
    made = narrows.recipe("sparse")

    assert (made.n_components, made.code_activation, made.code_l1) == (64, "relu", 5e-4)


@pytest.mark.slow
def test_half_of_the_sparse_code_is_zero(mnist_path):
    rows = narrows.data.load("mnist").X[:5000]

    codes = narrows.recipe("sparse", epochs=20, random_state=0).fit(rows).transform(rows[:1000])

    assert 0.4 < (codes < 1e-6).mean() < 0.7


def test_another_class_follows_a_recipe_as_far_as_it_can():
    """A head has no place in an autoencoder without labels, and classes none where numbers are predicted."""
    supervised = follow("denoising", narrows.SupervisedAutoencoder, label_weight=0.5)
    plain = follow("supervised", narrows.Autoencoder)
    numbers = follow("supervised_dropout", narrows.SupervisedAutoencoderRegressor)

    assert (type(supervised), supervised.noise, supervised.label_weight) == (narrows.SupervisedAutoencoder, narrows.Gaussian(0.4), 0.5)
    assert supervised.layers == narrows.recipe("denoising").layers
    assert (type(plain), plain.layers) == (narrows.Autoencoder, narrows.recipe("dense").layers)
    assert (type(numbers), numbers.head.dropout) == (narrows.SupervisedAutoencoderRegressor, 0.5)


def test_what_a_recipe_needs_is_told_by_what_it_makes():
    names = ("default", "dense", "supervised", "supervised_dropout", "convolutional", "denoising", "denoising_dense")

    assert [RECIPES[name].needs for name in names] == [(), (), ("labels",), ("labels",), ("images",), ("images",), ()]
