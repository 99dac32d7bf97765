"""Checks of exercise 2: what the layers learn."""

import functools

import numpy as np

from course_checks.expectations import (
    expect_array,
    expect_pair,
    raise_if_like,
    require_all,
    worst_place,
)
from course_checks.protocol import ModelSpec, ask
from course_checks.reference_network import linear_scores, softmax
from course_checks.verdict import Mistake, check

__all__ = [
    "channel_chosen_in_training",
    "covering_squares",
    "grad_cam_by_hand",
    "receptive_field_by_hand",
]

GREY = 127


@check()
def receptive_field_by_hand(function, rng) -> str:
    """Check ``function(layers)``: (size of the field, stride) after layers (kernel, step).

    Right are both numbers for three lists of pairs that end in different strides. No rule of
    `_wrong_sizes` or `_wrong_strides` gives one of them.
    """
    strides = set()
    for _ in range(3):
        layers = _layers(rng, strides)
        right = _field(layers)
        strides.add(right[1])
        answer = expect_pair(ask(function, layers))
        if answer != right:
            _name_wrong_field(answer, right, layers)
    return "Each stride makes all later receptive fields grow faster."


def _layers(rng, strides: set[int]) -> list[tuple[int, int]]:
    """Draw convolutions and poolings for which wrong rules are wrong, each in its own way."""
    while True:
        kernels = rng.choice([3, 5, 7], 3)
        layers = [*((int(kernel), 1) for kernel in kernels), (2, 2), (3, 2), (3, 3), (5, 2)]
        layers = [layers[i] for i in rng.permutation(len(layers))[: rng.integers(4, 7)]]
        size, stride = _field(layers)
        sizes = [size, *_wrong_sizes(layers).values()]
        wrong_stride = stride in {*strides, *_wrong_strides(layers).values()}
        if len(set(sizes)) == len(sizes) and not wrong_stride:
            return layers


def _field(layers: list[tuple[int, int]]) -> list[int]:
    size, stride = 1, 1
    for kernel, step in layers:
        size, stride = size + (kernel - 1) * stride, stride * step
    return [size, stride]


_EARLY = "each stride applied to its own layer"
_NO_STRIDES = "no strides"


def _wrong_sizes(layers: list[tuple[int, int]]) -> dict[str, int]:
    kernels, steps = np.array(layers).T
    before = np.cumprod([1, *steps])[:-1]
    pooled = kernels == steps
    sizes = {
        _NO_STRIDES: 1 + (kernels - 1).sum(),
        _EARLY: 1 + ((kernels - 1) * before * steps).sum(),
        "the whole kernel added, instead of kernel - 1": 1 + (kernels * before).sum(),
        "a field of 0 pixels at the start, instead of 1": ((kernels - 1) * before).sum(),
        "poolings left out": 1 + ((kernels - 1) * before)[~pooled].sum(),
        "the last layer left out": 1 + ((kernels - 1) * before)[:-1].sum(),
        "the layers in the wrong order": _field(layers[::-1])[0],
    }
    return {rule: int(size) for rule, size in sizes.items()}


def _wrong_strides(layers: list[tuple[int, int]]) -> dict[str, int]:
    steps = np.array(layers)[:, 1]
    strides = {
        "the stride of the last layer": steps[-1],
        "the strides added up, instead of multiplied": steps.sum(),
        "the strides added up, beyond 1": (steps - 1).sum(),
        "the last layer left out": np.prod(steps[:-1]),
        "each stride counted as 2": 2 ** (steps > 1).sum(),
        "no stride": 1,
    }
    return {rule: int(stride) for rule, stride in strides.items()}


def _name_wrong_field(answer: list, right: list, layers: list) -> None:
    size, stride = right
    case = f"For {layers} you gave {answer[0]:g} and {answer[1]:g}"
    if answer == right[::-1]:
        raise Mistake("heads-swapped", f"{case}. The size comes first.", score=0.5)
    if answer[0] == size:
        rules = [rule for rule, wrong in _wrong_strides(layers).items() if answer[1] == wrong]
        why = f" Yours is that with {' or '.join(rules)}." if rules else ""
        detail = f"The size is right; neighbouring values are {stride} pixels apart.{why}"
        raise Mistake(None, f"{case}. {detail}", score=0.5)
    rules = [rule for rule, wrong in _wrong_sizes(layers).items() if answer[0] == wrong]
    if _NO_STRIDES in rules:
        raise Mistake("strides-forgotten", f"{case}; the field has {size} pixels.")
    if _EARLY in rules:
        raise Mistake("step-too-early", f"{case}; the field has {size} pixels.", score=0.5)
    why = f" Your size is that with {' or '.join(rules)}." if rules else ""
    raise Mistake(None, f"{case}; it should be {size} and {stride}.{why}")


