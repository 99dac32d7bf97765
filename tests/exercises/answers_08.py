"""Wrong answers to exercise 8, and what they deserve."""

from exercises.submissions import Answer, RightAnswer

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
        1, None, "numbers + filters, numbers * (size // stride)", says="two sides"
    ),
    "no_bias_and_input_places": _costs(0, "biases-forgotten", "numbers, numbers * size * size"),
    "bias_for_each_channel": _costs(
        1,
        None,
        "numbers + channels, numbers * (size // stride) ** 2",
        says="not for each channel",
    ),
    "one_bias": _costs(
        1, None, "numbers + 1, numbers * (size // stride) ** 2", says="not one alone"
    ),
    "biases_as_work": _costs(
        1,
        None,
        "numbers + filters, (numbers + filters) * (size // stride) ** 2",
        says="does not count as work",
    ),
    "operations_counted": _costs(
        1, None, "numbers + filters, 2 * numbers * (size // stride) ** 2", says="counts once"
    ),
    "not_padded": _costs(
        1,
        None,
        "numbers + filters, numbers * ((size - kernel) // stride + 1) ** 2",
        says="padded",
    ),
    "kernel_of_one_side": _costs(
        0,
        None,
        "numbers // kernel + filters, numbers // kernel * (size // stride) ** 2",
        says="kernel x kernel",
    ),
    "channels_forgotten": _costs(
        0,
        None,
        "kernel**2 * filters + filters, kernel**2 * filters * (size // stride) ** 2",
        says="kernel per channel",
    ),
    "costs_of_another": _costs(0, None, "1000, 100_000", says="Start from there"),
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
    "relu_after_the_first_step": _separable(
        2,
        None,
        'each = np.einsum("nyxchw,hwc->nyxc", windows, depthwise_kernel)[:, ::2, ::2]\n'
        "    return np.maximum(each, 0) @ pointwise_kernel",
        says="no activation",
    ),
    "height_and_width_swapped": _separable(
        2,
        None,
        'each = np.einsum("nyxchw,whc->nyxc", windows, depthwise_kernel)\n'
        "    return each[:, ::2, ::2] @ pointwise_kernel",
        says="swapped",
    ),
    "padded_at_the_end": _separable(
        2,
        None,
        "maps = np.pad(maps, ((0, 0), (0, 2), (0, 2), (0, 0)))\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(1, 2))\n"
        '    each = np.einsum("nyxchw,hwc->nyxc", windows, depthwise_kernel)\n'
        "    return each[:, ::2, ::2] @ pointwise_kernel",
        says="on one side only",
    ),
    "averaged": _separable(
        0,
        None,
        'each = np.einsum("nyxchw,hwc->nyxc", windows, depthwise_kernel) / 9\n'
        "    return each[:, ::2, ::2] @ pointwise_kernel",
        says="it should be",
    ),
    "pooled_instead_of_stride": _separable(
        0,
        None,
        'each = np.einsum("nyxchw,hwc->nyxc", windows, depthwise_kernel)\n'
        "    each = np.pad(each, ((0, 0), (0, 1), (0, 1), (0, 0)), mode='edge')\n"
        "    each = (each[:, ::2, ::2] + each[:, 1::2, 1::2]) / 2\n"
        "    return each @ pointwise_kernel",
        says="it should be",
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
    "maps_returned": _residual(0, None, "return maps", says="unchanged"),
    "no_relu": _residual(
        0.67,
        None,
        "return maps + convolve(convolve(maps, first), second)",
        says="between the convolutions",
    ),
    "activated_before": _residual(
        0.67,
        None,
        "inside = convolve(np.maximum(maps, 0), first)\n"
        "    return maps + convolve(np.maximum(inside, 0), second)",
        says="before the convolutions",
    ),
    "subtracted": _residual(
        0.67,
        None,
        "return np.maximum(convolve(np.maximum(convolve(maps, first), 0), second) - maps, 0)",
        says="do not subtract",
    ),
    "multiplied": _residual(
        0.67,
        None,
        "return np.maximum(convolve(np.maximum(convolve(maps, first), 0), second) * maps, 0)",
        says="do not multiply",
    ),
    "kernels_flipped": _residual(
        0,
        None,
        "inside = np.maximum(convolve(maps, first[::-1, ::-1]), 0)\n"
        "    return np.maximum(maps + convolve(inside, second[::-1, ::-1]), 0)",
        says="it should be",
    ),
    "inside_added": _residual(
        0,
        None,
        "inside = np.maximum(convolve(maps, first), 0)\n"
        "    return np.maximum(inside + convolve(inside, second), 0)",
    ),
    "added_inside_the_square": _residual(
        0,
        None,
        "change = convolve(np.maximum(convolve(maps, first), 0), second)\n"
        "    return np.maximum(maps + change, 0) / 2",
        says="it should be",
    ),
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
    "multiplied_by_the_temperature": _distillation(
        2,
        None,
        "each = -(soften(teacher) * np.log(soften(student))).sum(axis=-1)\n"
        "    return temperature * each.mean()",
        says="by its square",
    ),
    "divided_by_the_square": _distillation(
        2,
        None,
        "each = -(soften(teacher) * np.log(soften(student))).sum(axis=-1)\n"
        "    return each.mean() / temperature**2",
        says="divided by T²",
    ),
    "mean_over_all": _distillation(
        2,
        None,
        "return temperature**2 * -(soften(teacher) * np.log(soften(student))).mean()",
        says="mean over the classes",
    ),
    "student_not_softened": _distillation(
        1,
        "one-temperature",
        "each = -(soften(teacher) * np.log(soften(student, 1))).sum(axis=-1)\n"
        "    return temperature**2 * each.mean()",
        says="the student's",
    ),
    "no_temperature": _distillation(
        1,
        "one-temperature",
        "return -(soften(teacher, 1) * np.log(soften(student, 1))).sum(axis=-1).mean()",
        says="neither",
    ),
    "divergence": _distillation(
        2,
        None,
        "each = (soften(teacher) * np.log(soften(teacher) / soften(student))).sum(axis=-1)\n"
        "    return temperature**2 * each.mean()",
        says="Kullback-Leibler",
    ),
    "sign_forgotten": _distillation(
        2,
        None,
        "each = (soften(teacher) * np.log(soften(student))).sum(axis=-1)\n"
        "    return temperature**2 * each.mean()",
        says="sign",
    ),
    "logarithm_of_two": _distillation(
        2,
        None,
        "each = -(soften(teacher) * np.log2(soften(student))).sum(axis=-1)\n"
        "    return temperature**2 * each.mean()",
        says="natural logarithm",
    ),
    "along_the_images": _distillation(
        1,
        None,
        "teacher, student = teacher.T, student.T\n"
        "    each = -(soften(teacher) * np.log(soften(student))).sum(axis=0)\n"
        "    return temperature**2 * each.mean()",
        says="axis 1",
    ),
    "one_loss_for_each_image": _distillation(
        0, None, "return -(soften(teacher) * np.log(soften(student))).sum(axis=-1)", says="number"
    ),
    "always_the_same": _distillation(0, None, "return 1.0"),
}

