"""Checks of exercise 11: source and target, and what brings them together."""

import functools

import numpy as np

from course_checks.expectations import expect_array, kind_of, raise_if_like, require_all
from course_checks.protocol import ask
from course_checks.verdict import Mistake, check

__all__ = ["aligned_features", "gradient_of_features", "kind_of_difference", "tournament_won"]

_KINDS = {
    "feature space": {
        "wider": "each example of the target has more features",
        "narrower": "each example of the target has fewer features",
    },
    "label space": {
        "other classes": "the classes are different, though equally many",
        "one other class": "one of the two classes is another one",
        "more classes": "the target has a class more",
    },
    "marginal distribution": {
        "higher": "one feature has a higher mean in the target",
        "lower": "one feature has a lower mean in the target",
    },
    "conditional distribution": {
        "flipped": "examples like the source's have different labels",
    },
}


@check()
def kind_of_difference(function, rng) -> str:
    """Check ``function(source, source_labels, target, target_labels)``: what differs.

    A right answer compares the number of features, the sets of classes, and each feature's mean in
    both directions.
    """
    cases = [(kind, way) for kind, ways in _KINDS.items() for way in (list(ways) * 3)[:3]]
    features = [feature for _ in _KINDS for feature in rng.permutation(4)[:3].tolist()]
    wrong = {}
    for place in rng.permutation(len(cases)).tolist():
        kind, way = cases[place]
        answer = ask(function, *_domains(way, features[place], rng))
        if not isinstance(answer, str):
            raise Mistake(None, f"Return one of the four names; you gave {kind_of(answer)}.")
        if answer not in _KINDS:
            raise Mistake(None, f"You said {answer[:40]!r}; choose one of {', '.join(_KINDS)}.")
        if answer != kind:
            wrong[place] = f"You said {answer!r}, but it is the {kind}: {_KINDS[kind][way]}."
    if not wrong:
        return f"All {len(cases)} pairs of domains are recognised."
    # Always giving the same answer is right for one of the names
    known = len(_KINDS) - len({cases[place][0] for place in wrong})
    detail = f"{len(cases) - len(wrong)} of {len(cases)} pairs are right. {wrong[min(wrong)]}"
    raise Mistake(None, detail, score=max(0, known - 1) / (len(_KINDS) - 1))


def _domains(way: str, moving: int, rng) -> list[np.ndarray]:
    """Draw source and target, 400 examples each, that differ in this respect alone."""
    width = int(rng.integers(5, 9))
    deciding = (moving + 1) % 4  # labels depend on this feature, and another one moves
    lowest, low, middle, high, highest = np.sort(rng.permutation(10)[:5])
    classes = rng.permutation([low, high])
    source = rng.normal(0, 1, (400, width))
    target = rng.normal(0, 1, (400, width + {"wider": 1, "narrower": -1}.get(way, 0)))
    target[:, moving] += {"higher": 1, "lower": -1}.get(way, 0) * rng.uniform(1.9, 2.1)
    rules = [(rows[:, deciding] > 0).astype(int) for rows in (source, target)]
    if way == "more classes":
        rules[1] += rules[1] * rng.integers(0, 2, 400)
    if way == "flipped":
        rules[1] = 1 - rules[1]
    others = {"other classes": [lowest, highest], "one other class": [low, middle]}
    new_classes = rng.permutation(others[way]) if way in others else [*classes, middle]
    return [source, classes[rules[0]], target, np.array(new_classes)[rules[1]]]


@check()
def aligned_features(function, rng) -> str:
    """Check ``function(source, target)``: the source with the target's mean and deviation.

    A right answer moves and stretches each feature. It may take each deviation with n or n - 1, and
    round to two digits.
    """
    width = int(rng.integers(3, 7))
    means, deviations = rng.normal(0, 5, width), rng.uniform(1, 3, width)
    rows = rng.permutation([40, 55])
    source = _features(rng, rows[0], means, deviations)
    means = means + rng.choice([-1, 1], width) * rng.uniform(1.5, 4, width)
    deviations = deviations * np.resize(rng.permutation([0.4, 0.5, 1.8, 2.5]), width)
    target = _features(rng, rows[1], means, deviations)
    answer = ask(function, source, target)
    if np.shape(answer) == target.shape and _is_like(np.asarray(answer), target, source):
        raise Mistake("target-for-source", score=1 / 3)
    given = expect_array(answer, source.shape)
    if not _is_like(given, source, target):
        _name_wrong_alignment(given, source, target)
        _name_wrong_statistics(given, source, target)
    return "Each source feature has the mean and the standard deviation of the target's."


