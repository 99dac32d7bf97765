"""Wrong answers to exercise 5, and what they deserve."""

from exercises.submissions import Answer, RightAnswer

_COUNT = """
def weights_to_train(backbone, block):
    {freeze}
    return sum(int(np.prod(weight.shape)) for weight in backbone.{weights})
"""
_FREEZE = """
def freeze_first(model, n):
    for layer in {layers}:
        layer.trainable = False
    {compile}
    return model
"""
_COMPILE = 'model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")'
_CONVOLUTIONS = "[x for x in model.layers if isinstance(x, keras.layers.Conv2D)][:n]"
_SET_UP = """
def set_up(backbone, classes, head_rate):
    {before}
    inputs = keras.Input(backbone.input_shape[1:])
    codes = keras.layers.{pooling}()(backbone(inputs{training}))
    outputs = keras.layers.Dense(classes, activation={activation})(codes)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam({rate}), loss={loss})
    return model
"""


def _set_up(
    before="backbone.get_layer('bn1').trainable = False",
    training="",
    pooling="GlobalAveragePooling2D",
    activation='"softmax"',
    rate="head_rate / 10",
    loss='"sparse_categorical_crossentropy"',
):
    return _SET_UP.format(**locals())


_FINE_TUNE = """
def fine_tune(second, features, labels):
    {before}
    model = add_classifier(second, {head})
    model.compile(keras.optimizers.Adam(2e-4), loss={loss})
    {fit}
    return model
"""


def _fine_tune(
    before="",
    head="10",
    loss='"sparse_categorical_crossentropy"',
    fit="model.fit(features[:64], labels[:64], verbose=0)",
):
    return _FINE_TUNE.format(**locals())


TRAINS = {"ex05_q2", "ex05_q3", "ex05_q4"}

