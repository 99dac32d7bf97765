"""A class as it is: its downloads and tables, built as Moodle and Canvas build them.

What stands here is a second view of the platforms' code (``mod/assign/classes/downloader.php``,
``mod/assign/feedback/offline``, ``mod/assign/feedback/file/importziplib.php``,
``lib/content_zipper.rb``, ``lib/gradebook_exporter.rb``, ``lib/gradebook_importer.rb``), so that
the tests do not ask our own code what is right.
"""

import csv
import io
import re
import zipfile
from dataclasses import dataclass

import nbformat
from grading import small_course
from nbformat import NotebookNode

EXERCISE, OTHER = "91_small", "92_other"
MOODLE_HEADERS = {
    "en": (
        "Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,"
        "Last modified (submission),Last modified (grade),Feedback comments"
    ),
    "de": (
        "ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung,"
        "Bewertung kann geändert werden,Zuletzt geändert (Abgabe),Zuletzt geändert (Bewertung),"
        "Feedback als Kommentar"
    ),
    "ko": (
        "식별자,성명,이메일 주소,상태,성적,최고 성적,성적 변경 가능,최종 수정(제출),"
        "최종 수정(성적),피드백"
    ),
}
PARTICIPANT = {"en": "Participant ", "de": "Teilnehmer/in", "ko": "참가자 "}
YESTERDAY = "Tuesday, 3 March 2026, 2:15 PM"


@dataclass(frozen=True)
class Learner:
    """One person, as both platforms know them."""

    name: str
    sortable: str
    email: str
    number: int
    team: str = ""

    def moodle_number(self, exercise: str) -> int:
        """Another one in each assignment."""
        return self.number + (20_000 if exercise == OTHER else 30_000)


MINJUN = Learner("김민준", "김민준", "minjun@uni.example", 10)
JOSE = Learner("José María Núñez", "Núñez, José María", "jose@uni.example", 11)
MUHAMMAD = Learner("محمد علي", "علي, محمد", "m.ali@uni.example", 12)
LUKASZ = Learner("Łukasz Żółć-Wiśniewski", "Żółć-Wiśniewski, Łukasz", "lz@uni.example", 13)
ANA = Learner("Ana López", "López, Ana", "ana1@uni.example", 14)
OTHER_ANA = Learner("Ana López", "López, Ana", "ana2@uni.example", 15)
ZOE = Learner("Zoë O'Neill", "O'Neill, Zoë", "zoe@uni.example", 16)
EVE = Learner("Eve_17_Smith", "Smith, Eve_17_", "eve@uni.example", 17)
ADA = Learner("Ada Lovelace", "Lovelace, Ada", "ada@uni.example", 18)
NOBODY = Learner("Sleepy Joe", "Joe, Sleepy", "joe@uni.example", 19)
CLASS = (MINJUN, JOSE, MUHAMMAD, LUKASZ, ANA, OTHER_ANA, ZOE, EVE, ADA, NOBODY)


def notebook(exercise: str = EXERCISE, **answers: str) -> bytes:
    """A learner's notebook of an exercise."""
    made: NotebookNode = small_course.answered(**answers)
    made.metadata["course"] = {"exercise": exercise}
    return nbformat.writes(made).encode()


def hand_ins() -> dict[Learner, dict[str, bytes]]:
    """What everybody hands in; the last one sleeps."""
    good, file = notebook(), f"{EXERCISE}.ipynb"
    group = io.BytesIO()
    with zipfile.ZipFile(group, "w") as archive:
        archive.writestr(f"our work/{file}", good)
    return {
        MINJUN: {file: good},
        JOSE: {f"{EXERCISE}-1.ipynb": good, file: notebook(double="def double(v): return v")},
        MUHAMMAD: {"work.zip": group.getvalue()},
        LUKASZ: {f"{EXERCISE}.html": b"<p>printed"},
        ANA: {file: good},
        OTHER_ANA: {file: notebook(double="def double(v): return 3 * v")},
        ZOE: {f"{EXERCISE}.py": b"def double(v): return 2 * v"},
        EVE: {f"{OTHER}.ipynb": notebook(OTHER)},
        ADA: {file: good[:-100]},
    }


def clean_filename(name: str) -> str:
    """Moodle's function of this name."""
    return re.sub(r"\.\.+", "", re.sub(r"[\x00-\x1f&<>\"`|':\\/]+", "", name))


