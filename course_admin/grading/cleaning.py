"""An untrusted notebook, reduced to what the grader needs.

Only the cells' text and nbgrader's metadata are kept; outputs, attachments, widgets and all other
metadata are dropped.
"""

import codecs
import itertools
import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from course_admin.grading.limited import OverLimit, call_limited

LARGEST_NOTEBOOK = 20_000_000
"""Bytes that a notebook may have."""
MOST_CELLS = 2_000
MOST_FUNCTIONS = 20
MOST_ATTEMPTS = 50
"""Of one function; as many as a notebook remembers."""
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
SCHEMA = 3
NEW_CELL = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Unreadable(ValueError):
    """A file is not a notebook that can be graded; the message says why."""


@dataclass
class Cleaned:
    """A cleaned notebook.

    Attributes
    ----------
    notebook : NotebookNode
        Valid, without outputs.
    exercise : str or None
        According to its metadata; not checked.
    grade_ids : set of str
        Those of nbgrader's metadata in it.
    notes : list of str
        What was dropped or changed.
    """

    notebook: NotebookNode
    exercise: str | None
    grade_ids: set[str]
    notes: list[str] = field(default_factory=list)


def clean(content: bytes) -> Cleaned:
    """Read a notebook within limits of time and memory, and keep what the grader needs.

    Parameters
    ----------
    content : bytes
        Of the file.

    Returns
    -------
    Cleaned

    Raises
    ------
    Unreadable
        If it is not a notebook, is damaged, or exceeds the limits.
    """
    try:
        return call_limited(_clean, content)
    except OverLimit as error:
        raise Unreadable(f"{error} to be read: look at it by hand") from None


def _clean(content: bytes) -> Cleaned:
    notes: list[str] = []
    raw = _upgraded(_parsed(_decoded(content, notes)), notes)
    metadata = raw.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    _note_kernel(metadata, notes)
    cells = _cleaned_cells(raw.get("cells"), notes)
    exercise = _exercise(metadata)
    kept = {"kernelspec": dict(KERNEL), "language_info": {"name": "python"}}
    if exercise:
        kept["course"] = {"exercise": exercise}
    if attempts := _attempts(metadata.get("attempts")):
        kept["attempts"] = attempts
    notebook = new_notebook(cells=cells, metadata=kept, nbformat_minor=5)
    nbformat.validate(notebook)
    grade_ids = {cell.metadata.nbgrader.grade_id for cell in cells if "nbgrader" in cell.metadata}
    return Cleaned(notebook, exercise, grade_ids, notes)


def _decoded(content: bytes, notes: list[str]) -> str:
    if not content.strip(b" \t\r\n\0"):
        raise Unreadable("is empty: ask for the file again")
    encoding = "utf-8"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif content.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    if encoding != "utf-8":
        notes.append(f"was saved as {encoding.upper()}; it could be read all the same")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable(
            "is not text, so not a notebook: ask for the .ipynb that JupyterLab saved"
        ) from None


def _parsed(text: str) -> dict:
    try:
        raw = json.loads(text)
    except RecursionError:
        raise Unreadable("is nested too deeply for a notebook: look at it by hand") from None
    except ValueError as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(
            f"is damaged (invalid JSON{where}): ask for it again, or repair it and grade again"
        ) from None
    if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):
        raise Unreadable("is not a notebook: ask for the .ipynb that JupyterLab saved")
    return raw


def _upgraded(raw: dict, notes: list[str]) -> dict:
    version = raw["nbformat"]
    if version == 4:
        return raw
    if version == 3:
        try:
            upgraded = nbformat.convert(nbformat.from_dict(raw), 4)
        except Exception as error:
            raise Unreadable(
                f"has the old notebook format 3 and cannot be upgraded ({type(error).__name__}): "
                "ask for a copy saved by a recent JupyterLab"
            ) from None
        notes.append("had the old notebook format 3 and was upgraded")
        return upgraded
    raise Unreadable(
        f"has the notebook format {str(version)[:20]}, not 4: ask for a copy saved by JupyterLab"
    )


def _note_kernel(metadata: dict, notes: list[str]) -> None:
    kernel = metadata.get("kernelspec")
    if not isinstance(kernel, dict):
        return
    name = kernel.get("name")
    if name != KERNEL["name"] or kernel.get("language", "python") != "python":
        notes.append(f"names the kernel {str(name)[:40]!r}; it was graded with python3")


