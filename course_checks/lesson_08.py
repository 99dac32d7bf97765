"""Checks of exercise 8: what backbones cost, and the blocks they are built of."""

import numpy as np

from course_checks.expectations import expect_array, expect_number, expect_pair, require_all
from course_checks.protocol import ask
from course_checks.reference_network import softmax
from course_checks.verdict import Mistake, check

__all__ = ["convolution_costs", "distillation", "residual_block", "separable_convolution"]


@check()
def convolution_costs(function, rng) -> str:
    """Check ``function(size, kernel, channels, filters, stride)``: parameters, multiply-adds.

    The maps are square and padded, so a stride of 2 halves them; each filter has a bias.
    """

    def compare(stride: int):
        kernel = int(rng.choice([3, 5]))
        size, channels, filters = (int(n) for n in rng.choice([8, 12, 20, 28, 36], 3, False))
        answer = expect_pair(ask(function, size, kernel, channels, filters, stride))
        case = (
            f"For maps of {size} x {size} x {channels}, {filters} kernels of {kernel} x {kernel} "
            f"and stride {stride} you gave {answer}."
        )
        numbers = kernel * kernel * channels * filters
        _require_costs(answer, numbers, filters, size // stride, stride, case)

    require_all(lambda: compare(1), lambda: compare(2))
    return "A few weights can be a lot of work: each is used at every position of the output."


def _require_costs(answer, numbers: int, filters: int, side: int, stride: int, case: str) -> None:
    right = [numbers + filters, numbers * side**2]
    if answer == right:
        return
    if answer == right[::-1]:
        raise Mistake("costs-swapped", case, score=0.5)
    if answer == [numbers, right[1]]:
        raise Mistake("biases-forgotten", case, score=0.5)
    if stride > 1 and answer[1] == numbers * (side * stride) ** 2:
        raise Mistake("places-of-the-input", case, score=0.5 * (answer[0] == right[0]))
    if answer[1] in (numbers, numbers + filters):
        raise Mistake("places-forgotten", case, score=0.5 * (answer[0] == right[0]))
    half = answer[0] == right[0] or answer[1] == right[1]
    which = "Only the parameters are" if answer[0] == right[0] else "Only the multiply-adds are"
    detail = (
        f"{which} right."
        if half
        else "Which inputs and weights make up one output value? Start from there."
    )
    raise Mistake(None, f"{detail} {case}", score=0.5 * half)


@check()
def separable_convolution(function, rng) -> str:
    """Check ``function(maps, depthwise_kernel, pointwise_kernel)``, padded, stride 2.

    Height and width are odd, because only then Keras pads both sides alike.
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
    if _same(answer, mixed(each)):
        return
    summed = each.sum(axis=-1, keepdims=True)
    if _same(answer, mixed(np.repeat(summed, maps.shape[-1], -1))):
        raise Mistake("depthwise-mixes", score=1 / 3)
    if _same(answer, mixed(_depthwise(maps, kernel[::-1, ::-1]))):
        detail = "The kernel is flipped. Convolutions in networks do not flip it."
        raise Mistake(None, detail, score=2 / 3)
    if _same(answer, mixed(_depthwise(maps, kernel.swapaxes(0, 1)))):
        raise Mistake(None, "Height and width of the kernel are swapped.", score=2 / 3)
    if _same(answer, mixed(maps)):
        raise Mistake(
            None, "Only the pointwise step is there; the 3x3 step is missing.", score=1 / 3
        )
    if _same(answer, _depthwise(maps[:, ::2, ::2], kernel) @ mixing):
        detail = "Apply the kernel to the full maps, then keep every second position."
        raise Mistake(None, detail, score=1 / 3)
    if _same(answer[:, 1:-1, 1:-1], mixed(each)[:, 1:-1, 1:-1]):
        detail = "It is right inside but not at the border: pad the maps with zeros."
        raise Mistake(None, detail, score=2 / 3)
    raise Mistake(None, "The shape is right, the numbers are not.")


def _depthwise(maps: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve each channel of ``(n, height, width, channels)`` with its own 3x3 kernel."""
    padded = np.pad(maps.astype("float64"), ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("nyxchw,hwc->nyxc", windows, kernel)


@check()
def residual_block(function, rng) -> str:
    """Check ``function(maps, first, second)``: relu(maps + second(relu(first(maps))))."""
    height, width, channels, middle = (int(n) for n in rng.permutation([5, 6, 7, 8]))
    maps = rng.normal(0, 1, (2, height, width, channels)).astype("float32")
    first = rng.normal(0, 0.4, (3, 3, channels, middle)).astype("float32")
    second = rng.normal(0, 0.4, (3, 3, middle, channels)).astype("float32")
    answer = expect_array(ask(function, maps, first, second), maps.shape)
    inside = _relu(_convolve(maps, first))
    change = _convolve(inside, second)
    if _same(answer, _relu(maps + change)):
        return (
            "The input is added before the last ReLU, so a block with zero weights changes nothing."
        )
    if _same(answer, _relu(change)) or _same(answer, change):
        raise Mistake("skip-forgotten", score=1 / 3)
    if _same(answer, maps + _relu(change)):
        raise Mistake("skip-after-activation", score=2 / 3)
    if _same(answer, maps + change):
        raise Mistake(None, "The ReLU after the addition is missing.", score=2 / 3)
    linear = _convolve(_convolve(maps, first), second)
    if _same(answer, _relu(maps + linear)):
        detail = (
            "The ReLU between the convolutions is missing: without it, they act as a single one."
        )
        raise Mistake(None, detail, score=2 / 3)
    raise Mistake(None, "The shape is right, the numbers are not.")


def _convolve(maps: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    padded = np.pad(maps.astype("float64"), ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("nyxchw,hwco->nyxo", windows, kernel, optimize=True)


@check()
def distillation(function, rng) -> str:
    """Check ``function(teacher, student, temperature)``: the loss on logits ``(n, classes)``."""

    def compare(temperature: float):
        n, classes = int(rng.integers(5, 9)), int(rng.integers(3, 6))
        teacher, student = rng.normal(0, 3, (2, n, classes))
        answer = expect_number(ask(function, teacher, student, temperature))
        _require_distillation(answer, teacher, student, temperature)

    require_all(lambda: compare(2.0), lambda: compare(float(rng.uniform(3, 6))))
    return "The student learns the teacher's probability of every class, not only which one wins."


def _require_distillation(answer: float, teacher, student, temperature: float) -> None:
    def cross_entropy(targets, logits):
        return -(targets * np.log(softmax(logits))).sum(axis=1).mean()

    soft, square = softmax(teacher / temperature), temperature**2
    right = square * cross_entropy(soft, student / temperature)
    if np.isclose(answer, right, rtol=1e-3):
        return
    case = f"At temperature {temperature:g} you gave {answer:.4f}."
    winner = np.eye(teacher.shape[1])[teacher.argmax(axis=1)]
    softened = student / temperature
    swapped = cross_entropy(softmax(softened), teacher / temperature)
    wrong = (
        (right / square, "temperature-not-made-up-for", 2 / 3),
        (right / temperature, "temperature-not-made-up-for", 2 / 3),
        (square * cross_entropy(softmax(teacher), softened), "one-temperature", 1 / 3),
        (square * cross_entropy(soft, student), "one-temperature", 1 / 3),
        (cross_entropy(softmax(teacher), student), "one-temperature", 1 / 3),
        (square * swapped, "teacher-and-student-swapped", 1 / 3),
        (square * cross_entropy(winner, softened), "hard-answers", 1 / 3),
        (cross_entropy(winner, student), "hard-answers", 1 / 3),
    )
    for number, misconception, score in wrong:
        if np.isclose(answer, number, rtol=1e-3):
            raise Mistake(misconception, case, score=score)
    if np.isclose(answer, right * len(teacher), rtol=1e-3):
        raise Mistake(None, f"Take the mean over the images, not the sum. {case}", score=2 / 3)
    raise Mistake(None, f"{case} Soften both, then take the mean cross-entropy.")


def _relu(maps: np.ndarray) -> np.ndarray:
    return np.maximum(maps, 0)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-3, atol=1e-3)
