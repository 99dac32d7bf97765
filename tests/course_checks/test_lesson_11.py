"""The cases of exercise 11 separate wrong rules from right ones by construction, not by luck."""

import numpy as np
import pytest

import course_checks as checks
from course_checks import lesson_11


@pytest.mark.parametrize("way", [way for ways in lesson_11._KINDS.values() for way in ways])
def test_domains_differ_in_one_respect_alone(way):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        source, labels, target, new_labels = lesson_11._domains(way, seed % 4, rng)
        assert (source.shape == target.shape) == (way not in ("wider", "narrower"))
        same = set(labels) == set(new_labels)
        assert same == (way not in ("other classes", "one other class", "more classes"))
        if source.shape == target.shape:
            step = (target.mean(axis=0) - source.mean(axis=0))[seed % 4]
            assert {"higher": step > 1.5, "lower": step < -1.5}.get(way, abs(step) < 0.5)


@pytest.mark.parametrize("always", lesson_11._KINDS)
def test_the_same_name_for_every_pair_gets_nothing(always):
    assert checks.kind_of_difference(lambda *domains: always, points=3).score == 0


@pytest.mark.parametrize("junk", [None, 1, [], [[0], [1]], float("nan"), "rows"])
@pytest.mark.parametrize("check", [getattr(checks, name) for name in lesson_11.__all__])
def test_junk_gets_nothing_and_a_message(check, junk):
    verdict = check(lambda *arguments: junk, points=2)
    assert verdict.score == 0
    assert verdict.message
