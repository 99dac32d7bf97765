"""Pretrained networks with their preprocessing and labels."""

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

from course_utils.editions import BACKBONES, MIRROR_WEIGHTS, current_edition
from course_utils.tensors import path_to_tensor
from data_scripts.download import fetch_file

WEIGHTS = Path(__file__).parent / "weights"

MINIVGG_BLOCKS = ((2, 32), (2, 64), (3, 128), (3, 256), (3, 256))
"""Convolutions and filters of each block: VGG16 at half its width."""

_BLOCK_PATTERNS = (
    (r"block([1-5])_(?:conv\d|pool)", lambda match: int(match[1])),  # VGG16, MiniVGG
    (r"(?:conv|pool)([1-5])_", lambda match: int(match[1])),  # ResNet50
    (r"(?:bn_)?Conv1|expanded_conv", lambda match: 1),  # MobileNetV2, from here on
    (r"block_(\d+)_", lambda match: 2 + sum(int(match[1]) >= first for first in (3, 6, 13))),
    (r"Conv_1|out_relu", lambda match: 5),
)


@dataclass(frozen=True)
class Backbone:
    """A pretrained network and what is needed to use it.

    Attributes
    ----------
    name : str
        ``"minivgg"``, ``"vgg16"``, ``"resnet50"`` or ``"mobilenet_v2"``.
    model : keras.Model
        The network. It takes preprocessed images ``(n, height, width, 3)``.
    preprocess : callable
        Turns RGB values from 0 to 255, ``(n, height, width, 3)``, into what the
        network was trained on. It leaves its argument as it was.
    input_size : tuple of int
        ``(height, width)`` in pixels.
    blocks : list of str
        Names of its freezable blocks, from input to output. A block is the part
        between two halvings of the resolution, so every backbone here has five.
    block_layers : dict of str to list of str
        Names of the Keras layers of each block.
    labels : list of str or None
        What the outputs mean, where the network has its top.
    """

    name: str
    model: keras.Model
    preprocess: Callable[[np.ndarray], np.ndarray]
    input_size: tuple[int, int]
    labels: list[str] | None = None

    @property
    def block_layers(self) -> dict[str, list[str]]:
        """Names of the Keras layers of each block."""
        return {
            block: [layer.name for layer in members]
            for block, members in layers_by_block(self.model).items()
        }

    @property
    def blocks(self) -> list[str]:
        """Names of the blocks, from input to output."""
        return list(layers_by_block(self.model))


def load_backbone(name: str | None = None, include_top: bool = False, weights: bool = True):
    """Load a network that was trained on many photographs.

    Parameters
    ----------
    name : str, optional
        ``"minivgg"`` (ships with the course), ``"vgg16"``, ``"resnet50"`` or
        ``"mobilenet_v2"`` (from ``keras.applications``, downloaded on first use).
        By default the backbone of the current edition.
    include_top : bool
        Whether to keep the classifier for the classes of its pretraining.
    weights : bool
        ``False`` gives the same network with random weights.

    Returns
    -------
    Backbone

    Raises
    ------
    ValueError
        If there is no backbone of that name.
    ConnectionError
        If its weights must be downloaded and cannot be.
    """
    name = name or current_edition().backbone
    if name not in BACKBONES:
        raise ValueError(f"no backbone {name!r}; choose one of: {', '.join(BACKBONES)}")
    if name == "minivgg":
        model, preprocess = _minivgg(weights), keras.applications.vgg16.preprocess_input
        labels = minivgg_card()["classes"]
    else:
        model, preprocess = _from_keras(name, include_top, weights)
        labels = _imagenet_labels() if include_top and weights else None
    if not include_top:
        last = list(layers_by_block(model).values())[-1][-1]
        model, labels = keras.Model(model.input, last.output, name=name), None
    return Backbone(name, model, _on_a_copy(preprocess), tuple(model.input_shape[1:3]), labels)


