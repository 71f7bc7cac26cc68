"""Axes and files: files that appear whole, and nothing global."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from narrows import plot
from narrows.errors import MissingExtra

SIZES, OURS, THEIRS = [1, 2, 4, 8], [8.0, 4.0, 1.0, 0.5], [9.0, 7.0, 5.0, 2.0]


def test_a_grid_of_axes():
    pytest.importorskip("matplotlib")

    assert plot.new_grid(2, 3).shape == (2, 3)
    assert plot.new_grid(1, 1).shape == (1, 1)


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_files(tmp_path, name, start):
    pytest.importorskip("matplotlib")

    plot.write(tmp_path / name, plot.errors_by_size(SIZES, OURS, THEIRS))

    assert (tmp_path / name).read_bytes().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_matplotlib_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(MissingExtra, match=r"a picture needs matplotlib, which is not installed: pip install 'narrows\[plot\]'"):
        plot.errors_by_size(SIZES, OURS, THEIRS)


def test_no_picture_touches_what_is_global(digits, supervised):
    matplotlib = pytest.importorskip("matplotlib")
    images, labels = digits
    before = dict(matplotlib.rcParams)

    plot.codes(supervised, images, labels=labels)
    plot.confusion(supervised, images, labels=labels)

    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


@pytest.mark.parametrize("draw", ["codes", "error_histogram", "feature_errors", "confusion", "filters", "losses"])
def test_an_estimator_that_is_not_fitted_is_refused(draw):
    from narrows import SupervisedAutoencoder

    options = {} if draw in ("filters", "losses") else {"X": np.zeros((3, 4))}
    options |= {"labels": [0, 1, 0]} if draw == "confusion" else {}
    with pytest.raises(ValueError, match="this SupervisedAutoencoder is not fitted: call fit first"):
        getattr(plot, draw)(SupervisedAutoencoder(), **options)


@pytest.mark.parametrize("draw", ["traversals", "decoded_grid", "decision_regions"])
@pytest.mark.parametrize(("given", "words"), [(np.zeros((2, 2)), "got ndarray"), (None, "got NoneType"), (dict, "got a class")])
def test_what_needs_an_estimator_says_so(draw, given, words):
    with pytest.raises(ValueError, match=f"needs a fitted estimator, {words}"):
        getattr(plot, draw)(given, np.zeros((2, 2)))


@pytest.mark.parametrize("draw", ["error_histogram", "feature_errors"])
def test_an_estimator_without_rows_says_what_to_give(draw, supervised):
    with pytest.raises(ValueError, match=rf"X is None, and SupervisedAutoencoder needs rows .* plot\.{draw}\(estimator, X\)"):
        getattr(plot, draw)(supervised)


@pytest.mark.parametrize("draw", ["codes", "error_histogram", "feature_errors"])
def test_rows_beside_arrays_are_refused(draw):
    with pytest.raises(ValueError, match=r"X goes with an estimator, but .* leave X out, and give labels by name"):
        getattr(plot, draw)(np.zeros((2, 2)), [0, 1])
