"""Checks of exercise 9: data sets, looked at and compared."""

import numpy as np
from scipy.linalg import sqrtm

from course_utils.answers import ask
from course_utils.checks.asking import compare_all, expect_array, expect_number, kind_of
from course_utils.verdicts import Mistake, check

__all__ = ["copies_found", "distance_of_sets", "ready_for_backbone", "two_sets_told_apart"]


@check()
def ready_for_backbone(function, rng) -> str:
    """Check ``function(pictures, highest)``: grey, small, 0 to `highest` to colour, large, 255."""

    def compare(highest: int):
        n, height, width = (int(number) for number in rng.choice([4, 5, 6, 7], 3, False))
        pictures = rng.integers(0, highest + 1, (n, height, width)).astype("uint8")
        pictures[:, 0, 0], pictures[:, 0, 1] = 0, highest
        answer = ask(function, pictures, highest)
        answer = expect_array(answer, (n, 2 * height, 2 * width, 3))
        _compare_prepared(answer, pictures, highest)

    compare_all(lambda: compare(16), lambda: compare(int(rng.choice([15, 31, 63]))))
    return "Grey stays grey with three equal channels, and the highest value is 255."


def _compare_prepared(answer: np.ndarray, pictures: np.ndarray, highest: int) -> None:
    def prepared(values):
        return np.repeat(values.repeat(2, axis=1).repeat(2, axis=2)[..., None], 3, axis=-1)

    def fits(values):
        return np.allclose(answer, prepared(values), atol=0.51 if values.max() > 1 else 1e-3)

    scaled = pictures * (255.0 / highest)
    if fits(scaled):
        return
    if fits(pictures.astype(float)):
        raise Mistake("values-not-scaled", f"The highest value is {highest}.", score=0.5)
    if np.allclose(answer, prepared(pictures / highest), atol=1e-3):
        raise Mistake("scaled-to-one", score=0.5)
    overflowing = (pictures.astype(int) * 255) % 256
    if fits(overflowing / highest) or fits(overflowing // highest):
        raise Mistake("integers-overflow", score=0.5)
    if np.allclose(answer, np.tile(scaled[..., None], (1, 2, 2, 3)), atol=0.51):
        detail = "The picture is laid four times side by side. Each pixel should become four."
        raise Mistake(None, detail, score=0.5)
    raise Mistake(None, "The shape is right, the values are not.")


@check()
def distance_of_sets(function, rng) -> str:
    """Check ``function(one, other)``: the Fréchet distance of two sets of features."""

    def compare(numbers: int):
        one, other = (
            rng.normal(rng.normal(0, 1, numbers), 1, (int(count), numbers))
            @ rng.normal(0, 1, (numbers, numbers))
            for count in rng.choice([40, 50, 60], 2, False)
        )
        _compare_distance(expect_number(ask(function, one, other)), one, other)

    compare_all(lambda: compare(3), lambda: compare(int(rng.integers(4, 7))))
    return "Two clouds are near if they lie in the same place and spread in the same way."


def _compare_distance(answer: float, one: np.ndarray, other: np.ndarray) -> None:
    means = np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2)

    def squared(root, ddof=1):
        first, second = (np.cov(rows, rowvar=False, ddof=ddof) for rows in (one, other))
        return means + np.trace(first + second - 2 * root(first @ second))

    def real_root(matrix):
        return np.real(sqrtm(matrix))

    right = squared(real_root)
    case = f"You gave {answer:.4f}."
    accepted = [right, squared(real_root, ddof=0)]
    if any(np.isclose(answer, np.sqrt(number), rtol=1e-3) for number in accepted):
        return
    if any(np.isclose(answer, number, rtol=1e-3) for number in accepted):
        raise Mistake("root-forgotten", case, score=2 / 3)
    if np.isclose(answer, np.sqrt(means)) or np.isclose(answer, means):
        raise Mistake("means-only", case, score=1 / 3)
    elementwise = squared(lambda matrix: np.sqrt(np.abs(matrix)))
    kept = squared(lambda matrix: np.sqrt(np.maximum(matrix, 0)))
    if any(np.isclose(answer, np.sqrt(abs(n)), rtol=1e-3) for n in (elementwise, kept)):
        raise Mistake("root-of-each-number", case, score=1 / 3)
    raise Mistake(None, f"{case} Compute the two parts one by one: the means, then the spread.")


