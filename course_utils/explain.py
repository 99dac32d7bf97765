"""What the layers of a network respond to, and what in a picture an answer rests on."""

import dataclasses
import math
from collections.abc import Callable, Generator

import keras
import numpy as np
from keras import layers
from PIL import Image

from course_utils.backbones import Backbone, layers_by_block
from course_utils.features import extract_features

GREY = 127
"""What covers a part of a picture: the middle of the range from 0 to 255."""


def occlude(pixels: np.ndarray, row: int, column: int, size: int, fill: float = GREY):
    """Cover a part of pictures with a square patch.

    Parameters
    ----------
    pixels : numpy.ndarray of shape (..., height, width, channels)
        One picture or many, before preprocessing.
    row, column : int
        The pixel at the middle of the patch. What of it is outside the picture is cut off.
    size : int
        Side of the patch in pixels.
    fill : float
        Value of its pixels.

    Returns
    -------
    numpy.ndarray
        A copy; the pictures stay as they are.
    """
    covered = np.array(pixels)
    top, left = (max(0, middle - size // 2) for middle in (row, column))
    bottom, right = (max(0, middle - size // 2 + size) for middle in (row, column))
    covered[..., top:bottom, left:right, :] = fill
    return covered


def occlusion_map(
    predict: Callable[[np.ndarray], np.ndarray],
    pixels: np.ndarray,
    class_number: int,
    size: int,
    step: int,
    fill: float = GREY,
) -> np.ndarray:
    """Cover each part of a picture in turn, and note what becomes of a class's probability.

    Where it falls, the answer rests on what was covered (Zeiler & Fergus 2014,
    https://arxiv.org/abs/1311.2901, section 4.2).

    Parameters
    ----------
    predict : callable
        Takes RGB values from 0 to 255, ``(n, height, width, 3)``, and gives probabilities
        ``(n, classes)``; it includes the preprocessing.
    pixels : numpy.ndarray of shape (1, height, width, 3)
        The picture in the size that the network takes, as `path_to_tensor` gives it.
    class_number : int
        Whose probability it is.
    size : int
        Side of the patch in pixels, see `occlude`.
    step : int
        Pixels from one place of the patch to the next.
    fill : float
        Value of the patch.

    Returns
    -------
    numpy.ndarray of float32, shape (height // step, width // step)
        At ``[i, j]`` the probability with the middle of the patch in the middle of the
        ``i``-th strip of `step` rows and the ``j``-th of `step` columns.
    """
    rows = occlusion_rows(predict, pixels, class_number, size, step, fill)
    return np.stack(list(rows))


def occlusion_rows(
    predict: Callable[[np.ndarray], np.ndarray],
    pixels: np.ndarray,
    class_number: int,
    size: int,
    step: int,
    fill: float = GREY,
) -> Generator[np.ndarray]:
    """Compute an occlusion map row by row, so that it can be shown and stopped meanwhile.

    Parameters and rows are those of `occlusion_map`.
    """
    height, width = pixels.shape[1:3]
    columns = middles(width, step)
    for row in middles(height, step):
        batch = np.concatenate([occlude(pixels, row, column, size, fill) for column in columns])
        yield np.asarray(predict(batch), np.float32)[:, class_number]


def middles(length: int, step: int) -> list[int]:
    """Return the middles of the strips of `step` pixels that fit into a length."""
    return [start + step // 2 for start in range(0, length - step + 1, step)]


def activation_layers(backbone: Backbone) -> dict[str, list[str]]:
    """Name the layers whose output went through a ReLU, by block.

    There a zero says that a pattern is not in a place, and a large value that it is.

    Parameters
    ----------
    backbone : Backbone

    Returns
    -------
    dict of str to list of str
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
    """Compute what several layers say of the same pictures, in one pass.

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


@dataclasses.dataclass(frozen=True)
class ReceptiveField:
    """The part of the input that one value of a layer depends on; see `receptive_field`.

    Attributes
    ----------
    size : int
        Side of the square in pixels.
    stride : int
        Pixels from the square of a value to that of its neighbour.
    start : int
        First pixel row (and column) of the square of the value in row 0, column 0. Below 0,
        the square reaches out of the picture.
    """

    size: int
    stride: int
    start: int

    def middle(self, place: int) -> float:
        """Return the pixel row (or column) in the middle of the square of a value."""
        return self.start + place * self.stride + (self.size - 1) / 2

    def box(self, row: int, column: int) -> tuple[slice, slice]:
        """Return the pixel rows and columns that a value depends on, for ``pixels[..., box, :]``.

        What would be above or left of the picture is cut off; NumPy cuts off the rest.
        """
        firsts = (self.start + place * self.stride for place in (row, column))
        rows, columns = (slice(max(0, first), max(0, first + self.size)) for first in firsts)
        return rows, columns


def receptive_field(backbone: Backbone | keras.Model, layer: str) -> ReceptiveField:
    """Compute from kernel sizes and strides which pixels a value of a layer can depend on.

    Where several paths lead to the layer, the field holds those of all of them (Araujo et al.
    2019, https://distill.pub/2019/computing-receptive-fields/).

    Parameters
    ----------
    backbone : Backbone or keras.Model
    layer : str
        Name of a layer with feature maps.

    Returns
    -------
    ReceptiveField

    Raises
    ------
    ValueError
        If the layer has no feature maps, or on the way lies a layer that is neither a
        convolution, a pooling, a padding nor a function of single values, or the field is
        not a square.
    """
    model = getattr(backbone, "model", backbone)
    rows, columns = (_field_along(axis, model, model.get_layer(layer)) for axis in (0, 1))
    if rows != columns:
        raise ValueError(f"the receptive field of {layer} is not a square: {rows}, {columns}")
    return rows


_OF_SINGLE_VALUES = (
    layers.Activation, layers.ReLU, layers.BatchNormalization, layers.Dropout, layers.Rescaling,
    layers.Add, layers.Concatenate,
)  # fmt: skip


def _field_along(axis: int, model: keras.Model, end: keras.Layer) -> ReceptiveField:
    """Follow the field from layer to layer, along rows (0) or columns (1)."""
    fields = {id(model.input): ReceptiveField(size=1, stride=1, start=0)}
    for layer in model.layers[1:]:  # the first is the input itself
        inputs = keras.tree.flatten(layer.input)
        before = _union([fields[id(tensor)] for tensor in inputs])
        span, stride, padding = _window(layer, inputs[0].shape[1 + axis], axis)
        fields[id(layer.output)] = ReceptiveField(
            size=before.size + (span - 1) * before.stride,
            stride=before.stride * stride,
            start=before.start - padding * before.stride,
        )
        if layer is end:
            return fields[id(layer.output)]
    raise ValueError(f"{end.name} is not on the way from the input of {model.name}")


def _union(fields: list[ReceptiveField]) -> ReceptiveField:
    start = min(field.start for field in fields)
    end = max(field.start + field.size for field in fields)
    return ReceptiveField(end - start, fields[0].stride, start)


def _window(layer: keras.Layer, length: int, axis: int) -> tuple[int, int, int]:
    """Return how many values a layer looks at, its stride, and its padding before the first."""
    if isinstance(layer, layers.ZeroPadding2D):
        return 1, 1, layer.padding[axis][0]
    if isinstance(layer, _OF_SINGLE_VALUES):
        return 1, 1, 0
    kernel = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
    if kernel is None or len(layer.output.shape) != 4:
        raise ValueError(
            f"{layer.name} ({type(layer).__name__}) has no receptive field: choose a convolution, "
            "a pooling or an activation of a convolutional network"
        )
    stride = layer.strides[axis]
    span = (kernel[axis] - 1) * getattr(layer, "dilation_rate", (1, 1))[axis] + 1
    missing = (math.ceil(length / stride) - 1) * stride + span - length
    return span, stride, max(0, missing) // 2 if layer.padding == "same" else 0


def grad_cam(
    backbone: Backbone,
    pixels: np.ndarray,
    class_number: int | None = None,
    layer: str | None = None,
) -> np.ndarray:
    """Show which places of a picture speak for a class.

    The maps of a layer are added up, each weighted by how much the score of the class rises
    with it on average; what speaks against the class is set to zero (Selvaraju et al. 2017,
    https://arxiv.org/abs/1610.02391, equations 1 and 2). The score is that before the softmax.

    Parameters
    ----------
    backbone : Backbone
        One with its top.
    pixels : numpy.ndarray of shape (1, height, width, 3)
        RGB values from 0 to 255 in the backbone's input size.
    class_number : int, optional
        By default the most probable class.
    layer : str, optional
        A layer with feature maps; by default the last that ends in a ReLU.

    Returns
    -------
    numpy.ndarray of float32, shape (height, width)
        From 0 to 1, where 1 is the largest value; all 0 where nothing speaks for the class.

    Raises
    ------
    ValueError
        If the backbone has no classifier.
    """
    names = [name for members in activation_layers(backbone).values() for name in members]
    maps, gradient = _maps_and_gradient(backbone, pixels, class_number, layer or names[-1])
    weights = gradient.mean(axis=(0, 1))
    heat = np.maximum(maps @ weights, 0)
    heat = heat / heat.max() if heat.max() > 0 else heat
    height, width = backbone.input_size
    image = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.BILINEAR)
    return np.asarray(image)


def _maps_and_gradient(backbone, pixels, class_number, layer) -> tuple[np.ndarray, np.ndarray]:
    """Return the maps of a layer, and the gradient of a class's score with respect to them."""
    import tensorflow as tf

    model = backbone.model
    top = model.layers[-1]
    if not isinstance(top, layers.Dense):
        raise ValueError(
            f"this {backbone.name} has no classifier, so there is no score: load it with "
            f"load_backbone({backbone.name!r}, include_top=True)"
        )
    part = keras.Model(model.input, [model.get_layer(layer).output, top.input])
    images = tf.constant(backbone.preprocess(pixels))
    with tf.GradientTape() as tape:
        tape.watch(images)  # else nothing is recorded where all layers are frozen
        maps, features = part(images, training=False)
        scores = features @ top.kernel + top.bias
        score = scores[0, tf.argmax(scores[0]) if class_number is None else class_number]
    return maps[0].numpy(), tape.gradient(score, maps)[0].numpy()


def with_peaks(backbone: Backbone, layer: str) -> Backbone:
    """Return the network up to a layer, and after it each channel's largest value and average.

    Parameters
    ----------
    backbone : Backbone
    layer : str

    Returns
    -------
    Backbone
        It shares its layers with the other; `extract_features` takes it. Its output has
        twice as many columns as the layer has channels: first the largest values.
    """
    maps = backbone.model.get_layer(layer).output
    peaks, means = layers.GlobalMaxPooling2D()(maps), layers.GlobalAveragePooling2D()(maps)
    joined = layers.Concatenate(name=f"{layer}_peaks")([peaks, means])
    return dataclasses.replace(backbone, model=keras.Model(backbone.model.input, joined))


def strongest_rows(peaks: np.ndarray, channel: int, count: int) -> np.ndarray:
    """Find the rows in which the largest value of a channel is largest.

    Parameters
    ----------
    peaks : numpy.ndarray of shape (n, 2 * channels)
        What a network of `with_peaks` gives.
    channel, count : int

    Returns
    -------
    numpy.ndarray of int64, shape (count,)
        Row numbers, the strongest first. Where the largest values are equal, as with ReLUs
        that stop at 6, the averages decide.
    """
    channels = peaks.shape[1] // 2
    return np.lexsort((-peaks[:, channels + channel], -peaks[:, channel]))[:count]


def strongest_images(
    backbone: Backbone, images, layer: str, channel: int, count: int = 8
) -> np.ndarray:
    """Find the pictures that excite a channel most in any one place.

    The activations are computed once and kept on disk, see `extract_features`.

    Parameters
    ----------
    backbone : Backbone
    images : Split, sequence of path, or array
        What `extract_features` takes.
    layer : str
        Name of a layer with feature maps.
    channel : int
    count : int
        How many pictures.

    Returns
    -------
    numpy.ndarray of int64, shape (count,)
        Their row numbers, the strongest first.
    """
    peaks = extract_features(with_peaks(backbone, layer), images, progress=False)
    return strongest_rows(peaks, channel, count)
