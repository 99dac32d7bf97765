"""Every learner has a page, which is written again only when something in it has changed."""

import nbformat
import pytest
from grading.feedback_pages import NAME, STUDENT, graded_notebook, result

from course_admin.grading.feedback_files import write_pages
from course_admin.grading.gradebook import UNKNOWN
from course_admin.grading.results import Status, SubmissionResult


@pytest.fixture
def into(tmp_path):
    """An output folder in which one submission was graded."""
    for place in (f"autograded/{STUDENT}/{NAME}", ".work/definitions"):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        nbformat.write(graded_notebook(), folder / f"{NAME}.ipynb")
    return tmp_path


def page(into, student=STUDENT, exercise=NAME):
    return into / "feedback" / student / f"{exercise}.html"


def unreadable(student):
    reasons = ["holds no notebook (a.py): ask for the .ipynb file"]
    return SubmissionResult(student, UNKNOWN, Status.NEEDS_REVIEW, reasons=reasons)


def test_every_hand_in_has_a_page_also_one_that_cannot_be_read(into):
    lost = SubmissionResult("bob", NAME, Status.NEEDS_REVIEW, reasons=["x is damaged: ask again"])
    write_pages([result(), lost, unreadable("eve")], [{}, {}, {}], into)
    assert "My <em>words</em>" in page(into).read_text("utf-8")
    assert "Exercise 3: cats" in page(into, "bob").read_text("utf-8")
    assert "x is damaged" in page(into, "bob").read_text("utf-8")
    assert "holds no notebook (a.py)" in page(into, "eve", UNKNOWN).read_text("utf-8")


def test_page_is_written_again_only_when_it_has_changed(into):
    write_pages([result()], [{"q1": "Good."}], into)
    first = page(into).stat().st_mtime_ns
    write_pages([result()], [{"q1": "Good."}], into)
    assert page(into).stat().st_mtime_ns == first
    write_pages([result()], [{"q1": "Very good."}], into)
    assert "Very good." in page(into).read_text("utf-8")


def test_page_of_a_hand_in_that_was_recognised_later_is_removed(into):
    write_pages([unreadable(STUDENT)], [{}], into)
    write_pages([result()], [{}], into)
    assert page(into).exists()
    assert not page(into, exercise=UNKNOWN).exists()
