"""Checks of exercise 7: how much to transfer."""

import itertools
import math

import numpy as np

from course_checks.expectations import (
    expect_model,
    expect_pair,
    kind_of,
    predictions_of,
    require_all,
    train_step,
    weights_of,
)
from course_checks.protocol import ModelSpec, ask
from course_checks.reference_network import (
    NETWORK,
    counts_to_freeze,
    network_outputs,
    network_weights,
)
from course_checks.training_checks import require_loss
from course_checks.verdict import Mistake, check

__all__ = ["first_layers_kept", "frozen_share", "level_to_choose", "paired_difference"]


@check()
def frozen_share(function, rng) -> str:
    """Check ``function(sizes, share)``: how many layers to freeze, and what part of the weights.

    A right answer is `share` of the number of layers, rounded to the nearest whole number (up in
    one case, down in the other), and the part of all weights that lies in the first so many layers,
    to two digits. Late layers are larger, but not each larger than the one before.
    """

    def compare(upwards: bool):
        sizes, share = _draw_sizes(rng, upwards)
        _require_share(expect_pair(ask(function, sizes, share)), sizes, share)

    require_all(lambda: compare(True), lambda: compare(False), rng=rng)
    return "A fraction of the layers, and the smaller fraction of all weights that are in them."


def _draw_sizes(rng, upwards: bool) -> tuple[list[int], float]:
    """Draw sizes and a share for which no other reading gives the right numbers."""
    while True:
        count, share = int(rng.integers(11, 20)), int(rng.integers(25, 85)) / 100
        sizes = np.sort(rng.integers(1000, 400_000, count))
        sizes = np.concatenate([rng.permutation(part) for part in np.array_split(sizes, 3)])
        number = round(share * count)
        parts = np.sort([*_parts(sizes, number), share, number / count])
        by_weights = np.searchsorted(np.cumsum(sizes), share * sizes.sum())
        distance = (number - share * count) * (1 if upwards else -1)
        clear = np.diff(parts[np.abs(parts - share) > 0.0001]).min() > 0.02
        if 0.05 < distance < 0.45 and clear and by_weights > number + 1:
            return sizes.tolist(), share


def _parts(sizes, number: int) -> list[float]:
    """Return the part of all weights in the first layers, the last, the others, the smallest."""
    parts = sizes[:number], sizes[-number:], sizes[number:], sorted(sizes)[:number]
    return [float(sum(part) / sum(sizes)) for part in parts]


def _require_share(answer: list, sizes: list[int], share: float) -> None:
    number, found = answer
    exact = share * len(sizes)
    right = round(exact)
    part, last, trained, smallest = _parts(sizes, right)
    case = f"For {share:.0%} of {len(sizes)} layers you gave {number:g} and {found:.4g}."

    def near(wanted: float) -> bool:
        return abs(found - wanted) < 0.006  # two digits are enough

    if number == right and near(part):
        return
    by_weights = np.searchsorted(np.cumsum(sizes), share * sum(sizes))
    if abs(number - part) < 0.006 and found == right:
        raise Mistake(None, f"The number of layers comes first. {case}", score=2 / 3)
    if number in (math.floor(exact), math.ceil(exact)) and number != right:
        detail = f"Round {exact:.2f} to the nearest whole number."
        raise Mistake(None, f"{detail} {case}", score=2 / 3)
    if number in (by_weights, by_weights + 1):
        raise Mistake("share-of-weights-frozen", case, score=1 / 3)
    if number != right:
        raise Mistake(None, f"The number of layers should be close to {exact:.2f}. {case}")
    if near(last):
        raise Mistake("last-layers-frozen", case, score=1 / 3)
    named = (
        (near(trained), "This is the fraction that is still trained.", 1 / 3),
        (near(smallest), "These are the smallest layers; take the first ones.", 1 / 3),
        (near(share) or near(right / len(sizes)), "This is the fraction of the layers.", 1 / 3),
        (np.isclose(found, part * sum(sizes)), "Divide by the number of all weights.", 2 / 3),
        (abs(found - 100 * part) < 0.6, "This is in percent; return a fraction.", 2 / 3),
    )
    for is_it, detail, score in named:
        if is_it:
            raise Mistake(None, f"{detail} {case}", score=score)
    raise Mistake(None, f"The number of layers is right, the fraction is not. {case}", score=1 / 3)


