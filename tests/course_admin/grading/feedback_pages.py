"""Notebooks with outputs of all kinds, and the feedback pages made from them."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_admin.grading.feedback import feedback_page
from course_admin.grading.results import QuestionResult, Status, SubmissionResult

NAME, STUDENT = "03_cats", "ada"
ONE = (
    "## Question 1: the mean (2 points)\n\n<details><summary>Hint</summary>\n\nThink.\n\n</details>"
)
TWO = "## Question 2: in your own words (3 points)"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def marks(grade_id, **flags):
    default = {"grade": False, "solution": False, "locked": False, "task": False}
    return {"nbgrader": default | {"grade_id": grade_id, "schema_version": 3} | flags}


def graded_notebook(*cells):
    """A notebook with two questions, and more cells."""
    checked = marks("q1_check", grade=True, locked=True, points=2)
    written = marks("words", grade=True, solution=True, points=3)
    return new_notebook(
        cells=[
            new_markdown_cell("# Exercise 3: cats\n\nAbout ten minutes."),
            new_markdown_cell(ONE, metadata=marks("q1_text", locked=True)),
            new_code_cell("def mean(x):\n    return 1", metadata=marks("q1", solution=True)),
            new_code_cell("check_mean(mean)", metadata=checked),
            new_markdown_cell(TWO, metadata=marks("words_text", locked=True)),
            new_markdown_cell("My *words*.", metadata=written),
            *cells,
            new_markdown_cell("## Hand it in"),
            new_code_cell(
                'checks.hand_in("03_cats")', outputs=[new_output("error", ename="OSError")]
            ),
        ]
    )


def result(status=Status.BY_HAND, words=None, **changed):
    questions = [
        QuestionResult("q1_check", 1.5, 2, "The mean of [1, 5] is <3>.", "sum-for-mean"),
        QuestionResult("words", words, 3, reason="" if words else "a written answer"),
    ]
    return SubmissionResult(STUDENT, NAME, status, questions, **changed)


def page_of(*cells, **options):
    """The feedback page of a notebook with these cells at its end."""
    executed = nbformat.writes(graded_notebook(*cells)).encode()
    comments = {"q1": "Well *begun*."}
    return feedback_page(result(**options), graded_notebook(), executed, comments)


def shows(kind, value, metadata=None):
    output = new_output("display_data", data={kind: value}, metadata=metadata or {})
    return new_code_cell("show()", outputs=[output])


def prints(text):
    return new_code_cell("print(text)", outputs=[new_output("stream", text=text)])
