"""A short training of a copy of a backbone, in pieces that keep the widgets responsive."""

import dataclasses
import random
from collections.abc import Generator

import keras
import numpy as np

from course_utils.backbones import Backbone
from course_utils.datasets import Split
from course_utils.metrics import Accuracy, accuracy_report
from course_utils.tensors import paths_to_tensor
from course_utils.transfer import add_classifier, split_at

MAX_IMAGES = 200
BATCH = 16
READING_FRACTION = 0.3  # roughly, for the progress bar


@dataclasses.dataclass
class ShortTraining:
    """Train a copy of a backbone with a new classifier; the backbone is not changed.

    Attributes
    ----------
    backbone : Backbone
        Its layers' ``trainable`` says which are frozen.
    stem : str or None
        The block up to which everything is frozen, and after which nothing is: this part is
        computed only once. None if there is no such block.
    train, valid : Split
    epochs : int
    history : dict of str to list
        As in Keras' ``History.history``; grows with every epoch.
    report : Accuracy or None
        The validation accuracy after the last epoch.
    """

    backbone: Backbone
    stem: str | None
    train: Split
    valid: Split
    epochs: int = 5
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    report: Accuracy | None = None

    @property
    def rate(self) -> float:
        """The learning rate: ten times smaller if pretrained layers are trained, too."""
        return 1e-3 if self.stem == self.backbone.blocks[-1] else 1e-4

    def run(self) -> Generator[tuple[float, str]]:
        """Train; after each piece, yield the fraction that is done and a status message."""
        stem, rest = self._parts()
        rest.compile(
            keras.optimizers.Adam(self.rate),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        train, valid = [], []
        total = len(self.train) + len(self.valid)
        for split, rows in ((self.train, train), (self.valid, valid)):
            for start in range(0, len(split), BATCH):
                rows.append(self._inputs(stem, split.paths[start : start + BATCH]))
                done = sum(map(len, train)) + sum(map(len, valid))
                yield READING_FRACTION * done / total, f"{done} of {total} pictures are read."
        yield from self._train(rest, np.concatenate(train), np.concatenate(valid))

    def _train(self, rest: keras.Model, train: np.ndarray, valid: np.ndarray):
        shuffle = np.random.default_rng(0)
        for epoch in range(1, self.epochs + 1):
            order, sums = shuffle.permutation(len(train)), np.zeros(2)
            for start in range(0, len(order), BATCH):
                batch = order[start : start + BATCH]
                results = rest.train_on_batch(train[batch], self.train.labels[batch])
                sums += len(batch) * np.array(results)  # loss and accuracy
                done = (epoch - 1 + (start + len(batch)) / len(order)) / self.epochs
                share = READING_FRACTION + (1 - READING_FRACTION) * done
                yield share, f"Epoch {epoch} of {self.epochs}."
            self._note(*sums / len(train), rest.predict(valid, batch_size=BATCH, verbose=0))
            yield share, f"Epoch {epoch} of {self.epochs}: validation accuracy {self.report}."

    def _parts(self) -> tuple[keras.Model | None, keras.Model]:
        """Copy the backbone: its frozen stem, and the rest with a new classifier."""
        state = random.getstate()
        model = keras.models.clone_model(self.backbone.model)
        random.setstate(state)  # cloning draws random numbers; the learner's are not affected
        model.set_weights(self.backbone.model.get_weights())
        copy = dataclasses.replace(self.backbone, model=model)
        classes = len(self.train.class_names)
        softmax = keras.layers.Dense(
            classes, "softmax", kernel_initializer=keras.initializers.GlorotUniform(seed=0)
        )
        head = keras.Sequential([keras.layers.GlobalAveragePooling2D(), softmax])
        if self.stem is None:
            return None, add_classifier(copy, head)
        if self.stem == self.backbone.blocks[-1]:
            return model, head
        stem, rest = split_at(copy, self.stem)
        return stem, add_classifier(rest, head)

    def _inputs(self, stem: keras.Model | None, paths: list) -> np.ndarray:
        pixels = paths_to_tensor(paths, size=self.backbone.input_size, progress=False)
        pixels = self.backbone.preprocess(pixels)
        return pixels if stem is None else stem.predict_on_batch(pixels)

    def _note(self, loss: float, accuracy: float, answers: np.ndarray) -> None:
        self.report = accuracy_report(self.valid.labels, answers)
        true = answers[np.arange(len(answers)), self.valid.labels]
        epoch = {
            "loss": loss,
            "accuracy": accuracy,
            "val_loss": -np.log(np.maximum(true, 1e-7)).mean(),
            "val_accuracy": self.report.accuracy,
        }
        for name, value in epoch.items():
            self.history.setdefault(name, []).append(float(value))


def subsample(split: Split, most: int = MAX_IMAGES) -> Split:
    """Return at most `most` images of a split, with the same class balance."""
    if len(split) <= most:
        return split
    return split.take(np.linspace(0, len(split) - 1, most).astype(int))
