"""What is minimized: terms that agree with JAX's own derivative, and losses that read as Keras's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.training.conftest import CLASSES, Trial

from narrows import Dense
from narrows.networks.computation import Outputs
from narrows.training.objective import Objective, reconstruction


@pytest.fixture
def logits(rng) -> np.ndarray:
    """Small, large and extreme inputs of a sigmoid."""
    return np.concatenate([rng.normal(0, 3, (20, 5)), rng.normal(0, 60, (19, 5)), [[0.0, 1e4, -1e4, 88.8, -104.0]]]).astype(np.float32)


def plain_cross_entropy(raw, target):
    return (jax.nn.softplus(raw) - target * raw).mean(-1)


def test_cross_entropy_and_its_derivatives_are_jaxs_own(logits, rng):
    """Value, derivative by the raw output and by the target, against JAX's derivative of the plain form."""
    target = rng.random(logits.shape, dtype=np.float32)
    ours = reconstruction("bce", "sigmoid", keras.activations.sigmoid).per_row

    def results(per_row):
        return per_row(logits, target), *jax.grad(lambda raw, target: per_row(raw, target).sum(), (0, 1))(logits, target)

    for value, expected in zip(results(ours), results(plain_cross_entropy), strict=True):
        assert np.isfinite(value).all()
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6)


def test_cross_entropy_is_keras_own_of_probabilities(rng):
    raw, target = rng.normal(size=(9, 4)).astype(np.float32), rng.random((9, 4), dtype=np.float32)

    ours = reconstruction("bce", "sigmoid", keras.activations.sigmoid).per_row(raw, target)

    np.testing.assert_allclose(ours, keras.losses.binary_crossentropy(target, keras.activations.sigmoid(raw)), rtol=1e-5)


@pytest.mark.parametrize(
    "loss", ["bce", "mean_absolute_error", "huber", "log_cosh", "poisson", keras.losses.LogCosh(), keras.losses.BinaryCrossentropy()]
)
def test_losses_are_keras_own_per_row(loss, rng):
    raw, target = rng.random((2, 9, 4), dtype=np.float32) * 0.8 + 0.1
    known = {"bce": "binary_crossentropy"}.get(loss, loss) if isinstance(loss, str) else loss.name
    expected = keras.losses.get(known)(target, raw)

    ours = reconstruction(loss, "linear", keras.activations.linear).per_row(raw, target)

    assert ours.shape == (9,)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_names_say_what_was_chosen():
    def own_loss(target, rebuilt):
        return abs(target - rebuilt)

    linear = keras.activations.linear
    assert reconstruction("mse", "linear", linear).name == "mse"
    assert reconstruction("huber", "linear", linear).name == "huber"
    assert reconstruction(keras.losses.Huber(), "linear", linear).name == "Huber"
    assert reconstruction(own_loss, "linear", linear).name == "own_loss"


def test_a_value_per_cell_becomes_its_mean_per_row(rng):
    raw, target = rng.random((2, 6, 4), dtype=np.float32)

    ours = reconstruction(lambda target, rebuilt: abs(target - rebuilt), "linear", keras.activations.linear).per_row(raw, target)

    np.testing.assert_allclose(ours, abs(target - raw).mean(1), rtol=1e-6)


def test_equal_losses_share_a_program_and_others_do_not():
    keys = [
        reconstruction(loss, "linear", keras.activations.linear).key
        for loss in (keras.losses.Huber(0.5), keras.losses.Huber(0.5), keras.losses.Huber(0.7), "mse")
    ]

    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("loss", "error", "words"),
    [
        ("mmse", ValueError, "unknown loss 'mmse': it must be 'auto', 'mse', 'bce', or a Keras loss by name or instance"),
        (3, TypeError, r"loss must be a name, a Keras loss or a function of \(target, reconstruction\), got 3"),
    ],
)
def test_unknown_losses_are_named(loss, error, words):
    with pytest.raises(error, match=words):
        reconstruction(loss, "linear", keras.activations.linear)


@pytest.mark.parametrize("loss", [lambda t, r: jnp.mean(t - r), lambda t, r: jnp.mean(t - r, 0)], ids=["one number", "a value per feature"])
def test_a_loss_must_give_a_value_per_row(loss, rng):
    with pytest.raises(ValueError, match=r"loss <lambda> must give a value per row, shape \(6,\), got shape"):
        reconstruction(loss, "linear", keras.activations.linear).per_row(*rng.random((2, 6, 4), dtype=np.float32))


@pytest.mark.parametrize("layers", [Dense(5, l2=1e-2), Dense(5, tied=True)], ids=["penalized", "tied"])
def test_weighted_and_repeated_rows_give_equal_loss_and_first_gradient(layers, rng):
    """The law in place of scikit-learn's two sample-weight checks, which no minibatch estimator passes.

    All rows in one step of plain descent: the moved weights show the gradient.
    """
    rows = rng.random((12, 6), dtype=np.float32)
    times = np.array([1, 2, 3, 0, 1, 1, 2, 1, 4, 1, 0, 1])
    weighted, repeated = Trial(layers, rows, weight=times), Trial(layers, np.repeat(rows, times, axis=0))
    for made in (weighted, repeated):
        made.penalize_codes(0.01, 0.02)
    repeated.weights = weighted.weights

    one, other = (made("sgd", 1.0, epochs=1, batch_size=32) for made in (weighted, repeated))

    assert one.history["loss"] == pytest.approx(other.history["loss"], rel=1e-6)
    for name, first in weighted.weights.items():
        np.testing.assert_allclose(one.weights[name] - first, other.weights[name] - first, rtol=1e-4, atol=1e-6, err_msg=name)
        assert (one.weights[name] != first).any()


