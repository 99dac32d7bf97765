"""Whose file is it? What the names in a download say, and nothing more.

Moodle (``mod/assign/classes/downloader.php``) writes ``Full name_123_assignsubmission_file/…``,
with underscores in a name replaced by spaces; a team's folder holds the team's name and number.
Canvas (``lib/content_zipper.rb``) writes ``lovelaceada_LATE_123_456_file.ipynb``: sortable name in
lower case, the learner's number, the attachment's number. Only the numbers are the platform's own.
Names and files are chosen by learners, so a name that can be read in two ways is never guessed.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MOODLE = re.compile(
    r"(?P<name>.+?)(?:_(?P<number>[0-9]{1,20}))?_assignsubmission_[a-z]+(?:_(?P<file>.*))?",
    re.DOTALL,
)
MARK = "_assignsubmission_"
NUMBER = re.compile(r"[0-9]{1,20}")
ANONYMOUS = re.compile(r"[A-Za-z0-9]{4,10}")
PAGES = ("text.html", "link.html")
"""What Canvas adds for a text or link that was typed into it."""
RESERVED = re.compile(r"_([0-9]+|x[0-9a-f]{8})$|^anon_")
"""How the identifiers of people end whose names are not used as they are."""
LONGEST_NAME = 50
LONGEST_FILE_NAME = 1_000
"""A learner could keep the machine busy with a longer one."""


@dataclass(frozen=True)
class Identity:
    """One person or team on one platform; in Moodle, for one assignment.

    Attributes
    ----------
    platform : str
        ``moodle`` or ``canvas``; ``folder`` or ``zip`` where only their name is known; ``file``
        where it names nobody, and ``unclear``.
    name : str
        As the platform writes it.
    number : str or None
        The platform's. Moodle gives each person another one in each assignment.
    """

    platform: str
    name: str
    number: str | None = None

    @property
    def student(self) -> str:
        """An identifier that is safe as a file name and differs for different people.

        ASCII letters, digits, ``.``, ``_`` and ``-``, at most 80. Where neither the platform's
        number nor the name alone makes it unique, a checksum of the name does.

        >>> Identity("moodle", "Zoë Müller", "123").student
        'Zoe-Muller_123'
        >>> Identity("folder", "ada").student
        'ada'
        """
        folded = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode("ascii")
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", folded).strip(".-_")[:LONGEST_NAME] or "student"
        if self.number:
            return f"{safe}_{self.number}"
        if safe == self.name and self.platform in ("folder", "zip") and not RESERVED.search(safe):
            return safe
        return f"{safe}_{self.checksum}"

    @property
    def checksum(self) -> str:
        """Tell apart what looks alike."""
        text = f"{self.platform}/{self.name}/{self.number}".encode("utf-8", "backslashreplace")
        return f"x{hashlib.sha256(text).hexdigest()[:8]}"

    def is_same(self, other: "Identity") -> bool:
        """Whether a platform means the same person: by number, or else by the very name."""
        if (self.platform, self.number) != (other.platform, other.number):
            return False
        return self.number is not None or self.name == other.name


@dataclass(frozen=True)
class Owner:
    """What the name of a file says about its owner.

    Attributes
    ----------
    identity : Identity
    file : str
        The learner's own name of the file.
    late : bool or None
        None where the platform does not say.
    attachment : int
        Canvas's number of the file, which grows; 0 elsewhere.
    problem : str or None
        Why it is not certain whose it is, and what to do.
    """

    identity: Identity
    file: str
    late: bool | None = None
    attachment: int = 0
    problem: str | None = None


class Knows(Protocol):
    """A roster, as far as it is needed here."""

    def knows(self, identity: Identity) -> bool:
        """Whether there is a person of this number and name."""


def owner_of(parts: tuple[str, ...], exercises: Iterable[str], roster: Knows | None) -> Owner:
    """Find out from the names of a file and its folders whose it is.

    Parameters
    ----------
    parts : tuple of str
        The folders and the file, as in the download.
    exercises : iterable of str
        Their names, which begin with digits as Canvas's numbers do.
    roster : Roster or None
        Decides between the readings of an unclear name.
    """
    top, file = parts[0], parts[-1]
    if len(top) > LONGEST_FILE_NAME:
        return _unclear(parts)
    if MARK in top:
        return _moodle_owner(parts)
    if len(parts) > 1:
        return Owner(Identity("folder", top), file)
    readings = canvas_readings(top, exercises)
    if len(readings) > 1 and roster is not None:
        readings = [one for one in readings if roster.knows(one.identity)] or readings
    if len(readings) == 1:
        return readings[0]
    if readings:
        return _unclear(parts, ", or give the gradebook with --roster")
    if top.lower().endswith(".zip"):
        return Owner(Identity("zip", Path(top).stem), file)
    problem = "names no student: put it into a folder with the student's name and grade again"
    return Owner(Identity("file", Path(top).stem), file, problem=problem)


def _unclear(parts: tuple[str, ...], remedy: str = "") -> Owner:
    problem = (
        "has a name that can be read as the file of different people: put it into a folder with "
        f"the learner's name{remedy}"
    )
    return Owner(Identity("unclear", parts[0]), parts[-1], problem=problem)


def _moodle_owner(parts: tuple[str, ...]) -> Owner:
    match = MOODLE.fullmatch(parts[0])
    in_folder = len(parts) > 1
    if not match or parts[0].count(MARK) > 1 or (in_folder and match["file"]):
        return _unclear(parts)
    file = parts[-1] if in_folder else match["file"] or parts[-1]
    return Owner(Identity("moodle", match["name"], match["number"]), file)


def canvas_readings(name: str, exercises: Iterable[str]) -> list[Owner]:
    """Return all ways to read a name as one of Canvas, without repetitions.

    >>> [one.identity.number for one in canvas_readings("lovelaceada_12_34_x.ipynb", [])]
    ['12']
    >>> [one.identity.number for one in canvas_readings("eve_12_34_56_x.ipynb", [])]
    ['12', '34']
    """
    words = _words(name, exercises)
    found = {}
    for place in range(1, len(words) - 1):
        owner = _canvas_owner(words, place)
        if owner:
            found.setdefault(owner.identity, owner)
    return list(found.values())


def _words(name: str, exercises: Iterable[str]) -> list[str]:
    """Split a name at underscores, but keep together what is the file of an exercise."""
    for exercise in exercises:
        file = rf"_({re.escape(exercise)}(?:(?!_[0-9]+_).)*)$"
        match = re.search(file, name, re.DOTALL | re.IGNORECASE)
        if match:
            return [*name[: match.start()].split("_"), match[1]]
    return name.split("_")


def _canvas_owner(words: list[str], place: int) -> Owner | None:
    """Read the word at a place as the learner's number."""
    before, number, rest = words[:place], words[place], words[place + 1 :]
    late = before[-1] == "LATE" or before == ["LATE", "anon"]  # names are in lower case
    if late:
        before.remove("LATE")
    name = "_".join(before)
    anonymous = name == "anon" and ANONYMOUS.fullmatch(number)
    if not (anonymous or NUMBER.fullmatch(number)):
        return None
    identity = Identity("canvas", name, number)
    if "_".join(rest) in PAGES:
        return Owner(identity, rest[-1], late)
    file = "_".join(rest[1:])
    if not file or not NUMBER.fullmatch(rest[0]):
        return None
    return Owner(identity, file, late, int(rest[0]))
