"""Optimizers and schedules: by name or instance, always rebuilt, their rates equal to Keras's step by step."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from tests.training.conftest import same_bits

from narrows.training.optimizers import cosine, options_of, resolve, with_options

schedules = keras.optimizers.schedules
SCHEDULES = {
    "exponential": lambda: schedules.ExponentialDecay(0.1, 5, 0.5, staircase=True),
    "piecewise": lambda: schedules.PiecewiseConstantDecay([3, 7], [0.3, 0.2, 0.1]),
    "cosine with warm-up": lambda: schedules.CosineDecay(0.0, 20, warmup_target=0.4, warmup_steps=5),
}


def test_the_cosine_warms_up_and_falls_to_one_percent():
    total = 1000
    rates = cosine(np.arange(total + 50), total)

    warm = 100  # a tenth of all
    np.testing.assert_allclose(rates[:warm], np.arange(1, warm + 1) / warm)
    np.testing.assert_allclose(rates[warm], 1.0)
    np.testing.assert_allclose(rates[warm + 450], 0.505)  # half way between 1 and 0.01
    assert (np.diff(rates[warm:total]) < 0).all()
    np.testing.assert_allclose(rates[total:], 0.01)


@pytest.mark.parametrize(("total", "warm"), [(1, 1), (5, 1), (2000, 200), (100_000, 200)])
def test_the_warm_up_is_200_steps_or_a_tenth(total, warm):
    assert np.argmax(cosine(np.arange(total), total)) == (warm - 1 if total > 1 else 0)


def test_the_cosine_is_scaled_by_the_learning_rate():
    _, _, rates = resolve("adam", 0.5, "cosine")

    np.testing.assert_allclose(rates(10, 3, 40), 0.5 * cosine(np.arange(3, 13), 40), rtol=1e-6)


@pytest.mark.parametrize("made", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("where", ["schedule", "learning_rate", "optimizer"])
def test_keras_schedules_are_evaluated_step_by_step(made, where):
    """Wherever the schedule is handed in, its rate at each step is its own; the peak does not multiply it."""
    schedule = made()
    optimizer = keras.optimizers.SGD(made()) if where == "optimizer" else "sgd"
    rate = {"schedule": 0.002, "learning_rate": schedule, "optimizer": None}[where]

    _, _, rates = resolve(optimizer, rate, schedule if where == "schedule" else "constant")

    expected = [float(schedule(step)) for step in range(4, 12)]
    np.testing.assert_allclose(rates(8, 4, 1000), expected, rtol=1e-6)


def test_a_constant_rate():
    _, rate, rates = resolve("adam", 0.25, "constant")

    assert rate == 0.25
    assert (rates(7, 100, 7) == 0.25).all()


def test_without_a_rate_the_optimizers_own_is_taken():
    assert resolve(keras.optimizers.Adam(0.125), None, "constant")[1] == 0.125
    assert resolve("sgd", None, "constant")[1] == pytest.approx(0.01)


def test_equal_optimizers_compare_equal_whatever_their_rates():
    """What is only a number must not make another program."""
    one, same, other = (
        resolve(optimizer, None, "constant")[0] for optimizer in ("adam", keras.optimizers.Adam(0.5), keras.optimizers.Adam(beta_1=0.8))
    )

    assert one == same
    assert hash(one) == hash(same)
    assert one != other


def test_an_instance_is_rebuilt_and_left_alone(trial):
    """One instance serves many fits: no state passes from one to the next, and the instance is never built."""
    instance = keras.optimizers.Adam(learning_rate=0.7)

    first, second = trial(instance), trial(instance)

    assert same_bits(first, second)
    assert not instance.built
    assert float(instance.learning_rate) == pytest.approx(0.7)


@pytest.mark.parametrize(
    "name", ["sgd", "rmsprop", "adam", "adamw", "adadelta", "adagrad", "adamax", "adafactor", "nadam", "ftrl", "lion", "lamb"]
)
def test_every_keras_name_is_known(name):
    described, _, _ = resolve(name, 0.1, "constant")

    assert described.class_name.lower() == name


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("adamm", 0.1, "constant"), ValueError, r"unknown optimizer 'adamm': it must be one of \['Adadelta'.*, or a Keras optimizer"),
        ((0.1, 0.1, "constant"), TypeError, "optimizer must be the name of a Keras optimizer or an instance of one, got 0.1"),
        (("adam", 0, "constant"), ValueError, "learning_rate must be a number above 0, .* got 0"),
        (("adam", -1.0, "constant"), ValueError, "learning_rate must be a number above 0, .* got -1.0"),
        (("adam", float("nan"), "constant"), ValueError, "learning_rate must be a number above 0, .* got nan"),
        (("adam", "fast", "constant"), ValueError, "learning_rate must be a number above 0, .* got 'fast'"),
        (("adam", 0.1, "linear"), ValueError, "schedule must be 'cosine', 'constant' or a Keras LearningRateSchedule, got 'linear'"),
        (("adam", 0.1, None), ValueError, "schedule must be 'cosine', 'constant' or a Keras LearningRateSchedule, got None"),
    ],
)
def test_bad_settings_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        resolve(*arguments)


@pytest.mark.parametrize("options", [{}, {"clipnorm": 1.0}, {"beta_1": 0.8, "use_ema": True}, {"weight_decay": 0.1}])
@pytest.mark.parametrize("name", ["adam", "adamw", "nadam"])
def test_what_with_options_sets_options_of_gives(name, options):
    made = with_options(name, options)

    class_name, given = options_of(made)
    again = with_options(class_name, given)
    assert class_name.lower() == name
    assert given.items() <= options.items()
    assert {**again.get_config(), "name": ""} == {**made.get_config(), "name": ""}


def test_with_options_keeps_the_others():
    made = with_options(keras.optimizers.RMSprop(momentum=0.01), {"rho": 0.5})

    assert (made.momentum, made.rho) == (0.01, 0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("adam", {"moment": 1}), r"the optimizer Adam has no option 'moment': it must be one of \['amsgrad', 'beta_1'"),
        (("adam", {"clipnorm": "much"}), "the option 'clipnorm' of the optimizer Adam must be a number, true or false, got 'much'"),
        (("adamm", {}), "unknown optimizer 'adamm'"),
    ],
)
def test_bad_options_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        with_options(*arguments)
