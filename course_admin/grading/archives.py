"""The files of a hand-in, read from an untrusted folder or zip.

Nothing is unpacked to disk and no link is followed. A student's zip is unpacked within limits of
time and memory. A file that cannot be read safely is still listed, with its problem, so nobody's
work is lost silently.
"""

import functools
import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from course_admin.grading.limited import OverLimit, call_limited

MEGABYTE = 1_000_000
MOST_FILES = 1_000
"""Files that one student's zip may hold."""
MOST_BYTES = 200 * MEGABYTE
"""Bytes that the files of one student's zip may have, unpacked."""
LARGEST_ZIP = 100 * MEGABYTE
"""Bytes that one student's zip may have, packed."""
LARGEST_MEMBER = 20 * MEGABYTE
"""Bytes of a file in a student's zip that are read; larger ones are only listed."""
EMPTY = "is all there is: the folder is empty"
"""The problem of the entry that stands for a folder without files."""
HIGHEST_RATIO = 200
"""Compression ratio that a zip of more than a megabyte may have."""


class BadZip(ValueError):
    """A student's zip is not unpacked; the message says why."""


@dataclass(frozen=True)
class Entry:
    """One file of a hand-in.

    Attributes
    ----------
    parts : tuple of str
        The names of its folders and its own, as given: never use them as a path.
    size : int
        In bytes, according to its folder or zip.
    timestamp : datetime or None
        When it was last changed, without a time zone: UTC for a file, local time of its creator
        for a zip.
    read : callable
        Takes a number of bytes and returns at most that many.
    problem : str or None
        Why it cannot be read.
    """

    parts: tuple[str, ...]
    size: int
    timestamp: datetime | None
    read: Callable[[int], bytes]
    problem: str | None = None

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.parts[-1]


def entries_of(source: Path) -> Iterator[Entry]:
    """List the files of a folder or a zip.

    Parameters
    ----------
    source : Path
        Given by the instructor.

    Yields
    ------
    Entry
        Sorted by name.

    Raises
    ------
    ValueError
        If `source` is neither.
    """
    if source.is_dir():
        yield from _entries_of_folder(source)
        return
    try:
        archive = zipfile.ZipFile(source)
    except FileNotFoundError:
        raise ValueError(f"{source} does not exist: name the folder or zip from the LMS") from None
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise ValueError(
            f"{source} is neither a folder nor a zip that can be read ({error}): download it again"
        ) from None
    # Not closed here: its entries are read later, and it closes when the last one is gone
    yield from _entries_of_archive(archive)


def unpack(entry: Entry) -> list[Entry]:
    """List the files of a zip inside a hand-in.

    Parameters
    ----------
    entry : Entry
        A student's zip.

    Returns
    -------
    list of Entry
        Each keeps the folders of the zip. A zip that cannot be read, or is too large, is
        returned itself, with its problem.
    """
    if entry.size > LARGEST_ZIP:
        problem = f"is a zip of more than {LARGEST_ZIP // MEGABYTE} MB"
        return [replace(entry, problem=problem)]
    try:
        members = call_limited(members_of, entry.read(LARGEST_ZIP))
    except BadZip as error:
        return [replace(entry, problem=str(error))]
    except OverLimit as error:
        return [replace(entry, problem=f"is a zip that {error} to be opened")]
    except Exception as error:  # a damaged zip can raise nearly anything
        return [replace(entry, problem=f"is a zip that cannot be opened ({_kind(error)})")]
    return [replace(member, parts=(*entry.parts[:-1], *member.parts)) for member in members]


def members_of(content: bytes) -> list[Entry]:
    """List and read the files of a student's zip.

    Parameters
    ----------
    content : bytes
        Of the zip.

    Raises
    ------
    BadZip
        If it holds too much.
    """
    archive = zipfile.ZipFile(io.BytesIO(content))
    problem = _too_large(archive)
    if problem:
        raise BadZip(problem)
    return [_read_already(entry) for entry in _entries_of_archive(archive)]


