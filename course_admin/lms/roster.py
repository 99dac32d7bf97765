"""Who is who: tables of people from the platform, which join the assignments of one person.

In Moodle a person has another number in each assignment. The grading worksheets of the
assignments hold each number with the person's e-mail address; a list of participants has no
numbers, so only a name that nobody else bears tells who it is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course_admin.lms.identity import Identity
from course_admin.lms.layout import is_gradebook, is_worksheet, letters, person_numbers
from course_admin.lms.sheets import Sheet

FIRST, LAST = {"first name", "firstname"}, {"last name", "lastname", "surname"}
FULL = {"name", "full name", "student"}


@dataclass(frozen=True)
class Person:
    """One person, whatever number an assignment gives them.

    Attributes
    ----------
    key : str
        Differs for different people: e-mail address, or the platform's lasting number.
    name, email : str
    """

    key: str
    name: str
    email: str = ""


class Roster:
    """All people of some tables."""

    def __init__(self, paths: Iterable[Path] = ()):
        """Read tables: worksheets of Moodle, gradebooks of Canvas, lists of participants.

        Raises
        ------
        ValueError
            If one of them names nobody.
        """
        self._by_number: dict[tuple[str, str], Person] = {}
        self._by_name: dict[str, set[Person]] = defaultdict(set)
        for path in paths:
            for platform, number, person in _people(Sheet(path)):
                if number:
                    self._by_number[platform, number] = person
                self._by_name[letters(person.name)].add(person)

    def person(self, identity: Identity) -> Person | None:
        """Return the person of an identity, or None if that is not certain.

        A learner can choose a name, so it counts only where no table holds the platform's numbers.
        """
        if any(platform == identity.platform for platform, _ in self._by_number):
            return self._by_number.get((identity.platform, identity.number or ""))
        found = self._by_name.get(letters(identity.name), set())
        return next(iter(found)) if len(found) == 1 else None

    def knows(self, identity: Identity) -> bool:
        """Whether there is a person of this number and name."""
        person = self._by_number.get((identity.platform, identity.number or ""))
        return person is not None and letters(person.name) == letters(identity.name)


def _people(sheet: Sheet) -> list[tuple[str, str, Person]]:
    """Return platform, number and person of each row."""
    platform = "canvas" if is_gradebook(sheet) else "moodle" if is_worksheet(sheet) else ""
    numbers = person_numbers(sheet) if platform else [""] * len(sheet.body)
    names = _names(sheet, platform)
    emails = _emails(sheet)
    if platform == "moodle" and not any(emails):
        raise ValueError(
            f"{sheet.path} shows no e-mail addresses, so it joins nothing: give a table with the "
            "columns name and email"
        )
    found = []
    times = Counter(email.casefold() for email in emails)
    for number, name, email in zip(numbers, names, emails, strict=True):
        shared = times[email.casefold()] > 1  # by a family, or a room
        key = f"{platform} {number} {name}" if shared or not email else email.casefold()
        if name and (number or not platform):
            found.append((platform, number, Person(key, name, email)))
    if not found:
        raise ValueError(
            f"{sheet.path} names nobody: give a grading worksheet of Moodle, a gradebook of Canvas "
            "or a table with the columns name and email"
        )
    return found


def _names(sheet: Sheet, platform: str) -> list[str]:
    header = [title.strip().casefold() for title in sheet.header]
    full = next((i for i, title in enumerate(header) if title in FULL), None)
    if platform == "moodle" and full is None:
        full = 1  # in the language of the site, but always beside the number
    if full is not None:
        return [name.strip() for name in sheet.column(full)]
    first = next((i for i, title in enumerate(header) if title in FIRST), None)
    last = next((i for i, title in enumerate(header) if title in LAST), None)
    if first is None or last is None:
        return [""] * len(sheet.body)
    pairs = zip(sheet.column(first), sheet.column(last), strict=True)
    return [f"{one} {other}".strip() for one, other in pairs]


def _emails(sheet: Sheet) -> list[str]:
    """Return the column in which there is an address in most rows; the header may be in Korean."""
    for column in range(len(sheet.header)):
        cells = [cell.strip() for cell in sheet.column(column)]
        addresses = [cell if "@" in cell and " " not in cell else "" for cell in cells]
        if 2 * sum(map(bool, addresses)) > len(cells):
            return addresses
    return [""] * len(sheet.body)
