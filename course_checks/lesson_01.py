"""Checks of exercise 1: a network as it is."""

import numpy as np

from course_checks.expectations import (
    expect_array,
    expect_number,
    expect_pair,
    kind_of,
    raise_if_like,
    rounded,
    worst_place,
)
from course_checks.protocol import ModelSpec, ask
from course_checks.reference_network import linear_scores
from course_checks.verdict import Mistake, check

__all__ = ["classifier_size", "evaluation", "top_classes", "vgg_preprocessing"]

IMAGENET_MEAN = np.array([103.939, 116.779, 123.68])
"""Average colour of ImageNet, in the order blue, green, red."""

TOP = 5


@check()
def classifier_size(function, rng) -> str:
    """Check ``function(model)``: the number of weights of the last layer of a network.

    The right number is ``features * classes + classes``. The network has another dense layer. Once
    its last layer has the most weights of all layers, once it has not.
    """
    for last_is_largest in rng.permutation([True, False]):
        limits = (5, 9), (11, 20), (40, 60)
        few, features, many = (int(rng.integers(*both)) for both in limits)
        channels, classes = (few, many) if last_is_largest else (many, few)
        sizes = {"channels": channels, "features": features, "classes": classes}
        answer = expect_number(ask(function, ModelSpec("classifier", sizes)))
        _require_size(answer, **sizes)
    return f"Each of {features} features is connected to each of {classes} classes, plus biases."


def _require_size(answer: float, channels: int, features: int, classes: int) -> None:
    kernel, hidden, convolution = features * classes, (channels + 1) * features, 28 * channels
    right = kernel + classes
    case = f"With {features} features and {classes} classes: you gave {answer:,.10g}."
    if answer == right:
        return
    if answer == kernel:
        raise Mistake("biases-forgotten", case, score=0.5)
    if answer == kernel + features:
        detail = "A layer has one bias for each of its outputs, not for each of its inputs."
        raise Mistake(None, f"{detail} {case}", score=0.5)
    if answer == right + hidden + convolution:
        raise Mistake("whole-model-counted", f"{case} Look at model.layers[-1].")
    if answer == 2:
        raise Mistake("tensors-counted", case)
    others = {
        right + hidden: "two dense layers together",
        hidden: "the dense layer before it",
        convolution: "the convolution",
        0: "a layer without weights",
        classes: "its biases alone",
    }
    if answer in others:
        raise Mistake(None, f"You counted {others[answer]}; count the last layer. {case}")
    detail = "The classifier has a different number of weights, and another one in each network."
    raise Mistake(None, f"{detail} {case}")


@check()
def vgg_preprocessing(function, rng) -> str:
    """Check ``function(pixels)``: VGG's preprocessing, which does not change its argument.

    Right is blue, green, red minus the average colour, to 0.01.
    """
    shape = (*(int(n) for n in rng.permutation([2, 4, 5])), 3)
    pixels = rng.uniform(0, 255, shape).astype("float32")
    answer = expect_array(ask(function, ModelSpec("read_only", {"array": pixels})), shape)
    variants = {**_wrong_preprocessings(pixels), **_reversed_axes(pixels)}
    raise_if_like(
        answer,
        *(
            (values, Mistake("other-preprocessing", f"What you gave: {variant}."))
            for variant, values in variants.items()
        ),
        atol=0.01,
    )
    right = _vgg(pixels)
    if np.allclose(answer, right, atol=0.01):
        return "Blue, green, red, minus the average colour; and the argument is unchanged."
    _name_rounding(answer, right)
    image, row, column, _ = worst_place(answer, right)
    place = image, row, column
    raise Mistake(
        None,
        f"Pixel {list(place)} is {rounded(pixels[place])} (red, green, blue); you gave "
        f"{rounded(answer[place])}, it should be {rounded(right[place])}.",
    )


def _name_rounding(answer: np.ndarray, right: np.ndarray) -> None:
    if np.allclose(answer, right - np.array([104, 117, 124]) + IMAGENET_MEAN, atol=0.01):
        raise Mistake(None, "The average colour is rounded: use 103.939, 116.779, 123.68.", 0.5)
    whole = np.allclose(answer, answer.round(), atol=1e-4)
    if whole and np.abs(answer - right).max() <= 1.01:
        raise Mistake(None, "The values are rounded to whole numbers; keep the decimals.", 0.5)
    if whole and answer.min() >= 0:
        raise Mistake("integers-overflow", "Convert before you subtract, and not back.")


