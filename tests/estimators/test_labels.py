"""Labels: any kind of class, none for some rows, and what is said of those that cannot be learned."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import LabelBinarizer, OneHotEncoder

from narrows.estimators._labels import class_weights, held_out, known_classes, read_classes, read_numbers, scale_of

PLACES = [2, 0, 1, 0]  # of four rows, in three classes
INTEGERS, TEXT = [30, 10, 20, 10], ["c", "a", "b", "a"]
CLASSES = {
    "integers": (INTEGERS, [10, 20, 30]),
    "small integers": (np.array(INTEGERS, np.int8), [10, 20, 30]),
    "unsigned integers": (np.array(INTEGERS, np.uint64), [10, 20, 30]),
    "negative integers": ([1, -1, 0, -1], [-1, 0, 1]),
    "whole floats": (np.array(INTEGERS, float), [10.0, 20.0, 30.0]),
    "strings": (TEXT, ["a", "b", "c"]),
    "long strings": (["ccc", "a", "bb", "a"], ["a", "bb", "ccc"]),
    "strings as objects": (np.array(TEXT, object), ["a", "b", "c"]),
    "a pandas series": (pd.Series(INTEGERS, index=list("wxyz")), [10, 20, 30]),
    "pandas categories": (pd.Categorical(TEXT, categories=["c", "b", "a"]), ["a", "b", "c"]),
    "a pandas series of Arrow strings": (pd.Series(TEXT, dtype="string[pyarrow]"), ["a", "b", "c"]),
    "a polars series": (pl.Series(INTEGERS), [10, 20, 30]),
    "polars categories": (pl.Series(TEXT, dtype=pl.Categorical), ["a", "b", "c"]),
    "an Arrow array": (pa.array(INTEGERS), [10, 20, 30]),
}
NONE_FOR_THE_LAST = {
    "None": ([2, 0, 1, None], [0, 1, 2]),
    "None among strings": (["c", "a", "b", None], ["a", "b", "c"]),
    "NaN": ([2, 0, 1, np.nan], [0, 1, 2]),
    "NaN in a list of strings": (["c", "a", "b", np.nan], ["a", "b", "c"]),
    "NaN among strings": (np.array(["c", "a", "b", np.nan], object), ["a", "b", "c"]),
    "pandas NA": (pd.Series([30, 10, 20, None], dtype="Int64"), [10, 20, 30]),
    "NA among pandas strings": (pd.Series(["c", "a", "b", None], dtype="string"), ["a", "b", "c"]),
    "NA among pandas categories": (pd.Series(pd.Categorical(["c", "a", "b", None])), ["a", "b", "c"]),
    "NA among categories of integers": (pd.Series(pd.Categorical([30, 10, 20, None])), [10, 20, 30]),
    "polars null": (pl.Series([30, 10, 20, None]), [10, 20, 30]),
    "polars null among strings": (pl.Series(["c", "a", "b", None]), ["a", "b", "c"]),
    "Arrow null": (pa.array(["c", "a", "b", None]), ["a", "b", "c"]),
}
HOT = np.eye(3)[PLACES]
ONE_HOT = {
    "an array": (HOT, [0, 1, 2]),
    "booleans": (HOT.astype(bool), [0, 1, 2]),
    "a pandas frame": (pd.DataFrame(HOT, columns=["a", "b", "c"]), ["a", "b", "c"]),
    "a frame in another order": (pd.DataFrame(HOT[:, ::-1], columns=["c", "b", "a"]), ["a", "b", "c"]),
    "pandas dummies": (pd.get_dummies(pd.Series(TEXT)), ["a", "b", "c"]),
    "a polars frame": (pl.DataFrame(HOT, schema=["a", "b", "c"]), ["a", "b", "c"]),
    "a LabelBinarizer's": (LabelBinarizer().fit_transform(TEXT), [0, 1, 2]),
    "a OneHotEncoder's, sparse": (OneHotEncoder().fit_transform(np.array(TEXT)[:, None]), [0, 1, 2]),
    "a sparse array": (scipy.sparse.csr_array(HOT), [0, 1, 2]),
}


@pytest.mark.parametrize(("y", "classes"), [*CLASSES.values(), *ONE_HOT.values()], ids=[*CLASSES, *ONE_HOT])
def test_labels_of_any_kind_are_classes(y, classes):
    places, found = read_classes(y, 4)

    assert places.tolist() == PLACES
    assert places.dtype == np.int32
    assert found.tolist() == classes
    assert found.dtype.kind in "iufU"
    assert read_classes(y, 4, known=found)[0].tolist() == PLACES


@pytest.mark.parametrize("y", [[True, False, True], np.array([True, False, True]), pd.Series([True, False, True], dtype="boolean")])
def test_booleans_are_classes(y):
    places, classes = read_classes(y, 3)

    assert (places.tolist(), classes.tolist(), classes.dtype.kind) == ([1, 0, 1], [False, True], "b")


@pytest.mark.parametrize(("y", "classes"), NONE_FOR_THE_LAST.values(), ids=NONE_FOR_THE_LAST)
def test_rows_may_have_no_label(y, classes):
    """Whole numbers stay whole, though NumPy has no integer that stands for none."""
    places, found = read_classes(y, 4)

    assert places.tolist() == [2, 0, 1, -1]
    assert found.tolist() == classes
    assert found.dtype.kind in "iU"


def test_booleans_may_be_missing():
    places, classes = read_classes(pd.Series([True, None, False], dtype="boolean"), 3)

    assert (places.tolist(), classes.tolist()) == ([1, -1, 0], [False, True])


@pytest.mark.parametrize("hole", [0, np.nan])
def test_a_one_hot_row_may_have_no_label(hole):
    hot = HOT.copy()
    hot[3] = hole

    places, classes = read_classes(hot, 4)

    assert (places.tolist(), classes.tolist()) == ([2, 0, 1, -1], [0, 1, 2])


@pytest.mark.parametrize(
    ("y", "unlabeled", "classes"),
    [([2, 0, 1, -1], -1, [0, 1, 2]), (["c", "a", "b", "?"], "?", ["a", "b", "c"]), ([2.0, 0, 1, -1], -1, [0, 1, 2])],
)
def test_a_label_may_stand_for_none_by_request(y, unlabeled, classes):
    places, found = read_classes(y, 4, unlabeled=unlabeled)

    assert (places.tolist(), found.tolist()) == ([2, 0, 1, -1], classes)
    assert len(read_classes(y, 4)[1]) == 4


def test_an_unlabeled_mark_of_another_kind_marks_nothing():
    assert read_classes(TEXT, 4, unlabeled=-1)[0].tolist() == PLACES


def test_a_column_is_read_with_scikit_learns_warning():
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array was expected"):
        places, _ = read_classes(np.array(TEXT)[:, None], 4)

    assert places.tolist() == PLACES


def test_one_hot_columns_without_names_stand_for_the_classes_that_there_are():
    places, classes = read_classes(HOT, 4, known=np.array(["a", "b", "c"]))

    assert (places.tolist(), classes.tolist()) == (PLACES, ["a", "b", "c"])


def test_later_rows_need_not_have_labels():
    places, _ = read_classes([None, None], 2, known=np.array(["a", "b"]))

    assert places.tolist() == [-1, -1]


THREE = np.array([10, 20, 30])
BAD_CLASSES = {
    "none given": (lambda: read_classes(None, 4), "requires y to be passed, but the target y is None: label rows, or use Autoencoder"),
    "too few": (lambda: read_classes([0, 1], 4), r"y must hold a label for each of the 4 rows, got shape \(2,\)"),
    "too many": (lambda: read_classes(np.eye(5), 4), r"y must hold a label for each of the 4 rows, got shape \(5, 5\)"),
    "one for all": (lambda: read_classes("a", 4), r"y must hold a label for each of the 4 rows, got shape \(\)"),
    "no label": (
        lambda: read_classes([None] * 4, 4),
        "y holds no label, only 4 rows without one: label rows of two classes at least, or use Auto",
    ),
    "no label by request": (lambda: read_classes([-1] * 4, 4, unlabeled=-1), "y holds no label, only 4 rows without one"),
    "one class": (
        lambda: read_classes([7] * 4, 4),
        "y holds one class only, 7, and a classifier needs at least two classes: label rows of ano",
    ),
    "one class and none": (lambda: read_classes(["a", None, "a", None], 4), "y holds one class only, 'a', and a classifier needs"),
    "fractions": (
        lambda: read_classes([0, 0.5, 1, 1], 4),
        "Unknown label type: continuous. y holds 0.5, .*use SupervisedAutoencoderRegressor",
    ),
    "infinity": (lambda: read_classes([0, np.inf, 1, 1], 4), "Input y contains infinity: a class is a whole number, a string or a boolean"),
    "mixed kinds": (lambda: read_classes([0, "a", 1, 1], 4), "y mixes labels of different kinds, int and str: use one of them for all"),
    "dates": (
        lambda: read_classes(pd.Series(pd.date_range("2020", periods=4)), 4),
        "Unknown label type: y holds .*2020-01-01.*, and a class is a",
    ),
    "decimals": (
        lambda: read_classes([Decimal(1), Decimal(2)] * 2, 4),
        r"Unknown label type: y holds Decimal\('1'\), and a class is a whole",
    ),
    "tuples": (
        lambda: read_classes(pd.Series([(0, 1), (2, 3)]), 2),
        r"Unknown label type: y holds \(0, 1\), and a class is a whole number",
    ),
    "two hot": (
        lambda: read_classes([[1, 1], [0, 1]], 2),
        r"y of shape \(2, 2\) must be one-hot, a single 1 in each row and 0 elsewhere, or of sh",
    ),
    "not hot": (lambda: read_classes([[0.5, 0.5], [0, 1]], 2), r"y of shape \(2, 2\) must be one-hot"),
    "text in two columns": (lambda: read_classes([["a", "b"], ["c", "d"]], 2), r"y of shape \(2, 2\) must be one-hot"),
    "unknown number": (lambda: read_classes([10, 11], 2, known=THREE), "y holds the label 11, which is none of the classes: 10, 20, 30"),
    "unknown string": (lambda: read_classes(["a"], 1, known=THREE), "y holds the label 'a', which is none of the classes: 10, 20, 30"),
    "unknown column": (
        lambda: read_classes(pd.DataFrame([[1, 0]], columns=["a", "b"]), 1, known=np.array(["b", "c"])),
        "the label 'a', which is",
    ),
    "columns too few": (lambda: read_classes([[1, 0]], 1, known=THREE), "y has 2 one-hot columns, and there are 3 classes: 10, 20, 30"),
    "one class to come": (lambda: known_classes([1, 1]), r"classes must hold at least two labels, all that will ever come, got \[1, 1\]"),
    "no classes to come": (lambda: known_classes(3), "classes must hold at least two labels, all that will ever come, got 3"),
}


@pytest.mark.parametrize(("read", "words"), BAD_CLASSES.values(), ids=BAD_CLASSES)
def test_labels_that_are_no_classes_are_refused(read, words):
    with pytest.raises(ValueError, match=words):
        read()


def test_many_classes_are_not_all_named():
    with pytest.raises(ValueError, match=r"none of the classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … \(50 in all\)"):
        read_classes([99], 1, known=np.arange(50))


def test_unlabeled_is_one_label():
    with pytest.raises(TypeError, match=r"unlabeled must be None or one label that stands for none, such as -1, got \[-1\]"):
        read_classes([0, 1], 2, unlabeled=[-1])


def test_classes_to_come_are_read_as_labels_are():
    assert known_classes(["b", "a", "?", "b"], "?").tolist() == ["a", "b"]
    assert known_classes(pd.Series([3, 1, None])).tolist() == [1, 3]


@pytest.mark.parametrize(
    ("class_weight", "expected"),
    [
        (None, [1, 1, 1]),
        ({"a": 2, "c": 0}, [2, 1, 0]),
        ("balanced", [6 / (3 * 3), 6 / (3 * 2), 6 / (3 * 1)]),
    ],
)
def test_class_weights(class_weight, expected):
    """Balanced ones are scikit-learn's: rows over classes times rows of the class; rows without a label do not count."""
    y = np.array([0, 0, 0, 1, 1, 2, -1, -1])

    weights = class_weights(class_weight, np.array(["a", "b", "c"]), y)

    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert weights.dtype == np.float32


