"""The gradebook: whole submissions or nothing, and a person's points stay; in both databases."""

import copy
import os
import signal

import nbformat
import pytest
from grading import small_course
from grading.databases import connected, contents
from grading.small_course import EXERCISE
from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Gradebook
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from course_admin.grading import gradebook as books
from course_admin.grading import release
from course_admin.grading.notebook_cells import graft
from course_admin.grading.results import JudgedQuestion, Status

CONFIG = release.load_config(small_course.REPOSITORY / "instructor" / "nbgrader_config.py")
QUESTIONS = ("double_check", "largest_check", "why")


def definition(source=None):
    return books.definition_of(source or small_course.source(), EXERCISE, CONFIG)


def executed(points=(2.0, 2.0), **answers):
    """A submission as a worker writes it, and what the worker decided."""
    notebook = graft(small_course.answered(**answers), definition())
    results = [JudgedQuestion(*pair) for pair in zip(QUESTIONS, points, strict=False)]
    for result in results:
        cell = next(c for c in notebook.cells if grade_id(c) == result.question)
        cell.outputs = [new_output("execute_result", data={"text/plain": str(result.points)})]
        if result.points is None:
            result.reason = "The submission's process was ended."
            cell.outputs = [new_output("error", ename="NeedsReview", evalue="", traceback=[])]
    return notebook, results


def grade_id(cell) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def save(url, points=(2.0, 2.0), student="ann", fingerprint="1", **answers):
    """Record a submission, as grading does."""
    notebook, results = executed(points, **answers)
    record = books.GradingRecord(fingerprint, judged=results, timestamp="2026-11-21T10:00:00")
    with books.one_transaction(url) as book:
        books.save(book, student, EXERCISE, record, notebook)


def save_unreadable(url):
    with books.one_transaction(url) as book:
        record = books.GradingRecord("unreadable", problem="is no notebook: ask for it again")
        books.save(book, "ann", EXERCISE, record, None)


def results(url):
    with books.one_transaction(url) as book:
        return books.results_in(book)


def points(url) -> list[float | None]:
    (result,) = results(url)
    return [question.points for question in result.questions]


def mark(url, question, manual_score, comment=None):
    """Mark by hand, as nbgrader's formgrader does."""
    with Gradebook(url, books.COURSE) as book:
        grade = book.find_grade(question, EXERCISE, EXERCISE, "ann")
        grade.manual_score, grade.needs_manual_grade = manual_score, False
        if comment:
            name = question.removesuffix("_check")
            book.find_comment(name, EXERCISE, EXERCISE, "ann").manual_comment = comment
        book.db.commit()


def marks(url, question) -> tuple:
    """A question's points by hand, whether a person is asked, and the comment."""
    with Gradebook(url, books.COURSE) as book:
        grade = book.find_grade(question, EXERCISE, EXERCISE, "ann")
        name = question.removesuffix("_check")
        comment = book.find_comment(name, EXERCISE, EXERCISE, "ann")
        return grade.manual_score, grade.needs_manual_grade, comment.manual_comment


@pytest.fixture
def book(url):
    """The URL of a gradebook with the small exercise."""
    books.create(url)
    with books.one_transaction(url) as open_book:
        books.define(open_book, EXERCISE, definition())
    return url


def is_changing(statement: str) -> bool:
    return not statement.lstrip().upper().startswith(("SELECT", "PRAGMA"))


class Interruption(BaseException):
    """What no code expects."""


def interrupted(action, number, interrupt) -> bool:
    """Run an action up to its `number`-th change or end of a transaction; was there one?"""
    left = [number]

    def count(*arguments):
        if len(arguments) == 1 or is_changing(arguments[2]):
            left[0] -= 1
            if left[0] == 0:
                interrupt()

    names = ("after_cursor_execute", "commit")
    for name in names:
        event.listen(Engine, name, count)
    try:
        action()
    except Interruption:
        return True
    finally:
        for name in names:
            event.remove(Engine, name, count)
    return False


def raised(action, number) -> bool:
    def interrupt():
        raise Interruption

    return interrupted(action, number, interrupt)


def killed(action, number) -> bool:
    """Run an action in a process of its own, which is killed on the way."""
    child = os.fork()
    if child == 0:
        try:
            interrupted(action, number, lambda: os.kill(os.getpid(), signal.SIGKILL))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("end", [raised, killed])
def test_a_submission_is_in_the_gradebook_as_a_whole_or_not_at_all(book, end):
    save(book, (2.0, 0.0), student="bob")
    before = contents(book)
    number = 1
    while end(lambda: save(book, (2.0, 1.0)), number):
        assert contents(book) == before, f"half of it was written after change {number}"
        number += 1
    assert number > 5, "the interruptions did not work"
    assert [result.student for result in results(book)] == ["ann", "bob"]
    assert results(book)[0].points_so_far == 3


