"""First weights, drawn by NumPy, follow Keras's distributions."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from narrows.networks import Dense, computation
from narrows.networks.weights import draw, draw_bias

SHAPE = (300, 200)
NAMES = ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"]


@pytest.mark.parametrize("name", NAMES)
def test_initializers_have_the_distribution_of_keras(name, rng):
    """Mean, spread, bounds and the shape between them: quantiles of 60,000 values agree to 2 % of the bound."""
    ours, theirs = draw(name, SHAPE, rng), np.asarray(keras.initializers.get(name)(SHAPE))

    bound = np.abs(theirs).max()
    assert ours.dtype == np.float32
    assert abs(ours.mean()) < 0.01 * bound
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
    assert np.abs(ours).max() == pytest.approx(bound, rel=0.01)
    shares = np.linspace(0.02, 0.98, 25)
    np.testing.assert_allclose(np.quantile(ours, shares), np.quantile(theirs, shares), atol=0.02 * bound)


@pytest.mark.parametrize("shape", [(40, 7), (7, 40), (12, 12)], ids=str)
def test_orthogonal_kernels_are_orthogonal(shape, rng):
    kernel = draw("orthogonal", shape, rng)

    small = min(shape)
    product = kernel.T @ kernel if shape[0] >= shape[1] else kernel @ kernel.T
    np.testing.assert_allclose(product, np.eye(small), atol=1e-5)


def test_class_names_count_as_names():
    draws = [draw(name, SHAPE, np.random.default_rng(1)) for name in ("HeNormal", "he_normal")]

    assert draws[0].std() == pytest.approx(draws[1].std(), rel=0.02)


@pytest.mark.parametrize("name", ["ones", "zeros", "identity", "random_normal", "truncated_normal"])
def test_other_keras_names_work(name, rng):
    expected = np.asarray(keras.initializers.get(name)((30, 30)))

    drawn = draw(name, (30, 30), rng)

    assert drawn.shape == (30, 30)
    assert drawn.mean() == pytest.approx(expected.mean(), abs=0.01)
    assert drawn.std() == pytest.approx(expected.std(), abs=0.01)


def test_an_instance_is_seeded_from_the_generator():
    """An initializer instance has a seed of its own, which would give every layer and every fit the same weights."""
    instance = keras.initializers.RandomNormal(stddev=0.5, seed=3)
    rng = np.random.default_rng(0)

    first, second = draw(instance, SHAPE, rng), draw(instance, SHAPE, rng)
    again = draw(instance, SHAPE, np.random.default_rng(0))

    assert (first == again).all()
    assert (first != second).any()
    assert first.std() == pytest.approx(0.5, rel=0.02)


def test_a_function_is_as_good(rng):
    assert (draw(lambda shape, dtype: np.full(shape, 0.25, dtype), (3, 2), rng) == 0.25).all()


def test_an_unknown_name_is_one_clear_sentence(rng):
    with pytest.raises(ValueError, match=r"^unknown kernel_initializer 'he_norml': it must be one of Keras's, such as \['glorot_normal'"):
        draw("he_norml", (3, 2), rng)


@pytest.mark.parametrize(
    "function",
    [lambda shape, dtype: np.zeros(shape[::-1], dtype), lambda shape, dtype: np.full(shape, np.nan, dtype)],
    ids=["another shape", "not finite"],
)
def test_bad_values_are_refused(function, rng):
    with pytest.raises(ValueError, match=r"must give finite values of shape \(3, 2\)"):
        draw(function, (3, 2), rng)


def test_biases_are_spread_as_far_as_a_unit_of_the_kernel_would(rng):
    spread = draw_bias("spread", 25, 10_000, rng)

    assert spread.dtype == np.float32
    assert 0.199 < spread.max() <= 0.2
    assert -0.2 <= spread.min() < -0.199
    assert spread.std() == pytest.approx(0.2 / 3**0.5, rel=0.02)


def test_biases_may_also_start_as_keras_has_it(rng):
    assert not draw_bias("zeros", 4, 5, rng).any()
    np.testing.assert_array_equal(draw_bias("ones", 4, 5, rng), np.ones(5, np.float32))
    with pytest.raises(ValueError, match=r"^unknown bias_initializer 'sprad'"):
        draw_bias("sprad", 4, 5, rng)


def test_recipes_of_the_textbook_start_without_biases_and_without_a_path():
    from narrows import recipe

    made = recipe("dense", epochs=1).fit(np.random.default_rng(0).random((20, 6)))

    assert made.layers.bias_initializer == "zeros"
    assert "path" not in made.summary()


def test_a_linear_code_starts_wider_and_no_other_does():
    def deviation(layers, code="linear"):
        plan = layers.plan(200, 50, code_activation=code, output_activation="sigmoid")
        return computation.first_weights(plan, np.random.default_rng(0), None)["code/kernel"].std()

    plain = deviation(Dense(100, code_gain=1.0))

    assert deviation(Dense(100)) == pytest.approx(3 * plain, rel=1e-6)
    assert deviation(Dense(100), "tanh") == pytest.approx(plain, rel=1e-6)
    assert deviation(Dense(100, tied=True)) == pytest.approx(plain, rel=1e-6)
