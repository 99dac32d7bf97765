"""What lesson 05 shows holds for the drawn signs, whatever the seed that drew them."""

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_data_scripts import draw
from course_data_scripts.canvas.pictures import render_all
from course_data_scripts.hands import render as render_signs
from course_utils import (
    add_classifier,
    current_edition,
    extract_features,
    load_backbone,
    paths_to_tensor,
    split_at,
)
from course_utils.datasets import read_folder

pytestmark = pytest.mark.slow
EPOCHS = 3
BATCH = 32
RATE = 3e-4
LOSS = "sparse_categorical_crossentropy"
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """All pictures of seed 0 (the course's own), and a part of those of another seed."""
    own, edition = tmp_path_factory.mktemp("signs"), current_edition()
    first = edition.folder / "sign_language_digits"
    if edition.name != "pocket" or not draw.is_up_to_date(edition, first.name, seed=0):
        first = render_signs.render_signs(own / "seed0", seed=0)
    jobs = render_signs.sign_tasks(seed=1)
    training = [job for job in jobs if job[0].startswith("train")]
    evaluation = [job for job in jobs if not job[0].startswith("train")]
    second = render_all(render_signs.draw_sign, training[::3] + evaluation, own / "seed1")
    return {0: first, 1: second}


@pytest.fixture(scope="module")
def parts(folders):
    """Per seed: training paths and labels, evaluation paths and labels (valid and test)."""
    found = {}
    for seed, folder in folders.items():
        train, valid, test = (read_folder(folder / name) for name in ("train", "valid", "test"))
        labels = np.concatenate([valid.labels, test.labels])
        found[seed] = (train.paths, train.labels, [*valid.paths, *test.paths], labels)
    return found


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """MiniVGG; features are kept for this module alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", str(tmp_path_factory.mktemp("data")))
        yield load_backbone("minivgg")


@pytest.fixture(scope="module")
def codes(backbone, parts):
    """Average-pooled features of MiniVGG per seed: training and evaluation pictures."""
    return {
        seed: [extract_features(backbone, paths).mean(axis=(1, 2)) for paths in (train, evaluation)]
        for seed, (train, _, evaluation, _) in parts.items()
    }


def probe_accuracy(codes, parts):
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    return probe.fit(codes[0], parts[1]).score(codes[1], parts[3])


def train(model, inputs, parts):
    """Train for some epochs; return the accuracy on the evaluation pictures after each."""
    keras.utils.set_random_seed(0)
    steps = EPOCHS * -(-len(parts[1]) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(RATE, steps)  # few epochs then suffice
    model.compile(keras.optimizers.Adam(rate), loss=LOSS, metrics=["accuracy"])
    history = model.fit(
        inputs[0],
        parts[1],
        validation_data=(inputs[1], parts[3]),
        epochs=EPOCHS,
        batch_size=BATCH,
        verbose=0,
    )
    return np.array(history.history["val_accuracy"])


@pytest.mark.parametrize("seed", SEEDS)
def test_single_pixels_do_not_tell_the_signs(parts, seed):
    pixels = []
    for paths in parts[seed][::2]:
        pictures = [Image.open(path).resize((16, 16), Image.Resampling.BOX) for path in paths]
        pixels.append(np.array([np.asarray(picture).ravel() / 255 for picture in pictures]))
    accuracy = probe_accuracy(pixels, parts[seed])
    print(f"seed {seed}: raw 16x16 pixels {accuracy:.3f}")
    assert 0.3 < accuracy <= 0.80


@pytest.mark.parametrize("seed", SEEDS)
def test_a_linear_probe_leaves_room_for_fine_tuning(parts, codes, seed):
    accuracy = probe_accuracy(codes[seed], parts[seed])
    print(f"seed {seed}: linear probe {accuracy:.3f}")
    assert 0.70 <= accuracy <= 0.93


def test_fine_tuning_beats_the_probe_and_training_from_scratch(backbone, parts):
    """With every second training image, which takes half the time and shows more clearly."""
    paths, labels, *evaluation = parts[0]
    half = (paths[::2], labels[::2], *evaluation)
    codes = [extract_features(backbone, paths).mean(axis=(1, 2)) for paths in half[::2]]
    probe = probe_accuracy(codes, half)
    _, second = split_at(backbone, "block3")
    middle = [extract_features(backbone, paths, upto="block3") for paths in half[::2]]
    tuned = train(add_classifier(second, 10), middle, half)
    pixels = [paths_to_tensor(paths, size=backbone.input_size) for paths in half[::2]]
    pixels = [backbone.preprocess(array) for array in pixels]
    untrained = load_backbone("minivgg", weights=False)
    scratch = train(add_classifier(untrained, 10), pixels, half)
    print(f"probe {probe:.3f}; fine-tuned {tuned.round(3)}; from scratch {scratch.round(3)}")
    assert tuned[-1] >= 0.87
    assert tuned[-1] >= probe + 0.1
    assert tuned[-1] >= scratch[-1] + 0.3
    assert (tuned >= scratch).all()  # after the same epochs
