"""Grades as tables: a CSV file for spreadsheets, a summary for each question."""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course_admin.grading.page import escape, page, table
from course_admin.grading.results import QuestionResult, Status, SubmissionResult
from course_admin.lms.roster import Person, Roster

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_csv(results: Iterable[SubmissionResult], path: Path) -> None:
    """Write a table for a spreadsheet, with a row for each student and exercise.

    Unknown points are empty cells, never 0. Text that a spreadsheet would run as a formula gets
    an apostrophe in front.

    Parameters
    ----------
    results : iterable of SubmissionResult
    path : Path
        Written as UTF-8 with a byte order mark, which Excel needs to recognise it.
    """
    results = sorted(results, key=lambda result: (result.exercise, result.student))
    questions = list(dict.fromkeys(_column(r, q) for r in results for q in r.questions))
    rows = [_row(result) for result in results]
    names = list(_row(SubmissionResult("", "", Status.GRADED))) + questions
    _write(names, rows, path)


def _write(names: list[str], rows: list[dict], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow([_neutral(name) for name in names])
        writer.writerows([_neutral(row.get(name)) for name in names] for row in rows)


def _column(result: SubmissionResult, question: QuestionResult) -> str:
    return f"{result.exercise}: {question.question}"


def _row(result: SubmissionResult) -> dict:
    return {
        "student": result.student,
        "name": result.origin.name,
        "platform": result.origin.platform,
        "number": result.origin.number,
        "exercise": result.exercise,
        "file": result.origin.file,
        "file_time": result.timestamp,
        "status": result.status,
        "points": result.points,
        "points_so_far": result.points_so_far,
        "max_points": result.max_points,
        "late": {True: "yes", False: "no", None: "unknown"}[result.late],
        "sandboxed": "yes" if result.sandboxed else "no",
        "reasons": "; ".join(_all_reasons(result)),
        **{_column(result, question): question.points for question in result.questions},
    }


DECIDE = (
    "look at both files, then grade the other one again, alone: with --on-conflict replace if it "
    "counts, with --on-conflict keep if the grade stays"
)
ONE_ROW_EACH = (
    "Moodle gives a person another number in each assignment, so a person has a row for each "
    "assignment here. To join them, name the grading worksheets with --roster"
)


def write_learners(results: Iterable[SubmissionResult], roster: Roster, path: Path) -> None:
    """Write a table with a row for each person and a column for each exercise.

    A person is who the roster says it is, or else the platform's number.

    Parameters
    ----------
    results : iterable of SubmissionResult
    roster : Roster
    path : Path
    """
    results = list(results)
    exercises = sorted({result.exercise for result in results})
    people: dict[Person, dict[str, list[SubmissionResult]]] = {}
    for result in results:
        person = _person(result, roster)
        people.setdefault(person, {}).setdefault(result.exercise, []).append(result)
    rows = [
        {
            "name": person.name,
            "email": person.email,
            "numbers": " ".join(_numbers(found)),
            **{exercise: _cell(handed_in) for exercise, handed_in in found.items()},
        }
        for person, found in sorted(people.items(), key=lambda pair: (pair[0].name, pair[0].key))
    ]
    _write(["name", "email", "numbers", *exercises], rows, path)


def _person(result: SubmissionResult, roster: Roster) -> Person:
    origin = result.origin
    number = f"{origin.platform} {origin.number}" if origin.number else result.student
    return roster.person(origin.identity) or Person(number, origin.name or result.student)


def _numbers(found: dict[str, list[SubmissionResult]]) -> list[str]:
    results = [result for handed_in in found.values() for result in handed_in]
    return sorted({result.origin.number for result in results if result.origin.number})


def _cell(results: list[SubmissionResult]) -> float | str:
    """Return a person's points for an exercise, or why there are none."""
    if len(results) > 1:
        return f"{Status.NEEDS_REVIEW}: {len(results)} hand-ins"
    (result,) = results
    return result.status if result.points is None else result.points


def _all_reasons(result: SubmissionResult) -> list[str]:
    of_questions = [f"{q.question}: {q.reason}" for q in result.questions if q.reason]
    return [*result.reasons, *of_questions, *([DECIDE] if result.contested else [])]


def _neutral(value) -> str | float:
    """Return the content of a cell; no text in it can be a formula."""
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    return f"'{value}" if value.startswith(FORMULA) else value


@dataclass(frozen=True)
class QuestionSummary:
    """How all students did on a question.

    Attributes
    ----------
    exercise, question : str
    graded : int
        How many have points for it.
    passed : int
        How many have all points.
    mean_fraction : float or None
        Mean of points divided by the highest possible; None if nobody has points yet.
    misconceptions : list of tuple
        Names of mistakes and how often each was recognised, most frequent first.
    waiting : int
        How many have no points yet.
    """

    exercise: str
    question: str
    graded: int
    passed: int
    mean_fraction: float | None
    misconceptions: list[tuple[str, int]]
    waiting: int


def summarise(results: Iterable[SubmissionResult]) -> list[QuestionSummary]:
    """Count for each question how many passed, and which misconceptions were recognised."""
    found: dict[tuple[str, str], list[QuestionResult]] = {}
    for result in sorted(results, key=lambda result: result.exercise):
        for question in result.questions:
            found.setdefault((result.exercise, question.question), []).append(question)
    return [_summary(*names, questions) for names, questions in found.items()]


def _summary(exercise: str, name: str, questions: list[QuestionResult]) -> QuestionSummary:
    graded = [question for question in questions if question.points is not None]
    fractions = [
        question.points / question.max_points for question in graded if question.max_points
    ]
    seen = Counter(question.misconception for question in questions if question.misconception)
    return QuestionSummary(
        exercise,
        name,
        graded=len(graded),
        passed=sum(question.points >= question.max_points for question in graded),
        mean_fraction=sum(fractions) / len(fractions) if fractions else None,
        misconceptions=sorted(seen.items(), key=lambda pair: (-pair[1], pair[0])),
        waiting=len(questions) - len(graded),
    )


SUMMARY_HEAD = ["exercise", "question", "graded", "all points", "mean", "waiting", "misconceptions"]


def _summary_cells(summary: QuestionSummary) -> list[str]:
    mean = "" if summary.mean_fraction is None else f"{summary.mean_fraction:.0%}"
    seen = ", ".join(f"{name} ({count})" for name, count in summary.misconceptions)
    counts = [str(summary.graded), str(summary.passed), mean, str(summary.waiting)]
    return [summary.exercise, summary.question, *counts, seen]


def summary_text(results: Iterable[SubmissionResult]) -> str:
    """Return the summary as a table for the terminal."""
    rows = [SUMMARY_HEAD, *map(_summary_cells, summarise(results))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(SUMMARY_HEAD))]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def write_summary(results: Iterable[SubmissionResult], path: Path) -> None:
    """Write the summary as a self-contained web page.

    Parameters
    ----------
    results : iterable of SubmissionResult
    path : Path
    """
    results = list(results)
    states = Counter(result.status for result in results)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    review = [
        [
            result.student,
            result.origin.name,
            result.exercise,
            result.status,
            "; ".join(_all_reasons(result)),
        ]
        for result in results
        if result.status != Status.GRADED
    ]
    body = f"<h1>Summary</h1><p>{len(results)} submissions: {escape(counts)}.</p>"
    body += "<h2>Questions</h2>" + table(SUMMARY_HEAD, map(_summary_cells, summarise(results)))
    if review:
        body += "<h2>Waiting for you</h2>"
        body += table(["student", "name", "exercise", "status", "reasons"], review)
    path.write_text(page("Summary of the grading", body), encoding="utf-8")
