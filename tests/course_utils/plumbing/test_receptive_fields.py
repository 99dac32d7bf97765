"""Receptive fields, compared with the pixels whose light reaches a value."""

import keras
import numpy as np
import pytest
from keras import layers

from course_utils.backbones import load_backbone
from course_utils.plumbing.receptive_fields import ReceptiveField, receptive_field


def with_positive_weights(model):
    """Make a network in which light in a pixel brightens all that depends on it."""
    for layer in model.layers:
        for weight in layer.weights:
            kernel = "kernel" in weight.path
            value = 1 / np.prod(weight.shape[:-1]) if kernel else float("bias" not in weight.path)
            if not kernel and ("beta" in weight.path or "mean" in weight.path):
                value = 0.0
            weight.assign(np.full(weight.shape, value))
    return model


def lit(model, layer, place, pixels):
    """Say for each pixel of the diagonal whether light in it reaches a value of a layer."""
    images = np.zeros((len(pixels), *model.input_shape[1:]), "float32")
    for image, pixel in zip(images, pixels, strict=True):
        image[pixel, pixel] = 1
    output = keras.Model(model.input, model.get_layer(layer).output)
    return output.predict(images, verbose=0)[:, place, place].max(axis=-1) > 0


@pytest.fixture(scope="module")
def crooked():
    """All that moves or widens a field: even kernels, gaps, paddings, two paths."""
    x = inputs = keras.Input((41, 41, 1))
    x = layers.Conv2D(2, 4, strides=2, padding="same", name="even")(x)
    x = layers.ZeroPadding2D(((3, 1), (3, 1)), name="padded")(x)
    x = layers.DepthwiseConv2D(3, dilation_rate=2, name="gaps")(x)
    wide = layers.Conv2D(2, 5, padding="same", name="wide")(layers.BatchNormalization()(x))
    x = layers.Concatenate(name="both")([x, layers.ReLU(6)(wide)])
    x = layers.AveragePooling2D(3, strides=2, padding="same", name="mean")(x)
    x = layers.SeparableConv2D(2, 3, strides=1, name="separable")(x)
    return with_positive_weights(keras.Model(inputs, layers.Flatten(name="flat")(x)))


@pytest.mark.parametrize("layer", ["even", "padded", "wide", "both", "mean", "separable"])
def test_field_holds_exactly_the_pixels_whose_light_arrives(crooked, layer):
    for place in (0, 3, 5):
        reached = np.flatnonzero(lit(crooked, layer, place, range(41)))
        rows, columns = receptive_field(crooked, layer).box(place, place)
        assert rows == columns
        assert list(range(41))[rows] == reached.tolist()


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("minivgg", ["block1_conv2", "block2_pool", "block3_conv3"]),
        ("mobilenet_v2", ["Conv1_relu", "block_2_add", "block_5_add"]),
        ("resnet50", ["conv1_relu", "pool1_pool", "conv2_block3_out", "conv3_block1_out"]),
    ],
)
def test_field_of_backbones_ends_where_light_no_longer_arrives(name, names):
    model = with_positive_weights(load_backbone(name, weights=False).model)
    for layer in names:
        field = receptive_field(model, layer)
        place = model.get_layer(layer).output.shape[1] // 2
        rows, _ = field.box(place, place)
        borders = [rows.start - 1, rows.start, rows.stop - 1, rows.stop]
        assert lit(model, layer, place, borders).tolist() == [False, True, True, False], layer
        assert field.middle(place) == (rows.start + rows.stop - 1) / 2


def test_field_of_vgg16_is_the_known_one():
    vgg = load_backbone("vgg16", weights=False)
    found = [receptive_field(vgg, f"block{i}_pool") for i in range(1, 6)]
    assert [field.size for field in found] == [6, 16, 44, 100, 212]
    assert [field.stride for field in found] == [2, 4, 8, 16, 32]
    assert receptive_field(vgg, "block1_conv1") == ReceptiveField(size=3, stride=1, start=-1)
    assert found[0].box(0, 2) == (slice(0, 4), slice(2, 8))


def test_layer_without_places_has_no_field():
    backbone = load_backbone("minivgg", include_top=True, weights=False)
    for name in ("avg_pool", "predictions"):
        with pytest.raises(ValueError, match="avg_pool .* has no receptive field"):
            receptive_field(backbone, name)
    inputs = keras.Input((20, 20, 1))
    oblong = keras.Model(inputs, layers.Conv2D(1, (3, 5), name="oblong")(inputs))
    with pytest.raises(ValueError, match="not a square"):
        receptive_field(oblong, "oblong")
