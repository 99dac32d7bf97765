"""The folder of feedback pages, of which only those are written that are new or have changed."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from tqdm import tqdm

from course_admin.grading.feedback import feedback_page
from course_admin.grading.gradebook import UNKNOWN
from course_admin.grading.results import SubmissionResult


def write_pages(
    results: list[SubmissionResult], comments: list[dict[str, str]], into: Path
) -> None:
    """Write the learners' pages; remove those of hand-ins that have since been recognised.

    Parameters
    ----------
    results : list of SubmissionResult
    comments : list of dict of str
        For each of them a person's comments, by the cell's ``grade_id``.
    into : Path
        The output folder of the grading.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pages = pool.map(write_page, results, comments, [into] * len(results))
        current = set(tqdm(pages, total=len(results), unit="page", desc="feedback"))
    for page in set((into / "feedback").glob(f"*/{UNKNOWN}.html")) - current:
        page.unlink()


def write_page(result: SubmissionResult, comments: dict[str, str], into: Path) -> Path:
    """Write a learner's page, unless the one that is there was made from the same data."""
    page = into / "feedback" / result.student / f"{result.exercise}.html"
    executed = _content(
        into / "autograded" / result.student / result.exercise / f"{result.exercise}.ipynb"
    )
    definition = _content(into / ".work" / "definitions" / f"{result.exercise}.ipynb")
    made_from = executed + definition + repr((result, sorted(comments.items()))).encode()
    mark = f"<!-- made from {hashlib.sha256(made_from).hexdigest()} -->\n"
    if page.exists() and page.read_text(encoding="utf-8").endswith(mark):
        return page
    source = nbformat.reads(definition.decode(), as_version=4) if definition else None
    text = feedback_page(result, source, executed, comments)
    page.parent.mkdir(parents=True, exist_ok=True)
    unfinished = page.with_suffix(".part")
    unfinished.write_text(text + mark, encoding="utf-8")
    unfinished.replace(page)
    return page


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
