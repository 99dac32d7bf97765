import dataclasses
import json
import math
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

from course_utils.backbones import load_backbone
from course_utils.datasets import load_split
from course_utils.transfer import add_classifier, freeze_up_to
from course_utils.widgets.freeze_explorer import FreezeExplorer
from course_utils.widgets.parts.training_cost import TrainingCost

NETWORKS = ("minivgg", "vgg16", "mobilenet_v2", "resnet50")
BLOCKS = [f"block{i}" for i in range(1, 6)]


@pytest.fixture(scope="module")
def backbones():
    return {name: load_backbone(name, weights=False) for name in NETWORKS}


@pytest.fixture
def backbone(request, backbones):
    """A backbone that nothing is frozen of, because building one takes longest."""
    chosen = backbones[getattr(request, "param", "minivgg")]
    freeze_up_to(chosen, None)
    return chosen


every_backbone = pytest.mark.parametrize("backbone", NETWORKS, indirect=True)


def summary_counts(model):
    """Read what Keras' own summary says: total, trainable, non-trainable."""
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text))
    text = "\n".join(lines)
    return {
        kind: int(re.search(rf"{kind} params: ([\d,]+)", text)[1].replace(",", ""))
        for kind in ("Total", "Trainable", "Non-trainable")
    }


def shown_counts(explorer):
    text = explorer._status.value
    return {
        kind: int(re.search(rf"{start} ([\d,]+)\.", text)[1].replace(",", ""))
        for kind, start in (
            ("Total", "Total:"),
            ("Trainable", "Trainable parameters:"),
            ("Non-trainable", "Non-trainable parameters:"),
        )
    }


def counted(weights):
    return sum(math.prod(weight.shape) for weight in weights)


def trained(model):
    return [weight.path for weight in model.trainable_weights]


def flags(model):
    """Say of each layer with weights, those of models inside too, whether it is trained."""
    layers = [layer for layer in model._flatten_layers() if layer.weights]
    return [layer.trainable for layer in layers if not isinstance(layer, keras.Model)]


@every_backbone
@pytest.mark.parametrize("with_head", [False, True])
def test_slider_freezes_as_the_helper_does_and_counts_as_keras_does(backbone, with_head):
    subject = add_classifier(backbone, 10) if with_head else backbone
    model = subject if with_head else backbone.model
    explorer = FreezeExplorer(subject)
    assert explorer.slider.value == "none"
    for block in [*BLOCKS, "none", "block4"]:
        explorer.slider.value = block
        after_slider = trained(model)
        freeze_up_to(subject, None if block == "none" else block)
        assert after_slider == trained(model)
        assert shown_counts(explorer)["Trainable"] == counted(model.trainable_weights)
    assert shown_counts(explorer) == summary_counts(model)
    assert ("head" in str(explorer)) == with_head


@every_backbone
def test_checkbox_freezes_one_block_and_says_so(backbone):
    explorer = FreezeExplorer(backbone)
    explorer.checkboxes["block3"].value = True
    frozen = {
        block
        for block, names in backbone.block_layers.items()
        if not any(backbone.model.get_layer(name).trainable_weights for name in names)
    }
    assert frozen == {"block3"}
    assert explorer.checkboxes["block3"].description == "block3: frozen"
    assert explorer.checkboxes["block2"].description == "block2: trainable"
    assert explorer.slider.value == "none", "no block is frozen before it"
    assert "your own choice" in explorer._choice.value
    assert shown_counts(explorer) == summary_counts(backbone.model)
    explorer.slider.value = "block2"
    assert explorer.checkboxes["block3"].value is False
    assert "your own choice" not in explorer._choice.value


@every_backbone
@pytest.mark.parametrize("with_head", [False, True])
def test_shown_code_gives_the_same_flags(backbone, with_head):
    subject = add_classifier(backbone, 2) if with_head else backbone
    model = subject if with_head else backbone.model
    explorer = FreezeExplorer(subject)
    for frozen in ([], BLOCKS, BLOCKS[:4], ["block3"], ["block1", "block4"]):
        for block, checkbox in explorer.checkboxes.items():
            checkbox.value = block in frozen
        expected, expected_flags = trained(model), flags(model)
        for code in (explorer.code, explorer.code.split("alone\n")[-1]):
            model.trainable = True
            exec(code, {"freeze_up_to": freeze_up_to, "model": model, "backbone": subject})
            assert trained(model) == expected
            assert flags(model) == expected_flags


