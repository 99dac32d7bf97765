"""The frozen part in bfloat16: half the bits of a float32, the same range of exponents.

Frozen layers compute no gradients, so rounding cannot add up over the training: what it can
cost is told by how often a classifier on the rounded features is right.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.measure import announce, find_split, kind_of, seconds, table
from course_utils import accuracy_report, current_edition, load_backbone, paths_to_tensor
from course_utils.backbones import Backbone
from course_utils.datasets import Split
from course_utils.editions import MIRROR_WEIGHTS

import keras  # after course_utils, which silences TensorFlow's start  # isort: skip

BATCH = 32


def report(quick: bool) -> str:
    """Return two tables: what bfloat16 gives in speed, and what it costs in accuracy."""
    return f"{_speed(1 if quick else 6)}\n\n{_cost(60 if quick else None)}"


def in_bfloat16(model: keras.Model) -> keras.Model:
    """Return the same network with the same weights, computing in bfloat16."""

    def clone(layer):
        return type(layer).from_config(layer.get_config() | {"dtype": "mixed_bfloat16"})

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy


def _speed(batches: int) -> str:
    model = load_backbone("vgg16", weights=False).model
    pixels = np.random.default_rng(0).normal(0, 60, (BATCH, 224, 224, 3)).astype("float32")
    speeds = {}
    for name, network in (("float32", model), ("bfloat16", in_bfloat16(model))):
        announce(f"VGG16 in {name}")
        network.predict_on_batch(pixels)
        speeds[name] = BATCH / min(
            seconds(lambda network=network: network.predict_on_batch(pixels))
            for _ in range(batches)
        )
    rows = [[n, f"{s:.1f}", f"{s / speeds['float32']:.2f}"] for n, s in speeds.items()]
    title = "VGG16's frozen part at 224 x 224 in bfloat16: speed"
    return f"{title}\n\n{table(['number type', 'images/s', 'x float32'], rows)}"


def _cost(limit: int | None) -> str:
    backbone = _pretrained()
    train, test = (_some(find_split("dogs_vs_cats", part), limit) for part in ("train", "test"))
    announce(f"probe on {backbone.name} in float32 and in bfloat16")
    pixels = [
        paths_to_tensor(part.paths, backbone.input_size, progress=False) for part in (train, test)
    ]
    rows, exact = [], None
    for name, network in (("float32", backbone.model), ("bfloat16", in_bfloat16(backbone.model))):
        features = [_averages(network, backbone, part) for part in pixels]
        exact = features[1] if exact is None else exact
        error = np.linalg.norm(features[1] - exact) / np.linalg.norm(exact)
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        predicted = probe.fit(features[0], train.labels).predict(features[1])
        rows.append([name, f"{error:.2%}", str(accuracy_report(test.labels, predicted))])
    title = (
        f"{backbone.name}'s features in bfloat16, linear probe on dogs vs cats "
        f"({len(train)} and {len(test)} {kind_of(test)}): accuracy"
    )
    header = ["number type", "features differ by", "test accuracy of the probe"]
    return f"{title}\n\n{table(header, rows)}"


def _pretrained() -> Backbone:
    """Return MobileNetV2 where its weights are at hand, else MiniVGG."""
    mirror = current_edition().mirror
    found = mirror and (mirror / MIRROR_WEIGHTS).exists()
    return load_backbone("mobilenet_v2" if found else "minivgg")


def _some(split: Split, limit: int | None) -> Split:
    return split if limit is None else split.take(np.linspace(0, len(split) - 1, limit).astype(int))


def _averages(network: keras.Model, backbone: Backbone, pixels: np.ndarray) -> np.ndarray:
    """Return the mean of each feature map, in float32."""
    maps = [
        np.asarray(network.predict_on_batch(backbone.preprocess(pixels[i : i + BATCH])), "float32")
        for i in range(0, len(pixels), BATCH)
    ]
    return np.concatenate(maps).mean(axis=(1, 2))
