"""Fetch the photo edition's files and unpack archives, so that nothing half or wrong stays.

A file is written under a temporary name, compared with its sha256 sum, and only
then takes its place. So an interrupted download goes on where it stopped.
"""

import os
import shutil
import stat
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import quote

import psutil
import requests
from pooch import HTTPDownloader
from tqdm import tqdm

from course_utils.editions import current_edition, data_root
from data_scripts.checksums import manifest, sha256_of, shorten, wrong_files

BOOK = (
    "https://raw.githubusercontent.com/moelgendy/deep_learning_for_vision_systems/"
    "2c9d077b43003657cd8f6d5ddfb6f83ee8bae1f3/chapter_06"
)
"""The book's repository, pinned to a commit."""
DATASET_URLS = {
    "dogs_vs_cats": f"{BOOK}/dogs_vs_cats_project/data",
    "sign_language_digits": f"{BOOK}/sign_language_project/dataset",
}
FILE_URLS = {
    "weights/imagenet_class_index.json": (
        "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
    ),
    "tiny-imagenet-200.zip": "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
}
THREADS = 8
TIMEOUT = 30.0
"""Seconds without a sign of life after which a server counts as stalled."""
ATTEMPTS = 3
PAUSE = 1.0
"""Seconds before a second attempt; twice as long before a third."""
GIVE_UP_AFTER = 20
"""Failed files after which the rest is not tried: then it is the network or the source."""
CHUNK = 1 << 16
_MAY_PASS = {408, 429}  # the server was too busy for this request


class DownloadError(ConnectionError):
    """Files could not be fetched; the message names them and says what to do."""


@dataclass(frozen=True)
class _Job:
    """One file to get: from an address or a mirror's file, and what it must be."""

    name: str
    source: str | Path
    sha256: str
    target: Path


def fetch(
    dataset: str,
    folder: Path | None = None,
    base_url: str | None = None,
    timeout: float = TIMEOUT,
) -> Path:
    """Fetch the photographs of a data set; files that are already right are kept.

    Parameters
    ----------
    dataset : str
        ``"dogs_vs_cats"`` or ``"sign_language_digits"``.
    folder : pathlib.Path, optional
        Where to put ``<split>/<class>/<file>``, by default ``data/photo/<dataset>``.
    base_url : str, optional
        Another address to fetch from than the mirror or the book's repository.
    timeout : float
        Seconds without a sign of life after which a server counts as stalled.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    ValueError
        If the course knows no such data set.
    DownloadError
        If files could not be fetched, or are not what they should be.
    """
    if dataset not in DATASET_URLS:
        raise ValueError(f"no data set {dataset!r}; choose one of: {', '.join(DATASET_URLS)}")
    expected = manifest(dataset)
    folder = Path(folder or data_root() / "photo" / dataset)
    source = base_url or _mirror_of(dataset) or DATASET_URLS[dataset]
    jobs = [
        _Job(name, _below(source, name), expected[name], folder / name)
        for name in wrong_files(folder, expected)
    ]
    failures = _get_all(jobs, folder, timeout, title=dataset)
    if failures:
        complete = len(expected) - len(wrong_files(folder, expected))
        raise DownloadError(
            f"{len(failures)} of the {len(expected)} files of {dataset} could not be fetched from "
            f"{source}:\n"
            f"{_report(failures)}\n{_advice(isinstance(source, Path))}, then run "
            f"`course data fetch` again: the {complete} files that are complete are kept."
        )
    return folder


def fetch_file(
    name: str,
    folder: Path | None = None,
    base_url: str | None = None,
    timeout: float = TIMEOUT,
) -> Path:
    """Return a single file of ``manifests/files.txt``, from the mirror or after downloading it.

    Parameters
    ----------
    name : str
        Its place below a mirror, such as ``"weights/imagenet_class_index.json"``.
    folder : pathlib.Path, optional
        Where a download is kept, by default ``data/photo``.
    base_url : str, optional
        Another address to fetch from than the mirror or the original source.
    timeout : float
        Seconds without a sign of life after which a server counts as stalled.

    Returns
    -------
    pathlib.Path
        The file, checked: in the mirror where that holds it, otherwise below `folder`.

    Raises
    ------
    ValueError
        If the course knows no such file.
    DownloadError
        If it cannot be had, or is not what it should be.
    """
    expected = manifest("files")
    if name not in expected:
        raise ValueError(f"the course knows no file {name!r}, only: {', '.join(expected)}")
    if not base_url and (copy := _mirror_of(name)):
        if reason := _mismatch(copy, expected[name]):
            raise DownloadError(f"{copy}: {reason}\n{_advice(True)}.")
        return copy
    target = Path(folder or data_root() / "photo") / name
    if not wrong_files(target.parent, {target.name: expected[name]}):
        return target
    url = _below(base_url, name) if base_url else FILE_URLS.get(name)
    if url is None:
        raise DownloadError(f"{name} can only be had from a mirror: set COURSE_MIRROR to one.")
    failures = _get_all([_Job(name, url, expected[name], target)], target, timeout, title=name)
    if failures:
        raise DownloadError(
            f"could not fetch {url}:\n{_report(failures)}\n{_advice(False)}, then try again; "
            "nothing unfinished was kept."
        )
    return target


def _mirror_of(name: str) -> Path | None:
    mirror = current_edition().mirror
    return mirror / name if mirror and (mirror / name).exists() else None


def _below(source: str | Path, name: str) -> str | Path:
    return source / name if isinstance(source, Path) else f"{source.rstrip('/')}/{quote(name)}"