def _exercise(metadata: dict) -> str | None:
    course = metadata.get("course")
    exercise = course.get("exercise") if isinstance(course, dict) else None
    return _text(exercise)[:200] if isinstance(exercise, str) else None


def _attempts(given) -> dict[str, list[dict]]:
    """Return what checks found on the learner's machine, as far as it has the right form."""
    if not isinstance(given, dict):
        return {}
    names = [name for name in given if isinstance(name, str) and name.isidentifier()]
    found = {}
    for name in names[:MOST_FUNCTIONS]:
        attempts = given[name] if isinstance(given[name], list) else []
        found[name[:100]] = [one for one in map(_attempt, attempts[:MOST_ATTEMPTS]) if one]
    return found


def _attempt(given) -> dict | None:
    score = given.get("score") if isinstance(given, dict) else None
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        return None
    misconception = given.get("misconception")
    known = isinstance(misconception, str) and re.fullmatch(r"[a-z0-9-]{1,60}", misconception)
    return {"score": float(score), "misconception": misconception if known else None}


def _cleaned_cells(cells, notes: list[str]) -> list[NotebookNode]:
    if not isinstance(cells, list) or not cells:
        raise Unreadable("holds no cells: ask for the file again")
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"holds more than {MOST_CELLS} cells: look at it by hand")
    cleaned = [_cleaned_cell(cell, number, notes) for number, cell in enumerate(cells, start=1)]
    _make_ids_unique(cleaned)
    _keep_last_of_each_grade_id(cleaned, notes)
    return cleaned


def _cleaned_cell(cell, number: int, notes: list[str]) -> NotebookNode:
    kind = cell.get("cell_type") if isinstance(cell, dict) else None
    if not isinstance(kind, str) or kind not in NEW_CELL:
        raise Unreadable(f"is damaged: cell {number} is not a cell; repair it and grade again")
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise Unreadable(f"is damaged: cell {number} has no text; repair it and grade again")
    text = _text(source)
    if text != source:
        notes.append(f"cell {number} held invalid characters, which were left out")
    if cell.get("attachments"):
        notes.append(f"the attached images of cell {number} were left out")
    new = NEW_CELL[kind](text)
    new.id = cell["id"] if _is_cell_id(cell.get("id")) else f"cell-{number}"
    marks = _marks(cell.get("metadata"))
    if marks:
        new.metadata.nbgrader = marks
    return new


def _text(source: str) -> str:
    # Lone surrogates cannot be encoded, and PostgreSQL rejects null characters
    return source.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def _is_cell_id(cell_id) -> bool:
    return isinstance(cell_id, str) and CELL_ID.fullmatch(cell_id) is not None


def _marks(metadata) -> NotebookNode | None:
    """Return a cell's nbgrader metadata, complete and of the right types."""
    given = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = given.get("grade_id") if isinstance(given, dict) else None
    if not isinstance(grade_id, str) or not 0 < len(grade_id) <= 200:
        return None
    flags = {flag: given.get(flag) is True for flag in ("grade", "solution", "locked", "task")}
    marks = {"grade_id": _text(grade_id), "schema_version": SCHEMA, **flags}
    points = given.get("points")
    if flags["grade"] or flags["task"]:
        marks["points"] = points if _is_number_of_points(points) else 0
    return nbformat.from_dict(marks)


def _is_number_of_points(points) -> bool:
    if isinstance(points, bool) or not isinstance(points, int | float):
        return False
    return math.isfinite(points) and 0 <= points <= 1000


def _make_ids_unique(cells: list[NotebookNode]) -> None:
    taken = {cell.id for cell in cells}
    numbered = (f"again-{number}" for number in itertools.count(1))
    free = (name for name in numbered if name not in taken)
    seen: set[str] = set()
    for cell in cells:
        if cell.id in seen:
            cell.id = next(free)
        seen.add(cell.id)


def _keep_last_of_each_grade_id(cells: list[NotebookNode], notes: list[str]) -> None:
    """Keep nbgrader's metadata only on the last of copied cells, as its DeduplicateIds does."""
    marked = [cell for cell in cells if "nbgrader" in cell.metadata]
    times = Counter(cell.metadata.nbgrader.grade_id for cell in marked)
    for cell in marked:
        grade_id = cell.metadata.nbgrader.grade_id
        if times[grade_id] > 1:
            times[grade_id] -= 1
            del cell.metadata["nbgrader"]
            notes.append(f"the cell {grade_id[:40]} is there more than once; the last one counts")
