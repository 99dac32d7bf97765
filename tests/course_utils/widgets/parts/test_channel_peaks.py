import keras
import numpy as np

from course_utils.backbones import load_backbone
from course_utils.explain import activation_maps
from course_utils.widgets.parts.channel_peaks import strongest_rows, with_peaks


def test_strongest_images_are_those_with_the_largest_value_anywhere():
    backbone = load_backbone("minivgg")
    images = np.random.default_rng(1).integers(0, 256, (12, 64, 64, 3)).astype("float32")
    maps = activation_maps(backbone, images, ["block3_conv2"])["block3_conv2"]
    network = with_peaks(backbone, "block3_conv2")
    peaks = keras.ops.convert_to_numpy(network.model(backbone.preprocess(images)))
    for channel in (0, 17):
        expected = np.argsort(-maps[..., channel].max(axis=(1, 2)))[:4]
        assert strongest_rows(peaks, channel, count=4).tolist() == expected.tolist()


def test_means_decide_between_equal_peaks():
    peaks = np.array([[6, 1.0], [2, 1.5], [6, 3.0], [6, 2.0]])
    assert strongest_rows(peaks, channel=0, count=3).tolist() == [2, 3, 0]
