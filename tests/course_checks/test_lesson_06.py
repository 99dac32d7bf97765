"""Right answers to exercise 6 in other words, and answers that no learner means."""

import math

import keras
import numpy as np
import pytest

import course_checks as checks
from course_utils.optimizers import RatePerLayer


def rates_by_position(names, rate):
    powers = [10.0 ** (i * 3 // len(names) - 2) for i in range(len(names))]
    return dict(zip(names, rate * np.array(powers), strict=True))


def moved_in_one_row(before, after):
    old, new = (np.concatenate([np.ravel(array) for array in x]) for x in (before, after))
    return np.linalg.norm(new - old) / np.linalg.norm(old)


def moved_by_hand(before, after):
    pairs = [(x, y) for b, a in zip(before, after) for x, y in zip(b.ravel(), a.ravel())]  # noqa: B905
    return math.sqrt(sum((y - x) ** 2 for x, y in pairs) / sum(x**2 for x, _ in pairs))


def saved_by_a_loop(looks, pretrained, scratch, goal):
    def first(rows):
        for i, look in enumerate(looks):
            if sum(row[i] for row in rows) / len(rows) >= goal:
                return np.int64(look)
        return None

    ends = first(pretrained), first(scratch)
    return None if None in ends else ends[1] / ends[0]


def compiled_twice(model, rate, factors):
    model.compile("sgd", "mse")
    model.compile(
        RatePerLayer(learning_rate=rate, factors=factors),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model


RIGHT = [
    (checks.rate_of_each_layer, rates_by_position),
    (checks.relative_distance, moved_in_one_row),
    (checks.relative_distance, moved_by_hand),
    (checks.looks_saved, saved_by_a_loop),
]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_right_answer_in_other_words_passes(check, answer, seed):
    verdict = check(answer, points=3, seed=seed)
    assert verdict.score == 1, verdict


def test_network_compiled_in_other_words_passes_and_none_does_not():
    assert checks.scaled_steps(compiled_twice, points=3, seed=1).score == 1
    assert checks.scaled_steps(lambda *arguments: None, points=3).score == 0


@pytest.mark.parametrize("check", dict.fromkeys(check for check, _ in RIGHT))
@pytest.mark.parametrize("answer", [None, 1.0, float("nan"), "text", [1, 2], {"a": 1}, {}, True])
def test_answer_of_any_other_form_gets_no_points_and_a_message(check, answer):
    verdict = check(lambda *arguments: answer, points=3)
    assert verdict.score == 0 or (check is checks.looks_saved and verdict.score < 1)
    assert verdict.message
