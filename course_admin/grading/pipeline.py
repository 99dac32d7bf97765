"""``course grade``: collect, run each submission in a worker, record, report."""

import contextlib
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

import course_checks
from course_admin.grading import gradebook as books
from course_admin.grading import release, tables
from course_admin.grading.collect import Submission, collect
from course_admin.grading.feedback import feedback_page
from course_admin.grading.results import Result, SubmissionResult
from course_admin.grading.sandbox import INSTRUCTIONS, sandbox_problem
from course_admin.grading.worker_pool import HAND_IN, Options, Task, run_worker
from course_checks import reference_data
from course_utils.editions import current_edition

JUDGING = (Path(__file__).parent, Path(course_checks.__file__).parent)
"""The rooms whose code decides about points: where it changes, everything is graded again."""


def grade(source: Path, into: Path, options: Options) -> list[SubmissionResult]:
    """Grade all submissions in a folder or zip; do only what is not done yet.

    Parameters
    ----------
    source : Path
        What a learning platform gives; see `course_admin.grading.collect.collect`.
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
        in anything, or another run is under way.
    """
    if sys.platform == "win32":
        raise ValueError(f"submissions cannot be run on Windows.\n{INSTRUCTIONS}")
    problem = None if options.trusted else sandbox_problem()
    if problem:
        raise ValueError(f"submissions cannot be run safely here: {problem}.\n{INSTRUCTIONS}")
    into = into.resolve()
    work = into / ".work"
    work.mkdir(parents=True, exist_ok=True)
    url = options.url or f"sqlite:///{into / 'gradebook.db'}"
    with _exclusive_lock(work):
        _clear(work)
        definitions = _definitions(options.sources)
        books.create(url)
        with books.one_transaction(url) as book:
            for name, definition in definitions.items():
                books.define(book, name, definition)
        submissions = collect(source, into / "submitted", _grade_ids(definitions))
        if not submissions:
            raise ValueError(f"{source} holds no hand-ins: name the folder or zip from the LMS")
        tasks = _tasks(submissions, definitions, url, options, work)
        _grade_all(tasks, into, url, options)
        return _report(into, url)


@contextlib.contextmanager
def _exclusive_lock(work: Path) -> Iterator[None]:
    """Keep a second run out of the same folder; the lock ends with this process, however."""
    with (work / "lock").open("w") as lock:
        import fcntl  # which Windows lacks

        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"another `course grade` works in {work.parent}; wait for it"
            ) from None
        yield


