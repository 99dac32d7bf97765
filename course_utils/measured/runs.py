"""Stored measurements of experiments that take too long for a lesson."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from scipy.stats import t

FOLDER = Path(__file__).parent
TRANSFER_RUNS = FOLDER / "transfer.csv"
RATE_RUNS = FOLDER / "rates.csv"
STAGE_RUNS = FOLDER / "convergence.csv"


@dataclass(frozen=True)
class FreezeLevel:
    """How much of MiniVGG's 13 convolutions is frozen.

    Attributes
    ----------
    name : str
        As textbooks call it: ``"all"``, a share of the layers, or ``"from scratch"``.
    frozen : int
        How many convolutions, from the first on, are frozen: the share rounded.
    pretrained : int
        How many convolutions start from pretrained weights: all of them, or none.
    cut : str or None
        The last frozen layer.
    """

    name: str
    frozen: int
    pretrained: int
    cut: str | None


FREEZE_LEVELS = (
    FreezeLevel("all", 13, 13, "block5_pool"),
    FreezeLevel("80 %", 10, 13, "block4_pool"),
    FreezeLevel("60 %", 8, 13, "block4_conv1"),
    FreezeLevel("33 %", 4, 13, "block2_pool"),
    FreezeLevel("0 %", 0, 13, None),
    FreezeLevel("from scratch", 0, 0, None),
)


class _Row:
    """A row of a CSV file, counted on test images."""

    @property
    def accuracy(self) -> float:
        """Accuracy on the test images."""
        return self.correct / self.total

    @classmethod
    def from_text(cls, row: dict[str, str]):
        """Parse a row of the CSV file."""
        return cls(**{field.name: field.type(row[field.name]) for field in fields(cls)})


@dataclass(frozen=True)
class Run(_Row):
    """One training of MiniVGG and its test, measured by ``experiments/transfer_grid.py``.

    Attributes
    ----------
    edition, dataset : str
    per_class : int
        Training images of each class.
    frozen, pretrained : int
        How many of the 13 convolutions, from the first on, are frozen, and how many start
        from pretrained weights.
    seed : int
        Determined the images, their order, and the random weights.
    correct, total : int
        Correct predictions on the test images, and number of test images.
    train_accuracy : float
        Accuracy on about 100 of the training images, after training.
    trained_parameters : int
        Weights that training changed.
    pretrained_rate, head_rate, random_rate : float
        Learning rates, see the script's ``Recipe``.
    seconds : float
        For all of the run.
    """

    edition: str
    dataset: str
    per_class: int
    frozen: int
    pretrained: int
    seed: int
    correct: int
    total: int
    train_accuracy: float
    trained_parameters: int
    pretrained_rate: float
    head_rate: float
    random_rate: float
    seconds: float

    @property
    def key(self) -> tuple:
        """The settings without the outcome; unique in a file."""
        return (
            self.edition,
            self.dataset,
            self.per_class,
            self.frozen,
            self.pretrained,
            self.seed,
            self.pretrained_rate,
            self.head_rate,
            self.random_rate,
        )


@dataclass(frozen=True)
class RateRun(_Row):
    """One fine-tuning of MiniVGG, measured by ``experiments/learning_rates.py``.

    Attributes
    ----------
    edition : str
    variant : str
        A name in the script's ``VARIANTS``, or ``"head alone"``.
    seed : int
        Determined the images, their order, and the weights of the new classifier.
    correct, total : int
        Correct predictions on the test images, and number of test images.
    early, middle, late : float
        How far the weights in these thirds of the layers moved, relative to their norm.
    seconds : float
        For all of the run.
    """

    edition: str
    variant: str
    seed: int
    correct: int
    total: int
    early: float
    middle: float
    late: float
    seconds: float

    @property
    def key(self) -> tuple:
        """The settings without the outcome; unique in a file."""
        return self.edition, self.variant, self.seed


@dataclass(frozen=True)
class StageRun(_Row):
    """A test during training, measured by ``experiments/learning_rates.py``.

    Attributes
    ----------
    edition : str
    start : {"pretrained", "random"}
        The weights that the training started from.
    seed : int
        Determined the order of the images, and the random weights.
    samples_seen : int
        Training samples so far, repetitions included.
    correct, total : int
        Correct predictions on the test images, and number of test images.
    seconds : float
        Since the training began.
    """

    edition: str
    start: str
    seed: int
    samples_seen: int
    correct: int
    total: int
    seconds: float

    @property
    def key(self) -> tuple:
        """The settings without the outcome; unique in a file."""
        return self.edition, self.start, self.seed, self.samples_seen


@dataclass(frozen=True)
class Measured:
    """Test accuracy over runs that differ only in their seed; see `over_seeds`.

    Attributes
    ----------
    accuracies : tuple of float
        Test accuracy of each seed.
    total : int
        Number of test images, the same for all seeds.
    mean, low, high : float
        Mean over the seeds, and the ends of its 95 % interval.
    standard_error : float
        Of the mean, counting both other seeds and other test images.
    """

    accuracies: tuple[float, ...]
    total: int
    mean: float
    low: float
    high: float
    standard_error: float

    def __str__(self) -> str:
        seeds = f"{len(self.accuracies)} seed{'s' * (len(self.accuracies) > 1)}"
        return (
            f"{self.mean:.3f} (95 % interval {self.low:.3f} to {self.high:.3f}, {seeds}, "
            f"{self.total} test images)"
        )


def transfer_runs(file: Path = TRANSFER_RUNS, **wanted) -> list[Run]:
    """Load the stored runs of the transfer grid.

    Parameters
    ----------
    file : pathlib.Path
        A CSV file of ``experiments/transfer_grid.py``; by default the course's own.
    **wanted
        Values of attributes, for example ``edition="pocket", per_class=30``.

    Returns
    -------
    list of Run
        Empty if nothing of that kind was measured.
    """
    return _read(file, Run, wanted)


def rate_runs(file: Path = RATE_RUNS, **wanted) -> list[RateRun]:
    """Load the stored fine-tunings; see `transfer_runs`."""
    return _read(file, RateRun, wanted)


def stage_runs(file: Path = STAGE_RUNS, **wanted) -> list[StageRun]:
    """Load the stored tests during training; see `transfer_runs`."""
    return _read(file, StageRun, wanted)


def _read(file: Path, kind: type, wanted: dict) -> list:
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as rows:
        runs = [kind.from_text(row) for row in csv.DictReader(rows)]
    return [
        run for run in runs if all(getattr(run, name) == value for name, value in wanted.items())
    ]


def over_seeds(runs: Iterable[_Row]) -> Measured | None:
    """Average the accuracy of runs that differ only in their seed.

    The interval counts both sources of chance: other seeds (their spread) and other test
    images (a binomial proportion). Their variances add up; the degrees of freedom are those
    of Welch and Satterthwaite. The spread of a single seed is unknown, so its interval is
    too narrow.

    Returns
    -------
    Measured or None
        ``None`` if there is no run.
    """
    runs = list(runs)
    if not runs:
        return None
    shares = np.array([run.accuracy for run in runs])
    mean, total, count = shares.mean(), runs[0].total, len(runs)
    shrunk = (mean * total + 2) / (total + 4)  # Agresti and Coull: no zero width at 0 and 1
    of_images = shrunk * (1 - shrunk) / (total + 4)
    of_seeds = shares.var(ddof=1) / count if count > 1 else 0.0
    freedom = total - 1
    if of_seeds:
        freedom = (of_seeds + of_images) ** 2 / (
            of_seeds**2 / (count - 1) + of_images**2 / (total - 1)
        )
    error = np.sqrt(of_seeds + of_images)
    half = t.ppf(0.975, freedom) * error
    low, high = max(0.0, mean - half), min(1.0, mean + half)
    return Measured(
        tuple(shares.tolist()), total, float(mean), float(low), float(high), float(error)
    )
