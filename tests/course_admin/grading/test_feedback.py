"""Feedback pages show what a learner needs, safely, and no hidden test."""

import html
import re

import nbformat
import pytest
from grading.feedback_pages import (
    NAME,
    PIXEL,
    STUDENT,
    graded_notebook,
    marks,
    page_of,
    prints,
    result,
    shows,
)
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_admin.grading import feedback
from course_admin.grading.feedback import feedback_page
from course_admin.grading.page import POLICY
from course_admin.grading.rendering import question_titles
from course_admin.grading.results import Origin, QuestionResult, Status, SubmissionResult


def text_of(page):
    """What a person reads."""
    return html.unescape(re.sub(r"<[^>]+>", "", page.partition("<main>")[2]))


def test_page_shows_answers_points_comments_and_messages():
    page = page_of()
    assert "Well <em>begun</em>." in page
    assert "My <em>words</em>." in page
    assert "The mean of [1, 5] is &lt;3&gt;." in page
    assert "1.5 of 5 points so far" in page
    assert "<details><summary>Hint</summary>" in page


def test_questions_are_called_by_their_titles_and_have_their_points_once():
    text = text_of(page_of())
    assert "Exercise 3: cats" in text
    assert "Question 1: the mean1.5 of 2" in text
    assert "Question 2: in your own wordsnot yet" in text
    assert text.count("1.5 of 2") == 1
    assert "q1_check" not in text


def test_what_is_around_the_questions_is_left_out():
    text = text_of(page_of())
    assert "About ten minutes" not in text
    assert "hand_in" not in text
    assert "OSError" not in text


def test_question_without_points_is_not_shown_as_zero():
    page = page_of()
    assert "not yet" in page
    assert "0 of 3" not in page
    assert "your teacher will look at the rest" in page


def test_page_of_complete_submission_has_a_total():
    page = page_of(status=Status.GRADED, words=3.0)
    assert "4.5 of 5 points" in page
    assert "your teacher will look at the rest" not in page


def test_page_needs_no_network():
    page = page_of(shows("image/png", PIXEL))
    assert f'content="{POLICY}"' in page
    assert "<script" not in page
    assert "cdn" not in page.lower()
    assert page.count("http") == page.count("http-equiv")


def test_hidden_tests_are_not_in_the_page():
    secret = "assert mean([7, 9]) == 8"
    source = f"check()\n### BEGIN HIDDEN TESTS\n{secret}\n### END HIDDEN TESTS\nshown = 1"
    colours = "\x1b[1;31m----> 3\x1b[0m assert\x1b[0m mean([\x1b[32m7\x1b[0m, 9]) == 8"
    error = new_output("error", ename="AssertionError", evalue="", traceback=[colours])
    unclosed = new_code_cell("### BEGIN HIDDEN TESTS\nassert secret_number == 5")
    cells = [new_code_cell(source, outputs=[error]), unclosed, prints(secret)]
    page = page_of(*cells)
    assert "[7" not in page
    assert "HIDDEN" not in page
    assert "secret_number" not in page
    assert "it quotes a test" in page
    assert "shown" in page


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("It ran longer than 600 seconds.", "Not graded yet. It ran longer than 600 seconds."),
        ("The test failed (x = secret(5)).", "Not graded yet. The test failed on this answer."),
    ],
)
def test_reason_is_shown_unless_it_quotes_a_hidden_test(reason, says):
    hidden = new_code_cell("### BEGIN HIDDEN TESTS\nx = secret(5)\n### END HIDDEN TESTS")
    executed = nbformat.writes(graded_notebook(hidden)).encode()
    questions = [QuestionResult("q1_check", None, 2, reason=reason)]
    given = SubmissionResult(STUDENT, NAME, Status.NEEDS_REVIEW, questions)
    text = text_of(feedback_page(given, graded_notebook(), executed))
    assert says in text
    assert "secret(5)" not in text


def test_error_of_the_learner_is_shown():
    error = new_output(
        "error", ename="E", evalue="x", traceback=["\x1b[31mZeroDivisionError\x1b[0m"]
    )
    assert "ZeroDivisionError" in page_of(new_code_cell("1 / 0", outputs=[error]))