def _clear(work: Path) -> None:
    """Take away what the workers of a run that was killed have left."""
    for folder in work.glob(f"{HAND_IN}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _definitions(sources: Path) -> dict[str, NotebookNode]:
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


def _grade_ids(definitions: dict[str, NotebookNode]) -> dict[str, set[str]]:
    return {
        name: {c.metadata.nbgrader.grade_id for c in notebook.cells if "nbgrader" in c.metadata}
        for name, notebook in definitions.items()
    }


def _tasks(
    submissions: list[Submission],
    definitions: dict[str, NotebookNode],
    url: str,
    options: Options,
    work: Path,
) -> list[Task]:
    """Return what is new or has changed since it was graded."""
    paths = {name: _write(work / "definitions", name, nb) for name, nb in definitions.items()}
    tasks = []
    with books.one_transaction(url) as book:
        books.forget_unknown(book, {s.student for s in submissions if s.exercise})
        for submission in submissions:
            definition = paths.get(submission.exercise)
            task = Task(submission, _fingerprint(submission, definition, options), definition)
            record = books.record_of(book, submission.student, submission.exercise or books.UNKNOWN)
            if options.again or _is_due(record, task, options):
                tasks.append(task)
    return tasks


def _is_due(record: books.Record | None, task: Task, options: Options) -> bool:
    """Whether a submission is new or changed, or was lost under another time limit."""
    if record is None or record.fingerprint != task.fingerprint:
        return True
    limit = options.limits.total_seconds
    return bool(record.figures.get("lost")) and record.figures.get("total_seconds") != limit


def _write(folder: Path, name: str, notebook: NotebookNode) -> Path:
    """Write a notebook as a whole, readable by this user only."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / f"{name}.ipynb"
    unfinished = folder / f".{name}.part"
    nbformat.write(notebook, unfinished)
    unfinished.replace(path)
    return path


def _fingerprint(submission: Submission, definition: Path | None, options: Options) -> str:
    """Digest of all that the grades depend on."""
    digest = hashlib.sha256()
    code = [path for room in JUDGING for path in sorted(room.rglob("*.py"))]
    for path in [submission.path, definition, *code]:
        digest.update(hashlib.sha256(path.read_bytes() if path else b"").digest())
    settings = [submission.problem, submission.late, options.trusted, current_edition().name]
    digest.update(repr(settings).encode())
    return digest.hexdigest()


def _grade_all(tasks: list[Task], into: Path, url: str, options: Options) -> None:
    """Run the workers, several at a time; record what each found as soon as it is there."""
    readable = [task for task in tasks if task.submission.path]
    material = _material(into / ".work") if readable else None
    stopping: list[subprocess.Popen] = []
    with ThreadPoolExecutor(options.workers) as pool, tqdm(total=len(tasks), unit="hand-in") as bar:
        futures: dict[Future, Task] = {}
        try:
            for task in tasks:
                if task.submission.path:
                    work = (task, into / ".work", material, options, stopping)
                    futures[pool.submit(run_worker, *work)] = task
                else:
                    _record(task, into, url, options, None, [], {})
                    bar.update()
            for future in as_completed(futures):
                _record(futures[future], into, url, options, *future.result())
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in stopping:
                process.stdin.close()  # it ends, and takes its sandbox and its folders away
            raise


def _material(work: Path) -> Path:
    """Make what the checks compare with; the workers do without TensorFlow."""
    path = _material_file(work)
    if not path.exists():
        code = "import sys; from course_checks.reference_data import save; save(sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    return path


def _material_file(work: Path) -> Path:
    """Name the material by all that it is made with, so that none is taken that is out of date."""
    edition = current_edition()
    code = hashlib.sha256(Path(reference_data.__file__).read_bytes()).hexdigest()[:8]
    return work / f"material-{edition.name}-{edition.backbone}-{code}.npz"


def _record(
    task: Task,
    into: Path,
    url: str,
    options: Options,
    executed: NotebookNode | None,
    results: list[Result],
    figures: dict,
) -> None:
    """Put a submission's grades into the gradebook and its notebook beside it."""
    submission = task.submission
    exercise = submission.exercise or books.UNKNOWN
    problem = submission.problem
    if executed is None and problem is None:
        problem = figures.get("lost", "nothing could be run")
    record = books.Record(
        fingerprint=task.fingerprint,
        problem=problem,
        notes=list(submission.notes),
        late=submission.late,
        sandboxed=not options.trusted,
        timestamp=submission.timestamp.isoformat() if submission.timestamp else None,
        results=results,
        figures=figures,
    )
    if executed is not None:
        _write(into / "autograded" / submission.student / exercise, exercise, executed)
    else:
        _autograded(into, submission.student, exercise).unlink(missing_ok=True)
    with books.one_transaction(url) as book:
        books.save(book, submission.student, exercise, record, executed)


def _report(into: Path, url: str) -> list[SubmissionResult]:
    """Write the CSV file, the summary and the feedback that is new or has changed."""
    with books.one_transaction(url) as book:
        results = books.results_in(book)
        known = [result for result in results if result.exercise != books.UNKNOWN]
        states = [books.state_of(book, result.student, result.exercise) for result in known]
    tables.write_csv(results, into / "grades.csv")
    tables.write_summary(results, into / "summary.html")
    for result, state in tqdm(list(zip(known, states, strict=True)), unit="page", desc="feedback"):
        _write_feedback(result, state, into, url)
    return results


def _write_feedback(result: SubmissionResult, state: str, into: Path, url: str) -> None:
    """Write a learner's page, unless it was made from the same."""
    page = into / "feedback" / result.student / f"{result.exercise}.html"
    notebook = _autograded(into, result.student, result.exercise)
    executed = notebook.read_bytes() if notebook.exists() else b""
    digest = hashlib.sha256(executed + repr((result, state)).encode()).hexdigest()
    mark = f"<!-- made from {digest} -->\n"
    if page.exists() and page.read_text(encoding="utf-8").endswith(mark):
        return
    empty = nbformat.v4.new_notebook()
    graded = nbformat.reads(executed.decode(), as_version=4) if executed else empty
    page.parent.mkdir(parents=True, exist_ok=True)
    unfinished = page.with_suffix(".part")
    try:
        text = feedback_page(graded, result, url)
    except Exception:  # whatever a notebook does, everybody gets a page
        text = feedback_page(empty, result, url)
    unfinished.write_text(text + mark, encoding="utf-8")
    unfinished.replace(page)


def _autograded(into: Path, student: str, exercise: str) -> Path:
    return into / "autograded" / student / exercise / f"{exercise}.ipynb"
