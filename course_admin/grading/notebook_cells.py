"""The cells of a submission: which are the instructor's, and putting those back."""

import re

from nbformat import NotebookNode


def graft(submission: NotebookNode, definition: NotebookNode) -> NotebookNode:
    """Put the instructor's locked and graded cells, and all metadata, into a submission.

    No change by the learner to their source, type, points or flags survives. Of several cells
    with the same ``grade_id`` the last counts. Missing graded cells are added at the end, after
    everything that the learner defined.
    """
    originals = {
        cell.metadata.nbgrader.grade_id: cell
        for cell in definition.cells
        if "nbgrader" in cell.metadata
    }
    cells, found = [], set()
    for cell in reversed(submission.cells):
        original = originals.get(cell.metadata.pop("nbgrader", {}).get("grade_id"))
        if original and original.metadata.nbgrader.grade_id not in found:
            found.add(original.metadata.nbgrader.grade_id)
            source = original.source if is_locked(original) else cell.source
            cell = NotebookNode({**original, "id": cell.get("id", original.id), "source": source})
        cells.append(cell)
    missing = [
        cell
        for name, cell in originals.items()
        if name not in found and cell.metadata.nbgrader.grade
    ]
    submission.cells = [*reversed(cells), *missing]
    return submission


def is_graded(cell: NotebookNode) -> bool:
    """Whether a cell holds tests that give points; a written answer does not."""
    flags = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and flags.get("grade", False) and not flags.get("solution")


def is_hand_in(cell: NotebookNode) -> bool:
    """Whether a cell is the one line that writes the file to hand in."""
    return bool(re.fullmatch(r"checks\.hand_in\(.*\)", cell.source.strip()))


def is_locked(cell: NotebookNode) -> bool:
    """Whether a cell is not the learner's to change.

    The rule of `nbgrader.utils.is_locked`, which takes too long to import in every worker.
    """
    flags = cell.metadata.nbgrader
    return not flags.get("solution") and bool(flags.get("grade") or flags.get("locked"))