def _get_all(jobs: list[_Job], place: Path, timeout: float, title: str) -> dict[str, str]:
    """Get files in parallel; return the names of those that failed, with the reasons."""
    failures: dict[str, str] = {}
    if not jobs:
        return failures
    for job in jobs:  # what is wrong must not pass for good if the new file does not come
        job.target.unlink(missing_ok=True)
    stop = threading.Event()
    get = partial(_get, timeout=timeout, stop=stop, progress=len(jobs) == 1)
    with _staging(place) as staging, ThreadPoolExecutor(THREADS) as pool:
        futures = {
            pool.submit(get, job, staging / f"{number}.part"): job.name
            for number, job in enumerate(jobs)
        }
        try:
            bar = tqdm(as_completed(futures), title, len(jobs), unit="file", disable=len(jobs) == 1)
            for future in bar:
                if reason := future.result():
                    failures[futures[future]] = reason
                if len(failures) == GIVE_UP_AFTER:
                    break
        finally:  # also where the learner interrupts
            stop.set()
            pool.shutdown(cancel_futures=True)
    return dict(sorted(failures.items()))


@contextmanager
def _staging(place: Path) -> Iterator[Path]:
    """Give a folder of this process for unfinished files, hidden beside where they will go."""
    for leftover in place.parent.glob(f".{place.name}.part-*"):
        process = int(leftover.name.rpartition("-")[2])
        if process == os.getpid() or not psutil.pid_exists(process):  # it was killed
            shutil.rmtree(leftover)
    staging = place.with_name(f".{place.name}.part-{os.getpid()}")
    staging.mkdir(parents=True)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _get(
    job: _Job, part: Path, timeout: float, stop: threading.Event, progress: bool
) -> str | None:
    """Put one file in its place; return why that failed, or None."""
    reason = "interrupted"
    for attempt in range(ATTEMPTS):
        if stop.wait(PAUSE * attempt):
            break
        reason, may_pass = _try_to_get(job, part, timeout, progress)
        if not may_pass:
            break
    return reason


def _try_to_get(job: _Job, part: Path, timeout: float, progress: bool) -> tuple[str | None, bool]:
    """Return why a file could not be had, and whether another attempt may succeed."""
    try:
        if isinstance(job.source, Path):
            if not job.source.is_file():
                return "not in the mirror", False
            shutil.copyfile(job.source, part)
        else:
            download = HTTPDownloader(progressbar=progress, chunk_size=CHUNK, timeout=timeout)
            download(job.source, str(part), None)
    except requests.HTTPError as error:
        status, words = error.response.status_code, error.response.reason
        return f"the server answers {status} ({words})", status in _MAY_PASS or status >= 500
    except requests.RequestException as error:
        return _broken_connection(error, timeout), True
    if reason := _mismatch(part, job.sha256):
        return reason, not isinstance(job.source, Path)
    job.target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(job.target)
    return None, False


def _broken_connection(error: requests.RequestException, timeout: float) -> str:
    # requests wraps a stall in mid-file in its ConnectionError, not in its Timeout
    if "timed out" in str(error).lower():
        return f"no answer for {timeout:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off in mid-file"
    return f"no connection ({type(error).__name__})"


def _mismatch(path: Path, sha256: str) -> str | None:
    found = sha256_of(path)
    if found == sha256:
        return None
    size = path.stat().st_size
    return f"wrong content ({size} bytes): expected sha256 {sha256[:16]}…, found {found[:16]}…"


def _report(failures: dict[str, str]) -> str:
    lines = [f"  {name}: {reason}" for name, reason in failures.items()]
    if len(failures) == GIVE_UP_AFTER:
        lines.append(f"  (gave up after {GIVE_UP_AFTER} files)")
    return "\n".join(lines)


def _advice(from_mirror: bool) -> str:
    if from_mirror:
        return "Correct the folder that COURSE_MIRROR names (or unset it, to download)"
    return "Check the network (a proxy or a login page may stand in between)"


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip or tar archive; `folder` holds all of it afterwards, or is not there.

    Parameters
    ----------
    archive : pathlib.Path
        The archive.
    folder : pathlib.Path
        Where its members go; it must not exist yet, or be empty.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    FileExistsError
        If the folder holds something already.
    ValueError
        If the archive is damaged, or a member would lie outside of the folder or is
        neither a file nor a folder; such members are named.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} holds something already: move it away, then try again")
    extract = _extract_zip if zipfile.is_zipfile(archive) else _extract_tar
    with _staging(folder) as staging:
        try:
            extract(archive, staging)
        except (zipfile.BadZipFile, tarfile.ReadError, EOFError, zlib.error) as error:
            raise ValueError(
                f"{archive} is damaged or no archive ({error}): delete it and fetch it again"
            ) from error
        if folder.exists():
            folder.rmdir()
        staging.rename(folder)
    return folder


def _extract_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        kinds = {member.filename: stat.S_IFMT(member.external_attr >> 16)
                 for member in file.infolist()}  # fmt: skip
        plain = (0, stat.S_IFREG, stat.S_IFDIR)  # 0: made where files have no Unix mode
        _refuse(archive, [n for n, kind in kinds.items() if kind not in plain or _escapes(n)])
        file.extractall(folder)


def _extract_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as file:
        # Links are refused altogether: none of the course's archives has any
        plain = {member.name: member.isfile() or member.isdir() for member in file.getmembers()}
        _refuse(archive, [name for name in plain if not plain[name] or _escapes(name)])
        file.extractall(folder, filter="data")


def _escapes(name: str) -> bool:
    kinds = (PurePosixPath(name), PureWindowsPath(name))
    return any(path.anchor or ".." in path.parts for path in kinds)


def _refuse(archive: Path, members: list[str]) -> None:
    if members:
        raise ValueError(
            f"{archive} is not unpacked: {len(members)} of its members would lie outside of "
            f"the folder or are no plain files ({shorten(members)}). Fetch it again from its source"
        )