WRONG = {
    "tensors_counted": Answer(
        "ex05_q1",
        0,
        "tensors-counted",
        """
def weights_to_train(backbone, block):
    freeze_up_to(backbone, block)
    return len(backbone.trainable_weights)
""",
    ),
    "frozen_counted": Answer(
        "ex05_q1",
        0,
        "frozen-part-counted",
        """
def weights_to_train(backbone, block):
    freeze_up_to(backbone, block)
    left = sum(int(np.prod(weight.shape)) for weight in backbone.trainable_weights)
    return backbone.count_params() - left
""",
    ),
    "one_block_less": Answer(
        "ex05_q1",
        0,
        "one-block-off",
        _COUNT.format(
            freeze="freeze_up_to(backbone, f'block{int(block[-1]) - 1}')",
            weights="trainable_weights",
        ),
    ),
    "all_counted": Answer(
        "ex05_q1",
        0,
        None,
        _COUNT.format(freeze="freeze_up_to(backbone, block)", weights="weights"),
        says="including the frozen ones",
    ),
    "layers_counted": Answer(
        "ex05_q1",
        0,
        "tensors-counted",
        """
def weights_to_train(backbone, block):
    freeze_up_to(backbone, block)
    return sum(1 for layer in backbone.layers if layer.trainable_weights)
""",
    ),
    "kernels_alone": Answer(
        "ex05_q1",
        0,
        "biases-forgotten",
        """
def weights_to_train(backbone, block):
    freeze_up_to(backbone, block)
    return sum(np.prod(w.shape) for w in backbone.trainable_weights if len(w.shape) == 4)
""",
    ),
    "names_compared": Answer(
        "ex05_q1",
        0,
        "one-block-off",
        """
def weights_to_train(backbone, block):
    for layer in backbone.layers:
        layer.trainable = layer.name >= block
    return sum(np.prod(weight.shape) for weight in backbone.trainable_weights)
""",
    ),
    "block_alone_frozen": Answer(
        "ex05_q1",
        0,
        None,
        """
def weights_to_train(backbone, block):
    for layer in backbone.layers:
        if layer.name.startswith(block):
            layer.trainable = False
    return sum(np.prod(weight.shape) for weight in backbone.trainable_weights)
""",
        says="freeze the blocks before it",
    ),
    "block_alone_counted": Answer(
        "ex05_q1",
        0,
        None,
        """
def weights_to_train(backbone, block):
    return sum(x.count_params() for x in backbone.layers if x.name.startswith(block))
""",
        says="alone",
    ),
    "backbone_of_the_notebook": Answer(
        "ex05_q1",
        0,
        None,
        """
def weights_to_train(model, block):
    freeze_up_to(backbone, block)
    return sum(np.prod(weight.shape) for weight in backbone.model.trainable_weights)
""",
        says="in the network that the function is given",
    ),
    "looked_up": Answer(
        "ex05_q1",
        0,
        None,
        """
def weights_to_train(backbone, block):
    return {"block2": 3675776, "block3": 3416448, "block4": 1770240}[block]
""",
        says="in the network that the function is given",
    ),
    "input_layer_counted": Answer(
        "ex05_q2",
        1,
        "off-by-one",
        _FREEZE.format(layers="model.layers[:n]", compile=_COMPILE),
    ),
    "one_too_many": Answer(
        "ex05_q2",
        1,
        "off-by-one",
        _FREEZE.format(layers=_CONVOLUTIONS.replace("[:n]", "[: n + 1]"), compile=_COMPILE),
    ),
    "not_compiled_again": Answer(
        "ex05_q2",
        1,
        "trainable-after-compile",
        _FREEZE.format(layers=_CONVOLUTIONS, compile=""),
    ),
    "all_layers_frozen": Answer(
        "ex05_q2",
        0,
        "everything-frozen",
        _FREEZE.format(layers="model.layers", compile=_COMPILE),
    ),
    "loss_for_one_hot": Answer(
        "ex05_q2",
        0,
        "numbers-for-one-hot-loss",
        _FREEZE.format(
            layers=_CONVOLUTIONS, compile='model.compile("sgd", "categorical_crossentropy")'
        ),
    ),
    "another_rate": Answer(
        "ex05_q2",
        2,
        None,
        _FREEZE.format(
            layers=_CONVOLUTIONS,
            compile='model.compile("sgd", "sparse_categorical_crossentropy")',
        ),
        says="SGD at a rate of 0.1",
    ),
    "layers_up_to_n_counted": Answer(
        "ex05_q2",
        1,
        "off-by-one",
        _FREEZE.format(layers="model.layers[1 : n + 1]", compile=_COMPILE),
    ),
    "layers_and_two_counted": Answer(
        "ex05_q2", 1, "off-by-one", _FREEZE.format(layers="model.layers[: n + 2]", compile=_COMPILE)
    ),
    "last_convolutions": Answer(
        "ex05_q2",
        0,
        None,
        _FREEZE.format(layers=_CONVOLUTIONS.replace("[:n]", "[-n:]"), compile=_COMPILE),
        says="other layers",
    ),
    "last_layers": Answer(
        "ex05_q2",
        0,
        "last-layers-frozen",
        _FREEZE.format(layers="model.layers[-n - 2 :]", compile=_COMPILE),
    ),
    "nth_alone": Answer(
        "ex05_q2",
        0,
        None,
        _FREEZE.format(layers=_CONVOLUTIONS.replace("[:n]", "[n - 1 : n]"), compile=_COMPILE),
        says="other layers",
    ),
    "always_three": Answer(
        "ex05_q2",
        1,
        "off-by-one",
        _FREEZE.format(layers=_CONVOLUTIONS.replace("[:n]", "[:3]"), compile=_COMPILE),
    ),
    "nothing_frozen": Answer(
        "ex05_q2", 0, "backbone-not-frozen", _FREEZE.format(layers="[]", compile=_COMPILE)
    ),
    "weights_lost": Answer(
        "ex05_q2",
        0,
        None,
        _FREEZE.format(
            layers=_CONVOLUTIONS, compile="model = keras.models.clone_model(model)\n    " + _COMPILE
        ),
        says="rebuilt",
    ),
    "trained_further": Answer(
        "ex05_q2",
        0,
        None,
        _FREEZE.format(
            layers=_CONVOLUTIONS,
            compile=_COMPILE
            + "\n    model.fit(np.ones((20, 16, 16, 3)), np.zeros(20, int), verbose=0)",
        ),
        says="was it trained",
    ),
    "softmax_twice": Answer(
        "ex05_q2",
        2,
        "softmax-and-loss",
        _FREEZE.format(
            layers=_CONVOLUTIONS,
            compile="model.compile(keras.optimizers.SGD(0.1), "
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True))",
        ),
    ),
    "adam": Answer(
        "ex05_q2",
        2,
        None,
        _FREEZE.format(layers=_CONVOLUTIONS, compile=_COMPILE.replace("SGD", "Adam")),
        says="SGD at a rate of 0.1",
    ),
    "squared_error": Answer(
        "ex05_q2",
        0,
        "loss-of-another-form",
        _FREEZE.format(
            layers=_CONVOLUTIONS, compile='model.compile(keras.optimizers.SGD(0.1), "mse")'
        ),
    ),
    "batch_norm_in_training": Answer(
        "ex05_q3", 1, "batch-norm-training", _set_up(before="backbone.trainable = True")
    ),
    "training_false_in_the_call": Answer(
        "ex05_q3",
        1,
        "batch-norm-training",
        _set_up(before="backbone.trainable = True", training=", training=False"),
    ),
    "flattened": Answer("ex05_q3", 1, "flatten-for-pooling", _set_up(pooling="Flatten")),
    "rate_of_the_head": Answer("ex05_q3", 2, "head-rate-for-backbone", _set_up(rate="head_rate")),
    "backbone_frozen": Answer(
        "ex05_q3", 1, "backbone-still-frozen", _set_up(before="backbone.trainable = False")
    ),
    "softmax_and_logits": Answer(
        "ex05_q3",
        2,
        "softmax-and-loss",
        _set_up(loss="keras.losses.SparseCategoricalCrossentropy(from_logits=True)"),
    ),
    "frozen_and_thawed": Answer(
        "ex05_q3",
        1,
        "batch-norm-training",
        _set_up(before="backbone.trainable = False; backbone.trainable = True"),
    ),
    "first_convolution_frozen": Answer(
        "ex05_q3",
        1,
        None,
        _set_up(before="for layer in backbone.layers[:3]: layer.trainable = False"),
        says="conv1 is frozen",
    ),
    "last_convolution_frozen": Answer(
        "ex05_q3",
        1,
        None,
        _set_up(before="for layer in backbone.layers[2:]: layer.trainable = False"),
        says="conv2 is frozen",
    ),
    "two_rates": Answer(
        "ex05_q3",
        2,
        None,
        """
from course_utils.optimizers import RatePerLayer

def set_up(backbone, classes, head_rate):
    model = add_classifier(backbone, classes)
    factors = {layer.name: 0.1 for layer in backbone.layers}
    model.compile(RatePerLayer(head_rate, factors), "sparse_categorical_crossentropy")
    return model
""",
        says="for all layers",
    ),
    "rate_of_before": Answer("ex05_q3", 2, None, _set_up(rate="1e-3"), says="Adam at a tenth"),
    "ten_times_the_rate": Answer(
        "ex05_q3", 2, None, _set_up(rate="head_rate * 10"), says="Adam at a tenth"
    ),
    "sgd": Answer(
        "ex05_q3",
        2,
        None,
        _set_up().replace("keras.optimizers.Adam", "keras.optimizers.SGD"),
        says="your optimizer is SGD",
    ),
    "maximum_pooled": Answer(
        "ex05_q3", 1, None, _set_up(pooling="GlobalMaxPooling2D"), says="not average pooling"
    ),
    "sigmoid": Answer("ex05_q3", 1, "softmax-and-loss", _set_up(activation='"sigmoid"')),
    "always_four_classes": Answer(
        "ex05_q3",
        0,
        None,
        _set_up().replace("Dense(classes", "Dense(10"),
        says="shape",
    ),
    "backbone_rebuilt": Answer(
        "ex05_q3",
        1,
        None,
        _set_up(
            before="backbone = keras.models.clone_model(backbone)\n"
            "    backbone.get_layer('bn1').trainable = False"
        ),
        says="rebuilt",
    ),
    "loss_for_one_hot_labels": Answer(
        "ex05_q3",
        0,
        "numbers-for-one-hot-loss",
        _set_up(loss='"categorical_crossentropy"'),
    ),
    "error_squared": Answer("ex05_q3", 0, "loss-of-another-form", _set_up(loss='"mse"')),
    "only_the_head": Answer(
        "ex05_q4",
        1,
        "backbone-still-frozen",
        _fine_tune(
            before="second.trainable = False",
            fit="model.optimizer.learning_rate = 1e-2\n"
            "    model.fit(features, labels, epochs=4, verbose=0)",
        ),
    ),
    "not_trained": Answer("ex05_q4", 0, None, _fine_tune(fit=""), says="well within reach"),
    "numbers_for_one_hot": Answer(
        "ex05_q4", 0, "numbers-for-one-hot-loss", _fine_tune(loss='"categorical_crossentropy"')
    ),
    "no_softmax": Answer(
        "ex05_q4",
        1.33,
        "softmax-and-loss",
        _fine_tune(
            head="keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])"
        ),
    ),
    "without_the_last_block": Answer(
        "ex05_q4",
        1,
        None,
        """
def fine_tune(second, features, labels):
    layers = [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input(features.shape[1:]), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(features, labels, epochs=15, verbose=0)
    return model
""",
        says="put the classifier on `second`",
    ),
    "block_built_anew": Answer(
        "ex05_q4",
        1,
        None,
        _fine_tune(
            before="second = keras.models.clone_model(second)",
            fit="model.optimizer.learning_rate = 1e-3\n"
            "    model.fit(features, labels, epochs=12, verbose=0)",
        ),
        says="built anew",
    ),
}