@pytest.mark.parametrize("y", [[1, 1, 2], [-1, -1, -1]])
def test_balance_is_among_the_classes_that_are_there(y):
    weights = class_weights("balanced", np.arange(3), np.array(y))

    np.testing.assert_allclose(weights, [1, 0.75, 1.5] if 1 in y else [1, 1, 1])


def test_balance_is_by_the_weight_of_rows(rng):
    y, times = rng.integers(-1, 3, 30), rng.integers(0, 4, 30)

    weighted, repeated = class_weights("balanced", np.arange(3), y, times / 4), class_weights("balanced", np.arange(3), np.repeat(y, times))

    np.testing.assert_allclose(weighted, repeated, rtol=1e-6)


@pytest.mark.parametrize(
    ("class_weight", "words"),
    [
        ({"d": 1}, "class_weight names the class 'd', which y does not hold: it holds 'a', 'b', 'c'"),
        ({1: 1}, "class_weight names the class 1, which y does not hold"),
        ({"a": -1}, "class_weight of 'a' must be a finite number of at least 0, got -1"),
        ({"a": np.inf}, "class_weight of 'a' must be a finite number of at least 0, got inf"),
        ({"a": "2"}, "class_weight of 'a' must be a finite number of at least 0, got '2'"),
        ("even", "class_weight must be None, 'balanced' or a dict from class to weight, got 'even'"),
        ([1, 1, 2], r"class_weight must be None, 'balanced' or a dict from class to weight, got \[1, 1, 2\]"),
    ],
)
def test_other_class_weights_are_refused(class_weight, words):
    with pytest.raises(ValueError, match=words):
        class_weights(class_weight, np.array(["a", "b", "c"]), np.array([0, 1, 2]))


