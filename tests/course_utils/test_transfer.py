"""Freezing, heads and cutting."""

import warnings

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from course_utils.backbones import load_backbone
from course_utils.editions import BACKBONES
from course_utils.transfer import add_classifier, freeze_up_to, split_at

CHOICES = [None, "block1", "block2", "block3", "block4", "block5", "all"]


@pytest.fixture(scope="module")
def networks():
    """All backbones with random weights; what a test changes, it sets back."""
    return {name: load_backbone(name, weights=False) for name in BACKBONES}


@pytest.fixture(scope="module")
def minivgg(networks):
    return networks["minivgg"]


@pytest.fixture
def fresh():
    """A MiniVGG of the test's own."""
    keras.utils.set_random_seed(0)
    return load_backbone("minivgg", weights=False)


def trainable_parameters(model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


def trainable_blocks(backbone) -> list[str]:
    """Blocks that are trainable as a whole; a block must not be so in part."""
    found = []
    for block, names in backbone.block_layers.items():
        flags = {backbone.model.get_layer(name).trainable for name in names}
        assert len(flags) == 1, f"{block} is frozen in part"
        found += [block] * flags.pop()
    return found


def after(choice) -> list[str]:
    frozen = 5 if choice == "all" else CHOICES.index(choice)
    return CHOICES[1 + frozen : 6]


# ---------------------------------------------------------------- freeze_up_to


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("choice", CHOICES)
def test_exactly_what_follows_the_block_is_trainable(name, choice, networks):
    freeze_up_to(networks[name], choice)
    assert trainable_blocks(networks[name]) == after(choice)


@settings(max_examples=50, deadline=None)
@given(
    calls=st.lists(st.sampled_from(CHOICES), min_size=1, max_size=6),
    whole=st.lists(st.booleans(), max_size=6),
)
def test_only_the_last_of_many_calls_counts(minivgg, calls, whole):
    for choice, freeze_all in zip(calls, [*whole, *[False] * 6], strict=False):
        if freeze_all:
            minivgg.model.trainable = False
        freeze_up_to(minivgg, choice)
    assert trainable_blocks(minivgg) == after(calls[-1])
    convolutions = [
        minivgg.model.get_layer(name)
        for block in after(calls[-1])
        for name in minivgg.block_layers[block]
        if "conv" in name
    ]
    expected = [id(weight) for layer in convolutions for weight in layer.weights]
    assert [id(weight) for weight in minivgg.model.trainable_variables] == expected


def test_printed_parameter_counts_of_the_book(networks):
    vgg16 = networks["vgg16"]
    maps = vgg16.model.output

    freeze_up_to(vgg16, "block4")
    assert trainable_parameters(add_classifier(vgg16, 10)) == 7_084_554
    pooled = layers.GlobalAveragePooling2D()(maps)
    flat = keras.Model(vgg16.model.input, layers.Dense(10, activation="softmax")(pooled))
    assert trainable_parameters(flat) == 7_084_554

    freeze_up_to(vgg16, "all")
    head = keras.Sequential([layers.Flatten(), layers.Dense(2, activation="softmax")])
    two = add_classifier(vgg16, head)
    assert trainable_parameters(two) == 50_178
    assert two.count_params() == 14_764_866

    x = layers.Flatten()(maps)
    x = layers.BatchNormalization()(layers.Dense(64, activation="relu")(x))
    book = keras.Model(vgg16.model.input, layers.Dense(2)(layers.Dropout(0.5)(x)))
    assert trainable_parameters(book) == 1_605_954
    freeze_up_to(book, None)
    assert trainable_parameters(book) == 14_714_688 + 1_605_954


@pytest.mark.parametrize("shape", ["nested", "flat"])
@pytest.mark.parametrize("head_trains", [True, False])
def test_head_stays_as_it_is(shape, head_trains, fresh):
    head = keras.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(3)])
    if shape == "nested":
        model = add_classifier(fresh, head)
    else:
        model = keras.Model(fresh.model.input, head(fresh.model.output))
    head.trainable = head_trains
    for choice in CHOICES:
        freeze_up_to(model, choice)
        assert trainable_blocks(fresh) == after(choice)
        assert [layer.trainable for layer in head.layers] == [head_trains] * 2


def test_a_model_frozen_as_a_whole_is_thawed_first(fresh):
    model = add_classifier(fresh, 3)
    for part in (model, fresh.model):
        part.trainable = False
        freeze_up_to(model, "block4")
        assert trainable_blocks(fresh) == ["block5"]
        # 3 convolutions of block 5, and the head
        assert len(model.trainable_variables) == 3 * 2 + 2


def test_compiled_model_warns_and_another_does_not(fresh):
    model = add_classifier(fresh, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        freeze_up_to(model, "block4")
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="trains as before until you compile it again"):
        freeze_up_to(model, "block3")
    assert trainable_blocks(fresh) == ["block4", "block5"]


def test_training_changes_what_is_trainable_and_nothing_else(fresh):
    model = add_classifier(fresh, 3)
    freeze_up_to(model, "block4")
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = {weight.path: weight.numpy() for weight in model.weights}
    model.fit(np.random.default_rng(0).normal(size=(4, 64, 64, 3)), np.arange(4) % 3, verbose=0)
    changed = {
        weight.path for weight in model.weights if not np.array_equal(before[weight.path], weight)
    }
    assert changed == {weight.path for weight in model.trainable_variables}
    assert len(changed) == 3 * 2 + 2


