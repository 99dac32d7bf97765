"""Checks of exercise 3: a frozen network and a new classifier."""

import functools

import numpy as np

from course_checks.expectations import (
    ask_model,
    expect_model,
    expect_number,
    expect_pair,
    facts_of,
    head_of,
    kernel_of,
    predictions_of,
    probabilities_of,
    require_all,
    train_step,
)
from course_checks.protocol import ModelSpec, ask
from course_checks.reference_network import linear_scores
from course_checks.training_checks import (
    fits_codes,
    require_accuracy,
    require_learning,
    require_loss,
    require_probabilities,
)
from course_checks.verdict import Mistake, check

__all__ = ["frozen_classifier", "head_sizes", "report_on_test", "trained_head"]

ENOUGH_FOR_PETS = 0.70
"""An accuracy that a sound training passes with a wide margin in both editions."""


@check()
def head_sizes(function, rng) -> str:
    """Check ``function(maps, classes)``: weights of Flatten + Dense, and of pooling + Dense.

    Right are both numbers, biases included, for three backbones whose sizes all differ.
    """
    for _ in range(3):
        *maps, classes = (int(number) for number in rng.permutation(np.arange(3, 40))[:4])
        answer = expect_pair(ask(function, tuple(maps), classes))
        _require_sizes(answer, maps, classes)
    return "Average pooling saves all the weights that Flatten spends on positions in the image."


def _require_sizes(answer: list, maps: list[int], classes: int) -> None:
    height, width, channels = maps
    kernels = height * width * channels * classes, channels * classes
    right = [kernel + classes for kernel in kernels]
    if answer == right:
        return
    flat, pooled = (f"{number:,.10g}" for number in answer)
    case = f"{height} x {width} x {channels} and {classes} classes you gave {flat} and {pooled}."
    case = f"For maps of {case}"
    without = [{kernel, kernel + 1} for kernel in kernels]  # one bias for a whole head is too few
    if all(answer[i] in {right[i], *without[i]} for i in range(2)):
        raise Mistake("biases-forgotten", case, score=0.5)
    if answer == right[::-1]:
        raise Mistake("heads-swapped", case, score=0.5)
    if answer[1] == right[1]:
        detail = "Flatten passes on every number of the maps: height x width x channels."
        detail = f"The head with pooling is right, the other one is not. {detail}"
        raise Mistake(None, f"{detail} {case}", score=0.5)
    if answer[0] == right[0]:
        detail = "Average pooling leaves one number per channel, whatever the height and width."
        detail = f"The head with Flatten is right, the other one is not. {detail}"
        raise Mistake(None, f"{detail} {case}", score=0.5)
    if answer == list(kernels[::-1]):
        raise Mistake("biases-forgotten", f"And the order is wrong: Flatten comes first. {case}")
    raise Mistake(None, f"How many inputs does the Dense layer have? {case}")


@check("pets", hidden_seeds=1)
def frozen_classifier(function, rng, pets, classes: int = 2) -> str:
    """Check ``function(backbone)``: frozen, average pooling, one softmax layer, compiled.

    Right is a model whose first loss is the cross-entropy with one-hot labels, in which training
    moves the head alone, and whose predictions are those of the head on the codes of the unchanged
    backbone, before and after.
    """
    rows = rng.permutation(len(pets["inputs"]))[:12]
    inputs, codes = pets["inputs"][rows], pets["input_codes"][rows]
    targets = np.eye(classes, dtype="float32")[rng.integers(0, classes, len(rows))]
    model = expect_model(ask(function, ModelSpec("backbone")))
    before = probabilities_of(model, inputs, classes)
    name = _new_head(model, codes.shape[1], classes)
    first = head_of(model, name)
    fits = fits_codes(before, codes, first)
    loss = train_step(model, inputs, targets)
    require_all(
        lambda: require_loss(model, loss, before, targets),
        lambda: _require_moved(model, name, lambda: train_step(model, inputs, targets)),
        lambda: _require_fit(fits),
    )
    after, last = predictions_of(model, inputs, classes), head_of(model, name)
    if not fits_codes(after, codes, last):
        raise Mistake("backbone-not-frozen", "After training, its features are different.", 1 / 3)
    require_learning(first, last, codes, targets, [before, after])
    return "Only the head learns, on one number per channel, and the loss fits the softmax."


