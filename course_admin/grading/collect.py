"""Hand-ins as downloaded from a learning platform, sorted by student and exercise.

Recognised are the names of Moodle and Canvas (`course_admin.lms.identity`), one folder or zip per
student, and nbgrader's own ``submitted/<student>/<exercise>/``. All input is untrusted: no
learner's name becomes a path, nothing is written outside one folder, and what cannot be graded is
returned with its problem.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import nbformat

from course_admin.grading.archives import EMPTY, MEGABYTE, MOST_BYTES, Entry, entries_of, unpack
from course_admin.grading.cleaning import LARGEST_NOTEBOOK, Cleaned, Unreadable, clean
from course_admin.grading.results import Origin
from course_admin.lms.identity import MARK, Identity, Owner, canvas_readings, owner_of
from course_admin.lms.roster import Roster

COPY = re.compile(r"(?:-(\d{1,3})| ?\((\d{1,3})\))$")
WRAPPERS = {"submitted", "submissions", "submission"}
RUBBISH = {"__MACOSX", "Thumbs.db", "desktop.ini"}
PERHAPS_NOTEBOOK = {"", ".ipynb", ".json", ".txt"}
MOST_NOTES = 20
LONGEST_NAME = 128
"""Letters of a name that nbgrader's table of students holds."""
SAME_TIME = timedelta(minutes=1)
"""Moodle and Canvas give the files of one zip the times at which they were written into it."""


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one exercise.

    Attributes
    ----------
    student : str
        A unique name that is safe as a file name.
    exercise : str or None
        None if it is not recognised.
    path : Path or None
        The cleaned notebook; None if there is a problem.
    timestamp : datetime or None
        When the file was last changed according to its folder or zip; without a time zone, as
        in nbgrader.
    late : bool or None
        Whether the learning platform marked it as late; None if it does not say.
    notes : list of str
        What was noticed but does not prevent grading.
    problem : str or None
        Why it cannot be graded, and what to do; it then needs review.
    origin : Origin
    contested : str or None
        Why another hand-in may count instead; it is graded and needs review.
    history : list of str
        Which earlier hand-ins it replaced.
    settled : list of str
        Checksums of hand-ins that do not count beside it.
    """

    student: str
    exercise: str | None
    path: Path | None = None
    timestamp: datetime | None = None
    late: bool | None = None
    notes: list[str] = field(default_factory=list)
    problem: str | None = None
    origin: Origin = field(default_factory=Origin)
    contested: str | None = None
    history: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    """A file, and what its name says about its owner.

    What is in a learner's zip has times that the learner can choose, so `received` is the zip's.
    """

    entry: Entry
    owner: Owner
    name: str
    received: datetime | None = None

    @property
    def rank(self) -> tuple:
        """Newer files of a student have a higher rank."""
        copy = COPY.search(Path(self.name).stem)
        number = int(copy[1] or copy[2]) if copy else 0
        time = self.entry.timestamp or datetime.min
        return (number, self.owner.attachment, time, self.name)

    def is_surely_newer(self, other: "_File") -> bool:
        """Whether more than seconds or the names tell which of two files is newer."""
        number, attachment, time, _ = self.rank
        other_number, other_attachment, other_time, _ = other.rank
        same = (number, attachment) == (other_number, other_attachment)
        return not same or time - other_time > SAME_TIME

    @property
    def origin(self) -> Origin:
        """Where it comes from, without its content."""
        who = self.owner.identity
        name = printable(who.name)[:LONGEST_NAME]
        return Origin(who.platform, name, who.number, self.shown, self.owner.attachment)

    @property
    def shown(self) -> str:
        """The name in a form that is safe to display."""
        return shown(self.name)


@dataclass(frozen=True)
class _Candidate:
    """A file that may be the notebook of an exercise."""

    file: _File
    exercise: str | None
    cleaned: Cleaned | None = None
    problem: str | None = None
    digest: str = ""


def collect(
    source: Path,
    into: Path,
    assignments: dict[str, set[str]],
    expected: str | None = None,
    roster: Roster | None = None,
) -> list[Submission]:
    """Find out who handed in what, and write a cleaned copy of each notebook.

    If a student handed in several notebooks for an exercise, the newest counts: first by the
    number of the resubmission (``-2``, ``(2)``), then by Canvas's number, then by time of change.
    If none of these tells, it is graded and contested.

    Parameters
    ----------
    source : Path
        A folder or a zip, as downloaded from the learning platform.
    into : Path
        Where the copies go: ``<student>/<exercise>/<exercise>.ipynb``.
    assignments : dict of set of str
        For each exercise the ``grade_id`` of its cells.
    expected : str, optional
        The exercise that was to be handed in; notebooks of another one are not graded.
    roster : Roster, optional
        Decides whose a file is that could be different people's.

    Returns
    -------
    list of Submission
        At least one for each student, sorted.

    Raises
    ------
    ValueError
        If `source` is neither a folder nor a zip, or it is not certain where the students' folders
        begin.
    """
    found = []
    by_person = _files_by_person(Path(source), assignments, roster)
    for identity, student in _students(by_person):
        files = _without_empty_folders(by_person[identity])
        found += _submissions(student, files, Path(into), assignments, expected)
    return found


def _files_by_person(
    source: Path, assignments: dict[str, set[str]], roster: Roster | None
) -> dict[Identity, list[_File]]:
    entries = [entry for entry in entries_of(source) if not _is_rubbish(entry)]
    by_person: dict[Identity, list[_File]] = defaultdict(list)
    for entry in _without_wrapper(entries, assignments):
        owner = owner_of(entry.parts, assignments, roster)
        file = _File(entry, owner, owner.file, entry.timestamp)
        by_person[owner.identity].extend(_files_within(file))
    return by_person


def _students(people: Iterable[Identity]) -> list[tuple[Identity, str]]:
    """Give each person an identifier of their own, sorted; a clash is no reason to merge two."""
    people = list(people)
    taken = Counter(identity.student for identity in people)
    named = [
        (one, one.student if taken[one.student] == 1 else f"{one.student}_{one.checksum}")
        for one in people
    ]
    return sorted(named, key=lambda pair: pair[1])


def _without_empty_folders(files: list[_File]) -> list[_File]:
    """Keep the note that a folder is empty only where there is nothing else."""
    return [file for file in files if file.entry.problem != EMPTY] or files[:1]


def printable(name: str) -> str:
    """Return a name as one line that any file and database can hold."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def shown(name: str) -> str:
    """Return a name as one line of limited length."""
    line = printable(name)
    return line if len(line) <= 80 else f"{line[:40]}...{line[-30:]}"


