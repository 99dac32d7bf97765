"""The feedback page of a learner: points, messages and comments, and the notebook as graded.

A learner's text and output are untrusted: only what is on a list of allowed markup gets through,
and the page forbids the browser to run scripts or load anything.
"""

import html
import re
from dataclasses import replace

import nbformat
from nbformat import NotebookNode

from course_admin.grading.limited import OverLimit, call_limited
from course_admin.grading.notebook_cells import is_graded
from course_admin.grading.page import escape, page
from course_admin.grading.rendering import Renderer, learners_part, question_titles
from course_admin.grading.results import QuestionResult, Status, SubmissionResult
from course_admin.grading.sanitizing import limit_outputs, note, texts_of

NOT_YET = "not yet"
"""What the page says instead of points that are not known."""
ANSI = re.compile(r"\x1b\[[0-9;]*m")
SECONDS = 20
"""In which a page is made; usually it takes a twentieth of one."""


def feedback_page(
    result: SubmissionResult,
    definition: NotebookNode | None = None,
    executed: bytes | None = None,
    comments: dict[str, str] | None = None,
) -> str:
    """Make the page that a learner gets back, within limits of time and memory.

    Parameters
    ----------
    result : SubmissionResult
        The points and messages.
    definition : NotebookNode, optional
        The instructor's notebook, with hidden tests; None if the exercise is not known.
    executed : bytes, optional
        The notebook as graded, if there is one.
    comments : dict of str, optional
        A person's, by the cell's ``grade_id``.

    Returns
    -------
    str
        Self-contained HTML, without hidden tests.
    """
    try:
        return call_limited(_page, result, definition, executed, comments or {}, seconds=SECONDS)
    except OverLimit as error:
        shown = f"<p>Your notebook is not shown here: it {error} to be displayed.</p>"
    except Exception:  # whatever is in the notebook, the learner gets a page
        shown = "<p>Your notebook cannot be shown here.</p>"
    return _framed(result, definition, shown)


def _page(
    result: SubmissionResult,
    definition: NotebookNode | None,
    executed: bytes | None,
    comments: dict[str, str],
) -> str:
    if not executed or definition is None:
        return _framed(result, definition, "")
    notebook = nbformat.reads(executed.decode(), as_version=4)
    notebook, secret = _without_hidden_tests(learners_part(notebook, definition))
    notebook = limit_outputs(notebook)
    results = {one.question: _without_secret(one, secret) for one in result.questions}
    renderer = Renderer()
    cells = (_cell(cell, results, comments, renderer) for cell in notebook.cells)
    return _framed(result, definition, f"<h2>Your notebook</h2>{''.join(cells)}")


def _framed(result: SubmissionResult, definition: NotebookNode | None, notebook: str) -> str:
    title, titles = question_titles(definition) if definition else ("Your hand-in", {})
    return page(f"{title}: feedback", _findings(result, title, titles) + notebook)


def _cell(
    cell: NotebookNode,
    results: dict[str, QuestionResult],
    comments: dict[str, str],
    renderer: Renderer,
) -> str:
    name = cell.metadata.get("nbgrader", {}).get("grade_id")
    is_answer = cell.metadata.get("nbgrader", {}).get("solution", False)
    if cell.cell_type == "markdown":
        body = renderer.markdown(cell.source)
    elif cell.cell_type == "code":
        body = f'<div class="source">{renderer.code(cell.source)}</div>'
    else:
        body = f"<pre>{escape(cell.source)}</pre>"
    if is_graded(cell):
        said = _said(results.get(name))
        return f'<section id="{escape(name)}" class="cell">{body}{said}</section>'
    outputs = "".join(map(renderer.output, cell.get("outputs", [])))
    body += f'<div class="outputs">{outputs}</div>' if outputs else ""
    if not is_answer:
        return f'<div class="cell">{body}</div>'
    comment = _comment(comments.get(name), renderer)
    label = '<p class="label">Your answer</p>'
    return f'<section id="{escape(name)}" class="cell answer">{label}{body}{comment}</section>'


