"""Checks of exercise 6: learning rates and convergence."""

import itertools

import numpy as np

from course_checks.expectations import (
    expect_model,
    expect_number,
    kind_of,
    predictions_of,
    require_all,
    train_step,
    weights_of,
)
from course_checks.protocol import ModelSpec, ask
from course_checks.reference_network import NETWORK, network_outputs, network_weights
from course_checks.training_checks import require_loss
from course_checks.verdict import Mistake, check

__all__ = ["looks_saved", "rate_of_each_layer", "relative_distance", "scaled_steps"]


@check()
def rate_of_each_layer(function, rng) -> str:
    """Check ``function(names, rate)``: a learning rate for each layer, by thirds of the network.

    A right answer is a dictionary with a rate for each name: a hundredth of `rate` for the first
    third of the names in the given order, a tenth for the middle one, all of it for the last. The
    thirds have two different lengths, and the names are never in alphabetical order.
    """
    for third in rng.permutation([2, 3, 4, 5])[:2]:
        names = _layer_names(rng, 3 * int(third))
        rate = int(rng.integers(11, 100)) / 10_000
        answer = ask(function, names, rate)
        if not isinstance(answer, dict):
            detail = f"Return a dictionary from name to rate; you gave {kind_of(answer)}."
            raise Mistake(None, detail)
        if set(answer) != set(names):
            missing = sorted(set(names) - set(answer)) or sorted(set(answer) - set(names))
            raise Mistake(None, f"The keys should be the layers' names: what about {missing[:3]}?")
        found = np.array([expect_number(answer[name]) for name in names], "float64")
        _require_rates(found, np.repeat([0.01, 0.1, 1.0], third), rate, names)
    return (
        "A hundredth of the rate for early layers, a tenth in the middle, all of it for late ones."
    )


