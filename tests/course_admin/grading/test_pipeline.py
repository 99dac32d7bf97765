"""``course grade`` as a whole: real workers in real sandboxes, on an exercise that needs little."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from grading import small_course
from grading.databases import contents
from grading.small_course import EXERCISE
from nbgrader.api import Gradebook

from conftest import skip_or_fail
from course_admin import cli
from course_admin.grading import gradebook as books
from course_admin.grading import pipeline, worker_pool
from course_admin.grading.collect import Submission
from course_admin.grading.grading_key import GradingKey
from course_admin.grading.results import JudgedQuestion, Status
from course_admin.grading.sandbox import Limits, sandbox_problem
from course_admin.grading.worker import GradingJob
from course_admin.grading.worker_pool import Options, Task

OTHER = "92_other"
WRONG = "def double(values):\n    return 3 * values"


def named(exercise, notebook):
    notebook.metadata["course"] = {"exercise": exercise}
    return notebook


@dataclasses.dataclass
class Class:
    """A course, what its learners handed in, and what came of it."""

    folder: Path
    url: str | None = None
    runs: list = dataclasses.field(default_factory=list)

    @property
    def into(self) -> Path:
        return self.folder / "graded"

    @property
    def database(self) -> str:
        return self.url or f"sqlite:///{self.into / 'gradebook.db'}"

    def make(self) -> "Class":
        """Write two exercises and an empty gradebook."""
        small_course.make_instructor(self.folder)
        self.correct(OTHER, small_course.source())
        self.into.mkdir()
        books.create(self.database)
        return self

    def correct(self, exercise: str, source) -> None:
        path = self.folder / "instructor" / "source" / exercise / f"{exercise}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(named(exercise, source), path)

    def hand_in(self, student: str, notebook, exercise: str = EXERCISE, again: int = 0) -> None:
        """Hand in as Canvas writes it; what comes again is late and has a higher number."""
        folder = self.folder / "handed_in"
        folder.mkdir(exist_ok=True)
        late, copy = ("LATE_", f"-{again}") if again else ("", "")
        number = sum(map(ord, student))
        for older in folder.glob(f"{student}_*_{exercise}*"):
            older.unlink()
        path = folder / f"{student}_{late}{number}_{number + again}_{exercise}{copy}.ipynb"
        if isinstance(notebook, str):
            path.write_text(notebook)
        else:
            nbformat.write(named(exercise, notebook), path)
        os.utime(path, (1_790_000_000 + again, 1_790_000_000 + again))

    def grade(self, **options) -> dict:
        """Grade; return the results by student and exercise, and keep in mind who was run."""
        self.runs.clear()
        run = worker_pool.run_worker

        def counting(task, *arguments):
            self.runs.append((name_of(task.submission.student), task.submission.exercise))
            return run(task, *arguments)

        sources = self.folder / "instructor"
        options = Options(sources, workers=2, url=self.url, **options)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(worker_pool, "run_worker", counting)
            results = pipeline.grade(self.folder / "handed_in", self.into, options)
        return {(name_of(result.student), result.exercise): result for result in results}

    def mark(self, student, question, points, comment) -> None:
        """Mark by hand, as nbgrader's formgrader does."""
        with self._found(student, question) as (book, grade, note):
            grade.manual_score, grade.needs_manual_grade = points, False
            note.manual_comment = comment
            book.db.commit()

    def marks(self, student, question) -> tuple:
        with self._found(student, question) as (_, grade, note):
            return grade.manual_score, grade.needs_manual_grade, note.manual_comment

    @contextlib.contextmanager
    def _found(self, student, question):
        names = (EXERCISE, EXERCISE, f"{student}_{sum(map(ord, student))}")
        with Gradebook(self.database, books.COURSE) as book:
            comment = book.find_comment(question.removesuffix("_check"), *names)
            yield book, book.find_grade(question, *names), comment

    def submission(self, student) -> dict:
        with Gradebook(self.database, books.COURSE) as book:
            name = f"{student}_{sum(map(ord, student))}"
            return book.find_submission(EXERCISE, name).to_dict()


def name_of(student: str) -> str:
    return student.partition("_")[0]


def points(result) -> list[float | None]:
    return [question.points for question in result.questions]


@pytest.fixture(scope="module", autouse=True)
def sandbox():
    if problem := sandbox_problem():
        skip_or_fail(problem)


