"""Run each submission in a subprocess that can neither stop nor outlive the grading."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_admin.grading.collect import Submission
from course_admin.grading.kernel import folders_of, remove
from course_admin.grading.results import Result
from course_admin.grading.sandbox import Limits
from course_admin.grading.sanitizing import sanitize_outputs
from course_admin.grading.worker import Job

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


def run_worker(
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
        command = [sys.executable, "-m", "course_admin.grading.worker", str(place)]
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
            executed = sanitize_outputs(nbformat.read(folder / "executed.ipynb", as_version=4))
        except Exception as error:  # whatever a notebook does, the others are graded
            lost = f"what its cells put out cannot be read ({type(error).__name__})"
            return None, [], {"lost": lost}
        return executed, results, written["figures"]
    log.seek(0)
    last = log.read()[-2000:].decode(errors="replace").strip().splitlines()[-1:]
    lost = f"the grader's process for this submission ended (status {status}) {' '.join(last)}"
    return None, [], {"lost": lost.strip()}
