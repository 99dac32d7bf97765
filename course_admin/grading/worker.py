"""One submission, in a process of its own: run the learner's cells, decide, write down.

``python -m course_admin.grading.worker JOB`` reads a job (`Job`, as JSON) and writes the executed
notebook and the results beside it. It ends when the process that started it does.
"""

import _thread
import json
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

# nbformat's jsonschema looks for this package, to check a kind of address that no notebook holds;
# where it is there, its import takes longer than all else before a submission runs.
sys.modules.setdefault("rfc3987_syntax", None)

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_admin.grading.judge import decide, writable
from course_admin.grading.kernel import Kernel, KernelLost
from course_admin.grading.notebook_cells import graft, is_graded
from course_admin.grading.results import Result
from course_admin.grading.sandbox import MEGABYTE, Limits
from course_checks.verdict import Verdict

ENDING_SECONDS = 10
"""How long this process may take to end when the one that started it is gone."""

MOST_MEMORY = 3072 * MEGABYTE
"""Virtual bytes of this process: what a submission sends must not fill the machine."""


@dataclass(frozen=True)
class Job:
    """What a worker is to do.

    Attributes
    ----------
    submission : str
        The cleaned notebook of the learner.
    definition : str
        The instructor's notebook: its graded cells hold the hidden tests.
    folder : str
        Where ``executed.ipynb`` and ``results.json`` go.
    limits : dict
        Arguments of `Limits`.
    trusted : bool
        Whether to run without a sandbox.
    """

    submission: str
    definition: str
    folder: str
    limits: dict = field(default_factory=dict)
    trusted: bool = False


def run(job: Job) -> tuple[NotebookNode, list[Result], dict]:
    """Run a submission; return the executed notebook, the results and figures about the run."""
    definition = nbformat.read(job.definition, as_version=4)
    notebook = graft(nbformat.read(job.submission, as_version=4), definition)
    results: list[Result] = []
    start = time.monotonic()
    lost = None
    kernel = Kernel(Limits(**job.limits), job.trusted)
    try:
        with kernel:
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    run_cell(cell, kernel, results)
    except KernelLost as error:
        lost = str(error)
    if lost:
        _mark_undecided(notebook, results, f"The submission's process was ended: {lost}.")
    figures = {
        "seconds": time.monotonic() - start,
        "memory": kernel.peak_memory,
        "lost": lost,
        "total_seconds": kernel.limits.total_seconds,
    }
    return notebook, results, figures


def run_cell(cell: NotebookNode, kernel: Kernel, results: list[Result]) -> None:
    """Run a cell of the learner in the kernel, or decide about a graded one here."""
    if not is_graded(cell):
        cell.outputs = kernel.run(cell.source).outputs
        return
    question, most = cell.metadata.nbgrader.grade_id, float(cell.metadata.nbgrader.points)
    try:
        verdict = decide(cell.source, kernel)
    except KernelLost:
        raise
    except Exception as error:  # a mistake in the test is no mistake of the learner
        reason = writable(f"The test failed on this answer ({type(error).__name__}: {error}).")
        results.append(Result(question, reason=reason))
        cell.outputs = [_needs_review(reason)]
        return
    points = round(verdict.score * most, 2)
    results.append(Result(question, points, verdict.message, verdict.misconception))
    cell.outputs = [_verdict_output(verdict, points)]


def _mark_undecided(notebook: NotebookNode, results: list[Result], reason: str) -> None:
    decided = {result.question for result in results}
    for cell in filter(is_graded, notebook.cells):
        if cell.metadata.nbgrader.grade_id not in decided:
            results.append(Result(cell.metadata.nbgrader.grade_id, reason=reason))
            cell.outputs = [_needs_review(reason)]


def _verdict_output(verdict: Verdict, points: float) -> NotebookNode:
    # nbgrader reads the points from the plain text of a result
    data = {**verdict._repr_mimebundle_(), "text/plain": str(points)}
    return new_output("execute_result", data=data)


def _needs_review(reason: str) -> NotebookNode:
    # An error, so that nbgrader itself would give no points either
    return new_output("error", ename="NeedsReview", evalue=reason, traceback=[reason])


def _end_with_parent() -> None:
    """End this process when the pipe from the one that started it is closed."""

    def wait():
        while os.read(0, 1024):
            pass
        _thread.interrupt_main()  # so that the kernel's process and folder are taken away
        time.sleep(ENDING_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Do the job that the command line names."""
    _end_with_parent()
    import resource  # which Windows lacks

    # The soft limit only: the sandbox sets its own, larger one
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, most))
    job = Job(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    notebook, results, figures = run(job)
    folder = Path(job.folder)
    nbformat.write(notebook, folder / "executed.ipynb")
    written = {"results": [asdict(result) for result in results], "figures": figures}
    (folder / "results.json").write_text(json.dumps(written), encoding="utf-8")


if __name__ == "__main__":
    main()
