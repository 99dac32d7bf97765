"""How Moodle and Canvas lay out their tables and write names, whatever the language.

Sources: Moodle's ``mod/assign/gradingtable.php`` writes the grading worksheet, and
``mod/assign/feedback/offline/importgradeslib.php`` reads it. The first column identifies the
participant, the second one names them unless marking is anonymous, and the grade is left of its
maximum. Headers are in the language of the site. Canvas's ``lib/gradebook_exporter.rb`` and
``lib/gradebook_importer.rb`` know the headers in English only.
"""

import re
import unicodedata

from course_admin.lms.sheets import Sheet

PARTICIPANT = re.compile(r"(?P<word>\D+)(?P<number>[0-9]{1,20})")
ASSIGNMENT = re.compile(r"(?P<title>.*)\((?P<number>[0-9]+)\)\s*", re.DOTALL)
POINTS_POSSIBLE = "Points Possible"
TEAM = {"group", "gruppe", "grupo", "groupe", "groep", "gruppo", "grupa", "skupina", "grupp"}
TEAM |= {"csoport", "ryhmä", "группа", "група", "그룹", "모둠", "المجموعة", "مجموعة"}
TEAM |= {"グループ", "小组", "群組"}
"""Headers of Moodle's column of teams; in another language, teams are graded by hand."""


def letters(name: str) -> str:
    """Return a name's letters and digits, without case, spaces and punctuation.

    >>> letters("O'Neill, Zoë") == letters("oneillzoë")
    True
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())


def words(name: str) -> set[str]:
    """Return a name's words, whatever their order."""
    return {letters(word) for word in re.split(r"[\s,_-]+", name)} - {""}


def is_worksheet(sheet: Sheet) -> bool:
    """Whether a table is a grading worksheet of Moodle."""
    cells = sheet.column(0)
    return bool(cells) and all(PARTICIPANT.fullmatch(cell.strip()) for cell in cells)


def is_gradebook(sheet: Sheet) -> bool:
    """Whether a table is a gradebook exported from Canvas."""
    return sheet.header[0] in ("Student", "LastName") and "ID" in sheet.header


def person_numbers(sheet: Sheet) -> list[str]:
    """Return the platform's number of the person of each row, empty where there is none."""
    if is_gradebook(sheet):
        cells = sheet.column(sheet.header.index("ID"))
        return [cell if re.fullmatch("[0-9]+", cell) else "" for cell in cells]
    return [PARTICIPANT.fullmatch(cell.strip())["number"] for cell in sheet.column(0)]


def number_in(text: str) -> float | None:
    """Read a number with a decimal point or comma.

    >>> number_in("12,50")
    12.5
    """
    if not re.fullmatch(r"[0-9]+([.,][0-9]+)?", text.strip()):
        return None
    return float(text.strip().replace(",", "."))


def number_like(value: float, sample: str) -> str:
    """Write a number with two digits, and the decimal mark of a sample.

    >>> number_like(4.5, "100,00")
    '4,50'
    """
    return f"{value:.2f}".replace(".", "," if "," in sample else ".")