@pytest.mark.parametrize(
    "y",
    [
        [1, 2.5, None],
        np.array([1, 2.5, np.nan], np.float32),
        pd.Series([1, 2.5, None], dtype="Float64"),
        pl.Series([1.0, 2.5, None]),
        pd.Series([1, 2.5, pd.NA], dtype=object),
    ],
)
def test_numbers_may_be_unknown(y):
    np.testing.assert_array_equal(read_numbers(y, 3), [[1], [2.5], [np.nan]])


def test_several_numbers_a_row():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, None]})

    np.testing.assert_array_equal(read_numbers(frame, 2), [[1, 0.5], [2, np.nan]])
    np.testing.assert_array_equal(read_numbers(frame, 2, known=2), [[1, 0.5], [2, np.nan]])
    assert read_numbers(pd.DataFrame({"a": [None, None]}, dtype=float)["a"], 2, known=1).shape == (2, 1)


BAD_NUMBERS = {
    "none given": (lambda: read_numbers(None, 3), "requires y to be passed, but the target y is None"),
    "too few": (lambda: read_numbers([1.0], 3), r"y must hold a label for each of the 3 rows, got shape \(1,\)"),
    "text": (lambda: read_numbers(["1", "2", "3"], 3), "y must hold numbers to predict, got '1'; for classes use SupervisedAutoencoder"),
    "text among objects": (lambda: read_numbers([1.0, "b", None], 3), "y must hold numbers to predict, got 'b'"),
    "infinity": (lambda: read_numbers([1, np.inf, 2], 3), "Input y contains infinity: leave such rows out, or mark them as unknown by NaN"),
    "huge": (
        lambda: read_numbers([1, 1e200, 2], 3),
        r"y holds numbers beyond the range of float32 \(3.4e38\): divide them by a large number",
    ),
    "none known": (
        lambda: read_numbers([np.nan] * 3, 3),
        "y holds no number, only 3 rows without one: use Autoencoder, which needs no labels",
    ),
    "an empty column": (lambda: read_numbers([[1, np.nan]] * 3, 3), "y holds no number in column 1, only 3 rows without one"),
    "too wide": (lambda: read_numbers([[1, 2]] * 3, 3, known=1), "y holds 2 numbers a row, and this estimator predicts 1"),
}


