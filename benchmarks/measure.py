"""Time, memory, pictures to measure with, and tables."""

import sys
import time
from collections.abc import Callable

from course_utils.datasets import Split, read_folder
from course_utils.editions import current_edition, data_root


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes, in seconds."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def find_split(dataset: str, split: str) -> Split:
    """Return photographs where there are any, else the pocket edition's drawn pictures.

    Raises
    ------
    FileNotFoundError
        If there are neither.
    """
    mirror = current_edition().mirror
    roots = [data_root() / "photo", *([mirror] if mirror else []), data_root() / "pocket"]
    for root in roots:
        if (root / dataset / split).is_dir():
            return read_folder(root / dataset / split)
    raise FileNotFoundError(f"no pictures of {dataset}; make them with: course data make")


def kind_of(split: Split) -> str:
    """Say whether a split holds photographs or drawn pictures."""
    return "drawn pictures" if "pocket" in split.paths[0].parts else "photographs"


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return an aligned table in Markdown."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells):
        padded = [cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def announce(text: str) -> None:
    """Say on the error stream what is being measured, so that the tables stay clean."""
    print(f"... {text}", file=sys.stderr, flush=True)
