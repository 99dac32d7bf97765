"""Networks with ImageNet weights: downloads that fail, class names, damaged mirrors."""

import re
import socket

import keras
import pytest

from course_utils.backbones import load_backbone
from course_utils.editions import CLASS_INDEX, MIRROR_WEIGHTS
from course_utils.weights.imagenet import imagenet_labels


def refusing_address() -> str:
    """An address on this machine where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/weights.h5"


@pytest.mark.parametrize("name", ["vgg16", "resnet50", "mobilenet_v2"])
def test_unreachable_weights_are_an_error_that_says_what_to_do(name, monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    get_file, asked = keras.utils.get_file, []

    def from_nowhere(fname, origin, **options):
        asked.append(origin)
        return get_file(fname, refusing_address(), cache_dir=tmp_path)

    module = {
        "vgg16": "keras.src.applications.vgg16",
        "resnet50": "keras.src.applications.resnet",
        "mobilenet_v2": "keras.src.applications.mobilenet_v2",
    }[name]
    monkeypatch.setattr(f"{module}.file_utils.get_file", from_nowhere)
    message = f"weights of {name} could not be downloaded .*COURSE_MIRROR.*COURSE_EDITION=pocket"
    with pytest.raises(ConnectionError, match=message):
        load_backbone(name)
    assert len(asked) == 1
    assert not list(tmp_path.rglob("*.h5"))
    assert load_backbone(name, weights=False).model.built  # which needs no download


def test_unreachable_class_names_are_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.delenv("COURSE_MIRROR", raising=False)

    def unreachable(*arguments, **options):
        raise Exception("URL fetch failure")  # as Keras does

    monkeypatch.setattr(keras.applications.imagenet_utils, "decode_predictions", unreachable)
    with pytest.raises(ConnectionError, match="class names could not be downloaded .*COURSE_MIRR"):
        imagenet_labels()


def test_class_names_come_in_the_order_of_the_outputs(monkeypatch):
    monkeypatch.delenv("COURSE_MIRROR", raising=False)

    def decode(rows, top):
        assert top == 1
        return [[(f"n{row.argmax()}", f"great_white_{row.argmax()}", 1.0)] for row in rows]

    monkeypatch.setattr(keras.applications.imagenet_utils, "decode_predictions", decode)
    labels = imagenet_labels()
    assert (len(labels), labels[0], labels[999]) == (1000, "great white 0", "great white 999")


# ---------------------------------------------------------------- the mirror


@pytest.mark.parametrize("name", [MIRROR_WEIGHTS, CLASS_INDEX])
def test_damaged_file_of_the_mirror_is_named(name, monkeypatch, tmp_path):
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_bytes(b"damaged")
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path))
    with pytest.raises(ValueError, match=f"{re.escape(str(tmp_path / name))} is damaged.*again"):
        load_backbone("mobilenet_v2") if name == MIRROR_WEIGHTS else imagenet_labels()