@pytest.mark.parametrize(("read", "words"), BAD_NUMBERS.values(), ids=BAD_NUMBERS)
def test_labels_that_are_no_numbers_are_refused(read, words):
    with pytest.raises(ValueError, match=words):
        read()


def test_numbers_are_standardized_over_those_that_are_known(rng):
    numbers = np.array([[1, 0.1], [3, 0.1], [np.nan, 0.1], [5, np.nan]])

    scale = scale_of(numbers, None)

    np.testing.assert_allclose(scale.shift, [3, 0.1])
    np.testing.assert_allclose(scale.factor, [1 / np.std([1, 3, 5]), 1])  # what rounding leaves of a constant is not blown up
    np.testing.assert_allclose(scale.undo(scale.apply(numbers)), numbers, rtol=1e-6)


def test_weighted_and_repeated_numbers_have_equal_scales(rng):
    numbers, times = rng.normal(size=(6, 2)), np.array([1, 2, 0, 3, 1, 1])
    numbers[2] = 1e6

    weighted, repeated = scale_of(numbers, times.astype(np.float32)), scale_of(np.repeat(numbers, times, axis=0), None)

    np.testing.assert_allclose(weighted.shift, repeated.shift)
    np.testing.assert_allclose(weighted.factor, repeated.factor)


