"""Pretrained networks with their preprocessing and labels."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from course_utils.editions import BACKBONES, current_edition
from course_utils.tensors import path_to_tensor
from course_utils.weights.imagenet import imagenet_labels, load_imagenet_network
from course_utils.weights.minivgg import load_minivgg, minivgg_card

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
    ConnectionError
        If a file must be downloaded and cannot be.

    Examples
    --------
    >>> backbone = load_backbone("minivgg")
    >>> backbone.input_size, backbone.model.output_shape
    ((64, 64), (None, 2, 2, 256))
    """
    name = name or current_edition().backbone
    if name not in BACKBONES:
        raise ValueError(f"no backbone {name!r}; choose one of: {', '.join(BACKBONES)}")
    if name == "minivgg":
        model, preprocess = load_minivgg(weights), keras.applications.vgg16.preprocess_input
    else:
        model, preprocess = load_imagenet_network(name, include_top, weights)
    labels = None
    if not include_top:
        last = list(layers_by_block(model).values())[-1][-1]
        model = keras.Model(model.input, last.output, name=name)
    elif name == "minivgg":
        labels = minivgg_card()["classes"]
    elif weights:
        labels = imagenet_labels()
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


@functools.cache
def _classifier(name: str) -> Backbone:
    return load_backbone(name, include_top=True)


def _on_a_copy(preprocess: Callable) -> Callable:
    # Keras' preprocess_input subtracts the mean in place if it is given an array.
    @functools.wraps(preprocess)
    def preprocess_copy(images):
        return preprocess(np.array(images, dtype="float32"))

    return preprocess_copy
