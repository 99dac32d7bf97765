"""Learners' versions of the exercises, made from the instructor's by nbgrader's preprocessors.

The same sources give the same bytes. Before anything is written, the result is searched for every
line of a solution or hidden test.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader import preprocessors as steps
from traitlets.config import Config, PyFileConfigLoader

BEGIN = re.compile(r"\bbegin[\s_-]*(solution|hidden[\s_-]*test|mark[\s_-]*scheme)", re.IGNORECASE)
END = re.compile(r"\bend[\s_-]*(solution|hidden[\s_-]*test|mark[\s_-]*scheme)", re.IGNORECASE)
MARKERS = {"solution": "SOLUTION", "hidden": "HIDDEN TESTS", "mark": "MARK SCHEME"}
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class Leak(ValueError):
    """A solution or a hidden test would be handed out; nothing was written."""


def sources_in(folder: Path) -> dict[str, Path]:
    """Find the instructor's notebooks.

    Parameters
    ----------
    folder : Path
        Holds ``<name>/<name>.ipynb`` for each exercise.

    Returns
    -------
    dict of Path
        By name, sorted.

    Raises
    ------
    ValueError
        If there are none.
    """
    paths = sorted(path for path in folder.glob("*/*.ipynb") if path.stem == path.parent.name)
    if not paths:
        raise ValueError(
            f"{folder} holds no <name>/<name>.ipynb: "
            "run this in the repository's folder, or name the sources with --source"
        )
    return {path.stem: path for path in paths}


def release(sources: dict[str, Path], config_file: Path) -> dict[str, bytes]:
    """Make the learners' versions of all exercises.

    Parameters
    ----------
    sources : dict of Path
        From `sources_in`.
    config_file : Path
        nbgrader's.

    Returns
    -------
    dict of bytes
        The contents of each notebook, by the exercise's name.

    Raises
    ------
    ValueError
        If a source is wrong; the message says which cell, and what to do.
    Leak
        If a line of a solution or a hidden test is left in one.
    """
    originals = {name: nbformat.read(path, as_version=4) for name, path in sources.items()}
    config = load_config(config_file)
    made = {name: learners_version(nb, name, config) for name, nb in originals.items()}
    released = {name: _as_bytes(notebook) for name, notebook in made.items()}
    assert_nothing_leaks(released, originals, stub_lines(config))
    return released


def load_config(config_file: Path) -> Config:
    """Read nbgrader's configuration."""
    return PyFileConfigLoader(config_file.name, path=str(config_file.parent)).load_config()


def stub_lines(config: Config) -> set[str]:
    """Return the lines that replace a solution."""
    stubs = steps.ClearSolutions(config=config)
    lines = "\n".join([stubs.code_stub["python"], stubs.text_stub]).splitlines()
    return {_bare(line) for line in lines}