def _new_head(model, channels: int, classes: int) -> str:
    """Return the name of the head's only dense layer, or say what is wrong with the head."""
    facts = facts_of(model)
    dense = [str(layer["name"]) for layer in facts["layers"] if layer["kind"] == "Dense"]
    if len(dense) != 1:
        raise Mistake(
            None, f"The head should have one Dense layer after the pooling; it has {len(dense)}."
        )
    rows = kernel_of(model, dense[0]).shape[0]
    if rows != channels:
        raise Mistake(
            "flatten-for-pooling" if rows % channels == 0 else None,
            f"The Dense layer has {rows:,} inputs; the backbone has {channels:,} channels. "
            "Use GlobalAveragePooling2D.",
            score=1 / 3,
        )
    if not facts["compiled"]:
        raise Mistake(None, "The model is not compiled.", score=1 / 3)
    return dense[0]


_OTHER_FEATURES = (
    "The predictions are not those of a softmax layer on the averaged feature maps. Is it average "
    "pooling, on the given backbone, without further preprocessing?"
)


def _require_fit(fits: bool) -> None:
    if not fits:
        raise Mistake(None, _OTHER_FEATURES, score=1 / 3)


def _require_moved(model, name: str, train) -> None:
    """Train, and require the weights of the head alone to move."""
    before = ask_model(model, "digests")
    for _ in range(3):
        train()
    after = ask_model(model, "digests")
    moved = [path for path in before if before[path] != after.get(path)]
    if not any(f"{name}/" in path for path in moved):
        raise Mistake("everything-frozen", score=1 / 3)
    others = [path for path in moved if f"{name}/" not in path]
    if not others:
        return
    facts = facts_of(model)
    head = sum(layer["parameters"] for layer in facts["layers"] if layer["name"] == name)
    count = facts["trainable_parameters"] - head
    if count > 0:
        detail = f"It still has {count:,} trainable parameters: set trainable before compiling."
        raise Mistake("backbone-not-frozen", detail, score=1 / 3)
    raise Mistake("trainable-after-compile", f"For example {others[0][:60]}.", score=1 / 3)


@check("pets", hidden_seeds=1)
def trained_head(function, rng, pets, enough: float = ENOUGH_FOR_PETS) -> str:
    """Check ``function(codes, labels)``: a trained network, judged on codes it has never seen.

    Right is a model whose outputs are probabilities, trained with a loss that fits them, and right
    on seven of ten images. The order of the channels and the indices of the two classes are drawn
    at random.
    """
    rows, channels = rng.permutation(len(pets["codes"])), rng.permutation(pets["codes"].shape[1])
    codes = np.ascontiguousarray(pets["codes"][:, channels])
    labels = (pets["labels"] + rng.integers(2)) % 2
    learn, hold = rows[:300], rows[300:550]
    model = expect_model(ask(function, codes[learn], labels[learn]))
    answers = probabilities_of(model, codes[hold], 2)
    return require_all(
        lambda: require_probabilities(model),
        lambda: require_accuracy(answers, labels[hold], enough, chance=0.5),
    )


@check()
def report_on_test(function, rng) -> str:
    """Check ``function(model, parts)``: (accuracy, number of images) of the test part.

    Right is the pair, the accuracy to two digits, in two cases: the test part is neither first nor
    last in the dict, and once the best of the two parts that took no part in the training. The
    accuracies of all parts and of parts together differ.
    """
    cases = [(0.86, 0.94, 0.6, 0.75), (0.6, 0.72, 0.8, 0.9)]
    require_all(
        *(functools.partial(_require_report, function, rng, *case) for case in cases), rng=rng
    )
    return "The accuracy on images that took no part in training or choosing, and their number."


