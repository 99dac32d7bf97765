"""``course grade``: collect, clean, run, judge, record, report."""

import contextlib
import hashlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

import course_checks
from course_admin.grading import gradebook as books
from course_admin.grading import hidden_data, precedence, release, tables
from course_admin.grading.collect import Submission, collect
from course_admin.grading.feedback_files import write_pages
from course_admin.grading.grading_key import GradingKey, grading_key
from course_admin.grading.results import SubmissionResult
from course_admin.grading.sandbox import INSTRUCTIONS, sandbox_problem
from course_admin.grading.worker_pool import FOLDER_PREFIX, Options, Outcome, Task, run_all
from course_admin.lms.roster import Roster

CHECKS = Path(course_checks.__file__).parent
JUDGING = [
    "absent_checks",
    "agent",
    "environment",
    "grading_key",
    "hidden_data",
    "judge",
    "kernel",
    "notebook_cells",
    "proxies",
    "sandbox",
    "seccomp",
    "worker",
]
"""Modules beside this one that, with all of `CHECKS`, decide how many points an answer gets."""


def grade(source: Path, into: Path, options: Options) -> list[SubmissionResult]:
    """Grade all submissions in a folder or zip; do only what is not done yet.

    Parameters
    ----------
    source : Path
        The download from a learning platform; see `course_admin.grading.collect.collect`.
    into : Path
        Gets the gradebook, the CSV file, the summary, the feedback and nbgrader's folders.
    options : Options

    Returns
    -------
    list of SubmissionResult
        All submissions in the gradebook.

    Raises
    ------
    ValueError
        If there is no sandbox here, the sources or the gradebook's URL are wrong, nobody handed
        anything in, or another run is under way.
    """
    into = into.resolve()
    _require_sandbox(options, into)
    url = options.url or f"sqlite:///{into / 'gradebook.db'}"
    with _work_folder(into) as work:
        definitions = _definitions(options.sources)
        roster = Roster(options.roster)
        submissions = _collect_cleaned(source, work, definitions, roster, options)
        key = grading_key(into)
        tasks = _due_tasks(submissions, definitions, key, url, options, into)
        exercises = {task.submission.exercise for task in tasks if task.submission.path}
        reference = hidden_data.prepare([definitions[name] for name in exercises], into, key)
        with contextlib.closing(_run_and_judge(tasks, work, reference, options)) as outcomes:
            for task, outcome in outcomes:
                _record(task, outcome, into, url, options)
        results = _report(into, url)
        tables.write_learners(results, roster, into / "learners.csv")
        return results


def report(into: Path, url: str | None = None) -> list[SubmissionResult]:
    """Bring tables and pages up to date with what was marked by hand; run nothing.

    Raises
    ------
    ValueError
        If nothing was graded into this folder, or it is being graded.
    """
    into = into.resolve()
    if url is None and not (into / "gradebook.db").exists():
        raise ValueError(f"{into} holds no gradebook: name the output folder with --into")
    with _work_folder(into):
        return _report(into, url or f"sqlite:///{into / 'gradebook.db'}")


def _require_sandbox(options: Options, into: Path) -> None:
    if sys.platform == "win32":
        raise ValueError(f"submissions cannot be run on Windows.\n{INSTRUCTIONS}")
    problem = None if options.trusted else sandbox_problem([into, options.sources])
    if problem:
        raise ValueError(f"submissions cannot be run safely here: {problem}.\n{INSTRUCTIONS}")


@contextlib.contextmanager
def _work_folder(into: Path) -> Iterator[Path]:
    """Give this run alone the folder ``.work``, without what a killed run left in it."""
    work = into / ".work"
    work.mkdir(parents=True, exist_ok=True)
    with _exclusive_lock(work):
        _remove_leftovers(work)
        yield work


@contextlib.contextmanager
def _exclusive_lock(work: Path) -> Iterator[None]:
    """Hold an exclusive lock on the output folder; the system releases it if this process dies."""
    with (work / "lock").open("w") as lock:
        import fcntl  # not available on Windows

        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"another `course grade` is running in {work.parent}; wait until it has finished"
            ) from None
        yield


