"""Wrong answers to exercise 8, and what they deserve."""

from exercises.submissions import Answer

_COSTS = """
def costs(size, kernel, channels, filters, stride):
    numbers = kernel * kernel * channels * filters
    return {answer}
"""
_SEPARABLE = """
def separable(maps, depthwise_kernel, pointwise_kernel):
    border = ((0, 0), (1, 1), (1, 1), (0, 0))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(maps, border), (3, 3), axis=(1, 2))
    {steps}
"""
_RESIDUAL = """
def residual(maps, first, second):
    {steps}
"""
_DISTILLATION = """
def distillation_loss(teacher, student, temperature):
    def soften(logits, temperature=temperature):
        powers = np.exp(logits / temperature)
        return powers / powers.sum(axis=-1, keepdims=True)

    {steps}
"""


def _costs(points, misconception, answer, **more):
    return Answer("ex08_q1", points, misconception, _COSTS.format(answer=answer), **more)


def _separable(points, misconception, steps, **more):
    return Answer("ex08_q2", points, misconception, _SEPARABLE.format(steps=steps), **more)


def _residual(points, misconception, steps, **more):
    return Answer("ex08_q3", points, misconception, _RESIDUAL.format(steps=steps), **more)


def _distillation(points, misconception, steps, **more):
    return Answer("ex08_q4", points, misconception, _DISTILLATION.format(steps=steps), **more)


WRONG = {
    "places_forgotten": _costs(1, "places-forgotten", "numbers + filters, numbers"),
    "places_of_the_input": _costs(
        1, "places-of-the-input", "numbers + filters, numbers * size * size"
    ),
    "biases_forgotten": _costs(1, "biases-forgotten", "numbers, numbers * (size // stride) ** 2"),
    "costs_swapped": _costs(
        1, "costs-swapped", "numbers * (size // stride) ** 2, numbers + filters"
    ),
    "one_side_only": _costs(
        1, None, "numbers + filters, numbers * (size // stride)", says="Only the parameters"
    ),
    "no_bias_and_input_places": _costs(0, "biases-forgotten", "numbers, numbers * size * size"),
    "one_number": _costs(0, None, "numbers", says="Two numbers"),
    "depthwise_mixes": _separable(
        1,
        "depthwise-mixes",
        'one = np.einsum("nyxchw,hwc->nyx", windows, depthwise_kernel)[:, ::2, ::2, None]\n'
        "    return np.repeat(one, maps.shape[-1], -1) @ pointwise_kernel",
    ),
    "kernel_turned_round": _separable(
        2,
        None,
        "kernel = depthwise_kernel[::-1, ::-1]\n"
        '    each = np.einsum("nyxchw,hwc->nyxc", windows, kernel)\n'
        "    return each[:, ::2, ::2] @ pointwise_kernel",
        says="flipped",
    ),
    "stride_of_one": _separable(
        2,
        None,
        'return np.einsum("nyxchw,hwc->nyxc", windows, depthwise_kernel) @ pointwise_kernel',
        says="stride of 1",
    ),
    "begun_with_one": _separable(
        2,
        None,
        'each = np.einsum("nyxchw,hwc->nyxc", windows, depthwise_kernel)\n'
        "    return each[:, 1::2, 1::2] @ pointwise_kernel",
        says="start at 0",
    ),
    "places_left_out_before": _separable(
        1,
        None,
        "maps = np.pad(maps[:, ::2, ::2], border)\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(1, 2))\n"
        '    return np.einsum("nyxchw,hwc->nyxc", windows, depthwise_kernel) @ pointwise_kernel',
        says="full maps",
    ),
    "only_mixed": _separable(
        1, None, "return maps[:, ::2, ::2] @ pointwise_kernel", says="3x3 step is missing"
    ),
    "not_mixed": _separable(
        0, None, 'return np.einsum("nyxchw,hwc->nyxc", windows, depthwise_kernel)', says="shape"
    ),
    "padded_with_edges": _separable(
        2,
        None,
        "maps = np.pad(maps, border, mode='edge')\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(1, 2))\n"
        '    each = np.einsum("nyxchw,hwc->nyxc", windows, depthwise_kernel)\n'
        "    return each[:, ::2, ::2] @ pointwise_kernel",
        says="border",
    ),
    "skip_forgotten": _residual(
        0.67,
        "skip-forgotten",
        "return np.maximum(convolve(np.maximum(convolve(maps, first), 0), second), 0)",
    ),
    "skip_after_activation": _residual(
        1.33,
        "skip-after-activation",
        "return maps + np.maximum(convolve(np.maximum(convolve(maps, first), 0), second), 0)",
    ),
    "last_relu_forgotten": _residual(
        1.33,
        None,
        "return maps + convolve(np.maximum(convolve(maps, first), 0), second)",
        says="after the addition",
    ),
    "inner_relu_forgotten": _residual(
        1.33,
        None,
        "return np.maximum(maps + convolve(convolve(maps, first), second), 0)",
        says="between",
    ),
    "maps_returned": _residual(0, None, "return maps"),
    "temperature_not_made_up_for": _distillation(
        2,
        "temperature-not-made-up-for",
        "return -(soften(teacher) * np.log(soften(student))).sum(axis=-1).mean()",
    ),
    "teacher_not_softened": _distillation(
        1,
        "one-temperature",
        "each = -(soften(teacher, 1) * np.log(soften(student))).sum(axis=-1)\n"
        "    return temperature**2 * each.mean()",
    ),
    "swapped": _distillation(
        1,
        "teacher-and-student-swapped",
        "each = -(soften(student) * np.log(soften(teacher))).sum(axis=-1)\n"
        "    return temperature**2 * each.mean()",
    ),
    "hard_answers": _distillation(
        1,
        "hard-answers",
        "targets = np.eye(teacher.shape[1])[teacher.argmax(axis=1)]\n"
        "    return temperature**2 * -(targets * np.log(soften(student))).sum(axis=-1).mean()",
    ),
    "summed": _distillation(
        2,
        None,
        "each = -(soften(teacher) * np.log(soften(student))).sum(axis=-1)\n"
        "    return temperature**2 * each.sum()",
        says="mean over the images",
    ),
    "one_loss_for_each_image": _distillation(
        0, None, "return -(soften(teacher) * np.log(soften(student))).sum(axis=-1)", says="number"
    ),
    "always_the_same": _distillation(0, None, "return 1.0"),
}
