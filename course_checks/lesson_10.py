"""Checks of exercise 10: broken functions, repaired."""

import functools

import numpy as np

from course_checks.expectations import expect_array, kind_of, raise_if_like, require_all
from course_checks.protocol import ask
from course_checks.verdict import Mistake, check

__all__ = ["diagnosis", "mirrored_arrows", "persons_divided", "same_preparation"]


@check()
def same_preparation(function, rng) -> str:
    """Check ``function(train, test)``: both scaled by the training channels' mean and deviation.

    A right answer may take the deviation with n or n - 1, and round to two digits.
    """
    height, width = (int(number) for number in rng.choice([4, 5, 6], 2, False))
    means, deviations = rng.permutation([60, 100, 160]), rng.permutation([15, 30, 60])
    train = rng.normal(means, deviations, (12, height, width, 3))
    means, deviations = means + rng.permutation([-40, 25, 50]), deviations * rng.uniform(1.3, 1.6)
    test = rng.normal(means, deviations, (9, height, width, 3))
    answer = ask(function, train, test)
    if not isinstance(answer, list) or len(answer) != 2:
        raise Mistake(None, f"Return two arrays; you gave {kind_of(answer)}.")
    if np.shape(answer[0]) == test.shape and np.shape(answer[1]) == train.shape:
        raise Mistake(None, "Return the training images first, then the test images.", score=0.5)
    given = [expect_array(a, b.shape) for a, b in zip(answer, (train, test), strict=True)]
    _require_preparation(given, train, test)
    return "The same preprocessing for all images, with numbers from the training images alone."


CHANNELS = (0, 1, 2)
"""The axes over which each channel has its mean."""


def _require_preparation(given: list[np.ndarray], train: np.ndarray, test: np.ndarray) -> None:
    def both(mean, deviation):
        return np.concatenate([((part - mean) / deviation).ravel() for part in (train, test)])

    mean, deviation, everything = train.mean(CHANNELS), train.std(CHANNELS), [*train, *test]
    answer = np.concatenate([part.ravel() for part in given])
    for ddof in (0, 1):
        if np.allclose(answer, both(mean, train.std(CHANNELS, ddof=ddof)), atol=0.0051):
            return
    for words, values in (
        (
            "Each channel has its own mean and deviation: axis=(0, 1, 2).",
            (train.mean(), train.std()),
        ),
        (
            "Each channel has one mean, not one per pixel: axis=(0, 1, 2).",
            (train.mean(0), train.std(0)),
        ),
        ("This divides by the variance; divide by its root.", (mean, deviation**2)),
        ("Only the mean is subtracted; divide by the deviation as well.", (mean, 1)),
        ("Before you divide by the deviation, subtract the mean.", (0, deviation)),
    ):
        raise_if_like(answer, (both(*values), Mistake(None, words, score=0.5)), atol=0.0051)
    of_all = both(np.mean(everything, CHANNELS), np.std(everything, CHANNELS))
    raise_if_like(answer, (of_all, Mistake("test-in-preparation", score=0.5)), atol=0.0051)
    if not np.allclose(given[0], (train - mean) / deviation, atol=0.02):
        detail = "The training images were right before: each channel minus its mean, divided"
        raise Mistake(None, f"{detail} by its standard deviation. Now they are not.")
    raise Mistake("other-preprocessing", _variant_of_the_test(given[1], train, test))


def _variant_of_the_test(given: np.ndarray, train: np.ndarray, test: np.ndarray) -> str:
    means, deviations = ([part(x, CHANNELS) for x in (train, test)] for part in (np.mean, np.std))
    variants = {
        "are scaled by their own mean and deviation": (test - means[1]) / deviations[1],
        "are divided by 255, unlike the training images": test / 255,
        "are left as they are (or was `train` overwritten before its mean was used?)": test,
        "have their own mean subtracted": (test - means[1]) / deviations[0],
        "are divided by their own deviation": (test - means[0]) / deviations[1],
        "are only divided (was `train` changed before its mean was used?)": test / deviations[0],
        "are not divided (was `train` changed before its deviation was used?)": test - means[0],
    }
    for words, values in variants.items():
        if np.allclose(given, values, atol=0.02):
            return f"The test images {words}."
    return "The training images are right; scale the test images by exactly the same numbers."


