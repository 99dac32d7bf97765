import base64
import io
import re

import keras
import numpy as np
import pytest
from PIL import Image
from skimage import data

from course_utils.tensors import path_to_tensor
from course_utils.widgets.augmentation_preview import (
    AUGMENTATIONS,
    RESULTS,
    SUBJECTS,
    AugmentationPreview,
)

LAYERS = [one.layer for one in AUGMENTATIONS]


@pytest.fixture
def preview():
    return AugmentationPreview()


def tick(preview, *layers):
    for layer, box in preview.checkboxes.items():
        box.value = layer in layers


def result_of(preview, **names):
    exec(preview.code, names)
    return np.asarray(names["images"])


@pytest.mark.parametrize(
    "ticked", [[], *([layer] for layer in LAYERS), LAYERS], ids=lambda ticked: "+".join(ticked)
)
def test_shown_code_gives_the_shown_images(preview, ticked):
    tick(preview, *ticked)
    preview.button.click()
    before = path_to_tensor(data.chelsea(), size=preview.images.shape[1:3])
    result = result_of(preview)
    assert result.shape == (RESULTS, *before.shape[1:])
    assert np.allclose(result, preview.images, atol=1e-3)
    assert np.allclose(result, before) == (not ticked)
    assert ("keras.Sequential" in preview.code) == bool(ticked)


@pytest.mark.parametrize("layer", LAYERS)
def test_strength_reaches_the_layer(preview, layer):
    tick(preview, layer)
    weak = preview.images
    strength = preview.strengths[layer]
    strength.value = "vertical" if layer == "RandomFlip" else strength.slider.max
    assert not np.allclose(preview.images, weak)
    assert np.allclose(result_of(preview), preview.images, atol=1e-3)


def test_flip_flips_and_nothing_else(preview):
    tick(preview, "RandomFlip")
    before = path_to_tensor(data.chelsea(), size=preview.images.shape[1:3])[0]
    kinds = {
        "as it was"
        if (image == before).all()
        else "mirrored"
        if (image == before[:, ::-1]).all()
        else "other"
        for image in preview.images
    }
    assert kinds == {"as it was", "mirrored"}


def test_draw_again_gives_others_and_the_same_seed_the_same(preview):
    tick(preview, "RandomRotation")
    first = preview.images
    assert np.array_equal(AugmentationPreview().images.shape, first.shape)
    preview.button.click()
    assert not np.allclose(preview.images, first)
    other = AugmentationPreview()
    tick(other, "RandomRotation")
    assert np.array_equal(other.images, first), "another panel begins with the same numbers"


def test_layers_do_not_share_their_random_numbers(preview):
    tick(preview, *LAYERS)
    seeds = re.findall(r"seed=(\d+)", preview.code)
    assert len(set(seeds)) == len(LAYERS)


def test_slider_and_field_are_in_step_and_bounded(preview):
    strength = preview.strengths["RandomRotation"]
    strength.field.value = 0.25
    assert (strength.slider.value, strength.value) == (0.25, 0.25)
    assert "turned by up to 90 degrees" in preview._status.value
    strength.field.value = 7
    assert strength.slider.value == 0.5
    strength.slider.value = 0.1
    assert strength.field.value == 0.1
    assert "RandomRotation(0.1, " in preview.code


def test_strength_of_what_is_not_ticked_cannot_be_changed(preview):
    tick(preview, "RandomZoom")
    assert not preview.strengths["RandomZoom"].disabled
    assert all(preview.strengths[layer].disabled for layer in LAYERS if layer != "RandomZoom")
    tick(preview)
    assert "nothing changes" in preview._status.value


@pytest.mark.parametrize(
    ("subject", "layer", "strength", "says"),
    [
        (SUBJECTS[0], "RandomFlip", "horizontal", None),
        (SUBJECTS[0], "RandomFlip", "vertical", "label stays true"),
        (SUBJECTS[1], "RandomFlip", "horizontal", "makes the same digit"),
        (SUBJECTS[1], "RandomFlip", "horizontal_and_vertical", "can destroy the label"),
        (SUBJECTS[2], "RandomFlip", "horizontal", "destroys the label"),
        (SUBJECTS[2], "RandomRotation", 0.1, None),
        (SUBJECTS[2], "RandomRotation", 0.5, "6 a 9"),
        (SUBJECTS[0], "RandomZoom", 0.2, None),
        (SUBJECTS[0], "RandomZoom", 0.6, "cut off"),
        (SUBJECTS[0], "RandomTranslation", 0.4, "cut off"),
        (SUBJECTS[0], "RandomBrightness", 0.3, None),
        (SUBJECTS[0], "RandomBrightness", 0.9, "almost a single colour"),
    ],
)
def test_warns_where_the_label_is_at_risk_and_only_there(preview, subject, layer, strength, says):
    tick(preview, layer)
    preview.subject.value = subject
    preview.strengths[layer].value = strength
    warned = preview._warnings()
    assert bool(warned) == bool(says)
    if says:
        assert says in warned[0] and says in str(preview)
    tick(preview)
    assert preview._warnings() == []


def test_images_of_one_s_own(preview, tmp_path, monkeypatch):
    path = tmp_path / "mine <b>.png"
    Image.fromarray(data.coffee()).save(path)
    for panel in (preview, AugmentationPreview({"x": path}), AugmentationPreview({"x": str(path)})):
        if panel is preview:
            panel.chooser.give(path.name, path.read_bytes())
            assert "mine &lt;b&gt;.png, after, 1 of 6" in panel._gallery.value
        monkeypatch.chdir(tmp_path)
        assert np.allclose(result_of(panel), panel.images, atol=1e-3)
    examples = {"black": np.zeros((300, 3, 3), np.uint8)}
    panel = AugmentationPreview(examples)
    assert np.allclose(result_of(panel, examples=examples), panel.images, atol=1e-3)


def test_bad_file_leaves_the_images(preview):
    before = preview.images, preview._gallery.value
    preview.chooser.give("x.png", b"")
    assert "x.png is empty" in preview.chooser._status.value
    assert (preview.images is before[0]) and preview._gallery.value == before[1]


def test_shown_images_are_those_of_keras(preview):
    tick(preview, "RandomContrast")
    contents = re.findall(r"base64,([^\"]+)", preview._gallery.value)
    assert len(contents) == 1 + RESULTS
    shown = preview._shown()
    assert np.abs(shown[3].astype(float) - preview.images[2]).max() <= 0.5 + 1e-3


def test_names_of_the_learner_s_layers_stay_as_they_would_be(preview):
    keras.backend.clear_session()
    tick(preview, *LAYERS)
    assert keras.layers.RandomFlip().name == "random_flip"


def test_images_and_words_are_there_without_a_kernel(preview):
    bundle = preview._repr_mimebundle_()
    assert 'alt="AugmentationPreview' in bundle["text/html"]
    assert "keras.Sequential" in bundle["text/plain"]
    content = re.search(r"base64,([^\"]+)", bundle["text/html"])[1]
    assert Image.open(io.BytesIO(base64.b64decode(content))).width > 300
