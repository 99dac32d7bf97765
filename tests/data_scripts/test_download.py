"""Downloads against a server on this machine that misbehaves, mirrors, sums and archives."""

import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.editions import DATASETS, current_edition
from data_scripts import checksums, download
from data_scripts.download import DownloadError, fetch, fetch_file, unpack

DATASET = "dogs_vs_cats"
FILES = {
    f"{split}/{animal}/{animal}.{number}.jpg": f"{split} {animal} {number} ".encode() * repeats
    for split, repeats in (("train", 200), ("valid", 200), ("test", 20_000))
    for animal in ("cat", "dog")
    for number in (1, 2)
}
VICTIM = "train/cat/cat.1.jpg"
SINGLE = "weights/some.json"


class _Handler(BaseHTTPRequestHandler):
    """Answers with the server's files, or as badly as its `faults` say for a name."""

    def do_GET(self):
        name = unquote(self.path).lstrip("/")
        self.server.asked[name] += 1
        pending = self.server.faults[name]
        fault = pending.pop(0) if pending else None
        content = self.server.files.get(name)
        if isinstance(fault, int) or content is None:
            self.send_error(fault or 404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if fault == "wrong":
            content = b"<html>please log in</html>".ljust(len(content))
        if fault in ("break", "stall"):
            content = content[: len(content) // 2]
        self.wfile.write(content)
        self.wfile.flush()
        if fault == "stall":
            self.server.released.wait(10)
        self.close_connection = True

    def log_message(self, *args):
        """Keep the tests' output readable."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.files, server.faults = dict(FILES), defaultdict(list)
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
    (manifests / f"{DATASET}.txt").write_text(_lines(FILES))
    (manifests / "files.txt").write_text(_lines({SINGLE: b"{}" * 1000, "big.zip": b"zip"}))
    monkeypatch.setattr(checksums, "MANIFESTS", manifests)
    monkeypatch.setattr(download, "PAUSE", 0.01)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    for variable in ("COURSE_MIRROR", "COURSE_EDITION", "COURSE_BACKBONE"):
        monkeypatch.delenv(variable, raising=False)


def _lines(files):
    return "".join(f"{hashlib.sha256(c).hexdigest()}  {name}\n" for name, c in files.items())


def _content(folder):
    """All files below a folder, the hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture
def photos(tmp_path):
    """Where the photographs go."""
    return tmp_path / "data" / "photo" / DATASET


def test_fetches_all_files_and_nothing_else(server, photos):
    assert fetch(DATASET, base_url=server.url) == photos
    assert _content(photos.parent) == {f"{DATASET}/{name}": c for name, c in FILES.items()}


def test_keeps_what_is_right_and_replaces_what_is_not(server, photos):
    fetch(DATASET, base_url=server.url)
    (photos / VICTIM).write_bytes(b"changed")
    fetch(DATASET, base_url=server.url + "/")
    assert _content(photos) == FILES
    assert server.asked == Counter(dict.fromkeys(FILES, 1) | {VICTIM: 2})


@pytest.mark.parametrize("fault", [500, 429, "break", "wrong"])
def test_tries_again_by_itself(server, photos, fault):
    server.faults[VICTIM] = [fault]
    fetch(DATASET, base_url=server.url)
    assert _content(photos) == FILES
    assert server.asked[VICTIM] == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (404, "the server answers 404 (Not Found)"),
        (500, "the server answers 500 (Internal Server Error)"),
        ("break", "the connection broke off in mid-file"),
        ("stall", "no answer for 0.5 s"),
        ("wrong", "wrong content (2400 bytes): expected sha256"),
    ],
)
def test_says_what_went_wrong_then_a_second_try_completes(server, photos, fault, reason):
    server.faults[VICTIM] = [fault] * download.ATTEMPTS
    with pytest.raises(DownloadError) as caught:
        fetch(DATASET, base_url=server.url, timeout=0.5 if fault == "stall" else 30)
    message = str(caught.value)
    assert f"1 of the 12 files of {DATASET} could not be fetched from {server.url}" in message
    assert f"{VICTIM}: {reason}" in message
    assert "run `course data fetch` again: the 11 files that are complete" in message
    assert _content(photos) == {name: c for name, c in FILES.items() if name != VICTIM}
    assert [path.name for path in photos.parent.iterdir()] == [DATASET]
    server.faults.clear()
    server.released.set()
    fetch(DATASET, base_url=server.url)
    assert _content(photos) == FILES