@check()
def persons_divided(function, rng) -> str:
    """Check ``function(persons, seed)``: training rows and test rows, a quarter of the persons.

    In a right answer every row is in one part, no person in both, and at most one person more or
    less than a quarter in the test; which persons, the seed decides.
    """
    few, some, many = (_rows_of_persons(rng, *limits) for limits in ((8, 13), (18, 25), (36, 45)))
    seeds = [int(seed) for seed in rng.permutation(1000)[:5]]

    def compare(persons: np.ndarray, seed: int):
        _require_division(persons, *_division(ask(function, persons, seed), persons))

    require_all(
        *(
            functools.partial(compare, *case)
            for case in zip((few, some, many), seeds, strict=False)
        ),
        lambda: _require_seeds(function, many, seeds[2:], rng),
        rng=rng,
    )
    return "Nobody is in both parts, and the seed decides who is in the test."


def _rows_of_persons(rng, fewest: int, most: int) -> np.ndarray:
    """Draw which person each image shows; a quarter of the sorted rows ends within a person."""
    while True:
        numbers = rng.permutation(np.arange(300, 1000))[: int(rng.integers(fewest, most))]
        counts = rng.integers(3, 9, len(numbers))
        quarter, ends = counts.sum() // 4, np.cumsum(counts[numbers.argsort()])
        if not np.isin(
            [quarter, quarter + 1, ends[-1] - quarter, ends[-1] - quarter - 1], ends
        ).any():
            return rng.permutation(np.repeat(numbers, counts))


def _division(answer, persons: np.ndarray) -> list[np.ndarray]:
    """Return the rows of training and test as integers."""
    if not isinstance(answer, list) or len(answer) != 2:
        detail = f"Return (training rows, test rows); you gave {kind_of(answer)}."
        raise Mistake(None, detail)
    sides, total = [np.asarray(side) for side in answer], len(persons)
    for side in sides:
        if side.dtype == bool and side.shape == (total,):
            detail = "These are masks; return the indices of the rows: np.flatnonzero(mask)."
            raise Mistake(None, detail, score=1 / 3)
        if side.ndim != 1 or not side.size or side.dtype.kind not in "iu":
            raise Mistake(None, "Each part should be a list of row indices, and not be empty.")
        if np.isin(side, persons).all():
            detail = "These are the numbers of persons; return the rows of their images."
            raise Mistake(None, detail, score=1 / 3)
        if side.min() < 0 or side.max() >= total:
            raise Mistake(None, f"The row indices go from 0 to {total - 1}; yours go beyond.")
    return sides


def _require_division(persons: np.ndarray, train: np.ndarray, test: np.ndarray) -> None:
    together, number = np.concatenate([train, test]), len(np.unique(persons))
    if len(np.unique(together)) != len(together):
        raise Mistake("trained-on-tested", "Some rows are in both parts, or twice in one.")
    if shared := set(persons[train]) & set(persons[test]):
        detail = f"{len(shared)} of {number} persons are in both parts."
        raise Mistake("persons-on-both-sides", detail)
    if len(together) != len(persons):
        detail = f"{len(persons) - len(together)} of {len(persons)} images are in neither part."
        raise Mistake(None, detail, score=1 / 3 if 2 * len(together) > len(persons) else 0)
    held_back = len(np.unique(persons[test]))
    if abs(held_back - number / 4) <= 1:
        return
    if abs(held_back - 3 * number / 4) <= 1:
        detail = "A quarter of the persons is in the first part: return the training rows first."
        raise Mistake(None, detail, score=2 / 3)
    detail = f"About a quarter of {number} persons should be held out for the test; you hold out"
    raise Mistake(None, f"{detail} {held_back}.", score=1 / 3)


def _require_seeds(function, persons: np.ndarray, seeds: list[int], rng) -> None:
    """Require the same test for the same seed, and other ones for other seeds."""
    tests = {seed: set() for seed in seeds}
    for seed in rng.permutation(2 * seeds).tolist():
        tests[seed].add(frozenset(_division(ask(function, persons, seed), persons)[1].tolist()))
    if any(len(found) > 1 for found in tests.values()):
        detail = "The same seed should always hold out the same persons."
        raise Mistake(None, detail, score=2 / 3)
    if len(set().union(*tests.values())) == 1:
        detail = "Every seed holds out the same persons: draw them at random, with the seed."
        raise Mistake(None, detail, score=2 / 3)


DIRECTIONS = ("left", "right", "up", "down")
"""What the classes of arrows are called; the mirror image of left is right."""


