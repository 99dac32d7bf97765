"""What the executed lessons show: no errors, every widget, and nothing that keeps people out."""

import re

import pytest
from executed_notebooks import REPOSITORY, read_executed
from nbconvert.exporters import HTMLExporter

from conftest import skip_or_fail
from course_utils import widgets
from tools.jupyterlab import barriers

LESSONS = sorted(path.name for path in (REPOSITORY / "notebooks").glob("*.ipynb"))
# Keras prints its summaries with Rich, in colours that are not ours to choose.
WITHOUT_RICH_COLOURS = """
document.querySelectorAll('pre span[style*="text-decoration-color"]')
    .forEach(span => span.removeAttribute("style"))
"""
WIDGET = "application/vnd.jupyter.widget-view+json"


def executed(lesson: str):
    try:
        return read_executed(REPOSITORY / "notebooks" / lesson)
    except FileNotFoundError as error:
        skip_or_fail(str(error))


def panels_in(notebook) -> int:
    """Count the outputs that are widgets of the course, with the picture for other readers."""
    outputs = [
        output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])
    ]
    return sum(
        WIDGET in data and "as the text below says" in data.get("text/html", "") for data in outputs
    )


@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson_shows_all_its_widgets(lesson):
    source = (REPOSITORY / "notebooks" / lesson).read_text(encoding="utf-8")
    asked_for = re.findall(rf"\b({'|'.join(widgets.__all__)})\(", source)
    assert panels_in(executed(lesson)) == len(asked_for)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lesson", LESSONS)
def test_nothing_in_the_outputs_keeps_people_out(page, tmp_path, lesson, theme):
    html, _ = HTMLExporter(theme=theme).from_notebook_node(executed(lesson))
    path = tmp_path / "lesson.html"
    path.write_text(html, encoding="utf-8")
    page.route(re.compile("^https?:"), lambda route: route.abort())
    page.goto(path.as_uri())
    assert page.locator(".jp-OutputArea-output").count() > 0
    page.evaluate(WITHOUT_RICH_COLOURS)
    assert barriers(page, ".jp-OutputArea-output") == []


def test_figure_without_words_is_found(page):
    page.set_content(
        '<html lang="en"><main class="jp-OutputArea-output"><img src="x"></main></html>'
    )
    assert "alternat" in barriers(page, ".jp-OutputArea-output")[0]
