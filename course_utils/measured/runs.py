"""What was measured beforehand, because it takes too long for a lesson."""

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
        As the guidelines say it: ``"all"``, a share of the layers, or ``"from scratch"``.
    frozen : int
        The first so many convolutions are frozen: the nearest whole number to the share.
    kept : int
        So many convolutions start from pretrained weights: all of them, or none.
    cut : str or None
        The last frozen layer.
    """

    name: str
    frozen: int
    kept: int
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
    """A line of a CSV file, counted on test pictures."""

    @property
    def accuracy(self) -> float:
        """Share of right answers on the test pictures."""
        return self.correct / self.total

    @classmethod
    def from_text(cls, row: dict[str, str]):
        """Read a row of the CSV file."""
        return cls(**{field.name: field.type(row[field.name]) for field in fields(cls)})


@dataclass(frozen=True)
class Run(_Row):
    """One training of MiniVGG and its test, as ``experiments/transfer_grid.py`` did it.

    Attributes
    ----------
    edition, dataset : str
        Which pictures.
    per_class : int
        Training pictures of each class.
    frozen, kept : int
        The first so many of the 13 convolutions are frozen; so many keep their pretrained weights.
    seed : int
        Chose the pictures, their order, and the random weights.
    correct, total : int
        Right answers on the test pictures, and test pictures.
    train_accuracy : float
        Share of right answers on training pictures (about 100 of them), after training.
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
    kept: int
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
        """What was measured, without the outcome: no two runs in a file have the same."""
        return (
            self.edition, self.dataset, self.per_class, self.frozen, self.kept, self.seed,
            self.pretrained_rate, self.head_rate, self.random_rate,
        )  # fmt: skip


@dataclass(frozen=True)
class RateRun(_Row):
    """One fine-tuning of MiniVGG, as ``experiments/learning_rates.py`` did it.

    Attributes
    ----------
    edition : str
        Which pictures.
    way : str
        Which learning rates; see the script's ``WAYS``.
    seed : int
        Chose the pictures, their order, and the weights of the new classifier.
    correct, total : int
        Right answers on the test pictures, and test pictures.
    early, middle, late : float
        How far the weights of these thirds of the layers moved, as a share of their length.
    seconds : float
        For all of the run.
    """

    edition: str
    way: str
    seed: int
    correct: int
    total: int
    early: float
    middle: float
    late: float
    seconds: float

    @property
    def key(self) -> tuple:
        """What was measured, without the outcome."""
        return self.edition, self.way, self.seed


@dataclass(frozen=True)
class StageRun(_Row):
    """A test on the way of a training, as ``experiments/learning_rates.py`` did it.

    Attributes
    ----------
    edition : str
        Which pictures.
    start : {"pretrained", "random"}
        The weights that the training started from.
    seed : int
        Chose the order of the pictures, and the random weights.
    looks : int
        Pictures looked at in training so far, repeated ones counted again.
    correct, total : int
        Right answers on the test pictures, and test pictures.
    seconds : float
        Since the training began.
    """

    edition: str
    start: str
    seed: int
    looks: int
    correct: int
    total: int
    seconds: float

    @property
    def key(self) -> tuple:
        """What was measured, without the outcome."""
        return self.edition, self.start, self.seed, self.looks


@dataclass(frozen=True)
class Measured:
    """Several runs that differ in their seed only; see `over_seeds`.

    Attributes
    ----------
    accuracies : tuple of float
        Test accuracy of each seed.
    total : int
        Test pictures, the same for all seeds.
    mean, low, high : float
        Mean over the seeds, and the ends of its 95 % interval.
    standard_error : float
        How far the mean typically is from that of many seeds and many test pictures.
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
            f"{self.total} test pictures)"
        )


def transfer_runs(file: Path = TRANSFER_RUNS, **wanted) -> list[Run]:
    """Give the runs that were measured beforehand.

    Parameters
    ----------
    file : pathlib.Path
        A CSV file of ``experiments/transfer_grid.py``; by default the course's own.
    **wanted
        Values of attributes, for example ``edition="pocket", per_class=30``.

    Returns
    -------
    list of Run
        Empty where nothing of that kind was measured.
    """
    return _read(file, Run, wanted)


def rate_runs(file: Path = RATE_RUNS, **wanted) -> list[RateRun]:
    """Give the fine-tunings that were measured beforehand; see `transfer_runs`."""
    return _read(file, RateRun, wanted)


def stage_runs(file: Path = STAGE_RUNS, **wanted) -> list[StageRun]:
    """Give the tests on the way of a training, measured beforehand; see `transfer_runs`."""
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
    """Average the accuracy of runs that differ in their seed only.

    The interval counts both sources of chance: other seeds (their spread), and other test
    pictures (a binomial share). Their variances add up; the degrees of freedom are those of
    Welch and Satterthwaite. Of a single seed the spread is not known, so that the interval
    is too narrow then.

    Returns
    -------
    Measured or None
        ``None`` where there is no run: not measured.
    """
    runs = list(runs)
    if not runs:
        return None
    shares = np.array([run.accuracy for run in runs])
    mean, total, count = shares.mean(), runs[0].total, len(runs)
    near_one = (mean * total + 2) / (total + 4)  # Agresti and Coull: no zero width at 0 and 1
    of_pictures = near_one * (1 - near_one) / (total + 4)
    of_seeds = shares.var(ddof=1) / count if count > 1 else 0.0
    freedom = total - 1
    if of_seeds:
        freedom = (of_seeds + of_pictures) ** 2 / (
            of_seeds**2 / (count - 1) + of_pictures**2 / (total - 1)
        )
    error = np.sqrt(of_seeds + of_pictures)
    half = t.ppf(0.975, freedom) * error
    low, high = max(0.0, mean - half), min(1.0, mean + half)
    return Measured(
        tuple(shares.tolist()), total, float(mean), float(low), float(high), float(error)
    )
