"""Answers to exercise 6 that no learner means."""

import pytest

import course_checks as checks


@pytest.mark.parametrize(
    "check", [checks.rate_of_each_layer, checks.relative_distance, checks.looks_saved]
)
@pytest.mark.parametrize("answer", [None, 1.0, float("nan"), "text", [1, 2], {"a": 1}, {}, True])
def test_answer_of_any_other_form_gets_no_points_and_a_message(check, answer):
    verdict = check(lambda *arguments: answer, points=3)
    assert verdict.score == 0 and verdict.message


def test_no_model_gets_no_points():
    assert checks.scaled_steps(lambda *arguments: None, points=3).score == 0
