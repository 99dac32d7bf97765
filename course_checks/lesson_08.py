"""Checks of exercise 8: what backbones cost, and the blocks they are built of."""

import numpy as np

from course_checks.expectations import (
    expect_array,
    expect_number,
    expect_pair,
    require_all,
    worst_place,
)
from course_checks.protocol import ask
from course_checks.reference_network import softmax
from course_checks.verdict import Mistake, check

__all__ = ["convolution_costs", "distillation", "residual_block", "separable_convolution"]


@check()
def convolution_costs(function, rng) -> str:
    """Check ``function(size, kernel, channels, filters, stride)``: parameters, multiply-adds.

    The maps are square and padded, so a stride of 2 halves them; each filter has a bias. A right
    answer is both numbers, exactly; each is worth half of the points.
    """

    def compare(stride: int):
        kernel = int(rng.choice([3, 5]))
        size, channels, filters = (int(n) for n in rng.choice([8, 12, 20, 28, 36], 3, False))
        answer = expect_pair(ask(function, size, kernel, channels, filters, stride))
        case = (
            f"For maps of {size} x {size} x {channels}, {filters} kernels of {kernel} x {kernel} "
            f"and stride {stride} you gave {answer}."
        )
        _require_costs(answer, (size, kernel, channels, filters, stride), case)

    require_all(lambda: compare(1), lambda: compare(2), rng=rng)
    return "A few weights can be a lot of work: each is used at every position of the output."


