"""Learners get exercises without solutions and hidden tests; the committed ones are fresh."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_admin import cli
from course_admin.grading import release

REPOSITORY = Path(__file__).resolve().parents[3]
CONFIG = REPOSITORY / "instructor" / "nbgrader_config.py"
SOURCE = REPOSITORY / "instructor" / "source"
EXERCISES = REPOSITORY / "notebooks" / "exercises"
NAME = "03_cats"
STUB = 'raise NotImplementedError("Replace this line with your answer.")'


def marks(grade_id, **flags):
    default = {"grade": False, "solution": False, "locked": False, "task": False}
    return {"nbgrader": default | {"grade_id": grade_id, "schema_version": 3} | flags}


def answer(source, **options):
    return new_code_cell(source, metadata=marks("q1", solution=True), **options)


def check(source):
    return new_code_cell(source, metadata=marks("q1_check", grade=True, locked=True, points=2))


SOLVED = "def mean(x):\n    ### BEGIN SOLUTION\n    return sum(x) / len(x)\n    ### END SOLUTION"
TESTED = "check_mean(mean)\n### BEGIN HIDDEN TESTS\nassert mean([1, 5]) == 3\n### END HIDDEN TESTS"


def source_notebook(*more):
    words = marks("words", grade=True, solution=True, points=1)
    cells = [
        new_markdown_cell("Write a function."),
        answer(SOLVED, outputs=[new_output("stream", text="secret output")], execution_count=1),
        check(TESTED),
        new_markdown_cell("Because it is the model answer.", metadata=words),
        *more,
    ]
    return new_notebook(cells=cells)


def text_of(content):
    return "\n".join(cell.source for cell in nbformat.reads(content.decode(), 4).cells)


@pytest.fixture
def course(tmp_path):
    """A course's folder with one exercise; a function that replaces its notebook."""
    folder = tmp_path / "instructor" / "source" / NAME
    folder.mkdir(parents=True)
    (tmp_path / "instructor" / "nbgrader_config.py").write_bytes(CONFIG.read_bytes())

    def write(notebook):
        nbformat.write(notebook, folder / f"{NAME}.ipynb")

    write(source_notebook())
    return tmp_path, write


def run(course, *arguments):
    options = {"--source": "instructor/source", "--into": "exercises", "--zip": "out.zip"}
    paths = [part for option, path in options.items() for part in (option, str(course / path))]
    return cli.main(["release", *paths, *arguments])


def made(notebook):
    config = release.load_config(CONFIG)
    return release.learners_version(notebook, NAME, config)


def test_learners_version_holds_stub_and_check_and_no_secret(course):
    folder, _ = course
    assert run(folder) == 0
    content = (folder / "exercises" / f"{NAME}.ipynb").read_bytes()
    notebook = nbformat.reads(content.decode(), 4)
    nbformat.validate(notebook)
    assert notebook.metadata.course.exercise == NAME
    assert notebook.cells[1].source == f"def mean(x):\n    # YOUR CODE HERE\n    {STUB}"
    assert notebook.cells[1].outputs == []
    assert notebook.cells[2].source == "check_mean(mean)"
    assert notebook.cells[2].metadata.editable is False
    assert notebook.cells[3].source == "YOUR ANSWER HERE"
    assert notebook.cells[2].metadata.nbgrader.checksum
    for secret in (b"sum(x)", b"[1, 5]", b"model answer", b"secret output", b"BEGIN", b"HIDDEN"):
        assert secret not in content


def test_cell_ids_stay():
    source = source_notebook()
    assert [cell.id for cell in made(source).cells] == [cell.id for cell in source.cells]


def test_source_is_left_alone():
    source = source_notebook()
    before = json.dumps(source)
    made(source)
    assert json.dumps(source) == before


def test_same_source_gives_same_bytes(course):
    folder, _ = course
    run(folder)
    paths = [folder / "exercises" / f"{NAME}.ipynb", folder / "out.zip"]
    before = [path.read_bytes() for path in paths]
    run(folder)
    assert [path.read_bytes() for path in paths] == before


def test_zip_holds_the_exercises_and_nothing_else(course):
    folder, _ = course
    run(folder)
    with zipfile.ZipFile(folder / "out.zip") as archive:
        assert archive.namelist() == [f"{NAME}.ipynb"]
        written = (folder / "exercises" / f"{NAME}.ipynb").read_bytes()
        assert archive.read(f"{NAME}.ipynb") == written


@pytest.mark.parametrize("tool", ["nbstripout --verify --keep-id", "ruff format --check"])
def test_learners_version_is_in_style(course, tool):
    folder, _ = course
    run(folder)
    path = folder / "exercises" / f"{NAME}.ipynb"
    command = [sys.executable, "-m", *tool.split(), str(path)]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def test_check_tells_fresh_from_stale(course, capsys):
    folder, write = course
    assert run(folder, "--check") == 1
    assert not (folder / "exercises").exists()
    run(folder)
    assert run(folder, "--check") == 0
    changed = source_notebook(new_markdown_cell("One more thing."))
    write(changed)
    capsys.readouterr()
    assert run(folder, "--check") == 1
    assert f"{NAME}.ipynb does not match its source" in capsys.readouterr().out
    run(folder)
    assert run(folder, "--check") == 0
    (folder / "exercises" / "04_old.ipynb").write_text("{}")
    assert run(folder, "--check") == 1
    assert "no longer has a source" in capsys.readouterr().out


