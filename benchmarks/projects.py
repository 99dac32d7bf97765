"""The book's two projects, VGG16 at 224 x 224: whole graph against cached features.

The weights are random, as speed does not depend on them. Every model has trained on a batch
before it is timed, so that building its graph counts for none. What would take too long is
computed from one measured epoch; the tables mark it with "computed".
"""

import os
import tempfile
from contextlib import contextmanager

import numpy as np

from benchmarks.measure import announce, find_split, kind_of, seconds, table
from course_utils import (
    add_classifier,
    extract_features,
    freeze_up_to,
    load_backbone,
    paths_to_tensor,
    split_at,
)
from course_utils.backbones import Backbone
from course_utils.datasets import Split

import keras  # after course_utils, which silences TensorFlow's start  # isort: skip
from keras import layers  # isort: skip

EPOCHS = 20
BATCH = 32
HEADER = ["way", "features, s", "epoch, s", f"{EPOCHS} epochs, s", "x book"]


def dogs_vs_cats(quick: bool) -> str:
    """Return the table for a new head on a frozen backbone, 202 images."""
    split = find_split("dogs_vs_cats", "train")
    backbone = load_backbone("vgg16", weights=False)
    freeze_up_to(backbone, "all")
    images, targets = _images(split, backbone, BATCH if quick else len(split))
    announce(f"dogs vs cats: {len(images)} images through the whole graph")
    whole = _compiled(add_classifier(backbone, _dense_head()), 1e-3)
    book = _training(whole, backbone.preprocess(images), targets, epochs=1)
    announce(f"dogs vs cats: features once, then {EPOCHS} epochs of the head")
    features, computing = _features(backbone, images, "block5")
    head = _compiled(keras.Sequential([keras.Input((7, 7, 512)), *_dense_head().layers]), 1e-3)
    epoch = _training(head, features, targets, EPOCHS) / EPOCHS
    rows = [
        ["book: whole graph, base frozen", "-", f"{book:.1f}", _computed(EPOCHS * book), "1.0"],
        _row("course: features once, then the head", computing, epoch, book, ""),
    ]
    return _titled("New head for dogs vs cats", split, len(images), rows)


def sign_language(quick: bool) -> str:
    """Return the table for fine-tuning the last block, 1712 images."""
    split = find_split("sign_language_digits", "train")
    backbone = load_backbone("vgg16", weights=False)
    freeze_up_to(backbone, "block4")
    images, targets = _images(split, backbone, BATCH if quick else len(split))
    announce(f"sign language: {len(images)} images through the whole graph")
    whole = _compiled(add_classifier(backbone, 10), 1e-4)
    book = _training(whole, backbone.preprocess(images), targets, epochs=1)
    announce("sign language: features once, then one epoch of block 5 and head")
    features, computing = _features(backbone, images, "block4")
    _, tail = split_at(backbone, "block4")
    epoch = _training(_compiled(add_classifier(tail, 10), 1e-4), features, targets, epochs=1)
    rows = [
        [
            "book: whole graph, layers[:-5] frozen",
            "-",
            f"{book:.1f}",
            _computed(EPOCHS * book),
            "1.0",
        ],
        _row("course: features once, then block 5", computing, epoch, book, "computed "),
    ]
    return _titled("Fine-tuning block 5 for sign language", split, len(images), rows)


def _dense_head() -> keras.Sequential:
    """Return the book's head for dogs vs cats: 64 units, BatchNorm, Dropout."""
    return keras.Sequential(
        [
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ]
    )


def _images(split: Split, backbone: Backbone, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return some images, evenly taken from all classes, and their one-hot targets."""
    rows = np.linspace(0, len(split) - 1, count).astype(int)
    chosen = split.take(rows)
    images = paths_to_tensor(chosen.paths, backbone.input_size, progress=False)
    return images, np.eye(len(split.class_names), dtype="float32")[chosen.labels]


def _compiled(model: keras.Model, rate: float) -> keras.Model:
    model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"])
    return model


def _training(model: keras.Model, inputs: np.ndarray, targets: np.ndarray, epochs: int) -> float:
    """Return the seconds that the epochs take."""

    def fit(count: int, epochs: int):
        model.fit(inputs[:count], targets[:count], batch_size=BATCH, epochs=epochs, verbose=0)

    fit(BATCH, epochs=1)
    return seconds(lambda: fit(len(inputs), epochs))


def _features(backbone: Backbone, images: np.ndarray, block: str) -> tuple[np.ndarray, float]:
    """Return features and the seconds that computing and storing them took."""
    kept = []
    with _empty_cache():
        seconds_taken = seconds(
            lambda: kept.append(np.array(extract_features(backbone, images, block, progress=False)))
        )
    return kept[0], seconds_taken


@contextmanager
def _empty_cache():
    """Let features be stored in a folder that is gone afterwards."""
    before = os.environ.get("COURSE_DATA")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COURSE_DATA"] = folder
        try:
            yield
        finally:
            del os.environ["COURSE_DATA"]
            if before is not None:
                os.environ["COURSE_DATA"] = before


def _computed(value: float) -> str:
    return f"computed {value:.0f}"


def _row(name: str, features: float, epoch: float, book_epoch: float, mark: str) -> list[str]:
    total = features + EPOCHS * epoch
    ratio = EPOCHS * book_epoch / total
    return [name, f"{features:.1f}", f"{epoch:.1f}", f"{mark}{total:.0f}", f"{ratio:.1f}"]


def _titled(what: str, split: Split, count: int, rows: list[list[str]]) -> str:
    return f"{what}, VGG16 at 224 x 224, {count} {kind_of(split)}\n\n{table(HEADER, rows)}"
