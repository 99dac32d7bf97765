"""Paths learn, compete and stay as they are once frozen."""

import numpy as np
import pytest

from course_experiments.pathnet import PathNet


@pytest.fixture
def task():
    """Three clouds of points that are easy to tell apart."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    return random.normal(0, 1, (120, 6)) + 4 * np.eye(6)[labels], labels


def weights(net, layer, module):
    return net._kernels[layer][module].copy()


def test_evolution_learns_a_task(task):
    net = PathNet(6, 3, seed=1)
    path, accuracies = net.evolve(*task, generations=10, population=4)
    assert path.shape == (3, 3) and accuracies.shape == (10,)
    assert net.accuracy(path, *task) > 0.9


def test_held_out_examples_are_reported_and_influence_nothing(task):
    inputs, labels = task
    path, _ = PathNet(6, 3, seed=1).evolve(*task, generations=10, population=4)
    wrong = inputs, (labels + 1) % 3
    same, accuracies = PathNet(6, 3, seed=1).evolve(
        *task, held_out=wrong, generations=10, population=4
    )
    assert np.array_equal(path, same)
    assert accuracies.shape == (10,) and accuracies[-1] < 0.1


def test_untrained_path_has_learned_nothing(task):
    net = PathNet(6, 3, seed=1)
    assert net.accuracy(net.random_path(), *task) < 0.5


def test_training_changes_the_modules_of_its_path_only(task):
    net, path = PathNet(6, 3, seed=2), np.array([[0, 1], [2, 3], [4, 4]])
    before = [[weights(net, layer, module) for module in range(8)] for layer in range(3)]
    net.train(path, *task, steps=30)
    for layer in range(3):
        for module in range(8):
            same = np.array_equal(before[layer][module], weights(net, layer, module))
            assert same == (module not in path[layer])


def test_step_follows_the_gradient(task):
    inputs, labels = task
    net, path = PathNet(6, 3, layers=2, seed=3), np.array([[0, 1], [2, 2]])
    net.train(path, inputs, labels, steps=20)

    def loss():
        values, _ = net._forward(path, inputs)
        scores = values @ net._heads[-1]
        return (np.log(np.exp(scores).sum(axis=1)) - scores[range(len(labels)), labels]).mean()

    before, kernel = loss(), weights(net, 0, 1)
    kernel[2, 3] += 1e-5
    old = weights(net, 0, 1)
    net._kernels[0][1] = kernel
    slope = (loss() - before) / 1e-5
    net._kernels[0][1] = old
    net._step(path, inputs, labels, rate=1e-3)
    assert (old - net._kernels[0][1])[2, 3] / 1e-3 == pytest.approx(slope, rel=1e-2, abs=1e-4)


def test_frozen_path_answers_as_before_after_a_second_task(task):
    inputs, labels = task
    net = PathNet(6, 3, seed=4)
    path, _ = net.evolve(inputs, labels, generations=5, population=4)
    known, kernel = net.accuracy(path, inputs, labels), weights(net, 0, path[0, 0])
    net.freeze(path)
    net.start_task(3)
    net.evolve(inputs[:, ::-1], labels, generations=5, population=4)
    assert np.array_equal(kernel, weights(net, 0, path[0, 0]))
    assert net.accuracy(path, inputs, labels, task=0) == known


def test_path_that_is_not_frozen_is_lost_with_the_next_task(task):
    net, path = PathNet(6, 3, seed=5), np.zeros((3, 1), int)
    net.train(path, *task)
    kernel = weights(net, 0, 0)
    net.start_task(3)
    assert not np.array_equal(kernel, weights(net, 0, 0))


def test_mutation_goes_to_neighbours():
    net, path = PathNet(6, 3, seed=6), np.full((3, 3), 4)
    steps = np.concatenate([(net.mutated(path) - path).ravel() for _ in range(50)])
    assert np.abs(steps).max() == 2 and 0 < (steps != 0).mean() < 0.3