def test_a_mismatch_tells_both_sums(server):
    server.files[VICTIM] = b"something else"
    with pytest.raises(DownloadError) as caught:
        fetch(DATASET, base_url=server.url)
    for content in (FILES[VICTIM], b"something else"):
        assert hashlib.sha256(content).hexdigest()[:16] in str(caught.value)


def test_does_not_ask_again_for_what_is_not_there(server):
    del server.files[VICTIM]
    with pytest.raises(DownloadError):
        fetch(DATASET, base_url=server.url)
    assert server.asked[VICTIM] == 1


def test_names_all_offenders_at_once(server):
    server.files = {name: c for name, c in FILES.items() if "/dog/" not in name}
    with pytest.raises(DownloadError) as caught:
        fetch(DATASET, base_url=server.url)
    assert all(name in str(caught.value) for name in FILES if "/dog/" in name)
    assert "/cat/" not in str(caught.value)


def test_gives_up_where_everything_fails(server, monkeypatch):
    monkeypatch.setattr(download, "GIVE_UP_AFTER", 3)
    monkeypatch.setattr(download, "THREADS", 1)
    server.files = {}
    with pytest.raises(DownloadError, match=r"gave up after 3 files"):
        fetch(DATASET, base_url=server.url)
    assert sum(server.asked.values()) < len(FILES)


def test_no_server_at_all(photos):
    with pytest.raises(DownloadError, match=r"cat\.1\.jpg: no connection \(ConnectionError\)"):
        fetch(DATASET, base_url="http://127.0.0.1:9")
    assert not photos.exists()


def test_a_wrong_file_goes_even_if_the_right_one_does_not_come(server, photos):
    _write(photos, FILES | {VICTIM: b"half"})
    server.faults[VICTIM] = [404]
    with pytest.raises(DownloadError):
        fetch(DATASET, base_url=server.url)
    assert not (photos / VICTIM).exists()


def test_unknown_data_set():
    with pytest.raises(ValueError, match="dogs_vs_cats, sign_language_digits"):
        fetch("files")


def test_goes_on_after_being_killed(server, photos, tmp_path):
    slow = list(FILES)[-2:]
    server.faults.update({name: ["stall"] for name in slow})
    code = (
        "import sys; from pathlib import Path; from data_scripts import checksums, download;"
        "sums.MANIFESTS = Path(sys.argv[1]); download.fetch('dogs_vs_cats', base_url=sys.argv[2])"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "manifests"), server.url]
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    done = set(FILES) - set(slow)
    try:
        _wait_until(lambda: done <= set(checksums.data_files(photos)) and _unfinished(photos) == 2)
    finally:
        process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        process.wait()
    assert set(_content(photos)) == done
    server.released.set()
    fetch(DATASET, base_url=server.url)
    assert _content(photos.parent) == {f"{DATASET}/{name}": c for name, c in FILES.items()}
    assert all(server.asked[name] == 1 for name in done)


def _unfinished(photos):
    parts = photos.parent.glob(f".{DATASET}.part-*/*")
    return sum(part.stat().st_size > 0 for part in parts)


def _wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def test_clears_up_after_dead_processes_only(server, photos):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for process in (dead.pid, os.getppid()):
        _write(photos.with_name(f".{DATASET}.part-{process}"), {"0.part": b"half"})
    fetch(DATASET, base_url=server.url)
    found = {path.name for path in photos.parent.iterdir()}
    assert found == {DATASET, f".{DATASET}.part-{os.getppid()}"}


