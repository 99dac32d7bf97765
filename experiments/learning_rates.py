"""Measure what learning rates do to a pretrained network, for lesson 6.

rates        MiniVGG with its first two blocks frozen, fine-tuned with several learning rates,
             one for all layers or one for each block, with and without a warm-up of the new
             classifier: test accuracy, and how far the weights moved
convergence  all of MiniVGG, from pretrained and from random weights: test accuracy during
             training

The data are sign-language digits, split by signer. Each result is a row of a CSV file; a later
call measures only what is missing there.
"""

import argparse
import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from itertools import product
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from course_experiments.run_files import append, read_runs
from course_experiments.transfer_grid import ImagePool, Network, Recipe, choose
from course_utils.backbones import Backbone, load_backbone
from course_utils.datasets import Split, load_signer_split
from course_utils.editions import current_edition
from course_utils.features import extract_features
from course_utils.measured.runs import FOLDER, RateRun, StageRun
from course_utils.optimizers import RatePerLayer
from course_utils.transfer import add_classifier, split_at

PARTS = ("early", "middle", "late")
PER_CLASS = 30
"""Training images of each class, for the rates. Convergence is measured with all images."""
STEPS, BATCH_SIZE = 40, 16
SEEDS = (0, 1, 2)
STARTS = {"pretrained": 13, "random": 0}
"""How many of the 13 convolutions start from pretrained weights."""
STAGES = {
    "pretrained": (160, 320, 640, 1280, 2560, 5120),
    "random": (160, 320, 640, 1280, 2560, 5120, 10240),
}
"""The network is tested after so many training samples, repetitions included."""
STAGE_SEEDS = (0, 1, 2)
STAGE_RECIPE = Recipe(batch_size=BATCH_SIZE)
WARM_UP_RATE, WARM_UP_STEPS = 1e-2, 200


@dataclass(frozen=True)
class Variant:
    """A variant of fine-tuning: learning rates, and whether the classifier is trained first.

    Attributes
    ----------
    name : str
    head, late, middle, early : float
        Learning rates of the new classifier and of the thirds of the pretrained layers; see
        `parts_of`.
    warm_up : bool
        Whether the classifier is first trained alone.
    optimizer : {"adam", "sgd"}
        SGD has a momentum of 0.9.
    """

    name: str
    head: float
    late: float
    middle: float
    early: float
    warm_up: bool = False
    optimizer: str = "adam"

    @classmethod
    def one_rate(cls, name: str, rate: float, **settings) -> "Variant":
        """Return a variant with the same rate for all layers."""
        return cls(name, rate, rate, rate, rate, **settings)


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant.one_rate("one rate 0.00001", 1e-5),
        Variant.one_rate("one rate 0.0001", 1e-4),
        Variant.one_rate("one rate 0.0003", 3e-4),
        Variant.one_rate("one rate 0.001", 1e-3),
        Variant.one_rate("one rate 0.01", 1e-2),
        Variant("rate per block 0.0001", 1e-4, 1e-4, 1e-5, 1e-6),
        Variant("rate per block 0.0003", 3e-4, 3e-4, 3e-5, 3e-6),
        Variant("rate per block 0.001", 1e-3, 1e-3, 1e-4, 1e-5),
        Variant("large for the head", 1e-2, 1e-4, 1e-4, 1e-4),
        Variant.one_rate("warm-up, then 0.0001", 1e-4, warm_up=True),
        Variant.one_rate("warm-up, then 0.001", 1e-3, warm_up=True),
        Variant.one_rate("SGD 0.001", 1e-3, optimizer="sgd"),
        Variant.one_rate("warm-up, then SGD 0.001", 1e-3, warm_up=True, optimizer="sgd"),
    )
}
HEAD_ALONE = "head alone"


def parts_of(base: keras.Model) -> dict[str, list[str]]:
    """Name the layers in the early, middle and late third of a pretrained network.

    In MiniVGG after its second block these are blocks 3, 4 and 5.
    """
    names = [layer.name for layer in base.layers if layer.weights]
    return dict(zip(PARTS, map(list, np.array_split(names, len(PARTS))), strict=True))


