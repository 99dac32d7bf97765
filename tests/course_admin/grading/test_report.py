"""Feedback is safe and readable; the tables hold what was found and hide nothing."""

import csv
import html
import os
import re
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook

from course_admin.grading import page, tables
from course_admin.grading.feedback import feedback_page
from course_admin.grading.results import (
    BY_HAND,
    GRADED,
    NEEDS_REVIEW,
    QuestionResult,
    SubmissionResult,
)

NAME, STUDENT = "03_cats", "ada"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def marks(grade_id, **flags):
    default = {"grade": False, "solution": False, "locked": False, "task": False}
    return {"nbgrader": default | {"grade_id": grade_id, "schema_version": 3} | flags}


def graded_notebook(*cells):
    """A notebook whose questions are in the gradebook of `database`, and more cells."""
    checked = marks("q1_check", grade=True, locked=True, points=2)
    written = marks("words", grade=True, solution=True, points=3)
    return new_notebook(
        cells=[
            new_markdown_cell("# Cats\n\n<details><summary>Hint</summary>Think.</details>"),
            new_code_cell("def mean(x):\n    return 1", metadata=marks("q1", solution=True)),
            new_code_cell("check_mean(mean)", metadata=checked),
            new_markdown_cell("My *words*.", metadata=written),
            *cells,
        ]
    )


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('gradebook') / 'gradebook.db'}"
    folder = Path(sys.executable).parent  # nbgrader calls alembic, which lies beside Python
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        _fill(url)
    return url


def _fill(url):
    with Gradebook(url) as gradebook:
        gradebook.add_assignment(NAME)
        gradebook.add_notebook(NAME, NAME)
        gradebook.add_grade_cell("q1_check", NAME, NAME, max_score=2, cell_type="code")
        gradebook.add_grade_cell("words", NAME, NAME, max_score=3, cell_type="markdown")
        for name in ("q1", "words"):
            gradebook.add_solution_cell(name, NAME, NAME)
        gradebook.add_student(STUDENT)
        gradebook.add_submission(NAME, STUDENT)
        grade = gradebook.find_grade("q1_check", NAME, NAME, STUDENT)
        grade.auto_score = 1.5
        gradebook.find_comment("q1", NAME, NAME, STUDENT).manual_comment = "Well *begun*."
        gradebook.db.commit()


def result(status=BY_HAND, words=None, **changed):
    questions = [
        QuestionResult("q1_check", 1.5, 2, "The mean of [1, 5] is <3>.", "sum-for-mean"),
        QuestionResult("words", words, 3, reason="" if words else "a written answer"),
    ]
    return SubmissionResult(STUDENT, NAME, status, questions, **changed)


def page_of(database, *cells, **options):
    return feedback_page(graded_notebook(*cells), result(**options), database)


def shows(kind, value, metadata=None):
    output = new_output("display_data", data={kind: value}, metadata=metadata or {})
    return new_code_cell("show()", outputs=[output])


def prints(text):
    return new_code_cell("print(text)", outputs=[new_output("stream", text=text)])


def test_page_shows_answers_points_comments_and_messages(database):
    page = page_of(database)
    assert "Well <em>begun</em>." in page
    assert "Score: 1.5 / 2.0" in page
    assert "The mean of [1, 5] is &lt;3&gt;." in page
    assert "1.5 of 5 points so far" in page
    assert "<details><summary>Hint</summary>" in page


def test_question_without_points_is_not_shown_as_zero(database):
    page = page_of(database)
    assert "Score: not yet / 3.0" in page
    assert "Score: 0" not in page
    assert "your teacher looks at the rest" in page


def test_page_of_complete_submission_has_a_total(database):
    page = page_of(database, status=GRADED, words=3.0)
    assert "4.5 of 5 points" in page
    assert "your teacher looks at the rest" not in page


def test_page_needs_no_network(database):
    page = page_of(database, shows("image/png", PIXEL))
    assert f'content="{page.POLICY}"' in page
    assert "<script" not in page
    assert "cdn" not in page.lower()
    assert page.count("http") == page.count("http-equiv")


