"""nbgrader's gradebook, filled whole submissions at a time, and a table of our own beside it.

nbgrader commits each grade by itself. Here a submission's grades, comments and what is known
about its grading are one transaction: all of it is in the gradebook, or nothing.
"""

import copy
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from nbformat import NotebookNode
from nbgrader import preprocessors as steps
from nbgrader import utils
from nbgrader.api import (
    Grade,
    Gradebook,
    InvalidEntry,
    SubmittedAssignment,
    get_alembic_version,
)
from sqlalchemy import Column, MetaData, String, Table, Text, delete, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from traitlets.config import Config

from course_admin.grading.notebook_cells import is_locked
from course_admin.grading.release import check_source
from course_admin.grading.results import QuestionResult, Result, SubmissionResult

COURSE = "image_transfer_learning"
UNKNOWN = "unknown"
"""The exercise of what cannot be told to belong to any."""

_own = MetaData()
_gradings = Table(
    "course_grading",
    _own,
    Column("student", String(128), primary_key=True),
    Column("exercise", String(128), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("record", Text, nullable=False),
)

# As nbgrader makes it; with this table missing, `nbgrader` refuses to open the gradebook
_version = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False))


@dataclass
class Record:
    """What is known about the grading of a submission, beside the grades.

    Attributes
    ----------
    fingerprint : str
        Of all that the grades depend on; it is graded again when this changes.
    problem : str or None
        Why nothing could be graded.
    notes : list of str
    late, sandboxed : bool
    timestamp : str or None
        When it was handed in, ISO 8601.
    results : list of Result
    figures : dict
        Seconds, bytes of memory.
    answers : dict of str
        By question, a checksum of what the learner wrote for it, to know when that has changed.
    """

    fingerprint: str
    problem: str | None = None
    notes: list[str] = field(default_factory=list)
    late: bool = False
    sandboxed: bool = True
    timestamp: str | None = None
    results: list[Result] = field(default_factory=list)
    figures: dict = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "Record":
        """Read what was stored."""
        stored = json.loads(text)
        stored["results"] = [Result(**result) for result in stored["results"]]
        return cls(**stored)


def create(url: str) -> None:
    """Make a gradebook where there is none; a file appears when it is complete.

    Raises
    ------
    ValueError
        If there can be no gradebook at this URL.
    """
    try:
        place = make_url(url)
        if place.get_backend_name() != "sqlite":
            _create_tables(url)
        elif place.database in (None, "", ":memory:"):
            raise ValueError(f"--db {url} names no file: a gradebook in memory would be lost")
        elif Path(place.database).exists():
            _create_tables(url)
        else:
            _create_file(Path(place.database))
    except (SQLAlchemyError, ImportError) as error:
        raise ValueError(
            f"the gradebook cannot be opened ({_first_line(error)}). Give --db an URL like "
            "sqlite:////folder/gradebook.db or postgresql+psycopg://user:password@host/database "
            "(for which: pip install 'psycopg[binary]')"
        ) from error


def _first_line(error: Exception) -> str:
    """Return what is wrong in a few words; SQLAlchemy adds the statement and a link."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def _create_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.unlink(missing_ok=True)
    _create_tables(f"sqlite:///{unfinished}")
    unfinished.replace(path)


def _create_tables(url: str) -> None:
    # nbgrader calls alembic, which lies beside Python also where no environment is activated
    programs, path = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if programs not in path.split(os.pathsep):
        os.environ["PATH"] = f"{programs}{os.pathsep}{path}"
    with Gradebook(url, COURSE) as gradebook:
        _own.create_all(gradebook.engine)
        _complete_version(gradebook)


def _complete_version(gradebook: Gradebook) -> None:
    """Note the version of nbgrader's tables where their making was interrupted before that."""
    _version.create(gradebook.engine, checkfirst=True)
    if gradebook.db.execute(select(_version)).first() is None:
        gradebook.db.execute(insert(_version).values(version_num=get_alembic_version()))
        gradebook.db.commit()