@check()
def covering_squares(function, rng) -> str:
    """Check ``function(model, image, number, size)``: the drop of a class's probability.

    Right are all drops, to 0.001, for two images with more rows than columns of squares or fewer.
    The model is a softmax on the average colour, so NumPy can compute them; every mistake of
    `_wrong_drops` changes one of them by more.
    """
    shapes = [(2, 3), (4, 2)] if rng.integers(2) else [(3, 2), (2, 4)]
    sizes = rng.permutation([2, 3, 4])
    for (rows, columns), size in zip(rng.permutation(shapes), sizes, strict=False):
        case = _Covering(rng, int(rows), int(columns), int(size))
        model = ModelSpec("linear", {**case.weights, "pooled": False})
        given = ModelSpec("read_only", {"array": case.image})
        answer = ask(function, model, given, case.number, case.size)
        _require_drops(answer, case)
    return "Where the drop is large, the answer relies on that square; it can also be negative."


class _Covering:
    """An image of clearly different squares, and a network that classifies its average colour.

    The class in question is neither the most probable one nor the first or the last.
    """

    def __init__(self, rng, rows: int, columns: int, size: int):
        self.rows, self.columns, self.size = rows, columns, size
        while True:
            self._draw(rng)
            right, wrong = self.drops(), [values for values, _ in _wrong_drops(self)]
            apart = min(np.abs(values - right).max() for values in wrong)
            if right.min() < -0.02 and right.max() > 0.02 and apart > 0.0015:
                return

    def _draw(self, rng) -> None:
        colours = rng.uniform(0, 255, (self.rows, self.columns, 3))
        image = np.repeat(np.repeat(colours, self.size, axis=0), self.size, axis=1)
        image = np.clip(image + rng.normal(0, 20, image.shape), 0, 255).round()
        kernel = rng.choice([-1, 1], (3, 4)) * rng.uniform(0.05, 0.1, (3, 4))
        # These biases make all classes about equally probable for the uncovered image
        bias = rng.normal(0, 0.3, 4) - image.mean(axis=(0, 1)) @ kernel
        self.image, self.weights = image.astype("float32"), {"kernel": kernel, "bias": bias}
        favourite = self._probabilities(image[None])[0].argmax()
        self.number = int(rng.choice([number for number in (1, 2) if number != favourite]))

    def _probabilities(self, images: np.ndarray) -> np.ndarray:
        return softmax(linear_scores(images.mean(axis=(1, 2)), self.weights))

    def before(self, number: int) -> float:
        """Return the probability of a class for the uncovered image."""
        return self._probabilities(self.image[None].astype("float64"))[0, number]

    def masks(self, side: int | None = None) -> np.ndarray:
        """Return for each square where it is, ``(squares, height, width, 1)``."""
        masks = np.zeros((self.rows, self.columns, *self.image.shape[:2], 1), bool)
        for row, column in np.ndindex(self.rows, self.columns):
            top, left, side = row * self.size, column * self.size, side or self.size
            masks[row, column, top : top + side, left : left + side] = True
        return masks.reshape(-1, *masks.shape[2:])

    def drops(self, fill=GREY, number: int | None = None, masks=None) -> np.ndarray:
        """Compute what covering each square costs a class."""
        number = self.number if number is None else number
        covered = np.where(self.masks() if masks is None else masks, fill, self.image)
        drops = self.before(number) - self._probabilities(covered)[:, number]
        return drops.reshape(self.rows, self.columns)


