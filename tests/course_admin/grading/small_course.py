"""A course with one small exercise that needs no network of any kind: two functions and a text."""

import copy
import shutil
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

REPOSITORY = Path(__file__).resolve().parents[3]
EXERCISE = "91_small"
HIDDEN = "a secret of the hidden tests"
ANSWERS = {
    "double": 'def double(values):\n    """Return twice the values."""\n    return 2 * values',
    "largest": 'def largest(values):\n    """Return the largest value."""\n    return values.max()',
}
STUB = 'raise NotImplementedError("Replace this line with your answer.")'
CHECK = """\
from course_checks.protocol import ask
from course_checks.verdict import Mistake, check


@check()
def {name}_check(function, rng):
    values = rng.normal(size=50)
    if not np.allclose(ask(function, values), {truth}):
        raise Mistake(None, "Not the {name}.")
    return "Right."


{name}_check({name}, points=2)
### BEGIN HIDDEN TESTS
# {hidden}
{name}_check({name}, points=2, seed=None)
### END HIDDEN TESTS"""


def source() -> NotebookNode:
    """The instructor's notebook."""
    cells = [
        new_markdown_cell("# A small exercise", id="title"),
        new_code_cell("import numpy as np\n\nimport course_checks as checks", id="imports"),
    ]
    for name, truth in [("double", "2 * values"), ("largest", "max(values)")]:
        head, body = ANSWERS[name].rsplit("\n", 1)
        solution = f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
        check = CHECK.format(name=name, truth=truth, hidden=HIDDEN)
        cells += [
            marked(new_code_cell(solution, id=name), name, solution=True),
            marked(new_code_cell(check, id=f"{name}-check"), f"{name}_check", grade=True, points=2),
        ]
    written = new_markdown_cell("A model answer.", id="why")
    cells.append(marked(written, "why", solution=True, grade=True, points=1))
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    metadata = {"kernelspec": kernel, "course": {"exercise": EXERCISE}}
    return new_notebook(cells=cells, metadata=metadata)


def marked(cell: NotebookNode, grade_id: str, points: float | None = None, **flags) -> NotebookNode:
    """Give a cell nbgrader's metadata."""
    marks = {"grade": False, "solution": False, "task": False, "schema_version": 3}
    marks |= {"grade_id": grade_id, "locked": not flags.get("solution", False), **flags}
    if points is not None:
        marks["points"] = points
    cell.metadata["nbgrader"] = marks
    return cell


def make_instructor(folder: Path, notebook: NotebookNode | None = None) -> Path:
    """Make the instructor's folder."""
    place = folder / "instructor" / "source" / EXERCISE
    place.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook or source(), place / f"{EXERCISE}.ipynb")
    shutil.copy(REPOSITORY / "instructor" / "nbgrader_config.py", place.parents[1])
    return place.parents[1]


def answered(**answers: str) -> NotebookNode:
    """A learner's notebook: with the right answers, but for those that are given.

    Keyword arguments are grade_ids of cells and what stands in them; None takes a cell away.
    """
    notebook = copy.deepcopy(source())
    written = {**ANSWERS, "why": "Because it is so.", **answers}
    for cell in list(notebook.cells):
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in written and written[grade_id] is None:
            notebook.cells.remove(cell)
        elif grade_id in written:
            cell.source = written[grade_id]
        elif grade_id:
            cell.source = cell.source.partition("### BEGIN HIDDEN")[0].rstrip()
    return notebook


def unanswered() -> NotebookNode:
    """A learner's notebook as it was handed out."""
    stubs = {name: f"{text.rsplit(chr(10), 1)[0]}\n    {STUB}" for name, text in ANSWERS.items()}
    return answered(**stubs, why="YOUR ANSWER HERE")


def hand_in(folder: Path, student: str, notebook: NotebookNode | bytes | str) -> Path:
    """Put a student's notebook where a class hands in."""
    place = folder / student
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{EXERCISE}.ipynb"
    if isinstance(notebook, NotebookNode):
        nbformat.write(notebook, path)
    else:
        path.write_bytes(notebook if isinstance(notebook, bytes) else notebook.encode())
    return path
