"""Learners' notebooks made from answers: for the tests of the exercises and of the grading."""

import dataclasses
import importlib
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from traitlets.config import Config

from course_checks.verdict import STUB_MESSAGE

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "instructor" / "source"
EXERCISES = tuple(sorted(path.name for path in SOURCE.iterdir() if path.is_dir()))


@dataclasses.dataclass(frozen=True)
class Answer:
    """A wrong answer, and what it deserves.

    Attributes
    ----------
    question : str
        The grade id of the cell that it goes into.
    points : float
    misconception : str or None
        What the check must name.
    source : str
        The code.
    says : str
        Words that must be in the message.
    """

    question: str
    points: float
    misconception: str | None
    source: str
    says: str = ""


class RightAnswer(NamedTuple):
    """An answer that deserves all points, written unlike the solution."""

    question: str
    source: str


def wrong_answers(exercise: str) -> dict[str, Answer]:
    """The wrong answers to an exercise, by a name for each."""
    return _table(exercise, "WRONG")


def right_answers(exercise: str) -> dict[str, RightAnswer]:
    """The right but unusual answers to an exercise, by a name for each."""
    return _table(exercise, "RIGHT")


def trains(exercise: str, question: str) -> bool:
    """Whether the check of a question takes seconds, because networks are trained in it."""
    return question in _table(exercise, "TRAINS")


def _table(exercise: str, name: str) -> dict:
    return getattr(importlib.import_module(f"exercises.answers_{exercise[:2]}"), name, {})


def source_notebook(exercise: str) -> NotebookNode:
    """The instructor's notebook, with solutions and hidden tests."""
    return nbformat.read(SOURCE / exercise / f"{exercise}.ipynb", as_version=4)


def learners_notebook(exercise: str) -> NotebookNode:
    """What a learner gets: stubs, and no hidden tests."""
    stub = f'# YOUR CODE HERE\nraise NotImplementedError("{STUB_MESSAGE}")'
    config = Config(ClearSolutions={"code_stub": {"python": stub}, "enforce_metadata": False})
    exporter = NotebookExporter(config=config)
    for preprocessor in (ClearSolutions, ClearHiddenTests):
        exporter.register_preprocessor(preprocessor(config=config), enabled=True)
    text, _ = exporter.from_notebook_node(source_notebook(exercise))
    return nbformat.reads(text, as_version=4)


def with_answers(exercise: str, answers: dict[str, str]) -> NotebookNode:
    """A learner's notebook with these sources in the answer cells, by grade id."""
    notebook = learners_notebook(exercise)
    for question, source in answers.items():
        cell(notebook, question).source = source.strip()
    return notebook


def solutions(exercise: str) -> dict[str, str]:
    """The instructor's answers to the questions that are checked, by grade id."""
    return {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in source_notebook(exercise).cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
    }


def written(solution: str) -> str:
    """A solution as a learner would write it, without nbgrader's marks."""
    lines = [line for line in solution.splitlines() if "SOLUTION" not in line]
    return "\n".join(lines).strip()


def cell(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """The cell of this grade id."""
    (found,) = (
        cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    )
    return found


def setup_of(exercise: str) -> str:
    """What the notebook runs before the first question."""
    cells = source_notebook(exercise).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    first = next(i for i, cell in enumerate(code) if "nbgrader" in cell.metadata)
    return "\n".join(cell.source for cell in code[:first])


def verdict_of(check_cell: str, namespace: dict):
    """Run a check cell, and return its last expression's value."""
    *before, last = check_cell.splitlines()
    while last.startswith("#"):
        last = before.pop()
    exec("\n".join(before), namespace)
    return eval(last, namespace)
