"""Exercise 4: the tables of the checks separate right answers from wrong ones."""

import numpy as np
import pytest

from course_checks import lesson_04


@pytest.mark.parametrize("seed", lesson_04._CLEAR_TABLES)
def test_tables_of_five_persons_separate_numbers_of_columns(seed):
    codes, labels = lesson_04._clear_table(seed)
    data = codes, labels, np.repeat(np.arange(5), 24)
    right = lesson_04._reference(*data, 3)
    assert (lesson_04._reference(*data, 3, scaled=False) == right).mean() > lesson_04.ALIKE
    for columns in (2, 4, 10, 40):
        assert (lesson_04._reference(*data, columns) == right).mean() < lesson_04.ALIKE - 0.01


@pytest.mark.parametrize("roles", lesson_04._DEPTHS, ids=" ".join)
def test_close_blocks_are_clearly_worse_and_good_ones_are_not(roles):
    for seed in range(50):
        right = lesson_04._answers_by_block(np.random.default_rng(seed), roles)
        best = right[f"block{roles.index('best') + 1}"]
        for role, rows in zip(roles, right.values(), strict=True):
            if role == "best":
                continue
            lost = best.astype(float) - rows
            errors = lost.mean() / (lost.std(ddof=1) / np.sqrt(len(lost)))
            lowest, highest = {"far": (4, 99), "close": (2.1, 2.55), "good": (1.67, 1.93)}[role]
            assert lowest < errors < highest
