"""What a class knows: which questions separate, which misconceptions dominate, what to teach again.

From the gradebook come points and the misconceptions of final answers. Learners who chose
``checks.hand_in(..., share_attempts=True)`` also show how they got there.
"""

import base64
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import numpy as np
from matplotlib.figure import Figure

from course_admin.grading import release
from course_admin.grading.notebook_cells import is_graded
from course_admin.grading.page import escape, page, table
from course_admin.grading.results import SubmissionResult
from course_checks import MISCONCEPTIONS
from course_checks.hand_in import checked_function

ENOUGH = 10
"""Learners below which a correlation says nothing."""
SEPARATES = 0.3
"""Correlation with the other points from which on a question is usually said to separate."""
TEACH_AGAIN = 0.2
"""Part of the learners whom a misconception has to meet, at the end or on the way."""


@dataclass(frozen=True)
class Question:
    """What a class did with one question.

    Attributes
    ----------
    exercise, name : str
    shares : list of float
        Points of each learner divided by the highest possible.
    separation : float or None
        Correlation of the points with those of the exercise's other questions; None for fewer
        than `ENOUGH` learners, and where all have the same points.
    at_the_end : Counter
        Misconceptions in the answers that were handed in, by name.
    attempts : list of list of dict
        For each learner who shares them, what the check found each time.
    """

    exercise: str
    name: str
    shares: list[float]
    separation: float | None
    at_the_end: Counter = field(default_factory=Counter)
    attempts: list[list[dict]] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """The mean share of the points."""
        return float(np.mean(self.shares))

    @property
    def met(self) -> dict[str, float]:
        """For each misconception, the largest part of learners it met, final or on the way."""
        on_the_way = Counter(
            name for tried in self.attempts for name in {one["misconception"] for one in tried}
        )
        names = (self.at_the_end | on_the_way).keys() & MISCONCEPTIONS.keys()
        return {
            name: max(
                self.at_the_end[name] / len(self.shares),
                on_the_way[name] / max(len(self.attempts), 1),
            )
            for name in names
        }


def questions_in(
    results: Iterable[SubmissionResult], attempts: dict[tuple[str, str], list[list[dict]]]
) -> list[Question]:
    """Return what the class did with each question that somebody has points for.

    Parameters
    ----------
    results : iterable of SubmissionResult
    attempts : dict
        For exercise and question, the shared attempts of each learner.
    """
    by_exercise: dict[str, list[SubmissionResult]] = {}
    for result in results:
        by_exercise.setdefault(result.exercise, []).append(result)
    return [
        question
        for exercise, found in sorted(by_exercise.items())
        for question in _questions(exercise, found, attempts)
    ]


def _questions(exercise: str, results: list[SubmissionResult], attempts: dict) -> list[Question]:
    names = dict.fromkeys(q.question for result in results for q in result.questions)
    found = []
    for name in names:
        pairs = [
            (one, result.points_so_far - one.points)
            for result in results
            for one in result.questions
            if one.question == name and one.points is not None and one.max_points
        ]
        if not pairs:
            continue
        shares = [one.points / one.max_points for one, _ in pairs]
        seen = Counter(one.misconception for one, _ in pairs if one.misconception)
        separation = _correlation(shares, [rest for _, rest in pairs])
        tried = attempts.get((exercise, name), [])
        found.append(Question(exercise, name, shares, separation, seen, tried))
    return found


def _correlation(shares: list[float], rest: list[float]) -> float | None:
    if len(shares) < ENOUGH or np.std(shares) == 0 or np.std(rest) == 0:
        return None
    return float(np.corrcoef(shares, rest)[0, 1])