def _require_drops(answer, case: _Covering) -> None:
    right = case.drops()
    if np.shape(answer) == right.T.shape and np.allclose(answer, right.T, atol=1e-3):
        detail = "Rows and columns are swapped: the first index is the row."
        raise Mistake(None, detail, score=0.5)
    answer = expect_array(answer, right.shape)
    if np.allclose(answer, right, atol=1e-3):
        return
    raise_if_like(answer, *_wrong_drops(case))
    row, column = worst_place(answer, right)
    detail = f"Covering the square in row {row} and column {column}, counted from 0, should cost"
    detail = f"{detail} {right[row, column]:.3f}; you gave {answer[row, column]:.3f}."
    raise Mistake(None, f"{detail} Each square is covered alone, with grey (127).")


def _wrong_drops(case: _Covering) -> list[tuple[np.ndarray, Mistake]]:
    right, before, masks = case.drops(), case.before(case.number), case.masks()
    fills = {"black (0)": 0, "white (255)": 255, "128": 128, "127.5": 127.5}
    fills["the average colour"] = case.image.mean(axis=(0, 1))
    others = [number for number in range(4) if number != case.number]
    rises = "Where the probability rises, the number is negative"
    described = [
        (-right, 2 / 3, "The sign is wrong: a drop of the probability is positive."),
        (before - right, 0.5, "These are the probabilities themselves; return the drops."),
        (right / before, 0.5, "These are relative; subtract without dividing."),
        (np.abs(right), 0.5, f"The sign is lost. {rises}."),
        (np.maximum(right, 0), 0.5, f"{rises}, not 0."),
        (right.T.reshape(right.shape), 0.5, "The squares are in the wrong order: go row by row."),
        (case.drops(masks=~masks), 1 / 3, "All but the square is covered; cover it alone."),
        (
            case.drops(masks=case.masks(case.size - 1)),
            1 / 3,
            "The squares are covered up to their last row and column.",
        ),
        *(
            (case.drops(fill), 2 / 3, f"The squares are covered with {name}; use grey (127).")
            for name, fill in fills.items()
        ),
        *(
            (case.drops(number=number), 1 / 3, "This is the drop of another class.")
            for number in others
        ),
    ]
    piled = case.drops(masks=np.logical_or.accumulate(masks))
    return [
        (piled, Mistake("covers-pile-up", score=1 / 3)),
        *((values, Mistake(None, words, score)) for values, score, words in described),
    ]


@check()
def grad_cam_by_hand(function, rng) -> str:
    """Check ``function(maps, gradients)``: Grad-CAM's heat map, its largest value 1.

    Right is the map to 0.006 in five cases, and zeros in three where nothing is evidence for the
    class.
    """

    def compare(maps, gradients):
        _require_heat(ask(function, maps, gradients), maps, gradients)

    def compare_nothing(maps, gradients):
        # Every value of the maps is evidence against the class
        _require_nothing(ask(function, maps, -np.abs(gradients)), maps)

    comparisons = [compare] * 5 + [compare_nothing] * 3
    cases = [functools.partial(way, *_maps_and_gradients(rng)) for way in comparisons]
    require_all(*cases, rng=rng)
    return "One weight per channel, the weighted sum, and its positive part."


def _maps_and_gradients(rng) -> tuple[np.ndarray, np.ndarray]:
    """Draw maps as after a ReLU, and gradients for which every other heat map is another."""
    while True:
        rows, columns, channels = (int(n) for n in rng.permutation(np.arange(4, 10))[:3])
        maps = np.maximum(rng.normal(0, 1, (rows, columns, channels)), 0)
        gradients = rng.normal(0, 1, maps.shape) + rng.normal(0, 1, channels)
        heat = maps @ gradients.mean(axis=(0, 1))
        if heat.min() > -0.5 or heat.max() < 0.5 or not maps.sum(axis=-1).all():
            continue
        right = np.maximum(heat, 0) / heat.max()
        wrong = [values for values, _ in _wrong_heats(maps, gradients)]
        if min(np.abs(values - right).max() for values in wrong) > 0.05:
            return maps, gradients


def _require_heat(answer, maps: np.ndarray, gradients: np.ndarray) -> None:
    answer = expect_array(answer, maps.shape[:2])
    heat = maps @ gradients.mean(axis=(0, 1))
    right = np.maximum(heat, 0) / heat.max()
    if np.allclose(answer, right, atol=0.006):
        return
    if answer.max() > 0 and np.allclose(answer / answer.max(), right, atol=0.006):
        detail = "The heat map is right except for its scale: divide by its largest value."
        raise Mistake(None, detail, score=2 / 3)
    raise_if_like(answer, *_wrong_heats(maps, gradients), atol=0.006)
    row, column = worst_place(answer, right)
    place = f"In row {row} and column {column}, counted from 0, the map should be"
    place = f"{place} {right[row, column]:.3f}; you gave {answer[row, column]:.3f}."
    raise Mistake(None, f"{place} Average the gradients of each channel first.")