def moodle_zip(exercise: str, files: dict[Learner, dict[str, bytes]]) -> bytes:
    """*Download all submissions*, in folders; teams hand in under their own name and number."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for who, contents in files.items():
            prefix = who.name.replace("_", " ")
            number = who.moodle_number(exercise)
            folder = clean_filename(f"{prefix}_{number}_assignsubmission_file")
            for name, content in contents.items():
                archive.writestr(f"{folder}/{name}", content)
    return file.getvalue()


def canvas_zip(
    files: dict[Learner, dict[str, bytes]], late: tuple = (), attachment: int = 700
) -> bytes:
    """*Download Submissions*."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for who, contents in files.items():
            name = re.sub(r"_(\d+)_", r"\1", who.sortable).lower()
            words = [name, *(["LATE"] if who in late else []), str(who.number)]
            prefix = re.sub(r"[^\w]", "", "_".join(words))
            for own, content in contents.items():
                attachment += 1
                archive.writestr(f"{prefix}_{attachment}_{own}", content)
    return file.getvalue()


def php_csv(rows: list[list[str]], delimiter: str = ",", newline: str = "\n") -> str:
    """PHP's ``fputcsv``, which also quotes what holds a space."""

    def quoted(cell: str) -> str:
        if re.search(rf'[{delimiter}"\s\\]', cell):
            return '"' + cell.replace('"', '""') + '"'
        return cell

    return "".join(delimiter.join(map(quoted, row)) + newline for row in rows)


def worksheet(
    exercise: str = EXERCISE,
    people: tuple[Learner, ...] = CLASS,
    language: str = "en",
    maximum: str = "5.00",
    grades: dict[Learner, str] | None = None,
) -> list[list[str]]:
    """The rows of *Download grading worksheet*."""
    header = MOODLE_HEADERS[language].split(",")
    rows = [header]
    for who in people:
        number = f"{PARTICIPANT[language]}{who.moodle_number(exercise)}"
        status = "No submission" if who is NOBODY else "Submitted for grading - "
        grade = (grades or {}).get(who, "")
        times = ["Yes", "-" if who is NOBODY else YESTERDAY, YESTERDAY if grade else "-"]
        rows.append([number, who.name, who.email, status, grade, maximum, *times, ""])
    if any(who.team for who in people):
        rows[0].insert(4, "Group" if language == "en" else "Gruppe")
        for row, who in zip(rows[1:], people, strict=True):
            row.insert(4, who.team)
    return rows


def moodle_grades(text: str, language: str = "en", delimiter: str = ",") -> dict[str, float]:
    """What Moodle's importer takes from a worksheet: by number, only grades that it accepts."""
    header, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=delimiter)
    names = MOODLE_HEADERS[language].split(",")
    grade, most = header.index(names[4]), header.index(names[5])
    found = {}
    for row in rows:
        number = row[header.index(names[0])][len(PARTICIPANT[language]) :]
        value = row[grade].replace(",", ".")
        if value and 0 <= float(value) <= float(row[most].replace(",", ".")):
            found[number] = float(value)
    return found


def moodle_feedback(archive: bytes, numbers: set[str]) -> dict[str, str]:
    """Which file Moodle's importer gives to whom."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for path in opened.namelist():
            parts = ["", "import", *path.split("/")]
            while parts:
                words = parts.pop(0).split("_", 4)
                if len(words) < 5 or not words[1].isdigit() or words[1] not in numbers:
                    continue
                assert words[2:4] == ["assignfeedback", "file"]
                found[words[1]] = "/".join([words[4], *parts]).lstrip("/")
                break
    return found


def gradebook(
    people: tuple[Learner, ...] = CLASS, maximum: str = "5.00", **cells: str
) -> list[list[str]]:
    """The rows of *Export Entire Gradebook*; cells are grades in the exercise's column by name."""
    columns = [f"{EXERCISE} (501)", "Essay (502)"]
    totals = ["Assignments Current Score", "Final Score"]
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Notes", *columns, *totals]
    read_only = ["(read only)"] * len(totals)
    blank = [""] * 4
    rows = [
        header,
        ["", *blank, "", "Manual Posting", "", *[""] * len(totals)],
        ["    Points Possible", *blank, "", maximum, "10.00", *read_only],
    ]
    for who in people:
        grade = cells.get(who.email.partition("@")[0], "")
        row = [who.sortable, str(who.number), f"sis{who.number}", who.email, "Group 1", "says, hi"]
        rows.append([*row, grade, "9.50", "95.00", "47.50"])
    return rows


def canvas_grades(text: str) -> dict[str, str]:
    """What Canvas's importer takes from the exercise's column, by number."""
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert "Student" in rows[0][0] and "ID" in rows[0][1] and rows[0][4] == "Section"
    column = rows[0].index(f"{EXERCISE} (501)")
    people = [row for row in rows[1:] if row[0] and "Points Possible" not in row[0]]
    return {row[1]: row[column] for row in people if row[column]}