def _is_rubbish(entry: Entry) -> bool:
    hidden = any(part.startswith(".") and part != ".." for part in entry.parts)
    return hidden or any(part in RUBBISH for part in entry.parts)


def _without_wrapper(entries: list[Entry], assignments: dict[str, set[str]]) -> list[Entry]:
    """Remove a top folder that holds everything and is not a student's.

    A student's own folder can hold anything, also what looks like the folders of others. So only
    names that no student would have are removed.
    """
    tops = {entry.parts[0] for entry in entries}
    if len(tops) != 1 or any(len(entry.parts) < 2 for entry in entries):
        return entries
    (top,) = tops
    if top.lower() in WRAPPERS:
        return [replace(entry, parts=entry.parts[1:]) for entry in entries]
    children = {entry.parts[1] for entry in entries}
    folders = {entry.parts[1] for entry in entries if len(entry.parts) > 2}
    from_platform = any(_is_of_platform(name, assignments) for name in children)
    of_students = len(folders) > 1 and folders == children and not folders & assignments.keys()
    if MARK not in top and (from_platform or of_students):
        raise ValueError(
            f"everything is in the folder {shown(top)}. If it holds the learners' folders, unpack "
            "it and name that folder itself; if it is one learner's, put it into a folder called "
            "submitted"
        )
    return entries


def _is_of_platform(name: str, assignments: dict[str, set[str]]) -> bool:
    return MARK in name or bool(canvas_readings(name, assignments))


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _files_within(file: _File) -> list[_File]:
    """Return the file itself, or the files in a student's zip."""
    if not _is_zip(file.name) or file.entry.problem:
        return [file]
    inside = [entry for entry in unpack(file.entry) if not _is_rubbish(entry)]
    if inside and inside[0].problem and inside[0].parts == file.entry.parts:
        return [replace(file, entry=inside[0])]
    return [_inside_zip(file, entry) for entry in inside]


def _inside_zip(file: _File, entry: Entry) -> _File:
    if _is_zip(entry.name) and not entry.problem:
        entry = replace(entry, problem="is a zip in a zip")
    return replace(file, entry=entry, name=entry.name)


