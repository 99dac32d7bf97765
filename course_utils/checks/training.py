"""What training must do to a model: comparisons that several exercises make."""

import math

import numpy as np

from course_utils.checks.asking import facts_of
from course_utils.verdicts import Mistake


def fits_codes(probabilities, codes, head: dict) -> bool:
    """Whether these are the probabilities that a head gives for the codes."""
    return np.allclose(probabilities, softmax(linear_scores(codes, head)), atol=0.01)


def compare_loss(model, loss: float, before: np.ndarray, targets: np.ndarray) -> None:
    """Compare the loss of a step with the cross-entropy of the probabilities before it."""
    compare_logits(model)
    if any("Dropout" in str(layer["kind"]) for layer in facts_of(model)["layers"]):
        detail = "There is dropout. Only average pooling and one Dense layer were asked for."
        raise Mistake(None, detail, score=2 / 3)
    one_hot = targets if np.ndim(targets) == 2 else np.eye(before.shape[1])[targets]
    expected = cross_entropy(before, one_hot)
    if not np.isclose(loss, expected, rtol=0.02, atol=0.01):
        detail = f"The first loss is {loss:.3f}; for these probabilities it should be"
        name = str(facts_of(model)["loss"])[:60]
        raise Mistake(None, f"{detail} {expected:.3f}. The loss is {name}.", score=2 / 3)


def compare_learning(first: dict, last: dict, codes, targets, predictions: list) -> None:
    """Compare the way a head went with the gradient of the loss on these codes."""
    if max(np.ptp(rows, axis=0).max() for rows in predictions) < 0.03:
        raise Mistake(None, "The predictions are the same for all pictures.", score=1 / 3)
    errors = softmax(linear_scores(codes, first)) - targets
    way = last["kernel"] - first["kernel"]
    if not np.sum(way * (codes.T @ errors)) < 0:
        raise Mistake("everything-frozen", score=1 / 3)


def compare_logits(model) -> None:
    """Name a loss that takes probabilities for logits."""
    if not facts_of(model)["from_logits"]:
        return
    detail = (
        "Here the outputs are probabilities, and the loss says from_logits=True. Keras notices "
        "it for this layer and warns; elsewhere the network would learn badly, without a word."
    )
    raise Mistake("softmax-and-loss", detail, score=2 / 3)


def compare_accuracy(answers, labels, enough: float, chance: float) -> str:
    """Compare the share of right answers with what is enough; say what may be wrong."""
    correct, total = int((answers.argmax(axis=1) == labels).sum()), len(labels)
    found = f"{correct} of {total} pictures that it never saw ({correct / total:.0%})"
    if correct / total >= enough:
        return f"Your network is right on {found}."
    middle = chance + 0.75 * (enough - chance)
    detail = f"Your network is right on {found}; {enough:.0%} is well within reach."
    hint = "Does the loss fall during training? Try more epochs, or another learning rate."
    guess = 1 / answers.shape[1]
    by_luck = 3 * math.sqrt(guess * (1 - guess) / total)
    if correct / total < guess - by_luck:
        hint = "That is worse than guessing: is it trained, with the labels in the pictures' order?"
    elif correct / total < guess + by_luck:
        hint = (
            "That is guessing: does the network train at all? Where the loss jumps about, the "
            "learning rate is too large."
        )
    raise Mistake(None, f"{detail} {hint}", score=0.5 if correct / total >= middle else 0.0)


def linear_scores(codes: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Return ``codes @ kernel + bias``."""
    return codes @ weights["kernel"] + weights["bias"]


def softmax(scores: np.ndarray) -> np.ndarray:
    """Turn scores into probabilities, along the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def cross_entropy(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean cross-entropy of probabilities with one-hot targets."""
    chosen = (probabilities * targets).sum(axis=1)
    return float(-np.log(np.clip(chosen, 1e-7, 1)).mean())


def network_weights(rng) -> list[np.ndarray]:
    """Draw weights for ``trained_network`` of `course_utils.answers`: kernel, bias, and so on."""
    weights, channels = [], 3
    for filters in rng.integers(4, 9, 4):
        kernel = rng.normal(0, np.sqrt(2 / (9 * channels)), (3, 3, channels, filters))
        weights += [kernel, rng.normal(0, 0.1, filters)]
        channels = filters
    weights += [rng.normal(0, 0.5, (channels, 3)), np.zeros(3)]
    return [np.asarray(array, "float32") for array in weights]


def network_outputs(inputs: np.ndarray, weights: list) -> np.ndarray:
    """Compute in NumPy what ``trained_network`` computes, from pairs of kernel and bias."""
    maps = inputs
    for i, (kernel, bias) in enumerate(weights[:-1], start=1):
        maps = np.maximum(convolution(maps, kernel, bias), 0)
        if i == 2:
            n, height, width, channels = maps.shape
            maps = maps.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
    kernel, bias = weights[-1]
    return softmax(maps.mean(axis=(1, 2)) @ kernel + bias)


def convolution(maps: np.ndarray, kernel: np.ndarray, bias=0.0) -> np.ndarray:
    """Convolve maps ``(n, height, width, channels)`` with a 3x3 kernel, without padding."""
    windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel, optimize=True) + bias
