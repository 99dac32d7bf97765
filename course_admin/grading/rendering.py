"""The cells of a learner's notebook as HTML that is safe to show.

Everything is untrusted: a markdown link runs a script at one click, and an output is a page of its
own. So what is sanitized is the rendered HTML, not its source.
"""

import base64
import re

from nbconvert.filters import ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course_admin.grading.notebook_cells import is_hand_in
from course_admin.grading.page import escape
from course_admin.grading.sanitizing import sanitize_markup

MOST_TAGS = 40_000
"""Of a page; markdown and highlighting write several for a few characters."""
TOO_MUCH = "<p>[Left out: the page would hold too much.]</p>"
HEADING = re.compile(r"^(#+) +(.+?)(?: *\(\d+ points?\))? *$", re.MULTILINE)
PREFERRED = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg"]


class Renderer:
    """Renders the cells of one page, which may hold `MOST_TAGS` altogether."""

    def __init__(self):
        self.tags = MOST_TAGS

    def markdown(self, source: str) -> str:
        """Return a markdown text as HTML; formulas stay as they are written.

        >>> Renderer().markdown("*Click* [here](javascript:run())")
        '<p><em>Click</em> <a rel="noopener noreferrer">here</a></p>\\n'
        """
        renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
        # nbconvert fails on an image whose attachment is missing
        text = source.replace("attachment:", "attachment ")
        return self._limited(sanitize_markup(MarkdownWithMath(renderer).render(text)))

    def code(self, source: str) -> str:
        """Return Python with its syntax highlighted."""
        return self._limited(highlight(source, PythonLexer(), HtmlFormatter()))

    def output(self, output: NotebookNode) -> str:
        """Return an output of `course_admin.grading.sanitizing.limit_outputs`."""
        if output.output_type == "stream":
            return self._terminal(output.text)
        if output.output_type == "error":
            return self._terminal("\n".join(output.traceback))
        kind = next((kind for kind in PREFERRED if kind in output.data), None)
        if kind == "text/html":
            return self._limited(sanitize_markup(output.data[kind]))
        if kind == "text/markdown":
            return self.markdown(output.data[kind])
        if kind is not None:
            return self._limited(_image(output, kind))
        return self._terminal(output.data.get("text/plain") or output.data.get("text/latex", ""))

    def _terminal(self, text: str) -> str:
        return self._limited(f"<pre>{sanitize_markup(ansi2html(text))}</pre>")

    def _limited(self, markup: str) -> str:
        self.tags -= markup.count("<")
        return markup if self.tags > 0 else TOO_MUCH


def _image(output: NotebookNode, kind: str) -> str:
    data = output.data[kind]
    if kind == "image/svg+xml":
        data = base64.b64encode(data.encode()).decode()
    alternative = escape(output.metadata.get(kind, {}).get("alt", ""))
    return sanitize_markup(
        f'<p><img src="data:{kind};base64,{escape(data)}" alt="{alternative}"></p>'
    )


def question_titles(definition: NotebookNode) -> tuple[str, dict[str, str]]:
    """Return an exercise's title, and by ``grade_id`` that of each question with points.

    A question is called what the last heading above it says, or by its ``grade_id`` if there is
    none of its own.
    """
    title, section, titles = "", "", {}
    for cell in definition.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("grade"):
            titles[marks["grade_id"]] = section or marks["grade_id"]
            section = ""
        elif cell.cell_type == "markdown":
            for level, words in HEADING.findall(cell.source):
                section = words if len(level) > 1 else ""
                title = title or words
    return title or "Exercise", titles


def learners_part(notebook: NotebookNode, definition: NotebookNode) -> NotebookNode:
    """Leave out the instructor's words around the questions, and the cell that handed it in."""
    around = {
        cell.source
        for cell in definition.cells
        if cell.cell_type == "markdown" and "nbgrader" not in cell.metadata
    }
    kept = [
        cell
        for cell in notebook.cells
        if "nbgrader" in cell.metadata or not (cell.source in around or is_hand_in(cell))
    ]
    return NotebookNode({**notebook, "cells": kept})
