"""Checks of exercise 1: a network as it is."""

import numpy as np

from course_checks.expectations import expect_array, expect_number, expect_pair, kind_of, rounded
from course_checks.protocol import ModelSpec, ask
from course_checks.reference_network import linear_scores
from course_checks.verdict import Mistake, check

__all__ = ["classifier_size", "evaluation", "top_classes", "vgg_preprocessing"]

IMAGENET_MEAN = np.array([103.939, 116.779, 123.68])
"""Average colour of ImageNet, in the order blue, green, red."""


@check()
def classifier_size(function, rng) -> str:
    """Check ``function(model)``: the number of weights of the last layer of a network."""
    for _ in range(2):
        features, classes = (int(number) for number in rng.integers(5, 60, 2))
        answer = expect_number(
            ask(function, ModelSpec("classifier", {"features": features, "classes": classes}))
        )
        convolution = (27 + 1) * features
        right = features * classes + classes
        case = f"{features} features and {classes} classes: you gave {answer:,.10g}."
        if answer == right - classes:
            raise Mistake("biases-forgotten", f"With {case}", score=0.5)
        if answer == right + convolution:
            raise Mistake("whole-model-counted", f"With {case} Look at model.layers[-1].")
        if answer != right:
            raise Mistake(None, f"The classifier has a different number of weights. With {case}")
    return f"Each of {features} features is connected to each of {classes} classes, plus biases."


@check()
def vgg_preprocessing(function, rng) -> str:
    """Check ``function(pixels)``: VGG's preprocessing, which does not change its argument."""
    pixels = rng.uniform(0, 255, (2, 5, 4, 3)).astype("float32")
    answer = expect_array(ask(function, ModelSpec("read_only", {"array": pixels})), pixels.shape)
    for variant, values in _wrong_preprocessings(pixels).items():
        if np.allclose(answer, values, atol=0.01):
            raise Mistake("other-preprocessing", f"What you gave: {variant}.")
    if not np.allclose(answer, _vgg(pixels), atol=0.01):
        raise Mistake(
            None,
            f"The first pixel is {rounded(pixels[0, 0, 0])} (red, green, blue); you gave "
            f"{rounded(answer[0, 0, 0])}, it should be {rounded(_vgg(pixels)[0, 0, 0])}.",
        )
    return "Blue, green, red, minus the average colour; and the argument is unchanged."


@check()
def top_classes(function, rng, top: int = 5) -> str:
    """Check ``function(probabilities, labels)``: pairs (label, probability), best first."""
    for classes in rng.integers(top + 2, 40, 2):
        labels = [f"kind {number}" for number in rng.permutation(100)[:classes]]
        probabilities = rng.dirichlet(np.ones(classes))
        answer = ask(function, probabilities, labels)
        order = np.argsort(probabilities)
        if not isinstance(answer, list) or any(
            not isinstance(pair, list) or len(pair) != 2 for pair in answer
        ):
            detail = "A list of pairs (label, probability) was asked for"
            raise Mistake(None, f"{detail}; you gave {kind_of(answer)}.")
        if any(isinstance(pair[1], str) for pair in answer):
            raise Mistake(None, "In each pair the label comes first, then its probability.")
        if len(answer) != top:
            raise Mistake(None, f"{top} pairs were asked for; you gave {len(answer)}.")
        _require_top([pair[0] for pair in answer], order, labels, top)
        given = expect_array([pair[1] for pair in answer], (top,))
        if not np.allclose(given, probabilities[order[::-1][:top]], atol=1e-6):
            detail = "Give them as they are, neither rounded nor in percent."
            detail = f"The labels are right, but not their probabilities. {detail}"
            raise Mistake(None, detail, score=0.5)
    return "The most probable classes, the most probable first."


def _require_top(given: list, order: np.ndarray, labels: list[str], top: int) -> None:
    best = [labels[i] for i in order[::-1][:top]]
    if given == best:
        return
    if given == list(order[::-1][:top]):
        raise Mistake("numbers-for-labels", score=0.5)
    least = [labels[i] for i in order[:top]]
    if given in (least, least[::-1], best[::-1]):
        raise Mistake("least-probable-first", "Reverse it: [::-1].")
    raise Mistake("not-sorted", f"The first should be {best[0]!r}; you gave {given[0]!r:.60}.")


@check()
def evaluation(function, rng) -> str:
    """Check ``function(model, pixels, labels)``: (correct, total) after preprocessing."""
    settings, pixels, labels, counts = _colour_task(rng)
    answer = ask(function, ModelSpec("linear", {**settings, "pooled": False}), pixels, labels)
    total, right = len(labels), counts["right"]
    if isinstance(answer, int | float):
        accuracy = np.isclose(expect_number(answer), right / total)
        detail = f"You gave {answer:.6g}. Return (correct, total)."
        raise Mistake("accuracy-without-number", detail, score=0.25 if accuracy else 0.0)
    correct, given_total = map(_counted, expect_pair(answer))
    if [correct, given_total] == [total, right]:
        raise Mistake(None, "The pair is in the wrong order: return (correct, total).", score=0.5)
    if given_total != total:
        raise Mistake(None, f"There are {total} images; you gave {given_total:g}.")
    if correct == right:
        return f"{right} of {total}, with the preprocessing used in training."
    if np.isclose(correct, right / total, atol=1e-4):
        detail = f"{correct:.6g} is the accuracy; return the number of correct answers."
        raise Mistake(None, detail, score=0.5)
    for variant, count in counts.items():
        if correct == count:
            detail = f"{count} of {total} is the result with {variant}; it should be {right}."
            raise Mistake("other-preprocessing", detail)
    raise Mistake(None, f"{right} of {total} are correct; you gave {correct:g}.")


def _counted(number: float) -> float:
    """Undo the rounding of a count that was computed as accuracy times total."""
    return round(number) if abs(number - round(number)) < 0.001 else number


def _colour_task(rng):
    """Make images, and a network that classifies their colours, so that preprocessing matters."""
    total = int(rng.integers(50, 80))
    tint = rng.uniform(0, 255, (total, 1, 1, 3))
    pixels = np.clip(tint + rng.normal(0, 30, (total, 8, 8, 3)), 0, 255).astype("uint8")
    variants = {"right": _vgg(pixels), **_wrong_preprocessings(pixels)}
    while True:
        settings = {"kernel": rng.normal(0, 0.02, (3, 5)), "bias": rng.normal(0, 0.1, 5)}
        answers = {
            name: linear_scores(x.mean(axis=(1, 2)), settings) for name, x in variants.items()
        }
        labels = answers["right"].argmax(axis=1)
        labels = np.where(rng.random(total) < 0.2, rng.integers(0, 5, total), labels)
        counts = {
            name: int((rows.argmax(axis=1) == labels).sum()) for name, rows in answers.items()
        }
        if len(set(counts.values())) == len(counts):
            return settings, pixels, labels, counts


def _vgg(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., ::-1].astype("float64") - IMAGENET_MEAN


def _wrong_preprocessings(pixels: np.ndarray) -> dict[str, np.ndarray]:
    pixels = pixels.astype("float64")
    return {
        "no preprocessing": pixels,
        "red and blue not swapped": pixels - IMAGENET_MEAN[::-1],
        "the average of blue subtracted from red": pixels - IMAGENET_MEAN,
        "the average not subtracted": pixels[..., ::-1],
        "values divided by 255": pixels / 255,
        "values from -1 to 1, as MobileNet expects": pixels / 127.5 - 1,
        "preprocessing done twice": _vgg(_vgg(pixels)),
    }
