"""Answers to exercise 10 that are written in another way get all points too; constants get few."""

import numpy as np
import pytest

import course_checks as checks

SEEDS = range(6)


def prepare_with_loops(train, test):
    results = []
    for images in (train, test):
        channels = [(images[..., c] - train[..., c].mean()) / train[..., c].std() for c in range(3)]
        results.append(np.stack(channels, axis=-1).astype("float32"))
    return results


def divide_with_sets(persons, seed):
    random = np.random.RandomState(seed)
    chosen = set(random.choice(sorted(set(persons.tolist())), 5, replace=False))
    rows = range(len(persons))
    return [i for i in rows if persons[i] not in chosen], [i for i in rows if persons[i] in chosen]


def mirror_with_fliplr(images, labels):
    mirrored = [np.fliplr(image) for image in images]
    swapped = [{0: 1, 1: 0}.get(int(label), int(label)) for label in labels]
    return [*images, *mirrored], [*labels.tolist(), *swapped]


def diagnose_in_another_order(case):
    if case["during"] - case["after"] > 0.1:
        return "batch normalisation"
    if case["after"] - case["by_test_code"] > 0.1:
        return "preprocessing"
    if case["twins"]:
        return "leak"
    return "compile" if not case["moved"] else "rate" if case["moved"] > 0.5 else "none"


RIGHT = [
    (checks.same_preparation, prepare_with_loops),
    (checks.persons_divided, divide_with_sets),
    (checks.mirrored_arrows, mirror_with_fliplr),
    (checks.diagnosis, diagnose_in_another_order),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_other_right_answer_gets_all_points(check, answer, seed):
    verdict = check(answer, points=2, seed=seed)
    assert verdict.score == 1, verdict
