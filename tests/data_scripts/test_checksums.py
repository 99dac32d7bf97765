"""Lists of checksums, and what a comparison with them finds and advises."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_data_scripts import checksums
from course_utils.editions import current_edition

DATASET = "dogs_vs_cats"
FILES = {
    f"{split}/{animal}/1.jpg": f"{split} {animal}".encode()
    for split in ("train", "valid", "test")
    for animal in ("cat", "dog")
}
SUMS = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
VICTIM, LOST, STRANGER = "train/cat/1.jpg", "test/dog/1.jpg", "train/dog/mine.jpg"


def _lines(sums):
    return "".join(f"{sha256}  {name}\n" for name, sha256 in sums.items())


@pytest.fixture(params=["pocket", "photo"])
def edition(request, tmp_path, monkeypatch):
    """An edition whose dogs and cats are the few small files above, still without its data."""
    (tmp_path / f"{DATASET}.txt").write_text("# comment\n" + _lines(SUMS))
    monkeypatch.setattr(checksums, "MANIFESTS", tmp_path)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_EDITION", request.param)
    return current_edition()


@pytest.fixture
def folder(edition):
    """The folder of an intact dataset."""
    folder = edition.folder / DATASET
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    checksums.write_sums(folder, SUMS, "seed 0")
    return folder


def test_no_data(edition):
    found = checksums.verify_dataset(edition, DATASET)
    assert str(found) == f"{DATASET}: not there"
    assert not found.ok
    assert found.advice == f"run `{checksums.COMMANDS[edition.name]}`"
    assert not checksums.is_complete(edition, DATASET)


def test_intact_data(edition, folder):
    (folder / "train" / ".DS_Store").write_bytes(b"litter")
    found = checksums.verify_dataset(edition, DATASET)
    assert str(found) == f"{DATASET}: all 6 files are intact"
    assert found.ok
    assert found.advice == ""
    assert checksums.is_complete(edition, DATASET)


def test_missing_changed_and_extra_files(edition, folder):
    (folder / VICTIM).write_bytes(b"changed")
    (folder / LOST).unlink()
    (folder / STRANGER).write_bytes(b"mine")
    found = checksums.verify_dataset(edition, DATASET)
    assert not found.ok
    assert (found.missing, found.changed, found.extra) == ((LOST,), (VICTIM,), (STRANGER,))
    assert all(name in str(found) for name in (LOST, VICTIM, STRANGER))
    assert found.advice == (
        f"run `{checksums.COMMANDS[edition.name]}`; "
        f"move or delete what is not part of it: {STRANGER}"
    )
    assert not checksums.is_complete(edition, DATASET)


def test_an_extra_file_is_no_reason_to_run_anything(edition, folder):
    (folder / STRANGER).write_bytes(b"mine")
    found = checksums.verify_dataset(edition, DATASET)
    assert not found.ok
    assert found.advice == f"move or delete what is not part of it: {STRANGER}"


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff\xfe\x00binary",
        b"nonsense",
        b"# 6 files, seed 0\n" + _lines(SUMS).encode()[:400],
        b"# 6 files, seed 0\n" + _lines(dict(list(SUMS.items())[:3])).encode(),
        _lines(SUMS).encode(),
    ],
    ids=["empty", "binary", "nonsense", "cut in a line", "cut after a line", "no heading"],
)
def test_a_damaged_list_is_never_mistaken_for_a_good_one(edition, folder, damage):
    (folder / checksums.SUMS_NAME).write_bytes(damage)
    with pytest.raises(ValueError, match="SHA256SUMS is damaged"):
        checksums.recorded_sums(folder)
    found = checksums.verify_dataset(edition, DATASET)
    assert not found.ok
    assert str(found) == f"{DATASET}: its list of checksums is damaged"
    assert found.advice == f"run `{checksums.COMMANDS[edition.name]}`"
    assert not checksums.is_complete(edition, DATASET)


def test_without_its_list_nothing_is_complete(edition, folder):
    (folder / checksums.SUMS_NAME).unlink()
    found = checksums.verify_dataset(edition, DATASET)
    assert not found.ok
    assert f"run `{checksums.COMMANDS[edition.name]}`" in found.advice
    assert not checksums.is_complete(edition, DATASET)


def test_the_written_list_is_one_that_sha256sum_reads(folder):
    lines = (folder / checksums.SUMS_NAME).read_text().splitlines()
    assert lines == ["# 6 files, seed 0", *sorted(_lines(SUMS).splitlines(), key=lambda x: x[66:])]
    assert {path.name for path in folder.iterdir()} == {"train", "valid", "test", "SHA256SUMS"}


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# seed 0\n" + _lines(SUMS) + "e3b0c442  short\n")
    with pytest.raises(ValueError, match=r"list\.txt is damaged \(line 8\)"):
        checksums.read_sums(path)


_NAMES = st.text("abcXYZ019._-() ", min_size=1, max_size=12).filter(str.strip)


@given(st.dictionaries(_NAMES.filter(lambda name: name[0] not in " "), st.binary(max_size=20)))
def test_sums_survive_being_written(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("sums")
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    checksums.write_sums(folder, sums, "any")
    assert checksums.recorded_sums(folder) == sums
