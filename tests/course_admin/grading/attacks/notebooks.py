"""Attacks that are not code: what is wrong is the notebook itself, or the file.

Each function writes into the folder of its student; its docstring says what it tries. What must
happen stands beside it in `EXPECTED`, in the words of the other attacks' headers.
"""

import json
import zipfile
from pathlib import Path

import nbformat
from grading import small_course


def deleted_checks(folder: Path) -> None:
    """Hand in without the graded cells: they are put back."""
    _write(folder, small_course.answered(double_check=None, largest_check=None))


def renamed_cells(folder: Path) -> None:
    """Give the graded cells names that nobody knows."""
    notebook = small_course.answered(double="def double(values):\n    return 0 * values")
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.grade_id += "_renamed"
    _write(folder, notebook)


def copied_check(folder: Path) -> None:
    """Put an easier check of the same name before the real one."""
    notebook = small_course.answered(double="def double(values):\n    return 0 * values")
    copy = nbformat.from_dict(json.loads(json.dumps(notebook.cells[3])))
    copy.source = "print('right')"
    copy.id = "another"
    notebook.cells.insert(3, copy)
    notebook.cells.append(nbformat.from_dict({**copy, "id": "third"}))
    _write(folder, notebook)


def changed_check(folder: Path) -> None:
    """Write another check, which always passes, into the graded cell."""
    easy = "checks.Verdict(1.0, 2, 'Right.')"
    _write(folder, small_course.answered(double="double = None", double_check=easy))


def changed_points(folder: Path) -> None:
    """Make the questions worth a hundred points, and one of them no question at all."""
    notebook = small_course.answered()
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("points"):
            cell.metadata.nbgrader.points = 100
    notebook.cells[3].metadata.nbgrader.grade = False
    notebook.cells[3].metadata.nbgrader.solution = True
    _write(folder, notebook)


def another_kernel(folder: Path) -> None:
    """Name a kernel of the attacker's choice."""
    notebook = small_course.answered()
    notebook.metadata.kernelspec = {"name": "bash", "display_name": "Bash", "language": "bash"}
    _write(folder, notebook)


def another_exercise(folder: Path) -> None:
    """Hand in the notebook of an exercise that the course does not have."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    folder.mkdir()
    nbformat.write(notebook, folder / "shopping_list.ipynb")


def invalid_json(folder: Path) -> None:
    """Break off in the middle of the file."""
    small_course.hand_in(folder.parent, folder.name, b'{"cells": [{"cell_type": "co')


def empty_file(folder: Path) -> None:
    """Hand in nothing, under the right name."""
    small_course.hand_in(folder.parent, folder.name, b"")


def large_notebook(folder: Path) -> None:
    """Hand in 200 MB."""
    path = small_course.hand_in(folder.parent, folder.name, b'{"cells": [], "x": "')
    with path.open("r+b") as file:
        file.truncate(200_000_000)


def link_out_of_the_folder(folder: Path) -> None:
    """Link to a file of the machine, in the hope that it comes back as feedback."""
    folder.mkdir()
    (folder / f"{small_course.EXERCISE}.ipynb").symlink_to("/etc/passwd")


def zip_bomb(folder: Path) -> None:
    """Hand in a zip of a few kilobytes that holds gigabytes."""
    folder.mkdir()
    with (
        zipfile.ZipFile(folder / "work.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(f"{small_course.EXERCISE}.ipynb", "w", force_zip64=True) as member,
    ):
        for _ in range(200):
            member.write(b"\0" * 1_000_000)


def names_that_climb(folder: Path) -> None:
    """Hand in a zip whose file names lead out of the folder."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "work.zip", "w") as archive:
        archive.writestr("../../../left_behind_by_an_attack", "x")
        archive.writestr("/tmp/left_behind_by_an_attack", "x")
        notebook = nbformat.writes(small_course.answered())
        archive.writestr(f"../{small_course.EXERCISE}.ipynb", notebook)


def _write(folder: Path, notebook) -> None:
    small_course.hand_in(folder.parent, folder.name, notebook)


EXPECTED = {
    deleted_checks: "double 2, largest 2",
    renamed_cells: "holds no question",
    copied_check: "double 0, largest 2",
    changed_check: "double 0, largest 2",
    changed_points: "double 2, largest 2",
    another_kernel: "double 2, largest 2",
    another_exercise: "none of the exercises",
    invalid_json: "damaged",
    empty_file: "empty",
    large_notebook: "MB",
    link_out_of_the_folder: "link",
    zip_bomb: "zip|large|unpack",
    names_that_climb: "out of the folder|outside|leads",
}
"""Points, or what the reason says where the file cannot be graded."""
