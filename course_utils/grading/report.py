"""What comes out of grading: a page for each learner, a table of points, a summary per question.

A feedback page holds what a learner wrote and what the learner's code put out. Nobody trusts
that: everything passes a list of what is allowed, and the page forbids its reader's browser to
run scripts and to load anything.
"""

import base64
import binascii
import csv
import html
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import bleach
import nbgrader
from bleach.css_sanitizer import CSSSanitizer
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode, from_dict
from nbgrader.preprocessors import GetGrades
from traitlets.config import Config

GRADED = "graded"
NEEDS_REVIEW = "needs review"
BY_HAND = "to be marked by hand"
NOT_YET = "not yet"

LONGEST_TEXT = 20_000
LARGEST_PICTURE = 3_000_000
MOST_OUTPUTS = 50
"""Of one cell."""
ALL_OUTPUTS = 20_000_000
"""How many characters all outputs of a page may have."""
ALL_SOURCES = 500_000
MOST_TAGS = 2_000
"""Of one text; cleaning takes the square of how deeply they are nested."""
ALL_MARKUP = 50_000
"""How many characters of a page may need escaping or cleaning."""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
PICTURES = {"image/png", "image/jpeg", "image/svg+xml"}
TEXTS = {"text/plain", "text/latex"}
MARKUP = {"text/html", "text/markdown"}
TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "hr", "br", "blockquote", "pre"),
    *("ul", "ol", "li", "dl", "dt", "dd", "details", "summary", "a", "img"),
    *("table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("span", "code", "em", "strong", "b", "i", "u", "s", "q", "sub", "sup", "small", "mark"),
    *("abbr", "del", "ins", "kbd", "samp", "var", "tt"),
}
ATTRIBUTES = {
    *("alt", "class", "id", "lang", "name", "open", "style", "title"),
    *("colspan", "rowspan", "scope", "width", "height"),
}
STYLES = [
    *("background-color", "border", "border-collapse", "color", "max-width", "width"),
    *("font-family", "font-style", "font-weight", "text-align", "text-decoration"),
    *("vertical-align", "white-space"),
]
SAFE_PICTURE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
SAFE_LINK = re.compile(r"(#|https?://|mailto:)", re.IGNORECASE)
WITH_CONTENT = re.compile(r"<(script|style|template|noscript)\b.*?(</\1\s*>|\Z)", re.DOTALL | re.I)
ANSI = re.compile(r"\x1b\[[0-9;]*m")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class QuestionResult:
    """What one question got.

    Attributes
    ----------
    question : str
        The ``grade_id`` of its check or of its written answer.
    points : float or None
        None while nobody knows: it was not checked, or waits to be marked by hand.
    max_points : float
    message : str
        What the check said to the learner.
    misconception : str or None
        The name of the mistake that the check saw.
    reason : str
        Why there are no points yet, for the instructor.
    """

    question: str
    points: float | None
    max_points: float
    message: str = ""
    misconception: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class SubmissionResult:
    """What one student got for one exercise.

    Attributes
    ----------
    student, exercise : str
    status : str
        `GRADED`, `NEEDS_REVIEW` or `BY_HAND`.
    questions : list of QuestionResult
    reasons : list of str
        Why it needs review, and what was noticed.
    late : bool
    sandboxed : bool
        Whether the learner's code ran in the sandbox.
    """

    student: str
    exercise: str
    status: str
    questions: list[QuestionResult] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    late: bool = False
    sandboxed: bool = True

    @property
    def points_so_far(self) -> float:
        """The points of all questions that have some."""
        return sum(question.points or 0 for question in self.questions)

    @property
    def points(self) -> float | None:
        """All points, or None while there is something to review or to mark."""
        complete = all(question.points is not None for question in self.questions)
        return self.points_so_far if self.status == GRADED and complete else None

    @property
    def max_points(self) -> float:
        """What can be reached."""
        return sum(question.max_points for question in self.questions)


