"""Features are computed once, never out of date, and never half written."""

import os
import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from course_utils import features
from course_utils.backbones import load_backbone
from course_utils.datasets import Split
from course_utils.features import extract_features
from course_utils.tensors import BadImagesError, paths_to_tensor
from course_utils.transfer import add_classifier, freeze_up_to, split_at


@pytest.fixture(scope="module")
def minivgg():
    """A MiniVGG that no test modifies."""
    return load_backbone("minivgg", weights=False)


@pytest.fixture
def fresh():
    """A MiniVGG of the test's own."""
    keras.utils.set_random_seed(0)
    return load_backbone("minivgg", weights=False)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of stored features, empty."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "cache" / "features"


@pytest.fixture
def computed(monkeypatch):
    """What the network had to compute: one number of images per call."""
    calls, original = [], features._compute

    def count(part, backbone, images, *rest):
        calls.append(len(images))
        return original(part, backbone, images, *rest)

    monkeypatch.setattr(features, "_compute", count)
    return calls


@pytest.fixture
def files(tmp_path) -> list[Path]:
    generator = np.random.default_rng(1)
    paths = [tmp_path / f"ein Bild ä {i}.png" for i in range(5)]
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (70, 50, 3), dtype="uint8")).save(path)
    return paths


def features_of(backbone, images, upto=None, **options) -> np.ndarray:
    return extract_features(backbone, images, upto, progress=False, **options)


# ---------------------------------------------------------------- computed once