@check()
def top_classes(function, rng) -> str:
    """Check ``function(probabilities, labels)``: pairs (label, probability), best first.

    Right are the five most probable, in order; the probabilities may be rounded to two digits.
    """
    for _ in range(4):
        probabilities = _clear_probabilities(rng)
        labels = [f"kind {number}" for number in rng.permutation(100)[: len(probabilities)]]
        answer = ask(function, probabilities, labels)
        if not isinstance(answer, list) or any(
            not isinstance(pair, list) or len(pair) != 2 for pair in answer
        ):
            detail = "A list of pairs (label, probability) was asked for"
            raise Mistake(None, f"{detail}; you gave {kind_of(answer)}.")
        if any(isinstance(pair[1], str) for pair in answer):
            _require_top([pair[::-1] for pair in answer], probabilities, labels)
            detail = "In each pair the label comes first, then its probability."
            raise Mistake(None, detail, score=0.5)
        _require_top(answer, probabilities, labels)
    return "The most probable classes, the most probable first."


def _clear_probabilities(rng) -> np.ndarray:
    """Draw probabilities of which the largest stay in order when they are rounded."""
    while True:
        probabilities = rng.dirichlet(np.full(rng.integers(TOP + 3, 25), 0.7)).astype("float32")
        largest = np.sort(probabilities)[::-1][: TOP + 1]
        if np.diff(largest).max() < -0.012:
            return probabilities


def _require_top(pairs: list, probabilities: np.ndarray, labels: list[str]) -> None:
    if len(pairs) != TOP:
        raise Mistake(None, f"{TOP} pairs were asked for; you gave {len(pairs)}.")
    order = np.argsort(probabilities)[::-1]
    _require_labels([pair[0] for pair in pairs], order, labels)
    given = expect_array([pair[1] for pair in pairs], (TOP,))
    right = probabilities[order[:TOP]].astype("float64")
    if np.allclose(given, right, rtol=0, atol=0.0051):
        return
    if np.allclose(given, 100 * right, rtol=0, atol=0.51):
        detail = "The labels are right, but the probabilities are in percent."
        raise Mistake(None, detail, score=0.5)
    (i,) = worst_place(given, right)
    detail = f"The labels are right, but not their probabilities: that of {pairs[i][0]!r} is"
    raise Mistake(None, f"{detail} {right[i]:.3f}; you gave {given[i]:.3f}.", score=0.5)


def _require_labels(given: list, order: np.ndarray, labels: list[str]) -> None:
    best, least = [labels[i] for i in order[:TOP]], [labels[i] for i in order[: -TOP - 1 : -1]]
    if given == best:
        return
    if given == list(order[:TOP]):
        raise Mistake("numbers-for-labels", score=0.5)
    if given == best[::-1]:
        raise Mistake("least-probable-first", "Reverse it: [::-1].", score=0.5)
    if given in (least, least[::-1]):
        raise Mistake("least-probable-first", "Reverse it: [::-1].")
    place = next(i for i in range(TOP) if given[i] != best[i])
    found = f"Pair {place + 1} should be that of {best[place]!r}; you gave {given[place]!r:.60}."
    if all(label in given for label in best):
        raise Mistake("not-sorted", f"The five are right, but not their order. {found}", score=0.5)
    raise Mistake("not-sorted", found)


@check()
def evaluation(function, rng) -> str:
    """Check ``function(model, pixels, labels)``: (correct, total) after preprocessing.

    Right is the pair of both counts, for two networks of different accuracy. With every wrong
    preprocessing the network gets another number of images right.
    """
    for share in rng.permutation([rng.uniform(0.35, 0.6), rng.uniform(0.7, 0.95)]):
        settings, pixels, labels, counts = _colour_task(rng, share)
        answer = ask(function, ModelSpec("linear", {**settings, "pooled": False}), pixels, labels)
        _require_counts(answer, counts, len(labels))
    return f"{counts['right']} of {len(labels)}, with the preprocessing used in training."


