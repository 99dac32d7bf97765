"""``course grade``: collect, run each submission in a worker, record, report."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

from course_utils import answers
from course_utils import material as materials
from course_utils.editions import current_edition
from course_utils.grading import gradebook as books
from course_utils.grading import release, report
from course_utils.grading.collect import Submission, collect
from course_utils.grading.sandbox import INSTRUCTIONS, Limits, folders_of, remove, sandbox_problem
from course_utils.grading.worker import Job, Result

GRACE_SECONDS = 60
"""What a worker gets beyond the time of its submission, for starting and ending."""

HAND_IN = "hand-in-"
"""How the names of the workers' folders begin."""


@dataclass(frozen=True)
class Options:
    """How to grade.

    Attributes
    ----------
    sources : Path
        The folder ``instructor``: nbgrader's configuration and ``source``.
    workers : int
        Submissions at a time.
    url : str or None
        The gradebook's; by default a file in the output folder.
    limits : Limits
    trusted : bool
        Grade without a sandbox.
    again : bool
        Grade also what has not changed.
    """

    sources: Path
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    url: str | None = None
    limits: Limits = field(default_factory=Limits)
    trusted: bool = False
    again: bool = False


@dataclass(frozen=True)
class Task:
    """One submission to be graded."""

    submission: Submission
    fingerprint: str
    definition: Path | None = None


def grade(source: Path, into: Path, options: Options) -> list[report.SubmissionResult]:
    """Grade all submissions in a folder or zip; do only what is not done yet.

    Parameters
    ----------
    source : Path
        What a learning platform gives; see `course_utils.grading.collect.collect`.
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
    with _only_one(work):
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
def _only_one(work: Path) -> Iterator[None]:
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
    package = Path(answers.__file__).parent
    code = [package / name for name in ("answers.py", "material.py", "verdicts.py")]
    code += sorted((package / "checks").glob("*.py"))
    code += [package / "grading" / name for name in ("judge.py", "worker.py", "agent.py")]
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
                    futures[pool.submit(_run_worker, *work)] = task
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
        code = "import sys; from course_utils import material; material.save(sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    return path


def _material_file(work: Path) -> Path:
    """Name the material by all that it is made with, so that none is taken that is out of date."""
    edition = current_edition()
    code = hashlib.sha256(Path(materials.__file__).read_bytes()).hexdigest()[:8]
    return work / f"material-{edition.name}-{edition.backbone}-{code}.npz"


def _run_worker(
    task: Task, work: Path, material: Path, options: Options, running: list[subprocess.Popen]
) -> tuple[NotebookNode | None, list[Result], dict]:
    """Run a submission in a process of its own; whatever becomes of that, return."""
    with tempfile.TemporaryDirectory(dir=work, prefix=HAND_IN) as folder:
        job = Job(
            str(task.submission.path), str(task.definition), folder, asdict(options.limits),
            options.trusted,
        )  # fmt: skip
        start = time.monotonic()
        place = Path(folder) / "job.json"
        place.write_text(json.dumps(asdict(job)), encoding="utf-8")
        command = [sys.executable, "-m", "course_utils.grading.worker", str(place)]
        environment = {**os.environ, "COURSE_MATERIAL": str(material)}
        with (Path(folder) / "log.txt").open("w+b") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
            )
            running.append(process)
            try:
                process.wait(options.limits.total_seconds + GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                _end(process)
            finally:
                process.stdin.close()
                running.remove(process)
                _remove_sockets(process.pid)
            executed, results, figures = _outcome(process.returncode, Path(folder), log)
            return executed, results, figures | {"all_seconds": time.monotonic() - start}


def _remove_sockets(worker: int) -> None:
    """Take away the folder of sockets of a worker that could not do so itself."""
    for folder in Path("/tmp").glob(f"{folders_of(worker)}*"):
        remove(folder)


def _end(process: subprocess.Popen) -> None:
    """Tell a worker to end, and end it where it does not."""
    process.stdin.close()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _outcome(status: int, folder: Path, log) -> tuple[NotebookNode | None, list[Result], dict]:
    if status == 0:
        written = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        results = [Result(**result) for result in written["results"]]
        try:
            executed = report.harmless(nbformat.read(folder / "executed.ipynb", as_version=4))
        except Exception as error:  # whatever a notebook does, the others are graded
            lost = f"what its cells put out cannot be read ({type(error).__name__})"
            return None, [], {"lost": lost}
        return executed, results, written["figures"]
    log.seek(0)
    last = log.read()[-2000:].decode(errors="replace").strip().splitlines()[-1:]
    lost = f"the grader's process for this submission ended (status {status}) {' '.join(last)}"
    return None, [], {"lost": lost.strip()}


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


def _report(into: Path, url: str) -> list[report.SubmissionResult]:
    """Write the CSV file, the summary and the feedback that is new or has changed."""
    with books.one_transaction(url) as book:
        results = books.results_in(book)
        known = [result for result in results if result.exercise != books.UNKNOWN]
        states = [books.state_of(book, result.student, result.exercise) for result in known]
    report.write_csv(results, into / "grades.csv")
    report.write_summary(results, into / "summary.html")
    for result, state in tqdm(list(zip(known, states, strict=True)), unit="page", desc="feedback"):
        _write_feedback(result, state, into, url)
    return results


def _write_feedback(result: report.SubmissionResult, state: str, into: Path, url: str) -> None:
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
        text = report.feedback_page(graded, result, url)
    except Exception:  # whatever a notebook does, everybody gets a page
        text = report.feedback_page(empty, result, url)
    unfinished.write_text(text + mark, encoding="utf-8")
    unfinished.replace(page)


def _autograded(into: Path, student: str, exercise: str) -> Path:
    return into / "autograded" / student / exercise / f"{exercise}.ipynb"
