"""Hand-ins as downloaded from a learning platform, sorted by student and exercise.

Recognised are the names of Moodle (``mod/assign/classes/downloader.php``) and Canvas
(``lib/content_zipper.rb``), one folder or zip per student, and nbgrader's own
``submitted/<student>/<exercise>/``. All input is untrusted: no learner's name becomes a path,
nothing is written outside one folder, and what cannot be graded is returned with its problem.
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import nbformat

from course_admin.grading.archives import MEGABYTE, MOST_BYTES, Entry, entries_of, unpack
from course_admin.grading.cleaning import LARGEST_NOTEBOOK, Cleaned, Unreadable, clean

MOODLE = re.compile(
    r"(?P<name>.+?)(?:_(?P<number>\d+))?_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL
)
CANVAS = re.compile(
    r"(?P<name>.+?)_(?P<late>LATE_)?(?P<number>\d+)_"
    r"(?:(?P<attachment>\d+)_(?P<file>.+)|text\.html|link\.html)",
    re.DOTALL,
)
CANVAS_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?(?P<name>anon)_(?P<number>\w+?)_(?P<attachment>\d+)_(?P<file>.+)", re.DOTALL
)
COPY = re.compile(r"(?:-(\d{1,3})| ?\((\d{1,3})\))$")
WRAPPERS = {"submitted", "submissions", "submission"}
RUBBISH = {"__MACOSX", "Thumbs.db", "desktop.ini"}
PERHAPS_NOTEBOOK = {"", ".ipynb", ".json", ".txt"}
MOST_NOTES = 20


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
    late : bool
        Whether the learning platform marked it as late.
    notes : list of str
        What was noticed but does not prevent grading.
    problem : str or None
        Why it cannot be graded, and what to do; it then needs review.
    """

    student: str
    exercise: str | None
    path: Path | None = None
    timestamp: datetime | None = None
    late: bool = False
    notes: list[str] = field(default_factory=list)
    problem: str | None = None


@dataclass(frozen=True)
class _File:
    """A file, and what its name says about its owner."""

    entry: Entry
    student: str
    name: str
    late: bool = False
    attachment: int = 0
    problem: str | None = None

    @property
    def rank(self) -> tuple:
        """Newer files of a student have a higher rank."""
        copy = COPY.search(Path(self.name).stem)
        number = int(copy[1] or copy[2]) if copy else 0
        return (number, self.entry.timestamp or datetime.min, self.attachment, self.name)

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


def collect(source: Path, into: Path, assignments: dict[str, set[str]]) -> list[Submission]:
    """Find out who handed in what, and write a cleaned copy of each notebook.

    If a student handed in several notebooks for an exercise, the newest counts: first by the
    number of the resubmission (``-2``, ``(2)``), then by time of change, then by Canvas's number.

    Parameters
    ----------
    source : Path
        A folder or a zip, as downloaded from the learning platform.
    into : Path
        Where the copies go: ``<student>/<exercise>/<exercise>.ipynb``.
    assignments : dict of set of str
        For each exercise the ``grade_id`` of its cells.

    Returns
    -------
    list of Submission
        At least one for each student, sorted.

    Raises
    ------
    ValueError
        If `source` is neither a folder nor a zip.
    """
    entries = [entry for entry in entries_of(Path(source)) if not _is_rubbish(entry)]
    by_student: dict[str, list[_File]] = defaultdict(list)
    for entry in _without_wrapper(entries, assignments):
        file = _attributed(entry)
        by_student[file.student].extend(_files_within(file))
    return [
        submission
        for student in sorted(by_student)
        for submission in _submissions(student, by_student[student], Path(into), assignments)
    ]


def shown(name: str) -> str:
    """Return a name as one line of limited length."""
    line = "".join(letter if letter.isprintable() else "?" for letter in name)
    return line if len(line) <= 80 else f"{line[:40]}...{line[-30:]}"


def _is_rubbish(entry: Entry) -> bool:
    hidden = any(part.startswith(".") and part != ".." for part in entry.parts)
    return hidden or any(part in RUBBISH for part in entry.parts)


