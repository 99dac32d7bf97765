"""The final project: its hidden task cannot be looked up, and points follow the accuracy."""

import numpy as np
import pytest

from course_utils.checks import lesson_12, own_classifier, report_with_interval
from course_utils.material import material


@pytest.fixture(scope="module")
def task():
    return lesson_12._hidden_task(np.random.default_rng(0), material("project"))


def test_hidden_task_is_of_five_signs_by_other_people(task):
    images, labels, new, truth = task
    assert images.dtype == new.dtype == np.uint8
    assert images.shape[1:] == new.shape[1:] == material("project")["images"].shape[1:]
    assert np.bincount(labels).tolist() == [30] * 5
    assert np.bincount(truth).tolist() == [20] * 5


def test_hidden_pictures_are_none_of_the_known_ones(task):
    known = {image.tobytes() for image in material("project")["images"]}
    known |= {image[:, ::-1].tobytes() for image in material("project")["images"]}
    assert not known & {image.tobytes() for part in task[::2] for image in part}


def test_every_task_is_another_one(task):
    other = lesson_12._hidden_task(np.random.default_rng(1), material("project"))
    assert not np.array_equal(task[2], other[2])


@pytest.mark.parametrize(
    ("right", "earned"), [(100, 6), (80, 6), (79, 4.5), (65, 3), (50, 1.5), (45, 0), (20, 0)]
)
def test_points_grow_with_the_accuracy(task, right, earned):
    answer = task[3].copy()
    answer[right:] = (answer[right:] + 1) % 5
    verdict = own_classifier(lambda images, labels, new: np.eye(5)[answer], points=6)
    assert verdict.earned == earned, verdict
    assert f"({right} of 100" in verdict.message


@pytest.mark.parametrize("junk", [None, "five", [[1]], np.zeros(100), np.full((100, 5), np.nan)])
def test_junk_gets_nothing_and_a_message(junk):
    verdict = own_classifier(lambda images, labels, new: junk, points=6)
    assert verdict.earned == 0
    assert verdict.message


def test_other_forms_of_the_right_interval_are_taken():
    from course_utils import accuracy_report

    def as_report(predicted, truth):
        return accuracy_report(truth, predicted)

    def as_array(predicted, truth):
        found = accuracy_report(truth, predicted)
        return np.array([found.accuracy, found.low, found.high])

    for function in (as_report, as_array):
        assert report_with_interval(function, points=3).earned == 3
