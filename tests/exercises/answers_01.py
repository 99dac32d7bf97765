"""Wrong answers to exercise 1, and what they deserve."""

from exercises.submissions import Answer

_PREPARE = "def prepare(pixels):\n    return {}\n"
_MEAN = "np.array([103.939, 116.779, 123.68])"
_EVALUATE = """
def evaluate(model, pixels, labels):
    predicted = model.predict({pixels}, verbose=0).argmax(axis=1)
    return {answer}
"""
_PAIR = "int(np.sum(predicted == labels)), len(labels)"

WRONG = {
    "biases_forgotten": Answer(
        "ex01_q1",
        1,
        "biases-forgotten",
        "def classifier_weights(model):\n    return int(np.prod(model.layers[-1].kernel.shape))",
    ),
    "whole_model": Answer(
        "ex01_q1",
        0,
        "whole-model-counted",
        "def classifier_weights(model):\n    return model.count_params()",
    ),
    "number_of_my_backbone": Answer(
        "ex01_q1",
        0,
        None,
        "def classifier_weights(model):\n    return 25700",
        says="different number of weights",
    ),
    "no_preprocessing": Answer(
        "ex01_q2", 0, "other-preprocessing", _PREPARE.format("pixels"), says="no preprocessing"
    ),
    "channels_not_swapped": Answer(
        "ex01_q2", 0, "other-preprocessing", _PREPARE.format(f"pixels - {_MEAN}[::-1]")
    ),
    "mean_left_in": Answer(
        "ex01_q2", 0, "other-preprocessing", _PREPARE.format("pixels[..., ::-1]")
    ),
    "divided_by_255": Answer(
        "ex01_q2", 0, "other-preprocessing", _PREPARE.format("pixels / 255"), says="by 255"
    ),
    "argument_changed": Answer(
        "ex01_q2",
        0,
        "argument-changed",
        _PREPARE.format("keras.applications.vgg16.preprocess_input(pixels)"),
    ),
    "least_probable": Answer(
        "ex01_q3",
        0,
        "least-probable-first",
        """
def top_five(probabilities, labels):
    return [(labels[i], probabilities[i]) for i in np.argsort(probabilities)[:5]]
""",
    ),
    "first_five": Answer(
        "ex01_q3",
        0,
        "not-sorted",
        """
def top_five(probabilities, labels):
    return list(zip(labels, probabilities))[:5]
""",
    ),
    "numbers_for_labels": Answer(
        "ex01_q3",
        1,
        "numbers-for-labels",
        """
def top_five(probabilities, labels):
    return [(int(i), probabilities[i]) for i in np.argsort(probabilities)[::-1][:5]]
""",
    ),
    "evaluated_without_preprocessing": Answer(
        "ex01_q4",
        0,
        "other-preprocessing",
        _EVALUATE.format(pixels="pixels", answer=_PAIR),
        says="no preprocessing",
    ),
    "evaluated_with_another_preprocessing": Answer(
        "ex01_q4",
        0,
        "other-preprocessing",
        _EVALUATE.format(pixels="pixels / 127.5 - 1", answer=_PAIR),
        says="MobileNet",
    ),
    "share_alone": Answer(
        "ex01_q4",
        0.75,
        "accuracy-without-number",
        _EVALUATE.format(
            pixels=f"pixels[..., ::-1] - {_MEAN}", answer="np.mean(predicted == labels)"
        ),
    ),
}