def test_code_names_the_prefix(backbone):
    explorer = FreezeExplorer(backbone)
    explorer.slider.value = "block4"
    assert 'freeze_up_to(backbone, "block4")' in explorer.code
    assert "backbone.model.layers[:15]" in explorer.code
    explorer.checkboxes["block2"].value = False
    assert "freeze_up_to" not in explorer.code
    assert "backbone.model.layers[:4] + backbone.model.layers[7:15]" in explorer.code


def test_partly_frozen_block_as_in_the_book(backbones):
    vgg = backbones["vgg16"]
    freeze_up_to(vgg, None)
    for layer in vgg.model.layers[:-3]:
        layer.trainable = False
    explorer = FreezeExplorer(vgg)
    assert explorer.checkboxes["block5"].description == "block5: partly frozen"
    assert explorer.slider.value == "block4"
    assert "your own choice" in explorer._choice.value
    assert "backbone.model.layers[:16]" in explorer.code
    explorer.checkboxes["block1"].value = False
    assert vgg.model.get_layer("block5_conv1").trainable is False, "touched another block"
    explorer.checkboxes["block5"].value = True
    assert vgg.model.get_layer("block5_conv3").trainable is False


@pytest.mark.parametrize("part", ["model", "backbone"])
def test_model_that_was_frozen_as_a_whole(backbone, part):
    model = add_classifier(backbone, 3)
    (model if part == "model" else backbone.model).trainable = False
    explorer = FreezeExplorer(model)
    assert explorer.slider.value == "block5"
    assert shown_counts(explorer) == summary_counts(model)
    head = "head      frozen" if part == "model" else "head      trainable"
    assert head in str(explorer)
    explorer.checkboxes["block5"].value = False
    assert explorer.slider.value == "block4"
    assert shown_counts(explorer) == summary_counts(model)
    assert len(trained(model)) == 8


def test_two_panels_and_code_in_other_cells(backbone):
    first, second = FreezeExplorer(backbone), FreezeExplorer(backbone)
    first.slider.value = "block4"
    assert second.slider.value == "none", "not touched yet"
    second.checkboxes["block5"].value = True
    assert second.slider.value == "block5", "only the touched block changed"
    freeze_up_to(backbone, "block2")
    first.button.click()
    assert first.slider.value == "block2"
    assert shown_counts(first) == summary_counts(backbone.model)


def test_backbone_with_its_top_and_part_of_a_network():
    top = load_backbone("minivgg", include_top=True, weights=False)
    explorer = FreezeExplorer(top)
    explorer.slider.value = "block5"
    assert trained(top.model) == ["predictions/kernel", "predictions/bias"]
    with pytest.raises(ValueError, match="no backbone"):
        FreezeExplorer(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)], name="plain"))


def test_reminds_to_compile_again_until_it_is_done(backbone):
    model = add_classifier(backbone, 2)
    explorer = FreezeExplorer(model)
    explorer.slider.value = "block4"
    assert "Compile again" not in explorer._status.value, "not compiled yet"
    model.compile("sgd", "categorical_crossentropy")
    explorer.slider.value = "block5"
    assert "Compile again" in explorer._status.value
    assert "Compile again" in FreezeExplorer(model)._status.value, "a cell run twice"
    explorer.slider.value = "block4"
    assert "Compile again" not in explorer._status.value, "as it was compiled"
    explorer.slider.value = "block5"
    model.compile("sgd", "categorical_crossentropy")
    explorer.button.click()
    assert "Compile again" not in explorer._status.value


@pytest.mark.filterwarnings("ignore:A layer's `trainable` state has changed")
def test_reminds_also_after_training_without_compiling(backbone):
    model = add_classifier(backbone, 2)
    freeze_up_to(model, "block4")
    model.compile("sgd", "categorical_crossentropy")
    images, targets = np.zeros((2, 64, 64, 3), "float32"), np.eye(2)
    model.fit(images, targets, verbose=0)
    explorer = FreezeExplorer(model)
    assert "Compile again" not in explorer._status.value
    explorer.slider.value = "block5"
    model.fit(images, targets, verbose=0)  # Keras warns, once
    explorer.button.click()
    assert "Compile again" in explorer._status.value


def test_batch_norm_mode_in_words(backbones):
    freeze_up_to(backbones["mobilenet_v2"], "block5")
    explorer = FreezeExplorer(backbones["mobilenet_v2"])
    assert "52 frozen, 0 trainable" in explorer._norms.value
    explorer.slider.value = "block4"
    layers = backbones["mobilenet_v2"].model.layers
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    learning = sum(layer.trainable for layer in norms)
    assert f"{52 - learning} frozen, {learning} trainable" in explorer._norms.value
    assert "No BatchNorm" in FreezeExplorer(backbones["vgg16"])._norms.value


