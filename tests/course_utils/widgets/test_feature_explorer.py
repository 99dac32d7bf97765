import re

import numpy as np
import pytest
from PIL import Image

from course_utils.backbones import load_backbone
from course_utils.datasets import Split
from course_utils.explain import activation_layers
from course_utils.plumbing.receptive_fields import receptive_field
from course_utils.widgets.feature_explorer import COLUMNS, STRONGEST, FeatureExplorer


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("minivgg", include_top=True)


@pytest.fixture
def split(tmp_path, monkeypatch):
    """Twenty images of noise, each of another brightness."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    noise = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.png" for i in range(20)]
    for i, path in enumerate(paths):
        Image.fromarray(noise.integers(0, 10 * i + 60, (64, 64, 3), "uint8")).save(path)
    return Split(paths, np.arange(20) % 2, ["even", "odd"])


@pytest.fixture
def explorer(backbone, split):
    return FeatureExplorer(backbone, split)


def run(explorer):
    """Run the code that the panel shows, and return its variables."""
    scope = {"backbone": explorer.backbone, "images": explorer.images}
    exec(explorer.code, scope)
    return scope


@pytest.mark.parametrize("layer", ["block1_conv1", "block3_conv2", "block5_conv3"])
def test_shown_code_gives_the_shown_numbers(explorer, layer):
    explorer.slider.value = layer
    explorer.field.value = 7
    explorer.button.click()
    found = run(explorer)
    np.testing.assert_allclose(found["activation_map"], explorer.maps[layer][..., 7], atol=1e-3)
    assert found["strongest"].tolist() == explorer.strongest.tolist()
    np.testing.assert_allclose(found["heat"], explorer.heat, atol=1e-3)


def test_code_without_arguments_loads_everything_itself(backbone, split, monkeypatch):
    home = "course_utils.widgets.feature_explorer"
    monkeypatch.setattr(f"{home}.load_backbone", lambda include_top: backbone)
    monkeypatch.setattr(f"{home}.load_split", lambda *names: split)
    explorer = FeatureExplorer()
    explorer.button.click()
    assert 'backbone = load_backbone("minivgg", include_top=True)' in explorer.code
    assert 'images = load_split("dogs_vs_cats", "train")' in explorer.code
    code = explorer.code.replace('load_split("dogs_vs_cats", "train")', "split")
    scope = {"split": split}
    exec(code, scope)
    np.testing.assert_allclose(scope["activation_map"], explorer._map(), atol=1e-3)
    assert scope["strongest"].tolist() == explorer.strongest.tolist()


def test_strongest_channels_of_the_image_stand_in_the_grid(explorer):
    explorer.dropdown.value = "block2_conv2"
    assert explorer.slider.value == "block2_conv2"
    maps = run(explorer)["maps"].numpy()
    expected = np.argsort(-maps.max(axis=(0, 1)))[:12].tolist()
    shown = [int(cell["words"]) for row in explorer.grid.cells for cell in row]
    assert shown == expected
    assert explorer.field.value == expected[0]
    assert (explorer.grid.row, explorer.grid.column) == (0, 0)
    explorer.grid.choose(1, 2)
    assert explorer.field.value == expected[COLUMNS + 2]
    assert f"channel = {expected[COLUMNS + 2]}\n" in explorer.code
    other = next(channel for channel in range(64) if channel not in expected)
    explorer.field.value = other
    assert (explorer.grid.row, explorer.grid.column) == (-1, -1)
    assert f"channel = {other}\n" in explorer.code


def test_every_layer_can_be_chosen_and_says_what_it_sees(explorer):
    names = [name for members in activation_layers(explorer.backbone).values() for name in members]
    assert list(explorer.slider.options) == list(explorer.dropdown.options) == names
    for name in ("block1_conv1", "block3_conv3"):
        explorer.slider.value = name
        size = receptive_field(explorer.backbone, name).size
        assert f"{size} x {size} of the 64 x 64 pixels" in explorer._layer_status.value
    explorer.slider.value = "block4_conv3"
    assert "the whole picture" in explorer._layer_status.value


def test_images_are_looked_for_when_asked_and_then_follow_the_channel(explorer):
    assert explorer.strongest is None and explorer._gallery.value == ""
    explorer.button.click()
    first = explorer.strongest.tolist()
    assert explorer.task.said == "20 of 20 pictures seen."
    assert len(re.findall(r'<img alt="(even|odd), ', explorer._gallery.value)) == STRONGEST
    explorer.grid.choose(1, 1)
    assert explorer.strongest.tolist() == run(explorer)["strongest"].tolist()
    explorer.slider.value = "block1_conv1"
    assert explorer.strongest is None, "not computed for this layer"
    explorer.slider.value = "block3_conv1"
    explorer.slider.value = FeatureExplorer(explorer.backbone, explorer.images).slider.value
    assert explorer.strongest.tolist() == first, "computed before"


def test_search_can_be_stopped(explorer):
    pieces = explorer._pieces("block1_conv1")
    explorer.task._pieces = pieces
    assert next(pieces) == (0.8, "16 of 20 pictures seen.")
    pieces.close()
    assert explorer.strongest is None
    explorer.button.click()
    assert explorer.strongest is not None


def test_grad_cam_follows_image_class_and_opacity(explorer):
    probabilities = explorer.backbone.model.predict(
        explorer.backbone.preprocess(explorer._pixels), verbose=0
    )[0]
    assert [number for _, number in explorer.reason.options] == (
        probabilities.argsort()[::-1][:5].tolist()
    )
    label = explorer.backbone.labels[probabilities.argmax()]
    assert f"{label}, probability {probabilities.max():.1%}" in explorer._heat_status.value
    before, image = explorer.heat, explorer._overlay.value
    explorer.opacity.value = 0
    assert explorer._overlay.value != image and explorer.heat is before
    explorer.reason.value = explorer.reason.options[2][1]
    assert np.abs(explorer.heat - before).max() > 0.1
    np.testing.assert_allclose(run(explorer)["heat"], explorer.heat, atol=1e-3)
    explorer.chooser.dropdown.value = "coffee"
    assert "espresso" in explorer._heat_status.value and "espresso" in str(explorer)


def test_network_without_its_top_has_no_grad_cam(split):
    explorer = FeatureExplorer(load_backbone("minivgg"), split)
    assert explorer.heat is None and "Grad-CAM" not in str(explorer)
    explorer.slider.value = "block2_conv1"
    run(explorer)
    explorer.draw()


def test_other_backbones(split):
    mobilenet = load_backbone("mobilenet_v2", weights=False)
    explorer = FeatureExplorer(mobilenet, split, {"one": split.paths[0]})
    explorer.slider.value = "block_2_expand_relu"
    explorer.button.click()
    assert explorer.strongest is not None, explorer.task.said
    assert repr(str(split.paths[0])) in explorer.code


def test_channel_that_finds_nothing_says_so(explorer):
    explorer.slider.value = "block5_conv3"
    silent = int(np.flatnonzero(explorer._maps().max(axis=(0, 1)) == 0)[0])
    explorer.field.value = silent
    assert f"Channel {silent} is zero everywhere" in explorer._channel_status.value


def test_two_panels_do_not_disturb_each_other_nor_the_network(explorer):
    weights = [weight.numpy() for weight in explorer.backbone.model.weights]
    second = FeatureExplorer(explorer.backbone, explorer.images)
    second.slider.value = "block1_conv2"
    assert explorer.slider.value != "block1_conv2"
    explorer.button.click()
    assert second.strongest is None
    for before, weight in zip(weights, explorer.backbone.model.weights, strict=True):
        assert (before == weight.numpy()).all()


def test_controls_have_names_and_images_have_words(explorer):
    explorer.button.click()
    for name in ("slider", "dropdown", "field", "button", "reason"):
        assert getattr(explorer, name).description
    for part in (explorer._large, explorer._gallery, explorer._overlay):
        assert part.value.count("<img") == len(re.findall(r'<img alt="[^"]+"', part.value)) > 0
    for row in explorer.grid.cells:
        assert all(re.match(r"channel \d+, largest value", cell["label"]) for cell in row)
    page = explorer._repr_mimebundle_()["text/html"]
    assert "<img alt=" in page and "Channel" in page
