"""The models that checks pass to learners' functions."""

import numpy as np


def _backbone(**settings):
    from course_utils.backbones import load_backbone

    return load_backbone(**settings).model


def _second_part(block: str):
    from course_utils.backbones import load_backbone
    from course_utils.transfer import split_at

    return split_at(load_backbone(), block)[1]


def _classifier(channels: int, features: int, classes: int):
    """Build a small network that ends in two dense layers, of which the last is its classifier."""
    import keras

    inputs = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(channels, 3, activation="relu")(inputs)
    codes = keras.layers.GlobalAveragePooling2D()(maps)
    codes = keras.layers.Dense(features, activation="relu")(codes)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(codes))


def _linear(kernel: np.ndarray, bias: np.ndarray, pooled: bool = True):
    """Build a softmax layer with these weights, after average pooling unless `pooled`."""
    import keras

    inputs = keras.Input((len(kernel),) if pooled else (None, None, len(kernel)))
    codes = inputs if pooled else keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(len(bias), activation="softmax")(codes)
    model = keras.Model(inputs, outputs)
    model.layers[-1].set_weights([kernel, bias])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _blocks(filters: list[list[int]]):
    """Build a network named like VGG16, with these numbers of filters in its blocks."""
    import keras

    network = keras.Sequential([keras.Input((32, 32, 3))], name="small_backbone")
    for i, block in enumerate(filters, start=1):
        for j, count in enumerate(block, start=1):
            name = f"block{i}_conv{j}"
            network.add(keras.layers.Conv2D(count, 3, padding="same", name=name))
        network.add(keras.layers.MaxPooling2D(name=f"block{i}_pool"))
    return keras.Model(network.inputs, network.outputs)


def _trained_network(weights: list[np.ndarray], pool_after: int = 2):
    """Build four convolutions and a classifier, compiled and trained a step (at rate 0)."""
    import keras

    network = keras.Sequential([keras.Input((16, 16, 3))])
    for i, kernel in enumerate(weights[0:8:2], start=1):
        convolution = keras.layers.Conv2D(kernel.shape[-1], 3, activation="relu", name=f"conv{i}")
        network.add(convolution)
        if i == pool_after:
            network.add(keras.layers.MaxPooling2D(name="pool"))
    network.add(keras.layers.GlobalAveragePooling2D(name="avg_pool"))
    network.add(keras.layers.Dense(weights[-1].size, activation="softmax", name="predictions"))
    model = keras.Model(network.inputs, network.outputs)
    model.set_weights(weights)
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    # Same shapes and dtypes as in the check: others would make Keras read `trainable` again
    model.fit(np.zeros((20, 16, 16, 3), "float32"), np.zeros(20, "int64"), verbose=0)
    model.optimizer.learning_rate = 0.1
    return model


def _normalised_backbone(weights: list[np.ndarray]):
    """Build two convolutions with batch normalisation between them."""
    import keras

    filters = len(weights[1])
    inputs = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(filters, 3, name="conv1", use_bias=False)(inputs)
    maps = keras.layers.BatchNormalization(name="bn1")(maps)
    maps = keras.layers.ReLU(name="relu1")(maps)
    maps = keras.layers.Conv2D(filters, 3, name="conv2")(maps)
    model = keras.Model(inputs, maps, name="small_backbone")
    model.set_weights(weights)
    return model


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)  # writing into the argument raises an error
    return array


MODELS = {
    "backbone": _backbone,
    "second_part": _second_part,
    "blocks": _blocks,
    "classifier": _classifier,
    "linear": _linear,
    "trained_network": _trained_network,
    "normalised_backbone": _normalised_backbone,
    "read_only": _read_only,
}
"""What a `ModelSpec` can build: models, and an array that cannot be changed."""