@pytest.mark.parametrize("end", [raised, killed])
def test_a_resubmission_takes_the_place_of_all_grades_or_of_none(book, end):
    save(book, (2.0, 0.0))
    mark(book, "largest_check", 1.5, "nearly")
    before = contents(book)
    number = 1
    while end(
        lambda: save(book, (0.0, 2.0), fingerprint="2", double="def double(v): pass"), number
    ):
        assert contents(book) == before, f"half of it was written after change {number}"
        number += 1
    assert number > 3, "the interruptions did not work"
    assert points(book) == [0.0, None, None]
    assert marks(book, "largest_check") == (1.5, True, "nearly")


def test_an_exercise_is_defined_as_a_whole_or_not_at_all(url):
    books.create(url)
    before = contents(url)

    def define():
        with books.one_transaction(url) as open_book:
            books.define(open_book, EXERCISE, definition())

    number = 1
    while raised(define, number):
        assert contents(url) == before
        number += 4
    assert number > 8, "the interruptions did not work"
    save(url)
    assert points(url) == [2.0, 2.0, None]


def test_a_gradebook_whose_making_was_killed_is_completed(url):
    number = 1
    while killed(lambda: books.create(url), number):
        number += 5  # some thirty statements make the tables
    assert number > 10
    books.create(url)
    assert len(contents(url)["alembic_version"]) == 1
    with books.one_transaction(url) as open_book:
        books.define(open_book, EXERCISE, definition())
    save(url)
    assert points(url) == [2.0, 2.0, None]


def test_a_gradebook_without_nbgraders_version_gets_it(book):
    version = contents(book)["alembic_version"]
    with connected(book) as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    books.create(book)
    assert contents(book)["alembic_version"] == version


def test_nbgrader_reads_the_same_points(book):
    save(book, (2.0, 0.5))
    mark(book, "why", 1.0)
    with Gradebook(book, books.COURSE) as open_book:
        submission = open_book.find_submission(EXERCISE, "ann")
        assert (submission.score, submission.max_score) == (3.5, 5)
        assert not submission.needs_manual_grade
        assert submission.timestamp.isoformat() == "2026-11-21T10:00:00"
    (result,) = results(book)
    assert (result.status, result.points, result.max_points) == (Status.GRADED, 3.5, 5)


def test_what_could_not_be_decided_has_no_points_and_asks_a_person(book):
    save(book, (2.0, None))
    (result,) = results(book)
    assert result.status == Status.NEEDS_REVIEW
    assert [question.points for question in result.questions] == [2.0, None, None]
    assert "process was ended" in result.questions[1].reason
    mark(book, "largest_check", 0.0)
    mark(book, "why", 0.5)
    (result,) = results(book)
    assert (result.status, result.points) == (Status.GRADED, 2.5)


def test_points_and_comments_by_hand_survive_a_grading_that_changes_nothing(book):
    save(book, (0.0, 2.0))
    mark(book, "double_check", 1.0, "the idea is right")
    mark(book, "why", 0.75, "say more")
    save(book, (0.0, 2.0), fingerprint="2")
    assert points(book) == [1.0, 2.0, 0.75]
    assert marks(book, "double_check") == (1.0, False, "the idea is right")
    assert marks(book, "why") == (0.75, False, "say more")


def test_a_person_is_asked_again_about_a_written_answer_that_has_changed(book):
    save(book, (0.0, 2.0))
    mark(book, "double_check", 1.0, "the idea is right")
    mark(book, "why", 0.75, "say more")
    save(book, (0.0, 2.0), fingerprint="2", why="Because of something else.")
    assert points(book) == [1.0, 2.0, None]
    assert marks(book, "double_check") == (1.0, False, "the idea is right")
    assert marks(book, "why") == (0.75, True, "say more")


def test_a_person_is_asked_again_about_code_that_has_changed(book):
    save(book, (0.0, 2.0), double="def double(values): return 3 * values")
    mark(book, "double_check", 1.0, "the idea is right")
    mark(book, "why", 0.75)
    other = "def double(values): return values"
    save(book, (0.0, 2.0), fingerprint="2", double=other)  # as wrong as before
    assert points(book) == [None, 2.0, 0.75]
    assert marks(book, "double_check") == (1.0, True, "the idea is right")


def test_a_person_is_asked_again_where_a_corrected_test_gives_other_points(book):
    save(book, (0.0, 2.0))
    mark(book, "double_check", 1.0)
    mark(book, "why", 0.75)
    save(book, (2.0, 2.0), fingerprint="2")
    assert points(book) == [None, 2.0, 0.75]
    assert marks(book, "double_check")[:2] == (1.0, True)


def test_what_a_person_is_asked_already_is_asked_until_it_is_answered(book):
    save(book, (0.0, 2.0))
    mark(book, "why", 0.75)
    save(book, (0.0, 2.0), fingerprint="2", why="Because of something else.")
    save(book, (0.0, 2.0), fingerprint="3", why="Because of something else.")
    assert marks(book, "why")[:2] == (0.75, True)
    mark(book, "why", 1.0)
    save(book, (0.0, 2.0), fingerprint="4", why="Because of something else.")
    assert marks(book, "why")[:2] == (1.0, False)