def test_the_scale_of_weights_does_not_matter(rng):
    rows, weight = rng.random((20, 6), dtype=np.float32), rng.random(20) + 0.1

    one, other = (Trial(Dense(5), rows, weight=weight * factor)("adam") for factor in (1, 1024))

    np.testing.assert_allclose(one.history["loss"], other.history["loss"], rtol=1e-5)


def test_validation_loss_is_the_training_loss_of_those_rows(trial):
    """One more epoch at a rate of nearly zero measures what validation measured."""
    measured = trial("sgd", 0.1, epochs=3, validation=trial.rows).history["val_loss"][-1]
    trial.weights = trial("sgd", 0.1, epochs=3).weights

    assert trial("sgd", 1e-30, epochs=1).history["loss"][0] == pytest.approx(measured, rel=1e-5)


# Terms on seven rows of four features, with codes of two numbers, three classes or two numbers to predict, and one penalized kernel.
N = 7
STRENGTHS = {"code_l1": 0.3, "code_l2": 0.2, "l1": [0.05], "l2": [0.07], "reconstruction_weight": 0.8, "label_weight": 1.7}
CLASS_WEIGHT = [1.0, 3.0, 0.5]
WEIGHT = [1.0, 0.5, 2.0, 0.0, 1.0, 1.0, 3.0]
LABELS = {
    None: None,
    "classes": np.array([0, 2, -1, 1, 1, -1, 0], np.int32),
    "numbers": np.array([[1, np.nan], [0.5, 2], [np.nan, np.nan], [3, 1], [0, -1], [2, 2], [np.nan, 1]], np.float32),
}


