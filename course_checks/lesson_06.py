"""Checks of exercise 6: learning rates and convergence."""

import numpy as np

from course_checks.expectations import expect_model, expect_number, kind_of, train_step, weights_of
from course_checks.protocol import ModelSpec, ask
from course_checks.reference_network import network_weights
from course_checks.verdict import Mistake, check

__all__ = ["looks_saved", "rate_of_each_layer", "relative_distance", "scaled_steps"]


@check()
def rate_of_each_layer(function, rng) -> str:
    """Check ``function(names, rate)``: a learning rate for each layer, by thirds of the network."""
    for third in rng.permutation([2, 3, 4, 5])[:2]:
        names = _layer_names(rng, 3 * int(third))
        rate = float(rng.choice([0.003, 0.0004, 0.02]))
        answer = ask(function, names, rate)
        if not isinstance(answer, dict):
            detail = f"Return a dictionary from name to rate; you gave {kind_of(answer)}."
            raise Mistake(None, detail)
        if set(answer) != set(names):
            missing = sorted(set(names) - set(answer)) or sorted(set(answer) - set(names))
            raise Mistake(None, f"The keys should be the layers' names: what about {missing[:3]}?")
        found = np.array([expect_number(answer[name]) for name in names], "float64")
        _require_rates(found, np.repeat([0.01, 0.1, 1.0], third), rate)
    return (
        "A hundredth of the rate for early layers, a tenth in the middle, all of it for late ones."
    )


def _layer_names(rng, count: int) -> list[str]:
    """Name layers in an order that is not alphabetical."""
    numbers = rng.permutation(np.arange(10, 99))[:count]
    return [f"convolution{number}" for number in numbers]


def _require_rates(found: np.ndarray, factors: np.ndarray, rate: float) -> None:
    case = f"For {len(found)} layers and a rate of {rate:g} you gave {found.tolist()}."
    if np.allclose(found, rate * factors, rtol=1e-3, atol=0):
        return
    if np.allclose(found, rate * factors[::-1], rtol=1e-3, atol=0):
        raise Mistake("rates-upside-down", case, score=1 / 3)
    if np.allclose(found, factors, rtol=1e-3, atol=0):
        raise Mistake(None, f"These are factors. Multiply them by the rate. {case}", score=2 / 3)
    if np.allclose(found, rate, rtol=1e-3, atol=0):
        raise Mistake(None, f"All layers have the same rate. {case}")
    if np.allclose(found, rate / factors, rtol=1e-3, atol=0):
        raise Mistake("rates-upside-down", f"They grow instead of shrinking. {case}", score=1 / 3)
    raise Mistake(None, f"By thirds: a hundredth, a tenth, all of the rate. {case}")


@check()
def relative_distance(function, rng) -> str:
    """Check ``function(before, after)``: the distance moved, divided by the length before.

    Both are lists of arrays, which together form one long vector.
    """
    for count in (1, 3):
        shapes = [tuple(int(n) for n in rng.integers(2, 6, 2)) for _ in range(count)]
        scales = 10.0 ** rng.permutation(np.arange(count))
        before = [s * rng.normal(0, 1, shape) for s, shape in zip(scales, shapes, strict=True)]
        after = [b + rng.normal(0, 0.3, b.shape) for b in before]
        answer = expect_number(ask(function, before, after))
        _require_distance(float(answer), before, after)
    return "Distance divided by length, over all arrays together."


