"""In nbgrader's formgrader, nothing that a learner wrote runs, loads or keeps it from marking."""

import re
import sys

import nbformat
import pytest
from grading import small_course
from grading.small_course import EXERCISE
from grading.test_sanitizing import attacks
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell
from nbgrader.server_extensions.formgrader.handlers import template_path
from traitlets.config import Config

from course_admin.grading import formgrader, release
from course_admin.grading import gradebook as books
from course_admin.grading.sanitizing import sanitize_outputs
from course_checks.verdict import Verdict
from tools.jupyterlab import TOKEN, barriers, free_port, serve

STUDENT = "ada"
CARD = Verdict(0.5, 2, "The mean of [1, 5] is <3>.")._repr_mimebundle_()


def graded(*cells):
    """A graded notebook with these cells at its end."""
    notebook = small_course.answered(why="My *words*, and $a^2$.")
    check = next(cell for cell in notebook.cells if cell.get("id") == "double-check")
    check.outputs = [new_output("execute_result", data=CARD)]
    notebook.cells += [new_code_cell(f'checks.hand_in("{EXERCISE}")'), *cells]
    return notebook


@pytest.fixture
def exporter(tmp_path):
    """The exporter of the formgrader, which makes its pages."""
    config = Config()
    formgrader.configure(config)
    config.CourseDirectory.source_directory = str(small_course.make_instructor(tmp_path) / "source")
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [template_path]
    return HTMLExporter(config=config)


def page_of(exporter, notebook, **resources):
    names = {"assignment_id": EXERCISE, "notebook_id": EXERCISE, "student": STUDENT}
    numbers = {"submission_id": "1", "index": 0, "total": 1, "base_url": "", "notebook_path": ""}
    given = {**names, **numbers, "first_name": None, "last_name": None, **resources}
    return exporter.from_notebook_node(notebook, resources=given)[0]


def test_page_shows_answers_cards_and_model_answers(exporter):
    page = page_of(exporter, graded())
    assert "<em>words</em>, and $a^2$" in page
    assert "<strong>Partly right: 1 of 2 points</strong>" in page
    assert "border-left:6px solid" in page
    assert "The mean of [1, 5] is &lt;3&gt;." in page
    assert re.search(r'"model-answer"><strong>Model answer</strong>\s*<p>A model answer', page)
    assert page.index("A model answer") < page.index("My <em>words")
    assert "hand_in" not in page


def test_exercise_without_source_is_shown_without_model_answers(exporter):
    page = page_of(exporter, graded(), assignment_id="another")
    assert "My <em>words</em>" in page
    assert "Model answer" not in page


def test_only_scripts_of_nbgrader_have_the_number_that_lets_them_run(exporter):
    page = page_of(exporter, graded(new_markdown_cell("<script>1</script>", id="x")))
    nonce = re.search(r"script-src 'nonce-([\w-]{20,})';", page)[1]
    assert page.count("<script") == page.count(f'<script nonce="{nonce}"') > 10
    assert "onclick" not in page
    assert f"nonce-{nonce}" not in page_of(exporter, graded())
    assert "cdn" not in page.lower()


def test_link_that_runs_a_script_is_one_only_in_nbgraders_own_page(exporter):
    notebook = graded(new_markdown_cell("[click](javascript:run())", id="x"))
    own = HTMLExporter(template_name="formgrade", extra_template_basedirs=[template_path])
    assert 'href="javascript:' in page_of(own, notebook)
    assert "javascript:" not in page_of(exporter, notebook)


def test_names_are_text(exporter):
    page = page_of(
        exporter, graded(), first_name="<b>Ada</b>", last_name='"><script>', student="<i>"
    )
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    assert "<b>Ada" not in page
    assert '"><script>' not in page


def test_learner_cannot_take_the_place_of_the_boxes_for_points(exporter):
    forged = '<p id="why" name="why" class="score tabbable nbgrader_cell highlight">forged</p>'
    page = page_of(exporter, graded(new_markdown_cell(forged, id="forged")))
    assert page.count('id="why"') == 1
    assert '<p class="highlight">forged</p>' in page