def learners_version(source: NotebookNode, name: str, config: Config) -> NotebookNode:
    """Return a copy of the notebook without solutions, hidden tests and outputs.

    Parameters
    ----------
    source : NotebookNode
    name : str
        The exercise's.
    config : traitlets.config.Config
        nbgrader's: among others the stub that replaces a solution.

    Raises
    ------
    ValueError
        If a marker or a cell's metadata are wrong.
    """
    check_source(source, name)
    notebook = nbformat.from_dict(json.loads(json.dumps(source)))
    notebook.metadata = nbformat.from_dict(
        {"course": {"exercise": name}, "kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    resources: dict = {"nbgrader": {}}
    for step in _steps():
        try:
            notebook, resources = step(config=config).preprocess(notebook, resources)
        except Exception as error:
            raise ValueError(f"{name}: {step.__name__} says: {error}") from error
    return notebook


def _steps() -> list:
    """nbgrader's GenerateAssignment, without the steps that need a gradebook."""
    return [
        steps.LockCells,
        steps.ClearSolutions,
        steps.ClearOutput,
        steps.CheckCellMetadata,
        steps.ComputeChecksums,
        steps.ClearHiddenTests,
        steps.ClearMarkScheme,
        TidyEnds,
        steps.ComputeChecksums,
        steps.CheckCellMetadata,
    ]


class TidyEnds(steps.NbGraderPreprocessor):
    """Remove the empty lines that hidden tests leave at the end of a cell."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict, cell_index: int) -> tuple:
        """Strip the end of one cell."""
        cell.source = cell.source.rstrip()
        return cell, resources


def check_source(source: NotebookNode, name: str) -> None:
    """Find mistakes that nbgrader would ignore silently.

    Raises
    ------
    ValueError
        If a cell has no id, a marker is misspelt or unpaired, or a region is in a cell that is
        not marked for it.
    """
    if source.nbformat_minor < 5 or not all(cell.get("id") for cell in source.cells):
        raise ValueError(f"{name}: cells without an id; open and save it in JupyterLab")
    for number, cell in enumerate(source.cells, start=1):
        where = f"{name}, cell {number} ({cell.id})"
        kinds = {kind for kind, _ in _marked_lines(cell.source, where)}
        marks = cell.metadata.get("nbgrader", {})
        if "solution" in kinds and not marks.get("solution"):
            raise ValueError(f"{where}: a solution in a cell that is not marked as an answer")
        if "hidden" in kinds and not marks.get("grade"):
            raise ValueError(f"{where}: hidden tests in a cell that is not marked for grading")


def _marked_lines(text: str, where: str) -> Iterator[tuple[str | None, str]]:
    """Yield the lines of a cell with the kind of region they are in, without the markers."""
    kind = None
    for line in text.splitlines():
        begin, end = BEGIN.search(line), END.search(line)
        if not begin and not end:
            yield kind, line
            continue
        found = _kind_of_marker(line, begin, end, where)
        if (begin and kind) or (end and kind != found):
            raise ValueError(f"{where}: {line.strip()!r} does not match the marker before it")
        kind = found if begin else None
    if kind:
        raise ValueError(f"{where}: BEGIN {MARKERS[kind]} without END {MARKERS[kind]}")


def _kind_of_marker(line: str, begin, end, where: str) -> str:
    kind = re.match("solution|hidden|mark", (begin or end)[1].lower())[0]
    marker = f"{'BEGIN' if begin else 'END'} {MARKERS[kind]}"
    if marker not in line:
        raise ValueError(f"{where}: {line.strip()!r} must read {marker!r}, or nbgrader misses it")
    return kind


def secret_lines(source: NotebookNode) -> set[str]:
    """Return the lines that no learner may see: solutions, hidden tests, marking schemes."""
    return {line for secret, line in _lines(source) if secret}


def public_lines(source: NotebookNode) -> set[str]:
    """Return the lines that learners see anyway."""
    return {line for secret, line in _lines(source) if not secret}


def _lines(source: NotebookNode) -> Iterator[tuple[bool, str]]:
    for cell in source.cells:
        is_solution = cell.metadata.get("nbgrader", {}).get("solution", False)
        whole = is_solution and "BEGIN SOLUTION" not in cell.source
        for kind, line in _marked_lines(cell.source, cell.id):
            yield bool(whole or kind), _bare(line)
        for output in _texts(cell.get("outputs", [])):
            yield from ((True, _bare(line)) for line in output.splitlines())


def _bare(line: str) -> str:
    """Return a line without indentation and comment signs."""
    return line.strip().lstrip("#").strip()


def _texts(value) -> Iterator[str]:
    """Yield every string in nested lists and dicts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def assert_nothing_leaks(
    released: dict[str, bytes], sources: dict[str, NotebookNode], stub: set[str]
) -> None:
    """Search notebooks that are about to be handed out for secret lines.

    Parameters
    ----------
    released : dict of bytes
        Notebooks, by the exercise's name.
    sources : dict of NotebookNode
        The instructor's.
    stub : set of str
        Lines that replace a solution.

    Raises
    ------
    Leak
        If a marker, or a line of any solution, hidden test or output is found.
    """
    secrets = set().union(*map(secret_lines, sources.values()))
    secrets = {line for line in secrets if len(line) > 3 and re.search(r"\w", line)}
    for name, content in released.items():
        text = "\n".join(_texts(json.loads(content)))
        marker = BEGIN.search(text) or END.search(text)
        if marker:
            raise Leak(f"{name}: {marker[0]!r} would be handed out")
        lines = {_bare(line) for line in text.splitlines()}
        found = secrets & lines - public_lines(sources[name]) - stub
        if found:
            raise Leak(f"{name}: this line of a solution would be handed out: {min(found)!r}")


def _as_bytes(notebook: NotebookNode) -> bytes:
    return (nbformat.writes(notebook) + "\n").encode()


def write(released: dict[str, bytes], into: Path) -> list[Path]:
    """Write the learners' versions; return those that changed."""
    into.mkdir(parents=True, exist_ok=True)
    changed = [into / f"{name}.ipynb" for name in released if _is_stale(name, released, into)]
    for path in changed:
        path.write_bytes(released[path.stem])
    return changed


def write_zip(released: dict[str, bytes], path: Path) -> None:
    """Write the exercises, and nothing else, to a zip; the same bytes each time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(released):
            info = zipfile.ZipInfo(f"{name}.ipynb")  # its date is always the same
            info.external_attr = 0o644 << 16
            archive.writestr(info, released[name])


def stale(released: dict[str, bytes], into: Path) -> list[str]:
    """Say which notebooks in a folder do not match their sources.

    Returns
    -------
    list of str
        A sentence for each.
    """
    old = [
        f"{into / f'{name}.ipynb'} does not match its source"
        for name in sorted(released)
        if _is_stale(name, released, into)
    ]
    left = sorted(path for path in into.glob("*.ipynb") if path.stem not in released)
    return old + [f"{path} no longer has a source: remove it" for path in left]


def _is_stale(name: str, released: dict[str, bytes], into: Path) -> bool:
    path = into / f"{name}.ipynb"
    return not path.is_file() or path.read_bytes() != released[name]
