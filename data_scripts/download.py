"""Fetch the photo edition's photographs, each checked against its checksum.

Every file is downloaded to a staging folder, verified, and only then moved into place.
So an interrupted download resumes where it stopped, and a bad file is never mistaken
for a good one.
"""

import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pooch
import requests
import urllib3
from tqdm import tqdm

from course_utils.editions import current_edition, data_root

from .checksums import SUMS_NAME, manifest, recorded_sums, write_sums, wrong_files
from .storage import exclusive_access, move_into_place, staging_folder

BOOK = (
    "https://raw.githubusercontent.com/moelgendy/deep_learning_for_vision_systems/"
    "2c9d077b43003657cd8f6d5ddfb6f83ee8bae1f3/chapter_06"
)
"""The book's repository, pinned to a commit."""
DATASET_URLS = {
    "dogs_vs_cats": f"{BOOK}/dogs_vs_cats_project/data",
    "sign_language_digits": f"{BOOK}/sign_language_project/dataset",
}
THREADS = 8
RETRIES = 2
GIVE_UP_AFTER = 20
"""Failed files after which the rest is not tried: the network or the source is down."""
STALL_SECONDS = 30.0
"""Silence after which a server counts as stalled."""
MAX_SECONDS = 120.0
MAX_BYTES = 10_000_000
"""Limits for one file; the largest photograph has 1.6 MB."""
MAX_PAUSE = 300.0
"""The longest pause that a server may ask for."""
CHUNK = 1 << 16
_BUSY = {408, 429, 500, 502, 503, 504}


class DownloadError(ConnectionError):
    """Files could not be fetched; the message names them and says what to do."""


class _NoRetryError(Exception):
    """A file cannot be had, and trying again would not help."""


def fetch(dataset: str, base_url: str | None = None) -> Path:
    """Fetch the photographs of a dataset into ``data/photo``; intact files are kept.

    Parameters
    ----------
    dataset : str
        ``"dogs_vs_cats"`` or ``"sign_language_digits"``.
    base_url : str, optional
        An address to fetch from instead of the mirror or the book's repository.

    Returns
    -------
    pathlib.Path
        The dataset's folder.

    Raises
    ------
    ValueError
        If there is no such dataset.
    DownloadError
        If files could not be fetched, or have other content than expected.
    StorageError
        If they cannot be written.
    """
    if dataset not in DATASET_URLS:
        raise ValueError(f"no dataset {dataset!r}; choose one of: {', '.join(DATASET_URLS)}")
    expected, folder = manifest(dataset), data_root() / "photo" / dataset
    source = base_url or _mirror_of(dataset) or DATASET_URLS[dataset]
    with exclusive_access(folder.parent):
        wrong = wrong_files(folder, expected)
        if failures := _fetch_files(folder, {name: expected[name] for name in wrong}, source):
            complete = len(expected) - len(wrong_files(folder, expected))
            raise DownloadError(_report(dataset, source, failures, len(expected), complete))
        _mark_complete(folder, expected)
    return folder


def _mirror_of(dataset: str) -> Path | None:
    mirror = current_edition().mirror
    return mirror / dataset if mirror and (mirror / dataset).exists() else None


def _mark_complete(folder: Path, expected: dict[str, str]) -> None:
    try:
        marked = recorded_sums(folder) == expected
    except ValueError:
        marked = False
    if not marked:
        write_sums(folder, expected, "photographs of the book's repository")


def _fetch_files(folder: Path, sums: dict[str, str], source: str | Path) -> dict[str, str]:
    """Fetch files in parallel; return the reasons of those that failed."""
    failures: dict[str, str] = {}
    if not sums:
        return failures
    for name in (SUMS_NAME, *sums):  # nothing wrong or incomplete stays under a final name
        (folder / name).unlink(missing_ok=True)
    pooch.get_logger().setLevel("WARNING")  # the progress bar says enough
    stop = threading.Event()
    downloader = _copy if isinstance(source, Path) else _Downloader(stop)
    with staging_folder(folder) as staging:
        for parent in {(staging / name).parent for name in sums}:
            parent.mkdir(parents=True, exist_ok=True)  # pooch's threads would race for it
        get = partial(_fetch_one, _registry(sums, source, staging), downloader, folder)
        try:
            for name, reason in tqdm(
                _in_threads(get, sums, stop), folder.name, len(sums), unit="file"
            ):
                if reason:
                    failures[name] = reason
                if len(failures) == GIVE_UP_AFTER:
                    break
        finally:
            stop.set()
    return dict(sorted(failures.items()))


def _in_threads(function: Callable, items: Iterable, stop: threading.Event) -> Iterator:
    """Yield the results for all items as they come; an exception is raised here.

    The threads are daemons: after Ctrl-C, nobody waits for a stalled server.
    """
    waiting, results = queue.SimpleQueue(), queue.SimpleQueue()
    for item in items:
        waiting.put(item)

    def work():
        while not stop.is_set():
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                results.put((function(item), None))
            except BaseException as error:
                results.put((None, error))

    for _ in range(THREADS):
        threading.Thread(target=work, daemon=True).start()
    for _ in items:
        result, error = results.get()
        if error:
            raise error
        yield result


