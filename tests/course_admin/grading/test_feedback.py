"""Feedback pages show what a learner needs, safely, and no hidden test."""

import html

from grading.feedback_pages import PIXEL, graded_notebook, page_of, prints, result, shows
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from course_admin.grading.feedback import feedback_page
from course_admin.grading.page import POLICY
from course_admin.grading.results import Status


def test_page_shows_answers_points_comments_and_messages(database):
    page = page_of(database)
    assert "Well <em>begun</em>." in page
    assert "Score: 1.5 / 2.0" in page
    assert "The mean of [1, 5] is &lt;3&gt;." in page
    assert "1.5 of 5 points so far" in page
    assert "<details><summary>Hint</summary>" in page


def test_question_without_points_is_not_shown_as_zero(database):
    page = page_of(database)
    assert "Score: not yet / 3.0" in page
    assert "Score: 0" not in page
    assert "your teacher will look at the rest" in page


def test_page_of_complete_submission_has_a_total(database):
    page = page_of(database, status=Status.GRADED, words=3.0)
    assert "4.5 of 5 points" in page
    assert "your teacher will look at the rest" not in page


def test_page_needs_no_network(database):
    page = page_of(database, shows("image/png", PIXEL))
    assert f'content="{POLICY}"' in page
    assert "<script" not in page
    assert "cdn" not in page.lower()
    assert page.count("http") == page.count("http-equiv")


def test_hidden_tests_are_not_in_the_page(database):
    secret = "assert mean([7, 9]) == 8"
    source = f"check()\n### BEGIN HIDDEN TESTS\n{secret}\n### END HIDDEN TESTS\nshown = 1"
    colours = "\x1b[1;31m----> 3\x1b[0m assert\x1b[0m mean([\x1b[32m7\x1b[0m, 9]) == 8"
    error = new_output("error", ename="AssertionError", evalue="", traceback=[colours])
    unclosed = new_code_cell("### BEGIN HIDDEN TESTS\nassert secret_number == 5")
    cells = [new_code_cell(source, outputs=[error]), unclosed, prints(secret)]
    page = page_of(database, *cells)
    assert "[7" not in page
    assert "HIDDEN" not in page
    assert "secret_number" not in page
    assert "it quotes a test" in page
    assert "shown" in page


def test_error_of_the_learner_is_shown(database):
    error = new_output(
        "error", ename="E", evalue="x", traceback=["\x1b[31mZeroDivisionError\x1b[0m"]
    )
    assert "ZeroDivisionError" in page_of(database, new_code_cell("1 / 0", outputs=[error]))


def test_text_alternatives_are_kept(database):
    cells = [
        shows("image/png", PIXEL, {"image/png": {"alt": 'A "cat"'}}),
        shows("text/html", f'<img alt="A dog" src="data:image/png;base64,{PIXEL}">'),
        new_markdown_cell("![A bird](bird.png)"),
    ]
    page = page_of(database, *cells)
    for words in ("A &quot;cat&quot;", "A dog", "A bird"):
        assert f'alt="{words}"' in page or f"alt='{html.unescape(words)}'" in page


def test_notebook_is_left_alone(database):
    notebook = graded_notebook(prints("x"), new_code_cell("### BEGIN HIDDEN TESTS\nx"))
    before = notebook.copy()
    texts = [cell.source for cell in notebook.cells]
    feedback_page(notebook, result(), database)
    assert [cell.source for cell in notebook.cells] == texts
    assert notebook == before
