"""Checks of exercise 11: source and target, and what brings them together."""

import numpy as np

from course_checks.expectations import expect_array, kind_of
from course_checks.protocol import ask
from course_checks.verdict import Mistake, check

__all__ = ["aligned_features", "gradient_of_features", "kind_of_difference", "tournament_won"]

_KINDS = {
    "feature space": "each example has more features",
    "label space": "the classes are different, though equally many",
    "marginal distribution": "the inputs come from another region",
    "conditional distribution": "inputs like the source's have different labels",
}


@check()
def kind_of_difference(function, rng) -> str:
    """Check ``function(source, source_labels, target, target_labels)``: what differs."""
    cases, right, first = rng.permutation(np.repeat(list(_KINDS), 3)), 0, None
    for kind in cases:
        answer = ask(function, *_domains(str(kind), rng))
        if not isinstance(answer, str):
            raise Mistake(None, f"Return one of the four names; you gave {kind_of(answer)}.")
        right += answer == kind
        if answer != kind and first is None:
            first = f"You said {answer[:40]!r}, but it is the {kind}: {_KINDS[str(kind)]}."
    if first is None:
        return f"All {len(cases)} pairs of domains are recognised."
    # Always giving the same answer is right for three of twelve pairs
    score = max(0.0, np.floor(3 * (right - 3) / (len(cases) - 3)) / 3)
    raise Mistake(None, f"{right} of {len(cases)} pairs are right. {first}", score=score)


def _domains(kind: str, rng) -> list[np.ndarray]:
    """Draw source and target, 400 examples each, that differ in this respect alone."""
    width = int(rng.integers(4, 9))
    directions = rng.permutation(np.eye(width))[:2]
    classes = rng.permutation(10)[:2]
    wider = width + 1 if kind == "feature space" else width
    source, target = rng.normal(0, 1, (400, width)), rng.normal(0, 1, (400, wider))
    if kind == "marginal distribution":
        target = (
            target + rng.choice([-2.0, 2.0]) * directions[1]
        )  # a direction the labels do not depend on
    rule = [(rows[:, :width] @ directions[0] > 0).astype(int) for rows in (source, target)]
    labels = [classes[numbers] for numbers in rule]
    if kind == "label space":
        labels[1] = np.setdiff1d(np.arange(10), classes)[rule[1]]
    if kind == "conditional distribution":
        labels[1] = classes[1 - rule[1]]
    return [source, labels[0], target, labels[1]]


@check()
def aligned_features(function, rng) -> str:
    """Check ``function(source, target)``: the source with the target's mean and deviation."""
    width = int(rng.integers(3, 7))
    source, target = (
        rng.normal(rng.normal(0, 5, width), rng.uniform(0.5, 4, width), (rows, width))
        for rows in rng.permutation([40, 55])
    )
    answer = ask(function, source, target)
    if np.shape(answer) == target.shape and np.allclose(answer, _spread_as(target, source)):
        raise Mistake("target-for-source", score=1 / 3)
    given = expect_array(answer, source.shape)
    right = _spread_as(source, target)
    # A standard deviation with n - 1 counts as well as one with n
    if np.allclose(given, right, rtol=0.03, atol=0.15 * target.std(axis=0).max()):
        return "Each source feature has the mean and the standard deviation of the target's."
    if np.allclose(given, source - source.mean(axis=0) + target.mean(axis=0), atol=1e-3):
        raise Mistake("only-the-mean", score=2 / 3)
    if np.allclose(given, (source - source.mean(axis=0)) / source.std(axis=0), atol=0.05):
        detail = "The source is standardised. Now give it the target's standard deviation and mean."
        raise Mistake(None, detail, score=1 / 3)
    if np.allclose(given.mean(axis=0), target.mean(axis=0), atol=0.05):
        raise Mistake(None, "The means are right, the standard deviations are not.", score=1 / 3)
    raise Mistake(None, "The means of the features are not those of the target.")


def _spread_as(features: np.ndarray, model: np.ndarray) -> np.ndarray:
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    return scaled * model.std(axis=0) + model.mean(axis=0)


@check()
def gradient_of_features(function, rng) -> str:
    """Check ``function(label_gradient, domain_gradient, strength)``: what reaches the features."""
    for strength in rng.uniform(0.2, 0.8, 2):
        label, domain = rng.normal(0, 1, (2, 4, 3))
        given = expect_array(ask(function, label, domain, float(strength)), label.shape)
        if np.allclose(given, label + strength * domain, atol=1e-6):
            detail = "This way the features learn to reveal the domain."
            raise Mistake("gradient-not-reversed", detail)
        if np.allclose(given, -(label + strength * domain), atol=1e-6) or np.allclose(
            given, strength * domain - label, atol=1e-6
        ):
            raise Mistake(None, "The label gradient stays as it is; reverse only the other one.")
        if np.allclose(given, label - domain, atol=1e-6):
            raise Mistake(None, "The strength is missing.", score=0.5)
        if not np.allclose(given, label - strength * domain, atol=1e-6):
            raise Mistake(
                None, "Add the two gradients, the domain's reversed and scaled by the strength."
            )
    return "The features help the label classifier and confuse the domain classifier."


@check()
def tournament_won(function, rng) -> str:
    """Check ``function(paths, scores, first, second)``: the loser's path is overwritten."""
    for _ in range(3):
        paths = np.stack([rng.permutation(100)[:6].reshape(3, 2) for _ in range(5)])
        scores = rng.permutation(np.linspace(0.3, 0.9, 5))
        first, second = (int(i) for i in rng.permutation(5)[:2])
        answer = ask(function, paths, scores, first, second)
        if answer is None:
            raise Mistake(None, f"Return all paths; you gave {kind_of(answer)}.")
        given = expect_array(answer, paths.shape)
        winner, loser = (first, second) if scores[first] > scores[second] else (second, first)
        _require_paths(given, paths, scores, winner, loser)
    return "The better of the two paths is there twice, and no other path has changed."


def _require_paths(given, paths, scores, winner: int, loser: int) -> None:
    right, swapped = paths.copy(), paths.copy()
    right[loser], swapped[winner] = paths[winner], paths[loser]
    if np.array_equal(given, right):
        return
    if np.array_equal(given, swapped):
        raise Mistake("winner-overwritten", score=1 / 3)
    if np.array_equal(given, paths):
        raise Mistake(None, "No path has changed.")
    others = [i for i in range(len(paths)) if i != loser]
    if np.array_equal(given[loser], paths[scores.argmax()]):
        detail = "The best path of all was copied; only the two in the tournament compete."
        raise Mistake(None, detail, score=1 / 3)
    if not np.array_equal(given[others], paths[others]):
        raise Mistake(None, "Paths other than the loser's have changed.", score=1 / 3)
    raise Mistake(None, "The loser's path should become that of the winner.")