def _require_distance(answer: float, before: list, after: list) -> None:
    moved = np.concatenate([(a - b).ravel() for a, b in zip(after, before, strict=True)])
    old, new = (np.concatenate([array.ravel() for array in arrays]) for arrays in (before, after))
    right = np.linalg.norm(moved) / np.linalg.norm(old)
    case = f"You gave {answer:.4g} for {len(before)} array{'s' * (len(before) > 1)}."

    def close(number) -> bool:
        return bool(np.isclose(answer, number, rtol=1e-3, atol=0))

    if close(right):
        return
    if close(np.linalg.norm(moved)):
        raise Mistake("distance-not-relative", case, score=1 / 3)
    if close(right**2):
        raise Mistake(None, f"The square root is missing. {case}", score=1 / 3)
    if close(np.linalg.norm(moved) / np.linalg.norm(new)):
        detail = f"You divided by the length after training; divide by the one before. {case}"
        raise Mistake(None, detail, score=1 / 3)
    each = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(after, before, strict=True)]
    if close(np.mean(each)) or close(np.sum(each)):
        detail = "You computed a ratio for each array. Add up the squares of all arrays first."
        raise Mistake(None, f"{detail} {case}", score=1 / 3)
    if close(abs(np.linalg.norm(new) - np.linalg.norm(old)) / np.linalg.norm(old)):
        detail = "This compares two lengths. Weights can turn without getting longer: subtract"
        raise Mistake(None, f"{detail} the weights first. {case}")
    raise Mistake(None, f"It should be {right:.4g}. {case}")


@check()
def scaled_steps(function, rng, rate: float = 0.004) -> str:
    """Check ``function(model, rate, factors)``: compiled with Adam at a rate per layer.

    Adam's first step moves the weights by the rate, whatever the gradient, so one training step
    shows the rate of each layer.
    """
    names = ("conv1", "conv2", "conv3", "conv4", "predictions")
    weights = network_weights(rng)
    given = {str(name): float(rng.choice([0.1, 0.02])) for name in rng.permutation(names[:4])[:2]}
    model = ask(function, ModelSpec("trained_network", {"weights": weights}), rate, given)
    model = expect_model(model)
    inputs = rng.normal(0, 0.4, (20, 16, 16, 3)).astype("float32")
    first = [weights_of(model, name)[0] for name in names]
    if not all(np.allclose(a, b, atol=1e-6) for a, b in zip(first, weights[::2], strict=True)):
        raise Mistake(None, "The network is no longer the one that was given.")
    train_step(model, inputs, rng.integers(0, 3, len(inputs)))
    last = [weights_of(model, name)[0] for name in names]
    steps = [float(np.abs(b - a).max()) for a, b in zip(first, last, strict=True)]
    _require_steps(steps, rate, [given.get(name, 1.0) for name in names], names)
    return f"{' and '.join(given)} take shorter steps, all others those of Adam at {rate:g}."


def _require_steps(steps: list[float], rate: float, factors: list[float], names) -> None:
    """Require each layer to move by its rate in one step."""
    moved = ", ".join(f"{name} {step:.2g}" for name, step in zip(names, steps, strict=True))
    case = f"In one step the layers moved by: {moved}."
    right = rate * np.array(factors)
    if np.allclose(steps, right, rtol=0.1, atol=0):
        return
    named = np.array(factors) < 1
    others_right = np.allclose(np.array(steps)[~named], rate, rtol=0.1, atol=0)
    if np.allclose(steps, rate, rtol=0.1, atol=0):
        raise Mistake("gradients-scaled", case, score=1 / 3)
    if others_right and not any(np.array(steps)[named]):
        detail = f"The layers with a factor are frozen; they should move a little. {case}"
        raise Mistake(None, detail, score=1 / 3)
    if np.allclose(steps, np.array(factors), rtol=0.1, atol=0):
        raise Mistake(None, f"The factors were used as rates. {case}", score=1 / 3)
    if not any(steps):
        raise Mistake(None, f"Nothing moves: is everything frozen, or is the rate zero? {case}")
    if np.allclose(steps / right, (steps / right)[0], rtol=0.1):
        detail = "The rates are in the right proportion, but the step of the layers without a"
        raise Mistake(None, f"{detail} factor should be {rate:g}. {case}", score=2 / 3)
    raise Mistake(
        None, f"The steps should be {dict(zip(names, right.tolist(), strict=True))}. {case}"
    )


