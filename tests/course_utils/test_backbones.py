"""Pretrained networks: blocks, sizes, preprocessing, classification."""

import io
import re

import keras
import numpy as np
import pytest
from PIL import Image
from skimage import data as skimage_data

from conftest import skip_or_fail
from course_utils import backbones
from course_utils.backbones import classify, layers_by_block, load_backbone
from course_utils.editions import BACKBONES, MIRROR_WEIGHTS, current_edition

KERAS = {
    "minivgg": keras.applications.vgg16,
    "vgg16": keras.applications.vgg16,
    "resnet50": keras.applications.resnet50,
    "mobilenet_v2": keras.applications.mobilenet_v2,
}
CATS = {"tabby", "Persian cat", "Egyptian cat", "tiger cat", "Siamese cat"}


@pytest.fixture(scope="module")
def networks():
    return {name: load_backbone(name, weights=False) for name in BACKBONES}


@pytest.fixture(scope="module")
def classifier():
    """MiniVGG with its top; random weights, scaled so that its predictions are confident."""
    keras.utils.set_random_seed(0)
    backbone = load_backbone("minivgg", include_top=True, weights=False)
    kernel, bias = backbone.model.layers[-1].get_weights()
    backbone.model.layers[-1].set_weights([20 * kernel, bias])
    return backbone


# ---------------------------------------------------------------- blocks and sizes