def _said(question: QuestionResult | None) -> str:
    """Return what the grader says about a question, without its points."""
    if question is None:
        return ""
    share = question.points / question.max_points if question.points and question.max_points else 0
    if question.points is None:
        kind, words = "waiting", "Not graded yet"
    elif share >= 1:
        kind, words = "right", "Right"
    else:
        kind, words = ("partly", "Partly right") if share else ("missed", "Not right yet")
    message = question.message or question.reason
    return (
        f'<div class="verdict {kind}"><strong>{words}.</strong> '
        f'<span class="message">{escape(message)}</span></div>'
    )


def _comment(text: str | None, renderer: Renderer) -> str:
    if not text:
        return ""
    if text == "No response.":  # nbgrader's own words
        return "<p>You left this as it was handed out.</p>"
    return f'<div class="comment"><strong>Your teacher:</strong> {renderer.markdown(text)}</div>'


def _without_hidden_tests(notebook: NotebookNode) -> tuple[NotebookNode, set[str]]:
    """Return the notebook without hidden tests, and their lines."""
    secret: set[str] = set()
    for cell in notebook.cells:
        cell.source, hidden = _split_hidden_tests(cell.source)
        secret |= {line for line in map(str.strip, hidden) if len(line) > 5}
    for cell in notebook.cells:
        if secret and cell.cell_type == "code":
            cell.outputs = [_unless_secret(output, secret) for output in cell.outputs]
    return notebook, secret


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


def _without_secret(question: QuestionResult, secret: set[str]) -> QuestionResult:
    """Replace a reason that quotes a hidden test."""
    if any(line in question.reason for line in secret):
        return replace(question, reason="The test failed on this answer.")
    return question


def _findings(result: SubmissionResult, title: str, titles: dict[str, str]) -> str:
    """Return the points, question by question, and what there is to say about the file."""
    so_far = " so far" if result.points is None else ""
    total = f"{_points(result.points_so_far, result.max_points)} points{so_far}"
    late = ", handed in late" if result.late else ""
    name = escape(result.origin.name or result.student)
    lines = [f"<h1>{escape(title)}</h1>"]
    problem = _problem(result)
    if problem:
        lines.append(f"<p><strong>{name}</strong>{late}</p>{_ask_again(problem)}")
    else:
        lines.append(f"<p><strong>{name}</strong>: {escape(total)}{late}.</p>")
        if result.points is None:
            lines.append("<p>Not everything is graded yet: your teacher will look at the rest.</p>")
        lines.append(_table(result, titles))
    lines.append(_about_file(result, problem))
    return f'<div class="findings">{"".join(lines)}</div>'


def _problem(result: SubmissionResult) -> str | None:
    """Return why nothing at all could be graded, if that is so."""
    untouched = all(one.points is None and not one.reason for one in result.questions)
    review = result.status == Status.NEEDS_REVIEW and untouched and not result.contested
    return result.reasons[0] if review and result.reasons else None


def _ask_again(problem: str) -> str:
    """Say to the learner what `problem` says to the instructor: what is wrong, and what to do."""
    what, _, remedy = problem.rpartition(": ")
    again = remedy.startswith("ask")
    to_do = (
        "Please hand in your notebook again: the .ipynb file that JupyterLab saves."
        if again
        else "Your teacher will look at it."
    )
    what = what if what and again else problem
    return (
        '<div class="verdict missed" role="note"><strong>Your file could not be graded.</strong> '
        f"<p>{escape(what)}.</p><p>{to_do}</p></div>"
    )


def _about_file(result: SubmissionResult, problem: str | None) -> str:
    notes = [reason for reason in result.reasons if reason != problem]
    if result.origin.file and not problem:
        notes.insert(0, f"{result.origin.file} was graded")
    items = "".join(f"<li>{escape(one)}</li>" for one in notes)
    return f"<h2>About your file</h2><ul>{items}</ul>" if items else ""


def _table(result: SubmissionResult, titles: dict[str, str]) -> str:
    rows = "".join(
        f'<tr><td><a href="#{escape(one.question)}">'
        f"{escape(titles.get(one.question, one.question))}</a></td>"
        f"<td>{_points(one.points, one.max_points)}</td></tr>"
        for one in result.questions
    )
    head = '<thead><tr><th scope="col">Question</th><th scope="col">Points</th></tr></thead>'
    return f"<table>{head}<tbody>{rows}</tbody></table>"


def _points(points: float | None, most: float) -> str:
    return NOT_YET if points is None else f"{_number(points)} of {_number(most)}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
