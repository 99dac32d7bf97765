"""Networks of ``keras.applications`` with ImageNet weights, from a mirror or downloaded."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from course_utils.editions import CLASS_INDEX, MIRROR_SUMS, MIRROR_WEIGHTS, current_edition


def load_imagenet_network(name: str, include_top: bool, weights: bool):
    """Return a network and its preprocessing function; parameters as in `load_backbone`.

    From the mirror, MobileNetV2 comes with its top, whatever `include_top` is.
    """
    network, module = {
        "vgg16": (keras.applications.VGG16, keras.applications.vgg16),
        "resnet50": (keras.applications.ResNet50, keras.applications.resnet50),
        "mobilenet_v2": (keras.applications.MobileNetV2, keras.applications.mobilenet_v2),
    }[name]
    side = current_edition().input_size
    if include_top and name != "mobilenet_v2":
        side = 224  # Keras has VGG16's and ResNet50's pretrained classifiers at this size only
    options = {"weights": None, "include_top": include_top, "input_shape": (side, side, 3)}
    if weights and name == "mobilenet_v2" and (file := _mirrored(MIRROR_WEIGHTS)):
        options.update(weights=str(file), include_top=True)
    elif weights:
        options["weights"] = "imagenet"
    return _or_offline(f"weights of {name}", network, **options), module.preprocess_input


def imagenet_labels() -> list[str]:
    """Return the names of the 1000 classes, in the order of the networks' outputs."""
    if file := _mirrored(CLASS_INDEX):
        index = json.loads(file.read_text(encoding="utf-8"))
        names = [index[str(i)][1] for i in range(len(index))]
    else:  # Keras downloads the same file, and knows its checksum
        decode = keras.applications.imagenet_utils.decode_predictions
        names = [best[0][1] for best in _or_offline("class names", decode, np.eye(1000), top=1)]
    return [name.replace("_", " ") for name in names]


def _mirrored(name: str) -> Path | None:
    """Return a file of the mirror after checking it; ``None`` if the mirror lacks it."""
    mirror = current_edition().mirror
    if mirror is None or not (mirror / name).exists():
        return None
    if hashlib.sha256((mirror / name).read_bytes()).hexdigest() != MIRROR_SUMS[name]:
        raise ValueError(
            f"{mirror / name} is damaged: its sha256 sum is not the expected one. Copy it to the "
            "mirror again, or unset COURSE_MIRROR to download the original"
        )
    return mirror / name


def _or_offline(what: str, download: Callable, *arguments, **options):
    try:
        return download(*arguments, **options)
    except Exception as error:  # Keras raises a bare Exception if the network is unreachable
        raise ConnectionError(
            f"the ImageNet {what} could not be downloaded ({error}). Check the network and try "
            f"again, point COURSE_MIRROR at a folder that holds {MIRROR_WEIGHTS} and "
            f"{CLASS_INDEX}, or use the pocket edition: COURSE_EDITION=pocket"
        ) from error
