"""Answers to exercise 1, and what they deserve."""

from exercises.submissions import Answer, RightAnswer

_SIZE = "def classifier_weights(model):\n    return {}"
_PREPARE = "def prepare(pixels):\n    return {}\n"
_MEAN = "np.array([103.939, 116.779, 123.68])"
_TOP = """
def top_five(probabilities, labels):
    order = np.argsort(probabilities)[::-1]
    return {}
"""
_EVALUATE = """
def evaluate(model, pixels, labels):
    predicted = model.predict({pixels}, verbose=0).argmax(axis=1)
    return {answer}
"""
_PAIR = "int(np.sum(predicted == labels)), len(labels)"
_PREPARED = f"pixels[..., ::-1] - {_MEAN}"


def _size(points, misconception, answer, says=""):
    return Answer("ex01_q1", points, misconception, _SIZE.format(answer), says)


def _prepare(points, misconception, answer, says=""):
    return Answer("ex01_q2", points, misconception, _PREPARE.format(answer), says)


def _top(points, misconception, answer, says=""):
    return Answer("ex01_q3", points, misconception, _TOP.format(answer), says)


def _evaluate(points, misconception, says="", pixels=_PREPARED, answer=_PAIR):
    source = _EVALUATE.format(pixels=pixels, answer=answer)
    return Answer("ex01_q4", points, misconception, source, says)


_OTHER = "other-preprocessing"