def _without_wrapper(entries: list[Entry], assignments: dict[str, set[str]]) -> list[Entry]:
    """Remove a top folder that holds everything and is not a student's."""
    tops = {entry.parts[0] for entry in entries}
    if len(tops) != 1 or any(len(entry.parts) < 2 for entry in entries):
        return entries
    (top,) = tops
    children = {entry.parts[1] for entry in entries}
    folders = {entry.parts[1] for entry in entries if len(entry.parts) > 2}
    from_platform = any(_platform_match(name) for name in children)
    of_students = len(folders) > 1 and folders == children and not folders & assignments.keys()
    if _platform_match(top) or not (top.lower() in WRAPPERS or from_platform or of_students):
        return entries
    return [replace(entry, parts=entry.parts[1:]) for entry in entries]


def _platform_match(name: str) -> re.Match | None:
    for pattern in (MOODLE, CANVAS_ANONYMOUS, CANVAS):
        match = pattern.fullmatch(name)
        if match:
            return match
    return None


def _attributed(entry: Entry) -> _File:
    """Find out from a file's name and folders whose it is."""
    top = entry.parts[0]
    match = _platform_match(top)
    if match:
        found = match.groupdict()
        student = student_id(found["name"], found["number"])
        name = found["file"] or entry.name if len(entry.parts) == 1 else entry.name
        attachment = int((found.get("attachment") or "0")[:18])
        return _File(entry, student, name, bool(found.get("late")), attachment)
    if len(entry.parts) > 1:
        return _File(entry, student_id(top), entry.name)
    if _is_zip(top):
        return _File(entry, student_id(Path(top).stem), entry.name)
    problem = "names no student: put it into a folder with the student's name and grade again"
    return _File(entry, student_id(Path(top).stem), entry.name, problem=problem)


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def student_id(name: str, number: str | None = None) -> str:
    """Make a unique name that is safe as a file name.

    Parameters
    ----------
    name : str
        As the learning platform writes it.
    number : str, optional
        The learning platform's, which distinguishes students of the same name.

    Returns
    -------
    str
        ASCII letters, digits, ``.``, ``_`` and ``-``, at most 80. If that loses part of the name,
        and there is no number, part of a checksum keeps it unique.

    Examples
    --------
    >>> student_id("Zoë Müller", "123")
    'Zoe-Muller_123'
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_name).strip(".-_")[:50] or "student"
    if number:
        return f"{safe}_{re.sub('[^A-Za-z0-9]', '', number)[:25]}"
    if safe == name:
        return safe
    return f"{safe}_{hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:6]}"


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
    return replace(file, entry=entry, name=entry.name, problem=None)


def _submissions(
    student: str, files: list[_File], into: Path, assignments: dict[str, set[str]]
) -> list[Submission]:
    candidates = _candidates(files, assignments)
    unknown = [candidate for candidate in candidates if candidate.exercise is None]
    by_exercise: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.exercise is not None:
            by_exercise[candidate.exercise].append(candidate)
    chosen = [
        _submission(student, *_newest_first(by_exercise[exercise]), into, assignments)
        for exercise in sorted(by_exercise)
    ]
    chosen += [_submission(student, candidate, [], into, assignments) for candidate in unknown]
    if files and not chosen and all(file.problem for file in files):
        return []  # a list or note of the learning platform, not of a student
    return chosen or [_without_notebook(student, files)]


def _newest_first(candidates: list[_Candidate]) -> tuple[_Candidate, list[_Candidate]]:
    newest, *older = sorted(candidates, key=lambda one: one.file.rank, reverse=True)
    return newest, older


def _without_notebook(student: str, files: list[_File]) -> Submission:
    names = ", ".join(file.shown for file in files[:5]) or "nothing at all"
    late = any(file.late for file in files)
    problem = f"holds no notebook ({names}): ask for the .ipynb file"
    return Submission(student, None, late=late, problem=problem)


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
    try:
        cleaned = clean(_content(file.entry))
    except Unreadable as error:
        return _Candidate(file, by_name, problem=str(error))
    except Exception as error:  # whatever a file does, the others are graded
        problem = f"cannot be read ({type(error).__name__}): ask for the file again"
        return _Candidate(file, by_name, problem=problem)
    exercise = _exercise_of(cleaned, assignments) or by_name
    if exercise is None:
        known = ", ".join(sorted(assignments))
        problem = f"is none of the exercises ({known}): ask which one was meant"
        return _Candidate(file, None, cleaned, problem)
    return _Candidate(
        file, exercise, cleaned, file.problem or _missing_everything(cleaned, exercise, assignments)
    )


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
        student, newest.exercise, path, file.entry.timestamp, file.late, notes, problem
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