def _layer_names(rng, count: int) -> list[str]:
    """Name layers such that neither end of the alphabet is at an end of the network."""
    middle = slice(count // 3, -count // 3)
    while True:
        names = [f"convolution{number}" for number in rng.permutation(np.arange(10, 99))[:count]]
        if {min(names), max(names)} <= set(names[middle]):
            return names


def _require_rates(found: np.ndarray, factors: np.ndarray, rate: float, names: list[str]) -> None:
    case = f"For {len(found)} layers and a rate of {rate:g} you gave {found.tolist()}."

    def same(rates) -> bool:
        return np.allclose(found, rates, rtol=0.02, atol=0)

    if same(rate * factors):
        return
    if same(rate * factors[::-1]):
        raise Mistake("rates-upside-down", case, score=1 / 3)
    if same(rate / factors):
        raise Mistake("rates-upside-down", f"They grow instead of shrinking. {case}", score=1 / 3)
    if same(factors):
        raise Mistake(None, f"These are factors. Multiply them by the rate. {case}", score=2 / 3)
    if same(rate):
        raise Mistake(None, f"All layers have the same rate. {case}")
    if same(rate * factors[np.argsort(np.argsort(names))]):
        detail = "You sorted the names; the order in which they are given is that of the layers."
        raise Mistake(None, f"{detail} {case}", score=1 / 3)
    values, counts = np.unique(np.round(found / rate, 6), return_counts=True)
    if len(values) == 3 and np.allclose(values, [0.01, 0.1, 1], rtol=0.02):
        detail = "The three rates are right, but these layers get them: "
        detail += ", ".join(f"{n} get {v:g} of the rate" for v, n in zip(values, counts))  # noqa: B905
        raise Mistake(None, f"{detail}; each third, in the given order. {case}")
    raise Mistake(None, f"By thirds: a hundredth, a tenth, all of the rate. {case}")


@check()
def relative_distance(function, rng) -> str:
    """Check ``function(before, after)``: the distance moved, divided by the length before.

    Both are lists of arrays, which together form one long vector. A right answer is the length of
    the difference of the vectors over that of the first, to three digits. The arrays are drawn
    such that what is often mistaken for it is another number.
    """

    def compare(count: int):
        before, after, ways = _draw_weights(rng, count)
        answer = expect_number(ask(function, before, after))
        _require_distance(float(answer), ways, count)

    require_all(*(lambda n=n: compare(n) for n in (1, 2, 3)), rng=rng)
    return "Distance divided by length, over all arrays together."


def _draw_weights(rng, count: int) -> tuple[list, list, dict[str, float]]:
    """Draw kernels and biases of very different sizes, of which some move further than others."""
    while True:
        shapes = [tuple(rng.integers(2, 6, dimensions)) for dimensions in (1, 4, 2)[:count]]
        before = [
            scale * (rng.normal(0, 1, shape) + 0.5)
            for scale, shape in zip(rng.permutation([0.3, 1.0, 3.0]), shapes, strict=False)
        ]
        after = [
            array * rng.uniform(0.7, 1.2) + rng.uniform(0.1, 0.5) * rng.standard_t(3, array.shape)
            for array in before
        ]
        ways = _ways_to_measure(before, after)
        found = [n for way, n in ways.items() if count > 1 or way not in _SAME_FOR_ONE]
        steps = np.diff(np.log(np.sort(found)))
        if ways["right"] > 0.1 and steps.min() > 0.03:
            return before, after, ways


_SAME_FOR_ONE = ("mean of ratios", "sum of ratios", "ratio of sums", "last alone")


def _ways_to_measure(before: list, after: list) -> dict[str, float]:
    """Compute the relative distance, and what can be taken for it."""
    old, new = (np.concatenate([array.ravel() for array in arrays]) for arrays in (before, after))
    length = np.linalg.norm
    moved = [length(a - b) for a, b in zip(after, before, strict=True)]
    lengths = [length(b) for b in before]
    ratios = np.divide(moved, lengths)
    return {
        "right": length(new - old) / length(old),
        "not relative": length(new - old),
        "squared": (length(new - old) / length(old)) ** 2,
        "root of the distance alone": length(new - old) / length(old) ** 2,
        "after": length(new - old) / length(new),
        "lengths": abs(length(new) - length(old)) / length(old),
        "absolute": np.abs(new - old).sum() / np.abs(old).sum(),
        "largest": np.abs(new - old).max() / np.abs(old).max(),
        "element by element": np.abs((new - old) / old).mean(),
        "spread": np.std(new - old) / np.std(old),
        "mean of ratios": ratios.mean(),
        "sum of ratios": ratios.sum(),
        "ratio of sums": sum(moved) / sum(lengths),
        "last alone": ratios[-1],
    }


def _require_distance(answer: float, ways: dict[str, float], count: int) -> None:
    case = f"You gave {answer:.4g} for {count} array{'s' * (count > 1)}."
    # Rounding to three digits must not cost points
    match next((way for way, n in ways.items() if np.isclose(answer, n, rtol=0.01)), None):
        case "right":
            return
        case "not relative":
            raise Mistake("distance-not-relative", case, score=1 / 3)
        case "squared":
            raise Mistake(None, f"The square root is missing. {case}", score=1 / 3)
        case "root of the distance alone":
            detail = "You divided by the square of the length; take its root, too."
        case "after":
            detail = "You divided by the length after training; divide by the one before."
        case "absolute":
            detail = "You added up absolute values. The length is the root of the sum of squares."
        case "mean of ratios" | "sum of ratios":
            detail = "You computed a ratio for each array. Add up the squares of all arrays first."
        case "ratio of sums":
            detail = "You added up lengths. Add up the squares of all arrays, then take the root."
        case "last alone":
            detail = "This is the distance of the last array alone."
        case "lengths":
            detail = "This compares two lengths. Weights can turn without getting longer: subtract"
            raise Mistake(None, f"{detail} the weights first. {case}")
        case "largest":
            raise Mistake(None, f"This compares the largest numbers, not the lengths. {case}")
        case "spread":
            raise Mistake(None, f"A standard deviation leaves the mean out. {case}")
        case "element by element":
            raise Mistake(None, f"You divided number by number; divide the two lengths. {case}")
        case _:
            raise Mistake(None, f"It should be {ways['right']:.4g}. {case}")
    raise Mistake(None, f"{detail} {case}", score=1 / 3)


@check(hidden_seeds=2)
def scaled_steps(function, rng) -> str:
    """Check ``function(model, rate, factors)``: compiled with Adam at a rate per layer.

    A right answer is the given network with its weights. In a step of training, the loss is the
    cross-entropy of integer labels, and kernel and bias of each layer move by `rate` times the
    layer's factor, if it has one: Adam's first step moves weights by the rate, whatever their
    gradient. Each of the three named layers has another factor.
    """
    weights, rate = network_weights(rng), int(rng.integers(20, 80)) / 10_000
    factors = rng.permutation([0.1, 0.03, 0.4]).tolist()
    given = dict(zip(rng.permutation(NETWORK)[:3].tolist(), factors, strict=True))
    spec = ModelSpec("trained_network", {"weights": weights})
    model = expect_model(ask(function, spec, rate, given))
    inputs = rng.normal(0, 0.4, (20, 16, 16, 3)).astype("float32")
    labels = rng.integers(0, 3, len(inputs))
    before, first = predictions_of(model, inputs, 3), [weights_of(model, name) for name in NETWORK]
    if not all(np.allclose(a, b, atol=1e-6) for a, b in zip(sum(first, []), weights, strict=True)):
        raise Mistake(None, "The network no longer has the weights that it came with.")
    if not np.allclose(before, network_outputs(inputs, first), atol=0.02):
        raise Mistake(None, "The network does not compute what the given one does.")
    loss = train_step(model, inputs, labels)
    last = [weights_of(model, name) for name in NETWORK]
    steps = np.array([[np.abs(b - a).max() for a, b in zip(*x)] for x in zip(first, last)])  # noqa: B905
    _require_steps(steps, rate, np.array([given.get(name, 1.0) for name in NETWORK]))
    require_loss(model, loss, before, labels)
    return f"{' and '.join(given)} take shorter steps, all others those of Adam at {rate:g}."


def _require_steps(steps: np.ndarray, rate: float, factors: np.ndarray) -> None:
    """Require kernel and bias of each layer to move by its rate in one step."""
    longest, right = steps.max(axis=1), rate * factors
    moved = ", ".join(f"{name} {step:.2g}" for name, step in zip(NETWORK, longest, strict=True))
    case = f"In one step the layers moved by: {moved}."

    def near(found, wanted) -> bool:
        return np.allclose(found, wanted, rtol=0.1, atol=0)

    if near(steps, right[:, None]):
        return
    if near(steps[:, 0], right) or near(steps[:, 1], right):
        detail = f"The rates are right for only one of kernel and bias of each layer. {case}"
        raise Mistake(None, detail, score=1 / 3)
    if near(longest, rate):
        raise Mistake("gradients-scaled", case, score=1 / 3)
    if near(longest[factors == 1], rate) and not longest[factors < 1].any():
        detail = f"The layers with a factor are frozen; they should move a little. {case}"
        raise Mistake(None, detail, score=1 / 3)
    if near(longest, factors):
        raise Mistake(None, f"The factors were used as rates. {case}", score=1 / 3)
    if not longest.any():
        raise Mistake(None, f"Nothing moves: is everything frozen, or is the rate zero? {case}")
    if near(longest, rate / factors):
        raise Mistake(None, f"You divided by the factors; multiply by them. {case}", score=1 / 3)
    if near(longest / right, longest[0] / right[0]):
        detail = "The rates are in the right proportion, but the step of the layers without a"
        raise Mistake(None, f"{detail} factor should be {rate:g}. {case}", score=2 / 3)
    wanted = dict(zip(NETWORK, [float(f"{step:.2g}") for step in right], strict=True))
    raise Mistake(None, f"The steps of Adam with these rates should be {wanted}. {case}")


@check()
def looks_saved(function, rng) -> str:
    """Check ``function(looks, pretrained, scratch, goal)``: how many times fewer looks.

    ``pretrained`` and ``scratch`` hold a row for each seed. A right answer is the ratio of the
    looks at which the mean of the seeds first reaches the goal, to three digits, or ``None`` if one
    of the two never does. Ratios are no whole numbers, and other ways to read the curves give other
    ratios.
    """

    def compare(never: str | None):
        looks, curves, goal = _draw_curves(rng, never)
        answer = ask(function, looks, *curves, goal)
        if never:
            _require_none(answer, looks, curves, goal, never)
        else:
            _require_ratio(answer, looks, curves, goal)

    cases = (None, None, "scratch", "pretrained")
    require_all(*(lambda case=case: compare(case) for case in cases), rng=rng)
    return "The mean over the seeds decides, and a goal never reached has no ratio."


def _draw_curves(rng, never: str | None) -> tuple[list[int], list[np.ndarray], float]:
    """Draw learning curves of several seeds, and a goal that one of them may never reach."""
    while True:
        looks = np.cumsum(rng.integers(30, 90) * 1.4 ** np.arange(_STAGES)).astype(int).tolist()
        goal = round(float(rng.uniform(0.66, 0.78)), 2)
        curves = [
            _draw_curve(rng, late, goal, alone=never == name)
            for name, late in (("pretrained", 2.0), ("scratch", 6.0))
        ]
        if _is_clear(looks, curves, goal, never):
            return looks, curves, goal


_STAGES = 12


def _draw_curve(rng, late: float, goal: float, alone: bool) -> np.ndarray:
    """Draw curves of seeds that rise at different times; only one rises if `alone`."""
    seeds = int(rng.integers(3, 6))
    top = np.where(np.arange(seeds) == rng.integers(1, seeds), 0.95, 0.4 if alone else 0.92)
    shift = late + rng.normal(0, 1.5, seeds)
    curve = top[:, None] / (1 + np.exp(-1.5 * (np.arange(_STAGES) - shift[:, None])))
    reached = int(np.argmax(curve.mean(axis=0) >= goal))
    curve[:, min(reached + 1, _STAGES - 2)] -= 0.2  # a bad moment, after which it rises again
    curve[:, -1] -= 0.05  # the last stage is not the best
    return np.clip(curve + rng.normal(0, 0.01, curve.shape), 0, 1)


def _is_clear(looks: list, curves: list, goal: float, never: str | None) -> bool:
    """Whether noise decides nothing, and other ways to read the curves give other ratios."""
    means = [curve.mean(axis=0) for curve in curves]
    reached = [bool((mean >= goal).any()) for mean in means]
    if min(np.abs(mean - goal).min() for mean in means) < 0.01:
        return False
    if never or not all(reached):
        one_seed = all((curve >= goal).any() for curve in curves)
        return one_seed and reached == [never != "pretrained", never != "scratch"]
    ratio = _ratio(looks, means, goal)
    if abs(ratio - round(ratio)) < 0.1 or (np.array(means)[:, 0] > goal).any():
        return False
    ways = [(ratio, "", 1.0), *_ways_to_read(looks, curves, goal)]
    return all(
        one is not None and other is not None and abs(one / other - 1) > 0.03
        for (one, _, score), (other, _, another) in itertools.combinations(ways, 2)
        if score != another
    )


def _first(looks: list, curve: np.ndarray, goal: float) -> int | None:
    found = np.flatnonzero(curve >= goal)
    return looks[found[0]] if len(found) else None


def _ratio(looks: list, curves: list, goal: float) -> float | None:
    pretrained, scratch = (_first(looks, curve, goal) for curve in curves)
    return None if None in (pretrained, scratch) else scratch / pretrained


def _ways_to_read(looks: list, curves: list, goal: float) -> list[tuple]:
    """Return what can be taken for the ratio: a number, what it is, and its score."""
    means = [curve.mean(axis=0) for curve in curves]
    first, scratch = (_first(looks, mean, goal) for mean in means)
    places = [looks.index(look) + 1 for look in (first, scratch)]
    lasting = [([*looks, np.inf])[np.flatnonzero(mean < goal)[-1] + 1] for mean in means]
    each = [[_first(looks, row, goal) or np.nan for row in curve] for curve in curves]
    highest = [looks[int(mean.argmax())] for mean in means]
    ways = [
        (_ratio(looks, [curve.max(axis=0) for curve in curves], goal), _BEST_SEED, 0),
        (first / scratch, "The ratio is upside down.", 2 / 3),
        (max(scratch // first, 0.1), "// cuts the ratio to a whole number; / divides.", 2 / 3),
        (round(scratch / first), "Return the ratio, not the nearest whole number.", 2 / 3),
        (scratch - first, "This is a difference, not a ratio.", 1 / 3),
        (places[1] / places[0], "These are places in `looks`, not looks.", 1 / 3),
        (lasting[1] / lasting[0], "Take the first time that the mean reaches the goal.", 1 / 3),
        (highest[1] / highest[0], "Look where the curves reach the goal, not their top.", 1 / 3),
        (np.mean(each[1]) / np.mean(each[0]), "Take the mean of the seeds first.", 1 / 3),
    ]
    picks = {"median": np.median, "worst": np.min, "first one": lambda c, axis: c[0]}
    for name, pick in picks.items():
        other = _ratio(looks, [pick(curve, axis=0) for curve in curves], goal)
        ways.append((other, f"Take the mean of the seeds, not the {name}.", 1 / 3))
    return ways


_BEST_SEED = "best seed"


def _require_none(answer, looks, curves, goal: float, never: str) -> None:
    if answer is None:
        return
    best = _ratio(looks, [curve.max(axis=0) for curve in curves], goal)
    detail = f"The mean of `{never}` never reaches {goal:g}: return None. You gave"
    if isinstance(answer, int | float) and np.isclose(answer, best, rtol=0.01):
        raise Mistake("best-seed-taken", f"{detail} {answer:g}.")
    raise Mistake(None, f"{detail} {answer!r:.40}.", score=2 / 3)


def _require_ratio(answer, looks, curves, goal: float) -> None:
    first = [_first(looks, curve.mean(axis=0), goal) for curve in curves]
    case = f"The means reach {goal:g} after {first[0]} and {first[1]} looks."
    if answer is None:
        raise Mistake(None, f"You gave None (is the return missing?). {case}")
    answer = expect_number(answer)
    case = f"You gave {answer:.4g}. {case}"
    if np.isclose(answer, first[1] / first[0], rtol=0.01):  # rounded is right, too
        return
    ways = _ways_to_read(looks, curves, goal)
    found = [way for way in ways if way[0] is not None and np.isclose(answer, way[0], rtol=0.01)]
    if found and found[0][1] == _BEST_SEED:
        raise Mistake("best-seed-taken", case)
    if found:
        details = " Or: ".join(detail for _, detail, _ in found)
        raise Mistake(None, f"{details} {case}", score=found[0][2])
    raise Mistake(None, case)