WRONG = {
    "biases_forgotten": _size(
        1, "biases-forgotten", "int(model.layers[-1].kernel.shape.num_elements())"
    ),
    "biases_of_the_inputs": _size(
        1, None, "sum(n * m + n for n, m in [model.layers[-1].kernel.shape])", "of its outputs"
    ),
    "whole_model": _size(0, "whole-model-counted", "model.count_params()"),
    "number_of_my_backbone": _size(0, None, "25700", "different number of weights"),
    "arrays_counted": _size(0, "tensors-counted", "len(model.layers[-1].weights)"),
    "layer_before": _size(0, None, "model.layers[-2].count_params()", "dense layer before"),
    "first_dense_layer": _size(
        0,
        None,
        "[layer for layer in model.layers if 'dense' in layer.name][0].count_params()",
        "dense layer before",
    ),
    "all_dense_layers": _size(
        0,
        None,
        "sum(layer.count_params() for layer in model.layers if 'dense' in layer.name)",
        "two dense layers together",
    ),
    "largest_layer": _size(
        0, None, "max(layer.count_params() for layer in model.layers)", "the convolution"
    ),
    "first_layer": _size(0, None, "model.layers[0].count_params()", "without weights"),
    "biases_alone": _size(0, None, "model.layers[-1].units", "biases alone"),
    "in_words": _size(0, None, "f'{model.layers[-1].count_params()} weights'", "One number"),
    "no_preprocessing": _prepare(0, _OTHER, "pixels", "no preprocessing"),
    "channels_not_swapped": _prepare(0, _OTHER, f"pixels - {_MEAN}[::-1]", "not swapped"),
    "channels_not_swapped_and_means_of_others": _prepare(
        0, _OTHER, f"pixels - {_MEAN}", "blue subtracted from red"
    ),
    "means_of_others": _prepare(
        0, _OTHER, f"pixels[..., ::-1] - {_MEAN}[::-1]", "red subtracted from blue"
    ),
    "mean_left_in": _prepare(0, _OTHER, "pixels[..., ::-1]", "not subtracted"),
    "mean_added": _prepare(0, _OTHER, f"pixels[..., ::-1] + {_MEAN}", "added"),
    "own_mean": _prepare(
        0, _OTHER, "pixels[..., ::-1] - pixels[..., ::-1].mean((0, 1, 2))", "these images"
    ),
    "divided_by_255": _prepare(0, _OTHER, "pixels / 255", "by 255"),
    "rows_reversed": _prepare(0, _OTHER, f"pixels[:, ::-1] - {_MEAN}", "rows reversed"),
    "images_reversed": _prepare(0, _OTHER, f"pixels[::-1] - {_MEAN}[::-1]", "images reversed"),
    "negative_values_cut": _prepare(0, _OTHER, f"({_PREPARED}).clip(0)", "cut off"),
    "whole_numbers": _prepare(1, None, f"({_PREPARED}).astype(int)", "rounded to whole numbers"),
    "mean_in_whole_numbers": _prepare(
        1, None, "pixels[..., ::-1] - [104, 117, 124]", "average colour is rounded"
    ),
    "eight_bits": _prepare(
        0, "integers-overflow", f"({_PREPARED}).astype(int).astype('uint8')", "wrap around"
    ),
    "last_image_forgotten": Answer(
        "ex01_q2",
        0,
        None,
        f"""
def prepare(pixels):
    prepared = pixels.copy()
    prepared[:-1] = {_PREPARED.replace("pixels", "pixels[:-1]")}
    return prepared
""",
        says="it should be",
    ),
    "argument_changed": _prepare(
        0, "argument-changed", "keras.applications.vgg16.preprocess_input(pixels)"
    ),
    "least_probable": _top(
        0, "least-probable-first", "[(labels[i], probabilities[i]) for i in order[::-1][:5]]"
    ),
    "best_last": _top(
        1, "least-probable-first", "[(labels[i], probabilities[i]) for i in order[:5][::-1]]"
    ),
    "best_five_not_sorted": _top(
        1,
        "not-sorted",
        "[(labels[i], probabilities[i]) for i in sorted(order[:5])]",
        "but not their order",
    ),
    "first_five": _top(0, "not-sorted", "list(zip(labels, probabilities))[:5]"),
    "second_to_sixth": _top(
        0, "not-sorted", "[(labels[i], probabilities[i]) for i in order[1:6]]", "Pair 1"
    ),
    "last_of_the_five_wrong": _top(
        0,
        "not-sorted",
        "[(labels[i], probabilities[i]) for i in [*order[:4], order[5]]]",
        "Pair 5",
    ),
    "alphabetical": _top(0, "not-sorted", "sorted(zip(labels, probabilities))[:5]"),
    "four": _top(0, None, "[(labels[i], probabilities[i]) for i in order[:4]]", "you gave 4"),
    "numbers_for_labels": _top(
        1, "numbers-for-labels", "[(int(i), probabilities[i]) for i in order[:5]]"
    ),
    "probability_first": _top(
        1, None, "[(probabilities[i], labels[i]) for i in order[:5]]", "label comes first"
    ),
    "probability_first_and_not_sorted": _top(
        0, "not-sorted", "list(zip(probabilities, labels))[:5]"
    ),
    "in_percent": _top(
        1, None, "[(labels[i], round(100 * probabilities[i])) for i in order[:5]]", "in percent"
    ),
    "probabilities_not_sorted": _top(
        1,
        None,
        "[(labels[i], p) for i, p in zip(order[:5], probabilities)]",
        "not their probabilities",
    ),
    "dict": _top(0, None, "{labels[i]: probabilities[i] for i in order[:5]}", "you gave dict"),
    "evaluated_without_preprocessing": _evaluate(0, _OTHER, "no preprocessing", pixels="pixels"),
    "evaluated_with_another_preprocessing": _evaluate(
        0, _OTHER, "MobileNet", pixels="pixels / 127.5 - 1"
    ),
    "evaluated_without_swapping": _evaluate(
        0, _OTHER, "not swapped", pixels=f"pixels - {_MEAN}[::-1]"
    ),
    "evaluated_twice_prepared": _evaluate(0, _OTHER, "twice", pixels="prepare(prepare(pixels))"),
    "share_alone": _evaluate(
        0.75, "accuracy-without-number", answer="np.mean(predicted == labels)"
    ),
    "share_and_number": _evaluate(
        1.5, None, "is the accuracy", answer="np.mean(predicted == labels), len(labels)"
    ),
    "number_first": _evaluate(
        1.5, None, "wrong order", answer="len(labels), np.sum(predicted == labels)"
    ),
    "errors_counted": _evaluate(
        1.5, None, "are wrong", answer="np.sum(predicted != labels), len(labels)"
    ),
    "pixels_counted": _evaluate(
        0, None, "There are", answer="np.sum(predicted == labels), pixels.size"
    ),
    "all_right": _evaluate(0, None, "are correct", answer="len(labels), len(labels)"),
    "four_of_five": _evaluate(0, None, "are correct", answer="0.8 * len(labels), len(labels)"),
    "one_off": _evaluate(
        0, None, "are correct", answer="np.sum(predicted == labels) - 1, len(labels)"
    ),
    "wrong_axis": Answer(
        "ex01_q4",
        0,
        None,
        f"""
def evaluate(model, pixels, labels):
    predicted = model.predict({_PREPARED}, verbose=0).argmax(axis=0)
    return np.sum(predicted[0] == labels), len(labels)
""",
        says="are correct",
    ),
}


