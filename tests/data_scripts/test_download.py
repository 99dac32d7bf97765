"""Downloads from a misbehaving server on this machine, and from mirrors."""

import gzip
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

from course_data_scripts import checksums, download
from course_data_scripts.download import DownloadError, fetch
from course_data_scripts.storage import StorageError
from course_utils.editions import DATASETS, current_edition

DATASET = "dogs_vs_cats"
FILES = {
    f"{split}/{animal}/{animal}.{number}.jpg": f"{split} {animal} {number} ".encode() * repeats
    for split, repeats in (("train", 200), ("valid", 200), ("test", 20_000))
    for animal in ("cat", "dog")
    for number in (1, 2)
}
VICTIM = "train/cat/cat.1.jpg"


class _Handler(BaseHTTPRequestHandler):
    """Answers with the server's files, or as badly as its `faults` say for a name."""

    def do_GET(self):
        name = unquote(self.path).lstrip("/")
        self.server.asked[name] += 1
        pending = self.server.faults[name]
        fault = pending.pop(0) if pending else None
        content = self.server.files.get(name)
        if fault == "silence":
            self.server.released.wait(10)
        if isinstance(fault, int) or content is None:
            self.send_response(fault or 404)
            for header in self.server.headers.items():
                self.send_header(*header)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        if fault == "bomb":
            content = gzip.compress(bytes(20_000_000))
            self.send_header("Content-Encoding", "gzip")
        if fault not in ("endless", "drip"):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        getattr(self, f"_{fault}", self.wfile.write)(content)
        self.wfile.flush()
        if fault == "stall":
            self.server.released.wait(10)
        self.close_connection = True

    def _wrong(self, content):
        self.wfile.write(b"<html>please log in</html>".ljust(len(content)))

    def _break(self, content):
        self.wfile.write(content[: len(content) // 2])

    _stall = _break

    def _endless(self, content):
        while not self.server.released.is_set():
            try:
                self.wfile.write(bytes(100_000))
            except OSError:  # the client has had enough
                return

    def _drip(self, content):
        while not self.server.released.wait(0.01):
            try:
                self.wfile.write(b".")
            except OSError:
                return

    def log_message(self, *args):
        """Keep the tests' output readable."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.files, server.faults, server.headers = dict(FILES), defaultdict(list), {}
    server.asked, server.released = Counter(), threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def small_course(tmp_path, monkeypatch):
    """A course whose dogs and cats are the few small files above, with its data in tmp_path."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    lines = [f"{hashlib.sha256(c).hexdigest()}  {name}\n" for name, c in FILES.items()]
    (manifests / f"{DATASET}.txt").write_text("".join(lines))
    monkeypatch.setattr(checksums, "MANIFESTS", manifests)
    # pooch pauses one second before it tries again, then two
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_EDITION", "photo")
    for variable in ("COURSE_MIRROR", "COURSE_BACKBONE"):
        monkeypatch.delenv(variable, raising=False)


def _write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _photos_in(folder):
    return {name: (folder / name).read_bytes() for name in checksums.data_files(folder)}


def _is_intact():
    return checksums.verify_dataset(current_edition(), DATASET).ok


@pytest.fixture
def photos(tmp_path):
    """Where the photographs go."""
    return tmp_path / "data" / "photo" / DATASET


def test_fetches_all_files_and_leaves_nothing_else(server, photos):
    assert fetch(DATASET, server.url) == photos
    assert _photos_in(photos) == FILES
    assert {path.name for path in photos.parent.iterdir()} == {DATASET, ".lock"}
    assert {path.name for path in photos.iterdir()} == {"train", "valid", "test", "SHA256SUMS"}


def test_keeps_intact_files_and_replaces_others(server, photos):
    fetch(DATASET, server.url)
    (photos / VICTIM).write_bytes(b"changed")
    fetch(DATASET, server.url + "/")
    assert _photos_in(photos) == FILES
    assert server.asked == Counter(dict.fromkeys(FILES, 1) | {VICTIM: 2})


@pytest.mark.parametrize("sums", [None, b"", b"\xff\x00", b"# 3 files, of another dataset\n"])
def test_a_complete_folder_gets_its_list_of_checksums_without_a_download(server, photos, sums):
    _write(photos, FILES)
    if sums is not None:
        (photos / "SHA256SUMS").write_bytes(sums)
    assert not _is_intact()
    fetch(DATASET, server.url)
    assert _is_intact()
    assert not server.asked


@pytest.mark.parametrize("fault", [500, 429, 503, "break", "wrong"])
def test_tries_again_by_itself(server, photos, fault):
    server.faults[VICTIM] = [fault]
    fetch(DATASET, server.url)
    assert _photos_in(photos) == FILES
    assert server.asked[VICTIM] == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (404, "the server answers 404 (Not Found)"),
        (500, "the server answers 500 (Internal Server Error)"),
        ("break", "the connection broke off in mid-file"),
        ("stall", "no answer for 0.5 s"),
        ("silence", "no answer for 0.5 s"),
        ("wrong", "wrong content: expected sha256"),
        ("drip", "not complete after 0.3 s: too slow"),
        ("endless", "larger than 1 MB"),
        ("bomb", "wrong content: expected sha256"),  # compared as it came, never expanded
    ],
)
def test_says_what_went_wrong_then_a_second_try_completes(
    server, photos, monkeypatch, fault, reason
):
    monkeypatch.setattr(download, "STALL_SECONDS", 0.5 if "no answer" in reason else 30)
    monkeypatch.setattr(download, "MAX_SECONDS", 0.3 if fault == "drip" else 60)
    monkeypatch.setattr(download, "MAX_BYTES", 1_000_000)
    server.faults[VICTIM] = [fault] * (1 + download.RETRIES)
    with pytest.raises(DownloadError) as caught:
        fetch(DATASET, server.url)
    message = str(caught.value)
    assert f"1 of the 12 files of {DATASET} could not be fetched from {server.url}" in message
    assert f"{VICTIM}: {reason}" in message
    assert "run `course data fetch` again: the 11 files that are complete" in message
    assert _photos_in(photos) == {name: c for name, c in FILES.items() if name != VICTIM}
    assert not (photos / "SHA256SUMS").exists()
    assert {path.name for path in photos.parent.iterdir()} == {DATASET, ".lock"}
    server.faults.clear()
    server.released.set()
    fetch(DATASET, server.url)
    assert _is_intact()