def test_metadata_of_a_learner_make_no_model_answer(exporter):
    forged = new_markdown_cell("forged", metadata={formgrader.MODEL_ANSWER: True})
    assert page_of(exporter, graded(forged)).count('"model-answer"') == 1


def test_raw_cell_is_text(exporter):
    raw = new_raw_cell("<b>raw</b>", metadata={"raw_mimetype": "text/html"})
    assert "&lt;b&gt;raw" in page_of(exporter, graded(raw))


def test_notebook_that_takes_too_long_can_still_be_marked(exporter, monkeypatch):
    monkeypatch.setattr(formgrader, "SECONDS", 1)
    # The time that nbconvert takes grows with the square of the length
    slow = [new_markdown_cell("\\\\[" * 6_000) for _ in range(9)]
    page = page_of(exporter, graded(*slow))
    assert "takes too much to be shown" in page
    assert 'id="why"' in page
    assert "My *words*" in page


def make_graded(folder, notebook):
    """Fill the output folder of a grading with one submission, without running it."""
    instructor = small_course.make_instructor(folder)
    config = release.load_config(instructor / "nbgrader_config.py")
    url = f"sqlite:///{folder / 'graded' / 'gradebook.db'}"
    books.create(url)
    executed = sanitize_outputs(notebook)
    path = folder / "graded" / "autograded" / STUDENT / EXERCISE / f"{EXERCISE}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(executed, path)
    with books.one_transaction(url) as book:
        definition = books.definition_of(small_course.source(), EXERCISE, config)
        books.define(book, EXERCISE, definition)
        books.save(book, STUDENT, EXERCISE, books.GradingRecord("1"), executed)
        (submission,) = book.find_submission(EXERCISE, STUDENT).notebooks
        return url, submission.id


@pytest.fixture(scope="module")
def submission(tmp_path_factory):
    """The address of a hostile submission in a running formgrader, and the gradebook's URL."""
    home = tmp_path_factory.mktemp("marking")
    url, number = make_graded(home, graded(*attacks().values()))
    port = free_port()
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}"]
    command += [f"--ServerApp.root_dir={home / 'graded'}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_GRADED", str(home / "graded"))
        with serve(command, home, port, cwd=home / "instructor"):
            yield f"http://127.0.0.1:{port}", number, url


@pytest.fixture
def page(submission, browser):
    """The page of the submission, as an instructor sees it."""
    server, number, _ = submission
    page = browser.new_page()
    page.asked_for = []
    page.on("request", lambda request: page.asked_for.append(request.url))
    page.on("pageerror", lambda error: page.asked_for.append(str(error)))
    page.goto(f"{server}/login?next=%2Fapi%2Fstatus&token={TOKEN}")
    page.goto(f"{server}/formgrader/submissions/{number}/", wait_until="networkidle")
    yield page
    page.close()


def test_no_click_runs_anything_and_nothing_comes_from_another_host(page, submission):
    before = page.url.partition("?")[0]
    for link in page.locator("main a[href]").all():
        if not link.get_attribute("href").startswith("http"):
            link.dispatch_event("click")
    page.wait_for_timeout(200)
    assert page.url.partition("?")[0] == before
    assert page.evaluate("window.ran") is None
    assert page.title() == EXERCISE
    assert {one for one in page.asked_for if not one.startswith((submission[0], "data:"))} == set()


def test_points_and_comments_are_saved(page, submission):
    for box, text in {"input#why": "0.5", "textarea#why-comment": "Which *words*?"}.items():
        with page.expect_response(lambda answer: answer.request.method == "PUT"):
            page.locator(box).fill(text)
            page.locator(box).press("Escape")
    with books.one_transaction(submission[2]) as book:
        assert book.find_grade("why", EXERCISE, EXERCISE, STUDENT).manual_score == 0.5
        comment = book.find_comment("why", EXERCISE, EXERCISE, STUDENT)
        assert comment.manual_comment == "Which *words*?"


def test_name_is_shown_on_request(page):
    assert not page.locator("a.name-shown").is_visible()
    page.locator(".glyphicon.name-hidden").click()
    assert page.locator("a.name-shown").inner_text().strip() == STUDENT


def test_page_keeps_nobody_out(page):
    assert barriers(page, "nav, .panel-heading, .panel-footer, .model-answer") == []
