"""Answers to exercise 8 that no learner means."""

import pytest

import course_checks as checks


@pytest.mark.parametrize(
    ("check", "constant"),
    [
        (checks.convolution_costs, [100, 1000]),
        (checks.separable_convolution, 0.0),
        (checks.residual_block, "maps"),
        (checks.distillation, 1.0),
        (checks.distillation, float("nan")),
        (checks.distillation, None),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_constant_gets_nothing(check, constant):
    assert check(lambda *arguments: constant, points=2).score == 0