def _features(rng, rows: int, means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Draw correlated features with exactly these means and deviations."""
    values = rng.normal(0, 1, (rows, len(means))) @ rng.uniform(-1, 1, (len(means),) * 2)
    return (values - values.mean(axis=0)) / values.std(axis=0) * deviations + means


def _is_like(given: np.ndarray, features: np.ndarray, model: np.ndarray) -> bool:
    scaled = (features - features.mean(axis=0)) / features.std(axis=0) * model.std(axis=0)
    # Deviations with n and with n - 1 differ by 1.3 % for 40 rows
    return np.all(np.abs(given - model.mean(axis=0) - scaled) <= 0.0051 + 0.014 * np.abs(scaled))


def _name_wrong_alignment(given: np.ndarray, source: np.ndarray, target: np.ndarray) -> None:
    (mean, deviation), (new_mean, new_deviation) = (
        (part.mean(axis=0), part.std(axis=0)) for part in (source, target)
    )
    wrong = [
        ("only the mean", source - mean + new_mean),
        (
            "The source is standardised. Now give it the target's standard deviation and mean.",
            (source - mean) / deviation,
        ),
        ("Add the target's mean at the end.", (source - mean) / deviation * new_deviation),
        (
            "Divide by the source's deviation before you multiply by the target's.",
            (source - mean) * new_deviation + new_mean,
        ),
        (
            "These are variances; take their roots.",
            (source - mean) / deviation**2 * new_deviation**2 + new_mean,
        ),
        (
            "The two deviations are swapped: divide by the source's.",
            (source - mean) / new_deviation * deviation + new_mean,
        ),
        (
            "Standardise the source with its own mean and deviation, not with the target's.",
            (source - new_mean) / new_deviation,
        ),
        (
            "Take away the source's mean before you stretch, and add the target's after it.",
            (source - mean + new_mean) / deviation * new_deviation,
        ),
        (
            "Each feature has its own mean and deviation: axis=0.",
            (source - source.mean()) / source.std() * target.std() + target.mean(),
        ),
    ]
    (_, moved), *others = wrong
    raise_if_like(given, (moved, Mistake("only-the-mean", score=2 / 3)), atol=0.02)
    pairs = [(values, Mistake(None, words, score=1 / 3)) for words, values in others]
    raise_if_like(given, *pairs, atol=0.02)


def _name_wrong_statistics(given: np.ndarray, source: np.ndarray, target: np.ndarray) -> None:
    deviations = target.std(axis=0)
    means_fit = np.all(np.abs(given.mean(axis=0) - target.mean(axis=0)) < 0.02 * deviations)
    deviations_fit = np.allclose(given.std(axis=0), deviations, rtol=0.02)
    if not means_fit:
        detail = (
            "The standard deviations are right, but the means" if deviations_fit else "The means"
        )
        detail += " of the features are not those of the target."
        raise Mistake(None, detail, score=1 / 3 if deviations_fit else 0)
    if not deviations_fit:
        raise Mistake(None, "The means are right, the standard deviations are not.", score=1 / 3)
    exact = "Means and deviations are right, but"
    if np.allclose(np.cov(given.T), np.cov(target.T), rtol=0.05, atol=0.05):
        detail = f"{exact} so are the covariances: this is CORAL. Change each feature by itself."
        raise Mistake(None, detail, score=2 / 3)
    detail = f"{exact} these are not the examples of the source, moved and stretched by a positive"
    raise Mistake(None, f"{detail} factor: each must keep its place in each feature.", score=1 / 3)


@check()
def gradient_of_features(function, rng) -> str:
    """Check ``function(label_gradient, domain_gradient, strength)``: what reaches the features.

    A right answer subtracts the domain's gradient, multiplied by the strength, from the label's.
    """

    def compare(strength: float, *shape: int):
        label, domain = rng.normal(0, 1, (2, *shape))
        given = expect_array(ask(function, label, domain, strength), shape)
        if not np.allclose(given, label - strength * domain, atol=1e-3):
            _name_wrong_gradient(given, label, domain, strength)

    cases = (rng.uniform(0.2, 0.4), 4, 3), (rng.uniform(0.6, 0.8), 5), (rng.uniform(1.5, 2.5), 3, 4)
    compare_all = (functools.partial(compare, round(case[0], 3), *case[1:]) for case in cases)
    require_all(*compare_all, rng=rng)
    return "The features help the label classifier and confuse the domain classifier."


def _name_wrong_gradient(given, label, domain, strength: float) -> None:
    reversed_ = -strength * domain
    reveal = Mistake("gradient-not-reversed", "This way the features learn to reveal the domain.")
    stays = Mistake(None, "The label gradient stays as it is; reverse only the other one.")
    divided = Mistake(None, "Multiply by the strength; do not divide by it.", score=0.5)
    only = "Multiply only the domain's gradient by the strength."
    raise_if_like(
        given,
        (label - reversed_, reveal),
        (label + domain, reveal),
        (-label + reversed_, stays),
        (-label - reversed_, stays),
        (domain - strength * label, Mistake(None, "The roles of the two gradients are swapped.")),
        (label - domain, Mistake(None, "The strength is missing.", score=0.5)),
        (label - domain / strength, divided),
        (strength * (label - domain), Mistake(None, only, score=0.5)),
        (
            (1 - strength) * label + reversed_,
            Mistake(None, "Do not scale the label's gradient.", score=0.5),
        ),
        (
            (label + reversed_) / 2,
            Mistake(None, "Gradients add up; do not average them.", score=0.5),
        ),
        (reversed_, Mistake(None, "The label gradient is missing: the two add up.")),
        (label, Mistake(None, "The domain gradient is missing: the two add up.")),
    )
    detail = "Add the two gradients, the domain's reversed and multiplied by the strength. For"
    case = f"{label.flat[0]:.3f}, {domain.flat[0]:.3f} and the strength {strength}"
    raise Mistake(None, f"{detail} {case} you gave {given.flat[0]:.3f}.")


@check()
def tournament_won(function, rng) -> str:
    """Check ``function(paths, scores, first, second)``: the loser's path is overwritten.

    In a right answer all paths are as before, but the one of `first` and `second` with the lower
    score is the other's. There are always a better path and a worse one than these two.
    """

    def compare(first_wins: bool, ascending: bool):
        number, layers, modules = int(rng.integers(5, 8)), *rng.choice([2, 3, 4], 2, False).tolist()
        paths = rng.permutation(number * layers * modules).reshape(number, layers, modules)
        first, second = sorted(rng.permutation(number)[:2].tolist(), reverse=not ascending)
        winner, loser = (first, second) if first_wins else (second, first)
        others = rng.permutation([i for i in range(number) if i not in (first, second)])
        order = [others[0], loser, *others[2:], winner, others[1]]
        scores = np.empty(number)
        scores[order] = np.linspace(0.3, 0.9, number)
        answer = ask(function, paths, scores, first, second)
        if answer is None or np.shape(answer) == paths.shape[1:]:
            raise Mistake(None, f"Return all paths; you gave {kind_of(answer)}.")
        _require_paths(expect_array(answer, paths.shape), paths, scores, winner, loser)

    cases = [(first, ascending) for first in (True, False) for ascending in (True, False)]
    require_all(*(functools.partial(compare, *case) for case in cases), rng=rng)
    return "The better of the two paths is there twice, and no other path has changed."


def _require_paths(given, paths, scores, winner: int, loser: int) -> None:
    def overwritten(*changes: tuple[int, int]):
        changed = paths.copy()
        for place, source in changes:
            changed[place] = paths[source]
        return changed

    if np.array_equal(given, overwritten((loser, winner))):
        return
    best, worst = scores.argmax(), scores.argmin()
    only_two = (
        "Only the two in the tournament compete: neither the best nor the worst of all counts."
    )
    only_two = Mistake(None, only_two, score=1 / 3)
    exchanged = "The two paths have changed places. The worse one should become a copy."
    raise_if_like(
        given,
        (overwritten((winner, loser)), Mistake("winner-overwritten", score=1 / 3)),
        (paths, Mistake(None, "No path has changed.")),
        (overwritten((winner, loser), (loser, winner)), Mistake(None, exchanged, score=1 / 3)),
        *(
            (overwritten(pair), only_two)
            for pair in ((loser, best), (worst, winner), (worst, best))
        ),
    )
    others = [i for i in range(len(paths)) if i != loser]
    if not np.array_equal(given[others], paths[others]):
        score = 1 / 3 if np.array_equal(given[loser], paths[winner]) else 0
        raise Mistake(None, "Paths other than the loser's have changed.", score=score)
    if np.array_equal(given[loser], paths[loser]):
        raise Mistake(None, "No path has changed.")
    detail = f"Path {loser}, which lost, should become that of path {winner} in all its layers."
    raise Mistake(None, detail)
