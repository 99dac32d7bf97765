"""Pretrain MiniVGG, the backbone of the pocket edition, on 100 classes of Tiny ImageNet.

The network trains with batch normalisation after each convolution, because a VGG of this depth
hardly starts to learn without it. Afterwards each normalisation is folded into the convolution
before it, so that the shipped network is convolution + bias + ReLU, like VGG16.

After an interruption, run it again: it resumes with the epoch that was interrupted.
"""

import argparse
import io
import json
import os
import tarfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pooch
import tensorflow as tf
from keras import layers
from keras.applications.vgg16 import preprocess_input
from PIL import Image

from course_data_scripts.checksums import sha256_of
from course_utils.editions import current_edition, data_root
from course_utils.weights.minivgg import BLOCKS, WEIGHTS, build_minivgg

SMALL_ARCHIVE, ARCHIVE = "tiny-imagenet-100.tar.gz", "tiny-imagenet-200.zip"
URL = f"http://cs231n.stanford.edu/{ARCHIVE}"
SUMS = {  # sha256
    SMALL_ARCHIVE: "dd92fddf90a0c73fdee30168719b93aeec9f855f30513ed48718c6fc63adea14",
    ARCHIVE: "6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821",
}
BATCH = 128
STAGES = ((0.35, 32), (0.70, 48), (1.0, 64))
"""(fraction of the epochs, image side): small images first, because they train faster."""


@keras.saving.register_keras_serializable("minivgg")
class FusedBatchNorm(layers.Layer):
    """Batch normalisation in one TensorFlow kernel: twice as fast on a CPU as Keras' own layer."""

    momentum, epsilon = 0.99, 1e-3

    def build(self, shape):
        """Create one scale, offset, mean and variance per channel."""
        weight = {"shape": shape[-1:], "dtype": "float32", "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **weight)
        self.beta = self.add_weight(name="beta", initializer="zeros", **weight)
        self.mean = self.add_weight(name="mean", initializer="zeros", trainable=False, **weight)
        self.variance = self.add_weight(
            name="variance", initializer="ones", trainable=False, **weight
        )

    def call(self, x, training=False):
        """Normalise by the batch in training, by the running averages otherwise."""
        statistics = {} if training else {"mean": self.mean.value, "variance": self.variance.value}
        y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            x,
            self.gamma.value,
            self.beta.value,
            epsilon=self.epsilon,
            is_training=training,
            **statistics,
        )[:3]
        if training:
            for running, batch in ((self.mean, mean), (self.variance, variance)):
                running.assign(running * self.momentum + batch * (1 - self.momentum))
        return y


def build_trainable(classes):
    """Build MiniVGG with batch normalisation, for images of at least 32 pixels."""
    x = inputs = layers.Input((None, None, 3))
    for block, (convolutions, filters) in enumerate(BLOCKS, start=1):
        for i in range(1, convolutions + 1):
            name = f"block{block}_conv{i}"
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
            x = FusedBatchNorm(name=f"{name}_bn")(x)
            x = layers.ReLU(name=f"{name}_relu")(x)
        x = layers.MaxPooling2D(name=f"block{block}_pool")(x)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return keras.Model(inputs, layers.Dense(classes, dtype="float32", name="predictions")(x))


def fetch_archive():
    """Get Tiny ImageNet: the 100 classes alone from a mirror, otherwise all 200 (248 MB)."""
    mirror = current_edition().mirror
    for name in (SMALL_ARCHIVE, ARCHIVE):
        if mirror and (mirror / name).exists():
            if sha256_of(mirror / name) != SUMS[name]:
                raise ValueError(f"{mirror / name} is damaged: replace it, or unset COURSE_MIRROR")
            return mirror / name
    folder = data_root() / "photo"
    return Path(pooch.retrieve(URL, f"sha256:{SUMS[ARCHIVE]}", ARCHIVE, folder, progressbar=True))


def read_archive(path, wnids):
    """Read Tiny ImageNet: ``(images, labels)`` for training and for validation.

    Images are uint8 RGB ``(n, 64, 64, 3)``; labels index ``wnids``.
    """
    class_of = {wnid: i for i, wnid in enumerate(wnids)}
    train, valid, answers, words = [], [], {}, {}
    for name, data in members(path):
        parts = name.split("/")[1:]
        if parts[0] == "train" and name.endswith(".JPEG") and parts[1] in class_of:
            train.append((data, class_of[parts[1]]))
        elif parts[0] == "val" and name.endswith(".JPEG"):
            valid.append((data, parts[-1]))
        elif parts[-1] == "val_annotations.txt":
            answers = dict(line.split("\t")[:2] for line in data.decode().splitlines())
        elif parts[-1] == "words.txt":
            words = dict(line.split("\t") for line in data.decode().splitlines())
    valid = [(data, class_of[answers[name]]) for data, name in valid if answers[name] in class_of]
    return decode(train), decode(valid), [words[wnid].split(",")[0] for wnid in wnids]


