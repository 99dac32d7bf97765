"""Hand-ins are sorted by student and exercise, and no file does harm or gets lost."""

import io
import json
import os
import shutil
import stat
import zipfile
from dataclasses import replace
from datetime import datetime

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_admin.grading import archives, collect
from course_admin.grading.cleaning import Unreadable, clean

EXERCISES = {
    "03_feature_extractor": {"q1_answer", "q1_check", "q2_answer"},
    "05_fine_tuning": {"f1_answer", "f1_check"},
}
THREE, FIVE = EXERCISES


def marked(grade_id, source="x = 1", **flags):
    marks = {"grade_id": grade_id, "schema_version": 3, "grade": False, "locked": False}
    return new_code_cell(source, metadata={"nbgrader": marks | {"solution": True} | flags})


def notebook(exercise=THREE, *, source="x = 1", declared=True):
    cells = [marked(grade_id, source) for grade_id in sorted(EXERCISES[exercise])]
    metadata = {"course": {"exercise": exercise}} if declared else {}
    return new_notebook(cells=cells, metadata=metadata)


def content(*arguments, **options):
    return nbformat.writes(notebook(*arguments, **options)).encode()


GOOD = content()


def zipped(files):
    """The bytes of a zip; `files` maps names, or ZipInfo, to contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


@pytest.fixture
def collected(tmp_path):
    """A function that collects files from a folder or a zip."""

    def run(files, as_zip=False, expected=None):
        number = len(list(tmp_path.glob("handed_in*")))
        source = tmp_path / f"handed_in_{number}{'.zip' if as_zip else ''}"
        if as_zip:
            source.write_bytes(zipped(files))
        else:
            for name, data in files.items():
                path = source / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        return collect.collect(source, tmp_path / "into", EXERCISES, expected)

    return run


def summary(submissions):
    return [(one.student, one.exercise, one.problem is None) for one in submissions]


NAMES = {
    "Moodle, a folder for each": (
        f"Ada Lovelace_12345_assignsubmission_file_/{THREE}.ipynb",
        "Ada-Lovelace_12345",
    ),
    "Moodle, newer": (
        f"Ada Lovelace_12345_assignsubmission_file/work/{THREE}.ipynb",
        "Ada-Lovelace_12345",
    ),
    "Moodle, flat": (
        f"Ada Lovelace_12345_assignsubmission_file_{THREE}.ipynb",
        "Ada-Lovelace_12345",
    ),
    "Moodle, blind": (f"Participant_77_assignsubmission_file_/{THREE}.ipynb", "Participant_77"),
    "Canvas": (f"lovelaceada_12345_67890_{THREE}-1.ipynb", "lovelaceada_12345"),
    "Canvas, anonymous": (f"anon_aB3xy_67890_{THREE}.ipynb", "anon_aB3xy"),
    "a folder": (f"ada/{THREE}.ipynb", "ada"),
    "nbgrader": (f"submitted/ada/{THREE}/{THREE}.ipynb", "ada"),
    "nbgrader without its folder": (f"ada/{THREE}/{THREE}.ipynb", "ada"),
}


@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(("name", "student"), NAMES.values(), ids=NAMES)
def test_names_of_learning_platforms_are_known(collected, request, name, student, as_zip):
    (submission,) = collected({name: GOOD}, as_zip)
    assert summary([submission]) == [(student, THREE, True)]
    assert submission.path.name == f"{THREE}.ipynb"
    assert submission.late is (False if "Canvas" in request.node.name else None)


@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
def test_each_student_keeps_an_own_name(collected, as_zip):
    files = {
        f"submissions/Ada L_1_assignsubmission_file_/{THREE}.ipynb": GOOD,
        f"submissions/Ada L_2_assignsubmission_file_/{THREE}.ipynb": GOOD,
        f"submissions/Müller_3_assignsubmission_file_/{FIVE}.ipynb": content(FIVE),
    }
    assert summary(collected(files, as_zip)) == [
        ("Ada-L_1", THREE, True),
        ("Ada-L_2", THREE, True),
        ("Muller_3", FIVE, True),
    ]


def test_late_mark_of_canvas_is_kept(collected):
    files = {
        f"lovelaceada_LATE_12_99_{THREE}.ipynb": GOOD,
        f"LATE_anon_aB3xy_98_{THREE}.ipynb": GOOD,
        f"hoppergrace_13_97_{THREE}.ipynb": GOOD,
    }
    assert {one.student: one.late for one in collected(files, as_zip=True)} == {
        "lovelaceada_12": True,
        "anon_aB3xy": True,
        "hoppergrace_13": False,
    }


def test_canvas_text_instead_of_a_file_needs_review(collected):
    (submission,) = collected({"lovelaceada_12_text.html": b"<p>my answer"})
    assert submission.student == "lovelaceada_12"
    assert "ask for the .ipynb file" in submission.problem


def test_newest_resubmission_counts(collected):
    files = {
        f"ada_1_50_{THREE}.ipynb": content(source="first"),
        f"ada_1_51_{THREE}-1.ipynb": content(source="second"),
        f"ada_1_52_{THREE}-2.ipynb": content(source="third"),
    }
    (submission,) = collected(files, as_zip=True)
    assert nbformat.read(submission.path, 4).cells[0].source == "third"
    assert sum("is not graded" in note for note in submission.notes) == 2


def test_newer_file_counts_where_numbers_do_not_tell(tmp_path):
    folder = tmp_path / "handed_in" / "ada"
    folder.mkdir(parents=True)
    for name, changed in {"a": 2_000_000_000, "b": 1_000_000_000}.items():
        path = folder / f"{name}.ipynb"
        path.write_bytes(content(source=name))
        os.utime(path, (changed, changed))
    (submission,) = collect.collect(tmp_path / "handed_in", tmp_path / "into", EXERCISES)
    assert nbformat.read(submission.path, 4).cells[0].source == "a"
    assert submission.timestamp == datetime(2033, 5, 18, 3, 33, 20)


def test_exercise_is_told_by_metadata_cells_or_name(collected):
    files = {
        "a/x.ipynb": content(FIVE),
        "b/x.ipynb": content(FIVE, declared=False),
        "c/05 fine-tuning (1).ipynb": nbformat.writes(new_notebook(cells=[marked("z")])).encode(),
        "d/x.ipynb": nbformat.writes(new_notebook(cells=[marked("z")])).encode(),
    }
    found = {one.student: one for one in collected(files)}
    assert {name: one.exercise for name, one in found.items()} == {
        "a": FIVE,
        "b": FIVE,
        "c": FIVE,
        "d": None,
    }
    assert "is none of the exercises" in found["d"].problem
    assert "holds no question" in found["c"].problem
    assert found["a"].problem is found["b"].problem is None


def test_zip_of_zips_is_read(collected):
    files = {
        "ada.zip": zipped({f"{THREE}.ipynb": GOOD, "work/x.ipynb": content(FIVE)}),
        "Grace H_7_assignsubmission_file_/all.zip": zipped({f"{THREE}.ipynb": GOOD}),
    }
    expected = [("Grace-H_7", THREE, True), ("ada", THREE, True), ("ada", FIVE, True)]
    assert summary(collected(files)) == expected
    assert summary(collected(files, as_zip=True)) == expected


def test_rubbish_of_file_managers_is_passed_over(collected):
    files = {
        f"__MACOSX/ada/._{THREE}.ipynb": b"\0\5",
        "ada/.DS_Store": b"\0",
        f"ada/.ipynb_checkpoints/{THREE}-checkpoint.ipynb": content(source="old"),
        f"ada/{THREE}.ipynb": GOOD,
        "grades.csv": b"1,2",
    }
    (submission,) = collected(files, as_zip=True)
    assert submission.problem is None
    assert submission.notes == []


def test_notebook_of_nobody_needs_review(collected):
    (submission,) = collected({f"{THREE}.ipynb": GOOD, "read_me.txt": b"x"})
    assert "names no student" in submission.problem
    assert submission.path is None


def test_cleaned_copy_holds_nothing_but_cells(collected):
    given = notebook()
    given.metadata.kernelspec = {"name": "evil", "display_name": "E", "language": "R"}
    given.metadata.widgets = {"state": 1}
    given.cells[0].outputs = [new_output("stream", text="secret")]
    given.cells[0].execution_count = 3
    given.cells[0].metadata.tags = ["x"]
    given.cells[0].metadata.nbgrader.update({"grade": True, "points": float("nan"), "extra": 1})
    image = new_markdown_cell("![x](attachment:x.png)", attachments={"x.png": {"image/png": ""}})
    given.cells.append(image)
    (submission,) = collected({"ada/x.ipynb": nbformat.writes(given).encode()})
    copy = nbformat.read(submission.path, 4)
    nbformat.validate(copy)
    assert copy.metadata.kernelspec.name == "python3"
    assert set(copy.metadata) == {"course", "kernelspec", "language_info"}
    assert (copy.cells[0].outputs, copy.cells[0].execution_count) == ([], None)
    assert set(copy.cells[0].metadata) == {"nbgrader"}
    assert "extra" not in copy.cells[0].metadata.nbgrader
    assert copy.cells[0].metadata.nbgrader.points == 0
    assert "attachments" not in copy.cells[3]
    assert [cell.id for cell in copy.cells] == [cell.id for cell in given.cells]
    assert "names the kernel 'evil'" in submission.notes[0]
    assert "attached images of cell 4" in submission.notes[1]


def test_changed_cells_are_noted(collected):
    given = notebook()
    again = NotebookNode(given.cells[0] | {"id": "again"})
    given.cells = [given.cells[0], again, marked("other")]
    (submission,) = collected({"ada/x.ipynb": nbformat.writes(given).encode()})
    notes = "; ".join(submission.notes)
    assert "q1_answer is there more than once" in notes
    assert "deleted or renamed: q1_check, q2_answer" in notes
    assert "not part of the exercise: other" in notes
    copy = nbformat.read(submission.path, 4)
    assert ["nbgrader" in cell.metadata for cell in copy.cells] == [False, True, False]
    assert len({cell.id for cell in copy.cells}) == 3


def raw(cells, **changed):
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **changed}
    )


VERSION_3 = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [
        {"metadata": {}, "cells": [{"cell_type": "code", "input": ["x"], "outputs": []}]}
    ],
}
BROKEN = {
    "empty": (b"", "is empty"),
    "zeros": (bytes(1000), "is empty"),
    "binary": (bytes(range(256)), "is not text"),
    "half": (GOOD[:-200], "is damaged"),
    "list": (b"[1]", "is not a notebook"),
    "number": (b"9" * 10_000, "is damaged"),
    "deep": (b"[" * 1_000_000, "nested too deeply"),
    "deep cells": (raw([]).replace("[]", '{"a":' * 100_000).encode(), "nested too deeply"),
    "no cells": (raw([]).encode(), "holds no cells"),
    "cells are numbers": (raw([1]).encode(), "cell 1 is not a cell"),
    "source is a number": (raw([{"cell_type": "code", "source": 1}]).encode(), "has no text"),
    "other kind": (raw([{"cell_type": "x", "source": ""}]).encode(), "cell 1 is not a cell"),
    "many cells": (raw([1] * 3000).encode(), "more than 2000 cells"),
    "format 2": (raw([], nbformat=2).encode(), "notebook format 2"),
    "format 99": (raw([], nbformat=10**30).encode(), "notebook format 1000"),
    "broken format 3": (raw([], nbformat=3, worksheets=5).encode(), "cannot be upgraded"),
}


@pytest.mark.parametrize(("data", "problem"), BROKEN.values(), ids=BROKEN)
def test_broken_notebook_needs_review_and_harms_nobody(collected, data, problem):
    files = {f"ada/{THREE}.ipynb": data, f"grace/{THREE}.ipynb": GOOD}
    broken, good = collected(files)
    assert problem in broken.problem
    assert broken.exercise == THREE
    assert broken.path is None
    assert good.problem is None


ODD = {
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, "UTF-8-SIG"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "UTF-16"),
    "zero character": (content(source="a\0b"), "invalid characters"),
    "half a character": (GOOD.replace(b'"x = 1"', rb'"x = \ud800"'), "invalid characters"),
}


@pytest.mark.parametrize(("data", "note"), ODD.values(), ids=ODD)
def test_odd_notebook_is_read_with_a_note(collected, data, note):
    (submission,) = collected({"ada/x.ipynb": data})
    assert submission.problem is None
    assert note in submission.notes[0]
    nbformat.validate(nbformat.read(submission.path, 4))


def test_notebook_of_format_3_is_upgraded():
    cleaned = clean(json.dumps(VERSION_3).encode())
    assert cleaned.notebook.cells[0].source == "x"
    assert "upgraded" in cleaned.notes[0]


def test_good_notebook_has_no_notes():
    assert clean(GOOD).notes == []
    with pytest.raises(Unreadable):
        clean(b"{}")


@pytest.mark.parametrize("name", [THREE, f"{THREE}.json", f"{THREE}.ipynb.txt", "my work v1.2"])
def test_missing_extension_is_noted(collected, name):
    (submission,) = collected({f"ada/{name}": GOOD, "ada/note.txt": b"Dear teacher"})
    assert submission.problem is None
    assert "not .ipynb" in submission.notes[-1]


def test_large_notebook_is_not_read(tmp_path, monkeypatch):
    folder = tmp_path / "handed_in" / "ada"
    folder.mkdir(parents=True)
    with (folder / f"{THREE}.ipynb").open("wb") as file:
        file.truncate(200_000_000)  # takes no room on the disk
    monkeypatch.setattr(collect, "clean", pytest.fail)
    (submission,) = collect.collect(tmp_path / "handed_in", tmp_path / "into", EXERCISES)
    assert "larger than 20 MB" in submission.problem
    assert "Clear Outputs" in submission.problem


def link(name, target="/etc/passwd"):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


def device(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFCHR | 0o777) << 16
    return info, b""


def encrypted(name):
    data = bytearray(zipped({name: GOOD}))
    for signature, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + place] |= 1
    return bytes(data)


UNSAFE = {
    "link": (zipped(dict([link(f"{THREE}.ipynb")])), "symbolic link"),
    "device": (zipped(dict([device(f"{THREE}.ipynb")])), "not a regular file"),
    "parent": (zipped({f"../../{THREE}.ipynb": GOOD}), "leads out of its folder"),
    "absolute": (zipped({f"/tmp/{THREE}.ipynb": GOOD}), "leads out of its folder"),
    "backslash": (zipped({f"..\\{THREE}.ipynb": GOOD}), "leads out of its folder"),
    "drive": (zipped({f"C:\\{THREE}.ipynb": GOOD}), "leads out of its folder"),
    "encrypted": (encrypted(f"{THREE}.ipynb"), "is encrypted"),
    "zip in a zip in a zip": (zipped({"a.zip": zipped({"x.ipynb": GOOD})}), "a zip in a zip"),
    "no zip": (b"PK is not enough", "cannot be opened"),
    "half a zip": (zipped({"x.ipynb": GOOD})[:-30], "cannot be opened"),
    "zip bomb": (zipped({f"{i}.ipynb": bytes(19_000_000) for i in range(3)}), "suspiciously"),
    "many files": (zipped({f"{i}.ipynb": b"" for i in range(1500)}), "more than 1000 files"),
    "empty zip": (zipped({}), "holds no notebook"),
}


@pytest.mark.parametrize(("data", "problem"), UNSAFE.values(), ids=UNSAFE)
def test_unsafe_zip_of_one_student_harms_nobody(collected, tmp_path, data, problem):
    before = set(tmp_path.parent.iterdir())
    unsafe, good = collected({"ada.zip": data, f"grace/{THREE}.ipynb": GOOD}, as_zip=True)
    assert problem in unsafe.problem
    assert unsafe.path is None
    assert summary([good]) == [("grace", THREE, True)]
    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.ipynb")}
    assert {path.parts[:2] for path in written} == {("into", "grace")}
    assert set(tmp_path.parent.iterdir()) == before


def test_more_bytes_than_a_zip_says_are_not_read():
    entry = archives.Entry(("x.ipynb",), 10, None, lambda most: bytes(most))
    with pytest.raises(Unreadable, match="larger than 20 MB"):
        collect._content(entry)


def test_size_of_a_zip_bomb_is_seen_without_unpacking(monkeypatch):
    data = zipped({f"{i}.zip": bytes(30_000_000) for i in range(8)})
    monkeypatch.setattr(zipfile.ZipFile, "open", pytest.fail)
    with pytest.raises(archives.BadZip, match="more than 200 MB"):
        archives.members_of(data)


def test_one_student_cannot_fill_the_time_of_the_others(collected, monkeypatch):
    monkeypatch.setattr(collect, "MOST_BYTES", 2 * len(GOOD))
    monkeypatch.setattr(collect, "LARGEST_NOTEBOOK", len(GOOD))
    submissions = collected({f"ada/{name}.ipynb": content(FIVE) for name in "abcd"})
    assert "handed in too much" in submissions[-1].problem


def test_links_in_folders_are_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / f"{THREE}.ipynb").write_bytes(GOOD)
    folder = tmp_path / "handed_in" / "ada"
    folder.mkdir(parents=True)
    (folder / f"{THREE}.ipynb").symlink_to(outside / f"{THREE}.ipynb")
    (tmp_path / "handed_in" / "grace").symlink_to(outside)
    os.mkfifo(folder / f"{FIVE}.ipynb")
    submissions = collect.collect(tmp_path / "handed_in", tmp_path / "into", EXERCISES)
    problems = {(one.student, one.exercise): one.problem for one in submissions}
    assert "symbolic link" in problems["ada", THREE]
    assert "not a regular file" in problems["ada", FIVE]
    assert not any(one.path for one in submissions)


@pytest.mark.parametrize("name", ["a\nb\x1b[2J", "é" * 90, "日本語", "'; rm -rf", "<script>"])
def test_odd_names_are_taken(collected, name):
    first, second = collected({f"{name}/{THREE} {name}.ipynb": GOOD, f"zoe/{THREE}.ipynb": b"{"})
    assert {first.problem is None, second.problem is None} == {True, False}
    for submission in (first, second):
        assert submission.student.isascii()
        assert all(text.isprintable() for text in [*submission.notes, submission.problem or ""])


def test_error_in_one_file_is_a_problem_of_this_file(collected, monkeypatch):
    def fail_once(data):
        if b"bad" in data:
            raise MemoryError
        return clean(data)

    monkeypatch.setattr(collect, "clean", fail_once)
    files = {f"ada/{THREE}.ipynb": content(source="bad"), f"grace/{THREE}.ipynb": GOOD}
    assert [one.problem is None for one in collected(files)] == [False, True]


def test_source_that_is_no_hand_in_says_what_to_do(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"no zip")
    for name, words in {"missing": "name the folder", "x.zip": "download it again"}.items():
        with pytest.raises(ValueError, match=words):
            collect.collect(tmp_path / name, tmp_path / "into", EXERCISES)


def test_collecting_again_gives_the_same(collected):
    files = {f"ada/{THREE}.ipynb": GOOD}
    (first,) = collected(files)
    before = first.path.read_bytes()
    (second,) = collected(files)
    assert second == replace(first, timestamp=second.timestamp)
    assert second.path.read_bytes() == before


def test_notebook_of_another_exercise_needs_review(collected):
    scratch = nbformat.writes(new_notebook(cells=[marked("z")])).encode()
    files = {
        "ada/x.ipynb": content(FIVE),
        "grace/x.ipynb": GOOD,
        "grace/y.ipynb": content(FIVE),
        "grace/scratch-9.ipynb": scratch,
        "zoe/note.docx": b"x",
        "zora/x.ipynb": scratch,
    }
    ada, grace, zoe, zora = collected(files, expected=THREE)
    assert {one.exercise for one in (ada, grace, zoe, zora)} == {THREE}
    assert "x.ipynb is a notebook of 05_fine_tuning, but 03_feature_extractor" in ada.problem
    assert ada.path is None and ada.origin.file == "x.ipynb"
    assert grace.problem is None and grace.origin.file == "x.ipynb"
    assert "scratch-9.ipynb is a notebook of no exercise; y.ipynb is a noteb" in grace.notes[0]
    assert "holds no notebook" in zoe.problem
    assert "holds no question of 03_feature_extractor" in zora.problem


def test_files_of_which_nothing_tells_which_is_newer_are_graded_and_contested(collected):
    files = {"ada/a.ipynb": GOOD, "ada/b.ipynb": content(source="y"), "eve/a.ipynb": GOOD}
    files |= {"eve/b.ipynb": GOOD, "zoe/a.ipynb": GOOD, "zoe/b-1.ipynb": content(source="y")}
    ada, eve, zoe = collected(files)
    assert ada.path and "b.ipynb, which was graded, is newer than a.ipynb" in ada.contested
    assert eve.contested is None, "they are the same"
    assert zoe.contested is None and nbformat.read(zoe.path, 4).cells[0].source == "y"


@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
def test_empty_folder_is_somebodys(tmp_path, as_zip):
    source = tmp_path / "handed_in"
    for name in ("ada", "grace/pictures"):
        (source / name).mkdir(parents=True)
    (source / "grace" / f"{THREE}.ipynb").write_bytes(GOOD)
    if as_zip:
        source = shutil.make_archive(tmp_path / "all", "zip", source)
    ada, grace = collect.collect(source, tmp_path / "into", EXERCISES)
    assert ada.student == "ada" and "the folder is empty" in ada.problem
    assert (grace.problem, grace.notes) == (None, [])


def test_zip_of_nobody_in_particular_is_not_graded(collected):
    name = "Ada_1_assignsubmission_file_2_assignsubmission_file.zip"
    (submission,) = collected({name: zipped({f"{THREE}.ipynb": GOOD})}, as_zip=True)
    assert submission.path is None and "different people" in submission.problem
    assert submission.student != "Ada_1"


@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(
    "inside",
    [
        ["ada/x.ipynb", "grace/x.ipynb"],
        ["lovelaceada_12_99_x.ipynb"],
        ["Ada_1_assignsubmission_file_/x.ipynb"],
    ],
)
def test_what_is_in_a_learners_folder_belongs_to_nobody_else(collected, inside, as_zip):
    files = {f"eve/{name}": GOOD for name in inside}
    with pytest.raises(ValueError, match="put it into a folder called submitted"):
        collected(files, as_zip)
    submissions = collected({f"submitted/{name}": data for name, data in files.items()}, as_zip)
    assert {one.student for one in submissions} == {"eve"}
    submissions = collected(files | {f"zoe/{THREE}.ipynb": GOOD}, as_zip)
    assert {one.student for one in submissions} == {"eve", "zoe"}


def test_people_with_the_same_letters_stay_two(collected):
    files = {
        f"김민준_30010_assignsubmission_file_/{THREE}.ipynb": content(source="minjun"),
        f"이서연_30010_assignsubmission_file_/{THREE}.ipynb": content(source="seoyeon"),
    }
    found = collected(files, as_zip=True)
    assert {one.origin.name for one in found} == {"김민준", "이서연"}
    assert len({one.path for one in found}) == 2
    assert all(one.origin.number == "30010" and one.origin.platform == "moodle" for one in found)


def test_odd_letters_of_a_name_get_into_no_database(collected):
    (submission,) = collected({f"ada\x07\u2028b\udcff{'c' * 200}/x.ipynb": GOOD})
    assert submission.origin.name == f"ada??b?{'c' * 200}"[:128]


def test_time_is_that_of_the_platform_not_of_a_learners_zip(tmp_path):
    inner = zipfile.ZipInfo(f"{THREE}.ipynb", (2099, 1, 1, 0, 0, 0))
    outer = zipfile.ZipInfo("ada/work.zip", (2026, 3, 2, 10, 0, 0))
    (tmp_path / "all.zip").write_bytes(zipped({outer: zipped({inner: GOOD})}))
    (submission,) = collect.collect(tmp_path / "all.zip", tmp_path / "into", EXERCISES)
    assert submission.timestamp == datetime(2026, 3, 2, 10)