@check()
def looks_saved(function, rng) -> str:
    """Check ``function(looks, pretrained, scratch, goal)``: how many times fewer looks.

    ``pretrained`` and ``scratch`` hold a row for each seed; their mean decides. The answer is
    ``None`` if one of them never reaches the goal.
    """
    for reached in (True, True, False):  # in this order: a constant fails before it gets points
        looks, curves, goal = _curves(rng, reached)
        answer = ask(function, looks, *curves, goal)
        right = _ratio(looks, [curve.mean(axis=0) for curve in curves], goal)
        if right is None:
            _require_none(answer, looks, curves, goal)
        else:
            _require_ratio(expect_number(answer), looks, curves, goal)
    return "The mean over the seeds decides, and a goal never reached has no ratio."


def _curves(rng, reached: bool):
    """Draw two learning curves of three seeds, and a goal; seeds reach it at different times."""
    while True:
        looks = (40 * int(rng.integers(2, 6)) * 2 ** np.arange(8)).tolist()
        stages = np.arange(8)
        curves = []
        for late in (rng.uniform(0.5, 1.5), rng.uniform(3.5, 4.5)):
            others = 0.95 if reached or not curves else 0.45  # then only one seed gets there
            top = np.array([0.95, others, others])[:, None]
            shift = late + np.array([-1.2, 0.1, 1.1])[:, None]
            curve = top / (1 + np.exp(-1.5 * (stages - shift)))
            curve = curve + rng.normal(0, 0.01, curve.shape)
            curve[:, -1] -= 0.05  # the last stage is not the best
            curves.append(np.clip(curve, 0, 1))
        goal = round(float(rng.uniform(0.66, 0.78)), 2)
        means = [curve.mean(axis=0) for curve in curves]
        ratio = _ratio(looks, means, goal)
        near = min(np.abs(mean - goal).min() for mean in means)
        differ = {_ratio(looks, [pick(c, axis=0) for c in curves], goal) for pick in _PICKS}
        if near > 0.01 and (ratio is not None) == reached and ratio != 1 and len(differ) > 1:
            return looks, curves, goal


_PICKS = (np.mean, np.max)


def _first(looks: list, curve: np.ndarray, goal: float) -> int | None:
    found = np.flatnonzero(curve >= goal)
    return looks[found[0]] if len(found) else None


def _ratio(looks: list, means: list, goal: float) -> float | None:
    pretrained, scratch = (_first(looks, mean, goal) for mean in means)
    return None if None in (pretrained, scratch) else scratch / pretrained


def _require_none(answer, looks, curves, goal: float) -> None:
    if answer is None:
        return
    best = _ratio(looks, [curve.max(axis=0) for curve in curves], goal)
    detail = f"The mean from scratch never reaches {goal:g}: return None. You gave"
    if best is not None and isinstance(answer, int | float) and np.isclose(answer, best):
        raise Mistake("best-seed-taken", f"{detail} {answer:g}.")
    raise Mistake(None, f"{detail} {answer!r:.40}.", score=2 / 3)


def _require_ratio(answer: float, looks, curves, goal: float) -> None:
    means = [curve.mean(axis=0) for curve in curves]
    right = _ratio(looks, means, goal)
    first = [_first(looks, mean, goal) for mean in means]
    case = f"You gave {answer:g}. The means reach {goal:g} after {first[0]} and {first[1]} looks."
    if np.isclose(answer, right):
        return
    if np.isclose(answer, 1 / right):
        raise Mistake(None, f"The ratio is upside down. {case}", score=2 / 3)
    if np.isclose(answer, first[1] - first[0]):
        raise Mistake(None, f"This is a difference, not a ratio. {case}", score=1 / 3)
    best = _ratio(looks, [curve.max(axis=0) for curve in curves], goal)
    if best is not None and np.isclose(answer, best):
        raise Mistake("best-seed-taken", case)
    raise Mistake(None, case)