def _wrong_heats(maps: np.ndarray, gradients: np.ndarray) -> list[tuple[np.ndarray, Mistake]]:
    weights = gradients.mean(axis=(0, 1))
    heat = maps @ weights
    above = heat - heat.min()
    no_relu = Mistake("relu-missing", score=1 / 3)
    maps_named = {
        "gradients-not-averaged": (maps * gradients).sum(axis=-1),
        "relu-per-channel": np.maximum(maps * weights, 0).sum(axis=-1),
    }
    described = {
        "The weights lost their sign: evidence against the class counts too.": maps
        @ np.abs(weights),
        "Negative values of the sum became positive; they should be zero.": np.abs(heat),
        "The gradients play no part: they weight the channels.": maps.sum(axis=-1),
        "Maps and gradients are swapped: the gradients are averaged.": gradients
        @ maps.mean(axis=(0, 1)),
        "The largest gradient is used; average it over the map.": maps @ gradients.max(axis=(0, 1)),
    }
    return [
        *((heat / scale, no_relu) for scale in (heat.max(), np.abs(heat).max(), 1)),
        (above / above.max(), no_relu),
        *((_positive(wrong), Mistake(name, score=1 / 3)) for name, wrong in maps_named.items()),
        *((_positive(wrong), Mistake(None, name, 1 / 3)) for name, wrong in described.items()),
    ]


def _positive(heat: np.ndarray) -> np.ndarray:
    return np.maximum(heat, 0) / max(heat.max(), 1e-9)


def _require_nothing(answer, maps: np.ndarray) -> None:
    detail = "Where nothing is evidence for the class, the map should be zero"
    if np.shape(answer) == maps.shape[:2] and np.isnan(np.asarray(answer, "float64")).any():
        raise Mistake(None, f"{detail}; dividing zero by zero gives NaN.", score=2 / 3)
    if np.abs(expect_array(answer, maps.shape[:2])).max() > 1e-6:
        raise Mistake(None, f"{detail}.", score=2 / 3)


@check()
def channel_chosen_in_training(function, rng) -> str:
    """Check ``function(train, valid)``: the best training channel, and its score on validation.

    Right are the channel that orders the largest fraction of pairs (a cat, a dog) correctly in
    training, and its fraction on the validation images (to 0.005) for the animal that it prefers
    in training. On the validation images it may prefer the other one.
    """
    cases = [(sign, flips) for sign in (-1, 1) for flips in (False, True)]
    require_all(
        *(functools.partial(_require_channel, function, rng, *case) for case in cases), rng=rng
    )
    return "Chosen on the training images, judged on the others."


def _require_channel(function, rng, sign: int, flips: bool) -> None:
    train, valid, facts = _two_tables(rng, sign, flips)
    channel, score = expect_pair(ask(function, train, valid))
    case = f"You gave channel {channel:g} and {score:.3f}."
    best, right = facts["best"], facts["right"]
    if channel == facts["on_valid"]:
        raise Mistake("chosen-on-validation", case)
    if channel == best + 1:
        raise Mistake(None, f"Channels are counted from 0. {case}", score=1 / 3)
    if channel == facts["one_animal"]:
        animal = "cats" if sign < 0 else "dogs"
        detail = f"A channel that prefers {animal} is just as good. {case}"
        raise Mistake(None, detail, score=1 / 3)
    if channel != best:
        raise Mistake(None, _another_channel(channel, facts, case))
    if np.isclose(score, right, rtol=0, atol=0.0051):
        return
    if np.isclose(score, 1 - right, atol=0.0051):
        if flips and sign > 0:  # for sign < 0 the learner may have used the share as it is
            detail = f"It is right in {right:.3f} of the pairs: the training images tell for which"
            detail = f"{detail} animal it stands, even where that gives less than half. {case}"
            raise Mistake("chosen-on-validation", detail, score=1 / 3)
        detail = f"The channel is right; the score is that of the other animal. {case}"
        raise Mistake(None, detail, score=2 / 3)
    if any(np.isclose(score, [x, 1 - x], atol=0.0051).any() for x in facts["elsewhere"]):
        raise Mistake("judged-where-chosen", case, score=1 / 3)
    raise Mistake(
        None, f"The channel is right; its score should be {right:.3f}. {case}", score=1 / 3
    )


