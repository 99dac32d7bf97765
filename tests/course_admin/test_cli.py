"""The course command: what its data commands print, and its exit status."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course_admin import cli
from course_data_scripts import checksums, draw
from course_utils.editions import DATASETS, current_edition

SPLITS = ("train", "valid", "test")

pytestmark = pytest.mark.usefixtures("empty_course")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["doctor", "data", "examples:", "course data fetch", "COURSE_EDITION"]),
        (["data", "--help"], ["make", "fetch", "verify", "list", "clean", "examples:"]),
        (["data", "make", "--help"], ["--seed", "--again", "draw or repair"]),
        (["data", "fetch", "--help"], ["DATASET", *DATASETS]),
        (["doctor", "--help"], ["--edition {pocket,photo}"]),
        (["grades", "--help"], ["moodle", "canvas"]),
        (["grades", "canvas", "--help"], ["GRADEBOOK", "--assignment", "--exercise"]),
    ],
)
def test_help(arguments, words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(word in text.lower() or word in text for word in words)
    assert max(len(line) for line in text.splitlines()) <= 90


def test_every_option_of_grading_is_explained_to_instructors(capsys):
    guide = (Path(cli.__file__).parents[1] / "instructor" / "README.md").read_text(encoding="utf-8")
    for command in (["grade"], ["grades", "moodle"], ["grades", "canvas"]):
        with pytest.raises(SystemExit):
            cli.main([*command, "--help"])
        options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out.partition("examples:")[0]))
        assert [one for one in options - {"--help"} if f"`{one}" not in guide] == []


@pytest.mark.parametrize("arguments", [[], ["data"], ["data", "fly"], ["doctor", "--edition", "x"]])
def test_nonsense_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: course" in capsys.readouterr().err


def test_the_command_does_without_tensorflow():
    code = (
        "import sys; from course_admin import cli, doctor; from course_data_scripts import draw;"
        "cli.main(['data', 'list']); assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_make_draws_once(small_drawings, capsys):
    assert cli.main(["data", "make", "--seed", "3"]) == 0
    first = capsys.readouterr().out
    assert cli.main(["data", "make"]) == 0
    second = capsys.readouterr().out
    assert small_drawings == [3] * 6
    assert "drawing all takes about a minute" in first
    assert first.count(": 3 images drawn (") == 2
    assert second.count(": nothing to do (") == 2
    assert cli.main(["data", "make", "--again"]) == 0
    assert small_drawings == [3] * 12


def test_make_that_is_interrupted_says_how_to_go_on(small_drawings, monkeypatch, capsys):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(draw, "draw_images", interrupted)
    assert cli.main(["data", "make"]) == 130
    assert "interrupted; run the same command again" in capsys.readouterr().err


def test_make_in_a_place_that_is_no_folder(small_drawings, tmp_path, capsys):
    (tmp_path / "data").write_text("a file")
    assert cli.main(["data", "make"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("course: cannot write")
    assert "move it away" in error


@pytest.mark.usefixtures("small_drawings", "mirror")
@pytest.mark.parametrize("command", ["make", "fetch"])
def test_files_that_are_not_part_of_a_dataset_are_named_and_kept(command, capsys):
    cli.main(["data", command])
    assert "mine.jpg" not in capsys.readouterr().out
    mine = current_edition().folder / "dogs_vs_cats" / "train" / "mine.jpg"
    mine.write_bytes(b"my cat")
    assert cli.main(["data", command]) == 0
    expected = "dogs_vs_cats: move or delete what is not part of it: train/mine.jpg"
    assert expected in capsys.readouterr().out
    assert mine.read_bytes() == b"my cat"


@pytest.mark.usefixtures("small_drawings")
def test_verify_and_its_remedy(capsys):
    assert cli.main(["data", "verify"]) == 1
    assert capsys.readouterr().out.count("not there: run `course data make`") == 2
    cli.main(["data", "make"])
    capsys.readouterr()
    assert cli.main(["data", "verify"]) == 0
    assert capsys.readouterr().out.count("all 3 files are intact") == 2
    (current_edition().folder / "dogs_vs_cats/train/cat/1.jpg").write_bytes(b"changed")
    assert cli.main(["data", "verify"]) == 1
    assert "1 changed (train/cat/1.jpg): run `course data make`" in capsys.readouterr().out
    cli.main(["data", "make"])
    assert "dogs_vs_cats: 1 images drawn" in capsys.readouterr().out
    assert cli.main(["data", "verify"]) == 0


@pytest.mark.usefixtures("small_drawings")
def test_list(tmp_path, capsys):
    assert cli.main(["data", "list"]) == 0
    empty = capsys.readouterr().out.splitlines()
    assert len(empty) == 1 + len(DATASETS) * len(SPLITS) + 1
    assert empty[0].split() == ["edition", "dataset", "split", "files", "size", "complete"]
    assert all("no: run `course data make`" in line for line in empty[1:-1])
    assert empty[-1].split() == ["both", "cached", "features", "-", "0", "0.0", "MB", "none"]
    cli.main(["data", "make"])
    features = tmp_path / "data" / "cache" / "features"
    features.mkdir(parents=True)
    (features / "minivgg.npy").write_bytes(bytes(3_000_000))
    capsys.readouterr()
    cli.main(["data", "list"])
    full = capsys.readouterr().out.splitlines()
    assert full[1].split() == ["pocket", "dogs_vs_cats", "train", "1", "0.0", "MB", "yes"]
    assert full[-1].split()[:7] == ["both", "cached", "features", "-", "1", "3.0", "MB"]
    assert full[-1].endswith("`course data clean` deletes them")


def test_clean_deletes_the_features_and_says_how_much(tmp_path, capsys):
    features = tmp_path / "data" / "cache" / "features"
    features.mkdir(parents=True)
    (features / "minivgg.npy").write_bytes(bytes(3_000_000))
    assert cli.main(["data", "clean"]) == 0
    assert capsys.readouterr().out == "3.0 MB of cached features deleted.\n"
    assert list(features.iterdir()) == []


def test_fetch_from_a_mirror(mirror, tmp_path, capsys):
    assert cli.main(["data", "fetch", "dogs_vs_cats"]) == 0
    assert f"Fetching from {mirror}" in capsys.readouterr().out
    assert (tmp_path / "data/photo/dogs_vs_cats/train/0/1.jpg").exists()
    assert cli.main(["data", "verify", "--edition", "photo"]) == 1
    assert cli.main(["data", "fetch"]) == 0
    assert cli.main(["data", "verify", "--edition", "photo"]) == 0
    assert checksums.is_complete(current_edition(), "dogs_vs_cats")
    assert os.environ["COURSE_EDITION"] == "photo"


def test_fetch_says_what_failed(mirror, capsys):
    (mirror / "dogs_vs_cats/train/0/1.jpg").write_bytes(b"rotten")
    assert cli.main(["data", "fetch"]) == 1
    error = capsys.readouterr().err
    assert "course: 1 of the 1 files of dogs_vs_cats could not be fetched" in error
    assert "train/0/1.jpg: wrong content" in error
    assert cli.main(["data", "fetch", "cats"]) == 1
    assert "no dataset 'cats'; choose one of: dogs_vs_cats" in capsys.readouterr().err