def _require_report(function, rng, *limits: float) -> None:
    settings = {"kernel": rng.normal(0, 1, (8, 3)), "bias": rng.normal(0, 0.1, 3)}
    counts = _counts(rng, *limits)
    order = rng.permutation(["train", "valid"]).tolist()
    parts = {}
    for part in [order[0], "test", order[1]]:
        correct, total = counts[part]
        codes, labels = _codes_and_labels(rng, settings, total)
        wrong = rng.permutation(total)[correct:]
        labels[wrong] = (labels[wrong] + 1) % 3
        parts[part] = codes, labels
    answer = ask(function, ModelSpec("linear", settings), parts)
    _require_accuracy_and_number(answer, counts)


def _counts(rng, *limits: float) -> dict[str, tuple[int, int]]:
    """Draw for each part how many answers are correct, and how many images it has."""
    while True:
        shares = 1.0, rng.uniform(*limits[:2]), rng.uniform(*limits[2:])
        sizes = rng.permutation(np.arange(40, 90, 3))[:3].tolist()
        counts = {
            part: (round(share * size), size)
            for part, share, size in zip(("train", "valid", "test"), shares, sizes, strict=True)
        }
        right = _accuracy(counts, ("test",))
        accuracies = [right, 1 - right, *(_accuracy(counts, parts) for parts in _OTHER_PARTS)]
        if np.diff(np.sort(accuracies)).min() > 0.011:
            return counts


_OTHER_PARTS = {
    ("train",): "evaluated-on-training",
    ("valid",): "evaluated-on-validation",
    ("train", "valid"): "evaluated-on-training",
    ("train", "test"): "evaluated-on-training",
    ("valid", "test"): "evaluated-on-validation",
    ("train", "valid", "test"): "evaluated-on-training",
}


def _accuracy(counts: dict[str, tuple[int, int]], parts: tuple[str, ...]) -> float:
    correct, total = np.sum([counts[part] for part in parts], axis=0)
    return float(correct / total)


def _codes_and_labels(rng, settings: dict, total: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw codes, none of which rounding could put into another class, and their classes."""
    codes = rng.normal(0, 1, (2 * total, 8)).astype("float32")
    scores = linear_scores(codes, settings)
    lead = np.ptp(np.sort(scores, axis=1)[:, 1:], axis=1)
    codes, scores = codes[lead > 0.01][:total], scores[lead > 0.01][:total]
    return codes, scores.argmax(axis=1)


def _require_accuracy_and_number(answer, counts: dict[str, tuple[int, int]]) -> None:
    if isinstance(answer, dict) and {"correct", "total"} <= set(answer):  # an accuracy_report
        answer = [answer["correct"] / max(answer["total"], 1), answer["total"]]
    alone = isinstance(answer, int | float)
    accuracy, number = (expect_number(answer), None) if alone else expect_pair(answer)
    if not _near(accuracy, _accuracy(counts, ("test",))):
        _name_wrong_accuracy(accuracy, number, counts)
    if alone:
        raise Mistake("accuracy-without-number", "Return (accuracy, number).", score=0.5)
    total = counts["test"][1]
    if number != total:
        detail = f"There are {total} test images; you gave {number:g}."
        raise Mistake(None, f"The accuracy is right. {detail}", score=0.5)


def _near(number: float, right: float) -> bool:
    return abs(number - right) < 0.0051


def _name_wrong_accuracy(accuracy: float, number, counts: dict[str, tuple[int, int]]) -> None:
    (correct, total), right = counts["test"], _accuracy(counts, ("test",))
    if accuracy == total and number is not None and _near(number, right):
        raise Mistake(None, "The accuracy comes first, then the number of images.", score=0.5)
    for parts, misconception in _OTHER_PARTS.items():
        if _near(accuracy, _accuracy(counts, parts)):
            detail = f"You gave {accuracy:.3f}, the accuracy on {' and '.join(parts)}."
            raise Mistake(misconception, detail)
    if accuracy == correct:
        detail = f"{accuracy:g} is the number of correct answers; divide by all of them."
        raise Mistake(None, detail)
    if _near(accuracy / 100, right):
        detail = f"{accuracy:g} is in percent; return a fraction, {right:.3f}."
        raise Mistake(None, detail, score=0.5)
    if _near(accuracy, 1 - right):
        raise Mistake(None, f"{accuracy:.3f} is the fraction of errors; return the accuracy.")
    raise Mistake(None, f"The accuracy on the test part is {right:.3f}; you gave {accuracy:g}.")
