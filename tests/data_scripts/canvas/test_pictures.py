"""Images are drawn all or not at all, and the same with any number of workers; light and noise."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_data_scripts.canvas import pictures

TASKS = [(f"{split}/{number}.jpg", number) for split in ("train", "test") for number in range(20)]


def draw_grey(number):
    return Image.new("RGB", (8, 8), (number, number, number))


def draw_until_interrupted(number):
    if number == 7:
        raise KeyboardInterrupt
    return draw_grey(number)


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.jpg")}


def test_all_images_are_there_with_any_number_of_workers(tmp_path):
    alone = pictures.render_all(draw_grey, TASKS, tmp_path / "alone", workers=1)
    together = pictures.render_all(draw_grey, TASKS, tmp_path / "together", workers=2)
    assert sorted(contents(alone)) == sorted(name for name, _ in TASKS)
    assert contents(alone) == contents(together)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["alone", "together"]


def test_no_process_is_started_for_a_few_images(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "ProcessPoolExecutor", None)
    pictures.draw_images(draw_grey, TASKS[: pictures.CHUNK], tmp_path, workers=2)
    assert len(contents(tmp_path)) == pictures.CHUNK


def draw_forever(flag):
    Path(flag).touch()
    time.sleep(60)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_the_processes_at_once(tmp_path):
    flag, folder = tmp_path / "flag", tmp_path / "images"

    def press_ctrl_c():
        while not flag.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press_ctrl_c)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        tasks = [(name, str(flag)) for name, _ in TASKS]
        pictures.render_all(draw_forever, tasks, folder, workers=2)
    thread.join()
    assert multiprocessing.active_children() == []
    assert list(tmp_path.iterdir()) == [flag]


def draw_and_die(number):
    os._exit(1)


def test_a_killed_process_is_an_error_not_a_hang(tmp_path):
    with pytest.raises(ChildProcessError, match="a drawing process was killed"):
        pictures.render_all(draw_and_die, TASKS, tmp_path / "images", workers=2)
    assert list(tmp_path.iterdir()) == []


def test_interrupted_rendering_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        pictures.render_all(draw_until_interrupted, TASKS, tmp_path / "images", workers=1)
    assert list(tmp_path.iterdir()) == []


def test_interrupted_rendering_leaves_earlier_images_as_they_were(tmp_path):
    folder = pictures.render_all(draw_grey, TASKS[:3], tmp_path / "images", workers=1)
    before = contents(folder)
    with pytest.raises(KeyboardInterrupt):
        pictures.render_all(draw_until_interrupted, TASKS, folder, workers=1)
    assert contents(folder) == before
    assert [p.name for p in tmp_path.iterdir()] == ["images"]


def test_new_images_replace_all_earlier_ones(tmp_path):
    folder = pictures.render_all(draw_grey, TASKS, tmp_path / "images", workers=1)
    pictures.render_all(draw_grey, TASKS[:2], folder, workers=1)
    assert sorted(contents(folder)) == ["train/0.jpg", "train/1.jpg"]
    assert [p.name for p in tmp_path.iterdir()] == ["images"]


def test_light_falls_from_the_side_that_is_asked_for():
    light = pictures.soft_light((40, 20), angle=0.0, strength=0.2)
    assert light.shape == (20, 40)
    np.testing.assert_allclose([light[:, 0], light[:, -1]], [[0.8] * 20, [1.2] * 20], rtol=1e-6)
    upwards = pictures.soft_light((40, 20), angle=np.pi / 2, strength=0.2)
    assert upwards[0].min() > 1.19 and upwards[-1].max() < 0.81


def test_vignette_darkens_corners_and_not_its_centre():
    factors = pictures.vignette((41, 21), strength=0.5)
    assert factors.shape == (21, 41)
    assert factors[10, 20] == 1
    np.testing.assert_allclose(factors[[0, 0, -1, -1], [0, -1, 0, -1]], 0.5)


def test_noise_is_stronger_in_the_dark_and_leaves_the_mean():
    rng = np.random.default_rng(0)
    dark, bright = (np.full((100, 100, 3), level, np.float32) for level in (20, 235))
    noisy = [pictures.add_noise(pixels, 4.0, rng) - pixels for pixels in (dark, bright)]
    assert noisy[0].std() > 1.3 * noisy[1].std()
    assert max(abs(noise.mean()) for noise in noisy) < 0.2


def test_clouds_have_the_size_asked_for_and_are_smooth():
    clouds = pictures.smooth_noise((60, 30), 4, np.random.default_rng(0))
    assert clouds.shape == (30, 60)
    assert clouds.std() > 0.1
    assert np.abs(np.diff(clouds, axis=1)).max() < 0.25


def test_pixels_beyond_the_range_are_clipped_and_blur_keeps_the_brightness():
    pixels = np.zeros((20, 20, 3), np.float32)
    pixels[:, 10:] = 400
    image = np.asarray(pictures.to_image(pixels))
    assert (image.min(), image.max()) == (0, 255)
    soft = pictures.blur(pixels, 2.0)
    assert abs(soft.mean() - image.mean()) < 2
    assert 20 < soft[10, 9, 0] < 235