def test_names_of_layers_and_text_alternatives(backbones):
    vgg, mobilenet = (FreezeExplorer(backbones[name]) for name in ("vgg16", "mobilenet_v2"))
    assert "block5_conv1, block5_conv2, block5_conv3, block5_pool" in vgg._facts["block5"].value
    mobile = mobilenet._facts["block4"].value
    assert "62 layers: block_6_expand … block_12_add" in mobile or "block_6_expand" in mobile
    for panel in (vgg, mobilenet):
        for row in panel._facts.values():
            label = r'role="img" aria-label="block\d, (frozen|trainable): [\d.]+%'
            assert re.search(label, row.value)
        assert "course-status" in panel._status._dom_classes


def test_every_control_has_a_name_and_the_table_is_there_without_a_kernel(backbone):
    explorer = FreezeExplorer(backbone)
    for control in (explorer.slider, explorer.button, *explorer.checkboxes.values()):
        assert control.description
    bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    for block in BLOCKS:
        assert re.search(rf"{block} +trainable +[\d,]+ +[\d,]+\n", bundle["text/plain"])


def test_panel_without_a_kernel_is_a_image_with_words(backbone):
    page = FreezeExplorer(backbone)._repr_mimebundle_()["text/html"]
    assert re.match(r'<img alt="FreezeExplorer, [^"]+" .* src="data:image/png;base64,', page)
    assert "block5    trainable" in page


def test_training_takes_a_backbone_and_both_parts_of_the_images(backbone):
    with pytest.raises(ValueError, match="both: training and validation"):
        FreezeExplorer(backbone, load_split("dogs_vs_cats", "train"))
    images = load_split("dogs_vs_cats", "train"), load_split("dogs_vs_cats", "valid")
    with pytest.raises(ValueError, match="give the backbone"):
        FreezeExplorer(add_classifier(backbone, 2), *images)


def test_runs_are_drawn_beside_each_other_and_told_in_words(backbone, monkeypatch):
    monkeypatch.setattr("course_utils.widgets.parts.trial_panel.MAX_CURVES", 2)
    few = load_split("dogs_vs_cats", "valid").take(slice(None, None, 10))
    explorer = FreezeExplorer(backbone, few, few)
    explorer.trial.epochs.value = 1
    for block in ("block5", "block5", "block4"):
        explorer.slider.value = block
        explorer.trial.button.click()
    assert list(explorer.trial.runs) == ["frozen up to block5 again", "frozen up to block4"]
    alt = re.search('alt="([^"]+)"', explorer.trial._curves.value)[1]
    for name, run in explorer.trial.runs.items():
        assert f"{name}: {run.report}" in alt and f"{name}: validation" in str(explorer)
    assert "Adam(0.0001)" in explorer.trial.code and "epochs=1" in explorer.trial.code
    explorer.trial.forget.click()
    assert explorer.trial._curves.value == "" and not explorer.trial.runs


def cost(frozen, seconds):
    return TrainingCost(frozen, seconds, 0.5 * seconds, 0.1 * seconds, 900_000_000, 32)


def test_cost_is_said_where_it_was_measured(backbone, monkeypatch):
    known = {"block5": cost("block5", 0.01), "block4": cost("block4", 0.02)}
    monkeypatch.setattr("course_utils.widgets.parts.cost_panel.measured_costs", lambda name: known)
    panel = FreezeExplorer(backbone)
    assert "not measured for none" in panel.cost.words
    panel.slider.value = "block4"
    panel.cost.images.value = 500
    for words in ("500 pictures takes about 10 s", "once takes about 5 s", "rest 1 s", "0.9 GB"):
        assert words in panel.cost.words
    panel.checkboxes["block2"].value = False
    assert "not measured for your own choice" in panel.cost.words


def test_cost_is_measured_in_another_process_when_asked(backbone, monkeypatch, tmp_path):
    monkeypatch.setattr("course_utils.widgets.parts.cost_panel.measured_costs", lambda name: {})
    panel = FreezeExplorer(backbone)
    assert "not measured on this machine yet" in panel.cost.words
    row = json.dumps(dataclasses.asdict(cost("none", 0.01)))
    say = [sys.executable, "-c", f"print({row!r})"]
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: popen(say, **options))
    panel.cost.button.click()
    assert "1,000 pictures takes about 10 s" in panel.cost.words
    say[-1] = "raise SystemExit(1)"
    panel.cost.button.click()
    assert (
        "run in a terminal: python -m course_utils.widgets.parts.training_cost minivgg"
        in panel.cost._task.said
    )
    assert "1,000 pictures takes about 10 s" in panel.cost.words, "what is known was lost"