def members(path):
    """Yield ``(name, bytes)`` of the files of a zip or tar archive, in order."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if not name.endswith("/"):
                    yield name, archive.read(name)
    else:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile():
                    yield member.name, archive.extractfile(member).read()


def decode(samples):
    """Decode pairs of JPEG bytes and label into two arrays."""

    def pixels(sample):
        return np.asarray(Image.open(io.BytesIO(sample[0])).convert("RGB"))

    with ThreadPoolExecutor() as pool:
        images = np.stack(list(pool.map(pixels, samples)))
    return images, np.array([label for _, label in samples])


def training_batches(images, labels, side, seed):
    """Return an epoch of shuffled batches of random crops (at least 45 % of the area) and flips."""

    def augment(rows):
        n = tf.shape(rows)[0]
        area = tf.random.uniform([n], 0.45, 1.0)
        ratio = tf.exp(tf.random.uniform([n], -0.22, 0.22))
        height = tf.minimum(tf.sqrt(area / ratio), 1.0)
        width = tf.minimum(tf.sqrt(area * ratio), 1.0)
        top = tf.random.uniform([n]) * (1 - height)
        left = tf.random.uniform([n]) * (1 - width)
        flip = tf.random.uniform([n]) < 0.5
        x1, x2 = tf.where(flip, left + width, left), tf.where(flip, left, left + width)
        boxes = tf.stack([top, x1, top + height, x2], axis=1)
        crops = tf.image.crop_and_resize(tf.gather(images, rows), boxes, tf.range(n), (side, side))
        return preprocess_input(crops), tf.gather(labels, rows)

    rows = tf.data.Dataset.range(len(images), output_type=tf.int32)
    rows = rows.shuffle(len(images), seed=seed).batch(BATCH, drop_remainder=True)
    return rows.map(augment, num_parallel_calls=1).prefetch(2)


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up over 15 % of the steps, then a cosine decay to zero (Smith 2018)."""

    def __init__(self, peak, steps):
        self.peak, self.steps = peak, steps

    def __call__(self, step):
        """Return the rate at a step."""
        share = tf.cast(step, tf.float32) / self.steps
        fall = 0.5 * (1 + tf.cos(np.pi * (share - 0.15) / 0.85))
        return self.peak * tf.minimum(share / 0.15, fall)

    def get_config(self):
        """Return what ``.keras`` files need to rebuild it."""
        return {"peak": self.peak, "steps": self.steps}


def compile_for(model, epochs, images):
    """Compile with Nesterov SGD, decoupled weight decay and label smoothing 0.1."""
    rate = OneCycle(0.2, epochs * (images // BATCH))
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])

    def loss(labels, logits):
        target = tf.one_hot(tf.cast(tf.reshape(labels, [-1]), tf.int32), logits.shape[-1])
        return keras.losses.categorical_crossentropy(
            target, logits, from_logits=True, label_smoothing=0.1
        )

    model.compile(optimizer, loss, metrics=["accuracy"])


def fold(trained, plain):
    """Copy the trained network into the plain one, folding normalisations into convolutions.

    BN(w * x) = (gamma / s) w * x + (beta - gamma mean / s) with s = sqrt(variance + epsilon).
    """
    for layer in plain.layers:
        if isinstance(layer, layers.Conv2D):
            norm = trained.get_layer(f"{layer.name}_bn")
            gamma, beta, mean, variance = norm.get_weights()
            scale = gamma / np.sqrt(variance + norm.epsilon)
            kernel = trained.get_layer(layer.name).get_weights()[0]
            layer.set_weights([kernel * scale, beta - mean * scale])
        elif isinstance(layer, layers.Dense):
            layer.set_weights(trained.get_layer(layer.name).get_weights())


def accuracy(model, images, labels):
    """Return top-1 and top-5 accuracy on uint8 images."""
    scores = model.predict(preprocess_input(tf.cast(images, tf.float32)), batch_size=250, verbose=0)
    ranks = (scores > scores[np.arange(len(labels)), labels][:, None]).sum(axis=1)
    return float((ranks < 1).mean()), float((ranks < 5).mean())


