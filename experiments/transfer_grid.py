"""Measure how much of a pretrained network to transfer, for lesson 7.

Each run takes MiniVGG, keeps the pretrained weights of its first convolutions, freezes some of
these, initialises all other layers at random, trains for a fixed number of steps, and counts the
correct predictions on the test images. There are three experiments:

grid    near and far dataset x images per class x how much is frozen x seeds
layers  Yosinski et al. (2014) in miniature: the first 1 to 5 blocks are pretrained and the
        blocks after them random; the pretrained ones are frozen (AnB) or fine-tuned (AnB+)
        (lesson 7 shows --seeds 6)
pilot   learning rates compared on validation images, to choose those of the other two

Each run appends one row to a CSV file; a later call measures only what is missing there.
"""

import argparse
import json
import os
import platform
import time
from dataclasses import asdict, dataclass, replace
from datetime import date
from importlib.metadata import version
from itertools import product
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from keras import layers

from course_experiments.run_files import append, read_runs
from course_utils.backbones import load_backbone
from course_utils.datasets import Split, load_signer_split, load_split, read_folder
from course_utils.editions import DATASETS, current_edition, data_root
from course_utils.features import extract_features
from course_utils.measured.runs import FOLDER, FREEZE_LEVELS, Run
from course_utils.optimizers import RatePerLayer
from course_utils.tensors import paths_to_tensor
from course_utils.transfer import add_classifier, split_at
from course_utils.weights.minivgg import BLOCKS

SIZES = (10, 30, 100, 300)
"""Images per class. The edition has enough for 100; see `extra_images` for the last size."""
SEEDS = (0, 1, 2)
LAYERS_SIZE = 100
TRAIN_ACCURACY_IMAGES = 100
"""The training accuracy is measured on about this many training images."""
CONVOLUTIONS = [
    f"block{block}_conv{i}"
    for block, (count, _) in enumerate(BLOCKS, start=1)
    for i in range(1, count + 1)
]
LAST_OF_BLOCK = tuple(int(n) for n in np.cumsum([count for count, _ in BLOCKS]))


@dataclass(frozen=True)
class Recipe:
    """How each run trains.

    Attributes
    ----------
    steps, batch_size : int
        Gradient steps and images in each, the same for all runs.
    pretrained_rate : float
        Adam's learning rate for layers that start from pretrained weights.
    head_rate : float
        The rate of the new classifier.
    random_rate : float
        The rate of convolutions that start from random weights, and the classifier on them.
    """

    steps: int = 80
    batch_size: int = 8
    pretrained_rate: float = 1e-4
    head_rate: float = 1e-2
    random_rate: float = 3e-4


@dataclass(frozen=True)
class Cell:
    """A cell of the grid: the settings of one run.

    Attributes
    ----------
    dataset : str
    per_class : int
        Training images of each class.
    frozen, pretrained : int
        How many of the 13 convolutions, from the first on, are frozen, and how many start
        from pretrained weights.
    seed : int
        Determines the images, their order, and the random weights.
    """

    dataset: str
    per_class: int
    frozen: int
    pretrained: int
    seed: int


class ImagePool:
    """Training and test images of a dataset; frozen layers see each of them only once."""

    def __init__(self, dataset: str, tested_on: str = "test"):
        if dataset == "sign_language_digits":  # no signer in two parts
            train, valid, test = load_signer_split()
        else:
            train, valid, test = (load_split(dataset, part) for part in ("train", "valid", "test"))
        self.dataset, self.train = dataset, train
        self.test = {"valid": valid, "test": test}[tested_on]
        self.backbone = load_backbone("minivgg")
        self._inputs: dict = {}

    def images_per_class(self) -> int:
        """Return how many training images every class has at least."""
        return int(np.bincount(self.train.labels).min())

    def add(self, extra: Split) -> None:
        """Add training images to those of the edition, for the largest size."""
        self.train = Split(
            [*self.train.paths, *extra.paths],
            np.concatenate([self.train.labels, extra.labels]),
            self.train.class_names,
        )
        self._inputs = {}

    def inputs(self, part: str, frozen: int) -> np.ndarray:
        """Return the input of the first trained layer: features, or pixels if none is frozen."""
        if (part, frozen) not in self._inputs:
            split = getattr(self, part)
            if frozen:
                found = extract_features(self.backbone, split, cut_after(frozen), progress=False)
            else:
                found = paths_to_tensor(split.paths, size=(64, 64), progress=False)
                found = self.backbone.preprocess(found)
            self._inputs[part, frozen] = found
        return self._inputs[part, frozen]