def _remove_leftovers(work: Path) -> None:
    """Remove work folders left by a killed run."""
    for folder in work.glob(f"{FOLDER_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _definitions(sources: Path) -> dict[str, NotebookNode]:
    """Return the instructor's notebooks as they are graded, by exercise."""
    if not (sources / "nbgrader_config.py").is_file():
        raise ValueError(
            f"{sources} holds no nbgrader_config.py: run this in the repository's folder, or name "
            "the folder instructor with --instructor"
        )
    config = release.load_config(sources / "nbgrader_config.py")
    return {
        name: books.definition_of(nbformat.read(path, as_version=4), name, config)
        for name, path in release.sources_in(sources / "source").items()
    }


def _collect_cleaned(
    source: Path,
    work: Path,
    definitions: dict[str, NotebookNode],
    roster: Roster,
    options: Options,
) -> list[Submission]:
    expected = options.exercise
    if expected is not None and expected not in definitions:
        raise ValueError(
            f"there is no exercise {expected}; choose one of {', '.join(sorted(definitions))}"
        )
    grade_ids = {
        name: {c.metadata.nbgrader.grade_id for c in notebook.cells if "nbgrader" in c.metadata}
        for name, notebook in definitions.items()
    }
    collected = work / "collected"
    shutil.rmtree(collected, ignore_errors=True)
    submissions = collect(source, collected, grade_ids, expected, roster)
    if not submissions:
        raise ValueError(f"{source} holds no hand-ins: name the folder or zip from the LMS")
    return submissions


def _due_tasks(
    submissions: list[Submission],
    definitions: dict[str, NotebookNode],
    key: GradingKey,
    url: str,
    options: Options,
    into: Path,
) -> list[Task]:
    """Bring the gradebook up to date with the exercises; return what is new or has changed."""
    folder = into / ".work" / "definitions"
    paths = {name: _write(folder, name, nb) for name, nb in definitions.items()}
    books.create(url)
    with books.one_transaction(url) as book:
        for name, definition in definitions.items():
            books.define(book, name, definition)
        books.forget_unknown(book, {s.student for s in submissions if s.exercise})
        tasks = []
        for submission in submissions:
            exercise = submission.exercise or books.UNKNOWN
            record = books.record_of(book, submission.student, exercise)
            submission = precedence.settle(submission, record, into, options.on_conflict)
            definition = paths.get(submission.exercise)
            fingerprint = _fingerprint(submission, definition, key, options)
            task = Task(submission, fingerprint, definition, key.seeds)
            if precedence.keeps_without_copy(submission) or not (
                options.again or _is_due(record, task, options)
            ):
                precedence.update_record(book, submission, record)
            else:
                tasks.append(task)
    return tasks


def _is_due(record: books.GradingRecord | None, task: Task, options: Options) -> bool:
    """Whether a submission is new, has changed, or was not decided under another time limit."""
    if record is None or record.fingerprint != task.fingerprint:
        return True
    undecided = record.figures.get("aborted") or any(one.points is None for one in record.judged)
    return bool(undecided) and record.figures.get("total_seconds") != options.limits.total_seconds


def _write(folder: Path, name: str, notebook: NotebookNode) -> Path:
    """Write a notebook atomically, readable by this user only."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / f"{name}.ipynb"
    unfinished = folder / f".{name}.part"
    nbformat.write(notebook, unfinished)
    unfinished.replace(path)
    return path


def _fingerprint(
    submission: Submission, definition: Path | None, key: GradingKey, options: Options
) -> str:
    """Digest everything that the points depend on."""
    digest = hashlib.sha256()
    code = [Path(__file__).with_name(f"{name}.py") for name in JUDGING]
    for path in [submission.path, definition, *code, *sorted(CHECKS.rglob("*.py"))]:
        digest.update(hashlib.sha256(path.read_bytes() if path else b"").digest())
    settings = [submission.problem, submission.late, options.trusted, hidden_data.name_of(key)]
    digest.update(repr(settings).encode())
    return digest.hexdigest()


def _run_and_judge(
    tasks: list[Task], work: Path, reference: Path, options: Options
) -> Iterator[tuple[Task, Outcome]]:
    """Yield what became of each submission; those that cannot be read are not run."""
    readable = [task for task in tasks if task.submission.path]
    with tqdm(total=len(tasks), unit="hand-in") as bar:
        for task in tasks:
            if not task.submission.path:
                yield task, Outcome()
                bar.update()
        if readable:
            for finished in run_all(readable, work, reference, options):
                yield finished
                bar.update()


def _record(task: Task, outcome: Outcome, into: Path, url: str, options: Options) -> None:
    """Write a submission's grades into the gradebook and its notebook beside it."""
    submission = task.submission
    exercise = submission.exercise or books.UNKNOWN
    problem = submission.problem
    if outcome.executed is None and problem is None:
        problem = outcome.figures.get("aborted", "nothing could be run")
    record = books.GradingRecord(
        fingerprint=task.fingerprint,
        problem=problem,
        notes=list(submission.notes),
        late=submission.late,
        sandboxed=not options.trusted,
        timestamp=submission.timestamp.isoformat() if submission.timestamp else None,
        judged=outcome.judged,
        figures=outcome.figures,
        origin=submission.origin,
        contested=submission.contested,
        history=list(submission.history),
        settled=list(submission.settled),
        copy=precedence.digest_of(submission.path),
    )
    notebook = _autograded(into, submission.student, exercise)
    if outcome.executed is not None:
        _write(notebook.parent, exercise, outcome.executed)
    else:
        notebook.unlink(missing_ok=True)
    with books.one_transaction(url) as book:
        books.save(book, submission.student, exercise, record, outcome.executed)


def _report(into: Path, url: str) -> list[SubmissionResult]:
    """Write the CSV file, the summary, and the feedback pages that are new or have changed."""
    with books.one_transaction(url) as book:
        results = books.results_in(book)
        comments = [books.comments_of(book, one.student, one.exercise) for one in results]
    tables.write_csv(results, into / "grades.csv")
    tables.write_summary(results, into / "summary.html")
    write_pages(results, comments, into)
    return results


def _autograded(into: Path, student: str, exercise: str) -> Path:
    return into / "autograded" / student / exercise / f"{exercise}.ipynb"
