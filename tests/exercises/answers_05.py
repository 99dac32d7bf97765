"""Wrong answers to exercise 5, and what they deserve."""

from exercises.submissions import Answer

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
    "only_the_head": Answer(
        "ex05_q4", 1, "backbone-still-frozen", _fine_tune(before="second.trainable = False")
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
}