SAME, DIFFERENT = (0.25, 0.7), 0.85
"""Accuracies that an honest test gives by a wide margin: for one distribution, and for two."""


@check()
def two_sets_told_apart(function, rng) -> str:
    """Check ``function(one, other)``: how often a classifier tells two sets apart, on unseen rows.

    In the first case both are drawn from one distribution, in so many dimensions that a
    classifier learns its training rows by heart.
    """

    def compare(shift: float):
        one, other = rng.normal(0, 1, (2, 150, 150))
        other = other + shift * rng.choice([-1.0, 1.0], 150)
        answer = expect_number(ask(function, one, other))
        if not 0 <= answer <= 1:
            raise Mistake(None, f"A share from 0 to 1 was asked for; you gave {answer:.10g}.")
        _compare_told_apart(answer, shift)

    compare_all(lambda: compare(0.0), lambda: compare(float(rng.uniform(0.6, 0.9))))
    return "Half right means alike; and only rows that the classifier has not seen can say so."


def _compare_told_apart(answer: float, shift: float) -> None:
    if shift and answer < DIFFERENT:
        detail = f"Two sets that differ clearly: you gave {answer:.3f}. A classifier finds more."
        raise Mistake(None, detail, score=1 / 3)
    if shift or SAME[0] <= answer <= SAME[1]:
        return
    case = f"Two sets of the same kind: you gave {answer:.3f}, where 0.5 is expected."
    if answer > SAME[1]:
        raise Mistake("evaluated-on-training", case, score=1 / 3)
    detail = "Are there rows of both sets in the training and in the test? Shuffle, or stratify."
    raise Mistake(None, f"{case} {detail}", score=1 / 3)


@check()
def copies_found(function, rng) -> str:
    """Check ``function(train, test)``: numbers of the test pictures that are in the training."""
    height, width = (int(number) for number in rng.choice([4, 5, 6], 2, False))
    train = rng.integers(0, 256, (30, height, width, 3)).astype("uint8")
    test = rng.integers(0, 256, (20, height, width, 3)).astype("uint8")
    copied, near, mixed = np.split(rng.permutation(20)[:8], [4, 6])
    sources = rng.permutation(30)[:8]
    for places, origins in ((copied, sources[:4]), (near, sources[4:6]), (mixed, sources[6:])):
        test[places] = train[origins]
    test[near, 0, 0, 0] ^= 1  # one grey level in one pixel: no copy
    test[mixed] = test[mixed][:, ::-1]  # the same pixels in other places: no copy
    answer = ask(function, train, test)
    if isinstance(answer, list | np.ndarray) and np.asarray(answer).dtype.kind == "b":
        raise Mistake(None, "The numbers of the pictures were asked for, not True and False.")
    if not isinstance(answer, list | np.ndarray):
        raise Mistake(None, f"A list of numbers was asked for; you gave {kind_of(answer)}.")
    found = {int(number) for number in np.asarray(answer, "float64").reshape(-1)}
    _compare_copies(found, set(copied.tolist()), set(near.tolist()), set(mixed.tolist()), sources)
    return "The copies are found, and what only looks like one is not."


def _compare_copies(found: set, right: set, near: set, mixed: set, sources) -> None:
    if found == right:
        return
    if found == set(sources[:4].tolist()):
        raise Mistake("numbers-of-the-training", score=0.5)
    if found == right | mixed:
        raise Mistake("same-pixels-other-places", score=0.5)
    if found == right | near:
        detail = "Pictures that differ in one pixel are counted too. Exact copies were asked for."
        raise Mistake(None, detail, score=0.5)
    missing = len(right - found)
    detail = f"{missing} of {len(right)} copies are missing" if missing else "All copies are there"
    raise Mistake(None, f"{detail}; {len(found - right)} of your pictures are no copies.")
