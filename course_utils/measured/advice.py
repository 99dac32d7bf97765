"""How much of a pretrained network to freeze: the rule of thumb, and the measurements."""

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
"""The datasets that represent images near to those of the pretraining, and far from them."""

LARGE = 1000
"""Images per class from which the rule of thumb calls a dataset large here: about ImageNet's.
There is no agreed number; the sources call 2,000 images in total small, a million large."""

USUAL_RATES = {"old": 1e-4, "new": 1e-3}
"""Adam's learning rates if nothing was measured: those of lesson 5."""

_RULE = {  # (large, near): the levels of the grid that match the rule best, and its words
    (False, True): (("all",), "freeze everything and train a new classifier"),
    (True, True): (("80 %", "60 %"), "freeze the first 60 to 80 % of the layers"),
    (False, False): (("33 %",), "freeze the first third to half of the layers"),
    (True, False): (("0 %",), "freeze nothing: start from the pretrained weights and train all"),
}


@dataclass(frozen=True)
class Rule:
    """The advice of the rule of thumb.

    Attributes
    ----------
    words : str
    levels : tuple of str
        Names of the freeze levels of the measured grid that match it best.
    large : bool
        Whether the dataset counts as large.
    """

    words: str
    levels: tuple[str, ...]
    large: bool


@dataclass(frozen=True)
class Advice:
    """A freeze level with learning rates, and the evidence for them; see `advise`.

    Attributes
    ----------
    level : FreezeLevel
        How much to freeze.
    old_rate, new_rate : float or None
        Adam's learning rates for layers with pretrained and with random weights; ``None``
        if there are no such layers to train.
    rule : Rule
        The advice of the rule of thumb.
    sizes : tuple of int
        The measured numbers of images per class that were consulted: the same number, its
        two neighbours, or the nearest. Empty if nothing was measured.
    decisive : int or None
        The nearest of them, which decided.
    cells : dict of (int, str) to Measured or None
        The measurements, by images per class and name of the level.
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
        """Whether the rule's levels are as good as the best; ``None`` if not measured."""
        if self.decisive is None:
            return None
        found = [self.cells[self.decisive, name] for name in self.rule.levels]
        if not any(found):
            return None
        threshold = as_good_as_the_best(self.cells, self.decisive)
        return any(cell.mean >= threshold for cell in found if cell)


def rule_of_thumb(per_class: int, near: bool) -> Rule:
    """Return the advice of the textbooks' four scenarios; parameters as in `advise`.

    >>> rule_of_thumb(per_class=30, near=True).words
    'freeze everything and train a new classifier'
    """
    large = per_class >= LARGE
    levels, words = _RULE[large, near]
    return Rule(words, levels, large)


def measured_cells(runs: list[Run]) -> dict[tuple[int, str], Measured | None]:
    """Arrange the runs on one dataset as a table.

    Returns
    -------
    dict of (int, str) to Measured or None
        By images per class and name of the freeze level, for all sizes that occur;
        ``None``: not measured.
    """
    return {
        (size, level.name): over_seeds(
            run
            for run in runs
            if (run.per_class, run.frozen, run.pretrained) == (size, level.frozen, level.pretrained)
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
    """Return the accuracy above which a cell counts as equal to the best of its size.

    It is one standard error below the best, the rule of Breiman et al. (1984), *Classification
    and Regression Trees*, who choose the simplest model above it.
    """
    best = best_of(cells, size)
    return best.mean - best.standard_error


def advise(
    per_class: int, near: bool, runs: list[Run] | None = None, edition: str = "pocket"
) -> Advice:
    """Recommend how much to freeze, and the learning rates.

    Of the levels measured at the nearest size, it is the most frozen one whose mean accuracy
    is within one standard error of the best: nearly as good, and with the fewest weights to
    train. If nothing was measured, the rule of thumb decides.

    Parameters
    ----------
    per_class : int
        Training images of each class.
    near : bool
        Whether they resemble the images of the pretraining.
    runs : list of Run, optional
        By default those of `transfer_runs`.
    edition : {"pocket", "photo"}
        The edition whose measurements count.

    Examples
    --------
    >>> advice = advise(per_class=30, near=True)
    >>> advice.level.name in [level.name for level in FREEZE_LEVELS], advice.decisive
    (True, 30)
    """
    if per_class < 1:
        raise ValueError("there must be at least one image per class")
    rule = rule_of_thumb(per_class, near)
    levels = {(level.frozen, level.pretrained) for level in FREEZE_LEVELS}
    runs = [
        run
        for run in (transfer_runs() if runs is None else runs)
        if (run.edition, run.dataset) == (edition, NEAR if near else FAR)
        and (run.frozen, run.pretrained) in levels
    ]
    if not runs:
        level = next(level for level in FREEZE_LEVELS if level.name == rule.levels[-1])
        old = USUAL_RATES["old"] if level.frozen < level.pretrained else None
        return Advice(level, old, USUAL_RATES["new"], rule, (), None, {})
    cells = measured_cells(runs)
    sizes = _around(per_class, sorted({size for size, _ in cells}))
    decisive = min(sizes, key=lambda size: abs(math.log(size / per_class)))
    level = _most_frozen(cells, decisive)
    return Advice(level, *_rates(level, runs), rule, sizes, decisive, cells)


def _around(per_class: int, sizes: list[int]) -> tuple[int, ...]:
    """Return the size itself, or its measured neighbours; at the ends the nearest."""
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
    """Return the rates with which a level was measured, for old and for new layers."""
    settings = level.frozen, level.pretrained
    run = next(run for run in runs if (run.frozen, run.pretrained) == settings)
    if level.pretrained == 0:
        return None, run.random_rate
    return (run.pretrained_rate if level.frozen < level.pretrained else None), run.head_rate
