"""The last cell of an exercise: the points so far, and the file to hand in."""

import dataclasses
import html
import re
from pathlib import Path

from course_checks.verdict import attempts_so_far, points_so_far, sources_as_run

FOLDER = "to_hand_in"


@dataclasses.dataclass(frozen=True)
class Summary:
    """What the last cell shows.

    Attributes
    ----------
    heading : str
    lines : list of str
        One for each question, and what to do next.
    file : pathlib.Path or None
        The file to hand in, where one was written.
    """

    heading: str
    lines: list[str]
    file: Path | None = None

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in self.lines)
        card = (
            '<div role="status" style="border: 1px solid var(--jp-border-color2, #bdbdbd); '
            "border-radius: 4px; padding: 8px 12px; max-width: 44em; "
            "background: var(--jp-layout-color1, #ffffff); "
            'color: var(--jp-ui-font-color0, #000000);">'
            f"<strong>{html.escape(self.heading)}</strong><ul>{items}</ul></div>"
        )
        return {"text/plain": "\n".join([self.heading, *self.lines]), "text/html": card}


def hand_in(name: str, folder: Path | str | None = None, share_attempts: bool = False) -> Summary:
    """Show the points so far, and write the notebook as it was saved, without its outputs.

    Parameters
    ----------
    name : str
        The exercise, for example ``"03_feature_extractor"``.
    folder : path, optional
        The notebook's folder; by default the one it runs in.
    share_attempts : bool
        Whether the file also says what each check found, every time you ran it since the notebook
        was opened. It gives no points; it shows your instructor what to explain again.

    Returns
    -------
    Summary

    Raises
    ------
    AssertionError
        If this is the instructor's notebook and its solutions do not get all points.
    """
    folder = Path(folder or Path.cwd())
    saved = folder / f"{name}.ipynb"
    import nbformat  # takes seconds, and checks should import at once

    try:
        notebook = nbformat.read(saved, as_version=4)
    except (OSError, ValueError) as error:
        return _nothing_to_hand_in(saved, error)
    earned, possible, lines = _points(notebook)
    heading = f"{earned:g} of {possible:g} points so far"
    if any("### BEGIN SOLUTION" in cell.source for cell in notebook.cells):
        if earned != possible:
            raise AssertionError(f"the solutions do not get all points: {heading}; {lines}")
        return Summary(heading, [*lines, "These are the solutions: there is nothing to hand in."])
    about_attempts = _set_attempts(notebook, attempts_so_far() if share_attempts else {})
    file = _write(notebook, folder / FOLDER / saved.name)
    lines += [*_differences(notebook), f"Hand in this file: {FOLDER}/{file.name}"]
    lines += ["It holds the notebook as last saved. Save with Ctrl+S, then run this cell again."]
    return Summary(heading, lines + about_attempts, file)


def _nothing_to_hand_in(saved: Path, error: Exception) -> Summary:
    return Summary(
        f"There is no notebook to hand in: {saved.name}",
        [
            f"The folder searched was {saved.parent} ({type(error).__name__}).",
            f"Does it have another name? Rename it to {saved.name}, then run this cell again.",
        ],
    )


def _set_attempts(notebook, attempts: dict[str, list[dict]]) -> list[str]:
    """Put the attempts that a learner shares into a notebook; return what to say about them."""
    notebook.metadata.pop("attempts", None)
    if not attempts:
        return []
    notebook.metadata["attempts"] = attempts
    times = sum(map(len, attempts.values()))
    return [f"It also says what the checks found, the {times} times that you ran them."]


def checked_function(source: str) -> str | None:
    """Return the name of the function that a check cell checks.

    >>> checked_function("checks.codes_of_maps(make_codes, points=2)")
    'make_codes'
    """
    called = re.search(r"checks\.\w+\(\s*(\w+)", source)
    return called[1] if called else None


def _points(notebook) -> tuple[float, float, list[str]]:
    """Return points earned and possible by the checks, and a line for each question."""
    earned, possible, lines = 0.0, 0.0, []
    so_far = points_so_far()
    graded = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    for number, cell in enumerate(graded, start=1):
        points = cell.metadata.nbgrader.points
        if cell.metadata.nbgrader.solution:
            lines.append(f"Question {number}: {points:g} points, given by your instructor")
            continue
        got = so_far.get(checked_function(cell.source))
        possible += points
        earned += got or 0
        found = "not checked yet" if got is None else f"{got:g} of {points:g} points"
        lines.append(f"Question {number}: {found}")
    return earned, possible, lines


def _differences(notebook) -> list[str]:
    cells = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    other = [name for name, source in sources_as_run().items() if source.strip() not in cells]
    if not other:
        return []
    return [f"The saved file differs from what you ran in: {', '.join(other)}"]


def _write(notebook, file: Path) -> Path:
    import nbformat

    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    file.parent.mkdir(exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    unfinished.replace(file)
    return file
