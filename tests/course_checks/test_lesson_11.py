"""Answers to exercise 11 that are written in another way get all points too; constants get few."""

import numpy as np
import pytest

import course_checks as checks

SEEDS = range(6)


def differs_with_counters(source, source_labels, target, target_labels):
    if len(source[0]) != len(target[0]):
        return "feature space"
    if sorted(np.unique(source_labels)) != sorted(np.unique(target_labels)):
        return "label space"
    far = np.linalg.norm(source.mean(axis=0) - target.mean(axis=0)) > 1.2
    return str(np.where(far, "marginal distribution", "conditional distribution"))


def align_with_sample_deviation(source, target):
    columns = [
        (one - one.mean()) / one.std(ddof=1) * other.std(ddof=1) + other.mean()
        for one, other in zip(source.T, target.T, strict=True)
    ]
    return np.array(columns).T


def gradient_in_lists(label_gradient, domain_gradient, strength):
    pairs = zip(label_gradient.ravel(), domain_gradient.ravel(), strict=True)
    return np.array([a - b * strength for a, b in pairs]).reshape(label_gradient.shape)


def tournament_in_place(paths, scores, first, second):
    loser = min(first, second, key=lambda i: scores[i])
    paths[loser] = paths[first + second - loser]
    return paths.tolist()


RIGHT = [
    (checks.kind_of_difference, differs_with_counters),
    (checks.aligned_features, align_with_sample_deviation),
    (checks.gradient_of_features, gradient_in_lists),
    (checks.tournament_won, tournament_in_place),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_other_right_answer_gets_all_points(check, answer, seed):
    verdict = check(answer, points=2, seed=seed)
    assert verdict.score == 1, verdict
