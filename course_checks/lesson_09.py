"""Checks of exercise 9: datasets, inspected and compared."""

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
    """Check ``function(images, highest)``: small and grey to large, RGB, 0 to 255."""

    def compare(highest: int):
        n, height, width = (int(number) for number in rng.choice([4, 5, 6, 7], 3, False))
        images = rng.integers(0, highest + 1, (n, height, width)).astype("uint8")
        images[:, 0, 0], images[:, 0, 1] = 0, highest
        answer = ask(function, images, highest)
        answer = expect_array(answer, (n, 2 * height, 2 * width, 3))
        _require_prepared(answer, images, highest)

    require_all(lambda: compare(16), lambda: compare(int(rng.choice([15, 31, 63]))))
    return "Three equal channels stay grey, and the highest value is 255."


def _require_prepared(answer: np.ndarray, images: np.ndarray, highest: int) -> None:
    def prepared(values):
        return np.repeat(values.repeat(2, axis=1).repeat(2, axis=2)[..., None], 3, axis=-1)

    def fits(values):
        return np.allclose(answer, prepared(values), atol=0.51 if values.max() > 1 else 1e-3)

    scaled = images * (255.0 / highest)
    if fits(scaled):
        return
    if fits(images.astype(float)):
        raise Mistake("values-not-scaled", f"The highest value is {highest}.", score=0.5)
    if np.allclose(answer, prepared(images / highest), atol=1e-3):
        raise Mistake("scaled-to-one", score=0.5)
    overflowing = (images.astype(int) * 255) % 256
    if fits(overflowing / highest) or fits(overflowing // highest):
        raise Mistake("integers-overflow", score=0.5)
    if np.allclose(answer, np.tile(scaled[..., None], (1, 2, 2, 3)), atol=0.51):
        detail = "The image is tiled four times. Each pixel should become four."
        raise Mistake(None, detail, score=0.5)
    raise Mistake(None, "The shape is right, the values are not.")


@check()
def nearest_set(function, rng) -> str:
    """Check ``function(target, sets)``: name and Fréchet distance of the set nearest to a target.

    `sets` maps names to features.
    """

    def compare(numbers: int):
        target, sets, distances = _sets(rng, numbers)
        answer = ask(function, target, sets)
        if not isinstance(answer, list) or len(answer) != 2:
            raise Mistake(None, f"Return a name and a number; you gave {kind_of(answer)}.")
        if not isinstance(answer[0], str) or answer[0] not in sets:
            raise Mistake(None, f"The first value should be one of the names {list(sets)}.")
        name, distance = answer[0], expect_number(answer[1])
        _require_distance(distance, target, sets[name])
        if name == max(distances, key=distances.get):
            raise Mistake(None, "The distance is right, but this is the farthest set.", score=2 / 3)
        if name != min(distances, key=distances.get):
            detail = "The distance is right, but another set is nearer: compute it for all sets."
            raise Mistake(None, detail, score=1 / 3)

    require_all(lambda: compare(3), lambda: compare(int(rng.integers(4, 7))))
    return "Two sets are near if their features have similar means and similar covariances."


def _sets(rng, numbers: int) -> tuple[np.ndarray, dict, dict[str, float]]:
    """Draw a target and sets; the nearest set is clearly so, and another has the nearest mean."""

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
    detail = (
        "That is not the distance of this set. Check the term of the means, then the covariances."
    )
    raise Mistake(None, f"{case} {detail}")


SAME, DIFFERENT = (0.25, 0.9), 0.87
"""Accuracies of an honest test, with a wide margin: for one distribution, and for two."""


@check()
def two_sets_told_apart(function, rng) -> str:
    """Check ``function(one, other)``: accuracy on unseen rows, and the larger set's fraction.

    In the first case both come from one distribution, with so many dimensions that a classifier
    memorises its training rows.
    """

    def compare(shift: float):
        counts = [int(rng.choice([150, 160, 170])), int(rng.choice([70, 80]))]
        one, other = (rng.normal(0, 1, (count, 150)) for count in rng.permutation(counts))
        other = other + shift * rng.choice([-1.0, 1.0], 150)
        answer = expect_pair(ask(function, one, other))
        if not all(0 <= share <= 1 for share in answer):
            raise Mistake(None, f"Return fractions from 0 to 1; you gave {answer}.")
        _require_told_apart(answer[0], shift)
        _require_larger_share(answer[1], counts)

    require_all(lambda: compare(0.0), lambda: compare(float(rng.uniform(0.6, 0.9))))
    return "If the accuracy does not exceed the larger fraction, the sets look alike."


def _require_told_apart(answer: float, shift: float) -> None:
    if shift and answer < DIFFERENT:
        detail = f"For two clearly different sets you gave {answer:.3f}; a classifier does better."
        raise Mistake(None, detail, score=1 / 3)
    if shift or SAME[0] <= answer <= SAME[1]:
        return
    case = f"For two sets from one distribution you gave {answer:.3f}."
    if answer > SAME[1]:
        raise Mistake("evaluated-on-training", case, score=1 / 3)
    detail = "Do training and test rows come from both sets? Shuffle, or stratify."
    raise Mistake(None, f"{case} {detail}", score=1 / 3)


def _require_larger_share(answer: float, counts: list[int]) -> None:
    larger = max(counts) / sum(counts)
    if np.isclose(answer, larger, atol=1e-3):
        return
    case = f"For sets of {counts[0]} and {counts[1]} rows your second number is {answer:.3f}."
    if np.isclose(answer, 1 - larger, atol=1e-3):
        raise Mistake(None, f"This is the fraction of the smaller set. {case}", score=2 / 3)
    detail = "What accuracy do you get by always naming the larger set?"
    raise Mistake(None, f"{case} {detail}", score=2 / 3)


@check()
def near_copies_found(function, rng) -> str:
    """Check ``function(train, test, tolerance)``: test images close to a training image.

    Close means that every value differs by at most the tolerance.
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
        raise Mistake(None, "Return the indices of the images, not True and False.")
    if not isinstance(answer, list | np.ndarray):
        raise Mistake(None, f"Return a list of indices; you gave {kind_of(answer)}.")
    found = {int(number) for number in np.asarray(answer, "float64").reshape(-1)}
    _require_copies(found, *({k: set(v.tolist()) for k, v in p.items()} for p in (kinds, sources)))
    return "All near copies are found, and nothing else."


_KINDS = ("exact", "brighter", "darker", "at the limit", "one pixel", "mirrored")


def _changed(images: np.ndarray, kind: str, tolerance: int) -> np.ndarray:
    """Return near copies of images; the last two kinds only resemble copies."""
    steps = {"brighter": tolerance - 1, "darker": 1 - tolerance, "at the limit": tolerance}
    images = images.astype(int) + steps.get(kind, 0)
    if kind == "one pixel":
        images[:, 0, 0, 0] += np.where(images[:, 0, 0, 0] < 128, 1, -1) * (tolerance + 10)
    return images[:, :, ::-1] if kind == "mirrored" else images


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
        raise Mistake(None, "Only exact copies are found; find near copies as well.", score=0.5)
    if found in (all_of(kinds, "darker"), all_of(kinds, "brighter", "at the limit")):
        raise Mistake("integers-overflow", score=0.5)
    if found == all_of(kinds, "at the limit"):
        detail = "A difference of exactly the tolerance still counts: use <=, not <."
        raise Mistake(None, detail, score=0.5)
    missing = len(right - found)
    detail = f"{missing} of {len(right)} copies are missing" if missing else "No copy is missing"
    raise Mistake(None, f"{detail}; {len(found - right)} of your images are not copies.")
