"""Every lesson as a learner opens it: it runs, shows its widgets, and keeps nobody out."""

import re
import shutil

import pytest
from exercises.submissions import solutions, written

from course_utils import widgets
from tools.jupyterlab import (
    REPOSITORY,
    THEMES,
    TOKEN,
    Notebook,
    barriers,
    free_port,
    lab_options,
    serve,
    settings_without_news,
    use_theme,
    write_settings,
)  # fmt: skip

LESSONS = sorted(path.name for path in (REPOSITORY / "notebooks").glob("*.ipynb"))


@pytest.fixture
def all_cells_drawn(lab):
    """Have JupyterLab draw also the cells that are out of view, so that they can be examined."""
    folder = lab.folder.parent / "settings"
    file = write_settings(folder, "notebook-extension/tracker", {"windowingMode": "none"})
    yield
    file.unlink()


def panels_made(notebook: Notebook) -> int:
    """Count the outputs that are widgets of the course."""
    return notebook.js(
        "return cells.flatMap(cell => cell.model.sharedModel.toJSON().outputs || []).filter("
        "output => (output.data?.['text/html'] || '').toString().includes('as the text below says')"
        ").length"
    )


@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson_runs_shows_its_widgets_and_keeps_nobody_out(lab, page, lesson, all_cells_drawn):
    page.set_default_timeout(60_000)
    notebook = lab.open(page, lesson)
    notebook.run_all()
    assert notebook.errors() == []
    made = panels_made(notebook)
    source = (REPOSITORY / "notebooks" / lesson).read_text(encoding="utf-8")
    assert made == len(re.findall(rf"\b({'|'.join(widgets.__all__)})\(", source))
    page.wait_for_function(f"document.querySelectorAll('.course-panel').length === {made}")
    assert page.get_by_text("Error displaying widget").count() == 0
    for theme in THEMES:
        use_theme(page, theme)
        assert barriers(page, ".jp-OutputArea-output") == [], theme


@pytest.fixture
def course(tmp_path):
    """The server that ``make lab`` starts, in a copy of the notebooks; gives its address."""
    folder = tmp_path / "course"
    shutil.copytree(
        REPOSITORY / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*")
    )
    settings_without_news(tmp_path / "settings")
    port = free_port()
    arguments = " ".join([f"--port={port}", "--no-browser", *lab_options(tmp_path)])
    command = ["make", "lab", f"LAB_FOLDER={folder}", f"LAB_ARGS={arguments}"]
    with serve(command, tmp_path, port, cwd=REPOSITORY):
        yield f"http://127.0.0.1:{port}/?token={TOKEN}"


def follow(page, link: str, title: str) -> Notebook:
    """Click a link in the text and wait for the notebook that it opens."""
    page.locator(".jp-RenderedMarkdown").get_by_role("link", name=link).last.click()
    page.wait_for_function(
        f"jupyterapp.shell.currentWidget?.context?.path?.endsWith('{title}.ipynb')"
    )
    notebook = Notebook(page)
    notebook.wait_for_kernel()
    return notebook


def test_learner_goes_from_the_welcome_to_the_first_points(course, page):
    page.set_default_timeout(60_000)
    page.goto(course)
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    welcome = Notebook(page)
    welcome.wait_for_kernel()
    welcome.run_all()
    assert welcome.errors() == []
    lesson = follow(page, "lesson 1", "01_pretrained_classifier")
    lesson.run_all()
    assert lesson.errors() == []
    exercise = follow(page, "a network as it is", "exercises/01_pretrained_classifier")
    exercise.run_all()
    right = written(solutions("01_pretrained_classifier")["ex01_q1"])
    said = exercise.answer("def classifier_weights", right, "checks.classifier_size")
    assert "Right: 2 of 2 points" in said
