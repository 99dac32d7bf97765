"""The decision is taken outside of the learner's process, from data alone."""

import ast
import copy
import json

import numpy as np
import pytest
from grading import small_course
from nbformat.v4 import new_code_cell

from course_admin.grading.environment import Undecided
from course_admin.grading.judge import decide, learners_names
from course_admin.grading.notebook_cells import graft, is_graded, is_hand_in
from course_admin.grading.proxies import RemoteFunction, RemoteModel
from course_checks.protocol import LearnerError, ModelSpec, Opaque, encode


class Kernel:
    """Answers every request with the same text, and keeps the requests."""

    disturbance = None

    class limits:  # noqa: N801 - stands for an attribute
        cell_seconds = 5

    def __init__(self, text):
        self.text = text
        self.requests = []

    def ask(self, code, mime, request):
        self.requests.append(json.loads(request))
        if isinstance(self.text, Exception):
            raise self.text
        return self.text


def answering(value, handle=None):
    return Kernel(json.dumps({"answer": encode(value, handle)}))


def test_data_comes_back_as_it_was():
    value = {"a": [1, 2.5, "text", None, True], "b": np.arange(6).reshape(2, 3)}
    back = RemoteFunction(answering(value), "f").ask_remotely()
    assert back["a"] == value["a"]
    np.testing.assert_array_equal(back["b"], value["b"])


def test_arguments_are_sent_as_data_and_model_specs_by_name():
    kernel = answering(1)
    RemoteFunction(kernel, "f").ask_remotely(np.ones(2), ModelSpec("backbone", {"name": "minivgg"}))
    (request,) = kernel.requests
    assert request["function"] == "f"
    settings = '{"dict": [["name", {"value": "minivgg"}]]}'
    assert request["arguments"][1] == {"spec": "backbone", "settings": settings}


def test_model_stays_where_it_is_and_is_asked_by_number():
    kernel = Kernel(json.dumps({"answer": '{"model": 3}'}))
    model = RemoteFunction(kernel, "f").ask_remotely()
    assert isinstance(model, RemoteModel)
    kernel.text = json.dumps({"answer": encode(np.zeros(2))})
    model.predict(np.ones((1, 2)))
    assert (kernel.requests[-1]["model"], kernel.requests[-1]["method"]) == (3, "predict")


def test_model_has_no_other_methods():
    with pytest.raises(AttributeError):
        _ = RemoteModel(Kernel(""), 0).save


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "no JSON",
        "[]",
        "1",
        "{}",
        '{"answer": 1}',
        '{"answer": "no JSON"}',
        '{"answer": "{}"}',
        '{"answer": "{\\"unknown\\": 1}"}',
        '{"answer": "{\\"npy\\": \\"!\\"}"}',
        '{"answer": "{\\"model\\": \\"os.system\\"}"}',
        '{"error": 1}',
        '{"error": ["one"]}',
    ],
)
def test_damaged_answer_is_none(text):
    with pytest.raises(LearnerError, match="NoAnswer"):
        RemoteFunction(Kernel(text), "f").ask_remotely()


def test_error_of_the_learner_is_told_in_words():
    kernel = Kernel(json.dumps({"error": ["ZeroDivisionError", "x" * 10_000]}))
    with pytest.raises(LearnerError, match="ZeroDivisionError") as caught:
        RemoteFunction(kernel, "f").ask_remotely()
    assert len(caught.value.text) <= 2000


def test_no_answer_in_time_is_not_decided():
    with pytest.raises(Undecided, match="no answer within 5 s"):
        RemoteFunction(Kernel(TimeoutError()), "f").ask_remotely()


def test_graded_cell_decides_over_data():
    cell = "checks.Verdict(float(double.ask_remotely(3) == 6), 2, 'said')"
    assert decide(cell, answering(6)).score == 1
    assert decide(cell, answering(7)).score == 0


def test_check_that_learners_see_is_not_run():
    kernel = answering(6)
    cell = "double.ask_remotely(1)\nx = double.ask_remotely(3)\nchecks.Verdict(x == 6, 2, '')"
    assert decide(cell, kernel).score == 1
    (request,) = kernel.requests
    assert request["arguments"] == [{"data": '{"value": 3}'}]


@pytest.mark.parametrize(
    ("source", "only"),
    [
        ('checks.hand_in("91_small")', True),
        ('checks.hand_in("91_small")\n', True),
        ('answer = 3\nchecks.hand_in("91_small")', False),
        ("def hand_in():\n    return 3", False),
        ("", False),
    ],
)
def test_cell_that_hands_in_is_known_by_its_one_line(source, only):
    assert is_hand_in(new_code_cell(source)) is only


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("x = 1", "does not end in a check"),
        ("", "does not end in a check"),
        ("2.0", "float instead of a verdict"),
        ("double.ask_remotely(1)", "int instead of a verdict"),
    ],
)
def test_cell_without_a_verdict_is_an_error(cell, problem):
    with pytest.raises(ValueError, match=problem):
        decide(cell, answering(6))


def test_names_of_the_learner_are_those_that_the_cell_does_not_define():
    cell = """
import math as m
def own(x):
    return x + y
values = [z for z in range(3)]
checks.f(answer, np.ones(3), m.pi, own, values, len)
"""
    assert learners_names(ast.parse(cell)) == {"y", "answer"}


def test_opaque_answer_is_only_a_name():
    assert RemoteFunction(answering(object()), "f").ask_remotely() == Opaque("object")


def definition():
    notebook = copy.deepcopy(small_course.source())
    notebook.cells[2].source = "def double(values):\n    raise NotImplementedError"
    return notebook


def cell_of(notebook, grade_id):
    marked = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    (found,) = [cell for cell in marked if cell.metadata.nbgrader.grade_id == grade_id]
    return found


def test_graft_keeps_answers_and_puts_the_checks_back():
    submission = small_course.answered(double="my answer", double_check="my check")
    grafted = graft(submission, definition())
    assert cell_of(grafted, "double").source == "my answer"
    assert small_course.HIDDEN in cell_of(grafted, "double_check").source
    assert cell_of(grafted, "double_check").metadata.nbgrader.points == 2
    order = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in grafted.cells]
    assert order[2:] == ["double", "double_check", "largest", "largest_check", "why"]


def test_graft_adds_missing_checks_at_the_end():
    grafted = graft(small_course.answered(double_check=None), definition())
    assert grafted.cells[-1].metadata.nbgrader.grade_id == "double_check"
    assert [is_graded(cell) for cell in grafted.cells].count(True) == 2


def test_graft_takes_away_names_that_it_does_not_know():
    submission = small_course.answered()
    submission.cells[2].metadata.nbgrader.grade_id = "unknown"
    grafted = graft(submission, definition())
    assert "nbgrader" not in grafted.cells[2].metadata


def test_written_answer_is_no_graded_cell():
    assert not is_graded(cell_of(definition(), "why"))
