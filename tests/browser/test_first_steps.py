"""The way of a learner, as a whole: from ``make lab`` to the first points of an exercise."""

import shutil

import pytest
from exercises.submissions import solutions, written

from tools.jupyterlab import (
    REPOSITORY,
    TOKEN,
    Notebook,
    free_port,
    lab_options,
    serve,
    settings_without_news,
)


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
