"""The tables show what is known about grades, and hide nothing."""

import csv

import pytest
from grading.feedback_pages import NAME, result

from course_admin.grading import tables
from course_admin.grading.results import Origin, QuestionResult, Status, SubmissionResult
from course_admin.lms.roster import Roster


def read_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_table_has_no_points_where_nobody_knows_them(tmp_path):
    review = SubmissionResult("bob", NAME, Status.NEEDS_REVIEW, [], ["is damaged"], late=True)
    complete = result(Status.GRADED, words=3.0)
    tables.write_csv([result(), review], tmp_path / "grades.csv")
    ada, bob = read_csv(tmp_path / "grades.csv")
    assert (ada["points"], ada["points_so_far"], ada["max_points"]) == ("", "1.5", "5")
    assert (ada[f"{NAME}: q1_check"], ada[f"{NAME}: words"]) == ("1.5", "")
    assert ada["reasons"] == "words: a written answer"
    assert (bob["points"], bob["status"], bob["late"]) == ("", Status.NEEDS_REVIEW, "yes")
    assert bob["reasons"] == "is damaged"
    tables.write_csv([complete], tmp_path / "grades.csv")
    assert read_csv(tmp_path / "grades.csv")[0]["points"] == "4.5"


def test_graded_status_does_not_hide_open_questions():
    assert result(Status.GRADED).points is None
    assert result(Status.NEEDS_REVIEW, words=3.0).points is None
    assert result(Status.GRADED, words=0.0).points == 1.5


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_formulas_are_neutralised(tmp_path, start):
    path = tmp_path / "grades.csv"
    questions = [QuestionResult(start, 1.0, 1)]
    evil = SubmissionResult(start, start, Status.GRADED, questions, [start])
    tables.write_csv([evil], path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not any(cell.startswith(tables.FORMULA) for cell in cells)
    assert sum(cell.startswith(f"'{start}") for cell in cells) == 4


def test_table_is_known_as_unicode_by_excel(tmp_path):
    tables.write_csv([SubmissionResult("Zoë", NAME, Status.GRADED)], tmp_path / "grades.csv")
    assert (tmp_path / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert read_csv(tmp_path / "grades.csv")[0]["student"] == "Zoë"


def test_summary_counts_questions_and_misconceptions(tmp_path):
    results = [result(), result(), result(Status.GRADED, words=3.0)]
    first, second = tables.summarise(results)
    assert (first.graded, first.passed, first.mean_fraction, first.waiting) == (3, 0, 0.75, 0)
    assert first.misconceptions == [("sum-for-mean", 3)]
    assert (second.graded, second.passed, second.mean_fraction, second.waiting) == (1, 1, 1, 2)
    text = tables.summary_text(results)
    assert "75%" in text
    assert "sum-for-mean (3)" in text
    tables.write_summary(results, tmp_path / "summary.html")
    page = (tmp_path / "summary.html").read_text(encoding="utf-8")
    assert "sum-for-mean (3)" in page
    assert "2 to be marked by hand" in page


def test_summary_escapes_what_learners_wrote(tmp_path):
    evil = SubmissionResult("<script>", NAME, Status.NEEDS_REVIEW, [], ["<img src=x onerror=y>"])
    tables.write_summary([evil], tmp_path / "summary.html")
    page = (tmp_path / "summary.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img" not in page


def test_summary_of_nothing_is_no_error(tmp_path):
    tables.write_summary([], tmp_path / "summary.html")
    assert tables.summary_text([]).startswith("exercise")


def test_table_keeps_the_platforms_number_name_and_file(tmp_path):
    origin = Origin("moodle", "김민준", "30010", "03.ipynb")
    known = {"timestamp": "2026-03-02T12:00:00", "contested": True}
    results = [
        SubmissionResult("student_30010", NAME, Status.GRADED, origin=origin, **known),
        SubmissionResult("z", NAME, Status.GRADED, late=False),
    ]
    tables.write_csv(results, tmp_path / "grades.csv")
    minjun, other = read_csv(tmp_path / "grades.csv")
    assert [minjun[name] for name in ("name", "platform", "number", "file", "late")] == [
        "김민준",
        "moodle",
        "30010",
        "03.ipynb",
        "unknown",
    ]
    assert minjun["file_time"] == "2026-03-02T12:00:00" and other["late"] == "no"
    assert minjun["reasons"] == tables.DECIDE and other["reasons"] == ""


def test_learners_have_a_row_for_each_person_and_no_merged_grades(tmp_path):
    numbers = {"30010": NAME, "20010": "05_other", "20011": "05_other", "20012": "05_other"}
    results = [
        SubmissionResult(number, exercise, Status.GRADED, origin=Origin("moodle", "Ana", number))
        for number, exercise in numbers.items()
    ]
    worksheets = [tmp_path / f"{number}.csv" for number in list(numbers)[:3]]
    for path in worksheets:
        row = f"Participant {path.stem},Ana,a@x"
        path.write_text(f"Identifier,Full name,Email address\n{row}\n")
    tables.write_learners(results, Roster(worksheets), tmp_path / "learners.csv")
    ana, other = read_csv(tmp_path / "learners.csv")
    assert (ana["email"], ana["numbers"]) == ("a@x", "20010 20011 30010")
    assert (ana[NAME], ana["05_other"]) == ("0", "needs review: 2 hand-ins")
    assert (other["email"], other[NAME], other["05_other"]) == ("", "", "0")
    tables.write_learners(results, Roster(), tmp_path / "learners.csv")
    assert len(read_csv(tmp_path / "learners.csv")) == 4