def _another_channel(channel: float, facts: dict, case: str) -> str:
    shares, best = facts["train"], facts["best"]
    if channel not in range(len(shares)):
        return f"There are channels 0 to {len(shares) - 1}. {case}"
    mine, most = (max(shares[int(c)], 1 - shares[int(c)]) for c in (channel, best))
    detail = f"Another channel is better on the training images: it is right in {most:.3f} of the"
    return f"{detail} pairs, yours in {mine:.3f}. {case}"


def _two_tables(rng, sign: int, flips: bool) -> tuple:
    """Draw codes whose best channel differs on training, on validation, and for one animal alone.

    `sign` says which animal the best channel prefers in training. If it `flips`, it prefers the
    other one on the validation images.
    """
    while True:
        channels = int(rng.integers(12, 20))
        best, on_valid, other, second, far_off = rng.permutation(channels)[:5].tolist()
        turned = rng.choice([-1, 1])
        strengths = (
            {best: 1.7 * sign, second: 1.3 * sign, on_valid: turned, other: -1.2 * sign},
            {best: (-0.4 if flips else 0.8) * sign, on_valid: 2.8 * turned, other: -0.5 * sign},
        )
        (codes, labels), valid = (_table(rng, channels, strength) for strength in strengths)
        # Outliers change means and correlations, but hardly the order of pairs
        codes[labels == 0, best] += sign * 20 * (rng.permutation((labels == 0).sum()) < 2)
        codes[labels == 1, far_off] += 60 * (rng.permutation((labels == 1).sum()) < 2)
        train = codes, labels
        both = tuple(np.concatenate(parts) for parts in zip(train, valid, strict=True))
        shares = [_shares(*table) for table in (train, valid, both)]
        facts = _facts(shares, best, on_valid, sign)
        if _is_clear(train, shares, facts) and (facts["right"] < 0.5) == flips:
            return train, valid, facts


def _table(rng, channels: int, strengths: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    cats = int(rng.integers(36, 45))
    labels = rng.permutation(np.repeat([0, 1], [cats, 80 - cats]))
    codes = rng.normal(0, 1, (80, channels))
    for channel, strength in strengths.items():
        codes[:, channel] += strength * labels
    return codes, labels


def _facts(shares: list[np.ndarray], best: int, on_valid: int, sign: int) -> dict:
    train, valid, both = shares
    return {
        "best": best,
        "on_valid": on_valid,
        "one_animal": int((train * -sign).argmax()),
        "train": train,
        "right": valid[best] if sign > 0 else 1 - valid[best],
        "elsewhere": (train[best], both[best]),
    }


def _is_clear(train, shares: list[np.ndarray], facts: dict) -> bool:
    """Whether every other way to choose or to judge gives another channel or score."""
    codes, labels = train
    best = facts["best"]
    in_training, on_valid, on_both = (np.abs(share - 0.5) for share in shares)
    apart = np.delete(in_training, best).max() < in_training[best] - 0.03
    means = codes[labels == 1].mean(axis=0) - codes[labels == 0].mean(axis=0)
    correlation = means / codes.std(axis=0)
    named = {best, best + 1, facts["on_valid"], facts["one_animal"]}
    scores = np.array([1 - facts["right"], *facts["elsewhere"], 0.5])
    return bool(
        apart
        and {on_valid.argmax(), on_both.argmax()} == {facts["on_valid"]}
        and len(named) == 4
        and named.isdisjoint([np.abs(means).argmax(), np.abs(correlation).argmax()])
        and np.abs(np.concatenate([scores, 1 - scores[1:]]) - facts["right"]).min() > 0.02
    )


def _shares(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for each channel the fraction of pairs in which the dog, 1, has the larger value."""
    cats, dogs = codes[labels == 0], codes[labels == 1]
    return (dogs[:, None] > cats[None]).mean(axis=(0, 1))
