"""Wrong answers to exercise 3, and what they deserve."""

from exercises.submissions import Answer

_BUILD = """
def build_classifier(backbone):
    {freeze}
    inputs = keras.Input(backbone.input_shape[1:])
    codes = layers.{pooling}()(backbone(inputs))
    outputs = layers.Dense({classes}, activation={activation})(codes)
    model = keras.Model(inputs, outputs)
    model.compile("adam", loss={loss})
    {after}
    return model
"""


def _build(
    freeze="backbone.trainable = False",
    pooling="GlobalAveragePooling2D",
    classes=2,
    activation='"softmax"',
    loss='"categorical_crossentropy"',
    after="",
):
    return _BUILD.format(**locals())


_TRAIN = """
def train_head(codes, labels):
    head = keras.Sequential(
        [keras.Input(codes.shape[1:]), layers.Dense({classes}, activation={activation})]
    )
    head.compile(keras.optimizers.Adam({rate}), loss={loss})
    {fit}
    return head
"""


def _train(
    classes=2,
    activation='"softmax"',
    rate="1e-3",
    loss='"sparse_categorical_crossentropy"',
    fit="head.fit(codes, labels, epochs=5, verbose=0)",
):
    return _TRAIN.format(**locals())


_SHOW_A_BATCH = """images = np.zeros((2, *backbone.input_shape[1:]))
    model.fit(images, np.eye(2), verbose=0)
    backbone.trainable = False"""

TRAINS = {"ex03_q2", "ex03_q3"}

WRONG = {
    "biases_forgotten": Answer(
        "ex03_q1",
        1,
        "biases-forgotten",
        """
def head_weights(maps, classes):
    height, width, channels = maps
    return height * width * channels * classes, channels * classes
""",
    ),
    "heads_swapped": Answer(
        "ex03_q1",
        1,
        "heads-swapped",
        """
def head_weights(maps, classes):
    height, width, channels = maps
    return (channels + 1) * classes, (height * width * channels + 1) * classes
""",
    ),
    "pooling_keeps_the_height": Answer(
        "ex03_q1",
        1,
        None,
        """
def head_weights(maps, classes):
    height, width, channels = maps
    return (height * width * channels + 1) * classes, (height * channels + 1) * classes
""",
        says="one number per channel",
    ),
    "not_frozen": Answer("ex03_q2", 1, "backbone-not-frozen", _build(freeze="")),
    "frozen_after_training_without_compiling": Answer(
        "ex03_q2", 1, "trainable-after-compile", _build(freeze="", after=_SHOW_A_BATCH)
    ),
    "flatten": Answer("ex03_q2", 1, "flatten-for-pooling", _build(pooling="Flatten")),
    "maximum_pooling": Answer(
        "ex03_q2", 1, None, _build(pooling="GlobalMaxPooling2D"), says="average pooling"
    ),
    "sparse_loss": Answer(
        "ex03_q2",
        0,
        "one-hot-for-sparse-loss",
        _build(loss='"sparse_categorical_crossentropy"'),
    ),
    "no_softmax": Answer("ex03_q2", 1, "softmax-and-loss", _build(activation="None")),
    "softmax_and_logits": Answer(
        "ex03_q2",
        2,
        "softmax-and-loss",
        _build(loss="keras.losses.CategoricalCrossentropy(from_logits=True)"),
    ),
    "everything_frozen": Answer(
        "ex03_q2",
        1,
        "everything-frozen",
        _build(
            after='model.trainable = False\n    model.compile("adam", "categorical_crossentropy")'
        ),
    ),
    "one_output": Answer(
        "ex03_q2",
        0,
        None,
        _build(classes=1, activation='"sigmoid"', loss='"binary_crossentropy"'),
        says="one output",
    ),
    "nothing_returned": Answer(
        "ex03_q2",
        0,
        None,
        "def build_classifier(backbone):\n    backbone.trainable = False",
        says="is the return missing?",
    ),
    "numbers_for_one_hot": Answer(
        "ex03_q3", 0, "numbers-for-one-hot-loss", _train(loss='"categorical_crossentropy"')
    ),
    "one_hot_for_sparse": Answer(
        "ex03_q3",
        0,
        "one-hot-for-sparse-loss",
        _train(fit="head.fit(codes, keras.utils.to_categorical(labels), verbose=0)"),
    ),
    "head_without_softmax": Answer("ex03_q3", 1, "softmax-and-loss", _train(activation="None")),
    "head_with_logits_loss": Answer(
        "ex03_q3",
        2,
        "softmax-and-loss",
        _train(loss="keras.losses.SparseCategoricalCrossentropy(from_logits=True)"),
    ),
    "not_trained": Answer(
        "ex03_q3",
        0,
        None,
        _train(classes='2, kernel_initializer="zeros"', rate="0.0"),
        says="train at all",
    ),
    "report_on_training": Answer(
        "ex03_q4",
        0,
        "evaluated-on-training",
        """
def report(model, parts):
    codes, labels = parts["train"]
    return np.mean(model.predict(codes, verbose=0).argmax(axis=1) == labels), len(labels)
""",
    ),
    "report_on_validation": Answer(
        "ex03_q4",
        0,
        "evaluated-on-validation",
        """
def report(model, parts):
    codes, labels = parts["valid"]
    return np.mean(model.predict(codes, verbose=0).argmax(axis=1) == labels), len(labels)
""",
    ),
    "report_without_number": Answer(
        "ex03_q4",
        1,
        "accuracy-without-number",
        """
def report(model, parts):
    loss, accuracy = model.evaluate(*parts["test"], verbose=0)
    return accuracy
""",
    ),
    "report_of_a_count": Answer(
        "ex03_q4",
        0,
        None,
        """
def report(model, parts):
    codes, labels = parts["test"]
    return np.sum(model.predict(codes, verbose=0).argmax(axis=1) == labels), len(labels)
""",
        says="divide by all of them",
    ),
}