def test_a_resubmission_that_cannot_be_read_keeps_what_was_given_by_hand(book):
    save(book, (0.0, 2.0))
    mark(book, "double_check", 1.0, "the idea is right")
    save_unreadable(book)
    (result,) = results(book)
    assert (result.status, points(book)) == (Status.NEEDS_REVIEW, [None, None, None])
    assert "ask for it again" in result.reasons[0]
    assert marks(book, "double_check") == (1.0, True, "the idea is right")
    save(book, (0.0, 2.0), fingerprint="3")
    assert points(book) == [None, 2.0, None]
    assert marks(book, "double_check") == (1.0, True, "the idea is right")


def with_another_question():
    source = copy.deepcopy(small_course.source())
    cell = new_code_cell("checks.Verdict(1, 1, '')", id="more")
    source.cells.append(small_course.marked(cell, "more", grade=True, points=1))
    return source


def without_the_text():
    source = copy.deepcopy(small_course.source())
    source.cells.pop()
    return source


@pytest.mark.parametrize("change", [with_another_question, without_the_text])
def test_questions_may_come_and_go_until_grading_begins(book, change):
    with books.one_transaction(book) as open_book:
        books.define(open_book, EXERCISE, definition(change()))
        books.define(open_book, EXERCISE, definition())
    save(book)
    before = contents(book)
    with pytest.raises(ValueError, match="questions were added or removed"):  # noqa: SIM117
        with books.one_transaction(book) as open_book:
            books.define(open_book, EXERCISE, definition(change()))
    assert contents(book) == before


def test_other_points_for_a_question_are_taken_over(book):
    save(book)
    source = small_course.source()
    cell = next(cell for cell in source.cells if grade_id(cell) == "why")
    cell.metadata.nbgrader.points = 3
    with books.one_transaction(book) as open_book:
        books.define(open_book, EXERCISE, definition(source))
    (result,) = results(book)
    assert result.max_points == 7


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_gradebook_that_goes_away_leaves_nothing_half(book, postgresql):
    save(book, student="bob")
    before = contents(book)
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"

    def go_away():
        with connected(f"{postgresql}/postgres") as connection:
            connection.execute(text(end_all), {"name": book.rpartition("/")[2]})

    with pytest.raises(OSError, match="run the same command again"):
        interrupted(lambda: save(book), 5, go_away)
    assert contents(book) == before
    save(book)
    assert len(results(book)) == 2


def test_a_file_that_another_program_keeps_locked_is_an_error_that_says_so(tmp_path):
    url = f"sqlite:///{tmp_path / 'gradebook.db'}?timeout=0.1"
    books.create(url)
    with connected(url) as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(OSError, match="database is locked"):  # noqa: SIM117
            with books.one_transaction(url) as open_book:
                books.define(open_book, EXERCISE, definition())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("nosuchbase://host/name", "nosuchbase"),
        ("postgresql+nosuchdriver://host/name", "nosuchdriver"),
        ("postgresql+psycopg://teacher:secret@127.0.0.1:1/gradebook", "refused"),
    ],
)
def test_an_url_at_which_no_gradebook_can_be_is_an_error_of_one_line(url, says):
    with pytest.raises(ValueError, match=says) as error:
        books.create(url)
    assert "\n" not in str(error.value) and "secret" not in str(error.value)


def test_a_file_that_is_no_gradebook_stays_as_it_is(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("Not a database, but somebody's notes. " * 20)
    with pytest.raises(ValueError, match="not a database"):
        books.create(f"sqlite:///{path}")
    assert path.read_text().startswith("Not a database")


def test_a_record_is_read_as_it_was_written(book):
    save(book, (1.0, None))
    with books.one_transaction(book) as open_book:
        record = books.record_of(open_book, "ann", EXERCISE)
        assert books.record_of(open_book, "bob", EXERCISE) is None
    assert record.judged[0] == JudgedQuestion("double_check", 1.0)
    assert set(record.answers) == set(QUESTIONS)


def test_what_belongs_to_no_exercise_is_listed_until_the_student_hands_in_better(book):
    record = books.GradingRecord(
        "1", problem="holds no notebook (essay.docx): ask for the .ipynb file"
    )
    with books.one_transaction(book) as open_book:
        books.save(open_book, "ann", books.UNKNOWN, record, None)
        books.save(open_book, "bob", books.UNKNOWN, record, None)
    assert {(r.student, r.status) for r in results(book)} == {
        ("ann", Status.NEEDS_REVIEW),
        ("bob", Status.NEEDS_REVIEW),
    }
    with books.one_transaction(book) as open_book:
        books.forget_unknown(open_book, {"ann"})
    assert [result.student for result in results(book)] == ["bob"]


def test_comments_are_those_of_a_person(book):
    save(book)
    mark(book, "double_check", 1, "well done")
    with books.one_transaction(book) as open_book:
        assert books.comments_of(open_book, "ann", EXERCISE)["double"] == "well done"
        assert books.comments_of(open_book, "ann", books.UNKNOWN) == {}


def test_a_definition_keeps_the_hidden_tests_and_no_solution():
    made = nbformat.writes(definition())
    assert small_course.HIDDEN in made
    assert "return 2 * values" not in made