WRONG = {
    "no end": (answer("### BEGIN SOLUTION\nx = 1234"), "BEGIN SOLUTION without END SOLUTION"),
    "no begin": (answer("x = 1234\n### END SOLUTION"), "does not match the marker before it"),
    "nested": (answer("### BEGIN SOLUTION\n### BEGIN SOLUTION\n"), "does not match"),
    "crossed": (answer("### BEGIN SOLUTION\n### END HIDDEN TESTS\n"), "does not match"),
    "lower case": (answer("# begin solution\nx = 1234\n# end solution"), "must read"),
    "underscore": (check("# BEGIN_HIDDEN_TESTS\nx = 1\n# END_HIDDEN_TESTS"), "must read"),
    "no end of tests": (check("### BEGIN HIDDEN TESTS\nx = 1234"), "without END HIDDEN TESTS"),
    "tests in an answer": (
        answer("### BEGIN HIDDEN TESTS\nx = 1234\n### END HIDDEN TESTS"),
        "not marked for grading",
    ),
    "tests in a plain cell": (
        new_code_cell("### BEGIN HIDDEN TESTS\nx = 1234\n### END HIDDEN TESTS"),
        "not marked for grading",
    ),
    "solution in a plain cell": (new_code_cell(SOLVED), "not marked as an answer"),
    "solution in plain text": (
        new_markdown_cell("### BEGIN SOLUTION\nx\n### END SOLUTION"),
        "not marked as an answer",
    ),
    "the same mark twice": (
        new_code_cell("x = 1234", metadata=marks("q1", solution=True)),
        "failed to validate",
    ),
}


@pytest.mark.parametrize(("cell", "message"), WRONG.values(), ids=WRONG)
def test_wrong_source_is_an_error_and_nothing_is_written(course, capsys, cell, message):
    folder, write = course
    write(source_notebook(cell) if message.startswith("failed") else new_notebook(cells=[cell]))
    assert run(folder) == 1
    error = capsys.readouterr().err
    assert message in error
    assert NAME in error
    assert not (folder / "exercises").exists()
    assert not (folder / "out.zip").exists()


def test_cells_without_ids_are_an_error(course, capsys):
    folder, write = course
    notebook = source_notebook()
    for cell in notebook.cells:
        del cell["id"]
    notebook.nbformat_minor = 4
    write(notebook)
    assert run(folder) == 1
    assert "save it in JupyterLab" in capsys.readouterr().err


LEAKS = {
    "solution": "return sum(x) / len(x)",
    "solution as a comment": "# return sum(x) / len(x)",
    "hidden test": "    assert mean([1, 5]) == 3",
    "written answer": "Because it is the model answer.",
    "output": "secret output",
    "marker": "# BEGIN SOLUTION",
}


@pytest.mark.parametrize("line", LEAKS.values(), ids=LEAKS)
@pytest.mark.parametrize("other", [False, True], ids=["same exercise", "other exercise"])
def test_leak_is_found(line, other):
    sources = {NAME: source_notebook(), "other": new_notebook(cells=[new_markdown_cell("Hello.")])}
    leaking = new_notebook(cells=[new_code_cell(f"first = 1\n{line}\n")])
    released = {"other" if other else NAME: nbformat.writes(leaking).encode()}
    with pytest.raises(release.Leak, match="would be handed out"):
        release.assert_nothing_leaks(released, sources, set())


def test_leak_in_metadata_is_found():
    leaking = new_notebook(metadata={"hint": "return sum(x) / len(x)"})
    released = {NAME: nbformat.writes(leaking).encode()}
    with pytest.raises(release.Leak):
        release.assert_nothing_leaks(released, {NAME: source_notebook()}, set())


def test_step_that_is_forgotten_is_found(course, monkeypatch, capsys):
    folder, _ = course
    steps = [step for step in release._steps() if step.__name__ != "ClearHiddenTests"]
    monkeypatch.setattr(release, "_steps", lambda: steps)
    assert run(folder) == 1
    assert "'BEGIN HIDDEN TEST' would be handed out" in capsys.readouterr().err
    assert not (folder / "exercises").exists()


def test_line_that_learners_see_anyway_is_no_leak(course):
    folder, write = course
    seen = "result = mean(numbers)"
    both = f"{seen}\n### BEGIN SOLUTION\n{seen}\n### END SOLUTION"
    write(new_notebook(cells=[new_markdown_cell("Words."), answer(both)]))
    assert run(folder) == 0


def test_folder_without_sources_says_what_to_do(tmp_path, capsys):
    assert run(tmp_path) == 1
    assert "run this in the repository's folder" in capsys.readouterr().err


def test_nbgrader_itself_makes_the_same_cells(course):
    folder, _ = course
    run(folder)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", NAME, "--force"]
    command += [f"--CourseDirectory.db_url=sqlite:///{folder / 'gradebook.db'}"]
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"  # nbgrader calls alembic
    result = subprocess.run(
        command, cwd=folder / "instructor", capture_output=True, text=True, env={"PATH": path}
    )
    assert result.returncode == 0, result.stderr
    theirs = folder / "instructor" / "release" / NAME / f"{NAME}.ipynb"
    ours = folder / "exercises" / f"{NAME}.ipynb"
    cells = [
        [(cell.source.rstrip(), cell.metadata) for cell in nbformat.read(path, 4).cells]
        for path in (theirs, ours)
    ]
    assert cells[0] == cells[1]


def test_committed_exercises_are_fresh():
    released = release.release(release.sources_in(SOURCE), CONFIG)
    assert release.stale(released, EXERCISES) == []