_LEVELS = ("90 %", "80 %", "60 %", "50 %", "33 %", "20 %")


@check()
def level_to_choose(function, rng) -> str:
    """Check ``function(table)``: the most frozen level within one standard error of the best.

    The table holds the accuracies of several seeds for each level, from all frozen to nothing. A
    right answer is the first level whose mean is at most one standard error of the best level
    below the best mean, with either ``ddof``. Each other rule, among them every fixed distance,
    fails on one of the tables.
    """
    tables = _draw_tables(rng)
    answers = []
    for table in tables:
        answer = ask(function, table)
        if not isinstance(answer, str) or answer not in table:
            given = repr(answer)[:40] if isinstance(answer, str) else kind_of(answer)
            raise Mistake(None, f"Return one of the names {list(table)}; you gave {given}.")
        answers.append(answer)
    _require_levels(answers, tables)
    return "Not clearly worse than the best, and with the fewest weights to train."


def _draw_tables(rng) -> list[dict[str, list[float]]]:
    """Draw tables until each two rules, and the right one and a fixed one, differ on one."""
    rules = [choose for choose, _, _ in _RULES]
    alike = [*itertools.combinations(rules, 2), *itertools.product(rules, _FIXED)]
    tables = []
    while alike:
        table = _draw_table(rng)
        left = [pair for pair in alike if pair[0](table) == pair[1](table)]
        if len(left) < len(alike):
            tables.append(table)
            alike = left
    return [tables[i] for i in rng.permutation(len(tables))]


def _draw_table(rng) -> dict[str, list[float]]:
    """Draw accuracies whose means are not within rounding of a limit."""
    while True:
        seeds, count = int(rng.integers(3, 6)), int(rng.integers(2, 5))
        names = ["all", *(_LEVELS[i] for i in np.sort(rng.permutation(6)[:count])), "0 %"]
        error = rng.choice([0.006, 0.015, 0.03])
        means = rng.uniform(0.65, 0.8) - error * rng.uniform(0, 3, len(names))
        spread = error * np.sqrt(seeds) * rng.uniform(0.3, 1.5, len(names))
        rows = means[:, None] + spread[:, None] * rng.normal(0, 1, (len(names), seeds))
        table = {n: np.round(row, 3).tolist() for n, row in zip(names, rows, strict=True)}
        if _is_clear(table):
            return table


def _is_clear(table: dict[str, list[float]]) -> bool:
    """Whether rounding and `ddof` decide nothing."""
    means = sorted(np.mean(row) for row in table.values())
    best = max(table.values(), key=np.mean)
    limits = [means[-1] - np.std(best, ddof=d) / np.sqrt(len(best)) for d in (0, 1)]
    counts = {sum(mean >= limit + room for mean in means) for limit in limits for room in _ROOMS}
    return len(counts) == 1 and means[-1] - means[-2] > 0.002


_ROOMS = (-0.001, 0.001)


def _errors(row: list[float]) -> float:
    return float(np.std(row, ddof=1) / np.sqrt(len(row)))


def _within(room, middle=np.mean):
    """Return the rule that takes the first level within a distance of the best."""

    def choose(table: dict) -> str:
        best = max(table, key=lambda name: middle(table[name]))
        least = middle(table[best])
        return next(n for n in table if middle(table[n]) >= least - room(table[best], table[n]))

    return choose


def _least_frozen(table: dict) -> str:
    turned = dict(reversed(table.items()))
    return _within(lambda best, row: _errors(best))(turned)


