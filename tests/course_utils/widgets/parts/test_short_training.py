import random

import numpy as np
import pytest

from course_utils.backbones import load_backbone
from course_utils.datasets import Split, load_split
from course_utils.transfer import add_classifier, freeze_up_to
from course_utils.widgets.parts.short_training import ShortTraining, subsample


@pytest.fixture(scope="module")
def few():
    return subsample(load_split("dogs_vs_cats", "train"), 12)


@pytest.fixture
def backbone():
    return load_backbone(weights=False)


def run(trial):
    steps = list(trial.run())
    shares = [share for share, _ in steps]
    assert shares == sorted(shares) and shares[0] > 0 and shares[-1] == pytest.approx(1)
    return steps


def test_some_images_of_all_classes():
    split = Split([f"{i}.png" for i in range(300)], np.repeat([0, 1], [100, 200]), ["a", "b"])
    some = subsample(split, 30)
    assert len(some) == 30 and np.bincount(some.labels).tolist() == [10, 20]
    assert subsample(split, 300) is split


@pytest.mark.parametrize("stem", ["block5", "block3", None])
def test_trains_and_reports_and_leaves_the_network_as_it_is(backbone, few, stem):
    freeze_up_to(backbone, stem)
    before = backbone.model.get_weights()
    flags = [layer.trainable for layer in backbone.model.layers]
    state = random.getstate()
    trial = ShortTraining(backbone, stem, few, few, epochs=2)
    steps = run(trial)
    assert "Epoch 2 of 2: validation accuracy" in steps[-1][1]
    assert {len(curve) for curve in trial.history.values()} == {2}
    assert trial.report.total == 12
    assert trial.history["val_accuracy"][-1] == trial.report.accuracy
    assert all(
        np.array_equal(old, new) for old, new in zip(before, backbone.model.weights, strict=True)
    )
    assert flags == [layer.trainable for layer in backbone.model.layers]
    assert state == random.getstate(), "random numbers were used up"


def test_stem_computed_once_gives_what_the_whole_network_gives(backbone, few):
    """The same start, images and steps: cut after block 3, and not cut."""
    freeze_up_to(backbone, "block3")
    cut, whole = (ShortTraining(backbone, stem, few, few, epochs=1) for stem in ("block3", None))
    run(cut)
    run(whole)
    for name, values in cut.history.items():
        assert whole.history[name] == pytest.approx(values, abs=2e-3)


def test_validation_loss_is_that_of_keras(backbone, few):
    trial = ShortTraining(backbone, None, few, few, epochs=1)
    _, rest = trial._parts()
    rest.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    pixels = np.random.default_rng(0).uniform(-1, 1, (12, 64, 64, 3)).astype("float32")
    loss, accuracy = rest.evaluate(pixels, few.labels, verbose=0)
    trial._note(0, 0, rest.predict(pixels, verbose=0))
    assert trial.history["val_loss"] == [pytest.approx(loss, rel=1e-4)]
    assert trial.history["val_accuracy"] == [pytest.approx(accuracy)]


def test_only_what_is_not_frozen_learns(backbone, few):
    freeze_up_to(backbone, None)
    backbone.model.get_layer("block2_conv1").trainable = False
    trial = ShortTraining(backbone, None, few, few)
    _, rest = trial._parts()
    model = add_classifier(backbone, 2)
    assert len(rest.trainable_weights) == len(model.trainable_weights)
    names = [weight.path for weight in rest.trainable_weights]
    assert not any("block2_conv1" in name for name in names)
    assert any("block1_conv1" in name for name in names)


def test_rate_is_small_where_pretrained_layers_learn(backbone, few):
    assert (
        ShortTraining(backbone, "block5", few, few).rate
        == 10 * ShortTraining(backbone, "block4", few, few).rate
    )
