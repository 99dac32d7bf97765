"""Checks of exercise 4: CNN codes."""

import functools

import numpy as np

from course_checks.expectations import expect_array, expect_pair, kind_of, require_all
from course_checks.protocol import ModelSpec, ask
from course_checks.verdict import Mistake, check

__all__ = [
    "codes_of_maps",
    "earliest_depth",
    "honest_cross_validation",
    "weights_behind_maps",
]

TOO_GOOD = 0.72
"""Accuracy that no honest test reaches on meaningless labels; chance is 0.5."""

ENOUGH = 0.75
"""Accuracy on three classes that differ clearly; a sound test reaches 0.9."""


@check()
def codes_of_maps(function, rng) -> str:
    """Check ``function(maps)``: codes, the averages of the maps after a ReLU."""
    for _ in range(2):
        images, rows, columns, channels = (int(n) for n in rng.permutation(np.arange(3, 9))[:4])
        maps = rng.normal(0, 1, (images, rows, columns, channels)).astype("float32")
        answer = ask(function, ModelSpec("read_only", {"array": maps}))
        relu = np.maximum(maps, 0)
        if np.shape(answer) == (images, rows, columns):
            detail = "You averaged over the channels. Average over rows and columns."
            raise Mistake(None, detail)
        answer = expect_array(answer, (images, channels))
        if np.allclose(answer, np.maximum(maps.mean(axis=(1, 2)), 0), atol=1e-4):
            raise Mistake("relu-after-average")
        if np.allclose(answer, maps.mean(axis=(1, 2)), atol=1e-4):
            raise Mistake("relu-missing", score=0.5)
        if np.allclose(answer, relu.max(axis=(1, 2)), atol=1e-4):
            detail = "These are the largest values of the maps; return their averages."
            raise Mistake(None, detail, score=0.5)
        if np.allclose(answer, relu.sum(axis=(1, 2)), rtol=1e-3, atol=1e-3):
            detail = "These are sums over the maps: divide by the number of positions."
            raise Mistake(None, detail, score=0.5)
        if not np.allclose(answer, relu.mean(axis=(1, 2)), atol=1e-4):
            detail = f"The first number should be {relu[0, :, :, 0].mean():.4f}"
            raise Mistake(None, f"{detail}; you gave {answer[0, 0]:.4f}.")
    return "First the ReLU, then the average: one number per channel, none of them negative."


@check()
def weights_behind_maps(function, rng) -> str:
    """Check ``function(height, width, channels, units)``: weights after Flatten and pooling."""
    for _ in range(2):
        height, width, channels, units = (int(n) for n in rng.permutation(np.arange(5, 60))[:4])
        answer = expect_pair(ask(function, height, width, channels, units))
        flattened, averaged = height * width * channels * units, channels * units
        right = [flattened + units, averaged + units]
        case = (
            f"{height} x {width} maps of {channels} channels and {units} units: you gave "
            f"{answer[0]:,.10g} and {answer[1]:,.10g}."
        )
        if answer == right:
            continue
        if answer == [flattened, averaged]:
            raise Mistake("biases-forgotten", f"With {case}", score=0.5)
        if answer == right[::-1]:
            raise Mistake("heads-swapped", f"Flatten comes first. With {case}", score=0.5)
        for i, place in enumerate(("after Flatten", "after pooling")):
            if answer[i] == right[i] and answer[1 - i] != right[1 - i]:
                other = ("after Flatten", "after pooling")[1 - i]
                detail = f"The number {place} is right, but not the one {other}. With {case}"
                raise Mistake(None, detail, score=0.5)
        detail = "Multiply the inputs by the units, and add a bias for each unit."
        raise Mistake(None, f"{detail} With {case}")
    return f"With 7 x 7 x 512 maps and 512 units: {7 * 7 * 512 * 512 + 512:,} or {513 * 512:,}."


@check()
def honest_cross_validation(function, rng) -> str:
    """Check ``function(codes, labels, persons, k)``: predictions without a leak.

    Three tables hold nothing to find: in one a classifier can only memorise its training images,
    one has thousands of columns to choose from, in one all images of a person look alike. In a
    fourth table, three classes differ.
    """
    accuracy = _accuracy(function, _noise(rng, columns=1000, chosen=1000))
    if accuracy > TOO_GOOD:
        raise Mistake("trained-on-tested", _on_noise(accuracy))
    require_all(
        lambda: _require_columns(function, rng),
        lambda: _require_persons(function, rng),
        lambda: _require_signal(function, rng),
    )
    return "It finds what there is to find, and nothing where there is nothing."


def _require_columns(function, rng) -> None:
    accuracy = _accuracy(function, _noise(rng, columns=3000, chosen=20))
    if accuracy > TOO_GOOD:
        raise Mistake("columns-chosen-outside", _on_noise(accuracy), score=1 / 3)


def _require_persons(function, rng) -> None:
    persons = np.repeat(rng.permutation(100)[:40], 4)
    classes = rng.permutation(np.tile([0, 1], 20))
    looks = rng.normal(0, 1, (40, 80))
    codes = np.repeat(looks, 4, axis=0) + rng.normal(0, 0.2, (160, 80))
    order = rng.permutation(160)
    table = codes[order], np.repeat(classes, 4)[order], persons[order], 80
    accuracy = _accuracy(function, table)
    if accuracy > 0.85:
        raise Mistake("persons-on-both-sides", _on_noise(accuracy), score=1 / 3)