_BEST_SEED = "best seed"
_RULES = (
    (_within(lambda best, row: _errors(best)), "", 1.0),
    (
        _within(lambda best, row: 0),
        "This is the highest mean. A more frozen level is not clearly worse: its mean is within "
        "one standard error.",
        1 / 3,
    ),
    (lambda table: max(table, key=lambda name: max(table[name])), _BEST_SEED, 0),
    (
        _within(lambda best, row: np.std(best, ddof=1)),
        "This is within one standard deviation. The standard error is smaller: divide by the root "
        "of the number of seeds.",
        2 / 3,
    ),
    (
        _within(lambda best, row: 1.96 * _errors(best)),
        "This is within 1.96 standard errors; one was asked for.",
        2 / 3,
    ),
    (
        _within(lambda best, row: _errors(row)),
        "Take the standard error of the best level for all, not each level's own.",
        2 / 3,
    ),
    (
        _within(lambda best, row: _errors(best) + _errors(row)),
        "Overlapping error bars are another rule: only the error of the best level counts here.",
        1 / 3,
    ),
    (
        _within(lambda best, row: _errors(best), np.median),
        "You compare medians; compare means.",
        1 / 3,
    ),
    (
        _least_frozen,
        "Several levels are good enough. Take the one with most frozen, which comes first.",
        1 / 3,
    ),
)
"""The right rule, and others: how they choose, what to say, and the score."""
_FIXED = [
    *(_within(lambda best, row, room=room: room) for room in (0.005, 0.01, 0.02, 0.03)),
    *(lambda table, place=place: [*table][place] for place in (0, 1, -2, -1)),
]
"""Rules that know no chance: within a fixed distance of the best mean, or always one place."""


def _require_levels(answers: list[str], tables: list[dict]) -> None:
    for choose, detail, score in _RULES:
        right = [_RULES[0][0](table) for table in tables]
        if answers != [choose(table) for table in tables]:
            continue
        if score == 1:
            return
        answer, table = next(
            (a, t) for a, r, t in zip(answers, right, tables, strict=True) if a != r
        )
        case = f"You chose {answer!r} from {table}."
        if detail == _BEST_SEED:
            raise Mistake("best-seed-taken", case)
        raise Mistake(None, f"{detail} {case}", score=score)
    answer, level, table = next(x for x in zip(answers, right, tables, strict=True) if x[0] != x[1])
    detail = f"The first level within one standard error of the best is {level!r}."
    raise Mistake(None, f"{detail} You chose {answer!r} from {table}.")


@check()
def paired_difference(function, rng) -> str:
    """Check ``function(first, second)``: a 95 % bootstrap interval of a difference in accuracy.

    Both arguments say for the same images whether the answer was correct. A right answer is the
    2.5th and the 97.5th percentile of the difference first minus second over about a thousand
    resamples or more, drawn with replacement, image by image. On many images its width is compared.
    On few images of which one network is right wherever the other is, no resample changes the
    sign of the difference: intervals without a bootstrap do.
    """

    def compare_many():
        first, second = _right_or_wrong(rng)
        low, high = expect_pair(ask(function, first, second))
        _require_interval(low, high, np.array(first) - np.array(second), first, second)

    def compare_few():
        first, second = _few_images(rng)
        low, high = expect_pair(ask(function, first, second))
        _require_percentiles(low, high, np.array(first) - np.array(second))

    require_all(compare_many, compare_many, compare_few, rng=rng)
    return "Both networks see the same images, so the interval of the difference is narrow."


def _right_or_wrong(rng) -> tuple[list[int], list[int]]:
    """Draw correct and wrong answers of two networks that find the same images hard."""
    total = int(rng.integers(350, 450))
    first = rng.random(total) < rng.uniform(0.6, 0.7)
    turned = rng.random(total)
    second = np.where(first, turned > 0.04, turned < rng.uniform(0.2, 0.3))
    return first.astype(int).tolist(), second.astype(int).tolist()


