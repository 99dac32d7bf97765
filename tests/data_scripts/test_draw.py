"""Drawing a dataset: once, by one process at a time, and again only where something is wrong."""

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from course_data_scripts import checksums, draw
from course_data_scripts.storage import StorageError, exclusive_access
from course_utils.editions import DATASETS, current_edition

DATASET = "dogs_vs_cats"
VICTIM = "train/cat/1.jpg"


@pytest.fixture(autouse=True)
def edition(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_EDITION", "pocket")
    monkeypatch.delenv("COURSE_MIRROR", raising=False)
    return current_edition()


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """What was drawn: the datasets have six grey images instead of the real ones."""
    drawn = []

    def tasks(seed):
        names = [f"{split}/cat/{k}.jpg" for split in ("train", "valid", "test") for k in (1, 2)]
        return [(name, (seed, level)) for level, name in enumerate(names)]

    def grey(description):
        drawn.append(description)
        return Image.new("L", (8, 8), 10 * sum(description))

    artists = {name: draw.Artist(grey, tasks, room.room) for name, room in draw.ARTISTS.items()}
    monkeypatch.setattr(draw, "ARTISTS", artists)
    return drawn


@pytest.fixture
def folder(edition, drawn):
    """An intact dataset of seed 0."""
    assert draw.make(edition, DATASET) == 6
    drawn.clear()
    return edition.folder / DATASET


def _is_intact(edition):
    return checksums.verify_dataset(edition, DATASET).ok and draw.is_up_to_date(edition, DATASET)


def test_draws_once(edition, folder, drawn):
    assert _is_intact(edition)
    assert {path.name for path in folder.parent.iterdir()} == {DATASET, ".lock"}
    assert draw.make(edition, DATASET) == 0
    assert drawn == []


def test_draws_again_if_asked_or_for_another_seed(edition, folder, drawn):
    assert draw.make(edition, DATASET, seed=3) == 6
    assert draw.make(edition, DATASET, seed=3) == 0
    assert draw.make(edition, DATASET) == 0, "no seed asked for: that of before will do"
    assert draw.make(edition, DATASET, again=True) == 6
    assert [seed for seed, _ in drawn] == [3] * 12
    assert not draw.is_up_to_date(edition, DATASET, seed=0)


def test_draws_again_if_the_code_changed(edition, folder, monkeypatch):
    monkeypatch.setattr(draw, "drawing_code", lambda dataset: "drawn by other code")
    assert not draw.is_up_to_date(edition, DATASET)
    assert draw.make(edition, DATASET) == 6
    assert _is_intact(edition)


def test_what_other_code_drew_under_other_names_goes(edition, folder, monkeypatch):
    artist = draw.ARTISTS[DATASET]
    fewer = draw.Artist(artist.draw, lambda seed: artist.tasks(seed)[:-1], artist.room)
    monkeypatch.setitem(draw.ARTISTS, DATASET, fewer)
    assert not draw.is_up_to_date(edition, DATASET)
    assert draw.make(edition, DATASET) == 5
    assert _is_intact(edition)


def _truncate(path):
    path.write_bytes(path.read_bytes()[:100])


def _exchange(path):
    path.write_bytes(path.with_name("2.jpg").read_bytes())


@pytest.mark.parametrize("damage", [_truncate, _exchange, Path.unlink])
def test_repairs_the_damaged_image_alone(edition, folder, drawn, damage):
    before = (folder / VICTIM).read_bytes()
    damage(folder / VICTIM)
    assert not _is_intact(edition)
    assert draw.make(edition, DATASET) == 1
    assert drawn == [(0, 0)]
    assert (folder / VICTIM).read_bytes() == before
    assert _is_intact(edition)


@pytest.mark.parametrize("damage", [_truncate, lambda path: path.write_bytes(b"\xff"), Path.unlink])
def test_repairs_a_damaged_list_of_checksums(edition, folder, damage):
    damage(folder / "SHA256SUMS")
    assert not _is_intact(edition)
    assert draw.make(edition, DATASET) == 6
    assert _is_intact(edition)


def test_a_part_that_passed_for_complete_is_completed(edition, folder, drawn):
    """As two processes at once could leave it: fewer images, and a list of just these."""
    recorded = checksums.recorded_sums(folder)
    comment = checksums.comment_of(folder).partition(", ")[2]
    (folder / VICTIM).unlink()
    del recorded[VICTIM]
    checksums.write_sums(folder, recorded, comment)
    assert not draw.is_up_to_date(edition, DATASET)
    assert draw.make(edition, DATASET) == 6
    assert _is_intact(edition)


def test_a_learner_s_own_image_stays(edition, folder):
    mine = folder / "train" / "cat" / "mine.jpg"
    mine.write_bytes(b"my cat")
    assert draw.make(edition, DATASET) == 0
    assert draw.make(edition, DATASET, again=True) == 6
    assert mine.read_bytes() == b"my cat"
    assert checksums.verify_dataset(edition, DATASET).extra == ("train/cat/mine.jpg",)


@pytest.mark.parametrize("function", ["draw_images", "move_into_place", "write_sums"])
def test_interrupted_nothing_looks_complete(edition, monkeypatch, function):
    original, calls = getattr(draw, function), []

    def interrupted(*args, **options):
        calls.append(args)
        if len(calls) > 2 or function != "move_into_place":
            raise KeyboardInterrupt
        original(*args, **options)

    monkeypatch.setattr(draw, function, interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw.make(edition, DATASET)
    assert not checksums.is_complete(edition, DATASET)
    assert not list(edition.folder.glob(".*part*"))
    monkeypatch.undo()


def test_leftovers_of_a_killed_process_are_removed(edition):
    leftover = edition.folder / f".{DATASET}.part-abc" / "train"
    leftover.mkdir(parents=True)
    draw.make(edition, DATASET)
    assert {path.name for path in edition.folder.iterdir()} == {DATASET, ".lock"}


def test_two_at_once_draw_everything_once(edition, drawn, capsys):
    with exclusive_access(edition.folder):
        second = threading.Thread(target=draw.make, args=(edition, DATASET))
        second.start()
        while "Waiting for another" not in capsys.readouterr().out:
            time.sleep(0.02)
        assert not (edition.folder / DATASET).exists()
        assert drawn == []
    second.join()
    assert len(drawn) == 6
    assert _is_intact(edition)


def test_the_lock_ends_with_a_killed_process(edition):
    code = (
        "import sys, time; from pathlib import Path; from course_data_scripts import storage\n"
        "with storage.exclusive_access(Path(sys.argv[1])): print('locked', flush=True); "
        "time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(edition.folder)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "locked\n"
    holder.kill()
    holder.communicate()
    assert draw.make(edition, DATASET) == 6


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (28, "the disk is full: make room, or point COURSE_DATA at another folder"),
        (13, "writing is not permitted: allow it, or point COURSE_DATA at another folder"),
        (30, "writing is not permitted: allow it, or point COURSE_DATA at another folder"),
    ],
)
def test_what_the_disk_refuses_is_said_in_a_sentence(edition, monkeypatch, number, advice):
    def refuse(*args, **options):
        raise OSError(number, "bare words", "some.jpg")

    monkeypatch.setattr(draw, "draw_images", refuse)
    with pytest.raises(StorageError, match=f"cannot write some.jpg: {advice}"):
        draw.make(edition, DATASET)


def test_other_errors_keep_their_own_words(edition, monkeypatch):
    def fail(*args, **options):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(draw, "draw_images", fail)
    with pytest.raises(OSError, match="Input/output error"):
        draw.make(edition, DATASET)


def test_a_folder_in_the_place_of_an_image_and_a_file_in_that_of_a_folder(edition, folder):
    (folder / VICTIM).unlink()
    (folder / VICTIM / "inside").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"1\.jpg: a file is where .* move it away"):
        draw.make(edition, DATASET)
    shutil.rmtree(folder)
    folder.write_text("a file")
    with pytest.raises(StorageError, match=r"dogs_vs_cats.*: a file is where .* move it away"):
        draw.make(edition, DATASET)


def test_code_that_draws_includes_what_it_imports(tmp_path, monkeypatch):
    scripts = tmp_path / "data_scripts"
    shutil.copytree(Path(draw.__file__).parent, scripts)
    monkeypatch.setattr(draw, "__file__", str(scripts / "draw.py"))

    def changed(file) -> list[bool]:
        before = [draw.drawing_code(dataset) for dataset in DATASETS]
        (scripts / file).write_text("fluffy = 2\n")
        after = [draw.drawing_code(dataset) for dataset in DATASETS]
        return [new != old for new, old in zip(after, before, strict=True)]

    assert changed("pets/fur.py") == [True, False]
    assert changed("hands/anatomy.py") == [False, True]
    assert changed("canvas/scenery.py") == [True, True]
    assert changed("download.py") == [False, False]