def test_hidden_tests_are_not_in_the_page(database):
    secret = "assert mean([7, 9]) == 8"
    source = f"check()\n### BEGIN HIDDEN TESTS\n{secret}\n### END HIDDEN TESTS\nshown = 1"
    colours = "\x1b[1;31m----> 3\x1b[0m assert\x1b[0m mean([\x1b[32m7\x1b[0m, 9]) == 8"
    error = new_output("error", ename="AssertionError", evalue="", traceback=[colours])
    unclosed = new_code_cell("### BEGIN HIDDEN TESTS\nassert secret_number == 5")
    cells = [new_code_cell(source, outputs=[error]), unclosed, prints(secret)]
    page = page_of(database, *cells)
    assert "[7" not in page
    assert "HIDDEN" not in page
    assert "secret_number" not in page
    assert "it quotes a test" in page
    assert "shown" in page


def test_error_of_the_learner_is_shown(database):
    error = new_output(
        "error", ename="E", evalue="x", traceback=["\x1b[31mZeroDivisionError\x1b[0m"]
    )
    assert "ZeroDivisionError" in page_of(database, new_code_cell("1 / 0", outputs=[error]))


def test_text_alternatives_are_kept(database):
    cells = [
        shows("image/png", PIXEL, {"image/png": {"alt": 'A "cat"'}}),
        shows("text/html", f'<img alt="A dog" src="data:image/png;base64,{PIXEL}">'),
        new_markdown_cell("![A bird](bird.png)"),
    ]
    page = page_of(database, *cells)
    for words in ("A &quot;cat&quot;", "A dog", "A bird"):
        assert f'alt="{words}"' in page or f"alt='{html.unescape(words)}'" in page


def test_notebook_is_left_alone(database):
    notebook = graded_notebook(prints("x"), new_code_cell("### BEGIN HIDDEN TESTS\nx"))
    before = notebook.copy()
    texts = [cell.source for cell in notebook.cells]
    feedback_page(notebook, result(), database)
    assert [cell.source for cell in notebook.cells] == texts
    assert notebook == before


SERVER = "http://127.0.0.1:9/"
SCRIPT = "window.ran = true; document.title = 'ran'"
SVG = (
    f'<svg xmlns="http://www.w3.org/2000/svg" onload="{SCRIPT}"><script>{SCRIPT}</script>'
    f'<image href="{SERVER}svg"/><a href="javascript:{SCRIPT}"><text y="9">x</text></a></svg>'
)
MARKUP = {
    "script": f"<script>{SCRIPT}</script>",
    "script without end": f"<script>{SCRIPT}//",
    "script in a script": f"<scr<script></script>ipt>{SCRIPT}</script>",
    "end of the page": f"</div></div></body></html><script>{SCRIPT}</script><body>",
    "onerror": f'<img src="x" onerror="{SCRIPT}">',
    "onerror at once": f"<img src=data:x onerror={SCRIPT.replace(' ', '')}>",
    "body onload": f'<body onload="{SCRIPT}">',
    "details ontoggle": f'<details open ontoggle="{SCRIPT}">x</details>',
    "focus": f'<input autofocus onfocus="{SCRIPT}">',
    "style event": "<style>@keyframes x{}</style>"
    f"<b style='animation:x' onanimationstart='{SCRIPT}'>",
    "javascript link": f'<a href="javascript:{SCRIPT}">click</a>',
    "hidden javascript link": f'<a href=" java&#09;script:{SCRIPT}">click</a>',
    "data link": f'<a href="data:text/html,<script>{SCRIPT}</script>">click</a>',
    "SVG": SVG,
    "SVG use": f'<svg><use href="data:image/svg+xml,{SVG}"/></svg>',
    "math": f'<math><a xlink:href="javascript:{SCRIPT}">click</a></math>',
    "mutation": f'<math><mtext><table><mglyph><style><img src=x onerror="{SCRIPT}">',
    "noscript": f'<noscript><p title="</noscript><img src=x onerror={SCRIPT}>">',
    "comment": f'<!--><img src=x onerror="{SCRIPT}">-->',
    "iframe": f'<iframe src="{SERVER}frame"></iframe>',
    "iframe with a page": '<iframe srcdoc="<script>parent.ran = true</script>"></iframe>',
    "object": f'<object data="{SERVER}object"></object><embed src="{SERVER}embed">',
    "picture": f'<img src="{SERVER}picture"><picture><source srcset="{SERVER}set"></picture>',
    "video": f'<video src="{SERVER}video" autoplay poster="{SERVER}poster"></video>',
    "refresh": f'<meta http-equiv="refresh" content="0; url={SERVER}refresh">',
    "base": f'<base href="{SERVER}"><img src="x.png">',
    "link": f'<link rel="stylesheet" href="{SERVER}css"><link rel="prefetch" href="{SERVER}pre">',
    "import": f"<style>@import url({SERVER}import);</style>",
    "background": f'<p style="background:url({SERVER}background);cursor:url({SERVER}cursor)">x</p>',
    "background attribute": f'<table background="{SERVER}table"><tr><td>x</td></tr></table>',
    "form": f'<form action="{SERVER}form"><button autofocus>click</button></form><script>'
    "document.forms[0].submit()</script>",
    "ping": f'<a href="#top" ping="{SERVER}ping">click</a>',
}
OUTPUTS = {
    "javascript": shows("application/javascript", SCRIPT),
    "widget": shows("application/vnd.jupyter.widget-view+json", {"model_id": f"</script>{SVG}"}),
    "svg picture": shows("image/svg+xml", SVG),
    "picture that is none": shows("image/png", f'"><script>{SCRIPT}</script>'),
    "width of a picture": shows("image/png", PIXEL, {"image/png": {"width": f"1 onload={SCRIPT}"}}),
    "name of a picture": shows("image/png", PIXEL, {"filenames": {"image/png": f"{SERVER}name"}}),
    "isolated": shows("text/html", "x", {"text/html": {"isolated": True}}),
    "latex": shows("text/latex", f"<script>{SCRIPT}</script>"),
    "stream": prints(f"<script>{SCRIPT}</script>"),
    "plain": shows("text/plain", f"<img src=x onerror='{SCRIPT}'>"),
    "mermaid": shows("text/vnd.mermaid", f"</pre><script>{SCRIPT}</script>"),
    "error": new_code_cell(
        "x",
        outputs=[
            new_output("error", ename="E", evalue="", traceback=[f"<script>{SCRIPT}</script>"])
        ],
    ),
    "code": new_code_cell(f"x = '''</pre></div></body><script>{SCRIPT}</script>'''"),
}


