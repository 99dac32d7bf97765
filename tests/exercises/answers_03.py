"""Answers to exercise 3, and what they deserve."""

from exercises.submissions import Answer, RightAnswer

_HEAD = """
def head_weights(maps, classes):
    height, width, channels = maps
    flat = height * width * channels
    return {}
"""


def _head(points, misconception, answer, says=""):
    return Answer("ex03_q1", points, misconception, _HEAD.format(answer), says)


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


_REPORT = """
def report(model, parts):
    def correct(*names):
        found = {{part: model.predict(parts[part][0], verbose=0).argmax(axis=1) for part in names}}
        return sum(np.sum(found[part] == parts[part][1]) for part in names)

    def number(*names):
        return sum(len(parts[part][1]) for part in names)

    def accuracy(part):
        return correct(part) / number(part)

    return {}
"""


def _report(points, misconception, answer, says=""):
    return Answer("ex03_q4", points, misconception, _REPORT.format(answer), says)


_SHOW_A_BATCH = """images = np.zeros((2, *backbone.input_shape[1:]))
    model.fit(images, np.eye(2), verbose=0)
    backbone.trainable = False"""

TRAINS = {"ex03_q2", "ex03_q3"}

WRONG = {
    "biases_forgotten": _head(1, "biases-forgotten", "flat * classes, channels * classes"),
    "one_bias": _head(1, "biases-forgotten", "flat * classes + 1, channels * classes + 1"),
    "biases_of_pooling_forgotten": _head(
        1, "biases-forgotten", "flat * classes + classes, channels * classes"
    ),
    "heads_swapped": _head(1, "heads-swapped", "(channels + 1) * classes, (flat + 1) * classes"),
    "swapped_and_without_biases": _head(
        0, "biases-forgotten", "channels * classes, flat * classes", "order is wrong"
    ),
    "pooling_keeps_the_height": _head(
        1, None, "(flat + 1) * classes, (height * channels + 1) * classes", "per channel"
    ),
    "channels_first": Answer(
        "ex03_q1",
        1,
        None,
        _HEAD.format("(flat + 1) * classes, (channels + 1) * classes").replace(
            "height, width, channels = maps", "channels, height, width = maps"
        ),
        says="one number per channel",
    ),
    "flatten_keeps_the_channels_apart": _head(
        1, None, "(height * width + 1) * classes, (channels + 1) * classes", "every number"
    ),
    "biases_of_the_inputs": _head(
        0, None, "flat * classes + flat, channels * classes + channels", "How many inputs"
    ),
    "two_classes_always": _head(0, None, "flat * 2 + 2, channels * 2 + 2", "How many inputs"),
    "numbers_of_vgg16": _head(0, None, "50178, 1026"),
    "ratio": _head(0, None, "(flat + 1) / (channels + 1)", "Two numbers"),
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
    "dropout": Answer(
        "ex03_q2",
        2,
        None,
        _build().replace("    outputs", "    codes = layers.Dropout(0.5)(codes)\n    outputs", 1),
        says="dropout",
    ),
    "mean_squared_error": Answer("ex03_q2", 2, None, _build(loss='"mse"'), says="the loss is m"),
    "outputs_of_sigmoids": Answer(
        "ex03_q2", 1, "softmax-and-loss", _build(activation='"sigmoid"'), says="not probabilities"
    ),
    "preprocessed_again": Answer(
        "ex03_q2",
        1,
        None,
        _build().replace("backbone(inputs)", "backbone(inputs / 127.5 - 1)"),
        says="without further preprocessing",
    ),
    "one_block_left_trainable": Answer(
        "ex03_q2",
        1,
        "backbone-not-frozen",
        _build(freeze="for layer in backbone.layers[:-3]:\n        layer.trainable = False"),
    ),
    "not_compiled": Answer(
        "ex03_q2",
        1,
        None,
        _build().replace('    model.compile("adam", loss="categorical_crossentropy")\n', ""),
        says="not compiled",
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
    "head_labels_inverted": Answer(
        "ex03_q3",
        0,
        None,
        _train(fit="head.fit(codes, 1 - labels, epochs=20, verbose=0)"),
        says="worse than guessing",
    ),
    "head_of_one_output": Answer(
        "ex03_q3",
        0,
        None,
        _train(classes=1, activation='"sigmoid"', loss='"binary_crossentropy"'),
        says="one output",
    ),
    "head_always_the_same": Answer(
        "ex03_q3",
        0,
        None,
        _train(
            fit="head.layers[-1].set_weights([np.zeros((codes.shape[1], 2)), np.array([9, 0])])"
        ),
        says="no better than guessing",
    ),
    "history_returned": Answer(
        "ex03_q3",
        0,
        None,
        _train(fit="head = head.fit(codes, labels, verbose=0)"),
        says="should return a Keras model",
    ),
    "codes_of_other_images_only": Answer(
        "ex03_q3",
        0,
        None,
        _train(fit="head.fit(codes, np.random.default_rng(0).permutation(labels), verbose=0)"),
    ),
    "report_on_training": _report(
        0, "evaluated-on-training", 'accuracy("train"), number("train")', "on train."
    ),
    "report_on_validation": _report(
        0, "evaluated-on-validation", 'accuracy("valid"), number("valid")', "on valid."
    ),
    "report_on_everything": _report(
        0,
        "evaluated-on-training",
        'correct("train", "valid", "test") / number("train", "valid", "test"),'
        ' number("train", "valid", "test")',
        "on train and valid and test",
    ),
    "report_on_validation_and_test": _report(
        0,
        "evaluated-on-validation",
        'correct("valid", "test") / number("valid", "test"), number("test")',
    ),
    "report_without_number": _report(1, "accuracy-without-number", 'accuracy("test")'),
    "report_in_the_wrong_order": _report(
        1, None, 'number("test"), accuracy("test")', "accuracy comes first"
    ),
    "report_in_percent": _report(
        1, None, 'round(100 * accuracy("test")), number("test")', "in percent"
    ),
    "report_of_a_count": _report(
        0, None, 'correct("test"), number("test")', "divide by all of them"
    ),
    "report_of_errors": _report(
        0, None, '1 - accuracy("test"), number("test")', "fraction of errors"
    ),
    "report_of_another_number": _report(
        1, None, 'accuracy("test"), number("train")', "test images"
    ),
    "report_of_the_loss": _report(
        0, None, 'model.evaluate(*parts["test"], verbose=0)[0], number("test")', "you gave"
    ),
    "report_of_a_guess": _report(0, None, '0.5, number("test")', "you gave 0.5"),
    "report_of_integer_division": _report(
        0, None, 'correct("test") // number("test"), number("test")', "you gave 0"
    ),
}


def _right(question, source):
    return RightAnswer(f"ex03_{question}", source)


RIGHT = {
    "products_of_numpy": _right(
        "q1",
        """
def head_weights(maps, classes):
    inputs = np.array([np.prod(maps), maps[-1]])
    return (inputs + 1) * classes
""",
    ),
    "floats_in_a_list": _right(
        "q1", _HEAD.format("[(flat + 1.0) * classes, classes * (1 + channels)]")
    ),
    "counted_by_keras": _right(
        "q1",
        """
def head_weights(maps, classes):
    counts = []
    for pooling in (layers.Flatten(), layers.GlobalAveragePooling2D()):
        head = keras.Sequential([keras.Input(maps), pooling, layers.Dense(classes)])
        counts.append(head.count_params())
    return tuple(counts)
""",
    ),
    "sequential": _right(
        "q2",
        """
def build_classifier(backbone):
    for layer in backbone.layers:
        layer.trainable = False
    model = keras.Sequential(
        [backbone, layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax")]
    )
    loss = keras.losses.CategoricalCrossentropy()
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    return model
""",
    ),
    "add_classifier": _right(
        "q2",
        """
def build_classifier(backbone):
    backbone.trainable = False
    model = add_classifier(backbone, 2)
    model.compile(keras.optimizers.RMSprop(1e-4), "categorical_crossentropy", metrics=["accuracy"])
    return model
""",
    ),
    "class_of_the_learners": _right(
        "q2",
        """
class Classifier(keras.Model):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.pooling = layers.GlobalAveragePooling2D()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return keras.ops.softmax(self.dense(self.pooling(self.backbone(inputs, training=False))))


def build_classifier(backbone):
    backbone.trainable = False
    model = Classifier(backbone)
    model.compile("adam", "categorical_crossentropy")
    return model
""",
    ),
    "head_with_hidden_layer": _right(
        "q3",
        """
def train_head(codes, labels):
    inputs = keras.Input((codes.shape[1],))
    hidden = layers.Dropout(0.3)(layers.Dense(64, activation="relu")(inputs))
    head = keras.Model(inputs, layers.Dense(2, activation="softmax")(hidden))
    head.compile("adam", "categorical_crossentropy")
    head.fit(codes, np.eye(2)[labels], epochs=30, batch_size=16, verbose=0)
    return head
""",
    ),
    "head_of_logits_made_probabilities": _right(
        "q3",
        """
def train_head(codes, labels):
    inputs = keras.Input((codes.shape[1],))
    scores = layers.Dense(2)(inputs)
    logits = keras.Model(inputs, scores)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    logits.compile(keras.optimizers.Adam(2e-3), loss)
    logits.fit(codes, labels, epochs=20, verbose=0)
    return keras.Model(inputs, layers.Softmax()(scores))
""",
    ),
    "head_from_logistic_regression": _right(
        "q3",
        """
def train_head(codes, labels):
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(C=0.1, max_iter=500).fit(codes, labels)
    head = keras.Sequential([keras.Input(codes.shape[1:]), layers.Dense(2, activation="softmax")])
    kernel, bias = found.coef_[0][:, None], found.intercept_
    head.set_weights([np.hstack([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2])
    return head
""",
    ),
    "report_by_evaluate": _right(
        "q4", _REPORT.format('float(model.evaluate(*parts["test"], verbose=0)[1]), number("test")')
    ),
    "report_rounded": _right("q4", _REPORT.format('round(accuracy("test"), 2), number("test")')),
    "report_in_a_loop": _right(
        "q4",
        """
def report(model, parts):
    codes, labels = parts["test"]
    classes = [int(keras.ops.argmax(model(row[None]), axis=-1)[0]) for row in codes]
    right = [found == label for found, label in zip(classes, labels)]
    return np.array([sum(right) / len(right), len(right)], dtype="float32")
""",
    ),
    "report_by_the_library": _right(
        "q4",
        """
def report(model, parts):
    from course_utils.metrics import accuracy_report

    codes, labels = parts["test"]
    return accuracy_report(labels, model.predict(codes, verbose=0).argmax(axis=1))
""",
    ),
}
