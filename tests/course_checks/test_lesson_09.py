"""The cases of exercise 9 separate wrong rules from right ones by construction, not by luck."""

import numpy as np
import pytest

import course_checks as checks
from course_checks import lesson_09


@pytest.mark.parametrize("seed", range(10))
def test_every_wrong_rule_finds_other_copies(seed):
    rng = np.random.default_rng(seed)
    tolerance = 3 + seed % 7
    train, test = (images.astype(int) for images in lesson_09._images_and_copies(rng, tolerance))
    largest = np.abs(test[:, None] - train).max(axis=(2, 3, 4)).min(axis=1)
    rules = [near for near, _ in lesson_09._wrong_rules(train, test, tolerance)]
    found = {tuple(np.flatnonzero(near)) for near in [largest <= tolerance, *rules]}
    assert len(found) >= len(rules)  # only the two without an absolute value may agree
    assert (largest == tolerance + 1).sum() > 0


@pytest.mark.parametrize("seed", range(10))
def test_nearest_set_has_neither_the_nearest_mean_nor_the_nearest_covariances(seed):
    rng = np.random.default_rng(seed)
    target, sets, distances = lesson_09._sets(rng, 4, list("abcd"), nearest=2, farthest=0)
    assert list(sets) == list("abcd")
    assert [min(distances, key=distances.get), max(distances, key=distances.get)] == ["c", "a"]
    parts = np.array([lesson_09._frechet(target, rows) for rows in sets.values()])
    assert 2 not in parts.argmin(axis=0)


def test_no_number_is_an_honest_accuracy_of_all_pairs():
    differ, alike, half, _ = (honest for *_, honest in lesson_09.PAIRS.values())
    assert not max(lowest for lowest, _ in (differ, alike)) < min(differ[1], alike[1])
    assert half[1] < differ[0]


@pytest.mark.parametrize(
    ("check", "constant"),
    [
        (checks.ready_for_backbone, 255),
        (checks.near_copies_found, ["a", "b"]),
        (checks.near_copies_found, [float("inf")]),
        (checks.near_copies_found, [0.5]),
        (checks.near_copies_found, [[1], [2, 3]]),
        (checks.nearest_set, -1.0),
        (checks.nearest_set, ["birds", float("nan")]),
        (checks.nearest_set, [["birds"], 1.0]),
        (checks.two_sets_told_apart, None),
        (checks.two_sets_told_apart, [float("nan"), 0.5]),
        (checks.two_sets_told_apart, [1.0, 0.5]),
        (checks.two_sets_told_apart, [0.8, 0.6]),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_constant_gets_nothing(check, constant):
    assert check(lambda *arguments: constant, points=2).score == 0
