"""Run each submission in a worker process, which can neither stop nor outlive the grading."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_admin.grading.collect import Submission
from course_admin.grading.hidden_data import held_back
from course_admin.grading.kernel import folder_prefix, remove
from course_admin.grading.results import JudgedQuestion
from course_admin.grading.sandbox import Limits
from course_admin.grading.worker import GradingJob
from course_checks.reference_data import VARIABLE

GRACE_SECONDS = 60
"""What a worker gets on top of its submission's time, to start and to end."""

FOLDER_PREFIX = "hand-in-"
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
        Also grade what has not changed.
    exercise : str or None
        The one that was to be handed in.
    roster : tuple of Path
        Tables of people; see `course_admin.lms.roster`.
    on_conflict : str
        See `course_admin.grading.precedence`.
    """

    sources: Path
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    url: str | None = None
    limits: Limits = field(default_factory=Limits)
    trusted: bool = False
    again: bool = False
    exercise: str | None = None
    roster: tuple[Path, ...] = ()
    on_conflict: str = "review"


@dataclass(frozen=True)
class Task:
    """One submission to be graded.

    Attributes
    ----------
    submission : Submission
    fingerprint : str
        Of everything that its points depend on.
    definition : Path or None
        The instructor's notebook; None where the exercise is unknown.
    seeds : list of int
        The secret seeds of the hidden tests.
    """

    submission: Submission
    fingerprint: str
    definition: Path | None = None
    seeds: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What a worker found out.

    Attributes
    ----------
    executed : NotebookNode or None
        The notebook with sanitized outputs; None where nothing could be run.
    judged : list of JudgedQuestion
    figures : dict
        Seconds, bytes of memory; ``aborted`` says why the run stopped early, if it did.
    """

    executed: NotebookNode | None = None
    judged: list[JudgedQuestion] = field(default_factory=list)
    figures: dict = field(default_factory=dict)


def run_all(
    tasks: list[Task], work: Path, reference_data: Path, options: Options
) -> Iterator[tuple[Task, Outcome]]:
    """Run the submissions, several at a time; yield each outcome as soon as it is there.

    Whatever interrupts the caller also ends the workers, with their sandboxes and folders.
    """
    running: list[subprocess.Popen] = []
    with ThreadPoolExecutor(options.workers) as pool:
        arguments = (work, reference_data, options, running)
        futures = {pool.submit(run_worker, task, *arguments): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                process.stdin.close()
            raise


def run_worker(
    task: Task, work: Path, reference_data: Path, options: Options, running: list[subprocess.Popen]
) -> Outcome:
    """Run a submission in a subprocess; never raise on its failure."""
    with tempfile.TemporaryDirectory(dir=work, prefix=FOLDER_PREFIX) as name:
        folder, start = Path(name), time.monotonic()
        paths = str(task.submission.path), str(task.definition), name
        job = GradingJob(*paths, asdict(options.limits), options.trusted, task.seeds, held_back())
        job_file = folder / "job.json"
        job_file.write_text(json.dumps(asdict(job)), encoding="utf-8")
        with (folder / "log.txt").open("w+b") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "course_admin.grading.worker", str(job_file)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, VARIABLE: str(reference_data)},
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
            outcome = _read_outcome(process.returncode, folder, log)
        outcome.figures["all_seconds"] = time.monotonic() - start
        return outcome


def _remove_sockets(worker: int) -> None:
    """Remove the folder of sockets of a worker that could not do so itself."""
    for folder in Path("/tmp").glob(f"{folder_prefix(worker)}*"):
        remove(folder)


def _end(process: subprocess.Popen) -> None:
    """Ask a worker to end, and kill it if it does not."""
    process.stdin.close()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read_outcome(exit_status: int, folder: Path, log) -> Outcome:
    if exit_status == 0:
        written = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        judged = [JudgedQuestion(**one) for one in written["judged"]]
        try:
            executed = nbformat.read(folder / "executed.ipynb", as_version=4)
        except Exception as error:  # whatever one notebook does, the others are graded
            aborted = f"the output of its cells cannot be read ({type(error).__name__})"
            return Outcome(figures={"aborted": aborted})
        return Outcome(executed, judged, written["figures"])
    log.seek(0)
    last = log.read()[-2000:].decode(errors="replace").strip().splitlines()[-1:]
    aborted = f"the grader's process for this submission ended (status {exit_status}) "
    return Outcome(figures={"aborted": f"{aborted}{' '.join(last)}".strip()})