@pytest.mark.parametrize("upto", [None, "block1", "block3_conv2", "block5"])
def test_features_are_the_activations(upto, cache, files, minivgg):
    pixels = paths_to_tensor(files, size=(64, 64), progress=False)
    layer = {"block1": "block1_pool", "block3_conv2": "block3_conv2"}.get(upto, "block5_pool")
    part = keras.Model(minivgg.model.input, minivgg.model.get_layer(layer).output)
    found = features_of(minivgg, files, upto, batch_size=2)
    expected = part.predict(minivgg.preprocess(pixels), verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert isinstance(found, np.memmap)
    assert found.dtype == np.float32


def test_split_paths_names_images_and_pixels_give_the_same(cache, files, minivgg):
    split = Split(files, np.zeros(5, "int64"), ["a"])
    pixels = paths_to_tensor(files, size=(64, 64), progress=False)
    expected = features_of(minivgg, split)
    names = np.array([str(path) for path in files])
    opened = [Image.open(path) for path in files]
    content = [path.read_bytes() for path in files]
    for images in (files, names, names.tolist(), opened, content, pixels, pixels.astype("float64")):
        np.testing.assert_allclose(features_of(minivgg, images), expected, rtol=1e-5, atol=1e-5)


def test_features_with_top_are_the_probabilities(cache, files):
    backbone = load_backbone("minivgg", include_top=True, weights=False)
    found = features_of(backbone, files)
    assert found.shape == (5, 100)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_second_call_does_not_run_the_network(cache, computed, files, minivgg):
    first = features_of(minivgg, files)
    np.testing.assert_array_equal(features_of(minivgg, files), first)
    np.testing.assert_array_equal(features_of(minivgg, files, "block5"), first)
    assert computed == [5]
    assert len(list(cache.iterdir())) == 1


def test_interrupted_computation_leaves_nothing(cache, files, minivgg, monkeypatch):
    seen, original = [], features._pixels

    def interrupt(batch, size):
        seen.append(len(batch))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return original(batch, size)

    monkeypatch.setattr(features, "_pixels", interrupt)
    with pytest.raises(KeyboardInterrupt):
        features_of(minivgg, files, "block1", batch_size=2)
    assert list(cache.iterdir()) == []
    found = features_of(minivgg, files, "block1", batch_size=2)
    assert (found != 0).any(axis=(1, 2, 3)).all()


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
    from course_utils import features
    from course_utils.backbones import load_backbone

    def die(batch, size, seen=[]):
        seen.append(batch)
        return batch if len(seen) < 3 else os._exit(9)

    features._pixels = die
    backbone = load_backbone("minivgg", weights=False)
    features.extract_features(backbone, np.ones((8, 64, 64, 3)), "block1", batch_size=2)
"""


def test_what_a_killed_process_leaves_is_not_used_and_later_removed(cache, minivgg):
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED)], capture_output=True)
    assert killed.returncode == 9, killed.stderr
    assert list(cache.glob("*.npy")) == []
    (unfinished,) = cache.iterdir()
    os.utime(unfinished, (0, 0))
    features_of(minivgg, np.ones((1, 64, 64, 3)), "block1")
    assert not unfinished.exists()


def test_two_computations_at_the_same_time_do_not_disturb_each_other(
    cache, computed, files, minivgg, monkeypatch
):
    seen, inner, original = [], [], features._pixels

    def start_another(batch, size):
        seen.append(batch)
        if len(seen) == 2:  # in the middle of the first
            inner.append(features_of(minivgg, files, "block1", batch_size=2))
        return original(batch, size)

    monkeypatch.setattr(features, "_pixels", start_another)
    outer = features_of(minivgg, files, "block1", batch_size=2)
    assert computed == [5, 5]
    np.testing.assert_array_equal(outer, inner[0])
    np.testing.assert_array_equal(outer, features_of(minivgg, files, "block1"))
    assert len(list(cache.iterdir())) == 1


def test_all_bad_files_are_named_at_once(cache, files, minivgg):
    files[0].write_bytes(b"")
    files[2].write_bytes(files[2].read_bytes()[:100])
    files[4].unlink()
    with pytest.raises(BadImagesError) as raised:
        features_of(minivgg, files, batch_size=2)
    for i, path in enumerate(files):
        assert (str(path) in str(raised.value)) == (i in (0, 2, 4))
    assert raised.value.paths == [files[i] for i in (0, 2, 4)]
    assert list(cache.iterdir()) == []


def test_a_file_that_was_bad_for_a_moment_gives_no_features(cache, files, minivgg, monkeypatch):
    def fail(batch, size):
        raise BadImagesError("broken", [files[0]])

    monkeypatch.setattr(features, "_pixels", fail)
    with pytest.raises(BadImagesError, match="try again"):
        features_of(minivgg, files)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("shape", [(2, 32, 64, 3), (2, 64, 64), (64, 64, 3), (2, 64, 64, 4)])
def test_pixels_of_another_shape_are_refused(shape, cache, minivgg):
    message = re.escape(f"shape {shape[1:]}, but minivgg takes (64, 64, 3)")
    with pytest.raises(ValueError, match=message):
        features_of(minivgg, np.zeros(shape))


def test_no_images_and_a_single_one_are_answered(cache, files, minivgg):
    for nothing in ([], np.empty((0, 64, 64, 3))):
        with pytest.raises(ValueError, match="no images to compute features of"):
            features_of(minivgg, nothing)
    for one in (files[0], str(files[0])):
        with pytest.raises(TypeError, match="takes a list of images"):
            features_of(minivgg, one)
    with pytest.raises(ValueError, match="no block or layer 'block7'"):
        features_of(minivgg, files, "block7")


@pytest.mark.parametrize("size", [0, -1])
def test_batches_of_nothing_are_refused_and_store_nothing(size, cache, files, minivgg):
    with pytest.raises(
        ValueError, match=f"batch_size is a number of images, 1 or more, not {size}"
    ):
        features_of(minivgg, files, batch_size=size)
    assert not cache.exists()


def test_a_damaged_entry_is_computed_again_with_a_warning(cache, computed, files, minivgg):
    expected = np.array(features_of(minivgg, files))
    (entry,) = cache.iterdir()
    entry.write_bytes(entry.read_bytes()[:-1] + b"?")
    with pytest.warns(UserWarning, match=f"{entry.name} are damaged: they are computed again"):
        again = features_of(minivgg, files)
    np.testing.assert_array_equal(again, expected)
    np.testing.assert_array_equal(features_of(minivgg, files), expected)
    assert computed == [5, 5]


def test_a_cache_that_cannot_be_written_is_read_or_done_without(
    cache, computed, files, minivgg, monkeypatch
):
    expected = features_of(minivgg, files)

    def refuse(path, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(path))

    for change in ("touch", "unlink", "mkdir"):
        monkeypatch.setattr(Path, change, refuse)
    np.testing.assert_array_equal(features_of(minivgg, files), expected)
    with pytest.warns(UserWarning, match="features are not kept on disk: .*Permission denied"):
        found = features_of(minivgg, files, "block1")
    assert found.shape == (5, 32, 32, 32)
    assert computed == [5, 5]
    assert len(list(cache.iterdir())) == 1


def test_a_pipe_among_the_files_is_named(cache, tmp_path, minivgg):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(BadImagesError, match="pipe.jpg: is not a file but a pipe"):
        features_of(minivgg, [tmp_path / "pipe.jpg"])


def test_progress_is_shown_unless_switched_off(cache, files, minivgg, capsys):
    extract_features(minivgg, files[:2], "block1", progress=False)
    assert "features" not in "".join(capsys.readouterr())
    extract_features(minivgg, files, "block1")
    assert "features" in "".join(capsys.readouterr())


# ---------------------------------------------------------------- computed again


def test_what_changes_no_activation_computes_nothing(cache, computed, files, fresh, tmp_path):
    features_of(fresh, files, "block4")
    freeze_up_to(fresh, "block3")
    features_of(fresh, files, "block4")
    add_classifier(fresh, 3)
    split_at(fresh, "block2")
    last = fresh.model.get_layer("block5_conv3")
    last.set_weights([weight + 1 for weight in last.get_weights()])
    features_of(fresh, files, "block4", batch_size=2)
    moved = [path.rename(tmp_path / f"moved{i}.png") for i, path in enumerate(files)]
    features_of(fresh, moved, "block4")
    assert computed == [5]


def test_a_backbone_that_is_loaded_again_finds_its_features(cache, computed):
    first = load_backbone("mobilenet_v2", weights=False)
    second = load_backbone("mobilenet_v2", weights=False)
    assert second.model.layers[0].name != first.model.layers[0].name  # Keras counts them
    second.model.set_weights(first.model.get_weights())
    pixels = np.full((1, 224, 224, 3), 100.0)
    expected = features_of(first, pixels, "block1")
    np.testing.assert_array_equal(features_of(second, pixels, "block1"), expected)
    assert computed == [1]


def test_changed_weights_give_new_features(cache, computed, files, fresh):
    old = features_of(fresh, files, "block2")
    layer = fresh.model.get_layer("block1_conv1")
    layer.set_weights([weight * 2 for weight in layer.get_weights()])
    assert not np.allclose(features_of(fresh, files, "block2"), old)
    layer.set_weights([weight / 2 for weight in layer.get_weights()])
    np.testing.assert_array_equal(features_of(fresh, files, "block2"), old)
    assert computed == [5, 5]


def test_changed_file_gives_new_features(cache, computed, files, minivgg):
    old = features_of(minivgg, files, "block1")
    stamp = files[2].stat()
    Image.new("RGB", (64, 64), "red").save(files[2])
    os.utime(files[2], ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # the date does not tell
    new = features_of(minivgg, files, "block1")
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


def test_other_code_that_noise_does_not_show_gives_new_features(cache, computed, minivgg):
    pixels = np.zeros((1, 64, 64, 3))
    for dark in (0.0, 9.0):

        def preprocess(images, dark=dark):
            return images if images.max() else images + dark

        found = features_of(replace(minivgg, preprocess=preprocess), pixels, "block1_conv1")
        network = keras.Model(minivgg.model.input, minivgg.model.get_layer("block1_conv1").output)
        np.testing.assert_allclose(found, network(pixels + dark), rtol=1e-4, atol=1e-4)
    assert computed == [1, 1]


def test_other_code_of_a_custom_layer_or_activation_gives_new_features(cache, computed, minivgg):
    def features_with(factor, shift):
        class Scale(keras.layers.Layer):
            def call(self, x):
                return factor * x

        def shifted(x):
            return x + shift

        inputs = keras.Input((64, 64, 3))
        outputs = keras.layers.Activation(shifted)(Scale()(inputs))
        model = keras.Model(inputs, keras.layers.Flatten(name="codes")(outputs))
        backbone = replace(minivgg, model=model, preprocess=lambda images: images)
        return features_of(backbone, np.ones((1, 64, 64, 3)))[0, 0]

    for _ in range(2):
        assert [features_with(2, 1), features_with(3, 1), features_with(3, 5)] == [3, 4, 8]
    assert computed == [1, 1, 1]


@pytest.mark.parametrize("package", ["keras", "numpy", "PIL"])
def test_another_version_of_a_library_gives_new_features(package, cache, minivgg, monkeypatch):
    pixels = np.zeros((1, 64, 64, 3))
    features_of(minivgg, pixels, "block1")
    monkeypatch.setattr(sys.modules[package], "__version__", "99.9")
    features_of(minivgg, pixels, "block1")
    assert len(list(cache.iterdir())) == 2