class Network:
    """MiniVGG after a cut, with a new classifier; it can restart without being rebuilt."""

    def __init__(self, frozen: int, pretrained: int, classes: int, recipe: Recipe):
        backbone = load_backbone("minivgg")
        if frozen == len(CONVOLUTIONS):
            inputs = keras.Input(backbone.model.output_shape[1:])
            head = layers.Dense(classes, activation="softmax", name="classifier")
            self.model = keras.Model(inputs, head(layers.GlobalAveragePooling2D()(inputs)))
        else:
            base = split_at(backbone, cut_after(frozen))[1] if frozen else backbone.model
            head = [layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="softmax")]
            head[1].name = "classifier"
            self.model = add_classifier(base, keras.Sequential(head, name="head"))
        self.recipe = recipe
        self.random_layers = ["classifier", *CONVOLUTIONS[pretrained:]]
        new_rate = recipe.head_rate if pretrained == len(CONVOLUTIONS) else recipe.random_rate
        optimizer = RatePerLayer(
            new_rate, dict.fromkeys(CONVOLUTIONS[:pretrained], recipe.pretrained_rate / new_rate)
        )
        self.model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        optimizer.build(self.model.trainable_variables)
        self._variables = [*self.model.variables, *optimizer.variables]
        self._start = [variable.numpy() for variable in self._variables]

    def restart(self, seed: int) -> None:
        """Restore the pretrained weights, and draw new ones for the other layers."""
        for variable, value in zip(self._variables, self._start, strict=True):
            variable.assign(value)
        for i, variable in enumerate(self.model.trainable_variables):
            layer, kind = variable.path.split("/")[-2:]
            if layer not in self.random_layers:
                continue
            if kind == "bias":
                variable.assign(np.zeros(variable.shape))
            elif layer == "classifier":
                variable.assign(keras.initializers.GlorotUniform(seed + 1000 * i)(variable.shape))
            else:
                variable.assign(keras.initializers.HeUniform(seed + 1000 * i)(variable.shape))

    def fit(self, inputs: np.ndarray, labels: np.ndarray, seed: int) -> float:
        """Train for the recipe's number of steps; return the accuracy during training."""
        needed = self.recipe.steps * self.recipe.batch_size
        rng = np.random.default_rng([seed, 1])
        rounds = [rng.permutation(len(labels)) for _ in range(-(-needed // len(labels)))]
        rows = np.concatenate(rounds)[:needed]
        history = self.model.fit(
            inputs[rows], labels[rows], batch_size=self.recipe.batch_size, shuffle=False, verbose=0
        )
        return float(history.history["accuracy"][0])


def cut_after(convolutions: int) -> str:
    """Name the layer after the given number of convolutions, pooling included.

    >>> cut_after(3), cut_after(4)
    ('block2_conv1', 'block2_pool')
    """
    block = LAST_OF_BLOCK.index(convolutions) + 1 if convolutions in LAST_OF_BLOCK else None
    return f"block{block}_pool" if block else CONVOLUTIONS[convolutions - 1]


def choose(labels: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Draw rows with `per_class` images of each class; larger draws contain the smaller ones."""
    rng = np.random.default_rng([seed, 0])
    rows = [rng.permutation(np.flatnonzero(labels == i)) for i in range(labels.max() + 1)]
    if (least := min(map(len, rows))) < per_class:
        raise ValueError(f"{per_class} images per class are asked for, but there are {least}")
    return np.sort(np.concatenate([found[:per_class] for found in rows]))


def measure(pool: ImagePool, network: Network, cell: Cell) -> Run:
    """Train a network on some of the images and test it on all test images.

    Lesson 7 calls this too, so that it recomputes exactly what was measured.
    """
    start = time.perf_counter()
    rows = choose(pool.train.labels, cell.per_class, cell.seed)
    inputs, labels = pool.inputs("train", cell.frozen)[rows], pool.train.labels[rows]
    network.restart(cell.seed)
    network.fit(inputs, labels, cell.seed)
    some = slice(None, None, max(1, len(rows) // TRAIN_ACCURACY_IMAGES))
    learned = network.model.evaluate(inputs[some], labels[some], batch_size=50, verbose=0)[1]
    predicted = network.model.predict(
        pool.inputs("test", cell.frozen), batch_size=50, verbose=0
    ).argmax(axis=1)
    trained = sum(int(np.prod(v.shape)) for v in network.model.trainable_variables)
    return Run(
        edition=current_edition().name,
        **asdict(cell),
        correct=int((predicted == pool.test.labels).sum()),
        total=len(predicted),
        train_accuracy=round(float(learned), 4),
        trained_parameters=trained,
        pretrained_rate=network.recipe.pretrained_rate,
        head_rate=network.recipe.head_rate,
        random_rate=network.recipe.random_rate,
        seconds=round(time.perf_counter() - start, 1),
    )


def extra_images(dataset: str) -> Split | None:
    """Draw more images for the pocket edition; the photo edition has no more photographs.

    The pets are drawn from another seed, 200 of each class. The hands belong to 208 other
    signers, none of whom is among the test images.
    """
    if current_edition().name != "pocket":
        return None
    from course_data_scripts.hands.render import render_signs
    from course_data_scripts.pets.render import render_pets

    folder = data_root() / "cache" / "extra_images" / dataset
    if dataset == "dogs_vs_cats":
        if not folder.is_dir():
            render_pets(folder, seed=1, workers=1, counts={"train": {"cat": 200, "dog": 200}})
        return read_folder(folder / "train")
    if not folder.is_dir():
        render_signs(folder, seed=1, workers=1)
    parts = [read_folder(folder / part) for part in ("train", "valid", "test")]
    return Split(
        [path for part in parts for path in part.paths],
        np.concatenate([part.labels for part in parts]),
        parts[0].class_names,
    )


def grid(datasets=DATASETS, sizes=SIZES, seeds=SEEDS) -> list[Cell]:
    """List all cells of the grid, in an order in which an interrupted run is useful too.

    The first seed comes whole; the others start with what is quickest, the most frozen.
    """
    cells = [
        Cell(dataset, size, level.frozen, level.pretrained, seed)
        for seed, dataset, size, level in product(seeds, datasets, sizes, FREEZE_LEVELS)
    ]
    first = cells[: len(cells) // len(seeds)]
    return first + sorted(cells[len(first) :], key=lambda cell: (-cell.frozen, -cell.pretrained))


def layer_cells(dataset: str = "sign_language_digits", seeds=SEEDS) -> list[Cell]:
    """List all cells of Yosinski's experiment in miniature: AnB is frozen, AnB+ is not."""
    return [
        Cell(dataset, LAYERS_SIZE, frozen, pretrained, seed)
        for seed, pretrained in product(seeds, LAST_OF_BLOCK)
        for frozen in (pretrained, 0)
    ]


def pilot_runs(recipe: Recipe) -> list[tuple[Cell, Recipe]]:
    """List runs with several rates, on a size and a seed that are not in the grid."""
    runs = []
    for dataset in DATASETS:
        head_only, half = Cell(dataset, 50, 13, 13, 7), Cell(dataset, 50, 8, 13, 7)
        runs += [(head_only, replace(recipe, head_rate=rate)) for rate in (1e-3, 3e-3, 1e-2, 3e-2)]
        runs += [(half, replace(recipe, pretrained_rate=rate)) for rate in (1e-4, 3e-4, 1e-3)]
        runs.append((half, replace(recipe, pretrained_rate=1e-4, head_rate=3e-2)))
    scratch = Cell("dogs_vs_cats", 50, 0, 0, 7)
    runs += [(scratch, replace(recipe, random_rate=rate)) for rate in (3e-4, 1e-3)]
    return runs


def write_provenance(folder: Path, recipe: Recipe, threads: int) -> None:
    """Record next to the numbers how they were measured; refuse to mix two recipes."""
    file = folder / "transfer.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if known and known["recipe"] != asdict(recipe):
        raise ValueError(
            f"the numbers in {folder} were measured with {known['recipe']}, not with "
            f"{asdict(recipe)}: measure into another folder (--out), or remove the old ones"
        )
    provenance = {
        "script": "experiments/transfer_grid.py",
        "network": "MiniVGG, pretrained on 100 classes of Tiny ImageNet, 64x64 pixels",
        "data": {
            "near": "dogs_vs_cats: the edition's training and test images",
            "far": "sign_language_digits: split by signer, see load_signer_split",
            "300 per class": "pocket edition only: the training images and more that "
            "data_scripts drew from seed 1 (hands of other signers)",
        },
        "recipe": asdict(recipe),
        "how the rates were chosen": "by validation accuracy with 50 images per class and a "
        "seed that is not in the grid, pocket edition, see transfer_pilot.csv. A head rate of "
        "0.03 did as well as 0.01 on average; of the two the smaller was taken",
        "optimizer": "Adam, no augmentation, last weights (no choice of an epoch)",
        "cuts": {level.name: level.cut for level in FREEZE_LEVELS},
        "packages": {name: version(name) for name in ("keras", "tensorflow", "numpy")},
        "machine": f"{platform.system()} {platform.machine()}, no GPU, threads: {threads}",
        "first_day": known.get("first_day", str(date.today())),
        "last_day": str(date.today()),
    }
    file.write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")


def run_all(runs: list[tuple[Cell, Recipe]], file: Path, tested_on: str = "test") -> None:
    """Measure the runs that are not in the CSV file yet."""
    edition = current_edition().name
    done = {run.key for run in read_runs(file)}
    pools: dict = {}
    networks: dict = {}
    for i, (cell, recipe) in enumerate(runs, start=1):
        rates = recipe.pretrained_rate, recipe.head_rate, recipe.random_rate
        if (edition, *asdict(cell).values(), *rates) in done:
            continue
        # Only the largest size needs more images than the edition has.
        source = cell.dataset, cell.per_class > 100
        if source not in pools:
            pools[source] = gather(*source, tested_on)
        pool = pools[source]
        if pool.images_per_class() < cell.per_class:
            continue
        kind = cell.frozen, cell.pretrained, len(pool.train.class_names), recipe
        if kind not in networks:
            networks[kind] = Network(*kind)
        run = measure(pool, networks[kind], cell)
        append(file, run)
        print(f"{i}/{len(runs)} {cell} {run.accuracy:.3f} in {run.seconds} s", flush=True)


def gather(dataset: str, with_more: bool, tested_on: str) -> ImagePool:
    """Load a dataset, for the largest size with more images than the edition has."""
    pool = ImagePool(dataset, tested_on)
    if with_more and (extra := extra_images(dataset)):
        pool.add(extra)
    return pool


def main() -> None:
    """Run one experiment, as far as it is not in its CSV file yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", choices=("grid", "layers", "pilot"))
    parser.add_argument("--out", type=Path, default=FOLDER, help="(default: the package's folder)")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of TensorFlow (default: 1)")
    options = parser.parse_args()
    if options.seeds < 1 or options.threads < 1:
        parser.error("--seeds and --threads must be at least 1")

    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    recipe = Recipe()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.experiment == "pilot":
        run_all(pilot_runs(recipe), options.out / "transfer_pilot.csv", tested_on="valid")
        return
    write_provenance(options.out, recipe, options.threads)
    seeds = range(options.seeds)
    cells = grid(seeds=seeds) if options.experiment == "grid" else layer_cells(seeds=seeds)
    run_all([(cell, recipe) for cell in cells], options.out / "transfer.csv")


if __name__ == "__main__":
    main()
