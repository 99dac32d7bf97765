"""A student's zip is listed safely, whatever is in it."""

import io
import struct
import zipfile

import pytest

from course_admin.grading import archives
from course_admin.grading.archives import Entry, unpack
from course_admin.grading.limited import OverLimit


def zipped(*files):
    """The bytes of a zip of names and contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return file.getvalue()


def unpacked(data):
    return unpack(Entry(("ada", "work.zip"), len(data), None, lambda most: data[:most]))


def changed(data, in_directory, in_file, new):
    """Change the header of a zip's one file, in both places where it stands."""
    data = bytearray(data)
    for signature, place in ((b"PK\1\2", in_directory), (b"PK\3\4", in_file)):
        start = data.index(signature) + place
        data[start : start + len(new)] = new
    return bytes(data)


ONE = zipped(("x.ipynb", b"{}" * 500))


def test_files_of_a_zip_are_read():
    (entry,) = unpacked(ONE)
    assert entry.parts == ("ada", "x.ipynb")
    assert entry.read(2) == b"{}"
    assert entry.problem is None


ODD = {
    "wrong checksum": (changed(ONE, 16, 14, b"\0\0\0\0"), "cannot be unpacked"),
    "wrong size": (changed(ONE, 24, 22, struct.pack("<I", 9000)), None),
    "no such compression": (changed(ONE, 10, 8, struct.pack("<H", 99)), "cannot be unpacked"),
    "compressed otherwise": (changed(ONE, 10, 8, struct.pack("<H", 14)), "cannot be unpacked"),
    "zip in a zip": (zipped(("y.zip", ONE)), None),
    "date that is none": (changed(ONE, 12, 10, b"\xff\xff\xff\xff"), None),
    "long name": (zipped(("_1" * 30_000 + ".ipynb", b"{}")), None),
    "slashes": (zipped(("/" * 60_000 + "x.ipynb", b"{}")), "leads out of its folder"),
    "dots": (zipped(("a/../../x.ipynb", b"{}")), "leads out of its folder"),
}


@pytest.mark.parametrize(("data", "problem"), ODD.values(), ids=ODD)
def test_odd_zip_is_listed_with_its_problem(data, problem):
    (entry,) = unpacked(data)
    assert problem in entry.problem if problem else entry.problem is None


def test_files_of_the_same_name_are_all_listed():
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped(("x.ipynb", b"first"), ("x.ipynb", b"second"))
    assert {entry.read(9) for entry in unpacked(data)} == {b"first", b"second"}


def test_large_file_in_a_zip_is_listed_and_not_read(monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 100)
    (entry,) = archives.members_of(ONE)
    assert (entry.size, entry.read(9)) == (1000, b"")


def test_zip_that_takes_too_long_is_a_problem_of_this_zip(monkeypatch):
    def too_long(*arguments):
        raise OverLimit("takes more than 30 seconds")

    monkeypatch.setattr(archives, "call_limited", too_long)
    (entry,) = unpacked(ONE)
    assert entry.problem == "is a zip that takes more than 30 seconds to be opened"
