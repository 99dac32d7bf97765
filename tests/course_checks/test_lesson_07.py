"""Right answers to exercise 7 in other words, and answers that no learner means."""

import keras
import numpy as np
import pytest

import course_checks as checks


def share_with_arrays(sizes, share):
    sizes = np.array(sizes)
    number = np.rint(share * len(sizes)).astype(int)
    return np.array([number, sizes[:number].sum() / sizes.sum()])


def level_by_a_loop(table):
    best, error = -1.0, 0.0
    for accuracies in table.values():
        mean = sum(accuracies) / len(accuracies)
        if mean > best:
            variance = sum((a - mean) ** 2 for a in accuracies) / (len(accuracies) - 1)
            best, error = mean, (variance / len(accuracies)) ** 0.5
    for name in table:
        if np.mean(table[name]) >= best - error:
            return name
    return None


def difference_by_tables(first, second):
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    rows = np.random.default_rng(5).integers(0, len(first), (1000, len(first)))
    found = first[rows].mean(axis=1) - second[rows].mean(axis=1)
    return [float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))]


def network_from_its_configuration(model, n):
    copy = type(model).from_config(model.get_config())
    left = n
    for layer in copy.layers:
        if left and "Conv2D" in type(layer).__name__:
            layer.set_weights(model.get_layer(layer.name).get_weights())
            layer.trainable, left = False, left - 1
    copy.compile(keras.optimizers.Adam(1e-4), keras.losses.SparseCategoricalCrossentropy())
    return copy


RIGHT = [
    (checks.frozen_share, share_with_arrays),
    (checks.level_to_choose, level_by_a_loop),
    (checks.paired_difference, difference_by_tables),
]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_right_answer_in_other_words_passes(check, answer, seed):
    verdict = check(answer, points=3, seed=seed)
    assert verdict.score == 1, verdict


@pytest.mark.parametrize("check", [check for check, _ in RIGHT])
@pytest.mark.parametrize(
    "answer", [None, 1.0, float("nan"), "text", "all", [1, 2], {"a": 1}, True, [None, 0.1]]
)
def test_answer_of_any_other_form_gets_few_points_and_a_message(check, answer):
    verdict = check(lambda *arguments: answer, points=3)
    assert verdict.score <= 1 / 3
    assert verdict.message


def test_network_made_in_another_way_passes_and_none_does_not():
    assert checks.first_layers_kept(network_from_its_configuration, points=3, seed=1).score == 1
    assert checks.first_layers_kept(lambda *arguments: None, points=3).score == 0


def test_given_model_is_not_the_new_one():
    def same_model(model, n):
        for layer in [x for x in model.layers if isinstance(x, keras.layers.Conv2D)][:n]:
            layer.trainable = False
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    verdict = checks.first_layers_kept(same_model, points=3)
    assert verdict.score == 0 and "should be random" in verdict.message
