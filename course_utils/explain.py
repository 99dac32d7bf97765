"""What the layers of a network respond to, and which parts of an image a prediction rests on."""

import keras
import numpy as np
from keras import layers
from PIL import Image

from course_utils.backbones import Backbone, layers_by_block

GREY = 127
"""Fill value of an occluding patch: the middle of the range from 0 to 255."""


def occlude(pixels: np.ndarray, row: int, column: int, size: int, fill: float = GREY) -> np.ndarray:
    """Cover a part of images with a square patch, on a copy.

    Parameters
    ----------
    pixels : numpy.ndarray of shape (..., height, width, channels)
        One image or many, before preprocessing.
    row, column : int
        Centre of the patch. Whatever lies outside the image is cut off.
    size : int
        Side of the patch in pixels.
    fill : float
        Value of its pixels.
    """
    covered = np.array(pixels)
    top, left = (max(0, centre - size // 2) for centre in (row, column))
    bottom, right = (max(0, centre - size // 2 + size) for centre in (row, column))
    covered[..., top:bottom, left:right, :] = fill
    return covered


def activation_layers(backbone: Backbone) -> dict[str, list[str]]:
    """Name the layers whose output went through a ReLU, by block.

    In their feature maps, zero means that a pattern is absent, a large value that it is there.

    >>> from course_utils import load_backbone
    >>> activation_layers(load_backbone("minivgg"))["block1"]
    ['block1_conv1', 'block1_conv2']
    """
    return {
        block: [layer.name for layer in members if _ends_in_relu(layer)]
        for block, members in layers_by_block(backbone.model).items()
    }


def _ends_in_relu(layer: keras.Layer) -> bool:
    activation = getattr(layer, "activation", None)
    return isinstance(layer, layers.ReLU) or activation is keras.activations.relu


def activation_maps(
    backbone: Backbone, pixels: np.ndarray, names: list[str]
) -> dict[str, np.ndarray]:
    """Compute the feature maps of several layers in one pass.

    Parameters
    ----------
    backbone : Backbone
    pixels : numpy.ndarray of shape (n, height, width, 3)
        RGB values from 0 to 255 in the backbone's input size.
    names : list of str
        Names of layers.

    Returns
    -------
    dict of str to numpy.ndarray of float32, shape (n, rows, columns, channels)
    """
    model = backbone.model
    outputs = {name: model.get_layer(name).output for name in names}
    maps = keras.Model(model.input, outputs)(backbone.preprocess(pixels), training=False)
    return {name: keras.ops.convert_to_numpy(maps[name]) for name in names}


def grad_cam(
    backbone: Backbone,
    pixels: np.ndarray,
    class_index: int | None = None,
    layer: str | None = None,
) -> np.ndarray:
    """Show which parts of an image speak for a class.

    The feature maps of a layer are summed, each weighted by the mean gradient of the class
    score (before the softmax); negative evidence is set to zero (Selvaraju et al. 2017,
    https://arxiv.org/abs/1610.02391, equations 1 and 2).

    Parameters
    ----------
    backbone : Backbone
        One with its top.
    pixels : numpy.ndarray of shape (1, height, width, 3)
        RGB values from 0 to 255 in the backbone's input size.
    class_index : int, optional
        By default the most probable class.
    layer : str, optional
        A layer with feature maps; by default the last that ends in a ReLU.

    Returns
    -------
    numpy.ndarray of float32, shape (height, width)
        From 0 to 1, where 1 is the largest value; all 0 if nothing speaks for the class.
    """
    names = [name for members in activation_layers(backbone).values() for name in members]
    maps, gradient = _maps_and_gradient(backbone, pixels, class_index, layer or names[-1])
    weights = gradient.mean(axis=(0, 1))
    heat = np.maximum(maps @ weights, 0)
    heat = heat / heat.max() if heat.max() > 0 else heat
    height, width = backbone.input_size
    image = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.BILINEAR)
    return np.asarray(image)


def _maps_and_gradient(backbone, pixels, class_index, layer) -> tuple[np.ndarray, np.ndarray]:
    """Return the feature maps of a layer, and the gradient of the class score in them."""
    import tensorflow as tf

    model = backbone.model
    top = model.layers[-1]
    if not isinstance(top, layers.Dense):
        raise ValueError(
            f"this {backbone.name} has no classifier: load it with "
            f"load_backbone({backbone.name!r}, include_top=True)"
        )
    part = keras.Model(model.input, [model.get_layer(layer).output, top.input])
    images = tf.constant(backbone.preprocess(pixels))
    with tf.GradientTape() as tape:
        tape.watch(images)  # or nothing is recorded if all layers are frozen
        maps, features = part(images, training=False)
        scores = features @ top.kernel + top.bias
        score = scores[0, tf.argmax(scores[0]) if class_index is None else class_index]
    return maps[0].numpy(), tape.gradient(score, maps)[0].numpy()
