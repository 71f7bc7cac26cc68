"""Rows held out: laws that hold for any rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.data import Rows, hold_out


def numbered(n: int, labels=None) -> Rows:
    return Rows(np.arange(n, dtype=np.float64)[:, None], ["a"], None if labels is None else np.asarray(labels), "few")


@given(labels=st.lists(st.integers(0, 5), min_size=2, max_size=60), fraction=st.floats(0.01, 0.99), seed=st.integers(0, 2**32 - 1))
def test_every_row_is_on_one_side_in_its_order(labels, fraction, seed):
    """The two sides are a partition, neither is empty, the order stays, and labels go with their rows."""
    n = len(labels)

    kept, held = hold_out(numbered(n, labels), fraction, seed=seed)

    assert sorted([*kept.X[:, 0], *held.X[:, 0]]) == list(range(n))
    assert len(held.X) == min(max(1, round(fraction * n)), n - 1) or min(np.unique(labels, return_counts=True)[1]) >= 2
    for rows in (kept, held):
        assert len(rows.X)
        assert (np.diff(rows.X[:, 0]) > 0).all()
        assert rows.labels.tolist() == [labels[int(number)] for number in rows.X[:, 0]]


@given(sizes=st.lists(st.integers(2, 40), min_size=1, max_size=6), fraction=st.floats(0.01, 0.99))
def test_labels_keep_their_proportions(sizes, fraction):
    """Each label has its share to within one row or so, and never all of it is held out."""
    labels = np.repeat(np.arange(len(sizes)), sizes)

    kept, held = hold_out(numbered(len(labels), labels), fraction)

    counts = np.bincount(held.labels, minlength=len(sizes))
    assert set(kept.labels) == set(labels)
    if fraction <= 0.5:
        assert np.abs(counts - len(held.X) / len(labels) * np.array(sizes)).max() <= 1
        assert len(held.X) == max(1, round(fraction * len(labels)))


def test_the_same_seed_holds_out_the_same_rows():
    """These very rows, with any version of NumPy; another seed holds out others."""
    assert hold_out(numbered(20), 0.2, seed=0)[1].X[:, 0].tolist() == [1, 8, 18, 19]
    assert hold_out(numbered(20), 0.2, seed=1)[1].X[:, 0].tolist() != [1, 8, 18, 19]


def test_the_global_seed_is_left_alone():
    """Nobody else's random numbers change."""
    np.random.seed(3)  # noqa: NPY002 - the stream under test
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    hold_out(numbered(20))

    assert np.random.random() == expected  # noqa: NPY002


def test_a_label_with_a_single_row_ends_stratifying():
    """Such rows, and measured quantities as labels, are drawn like any others."""
    kept, held = hold_out(numbered(10, np.linspace(0, 1, 10)), 0.3)

    assert (len(kept.X), len(held.X)) == (7, 3)


def test_labels_without_an_order_keep_their_proportions():
    """Text and None cannot be compared, and are labels all the same."""
    labels = np.array(["a", None] * 20, dtype=object)

    _, held = hold_out(numbered(len(labels), labels), 0.2)

    assert held.labels.tolist().count(None) == held.labels.tolist().count("a") == 4


def test_what_is_known_about_rows_goes_with_them():
    """Names, image shape and the set's own test rows are not lost."""
    test = numbered(1)
    kept, held = hold_out(Rows(np.zeros((4, 6)), list("abcdef"), None, "few", test, (2, 3)), 0.5)

    assert kept.feature_names == held.feature_names == list("abcdef")
    assert kept.image_shape == held.image_shape == (2, 3)
    assert (kept.name, held.name) == ("few", "few, held out")
    assert kept.test is test
    assert held.test is None


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 10, np.nan])
def test_a_share_lies_between_0_and_1(fraction):
    """Ten per cent is 0.1."""
    with pytest.raises(ValueError, match=r"fraction=.* came; it is a share of the rows: give a number between 0 and 1, such as 0.1"):
        hold_out(numbered(5), fraction)


@pytest.mark.parametrize(
    ("n", "words"), [(0, "few has 0 rows; "), (1, "few has 1 row; holding some out needs two or more: give more rows")]
)
def test_one_row_cannot_be_shared(n, words):
    """Both sides need one."""
    with pytest.raises(ValueError, match=words):
        hold_out(numbered(n))