@pytest.fixture(scope="module")
def graded_once(tmp_path_factory):
    """A class of three, of whom one did two exercises."""
    made = Class(tmp_path_factory.mktemp("class")).make()
    made.hand_in("ann", small_course.answered())
    made.hand_in("bob", small_course.answered(double=WRONG))
    made.hand_in("cid", small_course.unanswered())
    made.hand_in("ann", small_course.answered(), OTHER)
    results = made.grade()
    assert len(made.runs) == 4
    assert points(results["ann", EXERCISE]) == [2, 2, None]
    assert points(results["bob", EXERCISE]) == [0, 2, None]
    assert points(results["cid", EXERCISE]) == [0, 0, 0]
    made.mark("ann", "double_check", 1.5, "copied from the lesson")
    made.mark("ann", "why", 0.75, "say more")
    made.mark("bob", "why", 1.0, "well said")
    return made


@pytest.fixture
def graded(graded_once, tmp_path):
    """A copy of it."""
    shutil.copytree(graded_once.folder, tmp_path / "class")
    return Class(tmp_path / "class")


def test_nothing_runs_again_where_nothing_has_changed(graded):
    first = graded.grade()
    assert graded.runs == []
    table = (graded.into / "grades.csv").read_bytes()
    before = contents(graded.database)
    assert graded.grade() == first
    assert graded.runs == []
    assert (graded.into / "grades.csv").read_bytes() == table
    assert contents(graded.database) == before
    assert points(first["ann", EXERCISE]) == [1.5, 2, 0.75]
    assert points(first["bob", EXERCISE]) == [0, 2, 1]


def test_a_late_resubmission_is_graded_alone(graded):
    before, others = graded.submission("bob"), graded.submission("ann")
    graded.hand_in("bob", small_course.answered(), again=3)
    results = graded.grade()
    assert graded.runs == [] and results["bob", EXERCISE].status == Status.NEEDS_REVIEW
    assert points(results["bob", EXERCISE]) == [0, 2, 1]
    assert "it is late" in results["bob", EXERCISE].reasons[0]
    results = graded.grade(on_conflict="replace")
    assert graded.runs == [("bob", EXERCISE)] and results["bob", EXERCISE].points == 5
    assert points(results["bob", EXERCISE]) == [2, 2, 1]
    assert results["bob", EXERCISE].late and not results["ann", EXERCISE].late
    assert graded.marks("bob", "why") == (1, False, "well said")
    assert graded.marks("ann", "double_check") == (1.5, False, "copied from the lesson")
    assert graded.submission("bob")["timestamp"] > before["timestamp"]
    assert graded.submission("ann") == others
    rows = (graded.into / "grades.csv").read_text(encoding="utf-8-sig").splitlines()
    assert sum(",yes,yes," in row for row in rows) == 1


def test_a_corrected_test_is_run_for_its_exercise_only(graded):
    source = small_course.source()
    for cell in source.cells:
        cell.source = cell.source.replace('"Right."', '"Well done."')
    graded.correct(OTHER, source)
    results = graded.grade()
    assert graded.runs == [("ann", OTHER)]
    assert results["ann", OTHER].questions[0].message == "Well done."
    assert results["ann", EXERCISE].questions[0].message == "Right."
    assert points(results["ann", EXERCISE]) == [1.5, 2, 0.75]
    assert graded.grade() == results and graded.runs == []


def test_a_resubmission_that_cannot_be_read_keeps_the_grade(graded):
    graded.hand_in("bob", "{'this is': no JSON", again=1)
    results = graded.grade()
    assert graded.runs == []
    assert results["bob", EXERCISE].status == Status.NEEDS_REVIEW
    assert points(results["bob", EXERCISE]) == [0, 2, 1]
    assert "it cannot be graded" in results["bob", EXERCISE].reasons[0]
    assert graded.marks("bob", "why") == (1, False, "well said")
    assert points(results["ann", EXERCISE]) == [1.5, 2, 0.75]


def test_questions_that_come_or_go_after_grading_are_an_error(graded):
    source = small_course.source()
    source.cells.pop()
    graded.correct(EXERCISE, source)
    before = contents(graded.database)
    with pytest.raises(ValueError, match=f"{EXERCISE}: questions were added or removed"):
        graded.grade()
    assert contents(graded.database) == before


