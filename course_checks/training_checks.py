"""What training must do to a model: comparisons that several exercises share."""

import math

import numpy as np

from course_checks.expectations import facts_of
from course_checks.reference_network import cross_entropy, linear_scores, softmax
from course_checks.verdict import Mistake


def fits_codes(probabilities, codes, head: dict) -> bool:
    """Whether these are the probabilities that a head computes from the codes."""
    return np.allclose(probabilities, softmax(linear_scores(codes, head)), atol=0.01)


def require_loss(model, loss: float, before: np.ndarray, targets: np.ndarray) -> None:
    """Require the loss of a step to be the cross-entropy of the probabilities before it."""
    require_probabilities(model)
    if any("Dropout" in str(layer["kind"]) for layer in facts_of(model)["layers"]):
        detail = "There is dropout; use only average pooling and one Dense layer."
        raise Mistake(None, detail, score=2 / 3)
    one_hot = targets if np.ndim(targets) == 2 else np.eye(before.shape[1])[targets]
    expected = cross_entropy(before, one_hot)
    if not np.isclose(loss, expected, rtol=0.02, atol=0.01):
        detail = f"The first loss is {loss:.3f}; for these probabilities it should be"
        name = str(facts_of(model)["loss"])[:60]
        raise Mistake(None, f"{detail} {expected:.3f}. The loss is {name}.", score=2 / 3)


def require_learning(first: dict, last: dict, codes, targets, predictions: list) -> None:
    """Require a head to have moved against the gradient of the loss on these codes."""
    if max(np.ptp(rows, axis=0).max() for rows in predictions) < 0.03:
        raise Mistake(None, "The predictions are the same for all images.", score=1 / 3)
    errors = softmax(linear_scores(codes, first)) - targets
    step = last["kernel"] - first["kernel"]
    if not np.sum(step * (codes.T @ errors)) < 0:
        raise Mistake("everything-frozen", score=1 / 3)


def require_probabilities(model) -> None:
    """Require a loss that does not take the probabilities for logits."""
    if not facts_of(model)["from_logits"]:
        return
    detail = (
        "Here the outputs are probabilities, but the loss says from_logits=True. For this layer "
        "Keras notices and warns; elsewhere the network would just learn badly."
    )
    raise Mistake("softmax-and-loss", detail, score=2 / 3)


def require_accuracy(answers, labels, enough: float, chance: float) -> str:
    """Require an accuracy, or say what may be wrong."""
    correct, total = int((answers.argmax(axis=1) == labels).sum()), len(labels)
    found = f"{correct} of {total} images that it has never seen ({correct / total:.0%})"
    if correct / total >= enough:
        return f"Your network is right on {found}."
    middle = chance + 0.75 * (enough - chance)
    detail = f"Your network is right on {found}; {enough:.0%} is well within reach."
    hint = "Does the loss fall during training? Try more epochs, or another learning rate."
    guess = 1 / answers.shape[1]
    by_luck = 3 * math.sqrt(guess * (1 - guess) / total)
    if correct / total < guess - by_luck:
        hint = "That is worse than guessing: are the labels in the same order as the images?"
    elif correct / total < guess + by_luck:
        hint = (
            "That is no better than guessing: does the network train at all? If the loss jumps "
            "about, the learning rate is too large."
        )
    raise Mistake(None, f"{detail} {hint}", score=0.5 if correct / total >= middle else 0.0)