def _submissions(
    student: str,
    files: list[_File],
    into: Path,
    assignments: dict[str, set[str]],
    expected: str | None,
) -> list[Submission]:
    candidates = _candidates(files, assignments)
    strangers = []
    if expected:
        candidates, strangers = _as_expected(candidates, expected)
    by_exercise: dict[str | None, list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_exercise[candidate.exercise].append(candidate)
    unknown = by_exercise.pop(None, [])
    chosen = [
        _submission(student, *_newest_first(by_exercise[exercise]), into, assignments)
        for exercise in sorted(by_exercise)
    ]
    chosen += _of_no_exercise(student, unknown)
    if strangers:
        return _with_strangers(student, chosen, strangers, expected)
    if chosen or (files and all(file.owner.identity.platform == "file" for file in files)):
        return chosen  # without any, it is a list or note of the learning platform
    return [_without_notebook(student, files, assignments, expected)]


def _as_expected(
    candidates: list[_Candidate], expected: str
) -> tuple[list[_Candidate], list[_Candidate]]:
    """Separate notebooks of other exercises; without a right one, any other file is a try at it."""
    right = [one for one in candidates if one.exercise == expected]
    others = [one for one in candidates if one.exercise != expected]
    if right:
        return right, others
    nowhere = f"holds no question of {expected}: ask for the notebook that was handed out"
    tries = [
        replace(one, exercise=expected, problem=nowhere if one.cleaned else one.problem)
        for one in others
        if one.exercise is None
    ]
    return tries, [one for one in others if one.exercise is not None]


def _of_no_exercise(student: str, unknown: list[_Candidate]) -> list[Submission]:
    """Return one submission for all files whose exercise is not known."""
    if not unknown:
        return []
    problem = "; ".join(f"{one.file.shown} {one.problem}" for one in unknown[:MOST_NOTES])
    return [_not_graded(student, None, [one.file for one in unknown], problem)]


def _with_strangers(
    student: str, chosen: list[Submission], strangers: list[_Candidate], expected: str
) -> list[Submission]:
    """Say which notebooks of other exercises are in a zip, and send a learner's only ones back."""
    names = [
        f"{one.file.shown} is a notebook of {one.exercise or 'no exercise'}"
        for one in strangers[:MOST_NOTES]
    ]
    said = "; ".join(names)
    if chosen:
        note = f"{said}, and was not graded here"
        return [replace(one, notes=[*one.notes, note]) for one in chosen]
    problem = (
        f"{said}, but {expected} was to be handed in: ask for the right file, or grade this one "
        f"with --exercise {strangers[0].exercise} if it was meant to count there"
    )
    return [_not_graded(student, expected, [one.file for one in strangers], problem)]


def _newest_first(candidates: list[_Candidate]) -> tuple[_Candidate, list[_Candidate]]:
    newest, *older = sorted(candidates, key=lambda one: one.file.rank, reverse=True)
    return newest, older


def _without_notebook(
    student: str, files: list[_File], assignments: dict[str, set[str]], expected: str | None
) -> Submission:
    names = ", ".join(file.shown for file in files[:5]) or "nothing at all"
    by_name = (_exercise_by_name(file.name, assignments) for file in files)
    exercise = expected or next(filter(None, by_name), None)
    problem = f"holds no notebook ({names}): ask for the .ipynb file"
    return _not_graded(student, exercise, files, problem)


def _not_graded(student: str, exercise: str | None, files: list[_File], problem: str) -> Submission:
    late = next((file.owner.late for file in files if file.owner.late is not None), None)
    received = files[0].received if files else None
    origin = files[0].origin if files else Origin()
    return Submission(student, exercise, None, received, late, problem=problem, origin=origin)


def _candidates(files: Iterable[_File], assignments: dict[str, set[str]]) -> list[_Candidate]:
    left = MOST_BYTES  # or one student could keep the machine busy for all others
    candidates = []
    for file in files:
        if not _may_be_notebook(file):
            continue
        if left <= 0:
            problem = "was not read: this student handed in too much; look at it by hand"
            candidates.append(
                _Candidate(file, _exercise_by_name(file.name, assignments), None, problem)
            )
            continue
        left -= min(file.entry.size, LARGEST_NOTEBOOK)
        candidates.append(_candidate(file, assignments))
    return [candidate for candidate in candidates if not _is_no_notebook_after_all(candidate)]


def _may_be_notebook(file: _File) -> bool:
    return _suffix(file.name) in PERHAPS_NOTEBOOK or _is_zip(file.name)


def _is_no_notebook_after_all(candidate: _Candidate) -> bool:
    """Whether a file that is not called one is none: a note to the teacher, a list."""
    by_name = _suffix(candidate.file.name) == ".ipynb" or candidate.exercise is not None
    unsafe = candidate.file.entry.problem is not None
    return candidate.cleaned is None and not by_name and not unsafe


def _suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    # "my.notebook v2" has no suffix but a dot in its name
    return suffix if re.fullmatch(r"\.[a-z][a-z0-9]{0,4}", suffix) else ""


def _candidate(file: _File, assignments: dict[str, set[str]]) -> _Candidate:
    by_name = _exercise_by_name(file.name, assignments)
    digest = ""
    try:
        content = _content(file.entry)
        digest = hashlib.sha256(content).hexdigest()
        cleaned = clean(content)
    except Unreadable as error:
        return _Candidate(file, by_name, None, str(error), digest)
    except Exception as error:  # whatever a file does, the others are graded
        problem = f"cannot be read ({type(error).__name__}): ask for the file again"
        return _Candidate(file, by_name, None, problem, digest)
    exercise = _exercise_of(cleaned, assignments) or by_name
    if exercise is None:
        known = ", ".join(sorted(assignments))
        problem = f"is none of the exercises ({known}): ask which one was meant"
        return _Candidate(file, None, cleaned, problem, digest)
    problem = file.owner.problem or _missing_everything(cleaned, exercise, assignments)
    return _Candidate(file, exercise, cleaned, problem, digest)


def _content(entry: Entry) -> bytes:
    if entry.problem:
        raise Unreadable(f"{entry.problem}: ask for the notebook itself")
    limit = f"is larger than {LARGEST_NOTEBOOK // MEGABYTE} MB"
    remedy = "ask for it without outputs (Edit, Clear Outputs of All Cells)"
    if entry.size > LARGEST_NOTEBOOK:
        raise Unreadable(f"{limit}: {remedy}")
    content = entry.read(LARGEST_NOTEBOOK + 1)
    if len(content) > LARGEST_NOTEBOOK:  # the size in the zip was false
        raise Unreadable(f"{limit}: {remedy}")
    return content


def _exercise_of(cleaned: Cleaned, assignments: dict[str, set[str]]) -> str | None:
    if cleaned.exercise in assignments:
        return cleaned.exercise
    held = {name: len(ids & cleaned.grade_ids) for name, ids in assignments.items()}
    most = max(held.values(), default=0)
    best = [name for name, count in held.items() if count == most > 0]
    return best[0] if len(best) == 1 else None


def _exercise_by_name(name: str, assignments: dict[str, set[str]]) -> str | None:
    """Find an exercise whose name is part of the file's, whatever separates its words."""
    given = re.sub(r"[^a-z0-9]+", "_", name.lower())
    found = [exercise for exercise in assignments if exercise.lower() in given]
    return max(found, key=len, default=None)


def _missing_everything(
    cleaned: Cleaned, exercise: str, assignments: dict[str, set[str]]
) -> str | None:
    if not assignments[exercise] or cleaned.grade_ids & assignments[exercise]:
        return None
    return f"holds no question of {exercise}: ask for the notebook that was handed out"


def _submission(
    student: str,
    newest: _Candidate,
    older: list[_Candidate],
    into: Path,
    assignments: dict[str, set[str]],
) -> Submission:
    file, cleaned = newest.file, newest.cleaned
    notes = [f"{other.file.shown} was handed in too and is not graded" for other in older]
    path = None
    if cleaned and newest.exercise:
        notes += cleaned.notes + _note_questions(cleaned, assignments[newest.exercise])
    if cleaned and not newest.problem:
        path = _write(cleaned, into / student / newest.exercise, newest.exercise)
    if _suffix(file.name) != ".ipynb" and path:
        notes.append(f"the file was called {file.shown}, not .ipynb")
    if len(notes) > MOST_NOTES:
        notes = [*notes[:MOST_NOTES], f"and {len(notes) - MOST_NOTES} more notes"]
    problem = f"{file.shown} {newest.problem}" if newest.problem else None
    return Submission(
        student,
        newest.exercise,
        path,
        file.received,
        file.owner.late,
        notes,
        problem,
        replace(file.origin, digest=newest.digest),
        _contested(newest, older),
    )


def _contested(newest: _Candidate, older: list[_Candidate]) -> str | None:
    """Name the files of which nothing tells whether they are older."""
    unclear = [
        other.file.shown
        for other in older
        if other.digest != newest.digest and not newest.file.is_surely_newer(other.file)
    ]
    if newest.problem or not unclear:
        return None
    return (
        f"nothing shows whether {newest.file.shown}, which was graded, is newer than "
        f"{', '.join(unclear[:5])}"
    )


def _note_questions(cleaned: Cleaned, expected: set[str]) -> list[str]:
    """Note missing cells and cells that are not part of the exercise; unmark the latter."""
    missing = sorted(expected - cleaned.grade_ids)
    foreign = sorted(cleaned.grade_ids - expected)
    for cell in cleaned.notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") in foreign:
            del cell.metadata["nbgrader"]
    notes = []
    if missing:
        notes.append(f"cells were deleted or renamed: {', '.join(missing)}")
    if foreign:
        notes.append(f"cells that are not part of the exercise: {shown(', '.join(foreign))}")
    return notes


def _write(cleaned: Cleaned, folder: Path, exercise: str) -> Path:
    """Write the notebook atomically."""
    cleaned.notebook.metadata["course"] = {"exercise": exercise}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{exercise}.ipynb"
    temporary = folder / f".{exercise}.ipynb.part"
    temporary.write_text(nbformat.writes(cleaned.notebook) + "\n", encoding="utf-8")
    temporary.replace(path)
    return path
