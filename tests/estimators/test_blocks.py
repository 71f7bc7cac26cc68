"""Fitting, encoding and scoring rows in blocks: what estimators say of the same rows in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from narrows import (
    Autoencoder,
    AutoencoderOutlierDetector,
    Conv,
    SupervisedAutoencoder,
    SupervisedAutoencoderRegressor,
    TableAutoencoder,
    data,
)
from narrows.networks.scale import learn


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(900, 3)) @ rng.normal(size=(3, 10)) + rng.normal(size=10)).astype(np.float32)


def quick(**settings) -> Autoencoder:
    return Autoencoder(2, layers=(16,), random_state=0, **{"epochs": 3, **settings})


def test_a_source_in_a_file_or_in_memory_is_the_same(rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows)

    one, other = quick().fit(data.blocks(rows)), quick().fit(data.blocks(tmp_path / "rows.npy"))

    assert all((one._network.weights[name] == other._network.weights[name]).all() for name in one._network.weights)


def test_it_learns_as_well_as_in_memory(rows):
    in_blocks, in_memory = quick(epochs=30).fit(data.blocks(rows)), quick(epochs=30).fit(rows)

    assert in_blocks.score(rows) == pytest.approx(in_memory.score(rows), abs=0.03)
    assert in_blocks.score(rows) > 0.5


@pytest.mark.parametrize("kind", [None, "auto", "standard", "minmax"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scaling_is_learned_of_all_rows(rows, kind, weighted):
    weight = np.random.default_rng(1).integers(0, 3, len(rows)).astype(np.float32) if weighted else None

    found, wanted = learn(kind, data.blocks(rows), weight), learn(kind, rows, weight)

    for name in ("shift", "factor", "mean"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    counted = rows if weight is None else np.repeat(rows, weight.astype(int), 0)
    np.testing.assert_allclose(found.apply(counted).mean(0), found.mean, atol=1e-4)


def test_the_pass_that_learns_the_scale_shows_itself(rows, capsys):
    quick(epochs=1, verbose=1).fit(data.blocks(rows))
    shown = capsys.readouterr().err
    quick(epochs=1, verbose=1).fit(rows)

    assert "scale: means done" in shown
    assert "scale: deviations done" in shown
    assert "scale" not in capsys.readouterr().err


def test_methods_say_the_same_of_blocks(rows):
    made, blocks = quick().fit(rows), data.blocks(rows)

    for method in ("transform", "reconstruct", "scale_rows", "reconstruction_error", "score_samples"):
        np.testing.assert_array_equal(getattr(made, method)(blocks), getattr(made, method)(rows))
    assert made.score(blocks) == pytest.approx(made.score(rows))
    detector = AutoencoderOutlierDetector(made, random_state=0).fit(rows)
    np.testing.assert_array_equal(detector.predict(blocks), detector.predict(rows))


def test_labels_come_with_the_blocks_or_beside_them(rows):
    y = (rows[:, 0] > 0).astype(int)
    blocks = data.blocks(rows)
    made = SupervisedAutoencoder(2, layers=(16,), epochs=30, random_state=0)

    beside = clone(made).fit(blocks, y)
    within = clone(made).fit(data.Blocks(blocks.parts, labels=y), None)

    np.testing.assert_array_equal(beside.predict_proba(rows), within.predict_proba(rows))
    assert beside.score(rows, y) > 0.9
    numbers = SupervisedAutoencoderRegressor(2, layers=(16,), epochs=30, random_state=0).fit(blocks, rows[:, 1])
    assert numbers.score(rows, rows[:, 1]) > 0.5


def test_a_row_of_weight_zero_teaches_nothing(rows):
    weight = np.ones(len(rows))
    weight[:450] = 0
    spoiled = rows.copy()
    spoiled[:450] = 1e6

    one = quick(early_stopping=False).fit(data.blocks(rows), sample_weight=weight)
    other = quick(early_stopping=False).fit(data.blocks(spoiled), sample_weight=weight)

    np.testing.assert_array_equal(one.scale_rows(rows), other.scale_rows(rows))
    assert one.history_ == other.history_


def test_validation_rows_are_held_out_of_the_blocks(rows):
    made = quick(epochs=3, early_stopping=True).fit(data.blocks(rows))

    assert len(made.history_["val_loss"]) == 3
    again = quick(epochs=3).fit(data.blocks(rows), validation_data=rows[:50])
    assert len(again.history_["val_loss"]) == 3


def test_names_and_images_are_known(rows, tmp_path):
    pd.DataFrame(rows, columns=[f"c{place}" for place in range(10)]).to_parquet(tmp_path / "rows.parquet")
    named = quick().fit(data.blocks(tmp_path / "rows.parquet"))
    images = np.random.default_rng(0).integers(0, 256, (200, 4, 4), np.uint8)
    np.save(tmp_path / "images.npy", images)
    pictured = Autoencoder(2, layers=Conv(4), epochs=1, random_state=0).fit(data.blocks(tmp_path / "images.npy"))

    assert named.feature_names_in_.tolist() == [f"c{place}" for place in range(10)]
    assert pictured.image_shape_ == (4, 4, 1)
    np.testing.assert_array_equal(pictured.transform(data.blocks(images)), pictured.transform(images))


def test_noise_and_own_loss_go_with_blocks(rows):
    assert quick(noise=0.2).fit(data.blocks(rows)).history_["loss"][-1] > 0


def test_blocks_of_another_width_are_refused(rows):
    with pytest.raises(ValueError, match="10 features"):
        quick().fit(rows).transform(data.blocks(rows[:, :5]))


def test_what_needs_all_rows_says_so(rows):
    blocks = data.blocks(rows)

    with pytest.raises(TypeError, match=r"neighbor_weight.* takes rows in memory"):
        quick(neighbor_weight=0.1).fit(blocks)
    with pytest.raises(TypeError, match="partial_fit takes rows in memory"):
        quick().partial_fit(blocks)
    with pytest.raises(TypeError, match="target takes rows in memory"):
        quick().fit(blocks, target=rows)
    with pytest.raises(TypeError, match="TableAutoencoder takes rows in memory"):
        TableAutoencoder(2, epochs=1, random_state=0).fit(blocks)
    with pytest.raises(TypeError, match="fit of a detector takes rows in memory"):
        AutoencoderOutlierDetector(quick()).fit(blocks)


def test_a_row_that_is_not_finite_ends_the_fit_with_its_place(rows, tmp_path):
    spoiled = rows.copy()
    spoiled[700, 4] = np.inf
    np.save(tmp_path / "rows.npy", spoiled)

    with pytest.raises(ValueError, match="holds inf in column 5"):
        quick().fit(data.blocks(tmp_path / "rows.npy"))