RIGHT = {
    "other_types": RightAnswer(
        "ex08_q1",
        """
def costs(size, kernel, channels, filters, stride):
    weights = np.prod([kernel, kernel, channels, filters])
    return np.array([weights + filters, float(weights) * (size / stride) ** 2])
""",
    ),
    "counted_one_by_one": RightAnswer(
        "ex08_q1",
        """
def costs(size, kernel, channels, filters, stride):
    places = len(range(0, size, stride)) * len(range(0, size, stride))
    one_filter = sum(1 for _ in range(kernel) for _ in range(kernel) for _ in range(channels))
    return [filters * (one_filter + 1), np.int64(filters * one_filter * places)]
""",
    ),
    "asked_of_keras": RightAnswer(
        "ex08_q1",
        """
import keras

def costs(size, kernel, channels, filters, stride):
    layer = keras.layers.Conv2D(filters, kernel, stride, padding="same")
    layer.build((None, size, size, channels))
    shape = layer.compute_output_shape((None, size, size, channels))
    return layer.count_params(), np.float32(np.prod(shape[1:3]) * np.prod(layer.kernel.shape))
""",
    ),
    "separable_with_loops": RightAnswer(
        "ex08_q2",
        """
def separable(maps, depthwise_kernel, pointwise_kernel):
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = maps.shape[1:3]
    each = sum(
        padded[:, y : y + height : 2, x : x + width : 2] * depthwise_kernel[y, x]
        for y in range(3)
        for x in range(3)
    )
    return np.tensordot(each, pointwise_kernel, axes=1).tolist()
""",
    ),
    "separable_with_keras": RightAnswer(
        "ex08_q2",
        """
from keras import ops

def separable(maps, depthwise_kernel, pointwise_kernel):
    kernels = depthwise_kernel[..., None], pointwise_kernel[None, None]
    return ops.separable_conv(maps, *kernels, strides=2, padding="same")
""",
    ),
    "separable_everywhere": RightAnswer(
        "ex08_q2",
        """
from keras import ops

def separable(maps, depthwise_kernel, pointwise_kernel):
    kernel = depthwise_kernel[..., None]
    mixed = ops.depthwise_conv(maps, kernel, padding="same") @ pointwise_kernel
    return np.round(mixed[:, ::2, ::2], 4)
""",
    ),
    "one_kernel": RightAnswer(
        "ex08_q2",
        """
def separable(maps, depthwise_kernel, pointwise_kernel):
    kernel = np.einsum("hwc,cf->hwcf", depthwise_kernel, pointwise_kernel)
    return convolve(maps.astype("float64"), kernel)[:, ::2, ::2]
""",
    ),
    "residual_with_keras": RightAnswer(
        "ex08_q3",
        """
from keras import ops

def residual(maps, first, second):
    inside = ops.relu(ops.conv(maps, first, padding="same"))
    return ops.relu(ops.conv(inside, second, padding="same") + maps)
""",
    ),
    "residual_in_place": RightAnswer(
        "ex08_q3",
        """
def residual(maps, first, second):
    inside = convolve(maps, first)
    inside[inside < 0] = 0
    maps += convolve(inside, second)
    return np.clip(maps, 0, None).tolist()
""",
    ),
    "residual_of_layers": RightAnswer(
        "ex08_q3",
        """
import keras

def residual(maps, first, second):
    one = keras.layers.Conv2D(first.shape[-1], 3, padding="same", use_bias=False, activation="relu")
    other = keras.layers.Conv2D(second.shape[-1], 3, padding="same", use_bias=False)
    inputs = keras.Input(maps.shape[1:])
    outputs = keras.layers.ReLU()(keras.layers.Add()([inputs, other(one(inputs))]))
    model = keras.Model(inputs, outputs)
    one.set_weights([first]), other.set_weights([second])
    return model.predict(maps, verbose=0)
""",
    ),
    "logarithms": RightAnswer(
        "ex08_q4",
        """
def distillation_loss(teacher, student, temperature):
    def log_softmax(logits):
        logits = logits / temperature
        return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)

    targets = np.exp(log_softmax(teacher))
    return -np.mean(np.sum(targets * log_softmax(student), axis=1)) * temperature**2
""",
    ),
    "distillation_with_keras": RightAnswer(
        "ex08_q4",
        """
import keras

def distillation_loss(teacher, student, temperature):
    targets = keras.ops.softmax(np.float32(teacher) / temperature)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    return temperature**2 * loss(targets, np.float32(student) / temperature)
""",
    ),
    "distillation_with_loops": RightAnswer(
        "ex08_q4",
        """
from scipy.special import softmax

def distillation_loss(teacher, student, temperature):
    total = 0
    for one, other in zip(teacher, student):
        for target, found in zip(softmax(one / temperature), softmax(other / temperature)):
            total -= temperature * temperature * target * np.log(found + 1e-7) / len(teacher)
    return round(total, 2)
""",
    ),
}