@pytest.mark.parametrize("name", BACKBONES)
def test_every_layer_but_the_input_is_in_exactly_one_of_five_blocks(name, networks):
    backbone = networks[name]
    assert backbone.blocks == ["block1", "block2", "block3", "block4", "block5"]
    members = [layer for block in backbone.blocks for layer in backbone.block_layers[block]]
    expected = [
        layer.name
        for layer in backbone.model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    assert sorted(members) == sorted(expected)
    assert len(set(members)) == len(members)


@pytest.mark.parametrize("name", BACKBONES)
def test_each_block_halves_the_resolution_once(name, networks):
    backbone = networks[name]
    blocks = layers_by_block(backbone.model)
    sides = [members[-1].output.shape[1] for members in blocks.values()]
    side = backbone.input_size[0]
    if name == "mobilenet_v2":  # halves at the start of each block
        assert sides == [side // 2, side // 4, side // 8, side // 16, side // 32]
    elif name == "resnet50":  # halves twice in block 1
        assert sides == [side // 4, side // 4, side // 8, side // 16, side // 32]
    else:  # halves at the end
        assert sides == [side // 2, side // 4, side // 8, side // 16, side // 32]


@pytest.mark.parametrize(
    ("name", "parameters", "side", "channels"),
    [
        ("minivgg", 3_680_160, 64, 256),
        ("vgg16", 14_714_688, 224, 512),
        ("resnet50", 23_587_712, 224, 2048),
        ("mobilenet_v2", 2_257_984, 224, 1280),
    ],
)
def test_sizes_without_top(name, parameters, side, channels, networks):
    backbone = networks[name]
    assert backbone.name == backbone.model.name == name
    assert backbone.model.count_params() == parameters
    assert backbone.input_size == (side, side)
    assert backbone.model.output_shape == (None, side // 32, side // 32, channels)
    assert backbone.labels is None


def test_top_names_a_hundred_classes_and_is_in_no_block(classifier):
    assert classifier.model.output_shape == (None, 100)
    assert len(set(classifier.labels)) == 100
    members = [layer for names in classifier.block_layers.values() for layer in names]
    assert {"avg_pool", "predictions"}.isdisjoint(members)


def test_minivgg_reads_like_vgg16(networks):
    vgg16 = keras.applications.VGG16(weights=None, include_top=False)
    mini, large = networks["minivgg"].model.layers[1:], vgg16.layers[1:]
    assert [layer.name for layer in mini] == [layer.name for layer in large]
    for small, big in zip(mini, large, strict=True):
        assert type(small) is type(big)
        if hasattr(big, "filters"):
            assert small.filters * 2 == big.filters
            assert small.kernel_size == big.kernel_size
            assert small.activation is big.activation is keras.activations.relu


@pytest.mark.parametrize("side", [96, 160])
def test_input_size_is_a_setting_of_the_networks_of_keras(side, monkeypatch):
    monkeypatch.setenv("COURSE_INPUT_SIZE", str(side))
    mobilenet = load_backbone("mobilenet_v2", weights=False)
    assert mobilenet.input_size == (side, side)
    assert mobilenet.model.output_shape == (None, side // 32, side // 32, 1280)
    assert load_backbone("vgg16", weights=False).input_size == (side, side)
    assert load_backbone("minivgg", weights=False).input_size == (64, 64)


def test_classifiers_that_keras_has_at_224_pixels_only_keep_that_size(monkeypatch):
    monkeypatch.setenv("COURSE_INPUT_SIZE", "160")
    sizes = {
        name: load_backbone(name, include_top=True, weights=False).input_size[0]
        for name in ("vgg16", "resnet50", "mobilenet_v2")
    }
    assert sizes == {"vgg16": 224, "resnet50": 224, "mobilenet_v2": 160}


def test_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="no backbone 'vgg19'; choose one of: minivgg, vgg16, "):
        load_backbone("vgg19")


def test_default_is_the_backbone_of_the_edition(monkeypatch):
    monkeypatch.setenv("COURSE_BACKBONE", "mobilenet_v2")
    assert load_backbone(weights=False).name == "mobilenet_v2"
    monkeypatch.setenv("COURSE_BACKBONE", "minivgg")
    assert load_backbone(weights=False).name == "minivgg"


def test_model_without_a_backbone_has_no_blocks():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="blocky")])
    with pytest.raises(ValueError, match="contains no backbone of the course"):
        layers_by_block(model)


# ---------------------------------------------------------------- preprocessing


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_preprocessing_is_keras_own_and_leaves_its_argument(name, dtype, networks):
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(dtype)
    before = images.copy()
    expected = KERAS[name].preprocess_input(images.astype("float32"))
    result = networks[name].preprocess(images)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(result, expected)
    assert not np.array_equal(result, before)
    assert result.dtype == np.float32


# ---------------------------------------------------------------- classify


def noise() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype="uint8")
    return Image.fromarray(pixels)


def test_labels_are_sorted_by_probability(classifier):
    found = classify(noise(), classifier, top=100)
    labels, probabilities = zip(*found, strict=True)
    assert set(labels) == set(classifier.labels)
    assert list(probabilities) == sorted(probabilities, reverse=True)
    assert probabilities[0] > 2 * probabilities[-1] >= 0
    assert sum(probabilities) == pytest.approx(1, abs=1e-4)
    batch = classifier.preprocess(np.asarray(noise())[None])
    best = classifier.model.predict(batch, verbose=0)[0]
    assert labels[0] == classifier.labels[best.argmax()]
    assert probabilities[0] == pytest.approx(best.max(), rel=1e-4)


def test_top_limits_what_is_given(classifier):
    everything = [label for label, _ in classify(noise(), classifier, top=100)]
    assert [label for label, _ in classify(noise(), classifier)] == everything[:5]
    assert [label for label, _ in classify(noise(), classifier, top=1)] == everything[:1]


def test_an_image_may_come_in_many_forms(classifier, tmp_path):
    path = tmp_path / "ein Bild ä.png"
    noise().save(path)
    buffer = io.BytesIO()
    noise().save(buffer, "PNG")
    array = np.asarray(noise())
    expected = dict(classify(noise(), classifier))
    forms = [path, str(path), buffer.getvalue(), array, array.astype("float32")]
    for image in forms:
        assert dict(classify(image, classifier)) == pytest.approx(expected, rel=1e-4)


def test_backbone_without_top_says_how_to_get_one(networks):
    for name in BACKBONES:
        advice = re.escape(f"load_backbone('{name}', include_top=True)")
        with pytest.raises(ValueError, match=advice):
            classify(noise(), networks[name])


def test_default_classifier_is_loaded_once(classifier, monkeypatch):
    calls = []

    def load(name, include_top):
        calls.append((name, include_top))
        return classifier

    monkeypatch.setenv("COURSE_BACKBONE", "minivgg")
    monkeypatch.setattr(backbones, "load_backbone", load)
    backbones._classifier.cache_clear()
    try:
        assert classify(noise()) == classify(noise())
    finally:
        backbones._classifier.cache_clear()
    assert calls == [("minivgg", True)]


# ---------------------------------------------------------------- pretrained on photographs


@pytest.fixture(scope="module")
def mobilenet():
    mirror = current_edition().mirror
    if mirror is None:
        pytest.skip("COURSE_MIRROR is not set")
    if not (mirror / MIRROR_WEIGHTS).exists():
        skip_or_fail(f"COURSE_MIRROR names no folder that holds {MIRROR_WEIGHTS}")
    return load_backbone("mobilenet_v2", include_top=True)


def test_mobilenet_names_the_cat_a_cat_and_the_coffee_espresso(mobilenet):
    labels = [label for label, _ in classify(skimage_data.cat(), mobilenet)]
    assert labels[0] in CATS
    (best, probability), *_ = classify(skimage_data.coffee(), mobilenet)
    assert best == "espresso"
    assert probability > 0.5


def test_wrong_preprocessing_is_noticed(mobilenet):
    """Without preprocessing the coffee is not recognised, so the test above can fail."""
    pixels = np.asarray(Image.fromarray(skimage_data.coffee()).resize((224, 224)), "float32")
    wrong = mobilenet.model.predict(pixels[None], verbose=0)[0]
    assert mobilenet.labels[wrong.argmax()] != "espresso"


def test_mirror_weights_serve_the_network_without_top(mobilenet):
    bare = load_backbone("mobilenet_v2")
    for layer in ("Conv1", "block_16_project"):
        np.testing.assert_array_equal(
            bare.model.get_layer(layer).get_weights()[0],
            mobilenet.model.get_layer(layer).get_weights()[0],
        )


def test_mirror_weights_serve_other_input_sizes(mobilenet, monkeypatch):
    monkeypatch.setenv("COURSE_INPUT_SIZE", "128")
    small = load_backbone("mobilenet_v2", include_top=True)
    assert small.input_size == (128, 128)
    assert small.labels == mobilenet.labels
    assert classify(skimage_data.coffee(), small)[0][0] == "espresso"


@pytest.fixture(scope="module")
def minivgg():
    return load_backbone("minivgg", include_top=True)


def test_minivgg_finds_the_cat_and_names_the_coffee_espresso(minivgg):
    labels = {label for label, _ in classify(skimage_data.cat(), minivgg)}
    assert labels & CATS
    (best, _), *_ = classify(skimage_data.coffee(), minivgg)
    assert best == "espresso"


def test_weights_are_float32_when_loaded_and_the_same_without_top(minivgg):
    bare = load_backbone("minivgg")
    assert {weight.dtype for weight in bare.model.weights} == {"float32"}
    for weight, other in zip(bare.model.weights, minivgg.model.weights, strict=False):
        np.testing.assert_array_equal(weight, other)
    assert any(weight.numpy().std() > 0 for weight in bare.model.weights)