def train(data, valid, epochs, seed, state):
    """Train, saving the state after every epoch; return the network and the seconds it took."""
    keras.utils.set_random_seed(seed)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model = build_trainable(int(data[1].max()) + 1)
    compile_for(model, epochs, len(data[0]))
    model.optimizer.build(model.trainable_variables)
    checkpoint = tf.train.Checkpoint(variables=model.variables, optimizer=model.optimizer.variables)
    done, seconds = 0, 0.0
    if (state / "progress.json").exists():
        done, seconds, prefix = json.loads((state / "progress.json").read_text())
        checkpoint.read(str(state / prefix)).assert_consumed()
        print(f"resuming after epoch {done} of {epochs}")
    tensors = [tf.constant(array) for array in data]  # once: a copy per epoch fills the memory
    for epoch in range(done, epochs):
        side = next(side for share, side in STAGES if epoch < share * epochs)
        start = time.time()
        fit = model.fit(training_batches(*tensors, side, seed + epoch), shuffle=False, verbose=0)
        seconds += time.time() - start
        top1, top5 = accuracy(model, *valid)
        print(
            f"epoch {epoch + 1}/{epochs} side {side}: loss {fit.history['loss'][0]:.3f} "
            f"train {fit.history['accuracy'][0]:.3f} valid {top1:.4f} top-5 {top5:.4f} "
            f"({time.time() - start:.0f} s)",
            flush=True,
        )
        prefix = f"epoch{epoch % 2}"
        checkpoint.write(str(state / prefix))
        (state / "progress.tmp").write_text(json.dumps([epoch + 1, seconds, prefix]))
        (state / "progress.tmp").replace(state / "progress.json")
    return model, seconds


def export(trained, names, record, folder):
    """Write the folded weights as float16, and the model card with the class names."""
    keras.mixed_precision.set_global_policy("float32")
    plain = build_minivgg(len(names))
    fold(trained, plain)
    half = build_minivgg(len(names), dtype="float16")
    half.set_weights([weight.astype("float16") for weight in plain.get_weights()])
    folder.mkdir(parents=True, exist_ok=True)
    half.save_weights(folder / "minivgg.weights.h5")
    plain.load_weights(folder / "minivgg.weights.h5")
    card = {
        "name": "MiniVGG",
        "parameters": plain.count_params(),
        "sha256": sha256_of(folder / "minivgg.weights.h5"),
        "data": "100 classes of Tiny ImageNet (Stanford CS231n): 500 training and 50 validation "
        "photographs of 64x64 pixels each",
        "licence": "the photographs are ImageNet's, for research and teaching; "
        "these weights were trained from them by experiments/pretrain_minivgg.py",
        **record(plain),
        "classes": names,
    }
    (folder / "minivgg.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return card


def main():
    """Train, or resume training, and write weights and model card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", type=Path, help="Tiny ImageNet; by default it is fetched")
    parser.add_argument(
        "--state",
        type=Path,
        default=data_root() / "pretraining",
        help="folder of checkpoints to resume from (default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, default=WEIGHTS.parent, help="(default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.state.mkdir(parents=True, exist_ok=True)

    archive = options.archive or fetch_archive()
    wnids = Path(__file__).with_name("tiny_imagenet_100.txt").read_text().split()
    data, valid, names = read_archive(archive, wnids)
    print(f"{len(data[0])} training and {len(valid[0])} validation images of {len(names)} classes")
    model, seconds = train(data, valid, options.epochs, options.seed, options.state)

    def record(plain):
        top1, top5 = accuracy(plain, *valid)
        recipe = (
            f"{options.epochs} epochs of random crops at 32, 48 and 64 pixels, batch {BATCH}, "
            "Nesterov SGD 0.9, one-cycle rate up to 0.2, decoupled weight decay 5e-4, "
            "label smoothing 0.1, bfloat16; batch normalisation folded afterwards"
        )
        return {
            "recipe": recipe,
            "seed": options.seed,
            "minutes": round(seconds / 60),
            "validation_images": len(valid[0]),
            "top1": round(top1, 4),
            "top5": round(top5, 4),
        }

    card = export(model, names, record, options.out)
    print(f"top-1 {card['top1']}, top-5 {card['top5']}: written to {options.out}")


if __name__ == "__main__":
    main()
