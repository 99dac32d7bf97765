"""Checksums of a dataset: which files it has, and whether those on disk are intact.

The photo edition's checksums are part of the course (``manifests/``). The pocket
edition's images are drawn on each machine, where JPEG encoders differ in the last
bit, so their checksums are recorded at drawing. In both editions a dataset gets
its ``SHA256SUMS`` last: a folder without that file is not complete.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from course_utils.editions import DATASETS, Edition

MANIFESTS = Path(__file__).parent / "manifests"
SUMS_NAME = "SHA256SUMS"
NOT_DATA = {"thumbs.db", "desktop.ini", SUMS_NAME.lower()}
COMMANDS = {"pocket": "course data make", "photo": "course data fetch"}
"""What makes an edition's datasets complete, and repairs them."""


@dataclass(frozen=True)
class Verification:
    """The result of comparing a dataset with its checksums.

    Attributes
    ----------
    dataset : str
        Name of the dataset.
    command : str
        What repairs it.
    expected : int
        How many files it should have; 0 if they are unknown.
    missing, changed, extra : tuple of str
        Files that are absent, have other content, or are not part of the dataset.
    """

    dataset: str
    command: str
    expected: int
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the files are exactly the expected ones."""
        return self.expected > 0 and not (self.missing or self.changed or self.extra)

    @property
    def advice(self) -> str:
        """What to do; empty if all is well."""
        advice = []
        if self.missing or self.changed or not self.expected:
            advice.append(f"run `{self.command}`")
        if self.extra:
            advice.append(advice_on_extra(self.extra))
        return "; ".join(advice)

    def __str__(self) -> str:
        if self.ok:
            return f"{self.dataset}: all {self.expected} files are intact"
        if not self.expected:
            found = "its list of checksums is damaged" if self.changed else "not there"
            return f"{self.dataset}: {found}"
        found = {"missing": self.missing, "changed": self.changed, "not part of it": self.extra}
        parts = [f"{len(n)} {what} ({shorten(n)})" for what, n in found.items() if n]
        return f"{self.dataset}: of {self.expected} files " + "; ".join(parts)


def verify(edition: Edition) -> list[Verification]:
    """Compare every file of an edition's datasets with its checksum."""
    return [verify_dataset(edition, dataset) for dataset in DATASETS]


def verify_dataset(edition: Edition, dataset: str) -> Verification:
    """Compare every file of one dataset with its checksum; a damaged list is reported too."""
    folder, command = edition.folder / dataset, COMMANDS[edition.name]
    try:
        recorded = recorded_sums(folder)
    except ValueError:
        return Verification(dataset, command, expected=0, changed=(SUMS_NAME,))
    expected = recorded if edition.name == "pocket" else manifest(dataset)
    present = set(data_files(folder))
    missing = sorted(expected.keys() - present)
    if present and recorded != expected:
        missing.append(SUMS_NAME)
    common = {name: expected[name] for name in sorted(present & expected.keys())}
    return Verification(
        dataset,
        command,
        expected=len(expected) if present else 0,
        missing=tuple(missing),
        changed=tuple(wrong_files(folder, common)),
        extra=tuple(sorted(present - expected.keys())) if expected else (),
    )


def is_complete(edition: Edition, dataset: str) -> bool:
    """Return whether all files of a dataset are there, without reading them."""
    folder = edition.folder / dataset
    try:
        recorded = recorded_sums(folder)
    except ValueError:
        return False
    return bool(recorded) and recorded.keys() <= set(data_files(folder))


def manifest(dataset: str) -> dict[str, str]:
    """Return the checksums of a dataset's photographs, which ship with the course."""
    return read_sums(MANIFESTS / f"{dataset}.txt")


def recorded_sums(folder: Path) -> dict[str, str]:
    """Return ``{"split/class/file": sha256}`` as recorded in a dataset; empty if incomplete.

    Raises
    ------
    ValueError
        If the list is damaged: not text, or cut off.
    """
    path = folder / SUMS_NAME
    if not path.exists():
        return {}
    count = re.match(r"# (\d+) files\b", comment_of(folder))
    sums = read_sums(path)
    if not count or int(count[1]) != len(sums):
        raise ValueError(f"{path} is damaged: it does not hold as many checksums as it says")
    return sums


def comment_of(folder: Path) -> str:
    """Return the first line of a dataset's ``SHA256SUMS``, which says what it lists."""
    return next(iter(_lines(folder / SUMS_NAME)), "")


def read_sums(path: Path) -> dict[str, str]:
    """Read a list in the format of ``sha256sum``; lines that start with ``#`` are comments.

    Raises
    ------
    ValueError
        If a line is neither a checksum with a name nor a comment.
    """
    sums, broken = {}, []
    for number, line in enumerate(_lines(path), start=1):
        if match := re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line):
            sums[match[2]] = match[1]
        elif line and not line.startswith("#"):
            broken.append(str(number))
    if broken:
        raise ValueError(f"{path} is damaged (line {shorten(broken)})")
    return sums


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (IsADirectoryError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged ({error})") from error


def write_sums(folder: Path, sums: dict[str, str], comment: str) -> None:
    """Record the checksums of a dataset, atomically; from then on it counts as complete."""
    lines = [f"{sums[name]}  {name}" for name in sorted(sums)]
    unfinished = folder / f".{SUMS_NAME}"
    text = "\n".join([f"# {len(sums)} files, {comment}", *lines, ""])
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(folder / SUMS_NAME)


def wrong_files(folder: Path, expected: dict[str, str]) -> list[str]:
    """Return the names of the files that are missing or have other content."""
    found = sums_of(folder, [name for name in expected if (folder / name).is_file()])
    return [name for name, sha256 in expected.items() if found.get(name) != sha256]


def sums_of(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the checksums of these files of a folder."""
    with ThreadPoolExecutor() as pool:
        sums = pool.map(sha256_of, [folder / name for name in names])
        return dict(zip(names, sums, strict=True))


def sha256_of(path: Path) -> str:
    """Return the sha256 checksum of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def data_files(folder: Path) -> Iterator[str]:
    """Yield the names of all files below a folder, except hidden ones and file managers' own."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not hidden and path.name.lower() not in NOT_DATA:
            yield name.as_posix()


def extra_files(folder: Path, expected: Collection[str]) -> list[str]:
    """Return the names of the files below a folder that are not part of its dataset."""
    return sorted(set(data_files(folder)) - set(expected))


def advice_on_extra(names: Sequence[str]) -> str:
    """Say what to do about files that are not part of a dataset."""
    return f"move or delete what is not part of it: {shorten(names)}"


def shorten(names: Sequence[str], limit: int = 5) -> str:
    """Join names with commas, and count those beyond the first few.

    >>> shorten(["a", "b", "c", "d"], limit=2)
    'a, b and 2 more'
    """
    shown = ", ".join(names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
