import numpy as np

from course_utils import strongest_images
from course_utils.backbones import load_backbone
from course_utils.explain import activation_maps
from course_utils.plumbing.channel_peaks import strongest_rows


def test_strongest_images_are_those_with_the_largest_value_anywhere(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    backbone = load_backbone("minivgg")
    images = np.random.default_rng(1).integers(0, 256, (12, 64, 64, 3)).astype("float32")
    maps = activation_maps(backbone, images, ["block3_conv2"])["block3_conv2"]
    for channel in (0, 17):
        rows = strongest_images(backbone, images, "block3_conv2", channel, count=4)
        expected = np.argsort(-maps[..., channel].max(axis=(1, 2)))[:4]
        assert rows.tolist() == expected.tolist()


def test_means_decide_between_equal_peaks():
    peaks = np.array([[6, 1.0], [2, 1.5], [6, 3.0], [6, 2.0]])
    assert strongest_rows(peaks, channel=0, count=3).tolist() == [2, 3, 0]
