"""Changing a data folder safely: one process at a time, through a hidden staging folder."""

import errno
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

POLL_SECONDS = 0.2
_ELSEWHERE = "point COURSE_DATA at another folder"
_ADVICE = {
    "the disk is full: make room, or " + _ELSEWHERE: (errno.ENOSPC, errno.EDQUOT),
    "writing is not permitted: allow it, or " + _ELSEWHERE: (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
    ),
    "a file is where a folder belongs, or a folder where a file belongs: move it away": (
        errno.EISDIR,
        errno.ENOTDIR,
        errno.EEXIST,
        errno.ENOTEMPTY,
    ),
}


class StorageError(OSError):
    """The disk did not take the data; the message says where, why and what to do."""


@contextmanager
def exclusive_access(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on a folder, which is made if needed; wait for it, and say so.

    The operating system releases the lock when the process ends, even if it is killed.

    Raises
    ------
    StorageError
        If the disk refuses what the caller does inside the block.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            if not _try_to_lock(lock):
                print(f"Waiting for another `course data` command in {folder} ...", flush=True)
                while not _try_to_lock(lock):
                    time.sleep(POLL_SECONDS)
            yield
    except OSError as error:
        for advice, numbers in _ADVICE.items():
            if error.errno in numbers:
                place = error.filename2 or error.filename or folder
                raise StorageError(f"cannot write {place}: {advice}") from error
        raise


def _try_to_lock(file) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # some network drives have no locks; better unlocked than unusable
        return True
    return True


@contextmanager
def staging_folder(folder: Path) -> Iterator[Path]:
    """Give a hidden empty folder beside `folder`, and remove it afterwards.

    The caller holds the lock, so whatever a killed process left there is removed as well.
    """
    prefix = f".{folder.name}.part-"
    for leftover in folder.parent.glob(f"{prefix}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix=prefix, dir=folder.parent, ignore_cleanup_errors=True
    ) as staging:
        yield Path(staging)


def move_into_place(staging: Path, folder: Path, name: str) -> None:
    """Move a file from the staging folder to the same place in `folder`, atomically."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    (staging / name).replace(target)
