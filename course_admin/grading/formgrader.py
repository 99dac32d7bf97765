"""nbgrader's formgrader, in which a person marks written answers, made safe and complete.

It shows what learners wrote in the browser of the instructor, from the origin of JupyterLab, where
a script could do everything that the instructor can. `configure` makes nbgrader render nothing
itself: all cells arrive as sanitized HTML, and the page allows only its own scripts.
"""

import secrets
from pathlib import Path

import nbformat
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from traitlets.config import Config

from course_admin.grading.limited import OverLimit, call_limited
from course_admin.grading.page import escape
from course_admin.grading.rendering import Renderer, learners_part
from course_admin.grading.sanitizing import limit_outputs, sanitize_markup

TEMPLATE = Path(__file__).with_name("formgrader.html.j2")
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
MODEL_ANSWER = "course_model_answer"
"""In the metadata of a cell that shows what a good answer says."""
SECONDS = 10
"""In which a notebook is prepared; usually it takes a twentieth of one."""


def configure(config: Config) -> None:
    """Let the formgrader show notebooks with `PrepareForMarking` and our template."""
    here = __name__
    config.HTMLExporter.preprocessors = [f"{here}.PrepareForMarking"]
    config.HTMLExporter.filters = {
        "markdown2html": f"{here}.sanitize_markup",
        "highlight_code": f"{here}.already_highlighted",
        "clean_html": f"{here}.sanitize_markup",
    }
    config.HTMLExporter.sanitize_html = True
    config.HTMLExporter.template_file = TEMPLATE.name
    config.HTMLExporter.extra_template_paths = [str(TEMPLATE.parent)]


def already_highlighted(source: str, metadata: dict | None = None) -> str:
    """Return a cell's source, which `PrepareForMarking` has made HTML; a filter of the template."""
    return sanitize_markup(source)


class PrepareForMarking(Preprocessor):
    """Turn all cells into safe HTML, with model answers above written ones."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Return the notebook for the template; never fail on what a learner wrote."""
        source = self._source(resources)
        try:
            nb = call_limited(prepared, nb, source, seconds=SECONDS)
        except OverLimit as error:
            nb = _unformatted(nb, f"takes too much to be shown with its format ({error})")
        # nbgrader's template escapes nothing
        shown = {name: escape(value) for name, value in resources.items() if isinstance(value, str)}
        nonce = secrets.token_urlsafe(16)
        resources.update(shown, nonce=nonce, policy=POLICY.format(nonce=nonce))
        return nb, resources

    def _source(self, resources: dict) -> NotebookNode | None:
        """Return the instructor's notebook with the model answers."""
        folder = self.config.CourseDirectory.get("source_directory")
        name = resources.get("assignment_id")
        path = Path(folder or "", str(name), f"{name}.ipynb")
        return nbformat.read(path, as_version=4) if folder and path.is_file() else None


def prepared(notebook: NotebookNode, source: NotebookNode | None) -> NotebookNode:
    """Return a notebook whose cells hold sanitized HTML, with model answers.

    Parameters
    ----------
    notebook : NotebookNode
        As graded.
    source : NotebookNode or None
        The instructor's, if it is there.
    """
    notebook = limit_outputs(learners_part(notebook, source) if source else notebook)
    answers = _model_answers(source) if source else {}
    renderer = Renderer()
    cells = []
    for cell in notebook.cells:
        answer = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if answer is not None:
            marked = {MODEL_ANSWER: True}
            cells.append(new_markdown_cell(renderer.markdown(answer), metadata=marked))
        cells.append(_with_html(cell, renderer))
    return NotebookNode({**notebook, "cells": cells})


def _model_answers(source: NotebookNode) -> dict[str, str]:
    """Return by ``grade_id`` what the instructor wrote for each written answer."""
    marked = [cell for cell in source.cells if "nbgrader" in cell.metadata]
    return {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in marked
        if cell.cell_type == "markdown" and cell.metadata.nbgrader.get("solution")
    }


def _with_html(cell: NotebookNode, renderer: Renderer) -> NotebookNode:
    if cell.cell_type == "raw":
        return new_markdown_cell(f"<pre>{escape(cell.source)}</pre>", metadata=cell.metadata)
    if cell.cell_type == "markdown":
        cell.source = renderer.markdown(cell.source)
        return cell
    cell.source = renderer.code(cell.source)
    shown = "".join(map(renderer.output, cell.outputs))
    cell.outputs = [new_output("display_data", data={"text/html": shown})] if shown else []
    return cell


def _unformatted(notebook: NotebookNode, reason: str) -> NotebookNode:
    """Return only the cells that can be marked, as plain text."""
    cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    for cell in cells:
        cell.source = f"<pre>{escape(cell.source[:20_000])}</pre>"
        if cell.cell_type == "code":
            cell.outputs = []
    return NotebookNode(
        {**notebook, "cells": [new_markdown_cell(f"<p>This notebook {reason}.</p>"), *cells]}
    )
