"""Grading a class: ``course grade`` against nbgrader's own ``autograde``, the same hand-ins.

nbgrader runs one submission after another, as the user who grades, with the hidden tests beside
the learner's code. The course runs each in a sandbox and decides outside of it.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from sqlalchemy import create_engine, text

from benchmarks.measure import announce, table
from course_admin.grading.kernel import memory_of

REPOSITORY = Path(__file__).resolve().parents[1]
EXERCISE = "03_feature_extractor"
QUESTIONS = ("ex03_q1", "ex03_q2", "ex03_q3", "ex03_q4")
MISTAKES = {
    "ex03_q1": ("+ classes", ""),
    "ex03_q2": ("GlobalAveragePooling2D", "Flatten"),
    "ex03_q3": ('activation="softmax"', 'activation="relu"'),
    "ex03_q4": ('parts["test"]', 'parts["train"]'),
}
"""In each solution, what to replace to get a typical wrong answer."""


@dataclass
class Run:
    """What grading a class took.

    Attributes
    ----------
    total : float
        Seconds for all.
    each : list of float
        Seconds for each submission, from its start to its end.
    memory : int
        The most resident bytes of all processes together; what they share counts for each.
    points : dict of float or None
        By student.
    """

    total: float
    each: list[float]
    memory: int
    points: dict[str, float | None]


def report(quick: bool) -> str:
    """Return the table: time, memory and points of both."""
    count = 4 if quick else 40
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_class(folder / "submitted", count)
        announce(f"course grade: {count} hand-ins")
        course = grade_with_course(folder)
        announce(f"nbgrader autograde: {count} hand-ins")
        nbgrader = grade_with_nbgrader(folder)
    rows = [
        _row("nbgrader autograde: one after another, trusted", nbgrader, nbgrader),
        _row(f"course grade: {os.cpu_count()} at a time, sandboxed", course, nbgrader),
    ]
    same = sum(course.points[name] == nbgrader.points[name] for name in course.points)
    title = f"Grading {count} hand-ins of {EXERCISE} (solved, as handed out, wrong)"
    header = ["way", "s/hand-in, median", "s/hand-in, class", "x nbgrader", "peak memory"]
    agreement = f"Both give the same points to {same} of {count}."
    return f"{title}\n\n{table(header, rows)}\n\n{agreement}"


def _row(name: str, run: Run, nbgrader: Run) -> list[str]:
    per_submission = run.total / len(run.points)
    ratio = nbgrader.total / run.total
    memory = f"{run.memory / 1e9:.2f} GB"
    median = statistics.median(run.each)
    return [name, f"{median:.1f}", f"{per_submission:.1f}", f"{ratio:.2f}", memory]


def write_class(folder: Path, count: int) -> None:
    """Write ``<student>/<exercise>/<exercise>.ipynb`` for each student, as nbgrader collects."""
    for number in range(count):
        place = folder / f"student{number:02}" / EXERCISE
        place.mkdir(parents=True)
        nbformat.write(submission(number), place / f"{EXERCISE}.ipynb")


def submission(number: int) -> NotebookNode:
    """Return a learner's notebook: solved, as handed out, or with one to four wrong answers."""
    learners = REPOSITORY / "notebooks" / "exercises" / f"{EXERCISE}.ipynb"
    notebook = nbformat.read(learners, as_version=4)
    kind = number % 4
    if kind == 1:
        return notebook
    wrong = {0: (), 2: QUESTIONS[number // 4 % 4 :][:1], 3: QUESTIONS[number // 4 % 4 :]}[kind]
    solutions = _solutions()
    for cell in notebook.cells:
        question = cell.metadata.get("nbgrader", {}).get("grade_id")
        if question in solutions:
            mistake = MISTAKES[question] if question in wrong else ("", "")
            cell.source = solutions[question].replace(*mistake)
    return notebook


def _solutions() -> dict[str, str]:
    source = REPOSITORY / "instructor" / "source" / EXERCISE / f"{EXERCISE}.ipynb"
    cells = nbformat.read(source, as_version=4).cells
    named = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in cells}
    return {question: named[question] for question in QUESTIONS}


def grade_with_course(folder: Path) -> Run:
    """Grade with ``course grade``; what it does once a course, with a first hand-in, counts not."""
    into = folder / "graded"
    command = [sys.executable, "-m", "course_admin.cli", "grade", "--into", str(into)]
    command += ["--instructor", str(REPOSITORY / "instructor")]
    shutil.copytree(folder / "submitted" / "student00", folder / "first" / "student00")
    _watched([*command, str(folder / "first")], REPOSITORY)
    command.append("--again")
    total, memory = _watched([*command, str(folder / "submitted")], REPOSITORY)
    database = create_engine(f"sqlite:///{into / 'gradebook.db'}")
    with database.connect() as connection:
        rows = connection.execute(text("SELECT student, record FROM course_grading")).all()
    database.dispose()
    records = {student: json.loads(record) for student, record in rows}
    each = [record["figures"]["all_seconds"] for record in records.values()]
    return Run(total, each, memory, _points(into / "gradebook.db", list(records)))


def grade_with_nbgrader(folder: Path) -> Run:
    """Grade with ``nbgrader autograde``; what comes before it is not counted."""
    root = folder / "nbgrader"
    shutil.copytree(REPOSITORY / "instructor", root)
    shutil.copytree(folder / "submitted", root / "submitted")
    nbgrader = [sys.executable, "-m", "nbgrader"]
    _watched([*nbgrader, "generate_assignment", EXERCISE, "--create"], root)
    start = time.time()
    total, memory = _watched([*nbgrader, "autograde", EXERCISE, "--Execute.timeout=600"], root)
    written = (root / "autograded").glob(f"*/{EXERCISE}/{EXERCISE}.ipynb")
    ends = [start, *sorted(path.stat().st_mtime for path in written)]
    each = [end - before for before, end in zip(ends, ends[1:], strict=False)]
    students = [path.name for path in (root / "submitted").iterdir()]
    return Run(total, each, memory, _points(root / "gradebook.db", students))


def _points(gradebook: Path, students: list[str]) -> dict[str, float | None]:
    with Gradebook(f"sqlite:///{gradebook}", "image_transfer_learning") as book:
        return {name: book.find_submission(EXERCISE, name).score for name in students}


def _watched(command: list[str], where: Path) -> tuple[float, int]:
    """Run a command; return its seconds and the most memory of it and all that it starts."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    start, peak, ended = time.perf_counter(), [0], threading.Event()
    with tempfile.TemporaryFile() as log:
        process = psutil.Popen(
            command, cwd=where, env={**os.environ, "PATH": programs}, stdout=log, stderr=log
        )

        def watch():
            while not ended.wait(0.2):
                peak[0] = max(peak[0], memory_of(process))

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = process.wait()
        seconds = time.perf_counter() - start
        ended.set()
        watcher.join()
        if status != 0:
            log.seek(0)
            raise RuntimeError(f"{command}:\n{log.read().decode(errors='replace')[-3000:]}")
    return seconds, peak[0]
