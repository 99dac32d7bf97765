"""Checks of exercise 3: a frozen network and a new classifier."""

import numpy as np

from course_checks.expectations import (
    ask_model,
    expect_model,
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
    """Check ``function(maps, classes)``: weights of Flatten + Dense, and of pooling + Dense."""
    for _ in range(2):
        height, width, channels, classes = (int(number) for number in rng.integers(3, 60, 4))
        answer = expect_pair(ask(function, [height, width, channels], classes))
        case = (
            f"For maps of {height} x {width} x {channels} and {classes} classes you gave {answer}."
        )
        _require_sizes(
            answer, height * width * channels * classes, channels * classes, classes, case
        )
    return "Average pooling saves all the weights that Flatten spends on positions in the image."


def _require_sizes(answer: list, flat: int, pooled: int, biases: int, case: str) -> None:
    right = [flat + biases, pooled + biases]
    if answer == right:
        return
    if answer in ([flat, pooled], [flat + 1, pooled + 1]):
        raise Mistake("biases-forgotten", case, score=0.5)
    if answer == right[::-1]:
        raise Mistake("heads-swapped", case, score=0.5)
    if answer[1] == right[1]:
        raise Mistake(
            None, f"The head with pooling is right, the other one is not. {case}", score=0.5
        )
    if answer[0] == right[0]:
        detail = "Average pooling leaves one number per channel, whatever the height and width."
        case = f"The head with Flatten is right, the other one is not. {detail} {case}"
        raise Mistake(None, case, score=0.5)
    raise Mistake(None, f"How many inputs does the Dense layer have? {case}")


@check("pets")
def frozen_classifier(function, rng, pets, classes: int = 2) -> str:
    """Check ``function(backbone)``: frozen, average pooling, one softmax layer, compiled.

    The loss must take one-hot labels. After some training steps, the predictions must be those of
    the new head on the codes of the unchanged backbone.
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


@check("pets")
def trained_head(function, rng, pets, enough: float = ENOUGH_FOR_PETS) -> str:
    """Check ``function(codes, labels)``: a trained network, judged on codes it has never seen.

    The order of the channels and the indices of the two classes are drawn at random.
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
    """Check ``function(model, parts)``: (accuracy, number of images) of the test part."""
    settings = {"kernel": rng.normal(0, 1, (8, 3)), "bias": rng.normal(0, 0.1, 3)}
    parts, truth = {}, {}
    for part, total, least, most in (
        ("train", 60, 1, 1),
        ("valid", 45, 0.86, 0.94),
        ("test", 40, 0.6, 0.8),
    ):
        total, share = total + int(rng.integers(0, 10)), rng.uniform(least, most)
        codes = rng.normal(0, 1, (total, 8)).astype("float32")
        labels = linear_scores(codes, settings).argmax(axis=1)
        wrong = rng.permutation(total)[: round((1 - share) * total)]
        labels[wrong] = (labels[wrong] + 1) % 3
        parts[part], truth[part] = [codes, labels], ((total - len(wrong)) / total, total)
    answer = ask(function, ModelSpec("linear", settings), parts)
    _require_report(answer, truth)
    return f"{truth['test'][0]:.3f} on {truth['test'][1]} images that took no part in training."


def _require_report(answer, truth: dict[str, tuple[float, int]]) -> None:
    if isinstance(answer, dict) and {"correct", "total"} <= set(answer):  # an accuracy_report
        answer = [answer["correct"] / max(answer["total"], 1), answer["total"]]
    alone = isinstance(answer, int | float)
    accuracy, number = (answer, None) if alone else expect_pair(answer)
    for part, misconception in (
        ("train", "evaluated-on-training"),
        ("valid", "evaluated-on-validation"),
    ):
        if np.isclose(accuracy, truth[part][0], atol=1e-4):
            raise Mistake(misconception, f"You gave {accuracy:.3f}.")
    right, total = truth["test"]
    if np.isclose(accuracy, right * total):
        raise Mistake(
            None, f"{accuracy:g} is the number of correct answers; divide by all of them."
        )
    if np.isclose(accuracy, 100 * right, atol=0.1):
        raise Mistake(
            None, f"{accuracy:g} is in percent; return a fraction, {right:.3f}.", score=0.5
        )
    if accuracy == total and number is not None and np.isclose(number, right, atol=1e-4):
        raise Mistake(None, "The accuracy comes first, then the number of images.", score=0.5)
    if not np.isclose(accuracy, right, atol=1e-4):
        raise Mistake(None, f"The accuracy on the test part is {right:.3f}; you gave {accuracy:g}.")
    if alone:
        raise Mistake("accuracy-without-number", "Return (accuracy, number).", score=0.5)
    if number != total:
        raise Mistake(None, f"The accuracy is right. There are {total} test images.", score=0.5)
