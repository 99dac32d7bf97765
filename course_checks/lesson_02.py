"""Checks of exercise 2: what the layers learn."""

import numpy as np

from course_checks.expectations import expect_array, expect_pair, require_all
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
    """Check ``function(layers)``: (size of the field, stride) after layers (kernel, step)."""
    for _ in range(3):
        kernels = [3, *(int(kernel) for kernel in rng.choice([3, 5, 7], 3))]
        convolutions = [(kernel, 1) for kernel in kernels]
        layers = [*convolutions[:2], (2, 2), convolutions[2], (3, 2), convolutions[3]]
        answer = expect_pair(ask(function, layers))
        size, stride = right = _field(layers)
        case = f"For {layers} you gave {answer[0]:g} and {answer[1]:g}"
        if answer == right:
            continue
        if answer == right[::-1]:
            raise Mistake("heads-swapped", f"{case}. The size comes first.", score=0.5)
        if answer[0] == 1 + sum(kernel - 1 for kernel, _ in layers):
            raise Mistake("strides-forgotten", f"{case}; the field has {size} pixels.")
        if answer[0] == _field_stepping_first(layers):
            raise Mistake("step-too-early", f"{case}; the field has {size} pixels.", score=0.5)
        if answer[0] == size:
            detail = f"{case}. The size is right; neighbouring values are {stride} pixels apart."
            raise Mistake(None, detail, score=0.5)
        raise Mistake(None, f"{case}; it should be {size} and {stride}.")
    return "Each stride makes all later receptive fields grow faster."


def _field(layers: list[tuple[int, int]]) -> list[int]:
    size, stride = 1, 1
    for kernel, step in layers:
        size, stride = size + (kernel - 1) * stride, stride * step
    return [size, stride]


def _field_stepping_first(layers: list[tuple[int, int]]) -> int:
    size, stride = 1, 1
    for kernel, step in layers:
        stride *= step
        size += (kernel - 1) * stride
    return size


@check()
def covering_squares(function, rng) -> str:
    """Check ``function(model, image, number, size)``: the drop of a class's probability.

    The model is a softmax on the average colour, so NumPy can compute the right answer.
    """
    for size in rng.permutation([2, 3, 4])[:2]:
        rows, columns = (int(number) for number in rng.permutation([2, 3, 4, 5])[:2])
        image, number, weights = _coloured_squares(rng, rows, columns, int(size))
        model = ModelSpec("linear", {**weights, "pooled": False})
        given = ModelSpec("read_only", {"array": image})
        answer = ask(function, model, given, number, int(size))
        expected = _drops(image, number, int(size), weights)
        if np.shape(answer) == (columns, rows) and np.allclose(answer, expected.T, atol=1e-3):
            detail = "Rows and columns are swapped: the first index is the row."
            raise Mistake(None, detail, score=0.5)
        answer = expect_array(answer, (rows, columns))
        if not np.allclose(answer, expected, atol=1e-3):
            _name_wrong_drop(answer, expected, image, number, int(size), weights)
    return "Where the drop is large, the answer relies on that square; it can also be negative."


def _coloured_squares(rng, rows: int, columns: int, size: int) -> tuple:
    """Draw an image of clearly different squares, and a network that classifies colours."""
    colours = rng.uniform(0, 255, (rows, columns, 3))
    image = np.repeat(np.repeat(colours, size, axis=0), size, axis=1)
    image = np.clip(image + rng.normal(0, 5, image.shape), 0, 255).astype("float32")
    average = image.mean(axis=(0, 1))
    kernel = rng.choice([-1, 1], (3, 4)) * rng.uniform(0.05, 0.1, (3, 4))
    # These biases make all classes about equally probable for the uncovered image
    bias = rng.normal(0, 0.3, 4) - average @ kernel
    return image, int(rng.integers(4)), {"kernel": kernel, "bias": bias}


