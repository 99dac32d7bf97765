"""What checks share: all comparisons are made, and a known wrong answer is named."""

import numpy as np
import pytest

from course_checks.expectations import raise_if_like, require_all
from course_checks.verdict import Mistake


def mistaken(score, text=""):
    def compare():
        raise Mistake(None, text, score=score)

    return compare


def test_the_worst_mistake_is_reported_whatever_the_order():
    comparisons = mistaken(0.5, "half"), mistaken(0.0, "first"), mistaken(0.0, "second")
    for seed in range(5):
        with pytest.raises(Mistake, match="first"):
            require_all(*comparisons, rng=np.random.default_rng(seed))


def test_right_answers_pass_in_every_order():
    made = []
    comparisons = [lambda number=number: made.append(number) or number for number in range(4)]
    assert require_all(*comparisons) == 3
    assert made == [0, 1, 2, 3]
    orders = set()
    for seed in range(20):
        made.clear()
        assert require_all(*comparisons, rng=np.random.default_rng(seed)) == 3
        orders.add(tuple(made))
    assert len(orders) > 10


def test_a_known_wrong_answer_is_named_and_another_is_not():
    wrong = ([1.0, 2.0], Mistake(None, "swapped")), (3.0, Mistake(None, "three"))
    with pytest.raises(Mistake, match="swapped"):
        raise_if_like(np.array([1.0001, 2.0]), *wrong)
    raise_if_like(np.array([1.1, 2.0]), *wrong)
    raise_if_like(np.array([3.0, 3.0]), *wrong)
