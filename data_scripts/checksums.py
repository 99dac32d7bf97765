"""Lists of sha256 sums: what a data set holds, and whether the files on disk are those.

The photo edition's lists are part of the course (``manifests/``), in the format
of ``sha256sum``. The pocket edition's pictures are drawn on each machine, where
JPEG encoders differ in the last bit, so its list is written beside them.
"""

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from course_utils.editions import DATASETS, Edition

MANIFESTS = Path(__file__).parent / "manifests"
SUMS_NAME = "SHA256SUMS"
NOT_DATA = {"thumbs.db", "desktop.ini", SUMS_NAME.lower()}
REMEDY = {
    "pocket": "run `course data make`",
    "photo": "run `course data fetch`",
}


@dataclass(frozen=True)
class Verification:
    """What a comparison of a data set with its list of sums found.

    Attributes
    ----------
    dataset : str
        Name of the data set.
    expected : int
        How many files it should have; 0 where there is no list yet.
    missing, changed, extra : tuple of str
        Files that are not there, have another content, or do not belong there.
    """

    dataset: str
    expected: int
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the files are exactly the expected ones."""
        return self.expected > 0 and not (self.missing or self.changed or self.extra)

    def __str__(self) -> str:
        if self.ok:
            return f"{self.dataset}: all {self.expected} files are right"
        if not self.expected:
            return f"{self.dataset}: not there"
        found = {"missing": self.missing, "changed": self.changed, "not part of it": self.extra}
        parts = [f"{len(n)} {what} ({shorten(n)})" for what, n in found.items() if n]
        return f"{self.dataset}: of {self.expected} files " + "; ".join(parts)


def verify(edition: Edition) -> list[Verification]:
    """Compare each data set of an edition with its list of sha256 sums, file by file."""
    return [verify_dataset(edition, dataset) for dataset in DATASETS]


def verify_dataset(edition: Edition, dataset: str) -> Verification:
    """Compare one data set of an edition with its list of sha256 sums."""
    folder, expected = edition.folder / dataset, expected_sums(edition, dataset)
    present = set(data_files(folder))
    common = sorted(present & expected.keys())
    changed = tuple(wrong_files(folder, {name: expected[name] for name in common}))
    missing = tuple(sorted(expected.keys() - present))
    return Verification(
        dataset, len(expected), missing, changed, tuple(sorted(present - expected.keys()))
    )


def is_complete(edition: Edition, dataset: str) -> bool:
    """Return whether all files of a data set are there, without reading them."""
    expected = expected_sums(edition, dataset)
    return bool(expected) and expected.keys() <= set(data_files(edition.folder / dataset))


def expected_sums(edition: Edition, dataset: str) -> dict[str, str]:
    """Return ``{"split/class/file": sha256}``; empty where nothing was drawn yet."""
    if edition.name == "photo":
        return manifest(dataset)
    path = edition.folder / dataset / SUMS_NAME
    return read_sums(path) if path.exists() else {}


def manifest(name: str) -> dict[str, str]:
    """Return the list of sums that the course holds for a data set, or for ``"files"``."""
    return read_sums(MANIFESTS / f"{name}.txt")


def read_sums(path: Path) -> dict[str, str]:
    """Read a list in the format of ``sha256sum``; lines with ``#`` are comments.

    Raises
    ------
    ValueError
        If a line is neither a sum with a name nor a comment.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    sums, broken = {}, []
    for number, line in enumerate(lines, start=1):
        if match := re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line):
            sums[match[2]] = match[1]
        elif line and not line.startswith("#"):
            broken.append(str(number))
    if broken:
        raise ValueError(
            f"{path} is damaged (line {shorten(broken)}): delete its folder and get the data again"
        )
    return sums


def write_sums(folder: Path, comment: str) -> None:
    """Write the list of sums of all files in a folder; with it the folder counts as complete."""
    names = sorted(data_files(folder))
    with ThreadPoolExecutor() as pool:
        sums = pool.map(sha256_of, [folder / name for name in names])
    lines = [f"# {comment}", *(f"{found}  {name}" for found, name in zip(sums, names, strict=True))]
    unfinished = folder / f".{SUMS_NAME}"
    unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    unfinished.replace(folder / SUMS_NAME)


def wrong_files(folder: Path, expected: dict[str, str]) -> list[str]:
    """Return the names of the files that are missing or have another content."""

    def is_wrong(name: str) -> bool:
        path = folder / name
        return not path.is_file() or sha256_of(path) != expected[name]

    with ThreadPoolExecutor() as pool:
        return [name for name, wrong in zip(expected, pool.map(is_wrong, expected), strict=True)
                if wrong]  # fmt: skip


def data_files(folder: Path) -> Iterator[str]:
    """Yield the names of all files below a folder, but not what file managers leave there."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not hidden and path.name.lower() not in NOT_DATA:
            yield name.as_posix()


def sha256_of(path: Path) -> str:
    """Return the sha256 sum of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shorten(names, limit: int = 5) -> str:
    """Join names with commas; of many only the first ones and how many more there are."""
    shown = ", ".join(names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