def _probability(images: np.ndarray, number: int, weights: dict) -> np.ndarray:
    return softmax(linear_scores(images.mean(axis=(1, 2)), weights))[:, number]


def _drops(image, number, size, weights, pile_up: bool = False, fill: float = GREY):
    """Compute what covering each square costs; with `pile_up`, squares stay covered."""
    rows, columns = image.shape[0] // size, image.shape[1] // size
    covered, images = image.astype("float64"), []
    for row in range(rows):
        for column in range(columns):
            if not pile_up:
                covered = image.astype("float64")
            places = np.s_[row * size : (row + 1) * size, column * size : (column + 1) * size]
            covered[places] = fill
            images.append(covered.copy())
    before = _probability(image[None], number, weights)
    drops = before - _probability(np.array(images), number, weights)
    return drops.reshape(rows, columns)


def _name_wrong_drop(answer, expected, image, number, size, weights) -> None:
    before = _probability(image[None], number, weights)[0]
    if np.allclose(answer, -expected, atol=1e-3):
        detail = "The sign is wrong: where the probability drops, the number should be positive."
        raise Mistake(None, detail, score=2 / 3)
    if np.allclose(answer, before - expected, atol=1e-3):
        detail = "These are the probabilities themselves; return how much they drop."
        raise Mistake(None, detail, score=0.5)
    piled = _drops(image, number, size, weights, pile_up=True)
    if np.allclose(answer, piled, atol=1e-3):
        raise Mistake("covers-pile-up", score=1 / 3)
    if np.allclose(answer, _drops(image, number, size, weights, fill=0), atol=1e-3):
        detail = "The squares are covered with black (0); use grey (127)."
        raise Mistake(None, detail, score=2 / 3)
    detail = f"Covering the first square should cost {expected[0, 0]:.3f}"
    raise Mistake(None, f"{detail}; you gave {answer[0, 0]:.3f}.")


@check()
def grad_cam_by_hand(function, rng) -> str:
    """Check ``function(maps, gradients)``: Grad-CAM's heat map, its largest value 1."""

    def compare(maps, gradients):
        answer = ask(function, maps, gradients)
        _require_heat(answer, maps, gradients)

    maps, gradients = _maps_and_gradients(rng)
    against = -np.abs(gradients)  # every value of the maps is evidence against the class
    require_all(lambda: compare(maps, gradients), lambda: _require_nothing(function, maps, against))
    return "One weight per channel, the weighted sum, and its positive part."


def _maps_and_gradients(rng) -> tuple[np.ndarray, np.ndarray]:
    """Draw maps as after a ReLU, and gradients that give the weighted sum both signs."""
    while True:
        rows, columns, channels = (int(n) for n in rng.permutation(np.arange(4, 10))[:3])
        maps = np.maximum(rng.normal(0, 1, (rows, columns, channels)), 0)
        gradients = rng.normal(0, 1, maps.shape) + rng.normal(0, 1, channels)
        heat = maps @ gradients.mean(axis=(0, 1))
        if heat.min() < -0.5 and heat.max() > 0.5:
            return maps, gradients


def _require_heat(answer, maps: np.ndarray, gradients: np.ndarray) -> None:
    answer = expect_array(answer, maps.shape[:2])
    heat = maps @ gradients.mean(axis=(0, 1))
    if np.allclose(answer, np.maximum(heat, 0) / heat.max(), atol=1e-3):
        return
    if np.allclose(answer, np.maximum(heat, 0), atol=1e-3):
        detail = "The heat map is right except for its scale: divide by its largest value."
        raise Mistake(None, detail, score=2 / 3)
    largest = np.abs(heat).max()
    if any(np.allclose(answer, heat / scale, atol=1e-3) for scale in (heat.max(), largest, 1)):
        raise Mistake("relu-missing", score=1 / 3)
    local = np.maximum((maps * gradients).sum(axis=-1), 0)
    early = np.maximum(maps * gradients.mean(axis=(0, 1)), 0).sum(axis=-1)
    for wrong, name in ((local, "gradients-not-averaged"), (early, "relu-per-channel")):
        if np.allclose(answer, wrong / wrong.max(), atol=1e-3):
            raise Mistake(name, score=1 / 3)
    raise Mistake(None, "This is a different map. Average the gradients of each channel first.")


