"""Arrays on disk: checked when they are read, the least recently used removed above a limit.

An entry is a file ``<name>-<checksum>.npy``. It is written under another name and then renamed, and
never modified, so that it can be mapped into memory by several processes.
"""

import contextlib
import io
import itertools
import secrets
import shutil
import time
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from course_utils.editions import data_root

CACHE_BYTES = 2_000_000_000
"""The limit. All lessons of the photo edition store 1.6 GB, so that no lesson computes again what
an earlier one has stored."""

_ABANDONED_SECONDS = 3600  # the process that wrote a file was killed if it has paused this long


def cache_folder() -> Path:
    """Return the folder of the stored features, which may not exist yet."""
    return data_root() / "cache" / "features"


def clean_cache() -> int:
    """Delete the stored features, which are computed again when needed; return the bytes freed."""
    before = _cache_size()
    _remove_abandoned()
    for file in cache_folder().glob("*.npy"):
        _remove(file)
    return before - _cache_size()


def load(name: str) -> np.ndarray | None:
    """Return stored features; a damaged file is removed with a warning."""
    for file in cache_folder().glob(f"{name}-*.npy"):
        if _is_intact(file):
            with contextlib.suppress(OSError):  # a read-only folder
                file.touch()  # the least recently used are the first to go
            return np.load(file, mmap_mode="r")
        if file.exists():  # else another process has made room
            message = f"the stored features {file.name} are damaged: they are computed again"
            warnings.warn(message, stacklevel=3)
            _remove(file)
    return None


def _is_intact(file: Path) -> bool:
    """Whether a file has the checksum in its name; about 1 GB/s, so at every use."""
    checksum = 0
    try:
        with file.open("rb") as content:
            while chunk := content.read(2**20):
                checksum = zlib.crc32(chunk, checksum)
    except (IsADirectoryError, PermissionError, FileNotFoundError):
        return False
    return file.stem.endswith(f"-{checksum:08x}")


def store(name: str, batches: Iterable[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Write features to the cache and return them; without caching if it cannot be written to."""
    unfinished = cache_folder() / f".{name}-{secrets.token_hex(4)}.unfinished"
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        file = unfinished.open("xb")
    except OSError as error:
        warnings.warn(f"features are not kept on disk: {error}", stacklevel=3)
        return np.concatenate(list(batches))
    head = io.BytesIO()
    form = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, form)
    checksum = 0
    try:
        # Not through a memory map: on a full disk, that kills Python instead of raising an error.
        with file:
            for chunk in itertools.chain([head.getvalue()], batches):
                data = bytes(chunk)
                checksum = zlib.crc32(data, checksum)
                file.write(data)
        entry = cache_folder() / f"{name}-{checksum:08x}.npy"
        with contextlib.suppress(PermissionError):  # on Windows, if another process uses the same
            unfinished.replace(entry)
    finally:
        unfinished.unlink(missing_ok=True)
    _make_room(entry)
    return np.load(entry, mmap_mode="r")


def _make_room(newest: Path) -> None:
    """Keep the cache below its limit; what other processes have mapped stays readable to them."""
    _remove_abandoned()
    total = 0
    with contextlib.suppress(FileNotFoundError):  # another process makes room too
        entries = set(cache_folder().glob("*.npy")) - {newest}
        by_use = sorted(entries, key=lambda file: file.stat().st_mtime, reverse=True)
        for file in [newest, *by_use]:
            total += file.stat().st_size
            if total > CACHE_BYTES and file != newest:
                _remove(file)


def _remove_abandoned() -> None:
    for file in cache_folder().glob(".*.unfinished"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - file.stat().st_mtime > _ABANDONED_SECONDS:
                _remove(file)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):  # a read-only folder; on Windows, a file in use
        path.unlink()


def _cache_size() -> int:
    return sum(path.stat().st_size for path in cache_folder().rglob("*") if path.is_file())