def order(count: int, samples_seen: int, seed: int) -> np.ndarray:
    """Draw the order of `samples_seen` training samples: each image once in every epoch."""
    rng = np.random.default_rng([seed, 1])
    epochs = [rng.permutation(count) for _ in range(-(-samples_seen // count))]
    return np.concatenate(epochs)[:samples_seen]


class FineTuning:
    """The trained part of a backbone with a new classifier; it can restart without being rebuilt.

    Parameters
    ----------
    backbone : Backbone
    block : str
        The last frozen block.
    classes : int
    variant : Variant
    """

    def __init__(self, backbone: Backbone, block: str, classes: int, variant: Variant):
        base = split_at(backbone, block)[1]
        self.parts = parts_of(base)
        self.model = add_classifier(base, classes)
        self.head = self.model.trainable_variables[-2:]
        if variant.optimizer == "sgd":
            optimizer = keras.optimizers.SGD(variant.head, momentum=0.9)
        else:
            factors = {
                name: getattr(variant, part) / variant.head
                for part, names in self.parts.items()
                for name in names
            }
            optimizer = RatePerLayer(variant.head, factors)
        self.model.compile(optimizer, "sparse_categorical_crossentropy")
        optimizer.build(self.model.trainable_variables)
        self._start = [(v, v.numpy()) for v in [*self.model.variables, *optimizer.variables]]

    def restart(self, seed: int, head: list[np.ndarray] | None = None) -> None:
        """Restore the pretrained weights, with a given classifier or a random one."""
        for variable, value in self._start:
            variable.assign(value)
        kernel, bias = self.head
        kernel.assign(keras.initializers.GlorotUniform(seed)(kernel.shape))
        if head is not None:
            kernel.assign(head[0])
            bias.assign(head[1])

    def fit(self, inputs: np.ndarray, labels: np.ndarray, seed: int, steps: int = STEPS) -> None:
        """Train for some steps."""
        rows = order(len(labels), steps * BATCH_SIZE, seed)
        self.model.fit(inputs[rows], labels[rows], batch_size=BATCH_SIZE, shuffle=False, verbose=0)

    def moved(self) -> dict[str, float]:
        """Return how far the weights of each part moved, relative to their norm."""
        found = {part: [0.0, 0.0] for part in PARTS}
        for variable, start in self._start:
            for part in PARTS:
                if variable.path.split("/")[-2] in self.parts[part]:
                    found[part][0] += float(np.sum((variable.numpy() - start) ** 2))
                    found[part][1] += float(np.sum(start**2))
        return {part: float(np.sqrt(moved / norm)) for part, (moved, norm) in found.items()}


def train_head(codes: np.ndarray, labels: np.ndarray, classes: int, seed: int) -> keras.Model:
    """Train a classifier alone, on the averaged features of the whole backbone."""
    inputs = keras.Input(codes.shape[1:])
    start = keras.initializers.GlorotUniform(seed)
    outputs = keras.layers.Dense(classes, activation="softmax", kernel_initializer=start)(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(WARM_UP_RATE), "sparse_categorical_crossentropy")
    rows = order(len(labels), WARM_UP_STEPS * BATCH_SIZE, seed)
    model.fit(codes[rows], labels[rows], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
    return model


class Hands:
    """Images of hands for training and testing; frozen layers see each of them only once."""

    def __init__(self):
        self.backbone = load_backbone("minivgg")
        self.train, _, self.test = load_signer_split()

    def codes(self, split: Split) -> np.ndarray:
        """Return the features of the whole backbone, averaged over all positions."""
        return extract_features(self.backbone, split, progress=False).mean(axis=(1, 2))

    def middle(self, split: Split) -> np.ndarray:
        """Return the features after the second block."""
        return np.array(extract_features(self.backbone, split, "block2", progress=False))


def measure_variant(hands: Hands, tuning: FineTuning | None, variant: str, seed: int) -> RateRun:
    """Fine-tune once, or train only the classifier if `tuning` is None."""
    begin = time.perf_counter()
    few = hands.train.take(choose(hands.train.labels, PER_CLASS, seed))
    head, moved = None, dict.fromkeys(PARTS, 0.0)
    if tuning is None or VARIANTS[variant].warm_up:
        head = train_head(hands.codes(few), few.labels, len(few.class_names), seed)
    if tuning is None:
        predictions = head.predict(hands.codes(hands.test), verbose=0)
    else:
        tuning.restart(seed, head and head.get_weights())
        tuning.fit(hands.middle(few), few.labels, seed)
        predictions = tuning.model.predict(hands.middle(hands.test), verbose=0)
        moved = tuning.moved()
    return RateRun(
        edition=current_edition().name,
        variant=variant,
        seed=seed,
        correct=int((predictions.argmax(axis=1) == hands.test.labels).sum()),
        total=len(predictions),
        **{part: round(distance, 5) for part, distance in moved.items()},
        seconds=round(time.perf_counter() - begin, 1),
    )


def measure_stages(pool: ImagePool, network: Network, start: str, seed: int, stages):
    """Train from pretrained or random weights, and yield a `StageRun` after each stage."""
    begin = time.perf_counter()
    inputs, labels = pool.inputs("train", 0), pool.train.labels
    rows = order(len(labels), stages[-1], seed)
    network.restart(seed)
    for before, samples_seen in zip((0, *stages), stages, strict=False):
        now = rows[before:samples_seen]
        network.model.fit(inputs[now], labels[now], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
        predicted = network.model.predict(pool.inputs("test", 0), verbose=0).argmax(axis=1)
        yield StageRun(
            edition=current_edition().name,
            start=start,
            seed=seed,
            samples_seen=samples_seen,
            correct=int((predicted == pool.test.labels).sum()),
            total=len(predicted),
            seconds=round(time.perf_counter() - begin, 1),
        )


def measure_rates(file: Path, seeds=SEEDS) -> None:
    """Measure the variants that are not in the CSV file yet."""
    done = {run.key for run in read_runs(file, RateRun)}
    hands = Hands()
    edition = current_edition().name
    for variant in (HEAD_ALONE, *VARIANTS):
        missing = [seed for seed in seeds if (edition, variant, seed) not in done]
        if not missing:
            continue
        tuning = None
        if variant in VARIANTS:
            backbone, classes = load_backbone("minivgg"), len(hands.train.class_names)
            tuning = FineTuning(backbone, "block2", classes, VARIANTS[variant])
        for seed in missing:
            run = measure_variant(hands, tuning, variant, seed)
            append(file, run)
            print(f"{variant}, seed {seed}: {run.accuracy:.3f} in {run.seconds} s", flush=True)


def measure_convergence(file: Path, seeds=STAGE_SEEDS) -> None:
    """Measure what is not in the CSV file yet; an interrupted training starts again."""
    runs = read_runs(file, StageRun)
    pool = ImagePool("sign_language_digits")
    edition = current_edition().name
    for seed, (start, pretrained) in product(seeds, STARTS.items()):
        if (edition, start, seed, STAGES[start][-1]) in {run.key for run in runs}:
            continue
        network = Network(0, pretrained, len(pool.train.class_names), STAGE_RECIPE)
        known = {run.key for run in runs}
        for run in measure_stages(pool, network, start, seed, STAGES[start]):
            if run.key not in known:
                append(file, run)
            print(
                f"{start}, seed {seed}, {run.samples_seen} samples: {run.accuracy:.3f}", flush=True
            )


def write_provenance(file: Path, threads: int) -> None:
    """Record next to the numbers how they were measured."""
    provenance = {
        "script": "experiments/learning_rates.py",
        "network": "MiniVGG, pretrained on 100 classes of Tiny ImageNet, 64x64 pixels",
        "data": "sign_language_digits, split by signer, see load_signer_split",
        "rates.csv": f"{PER_CLASS} training images of each class, blocks 1 and 2 frozen, "
        f"{STEPS} steps of {BATCH_SIZE} images; early, middle and late are |w - w0| / |w0| "
        f"of blocks 3, 4 and 5. Warm-up: {WARM_UP_STEPS} steps of Adam at {WARM_UP_RATE:g}",
        "convergence.csv": f"all training images, nothing frozen, steps of {BATCH_SIZE} images",
        "variants": [asdict(variant) for variant in VARIANTS.values()],
        "rates of convergence.csv": asdict(STAGE_RECIPE),
        "optimizer": "Adam (SGD where it says so), no augmentation, last weights",
        "packages": {name: version(name) for name in ("keras", "tensorflow", "numpy")},
        "machine": f"{platform.system()} {platform.machine()}, no GPU, threads: {threads}",
        "last_day": str(date.today()),
    }
    file.write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Run one experiment, as far as it is not in its CSV file yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", choices=("rates", "convergence"))
    parser.add_argument("--out", type=Path, default=FOLDER, help="(default: the package's folder)")
    parser.add_argument("--seeds", type=int, help="(default: all)")
    parser.add_argument("--threads", type=int, default=1, help="of TensorFlow (default: 1)")
    options = parser.parse_args()
    if options.threads < 1 or (options.seeds is not None and options.seeds < 1):
        parser.error("--seeds and --threads must be at least 1")

    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    write_provenance(options.out / "rates.json", options.threads)
    if options.experiment == "rates":
        measure_rates(options.out / "rates.csv", SEEDS[: options.seeds])
    else:
        measure_convergence(options.out / "convergence.csv", STAGE_SEEDS[: options.seeds])


if __name__ == "__main__":
    main()
