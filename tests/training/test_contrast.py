"""The term that draws codes of neighbors together: its value, its derivative, and which rows it sees."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.training.conftest import Trial, same_bits

from narrows import Dense
from narrows.training import trainer
from narrows.training.objective import FEW, contrast

N = 12
PAIR = np.roll(np.arange(N), N // 2)


def plain(codes, weight, xp, pair=PAIR):
    """Give what each row costs as the documentation has it: with JAX in float32, with NumPy in float64."""
    kernel = 1 / (1 + ((codes[:, None] - codes[None]) ** 2).sum(-1))
    weight = np.asarray(weight, np.float64)
    relative = weight * (weight > 0).sum() / weight.sum()
    crowd = (kernel * (1 - np.eye(len(codes))) * relative).sum(1)
    return xp.log(crowd) - xp.log(kernel[np.arange(len(codes)), pair])


@pytest.fixture(params=[2, FEW, FEW + 1, 30])
def codes(request, rng) -> np.ndarray:
    return rng.normal(size=(N, request.param)).astype(np.float32) * 3 + 5


WEIGHTS = {"equal": np.ones(N), "of all kinds": np.arange(1.0, N + 1) % 5 + 0.25}


@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
def test_the_cost_and_its_derivative_are_those_of_the_plain_form(codes, weight):
    weight = np.float32(weight)
    value = contrast(jnp.asarray(codes), PAIR, weight)
    slope = jax.grad(lambda codes: contrast(codes, PAIR, weight) @ weight)(jnp.asarray(codes))

    np.testing.assert_allclose(value, plain(codes.astype(np.float64), weight, np), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(slope, jax.grad(lambda codes: plain(codes, weight, jnp) @ weight)(jnp.asarray(codes)), rtol=1e-3, atol=1e-4)
    assert abs(slope).max() > 0.05


def test_the_codes_of_feature_maps_count_as_flat_ones(rng):
    maps = jnp.asarray(rng.normal(size=(N, 2, 3)), jnp.float32)

    np.testing.assert_array_equal(contrast(maps, PAIR, jnp.ones(N)), contrast(maps.reshape(N, 6), PAIR, jnp.ones(N)))


def test_rows_of_no_weight_are_not_in_the_crowd(rng):
    """Their codes change nothing, and may be anything."""
    codes = rng.normal(size=(N, 2)).astype(np.float32)
    weight = np.float32([1] * 4 + [0] * 2 + [1] * 4 + [0] * 2)
    real = weight > 0
    few = contrast(jnp.asarray(codes[real]), np.roll(np.arange(8), 4), np.ones(8, np.float32))

    for elsewhere in (codes[~real], codes[~real] * 1e6):
        codes[~real] = elsewhere
        np.testing.assert_allclose(contrast(jnp.asarray(codes), PAIR, weight)[real], few, rtol=1e-6)


@pytest.mark.parametrize("weight", [np.zeros(N), np.eye(N)[0]], ids=["none", "one"])
@pytest.mark.parametrize("spread", [0.0, 1.0, 1e18])
def test_value_and_derivative_stay_finite(weight, spread, rng):
    """Also where all codes are one, or nobody is there, as at the end of an epoch."""
    codes, weight = jnp.asarray(rng.normal(size=(N, 2)) * spread, jnp.float32), np.float32(weight)

    value, slope = jax.value_and_grad(lambda codes: weight @ contrast(codes, PAIR, weight))(codes)

    assert np.isfinite(value)
    assert np.isfinite(slope).all()


@pytest.fixture
def paired(unit_rows) -> Trial:
    """Rows in a ring: the neighbors of each are those beside it."""
    made = Trial(Dense(5, bias_initializer="zeros", code_gain=1.0), unit_rows)
    ring = np.stack([np.roll(np.arange(len(unit_rows)), shift) for shift in (1, -1, 2)], 1).astype(np.int32)
    made.rows = replace(made.rows, neighbors=ring)
    made.objective = replace(made.objective, neighbors=True)
    made.numbers |= {"reconstruction_weight": np.float32(1), "neighbor_weight": np.float32(1)}
    return made


def test_neighbors_draw_codes_together(paired):
    """In a ring of random rows, what a network makes of them without the term knows nothing of it."""
    with_term = paired("adam", 0.02, epochs=60, pair_seed=1)
    paired.numbers["neighbor_weight"] = np.float32(0)
    without = paired("adam", 0.02, epochs=60, pair_seed=1)

    assert with_term.history["neighbor_loss"][-1] < without.history["neighbor_loss"][-1] - 0.1
    last = {name: values[-1] for name, values in with_term.history.items()}
    assert last["loss"] == pytest.approx(last["reconstruction_loss"] + last["neighbor_loss"], rel=1e-5)


def test_runs_are_bit_identical_and_drawn_from_their_seed(paired, monkeypatch):
    one = paired(epochs=3, pair_seed=1, validation=paired.rows)
    monkeypatch.setattr(trainer, "CHUNK_SECONDS", 1e-12)

    assert same_bits(one, paired(epochs=3, pair_seed=1, validation=paired.rows))
    assert not same_bits(one, paired(epochs=3, pair_seed=2, validation=paired.rows))


def test_neighbors_are_drawn_anew_in_each_epoch(paired):
    """At a rate of nearly zero only the draw changes what an epoch costs, and the drawing for validation is always the same."""
    history = paired("sgd", 1e-30, epochs=3, pair_seed=1, validation=paired.rows).history

    assert len(set(history["neighbor_loss"])) == 3
    assert len(set(history["val_neighbor_loss"])) == 1


def test_validation_rows_without_neighbors_are_judged_by_the_rest(paired):
    history = paired(epochs=2, pair_seed=1, validation=replace(paired.rows, neighbors=None)).history

    assert np.isnan(history["val_neighbor_loss"]).all()
    assert history["val_loss"] == history["val_reconstruction_loss"]
    assert np.isfinite(history["neighbor_loss"]).all()
