import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from course_utils.backbones import Backbone, load_backbone
from course_utils.explain import (
    ReceptiveField,
    _maps_and_gradient,
    activation_layers,
    activation_maps,
    grad_cam,
    occlude,
    receptive_field,
)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype("float32")


def test_patch_covers_a_square_around_its_middle_and_leaves_the_rest(noise):
    before = noise.copy()
    covered = occlude(noise, 20, 30, size=12)
    assert (covered[:, 14:26, 24:36] == 127).all()
    changed = (covered != noise).any(axis=(0, 3))
    assert not changed[:14].any() and not changed[26:].any()
    assert not changed[:, :24].any() and not changed[:, 36:].any()
    assert (noise == before).all(), "the picture itself was changed"


@pytest.mark.parametrize(
    ("row", "column", "covered"),
    [(2, 2, 8 * 8), (62, 62, 8 * 8), (2, 32, 8 * 12), (-20, 32, 0), (90, 5, 0)],
)
def test_patch_at_the_edge_is_cut_off(noise, row, column, covered):
    result = occlude(noise[0], row, column, size=12, fill=-1)
    assert (result == -1).all(axis=-1).sum() == covered


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("minivgg", "block1_conv1", "block5_conv3"),
        ("mobilenet_v2", "Conv1_relu", "out_relu"),
        ("resnet50", "conv1_relu", "conv5_block3_out"),
    ],
)
def test_activation_layers_hold_no_negative_value(name, first, last):
    backbone = load_backbone(name, weights=False)
    blocks = activation_layers(backbone)
    assert list(blocks) == backbone.blocks
    assert (blocks["block1"][0], blocks["block5"][-1]) == (first, last)
    pixels = np.random.default_rng(0).integers(0, 256, (1, *backbone.input_size, 3))
    names = [members[-1] for members in blocks.values()]
    maps = activation_maps(backbone, pixels.astype("float32"), names)
    assert min(maps[name].min() for name in names) == 0
    assert all(maps[name].max() > 0 for name in names)


def test_activation_maps_are_what_the_layers_hand_on(noise):
    backbone = load_backbone("minivgg")
    maps = activation_maps(backbone, noise, ["block2_conv1", "block1_conv1"])
    assert list(maps) == ["block2_conv1", "block1_conv1"]
    expected = x = backbone.preprocess(noise)
    for layer in backbone.model.layers[1:5]:  # by hand, one layer after the other
        x = layer(x)
        if layer.name in maps:
            expected = keras.ops.convert_to_numpy(x)
            np.testing.assert_allclose(maps[layer.name], expected, rtol=1e-4, atol=1e-3)


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


def test_grad_cam_of_average_pooling_is_the_class_activation_map(noise):
    """Selvaraju et al., section 3.1: with average pooling the weights are the classifier's."""
    backbone = load_backbone("minivgg", include_top=True)
    short = keras.Model(backbone.model.input, backbone.model.get_layer("block5_conv3").output)
    top = backbone.model.layers[-1]
    logits = layers.Dense(100, "softmax", name="predictions")
    outputs = logits(layers.GlobalAveragePooling2D()(short.output))
    no_pool = dataclasses.replace(backbone, model=keras.Model(short.input, outputs))
    logits.set_weights(top.get_weights())
    for class_index in (3, 60):
        maps = short.predict(backbone.preprocess(noise), verbose=0)[0]
        expected = np.maximum(maps @ top.get_weights()[0][:, class_index], 0)
        heat = grad_cam(no_pool, noise, class_index)
        assert heat.shape == (64, 64) and heat.max() <= 1
        # In the middle of each of the 4 x 4 places the enlarged map has its values, nearly.
        middles = heat[8::16, 8::16]
        np.testing.assert_allclose(middles, expected / expected.max(), atol=0.1)


def test_grad_cam_finds_what_a_network_looks_for():
    """A network whose first class wants light and whose second wants dark, so all is known."""
    inputs = keras.Input((32, 32, 3))
    light = layers.Conv2D(1, 1, activation="relu", name="block1_conv1")(inputs)
    pooled = layers.GlobalAveragePooling2D()(light)
    top = layers.Dense(2, "softmax", name="predictions")
    model = keras.Model(inputs, top(pooled))
    model.layers[1].set_weights([np.full((1, 1, 3, 1), 1 / 3), np.zeros(1)])
    top.set_weights([np.array([[2.0, -1.0]]), np.zeros(2)])
    backbone = Backbone("light", model, lambda pixels: pixels.astype("float32"), (32, 32))
    picture = np.zeros((1, 32, 32, 3), "float32")
    picture[:, 4:10, 20:28] = 200
    heat = grad_cam(backbone, picture)
    expected = (picture[0, :, :, 0] > 0).astype("float32")
    np.testing.assert_allclose(heat, expected, atol=1e-6)
    model.trainable = False
    np.testing.assert_allclose(grad_cam(backbone, picture, 0), expected, atol=1e-6)
    assert not grad_cam(backbone, picture, 1).any(), "light speaks against the second class"


def test_grad_cam_weights_are_slopes_of_the_score(noise):
    """Compare with finite differences: brighten one channel everywhere, see the score rise."""
    backbone = load_backbone("minivgg", include_top=True)
    layer, class_index = "block4_conv3", 10
    maps, gradient = _maps_and_gradient(backbone, noise, class_index, layer)
    x = keras.Input(maps.shape)
    after, found = x, False
    for each in backbone.model.layers[:-1]:
        after = each(after) if found else after
        found |= each.name == layer
    features = keras.Model(x, after)
    kernel = backbone.model.layers[-1].get_weights()[0][:, class_index]
    step = 1e-2 * maps.max()
    for channel in np.argsort(-np.abs(gradient.sum(axis=(0, 1))))[:5]:
        change = np.zeros_like(maps)
        change[..., channel] = step
        up, down = features.predict(np.stack([maps + change, maps - change]), verbose=0) @ kernel
        assert (up - down) / (2 * step) == pytest.approx(gradient[..., channel].sum(), rel=0.15)


def test_grad_cam_needs_the_classifier(noise):
    with pytest.raises(ValueError, match="include_top=True"):
        grad_cam(load_backbone("minivgg", weights=False), noise)
