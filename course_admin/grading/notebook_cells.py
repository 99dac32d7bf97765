"""Which cells of an exercise are whose, and the instructor's put back into a submission."""

from nbformat import NotebookNode


def graft(submission: NotebookNode, definition: NotebookNode) -> NotebookNode:
    """Put the instructor's locked and graded cells, and all metadata, into a submission.

    Nothing of what a learner may have changed in them remains: source, type, points, flags.
    Of cells with the same ``grade_id`` the last counts. Graded cells that are missing are
    added at the end, where everything that the learner defined is there.
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
    """Whether a cell holds tests that give points (not a written answer)."""
    flags = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and flags.get("grade", False) and not flags.get("solution")


def is_locked(cell: NotebookNode) -> bool:
    """Whether a learner has no business in a cell; the rule is nbgrader's."""
    flags = cell.metadata.nbgrader
    return not flags.get("solution") and bool(flags.get("grade") or flags.get("locked"))