def test_a_worker_that_dies_costs_no_one_else_anything(graded, monkeypatch):
    start = subprocess.Popen

    def start_and_kill(command, **settings):
        process = start(command, **settings)
        job = Path(command[-1])
        if job.name == "job.json" and "dan" in job.read_text():
            process.kill()
        return process

    monkeypatch.setattr(subprocess, "Popen", start_and_kill)
    graded.hand_in("dan", small_course.answered())
    graded.hand_in("eve", small_course.answered())
    results = graded.grade()
    assert sorted(graded.runs) == [("dan", EXERCISE), ("eve", EXERCISE)]
    assert points(results["eve", EXERCISE]) == [2, 2, None]
    assert results["dan", EXERCISE].status == Status.NEEDS_REVIEW
    assert points(results["dan", EXERCISE]) == [None, None, None]
    assert "the grader's process for this submission ended" in results["dan", EXERCISE].reasons[0]
    assert points(results["ann", EXERCISE]) == [1.5, 2, 0.75]


def test_a_second_run_keeps_out_of_the_folder(graded):
    before = contents(graded.database)
    with (
        pipeline._exclusive_lock(graded.into / ".work"),
        pytest.raises(ValueError, match="another `course grade` is running in"),
    ):
        graded.grade()
    assert contents(graded.database) == before
    graded.grade()


def test_without_a_sandbox_nothing_runs_unless_it_is_trusted(tmp_path, monkeypatch):
    made = Class(tmp_path).make()
    made.hand_in("ann", small_course.answered())
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "sandbox_problem", lambda _: "bubblewrap does not work here")
        with pytest.raises(ValueError, match="(?s)bubblewrap does not work here.*virtual machine"):
            made.grade()
        assert made.runs == []
        results = made.grade(trusted=True)
    assert made.runs == [("ann", EXERCISE)]
    assert not results["ann", EXERCISE].sandboxed
    (row,) = (made.into / "grades.csv").read_text(encoding="utf-8-sig").splitlines()[1:]
    assert ",no,no," in row, "neither late nor sandboxed"
    with books.one_transaction(made.database) as book:
        student = f"ann_{sum(map(ord, 'ann'))}"
        assert not books.record_of(book, student, EXERCISE).sandboxed
    assert made.grade()["ann", EXERCISE].sandboxed
    assert made.runs == [("ann", EXERCISE)], "what ran without a sandbox is no result of one"


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_postgresql_holds_the_same(url, tmp_path):
    made = Class(tmp_path, url).make()
    made.hand_in("ann", small_course.answered())
    made.hand_in("bob", small_course.answered(double=WRONG))
    made.grade()
    assert len(made.runs) == 2
    made.mark("bob", "why", 1.0, "well said")
    first = made.grade()
    assert made.runs == []
    assert points(first["ann", EXERCISE]) == [2, 2, None]
    assert points(first["bob", EXERCISE]) == [0, 2, 1]
    made.hand_in("bob", small_course.answered(), again=1)
    again = made.grade(on_conflict="replace")
    assert made.runs == [("bob", EXERCISE)]
    assert points(again["bob", EXERCISE]) == [2, 2, 1] and again["bob", EXERCISE].late
    assert made.marks("bob", "why") == (1, False, "well said")
    assert again["ann", EXERCISE] == first["ann", EXERCISE]
    assert not (made.into / "gradebook.db").exists()
    page = next((made.into / "feedback").glob("bob*/*.html")).read_text(encoding="utf-8")
    assert "well said" in page


def command(made: Class) -> list[str]:
    options = ["--into", str(made.into), "--instructor", str(made.folder / "instructor")]
    database = ["--db", made.url] if made.url else []
    start = [sys.executable, "-m", "course_admin.cli", "grade", str(made.folder / "handed_in")]
    return [*start, *options, *database, "--workers", "1" if made.url else "2"]


def finished(made: Class) -> dict[str, int]:
    """When each executed notebook was written, by student."""
    notebooks = (made.into / "autograded").glob("*/*/*.ipynb")
    return {name_of(path.parts[-3]): path.stat().st_mtime_ns for path in notebooks}


def recorded(made: Class) -> set[str]:
    with contextlib.suppress(Exception):  # the gradebook is not there yet
        return {name_of(row[0]) for row in contents(made.database)["course_grading"]}
    return set()


