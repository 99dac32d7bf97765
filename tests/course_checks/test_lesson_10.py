"""The cases of exercise 10 separate wrong rules from right ones by construction, not by luck."""

import numpy as np
import pytest

import course_checks as checks
from course_checks import lesson_10


@pytest.mark.parametrize("seed", range(10))
def test_a_quarter_of_the_sorted_images_ends_within_a_person(seed):
    persons = np.sort(lesson_10._rows_of_persons(np.random.default_rng(seed), 8, 13))
    quarter = len(persons) // 4
    for cut in (quarter, len(persons) - quarter):
        assert persons[cut - 1] == persons[cut]


def test_each_name_has_cases_close_to_its_limit():
    rng = np.random.default_rng(0)
    moved = {
        name: [lesson_10._case(changes, rng)["moved"] for changes, _ in cases]
        for name, cases in lesson_10._KINDS.items()
    }
    assert 0.4 <= max(moved["none"]) < 0.5 < min(moved["rate"]) <= 0.6
    assert max(moved["compile"]) == 0 < min(moved["none"]) < 0.005


@pytest.mark.parametrize("always", lesson_10._KINDS)
def test_the_same_diagnosis_for_every_case_gets_nothing(always):
    assert checks.diagnosis(lambda case: always, points=4).score == 0


@pytest.mark.parametrize("junk", [None, 1, [], [[0], [1]], [[0.5], [1.5]], {"train": [0]}, "rows"])
@pytest.mark.parametrize(
    "check", [checks.same_preparation, checks.persons_divided, checks.mirrored_arrows]
)
def test_junk_gets_nothing_and_a_message(check, junk):
    verdict = check(lambda *arguments: junk, points=2)
    assert verdict.score == 0
    assert verdict.message
