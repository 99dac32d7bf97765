"""Every question gets wrong answers, and each of them what it deserves.

That the solutions get all points is seen where nbval executes the instructor's notebooks, whose
last cell fails otherwise, and once more in the sandbox.
"""

import functools
from collections import Counter

import pytest
from exercises.submissions import (
    EXERCISES,
    cell,
    setup_of,
    solutions,
    source_notebook,
    verdict_of,
    wrong_answers,
)

pytestmark = pytest.mark.slow

ALL_WRONG = [
    pytest.param(exercise, name, id=f"{exercise[:2]}-{name}")
    for exercise in EXERCISES
    for name in wrong_answers(exercise)
]


@functools.cache
def setup_namespace(exercise):
    namespace = {"__name__": "__main__"}
    exec(setup_of(exercise), namespace)
    return namespace


def namespace_with(exercise, *sources):
    namespace = dict(setup_namespace(exercise))
    for source in sources:
        exec(source, namespace)
    return namespace


def check_cell(exercise, question):
    return cell(source_notebook(exercise), f"{question}_check")


@pytest.mark.parametrize(("exercise", "name"), ALL_WRONG)
def test_wrong_answer_gets_what_it_deserves(exercise, name):
    answer = wrong_answers(exercise)[name]
    sources = {**solutions(exercise), answer.question: answer.source}
    namespace = namespace_with(exercise, *sources.values())
    visible = check_cell(exercise, answer.question).source.splitlines()[0]
    verdict = verdict_of(visible, namespace)
    found = (verdict.earned, verdict.misconception, answer.says.lower() in verdict.message.lower())
    assert found == (answer.points, answer.misconception, True), verdict


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_question_has_two_wrong_answers(exercise):
    count = Counter(answer.question for answer in wrong_answers(exercise).values())
    assert all(count[question] >= 2 for question in solutions(exercise))
    assert set(count) == set(solutions(exercise))


def test_named_misconceptions_are_the_ones_of_the_course():
    named = {answer.misconception for e in EXERCISES for answer in wrong_answers(e).values()}
    assert named >= {
        "trainable-after-compile",
        "batch-norm-training",
        "other-preprocessing",
        "softmax-and-loss",
        "numbers-for-one-hot-loss",
        "one-hot-for-sparse-loss",
        "evaluated-on-training",
        "flatten-for-pooling",
        "off-by-one",
        "head-rate-for-backbone",
        "accuracy-without-number",
    }