def test_a_mismatch_tells_both_checksums(server):
    server.files[VICTIM] = b"something else"
    with pytest.raises(DownloadError) as caught:
        fetch(DATASET, server.url)
    for content in (FILES[VICTIM], b"something else"):
        assert hashlib.sha256(content).hexdigest()[:16] in str(caught.value)


def test_obeys_retry_after_with_all_threads(server, photos, monkeypatch):
    waited = []

    class Stop(threading.Event):
        def wait(self, timeout=None):
            waited.append(timeout)

    monkeypatch.setattr(download.threading, "Event", Stop)
    monkeypatch.setattr(download, "THREADS", 1)
    server.faults[VICTIM], server.headers = [429], {"Retry-After": "120"}
    fetch(DATASET, server.url)
    assert _photos_in(photos) == FILES
    assert sum(110 < seconds <= 120 for seconds in waited if seconds) >= 2


def test_a_nonsensical_retry_after_is_ignored(server, photos):
    server.faults[VICTIM], server.headers = [503], {"Retry-After": "soon"}
    fetch(DATASET, server.url)
    assert _photos_in(photos) == FILES


def test_does_not_wait_for_hours(server):
    server.faults[VICTIM], server.headers = [503], {"Retry-After": "7200"}
    with pytest.raises(DownloadError, match="the server asks to come back in 120 minutes"):
        fetch(DATASET, server.url)
    assert server.asked[VICTIM] == 1


def test_does_not_ask_again_for_what_is_not_there(server):
    del server.files[VICTIM]
    with pytest.raises(DownloadError):
        fetch(DATASET, server.url)
    assert server.asked[VICTIM] == 1


def test_names_all_offenders_at_once(server):
    server.files = {name: c for name, c in FILES.items() if "/dog/" not in name}
    with pytest.raises(DownloadError) as caught:
        fetch(DATASET, server.url)
    assert all(name in str(caught.value) for name in FILES if "/dog/" in name)
    assert "/cat/" not in str(caught.value)


def test_gives_up_if_everything_fails(server, monkeypatch):
    monkeypatch.setattr(download, "GIVE_UP_AFTER", 3)
    monkeypatch.setattr(download, "THREADS", 1)
    server.faults = defaultdict(lambda: [404])
    with pytest.raises(DownloadError, match=r"gave up after 3 files"):
        fetch(DATASET, server.url)


def test_no_server_at_all(photos):
    with pytest.raises(DownloadError, match=r"cat\.1\.jpg: no connection \(ConnectionError\)"):
        fetch(DATASET, "http://127.0.0.1:9")
    assert not photos.exists()


def test_a_wrong_file_goes_even_if_the_right_one_does_not_come(server, photos):
    _write(photos, FILES | {VICTIM: b"half"})
    server.faults[VICTIM] = [404]
    with pytest.raises(DownloadError):
        fetch(DATASET, server.url)
    assert not (photos / VICTIM).exists()


def test_unknown_dataset():
    with pytest.raises(ValueError, match="dogs_vs_cats, sign_language_digits"):
        fetch("files")


_FETCH = """
import sys
from pathlib import Path
from course_admin import cli
from course_data_scripts import checksums, download

checksums.MANIFESTS = Path(sys.argv[1])
download.DATASET_URLS["dogs_vs_cats"] = sys.argv[2]
sys.exit(cli.main(["data", "fetch", "dogs_vs_cats"]))
"""


def _start_fetching(server, tmp_path):
    arguments = [sys.executable, "-c", _FETCH, str(tmp_path / "manifests"), server.url]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


