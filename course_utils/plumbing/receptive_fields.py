"""Receptive fields: the walk through a network from its input to a layer."""

import math
from dataclasses import dataclass

import keras
from keras import layers

from course_utils.backbones import Backbone


@dataclass(frozen=True)
class ReceptiveField:
    """The square of input pixels that one value of a feature map depends on.

    Attributes
    ----------
    size : int
        Side of the square in pixels.
    stride : int
        Distance in pixels between the squares of neighbouring values.
    start : int
        First pixel row (and column) of the square of the value at ``[0, 0]``; negative if
        the square reaches beyond the image.
    """

    size: int
    stride: int
    start: int

    def middle(self, position: int) -> float:
        """Return the pixel row (or column) at the centre of the square of a value."""
        return self.start + position * self.stride + (self.size - 1) / 2

    def box(self, row: int, column: int) -> tuple[slice, slice]:
        """Return the rows and columns of the pixels that a value depends on, as slices."""
        firsts = (self.start + position * self.stride for position in (row, column))
        rows, columns = (slice(max(0, first), max(0, first + self.size)) for first in firsts)
        return rows, columns


def receptive_field(backbone: Backbone | keras.Model, layer: str) -> ReceptiveField:
    """Compute from kernel sizes and strides which pixels a value of a layer can depend on.

    Where several paths lead to the layer, the field covers all of them (Araujo et al. 2019,
    https://distill.pub/2019/computing-receptive-fields/).

    Raises
    ------
    ValueError
        If the layer has no feature maps, the field is not a square, or a layer on the path
        is not a convolution, pooling, padding or elementwise function.

    Examples
    --------
    >>> from course_utils import load_backbone
    >>> receptive_field(load_backbone("minivgg"), "block1_conv2")
    ReceptiveField(size=5, stride=1, start=-2)
    """
    model = getattr(backbone, "model", backbone)
    rows, columns = (_field_along(axis, model, model.get_layer(layer)) for axis in (0, 1))
    if rows != columns:
        raise ValueError(f"the receptive field of {layer} is not a square: {rows}, {columns}")
    return rows


_ELEMENTWISE = layers.Activation, layers.ReLU, layers.BatchNormalization, layers.Dropout
_ELEMENTWISE += layers.Rescaling, layers.Add, layers.Concatenate


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
    raise ValueError(f"{end.name} is not connected to the input of {model.name}")


def _union(fields: list[ReceptiveField]) -> ReceptiveField:
    start = min(field.start for field in fields)
    end = max(field.start + field.size for field in fields)
    return ReceptiveField(end - start, fields[0].stride, start)


def _window(layer: keras.Layer, length: int, axis: int) -> tuple[int, int, int]:
    """Return the span of a layer's window, its stride, and the padding before the first value."""
    if isinstance(layer, layers.ZeroPadding2D):
        return 1, 1, layer.padding[axis][0]
    if isinstance(layer, _ELEMENTWISE):
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
