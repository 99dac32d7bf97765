"""Put grades into a platform's own table: each into the row of the person, or nowhere."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from course_admin.grading.gradebook import UNKNOWN
from course_admin.grading.results import Status, SubmissionResult
from course_admin.lms.layout import letters, number_in, number_like
from course_admin.lms.sheets import Sheet


@dataclass(frozen=True)
class Row:
    """The row of one person.

    Attributes
    ----------
    index : int
        In the table.
    number : str
        The platform's.
    name : str
        As the table shows it.
    team : str
        Of the person, if people hand in together.
    """

    index: int
    number: str
    name: str
    team: str = ""


@dataclass
class Table:
    """A platform's table, and where the grade of an exercise goes.

    Attributes
    ----------
    platform : str
    sheet : Sheet
    column : int
        Of the grade.
    maximum : str
        The highest grade, as written.
    rows : list of Row
    is_same_name : callable
        Compares the name in a row with the name in a download.
    """

    platform: str
    sheet: Sheet
    column: int
    maximum: str
    rows: list[Row]
    is_same_name: Callable[[Row, str], bool]


@dataclass
class GivenBack:
    """What became of the grades.

    Attributes
    ----------
    filled : int
        How many people have a grade.
    handed_in : list of tuple
        Rows, and the one result of each.
    changed : list of str
        Which grades in the table were other ones before.
    left : list of str
        Whose hand-in has no grade to give back, and why.
    without : list of str
        People who handed nothing in.
    unmatched : list of str
        Hand-ins of nobody in the table.
    scale : float
        What points were multiplied by.
    """

    filled: int = 0
    handed_in: list[tuple[Row, SubmissionResult]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    scale: float = 1.0


def give_back(table: Table, results: Iterable[SubmissionResult]) -> GivenBack:
    """Fill in the grades of one exercise; every other cell stays as it is.

    Nobody gets a number who has no complete grade, and no row gets one that could be another's.

    Parameters
    ----------
    table : Table
        Its sheet is changed.
    results : iterable of SubmissionResult
        Of one exercise, from any platform, and hand-ins whose exercise is not known.

    Raises
    ------
    ValueError
        If the table knows none of these people.
    """
    results = list(results)
    by_number, by_team = _by_number_and_team(results, table)
    given = GivenBack()
    matched: set[int] = set()
    for row in table.rows:
        found = by_number[row.number] + (by_team[letters(row.team)] if row.team else [])
        matched.update(map(id, found))
        _fill_row(table, row, found, given)
    strangers = [one for one in results if id(one) not in matched and one.exercise != UNKNOWN]
    given.unmatched = list(map(_label, strangers))
    if results and not matched:
        raise ValueError(
            f"{table.sheet.path} knows nobody who handed in {results[0].exercise}: take the table "
            "of the same assignment and site"
        )
    return given


def _by_number_and_team(results: list[SubmissionResult], table: Table) -> tuple[dict, dict]:
    """Index the platform's results; a team's number says nothing about its people."""
    by_number, by_team = defaultdict(list), defaultdict(list)
    teams = {letters(row.team) for row in table.rows if row.team}
    for result in results:
        if result.origin.platform == table.platform:
            name = letters(result.origin.name)
            index, key = (by_team, name) if name in teams else (by_number, result.origin.number)
            index[key].append(result)
    return by_number, by_team


def _fill_row(table: Table, row: Row, found: list[SubmissionResult], given: GivenBack) -> None:
    if not found:
        given.without.append(row.name)
        return
    reason = _reason_against_person(table, row, found)
    if reason is None:
        given.handed_in.append((row, found[0]))
        reason = _reason_against_grade(table, row, found[0])
    if reason:
        given.left.append(f"{row.name}: {reason}")
        return
    (result,) = found
    given.scale = number_in(table.maximum) / result.max_points
    text = number_like(result.points * given.scale, table.maximum)
    before = table.sheet.value(row.index, table.column).strip()
    if number_in(before) not in (None, number_in(text)):
        given.changed.append(f"{row.name}: {before} before, {text} now")
    if number_in(before) != number_in(text):
        table.sheet.put(row.index, table.column, text)
    given.filled += 1


def _reason_against_person(table: Table, row: Row, found: list[SubmissionResult]) -> str | None:
    """Say why it is not certain that a row is of the person who handed in."""
    if len(found) > 1:
        names = " and ".join(result.student for result in found)
        return f"there are grades of {names}; enter by hand the one that counts"
    origin = found[0].origin
    of_team = row.team and origin.number != row.number
    if not of_team and not table.is_same_name(row, origin.name):
        return f"the hand-in of this number is of {origin.name}; compare, and enter it by hand"
    return None


def _reason_against_grade(table: Table, row: Row, result: SubmissionResult) -> str | None:
    """Say why there is no grade to fill in."""
    if result.points is None or not result.max_points:
        status = Status.NEEDS_REVIEW if result.status == Status.GRADED else result.status
        review = status == Status.NEEDS_REVIEW and result.reasons
        return f"{status} ({result.reasons[0]})" if review else str(status)
    before = table.sheet.value(row.index, table.column).strip()
    if before not in ("", "-") and number_in(before) is None:
        return f"the table says {before} there; enter the grade by hand"
    return None


def _label(result: SubmissionResult) -> str:
    number = f" ({result.origin.platform} {result.origin.number})" if result.origin.number else ""
    return f"{result.origin.name or result.student}{number}"


def summary(given: GivenBack, path: Path) -> str:
    """Return what became of the grades as text for the terminal."""
    lines = [f"{given.filled} grades in {path}."]
    if given.scale != 1:
        lines.append(f"Points were multiplied by {given.scale:g}, up to the platform's maximum.")
    for title, names in [
        ("Changed grades:", given.changed),
        ("No grade yet, left as they were:", given.left),
        ("Nothing handed in, left as they were:", given.without),
        ("Handed in, but not in this table:", given.unmatched),
    ]:
        if names:
            lines += [title, *(f"  {name}" for name in names)]
    return "\n".join(lines)
