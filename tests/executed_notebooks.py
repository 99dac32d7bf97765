"""Notebooks with their outputs, as nbval executed them: saved once, for tests to look at.

``executed/<edition>/`` holds them, beside the notebooks' own folders; git ignores it.
"""

from pathlib import Path

import nbformat

from course_utils import current_edition

REPOSITORY = Path(__file__).resolve().parents[1]


def executed_path(notebook: Path) -> Path:
    """Return where the executed copy of a notebook lies."""
    folder = REPOSITORY / "executed" / current_edition().name
    return folder / notebook.resolve().relative_to(REPOSITORY)


def save_executed(notebook: nbformat.NotebookNode, source: Path) -> None:
    """Write the executed copy of a notebook, whole or not at all."""
    path = executed_path(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(nbformat.writes(notebook), encoding="utf-8")
    unfinished.replace(path)


def read_executed(source: Path) -> nbformat.NotebookNode:
    """Read the executed copy of a notebook.

    Raises
    ------
    FileNotFoundError
        If it was not executed as it is now.
    """
    path = executed_path(source)
    written = nbformat.read(source, as_version=4)
    if path.exists():
        executed = nbformat.read(path, as_version=4)
        if [cell.source for cell in executed.cells] == [cell.source for cell in written.cells]:
            return executed
    raise FileNotFoundError(f"{source.name} was not executed as it is now: make notebooks")
