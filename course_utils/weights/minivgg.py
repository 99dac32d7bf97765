"""MiniVGG, the backbone of the pocket edition: its architecture and its model card."""

import functools
import json
from pathlib import Path

import keras
from keras import layers

WEIGHTS = Path(__file__).with_name("minivgg.weights.h5")
CARD = Path(__file__).with_name("minivgg.json")

BLOCKS = ((2, 32), (2, 64), (3, 128), (3, 256), (3, 256))
"""Convolutions and filters of each block: VGG16 at half its width."""


def build_minivgg(classes: int, dtype: str | None = None) -> keras.Model:
    """Build MiniVGG with random weights: VGG16 at half its width, for 64x64 images.

    A smaller relative of Simonyan & Zisserman (2014), https://arxiv.org/abs/1409.1556,
    with the layer names of Keras' VGG16 and average pooling before its classifier.

    >>> build_minivgg(classes=100).count_params()
    3705860
    """
    convolution = functools.partial(
        layers.Conv2D,
        kernel_size=3,
        padding="same",
        activation="relu",
        kernel_initializer="he_uniform",
        dtype=dtype,
    )
    x = inputs = layers.Input((64, 64, 3), name="input", dtype=dtype)
    for block, (convolutions, filters) in enumerate(BLOCKS, start=1):
        for i in range(1, convolutions + 1):
            x = convolution(filters, name=f"block{block}_conv{i}")(x)
        x = layers.MaxPooling2D(name=f"block{block}_pool", dtype=dtype)(x)
    x = layers.GlobalAveragePooling2D(name="avg_pool", dtype=dtype)(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions", dtype=dtype)(x)
    return keras.Model(inputs, outputs, name="minivgg")


def load_minivgg(weights: bool = True) -> keras.Model:
    """Return MiniVGG with its top, with pretrained or with random weights."""
    model = build_minivgg(len(minivgg_card()["classes"]))
    if weights:
        model.load_weights(WEIGHTS)
    return model


def minivgg_card() -> dict:
    """Return the model card: data, recipe, accuracy and classes of the pretraining."""
    return json.loads(CARD.read_text(encoding="utf-8"))
