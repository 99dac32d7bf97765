"""Checks of exercise 9: data sets, looked at and compared."""

import numpy as np

from course_checks.expectations import (
    expect_array,
    expect_number,
    expect_pair,
    kind_of,
    require_all,
)
from course_checks.protocol import ask
from course_checks.verdict import Mistake, check

__all__ = ["near_copies_found", "nearest_set", "ready_for_backbone", "two_sets_told_apart"]


@check()
def ready_for_backbone(function, rng) -> str:
    """Check ``function(pictures, highest)``: grey, small, 0 to `highest` to colour, large, 255."""

    def compare(highest: int):
        n, height, width = (int(number) for number in rng.choice([4, 5, 6, 7], 3, False))
        pictures = rng.integers(0, highest + 1, (n, height, width)).astype("uint8")
        pictures[:, 0, 0], pictures[:, 0, 1] = 0, highest
        answer = ask(function, pictures, highest)
        answer = expect_array(answer, (n, 2 * height, 2 * width, 3))
        _require_prepared(answer, pictures, highest)

    require_all(lambda: compare(16), lambda: compare(int(rng.choice([15, 31, 63]))))
    return "Grey stays grey with three equal channels, and the highest value is 255."


def _require_prepared(answer: np.ndarray, pictures: np.ndarray, highest: int) -> None:
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
def nearest_set(function, rng) -> str:
    """Check ``function(target, sets)``: name and Fréchet distance of the set nearest to a target.

    `sets` is a dictionary of features by name.
    """

    def compare(numbers: int):
        target, sets, distances = _sets(rng, numbers)
        answer = ask(function, target, sets)
        if not isinstance(answer, list) or len(answer) != 2:
            raise Mistake(None, f"A name and a number were asked for; you gave {kind_of(answer)}.")
        if not isinstance(answer[0], str) or answer[0] not in sets:
            raise Mistake(None, f"The first answer should be one of the names {list(sets)}.")
        name, distance = answer[0], expect_number(answer[1])
        _require_distance(distance, target, sets[name])
        if name == max(distances, key=distances.get):
            raise Mistake(None, "The distance is right, but this is the farthest set.", score=2 / 3)
        if name != min(distances, key=distances.get):
            detail = "The distance is right, but another set is nearer: compute it for all."
            raise Mistake(None, detail, score=1 / 3)

    require_all(lambda: compare(3), lambda: compare(int(rng.integers(4, 7))))
    return "Two clouds are near if they lie in the same place and spread in the same way."


def _sets(rng, numbers: int) -> tuple[np.ndarray, dict, dict[str, float]]:
    """Draw a target and sets of which the nearest has neither the nearest mean nor a rival."""

    def cloud():
        rows = rng.normal(0, 1, (int(rng.choice([40, 50, 60])), numbers))
        return rows @ rng.normal(0, 1, (numbers, numbers)) + rng.normal(0, 1, numbers)

    while True:
        target, sets = cloud(), {name: cloud() for name in rng.permutation(_NAMES).tolist()}
        means = {
            name: np.sum((target.mean(axis=0) - rows.mean(axis=0)) ** 2)
            for name, rows in sets.items()
        }
        distances = {name: np.sqrt(_squared(target, rows)) for name, rows in sets.items()}
        first, second = sorted(distances.values())[:2]
        if second > 1.1 * first and distances[min(means, key=means.get)] > first:
            return target, sets, distances


_NAMES = ("flowers", "birds", "tools", "stones")


def _real_root(matrix: np.ndarray) -> np.ndarray:
    from scipy.linalg import sqrtm  # SciPy takes longer to import than all checks together

    return np.real(sqrtm(matrix))


def _squared(one: np.ndarray, other: np.ndarray, root=_real_root, ddof: int = 1) -> float:
    """Return the squared Fréchet distance, with this root of the product of the covariances."""
    means = np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2)
    first, second = (np.cov(rows, rowvar=False, ddof=ddof) for rows in (one, other))
    return means + np.trace(first + second - 2 * root(first @ second))


def _require_distance(answer: float, one: np.ndarray, other: np.ndarray) -> None:
    case = f"You gave {answer:.4f}."
    accepted = [_squared(one, other, ddof=ddof) for ddof in (1, 0)]
    if any(np.isclose(answer, np.sqrt(number), rtol=1e-3) for number in accepted):
        return
    if any(np.isclose(answer, number, rtol=1e-3) for number in accepted):
        raise Mistake("root-forgotten", case, score=2 / 3)
    means = np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2)
    if np.isclose(answer, np.sqrt(means)) or np.isclose(answer, means):
        raise Mistake("means-only", case, score=1 / 3)
    elementwise = _squared(one, other, lambda matrix: np.sqrt(np.abs(matrix)))
    kept = _squared(one, other, lambda matrix: np.sqrt(np.maximum(matrix, 0)))
    if any(np.isclose(answer, np.sqrt(abs(n)), rtol=1e-3) for n in (elementwise, kept)):
        raise Mistake("root-of-each-number", case, score=1 / 3)
    detail = "That is not the distance of this set: compute the means' part, then the spread's."
    raise Mistake(None, f"{case} {detail}")


SAME, DIFFERENT = (0.25, 0.9), 0.87
"""Accuracies that an honest test gives by a wide margin: for one distribution, and for two."""