def _few_images(rng) -> tuple[list[int], list[int]]:
    """Draw answers to few images, of which one network gets one or two more right."""
    total, more = int(rng.integers(20, 40)), int(rng.integers(1, 3))
    worse = rng.permutation(np.arange(total) < total // 2)
    better = worse.copy()
    better[rng.permutation(np.flatnonzero(~worse))[:more]] = True
    pair = [answers.astype(int).tolist() for answers in (better, worse)]
    return tuple(pair[:: rng.choice([1, -1])])


def _require_percentiles(low: float, high: float, differences) -> None:
    """Require the interval of resamples of a few images, in which no difference changes sign."""
    total, changed = len(differences), abs(differences.sum())
    share = changed / total
    chances = [math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(total)]
    farthest = int(np.searchsorted(np.cumsum(chances), 0.975)) / total
    ends = sorted([0, farthest * np.sign(differences.sum())])
    case = f"For {total} images you gave {low:.3f} to {high:.3f}."

    def fits(one: float, other: float) -> bool:
        found = np.abs(np.array([one, other]) - ends) * total
        return max(found) < 1.3 and min(found) < 0.01

    if fits(low, high):
        return
    if fits(high, low):
        raise Mistake(None, f"The lower end comes first. {case}", score=2 / 3)
    if fits(-high, -low):
        raise Mistake(None, f"This is second minus first; return first minus second. {case}", 2 / 3)
    middle, error = differences.mean(), differences.std(ddof=1) / np.sqrt(total)
    if np.allclose([low, high], middle + np.array([-2, 2]) * error, atol=0.2 * error):
        detail = "This is the mean and about two standard errors to both sides, not a bootstrap."
        raise Mistake(None, f"{detail} {case}", score=1 / 3)
    better, worse = ("first", "second") if differences.sum() > 0 else ("second", "first")
    detail = (
        f"Here `{better}` is right wherever `{worse}` is, so in no resample of the images is "
        f"`{worse}` better. Some resamples show no difference: one end should be 0, the other "
        f"about {ends[0] + ends[1]:.3f}."
    )
    raise Mistake(None, f"{detail} {case}", score=1 / 3)


def _require_interval(low: float, high: float, differences, first, second) -> None:
    """Require the middle and the width of the interval of resamples of many images."""
    total = len(differences)
    middle, error = differences.mean(), differences.std() / np.sqrt(total)
    case = f"You gave {low:.3f} to {high:.3f}; the difference itself is {middle:.3f}."
    apart = np.sqrt((np.var(first) + np.var(second)) / total)
    found, width = (low + high) / 2, high - low

    def is_width_of(wanted: float) -> bool:
        return abs(width / (2 * wanted) - 1) < 0.12

    if abs(found - middle) < 0.4 * error and is_width_of(1.96 * error):
        return
    if low > high:
        raise Mistake(None, f"The lower end comes first. {case}", score=2 / 3)
    if abs(found + middle) < 0.4 * error:
        raise Mistake(None, f"This is second minus first; return first minus second. {case}", 2 / 3)
    if low == -1 or high == 1:
        detail = "These are percentiles of single images. Take the mean of each resample first."
        raise Mistake(None, f"{detail} {case}", score=1 / 3)
    if high < middle - error and width < 2.2 * error:
        raise Mistake(None, f"np.percentile takes percentages, 2.5 and 97.5. {case}", score=1 / 3)
    if abs(found - middle) > apart:
        raise Mistake(None, f"The interval should contain the difference, near its middle. {case}")
    if width < 0.1 * error:
        detail = "All resamples are alike: draw with replacement, and anew for each."
        raise Mistake(None, f"{detail} {case}", score=1 / 3)
    named = (
        (1.96 * apart, "pairs-torn-apart", "", 1 / 3),
        (1.645 * error, None, "This is a 90 % interval; use percentiles 2.5 and 97.5.", 2 / 3),
        (2.67 * error, None, _TOO_WIDE, 1 / 3),
    )
    wanted, misconception, detail, score = min(named, key=lambda row: abs(width / 2 / row[0] - 1))
    if is_width_of(wanted):
        raise Mistake(misconception, f"{detail} {case}".strip(), score=score)
    raise Mistake(None, f"It should be about {2 * 1.96 * error:.3f} wide. {case}", score=1 / 3)


_TOO_WIDE = (
    "It is a third too wide: use percentiles 2.5 and 97.5, and as many images as there are in each "
    "resample."
)


@check(hidden_seeds=2)
def first_layers_kept(function, rng) -> str:
    """Check ``function(model, n)``: the first n convolutions pretrained and frozen.

    This is AnB of Yosinski et al. (2014). A right answer is a network like the given one. Kernels
    and biases of the first n convolutions are the given ones and stay in a step of training; those
    of all other layers are random, none of them like the given ones, and move. The loss is the
    cross-entropy of integer labels. The pooling layer lies where counting layers fails.
    """
    for n, pool_after in counts_to_freeze(rng):
        weights = network_weights(rng)
        settings = {"weights": weights, "pool_after": pool_after}
        model = expect_model(ask(function, ModelSpec("trained_network", settings), n))
        given = [weights[i : i + 2] for i in range(0, len(weights), 2)]
        first = [weights_of(model, name) for name in NETWORK]
        _require_start(first, given, n)
        inputs = rng.normal(0, 0.4, (20, 16, 16, 3)).astype("float32")
        labels = rng.integers(0, 3, len(inputs))
        before = predictions_of(model, inputs, 3)
        if not np.allclose(before, network_outputs(inputs, first, pool_after), atol=0.02):
            raise Mistake(
                None, "The network does not compute what the given one would with these weights."
            )
        loss = train_step(model, inputs, labels)
        last = [weights_of(model, name) for name in NETWORK]
        _require_frozen(first, last, n)
        require_loss(model, loss, before, labels)
    return "The first layers keep their pretrained weights; the others start at random and learn."


def _require_start(first: list, given: list, n: int) -> None:
    """Require the given weights in the first n layers, and random ones in all others."""
    shapes = [np.shape(kernel) for kernel, _ in first]
    if shapes != [np.shape(kernel) for kernel, _ in given]:
        raise Mistake(None, f"The layers' shapes differ from those of the given model: {shapes}.")
    kernels, biases = (
        [np.allclose(a[part], b[part], atol=1e-6) for a, b in zip(first, given, strict=True)]
        for part in (0, 1)
    )
    kept = ", ".join(name for name, same in zip(NETWORK, kernels, strict=True) if same)
    case = f"Pretrained should be the first {n}; yours are: {kept or 'none'}."
    if any(np.std(kernel) < 1e-3 for kernel, _ in first):
        raise Mistake(None, f"Some kernels are constant; they should be random. {case}")
    wanted = [i < n for i in range(len(NETWORK))]
    if kernels == wanted:
        _require_unlike(first[n:4], given[n:4])
        if biases[:4] != wanted[:4]:  # those of the last layer are zero in both
            detail = "Kernel and bias belong together: keep both of the first layers, none of the"
            raise Mistake(None, f"{detail} others.", score=1 / 3)
        return
    if all(kernels):
        raise Mistake(None, f"All layers have the given weights; some should be random. {case}")
    if not any(kernels):
        detail = "All weights of the copy are random: copy those of the first layers."
        raise Mistake(None, f"{detail} {case}")
    if not kernels[0] and kernels[-1]:
        raise Mistake("last-layers-frozen", case)
    raise Mistake(None, f"The wrong layers have the given weights. {case}")


def _require_unlike(first: list, given: list) -> None:
    """Require kernels that are not merely the given ones, changed a little."""
    for (kernel, _), (pretrained, _) in zip(first, given, strict=True):
        if abs(np.corrcoef(kernel.ravel(), pretrained.ravel())[0, 1]) > 0.6:
            detail = "After the first layers, the kernels still resemble the given ones."
            raise Mistake(None, f"{detail} They should start at random.")


def _require_frozen(first: list, last: list, n: int) -> None:
    """Require the first n layers, and no others, to keep their weights in training."""
    still = [
        all(np.array_equal(a, b) for a, b in zip(*pair, strict=True))
        for pair in zip(first, last, strict=True)
    ]
    kept = ", ".join(name for name, is_still in zip(NETWORK, still, strict=True) if is_still)
    case = (
        f"Frozen should be the first {n}; what kept its weights in training: {kept or 'nothing'}."
    )
    if still == [i < n for i in range(len(NETWORK))]:
        return
    if all(still):
        raise Mistake("everything-frozen", case, score=1 / 3)
    if not any(still):
        raise Mistake("backbone-not-frozen", f"This is AnB+. {case}", score=1 / 3)
    raise Mistake("off-by-one", case, score=1 / 3)
