"""Answers to exercise 9 that are written in another way get all points too; constants get few."""

import numpy as np
import pytest

from course_utils import checks

SEEDS = range(8)


def prepare_with_kron(pictures, highest):
    return np.kron(pictures[..., None] / highest, np.ones((2, 2, 3))) * 255


def prepare_rounded(pictures, highest):
    values = np.round(pictures.astype(float) * 255 / highest).astype("uint8")
    return np.stack([values.repeat(2, axis=1).repeat(2, axis=2)] * 3, axis=-1)


def copies_by_comparison(train, test):
    equal = (test[:, None] == train[None]).all(axis=(2, 3, 4))
    return np.flatnonzero(equal.any(axis=1))[::-1]


def distance_with_eigenvalues(one, other):
    means = np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)) ** 2
    first, second = np.cov(one.T, ddof=0), np.cov(other.T, ddof=0)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(first @ second).real, 0))
    return float((means + np.trace(first) + np.trace(second) - 2 * roots.sum()) ** 0.5)


def tell_apart_by_means(one, other):
    """Learn the two means from half of the rows, and test on the other half."""
    middle = len(one) // 2
    centres = np.stack([one[:middle].mean(axis=0), other[:middle].mean(axis=0)])
    rows = np.concatenate([one[middle:], other[middle:]])
    nearest = ((rows[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    return np.mean(nearest == np.repeat([0, 1], [len(one) - middle, len(other) - middle]))


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.ready_for_backbone, prepare_with_kron),
        (checks.ready_for_backbone, prepare_rounded),
        (checks.copies_found, copies_by_comparison),
        (checks.distance_of_sets, distance_with_eigenvalues),
        (checks.two_sets_told_apart, tell_apart_by_means),
    ],
    ids=lambda value: value.__name__,
)
def test_right_answer_written_otherwise_gets_all_points(check, answer):
    for seed in SEEDS:
        assert check(answer, points=2, seed=seed).score == 1, seed


@pytest.mark.parametrize(
    ("check", "constant"),
    [
        (checks.ready_for_backbone, 255),
        (checks.copies_found, ["a", "b"]),
        (checks.copies_found, [float("inf")]),
        (checks.distance_of_sets, -1.0),
        (checks.two_sets_told_apart, None),
    ],
    ids=str,
)
def test_constant_gets_nothing(check, constant):
    assert check(lambda *arguments: constant, points=2).score == 0


def test_rows_that_were_seen_do_not_count_as_unseen():
    def by_heart(one, other):
        return 1.0

    verdict = checks.two_sets_told_apart(by_heart, points=3)
    assert (verdict.earned, verdict.misconception) == (1, "evaluated-on-training")