def test_unknown_block_is_answered_with_the_known_ones(fresh):
    freeze_up_to(fresh, "block2")
    for wrong in ("block6", "block1_conv1", "", "ALL"):
        with pytest.raises(ValueError, match=f"no block '{wrong}'.*block1, block2, .*block5$"):
            freeze_up_to(fresh, wrong)
    assert trainable_blocks(fresh) == ["block3", "block4", "block5"]


def test_model_without_a_backbone_is_named():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)], name="my_own")
    with pytest.raises(ValueError, match="'my_own' contains no backbone of the course .*minivgg"):
        freeze_up_to(model, "block1")


# ---------------------------------------------------------------- add_classifier


def test_number_of_classes_gives_average_pooling_and_softmax(minivgg):
    model = add_classifier(minivgg, 7)
    images = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")
    kernel, bias = model.layers[-1].get_weights()
    maps = minivgg.model(images).numpy()
    expected = keras.ops.softmax(maps.mean(axis=(1, 2)) @ kernel + bias)
    np.testing.assert_allclose(model(images), expected, atol=1e-5)


def test_batch_normalisation_keeps_its_statistics_in_training(networks):
    network = networks["mobilenet_v2"].model
    # The first block is enough, and quicker.
    start = keras.Model(network.input, network.get_layer("expanded_conv_project_BN").output)
    freeze_up_to(networks["mobilenet_v2"], None)
    statistics = [w for w in start.non_trainable_variables if "moving" in w.path]
    assert len(statistics) == 6
    images = np.random.default_rng(0).normal(size=(2, 224, 224, 3)).astype("float32")

    def moved(model) -> bool:
        model.compile("sgd", "sparse_categorical_crossentropy")
        before = [weight.numpy() for weight in statistics]
        model.fit(images, np.array([0, 1]), verbose=0)
        return not all(map(np.array_equal, before, statistics))

    assert not moved(add_classifier(start, 2))
    pooled = layers.GlobalAveragePooling2D()(start.output)
    assert moved(keras.Model(start.input, layers.Dense(2, activation="softmax")(pooled)))


def test_model_with_a_new_head_survives_saving_and_its_statistics_stay(tmp_path):
    x = inputs = keras.Input((64, 64, 3))
    x = layers.Conv2D(4, 3, name="block1_conv1")(x)
    x = layers.BatchNormalization(name="block1_conv1_bn")(x)
    model = add_classifier(keras.Model(inputs, x, name="tiny"), 2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).normal(3, 2, size=(4, 64, 64, 3)).astype("float32")
    np.testing.assert_allclose(loaded(images), model(images), atol=1e-6)
    np.testing.assert_array_equal(loaded(images, training=True), loaded(images))
    loaded.compile("sgd", "sparse_categorical_crossentropy")
    loaded.fit(images, np.arange(4) % 2, verbose=0)
    mean = loaded.get_layer("tiny").get_layer("block1_conv1_bn").moving_mean
    np.testing.assert_array_equal(mean, np.zeros(4))
    freeze_up_to(loaded.get_layer("tiny"), "all")
    assert len(loaded.trainable_variables) == 2


# ---------------------------------------------------------------- split_at


@pytest.mark.parametrize("name", BACKBONES)
def test_the_two_parts_together_are_the_network(name, networks):
    model = networks[name].model
    images = np.random.default_rng(0).normal(size=(1, *networks[name].input_size, 3))
    images = keras.ops.convert_to_tensor(images, "float32")
    expected = model(images).numpy()
    assert expected.std() > 0
    for block in networks[name].blocks[:-1]:
        first, second = split_at(networks[name], block)
        np.testing.assert_allclose(second(first(images)), expected, rtol=1e-4, atol=1e-12)
        assert len(first.layers) + len(second.layers) == len(model.layers) + 1  # its own input


def test_training_the_second_part_changes_the_backbone(fresh):
    first, second = split_at(fresh, "block4")
    images = np.random.default_rng(0).normal(size=(4, 64, 64, 3)).astype("float32")
    before = fresh.model(images).numpy()
    activations = first.predict(images, verbose=0)
    model = add_classifier(second, 2)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(activations, np.arange(4) % 2, verbose=0)
    assert not np.allclose(fresh.model(images), before)
    np.testing.assert_allclose(second(activations), fresh.model(images), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(first.predict(images, verbose=0), activations)


def test_a_cut_backbone_can_be_saved(fresh, tmp_path):
    split_at(fresh, "block4")
    fresh.model.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    images = np.ones((1, 64, 64, 3), "float32")
    np.testing.assert_allclose(loaded(images), fresh.model(images), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "place"), [("minivgg", "block5"), ("resnet50", "conv3_block1_0_conv")]
)
def test_where_no_cut_is_possible_the_blocks_are_named(name, place, networks):
    with pytest.raises(ValueError, match=f"cannot be cut after '{place}'.*block3, block4$"):
        split_at(networks[name], place)


def test_cut_at_an_unknown_place(minivgg):
    with pytest.raises(ValueError, match="no block or layer 'block9'; its blocks: block1, "):
        split_at(minivgg, "block9")
