"""Exercise 2: other right answers pass, and answers of another form fail with a message."""

import numpy as np
import pytest

import course_checks as checks


def field_as_numpy_numbers(layers):
    kernels, steps = np.array(layers).T
    strides = np.cumprod(np.concatenate([[1], steps]))
    return np.array([1 + np.sum((kernels - 1) * strides[:-1]), strides[-1]])


def covering_one_at_a_time(model, image, number, size):
    height, width, _ = image.shape
    before = model(image[None])[0, number]
    answer = []
    for top in range(0, height, size):
        row = []
        for left in range(0, width, size):
            copy = np.array(image)
            copy[top : top + size, left : left + size] = 127
            row.append(before - model(copy[None])[0, number])
        answer.append(row)
    return answer


def heat_with_tensors(maps, gradients):
    import tensorflow as tf

    weights = tf.reduce_mean(gradients, axis=(0, 1))
    heat = tf.nn.relu(tf.reduce_sum(maps * weights, axis=-1))
    return tf.math.divide_no_nan(heat, tf.reduce_max(heat))


def channel_counted_in_pairs(train, valid):
    def shares(codes, labels):
        cats, dogs = codes[labels == 0], codes[labels == 1]
        return np.array(
            [
                np.mean([dog > cat for dog in d for cat in c])
                for d, c in zip(dogs.T, cats.T, strict=True)
            ]
        )

    first, second = shares(*train), shares(*valid)
    channel = np.argmax(np.maximum(first, 1 - first))
    return [channel, second[channel] if first[channel] > 0.5 else 1 - second[channel]]


@pytest.mark.parametrize("seed", [0, None])
@pytest.mark.parametrize(
    ("check", "function"),
    [
        (checks.receptive_field_by_hand, field_as_numpy_numbers),
        (checks.covering_squares, covering_one_at_a_time),
        (checks.grad_cam_by_hand, heat_with_tensors),
        (checks.channel_chosen_in_training, channel_counted_in_pairs),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_answer_written_otherwise_gets_all_points(check, function, seed):
    verdict = check(function, points=2, seed=seed)
    assert verdict.score == 1, verdict.message
