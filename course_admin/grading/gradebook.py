"""nbgrader's gradebook, filled one whole submission at a time, and a table of our own beside it.

nbgrader commits each grade by itself. Here a submission's grades, comments and grading record are
one transaction: all of it reaches the gradebook, or nothing.
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

from course_admin.grading.release import check_source
from course_admin.grading.results import (
    JudgedQuestion,
    Origin,
    QuestionResult,
    Status,
    SubmissionResult,
)

COURSE = "image_transfer_learning"
UNKNOWN = "unknown"
"""The exercise of hand-ins whose exercise cannot be recognised."""

_own = MetaData()
_gradings = Table(
    "course_grading",
    _own,
    Column("student", String(128), primary_key=True),
    Column("exercise", String(128), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("record", Text, nullable=False),
)

# As nbgrader creates it; without this table, `nbgrader` refuses to open the gradebook
_version = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False))


@dataclass
class GradingRecord:
    """What is known about the grading of a submission, besides the grades.

    Attributes
    ----------
    fingerprint : str
        Of everything that the points depend on; when it changes, the submission is graded again.
    problem : str or None
        Why nothing could be graded.
    notes : list of str
    late : bool or None
        None where it is not known.
    sandboxed : bool
    timestamp : str or None
        When it was handed in, ISO 8601.
    judged : list of JudgedQuestion
    figures : dict
        Seconds, bytes of memory.
    answers : dict of str
        By question, a checksum of what the learner wrote for it, to notice changes.
    origin : Origin
        Of the graded file.
    contested : str or None
        Why another hand-in may count instead; the grade stays and needs review.
    history : list of str
        Which hand-ins replaced others, or did not.
    settled : list of str
        Checksums of the files that the history is about: they do not count.
    copy : str
        A checksum of the cleaned notebook that has the grade.
    """

    fingerprint: str
    problem: str | None = None
    notes: list[str] = field(default_factory=list)
    late: bool | None = None
    sandboxed: bool = True
    timestamp: str | None = None
    judged: list[JudgedQuestion] = field(default_factory=list)
    figures: dict = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)
    contested: str | None = None
    history: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    copy: str = ""

    @classmethod
    def read(cls, text: str) -> "GradingRecord":
        """Read a stored record."""
        stored = json.loads(text)
        stored["judged"] = [JudgedQuestion(**one) for one in stored["judged"]]
        stored["origin"] = Origin(**stored.get("origin", {}))
        return cls(**stored)


def create(url: str) -> None:
    """Create a gradebook unless there is one; a file appears only when it is complete.

    Raises
    ------
    ValueError
        If no gradebook can be opened or created at this URL.
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
            f"the gradebook cannot be opened ({_first_line(error)}). Give --db a URL like "
            "sqlite:////folder/gradebook.db or postgresql+psycopg://user:password@host/database "
            "(which needs: pip install 'psycopg[binary]')"
        ) from error


def _first_line(error: Exception) -> str:
    """Return the cause in a few words, without SQLAlchemy's statement and link."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def _create_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.unlink(missing_ok=True)
    _create_tables(f"sqlite:///{unfinished}")
    unfinished.replace(path)


def _create_tables(url: str) -> None:
    # nbgrader runs alembic, which lies beside Python even if no environment is activated
    programs, path = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if programs not in path.split(os.pathsep):
        os.environ["PATH"] = f"{programs}{os.pathsep}{path}"
    with Gradebook(url, COURSE) as gradebook:
        _own.create_all(gradebook.engine)
        _complete_version(gradebook)


def _complete_version(gradebook: Gradebook) -> None:
    """Write the version of nbgrader's tables if their creation was interrupted before that."""
    _version.create(gradebook.engine, checkfirst=True)
    if gradebook.db.execute(select(_version)).first() is None:
        gradebook.db.execute(insert(_version).values(version_num=get_alembic_version()))
        gradebook.db.commit()