@contextmanager
def one_transaction(url: str) -> Iterator[Gradebook]:
    """Give nbgrader's gradebook; what is done with it takes effect at the end, or not at all."""
    with Gradebook(url, COURSE) as gradebook:
        session = gradebook.db()
        commit = session.commit
        session.commit = session.flush
        session.autoflush = False  # nbgrader asks for objects that it has only half put together
        try:
            yield gradebook
            commit()
        except (OperationalError, InvalidEntry) as error:
            session.rollback()
            raise OSError(
                f"the gradebook cannot be written ({_first_line(error)}). What is in it is "
                "complete; run the same command again to go on"
            ) from error
        except BaseException:
            session.rollback()
            raise


def definition_of(source: NotebookNode, name: str, config: Config) -> NotebookNode:
    """Return an exercise as it is graded: solutions cleared, hidden tests still there."""
    check_source(source, name)
    notebook, resources = copy.deepcopy(source), {"nbgrader": {}}
    for step in (
        steps.LockCells,
        steps.ClearSolutions,
        steps.ClearOutput,
        steps.CheckCellMetadata,
        steps.ComputeChecksums,
    ):
        notebook, resources = step(config=config).preprocess(notebook, resources)
    return notebook


class _SaveCells(steps.SaveCells):
    """nbgrader's step, in a transaction that is already open."""

    def save(self, gradebook: Gradebook, notebook: NotebookNode, name: str) -> None:
        self.gradebook, self.notebook_id, self.assignment_id = gradebook, name, name
        self.new_grade_cells, self.new_solution_cells = {}, {}
        self.new_task_cells, self.new_source_cells = {}, {}
        for number, cell in enumerate(notebook.cells):
            self.preprocess_cell(cell, {}, number)
        self._create_notebook(notebook)


def define(gradebook: Gradebook, name: str, definition: NotebookNode) -> None:
    """Put an exercise into the gradebook, or bring it up to date.

    Raises
    ------
    ValueError
        If questions were added or removed and submissions are graded already.
    """
    gradebook.update_or_create_assignment(name)
    try:
        _SaveCells().save(gradebook, definition, name)
    except RuntimeError as error:
        raise ValueError(
            f"{name}: questions were added or removed since its grading began. Grade into a new "
            "folder (--into), or give the exercise another name"
        ) from error


def record_of(gradebook: Gradebook, student: str, exercise: str) -> Record | None:
    """Return what is known about the grading of a submission, if it was graded."""
    where = (_gradings.c.student == student) & (_gradings.c.exercise == exercise)
    text = gradebook.db.execute(select(_gradings.c.record).where(where)).scalar_one_or_none()
    return Record.read(text) if text is not None else None


def forget_unknown(gradebook: Gradebook, students: set[str]) -> None:
    """Forget what could not be told, of students who have handed in something that can be."""
    for student in students:
        where = (_gradings.c.student == student) & (_gradings.c.exercise == UNKNOWN)
        gradebook.db.execute(delete(_gradings).where(where))


def save(
    gradebook: Gradebook,
    student: str,
    exercise: str,
    record: Record,
    executed: NotebookNode | None,
) -> None:
    """Write the grades of a submission; manual points and comments stay as they are.

    Parameters
    ----------
    executed : NotebookNode or None
        With the outputs of the judge; None where the submission could not be read.
    """
    old = record_of(gradebook, student, exercise)
    gradebook.update_or_create_student(student)
    if exercise != UNKNOWN:
        timestamp = datetime.fromisoformat(record.timestamp) if record.timestamp else None
        submission = gradebook.update_or_create_submission(exercise, student, timestamp=timestamp)
        if executed is None:
            _save_nothing(submission)
        else:
            _SaveGrades().save(gradebook, executed, student, exercise, record, old)
    where = (_gradings.c.student == student) & (_gradings.c.exercise == exercise)
    gradebook.db.execute(delete(_gradings).where(where))
    row = {"student": student, "exercise": exercise, "fingerprint": record.fingerprint}
    gradebook.db.execute(insert(_gradings).values(**row, record=json.dumps(asdict(record))))


def _save_nothing(submission: SubmittedAssignment) -> None:
    """Ask a person about every question."""
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            grade.auto_score, grade.needs_manual_grade = None, True