def write_csv(results: Iterable[SubmissionResult], path: Path) -> None:
    """Write a table for a spreadsheet: a row for each student and exercise.

    Points that nobody knows yet are empty cells, never 0. What a spreadsheet would take for a
    formula gets an apostrophe in front.

    Parameters
    ----------
    results : iterable of SubmissionResult
    path : Path
        In UTF-8 with a byte order mark, by which Excel knows it.
    """
    results = sorted(results, key=lambda result: (result.exercise, result.student))
    questions = list(dict.fromkeys(_column(r, q) for r in results for q in r.questions))
    rows = [_row(result) for result in results]
    names = list(_row(SubmissionResult("", "", GRADED))) + questions
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow([_neutral(name) for name in names])
        writer.writerows([_neutral(row.get(name)) for name in names] for row in rows)


def _column(result: SubmissionResult, question: QuestionResult) -> str:
    return f"{result.exercise}: {question.question}"


def _row(result: SubmissionResult) -> dict:
    return {
        "student": result.student,
        "exercise": result.exercise,
        "status": result.status,
        "points": result.points,
        "points_so_far": result.points_so_far,
        "max_points": result.max_points,
        "late": "yes" if result.late else "no",
        "sandboxed": "yes" if result.sandboxed else "no",
        "reasons": "; ".join(_all_reasons(result)),
        **{_column(result, question): question.points for question in result.questions},
    }


def _all_reasons(result: SubmissionResult) -> list[str]:
    of_questions = [f"{q.question}: {q.reason}" for q in result.questions if q.reason]
    return [*result.reasons, *of_questions]


def _neutral(value) -> str | float:
    """Return what goes into a cell; a text that starts like a formula cannot be one."""
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    return f"'{value}" if value.startswith(FORMULA) else value


@dataclass(frozen=True)
class QuestionSummary:
    """How a question went, over all students.

    Attributes
    ----------
    exercise, question : str
    graded : int
        How many have points for it.
    passed : int
        How many have all points.
    mean_share : float or None
        Mean of points by points to be had; None where nobody has any.
    misconceptions : list of tuple
        Names of mistakes and how often each was seen, the most frequent first.
    waiting : int
        How many have no points yet.
    """

    exercise: str
    question: str
    graded: int
    passed: int
    mean_share: float | None
    misconceptions: list[tuple[str, int]]
    waiting: int


def summarise(results: Iterable[SubmissionResult]) -> list[QuestionSummary]:
    """Count for each question who passed it and which misconceptions were seen."""
    found: dict[tuple[str, str], list[QuestionResult]] = {}
    for result in sorted(results, key=lambda result: result.exercise):
        for question in result.questions:
            found.setdefault((result.exercise, question.question), []).append(question)
    return [_summary(*names, questions) for names, questions in found.items()]


def _summary(exercise: str, name: str, questions: list[QuestionResult]) -> QuestionSummary:
    graded = [question for question in questions if question.points is not None]
    shares = [question.points / question.max_points for question in graded if question.max_points]
    seen = Counter(question.misconception for question in questions if question.misconception)
    return QuestionSummary(
        exercise,
        name,
        graded=len(graded),
        passed=sum(question.points >= question.max_points for question in graded),
        mean_share=sum(shares) / len(shares) if shares else None,
        misconceptions=sorted(seen.items(), key=lambda pair: (-pair[1], pair[0])),
        waiting=len(questions) - len(graded),
    )


SUMMARY_HEAD = ["exercise", "question", "graded", "all points", "mean", "waiting", "misconceptions"]


