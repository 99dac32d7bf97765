"""Freezing, heads, cutting, and features that are computed once and never stale."""

import os
import re
import subprocess
import sys
import textwrap
import warnings
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from PIL import Image

from course_utils import transfer
from course_utils.backbones import load_backbone
from course_utils.datasets import Split
from course_utils.editions import BACKBONES
from course_utils.features import extract_features
from course_utils.tensors import BadImagesError, paths_to_tensor
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


# ---------------------------------------------------------------- extract_features


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of kept features, empty."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "cache" / "features"


@pytest.fixture
def computed(monkeypatch):
    """What the network had to compute: one number of images per call."""
    calls, original = [], transfer._compute

    def count(part, backbone, images, *rest):
        calls.append(len(images))
        original(part, backbone, images, *rest)

    monkeypatch.setattr(transfer, "_compute", count)
    return calls


@pytest.fixture
def pictures(tmp_path) -> list[Path]:
    generator = np.random.default_rng(1)
    paths = [tmp_path / f"ein Bild ä {i}.png" for i in range(5)]
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (70, 50, 3), dtype="uint8")).save(path)
    return paths


def features_of(backbone, images, upto=None, **options) -> np.ndarray:
    return extract_features(backbone, images, upto, progress=False, **options)


@pytest.mark.parametrize("upto", [None, "block1", "block3_conv2", "block5"])
def test_features_are_the_activations(upto, cache, pictures, minivgg):
    pixels = paths_to_tensor(pictures, size=(64, 64), progress=False)
    layer = {"block1": "block1_pool", "block3_conv2": "block3_conv2"}.get(upto, "block5_pool")
    part = keras.Model(minivgg.model.input, minivgg.model.get_layer(layer).output)
    features = features_of(minivgg, pictures, upto, batch_size=2)
    expected = part.predict(minivgg.preprocess(pixels), verbose=0)
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4)
    assert isinstance(features, np.memmap)
    assert features.dtype == np.float32


def test_split_paths_names_and_pixels_give_the_same(cache, pictures, minivgg):
    split = Split(pictures, np.zeros(5, "int64"), ["a"])
    pixels = paths_to_tensor(pictures, size=(64, 64), progress=False)
    expected = features_of(minivgg, split)
    names = np.array([str(path) for path in pictures])
    for images in (pictures, names, names.tolist(), pixels, pixels.astype("float64")):
        np.testing.assert_allclose(features_of(minivgg, images), expected, rtol=1e-5, atol=1e-5)


def test_features_with_top_are_the_probabilities(cache, pictures):
    backbone = load_backbone("minivgg", include_top=True, weights=False)
    features = features_of(backbone, pictures)
    assert features.shape == (5, 100)
    np.testing.assert_allclose(features.sum(axis=1), 1, rtol=1e-5)


def test_second_call_does_not_run_the_network(cache, computed, pictures, minivgg):
    first = features_of(minivgg, pictures)
    np.testing.assert_array_equal(features_of(minivgg, pictures), first)
    np.testing.assert_array_equal(features_of(minivgg, pictures, "block5"), first)
    assert computed == [5]
    assert len(list(cache.iterdir())) == 1


def test_what_changes_no_activation_computes_nothing(cache, computed, pictures, fresh, tmp_path):
    features_of(fresh, pictures, "block4")
    freeze_up_to(fresh, "block3")
    features_of(fresh, pictures, "block4")
    add_classifier(fresh, 3)
    split_at(fresh, "block2")
    last = fresh.model.get_layer("block5_conv3")
    last.set_weights([weight + 1 for weight in last.get_weights()])
    features_of(fresh, pictures, "block4", batch_size=2)
    moved = [path.rename(tmp_path / f"moved{i}.png") for i, path in enumerate(pictures)]
    features_of(fresh, moved, "block4")
    assert computed == [5]


def test_a_backbone_that_is_loaded_again_finds_its_features(cache, computed, networks):
    first = networks["mobilenet_v2"]
    second = load_backbone("mobilenet_v2", weights=False)
    assert second.model.layers[0].name != first.model.layers[0].name  # Keras counts them
    second.model.set_weights(first.model.get_weights())
    pixels = np.full((1, 224, 224, 3), 100.0)
    expected = features_of(first, pixels, "block1")
    np.testing.assert_array_equal(features_of(second, pixels, "block1"), expected)
    assert computed == [1]


