"""Every question gets wrong and unusual right answers, and each of them what it deserves.

Each answer is checked with the seeds 0, 1, ... below COURSE_SEEDS. That the solutions get all
points is seen where nbval executes the instructor's notebooks, whose last cell fails otherwise,
and once more in the sandbox.
"""

import functools
import os
from collections import Counter

import pytest
from exercises.submissions import (
    EXERCISES,
    cell,
    right_answers,
    setup_of,
    solutions,
    source_notebook,
    trains,
    verdict_of,
    wrong_answers,
)

pytestmark = pytest.mark.slow


def every(table):
    return [
        pytest.param(exercise, name, id=f"{exercise[:2]}-{name}")
        for exercise in EXERCISES
        for name in table(exercise)
    ]


def seeds_for(exercise, question):
    return range(int(os.environ.get("COURSE_SEEDS", 1 if trains(exercise, question) else 2)))


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


def verdicts_on(exercise, answer):
    """The verdict on an answer among solutions, for each seed."""
    sources = {**solutions(exercise), answer.question: answer.source}
    visible = check_cell(exercise, answer.question).source.splitlines()[0]
    for seed in seeds_for(exercise, answer.question):
        # Anew for each seed, because an answer may count its calls
        namespace = namespace_with(exercise, *sources.values())
        yield verdict_of(f"{visible.removesuffix(')')}, seed={seed})", namespace)


@pytest.mark.parametrize(("exercise", "name"), every(wrong_answers))
def test_wrong_answer_gets_what_it_deserves(exercise, name):
    answer = wrong_answers(exercise)[name]
    for seed, verdict in enumerate(verdicts_on(exercise, answer)):
        said = answer.says.lower() in verdict.message.lower()
        found = (verdict.earned, verdict.misconception, said)
        assert found == (answer.points, answer.misconception, True), (seed, verdict)


@pytest.mark.parametrize(("exercise", "name"), every(right_answers))
def test_right_answer_gets_all_points(exercise, name):
    for seed, verdict in enumerate(verdicts_on(exercise, right_answers(exercise)[name])):
        assert verdict.score == 1, (seed, verdict)


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