def test_a_full_disk_is_not_taken_for_the_network(server, photos, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left") as caught:
        fetch(DATASET, base_url=server.url)
    assert not isinstance(caught.value, DownloadError)
    assert not list(photos.parent.glob(".*"))


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    folder = tmp_path / "mirror"
    _write(folder / DATASET, FILES)
    monkeypatch.setenv("COURSE_MIRROR", str(folder))
    return folder


def test_fetches_from_a_mirror(mirror, photos):
    fetch(DATASET)
    assert _content(photos) == FILES


def test_a_wrong_mirror(mirror, photos):
    (mirror / DATASET / VICTIM).write_bytes(b"rotten")
    other = "test/dog/dog.2.jpg"
    (mirror / DATASET / other).unlink()
    with pytest.raises(DownloadError) as caught:
        fetch(DATASET)
    message = str(caught.value)
    assert f"{VICTIM}: wrong content (6 bytes)" in message
    assert f"{other}: not in the mirror" in message
    assert "COURSE_MIRROR" in message
    assert set(_content(photos)) == set(FILES) - {VICTIM, other}


def test_single_file_is_downloaded_once(server, tmp_path):
    server.files[SINGLE] = b"{}" * 1000
    server.faults[SINGLE] = ["break"]
    for _ in range(2):
        path = fetch_file(SINGLE, base_url=server.url)
        assert path == tmp_path / "data" / "photo" / SINGLE
        assert path.read_bytes() == server.files[SINGLE]
    assert server.asked[SINGLE] == 2


def test_single_file_that_is_wrong(server, tmp_path):
    server.files[SINGLE] = b"no"
    with pytest.raises(DownloadError, match=r"wrong content \(2 bytes\)[\s\S]*nothing unfinished"):
        fetch_file(SINGLE, base_url=server.url)
    assert _content(tmp_path / "data") == {}


def test_single_file_of_a_mirror(mirror):
    _write(mirror, {SINGLE: b"{}" * 1000})
    assert fetch_file(SINGLE) == mirror / SINGLE
    (mirror / SINGLE).write_bytes(b"rotten")
    with pytest.raises(DownloadError, match=r"some\.json: wrong content[\s\S]*COURSE_MIRROR"):
        fetch_file(SINGLE)


def test_single_file_that_cannot_be_had():
    with pytest.raises(DownloadError, match=r"big\.zip can only be had from a mirror"):
        fetch_file("big.zip")
    with pytest.raises(ValueError, match=r"no file 'other', only: weights/some\.json"):
        fetch_file("other")


def _photo_edition(monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", "photo")
    return current_edition()


def test_verify_finds_missing_changed_and_extra_files(photos, monkeypatch):
    _write(photos, FILES)
    (photos / "train" / ".DS_Store").write_bytes(b"litter")
    edition = _photo_edition(monkeypatch)
    assert checksums.verify_dataset(edition, DATASET).ok
    assert checksums.is_complete(edition, DATASET)
    (photos / VICTIM).write_bytes(b"changed")
    (photos / "test/dog/dog.2.jpg").unlink()
    (photos / "train/dog/mine.jpg").write_bytes(b"mine")
    found = checksums.verify_dataset(edition, DATASET)
    assert not found.ok
    assert found.changed == (VICTIM,)
    assert found.missing == ("test/dog/dog.2.jpg",)
    assert found.extra == ("train/dog/mine.jpg",)
    assert not checksums.is_complete(edition, DATASET)
    for name in found.changed + found.missing + found.extra:
        assert name in str(found)


def test_verify_of_pictures_drawn_here(tmp_path):
    edition = current_edition()
    assert str(checksums.verify_dataset(edition, DATASET)) == f"{DATASET}: not there"
    folder = edition.folder / DATASET
    _write(folder, FILES)
    assert not checksums.is_complete(edition, DATASET)
    checksums.write_sums(folder, "seed 0")
    assert checksums.verify_dataset(edition, DATASET).ok
    assert checksums.read_sums(folder / "SHA256SUMS") == checksums.manifest(DATASET)
    (folder / VICTIM).write_bytes(b"changed")
    assert checksums.verify_dataset(edition, DATASET).changed == (VICTIM,)


def test_damaged_list_of_sums(tmp_path):
    path = tmp_path / "SHA256SUMS"
    path.write_text("# seed 0\n" + _lines(FILES) + "e3b0c442  short\n")
    with pytest.raises(ValueError, match=r"line 14"):
        checksums.read_sums(path)


def test_the_course_s_own_lists(monkeypatch):
    monkeypatch.undo()
    counts = Counter(name.split("/")[0] for name in checksums.manifest("dogs_vs_cats"))
    assert counts == {"train": 202, "valid": 103, "test": 451}
    counts = Counter(name.split("/")[0] for name in checksums.manifest("sign_language_digits"))
    assert counts == {"train": 1712, "valid": 300, "test": 50}
    assert set(download.DATASET_URLS) == set(DATASETS)
    assert set(download.FILE_URLS) <= set(checksums.manifest("files"))
    for name in (*DATASETS, "files"):
        assert not [file for file in checksums.manifest(name) if download._escapes(file)]


def _zip(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def _tar(path, members):
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            body = b"" if member is content else content
            member.size = len(body)
            file.addfile(member, io.BytesIO(body))
    return path


def _special(name, kind, target=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize("pack", [_zip, _tar])
def test_unpacks(tmp_path, pack):
    archive = pack(tmp_path / "archive", FILES)
    assert unpack(archive, tmp_path / "out") == tmp_path / "out"
    assert _content(tmp_path / "out") == FILES


@pytest.mark.parametrize("pack", [_zip, _tar])
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:\\evil"])
def test_members_that_would_escape(tmp_path, pack, name):
    archive = pack(tmp_path / "archive", {"good": b"good", name: b"evil"})
    before = _content(tmp_path)
    with pytest.raises(ValueError, match="is not unpacked: 1 of its members") as caught:
        unpack(archive, tmp_path / "out")
    assert name in str(caught.value)
    assert _content(tmp_path) == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "member",
    [
        _special("link", tarfile.SYMTYPE, "/etc/passwd"),
        _special("link", tarfile.SYMTYPE, "../outside"),
        _special("hard", tarfile.LNKTYPE, "../outside"),
        _special("device", tarfile.CHRTYPE),
        _special("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda member: f"{member.name}-{member.linkname}",
)
def test_links_and_devices_in_a_tar(tmp_path, member):
    archive = _tar(tmp_path / "a.tar.gz", {"good": b"good", member.name: member})
    with pytest.raises(ValueError, match=member.name):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_link_in_a_zip(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match="link"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("pack", [_zip, _tar])
def test_damaged_archive(tmp_path, pack):
    archive = pack(tmp_path / "archive", {f"{n}": os.urandom(1000) for n in range(20)})
    content = archive.read_bytes()
    archive.write_bytes(content[:5000])
    with pytest.raises(ValueError, match="damaged or no archive"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    archive.write_bytes(content)
    assert len(_content(unpack(archive, tmp_path / "out"))) == 20


def test_unpack_keeps_what_is_there(tmp_path):
    archive = _zip(tmp_path / "a.zip", {"new": b"new"})
    _write(tmp_path / "out", {"old": b"old"})
    with pytest.raises(FileExistsError, match="holds something already"):
        unpack(archive, tmp_path / "out")
    assert _content(tmp_path / "out") == {"old": b"old"}


_PARTS = st.lists(st.sampled_from(["a", "b", "..", ".", "", "C:", "\\", "..\\"]), min_size=1)


@given(_PARTS.map("/".join))
def test_no_name_escapes_unnoticed(name):
    inside = Path(os.path.normpath(Path("/folder", name)))
    if not inside.is_relative_to("/folder"):
        assert download._escapes(name)


@given(st.lists(st.text("abc012._- ", min_size=1).filter(lambda part: part != ".."), min_size=1))
def test_ordinary_names_are_not_refused(parts):
    assert not download._escapes("/".join(parts))


_NAMES = st.text("abcXYZ019._-() ", min_size=1, max_size=12).filter(str.strip)


@given(st.dictionaries(_NAMES.filter(lambda name: name[0] not in " "), st.binary(max_size=20)))
def test_sums_survive_being_written(tmp_path_factory, files):
    path = tmp_path_factory.mktemp("sums") / "list"
    path.write_text(_lines(files))
    assert checksums.read_sums(path) == {n: hashlib.sha256(c).hexdigest() for n, c in files.items()}
