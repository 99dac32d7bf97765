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


def test_close_blocks_are_clearly_worse_and_good_ones_are_not():
    rng = np.random.default_rng(0)
    for images in rng.integers(400, 700, 200):
        for role, clear in (("close", True), ("good", False)):
            lost, gained = lesson_04._lost_and_gained(rng, role, images)
            differences = np.repeat([1, -1, 0], [lost, gained, images - lost - gained])
            error = differences.std(ddof=1) / np.sqrt(images)
            assert (differences.mean() > 2.1 * error) == clear
            assert (differences.mean() > 1.7 * error) or clear