class _SaveGrades(steps.SaveAutoGrades):
    """nbgrader's step, in a transaction that is already open.

    What could not be decided keeps no points and asks for a person. What a person has decided
    is asked for again only where the answer or its automatic points have changed.
    """

    def save(self, gradebook, notebook, student, exercise, record, old) -> None:
        self.gradebook, self.student_id = gradebook, student
        self.notebook_id, self.assignment_id = exercise, exercise
        self.results = {result.question: result for result in record.results}
        record.answers = _answers(notebook)
        before = old.answers if old else {}
        self.unchanged = {name for name, sum in record.answers.items() if before.get(name) == sum}
        for number, cell in enumerate(notebook.cells):
            self.preprocess_cell(cell, {}, number)

    def _add_score(self, cell, resources) -> None:
        question = cell.metadata.nbgrader.grade_id
        grade = self.gradebook.find_grade(
            question, self.notebook_id, self.assignment_id, self.student_id
        )
        before = (grade.auto_score, grade.needs_manual_grade)
        super()._add_score(cell, resources)
        result = self.results.get(question)
        if result is not None:
            grade.auto_score = result.points
            grade.needs_manual_grade = result.points is None or grade.manual_score is not None
        as_before = question in self.unchanged and grade.auto_score == before[0]
        if grade.manual_score is not None and as_before:
            grade.needs_manual_grade = before[1]


def _answers(notebook: NotebookNode) -> dict[str, str]:
    """Return a checksum for each question: of what the learner wrote since the one before."""
    sums, sources = {}, []
    for cell in notebook.cells:
        if "nbgrader" not in cell.metadata or not is_locked(cell):
            sources.append(cell.source)
        if utils.is_grade(cell):
            text = json.dumps(sources).encode()
            sums[cell.metadata.nbgrader.grade_id] = hashlib.sha256(text).hexdigest()[:16]
            sources = []
    return sums


def results_in(gradebook: Gradebook) -> list[SubmissionResult]:
    """Return all graded submissions as they stand, manual points included."""
    rows = gradebook.db.execute(
        select(_gradings).order_by(_gradings.c.exercise, _gradings.c.student)
    )
    found = []
    for student, exercise, _, text in rows.all():
        known = exercise != UNKNOWN
        submission = gradebook.find_submission(exercise, student) if known else None
        found.append(_result_of(submission, student, exercise, Record.read(text)))
    return found


def state_of(gradebook: Gradebook, student: str, exercise: str) -> str:
    """Return all grades and comments of a submission as text that changes when they do."""
    notebooks = gradebook.find_submission(exercise, student).notebooks
    rows = [row.to_dict() for book in notebooks for row in [*book.grades, *book.comments]]
    return json.dumps(sorted(rows, key=lambda row: row["id"]))


def _result_of(
    submission: SubmittedAssignment | None, student: str, exercise: str, record: Record
) -> SubmissionResult:
    results = {result.question: result for result in record.results}
    questions = []
    for notebook in submission.notebooks if submission else []:
        order = [cell.name for cell in notebook.notebook.source_cells]
        for grade in sorted(notebook.grades, key=lambda grade: order.index(grade.name)):
            questions.append(_question(grade, results.get(grade.name), record))
    waiting = [q for q in questions if q.points is None]
    needs_review = record.problem or any(q.reason for q in waiting)
    status = "needs review" if needs_review else "to be marked by hand" if waiting else "graded"
    reasons = [*([record.problem] if record.problem else []), *record.notes]
    return SubmissionResult(
        student=student, exercise=exercise, status=status, questions=questions,
        reasons=reasons, late=record.late, sandboxed=record.sandboxed,
    )  # fmt: skip


def _question(grade: Grade, result: Result | None, record: Record) -> QuestionResult:
    """Return a question's points: a person's, if there are any, else the judge's."""
    points = None if grade.needs_manual_grade else float(grade.score)
    reason = result.reason if result and points is None else None
    return QuestionResult(
        question=grade.name,
        points=points,
        max_points=float(grade.max_score),
        message=(result.message if result else None) or "",
        misconception=result.misconception if result else None,
        reason=reason or "",
    )
