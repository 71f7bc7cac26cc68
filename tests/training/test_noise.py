"""Noise: laws over many cells, where it is drawn from, and that the network sees it while its target stays clean."""

from __future__ import annotations

import pickle

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.training.conftest import BATCH, FEATURES, ROWS, Trial, same_bits

from narrows import Dense, Gaussian, Masking, SaltAndPepper
from narrows.networks import scale as scales
from narrows.training import noise as noises
from narrows.training import program
from narrows.training.samplers import Shuffle

KINDS = [Gaussian(0.3), Gaussian(0.3, clip=False), Masking(0.3), SaltAndPepper(0.3)]
CELLS = (128, 64)


def shifted(rows, key):
    """A noise of the user's own."""
    return rows + 0.1 * jax.random.normal(key, rows.shape)


@pytest.fixture
def still() -> Trial:
    """A network whose weights hardly move at the rates used here."""
    rows = np.random.default_rng(3).random((ROWS, FEATURES), dtype=np.float32)
    return Trial(Dense(5), rows, noise=Gaussian(0.3))


@given(strength=st.floats(0.01, 1), seed=st.integers(0, 1000))
def test_gaussian_noise_has_its_deviation(strength, seed):
    noisy = Gaussian(strength, clip=False).corrupt(np.full(CELLS, 0.5), seed) - 0.5

    assert noisy.mean() == pytest.approx(0, abs=5 * strength / noisy.size**0.5)
    assert noisy.std() == pytest.approx(strength, rel=5 / noisy.size**0.5)


@given(strength=st.floats(0, 1), seed=st.integers(0, 1000))
def test_masking_loses_its_share(strength, seed):
    noisy = Masking(strength).corrupt(np.full(CELLS, 0.5), seed)

    assert set(np.unique(noisy)) <= {0, 0.5}
    assert (noisy == 0).mean() == pytest.approx(strength, abs=5 * 0.5 / noisy.size**0.5)


@given(strength=st.floats(0, 1), seed=st.integers(0, 1000))
def test_salt_and_pepper_throw_half_to_either_end(strength, seed):
    noisy = SaltAndPepper(strength).corrupt(np.full(CELLS, 0.5), seed)

    assert set(np.unique(noisy)) <= {0, 0.5, 1}
    for end in (0, 1):
        assert (noisy == end).mean() == pytest.approx(strength / 2, abs=5 * 0.5 / noisy.size**0.5)


@pytest.mark.parametrize("kind", [Gaussian, Masking, SaltAndPepper])
def test_no_strength_is_no_noise(kind, rng):
    rows = rng.random(CELLS, dtype=np.float32)

    np.testing.assert_array_equal(kind(0).corrupt(rows), rows)


def test_full_strength_spares_no_cell():
    rows = np.full(CELLS, 0.5)

    assert not Masking(1).corrupt(rows).any()
    assert np.isin(SaltAndPepper(1).corrupt(rows), (0, 1)).all()


def test_cells_and_rows_suffer_on_their_own():
    noisy = Gaussian(1.0, clip=False).corrupt(np.zeros(CELLS))

    for axis in (0, 1):
        correlation = np.corrcoef(noisy, rowvar=bool(axis))
        off = correlation[~np.eye(len(correlation), dtype=bool)]
        assert abs(off).max() < 6 / noisy.shape[axis] ** 0.5


@pytest.mark.parametrize("kind", [Gaussian(2.0), SaltAndPepper(0.5)], ids=repr)
@pytest.mark.parametrize("unit", [True, False], ids=["in [0, 1]", "of their own range"])
def test_noise_stays_within_the_range_of_the_data(kind, unit, rng):
    rows = rng.random((200, 4)) if unit else rng.normal(size=(200, 4)) - [0, 1, 2, 3]
    low, high = (np.zeros(4), np.ones(4)) if unit else (rows.min(0), rows.max(0))

    noisy = kind.corrupt(rows)

    np.testing.assert_allclose(noisy.min(0), low, rtol=1e-6)
    np.testing.assert_allclose(noisy.max(0), high, rtol=1e-6)


def test_unclipped_noise_leaves_it(rng):
    noisy = Gaussian(2.0, clip=False).corrupt(rng.random((200, 4)))

    assert noisy.min() < -1
    assert noisy.max() > 2


