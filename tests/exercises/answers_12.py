"""Wrong answers to the final project, and what they deserve."""

from exercises.submissions import Answer

_RECOGNISE = """
def recognise(images, labels, new_images):
    return {answer}
"""
_REPORT = """
def report(predicted, truth):
    correct, total = (predicted == truth).sum(), len(truth)
    share = correct / total
    half = 1.96 * np.sqrt(share * (1 - share) / total)
    return {answer}
"""
_ERRORS = """
def surest_errors(probabilities, truth):
    errors = np.flatnonzero(probabilities.argmax(axis=1) {condition} truth)
    return errors[np.argsort({key})][:5]
"""

WRONG = {
    "always_the_same_class": Answer(
        "ex12_q2",
        0,
        None,
        _RECOGNISE.format(answer="np.eye(5)[np.zeros(len(new_images), int)]"),
        says="All images get the same class",
    ),
    "guessed": Answer(
        "ex12_q2",
        0,
        None,
        _RECOGNISE.format(answer="np.random.default_rng(0).random((len(new_images), 5))"),
        says="guessing",
    ),
    "class_numbers": Answer(
        "ex12_q2",
        0,
        None,
        _RECOGNISE.format(answer="np.zeros(len(new_images), int)"),
        says="a row, one per class",
    ),
    "for_the_known_images": Answer(
        "ex12_q2", 0, None, _RECOGNISE.format(answer="np.eye(5)[labels]"), says="shape"
    ),
    "normal_interval": Answer(
        "ex12_q3", 2, "normal-interval", _REPORT.format(answer="share, share - half, share + half")
    ),
    "per_cent": Answer(
        "ex12_q3", 1, None, _REPORT.format(answer="100 * share, 0.0, 100.0"), says="not percent"
    ),
    "turned_round": Answer(
        "ex12_q3",
        2,
        None,
        """
def report(predicted, truth):
    found = accuracy_report(truth, predicted)
    return found.accuracy, found.high, found.low
""",
        says="The lower end comes first",
    ),
    "no_interval": Answer("ex12_q3", 1, None, _REPORT.format(answer="share, share, share")),
    "least_sure_first": Answer(
        "ex12_q4",
        1,
        "least-probable-first",
        _ERRORS.format(condition="!=", key="probabilities[errors].max(axis=1)"),
    ),
    "right_answers": Answer(
        "ex12_q4",
        0,
        None,
        _ERRORS.format(condition="==", key="-probabilities[errors].max(axis=1)"),
        says="is not an error",
    ),
    "by_the_true_class": Answer(
        "ex12_q4",
        1,
        None,
        _ERRORS.format(condition="!=", key="probabilities[errors, truth[errors]]"),
        says="sort by that of the predicted class",
    ),
    "in_order_of_the_rows": Answer(
        "ex12_q4",
        1,
        "not-sorted-by-confidence",
        _ERRORS.format(condition="!=", key="errors"),
    ),
}
