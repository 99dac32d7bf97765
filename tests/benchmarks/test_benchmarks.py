"""The benchmarks: that they measure what they say. How fast anything is, no test asks."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import input_sizes, loading, measure
from course_utils import load_backbone

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Six smooth pictures in the place of the pocket edition's."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.delenv("COURSE_MIRROR", raising=False)
    for name in ("cat", "dog"):
        folder = tmp_path / "pocket" / "dogs_vs_cats" / "test" / name
        folder.mkdir(parents=True)
        for i in range(3):
            ramp = np.linspace(0, 200 + i, 300 * 250 * 3).reshape(300, 250, 3)
            Image.fromarray(ramp.astype(np.uint8)).save(folder / f"{i}.png")
    return tmp_path / "pocket" / "dogs_vs_cats" / "test"


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


def test_seconds_are_those_that_the_action_takes():
    assert 0.05 <= measure.seconds(lambda: time.sleep(0.05)) < 5


def test_tables_are_aligned():
    lines = measure.table(["way", "s"], [["book", "1.5"], ["the course", "10"]]).splitlines()
    assert lines[0] == "| way        |   s |"
    assert lines[1] == "| ---------- | --: |"
    assert lines[3] == "| the course |  10 |"


def test_photographs_are_preferred_to_drawn_pictures(pictures, tmp_path, monkeypatch):
    drawn = measure.find_split("dogs_vs_cats", "test")
    assert (len(drawn), measure.kind_of(drawn)) == (6, "drawn pictures")
    mirror = tmp_path / "mirror"
    mirror.joinpath("dogs_vs_cats").mkdir(parents=True)
    pictures.rename(mirror / "dogs_vs_cats" / "test")
    monkeypatch.setenv("COURSE_MIRROR", str(mirror))
    photographs = measure.find_split("dogs_vs_cats", "test")
    assert (len(photographs), measure.kind_of(photographs)) == (6, "photographs")
    with pytest.raises(FileNotFoundError, match="course data make"):
        measure.find_split("sign_language_digits", "test")


def test_all_ways_load_the_same_pictures(pictures):
    book = loading.book_way(pictures, 5)
    assert book.shape == (5, 224, 224, 3) and book.dtype == np.float32
    for way in (loading.keras_way, loading.course_way):
        np.testing.assert_allclose(way(pictures, 5), book, atol=2)


def test_a_way_is_measured_in_a_process_of_its_own(pictures):
    result = loading.measure("course", pictures, limit=5, rounds=1)
    assert result["speed"] > 0
    assert result["array"] == 5 * 224 * 224 * 3 * 4
    assert result["peak"] > result["growth"] >= 0


def test_the_loading_table_compares_with_the_book():
    book = {"speed": 200.0, "peak": 2e9, "growth": 1e9, "array": 5e8}
    course = {"speed": 1000.0, "peak": 8e8, "growth": 5.1e8, "array": 5e8}
    assert loading._row("course", course, book) == [
        "course",
        "1000",
        "5.0",
        "0.80 GB",
        "0.40",
        "1.02",
    ]


def test_the_project_table_adds_up_and_marks_what_is_computed():
    from benchmarks import projects

    row = projects._row("course", features=10, epoch=0.5, book_epoch=12, mark="computed ")
    assert row == ["course", "10.0", "0.5", "computed 20", "12.0"]
    assert "computed" not in "".join(projects._row("course", 10, 0.5, 12, ""))


@pytest.mark.parametrize("before", [None, "elsewhere"])
def test_features_are_stored_in_a_folder_that_is_gone_afterwards(monkeypatch, before):
    from benchmarks import projects

    if before is None:
        monkeypatch.delenv("COURSE_DATA", raising=False)
    else:
        monkeypatch.setenv("COURSE_DATA", before)
    with projects._empty_cache():
        folder = Path(os.environ["COURSE_DATA"])
        assert folder.is_dir() and not list(folder.iterdir())
    assert os.environ.get("COURSE_DATA") == before
    assert not folder.exists()


def test_images_are_taken_from_all_classes(pictures):
    from types import SimpleNamespace

    from benchmarks import projects

    split = measure.find_split("dogs_vs_cats", "test")
    images, targets = projects._images(split, SimpleNamespace(input_size=(16, 16)), 4)
    assert images.shape == (4, 16, 16, 3)
    assert targets.sum(axis=0).tolist() == [2, 2]


def test_the_copy_in_bfloat16_has_the_same_weights_and_nearly_the_same_output():
    import keras

    from benchmarks.bfloat16 import in_bfloat16
    from course_utils.weights.minivgg import build_minivgg

    keras.utils.set_random_seed(0)
    model = build_minivgg(10)
    copy = in_bfloat16(model)
    for one, other in zip(model.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    images = np.random.default_rng(0).normal(0, 60, (2, 64, 64, 3)).astype("float32")
    outputs = copy.predict_on_batch(images)
    assert outputs.dtype == "bfloat16"
    np.testing.assert_allclose(
        np.asarray(outputs, "float32"), model.predict_on_batch(images), atol=0.05
    )


def test_the_class_to_be_graded_holds_solved_unanswered_and_wrong_hand_ins(tmp_path):
    from benchmarks import grading

    grading.write_class(tmp_path, 16)
    texts = [path.read_text() for path in sorted(tmp_path.glob("*/*/*.ipynb"))]
    assert len(texts) == 16
    stubs = [text.count("raise NotImplementedError") for text in texts]
    assert stubs.count(max(stubs)) == 4 and max(stubs) >= min(stubs) + 4
    assert sum(text == texts[0] for text in texts) == 4, "solved"
    assert len(set(texts)) >= 8
    assert not any("HIDDEN TESTS" in text for text in texts)


def test_each_mistake_changes_the_solution():
    from benchmarks import grading

    for question, source in grading._solutions().items():
        assert source.replace(*grading.MISTAKES[question]) != source


def test_grading_is_measured_with_all_processes_it_starts(tmp_path):
    from benchmarks import grading

    code = "x = bytearray(50_000_000); import time; time.sleep(1)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    seconds, memory = grading._watched([sys.executable, "-c", child], tmp_path)
    assert seconds > 1 and memory > 50_000_000
    with pytest.raises(RuntimeError, match="no such thing"):
        grading._watched([sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path)


def test_the_grading_table_compares_with_nbgrader():
    from benchmarks import grading

    nbgrader = grading.Run(40.0, [10.0, 11.0, 9.0, 10.0], int(1e9), dict.fromkeys("abcd", 1.0))
    course = grading.Run(20.0, [8.0, 9.0, 12.0, 10.0], int(3e9), dict.fromkeys("abcd", 1.0))
    row = grading._row("course", course, nbgrader)
    assert row == ["course", "9.5", "5.0", "2.00", "3.00 GB"]


def test_the_command_explains_itself_and_names_an_unknown_benchmark():
    assert "loading, dogs, signs, bfloat16, grading" in run("--help").stdout
    wrong = run("--quick", "lodaing")
    assert wrong.returncode == 2 and "no benchmark lodaing" in wrong.stderr


def test_input_sizes_are_for_the_photo_edition(monkeypatch):
    monkeypatch.setenv("COURSE_EDITION", "pocket")
    with pytest.raises(SystemExit, match="COURSE_EDITION=photo"):
        input_sizes.main()


def test_time_and_accuracy_are_measured(monkeypatch):
    split = measure.find_split("dogs_vs_cats", "test").take(slice(None, None, 30))
    monkeypatch.setattr(input_sizes, "TIMED", 2)
    backbone = load_backbone("minivgg")
    assert input_sizes.milliseconds(backbone, split) > 0
    assert f"of {len(split)}; 95 %" in input_sizes.accuracy(backbone, split, split)