def _require_costs(answer: list, settings: tuple[int, ...], case: str) -> None:
    size, kernel, channels, filters, stride = settings
    numbers, side = kernel * kernel * channels * filters, size // stride
    right = [numbers + filters, numbers * side**2]
    if answer == right:
        return
    if answer == right[::-1]:
        raise Mistake("costs-swapped", case, score=0.5)
    valid = (size - kernel) // stride + 1
    named = (
        (0, numbers, "biases-forgotten", ""),
        (0, numbers + channels, None, "The biases: one for each filter, not for each channel."),
        (0, numbers + 1, None, "The biases: one for each filter, not one alone."),
        (0, numbers // kernel + filters, None, "A kernel has kernel x kernel positions."),
        (0, kernel * kernel * filters + filters, None, "Each filter has a kernel per channel."),
        (1, numbers, "places-forgotten", ""),
        (1, numbers + filters, "places-forgotten", ""),
        (1, numbers * size**2, "places-of-the-input", ""),
        (1, numbers * side, None, "The output has two sides: square the number of positions."),
        (1, (numbers + filters) * side**2, None, "Adding the bias does not count as work."),
        (1, 2 * numbers * side**2, None, "A multiply-add counts once, not twice."),
        (1, numbers * valid**2, None, "The maps are padded: no position is lost at the border."),
    )
    score = 0.5 * (answer[0] == right[0] or answer[1] == right[1])
    for place, wrong, misconception, detail in named:
        if answer[place] == wrong != right[place]:
            raise Mistake(misconception, f"{detail} {case}".strip(), score=score)
    which = "Only the parameters are" if answer[0] == right[0] else "Only the multiply-adds are"
    ask_back = "Which inputs and weights make up one output value? Start from there."
    raise Mistake(None, f"{f'{which} right.' if score else ask_back} {case}", score=score)


@check()
def separable_convolution(function, rng) -> str:
    """Check ``function(maps, depthwise_kernel, pointwise_kernel)``, padded, stride 2.

    A right answer is each number of the new maps, within rounding of float32. Height and width are
    odd, because only then Keras pads both sides alike.
    """
    height, width = (int(n) for n in rng.permutation([5, 7, 9])[:2])
    channels, filters = (int(n) for n in rng.permutation([4, 6, 8])[:2])
    maps = rng.normal(0, 1, (2, height, width, channels)).astype("float32")
    kernel = rng.normal(0, 0.5, (3, 3, channels)).astype("float32")
    mixing = rng.normal(0, 0.5, (channels, filters)).astype("float32")
    answer = ask(function, maps, kernel, mixing)
    _require_stride(answer, _depthwise(maps, kernel) @ mixing)
    shape = (2, (height + 1) // 2, (width + 1) // 2, filters)
    _require_separable(expect_array(answer, shape), maps, kernel, mixing)
    return (
        "Filter each channel on its own, then mix them: two cheap steps replace an expensive one."
    )


def _require_stride(answer, everywhere: np.ndarray) -> None:
    """Name an answer that is right except for its stride."""
    given = answer if isinstance(answer, np.ndarray) else np.zeros(())
    if _same(given, everywhere):
        detail = "This is right for a stride of 1. Take every second position."
        raise Mistake(None, detail, score=2 / 3)
    if _same(given, everywhere[:, 1::2, 1::2]):
        raise Mistake(None, "These are positions 1, 3, 5, ...; start at 0.", score=2 / 3)


def _require_separable(answer: np.ndarray, maps, kernel, mixing) -> None:
    def mixed(each):
        return each[:, ::2, ::2] @ mixing

    each = _depthwise(maps, kernel)
    summed = np.repeat(each.sum(axis=-1, keepdims=True), maps.shape[-1], -1)
    flipped, turned = _depthwise(maps, kernel[::-1, ::-1]), _depthwise(maps, kernel.swapaxes(0, 1))
    wrong = (
        (mixed(summed), "depthwise-mixes", "", 1 / 3),
        (mixed(flipped), None, "The kernel is flipped; networks do not flip it.", 2 / 3),
        (mixed(turned), None, "Height and width of the kernel are swapped.", 2 / 3),
        (mixed(maps), None, "Only the pointwise step is there; the 3x3 step is missing.", 1 / 3),
        (mixed(_relu(each)), None, _NO_ACTIVATION, 2 / 3),
        (_relu(mixed(each)), None, _NO_ACTIVATION, 2 / 3),
        (_depthwise(maps[:, ::2, ::2], kernel) @ mixing, None, _FULL_MAPS, 1 / 3),
        (_shifted(maps, kernel, 0) @ mixing, None, _BOTH_SIDES, 2 / 3),
        (_shifted(maps, kernel, 2) @ mixing, None, _BOTH_SIDES, 2 / 3),
    )
    _require_maps(answer, mixed(each), wrong)


_NO_ACTIVATION = "There is a ReLU; no activation was asked for."
_FULL_MAPS = "Apply the kernel to the full maps, then keep every second position."
_BOTH_SIDES = "The zeros are on one side only: pad one on each side, in height and in width."


def _require_maps(answer: np.ndarray, right: np.ndarray, wrong: tuple) -> None:
    """Require these maps, or name the wrong ones among (maps, misconception, detail, score)."""
    if _same(answer, right):
        return
    for maps, misconception, detail, score in wrong:
        if _same(answer, maps):
            raise Mistake(misconception, detail, score=score)
    place = worst_place(answer, right)
    where = "image {}, row {}, column {}, channel {}".format(*place)
    case = f"At {where} you gave {answer[place]:.3f}; it should be {right[place]:.3f}."
    if _same(answer[:, 1:-1, 1:-1], right[:, 1:-1, 1:-1]):
        detail = "It is right inside but not at the border: pad the maps with zeros."
        raise Mistake(None, f"{detail} {case}", score=2 / 3)
    wrong_ones = ~np.isclose(answer, right, rtol=1e-3, atol=1e-3)
    raise Mistake(None, f"{wrong_ones.mean():.0%} of the numbers are wrong. {case}")


def _depthwise(maps: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve each channel of ``(n, height, width, channels)`` with its own 3x3 kernel."""
    padded = np.pad(maps.astype("float64"), ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("nyxchw,hwc->nyxc", windows, kernel)


def _shifted(maps: np.ndarray, kernel: np.ndarray, before: int) -> np.ndarray:
    """Compute what padding with two zeros on one side gives, at every second position."""
    border = (before, 2 - before)
    padded = np.pad(maps.astype("float64"), ((0, 0), border, border, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("nyxchw,hwc->nyxc", windows[:, ::2, ::2], kernel)


@check()
def residual_block(function, rng) -> str:
    """Check ``function(maps, first, second)``: relu(maps + second(relu(first(maps)))).

    A right answer is each number of the new maps, within rounding of float32. No two dimensions
    are equal.
    """
    height, width, channels, middle = (int(n) for n in rng.permutation([5, 6, 7, 8]))
    maps = rng.normal(0, 1, (2, height, width, channels)).astype("float32")
    first = rng.normal(0, 0.4, (3, 3, channels, middle)).astype("float32")
    second = rng.normal(0, 0.4, (3, 3, middle, channels)).astype("float32")
    answer = expect_array(ask(function, maps, first, second), maps.shape)
    inside, linear = _convolve(maps, first), _convolve(_convolve(maps, first), second)
    change = _convolve(_relu(inside), second)
    before = _convolve(_relu(_convolve(_relu(maps), first)), second)
    wrong = (
        (_relu(change), "skip-forgotten", "", 1 / 3),
        (change, "skip-forgotten", "", 1 / 3),
        (maps + _relu(change), "skip-after-activation", "", 2 / 3),
        (_relu(maps) + _relu(change), "skip-after-activation", "", 2 / 3),
        (maps + change, None, "The ReLU after the addition is missing.", 2 / 3),
        (_relu(maps + linear), None, _RELU_BETWEEN, 2 / 3),
        (maps + linear, None, f"No ReLU after the addition, either. {_RELU_BETWEEN}", 1 / 3),
        (maps + before, None, "The ReLUs come before the convolutions, not after them.", 1 / 3),
        (_relu(maps * change), None, "Add the input; do not multiply by it.", 1 / 3),
        (_relu(change - maps), None, "Add the input; do not subtract it.", 1 / 3),
        (_relu(maps), None, "This is the input after the ReLU, without any convolution.", 0),
        (maps, None, "This is the input, unchanged.", 0),
    )
    _require_maps(answer, _relu(maps + change), wrong)
    return "The input is added before the last ReLU, so a block with zero weights changes nothing."


_RELU_BETWEEN = (
    "The ReLU between the convolutions is missing: without it, they act as a single one."
)


def _convolve(maps: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    padded = np.pad(maps.astype("float64"), ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("nyxchw,hwco->nyxo", windows, kernel, optimize=True)


@check()
def distillation(function, rng) -> str:
    """Check ``function(teacher, student, temperature)``: the loss on logits ``(n, classes)``.

    A right answer is the mean cross-entropy of the softened probabilities times the square of the
    temperature, to two digits after the point. The logits are drawn such that every other reading
    gives another number; so n, classes and powers of the temperature are never nearly equal.
    """

    def compare(low: float, high: float):
        temperature, teacher, student = _draw_logits(rng, low, high)
        answer = expect_number(ask(function, teacher, student, temperature))
        _require_distillation(answer, teacher, student, temperature)

    require_all(lambda: compare(1.5, 3), lambda: compare(3, 6), rng=rng)
    return "The student learns the teacher's probability of every class, not only which one wins."


def _draw_logits(rng, low: float, high: float) -> tuple[float, np.ndarray, np.ndarray]:
    while True:
        temperature = round(float(rng.uniform(low, high)), 1)
        n, classes = int(rng.integers(5, 10)), int(rng.integers(3, 7))
        teacher, student = rng.normal(0, 3, (2, n, classes))
        losses = [loss for loss, *_ in _losses(teacher, student, temperature) if loss > 0]
        if np.diff(np.log(np.sort(losses))).min() > 0.012:
            return temperature, teacher, student


def _losses(teacher, student, temperature: float) -> list[tuple]:
    """Return the right loss and others: value, misconception, what to say, score."""

    def cross_entropy(targets, logits, axis: int = 1):
        return -(targets * np.log(softmax(logits))).sum(axis=1).mean()

    n, classes = teacher.shape
    square, softened = temperature**2, student / temperature
    soft, hard = softmax(teacher / temperature), np.eye(classes)[teacher.argmax(axis=1)]
    loss = cross_entropy(soft, softened)
    right = square * loss
    entropy = cross_entropy(soft, teacher / temperature)
    swapped = cross_entropy(softmax(softened), teacher / temperature)
    along_images = -(softmax(teacher.T / temperature) * np.log(softmax(softened.T))).sum(axis=0)
    forgotten, one = "temperature-not-made-up-for", "one-temperature"
    mean = "Add up over the classes, then take the mean over the images."
    return [
        (right, None, "", 1),
        (loss, forgotten, "", 2 / 3),
        (temperature * loss, None, "You multiplied by T; multiply by its square.", 2 / 3),
        (loss / square, None, "You divided by T²; multiply by it.", 2 / 3),
        (square * cross_entropy(softmax(teacher), softened), one, _TEACHER, 1 / 3),
        (square * cross_entropy(soft, student), one, _STUDENT, 1 / 3),
        (cross_entropy(softmax(teacher), student), one, "It divides neither.", 1 / 3),
        (square * swapped, "teacher-and-student-swapped", "", 1 / 3),
        (square * cross_entropy(hard, softened), "hard-answers", "", 1 / 3),
        (cross_entropy(hard, student), "hard-answers", "", 1 / 3),
        (square * (loss - entropy), None, _DIVERGENCE, 2 / 3),
        (right * n, None, f"{mean} This is the sum over the images.", 2 / 3),
        (loss * n, None, f"{mean} This is their sum, and T² is missing.", 1 / 3),
        (right / classes, None, f"{mean} You took the mean over the classes, too.", 2 / 3),
        (loss / classes, None, f"{mean} You took the mean over all, and T² is missing.", 1 / 3),
        (-right, None, "The sign is missing: minus the sum of target times logarithm.", 2 / 3),
        (right / np.log(2), None, "Take the natural logarithm.", 2 / 3),
        (right / np.log(10), None, "Take the natural logarithm.", 2 / 3),
        (square * along_images.mean(), None, "The softmax goes along the classes, axis 1.", 1 / 3),
    ]


_TEACHER = "Here it does not divide the teacher's."
_STUDENT = "Here it does not divide the student's."
_DIVERGENCE = (
    "This is the Kullback-Leibler divergence: the cross-entropy less the teacher's own entropy. It "
    "has the same gradient, but the cross-entropy was asked for."
)


def _require_distillation(answer: float, teacher, student, temperature: float) -> None:
    case = f"At temperature {temperature:g} you gave {answer:.4f}"
    losses = _losses(teacher, student, temperature)
    for loss, misconception, detail, score in losses:
        if np.isclose(answer, loss, rtol=0.003, atol=0):  # rounded is right, too
            if score == 1:
                return
            raise Mistake(misconception, f"{detail} {case}.".strip(), score=score)
    detail = "Soften both, take the cross-entropy of each image, their mean, and multiply by T²."
    raise Mistake(None, f"{case}; it should be {losses[0][0]:.4f}. {detail}")


def _relu(maps: np.ndarray) -> np.ndarray:
    return np.maximum(maps, 0)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-3, atol=1e-3)