def attacks():
    """Every attack as a cell."""
    cells = dict(OUTPUTS)
    for name, markup in MARKUP.items():
        cells[f"{name} in text"] = new_markdown_cell(f"Words.\n\n{markup}\n\nWords {markup}")
        cells[f"{name} in output"] = shows("text/html", markup)
        cells[f"{name} in markdown output"] = shows("text/markdown", markup)
    return cells


def visit(browser, path):
    """Open a page, click all links, and say what it did that it must not."""
    page = browser.new_page()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.goto(path.as_uri())
    for link in page.locator("a[href]").all():
        address = link.get_attribute("href") or ""
        if not address.startswith("http"):
            link.dispatch_event("click")
    page.wait_for_timeout(200)
    own = path.as_uri()
    left = {url for url in requests if not url.startswith((own, "data:"))}
    problems = [f"requested {url}" for url in sorted(left)]
    problems += (
        ["ran a script"] if page.url.startswith("file") and page.evaluate("window.ran") else []
    )
    problems += ["left the page"] if page.url.partition("#")[0] != own else []
    page.close()
    return problems


def test_no_attack_runs_or_loads_anything(database, browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page_of(database, *attacks().values()), encoding="utf-8")
    assert visit(browser, path) == []


def test_sanitising_alone_holds_without_the_policy(database, browser, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "POLICY", "default-src * 'unsafe-inline' data:")
    path = tmp_path / "page.html"
    path.write_text(page_of(database, *attacks().values()), encoding="utf-8")
    assert visit(browser, path) == []


def test_policy_alone_keeps_scripts_and_requests_out(browser, tmp_path):
    harmless = {"refresh", "form", "javascript link", "data link"}  # navigation is not its business
    body = "".join(markup for name, markup in MARKUP.items() if name not in harmless)
    path = tmp_path / "page.html"
    path.write_text(page.page("x", body), encoding="utf-8")
    assert "ran a script" not in visit(browser, path)


@pytest.mark.parametrize("name", ["script", "onerror", "picture", "iframe", "import", "refresh"])
def test_page_without_protection_is_caught(browser, tmp_path, name):
    path = tmp_path / "page.html"
    path.write_text(f"<!DOCTYPE html><title>x</title>{MARKUP[name]}", encoding="utf-8")
    assert visit(browser, path) != []


