"""How much of a pretrained network to freeze: the rule of thumb, and what was measured."""

import math
from dataclasses import dataclass

from course_utils.measured.runs import (
    FREEZE_LEVELS,
    FreezeLevel,
    Measured,
    Run,
    over_seeds,
    transfer_runs,
)

NEAR, FAR = "dogs_vs_cats", "sign_language_digits"
"""The data sets that stand for pictures near to those of the pretraining, and far from them."""

LARGE = 1000
"""Pictures per class from which on the rule of thumb says "large" here: about as many as ImageNet
has. There is no agreed number; the sources call 2,000 pictures in all small, a million large."""

USUAL_RATES = {"old": 1e-4, "new": 1e-3}
"""Adam's rates where nothing was measured: those of lesson 5."""

_RULE = {  # (large, near): levels of the grid that come nearest to the rule's words, and the words
    (False, True): (("all",), "freeze everything and train a new classifier"),
    (True, True): (("80 %", "60 %"), "freeze the first 60 to 80 % of the layers"),
    (False, False): (("33 %",), "freeze the first third to half of the layers"),
    (True, False): (("0 %",), "freeze nothing: start from the pretrained weights and train all"),
}


@dataclass(frozen=True)
class Rule:
    """What the rule of thumb says.

    Attributes
    ----------
    words : str
    levels : tuple of str
        Names of the freeze levels of the measured grid that come nearest to it.
    large : bool
        Whether it takes the data set for a large one.
    """

    words: str
    levels: tuple[str, ...]
    large: bool


@dataclass(frozen=True)
class Advice:
    """A freeze level with learning rates, and what they rest on; see `advise`.

    Attributes
    ----------
    level : FreezeLevel
        How much to freeze.
    old_rate, new_rate : float or None
        Adam's learning rates for layers with pretrained and with random weights; ``None``
        where there are no such layers to train.
    rule : Rule
        What the rule of thumb says.
    sizes : tuple of int
        The measured numbers of pictures per class that were looked at: the same number, the
        two around it, or the nearest. Empty where nothing was measured.
    decisive : int or None
        The one of them, the nearest, that decided.
    cells : dict of (int, str) to Measured or None
        What was measured, by pictures per class and name of the level.
    """

    level: FreezeLevel
    old_rate: float | None
    new_rate: float
    rule: Rule
    sizes: tuple[int, ...]
    decisive: int | None
    cells: dict[tuple[int, str], Measured | None]

    @property
    def agrees(self) -> bool | None:
        """Whether the rule's levels are as good as the best; ``None`` if that was not measured."""
        if self.decisive is None:
            return None
        found = [self.cells[self.decisive, name] for name in self.rule.levels]
        if not any(found):
            return None
        threshold = as_good_as_the_best(self.cells, self.decisive)
        return any(cell.mean >= threshold for cell in found if cell)


def rule_of_thumb(per_class: int, near: bool) -> Rule:
    """Say what the four scenarios of the textbooks advise.

    Parameters
    ----------
    per_class : int
        Training pictures of each class.
    near : bool
        Whether they resemble the pictures of the pretraining.
    """
    large = per_class >= LARGE
    levels, words = _RULE[large, near]
    return Rule(words, levels, large)


def measured_cells(runs: list[Run]) -> dict[tuple[int, str], Measured | None]:
    """Arrange the runs on one data set as a table.

    Returns
    -------
    dict of (int, str) to Measured or None
        By pictures per class and name of the freeze level, for all sizes that occur;
        ``None``: not measured.
    """
    return {
        (size, level.name): over_seeds(
            run
            for run in runs
            if (run.per_class, run.frozen, run.kept) == (size, level.frozen, level.kept)
        )
        for size in sorted({run.per_class for run in runs})
        for level in FREEZE_LEVELS
    }


def best_of(cells: dict[tuple[int, str], Measured | None], size: int) -> Measured:
    """Return the most accurate cell of one size."""
    return max(
        (cell for (per_class, _), cell in cells.items() if per_class == size and cell),
        key=lambda cell: cell.mean,
    )


def as_good_as_the_best(cells: dict[tuple[int, str], Measured | None], size: int) -> float:
    """Return the accuracy from which on a cell counts as good as the best of its size.

    It lies one standard error below the best, as in Breiman et al. (1984), *Classification and
    Regression Trees*, who take the simplest model above it.
    """
    best = best_of(cells, size)
    return best.mean - best.standard_error


def advise(
    per_class: int, near: bool, runs: list[Run] | None = None, edition: str = "pocket"
) -> Advice:
    """Recommend how much to freeze, and the learning rates.

    Of the levels measured at the nearest size, it is the one with most frozen whose mean
    accuracy lies within one standard error of the best: nearly as good, and with the fewest
    weights to train. Where nothing was measured, it is what the rule of thumb says.

    Parameters
    ----------
    per_class : int
        Training pictures of each class.
    near : bool
        Whether they resemble the pictures of the pretraining.
    runs : list of Run, optional
        By default what `transfer_runs` gives.
    edition : {"pocket", "photo"}
        On which pictures it was measured.

    Returns
    -------
    Advice

    Raises
    ------
    ValueError
        If there are no pictures.
    """
    if per_class < 1:
        raise ValueError("there must be at least one picture per class")
    rule = rule_of_thumb(per_class, near)
    runs = [
        run
        for run in (transfer_runs() if runs is None else runs)
        if (run.edition, run.dataset) == (edition, NEAR if near else FAR)
        and (run.frozen, run.kept) in {(level.frozen, level.kept) for level in FREEZE_LEVELS}
    ]
    if not runs:
        level = next(level for level in FREEZE_LEVELS if level.name == rule.levels[-1])
        old = USUAL_RATES["old"] if level.frozen < level.kept else None
        return Advice(level, old, USUAL_RATES["new"], rule, (), None, {})
    cells = measured_cells(runs)
    sizes = _around(per_class, sorted({size for size, _ in cells}))
    decisive = min(sizes, key=lambda size: abs(math.log(size / per_class)))
    level = _most_frozen(cells, decisive)
    return Advice(level, *_rates(level, runs), rule, sizes, decisive, cells)


def _around(per_class: int, sizes: list[int]) -> tuple[int, ...]:
    """Return the same number, or its neighbours; at the ends the nearest."""
    if per_class in sizes:
        return (per_class,)
    below = [size for size in sizes if size < per_class][-1:]
    above = [size for size in sizes if size > per_class][:1]
    return (*below, *above)


def _most_frozen(cells, size: int) -> FreezeLevel:
    threshold = as_good_as_the_best(cells, size)
    for level in FREEZE_LEVELS:  # from all to nothing
        cell = cells[size, level.name]
        if cell and cell.mean >= threshold:
            return level
    raise AssertionError("the best level is as good as itself")


def _rates(level: FreezeLevel, runs: list[Run]) -> tuple[float | None, float]:
    """Return the rates with which the level was measured, for old and for new layers."""
    run = next(run for run in runs if (run.frozen, run.kept) == (level.frozen, level.kept))
    if level.kept == 0:
        return None, run.random_rate
    return (run.pretrained_rate if level.frozen < level.kept else None), run.head_rate
