"""Scaling: what is learned, applied and undone, in NumPy and inside the Keras models."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from narrows.networks import scale as scales
from narrows.networks.computation import Computation
from narrows.networks.network import Network
from narrows.networks.scale import Scale, learn


@pytest.fixture
def table(rng) -> np.ndarray:
    """Three features in units of their own, and a constant one."""
    return np.column_stack([rng.normal(5, 2, 60), rng.uniform(-1, 0, 60), rng.exponential(1000, 60), np.full(60, 7.3)])


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (np.array([[0, 255], [3, 7]], np.uint8), "bytes"),
        (np.array([[0.0, 1.0], [0.5, 0.25]]), "none"),
        (np.array([[0.0, 1.0], [0.5, 1.25]]), "standard"),
        (np.array([[0.0, 1.0], [-0.5, 0.25]], np.float32), "standard"),
    ],
)
def test_auto_reads_the_rows(rows, kind):
    assert learn("auto", rows).kind == kind


def test_bytes_become_shares_of_255():
    scale = learn("auto", np.array([[0, 51], [255, 102]], np.uint8))

    np.testing.assert_allclose(scale.apply(np.array([[0, 255]], np.uint8)), [[0, 1]])
    np.testing.assert_allclose(scale.apply(np.array([[51.0, 102.0]])), [[0.2, 0.4]])  # the same rows, read as floats
    assert scale.bounded


@pytest.mark.parametrize(("kind", "oracle"), [("standard", StandardScaler()), ("minmax", MinMaxScaler())])
def test_scaling_is_scikit_learns(kind, oracle, table):
    ours = learn(kind, table).apply(table)

    np.testing.assert_allclose(ours, oracle.fit_transform(table), atol=1e-6)
    assert ours.dtype == np.float32


def transparent(scale: Scale) -> Network:
    """Make a network whose encoder and decoder change nothing: what is left is the scaling."""
    import keras

    same = [keras.Sequential([keras.Input((scale.shift.size,)), keras.layers.Identity()]) for _ in range(2)]
    return Network(scale, {}, None, Computation(*same, keras.activations.linear))


KINDS = pytest.mark.parametrize("kind", ["auto", "standard", "minmax", None])
# The two ways out of scaled units: compiled with the decoder, and as a layer of the Keras model.
UNDO = pytest.mark.parametrize(
    "undo",
    [lambda scale, rows: transparent(scale).decode(rows), lambda scale, rows: np.array(transparent(scale).models.decoder(rows))],
    ids=["compiled", "keras"],
)


@KINDS
@UNDO
def test_the_way_out_gives_the_rows_back(undo, kind, table):
    scale = learn(kind, table)

    np.testing.assert_allclose(undo(scale, scale.apply(table)), table, rtol=1e-5, atol=1e-4)


@KINDS
def test_the_layer_on_the_way_in_scales_as_numpy_does(kind, table):
    scale = learn(kind, table)

    scaled = np.array(transparent(scale).models.encoder(table.astype(np.float32)))

    np.testing.assert_allclose(scaled, scale.apply(table), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("kind", "bounded"), [("standard", False), ("minmax", True), (None, False)])
def test_whether_scaled_rows_lie_in_the_unit_interval_is_known(kind, bounded, table):
    assert learn(kind, table).bounded is bounded


@pytest.mark.parametrize("kind", ["standard", "minmax"])
@pytest.mark.parametrize("value", [0.0, 7.3, 0.1, -1e9, 1e-300])
@UNDO
def test_a_constant_column_is_moved_and_not_blown_up(undo, kind, value, rng):
    rows = np.column_stack([rng.normal(size=1000), np.full(1000, value)])

    scale = learn(kind, rows)

    assert np.isfinite(scale.factor).all()
    np.testing.assert_allclose(scale.apply(rows)[:, 1], 0, atol=1e-6)
    np.testing.assert_allclose(undo(scale, scale.apply(rows))[:, 1], value, rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("kind", ["standard", "minmax"])
def test_a_large_offset_costs_no_digits(kind, rng):
    """Dates in seconds: float32 alone would round them to steps of two minutes."""
    seconds = 1.7e9 + rng.uniform(0, 3600, (200, 1))

    scale = learn(kind, seconds)

    exact = (seconds - scale.shift) * scale.factor
    np.testing.assert_allclose(scale.apply(seconds), exact, atol=1e-6)
    assert len(np.unique(scale.apply(seconds))) == 200


@pytest.mark.parametrize("deviation", [1.0, 1e-3])
def test_a_small_spread_around_a_large_offset_is_no_constant_in_float64(deviation, rng):
    """A second in dates is far above the rounding of float64, and below that of float32."""
    rows = 1.7e9 + deviation * rng.normal(size=(100, 1))

    assert learn("standard", rows).apply(rows).std() == pytest.approx(1, rel=1e-3)
    assert abs(learn("standard", rows.astype(np.float32)).apply(rows.astype(np.float32))).max() < 200


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_rounding_leaves_of_a_constant_is_no_feature(dtype):
    rows = np.array([[dtype(0.1) + dtype(0.2)], [dtype(0.3)]] * 20)

    assert abs(learn("standard", rows).apply(rows)).max() < 1e-6


def test_a_tiny_feature_is_no_constant():
    rows = np.array([[1e-20], [3e-20]])

    np.testing.assert_allclose(learn("standard", rows).apply(rows), [[-1], [1]], rtol=1e-6)


def test_weights_count_as_repetitions(table):
    weight = np.r_[np.full(20, 3.0), np.full(20, 1.0), np.zeros(20)]

    weighted = learn("standard", table, weight)
    repeated = learn("standard", np.repeat(table, weight.astype(int), axis=0))

    np.testing.assert_allclose(weighted.shift, repeated.shift)
    np.testing.assert_allclose(weighted.factor, repeated.factor)


def test_rows_of_no_weight_do_not_count(table):
    wild = np.vstack([table, np.full((1, 4), 1e6)])

    scale = learn("minmax", wild, np.r_[np.ones(60), 0])

    np.testing.assert_array_equal(scale.factor, learn("minmax", table).factor)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_moments_do_not_depend_on_blocks(monkeypatch, dtype, rng):
    rows = rng.integers(0, 200, (50, 3)).astype(dtype)
    whole = learn("standard", rows)

    monkeypatch.setattr(scales, "CHUNK", 7)

    np.testing.assert_allclose(learn("standard", rows).factor, whole.factor, rtol=1e-12)
    np.testing.assert_allclose(whole.factor, 1 / rows.std(0, dtype=np.float64))


def test_another_scale_is_refused():
    with pytest.raises(ValueError, match="scale must be 'auto', 'minmax', 'standard' or None, got 'robust'"):
        learn("robust", np.zeros((3, 2)))
