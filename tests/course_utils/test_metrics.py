"""Accuracy: counts, intervals, forms of labels, and errors that name the wrong input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.metrics import accuracy_report, as_class_indices, confusion_counts

classes = st.integers(2, 8)


def with_errors(total: int, errors: int):
    true = np.zeros(total, int)
    return true, np.where(np.arange(total) < errors, 1, true)


# ---------------------------------------------------------------- accuracy


def test_accuracy_report_gives_accuracy_counts_and_interval():
    report = accuracy_report(*with_errors(451, 20))
    assert str(report) == "0.956 (431 of 451; 95 % interval 0.932 to 0.971)"
    assert repr(report) == str(report)
    assert (report.correct, report.total) == (431, 451)
    assert report.accuracy == pytest.approx(431 / 451)


def test_interval_is_wilsons():
    """The reference: the course's own, for 49 of 50."""
    report = accuracy_report(*with_errors(50, 1))
    assert (report.low, report.high) == pytest.approx((0.895, 0.996), abs=5e-4)


def test_interval_narrows_with_more_images_and_widens_with_confidence():
    few, many = accuracy_report(*with_errors(50, 5)), accuracy_report(*with_errors(500, 50))
    sure = accuracy_report(*with_errors(50, 5), confidence=0.99)
    assert many.high - many.low < few.high - few.low < sure.high - sure.low
    assert "99 % interval" in str(sure)


@pytest.mark.parametrize("errors", [0, 30])
def test_interval_stays_between_0_and_1(errors):
    report = accuracy_report(*with_errors(30, errors))
    assert 0 <= report.low <= report.accuracy <= report.high <= 1
    assert report.high - report.low > 0.1


# ---------------------------------------------------------------- forms of labels


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_indices_one_hot_rows_and_probabilities_mean_the_same(labels):
    one_hot = np.eye(5, dtype="float32")[labels]
    probabilities = 0.6 * one_hot + 0.08
    for true, predicted in [
        (labels, probabilities),
        (one_hot, labels),
        (one_hot, np.array(labels)),
    ]:
        indices = as_class_indices(true, predicted, 5)
        assert all(part.dtype == np.int64 and part.tolist() == labels for part in indices)


def test_whole_numbers_as_floats_are_indices():
    assert as_class_indices([0.0, 1.0], [True, False])[0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("predicted", "message"),
    [
        (["cat", "dog"], "class indices"),
        (np.zeros((2, 2, 2)), "class indices"),
        ([0.2, 0.9], r"fractions.*y_pred > 0\.5"),
        ([[0.2], [0.9]], r"one column.*y_pred\[:, 0\] > 0\.5"),
        (np.eye(3)[:2], "3 columns for 2 classes"),
        ([0, 2], "from 0 to 2; classes are counted from 0 to 1"),
        ([-1, 0], "from -1 to 0"),
        ([[np.nan, 0.1], [0.2, 0.8]], "diverge"),
        ([0, 1, 1], "2 images and y_pred 3"),
        (np.zeros((0, 2)), "2 images and y_pred 0"),
    ],
)
def test_values_that_are_not_classes_are_refused(predicted, message):
    with pytest.raises(ValueError, match=message):
        as_class_indices([0, 1], predicted, 2)
    with pytest.raises(ValueError, match="at least one"):
        as_class_indices([], [], 2)


# ---------------------------------------------------------------- confusion


@given(classes, st.integers(1, 60), st.integers(0, 99))
def test_confusion_counts_every_image_once(count, images, seed):
    true, predicted = np.random.default_rng(seed).integers(0, count, (2, images))
    counts, shares = confusion_counts(true, predicted, [f"class {i}" for i in range(count)])
    assert counts.shape == shares.shape == (count, count)
    assert counts.sum() == images
    assert counts.trace() == (true == predicted).sum()
    np.testing.assert_allclose(shares.sum(axis=1), counts.sum(axis=1) > 0)


def test_rows_are_the_true_classes():
    counts, shares = confusion_counts([0, 0, 0, 1], [1, 1, 0, 1], ["cat", "dog"])
    assert counts.tolist() == [[1, 2], [0, 1]]
    np.testing.assert_allclose(shares, [[1 / 3, 2 / 3], [0, 1]])
