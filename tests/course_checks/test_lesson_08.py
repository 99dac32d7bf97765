"""Answers to exercise 8 that are written in another way get all points too; constants get few."""

import numpy as np
import pytest

import course_checks as checks

SEEDS = range(8)


def costs_in_other_types(size, kernel, channels, filters, stride):
    weights = np.prod([kernel, kernel, channels, filters])
    return np.array([weights + filters, float(weights) * (size / stride) ** 2])


def separable_with_loops(maps, depthwise_kernel, pointwise_kernel):
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = maps.shape[1:3]
    each = sum(
        padded[:, y : y + height : 2, x : x + width : 2] * depthwise_kernel[y, x]
        for y in range(3)
        for x in range(3)
    )
    return np.tensordot(each, pointwise_kernel, axes=1)


def separable_with_keras(maps, depthwise_kernel, pointwise_kernel):
    from keras import ops

    kernels = depthwise_kernel[..., None], pointwise_kernel[None, None]
    return ops.separable_conv(maps, *kernels, strides=2, padding="same")


def separable_with_everything_computed(maps, depthwise_kernel, pointwise_kernel):
    from keras import ops

    kernel = depthwise_kernel[..., None]
    mixed = ops.depthwise_conv(maps, kernel, padding="same") @ pointwise_kernel
    return mixed[:, ::2, ::2]


def residual_with_keras(maps, first, second):
    from keras import ops

    inside = ops.relu(ops.conv(maps, first, padding="same"))
    return ops.relu(ops.conv(inside, second, padding="same") + maps)


def distillation_with_logarithms(teacher, student, temperature):
    def log_softmax(logits):
        logits = logits / temperature
        return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)

    targets = np.exp(log_softmax(teacher))
    return -np.mean(np.sum(targets * log_softmax(student), axis=1)) * temperature**2


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.convolution_costs, costs_in_other_types),
        (checks.separable_convolution, separable_with_loops),
        (checks.separable_convolution, separable_with_keras),
        (checks.separable_convolution, separable_with_everything_computed),
        (checks.residual_block, residual_with_keras),
        (checks.distillation, distillation_with_logarithms),
    ],
    ids=lambda value: value.__name__,
)
def test_right_answer_written_otherwise_gets_all_points(check, answer):
    for seed in SEEDS:
        assert check(answer, points=2, seed=seed).score == 1, seed


@pytest.mark.parametrize(
    ("check", "constant"),
    [
        (checks.convolution_costs, [100, 1000]),
        (checks.separable_convolution, 0.0),
        (checks.residual_block, "maps"),
        (checks.distillation, 1.0),
        (checks.distillation, float("nan")),
        (checks.distillation, None),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_constant_gets_nothing(check, constant):
    assert check(lambda *arguments: constant, points=2).score == 0