RIGHT = {
    "counted_by_layer": RightAnswer(
        "ex05_q1",
        """
def weights_to_train(backbone, block):
    total = 0.0
    for layer in backbone.layers[::-1]:
        if layer.name.startswith(block):
            return total
        total += layer.count_params()
""",
    ),
    "counted_in_numpy": RightAnswer(
        "ex05_q1",
        """
def weights_to_train(backbone, block):
    for layer in backbone.layers:
        layer.trainable = int(layer.name[5]) > int(block[-1]) if "block" in layer.name else False
    return np.sum([np.prod(weight.shape) for weight in backbone.trainable_weights])
""",
    ),
    "total_less_frozen": RightAnswer(
        "ex05_q1",
        """
def weights_to_train(backbone, block):
    freeze_up_to(backbone, block)
    return backbone.count_params() - sum(w.numpy().size for w in backbone.non_trainable_weights)
""",
    ),
    "layers_called_by_name": RightAnswer(
        "ex05_q2",
        """
def freeze_first(model, n):
    for i in range(1, 5):
        model.get_layer(f"conv{i}").trainable = i > n
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1), loss=loss, metrics=["acc"])
    return model
""",
    ),
    "counted_down": RightAnswer(
        "ex05_q2",
        """
def freeze_first(model, n):
    for layer in model.layers:
        if "Conv" in type(layer).__name__ and n > 0:
            layer.trainable, n = False, n - 1
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", jit_compile=False)
    return model
""",
    ),
    "copy_with_weights": RightAnswer(
        "ex05_q2",
        """
def freeze_first(model, n):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in [x for x in copy.layers if len(x.get_weights()) and "conv" in x.name][:n]:
        layer.trainable = False
    copy.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", run_eagerly=True)
    return copy
""",
    ),
    "frozen_batch_norm": RightAnswer("ex05_q3", _set_up()),
    "sequential": RightAnswer(
        "ex05_q3",
        """
def set_up(backbone, classes, head_rate):
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    model = keras.Sequential(
        [backbone, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(classes, "softmax")]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=False)
    model.compile(keras.optimizers.AdamW(float(np.float32(head_rate)) / 10), loss)
    return model
""",
    ),
    "own_head": RightAnswer(
        "ex05_q3",
        """
def set_up(backbone, classes, head_rate):
    pool = keras.layers.GlobalAveragePooling2D()
    scores = keras.layers.Dense(classes, kernel_initializer="he_normal")
    head = keras.Sequential([pool, scores, keras.layers.Softmax()])
    model = add_classifier(backbone, head)
    model.compile(keras.optimizers.Adam(0.1 * head_rate), "sparse_categorical_crossentropy")
    return model
""",
    ),
    "own_head_on_the_block": RightAnswer(
        "ex05_q4",
        """
def fine_tune(second, features, labels):
    dense = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([second, keras.layers.Flatten(), dense])
    model.compile(keras.optimizers.SGD(1e-3, 0.9), "categorical_crossentropy")
    targets = keras.utils.to_categorical(labels, 10)
    model.fit(features, targets, batch_size=16, epochs=8, verbose=0)
    return model
""",
    ),
}
