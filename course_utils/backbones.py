"""Pretrained networks with their preprocessing and labels."""

import functools
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from course_utils.editions import (
    BACKBONES,
    CLASS_INDEX,
    MIRROR_SUMS,
    MIRROR_WEIGHTS,
    current_edition,
)
from course_utils.tensors import path_to_tensor
from course_utils.weights.minivgg import WEIGHTS, build_minivgg, minivgg_card

_BLOCK_PATTERNS = (
    (r"block([1-5])_(?:conv\d|pool)", lambda match: int(match[1])),  # VGG16, MiniVGG
    (r"(?:conv|pool)([1-5])_", lambda match: int(match[1])),  # ResNet50
    (r"(?:bn_)?Conv1|expanded_conv", lambda match: 1),  # MobileNetV2, from here on
    (r"block_(\d+)_", lambda match: 2 + sum(int(match[1]) >= first for first in (3, 6, 13))),
    (r"Conv_1|out_relu", lambda match: 5),
)


@dataclass(frozen=True)
class Backbone:
    """A pretrained network with its preprocessing.

    Attributes
    ----------
    name : str
        ``"minivgg"``, ``"vgg16"``, ``"resnet50"`` or ``"mobilenet_v2"``.
    model : keras.Model
        The network. It takes preprocessed images ``(n, height, width, 3)``.
    preprocess : callable
        Turns RGB values from 0 to 255, ``(n, height, width, 3)``, into the values that
        the network was trained on. It does not modify its argument.
    input_size : tuple of int
        ``(height, width)`` in pixels.
    labels : list of str or None
        Class names of the outputs, if the network has its top.
    """

    name: str
    model: keras.Model
    preprocess: Callable[[np.ndarray], np.ndarray]
    input_size: tuple[int, int]
    labels: list[str] | None = None

    @property
    def block_layers(self) -> dict[str, list[str]]:
        """Names of the Keras layers in each block."""
        blocks = layers_by_block(self.model)
        return {block: [layer.name for layer in members] for block, members in blocks.items()}

    @property
    def blocks(self) -> list[str]:
        """Names of the freezable blocks, from input to output.

        A block lies between two halvings of the resolution; every backbone has five.
        """
        return list(layers_by_block(self.model))


def load_backbone(
    name: str | None = None, include_top: bool = False, weights: bool = True
) -> Backbone:
    """Load a network that was pretrained on photographs.

    Parameters
    ----------
    name : str, optional
        ``"minivgg"`` (ships with the course), ``"vgg16"``, ``"resnet50"`` or
        ``"mobilenet_v2"`` (from ``keras.applications``, downloaded on first use; their
        input size is ``COURSE_INPUT_SIZE``). By default the edition's backbone.
    include_top : bool
        Whether to keep the classifier of the pretraining.
    weights : bool
        ``False`` gives the same network with random weights.

    Raises
    ------
    ValueError
        If there is no such backbone, or its file in the mirror is damaged.
    ConnectionError
        If a file must be downloaded and cannot be.

    Examples
    --------
    >>> backbone = load_backbone("minivgg")
    >>> backbone.input_size, backbone.model.output_shape
    ((64, 64), (None, 2, 2, 256))
    >>> backbone.blocks
    ['block1', 'block2', 'block3', 'block4', 'block5']
    """
    name = name or current_edition().backbone
    if name not in BACKBONES:
        raise ValueError(f"no backbone {name!r}; choose one of: {', '.join(BACKBONES)}")
    model, preprocess = (
        _minivgg(weights) if name == "minivgg" else _from_keras(name, include_top, weights)
    )
    labels = None
    if not include_top:
        last = list(layers_by_block(model).values())[-1][-1]
        model = keras.Model(model.input, last.output, name=name)
    elif name == "minivgg":
        labels = minivgg_card()["classes"]
    elif weights:
        labels = _imagenet_labels()
    return Backbone(name, model, _on_a_copy(preprocess), tuple(model.input_shape[1:3]), labels)


def classify(image, backbone: Backbone | None = None, top: int = 5) -> list[tuple[str, float]]:
    """Classify an image with a pretrained network and its own classes.

    Parameters
    ----------
    image : path, PIL image, bytes or array
        An array holds RGB values from 0 to 255, ``(height, width, 3)``.
    backbone : Backbone, optional
        One with its top; by default the edition's backbone.
    top : int
        Number of classes to return.

    Returns
    -------
    list of (str, float)
        Labels and probabilities, the most probable first.

    Raises
    ------
    ValueError
        If the backbone has no classifier.
    """
    backbone = backbone or _classifier(current_edition().backbone)
    if backbone.labels is None:
        raise ValueError(
            f"this {backbone.name} has no classifier: load it with "
            f"load_backbone({backbone.name!r}, include_top=True)"
        )
    pixels = path_to_tensor(image, size=backbone.input_size)
    probabilities = backbone.model.predict(backbone.preprocess(pixels), verbose=0)[0]
    best = np.argsort(probabilities)[::-1][:top]
    return [(backbone.labels[i], float(probabilities[i])) for i in best]


def backbone_in(model: keras.Model) -> keras.Model:
    """Return the backbone nested in a model, or the model itself if its layers form one."""
    nested = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    for candidate in (model, *nested):
        if any(_block_of(layer.name) for layer in candidate.layers):
            return candidate
    raise ValueError(
        f"the model {model.name!r} contains no backbone of the course ({', '.join(BACKBONES)})"
    )


def layers_by_block(model: keras.Model) -> dict[str, list[keras.Layer]]:
    """Return the layers of a backbone, or of the backbone nested in a model, by block."""
    blocks: dict[str, list[keras.Layer]] = {}
    for layer in backbone_in(model).layers:
        if block := _block_of(layer.name):
            blocks.setdefault(block, []).append(layer)
    return blocks


def _block_of(layer_name: str) -> str | None:
    for pattern, number in _BLOCK_PATTERNS:
        if match := re.match(pattern, layer_name):
            return f"block{number(match)}"
    return None


def _minivgg(weights: bool):
    model = build_minivgg(len(minivgg_card()["classes"]))
    if weights:
        model.load_weights(WEIGHTS)
    return model, keras.applications.vgg16.preprocess_input


def _from_keras(name: str, include_top: bool, weights: bool):
    """Return a network of ``keras.applications`` and its preprocessing."""
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
        options.update(weights=str(file), include_top=True)  # as the file does
    elif weights:
        options["weights"] = "imagenet"
    return _or_offline(f"weights of {name}", network, **options), module.preprocess_input


def _imagenet_labels() -> list[str]:
    if file := _mirrored(CLASS_INDEX):
        index = json.loads(file.read_text(encoding="utf-8"))
        names = [index[str(i)][1] for i in range(len(index))]
    else:  # Keras downloads the same file, and knows its checksum
        decode = keras.applications.imagenet_utils.decode_predictions
        names = [best[0][1] for best in _or_offline("class names", decode, np.eye(1000), top=1)]
    return [name.replace("_", " ") for name in names]


def _mirrored(name: str) -> Path | None:
    """Return a file of the mirror, checked; ``None`` if the mirror does not have it."""
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


@functools.cache
def _classifier(name: str) -> Backbone:
    return load_backbone(name, include_top=True)


def _on_a_copy(preprocess: Callable) -> Callable:
    # Keras' preprocess_input subtracts the mean in place if it is given an array.
    @functools.wraps(preprocess)
    def preprocess_copy(images):
        return preprocess(np.array(images, dtype="float32"))

    return preprocess_copy
