import keras
import numpy as np
import pytest

from course_utils.optimizers import RatePerLayer


def two_layers(optimizer):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, name="old"), keras.layers.Dense(2, name="new")]
    )
    model.compile(optimizer, "mse")
    return model


def steps_of(optimizer):
    """How far the first step moves the weights of each layer."""
    model = two_layers(optimizer)
    before = [weight.numpy() for weight in model.trainable_variables]
    model.train_on_batch(np.ones((8, 3), "float32"), np.ones((8, 2), "float32"))
    moved = [np.abs(w - b).max() for w, b in zip(model.trainable_variables, before, strict=True)]
    return max(moved[:2]), max(moved[2:])


def test_named_layer_takes_smaller_steps_and_the_other_those_of_adam():
    old, new = steps_of(RatePerLayer(0.01, {"old": 0.1}))
    adam_old, adam_new = steps_of(keras.optimizers.Adam(0.01))
    assert old == pytest.approx(0.1 * adam_old, rel=1e-3)
    assert new == pytest.approx(adam_new, rel=1e-5)


def test_without_factors_it_is_adam():
    assert steps_of(RatePerLayer(0.01)) == pytest.approx(steps_of(keras.optimizers.Adam(0.01)))


def test_factors_survive_saving(tmp_path):
    model = two_layers(RatePerLayer(0.01, {"old": 0.1}))
    model.train_on_batch(np.ones((8, 3), "float32"), np.ones((8, 2), "float32"))
    model.save(tmp_path / "model.keras")
    optimizer = keras.models.load_model(tmp_path / "model.keras").optimizer
    assert isinstance(optimizer, RatePerLayer)
    assert optimizer.factors == {"old": 0.1}
