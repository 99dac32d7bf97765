"""The instructor's day: downloads in, grades, the platforms' tables out and read again."""

import csv
from pathlib import Path

import nbformat
import pytest
from grading import small_course
from lms import classroom
from lms.classroom import (
    ADA,
    ANA,
    CLASS,
    EVE,
    EXERCISE,
    JOSE,
    LUKASZ,
    MINJUN,
    MUHAMMAD,
    OTHER,
    OTHER_ANA,
    ZOE,
    php_csv,
)
from nbformat.v4 import new_output
from nbgrader.api import Gradebook

from course_admin import cli
from course_admin.grading import feedback_files, pipeline
from course_admin.grading import gradebook as books
from course_admin.grading.notebook_cells import graft
from course_admin.grading.results import JudgedQuestion
from course_admin.grading.worker_pool import Outcome


def judged(task):
    """What a worker would find: two points for each answer that is as in the solution."""
    submission = nbformat.read(task.submission.path, as_version=4)
    executed = graft(submission, nbformat.read(task.definition, as_version=4))
    source = "\n".join(cell.source for cell in executed.cells)
    results = []
    for name, answer in small_course.ANSWERS.items():
        points = 2.0 if answer in source else 0.0
        results.append(JudgedQuestion(f"{name}_check", points))
        for cell in executed.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == f"{name}_check":
                cell.outputs = [new_output("execute_result", data={"text/plain": str(points)})]
    return Outcome(executed, results)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two exercises; nothing is run, so no sandbox and no reference data."""
    monkeypatch.setattr(pipeline, "run_all", lambda tasks, *rest: ((t, judged(t)) for t in tasks))
    monkeypatch.setattr(pipeline, "_require_sandbox", lambda *arguments: None)
    monkeypatch.setattr(pipeline.hidden_data, "prepare", lambda *arguments: tmp_path)
    monkeypatch.setattr(feedback_files, "feedback_page", lambda result, *rest: str(result))
    small_course.make_instructor(tmp_path)
    source = tmp_path / "instructor" / "source"
    other = small_course.source()
    other.metadata["course"] = {"exercise": OTHER}
    (source / OTHER).mkdir()
    nbformat.write(other, source / OTHER / f"{OTHER}.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def grade(download: bytes, *options: str) -> dict[tuple[str, str], dict[str, str]]:
    """Run the command; return the rows of the table by number and exercise."""
    Path("download.zip").write_bytes(download)
    assert cli.main(["grade", "download.zip", *options]) == 0
    return {(row["number"], row["exercise"]): row for row in table("grades.csv")}


def table(name: str) -> list[dict[str, str]]:
    with Path("graded", name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def mark_written_answers(points: float = 0.5) -> None:
    """Mark all of them by hand, as in the formgrader."""
    with Gradebook("sqlite:///graded/gradebook.db", books.COURSE) as book:
        for result in book.assignments:
            for submission in result.submissions:
                for notebook in submission.notebooks:
                    for grade in notebook.grades:
                        if grade.name == "why" and grade.notebook.grades[0].auto_score is not None:
                            grade.manual_score, grade.needs_manual_grade = points, False
        book.db.commit()


def write(name: str, rows: list[list[str]]) -> None:
    Path(name).write_bytes(("\ufeff" + php_csv(rows)).encode())


POINTS = {MINJUN: 4.5, JOSE: 4.5, MUHAMMAD: 4.5, ANA: 4.5, OTHER_ANA: 2.5}
REVIEW = {
    LUKASZ: "holds no notebook (91_small.html)",
    ZOE: "holds no notebook (91_small.py)",
    EVE: "92_other.ipynb is a notebook of 92_other, but 91_small was to be handed in",
    ADA: "is damaged",
}


def test_moodle_from_download_to_upload(course, capsys):
    rows = grade(classroom.moodle_zip(EXERCISE, classroom.hand_ins()), "--exercise", EXERCISE)
    assert "a row for each assignment" in capsys.readouterr().out
    minjun = rows[str(MINJUN.moodle_number(EXERCISE)), EXERCISE]
    assert (minjun["name"], minjun["platform"], minjun["late"]) == ("김민준", "moodle", "unknown")
    assert minjun["file"] == f"{EXERCISE}.ipynb"
    assert rows[str(JOSE.moodle_number(EXERCISE)), EXERCISE]["file"] == f"{EXERCISE}-1.ipynb"
    for who, says in REVIEW.items():
        row = rows[str(who.moodle_number(EXERCISE)), EXERCISE]
        assert row["status"] == "needs review" and says in row["reasons"]
    mark_written_answers()
    write("worksheet.csv", classroom.worksheet())
    arguments = ["grades", "moodle", "worksheet.csv", "--exercise", EXERCISE]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    text = Path("graded", f"{EXERCISE}-worksheet.csv").read_text(encoding="utf-8")
    found = classroom.moodle_grades(text)
    assert found == {str(who.moodle_number(EXERCISE)): points for who, points in POINTS.items()}
    assert all(f"  {who.name}: needs review" in said for who in REVIEW)
    feedback = Path("graded", f"{EXERCISE}-feedback.zip").read_bytes()
    pages = classroom.moodle_feedback(feedback, set(map(str, range(30_010, 30_020))))
    assert len(pages) == len(POINTS) + len(REVIEW)
    assert set(pages.values()) == {f"{EXERCISE}.html"}
    assert cli.main([*arguments, "--out", "worksheet.csv"]) == 1
    assert "name another one with --out" in capsys.readouterr().err


def test_canvas_from_download_to_upload(course, capsys):
    download = classroom.canvas_zip(classroom.hand_ins(), late=(ANA,))
    rows = grade(download, "--exercise", EXERCISE)
    assert rows["14", EXERCISE]["late"] == "yes" and rows["15", EXERCISE]["late"] == "no"
    mark_written_answers()
    write("gradebook.csv", classroom.gradebook(maximum="10.00"))
    assert cli.main(["grades", "canvas", "gradebook.csv", "--exercise", EXERCISE]) == 0
    assert "multiplied by 2" in capsys.readouterr().out
    text = Path("graded", f"{EXERCISE}-gradebook.csv").read_text(encoding="utf-8")
    found = classroom.canvas_grades(text)
    assert found == {str(who.number): f"{2 * points:.2f}" for who, points in POINTS.items()}


def test_an_exercise_in_another_assignment_replaces_no_honest_grade(course, capsys):
    good, bad = classroom.notebook(), classroom.notebook(double="def double(v): return 0")
    other = classroom.notebook(OTHER)
    grade(classroom.canvas_zip({ANA: {f"{EXERCISE}.ipynb": good}}), "--exercise", EXERCISE)
    second = {ANA: {f"{EXERCISE}.ipynb": bad}, ZOE: {f"{OTHER}.ipynb": other}}
    download = classroom.canvas_zip(second, late=(ANA,), attachment=900)
    rows = grade(download, "--exercise", OTHER)
    assert rows["14", EXERCISE]["points_so_far"] == "4.0"
    assert rows["14", OTHER]["status"] == "needs review"
    assert f"with --exercise {EXERCISE} if it was meant" in rows["14", OTHER]["reasons"]
    rows = grade(download, "--exercise", EXERCISE)
    assert rows["14", EXERCISE]["points_so_far"] == "4.0"
    assert rows["14", EXERCISE]["status"] == "needs review"
    assert "it is late" in rows["14", EXERCISE]["reasons"]
    assert "with --on-conflict keep" in rows["14", EXERCISE]["reasons"]
    rows = grade(download, "--exercise", EXERCISE, "--on-conflict", "keep")
    assert rows["14", EXERCISE]["status"] == "to be marked by hand"
    on_time = classroom.canvas_zip({ANA: second[ANA]}, attachment=950)
    rows = grade(on_time, "--exercise", EXERCISE)
    assert rows["14", EXERCISE]["points_so_far"] == "2.0"
    assert "replaced 91_small.ipynb" in rows["14", EXERCISE]["reasons"]


def test_a_roster_joins_the_assignments_of_one_person(course, capsys):
    for exercise, people in ((EXERCISE, (MINJUN, ANA, OTHER_ANA)), (OTHER, (MINJUN, ANA))):
        write(f"{exercise}.csv", classroom.worksheet(exercise))
        files = {who: {"x.ipynb": classroom.notebook(exercise)} for who in people}
        download = classroom.moodle_zip(exercise, files)
        rosters = ["--roster", f"{EXERCISE}.csv", f"{exercise}.csv"]
        grade(download, "--exercise", exercise, *rosters)
    assert "a row for each assignment" not in capsys.readouterr().out
    people = table("learners.csv")
    assert [row["name"] for row in people] == ["Ana López", "Ana López", "김민준"]
    done = {row["email"]: (row[EXERCISE], row[OTHER]) for row in people}
    by_hand = "to be marked by hand"
    assert done[MINJUN.email] == done[ANA.email] == (by_hand, by_hand)
    assert done[OTHER_ANA.email] == (by_hand, "")
    grade(download, "--exercise", OTHER)
    assert len(table("learners.csv")) == 5, "one row for each number"


def test_errors_say_what_to_do(course, capsys):
    grade(classroom.canvas_zip({ANA: {"x.ipynb": classroom.notebook()}}))
    write("gradebook.csv", classroom.gradebook(people=CLASS[:2]))
    for arguments, says in [
        (["grade", "download.zip", "--exercise", "9"], "choose one of 91_small, 92_other"),
        (["grades", "canvas", "gradebook.csv", "--exercise", OTHER], "hand-ins of: 91_small"),
        (["grades", "canvas", "gradebook.csv", "--exercise", EXERCISE], "knows nobody"),
        (["grades", "canvas", "nothing.csv", "--exercise", EXERCISE], "nothing.csv"),
        (["grades", "canvas", "x", "--exercise", EXERCISE, "--into", "no"], "holds no gradebook"),
    ]:
        capsys.readouterr()
        assert cli.main(arguments) == 1
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("course: ") and says in error