@pytest.fixture
def stalled(server, photos, tmp_path):
    """A process that has fetched all files but two, for which it waits."""
    slow = list(FILES)[-2:]
    server.faults.update({slow[0]: ["stall"], slow[1]: ["silence"]})
    done = set(FILES) - set(slow)
    process = _start_fetching(server, tmp_path)
    try:
        _wait_until(
            lambda: done <= set(checksums.data_files(photos)) and all(server.asked[n] for n in slow)
        )
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_resumes_after_being_killed(stalled, server, photos):
    stalled.send_signal(signal.SIGKILL)
    stalled.wait()
    done = set(_photos_in(photos))
    assert len(done) == len(FILES) - 2
    server.released.set()
    fetch(DATASET, server.url)
    assert _is_intact()
    assert all(server.asked[name] == 1 for name in done)
    assert {path.name for path in photos.parent.iterdir()} == {DATASET, ".lock"}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_it_although_the_server_is_silent(stalled, photos):
    stalled.send_signal(signal.SIGINT)
    _, error = stalled.communicate(timeout=9)  # the server stays silent for ten seconds
    assert stalled.returncode == 130
    assert "interrupted; run the same command again" in error
    assert "Traceback" not in error
    assert {path.name for path in photos.parent.iterdir()} == {DATASET, ".lock"}


def test_two_at_once_fetch_everything_once(stalled, server, photos, tmp_path):
    second = _start_fetching(server, tmp_path)
    assert "Fetching from" in second.stdout.readline()
    assert "Waiting for another `course data` command" in second.stdout.readline()
    server.released.set()  # the silent one answers, the stalled one breaks off and is tried again
    assert [process.wait(timeout=60) for process in (stalled, second)] == [0, 0]
    second.communicate()
    assert _is_intact()
    assert server.asked.total() == len(FILES) + 1


@pytest.mark.parametrize("leftover", ["part-abc", "part-1", "part-"])
def test_leftovers_of_a_killed_process_are_removed(server, photos, leftover):
    _write(photos.with_name(f".{DATASET}.{leftover}"), {"0.part": b"half"})
    fetch(DATASET, server.url)
    assert {path.name for path in photos.parent.iterdir()} == {DATASET, ".lock"}


def test_a_full_disk_is_not_blamed_on_the_network(server, photos, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "move_into_place", full)
    with pytest.raises(StorageError, match=r"the disk is full: make room, or point COURSE_DATA"):
        fetch(DATASET, server.url)
    assert not list(photos.parent.glob(".*part*"))


def test_a_folder_in_the_place_of_a_file_is_named(server, photos):
    (photos / VICTIM / "inside").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"cat\.1\.jpg: .*(move it away|not permitted)"):
        fetch(DATASET, server.url)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    folder = tmp_path / "mirror"
    _write(folder / DATASET, FILES)
    monkeypatch.setenv("COURSE_MIRROR", str(folder))
    return folder


def test_fetches_from_a_mirror_and_leaves_it_as_it_was(mirror, photos):
    before = {path: path.stat().st_mtime_ns for path in mirror.rglob("*")}
    fetch(DATASET)
    assert _photos_in(photos) == FILES
    assert {path: path.stat().st_mtime_ns for path in mirror.rglob("*")} == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_every_user_may_read_the_photographs(mirror, photos):
    fetch(DATASET)
    modes = {path.stat().st_mode & 0o777 for path in photos.rglob("*.jpg")}
    assert modes == {0o644}


def test_a_wrong_mirror(mirror, photos):
    missing, folder = "test/dog/dog.2.jpg", "test/dog/dog.1.jpg"
    (mirror / DATASET / VICTIM).write_bytes(b"rotten")
    for name in (missing, folder):
        (mirror / DATASET / name).unlink()
    (mirror / DATASET / folder).mkdir()
    with pytest.raises(DownloadError) as caught:
        fetch(DATASET)
    message = str(caught.value)
    assert f"{VICTIM}: wrong content" in message
    assert f"{missing}: not in the mirror" in message
    assert f"{folder}: the mirror's file cannot be read (Is a directory)" in message
    assert "COURSE_MIRROR" in message
    assert set(_photos_in(photos)) == set(FILES) - {VICTIM, missing, folder}


def test_the_course_s_own_lists(monkeypatch):
    monkeypatch.undo()
    counts = Counter(name.split("/")[0] for name in checksums.manifest("dogs_vs_cats"))
    assert counts == {"train": 202, "valid": 103, "test": 451}
    counts = Counter(name.split("/")[0] for name in checksums.manifest("sign_language_digits"))
    assert counts == {"train": 1712, "valid": 300, "test": 50}
    assert set(download.DATASET_URLS) == set(DATASETS)
    for dataset in DATASETS:
        for name in checksums.manifest(dataset):
            inside = Path(os.path.normpath(Path("/folder", name)))
            assert inside == Path("/folder") / name
            assert "\\" not in name
