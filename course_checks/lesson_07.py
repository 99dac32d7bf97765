"""Checks of exercise 7: how much to transfer."""

import numpy as np

from course_checks.expectations import (
    expect_model,
    expect_pair,
    kind_of,
    predictions_of,
    train_step,
    weights_of,
)
from course_checks.protocol import ModelSpec, ask
from course_checks.reference_network import network_outputs, network_weights
from course_checks.verdict import Mistake, check

__all__ = ["first_layers_kept", "frozen_share", "level_to_choose", "paired_difference"]


@check()
def frozen_share(function, rng) -> str:
    """Check ``function(sizes, share)``: how many layers to freeze, and what part of the weights."""
    for count in rng.permutation([11, 13, 17])[:2]:
        sizes = [int(size) for size in np.sort(rng.integers(1000, 400_000, count))]
        share = float(rng.choice([share for share in _SHARES if _is_clear(sizes, share)]))
        answer = expect_pair(ask(function, sizes, share))
        _require_share(answer, sizes, share)
    return "A fraction of the layers, and the smaller fraction of all weights that are in them."


_SHARES = (0.3, 0.4, 0.6, 0.7, 0.8)


def _is_clear(sizes: list[int], share: float) -> bool:
    """Whether rounding is unambiguous, and a fraction of the weights gives another number."""
    near = abs(share * len(sizes) % 1 - 0.5) > 0.05
    return near and _by_weights(sizes, share) != round(share * len(sizes))


def _by_weights(sizes: list[int], share: float) -> int:
    return int(np.abs(np.cumsum(sizes) / sum(sizes) - share).argmin()) + 1


def _require_share(answer: list, sizes: list[int], share: float) -> None:
    number, found = answer
    right = round(share * len(sizes))
    case = f"For {share:.0%} of {len(sizes)} layers you gave {number:g} and {found:.4g}."

    def part(n: int) -> float:
        return sum(sizes[:n]) / sum(sizes)

    if number == right and np.isclose(found, part(right), atol=1e-3):
        return
    if number == _by_weights(sizes, share):
        raise Mistake("share-of-weights-frozen", case, score=1 / 3)
    if np.isclose(number, part(right), atol=1e-3) and found == right:
        raise Mistake(None, f"The number of layers comes first. {case}", score=2 / 3)
    if number != right:
        exact = share * len(sizes)
        if number in (np.floor(exact), np.ceil(exact)):
            detail = f"Round {exact:.2f} to the nearest whole number."
            raise Mistake(None, f"{detail} {case}", score=2 / 3)
        raise Mistake(None, f"The number of layers should be close to {exact:.2f}. {case}")
    if np.isclose(found, 1 - part(len(sizes) - right), atol=1e-3):
        raise Mistake("last-layers-frozen", case, score=1 / 3)
    if np.isclose(found, 1 - part(right), atol=1e-3):
        raise Mistake(None, f"This is the fraction that is still trained. {case}", score=1 / 3)
    if np.isclose(found, sum(sizes[:right])):
        raise Mistake(
            None, f"This is a number of weights; divide by all of them. {case}", score=2 / 3
        )
    if np.isclose(found, 100 * part(right), atol=0.1):
        raise Mistake(None, f"This is in percent; return a fraction. {case}", score=2 / 3)
    raise Mistake(None, f"The number of layers is right, the fraction is not. {case}", score=1 / 3)


_LEVELS = ("all", "80 %", "60 %", "33 %", "0 %")


@check()
def level_to_choose(function, rng) -> str:
    """Check ``function(table)``: the most frozen level within one standard error of the best.

    The table holds the accuracies of several seeds for each level, from all frozen to nothing.
    """
    for _ in range(3):
        table, chosen = _table(rng)
        answer = ask(function, table)
        if not isinstance(answer, str) or answer not in table:
            given = repr(answer)[:40] if isinstance(answer, str) else kind_of(answer)
            raise Mistake(None, f"Return one of the names {list(table)}; you gave {given}.")
        _require_level(answer, chosen, table)
    return "Not clearly worse than the best, and with the fewest weights to train."


