"""Each question as a pure function: figures in, a sentence and a level out."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from narrows.diagnostics import Code, Course, Dimensions, Errors, Features, Head, Measurements, diagnose
from narrows.diagnostics.codes import deficient_code, spread_of
from narrows.diagnostics.course import divergence, overfitting, still_learning
from narrows.diagnostics.features import constant_features, duplicate_features, look_at, out_of_range
from narrows.diagnostics.head import overfitted_head
from narrows.diagnostics.maps import Map, torn_map
from narrows.diagnostics.units import dead_units, saturated_units
from narrows.diagnostics.verdict import listed, percent
from narrows.networks.activity import LayerActivity

FALLING = Course(loss=(8.0, 4.0, 2.0, 1.0), val_loss=(), epochs=4, kept=4)


def compared(error: float, *, mean_error: float = 1.0, pca_error: float = 0.5, n_components: int = 2, **others):
    found = Errors(error, mean_error, pca_error, n_components, **others)
    return {verdict.name: verdict for verdict in diagnose(Measurements(errors=found))}


@pytest.mark.parametrize("error", [0.981, 1.0, 3.0])
def test_no_better_than_the_mean_row_is_a_collapse(error):
    found = compared(error)

    assert found.keys() == {"collapse"}
    assert found["collapse"].level == "warning"
    assert f"The code has collapsed: squared error {error:.4g}, where the mean row alone gives 1." in str(found["collapse"])
    assert "code_activation='linear'" in found["collapse"].remedy


def test_better_than_the_mean_row_is_none():
    found = compared(0.25)["collapse"]

    assert found.level == "good"
    assert str(found) == "No collapse: 4 times less error than the mean row."


@pytest.mark.parametrize(
    ("error", "level", "words"),
    [
        (
            0.6,
            "warning",
            "The code is worse than PCA with 2 components: squared error 0.6 against 0.5. Train longer, widen the layers, start as PCA "
            "(linear_path=True), or use PCA.",
        ),
        (0.505, "note", "PCA with 2 components is as good here: squared error 0.5 against 0.505 on training rows. Use PCA, or "),
        (0.495, "note", "PCA with 2 components is as good here: squared error 0.5 against 0.495 on training rows. Use PCA, or "),
        (0.25, "good", "2 times less error than PCA with 2 components, on training rows."),
    ],
)
def test_pca_is_worse_as_good_or_better(error, level, words):
    found = compared(error)["pca"]

    assert found.level == level
    assert str(found).startswith(words)


def test_one_component_is_singular():
    assert "PCA with 1 component, on" in str(compared(0.25, n_components=1)["pca"])


def test_worse_than_pca_on_rows_that_were_not_learned_by_heart():
    assert "It knows its training rows by heart" in compared(0.6, train_error=0.1, n_held_out=50)["pca"].remedy


@pytest.mark.parametrize(("n", "level"), [(10, "note"), (24, "note"), (26, "good"), (10_000, "good")])
def test_few_validation_rows_do_not_make_a_network_better(n, level):
    """A tenth less error is luck on 24 rows, by which the epoch was chosen as well."""
    found = compared(0.5 / 1.1, train_error=0.45, n_held_out=n)["pca"]

    assert found.level == level
    assert f" on {n:,} validation rows." in str(found)


@pytest.mark.parametrize(
    ("pca_error", "words"), [(1e-14, "PCA with 2 components is as good here: it rebuilds every row exactly, too. Use PCA."), (0.1, "")]
)
def test_what_rounding_leaves_is_not_compared(pca_error, words):
    found = diagnose(Measurements(errors=Errors(2e-12, 1.0, pca_error, 2), course=FALLING))

    assert str(found[0]) == "No collapse: every row is rebuilt exactly, but for rounding."
    assert [(verdict.level, str(verdict)) for verdict in found[1:]] == ([("note", words)] if words else [])


def test_a_code_as_long_as_a_row_is_said_to_be_so():
    found = compared(0.3, pca_error=0.0, complete=True)["pca"]

    assert (found.level, str(found)) == ("note", "A code is as long as a row: PCA with 2 components loses nothing either.")


def test_equal_rows_are_nothing_to_learn():
    found = compared(0.0, mean_error=0.0, pca_error=0.0)

    assert [(verdict.name, verdict.level) for verdict in found.values()] == [("collapse", "note")]
    assert "All rows are equal" in str(found["collapse"])


def test_a_perfect_network_divides_by_nothing():
    found = compared(0.0, pca_error=0.1)

    assert {name: verdict.level for name, verdict in found.items()} == {"collapse": "good"}
    assert "every row is rebuilt exactly" in str(found["collapse"])


def test_a_collapsed_code_is_not_called_deficient_as_well():
    collapsed = Measurements(errors=Errors(1.0, 1.0, 0.5, 4), code=Code(4, 1, 4))

    assert [verdict.name for verdict in diagnose(collapsed)] == ["collapse"]


def test_divergence():
    verdict = divergence(replace(FALLING, kept=2, diverged=(3, 7)))

    assert (verdict.level, verdict.figures) == ("warning", {"epoch": 3, "step": 7, "kept_epoch": 2})
    assert verdict.sentence == "Training diverged: the loss was no longer finite in epoch 3, step 7; the weights are back at epoch 2."
    assert "back at their start" in divergence(replace(FALLING, kept=0, diverged=(1, 1))).sentence
    assert divergence(FALLING) is None


def held_out(gap: float, n: int = 50) -> Errors:
    return Errors(gap, 10.0, 5.0, 2, train_error=1.0, n_held_out=n)


@pytest.mark.parametrize(
    ("val_loss", "kept", "gap", "level"),
    [
        ((3.0, 1.0, 1.2), 3, 1.2, "warning"),
        ((3.0, 1.0, 1.2), 2, 1.2, None),  # gone back to the best epoch
        ((3.0, 1.0, 1.04), 3, 1.2, None),
        ((3.0, 1.0, 1.2), 2, 2.0, "note"),
    ],
)
def test_overfitting(val_loss, kept, gap, level):
    verdict = overfitting(Course((3.0, 2.0, 1.0), val_loss, 3, kept), held_out(gap))

    assert (verdict and verdict.level) == level


def test_overfitting_in_words():
    warned = overfitting(Course((3.0, 2.0, 1.0), (3.0, 1.0, 1.2), 3, 3), held_out(1.2))
    noted = overfitting(Course((3.0, 2.0, 1.0), (3.0, 1.0, 1.2), 3, 2), held_out(2.0))

    assert warned.sentence == "Overfitting: the validation loss was lowest in epoch 2 and is 20 % above that in epoch 3."
    assert warned.remedy == "Use early_stopping=True, which goes back to the best epoch."
    assert noted.sentence == "Validation rows have 2 times the error of training rows."


def test_few_validation_rows_prove_nothing():
    assert overfitting(Course((1.0,), (1.0,), 1, 1), held_out(9.0, n=9)) is None


def test_a_cross_entropy_is_measured_from_its_least():
    """From 0.31 to 0.30 is little, unless 0.29 of it is the entropy of the rows."""
    course = Course((), (0.35, 0.31, 0.30, 0.30), 4, 4)

    assert still_learning(course) is None
    assert still_learning(replace(course, floor=0.29)).figures["fall"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("course", "told"),
    [
        (FALLING, True),
        (replace(FALLING, loss=(8.0, 4.0, 3.6, 3.5)), False),
        (replace(FALLING, val_loss=(8.0, 4.0, 3.6, 3.5)), True),
        (replace(FALLING, val_loss=(8.0, 4.0, 3.9, 3.8)), False),
        (replace(FALLING, epochs=10), False),  # stopped by validation
        (replace(FALLING, loss=(8.0,), epochs=1), False),
    ],
)
def test_still_learning(course, told):
    assert (still_learning(course) is not None) == told


def test_still_learning_in_words():
    verdict = still_learning(FALLING)

    assert verdict.sentence == "Stopped while it was learning: the training loss fell by 75 % in the second half of 4 epochs."
    assert verdict.remedy == "Train longer (epochs=8), with early_stopping=True to see that other rows gain by it."
    assert "the validation loss fell" in still_learning(replace(FALLING, val_loss=FALLING.loss)).sentence


@pytest.mark.parametrize(("dead", "level"), [(0, None), (1, None), (2, "note"), (5, "note"), (6, "warning"), (10, "warning")])
def test_dead_units(dead, level):
    verdict = dead_units([LayerActivity("encoder_1", "relu", 10, dead, 0), LayerActivity("encoder_2", "relu", 10, 0, 0)])

    assert (verdict and verdict.level) == level
    if level is not None:
        words = f"{dead} of 10 units of encoder_1 ({10 * dead} %) give the same output for every row."
        assert verdict.sentence == words
        assert bool(verdict.remedy) == (level == "warning")
        assert verdict.figures["encoder_1"] == dead / 10


def test_layers_behind_a_mute_one_are_not_blamed():
    layers = [LayerActivity("code", "tanh", 2, 0, 2, is_code=True), LayerActivity("decoder_1", "relu", 10, 10, 0)]

    assert dead_units(layers) is None
    assert saturated_units(layers).sentence == "2 of 2 units of code (100 %) are at their bounds for nearly every row and learn no more."


@pytest.mark.parametrize(
    ("code", "level"),
    [
        (Code(8, 8, 8), None),
        (Code(8, 7, 8), "note"),
        (Code(8, 5, 8), "warning"),
        (Code(8, 5, 8, sparse=True), "note"),
        (Code(8, 3, 3), None),  # wider than its rows, by intention
    ],
)
def test_deficient_code(code, level):
    verdict = deficient_code(code)

    assert (verdict and verdict.level) == level


def test_deficient_code_in_words():
    three, one = deficient_code(Code(8, 5, 8)), deficient_code(Code(8, 7, 8))

    assert three.sentence == "3 of the 8 numbers in a code carry nothing: codes spread along 5 directions only."
    assert three.remedy.startswith("Use n_components=5")
    assert one.sentence == "1 of the 8 numbers in a code carries nothing: codes spread along 7 directions only."


def test_the_rank_of_codes(rng):
    plane = rng.normal(size=(100, 2)) @ rng.normal(size=(2, 5))

    assert spread_of(plane.astype(np.float32), 20) == Code(5, 2, 5)
    assert spread_of(np.column_stack([plane[:, :2], 0 * plane[:, 0] + 7]), 20).rank == 2
    assert spread_of(np.full((100, 3), 7.0), 20).rank == 0
    assert spread_of(rng.normal(size=(4, 9)), 6).possible == 3
    assert spread_of(rng.normal(size=(100, 3)) * [1, 0.1, 0.03], 20).rank == 3


@pytest.mark.parametrize(("output", "outside"), [("linear", 0), ("tanh", 0.5), ("sigmoid", 0.75), ("relu", 0.5), ("some_function", 0)])
def test_cells_out_of_range(output, outside):
    rows = np.array([[-2.0, 0.0], [2.0, -1.0]])

    features = look_at(rows, rows, rows, output, None)

    assert features.outside == outside
    verdict = out_of_range(features)
    assert (verdict and verdict.level) == ("warning" if outside else None)


def test_out_of_range_in_words():
    words = str(out_of_range(Features(5, output="tanh", outside=0.317)))

    assert words.startswith("32 % of the scaled cells are outside [-1, 1], where the output activation 'tanh' cannot go. Use ")
    assert "are below 0, where" in str(out_of_range(Features(5, output="relu", outside=0.001)))
    assert out_of_range(Features(5, output="relu", outside=0.001)).level == "note"


def test_constant_and_duplicate_columns_are_those_of_all_rows():
    """A column that changes once in all rows is not constant, though it is in the sample; nor are two copies that differ once."""
    rows = np.tile(np.arange(8.0), (50, 1)) * np.arange(50)[:, None] ** [0, 0, 1, 1, 2, 2, 3, 0]
    rows[:, 3], rows[:, 5] = rows[:, 2], rows[:, 4]
    rows[40, 1] += 1
    rows[40, 5] += 1
    sample = rows[:20]

    features = look_at(rows, sample, sample, "linear", None)

    assert features.constant == ("x0", "x7")
    assert features.duplicates == (("x3", "x2"),)
    assert look_at(rows, sample, sample, "linear", list("abcdefgh")).duplicates == (("d", "c"),)


@pytest.mark.parametrize(("count", "level"), [(0, None), (67, "note"), (392, "note"), (393, "warning")])
def test_constant_features(count, level):
    verdict = constant_features(Features(784, tuple(f"x{number}" for number in range(count))))

    assert (verdict and verdict.level) == level
    if level is not None:
        assert verdict.sentence == f"{count} of 784 features never change (x0, x1, x2, …)."
        assert bool(verdict.remedy) == (level == "warning")


@pytest.mark.parametrize(("count", "level", "words"), [(1, "note", "1 of 8 features repeats another (b1 = a)."), (3, "warning", "3 of 8 ")])
def test_duplicate_features(count, level, words):
    verdict = duplicate_features(Features(10, ("c", "d"), tuple((f"b{number + 1}", "a") for number in range(count))))

    assert verdict.level == level
    assert verdict.sentence.startswith(words)


@pytest.mark.parametrize(
    ("head", "level"),
    [
        (Head(0.99, 0.97, 10_000, 0.1), "good"),
        (Head(1.00, 0.96, 10_000, 0.1), "warning"),
        (Head(1.00, 0.96, 100, 0.1), "good"),  # four rows of a hundred are chance,
        (Head(1.00, 0.90, 100, 0.1), "warning"),  # and ten are not
        (Head(1.00, 0.50, 4, 0.5), "note"),  # four rows prove little
        (Head(0.5, 0.4, 1000, 0.4), "warning"),
        (Head(0.42, 0.4, 1000, 0.4), "note"),
        (Head(0.4, 0.6, 1000, 0.4), "good"),
    ],
)
def test_a_head(head, level):
    assert overfitted_head(head).level == level


def test_a_head_in_words():
    by_heart, guesses, well = (
        overfitted_head(head) for head in (Head(1.0, 0.9, 2000, 0.1), Head(0.2, 0.1, 9, 0.3), Head(0.99, 0.985, 2000, 0.1))
    )

    assert (
        by_heart.sentence == "The head knows its training rows by heart: it predicts 90 % of 2,000 validation rows, 100 % of training rows."
    )
    assert "dropout in the head (head=Dense(64, 128, dropout=0.5)), a smaller label_weight, fewer epochs" in by_heart.remedy
    assert by_heart.figures == {"train_accuracy": 1.0, "accuracy": 0.9, "gap": pytest.approx(0.1), "commonest": 0.1}
    assert guesses.sentence.endswith("20 % of training rows, and a guess of the commonest class 30 %.")
    assert guesses.remedy == "Use a larger label_weight, more epochs, or a wider head."
    assert str(well) == "The head predicts 98 % of 2,000 validation rows, 99 % of training rows."


@pytest.mark.parametrize(
    ("kept", "level", "words"),
    [
        (
            (0.95, 0.96, 0.75, 0.93),
            "good",
            "Rows near each other lie together: trustworthiness 0.950 and continuity 0.960, where PCA with 2 ",
        ),
        ((0.72, 0.89, 0.75, 0.93), "good", "Rows near each other lie together: trustworthiness 0.720 "),  # hardly less than PCA
        ((0.95, 0.87, 0.75, 0.93), "warning", "The map is torn, and rows near each other lie apart: continuity 0.870, where PCA with 2 "),
        (
            (0.65, 0.95, 0.75, 0.93),
            "warning",
            "The map is folded, and rows lie together that are not near each other: trustworthiness 0.65",
        ),
        ((0.65, 0.80, 0.75, 0.93), "warning", "The map is torn"),
    ],
)
def test_a_map(kept, level, words):
    verdict = torn_map(Map(*kept, n_components=2, n_rows=2048))

    assert verdict.level == level
    assert verdict.sentence.startswith(words)
    assert verdict.sentence.endswith(", on 2,048 rows.")
    assert bool(verdict.remedy) == (level == "warning")
    assert list(verdict.figures.values()) == list(kept)


def test_a_map_of_one_component_in_words():
    assert "PCA with 1 component has" in str(torn_map(Map(1, 1, 1, 1, 1, 60)))


def test_dimensions_in_words():
    known = Dimensions(2048, {80: 43, 90: 86, 95: 151, 99: None}, 13.4)

    (verdict,) = diagnose(Measurements(dimensions=known))

    assert str(verdict) == (
        "PCA needs 43, 86, 151 components for 80, 90, 95 % of the variance, and more than are known for 99 %; "
        "the intrinsic dimension is about 13 (TwoNN), on 2,048 rows."
    )
    assert verdict.figures == {"pca_80": 43, "pca_90": 86, "pca_95": 151, "intrinsic": 13.4}
    assert "TwoNN" not in str(replace(known, intrinsic=None))
    assert str(Dimensions(9, {80: 3, 90: 4, 95: 5, 99: 6}, None)) == "PCA needs 3, 4, 5, 6 components for 80, 90, 95, 99 % of the variance"
    assert str(Dimensions(9, dict.fromkeys((80, 90, 95, 99)), None)) == "PCA's known components explain less than 80 % of the variance"


def test_figures_are_plain_json():
    for verdict in compared(0.25).values():
        plain = json.loads(json.dumps(verdict.to_dict()))
        assert plain["figures"] == {"error": 0.25, "mean_error": 1.0, "pca_error": 0.5}


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.9999, "more than 99 %"), (0.00001, "less than 0.01 %"), (0.317, "32 %"), (0.0123, "1.2 %")],
)
def test_percent(share, text):
    assert percent(share) == text


def test_listed():
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a", "b", "c", "d"]) == "a, b, c, …"