def test_changed_weights_give_new_features(cache, computed, pictures, fresh):
    old = features_of(fresh, pictures, "block2")
    layer = fresh.model.get_layer("block1_conv1")
    layer.set_weights([weight * 2 for weight in layer.get_weights()])
    assert not np.allclose(features_of(fresh, pictures, "block2"), old)
    layer.set_weights([weight / 2 for weight in layer.get_weights()])
    np.testing.assert_array_equal(features_of(fresh, pictures, "block2"), old)
    assert computed == [5, 5]


def test_changed_file_gives_new_features(cache, computed, pictures, minivgg):
    old = features_of(minivgg, pictures, "block1")
    stamp = pictures[2].stat()
    Image.new("RGB", (64, 64), "red").save(pictures[2])
    os.utime(pictures[2], ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # the date does not tell
    new = features_of(minivgg, pictures, "block1")
    differing = [i for i in range(5) if not np.allclose(old[i], new[i])]
    assert differing == [2]
    assert computed == [5, 5]


def test_changed_pixels_order_and_number_give_new_features(cache, computed, minivgg):
    pixels = np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 3))
    features_of(minivgg, pixels, "block1")
    features_of(minivgg, pixels[::-1], "block1")
    features_of(minivgg, pixels[:2], "block1")
    pixels[2, 63, 63, 2] += 1
    features_of(minivgg, pixels, "block1")
    assert computed == [3, 3, 2, 3]


def test_other_layer_backbone_and_activation_give_new_features(cache, computed, fresh):
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    shapes = [
        features_of(fresh, pixels, upto).shape for upto in ("block1", "block2", "block1_conv1")
    ]
    assert shapes == [(1, 32, 32, 32), (1, 16, 16, 64), (1, 64, 64, 32)]
    features_of(load_backbone("minivgg", weights=False), pixels, "block1")
    fresh.model.get_layer("block1_conv1").activation = keras.activations.tanh
    features_of(fresh, pixels, "block1")
    assert computed == [1] * 5


def test_same_layers_in_another_order_give_new_features(cache, computed, minivgg):
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))

    def side_by_side(*names):
        average = keras.layers.GlobalAveragePooling2D()
        codes = [average(minivgg.model.get_layer(name).output) for name in names]
        model = keras.Model(minivgg.model.input, keras.layers.Concatenate(name="codes")(codes))
        return features_of(replace(minivgg, model=model), pixels)

    one_way = side_by_side("block1_conv1", "block1_conv2")
    np.testing.assert_array_equal(side_by_side("block1_conv1", "block1_conv2"), one_way)
    other = side_by_side("block1_conv2", "block1_conv1")
    np.testing.assert_allclose(np.roll(other, 32, axis=1), one_way, rtol=1e-5)
    assert computed == [1, 1]


def test_other_preprocessing_gives_new_features_whatever_its_name(cache, computed, minivgg):
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    for factor in (1.0, 1 / 255):
        other = replace(minivgg, preprocess=lambda images, factor=factor: images * factor)
        expected = other.model.layers[1](other.preprocess(pixels))
        np.testing.assert_allclose(
            features_of(other, pixels, "block1_conv1"), expected, rtol=1e-4, atol=1e-3
        )
    assert computed == [1, 1]


def test_features_in_bfloat16_are_kept_apart(cache, computed, minivgg):
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3))
    found = {}
    for policy in ("float32", "mixed_bfloat16", "bfloat16"):
        keras.config.set_dtype_policy(policy)
        try:
            model = load_backbone("minivgg", weights=False).model
        finally:
            keras.config.set_dtype_policy("float32")
        model.set_weights(minivgg.model.get_weights())
        found[policy] = features_of(replace(minivgg, model=model), pixels, "block2")
        assert found[policy].dtype == np.float32
    assert computed == [2, 2, 2]
    for policy in ("mixed_bfloat16", "bfloat16"):
        assert 0 < np.abs(found[policy] - found["float32"]).max() < 0.1 * found["float32"].max()


def test_interrupted_computation_leaves_nothing(cache, pictures, minivgg, monkeypatch):
    seen, original = [], transfer._pixels

    def interrupt(batch, size):
        seen.append(len(batch))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return original(batch, size)

    monkeypatch.setattr(transfer, "_pixels", interrupt)
    with pytest.raises(KeyboardInterrupt):
        features_of(minivgg, pictures, "block1", batch_size=2)
    assert list(cache.iterdir()) == []
    features = features_of(minivgg, pictures, "block1", batch_size=2)
    assert (features != 0).any(axis=(1, 2, 3)).all()


