"""Checks of the final project: a classifier of your own, judged on hidden images."""

import functools
import itertools

import numpy as np

from course_checks.expectations import (
    expect_array,
    expect_number,
    kind_of,
    raise_if_like,
    require_all,
)
from course_checks.protocol import ask
from course_checks.verdict import Mistake, check

__all__ = ["confident_errors", "own_classifier", "report_with_interval"]

CLASSES, SIGNERS_TO_LEARN = 5, 30
NOTHING_FROM, ALL_FROM = 0.40, 0.75
"""Accuracies on the hidden tasks that give no points and all points; chance is 0.2."""


@check("project", hidden_seeds=1)
def own_classifier(function, rng, project) -> str:
    """Check ``function(images, labels, new_images)``: probabilities for images it has never seen.

    A right answer learns from the images, has a column for each class index, and reaches
    `ALL_FROM`. There are two tasks, one with five signs and one with the other five, so that nobody
    gets only hard ones. Class indices, signers, mirroring and light are drawn at random. No signer
    of the new images is among those to learn from.
    """
    answers, truths, worse = [], [], []
    for images, labels, new, truth in _hidden_tasks(rng, project):
        answer = ask(function, images, labels, new)
        if np.shape(answer) == (len(new),):
            detail = "This is one number per image; predict_proba gives a row, one per class."
            raise Mistake(None, detail)
        answer = expect_array(answer, (len(new), CLASSES))
        if answer.min() < -1e-6 or not np.allclose(answer.sum(axis=1), 1, atol=0.02):
            worse.append("The rows are not probabilities: each adds up to 1, and none is negative.")
        answers.append(answer.argmax(axis=1))
        truths.append(truth)
    return _grade(answers, truths, worse)


def _grade(answers: list[np.ndarray], truths: list[np.ndarray], worse: list[str]) -> str:
    given, truth = np.concatenate(answers), np.concatenate(truths)
    correct, total = int((given == truth).sum()), len(truth)
    low, high = _wilson(correct, total)
    found = (
        f"{correct / total:.2f} on hidden images ({correct} of {total}; 95 % interval "
        f"{low:.2f} to {high:.2f})"
    )
    progress = round((correct / total - NOTHING_FROM) / (ALL_FROM - NOTHING_FROM), 6)
    score = min(1, max(0, np.floor(4 * progress) / 4))
    if score == 1 and not worse:
        return f"Your classifier reaches {found}."
    if score == 1:
        raise Mistake(None, f"Your classifier reaches {found}. {worse[0]}", score=0.75)
    advice = " ".join([_advice(answers, truths, correct / total), *worse[:1]])
    detail = f"Your classifier reaches {found}; {ALL_FROM:.2f} earns all points."
    raise Mistake(None, f"{detail} {advice}", score=score)


def _advice(answers: list[np.ndarray], truths: list[np.ndarray], accuracy: float) -> str:
    if any(len(np.unique(given)) == 1 for given in answers):
        return "All images get the same class."
    if accuracy + 0.2 < _accuracy_with_other_columns(answers, truths):
        return "The columns are not in the order of the class indices: column 0 is for class 0."
    if accuracy < 1.5 / CLASSES:
        return "That is no better than guessing: are labels and images in the same order?"
    return (
        "Are these features of the pretrained network? From which depth, and with the "
        "preprocessing of the pretraining? Lessons 4 and 7 show what helps with few data from "
        "another domain."
    )


def _accuracy_with_other_columns(answers: list[np.ndarray], truths: list[np.ndarray]) -> float:
    """Return the accuracy with each task's columns in their best order."""
    orders = np.array(list(itertools.permutations(range(CLASSES))))
    return np.mean(
        [
            max(np.mean(order[given] == truth) for order in orders)
            for given, truth in zip(answers, truths, strict=True)
        ]
    )


def _hidden_tasks(rng, project: dict) -> list[list[np.ndarray]]:
    """Draw signs and signers, and change light and framing, so that no image is known."""
    signers = rng.permutation(np.unique(project["signers"]))
    people = signers[:SIGNERS_TO_LEARN], signers[SIGNERS_TO_LEARN:]
    fives = rng.permutation(10).reshape(-1, CLASSES)
    return [_task(signs, people, rng, project) for signs in fives]


def _task(signs: np.ndarray, people: tuple, rng, project: dict) -> list[np.ndarray]:
    """Return images and labels to learn from, then new ones, of these signs."""
    mirror = rng.random() < 0.5
    task = []
    for some in people:
        wanted = np.isin(project["signers"], some) & np.isin(project["labels"], signs)
        rows = rng.permutation(np.flatnonzero(wanted))
        images = np.stack([_another_shot(image, rng) for image in project["images"][rows]])
        numbers = [signs.tolist().index(label) for label in project["labels"][rows]]
        task += [images[:, :, ::-1] if mirror else images, np.array(numbers)]
    return [np.ascontiguousarray(array) for array in task]


