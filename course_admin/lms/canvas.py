"""Canvas's gradebook: one table for all assignments.

Source: ``lib/gradebook_exporter.rb`` and ``lib/gradebook_importer.rb``. An assignment's column is
called ``Title (number)``. Below the header may be a row about manual posting, then the row of
points possible, which says ``(read only)`` where grades cannot be imported.
"""

from pathlib import Path

from course_admin.lms.giving_back import Row, Table
from course_admin.lms.layout import (
    ASSIGNMENT,
    POINTS_POSSIBLE,
    is_gradebook,
    letters,
    number_in,
    person_numbers,
)
from course_admin.lms.sheets import Sheet


def read_gradebook(path: Path, exercise: str, assignment: str | None = None) -> Table:
    """Read the gradebook of a course.

    Parameters
    ----------
    path : Path
    exercise : str
        Finds the assignment's column if that is called like it.
    assignment : str, optional
        The header of the column, or the assignment's number.

    Raises
    ------
    ValueError
        If it is another table, or it is not certain which column is meant.
    """
    sheet = Sheet(path)
    points = [row for row in sheet.body if POINTS_POSSIBLE in sheet.value(row, 0)]
    if not is_gradebook(sheet) or len(points) != 1:
        raise ValueError(
            f"{path} is not a gradebook of Canvas: in Grades, choose Export, Export Entire "
            "Gradebook"
        )
    column = _assignment_column(sheet, exercise, assignment)
    maximum = sheet.value(points[0], column).strip()
    if not number_in(maximum):
        raise ValueError(
            f"Canvas takes no points for {sheet.header[column]} (points possible: "
            f"{maximum or 'none'}): give the assignment points, and export the gradebook again"
        )
    rows = [
        Row(row, number, _name(sheet, row))
        for row, number in zip(sheet.body, person_numbers(sheet), strict=True)
        if number
    ]
    return Table("canvas", sheet, column, maximum, rows, _is_same_name)


def _assignment_column(sheet: Sheet, exercise: str, assignment: str | None) -> int:
    titles = {
        column: match
        for column, header in enumerate(sheet.header)
        if (match := ASSIGNMENT.fullmatch(header))
    }
    wanted = (assignment or exercise).strip()
    found = [c for c, match in titles.items() if wanted in (match[0].strip(), match["number"])]
    found = found or [
        c for c, match in titles.items() if letters(wanted) in letters(match["title"])
    ]
    if len(found) == 1:
        return found[0]
    names = "; ".join(sheet.header[column] for column in found or titles) or "none"
    raise ValueError(f"name the assignment of {exercise} with --assignment; there are: {names}")


def _name(sheet: Sheet, row: int) -> str:
    """Return the sortable name."""
    if sheet.header[0] == "LastName":
        return f"{sheet.value(row, 0)}, {sheet.value(row, 1)}"
    return sheet.value(row, 0)


def _is_same_name(row: Row, name: str) -> bool:
    return letters(row.name) == letters(name)
