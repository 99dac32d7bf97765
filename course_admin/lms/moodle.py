"""Moodle's grading worksheet, and the zip of feedback files.

Sources: ``mod/assign/feedback/offline`` skips a row whose grade is above the maximum, or whose
*Last modified (grade)* is older than Moodle's own; so only the grade's cell is changed.
``mod/assign/feedback/file/importziplib.php`` splits each folder's name at its underscores into
name, number, kind and plugin. The underscore at the end serves versions before 4.1.
"""

import functools
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from course_admin.grading.results import SubmissionResult
from course_admin.lms.giving_back import Row, Table
from course_admin.lms.layout import (
    PARTICIPANT,
    TEAM,
    is_worksheet,
    letters,
    number_in,
    person_numbers,
    words,
)
from course_admin.lms.sheets import Sheet


def read_worksheet(path: Path) -> Table:
    """Read the grading worksheet of an assignment.

    Raises
    ------
    ValueError
        If it is another table, or grades are not numbers.
    """
    sheet = Sheet(path)
    if not is_worksheet(sheet):
        raise ValueError(
            f"{path} is not a grading worksheet of Moodle: in the assignment, choose "
            "Submissions, Download grading worksheet (Offline grading worksheet must be "
            "switched on in the assignment's feedback types)"
        )
    column = _grade_column(sheet)
    rows = [
        Row(row, number, sheet.value(row, 1), _team(sheet, row))
        for row, number in zip(sheet.body, person_numbers(sheet), strict=True)
    ]
    if len({row.number for row in rows}) != len(rows):
        raise ValueError(f"{path} holds a participant twice: download it again")
    word = PARTICIPANT.fullmatch(sheet.value(1, 0).strip())["word"]
    same = functools.partial(_is_same_name, word)
    return Table("moodle", sheet, column, sheet.value(1, column + 1), rows, same)


def _grade_column(sheet: Sheet) -> int:
    """Find the grade, a number or nothing, left of its maximum, one number in all rows."""
    for column in range(len(sheet.header) - 1, 1, -1):
        cells, left = set(sheet.column(column)), set(sheet.column(column - 1)) - {""}
        is_maximum = len(cells) == 1 and number_in(*cells)
        if is_maximum and all(number_in(cell) is not None for cell in left):
            return column - 1
    raise ValueError(
        f"{sheet.path} has no maximum grade that is a number: in the assignment's settings, choose "
        "points as the type of grade, and download the worksheet again"
    )


def _team(sheet: Sheet, row: int) -> str:
    titles = [title.strip().casefold() for title in sheet.header]
    columns = [column for column, title in enumerate(titles) if title in TEAM]
    return sheet.value(row, columns[0]) if len(columns) == 1 else ""


def _is_same_name(participant: str, row: Row, name: str) -> bool:
    """Whether a name in a download, without some characters, can be that of a row.

    Where marking is anonymous, everybody is called like the word before the numbers.
    """
    return bool(words(row.name) & words(name)) or letters(participant) == letters(name)


def write_feedback(
    handed_in: Iterable[tuple[Row, SubmissionResult]], pages: Path, path: Path
) -> int:
    """Zip the feedback pages under the names that Moodle's importer looks for.

    These are pages with a complete grade, and pages that say that nothing could be graded.

    Parameters
    ----------
    handed_in : iterable of tuple
        Rows and results.
    pages : Path
        The folder of ``<student>/<exercise>.html``.
    path : Path
        Of the zip.

    Returns
    -------
    int
        How many pages there are.
    """
    count = 0
    unfinished = path.with_name(f".{path.name}.part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for row, result in handed_in:
            page = pages / result.student / f"{result.exercise}.html"
            if page.exists() and _is_final(result):
                archive.write(page, f"{_folder(row)}/{page.name}")
                count += 1
    unfinished.replace(path)
    return count


def _is_final(result: SubmissionResult) -> bool:
    known = [question.points is not None for question in result.questions]
    return result.points is not None or not any(known)


def _folder(row: Row) -> str:
    name = re.sub(r"[^\w .,()-]+|_|\.\.+", " ", row.name).strip(" .") or "Participant"
    return f"{name}_{row.number}_assignfeedback_file_"
