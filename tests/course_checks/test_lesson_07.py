"""Answers to exercise 7 that no learner means."""

import pytest

import course_checks as checks


@pytest.mark.parametrize(
    "check", [checks.frozen_share, checks.level_to_choose, checks.paired_difference]
)
@pytest.mark.parametrize(
    "answer", [None, 1.0, float("nan"), "text", "all", [1, 2], {"a": 1}, True, [None, 0.1]]
)
def test_answer_of_any_other_form_gets_few_points_and_a_message(check, answer):
    verdict = check(lambda *arguments: answer, points=3)
    assert verdict.score <= 1 / 3
    assert verdict.message


def test_no_model_gets_no_points():
    assert checks.first_layers_kept(lambda *arguments: None, points=3).score == 0