def test_full_disk_is_an_error_and_leaves_nothing(cache, minivgg, monkeypatch):
    class FullDisk:
        def astype(self, dtype):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "predict_on_batch", lambda model, batch: FullDisk())
    with pytest.raises(OSError, match="No space left"):
        features_of(minivgg, np.ones((1, 64, 64, 3)))
    assert list(cache.iterdir()) == []


KILLED = """
    import os
    import numpy as np
    from course_utils import transfer
    from course_utils.backbones import load_backbone

    def die(batch, size, seen=[]):
        seen.append(batch)
        return batch if len(seen) < 3 else os._exit(9)

    transfer._pixels = die
    backbone = load_backbone("minivgg", weights=False)
    transfer.extract_features(backbone, np.ones((8, 64, 64, 3)), "block1", batch_size=2)
"""


def test_killed_process_leaves_nothing_under_a_final_name(cache):
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED)], capture_output=True)
    assert killed.returncode == 9, killed.stderr
    (unfinished,) = cache.rglob("*.npy")
    assert unfinished.parent.parent == cache


def test_two_computations_at_the_same_time_do_not_disturb_each_other(
    cache, computed, pictures, minivgg, monkeypatch
):
    seen, inner, original = [], [], transfer._pixels

    def start_another(batch, size):
        seen.append(batch)
        if len(seen) == 2:  # in the middle of the first
            inner.append(features_of(minivgg, pictures, "block1", batch_size=2))
        return original(batch, size)

    monkeypatch.setattr(transfer, "_pixels", start_another)
    outer = features_of(minivgg, pictures, "block1", batch_size=2)
    assert computed == [5, 5]
    np.testing.assert_array_equal(outer, inner[0])
    np.testing.assert_array_equal(outer, features_of(minivgg, pictures, "block1"))
    assert len(list(cache.iterdir())) == 1


def test_all_bad_files_are_named_at_once(cache, pictures, minivgg):
    pictures[0].write_bytes(b"")
    pictures[2].write_bytes(pictures[2].read_bytes()[:100])
    pictures[4].unlink()
    with pytest.raises(BadImagesError) as raised:
        features_of(minivgg, pictures, batch_size=2)
    for i, path in enumerate(pictures):
        assert (str(path) in str(raised.value)) == (i in (0, 2, 4))
    assert raised.value.paths == [pictures[i] for i in (0, 2, 4)]
    assert list(cache.iterdir()) == []


def test_a_file_that_was_bad_for_a_moment_gives_no_features(cache, pictures, minivgg, monkeypatch):
    def fail(batch, size):
        raise BadImagesError("broken", [pictures[0]])

    monkeypatch.setattr(transfer, "_pixels", fail)
    with pytest.raises(BadImagesError, match="try again"):
        features_of(minivgg, pictures)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("shape", [(2, 32, 64, 3), (2, 64, 64), (64, 64, 3), (2, 64, 64, 4)])
def test_pixels_of_another_shape_are_refused(shape, cache, minivgg):
    message = re.escape(f"shape {shape[1:]}, but minivgg takes (64, 64, 3)")
    with pytest.raises(ValueError, match=message):
        features_of(minivgg, np.zeros(shape))


def test_no_images_and_a_single_one_are_answered(cache, pictures, minivgg):
    for nothing in ([], np.empty((0, 64, 64, 3))):
        with pytest.raises(ValueError, match="no images to compute features of"):
            features_of(minivgg, nothing)
    for one in (pictures[0], str(pictures[0])):
        with pytest.raises(TypeError, match="takes a list of pictures"):
            features_of(minivgg, one)
    with pytest.raises(ValueError, match="no block or layer 'block7'"):
        features_of(minivgg, pictures, "block7")


def test_progress_is_shown_unless_it_is_not_wanted(cache, pictures, minivgg, capsys):
    extract_features(minivgg, pictures[:2], "block1", progress=False)
    assert "features" not in "".join(capsys.readouterr())
    extract_features(minivgg, pictures, "block1")
    assert "features" in "".join(capsys.readouterr())