@contextmanager
def one_transaction(url: str) -> Iterator[Gradebook]:
    """Open nbgrader's gradebook; changes are committed together at the end, or not at all."""
    with Gradebook(url, COURSE) as gradebook:
        session = gradebook.db()
        commit = session.commit
        session.commit = session.flush
        session.autoflush = False  # nbgrader queries for objects it has only half built
        try:
            yield gradebook
            commit()
        except (OperationalError, InvalidEntry) as error:
            session.rollback()
            raise OSError(
                f"the gradebook cannot be written ({_first_line(error)}). What it holds is "
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
    """Add an exercise to the gradebook, or bring it up to date.

    Raises
    ------
    ValueError
        If questions were added or removed after submissions were graded.
    """
    gradebook.update_or_create_assignment(name)
    try:
        _SaveCells().save(gradebook, definition, name)
    except RuntimeError as error:
        raise ValueError(
            f"{name}: questions were added or removed since its grading began. Grade into a new "
            "folder (--into), or give the exercise another name"
        ) from error


def record_of(gradebook: Gradebook, student: str, exercise: str) -> GradingRecord | None:
    """Return the grading record of a submission, or None if it was never graded."""
    where = (_gradings.c.student == student) & (_gradings.c.exercise == exercise)
    text = gradebook.db.execute(select(_gradings.c.record).where(where)).scalar_one_or_none()
    return GradingRecord.read(text) if text is not None else None


def forget_unknown(gradebook: Gradebook, students: set[str]) -> None:
    """Forget unrecognised hand-ins of students who have since handed in a recognised one."""
    for student in students:
        where = (_gradings.c.student == student) & (_gradings.c.exercise == UNKNOWN)
        gradebook.db.execute(delete(_gradings).where(where))


def save(
    gradebook: Gradebook,
    student: str,
    exercise: str,
    record: GradingRecord,
    executed: NotebookNode | None,
) -> None:
    """Write the grades of a submission; manual points and comments stay as they are.

    Parameters
    ----------
    executed : NotebookNode or None
        With the judge's outputs; None if the submission could not be read.
    """
    old = record_of(gradebook, student, exercise)
    origin = record.origin
    names = {"last_name": origin.name or None, "lms_user_id": origin.number}
    gradebook.update_or_create_student(student, **names)
    if exercise != UNKNOWN:
        timestamp = datetime.fromisoformat(record.timestamp) if record.timestamp else None
        submission = gradebook.update_or_create_submission(exercise, student, timestamp=timestamp)
        if executed is None:
            _save_nothing(submission)
        else:
            _SaveGrades().save(gradebook, executed, student, exercise, record, old)
    write_record(gradebook, student, exercise, record)


def write_record(gradebook: Gradebook, student: str, exercise: str, record: GradingRecord) -> None:
    """Write the grading record of a submission, and no grade."""
    where = (_gradings.c.student == student) & (_gradings.c.exercise == exercise)
    gradebook.db.execute(delete(_gradings).where(where))
    row = {"student": student, "exercise": exercise, "fingerprint": record.fingerprint}
    gradebook.db.execute(insert(_gradings).values(**row, record=json.dumps(asdict(record))))


def _save_nothing(submission: SubmittedAssignment) -> None:
    """Leave every question to a person."""
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            grade.auto_score, grade.needs_manual_grade = None, True


class _SaveGrades(steps.SaveAutoGrades):
    """nbgrader's step, in a transaction that is already open.

    An undecided question gets no points and waits for a person. What a person has marked waits
    again only if the answer or its automatic points have changed.
    """

    def save(self, gradebook, notebook, student, exercise, record, old) -> None:
        self.gradebook, self.student_id = gradebook, student
        self.notebook_id, self.assignment_id = exercise, exercise
        self.judged = {one.question: one for one in record.judged}
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
        judged = self.judged.get(question)
        if judged is not None:
            grade.auto_score = judged.points
            grade.needs_manual_grade = judged.points is None or grade.manual_score is not None
        as_before = question in self.unchanged and grade.auto_score == before[0]
        if grade.manual_score is not None and as_before:
            grade.needs_manual_grade = before[1]


def _answers(notebook: NotebookNode) -> dict[str, str]:
    """Return a checksum for each question of what the learner wrote since the previous one."""
    sums, sources = {}, []
    for cell in notebook.cells:
        if not utils.is_locked(cell):
            sources.append(cell.source)
        if utils.is_grade(cell):
            text = json.dumps(sources).encode()
            sums[cell.metadata.nbgrader.grade_id] = hashlib.sha256(text).hexdigest()[:16]
            sources = []
    return sums


def results_in(gradebook: Gradebook) -> list[SubmissionResult]:
    """Return all graded submissions, manual points included."""
    rows = gradebook.db.execute(
        select(_gradings).order_by(_gradings.c.exercise, _gradings.c.student)
    )
    found = []
    for student, exercise, _, text in rows.all():
        known = exercise != UNKNOWN
        submission = gradebook.find_submission(exercise, student) if known else None
        found.append(_result_of(submission, student, exercise, GradingRecord.read(text)))
    return found


def comments_of(gradebook: Gradebook, student: str, exercise: str) -> dict[str, str]:
    """Return the comments on a submission by the ``grade_id`` of their cells."""
    if exercise == UNKNOWN:
        return {}
    notebooks = gradebook.find_submission(exercise, student).notebooks
    comments = [comment for notebook in notebooks for comment in notebook.comments]
    return {comment.name: comment.comment for comment in comments if comment.comment}


def _result_of(
    submission: SubmittedAssignment | None, student: str, exercise: str, record: GradingRecord
) -> SubmissionResult:
    judged = {one.question: one for one in record.judged}
    questions = []
    for notebook in submission.notebooks if submission else []:
        order = [cell.name for cell in notebook.notebook.source_cells]
        for grade in sorted(notebook.grades, key=lambda grade: order.index(grade.name)):
            questions.append(_question(grade, judged.get(grade.name)))
    return SubmissionResult(
        student=student,
        exercise=exercise,
        status=_status(questions, record),
        questions=questions,
        reasons=[*filter(None, [record.problem, record.contested]), *record.history, *record.notes],
        late=record.late,
        sandboxed=record.sandboxed,
        origin=record.origin,
        timestamp=record.timestamp,
        contested=record.contested is not None,
    )


def _status(questions: list[QuestionResult], record: GradingRecord) -> Status:
    waiting = [question for question in questions if question.points is None]
    if record.problem or record.contested or any(question.reason for question in waiting):
        return Status.NEEDS_REVIEW
    return Status.BY_HAND if waiting else Status.GRADED


def _question(grade: Grade, judged: JudgedQuestion | None) -> QuestionResult:
    """Return a question's points: a person's where there are any, otherwise the judge's."""
    judged = judged or JudgedQuestion(grade.name)
    points = None if grade.needs_manual_grade else float(grade.score)
    return QuestionResult(
        question=grade.name,
        points=points,
        max_points=float(grade.max_score),
        message=judged.message or "",
        misconception=judged.misconception,
        reason=(judged.reason or "") if points is None else "",
    )
