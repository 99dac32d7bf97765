"""One submission in a process of its own: run the learner's cells, judge, write the results.

``python -m course_admin.grading.worker JOB`` reads a `GradingJob` from a JSON file and writes the
executed notebook and the results beside it. It ends when its parent process does.
"""

import _thread
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

# Importing nbformat imports jsonschema, which imports rfc3987_syntax if it can, to check IRIs; no
# notebook holds any. Its grammar takes about 4 s to load, nbformat without it 0.2 s (two cores,
# both busy), and every submission starts a worker.
sys.modules.setdefault("rfc3987_syntax", None)

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_admin.grading.environment import Undecided, disturbance
from course_admin.grading.judge import decide, storable_text
from course_admin.grading.kernel import Kernel, KernelDied
from course_admin.grading.notebook_cells import graft, is_graded, is_hand_in
from course_admin.grading.results import JudgedQuestion
from course_admin.grading.sandbox import MEGABYTE, Limits
from course_admin.grading.sanitizing import sanitize_outputs
from course_checks.verdict import Verdict, set_hidden_seeds

ENDING_SECONDS = 10
"""How long this process may take to clean up when its parent has gone."""

MOST_MEMORY = 3072 * MEGABYTE
"""Virtual bytes of this process: no answer of a submission may fill the machine."""


@dataclass(frozen=True)
class GradingJob:
    """What a worker is to do.

    Attributes
    ----------
    submission : str
        Path of the learner's cleaned notebook.
    definition : str
        Path of the instructor's notebook: its graded cells hold the hidden tests.
    folder : str
        Where ``executed.ipynb`` and ``results.json`` go.
    limits : dict
        Arguments of `Limits`.
    trusted : bool
        Whether to run without a sandbox.
    seeds : list of int
        The secret seeds of the hidden tests.
    hidden_folders : sequence of str
        Folders of the edition's images that the sandbox does not show.
    """

    submission: str
    definition: str
    folder: str
    limits: dict = field(default_factory=dict)
    trusted: bool = False
    seeds: list[int] = field(default_factory=list)
    hidden_folders: Sequence[str] = ()


def run(job: GradingJob) -> tuple[NotebookNode, list[JudgedQuestion], dict]:
    """Run a submission; return the executed notebook, the judged questions and run figures."""
    set_hidden_seeds(job.seeds)
    definition = nbformat.read(job.definition, as_version=4)
    notebook = graft(nbformat.read(job.submission, as_version=4), definition)
    judged: list[JudgedQuestion] = []
    start = time.monotonic()
    aborted = None
    kernel = Kernel(Limits(**job.limits), job.trusted, job.hidden_folders)
    try:
        with kernel:
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    run_cell(cell, kernel, judged)
    except KernelDied as error:
        aborted = str(error)
        _mark_undecided(notebook, judged, f"The submission's process was ended: {aborted}.")
    figures = {
        "seconds": time.monotonic() - start,
        "memory": kernel.peak_memory,
        "aborted": aborted,
        "total_seconds": kernel.limits.total_seconds,
    }
    return notebook, judged, figures


def run_cell(cell: NotebookNode, kernel: Kernel, judged: list[JudgedQuestion]) -> None:
    """Run a learner's cell in the kernel, or judge a graded cell in this process."""
    if is_hand_in(cell):  # it has been handed in
        cell.outputs = []
        return
    if not is_graded(cell):
        cell.outputs = kernel.run(cell.source).outputs
        kernel.disturbance = kernel.disturbance or disturbance(cell.outputs)
        return
    question, max_points = cell.metadata.nbgrader.grade_id, float(cell.metadata.nbgrader.points)
    try:
        verdict = decide(cell.source, kernel)
    except KernelDied:
        raise
    except Exception as error:  # a bug in the test is not the learner's fault
        reason = str(error)
        if not isinstance(error, Undecided):
            reason = f"The test failed on this answer ({type(error).__name__}: {reason})."
        reason = storable_text(reason)
        judged.append(JudgedQuestion(question, reason=reason))
        cell.outputs = [_needs_review(reason)]
        return
    points = round(verdict.score * max_points, 2)
    judged.append(JudgedQuestion(question, points, verdict.message, verdict.misconception))
    cell.outputs = [_verdict_output(verdict, points)]


def _mark_undecided(notebook: NotebookNode, judged: list[JudgedQuestion], reason: str) -> None:
    decided = {one.question for one in judged}
    for cell in filter(is_graded, notebook.cells):
        if cell.metadata.nbgrader.grade_id not in decided:
            judged.append(JudgedQuestion(cell.metadata.nbgrader.grade_id, reason=reason))
            cell.outputs = [_needs_review(reason)]


def _verdict_output(verdict: Verdict, points: float) -> NotebookNode:
    # nbgrader reads the points from the text/plain of a result
    data = {**verdict._repr_mimebundle_(), "text/plain": str(points)}
    return new_output("execute_result", data=data)


def _needs_review(reason: str) -> NotebookNode:
    # An error, so that nbgrader itself gives no points either
    return new_output("error", ename="NeedsReview", evalue=reason, traceback=[reason])


def _end_with_parent() -> None:
    """End this process when its parent closes the pipe to it, or dies."""

    def wait():
        while os.read(0, 1024):
            pass
        _thread.interrupt_main()  # lets the kernel's process and folder be removed
        time.sleep(ENDING_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Do the job that the command line names."""
    _end_with_parent()
    import resource  # not available on Windows

    # The soft limit only: the sandbox sets a larger one of its own
    hard_limit = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, hard_limit))
    job = GradingJob(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    notebook, judged, figures = run(job)
    folder = Path(job.folder)
    nbformat.write(sanitize_outputs(notebook), folder / "executed.ipynb")
    written = {"judged": [asdict(one) for one in judged], "figures": figures}
    (folder / "results.json").write_text(json.dumps(written), encoding="utf-8")


if __name__ == "__main__":
    main()