def shared_attempts(into: Path, sources: Path) -> dict[tuple[str, str], list[list[dict]]]:
    """Read the attempts that learners chose to share, from the cleaned copies of their files.

    Parameters
    ----------
    into : Path
        The output folder of `course grade`.
    sources : Path
        The folder ``instructor``, which says what function a question asks for.
    """
    found: dict[tuple[str, str], list[list[dict]]] = {}
    for exercise, path in release.sources_in(sources / "source").items():
        questions = _questions_by_function(nbformat.read(path, as_version=4))
        for copy in sorted(into.glob(f"submitted/*/{exercise}/{exercise}.ipynb")):
            shared = nbformat.read(copy, as_version=4).metadata.get("attempts", {})
            for function, tried in shared.items():
                if function in questions and tried:
                    found.setdefault((exercise, questions[function]), []).append(tried)
    return found


def _questions_by_function(definition) -> dict[str, str]:
    return {
        checked_function(cell.source): cell.metadata.nbgrader.grade_id
        for cell in filter(is_graded, definition.cells)
    }


def analytics_page(questions: list[Question]) -> str:
    """Return a page of advice, figures and tables; it names no learner."""
    body = f"<h1>What the class knows</h1>{_advice(questions)}"
    for exercise in dict.fromkeys(question.exercise for question in questions):
        some = [question for question in questions if question.exercise == exercise]
        body += f"<h2>{escape(exercise)}</h2>{_figure(some)}{table(HEAD, map(_row, some))}"
    return page("What the class knows", body + LEGEND)


HEAD = ["question", "learners", "mean", "separates", "attempts", "misconceptions, final answers"]
LEGEND = f"""
<p><strong>Separates</strong>: the correlation of a question's points with the points of the other
questions of the exercise; from about {SEPARATES} on it tells learners apart who know more and who
know less. A negative one is a reason to read the question again. It needs {ENOUGH} learners.
<strong>Attempts</strong>: the median of those who share them, and how many do.</p>
"""


def _row(question: Question) -> list[str]:
    separation = "" if question.separation is None else f"{question.separation:.2f}"
    times = [len(tried) for tried in question.attempts]
    attempts = f"{np.median(times):g} ({len(times)} learners)" if times else ""
    seen = ", ".join(f"{name} ({count})" for name, count in question.at_the_end.most_common())
    counts = [str(len(question.shares)), f"{question.mean:.0%}", separation, attempts]
    return [question.name, *counts, seen]


def _advice(questions: list[Question]) -> str:
    met = [(part, q, name) for q in questions for name, part in q.met.items()]
    again = [
        f"<li><strong>{escape(name)}</strong> ({escape(q.name)}, {part:.0%} of the learners): "
        f"{escape(MISCONCEPTIONS[name])}</li>"
        for part, q, name in sorted(met, key=lambda one: -one[0])
        if part >= TEACH_AGAIN
    ]
    if not again:
        return f"<p>No misconception met {TEACH_AGAIN:.0%} of the learners.</p>"
    return f"<h2>Teach again</h2><ul>{''.join(again)}</ul>"


def _figure(questions: list[Question]) -> str:
    """Draw for each question who has all points, a part, none."""
    names = [question.name for question in questions]
    rows = np.array([_parts(question.shares) for question in questions])
    figure = Figure(figsize=(8, 0.7 + 0.4 * len(names)), layout="constrained")
    ax = figure.subplots()
    left = np.zeros(len(names))
    looks = (("all points", "#0072b2", ""), ("a part", "#e69f00", "//"), ("none", "#d9d9d9", "xx"))
    for (label, colour, hatch), widths in zip(looks, rows.T, strict=True):
        ax.barh(names, widths, left=left, label=label, color=colour, hatch=hatch, edgecolor="white")
        left += widths
    ax.invert_yaxis()
    ax.set(xlim=(0, 1), xlabel="part of the learners")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    words = "; ".join(
        f"{name}: {row[0]:.0%} all points" for name, row in zip(names, rows, strict=True)
    )
    source = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="{escape(words)}" src="data:image/png;base64,{source}">'


def _parts(shares: list[float]) -> list[float]:
    right, none = np.mean(np.array(shares) >= 1), np.mean(np.array(shares) <= 0)
    return [right, 1 - right - none, none]
