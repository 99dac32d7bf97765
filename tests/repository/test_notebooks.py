"""The notebooks keep to the rules, and the rules find what breaks them."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from repository import notebook_rules as rules

REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(
    path
    for path in REPOSITORY.glob("notebooks/**/*.ipynb")
    if path.parent.name not in ("to_hand_in", ".ipynb_checkpoints")
)
RULES = [
    rules.outputs,
    rules.long_cells,
    rules.cells_without_introduction,
    rules.figures_without_reading,
    rules.figures_without_alternative,
    rules.images_without_alternative,
    rules.repeated_ids,
    rules.other_kernel,
]
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def good_notebook():
    cells = [
        new_markdown_cell("Why. ![A cat](cat.png) <img src='dog.png' alt='A dog'>"),
        new_code_cell("\n".join(["%matplotlib inline", *["x = 1"] * 14])),
        new_markdown_cell("Now the figure."),
        new_code_cell('show_figure(plot_history(h), alt=f"Loss falls to {loss:.2f}.")'),
        new_markdown_cell("It falls."),
    ]
    return new_notebook(cells=cells, metadata=KERNEL)


def after_words(*sources):
    """A notebook with words before each code cell, and after the last."""
    cells = [cell for code in sources for cell in (new_markdown_cell("Why."), new_code_cell(code))]
    return new_notebook(cells=[*cells, new_markdown_cell("So.")], metadata=KERNEL)


def test_there_are_notebooks():
    assert NOTEBOOKS, "no notebook in notebooks/: there is no course"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_keeps_rule(path, rule):
    assert rule(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_links_of_notebook_lead_somewhere(path):
    cells = rules.markdown_cells(nbformat.read(path, as_version=4))
    text = "\n\n".join(cell.source for _, cell in cells)
    assert rules.dead_links(text, path.parent, REPOSITORY) == []


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/architecture.md",
        "instructor/README.md",
    ],
)
def test_links_of_document_lead_somewhere(name):
    path = REPOSITORY / name
    text = path.read_text(encoding="utf-8")
    assert rules.dead_links(text, path.parent, REPOSITORY) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_passes_good_notebook(rule):
    assert rule(good_notebook()) == []


def test_outputs_are_found():
    notebook = good_notebook()
    notebook.cells[1].outputs = [new_output("stream", text="1")]
    notebook.cells[3].execution_count = 7
    assert [problem.split(" has ")[0] for problem in rules.outputs(notebook)] == [
        "cell 1",
        "cell 3",
    ]


def test_long_cell_is_found():
    assert "cell 1 has 16 lines" in rules.long_cells(after_words("x = 1\n" * 16))[0]


@pytest.mark.parametrize(
    "before",
    [[], [new_code_cell("x = 1")], [new_markdown_cell("---")]],
    ids=["nothing", "code", "no words"],
)
def test_code_without_words_before_is_found(before):
    notebook = new_notebook(cells=[*before, new_code_cell("y = 2")])
    assert f"cell {len(before)} is code" in rules.cells_without_introduction(notebook)[-1]


def test_figure_without_words_after_is_found():
    notebook = good_notebook()
    del notebook.cells[4]
    assert "cell 3 shows a figure" in rules.figures_without_reading(notebook)[0]


@pytest.mark.parametrize(
    "source",
    [
        "plt.show()",
        "_, ax = plt.subplots()",
        "frame.plot()",
        "plot_confusion_matrix(y, p, names)",
        "show_images(split);",
        "ax.imshow(picture)",
        "show_figure(figure)",
        'show_figure(figure, alt=" ")',
        'show_figure(a, alt="A curve.")\nshow_figure(b, "")',
    ],
)
def test_figure_without_alternative_is_found(source):
    assert len(rules.figures_without_alternative(after_words(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "plt.plot(x)\nshow_figure(plt.gcf(), 'A line.')",
        "show_figure(show_images(split), alt=words)",
        "import matplotlib.pyplot as plt",
        "model.summary()",
    ],
)
def test_figure_with_alternative_passes(source):
    assert rules.figures_without_alternative(after_words(source)) == []


@pytest.mark.parametrize("text", ["![](a.png)", "![ ](a.png)", "<img src='a.png'>"])
def test_image_without_alternative_is_found(text):
    notebook = new_notebook(cells=[new_markdown_cell(text)])
    assert "cell 0 has the picture a.png" in rules.images_without_alternative(notebook)[0]


def test_repeated_id_is_found():
    notebook = good_notebook()
    notebook.cells[1].id = notebook.cells[0].id
    assert rules.repeated_ids(notebook) == [f"2 cells have the id {notebook.cells[0].id}"]


def test_missing_id_is_found():
    notebook = good_notebook()
    del notebook.cells[1]["id"]
    assert rules.repeated_ids(notebook) == ["1 cells have the id None"]


@pytest.mark.parametrize("changed", [{"name": "conda-env-mine-py"}, {"language": "R"}])
def test_other_kernel_is_found(changed):
    notebook = good_notebook()
    notebook.metadata.kernelspec.update(changed)
    assert len(rules.other_kernel(notebook)) == 1


def test_missing_kernel_is_found():
    assert len(rules.other_kernel(new_notebook())) == 1


@pytest.mark.parametrize(
    "link", ["missing.md", "../outside.md", "sub/missing.png", "", "lesson.md/x"]
)
def test_dead_link_is_found(tmp_path, link):
    (tmp_path / "outside.md").touch()
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "lesson.md").touch()
    folder = tmp_path / "repository"
    assert len(rules.dead_links(f"[text]({link})", folder, folder)) == 1
    assert len(rules.dead_links(f"<img src='{link}' alt='words'>", folder, folder)) == 1


@pytest.mark.parametrize(
    "link",
    ["a%20lesson.md", "a%20lesson.md#part", "#part", "https://example.org/x", "../notebooks"],
)
def test_living_link_passes(tmp_path, link):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "a lesson.md").touch()
    assert rules.dead_links(f"[text]({link})", folder, tmp_path) == []


def passes(tool: list[str], *paths: Path) -> bool:
    command = [sys.executable, "-m", *tool, *map(str, paths)]
    # nbstripout without files would wait for one to be typed
    result = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True)
    return result.returncode == 0


NBSTRIPOUT = ["nbstripout", "--verify", "--keep-id"]
RUFF = ["ruff", "check"]
RUFF_FORMAT = ["ruff", "format", "--check"]


@pytest.mark.parametrize("tool", [NBSTRIPOUT, RUFF, RUFF_FORMAT], ids=" ".join)
def test_tool_passes_notebooks(tool):
    assert passes(tool, *NOTEBOOKS)


@pytest.mark.parametrize(
    ("tool", "bad"),
    [
        (NBSTRIPOUT, new_code_cell("x = 1", execution_count=1)),
        (RUFF, new_code_cell("import os")),
        (RUFF_FORMAT, new_code_cell("x=1")),
    ],
    ids=["nbstripout", "ruff check", "ruff format"],
)
def test_tool_tells_good_from_bad(tmp_path, tool, bad):
    for name, cell in {"good": new_code_cell("x = 1"), "bad": bad}.items():
        nbformat.write(new_notebook(cells=[cell], metadata=KERNEL), tmp_path / f"{name}.ipynb")
    assert passes(tool, tmp_path / "good.ipynb")
    assert not passes(tool, tmp_path / "bad.ipynb")