@pytest.fixture
def parts(rng) -> dict[str, np.ndarray]:
    """What a network may give; and what it is compared with, and a kernel of it."""
    shapes = {"codes": (N, 2), "raw": (N, 4), "classes": (N, CLASSES), "numbers": (N, 2), "kernel": (3, 4), "target": (N, 4)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def measured(parts, labels, *, y=None, weight=WEIGHT, **strengths):
    """Give the loss, and what history would say."""
    objective = Objective(reconstruction("mse", "linear", keras.activations.linear), True, ("kernel",), labels)
    numbers = {name: np.float32(value) for name, value in {**STRENGTHS, "class_weight": CLASS_WEIGHT, **strengths}.items()}
    batch = {"target": parts["target"], "weight": np.float32(weight)} | (
        {} if labels is None else {"y": LABELS[labels] if y is None else y}
    )
    outputs = Outputs(parts["codes"], parts["raw"], [], [], parts.get(labels))
    sums = objective.sums(outputs, {"kernel": parts["kernel"]}, batch, numbers)
    return objective.loss(sums, numbers), lambda: objective.logs(np.asarray(sums)[None], numbers)


def plain(parts, labels, xp):
    """Give the loss as the documentation writes it: with JAX in float32, with NumPy in float64."""
    p = {name: xp.asarray(value, xp.float64 if xp is np else xp.float32) for name, value in parts.items()}
    w, y, s = np.array(WEIGHT), LABELS[labels], STRENGTHS
    share = w / w.sum()
    penalty = share @ (s["code_l1"] * abs(p["codes"]).sum(1) + s["code_l2"] * (p["codes"] ** 2).sum(1))
    penalty = penalty + s["l1"][0] * abs(p["kernel"]).sum() + s["l2"][0] * (p["kernel"] ** 2).sum()
    rebuilt = share @ ((p["raw"] - p["target"]) ** 2).mean(1)
    if labels is None:
        return rebuilt + penalty
    if labels == "classes":
        rows = np.flatnonzero(y >= 0)
        chances = xp.exp(p["classes"][rows])
        cost = -xp.log(chances[np.arange(len(rows)), y[rows]] / chances.sum(1)) * np.array(CLASS_WEIGHT)[y[rows]]
    else:
        rows, columns = np.nonzero(~np.isnan(y))
        cost = (p["numbers"][rows, columns] - y[rows, columns]) ** 2
    return s["reconstruction_weight"] * rebuilt + penalty + s["label_weight"] * (w[rows] @ cost) / w[rows].sum()


@pytest.mark.parametrize("labels", LABELS)
def test_the_loss_and_its_derivatives_are_those_of_the_plain_form(labels, parts):
    """The value against float64; the derivatives by all that a network gives against JAX's own of the plain form."""
    value, gradient = jax.value_and_grad(lambda parts: measured(parts, labels)[0])(parts)
    expected = jax.grad(lambda parts: plain(parts, labels, jnp))(parts)

    assert value == pytest.approx(plain(parts, labels, np), rel=1e-6)
    for name, slope in gradient.items():
        np.testing.assert_allclose(slope, expected[name], rtol=1e-5, atol=1e-7, err_msg=name)
    assert all(abs(gradient[name]).max() > 0.01 for name in ("raw", "codes", "kernel", labels or "raw"))


@pytest.mark.parametrize("labels", ["classes", "numbers"])
def test_rows_without_labels_do_not_move_the_head(labels, parts):
    """Nor do they change what the others cost: without these rows the label's part of the loss is the same."""
    y = LABELS[labels]
    known = y >= 0 if labels == "classes" else ~np.isnan(y).all(1)
    fewer = {name: value[known] if len(value) == N else value for name, value in parts.items()}

    gradient = jax.grad(lambda parts: measured(parts, labels)[0])(parts)[labels]
    all_rows, others = measured(parts, labels)[1](), measured(fewer, labels, y=y[known], weight=np.array(WEIGHT)[known])[1]()

    assert not gradient[~known].any()
    assert all_rows["label_loss"] == pytest.approx(others["label_loss"], rel=1e-6)
    assert all_rows["reconstruction_loss"] != pytest.approx(others["reconstruction_loss"], rel=1e-3)


@pytest.mark.parametrize("labels", ["classes", "numbers"])
def test_a_batch_without_any_label_is_reconstruction_alone(labels, parts):
    nothing = np.full_like(LABELS[labels], -1 if labels == "classes" else np.nan)

    value, logs = measured(parts, labels, y=nothing)
    gradient = jax.grad(lambda parts: measured(parts, labels, y=nothing)[0])(parts)

    assert not gradient[labels].any()
    assert np.isfinite(gradient["codes"]).all()
    assert (
        logs()["loss"]
        == pytest.approx(float(value), rel=1e-6)
        == pytest.approx(float(measured(parts, labels, label_weight=0)[0]), rel=1e-6)
    )
    assert np.isnan(logs()["label_loss"])


def test_accuracy_is_the_share_of_the_known_rows_by_weight(parts):
    y, weight = LABELS["classes"], np.array(WEIGHT)
    known = y >= 0
    right = (parts["classes"].argmax(1) == y)[known]

    assert measured(parts, "classes")[1]()["accuracy"] == pytest.approx(weight[known] @ right / weight[known].sum())


def test_chances_near_none_and_near_certain_cost_finite_amounts(parts):
    parts["classes"] = np.float32([[1e4, 0, -1e4], [0, 1e4, 0], [0, 0, 0], [-1e4, 0, 1e4], [0, 3e38, 0], [0, 0, 0], [88.8, -104, 0]])

    value, gradient = jax.value_and_grad(lambda parts: measured(parts, "classes", y=np.zeros(N, np.int32))[0])(parts)

    assert np.isfinite(value)
    assert all(np.isfinite(slope).all() for slope in gradient.values())


@pytest.mark.parametrize("labels", ["classes", "numbers"])
def test_weighted_and_repeated_labeled_rows_give_equal_loss_and_first_gradient(labels, rng):
    """The law above, with a head."""
    rows, times = rng.random((12, 6), dtype=np.float32), np.array([1, 2, 3, 0, 1, 1, 2, 1, 4, 1, 0, 1])
    y = rng.integers(-1, CLASSES, 12).astype(np.int32) if labels == "classes" else rng.normal(size=(12, 2)).astype(np.float32)
    weighted = Trial(Dense(5), rows, weight=times, y=y)
    repeated = Trial(Dense(5), np.repeat(rows, times, axis=0), y=np.repeat(y, times, axis=0))
    repeated.weights = weighted.weights

    one, other = (made("sgd", 1.0, epochs=1, batch_size=32) for made in (weighted, repeated))

    assert {name: pytest.approx(values, rel=1e-6) for name, values in one.history.items()} == other.history
    for name, first in weighted.weights.items():
        np.testing.assert_allclose(one.weights[name] - first, other.weights[name] - first, rtol=1e-4, atol=1e-6, err_msg=name)
    assert (one.weights["head_output/kernel"] != weighted.weights["head_output/kernel"]).any()


@pytest.mark.parametrize(
    ("strength", "still", "moved"), [("label_weight", "head", "decoder_1"), ("reconstruction_weight", "decoder", "head_1")]
)
def test_a_weight_of_zero_leaves_its_part_where_it_started(strength, still, moved, rng):
    made = Trial(Dense(5), rng.random((12, 6), dtype=np.float32), y=np.arange(12, dtype=np.int32) % CLASSES)
    made.numbers[strength] = np.float32(0)

    trained = made("sgd", 0.1).weights

    resting = [name for name in trained if name.startswith((still, "output") if still == "decoder" else still)]
    assert len(resting) == 4
    for name in resting:
        np.testing.assert_array_equal(trained[name], made.weights[name], err_msg=name)
    assert (trained[f"{moved}/kernel"] != made.weights[f"{moved}/kernel"]).any()
    assert (trained["encoder_1/kernel"] != made.weights["encoder_1/kernel"]).any()
