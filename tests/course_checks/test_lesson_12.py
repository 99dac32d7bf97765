"""The final project: its hidden task cannot be looked up, and points follow the accuracy."""

from unittest.mock import patch

import numpy as np
import pytest

from course_checks import lesson_12
from course_checks.lesson_12 import own_classifier
from course_checks.reference_data import reference_data


@pytest.fixture(scope="module")
def tasks():
    return lesson_12._hidden_tasks(np.random.default_rng(0), reference_data("project"))


def test_hidden_tasks_are_of_five_signs_each_by_other_people(tasks):
    assert len(tasks) == 2
    for images, labels, new, truth in tasks:
        assert images.dtype == new.dtype == np.uint8
        assert images.shape[1:] == new.shape[1:] == reference_data("project")["images"].shape[1:]
        assert np.bincount(labels).tolist() == [30] * 5
        assert np.bincount(truth).tolist() == [20] * 5


def test_the_two_tasks_have_all_ten_signs_between_them():
    known = reference_data("project")
    seen = []

    def number_of_sign(image, rng):
        return np.full(image.shape, known["labels"][(known["images"] == image).all((1, 2, 3))][0])

    with patch.object(lesson_12, "_another_shot", number_of_sign):
        for images, *_ in lesson_12._hidden_tasks(np.random.default_rng(0), known):
            seen += np.unique(images).tolist()
    assert sorted(seen) == list(range(10))


def test_hidden_images_are_none_of_the_known_ones(tasks):
    known = {image.tobytes() for image in reference_data("project")["images"]}
    known |= {image[:, ::-1].tobytes() for image in reference_data("project")["images"]}
    assert not known & {image.tobytes() for task in tasks for part in task[::2] for image in part}


def test_every_task_is_another_one(tasks):
    other = lesson_12._hidden_tasks(np.random.default_rng(1), reference_data("project"))
    assert not np.array_equal(tasks[0][2], other[0][2])


@pytest.mark.parametrize(
    ("right", "earned"), [(100, 6), (75, 6), (74, 4.5), (60, 3), (50, 1.5), (48, 0), (20, 0)]
)
def test_points_grow_with_the_accuracy(tasks, right, earned):
    answers = [task[3].copy() for task in tasks]
    for answer in answers:
        answer[right:] = (answer[right:] + 1) % 5
    each = iter(answers)
    verdict = own_classifier(lambda images, labels, new: np.eye(5)[next(each)], points=6)
    assert verdict.earned == earned, verdict
    assert f"({2 * right} of 200" in verdict.message


@pytest.mark.parametrize("junk", [None, "five", [[1]], np.zeros(100), np.full((100, 5), np.nan)])
def test_junk_gets_nothing_and_a_message(junk):
    verdict = own_classifier(lambda images, labels, new: junk, points=6)
    assert verdict.earned == 0
    assert verdict.message


@pytest.mark.parametrize("seed", range(10))
def test_other_orders_of_errors_give_other_rows(seed):
    rng = np.random.default_rng(seed)
    probabilities, truth, right, found = lesson_12._predictions(rng)
    assert (probabilities.argmax(axis=1)[right] != truth[right]).all()
    assert all(set(rows) != set(right) for rows in found.values())


@pytest.mark.parametrize("total", range(20, 27))
def test_other_intervals_differ_from_wilsons_also_if_rounded(total):
    wilson = lesson_12._wilson(total - 2, total)
    others = lesson_12._other_intervals(total - 2, total)
    others.pop("For 95 %, z is 1.96 and not 2.")
    for ends in [*others.values(), lesson_12._normal(total - 2, total, 1.96)]:
        assert not lesson_12._is_rounded(np.round(ends, 2), wilson)