def wait_until(condition, seconds) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@contextlib.contextmanager
def running(made: Class):
    """Run the command until one hand-in is recorded and the next kernels are there."""
    with (made.folder / "log.txt").open("wb") as log:
        process = psutil.Popen(command(made), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        seen = wait_until(lambda: recorded(made) and kernel_folders(descendants(process)), 120)
        assert seen, (made.folder / "log.txt").read_text()
        yield process
    finally:
        with contextlib.suppress(psutil.Error):  # it has ended
            process.kill()
        process.wait()


def descendants(process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def kernel_folders(processes) -> set[Path]:
    """The grader's folders for kernels, from the command lines of their sandboxes."""
    folders = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            folders |= {Path(word).parent for word in words if word.endswith("connection.json")}
    return folders - {Path("/")}  # where the file is inside


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_a_run_that_is_killed_goes_on_where_it_stopped_and_leaves_nothing(url, tmp_path):
    made = Class(tmp_path / "class", None if url.startswith("sqlite") else url).make()
    students = ["ann", "bob", "cid", "dan", "eve"][: 5 if made.url is None else 3]
    for student in students:
        made.hand_in(student, small_course.answered())
    with running(made) as process:
        with pytest.raises(ValueError, match="another `course grade` is running in"):
            made.grade()
        started = descendants(process)
        process.kill()
    assert wait_until(lambda: not any(map(alive, started)), 20), "workers outlive the command"
    assert list((made.into / ".work").glob("hand-in-*")), "nothing was under way"
    before, done = finished(made), recorded(made)
    assert done <= before.keys() and 1 <= len(done) < len(students)
    results = made.grade()
    assert {student for student, _ in made.runs} == set(students) - done
    assert all(finished(made)[student] == before[student] for student in done)
    assert [points(result) for result in results.values()] == [[2, 2, None]] * len(students)
    assert not list((made.into / ".work").glob("hand-in-*"))


def test_a_run_that_is_interrupted_says_how_to_go_on(tmp_path):
    made = Class(tmp_path / "class").make()
    for student in ("ann", "bob", "cid"):
        made.hand_in(student, small_course.answered())
    with running(made) as process:
        started = descendants(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert not any(map(alive, started)), "workers outlive the command"
    said = (made.folder / "log.txt").read_text()
    assert "run the same command again to go on" in said and "Traceback" not in said
    assert not list((made.into / ".work").glob("hand-in-*"))


def test_a_worker_that_lost_its_parent_takes_its_folders_away(tmp_path):
    made = Class(tmp_path).make()
    made.hand_in("ann", small_course.answered(double="import time\ntime.sleep(60)"))
    (handed_in,) = (made.folder / "handed_in").iterdir()
    definition = made.folder / "instructor" / "source" / EXERCISE / f"{EXERCISE}.ipynb"
    job = tmp_path / "job.json"
    work = GradingJob(str(handed_in), str(definition), str(tmp_path))
    job.write_text(json.dumps(dataclasses.asdict(work)))
    command = [sys.executable, "-m", "course_admin.grading.worker", str(job)]
    process = psutil.Popen(command, stdin=subprocess.PIPE)
    assert wait_until(lambda: kernel_folders(descendants(process)), 60)
    started = descendants(process)
    folders = kernel_folders(started)
    process.stdin.close()
    process.wait(20)
    assert wait_until(lambda: not any(map(alive, started)), 10)
    assert not any(folder.exists() for folder in folders)


def wrong_calls(folder: Path) -> dict[str, tuple[list[str], str]]:
    """Arguments of ``course grade`` that cannot be, and what the error must say."""
    made = Class(folder).make()
    made.hand_in("ann", small_course.answered())
    (folder / "nothing").mkdir()
    (folder / "file").write_text("")
    handed_in, into = str(folder / "handed_in"), ["--into", str(made.into)]
    sources = ["--instructor", str(folder / "instructor")]
    return {
        "no such folder": ([str(folder / "typo"), *into, *sources], "does not exist"),
        "no hand-ins": ([str(folder / "nothing"), *into, *sources], "holds no hand-ins"),
        "no zip": ([str(folder / "file"), *into, *sources], "neither a folder nor a zip"),
        "no course": ([handed_in, *into, "--instructor", str(folder / "nothing")], "--instructor"),
        "no URL": ([handed_in, *into, *sources, "--db", "gradebook"], "--db a URL like"),
        "no server": (
            [handed_in, *into, *sources, "--db", "postgresql+psycopg://t@127.0.0.1:1/g"],
            "refused",
        ),
        "no folder": ([handed_in, "--into", str(folder / "file" / "x"), *sources], "Not a dir"),
        "no place": ([handed_in, "--into", "/proc/graded", *sources], "/proc/graded"),
    }


def test_what_cannot_be_is_an_error_of_one_line(tmp_path, capsys):
    for name, (arguments, says) in wrong_calls(tmp_path).items():
        assert cli.main(["grade", *arguments]) == 1, name
        error = capsys.readouterr().err
        assert says in error and error.startswith("course: ") and error.count("\n") == 1, error
    assert not list((tmp_path / "graded").glob("autograded/*"))


ABORTED = {"aborted": "it took too long", "total_seconds": 600}


@pytest.mark.parametrize(
    ("fingerprint", "figures", "limit", "due"),
    [
        ("another", {}, 600, True),
        ("same", {}, 600, False),
        ("same", ABORTED, 600, False),
        ("same", ABORTED, 900, True),
        ("same", {"aborted": "the worker died"}, 600, True),
        ("same", {"aborted": None, "total_seconds": 600}, 900, False),
    ],
)
def test_what_was_aborted_is_due_again_under_another_time_limit(fingerprint, figures, limit, due):
    options = Options(sources=Path(), limits=Limits(total_seconds=limit))
    record = books.GradingRecord(fingerprint, figures=figures)
    assert pipeline._is_due(record, Task(None, "same"), options) is due


@pytest.mark.parametrize(("points", "due"), [(None, True), (0, False)])
def test_what_was_not_decided_is_due_again_under_another_time_limit(points, due):
    options = Options(sources=Path(), limits=Limits(total_seconds=900))
    judged = [JudgedQuestion("one", 2), JudgedQuestion("two", points, reason="no answer")]
    record = books.GradingRecord("same", judged=judged, figures={"total_seconds": 600})
    assert pipeline._is_due(record, Task(None, "same"), options) is due


def test_what_was_never_graded_is_due():
    assert pipeline._is_due(None, Task(None, "same"), Options(sources=Path()))


@pytest.fixture
def fingerprint(tmp_path, monkeypatch):
    """Fingerprint a hand-in with a copy of the grader's code that may be changed."""
    rooms = {name: tmp_path / name for name in ("course_checks", "grading")}
    shutil.copytree(pipeline.CHECKS, rooms["course_checks"])
    shutil.copytree(Path(pipeline.__file__).parent, rooms["grading"])
    monkeypatch.setattr(pipeline, "CHECKS", rooms["course_checks"])
    monkeypatch.setattr(pipeline, "__file__", str(rooms["grading"] / "pipeline.py"))
    hand_in = Submission("ann", EXERCISE)

    def fingerprint_with(secret=b"secret"):
        options = Options(sources=tmp_path)
        return pipeline._fingerprint(hand_in, None, GradingKey(secret), options)

    return fingerprint_with


@pytest.mark.parametrize(
    ("changed", "due"),
    [
        ("course_checks/lesson_01.py", True),
        ("course_checks/protocol.py", True),
        ("grading/judge.py", True),
        ("grading/proxies.py", True),
        ("grading/kernel.py", True),
        ("grading/agent.py", True),
        ("grading/grading_key.py", True),
        ("grading/page.py", False),
        ("grading/feedback.py", False),
        ("grading/tables.py", False),
        ("grading/release.py", False),
    ],
)
def test_only_code_that_decides_points_makes_hand_ins_due_again(
    fingerprint, tmp_path, changed, due
):
    before = fingerprint()
    with (tmp_path / changed).open("a") as file:
        file.write("# changed\n")
    assert (fingerprint() != before) is due


def test_a_new_file_of_checks_makes_hand_ins_due_again(fingerprint, tmp_path):
    before = fingerprint()
    (tmp_path / "course_checks" / "lesson_13.py").write_text("")
    assert fingerprint() != before


def test_every_module_that_a_worker_imports_decides_points():
    code = "import sys, course_admin.grading.worker; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    package = "course_admin.grading."
    names = [name for name in run.stdout.split() if name.startswith(package)]
    assert len(names) > 5
    afterwards = {"results", "sanitizing"}  # what is written down
    assert {name.removeprefix(package) for name in names} - afterwards <= set(pipeline.JUDGING)


def test_another_key_makes_hand_ins_due_again(fingerprint):
    assert fingerprint() == fingerprint() != fingerprint(b"other")


def test_windows_is_refused_with_instructions(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline.sys, "platform", "win32")
    with pytest.raises(ValueError, match="Windows.\nGrade on a Linux machine"):
        pipeline.grade(tmp_path, tmp_path, Options(sources=tmp_path, trusted=True))