def _require_counts(answer, counts: dict[str, int], total: int) -> None:
    right = counts["right"]
    if isinstance(answer, int | float):
        accuracy = np.isclose(expect_number(answer), right / total, atol=0.0051)
        detail = f"You gave {answer:.6g}. Return (correct, total)."
        raise Mistake("accuracy-without-number", detail, score=0.25 if accuracy else 0.0)
    correct, given_total = map(_counted, expect_pair(answer))
    if [correct, given_total] == [right, total]:
        return
    if [correct, given_total] == [total, right]:
        raise Mistake(None, "The pair is in the wrong order: return (correct, total).", score=0.5)
    if given_total != total:
        raise Mistake(None, f"There are {total} images; you gave {given_total:g}.")
    if np.isclose(correct, right / total, atol=0.0051):
        detail = f"{correct:.6g} is the accuracy; return the number of correct answers."
        raise Mistake(None, detail, score=0.5)
    if correct == total - right:
        detail = f"{correct:g} of {total} are wrong; return how many are right."
        raise Mistake(None, detail, score=0.5)
    if found := [variant for variant, count in counts.items() if correct == count]:
        detail = f"is the result with {' or '.join(found)}; it should be {right}."
        raise Mistake("other-preprocessing", f"{correct:g} of {total} {detail}")
    detail = "Count the images of which the most probable class is the label."
    raise Mistake(None, f"{right} of {total} are correct; you gave {correct:g}. {detail}")


def _counted(number: float) -> float:
    """Undo the rounding of a count that was computed as accuracy times total."""
    return round(number) if abs(number - round(number)) < 0.001 else number


def _colour_task(rng, share: float):
    """Make images, and a network that classifies their colours, so that preprocessing matters.

    No answer of the network is so close that rounding could decide it.
    """
    total = int(rng.integers(50, 80))
    tint = rng.uniform(0, 255, (total, 1, 1, 3))
    pixels = np.clip(tint + rng.normal(0, 30, (total, 8, 8, 3)), 0, 255).round().astype("float32")
    variants = {"right": _vgg(pixels), **_wrong_preprocessings(pixels)}
    while True:
        settings = {"kernel": rng.normal(0, 0.02, (3, 5)), "bias": rng.normal(0, 0.1, 5)}
        scores = {
            name: linear_scores(x.mean(axis=(1, 2)), settings) for name, x in variants.items()
        }
        answers = {name: rows.argmax(axis=1) for name, rows in scores.items()}
        labels = answers["right"].copy()
        wrong = rng.permutation(total)[round(share * total) :]
        labels[wrong] = (labels[wrong] + rng.integers(1, 5, len(wrong))) % 5
        counts = {name: int((row == labels).sum()) for name, row in answers.items()}
        right = counts["right"]
        unlike = [count for name, count in counts.items() if name != "right"]
        distinct = right not in unlike and total - right not in [right, *unlike]
        if distinct and _lead(scores["right"]) > 0.01:
            return settings, pixels, labels, counts


def _lead(scores: np.ndarray) -> float:
    """Return by how much the highest score of a row leads at least."""
    ordered = np.sort(scores, axis=1)
    return (ordered[:, -1] - ordered[:, -2]).min()


def _vgg(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., ::-1].astype("float64") - IMAGENET_MEAN


def _wrong_preprocessings(pixels: np.ndarray) -> dict[str, np.ndarray]:
    pixels = pixels.astype("float64")
    swapped = pixels[..., ::-1]
    return {
        "no preprocessing": pixels,
        "red and blue not swapped": pixels - IMAGENET_MEAN[::-1],
        "the average of blue subtracted from red": pixels - IMAGENET_MEAN,
        "the average of red subtracted from blue": swapped - IMAGENET_MEAN[::-1],
        "the average not subtracted": swapped,
        "the average added": swapped + IMAGENET_MEAN,
        "the average of these images subtracted": swapped - swapped.mean(axis=(0, 1, 2)),
        "negative values cut off": np.maximum(_vgg(pixels), 0),
        "values divided by 255": pixels / 255,
        "values divided by 255 after the subtraction": _vgg(pixels) / 255,
        "values from -1 to 1, as MobileNet expects": pixels / 127.5 - 1,
        "preprocessing done twice": _vgg(_vgg(pixels)),
    }


def _reversed_axes(pixels: np.ndarray) -> dict[str, np.ndarray]:
    variants = {}
    for axis, name in enumerate(("images", "rows", "columns")):
        variant = f"the {name} reversed instead of the channels"
        variants[variant] = np.flip(pixels, axis) - IMAGENET_MEAN
        variants[f"{variant}, and red first"] = np.flip(pixels, axis) - IMAGENET_MEAN[::-1]
    return variants
