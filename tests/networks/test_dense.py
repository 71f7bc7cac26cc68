"""Dense: choices that are frozen, compare by value, and can be searched."""

from __future__ import annotations

import copy
import pickle

import pytest
from sklearn.base import clone

from narrows import Dense


def test_equal_choices_are_equal():
    one, same, other = Dense(5, 3, dropout=0.1), Dense(5, 3, dropout=0.1), Dense(5, 3)

    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != (5, 3)
    assert len({one, same, other}) == 2


def test_repr_is_the_call_that_makes_it():
    for choices in (Dense(), Dense(5), Dense(5, 3, activation="tanh", dropout=0.25, batch_normalization=True, l1=0.5, tied=True)):
        assert eval(repr(choices)) == choices
    assert repr(Dense(5, 3, activation="tanh")) == "Dense(5, 3, activation='tanh')"


def test_frozen():
    choices = Dense(5)

    with pytest.raises(AttributeError, match=r"Dense is frozen: make another one instead of setting 'dropout' to 0\.5"):
        choices.dropout = 0.5


def test_choices_are_read_as_attributes():
    assert Dense(5, dropout=0.5).dropout == 0.5
    with pytest.raises(AttributeError, match="Dense has no attribute 'noise'"):
        Dense(5).noise  # noqa: B018


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, clone, lambda choices: pickle.loads(pickle.dumps(choices))])
def test_copies_are_equal(copied):
    choices = Dense(5, 3, activation="tanh", l2=1e-3)

    assert copied(choices) == choices


def test_parameters_build_an_equal_object():
    choices = Dense(5, 3, activation="tanh", kernel_initializer="zeros")
    parameters = choices.get_params()

    assert Dense(*parameters.pop("widths"), **parameters) == choices


def test_replace_changes_only_what_it_is_told():
    before = Dense(5, 3, dropout=0.1)

    after = before.replace(widths=(7,), activation="relu")

    assert after == Dense(7, activation="relu", dropout=0.1)
    assert before == Dense(5, 3, dropout=0.1)


def test_replace_names_what_there_is():
    with pytest.raises(ValueError, match=r"Dense has no parameter 'with'; it has \['activation', .*'widths'\]"):
        Dense(5).replace(**{"with": 5})


@pytest.mark.parametrize(
    ("arguments", "choices", "words"),
    [
        ((0,), {}, r"widths of Dense must be whole numbers of at least 1, got 0 in \(0,\)"),
        ((5, 2.5), {}, r"whole numbers of at least 1, got 2.5 in \(5, 2.5\)"),
        (((5, 3),), {}, r"whole numbers of at least 1, got \(5, 3\)"),
        ((True,), {}, "whole numbers of at least 1, got True"),
        ((5,), {"dropout": 1.0}, r"dropout of Dense must be a number in \[0, 1.0\), got 1.0"),
        ((5,), {"dropout": "half"}, r"dropout of Dense must be a number in \[0, 1.0\), got 'half'"),
        ((5,), {"dropout": float("nan")}, "dropout of Dense must be a number"),
        ((5,), {"l1": -0.1}, r"l1 of Dense must be a number in \[0, inf\), got -0.1"),
        ((5,), {"l2": None}, r"l2 of Dense must be a number in \[0, inf\), got None"),
        ((5,), {"l2": float("inf")}, "l2 of Dense must be a number"),
    ],
)
def test_what_is_out_of_range_is_named(arguments, choices, words):
    with pytest.raises(ValueError, match=words):
        Dense(*arguments, **choices)