def test_text_alternatives_are_kept():
    cells = [
        shows("image/png", PIXEL, {"image/png": {"alt": 'A "cat"'}}),
        shows("text/html", f'<img alt="A dog" src="data:image/png;base64,{PIXEL}">'),
        new_markdown_cell("![A bird](bird.png)"),
    ]
    page = page_of(*cells)
    for words in ("A &quot;cat&quot;", "A dog", "A bird"):
        assert f'alt="{words}"' in page or f"alt='{html.unescape(words)}'" in page


FILES = {
    "damaged": ("x.ipynb is damaged (invalid JSON at line 7): ask for it again", "hand in"),
    "no notebook": ("holds no notebook (a.py, b.html): ask for the .ipynb file", "hand in"),
    "zip in a zip": ("a.zip is a zip in a zip: ask for the notebook itself", "hand in"),
    "too slow": ("x.ipynb takes more than 30 seconds to be read: look at it by hand", "look at"),
    "worker ended": ("the grader's process for this submission ended", "teacher will look at it"),
}


@pytest.mark.parametrize("known", [True, False], ids=["known exercise", "unknown"])
@pytest.mark.parametrize(("problem", "says"), FILES.values(), ids=FILES)
def test_learner_of_a_file_that_cannot_be_graded_reads_what_to_do(problem, says, known):
    reasons = [problem, "old.ipynb was handed in too and is not graded"]
    given = SubmissionResult(STUDENT, NAME, Status.NEEDS_REVIEW, reasons=reasons)
    text = text_of(feedback_page(given, graded_notebook() if known else None))
    assert "Your file could not be graded" in text
    assert problem.partition(": ")[0] in text
    assert says in text
    assert "ask for" not in text
    assert "old.ipynb was handed in too and is not graded" in text
    assert "points" not in text


def test_file_that_another_may_replace_is_not_called_unreadable():
    questions = [QuestionResult("words", None, 3)]
    options = {"reasons": ["nothing shows which is newer"], "contested": True}
    given = SubmissionResult(STUDENT, NAME, Status.NEEDS_REVIEW, questions, **options)
    text = text_of(feedback_page(given, graded_notebook()))
    assert "could not be graded" not in text
    assert "nothing shows which is newer" in text


def test_page_names_the_file_that_was_graded():
    page = page_of(origin=Origin(name="Ada <Lovelace>", file="03 cats (2).ipynb"))
    assert "03 cats (2).ipynb was graded" in page
    assert "Ada &lt;Lovelace&gt;" in page


@pytest.mark.parametrize(
    ("points", "says"),
    [(2.0, "Right."), (0.5, "Partly right."), (0.0, "Not right yet."), (None, "Not graded yet.")],
)
def test_each_question_says_how_it_went(points, says):
    questions = [QuestionResult("q1_check", points, 2, "This is why.")]
    given = SubmissionResult(STUDENT, NAME, Status.GRADED, questions)
    executed = nbformat.writes(graded_notebook()).encode()
    assert f"{says} This is why." in text_of(feedback_page(given, graded_notebook(), executed))


def test_notebook_that_takes_too_long_is_left_out_of_the_page(monkeypatch):
    monkeypatch.setattr(feedback, "SECONDS", 1)
    # The time that nbconvert takes grows with the square of the length
    slow = [new_markdown_cell("\\\\[" * 6_000) for _ in range(9)]
    page = page_of(*slow)
    assert "takes more than 1 seconds to be displayed" in page
    assert "Question 1: the mean" in page


def test_notebook_that_cannot_be_shown_still_gives_a_page():
    page = feedback_page(result(), graded_notebook(), b"{}")
    assert "cannot be shown here" in page
    assert "1.5 of 2" in page


TITLES = [
    (["# E", "## One (2 points)", "q1", "## Two", "q2"], {"q1": "One", "q2": "Two"}),
    (["# E", "q1", "## Two (1 point)\n\ntext", "q2", "q3"], {"q1": "q1", "q2": "Two", "q3": "q3"}),
    (["# E", "## A", "# B", "q1"], {"q1": "q1"}),
    (["# E", "## A (b) (c)\n### Part", "q1"], {"q1": "Part"}),
]


@pytest.mark.parametrize(("sources", "expected"), TITLES)
def test_question_is_called_what_the_heading_above_it_says(sources, expected):
    cells = [
        new_markdown_cell(one, metadata={} if "#" in one else marks(one, grade=True))
        for one in sources
    ]
    assert question_titles(new_notebook(cells=cells)) == ("E", expected)
