"""Measure what learning rates do to a pretrained network, for lesson 6.

rates        MiniVGG, its first two blocks frozen, is fine-tuned with several learning rates,
             with one for all layers or one for each block, with and without a warm-up of the
             new classifier: right answers on test pictures, and how far the weights moved
convergence  the whole of MiniVGG, from pretrained and from random weights: right answers on
             test pictures while it trains

The pictures are hands of people who are in one part of the data only. Each result is a row of a
CSV file; a later call does only what is missing in it.
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

from course_utils.backbones import Backbone, load_backbone
from course_utils.datasets import Split, load_signer_split
from course_utils.editions import current_edition
from course_utils.features import extract_features
from course_utils.measured.runs import FOLDER, RateRun, StageRun
from course_utils.optimizers import RatePerLayer
from course_utils.transfer import add_classifier, split_at
from experiments.run_files import append, read_runs
from experiments.transfer_grid import Material, Network, Recipe, choose

PARTS = ("early", "middle", "late")
PER_CLASS = 30
"""Training pictures of each class, for the rates. Convergence is measured with all there are."""
STEPS, BATCH_SIZE = 40, 16
SEEDS = (0, 1, 2)
STARTS = {"pretrained": 13, "random": 0}
"""How many of the 13 convolutions start from pretrained weights."""
STAGES = {
    "pretrained": (160, 320, 640, 1280, 2560, 5120),
    "random": (160, 320, 640, 1280, 2560, 5120, 10240),
}
"""After so many looks at a picture the network is tested."""
STAGE_SEEDS = (0, 1, 2)
STAGE_RECIPE = Recipe(batch_size=BATCH_SIZE)
WARM_UP_RATE, WARM_UP_STEPS = 1e-2, 200


@dataclass(frozen=True)
class Way:
    """One way to fine-tune: learning rates, and whether the new classifier is trained first.

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
    def one_rate(cls, name: str, rate: float, **settings) -> "Way":
        """Make a way with the same rate for all layers."""
        return cls(name, rate, rate, rate, rate, **settings)


WAYS = {
    way.name: way
    for way in (
        Way.one_rate("one rate 0.00001", 1e-5),
        Way.one_rate("one rate 0.0001", 1e-4),
        Way.one_rate("one rate 0.0003", 3e-4),
        Way.one_rate("one rate 0.001", 1e-3),
        Way.one_rate("one rate 0.01", 1e-2),
        Way("rate per block 0.0001", 1e-4, 1e-4, 1e-5, 1e-6),
        Way("rate per block 0.0003", 3e-4, 3e-4, 3e-5, 3e-6),
        Way("rate per block 0.001", 1e-3, 1e-3, 1e-4, 1e-5),
        Way("large for the head", 1e-2, 1e-4, 1e-4, 1e-4),
        Way.one_rate("warm-up, then 0.0001", 1e-4, warm_up=True),
        Way.one_rate("warm-up, then 0.001", 1e-3, warm_up=True),
        Way.one_rate("SGD 0.001", 1e-3, optimizer="sgd"),
        Way.one_rate("warm-up, then SGD 0.001", 1e-3, warm_up=True, optimizer="sgd"),
    )
}
HEAD_ALONE = "head alone"


def parts_of(base: keras.Model) -> dict[str, list[str]]:
    """Name the layers in the early, middle and late third of a pretrained network.

    Of MiniVGG behind its second block these are blocks 3, 4 and 5.
    """
    names = [layer.name for layer in base.layers if layer.weights]
    return dict(zip(PARTS, map(list, np.array_split(names, len(PARTS))), strict=True))