LABELED = st.lists(st.integers(-1, 4), min_size=2, max_size=60)


@given(y=LABELED, share=st.floats(0.05, 0.95), seed=st.integers(0, 99))
def test_held_out_rows_leave_each_class_a_row_to_learn_from(y, share, seed):
    places, held = np.array(y), max(1, round(share * len(y)))
    many = np.bincount(places[places >= 0]).max(initial=0) > 1 or (places == -1).any()

    chosen = held_out(places, len(y), held, np.random.default_rng(seed))

    assert 1 <= chosen.sum() <= held
    if many:
        assert set(places[~chosen]) | {-1} == set(places) | {-1}


@given(sizes=st.lists(st.integers(20, 60), min_size=2, max_size=5), seed=st.integers(0, 99))
def test_each_class_gives_its_share(sizes, seed):
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))

    chosen = held_out(y, len(y), len(y) // 5, np.random.default_rng(seed))

    assert chosen.sum() == len(y) // 5
    np.testing.assert_allclose(np.bincount(y[chosen], minlength=len(sizes)), np.array(sizes) / 5, atol=1.5)


def test_rows_that_are_the_only_ones_of_their_class_are_held_out_where_there_are_no_others():
    assert held_out(np.arange(12), 12, 3, np.random.default_rng(0)).sum() == 3


def test_without_labels_all_rows_are_alike():
    chosen = held_out(None, 50, 7, np.random.default_rng(0))

    assert chosen.sum() == 7
    assert not np.array_equal(chosen, held_out(None, 50, 7, np.random.default_rng(1)))