def _require_signal(function, rng) -> None:
    labels = rng.permutation(np.tile([0, 1, 2], 40))
    codes = rng.normal(0, 1, (120, 40))
    codes[:, rng.permutation(40)[:9]] += 2 * rng.normal(0, 1, (3, 9))[labels]
    order = rng.permutation(120)
    table = codes[order], labels[order], np.repeat(np.arange(30), 4)[order], 12
    accuracy = _accuracy(function, table)
    if accuracy < ENOUGH:
        detail = f"On three classes that differ clearly, the accuracy is only {accuracy:.0%}."
        raise Mistake(None, f"{detail} Are the predictions in the order of the rows?")


def _noise(rng, columns: int, chosen: int) -> tuple:
    """Make a table of noise, in which each image shows a different person."""
    labels = rng.permutation(np.tile([0, 1], 70))
    return rng.normal(0, 1, (140, columns)), labels, rng.permutation(140), chosen


def _accuracy(function, table: tuple) -> float:
    labels = table[1]
    answer = ask(function, *table)
    if np.ndim(answer) == 2 and np.shape(answer)[1] == len(np.unique(labels)):
        detail = "These are scores or probabilities; return classes."
        raise Mistake(None, detail)
    return float((expect_array(answer, labels.shape) == labels).mean())


def _on_noise(accuracy: float) -> str:
    return f"On meaningless labels it reaches an accuracy of {accuracy:.0%}; chance is 50%."


@check()
def earliest_depth(function, rng) -> str:
    """Check ``function(right)``: the earliest block not clearly worse than the best."""
    require_all(*(functools.partial(_require_depth, function, rng, *case) for case in _DEPTHS))
    return "The earliest block that is not clearly worse than the best."


_DEPTHS = (
    ("block3", (0.40, 0.60, 0.90, 0.91, 0.70)),
    ("block2", (0.50, 0.85, 0.60, 0.84, 0.86)),
    ("block1", (0.90, 0.70, 0.91, 0.60, 0.50)),
    ("block4", (0.50, 0.70, 0.80, 0.96, 0.90)),
    ("block5", (0.60, 0.70, 0.80, 0.90, 0.93)),
)
"""The right answer, and accuracies by block. In the last, intervals of blocks 4 and 5 overlap."""


def _require_depth(function, rng, expected: str, accuracies: tuple) -> None:
    right = _answers_by_block(rng, expected, accuracies)
    answer = ask(function, right)
    if not isinstance(answer, str):
        detail = f"Return the name of a block; you gave {kind_of(answer)}."
        raise Mistake(None, detail)
    if answer != expected:
        _name_wrong_depth(answer, expected, right)


def _answers_by_block(rng, expected: str, accuracies, images: int = 500) -> dict:
    """Draw which images each block classifies correctly, until the answer is the expected one.

    No end of an interval is close to zero, so rounding decides nothing. The blocks fail on the
    same difficult images, so differences say more than accuracies.
    """
    while True:
        difficult = rng.uniform(0, 1, images)
        right = {
            f"block{number}": difficult + rng.normal(0, 0.03, images) < accuracy
            for number, accuracy in enumerate(accuracies, start=1)
        }
        accuracies_found = sorted(rows.mean() for rows in right.values())
        clear = all(abs(low) > 0.003 for low in _lower_ends(right).values())
        if clear and accuracies_found[-1] > accuracies_found[-2] and _earliest(right) == expected:
            return right


def _lower_ends(right: dict[str, np.ndarray]) -> dict[str, float]:
    """Return for each other block the lower end of the interval of best minus block."""
    best = _best(right)
    ends = {}
    for block, rows in right.items():
        gained = right[best].astype(float) - rows
        if block != best:
            ends[block] = gained.mean() - 1.96 * gained.std(ddof=1) / np.sqrt(len(gained))
    return ends


def _best(right: dict[str, np.ndarray]) -> str:
    return max(right, key=lambda block: right[block].mean())


def _earliest(right: dict[str, np.ndarray]) -> str:
    ends = _lower_ends(right)
    return next(block for block in right if ends.get(block, 0.0) <= 0)


def _name_wrong_depth(answer: str, expected: str, right: dict[str, np.ndarray]) -> None:
    if answer not in right:
        names = ", ".join(right)
        raise Mistake(None, f"You gave {answer[:40]!r}; the blocks are {names}.")
    accuracies = ", ".join(f"{block} {rows.mean():.3f}" for block, rows in right.items())
    case = f"From the accuracies {accuracies} you chose {answer}; it should be {expected}."
    best = _best(right)
    if answer == best:
        raise Mistake("best-by-luck", case, score=1 / 3)
    reach = {block: 1.96 * np.sqrt(rows.var() / len(rows)) for block, rows in right.items()}
    behind = right[best].mean() - right[answer].mean()
    if _lower_ends(right)[answer] > 0 and behind < reach[best] + reach[answer]:
        raise Mistake("intervals-for-differences", case, score=1 / 3)
    if _lower_ends(right)[answer] <= 0:
        raise Mistake(None, f"An earlier block is not clearly worse either. {case}", score=1 / 3)
    raise Mistake(None, case)