@check()
def two_sets_told_apart(function, rng) -> str:
    """Check ``function(one, other)``: right answers on unseen rows, and the larger set's share.

    In the first case both are drawn from one distribution, in so many dimensions that a
    classifier learns its training rows by heart.
    """

    def compare(shift: float):
        counts = [int(rng.choice([150, 160, 170])), int(rng.choice([70, 80]))]
        one, other = (rng.normal(0, 1, (count, 150)) for count in rng.permutation(counts))
        other = other + shift * rng.choice([-1.0, 1.0], 150)
        answer = expect_pair(ask(function, one, other))
        if not all(0 <= share <= 1 for share in answer):
            raise Mistake(None, f"Shares from 0 to 1 were asked for; you gave {answer}.")
        _require_told_apart(answer[0], shift)
        _require_larger_share(answer[1], counts)

    require_all(lambda: compare(0.0), lambda: compare(float(rng.uniform(0.6, 0.9))))
    return "Not better than the larger share means alike; and only unseen rows can say so."


def _require_told_apart(answer: float, shift: float) -> None:
    if shift and answer < DIFFERENT:
        detail = f"Two sets that differ clearly: you gave {answer:.3f}. A classifier finds more."
        raise Mistake(None, detail, score=1 / 3)
    if shift or SAME[0] <= answer <= SAME[1]:
        return
    case = f"Two sets of the same kind: you gave {answer:.3f}."
    if answer > SAME[1]:
        raise Mistake("evaluated-on-training", case, score=1 / 3)
    detail = "Are there rows of both sets in the training and in the test? Shuffle, or stratify."
    raise Mistake(None, f"{case} {detail}", score=1 / 3)


def _require_larger_share(answer: float, counts: list[int]) -> None:
    larger = max(counts) / sum(counts)
    if np.isclose(answer, larger, atol=1e-3):
        return
    case = f"Sets of {counts[0]} and {counts[1]} rows: your second number is {answer:.3f}."
    if np.isclose(answer, 1 - larger, atol=1e-3):
        raise Mistake(None, f"This is the share of the smaller set. {case}", score=2 / 3)
    detail = "How often is it right to name the larger one, whatever the row?"
    raise Mistake(None, f"{case} {detail}", score=2 / 3)


@check()
def near_copies_found(function, rng) -> str:
    """Check ``function(train, test, tolerance)``: test pictures close to a training picture.

    Near means that each of the numbers differs by at most the tolerance.
    """
    tolerance = int(rng.integers(4, 9))
    height, width = (int(number) for number in rng.choice([4, 5, 6], 2, False))
    train = rng.integers(20, 236, (30, height, width, 3)).astype("uint8")
    test = rng.integers(20, 236, (20, height, width, 3)).astype("uint8")
    kinds = dict(zip(_KINDS, rng.permutation(20)[: 2 * len(_KINDS)].reshape(-1, 2), strict=True))
    sources = dict(zip(_KINDS, rng.permutation(30)[: 2 * len(_KINDS)].reshape(-1, 2), strict=True))
    for kind, places in kinds.items():
        test[places] = _changed(train[sources[kind]], kind, tolerance)
    answer = ask(function, train, test, tolerance)
    if isinstance(answer, list | np.ndarray) and np.asarray(answer).dtype.kind == "b":
        raise Mistake(None, "The numbers of the pictures were asked for, not True and False.")
    if not isinstance(answer, list | np.ndarray):
        raise Mistake(None, f"A list of numbers was asked for; you gave {kind_of(answer)}.")
    found = {int(number) for number in np.asarray(answer, "float64").reshape(-1)}
    _require_copies(found, *({k: set(v.tolist()) for k, v in p.items()} for p in (kinds, sources)))
    return "The near copies are found, and what only looks like one is not."


_KINDS = ("exact", "brighter", "darker", "at the limit", "one pixel", "mirrored")


def _changed(pictures: np.ndarray, kind: str, tolerance: int) -> np.ndarray:
    """Return near copies of pictures, and, of the last two kinds, what only looks like some."""
    steps = {"brighter": tolerance - 1, "darker": 1 - tolerance, "at the limit": tolerance}
    pictures = pictures.astype(int) + steps.get(kind, 0)
    if kind == "one pixel":
        pictures[:, 0, 0, 0] += np.where(pictures[:, 0, 0, 0] < 128, 1, -1) * (tolerance + 10)
    return pictures[:, :, ::-1] if kind == "mirrored" else pictures


def _require_copies(found: set, kinds: dict[str, set], sources: dict[str, set]) -> None:
    def all_of(sets, *without):
        return set().union(*(sets[kind] for kind in _KINDS[:4] if kind not in without))

    right = all_of(kinds)
    if found == right:
        return
    if found == all_of(sources):
        raise Mistake("numbers-of-the-training", score=0.5)
    if found == right | kinds["one pixel"]:
        raise Mistake("mean-for-every-number", score=0.5)
    if kinds["mirrored"] <= found and found <= right | kinds["mirrored"] | kinds["one pixel"]:
        raise Mistake("same-pixels-other-places", score=0.5)
    if found == kinds["exact"]:
        raise Mistake(None, "Only exact copies are found. Near ones were asked for.", score=0.5)
    if found in (all_of(kinds, "darker"), all_of(kinds, "brighter", "at the limit")):
        raise Mistake("integers-overflow", score=0.5)
    if found == all_of(kinds, "at the limit"):
        detail = "A difference of exactly the tolerance counts: at most, not less than."
        raise Mistake(None, detail, score=0.5)
    missing = len(right - found)
    detail = f"{missing} of {len(right)} copies are missing" if missing else "All copies are there"
    raise Mistake(None, f"{detail}; {len(found - right)} of your pictures are no copies.")
