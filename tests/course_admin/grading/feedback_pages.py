"""Notebooks with outputs of all kinds, and the feedback pages made from them."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook

from course_admin.grading.feedback import feedback_page
from course_admin.grading.results import QuestionResult, Status, SubmissionResult

NAME, STUDENT = "03_cats", "ada"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def marks(grade_id, **flags):
    default = {"grade": False, "solution": False, "locked": False, "task": False}
    return {"nbgrader": default | {"grade_id": grade_id, "schema_version": 3} | flags}


def graded_notebook(*cells):
    """A notebook whose questions are in the gradebook of `database`, and more cells."""
    checked = marks("q1_check", grade=True, locked=True, points=2)
    written = marks("words", grade=True, solution=True, points=3)
    return new_notebook(
        cells=[
            new_markdown_cell("# Cats\n\n<details><summary>Hint</summary>Think.</details>"),
            new_code_cell("def mean(x):\n    return 1", metadata=marks("q1", solution=True)),
            new_code_cell("check_mean(mean)", metadata=checked),
            new_markdown_cell("My *words*.", metadata=written),
            *cells,
        ]
    )


def fill(url):
    with Gradebook(url) as gradebook:
        gradebook.add_assignment(NAME)
        gradebook.add_notebook(NAME, NAME)
        gradebook.add_grade_cell("q1_check", NAME, NAME, max_score=2, cell_type="code")
        gradebook.add_grade_cell("words", NAME, NAME, max_score=3, cell_type="markdown")
        for name in ("q1", "words"):
            gradebook.add_solution_cell(name, NAME, NAME)
        gradebook.add_student(STUDENT)
        gradebook.add_submission(NAME, STUDENT)
        grade = gradebook.find_grade("q1_check", NAME, NAME, STUDENT)
        grade.auto_score = 1.5
        gradebook.find_comment("q1", NAME, NAME, STUDENT).manual_comment = "Well *begun*."
        gradebook.db.commit()


def result(status=Status.BY_HAND, words=None, **changed):
    questions = [
        QuestionResult("q1_check", 1.5, 2, "The mean of [1, 5] is <3>.", "sum-for-mean"),
        QuestionResult("words", words, 3, reason="" if words else "a written answer"),
    ]
    return SubmissionResult(STUDENT, NAME, status, questions, **changed)


def page_of(database, *cells, **options):
    return feedback_page(graded_notebook(*cells), result(**options), database)


def shows(kind, value, metadata=None):
    output = new_output("display_data", data={kind: value}, metadata=metadata or {})
    return new_code_cell("show()", outputs=[output])


def prints(text):
    return new_code_cell("print(text)", outputs=[new_output("stream", text=text)])