@check()
def mirrored_arrows(function, rng) -> str:
    """Check ``function(images, labels)``: followed by their mirror images, correctly labelled.

    A right answer has all images and then all mirror images, with left and right exchanged in the
    labels of the second half alone.
    """
    number = int(rng.integers(10, 16))
    labels = rng.permutation([0, 0, 1, 1, 2, 2, 3, 3, *rng.integers(0, 4, number - 8)])
    height, width = (int(side) for side in rng.choice([6, 7, 8], 2, False))
    images = rng.integers(0, 256, (number, height, width, 3)).astype("uint8")
    answer = ask(function, images, labels)
    if not isinstance(answer, list) or len(answer) != 2:
        raise Mistake(None, f"Return (images, labels); you gave {kind_of(answer)}.")
    if np.shape(answer[0]) == images.shape and np.allclose(answer[0], images):
        raise Mistake("augmentation-unused", "The images came back unchanged.")
    given = expect_array(answer[0], (2 * number, height, width, 3))
    numbers = expect_array(answer[1], (2 * number,))
    _require_order(given, numbers, images.astype(float), labels)
    require_all(
        lambda: _require_mirrored(given, images.astype(float)),
        lambda: _require_labels(numbers, labels),
    )
    return "Twice as many images, and the mirror image of a left arrow is labelled right."


def _in_the_mirror(labels: np.ndarray) -> np.ndarray:
    return np.array([1, 0, 2, 3])[labels]


def _require_order(given, numbers, images, labels) -> None:
    """Name the mistake where all images and labels are right but for their order."""
    pairs = np.arange(2 * len(images)).reshape(2, -1)
    everything = np.concatenate([images, images[:, :, ::-1]])
    all_labels = np.concatenate([labels, _in_the_mirror(labels)])
    for order in (pairs[::-1].ravel(), pairs.T.ravel(), pairs[::-1].T.ravel()):
        if np.allclose(given, everything[order]) and np.array_equal(numbers, all_labels[order]):
            detail = (
                "Each image fits its label, but all given images come first, then the mirrored."
            )
            raise Mistake(None, detail, score=2 / 3)


def _require_mirrored(given: np.ndarray, images: np.ndarray) -> None:
    first, second = np.split(given, 2)
    mirrored = images[:, :, ::-1]
    same = "The second half holds the same images again, not mirrored."
    upside_down = "They are upside down. The columns are the third axis."
    colours = "Red and blue are swapped. The columns are the third axis."
    if np.allclose(first, mirrored) and np.allclose(second, mirrored):
        detail = "The first half is mirrored as well: make the mirror images in a new array."
        raise Mistake(None, detail, score=1 / 3)
    if not np.allclose(first, images, atol=1e-3):
        raise Mistake(None, "The first half should be the given images, unchanged.")
    raise_if_like(
        second,
        (images, Mistake("augmentation-unused", same)),
        (images[:, ::-1], Mistake(None, upside_down, score=1 / 3)),
        (mirrored[:, ::-1], Mistake(None, "They are turned by half, not mirrored.", score=1 / 3)),
        (images[..., ::-1], Mistake(None, colours, score=1 / 3)),
        (mirrored[::-1], Mistake(None, "The mirror images are in reverse order.", score=1 / 3)),
    )
    if not np.allclose(second, mirrored, atol=1e-3):
        raise Mistake(None, "The second half should be the images, mirrored left to right.")


def _require_labels(numbers: np.ndarray, labels: np.ndarray) -> None:
    first, second = np.split(numbers, 2)
    if np.array_equal(first, labels) and np.array_equal(second, _in_the_mirror(labels)):
        return
    if np.array_equal(first, labels) and np.array_equal(second, labels):
        detail = "Left arrows became right arrows, but are still labelled left."
        raise Mistake("label-not-changed", detail, score=1 / 3)
    if np.array_equal(first, _in_the_mirror(labels)):
        detail = "The labels of the first half changed as well. Work on a copy."
        raise Mistake("argument-changed", detail, score=1 / 3)
    if not np.array_equal(first, labels):
        raise Mistake(None, "The labels of the first half should stay.", score=1 / 3)
    wrong = second != _in_the_mirror(labels)
    label = int(labels[wrong].min())
    right, given = int(_in_the_mirror(np.array(label))), int(second[labels == label][0])
    detail = f"{wrong.sum()} of {len(labels)} mirror images have a wrong label. In the mirror, an"
    detail += f" arrow that points {DIRECTIONS[label]} ({label}) points {DIRECTIONS[right]}"
    raise Mistake(None, f"{detail} ({right}); you gave {given}.", score=1 / 3)