def _summary_cells(summary: QuestionSummary) -> list[str]:
    mean = "" if summary.mean_share is None else f"{summary.mean_share:.0%}"
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
    """Write the summary as a web page that needs nothing else.

    Parameters
    ----------
    results : iterable of SubmissionResult
    path : Path
    """
    results = list(results)
    states = Counter(result.status for result in results)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    review = [
        [result.student, result.exercise, result.status, "; ".join(_all_reasons(result))]
        for result in results
        if result.status != GRADED
    ]
    body = f"<h1>Summary</h1><p>{len(results)} submissions: {_escaped(counts)}.</p>"
    body += "<h2>Questions</h2>" + _table(SUMMARY_HEAD, map(_summary_cells, summarise(results)))
    if review:
        body += "<h2>Waiting for you</h2>"
        body += _table(["student", "exercise", "status", "reasons"], review)
    path.write_text(_page("Summary of the grading", body), encoding="utf-8")


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    titles = "".join(f'<th scope="col">{_escaped(name)}</th>' for name in head)
    lines = ("".join(f"<td>{_escaped(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _escaped(text: str) -> str:
    return html.escape(str(text))


def feedback_page(notebook: NotebookNode, result: SubmissionResult, database_url: str) -> str:
    """Make the page that a learner gets back.

    Parameters
    ----------
    notebook : NotebookNode
        As graded: the learner's answers and outputs, nbgrader's cells.
    result : SubmissionResult
        What the grader found.
    database_url : str
        Of nbgrader's gradebook, which knows points and comments.

    Returns
    -------
    str
        HTML that needs no other file and no network. Hidden tests are not in it.
    """
    notebook = _limited(_without_hidden_tests(from_dict(json.loads(json.dumps(notebook)))))
    names = {"notebook": result.exercise, "assignment": result.exercise, "student": result.student}
    resources = {"nbgrader": {**names, "db_url": database_url}}
    notebook, resources = GetGrades().preprocess(notebook, resources)
    _mark_open_questions(notebook, resources, result)
    body, styles = _exported(notebook, resources)
    return _page(
        f"{result.exercise}: feedback", _findings(result) + sanitised(body), "\n".join(styles)
    )


def harmless(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose outputs cannot run anything where nbgrader's formgrader shows them.

    Parameters
    ----------
    notebook : NotebookNode
        As executed.

    Returns
    -------
    NotebookNode
        With outputs rebuilt from what is known to be harmless, in bearable amounts.
    """
    return _limited(from_dict(json.loads(json.dumps(notebook))))


def sanitised(markup: str) -> str:
    """Return HTML with nothing in it that could run, load, submit or cover the page."""
    cleaner = bleach.Cleaner(
        tags=TAGS,
        attributes=_is_safe_attribute,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
    )
    # the text of scripts and styles would be left to be read; this is for beauty, not safety
    return cleaner.clean(WITH_CONTENT.sub("", markup))


def _is_safe_attribute(tag: str, name: str, value: str) -> bool:
    if (tag, name) == ("img", "src"):
        return SAFE_PICTURE.fullmatch(value) is not None
    if (tag, name) == ("a", "href"):
        return SAFE_LINK.match(value) is not None
    return name in ATTRIBUTES


def _without_hidden_tests(notebook: NotebookNode) -> NotebookNode:
    secret: set[str] = set()
    for cell in notebook.cells:
        cell.source, hidden = _split_hidden_tests(cell.source)
        secret |= {line for line in map(str.strip, hidden) if len(line) > 5}
    for cell in notebook.cells:
        if secret and cell.cell_type == "code":
            cell.outputs = [_unless_secret(output, secret) for output in cell.outputs]
    return notebook


def _split_hidden_tests(source: str) -> tuple[str, list[str]]:
    """Return a cell's text without hidden tests, and their lines."""
    shown, hidden = [], []
    inside = False
    for line in source.splitlines():
        inside = inside or "BEGIN HIDDEN TESTS" in line
        (hidden if inside else shown).append(line)
        inside = inside and "END HIDDEN TESTS" not in line
    return "\n".join(shown).rstrip(), hidden


def _unless_secret(output: NotebookNode, secret: set[str]) -> NotebookNode:
    """Replace an output that quotes a hidden test, as a traceback does."""
    text = ANSI.sub("", "\n".join(_texts_of(output)))
    if any(line in text or html.escape(line) in text for line in secret):
        return _note("This output is left out: it quotes a test.")
    return output


def _texts_of(output: NotebookNode) -> list[str]:
    traceback = [_joined(line) for line in output.get("traceback", [])]
    data = [_joined(value) for value in output.get("data", {}).values()]
    return [_joined(output.get("text", "")), _joined(output.get("evalue", "")), *traceback, *data]


def _joined(value) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _note(text: str) -> NotebookNode:
    return from_dict({"output_type": "stream", "name": "stdout", "text": f"[{text}]\n"})


def _limited(notebook: NotebookNode) -> NotebookNode:
    """Keep only what the page can show, in bearable amounts."""
    notebook.metadata = from_dict({"language_info": {"name": "python"}})
    budget = _Budget()
    for cell in notebook.cells:
        cell.pop("attachments", None)
        # nbconvert stops at a picture that is attached to nothing
        source = cell.source.replace("attachment:", "attachment ")
        cell.source = budget.source(_shortened(source), cell.cell_type)
        cell.metadata = from_dict({k: v for k, v in cell.metadata.items() if k == "nbgrader"})
        if cell.cell_type == "code":
            # What is too much must not be cleaned either: that takes longest
            outputs = [
                _safe_output(budget.output(output)) for output in cell.outputs[:MOST_OUTPUTS]
            ]
            if len(cell.outputs) > MOST_OUTPUTS:
                more = len(cell.outputs) - MOST_OUTPUTS
                outputs.append(_note(f"{more} more outputs are left out."))
            cell.outputs = outputs
    return notebook


class _Budget:
    """What a page may still hold, so that no notebook keeps the grader busy for minutes."""

    def __init__(self):
        self.characters, self.markup = ALL_OUTPUTS, ALL_MARKUP
        self.sources, self.tags = ALL_SOURCES, 2 * MOST_TAGS

    def source(self, text: str, cell_type: str) -> str:
        """Return a cell's text, or a note that it is left out."""
        self.sources -= len(text)
        self.tags -= sum(map(text.count, "<[")) if cell_type == "markdown" else 0
        return text if min(self.sources, self.tags) > 0 else "[This cell is left out: too much.]"

    def output(self, output: NotebookNode) -> NotebookNode:
        """Return an output, or a note that it is left out."""
        text = "".join(_texts_of(output))
        self.characters -= len(text)
        self.markup -= sum(map(text.count, "<&=\x1b"))
        within = min(self.characters, self.markup) > 0
        return output if within else _note("This output is left out: too much.")


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}\n[{len(text) - LONGEST_TEXT} more characters are left out]"


def _safe_output(output: NotebookNode) -> NotebookNode:
    """Rebuild an output from what is known to be harmless; the page cleans it once more."""
    kind = output.get("output_type")
    if kind == "stream":
        text = _shortened(_joined(output.get("text", "")))
        return from_dict({"output_type": "stream", "name": "stdout", "text": text})
    if kind == "error":
        lines = _shortened("\n".join(_joined(line) for line in output.get("traceback", [])))
        error = {"ename": "", "evalue": "", "traceback": lines.split("\n")}
        return from_dict({"output_type": "error", **error})
    data = {kind: _safe_data(kind, _joined(value)) for kind, value in _data(output).items()}
    data = {kind: value for kind, value in data.items() if value}
    if not data:
        return _note("This output cannot be shown here.")
    alternatives = {kind: _alternative(output, kind) for kind in data.keys() & PICTURES}
    shown = {"output_type": "display_data", "data": data, "metadata": alternatives}
    return from_dict(shown)


def _data(output: NotebookNode) -> dict:
    data = output.get("data")
    return data if isinstance(data, dict) else {}


def _safe_data(kind: str, value: str) -> str | None:
    if kind in TEXTS:
        return _shortened(value)
    if kind in MARKUP:
        heavy = value.count("<") > MOST_TAGS or max(map(value.count, "=;")) > 5 * MOST_TAGS
        return None if heavy or len(value) > LARGEST_PICTURE else sanitised(value)
    if kind == "image/svg+xml":
        return value if len(value) <= LARGEST_PICTURE else None
    if kind in PICTURES and len(value) <= LARGEST_PICTURE:
        return value if _is_base64(value) else None
    return None


def _is_base64(value: str) -> bool:
    try:
        return bool(base64.b64decode("".join(value.split()), validate=True))
    except (binascii.Error, ValueError):
        return False


def _alternative(output: NotebookNode, kind: str) -> dict:
    """Return the text alternative of a picture; the template trusts all other metadata."""
    metadata = output.get("metadata") or {}
    of_kind = metadata.get(kind)
    alt = of_kind.get("alt") if isinstance(of_kind, dict) else metadata.get("alt")
    return {"alt": alt[:2000] if isinstance(alt, str) else "A figure without a text alternative."}


def _mark_open_questions(notebook: NotebookNode, resources: dict, result: SubmissionResult) -> None:
    """Say "not yet" where nbgrader, which knows only numbers, would say 0."""
    waiting = {question.question for question in result.questions if question.points is None}
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("grade_id") in waiting and "score" in marks:
            marks["score"] = NOT_YET
    if result.points is None:
        resources["nbgrader"]["score"] = f"{_number(result.points_so_far)} so far"


def _exported(notebook: NotebookNode, resources: dict) -> tuple[str, list[str]]:
    """Return the body of nbgrader's feedback page, and the styles of its code."""
    config = Config()
    config.HTMLExporter.template_name = "feedback"
    package = Path(nbgrader.__file__).parent
    folder = package / "server_extensions" / "formgrader" / "templates"
    css = package / "server_extensions/formgrader/static/node_modules/bootstrap/dist/css"
    config.HTMLExporter.extra_template_basedirs = [str(folder)]
    config.HTMLExporter.extra_template_paths = [str(css)]
    exporter = HTMLExporter(config=config)
    # the template makes numbers of all scores; words are to stay words
    exporter.register_filter(
        "float", lambda value: value if _is_words(value) else float(value or 0)
    )
    exporter.register_filter(
        "round", lambda value, *_: value if _is_words(value) else round(value, 2)
    )
    page, resources = exporter.from_notebook_node(notebook, resources)
    body = page.partition("<body>")[2].rpartition("</body>")[0]
    return body, resources.get("inlining", {}).get("css", [])[:1]


def _is_words(value) -> bool:
    return isinstance(value, str)


def _findings(result: SubmissionResult) -> str:
    """Return what the grader found, question by question."""
    so_far = " so far" if result.points is None else ""
    total = f"{_points(result.points_so_far, result.max_points)} points{so_far}"
    lines = [f"<h1>{_escaped(result.exercise)}</h1>"]
    late = ", handed in late" if result.late else ""
    lines.append(f"<p><strong>{_escaped(result.student)}</strong>: {total}{late}.</p>")
    if result.points is None:
        lines.append("<p>Not all of it is graded yet: your teacher looks at the rest.</p>")
    rows = [
        [question.question, _points(question.points, question.max_points), question.message]
        for question in result.questions
    ]
    lines.append(_table(["question", "points", "what the grader says"], rows))
    return f'<section class="findings">{"".join(lines)}</section>'


def _points(points: float | None, most: float) -> str:
    return NOT_YET if points is None else f"{_number(points)} of {_number(most)}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 0 auto;
  padding: 1rem; max-width: 60rem; overflow-wrap: anywhere; }
h1, h2, h3, h4 { line-height: 1.25; }
a { color: #0b57a4; }
table { border-collapse: collapse; margin: 0.5rem 0; }
th:not(:last-child), td:not(:last-child) { overflow-wrap: normal; }
th, td { border: 1px solid #b5b5b5; padding: 0.25rem 0.6rem; text-align: left;
  vertical-align: top; }
th { background: #eef1f4; }
pre { white-space: pre-wrap; font: 14px/1.4 ui-monospace, monospace; margin: 0; padding: 0.5rem; }
img { max-width: 100%; height: auto; }
.cell { margin: 0.75rem 0; }
.prompt, .anchor-link { display: none; }
.input_area { background: #f6f7f8; border: 1px solid #d5d9dd; border-radius: 4px; }
.output_subarea { padding: 0.25rem 0.5rem; border-left: 3px solid #d5d9dd; margin-top: 0.25rem; }
.output_error { border-left-color: #b3261e; }
.nbgrader_cell { border: 2px solid #2f6db0; border-radius: 6px; }
.nbgrader_cell .panel-heading { background: #2f6db0; color: #fff; padding: 0.25rem 0.6rem; }
.nbgrader_cell .panel-heading a { color: #fff; }
.nbgrader_cell .panel-body { padding: 0.4rem 0.6rem; }
.nbgrader_cell .panel-footer { background: #fff6dd; padding: 0.4rem 0.6rem; }
.pull-right { float: right; }
.findings { border-bottom: 2px solid #2f6db0; padding-bottom: 0.75rem; margin-bottom: 1rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  .cell, .output_area, tr { break-inside: avoid; }
  .nbgrader_cell .panel-heading { color: #000; background: #fff; border-bottom: 1px solid #000; }
  .nbgrader_cell .panel-heading a { display: none; }
}
"""


def _page(title: str, body: str, more_style: str = "") -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_escaped(title)}</title>
<style>{more_style}{STYLE}</style>
</head>
<body>
{body}
</body>
</html>
"""