HEAVY = {
    "much text": prints("x" * 20_000_000),
    "much to escape": prints("&<" * 500_000),
    "deep": shows("text/html", "<div>" * 500_000),
    "attributes": shows("text/html", "<p " + "a=1 " * 500_000 + ">"),
    "deep text": new_markdown_cell("<div>" * 500_000),
    "many outputs": new_code_cell("x", outputs=[new_output("stream", text="<&" * 9_000)] * 5_000),
    "large picture": shows("image/png", b64encode(bytes(9_000_000)).decode()),
    "long code": new_code_cell("x = 1\n" * 500_000),
}


@pytest.mark.parametrize("cell", HEAVY.values(), ids=HEAVY)
def test_heavy_notebook_gives_a_light_page(database, cell):
    page = page_of(database, *(NotebookNode(cell, id=f"copy-{i}") for i in range(3)))
    assert len(page) < 2_000_000
    assert re.search("left out|cannot be shown", re.sub("<[^>]+>", "", page))


def read_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_table_has_no_points_where_nobody_knows_them(tmp_path):
    review = SubmissionResult("bob", NAME, NEEDS_REVIEW, [], ["is damaged"], late=True)
    complete = result(GRADED, words=3.0)
    tables.write_csv([result(), review], tmp_path / "grades.csv")
    ada, bob = read_csv(tmp_path / "grades.csv")
    assert (ada["points"], ada["points_so_far"], ada["max_points"]) == ("", "1.5", "5")
    assert (ada[f"{NAME}: q1_check"], ada[f"{NAME}: words"]) == ("1.5", "")
    assert ada["reasons"] == "words: a written answer"
    assert (bob["points"], bob["status"], bob["late"]) == ("", NEEDS_REVIEW, "yes")
    assert bob["reasons"] == "is damaged"
    tables.write_csv([complete], tmp_path / "grades.csv")
    assert read_csv(tmp_path / "grades.csv")[0]["points"] == "4.5"


def test_graded_status_does_not_hide_open_questions():
    assert result(GRADED).points is None
    assert result(NEEDS_REVIEW, words=3.0).points is None
    assert result(GRADED, words=0.0).points == 1.5


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_formulas_are_neutralised(tmp_path, start):
    path = tmp_path / "grades.csv"
    questions = [QuestionResult(start, 1.0, 1)]
    evil = SubmissionResult(start, start, GRADED, questions, [start])
    tables.write_csv([evil], path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not any(cell.startswith(tables.FORMULA) for cell in cells)
    assert sum(cell.startswith(f"'{start}") for cell in cells) == 4


def test_table_is_known_as_unicode_by_excel(tmp_path):
    tables.write_csv([SubmissionResult("Zoë", NAME, GRADED)], tmp_path / "grades.csv")
    assert (tmp_path / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert read_csv(tmp_path / "grades.csv")[0]["student"] == "Zoë"


def test_summary_counts_questions_and_misconceptions(tmp_path):
    results = [result(), result(), result(GRADED, words=3.0)]
    first, second = tables.summarise(results)
    assert (first.graded, first.passed, first.mean_share, first.waiting) == (3, 0, 0.75, 0)
    assert first.misconceptions == [("sum-for-mean", 3)]
    assert (second.graded, second.passed, second.mean_share, second.waiting) == (1, 1, 1, 2)
    text = tables.summary_text(results)
    assert "75%" in text
    assert "sum-for-mean (3)" in text
    tables.write_summary(results, tmp_path / "summary.html")
    page = (tmp_path / "summary.html").read_text(encoding="utf-8")
    assert "sum-for-mean (3)" in page
    assert "2 to be marked by hand" in page


def test_summary_escapes_what_learners_wrote(tmp_path):
    evil = SubmissionResult("<script>", NAME, NEEDS_REVIEW, [], ["<img src=x onerror=y>"])
    tables.write_summary([evil], tmp_path / "summary.html")
    page = (tmp_path / "summary.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img" not in page


def test_summary_of_nothing_is_no_error(tmp_path):
    tables.write_summary([], tmp_path / "summary.html")
    assert tables.summary_text([]).startswith("exercise")
