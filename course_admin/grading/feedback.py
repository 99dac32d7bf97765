"""The feedback page of a learner: the graded notebook with points, messages and comments.

A learner's text and output are untrusted: only what is on a list of allowed markup gets through,
and the page forbids the browser to run scripts or load anything.
"""

import html
import json
import re
from pathlib import Path

import nbgrader
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode, from_dict
from nbgrader.preprocessors import GetGrades
from traitlets.config import Config

from course_admin.grading.page import escape, page, table
from course_admin.grading.results import SubmissionResult
from course_admin.grading.sanitizing import limit_outputs, note, sanitize_markup, texts_of

NOT_YET = "not yet"
"""What the page says instead of points that are not known."""
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def feedback_page(notebook: NotebookNode, result: SubmissionResult, database_url: str) -> str:
    """Make the page that a learner gets back.

    Parameters
    ----------
    notebook : NotebookNode
        As graded: the learner's answers and outputs, nbgrader's cells.
    result : SubmissionResult
        The points and messages.
    database_url : str
        Of nbgrader's gradebook, which holds points and comments.

    Returns
    -------
    str
        Self-contained HTML, without hidden tests.
    """
    notebook = limit_outputs(_without_hidden_tests(from_dict(json.loads(json.dumps(notebook)))))
    names = {"notebook": result.exercise, "assignment": result.exercise, "student": result.student}
    resources = {"nbgrader": {**names, "db_url": database_url}}
    notebook, resources = GetGrades().preprocess(notebook, resources)
    _mark_open_questions(notebook, resources, result)
    body, styles = _exported(notebook, resources)
    return page(
        f"{result.exercise}: feedback", _findings(result) + sanitize_markup(body), "\n".join(styles)
    )


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
    text = ANSI.sub("", "\n".join(texts_of(output)))
    if any(line in text or html.escape(line) in text for line in secret):
        return note("This output is left out: it quotes a test.")
    return output


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
    # The template converts all scores to numbers; words must stay words
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
    """Return a table of points and messages, question by question."""
    so_far = " so far" if result.points is None else ""
    total = f"{_points(result.points_so_far, result.max_points)} points{so_far}"
    lines = [f"<h1>{escape(result.exercise)}</h1>"]
    late = ", handed in late" if result.late else ""
    lines.append(f"<p><strong>{escape(result.student)}</strong>: {total}{late}.</p>")
    if result.points is None:
        lines.append("<p>Not everything is graded yet: your teacher will look at the rest.</p>")
    rows = [
        [question.question, _points(question.points, question.max_points), question.message]
        for question in result.questions
    ]
    lines.append(table(["question", "points", "what the grader says"], rows))
    return f'<section class="findings">{"".join(lines)}</section>'


def _points(points: float | None, most: float) -> str:
    return NOT_YET if points is None else f"{_number(points)} of {_number(most)}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
