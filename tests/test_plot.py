"""Pictures: what is drawn, and files that appear whole."""

from __future__ import annotations

import sys

import pytest

from narrows import plot
from narrows.errors import MissingExtra

SIZES, OURS, THEIRS = [1, 2, 4, 8], [8.0, 4.0, 1.0, 0.5], [9.0, 7.0, 5.0, 2.0]


def test_errors_by_size():
    pytest.importorskip("matplotlib")
    ax = plot.errors_by_size(SIZES, OURS, THEIRS, elbow=4)

    ours, theirs, elbow = ax.get_lines()
    assert list(ours.get_ydata()) == OURS
    assert list(theirs.get_ydata()) == THEIRS
    assert list(elbow.get_xdata()) == [4, 4]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [label.get_text() for label in ax.get_legend().get_texts()] == ["autoencoder", "PCA", "elbow: 4"]


def test_axes_of_the_users_own_are_drawn_on():
    pytest.importorskip("matplotlib")
    ax = plot.new_axes()

    assert plot.errors_by_size(SIZES, [2.0, 1.5, 1.2, 1.0], [2.0, 1.8, 1.6, 1.4], ax=ax) is ax
    assert ax.get_yscale() == "linear"


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