def classify(image, backbone: Backbone | None = None, top: int = 5) -> list[tuple[str, float]]:
    """Name what a picture shows, with a pretrained network and its own classes.

    Parameters
    ----------
    image : path, PIL image, bytes or array
        An array holds RGB values from 0 to 255, ``(height, width, 3)``.
    backbone : Backbone, optional
        One with its top; by default that of the current edition.
    top : int
        How many classes to give.

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
    """Return the backbone inside a model, or the model where its own layers form one.

    Raises
    ------
    ValueError
        If there is none.
    """
    if any(_block_of(layer.name) for layer in model.layers):
        return model
    for layer in model.layers:
        if isinstance(layer, keras.Model) and any(_block_of(inner.name) for inner in layer.layers):
            return layer
    raise ValueError(
        f"the model {model.name!r} holds no backbone of the course ({', '.join(BACKBONES)})"
    )


def layers_by_block(model: keras.Model) -> dict[str, list[keras.Layer]]:
    """Return the layers of a backbone, or of a model that contains one, by block.

    Raises
    ------
    ValueError
        If the model contains no backbone.
    """
    blocks: dict[str, list[keras.Layer]] = {}
    for layer in backbone_in(model).layers:
        if block := _block_of(layer.name):
            blocks.setdefault(block, []).append(layer)
    return blocks


def build_minivgg(classes: int, dtype: str | None = None) -> keras.Model:
    """Build MiniVGG with random weights: VGG16 at half its width, for 64x64 images.

    A smaller relative of Simonyan & Zisserman (2014), https://arxiv.org/abs/1409.1556,
    with the layer names of Keras' VGG16 and average pooling before its classifier.
    """
    x = inputs = layers.Input((64, 64, 3), name="input", dtype=dtype)
    for block, (convolutions, filters) in enumerate(MINIVGG_BLOCKS, start=1):
        for i in range(1, convolutions + 1):
            name = f"block{block}_conv{i}"
            convolution = layers.Conv2D(
                filters, 3, padding="same", activation="relu", name=name, dtype=dtype,
                kernel_initializer="he_uniform",
            )  # fmt: skip
            x = convolution(x)
        x = layers.MaxPooling2D(name=f"block{block}_pool", dtype=dtype)(x)
    x = layers.GlobalAveragePooling2D(name="avg_pool", dtype=dtype)(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions", dtype=dtype)(x)
    return keras.Model(inputs, outputs, name="minivgg")


def minivgg_card() -> dict:
    """Return what is known about MiniVGG's weights: data, recipe, accuracy, classes."""
    return json.loads((WEIGHTS / "minivgg.json").read_text(encoding="utf-8"))


def _minivgg(weights: bool) -> keras.Model:
    model = build_minivgg(len(minivgg_card()["classes"]))
    if weights:
        model.load_weights(WEIGHTS / "minivgg.weights.h5")
    return model


def _from_keras(name: str, include_top: bool, weights: bool):
    """Return the network from ``keras.applications`` and its preprocessing."""
    network, module = {
        "vgg16": (keras.applications.VGG16, keras.applications.vgg16),
        "resnet50": (keras.applications.ResNet50, keras.applications.resnet50),
        "mobilenet_v2": (keras.applications.MobileNetV2, keras.applications.mobilenet_v2),
    }[name]
    mirror = current_edition().mirror
    if weights and name == "mobilenet_v2" and mirror and (mirror / MIRROR_WEIGHTS).exists():
        return network(weights=str(fetch_file(MIRROR_WEIGHTS))), module.preprocess_input
    try:
        model = network(
            weights="imagenet" if weights else None,
            include_top=include_top,
            input_shape=(224, 224, 3),
        )
    except Exception as error:
        raise ConnectionError(
            f"the ImageNet weights of {name} could not be downloaded ({error}). Check the "
            "network and try again, point COURSE_MIRROR at a folder that holds "
            f"{MIRROR_WEIGHTS}, or use the pocket edition: COURSE_EDITION=pocket"
        ) from error
    return model, module.preprocess_input


def _imagenet_labels() -> list[str]:
    index = json.loads(fetch_file("weights/imagenet_class_index.json").read_text())
    return [index[str(i)][1].replace("_", " ") for i in range(len(index))]


@functools.cache
def _classifier(name: str) -> Backbone:
    return load_backbone(name, include_top=True)


def _on_a_copy(preprocess):
    # Keras' preprocess_input subtracts the mean in place where it is given an array.
    @functools.wraps(preprocess)
    def preprocess_copy(images):
        return preprocess(np.array(images, dtype="float32"))

    return preprocess_copy


def _block_of(layer_name: str) -> str | None:
    for pattern, number in _BLOCK_PATTERNS:
        if match := re.match(pattern, layer_name):
            return f"block{number(match)}"
    return None