@check()
def diagnosis(function, rng) -> str:
    """Check ``function(case)``: the name of the mistake that the measured numbers show.

    A right answer draws each line where the question does: at no movement, half a length, any
    copy, and 0.1 of accuracy. Of each kind some cases are close to the line.
    """
    cases = [(name, *rest) for name, kinds in _KINDS.items() for rest in kinds]
    wrong = {}
    for place in rng.permutation(len(cases)).tolist():
        name, changes, reason = cases[place]
        case = _case(changes, rng)
        answer = ask(function, case)
        if not isinstance(answer, str):
            raise Mistake(None, f"Return the name of a mistake; you gave {kind_of(answer)}.")
        if answer not in _KINDS:
            raise Mistake(None, f"You said {answer[:40]!r}; choose one of {', '.join(_KINDS)}.")
        if answer != name:
            wrong[place] = f"You said {answer!r} for {case}. {reason}"
    if not wrong:
        return f"All {len(cases)} cases are diagnosed correctly."
    name = cases[min(wrong)][0]
    detail = f"{len(cases) - len(wrong)} of {len(cases)} cases are right. {wrong[min(wrong)]}"
    # Always giving the same answer is right for one of the names
    known = len(_KINDS) - len({cases[place][0] for place in wrong})
    score = max(0.0, np.floor(4 * (known - 1) / (len(_KINDS) - 1)) / 4)
    raise Mistake(_SYMPTOMS.get(name), detail, score=score)


_SYMPTOMS = {
    "preprocessing": "other-preprocessing",
    "batch normalisation": "batch-norm-training",
    "rate": "rate-too-high",
    "compile": "trainable-after-compile",
    "leak": "copies-on-both-sides",
}
"""The misconception behind each name."""

_CLEAR, _CLOSE, _SAME = (-0.6, -0.3), (-0.19, -0.12), (-0.08, -0.06)
_TESTED = "`by_test_code` is more than 0.1 below `after`."
_TRAINED = "`after` is more than 0.1 below `during`, and `by_test_code` is as low as `after`."
_NONE = "Nothing in it is suspicious, so it is 'none':"

_KINDS = {
    "preprocessing": [
        ({"by_test_code": _CLEAR}, _TESTED),
        ({"by_test_code": _CLOSE}, _TESTED),
        ({"after": (0.15, 0.2), "by_test_code": _CLOSE}, _TESTED),
    ],
    "batch normalisation": [
        ({"after": _CLEAR}, _TRAINED),
        ({"after": _CLOSE}, _TRAINED),
        ({"after": _CLOSE, "by_test_code": _SAME}, _TRAINED),
    ],
    "rate": [
        ({"moved": (0.8, 4.0)}, "The weights moved by more than half of their length."),
        ({"moved": (0.51, 0.6)}, "The weights moved by more than half of their length."),
    ],
    "compile": [({"moved": (0.0, 0.0)}, "The weights did not move at all.")] * 2,
    "leak": [
        ({"twins": (0.1, 0.95)}, "Test images have copies in the training."),
        ({"twins": (0.002, 0.009)}, "Some test images have a copy, and any copy counts."),
    ],
    "none": [
        ({"after": (0.15, 0.25)}, f"{_NONE} `after` above `during` is normal."),
        ({"moved": (0.4, 0.49)}, f"{_NONE} the weights moved by less than half of their length."),
        ({"moved": (0.002, 0.004)}, f"{_NONE} the weights moved, if only a little."),
        (
            {"after": _SAME, "by_test_code": _SAME},
            f"{_NONE} each accuracy differs from the one before by less than 0.1.",
        ),
    ],
}
"""The cases of each name: what is unusual in the numbers, and the reason for the diagnosis.

Ranges of the accuracies are relative: `after` to `during`, and `by_test_code` to `after`.
"""


def _case(changes: dict, rng) -> dict[str, float]:
    """Draw numbers like those measured when this mistake is made, rounded to three digits."""
    usual = {"moved": (0.01, 0.06), "twins": (0.0, 0.0)}
    usual |= {"after": (-0.03, 0.01), "by_test_code": (-0.03, 0.01)}
    drawn = {key: rng.uniform(*span) for key, span in (usual | changes).items()}
    during = rng.uniform(0.93, 0.98) - max(drawn["after"], 0)
    after = during + drawn["after"]
    case = {"during": during, "after": after, "by_test_code": after + drawn["by_test_code"]}
    return {key: round(float(value), 3) for key, value in (drawn | case).items()}