def _another_shot(image: np.ndarray, rng) -> np.ndarray:
    """Shift an image by up to a sixteenth of its side, change its brightness, and add noise."""
    margin = image.shape[0] // 16
    framed = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    top, left = rng.integers(0, 2 * margin + 1, 2)
    moved = framed[top : top + image.shape[0], left : left + image.shape[1]]
    noise = rng.normal(0, 3, image.shape).astype("float32")
    return np.clip(moved * rng.uniform(0.85, 1.15) + noise, 0, 255).astype("uint8")


Z = 1.959964
"""The quantile of the normal distribution for 95 %."""


def _wilson(correct: int, total: int, z: float = Z) -> np.ndarray:
    """Return both ends of Wilson's interval."""
    share = correct / total
    middle = share + z**2 / (2 * total)
    half = z * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return np.array([middle - half, middle + half]) / (1 + z**2 / total)


def _normal(correct: float, total: float, z: float) -> np.ndarray:
    """Return both ends of the interval of the normal approximation."""
    share = correct / total
    half = z * np.sqrt(share * (1 - share) / total)
    return np.array([share - half, share + half])


@check()
def report_with_interval(function, rng) -> str:
    """Check ``function(predicted, truth)``: accuracy, and the ends of Wilson's 95 % interval.

    A right answer may round its numbers to two digits or more, and may be an `accuracy_report`. One
    class is rare and often wrong, so the mean over the classes is another number. With few images
    all intervals differ.
    """

    def compare(total: int, wrong: int):
        truth = rng.permutation(np.arange(total) % 8 // 3)  # three, three and two of eight
        errors = np.flatnonzero(truth == 2)[:wrong]
        predicted = truth.copy()
        predicted[errors] = rng.integers(0, 2, wrong)
        answer = ask(function, predicted, truth)
        if isinstance(answer, dict) and "correct" in answer:  # an accuracy_report
            answer = [answer["correct"] / total, answer.get("low"), answer.get("high")]
        if not isinstance(answer, list | np.ndarray) or len(answer) != 3:
            raise Mistake(None, f"Return (accuracy, low, high); you gave {kind_of(answer)}.")
        given = [expect_number(number) for number in list(answer)]
        _require_interval(np.array(given), total - wrong, total)

    cases = [(int(rng.integers(20, 27)), 2), (int(rng.integers(40, 61)), 3), (30, 0)]
    require_all(*(functools.partial(compare, *case) for case in cases), rng=rng)
    return "The interval says how far an accuracy on so few images can be trusted."


def _is_rounded(given: np.ndarray, right: np.ndarray) -> bool:
    """Whether these are the numbers, or the numbers rounded to two or three digits either way."""
    off = np.abs(given - right)
    return bool(np.all(off < 5e-4)) or any(
        np.all((off < 0.5 * 10.0**-digits + 1e-6) & (np.abs(given - given.round(digits)) < 1e-6))
        for digits in (2, 3)
    )


def _require_interval(given: np.ndarray, correct: int, total: int) -> None:
    accuracy, wilson = correct / total, _wilson(correct, total)
    case = f"{correct} of {total} are correct; you gave {np.round(given, 4).tolist()}."
    if _is_rounded(given, np.array([accuracy, *wilson])):
        return
    if not _is_rounded(given[:1], np.array([accuracy])):
        _name_wrong_accuracy(given, accuracy, case)
    normal = _normal(correct, total, Z)
    if _is_rounded(given[1:], normal) or _is_rounded(given[1:], normal.clip(0, 1)):
        raise Mistake("normal-interval", case, score=2 / 3)
    for words, ends in _other_intervals(correct, total).items():
        if _is_rounded(given[1:], ends):
            raise Mistake(None, f"{words} {case}", score=2 / 3)
    if _is_rounded(given[1:], wilson[::-1]):
        raise Mistake(None, f"The lower end comes first. {case}", score=2 / 3)
    detail = f"Wilson's interval is {wilson[0]:.3f} to {wilson[1]:.3f}."
    raise Mistake(None, f"The accuracy is right, the interval is not. {detail} {case}", score=1 / 3)


def _name_wrong_accuracy(given: np.ndarray, accuracy: float, case: str) -> None:
    if np.isclose(given[0], 100 * accuracy, atol=0.51):
        raise Mistake(None, f"Return fractions, not percent. {case}", score=1 / 3)
    details = {
        1 - accuracy: "This is the fraction of errors.",
        0: "The accuracy is 0: `//` cuts off to whole numbers, and `/` divides.",
    }
    words = [words for number, words in details.items() if np.isclose(given[0], number, atol=0.005)]
    detail = (
        words[0] if words else "Correct answers divided by all answers, whatever their classes."
    )
    raise Mistake(None, f"The accuracy is {accuracy:.4f}. {detail} {case}")


def _other_intervals(correct: int, total: int) -> dict[str, np.ndarray]:
    """Return the ends of intervals that are not Wilson's at 95 %, by a name or in words."""
    from scipy.stats import binomtest  # SciPy takes longer to import than all checks together

    exact, corrected = (
        np.array(binomtest(correct, total).proportion_ci(method=method)[:])
        for method in ("exact", "wilsoncc")
    )
    return {
        "This is Clopper and Pearson's interval, SciPy's default: say method='wilson'.": exact,
        "This is Wilson's interval with a continuity correction.": corrected,
        "This is Agresti and Coull's interval, which is wider than Wilson's.": _normal(
            correct + Z**2 / 2, total + Z**2, Z
        ),
        "This is the interval for 90 %.": _wilson(correct, total, 1.644854),
        "This is the interval for 99 %.": _wilson(correct, total, 2.575829),
        "For 95 %, z is 1.96 and not 2.": _wilson(correct, total, 2),
        "This is one standard error to each side.": _normal(correct, total, 1),
    }


MOST = 5
"""How many errors are asked for."""


@check()
def confident_errors(function, rng) -> str:
    """Check ``function(probabilities, truth)``: rows of the errors, the most confident first.

    A right answer sorts the wrong predictions by their highest probability. Other orders, by the
    margin, the entropy or the true class, give other rows.
    """

    def compare():
        probabilities, truth, rows, wrong = _predictions(rng)
        answer = ask(function, probabilities, truth)
        if len(np.shape(answer)) == 1 and np.shape(answer) != (MOST,):
            given = np.asarray(answer)
            score = 0.5 if np.array_equal(given[:MOST], rows) else 0
            detail = f"Return the rows of {MOST} errors, not of {len(given)}: [:{MOST}]."
            raise Mistake(None, detail, score=score)
        given = expect_array(answer, (MOST,))
        if not np.array_equal(given, rows):
            _name_wrong_rows(given, rows, wrong, probabilities, truth)

    require_all(compare, compare)
    return "The most confident errors: look at those images first."


def _predictions(rng) -> tuple:
    """Draw probabilities and classes; return them, the right rows, and those of wrong orders."""
    while True:
        total = int(rng.integers(60, 120))
        probabilities = rng.dirichlet(np.ones(4), total)
        truth = predicted = probabilities.argmax(axis=1)
        wrong = rng.random(total) < 1 / 3
        truth = np.where(wrong, (predicted + rng.integers(1, 4, total)) % 4, predicted)
        errors, ordered = np.flatnonzero(wrong), np.sort(probabilities, axis=1)
        orders = {
            "confidence": ordered[:, -1],
            "margin": ordered[:, -1] - ordered[:, -2],
            "entropy": np.sum(probabilities * np.log(probabilities), axis=1),
            "true class": -probabilities[np.arange(total), truth],
            "row": -np.arange(total),
        }
        found = {name: errors[np.argsort(-by[errors])][:MOST] for name, by in orders.items()}
        found["all"] = np.argsort(-ordered[:, -1])[:MOST]
        found["positions"] = np.argsort(-ordered[errors, -1])[:MOST]
        found["reversed"] = errors[np.argsort(ordered[errors, -1])][:MOST]
        right = found.pop("confidence")
        close = np.diff(np.sort(ordered[errors, -1])[-MOST - 1 :]).min() < 0.002
        both = 0 < np.isin(found["all"], errors).sum() < MOST
        if both and not close and not any(set(rows) == set(right) for rows in found.values()):
            return probabilities, truth, right, found


def _name_wrong_rows(given, right, wrong: dict, probabilities, truth) -> None:
    if (given != given.round()).any():
        raise Mistake(None, "Return rows, which are whole numbers, not probabilities.")
    if set(given) == set(right):
        raise Mistake(None, "These are the right rows; put the most confident first.", score=0.5)
    of_all = "These are the most confident answers; most of them are correct."
    by_truth = (
        "You sorted by the probability of the true class; sort by that of the predicted class."
    )
    margin = "You sorted by the lead over the second class; sort by the highest probability itself."
    entropy = "You sorted by the entropy; sort by the highest probability."
    positions = "These are positions among the errors, not rows: errors[order]."
    raise_if_like(
        given,
        (wrong["all"], Mistake(None, of_all)),
        (wrong["reversed"], Mistake("least-probable-first", "Reverse it.", score=0.5)),
        (wrong["true class"], Mistake(None, by_truth, score=0.5)),
        (wrong["margin"], Mistake(None, margin, score=0.5)),
        (wrong["entropy"], Mistake(None, entropy, score=0.5)),
        (wrong["positions"], Mistake(None, positions, score=0.5)),
        atol=0,
    )
    predicted = probabilities.argmax(axis=1)
    for row in given.astype(int).tolist():
        if not 0 <= row < len(truth):
            raise Mistake(None, f"There is no row {row}.")
        if predicted[row] == truth[row]:
            detail = f"Row {row} is not an error: its class is {truth[row]}, as predicted."
            raise Mistake(None, detail)
    raise Mistake("not-sorted-by-confidence", f"The first should be row {right[0]}.", 0.5)
