"""What every notebook of the course must keep to; each rule returns what breaks it."""

import ast
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mistune
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

MOST_LINES = 15


def outputs(notebook: NotebookNode) -> list[str]:
    """Outputs and execution counts do not belong into the repository."""
    return [
        f"cell {i} has outputs or an execution count"
        for i, cell in code_cells(notebook)
        if cell.outputs or cell.execution_count is not None
    ]


def long_cells(notebook: NotebookNode) -> list[str]:
    """A code cell shows one idea."""
    return [
        f"cell {i} has {len(lines)} lines, more than {MOST_LINES}"
        for i, cell in code_cells(notebook)
        if len(lines := cell.source.splitlines()) > MOST_LINES
    ]


def cells_without_introduction(notebook: NotebookNode) -> list[str]:
    """Words come before code."""
    return [
        f"cell {i} is code without a markdown cell before it"
        for i, _ in code_cells(notebook)
        if i == 0 or not has_words(notebook.cells[i - 1])
    ]


def figures_without_reading(notebook: NotebookNode) -> list[str]:
    """Words that read it come after a figure."""
    return [
        f"cell {i} shows a figure without a markdown cell after it"
        for i, cell in code_cells(notebook)
        if draws(cell.source)
        and (i + 1 == len(notebook.cells) or not has_words(notebook.cells[i + 1]))
    ]


def figures_without_alternative(notebook: NotebookNode) -> list[str]:
    """A figure is shown by ``show_figure(figure, alt="...")``, which says what is to be seen."""
    problems = []
    for i, cell in code_cells(notebook):
        shown = [call for call in calls(cell.source) if called_name(call) == "show_figure"]
        if draws(cell.source) and not shown:
            problems.append(f"cell {i} draws a figure and does not hand it to show_figure")
        if not all(has_alternative(call) for call in shown):
            problems.append(f"cell {i} calls show_figure without a text alternative")
    return problems


def images_without_alternative(notebook: NotebookNode) -> list[str]:
    """A picture in the text says what it shows."""
    return [
        f"cell {i} has the picture {image.get('src', '')} without a text alternative"
        for i, cell in markdown_cells(notebook)
        for tag, image in elements(cell.source)
        if tag == "img" and not (image.get("alt") or "").strip()
    ]


def repeated_ids(notebook: NotebookNode) -> list[str]:
    """Each cell has an id of its own."""
    times = Counter(cell.get("id") for cell in notebook.cells)
    return [
        f"{count} cells have the id {cell_id}"
        for cell_id, count in times.items()
        if count > 1 or cell_id is None
    ]


def other_kernel(notebook: NotebookNode) -> list[str]:
    """The kernel is the one that every Jupyter has, and its language is named for ruff.

    Ruff passes over a notebook that does not say that it is in Python.
    """
    kernel = notebook.metadata.get("kernelspec", {})
    found = (kernel.get("name"), kernel.get("language"))
    return [] if found == ("python3", "python") else [f"name, language of the kernel are {found}"]


def dead_links(text: str, folder: Path, repository: Path) -> list[str]:
    """Relative links and pictures in a markdown text in `folder` lead to a file."""
    links = [
        attributes.get("href") or attributes.get("src") or ""
        for tag, attributes in elements(text)
        if tag in ("a", "img")
    ]
    relative = [link for link in links if not (urlsplit(link).scheme or urlsplit(link).netloc)]
    return [
        f"the link {link} leads nowhere" for link in relative if not leads(link, folder, repository)
    ]


def leads(link: str, folder: Path, repository: Path) -> bool:
    """Whether there is a file of the repository where the link leads."""
    path = unquote(urlsplit(link).path)
    if not path:
        return urlsplit(link).fragment != ""  # a heading of the same text
    target = (folder / path).resolve()
    return target.exists() and target.is_relative_to(repository.resolve())


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    return [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def markdown_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    return [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "markdown"]


def has_words(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and re.search(r"\w", cell.source) is not None


def calls(source: str) -> list[ast.Call]:
    """All calls in a cell, whose magics and ``!`` lines become Python first."""
    tree = ast.parse(TransformerManager().transform_cell(source))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def called_name(call: ast.Call) -> str:
    """The last part of what is called: ``subplots`` of ``plt.subplots()``."""
    return getattr(call.func, "attr", None) or getattr(call.func, "id", "")


def draws(source: str) -> bool:
    """Whether a cell makes a figure, or shows one."""
    return any(
        re.fullmatch(r"plot|plot_\w+|imshow|show_images|show_figure", called_name(call))
        or ast.unparse(call.func).startswith(("plt.", "matplotlib.pyplot."))
        for call in calls(source)
    )


def has_alternative(call: ast.Call) -> bool:
    """Whether a call of show_figure has a second argument that is not an empty text."""
    alternatives = [keyword.value for keyword in call.keywords if keyword.arg == "alt"]
    alternatives += call.args[1:2]
    return any(
        not isinstance(alternative, ast.Constant) or str(alternative.value or "").strip()
        for alternative in alternatives
    )


def elements(markdown: str) -> list[tuple[str, dict[str, str | None]]]:
    """The HTML elements that a markdown text becomes, each with its attributes."""
    collector = _Collector()
    collector.feed(mistune.html(markdown))
    return collector.elements


class _Collector(HTMLParser):
    def __init__(self):
        super().__init__()
        self.elements = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
