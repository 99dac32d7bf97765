"""The exercises of the course, graded in the sandbox: all solutions, and some wrong answers.

`tests/exercises` runs every wrong answer in process. Here, those of two exercises show that the
sandbox gives the same verdicts: one passes models and trains them, the other passes arrays, dicts
and text.
"""

from pathlib import Path

import nbformat
import pytest
from exercises.submissions import (
    EXERCISES,
    REPOSITORY,
    Answer,
    solutions,
    with_answers,
    wrong_answers,
)

from conftest import skip_or_fail
from course_admin.grading.pipeline import grade
from course_admin.grading.results import SubmissionResult
from course_admin.grading.sandbox import sandbox_problem
from course_admin.grading.worker_pool import Options

pytestmark = pytest.mark.slow


def one_wrong_answer_each(exercise: str) -> dict[str, Answer]:
    """The first wrong answer to each question."""
    by_question: dict[str, Answer] = {}
    for answer in wrong_answers(exercise).values():
        by_question.setdefault(answer.question, answer)
    return by_question


def hand_in(folder: Path, exercise: str, student: str, wrong: dict[str, Answer]) -> None:
    """Hand in the solutions, with some wrong answers in their place."""
    sources = {**solutions(exercise), **{name: answer.source for name, answer in wrong.items()}}
    (folder / student).mkdir(parents=True, exist_ok=True)
    notebook = with_answers(exercise, sources)
    nbformat.write(notebook, folder / student / f"{exercise}.ipynb")


def differences(result: SubmissionResult, wrong: dict[str, Answer]) -> list[str]:
    """Questions that did not get what they deserve, or whose mistake was not named."""
    found = []
    for question in result.questions:
        answer = wrong.get(question.question.removesuffix("_check"))
        if question.points is None:
            if question.reason:
                found.append(f"{question.question}: {question.reason}")
        elif answer is None:
            if question.points != question.max_points and question.message:
                found.append(f"{question.question}: {question.points}, {question.message}")
        elif (question.points, question.misconception) != (answer.points, answer.misconception):
            expected = (answer.points, answer.misconception)
            found.append(f"{question} instead of {expected}")
    return found


PATCHES = """
import keras
import numpy as np
import course_checks as checks
from course_checks import protocol, verdict
from course_checks.protocol import ModelView

claims = {"trainable_parameters": 514, "compiled": True, "loss": "categorical_crossentropy"}
honest = ModelView.facts
ModelView.facts = lambda self: {**honest(self), **claims, "from_logits": False}
ModelView.train_step = lambda self, inputs, targets: 0.5
ModelView.predict = lambda self, inputs: np.full((len(inputs), 2), 0.5)
keras.Model.fit = lambda self, *args, **kwargs: None
keras.Model.predict = lambda self, inputs, **kwargs: np.full((len(inputs), 2), 0.5)
for module in (protocol, checks, verdict):
    module.Verdict = lambda *args, **kwargs: 3.0
"""
"""What a learner could try instead of training a network."""
PATCHED = "03_feature_extractor"
WITH_WRONG_ANSWERS = ("05_fine_tuning", "09_datasets")


def hand_in_patches(folder: Path) -> None:
    sources = solutions(PATCHED)
    sources["ex03_q2"] = f"{PATCHES}\n{sources['ex03_q2']}".replace("= False", "= True")
    (folder / "patches").mkdir(parents=True)
    nbformat.write(with_answers(PATCHED, sources), folder / "patches" / f"{PATCHED}.ipynb")


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> dict[tuple[str, str], SubmissionResult]:
    if problem := sandbox_problem():
        skip_or_fail(problem)
    folder = tmp_path_factory.mktemp("course")
    for exercise in EXERCISES:
        hand_in(folder / "class", exercise, "right", {})
    for exercise in WITH_WRONG_ANSWERS:
        hand_in(folder / "class", exercise, "wrong", one_wrong_answer_each(exercise))
    hand_in_patches(folder / "class")
    options = Options(sources=REPOSITORY / "instructor", workers=2)
    results = grade(folder / "class", folder / "graded", options)
    return {(result.student, result.exercise): result for result in results}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_right_answers_get_all_points(graded, exercise):
    assert differences(graded["right", exercise], {}) == []


@pytest.mark.parametrize("exercise", WITH_WRONG_ANSWERS)
def test_wrong_answers_get_what_they_deserve(graded, exercise):
    assert differences(graded["wrong", exercise], one_wrong_answer_each(exercise)) == []


def test_patched_keras_earns_no_more_than_the_answer_without_patches(graded):
    points = {q.question: q.points for q in graded["patches", PATCHED].questions}
    assert points["ex03_q1_check"] == 2  # an honest answer stays one
    assert points["ex03_q2_check"] <= wrong_answers(PATCHED)["not_frozen"].points
    assert points["ex03_q3_check"] == 0


def test_differences_are_found(graded):
    exercise = WITH_WRONG_ANSWERS[0]
    wrong = one_wrong_answer_each(exercise)
    assert len(differences(graded["right", exercise], wrong)) == len(wrong)
    assert len(differences(graded["wrong", exercise], {})) == len(wrong)