def _right(question, source):
    return RightAnswer(f"ex01_{question}", source)


RIGHT = {
    "sum_of_arrays": _right(
        "q1", _SIZE.format("np.sum([np.prod(w.shape) for w in model.layers[-1].weights])")
    ),
    "float_of_a_difference": _right(
        "q1",
        _SIZE.format(
            "model.count_params() - sum(float(x.count_params()) for x in model.layers[:-1])"
        ),
    ),
    "tensor": _right(
        "q1", _SIZE.format("sum(keras.ops.size(w) for w in model.layers[-1].weights)")
    ),
    "inputs_and_units": _right(
        "q1",
        _SIZE.format("(model.layers[-2].output.shape[-1] + 1) * model.output_shape[-1]"),
    ),
    "channels_in_a_loop": _right(
        "q2",
        """
def prepare(pixels):
    prepared = np.empty_like(pixels)
    for channel, mean in enumerate([103.939, 116.779, 123.68]):
        prepared[..., channel] = pixels[..., 2 - channel] - mean
    return prepared
""",
    ),
    "keras_on_a_copy": _right(
        "q2", _PREPARE.format("keras.applications.vgg16.preprocess_input(np.array(pixels))")
    ),
    "tensor_of_keras": _right(
        "q2", _PREPARE.format(f"keras.ops.flip(pixels, axis=-1) - {_MEAN}.astype('float32')")
    ),
    "rounded_to_two_digits": _right("q2", _PREPARE.format(f"np.round({_PREPARED}, 2)")),
    "lists": _right("q2", _PREPARE.format(f"({_PREPARED}).tolist()")),
    "sorted_pairs": _right(
        "q3",
        """
def top_five(probabilities, labels):
    pairs = sorted(zip(labels, probabilities), key=lambda pair: pair[1], reverse=True)
    return tuple(pairs[:5])
""",
    ),
    "largest_taken_away": _right(
        "q3",
        """
def top_five(probabilities, labels):
    best = []
    for _ in range(5):
        i = int(np.argmax(probabilities))
        best.append([np.str_(labels[i]), float(probabilities[i])])
        probabilities[i] = -1
    return best
""",
    ),
    "rounded_probabilities": _right(
        "q3", _TOP.format("[(labels[i], round(float(probabilities[i]), 2)) for i in order[:5]]")
    ),
    "heap": _right(
        "q3",
        """
def top_five(probabilities, labels):
    import heapq

    best = heapq.nlargest(5, zip(probabilities, labels))
    return [(label, probability) for probability, label in best]
""",
    ),
    "one_at_a_time": _right(
        "q4",
        """
def evaluate(model, pixels, labels):
    correct = 0
    for image, label in zip(pixels, labels):
        correct += int(np.argmax(model(prepare(image[None]))[0])) == label
    return [correct, len(pixels)]
""",
    ),
    "accuracy_times_number": _right(
        "q4",
        """
def evaluate(model, pixels, labels):
    loss, accuracy = model.evaluate(prepare(pixels), labels, verbose=0)
    return accuracy * len(labels), len(labels)
""",
    ),
    "array_of_both": _right(
        "q4",
        """
def evaluate(model, pixels, labels):
    predicted = keras.ops.argmax(model.predict_on_batch(prepare(pixels)), axis=-1)
    return np.array([np.count_nonzero(predicted == labels), len(predicted)])
""",
    ),
}
