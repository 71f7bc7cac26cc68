"""What a head decides, and how often it is right."""

from __future__ import annotations

import numpy as np
import pytest

from narrows import plot

pytest.importorskip("matplotlib")


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_regions_are_what_the_head_decides(digits, supervised):
    images, labels = digits

    below, points = plot.decision_regions(supervised, images, labels=labels).collections

    codes = supervised.transform(images)
    np.testing.assert_array_equal(points.get_offsets(), codes)
    assert points.get_array().tolist() == labels.tolist()
    decided = np.asarray(below.get_array())
    corners = below.get_coordinates()
    middle = (corners[1:, 1:] + corners[:-1, :-1]) / 2
    for row, column in ((0, 0), (120, 120), (60, 200)):
        expected = np.asarray(supervised.head_(middle[row, column][None].astype(np.float32))).argmax()
        assert decided[row, column] == expected


def test_regions_of_codes_without_labels(supervised):
    below, points = plot.decision_regions(supervised, codes=[[0.0, 0.0], [1.0, 2.0]]).collections

    assert points.get_facecolor()[0].tolist() == pytest.approx([0.2, 0.2, 0.2, 1.0])
    assert below.get_coordinates()[..., 0].min() < 0
    assert below.get_coordinates()[..., 1].max() > 2


def test_regions_around_one_code(supervised):
    ax = plot.decision_regions(supervised, codes=[[1.0, 1.0]])

    assert ax.get_xlim() == pytest.approx((0.5, 1.5))


def test_a_regressor_decides_on_numbers(table, regressor):
    ax = plot.decision_regions(regressor, table, labels=table["plain"] / 2)

    below, points = ax.collections
    np.testing.assert_allclose(points.get_array(), table["plain"] / 2)
    assert below.get_clim() == points.get_clim()
    assert len(np.unique(below.get_array())) > 100


def test_rows_that_stand_for_no_label_do_not_count(digits, supervised):
    images, labels = digits
    some = np.where(labels < 5, labels, -1)
    supervised.unlabeled = -1
    try:
        ax = plot.decision_regions(supervised, images, labels=some)
        counted = plot.confusion(supervised, images, labels=some)
    finally:
        supervised.unlabeled = None

    gray = next(points for points in ax.collections if len(points.get_offsets()) == (labels >= 5).sum())
    assert gray.get_facecolor()[0].tolist() == pytest.approx([0.8, 0.8, 0.8, 1.0])
    assert sum(map(int, texts(counted))) == (labels < 5).sum()


def test_without_a_head_nothing_is_decided(denoising, two_step, linear):
    for made in (denoising, linear(), two_step):
        with pytest.raises(ValueError, match="has no head, and decides nothing: fit a SupervisedAutoencoder"):
            plot.decision_regions(made, codes=np.zeros((2, 2)))


def test_labels_that_the_head_does_not_know_are_refused(digits, supervised):
    images, _ = digits
    with pytest.raises(ValueError, match=r"labels hold 'five', and the head decides between 0, 1, 2, .*: give labels as they were given"):
        plot.decision_regions(supervised, images[:2], labels=["five", 5])
    with pytest.raises(ValueError, match=r"labels hold 'five', and the head knows 0, 1, 2"):
        plot.confusion(supervised, images[:2], labels=["five", "six"])


def test_predictions_are_counted():
    ax = plot.confusion(["b", "b", "a", "b"], labels=["a", "b", "a", None])

    drawn = np.asarray(ax.images[0].get_array())
    assert texts(ax) == ["1", "1", "1"]
    assert [text.get_position() for text in ax.texts] == [(0, 0), (1, 0), (1, 1)]  # an a that was taken for a b is in the first line
    assert np.ma.filled(ax.images[0].get_array(), np.nan)[0].tolist() == [0.5, 0.5]
    assert np.isnan(np.ma.filled(ax.images[0].get_array(), np.nan)[1, 0])  # an empty cell stays white
    assert drawn.shape == (2, 2)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")


def test_rare_mistakes_are_seen():
    drawn = plot.confusion([0] * 99 + [1], labels=[0] * 100).images[0]

    shades = 3 - drawn.to_rgba(np.array([[0.01, 0.05, 1.0]]))[0, :, :3].sum(1)
    assert 0.1 < shades[0] < shades[1] / 1.5 < shades[2] / 4


def test_rates_are_shares_of_the_true_class():
    assert texts(plot.confusion([1, 1, 1, 0], labels=[0, 0, 0, 0], rates=True)) == ["25.0", "75.0"]


def test_a_classifier_is_asked(digits, supervised):
    images, labels = digits

    ax = plot.confusion(supervised, images, labels=labels)

    right = [int(text.get_text()) for text in ax.texts if text.get_position()[0] == text.get_position()[1]]
    assert sum(right) == round(supervised.score(images, labels) * 300)
    assert sum(map(int, texts(ax))) == 300


@pytest.mark.parametrize(("n", "written", "named"), [(1, 1, 1), (2, 2, 2), (15, 15, 15), (16, 0, 16), (100, 0, 25)])
def test_from_one_class_to_a_hundred(n, written, named):
    labels = [f"class {number:03d}" for number in range(n)]

    ax = plot.confusion(labels, labels=labels)

    assert len(ax.texts) == written
    assert len(ax.get_xticklabels()) == len(ax.get_yticklabels()) == named
    assert ax.get_yticks()[-1] == (n - 1 if n < 100 else 96)
    ax.figure.canvas.draw()


def test_names_are_written_as_they_are():
    names = ["$a$ and $b$", "_hidden", "a name that is much longer than there is room for"]

    ax = plot.confusion(names, labels=names)

    assert [label.get_text() for label in ax.get_yticklabels()] == [*names[:2], "a name that is much long..."]
    assert not any(label.get_parse_math() for label in [*ax.get_xticklabels(), *ax.get_yticklabels()])
    ax.figure.canvas.draw()  # which would fail on mathematics that is none


@pytest.mark.parametrize(
    ("predicted", "labels", "words"),
    [
        ([0, 1], [0], r"labels have shape \(1,\), and predictions \(2,\): give one label for each"),
        ([[0, 1]], [[0, 1]], r"labels have shape \(1, 2\)"),
        ([0, 1], [None, np.nan], "none of 2 labels is known: give at least one"),
        ([0, None], [0, 1], "predictions hold None or NaN"),
    ],
)
def test_labels_that_do_not_fit_are_refused(predicted, labels, words):
    with pytest.raises(ValueError, match=words):
        plot.confusion(predicted, labels=labels)


def test_what_predicts_no_classes_is_refused(table, regressor, denoising, digits):
    with pytest.raises(ValueError, match="SupervisedAutoencoderRegressor predicts no classes"):
        plot.confusion(regressor, table, labels=[0] * 80)
    with pytest.raises(ValueError, match="Autoencoder predicts no classes"):
        plot.confusion(denoising, digits[0], labels=digits[1])
