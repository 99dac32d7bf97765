import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from course_utils.backbones import Backbone, load_backbone
from course_utils.explain import (
    _maps_and_gradient,
    activation_layers,
    activation_maps,
    grad_cam,
    occlude,
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
