"""The loss of a table: what it is, its derivative, and that nothing under a hole counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_expit, log_softmax

from narrows.data.table_layout import Layout
from narrows.networks.lowering import lower
from narrows.networks.outputs import grouped
from narrows.training.objective import Objective
from narrows.training.table_terms import ColumnLosses, Hidden

LAYOUT = Layout(3, 2, ((3, 2), (5, 1)))
N = 17
WEIGHTS = np.array([1, 2, 0.5, 1, 1, 3, 1, 0.25], np.float32)


def rows(seed: int = 0, holes: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=(N, 3)), rng.integers(0, 2, (N, 2)), rng.integers(0, 3, (N, 2)), rng.integers(0, 5, (N, 1))]
    compact = np.concatenate(parts, axis=1).astype(np.float32)
    compact[rng.random(compact.shape) < holes] = np.nan
    return compact


RAW = np.random.default_rng(9).normal(size=(N, LAYOUT.width)).astype(np.float32)


def plain_loss(raw: np.ndarray, compact: np.ndarray, weight: np.ndarray) -> float:
    """Go cell by cell, in float64, from the definitions."""
    total = cells = 0.0
    for row, given in enumerate(compact.astype(np.float64)):
        out = raw[row].astype(np.float64)
        for column, value in enumerate(given):
            if np.isnan(value):
                continue
            if column < 3:
                loss = (out[column] - value) ** 2
            elif column < 5:
                loss = -log_expit(out[column] if value else -out[column])
            else:
                start, units = {5: (10, 3), 6: (13, 3), 7: (16, 5)}[column]
                loss = -log_softmax(out[start : start + units])[int(value)]
            total += weight[row] * WEIGHTS[column] * loss
            cells += weight[row]
    return total / cells


def loss_of(raw: Any, compact: np.ndarray, weight: np.ndarray) -> Any:
    objective = Objective(ColumnLosses(LAYOUT))
    batch = objective.reconstruction.prepared({"x": jnp.asarray(compact), "target": jnp.asarray(compact), "weight": jnp.asarray(weight)})
    return loss_in(raw, batch)


def loss_in(raw: Any, batch: dict[str, Any]) -> Any:
    objective = Objective(ColumnLosses(LAYOUT))
    outputs = SimpleNamespace(raw=raw, codes=jnp.zeros((N, 2)), penalties=[], predicted=None)
    return objective.loss(objective.sums(outputs, {}, batch, {"column_weight": jnp.asarray(WEIGHTS)}), {})


def test_the_loss_is_what_its_definition_says():
    weight = np.random.default_rng(1).random(N).astype(np.float32)

    assert float(loss_of(RAW, rows(), weight)) == pytest.approx(plain_loss(RAW, rows(), weight), rel=1e-5)


def test_the_compiled_derivative_is_that_of_finite_differences_of_the_definition():
    compact, weight = rows(), np.ones(N, np.float32)
    found = jax.jit(jax.grad(lower(lambda raw: loss_of(raw, compact, weight), "float32")))(RAW)

    rng = np.random.default_rng(2)
    for _ in range(5):
        way = rng.normal(size=RAW.shape)
        ahead, back = (plain_loss(RAW + sign * 1e-4 * way, compact, weight) for sign in (1, -1))
        assert float((np.asarray(found) * way).sum()) == pytest.approx((ahead - back) / 2e-4, rel=2e-3, abs=1e-6)


def test_what_stands_under_a_hole_never_counts():
    """Neither in the loss nor in its derivative, by the bits, whatever it is."""
    compact, weight = rows(holes=0.4), np.ones(N, np.float32)
    batch = ColumnLosses(LAYOUT).prepared({"x": jnp.asarray(compact), "target": jnp.asarray(compact), "weight": jnp.asarray(weight)})
    missing = np.isnan(compact)
    both = jax.jit(jax.value_and_grad(loss_in))
    value, gradient = both(RAW, batch)

    for under in (1.0, -2.5, 1e30):
        other = both(RAW, {**batch, "target": jnp.where(missing, under, batch["target"])})
        assert float(value) == float(other[0])
        np.testing.assert_array_equal(gradient, other[1])


def test_a_column_of_nothing_but_holes_gets_no_derivative():
    compact = rows()
    compact[:, 7] = np.nan

    gradient = jax.grad(lambda raw: loss_of(raw, compact, np.ones(N, np.float32)))(RAW)

    assert not np.asarray(gradient)[:, 16:21].any()
    assert np.asarray(gradient)[:, :3].any()


def test_rows_without_a_known_cell_and_batches_of_these_cost_nothing():
    assert float(loss_of(RAW, np.full((N, 8), np.nan, np.float32), np.ones(N, np.float32))) == 0


def test_what_says_that_a_value_is_missing_is_not_learned():
    gradient = jax.grad(lambda raw: loss_of(raw, rows(), np.ones(N, np.float32)))(RAW)

    assert not np.asarray(gradient)[:, LAYOUT.plain : 2 * LAYOUT.plain].any()


def test_weights_are_repeated_rows():
    compact, weight = rows(), np.tile(np.array([1, 2, 0], np.float32), 6)[:N]
    again = np.repeat(np.arange(N), weight.astype(int))

    weighted = plain_loss(RAW, compact, weight)

    assert plain_loss(RAW[again], compact[again], np.ones(len(again))) == pytest.approx(weighted)
    assert float(loss_of(RAW, compact, weight)) == pytest.approx(weighted, rel=1e-5)


def test_jax_and_numpy_spread_rows_to_the_same_bits():
    np.testing.assert_array_equal(LAYOUT.spread(rows()), LAYOUT.spread(jnp.asarray(rows()), jnp))


def test_losses_told_by_numpy_are_those_of_training():
    from narrows.estimators._table_fitting import groups

    made = np.asarray(grouped(groups(LAYOUT))(jnp.asarray(RAW)))
    cells = LAYOUT.losses(rows(), made) * WEIGHTS

    assert np.nansum(cells) / np.isfinite(rows()).sum() == pytest.approx(plain_loss(RAW, rows(), np.ones(N)), rel=1e-4)


def test_hidden_cells_are_missing_to_the_network_and_not_to_the_loss():
    compact = jnp.asarray(rows(holes=0.0))
    hidden = Hidden(0.5)._apply(jax.random.key(0), compact, 0.5, None, None)
    batch = ColumnLosses(LAYOUT).prepared({"x": hidden, "target": compact, "weight": jnp.ones(N)})
    missing = np.isnan(np.asarray(hidden))

    assert 0.3 < missing.mean() < 0.7
    assert np.asarray(batch["mask"]).all()
    np.testing.assert_array_equal(np.asarray(batch["x"])[:, LAYOUT.plain : 2 * LAYOUT.plain], missing[:, : LAYOUT.plain])


def test_the_derivative_is_jaxs_own_of_the_plain_form():
    """Of places without a category, under holes, too: there the loss counts for nothing, whatever its derivative."""
    compact = rows(holes=0.0)
    target = jnp.asarray(compact)

    def plain(raw: Any) -> Any:
        found = [jnp.square(raw[:, :3] - target[:, :3]), jax.nn.softplus(jnp.where(target[:, 3:5] > 0.5, -raw[:, 3:5], raw[:, 3:5]))]
        for start, units, columns in ((10, 3, (5, 6)), (16, 5, (7,))):
            for place, column in enumerate(columns):
                logs = jax.nn.log_softmax(raw[:, start + place * units : start + (place + 1) * units])
                found.append(-jnp.take_along_axis(logs, target[:, [column]].astype(int), 1))
        return jnp.sum(jnp.concatenate(found, 1) * WEIGHTS)

    from narrows.training.table_terms import cell_losses

    ours = jax.jit(jax.value_and_grad(lambda raw: jnp.sum(cell_losses(LAYOUT, raw, target) * WEIGHTS)))(RAW)
    theirs = jax.value_and_grad(plain)(RAW)

    assert float(ours[0]) == pytest.approx(float(theirs[0]), rel=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-6)