def test_the_range_is_that_of_the_rows_that_count(rng):
    rows = np.concatenate([rng.normal(size=(20, 3)), [[99.0, -99.0, 0]]])
    weight = np.r_[np.ones(20), 0].astype(np.float32)
    scale = scales.learn("standard", rows, weight)

    low, high = noises.bounds(scale, rows, weight)

    np.testing.assert_array_equal(low, scale.apply(rows[:20]).min(0))
    np.testing.assert_array_equal(high, scale.apply(rows[:20]).max(0))


@pytest.mark.parametrize("unit", ["minmax", "auto"])
def test_the_range_of_bounded_rows_is_the_unit_interval(unit, rng):
    rows = (0.2 + 0.5 * rng.random((20, 3))) * (1 if unit == "auto" else 7)

    low, high = noises.bounds(scales.learn(unit, rows), rows)

    assert (low.tolist(), high.tolist()) == ([0, 0, 0], [1, 1, 1])


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_equal_seeds_draw_equal_noise_and_others_other(kind, rng):
    rows = rng.random((30, 5), dtype=np.float32)

    np.testing.assert_array_equal(kind.corrupt(rows, 3), kind.corrupt(rows, 3))
    assert not np.array_equal(kind.corrupt(rows, 3), kind.corrupt(rows, 4))
    assert kind.corrupt(rows).dtype == np.float32


def test_bits_do_not_depend_on_the_generator_that_jax_is_set_to(still, rng):
    rows = rng.random((30, 5), dtype=np.float32)
    drawn, trained = Gaussian(0.3).corrupt(rows), still(epochs=1)

    program._programs.clear()
    with jax.default_prng_impl("rbg"):
        np.testing.assert_array_equal(Gaussian(0.3).corrupt(rows), drawn)
        assert same_bits(still(epochs=1), trained)


@pytest.mark.parametrize("kind", [*KINDS, shifted], ids=lambda kind: getattr(kind, "__name__", repr(kind)))
def test_the_network_sees_noisy_rows_and_is_asked_for_clean_ones(kind, unit_rows):
    """The loss of the first steps, at a rate of nearly nothing, is that of rows under noise drawn by hand from the same keys."""
    made = Trial(Dense(5), unit_rows, noise=kind)
    order = Shuffle(ROWS, 1).order(0, 4 * BATCH)
    squares = np.zeros(0)
    for step, start in enumerate(range(0, ROWS, BATCH)):
        rows = unit_rows[order[start : start + BATCH]]
        key = jax.random.fold_in(jax.random.wrap_key_data(np.array([9, 0], np.uint32), impl="threefry2x32"), step)
        noisy = made.noise._apply(key, jax.numpy.asarray(rows), *(made.numbers["noise"][name] for name in ("strength", "low", "high")))
        rebuilt = made.computation.reconstruct(made.weights, noisy)
        squares = np.r_[squares, np.square(rebuilt - rows).mean(1)[: ROWS - start]]

    loss = made("sgd", 1e-30, epochs=1, noise_seed=9).history["loss"][0]

    assert loss == pytest.approx(squares.mean(), rel=1e-5)


def test_each_epoch_draws_anew_and_validation_rows_suffer_the_same_each_time(still):
    """Weights stay, so that only the noise makes a difference."""
    clean = Trial(Dense(5), still.rows.x)("sgd", 1e-30, epochs=1, validation=still.rows).history
    history = still("sgd", 1e-30, epochs=4, validation=still.rows).history

    assert len(set(history["loss"])) == 4
    assert len(set(history["val_loss"])) == 1
    assert history["val_loss"][0] != pytest.approx(clean["val_loss"][0], rel=1e-3)
    assert history["val_loss"][0] != pytest.approx(history["loss"][0], rel=1e-3)


def test_the_same_seed_trains_the_same_bits_and_another_one_others(still):
    one, same, other = (still(noise_seed=seed) for seed in (5, 5, 6))

    assert same_bits(one, same)
    assert not same_bits(one, other)


def test_no_strength_trains_as_without_noise(unit_rows):
    none, nought = (Trial(Dense(5), unit_rows, noise=noise)("adam") for noise in (None, Gaussian(0)))

    for name, value in none.weights.items():
        np.testing.assert_allclose(nought.weights[name], value, rtol=1e-5, atol=1e-6)


