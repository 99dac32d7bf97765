"""Checks of exercise 9: datasets, inspected and compared."""

import functools

import numpy as np

from course_checks.expectations import (
    expect_array,
    expect_number,
    expect_pair,
    kind_of,
    raise_if_like,
    require_all,
)
from course_checks.protocol import ask
from course_checks.verdict import Mistake, check

__all__ = ["near_copies_found", "nearest_set", "ready_for_backbone", "two_sets_told_apart"]


@check()
def ready_for_backbone(function, rng) -> str:
    """Check ``function(images, highest)``: small and grey to large, RGB, 0 to 255.

    A right answer scales by `highest`, makes each pixel a square of four, and repeats the channel.
    Any dtype counts, and values rounded or cut off to whole numbers.
    """

    def compare(highest: int, dim: bool):
        n, height, width = (int(number) for number in rng.choice([4, 5, 6, 7], 3, False))
        # Neither all the images nor each one reach from 0 to `highest`
        images = rng.integers(1, highest // 2 + 2, (n, height, width)).astype("uint8")
        if not dim:
            images[0].flat[rng.choice(images[0].size, 2, False)] = 0, highest
        answer = expect_array(ask(function, images, highest), (n, 2 * height, 2 * width, 3))
        _require_scaled(_require_squares(answer, images * (255 / highest)), images, highest)

    cases = (16, False), (15, False), (31, True), (127, True)
    require_all(*(functools.partial(compare, *case) for case in cases), rng=rng)
    return "Three equal channels stay grey, and the highest value is 255."


def _require_squares(answer: np.ndarray, scaled: np.ndarray) -> np.ndarray:
    """Return the values at the size of the small images, ``(n, height, width)``."""
    n, height, width = scaled.shape
    if not np.allclose(answer, answer[..., :1], atol=1e-3):
        raise Mistake(None, "The three channels should be equal: grey, but RGB.", score=0.5)
    tiled = Mistake(
        None, "The image is tiled four times. Each pixel should become four.", score=0.5
    )
    raise_if_like(answer[..., 0], (np.tile(scaled, (1, 2, 2)), tiled), atol=1)
    squares = answer[..., 0].reshape(n, height, 2, width, 2)
    if not np.allclose(squares, squares[:, :, :1, :, :1], atol=1e-3):
        detail = (
            "Each pixel should become a square of four equal ones. Yours differ: are they "
            "interpolated, or has `reshape` put them in another order?"
        )
        raise Mistake(None, detail, score=0.5)
    return squares[:, :, 0, :, 0]


def _require_scaled(values: np.ndarray, images: np.ndarray, highest: int) -> None:
    scaled = images * (255 / highest)
    cut_off = (values > scaled - 1) & (images < highest)
    if np.all(np.isclose(values, scaled, atol=0.51) | (cut_off & (values < scaled))):
        return
    overflowing = (images.astype(int) * 255) % 256
    overflow = Mistake("integers-overflow", score=0.5)
    unscaled = Mistake("values-not-scaled", f"The highest value is {highest}.", score=0.5)
    whole = "255 // highest is cut off to a whole number, so `highest` does not become 255."
    own = "The values are divided by the highest in the images. A dark image must stay dark: divide"
    own = Mistake(None, f"{own} by `highest`.", score=0.5)
    each = [(image - image.min()) / np.ptp(image) * 255 for image in images]
    raise_if_like(
        values,
        (images, unscaled),
        (images / highest, Mistake("scaled-to-one", score=0.5)),
        (overflowing / highest, overflow),
        (overflowing // highest, overflow),
        (images * float(255 // highest), Mistake(None, whole, score=0.5)),
        (images / images.max() * 255, own),
        (images / images.max(axis=(1, 2), keepdims=True) * 255, own),
        ((images - images.min()) / np.ptp(images) * 255, own),
        (each, own),
        atol=0.02,
    )
    place = np.abs(values - scaled).argmax()
    detail = f"A pixel of {images.flat[place]} became {values.flat[place]:.1f}. Where the highest"
    raise Mistake(None, f"{detail} value is {highest}, it should be {scaled.flat[place]:.1f}.")


@check()
def nearest_set(function, rng) -> str:
    """Check ``function(target, sets)``: name and Fréchet distance of the set nearest to a target.

    `sets` maps names to features. A right answer compares the target with each set by means and
    whole covariance matrices, of n or n - 1, and may round the distance to two digits.
    """

    def compare(numbers: int, nearest: int, farthest: int):
        target, sets, distances = _sets(rng, numbers, names, nearest, farthest)
        answer = ask(function, target, sets)
        if not isinstance(answer, list) or len(answer) != 2:
            raise Mistake(None, f"Return a name and a number; you gave {kind_of(answer)}.")
        if not isinstance(answer[0], str) or answer[0] not in sets:
            raise Mistake(None, f"The first value should be one of the names {list(sets)}.")
        if isinstance(answer[1], float) and np.isnan(answer[1]):
            detail = "The distance is NaN, as the root of a negative number is."
            raise Mistake("root-of-each-number", detail)
        name, distance = answer[0], expect_number(answer[1])
        _require_distance(distance, name, target, sets)
        if name == max(distances, key=distances.get):
            raise Mistake(None, "The distance is right, but this is the farthest set.", score=2 / 3)
        if name != min(distances, key=distances.get):
            detail = "The distance is right, but another set is nearer: compute it for all sets."
            raise Mistake(None, detail, score=1 / 3)

    names, places = rng.permutation(_NAMES).tolist(), rng.permutation(len(_NAMES)).tolist()
    cases = zip((3, 4, 5), places[:3], np.roll(places[:3], 1).tolist(), strict=True)
    require_all(*(functools.partial(compare, *case) for case in cases), rng=rng)
    return "Two sets are near if their features have similar means and similar covariances."


def _sets(rng, numbers: int, names: list[str], nearest: int, farthest: int):
    """Draw a target, sets and their distances, with the nearest and the farthest at these places.

    Another set than the nearest has the nearest mean, and another one the most similar covariances.
    Each wrong formula gives a clearly different distance.
    """
    places = [place for place in range(len(names)) if place not in (nearest, farthest)]
    places = [places[0], nearest, places[1], farthest]
    while True:
        target, *clouds = (_centred_cloud(rng, rows, numbers) for rows in (55, 40, 50, 60, 60))
        clouds = sorted(clouds, key=lambda rows: _frechet(target, rows)[1])
        spreads = [_frechet(target, rows)[1] for rows in clouds]
        if spreads[2] < 1.5 * spreads[1]:
            continue
        # Squared, the others are at least 1.32 times as far, though clouds[2] has half of `means`
        means = rng.uniform(0.5, 0.9) * (spreads[2] - 1.32 * spreads[1]) / 0.82
        square = spreads[1] + means
        lengths = np.sqrt([1.4 * square - spreads[0], means, means / 2, 3 * square])
        target += (centre := rng.normal(0, 1, numbers))
        for rows, length in zip(clouds, lengths, strict=True):
            step = rng.normal(0, 1, numbers)
            rows += centre + step * length / np.linalg.norm(step)
        wrong = [number for number, _ in _wrong_distances(target, clouds[1], ddof=1)]
        if np.abs(np.sqrt(square) - wrong).min() > 0.05:
            break
    sets = {names[place]: clouds[places.index(place)] for place in range(len(names))}
    distances = {name: np.sqrt(sum(_frechet(target, rows))) for name, rows in sets.items()}
    return target, sets, distances


def _centred_cloud(rng, rows: int, numbers: int) -> np.ndarray:
    values = rng.normal(0, 1, (rows, numbers)) @ rng.normal(0, 1, (numbers, numbers))
    return values - values.mean(axis=0)


_NAMES = ("flowers", "birds", "tools", "stones")


def _trace_of_root(matrix: np.ndarray) -> float:
    """Return the trace of the root of a product of covariances, from its eigenvalues."""
    return np.sqrt(np.abs(np.linalg.eigvals(matrix))).sum()


def _root(covariances: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariances)
    return vectors * np.sqrt(np.abs(values)) @ vectors.T


def _covariances(one: np.ndarray, other: np.ndarray, ddof: int = 1) -> list[np.ndarray]:
    return [np.cov(rows, rowvar=False, ddof=ddof) for rows in (one, other)]


def _frechet(one: np.ndarray, other: np.ndarray, ddof: int = 1) -> tuple[float, float]:
    """Return the two terms of the squared Fréchet distance: of the means, of the covariances."""
    means = np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2)
    first, second = _covariances(one, other, ddof)
    return means, np.trace(first + second) - 2 * _trace_of_root(first @ second)


def _wrong_distances(one: np.ndarray, other: np.ndarray, ddof: int) -> list[tuple[float, Mistake]]:
    """Return what wrong formulas give, each with the mistake behind it."""
    means, spreads = _frechet(one, other, ddof)
    first, second = _covariances(one, other, ddof)
    sums, product = means + np.trace(first + second), first @ second
    deviations = [np.sqrt(np.diag(matrix)) for matrix in (first, second)]
    each = Mistake("root-of-each-number", score=1 / 3)
    variances = "Only the variances are compared. The covariances between features count too."
    roots = "The root of a product of matrices is not the product of their roots: sqrtm(C₁ @ C₂)."
    entries = "`*` multiplies entry by entry; the product of two matrices is C₁ @ C₂."
    once = "The root of the product counts twice: there is a 2 before it."
    squares = [
        (means, Mistake("means-only", score=1 / 3)),
        (spreads, Mistake(None, "The term of the means is missing.", score=1 / 3)),
        (sums, Mistake(None, "The root of the product of the covariances is missing.")),
        (sums - _trace_of_root(product), Mistake(None, once, score=1 / 3)),
        (means + np.sum(np.subtract(*deviations) ** 2), Mistake(None, variances, score=1 / 3)),
        (
            sums - 2 * np.trace(_root(first) @ _root(second)),
            Mistake(None, roots, score=1 / 3),
        ),
        (sums - 2 * _trace_of_root(first * second), Mistake(None, entries, score=1 / 3)),
        (sums - 2 * np.trace(np.sqrt(np.abs(product))), each),
        (sums - 2 * np.trace(np.sqrt(np.maximum(product, 0))), each),
    ]
    rooted = [(np.sqrt(abs(square)), mistake) for square, mistake in squares]
    return [(means + spreads, Mistake("root-forgotten", score=2 / 3)), *rooted, *squares]


def _require_distance(answer: float, name: str, target: np.ndarray, sets: dict) -> None:
    def accepted(rows):
        return np.sqrt([sum(_frechet(target, rows, ddof)) for ddof in (1, 0)])

    def close(value):
        return np.isclose(answer, value, rtol=1e-3, atol=0.0051)

    if close(accepted(sets[name])).any():
        return
    wrong = [pair for ddof in (1, 0) for pair in _wrong_distances(target, sets[name], ddof)]
    for other in sets:
        mistake = Mistake(None, f"That is the distance of {other!r}, not of {name!r}.", score=1 / 3)
        wrong += [(value, mistake) for value in accepted(sets[other])]
    value, mistake = min(wrong, key=lambda pair: abs(pair[0] - answer))
    if close(value):
        raise mistake
    means, spreads = _frechet(target, sets[name])
    detail = f"For {name!r} you gave {answer:.4f}. The means add {means:.4f} and the covariances"
    raise Mistake(None, f"{detail} {spreads:.4f}; the root of their sum is the distance.")


PAIRS = {
    "clearly differ": ((1100, 900), 3, 12, 0.86, (0.88, 0.975)),
    "come from one distribution": ((330, 270), 700, 0, 1, (0.25, 0.72)),
    "differ in half of their rows": ((1100, 900), 3, 12, 0.5, (0.66, 0.85)),
    "overlap, one of them small": ((1800, 200), 3, 0.8, 1, (0.555, 0.955)),
}
"""Rows of two sets, dimensions, how far apart which fraction of the rows is, and honest accuracies.

The ranges are wide enough for linear models, nearest neighbours, trees and forests, in
cross-validation or on a fifth of the rows, yet a number or two are not in all of them. In the
second pair the accuracy on training rows is too high, in the third the area under the ROC curve,
and in the last averages over the classes are too low.
"""


@check()
def two_sets_told_apart(function, rng) -> str:
    """Check ``function(one, other)``: accuracy on unseen rows, and the larger set's fraction.

    A right answer trains any classifier on some rows and gives its accuracy on others; it may round
    both numbers to two digits.
    """

    def compare(kind: str, one_is_larger: bool):
        rows, dimensions, distance, fraction, honest = PAIRS[kind]
        counts = [int(count + rng.integers(-9, 10)) for count in rows][
            :: 1 if one_is_larger else -1
        ]
        one, other = (rng.normal(0, 1, (count, dimensions)) for count in counts)
        shift = rng.normal(0, 1, dimensions)
        shift *= distance / 2 / np.linalg.norm(shift)
        one[rng.permutation(len(one)) < fraction * len(one)] -= shift
        other[rng.permutation(len(other)) < fraction * len(other)] += shift
        answer = expect_pair(ask(function, one.astype("float32"), other.astype("float32")))
        if not all(0 <= number <= 1 for number in answer):
            raise Mistake(None, f"Return fractions from 0 to 1; you gave {answer}.")
        if not honest[0] <= answer[0] <= honest[1]:
            _explain_accuracy(answer, kind, max(counts) / sum(counts))
        _require_larger_fraction(answer[1], counts)

    cases = zip(PAIRS, rng.permutation([True, True, False, False]), strict=True)
    require_all(*(functools.partial(compare, *case) for case in cases), rng=rng)
    return "If the accuracy does not exceed the larger fraction, the sets look alike."


def _explain_accuracy(answer: list[float], kind: str, larger: float) -> None:
    lowest, highest = PAIRS[kind][-1]
    first, second = answer
    case = f"For two sets that {kind} you gave {first:.3f}."
    if np.isclose(first, larger, atol=0.0051) and lowest <= second <= highest:
        raise Mistake(None, f"The two numbers are in the wrong order. {case}", score=2 / 3)
    score = 1 / 3 if np.isclose(second, larger, atol=0.0051) else 0.0
    if first > highest:
        raise Mistake("evaluated-on-training", case, score=score)
    if np.isclose(first, larger, atol=0.0051):
        detail = "That needs no classifier. Train one, and count how often it is right."
    elif kind == "come from one distribution":
        detail = "Do training and test rows come from both sets? Shuffle, or stratify."
    else:
        detail = "A classifier does better. Is it the accuracy, with labels in the order of rows?"
    raise Mistake(None, f"{case} {detail}", score=score)


def _require_larger_fraction(answer: float, counts: list[int]) -> None:
    larger = max(counts) / sum(counts)
    if np.isclose(answer, larger, atol=0.0051):
        return
    case = f"For sets of {counts[0]} and {counts[1]} rows your second number is {answer:.3f}."
    if np.isclose(answer, 1 - larger, atol=0.0051):
        raise Mistake(None, f"This is the fraction of the smaller set. {case}", score=2 / 3)
    detail = "What accuracy do you get by always naming the larger set?"
    raise Mistake(None, f"{case} {detail}", score=2 / 3)


@check()
def near_copies_found(function, rng) -> str:
    """Check ``function(train, test, tolerance)``: test images close to a training image.

    A right answer lists each test image of which some training image differs by at most the
    tolerance in every single value; in any order, as a list or an array.
    """

    def compare(tolerance: int):
        train, test = _images_and_copies(rng, tolerance)
        answer = ask(function, train, test, tolerance)
        if not isinstance(answer, list | np.ndarray):
            raise Mistake(None, f"Return a list of indices; you gave {kind_of(answer)}.")
        if np.asarray(answer).dtype.kind == "b":
            raise Mistake(None, "Return the indices of the images, not True and False.")
        indices = np.asarray(answer, "float64").reshape(-1)
        if (indices != np.round(indices)).any() or not np.isfinite(indices).all():
            raise Mistake(None, "Indices are whole numbers: 0 is the first test image.")
        _require_copies(
            indices.astype(int).tolist(), train.astype(int), test.astype(int), tolerance
        )

    tolerances = rng.permutation([int(rng.integers(3, 6)), int(rng.integers(7, 10))]).tolist()
    require_all(*(functools.partial(compare, tolerance) for tolerance in tolerances), rng=rng)
    return "All near copies are found, and nothing else."


def _images_and_copies(rng, tolerance: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw training and test images: each of these rules catches some wrong idea of a copy."""
    height, width = (int(number) for number in rng.choice([4, 5, 6], 2, False))
    shape = (height, width, 3)
    checkered = np.where(rng.permutation(np.arange(np.prod(shape)) % 2).reshape(shape), 1, -1)
    above, below = np.zeros((2, *shape), int)
    above[0].flat[rng.integers(above[0].size)] = 1  # one value in the first row of pixels
    below[-1].flat[rng.integers(below[-1].size)] = -1
    changes = [tolerance, -tolerance, tolerance - 1, 1 - tolerance, tolerance * above, 0, 0]
    changes += [(tolerance + 1) * change for change in (above, below, checkered, 1, -1)]
    changes += [3 * tolerance, -3 * tolerance]
    train = rng.integers(40, 216, (30, *shape))
    test = rng.integers(150, 216, (20, *shape))  # brighter, so that no mean is close by chance
    places, sources = rng.permutation(20), rng.permutation(30)
    for place, source, change in zip(places, sources, [*changes, None], strict=False):
        test[place] = train[source][:, ::-1] if change is None else train[source] + change
    train[sources[-1]] = train[sources[5]]  # one test image has two copies
    same = places[0]  # and one of the copies is at the place of its original
    train[[same, sources[0]]] = train[[sources[0], same]]
    return train.astype("uint8"), test.astype("uint8")


def _wrong_rules(train: np.ndarray, test: np.ndarray, tolerance: int) -> list:
    """Return pairs: which test images a wrong rule calls copies, and the mistake behind it."""
    pixels = (2, 3, 4)
    signed = test[:, None] - train[None]
    differences = np.abs(signed)
    highest = differences.max(axis=pixels)
    in_order = np.abs(_sorted_values(test)[:, None] - _sorted_values(train)).max(axis=2)
    strict = "A difference of exactly the tolerance still counts: use <=, not <."
    every = "Compare with every training image, not only with the one at the same index."
    added = "The differences are added up; each single value may differ by the tolerance."
    signs = "Take the absolute value of each difference first: a darker pixel differs as well."
    rules = [
        (highest == 0, Mistake(None, "Only exact copies are found; find near copies as well.")),
        (highest < tolerance, Mistake(None, strict)),
        ((highest <= tolerance).T, Mistake("numbers-of-the-training")),
        (highest.diagonal()[:, None] <= tolerance, Mistake(None, every)),
        (differences.mean(axis=pixels) <= tolerance, Mistake("mean-for-every-number")),
        (differences.sum(axis=pixels) <= tolerance, Mistake(None, added)),
        (np.abs(signed.mean(axis=pixels)) <= tolerance, Mistake(None, signs)),
        (in_order <= tolerance, Mistake("same-pixels-other-places")),
    ]
    for sign in (1, -1):
        rules.append(((sign * signed).max(axis=pixels) <= tolerance, Mistake(None, signs)))
        wrapped = (sign * signed) % 256
        rules.append((wrapped.max(axis=pixels) <= tolerance, Mistake("integers-overflow")))
    return [(near.any(axis=1), mistake) for near, mistake in rules]


def _sorted_values(images: np.ndarray) -> np.ndarray:
    return np.sort(images.reshape(len(images), -1), axis=1)


def _require_copies(found: list[int], train: np.ndarray, test: np.ndarray, tolerance: int) -> None:
    """Compare with the right indices, and with those that wrong rules give."""
    highest = np.abs(test[:, None] - train[None]).max(axis=(2, 3, 4))
    right = np.flatnonzero(highest.min(axis=1) <= tolerance).tolist()
    if sorted(found) == right:
        return
    if sorted(set(found)) == right:
        detail = "A test image with several copies in the training is listed several times."
        raise Mistake(None, detail, score=0.5)
    if sorted(found) == [index + 1 for index in right]:
        raise Mistake(None, "The first test image has the index 0, not 1.", score=0.5)
    for near, mistake in _wrong_rules(train, test, tolerance):
        if set(found) == set(np.flatnonzero(near)):
            mistake.score = 0.5
            raise mistake
    missing, wrong = sorted({*right} - {*found}), sorted({*found} - {*right})
    if beyond := [index for index in wrong if not 0 <= index < len(test)]:
        raise Mistake(None, f"There is no test image {beyond[0]}: there are {len(test)}.")
    detail = (
        f"{len(missing)} of {len(right)} copies are missing; {len(wrong)} of yours are not copies."
    )
    place = (missing or wrong)[0]
    detail += f" Test image {place} is {'missing' if missing else 'not one'}: the nearest training"
    detail += f" image differs by up to {highest[place].min()}, and the tolerance is {tolerance}."
    raise Mistake(None, detail)