def _require_nothing(function, maps: np.ndarray, against: np.ndarray) -> None:
    answer = np.asarray(ask(function, maps, against), "float64")
    if answer.shape == maps.shape[:2] and np.isfinite(answer).all() and not answer.any():
        return
    detail = "Where nothing is evidence for the class, the map should be zero"
    if answer.shape == maps.shape[:2] and np.isnan(answer).any():
        detail = f"{detail}; dividing zero by zero gives NaN"
    raise Mistake(None, f"{detail}.", score=2 / 3)


@check()
def channel_chosen_in_training(function, rng) -> str:
    """Check ``function(train, valid)``: the best training channel, and its score on validation."""
    for sign in rng.permutation([-1, 1]):
        train, valid, facts = _two_tables(rng, sign)
        answer = expect_pair(ask(function, train, valid))
        channel, share = facts["channel"], facts["valid"][facts["channel"]]
        case = f"You gave channel {answer[0]:g} and {answer[1]:.3f}."
        if answer[0] == facts["best_on_valid"]:
            raise Mistake("chosen-on-validation", case)
        if answer[0] == facts["only_dogs"]:
            detail = f"A channel that prefers cats is just as good. {case}"
            raise Mistake(None, detail, score=1 / 3)
        if answer[0] != channel:
            raise Mistake(None, f"Another channel is better on the training images. {case}")
        right = share if sign > 0 else 1 - share
        if np.isclose(answer[1], right, atol=1e-3):
            continue
        if np.isclose(answer[1], 1 - right, atol=1e-3):
            detail = f"The channel is right; the score is that of the other animal. {case}"
            raise Mistake(None, detail, score=2 / 3)
        on_train = facts["train"][channel]
        if np.isclose(max(answer[1], 1 - answer[1]), max(on_train, 1 - on_train), atol=1e-3):
            raise Mistake("judged-where-chosen", case, score=1 / 3)
        raise Mistake(None, f"The channel is right; its score should be {right:.3f}. {case}")
    return "Chosen on the training images, judged on the others."


def _two_tables(rng, sign: int) -> tuple:
    """Draw codes whose best channel differs on training, on validation, and for dogs alone.

    `sign` says which animal the best channel in training prefers.
    """
    channels = int(rng.integers(12, 20))
    best, on_valid, other = (int(n) for n in rng.permutation(channels)[:3])
    while True:
        tables, shares = [], []
        for strengths in (
            {best: 1.5 * sign, other: -sign},
            {best: sign, on_valid: 2.2, other: -0.5},
        ):
            labels = rng.permutation(np.repeat([0, 1], 40))
            codes = rng.normal(0, 1, (80, channels))
            for channel, strength in strengths.items():
                codes[:, channel] += strength * labels
            tables.append([codes, labels])
            shares.append(_shares(codes, labels))
        far = [np.abs(share - 0.5) for share in shares]
        facts = {"channel": best, "train": shares[0], "valid": shares[1], "best_on_valid": on_valid}
        facts["only_dogs"] = int(shares[0].argmax()) if sign < 0 else None
        clear = far[0][best] > far[0][other] + 0.03 and far[1].argmax() == on_valid
        if clear and far[0].argmax() == best and abs(shares[0][best] - shares[1][best]) > 0.02:
            return *tables, facts


def _shares(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for each channel the fraction of pairs in which the dog, 1, has the larger value."""
    cats, dogs = codes[labels == 0], codes[labels == 1]
    return (dogs[:, None] > cats[None]).mean(axis=(0, 1))