def _registry(sums: dict[str, str], source: str | Path, staging: Path) -> pooch.Pooch:
    from_mirror = isinstance(source, Path)
    urls = {name: str(source / name) if from_mirror else _url(source, name) for name in sums}
    retries = 0 if from_mirror else RETRIES
    return pooch.create(staging, base_url="", registry=sums, urls=urls, retry_if_failed=retries)


def _url(base: str, name: str) -> str:
    """Return the address of a file.

    >>> _url("https://example.org/data/", "train/cat/a cat.jpg")
    'https://example.org/data/train/cat/a%20cat.jpg'
    """
    return f"{base.rstrip('/')}/{quote(name)}"


def _fetch_one(registry: pooch.Pooch, downloader, folder: Path, name: str) -> tuple[str, str]:
    """Put one file into place; return its name, and why that failed or ``""``."""
    try:
        registry.fetch(name, downloader=downloader)
    except _NoRetryError as error:
        return name, str(error)
    except requests.HTTPError as error:
        return name, _answer(error.response)
    except requests.RequestException as error:
        return name, _broken_connection(error)
    except ValueError as error:  # pooch: the checksum differs
        expected, found = (sha256[:16] for sha256 in re.findall("[0-9a-f]{64}", str(error)))
        return name, f"wrong content: expected sha256 {expected}…, found {found}…"
    (registry.abspath / name).chmod(0o644)  # pooch lets only the owner read, not a sandbox's user
    move_into_place(registry.abspath, folder, name)
    return name, ""


def _copy(path: str, output_file: str, registry: pooch.Pooch) -> None:
    """Take a file from a mirror; called by pooch like a downloader."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise _NoRetryError("not in the mirror") from None
    except OSError as error:
        raise _NoRetryError(f"the mirror's file cannot be read ({error.strerror})") from error
    Path(output_file).write_bytes(content)


@dataclass
class _Downloader:
    """Download a file within limits of size and time; called by pooch."""

    stop: threading.Event
    not_before: float = 0.0

    def __call__(self, url: str, output_file: str, registry: pooch.Pooch) -> None:
        """Write what `url` holds to `output_file`."""
        if self.stop.wait(self.not_before - time.monotonic()):
            raise _NoRetryError("interrupted")
        # Uncompressed, because a small compressed answer can expand to many gigabytes
        headers = {"Accept-Encoding": "identity"}
        with requests.get(url, headers=headers, stream=True, timeout=STALL_SECONDS) as response:
            self._check_status(response)
            with Path(output_file).open("wb") as file:
                self._write(response.raw, file)

    def _check_status(self, response: requests.Response) -> None:
        if response.status_code in _BUSY:
            pause = _requested_pause(response)
            if pause > MAX_PAUSE:
                raise _NoRetryError(f"the server asks to come back in {pause / 60:.0f} minutes")
            self.not_before = max(self.not_before, time.monotonic() + pause)
        elif not response.ok:
            raise _NoRetryError(_answer(response))
        response.raise_for_status()

    def _write(self, content: urllib3.HTTPResponse, file) -> None:
        """Write the body as it comes in; a trickle would keep a plain ``read`` busy forever."""
        end, size = time.monotonic() + MAX_SECONDS, 0
        try:
            while chunk := content.read1(CHUNK, decode_content=False):
                size += len(chunk)
                if size > MAX_BYTES:
                    raise _NoRetryError(f"larger than {MAX_BYTES / 1e6:g} MB, so not a photograph")
                if time.monotonic() > end:
                    raise _NoRetryError(f"not complete after {MAX_SECONDS:g} s: too slow")
                if self.stop.is_set():
                    raise _NoRetryError("interrupted")
                file.write(chunk)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.Timeout(error) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error) from error


def _requested_pause(response: requests.Response) -> float:
    """Return the seconds of a ``Retry-After`` header, which may also be a date; 0 without one."""
    try:
        return urllib3.Retry().get_retry_after(response.raw) or 0.0
    except urllib3.exceptions.InvalidHeader:
        return 0.0


def _answer(response: requests.Response) -> str:
    return f"the server answers {response.status_code} ({response.reason})"


def _broken_connection(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer for {STALL_SECONDS:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off in mid-file"
    return f"no connection ({type(error).__name__})"


def _report(dataset: str, source, failures: dict[str, str], expected: int, complete: int) -> str:
    advice = "Check the network (a proxy or a login page may interfere)"
    if isinstance(source, Path):
        advice = "Correct the folder that COURSE_MIRROR names (or unset it, to download)"
    lines = [
        f"{len(failures)} of the {expected} files of {dataset} could not be fetched from {source}:",
        *(f"  {name}: {reason}" for name, reason in failures.items()),
    ]
    if len(failures) == GIVE_UP_AFTER:
        lines.append(f"  (gave up after {GIVE_UP_AFTER} files)")
    lines.append(
        f"{advice}, then run `course data fetch` again: the {complete} files that are "
        "complete are kept."
    )
    return "\n".join(lines)