def order(count: int, looks: int, seed: int) -> np.ndarray:
    """Draw which picture is looked at when: all once in each round."""
    rng = np.random.default_rng([seed, 1])
    rounds = [rng.permutation(count) for _ in range(-(-looks // count))]
    return np.concatenate(rounds)[:looks]


class FineTuning:
    """The trained part of a backbone with a new classifier; it can start anew.

    Parameters
    ----------
    backbone : Backbone
    block : str
        The last frozen block.
    classes : int
    way : Way
    """

    def __init__(self, backbone: Backbone, block: str, classes: int, way: Way):
        base = split_at(backbone, block)[1]
        self.parts = parts_of(base)
        self.model = add_classifier(base, classes)
        self.head = self.model.trainable_variables[-2:]
        if way.optimizer == "sgd":
            optimizer = keras.optimizers.SGD(way.head, momentum=0.9)
        else:
            factors = {x: getattr(way, part) / way.head for part in PARTS for x in self.parts[part]}
            optimizer = RatePerLayer(way.head, factors)
        self.model.compile(optimizer, "sparse_categorical_crossentropy")
        optimizer.build(self.model.trainable_variables)
        self._start = [(v, v.numpy()) for v in [*self.model.variables, *optimizer.variables]]

    def restart(self, seed: int, head: list[np.ndarray] | None = None) -> None:
        """Go back to the pretrained weights, with a given classifier or a random one."""
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
        """Say how far the weights of each part moved, as a share of their own length."""
        found = {part: [0.0, 0.0] for part in PARTS}
        for variable, start in self._start:
            for part in PARTS:
                if variable.path.split("/")[-2] in self.parts[part]:
                    found[part][0] += float(np.sum((variable.numpy() - start) ** 2))
                    found[part][1] += float(np.sum(start**2))
        return {part: float(np.sqrt(way / length)) for part, (way, length) in found.items()}


def train_head(codes: np.ndarray, labels: np.ndarray, classes: int, seed: int) -> keras.Model:
    """Train a classifier alone, on averaged features of the whole backbone."""
    inputs = keras.Input(codes.shape[1:])
    start = keras.initializers.GlorotUniform(seed)
    outputs = keras.layers.Dense(classes, activation="softmax", kernel_initializer=start)(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(WARM_UP_RATE), "sparse_categorical_crossentropy")
    rows = order(len(labels), WARM_UP_STEPS * BATCH_SIZE, seed)
    model.fit(codes[rows], labels[rows], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
    return model


class Hands:
    """Hands for training and for testing, sent through frozen layers only once."""

    def __init__(self):
        self.backbone = load_backbone("minivgg")
        self.train, _, self.test = load_signer_split()

    def codes(self, split: Split) -> np.ndarray:
        """Average the features of the whole backbone over the picture."""
        return extract_features(self.backbone, split, progress=False).mean(axis=(1, 2))

    def middle(self, split: Split) -> np.ndarray:
        """Return the features after the second block."""
        return np.array(extract_features(self.backbone, split, "block2", progress=False))


def measure_way(hands: Hands, tuning: FineTuning | None, way: str, seed: int) -> RateRun:
    """Fine-tune once, or train the classifier alone where there is nothing to fine-tune."""
    begin = time.perf_counter()
    few = hands.train.take(choose(hands.train.labels, PER_CLASS, seed))
    head, moved = None, dict.fromkeys(PARTS, 0.0)
    if tuning is None or WAYS[way].warm_up:
        head = train_head(hands.codes(few), few.labels, len(few.class_names), seed)
    if tuning is None:
        answers = head.predict(hands.codes(hands.test), verbose=0)
    else:
        tuning.restart(seed, head and head.get_weights())
        tuning.fit(hands.middle(few), few.labels, seed)
        answers = tuning.model.predict(hands.middle(hands.test), verbose=0)
        moved = tuning.moved()
    return RateRun(
        edition=current_edition().name,
        way=way,
        seed=seed,
        correct=int((answers.argmax(axis=1) == hands.test.labels).sum()),
        total=len(answers),
        **{part: round(distance, 5) for part, distance in moved.items()},
        seconds=round(time.perf_counter() - begin, 1),
    )


def measure_stages(material: Material, network: Network, start: str, seed: int, stages):
    """Train from one start, and give a `StageRun` after each stage."""
    begin = time.perf_counter()
    inputs, labels = material.inputs("train", 0), material.train.labels
    rows = order(len(labels), stages[-1], seed)
    network.restart(seed)
    for before, looks in zip((0, *stages), stages, strict=False):
        now = rows[before:looks]
        network.model.fit(inputs[now], labels[now], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
        answers = network.model.predict(material.inputs("test", 0), verbose=0).argmax(axis=1)
        yield StageRun(
            edition=current_edition().name,
            start=start,
            seed=seed,
            looks=looks,
            correct=int((answers == material.test.labels).sum()),
            total=len(answers),
            seconds=round(time.perf_counter() - begin, 1),
        )


def measure_rates(file: Path, seeds=SEEDS) -> None:
    """Do the runs of all ways that are not in the CSV file yet."""
    done = {run.key for run in read_runs(file, RateRun)}
    hands = Hands()
    edition = current_edition().name
    for way in (HEAD_ALONE, *WAYS):
        missing = [seed for seed in seeds if (edition, way, seed) not in done]
        if not missing:
            continue
        tuning = None
        if way in WAYS:
            backbone = load_backbone("minivgg")
            tuning = FineTuning(backbone, "block2", len(hands.train.class_names), WAYS[way])
        for seed in missing:
            run = measure_way(hands, tuning, way, seed)
            append(file, run)
            print(f"{way}, seed {seed}: {run.accuracy:.3f} in {run.seconds} s", flush=True)


def measure_convergence(file: Path, seeds=STAGE_SEEDS) -> None:
    """Do the trainings that are not in the CSV file yet; one that was cut short begins anew."""
    runs = read_runs(file, StageRun)
    material = Material("sign_language_digits")
    edition = current_edition().name
    for seed, (start, kept) in product(seeds, STARTS.items()):
        if (edition, start, seed, STAGES[start][-1]) in {run.key for run in runs}:
            continue
        network = Network(0, kept, len(material.train.class_names), STAGE_RECIPE)
        known = {run.key for run in runs}
        for run in measure_stages(material, network, start, seed, STAGES[start]):
            if run.key not in known:
                append(file, run)
            print(f"{start}, seed {seed}, {run.looks} looks: {run.accuracy:.3f}", flush=True)


def write_provenance(file: Path, threads: int) -> None:
    """Say beside the numbers where they come from."""
    provenance = {
        "script": "experiments/learning_rates.py",
        "network": "MiniVGG, pretrained on 100 classes of Tiny ImageNet, 64x64 pixels",
        "data": "sign_language_digits, split by signer, see load_signer_split",
        "rates.csv": f"{PER_CLASS} training pictures of each class, blocks 1 and 2 frozen, "
        f"{STEPS} steps of {BATCH_SIZE} pictures; early, middle and late are |w - w0| / |w0| "
        f"of blocks 3, 4 and 5. Warm-up: {WARM_UP_STEPS} steps of Adam at {WARM_UP_RATE:g}",
        "convergence.csv": f"all training pictures, nothing frozen, steps of {BATCH_SIZE} pictures",
        "ways": [asdict(way) for way in WAYS.values()],
        "rates of convergence.csv": asdict(STAGE_RECIPE),
        "optimizer": "Adam (SGD where it says so), no augmentation, last weights",
        "packages": {name: version(name) for name in ("keras", "tensorflow", "numpy")},
        "machine": f"{platform.system()} {platform.machine()}, no GPU, threads: {threads}",
        "last_day": str(date.today()),
    }
    file.write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Do what is missing of one experiment."""
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