def _table(rng) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Draw accuracies for which other plausible rules choose another level."""
    while True:
        base = rng.uniform(0.6, 0.8)
        best = int(rng.integers(2, 5))
        means = base + rng.uniform(-0.1, -0.05, len(_LEVELS))
        means[best] = base
        means[rng.integers(0, best)] = base - rng.uniform(0.002, 0.008)
        spread = rng.uniform(0.01, 0.05, len(_LEVELS))
        seeds = means[:, None] + spread[:, None] * rng.normal(0, 1, (len(_LEVELS), 4))
        rounded = {
            name: [round(float(a), 3) for a in row]
            for name, row in zip(_LEVELS, seeds, strict=True)
        }
        chosen = _choices(rounded)
        others = {chosen[rule] for rule in ("mean", "seed", "first")}
        if chosen["right"] not in others and chosen["mean"] != chosen["seed"]:
            return rounded, chosen


def _choices(table: dict[str, list[float]]) -> dict[str, str]:
    """Choose a level by the rule, and by others that are often confused with it."""
    means = {name: np.mean(row) for name, row in table.items()}
    best = max(means, key=means.get)
    deviation = np.std(table[best], ddof=1)

    def most_frozen(room: float) -> str:
        return next(name for name, mean in means.items() if mean >= means[best] - room)

    room = deviation / np.sqrt(len(table[best]))
    edges = [abs(means[best] - room - mean) for mean in means.values()]
    return {
        "right": most_frozen(room) if min(edges) > 0.001 else best,  # rounding decides nothing
        "mean": best,
        "seed": max(table, key=lambda name: max(table[name])),
        "deviation": most_frozen(deviation),
        "first": next(iter(table)),
    }


def _require_level(answer: str, chosen: dict[str, str], table: dict) -> None:
    right = chosen["right"]
    if answer == right:
        return
    case = f"You chose {answer!r} from {table}."
    if answer == chosen["mean"]:
        detail = "This is the highest mean. A more frozen level is not clearly"
        raise Mistake(None, f"{detail} worse: its mean is within one standard error. {case}", 1 / 3)
    if answer == chosen["seed"]:
        raise Mistake("best-seed-taken", case)
    if answer == chosen["deviation"]:
        detail = (
            "This is within one standard deviation. The standard error is smaller: divide by the"
        )
        raise Mistake(None, f"{detail} root of the number of seeds. {case}", 2 / 3)
    raise Mistake(
        None, f"The first level within one standard error of the best is {right!r}. {case}"
    )


@check()
def paired_difference(function, rng) -> str:
    """Check ``function(first, second)``: a 95 % bootstrap interval of a difference in accuracy.

    Both arguments say for the same images whether the answer was correct.
    """
    for _ in range(2):
        first, second = _right_or_wrong(rng)
        low, high = expect_pair(ask(function, first, second))
        _require_interval(low, high, np.array(first) - np.array(second), first, second)
    return "Both networks see the same images, so the interval of the difference is narrow."


def _right_or_wrong(rng) -> tuple[list[int], list[int]]:
    """Draw correct and wrong answers of two networks that find the same images hard."""
    total = int(rng.integers(350, 450))
    first = rng.random(total) < rng.uniform(0.6, 0.7)
    turned = rng.random(total)
    second = np.where(first, turned > 0.04, turned < rng.uniform(0.2, 0.3))
    return first.astype(int).tolist(), second.astype(int).tolist()


def _require_interval(low: float, high: float, differences, first, second) -> None:
    total = len(differences)
    middle, error = differences.mean(), differences.std() / np.sqrt(total)
    case = f"You gave {low:.3f} to {high:.3f}; the difference itself is {middle:.3f}."
    apart = np.sqrt((np.var(first) + np.var(second)) / total)
    found, width = (low + high) / 2, high - low

    def is_width_of(wanted: float) -> bool:
        return abs(width / (2 * wanted) - 1) < 0.1

    if abs(found - middle) < 0.4 * error and is_width_of(1.96 * error):
        return
    if low > high:
        raise Mistake(None, f"The lower end comes first. {case}", score=2 / 3)
    if abs(found + middle) < 0.4 * error:
        raise Mistake(None, f"This is second minus first; return first minus second. {case}", 2 / 3)
    if abs(found - middle) > apart:
        raise Mistake(None, f"The interval should contain the difference, near its middle. {case}")
    if is_width_of(1.96 * apart):
        raise Mistake("pairs-torn-apart", case, score=1 / 3)
    if is_width_of(1.645 * error):
        raise Mistake(
            None,
            f"This is a 90 % interval; use the 2.5th and 97.5th percentiles. {case}",
            score=2 / 3,
        )
    if is_width_of(1.96 * error * np.sqrt(total)):
        detail = (
            "These are percentiles of single differences. Take the mean of each resample first."
        )
        raise Mistake(None, f"{detail} {case}", score=1 / 3)
    raise Mistake(None, f"It should be about {2 * 1.96 * error:.3f} wide. {case}", score=1 / 3)


_NETWORK = ("conv1", "conv2", "conv3", "conv4", "predictions")


@check()
def first_layers_kept(function, rng) -> str:
    """Check ``function(model, n)``: the first n convolutions pretrained and frozen.

    The rest is random: this is AnB of Yosinski et al. (2014). The function returns the model
    compiled for integer labels.
    """
    for n in rng.permutation([1, 2, 3])[:2]:
        given = network_weights(rng)
        recipe = ModelSpec("trained_network", {"weights": given})
        model = expect_model(ask(function, recipe, int(n)))
        first = [weights_of(model, name) for name in _NETWORK]
        _require_start([kernel for kernel, _ in first], given[::2], int(n))
        inputs = rng.normal(0, 0.4, (20, 16, 16, 3)).astype("float32")
        answers = predictions_of(model, inputs, 3)
        if not np.allclose(answers, network_outputs(inputs, first), atol=0.02):
            raise Mistake(
                None, "The network does not compute what the given one would with these weights."
            )
        train_step(model, inputs, rng.integers(0, 3, len(inputs)))
        last = [weights_of(model, name) for name in _NETWORK]
        _require_frozen([a[0] for a in first], [b[0] for b in last], int(n))
    return "The first layers keep their pretrained weights; the others start at random and learn."


def _require_start(kernels: list, given: list, n: int) -> None:
    shapes = [np.shape(kernel) for kernel in kernels]
    if shapes != [np.shape(kernel) for kernel in given]:
        raise Mistake(None, f"The layers' shapes differ from those of the given model: {shapes}.")
    same = [np.allclose(a, b, atol=1e-6) for a, b in zip(kernels, given, strict=True)]
    pretrained = ", ".join(n for n, is_same in zip(_NETWORK, same, strict=True) if is_same)
    case = f"Pretrained should be the first {n}; yours are: {pretrained or 'none'}."
    if any(np.std(kernel) < 1e-3 for kernel in kernels):
        raise Mistake(None, f"Some kernels are constant; they should be random. {case}")
    if same == [i < n for i in range(len(_NETWORK))]:
        return
    if all(same):
        raise Mistake(None, f"All layers have the given weights; some should be random. {case}")
    if not any(same):
        detail = "All weights of the copy are random: copy those of the first layers."
        raise Mistake(None, f"{detail} {case}")
    if same[0] is False and same[-1]:
        raise Mistake("last-layers-frozen", case)
    raise Mistake(None, f"The wrong layers have the given weights. {case}")


def _require_frozen(first: list, last: list, n: int) -> None:
    still = [np.array_equal(a, b) for a, b in zip(first, last, strict=True)]
    kept = ", ".join(name for name, is_still in zip(_NETWORK, still, strict=True) if is_still)
    case = (
        f"Frozen should be the first {n}; what kept its weights in training: {kept or 'nothing'}."
    )
    if still == [i < n for i in range(len(_NETWORK))]:
        return
    if all(still):
        raise Mistake("everything-frozen", case, score=1 / 3)
    if not any(still):
        raise Mistake("backbone-not-frozen", f"This is AnB+. {case}", score=1 / 3)
    raise Mistake("off-by-one", case, score=1 / 3)