def _read_already(entry: Entry) -> Entry:
    """Return an entry that holds its content, and a problem if it cannot be read."""
    if entry.problem or entry.size > LARGEST_MEMBER:
        return replace(entry, read=functools.partial(_first, b""))
    try:
        return replace(entry, read=functools.partial(_first, entry.read(LARGEST_MEMBER)))
    except Exception as error:
        problem = f"cannot be unpacked ({_kind(error)})"
        return replace(entry, read=functools.partial(_first, b""), problem=problem)


def _first(content: bytes, most: int) -> bytes:
    return content[:most]


def _kind(error: Exception) -> str:
    return type(error).__name__


def _too_large(archive: zipfile.ZipFile) -> str | None:
    files = archive.infolist()
    if len(files) > MOST_FILES:
        return f"is a zip of more than {MOST_FILES} files"
    unpacked = sum(info.file_size for info in files)
    if unpacked > MOST_BYTES:
        return f"is a zip of more than {MOST_BYTES // MEGABYTE} MB, unpacked"
    packed = sum(info.compress_size for info in files)
    if unpacked > MEGABYTE and unpacked > HIGHEST_RATIO * packed:
        return "is a zip that is suspiciously small for its contents"
    return None


def _entries_of_archive(archive: zipfile.ZipFile) -> Iterator[Entry]:
    holders = {name.rstrip("/").rpartition("/")[0] + "/" for name in archive.namelist()}
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        if info.is_dir():
            if info.filename not in holders:
                parts = tuple(name for name in info.filename.split("/") if name not in ("", "."))
                yield _unreadable((*parts, "nothing"), EMPTY)
            continue
        names = info.filename.replace("\\", "/").split("/")
        parts = tuple(name for name in names if name not in ("", "."))
        yield Entry(
            parts=parts or ("file without a name",),
            size=info.file_size,
            timestamp=_timestamp(info),
            read=_reader(archive, info),
            problem=_problem_of_member(info, names),
        )


def _problem_of_member(info: zipfile.ZipInfo, names: list[str]) -> str | None:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "is a symbolic link; links are not followed"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "is not a regular file"
    if ".." in names or names[0] == "" or names[0].endswith(":"):
        return "has a path that leads out of its folder"
    return "is encrypted" if info.flag_bits & 1 else None


def _timestamp(info: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*info.date_time)
    except ValueError:
        return None


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        with archive.open(info) as file:
            return file.read(most)

    return read


def _entries_of_folder(source: Path) -> Iterator[Entry]:
    unreadable: list[OSError] = []
    for folder, folders, files in os.walk(source, onerror=unreadable.append, followlinks=False):
        folders.sort()
        if not folders and not files and Path(folder) != source:
            yield _unreadable((*Path(folder).relative_to(source).parts, "nothing"), EMPTY)
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted([*files, *links]):
            yield _entry_of_file(Path(folder, name), source)
    for error in unreadable:
        parts = Path(error.filename).relative_to(source).parts or (source.name,)
        yield _unreadable(parts, "is a folder that cannot be opened")


def _entry_of_file(path: Path, source: Path) -> Entry:
    parts = path.relative_to(source).parts
    try:
        status = path.lstat()
    except OSError as error:
        return _unreadable(parts, f"cannot be read ({_kind(error)})")
    if stat.S_ISLNK(status.st_mode):
        return _unreadable(parts, "is a symbolic link; links are not followed")
    if not stat.S_ISREG(status.st_mode):
        return _unreadable(parts, "is not a regular file")

    def read(most: int) -> bytes:
        with path.open("rb") as file:
            return file.read(most)

    changed = datetime.fromtimestamp(status.st_mtime, UTC).replace(tzinfo=None)
    return Entry(parts, status.st_size, changed, read)


def _unreadable(parts: tuple[str, ...], problem: str) -> Entry:
    return Entry(parts, 0, None, lambda most: b"", problem)