def test_all_strengths_share_one_program(unit_rows):
    program._programs.clear()
    before = program.compilations["train"]

    for strength in (0, 0.1, 0.4, 1.0):
        for kind in (Gaussian, Masking):
            Trial(Dense(5), unit_rows, noise=kind(strength))("adam", epochs=1)

    assert program.compilations["train"] - before == 2


def test_kinds_are_small_frozen_objects():
    assert Gaussian(0.4) == Gaussian(np.float32(0.4)).replace(strength=0.4)
    assert Gaussian(0.4) != Gaussian(0.4, clip=False)
    assert Masking(0.4) != SaltAndPepper(0.4)
    assert pickle.loads(pickle.dumps(SaltAndPepper(0.2))) == SaltAndPepper(0.2)
    assert [repr(kind) for kind in KINDS] == [
        "Gaussian(strength=0.3)",
        "Gaussian(strength=0.3, clip=False)",
        "Masking(strength=0.3)",
        "SaltAndPepper(strength=0.3)",
    ]
    with pytest.raises(AttributeError, match="Gaussian is frozen"):
        Gaussian(0.4).strength = 0.5


def test_what_the_parameter_stands_for():
    assert noises.resolve(None) is None
    assert noises.resolve(0.4) == noises.resolve(np.float32(0.4)).replace(strength=0.4) == Gaussian(0.4)
    assert noises.resolve(1) == Gaussian(1.0)
    assert noises.resolve(Masking(0.1)) == Masking(0.1)
    assert noises.resolve(shifted) == noises.resolve(shifted)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Gaussian(-0.1), ValueError, r"the strength of Gaussian must be a finite number of at least 0, got -0.1"),
        (lambda: Gaussian(np.inf), ValueError, r"the strength of Gaussian must be a finite number of at least 0, got inf"),
        (lambda: Gaussian("0.4"), TypeError, r"the strength of Gaussian must be a finite number of at least 0, got '0.4'"),
        (lambda: Gaussian(0.4, clip="yes"), TypeError, "clip of Gaussian must be True or False, got 'yes'"),
        (lambda: Masking(1.1), ValueError, r"the strength of Masking must be a number in \[0, 1\], got 1.1"),
        (lambda: SaltAndPepper(-1), ValueError, r"the strength of SaltAndPepper must be a number in \[0, 1\], got -1"),
        (lambda: noises.resolve(-0.1), ValueError, r"the strength of Gaussian must be a finite number of at least 0, got -0.1"),
        (lambda: noises.resolve(np.nan), ValueError, r"the strength of Gaussian must be a finite number of at least 0, got nan"),
        (lambda: noises.resolve("gaussian"), TypeError, r"noise must be None, a number .*, or a function of \(rows, key\), got 'gaussian'"),
        (lambda: noises.resolve(True), TypeError, r"or a function of \(rows, key\), got True"),
        (lambda: noises.resolve(Gaussian), TypeError, r"or a function of \(rows, key\), got <class '.*Gaussian'>"),
    ],
)
def test_other_noise_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda rows, key: rows[:, 1:], r"an array of rows of the shape that it is given, \(6, 4\), got \(6, 3\)"),
        (lambda rows, key: 0.5, r"an array of rows of the shape that it is given, \(6, 4\), got 0.5"),
        (lambda rows, key: rows / 0, "noise must give finite numbers, got NaN or infinity from finite rows: mend the function"),
        (
            lambda rows, key: rows + np.random.default_rng().normal(size=rows.shape),
            "noise must draw from the key that it is given, by jax.random; it gave two results for one key: mend the function",
        ),
    ],
    ids=["shape", "no array", "NaN", "drawn elsewhere"],
)
def test_a_function_that_is_no_noise_is_refused(function, words, rng):
    with pytest.raises(ValueError, match=words):
        noises.check(noises.resolve(function), rng.random((6, 4), dtype=np.float32))


def test_a_function_may_give_any_kind_of_number(rng):
    rows = rng.random((6, 4), dtype=np.float32)
    whole = noises.resolve(lambda rows, key: jax.random.randint(key, rows.shape, 0, 2))

    noises.check(whole, rows)

    assert whole.corrupt(rows).dtype == np.float32
