"""Checks of the final project: a classifier of your own, judged on hidden images."""

import numpy as np

from course_checks.expectations import expect_array, expect_number, kind_of
from course_checks.protocol import ask
from course_checks.verdict import Mistake, check

__all__ = ["confident_errors", "own_classifier", "report_with_interval"]

CLASSES, SIGNERS_TO_LEARN = 5, 30
NOTHING_FROM, ALL_FROM = 0.40, 0.75
"""Accuracies on the hidden tasks that give no points and all points; chance is 0.2."""


@check("project", hidden_seeds=1)
def own_classifier(function, rng, project) -> str:
    """Check ``function(images, labels, new_images)``: probabilities for images it has never seen.

    There are two tasks, one with five signs and one with the other five, so that nobody gets only
    hard ones. Class indices, signers, mirroring and light are drawn at random. No signer of the
    new images is among those to learn from.
    """
    answers, truths = [], []
    for images, labels, new, truth in _hidden_tasks(rng, project):
        answer = ask(function, images, labels, new)
        if np.shape(answer) == (len(new),):
            detail = "This is one number per image; predict_proba gives a row, one per class."
            raise Mistake(None, detail)
        answers.append(expect_array(answer, (len(new), CLASSES)).argmax(axis=1))
        truths.append(truth)
    given, truth = np.concatenate(answers), np.concatenate(truths)
    correct, total = int((given == truth).sum()), len(truth)
    from scipy.stats import binomtest  # SciPy takes longer to import than all checks together

    interval = binomtest(correct, total).proportion_ci(0.95, method="wilson")
    found = (
        f"{correct / total:.2f} on hidden images ({correct} of {total}; 95 % interval "
        f"{interval.low:.2f} to {interval.high:.2f})"
    )
    progress = round((correct / total - NOTHING_FROM) / (ALL_FROM - NOTHING_FROM), 6)
    if progress >= 1:
        return f"Your classifier reaches {found}."
    score = max(0, np.floor(4 * progress) / 4)
    detail = f"Your classifier reaches {found}; {ALL_FROM:.2f} earns all points."
    raise Mistake(None, f"{detail} {_advice(given, correct / total)}", score=score)


def _advice(given: np.ndarray, accuracy: float) -> str:
    if len(np.unique(given)) == 1:
        return "All images get the same class."
    if accuracy < 1.5 / CLASSES:
        return "That is no better than guessing: are labels and images in the same order?"
    return (
        "Are these features of the pretrained network? From which depth, and with the "
        "preprocessing of the pretraining? Lessons 4 and 7 show what helps with few data from "
        "another domain."
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


@check()
def report_with_interval(function, rng) -> str:
    """Check ``function(predicted, truth)``: accuracy, and the ends of Wilson's 95 % interval."""
    for total in (50, int(rng.integers(120, 400))):
        truth = rng.integers(0, 4, total)
        wrong = rng.permutation(total)[: int(rng.integers(1, total // 8))]
        predicted = truth.copy()
        predicted[wrong] = (truth[wrong] + 1) % 4
        correct = total - len(wrong)
        answer = ask(function, predicted, truth)
        if isinstance(answer, dict):  # an accuracy_report
            answer = [answer.get("correct", 0) / total, answer.get("low"), answer.get("high")]
        if not isinstance(answer, list | np.ndarray) or len(answer) != 3:
            raise Mistake(None, f"Return (accuracy, low, high); you gave {kind_of(answer)}.")
        _require_interval([expect_number(number) for number in list(answer)], correct, total)
    return "The interval says how far an accuracy on so few images can be trusted."


def _require_interval(given: list[float], correct: int, total: int) -> None:
    accuracy = correct / total
    case = f"{correct} of {total} are correct; you gave {[round(number, 4) for number in given]}."
    if not np.isclose(given[0], accuracy, atol=1e-4):
        if np.isclose(given[0], 100 * accuracy, atol=0.01):
            raise Mistake(None, f"Return fractions, not percent. {case}", score=1 / 3)
        raise Mistake(None, f"The accuracy is {accuracy:.4f}. {case}")
    from scipy.stats import binomtest  # SciPy takes longer to import than all checks together

    interval = binomtest(correct, total).proportion_ci(0.95, method="wilson")
    if np.allclose(given[1:], [interval.low, interval.high], atol=0.002):
        return
    half = 1.96 * np.sqrt(accuracy * (1 - accuracy) / total)
    if np.allclose(given[1:], [accuracy - half, accuracy + half], atol=0.002):
        raise Mistake("normal-interval", case, score=2 / 3)
    if np.allclose(given[1:], [interval.high, interval.low], atol=0.002):
        raise Mistake(None, f"The lower end comes first. {case}", score=2 / 3)
    detail = f"Wilson's interval is {interval.low:.3f} to {interval.high:.3f}."
    raise Mistake(None, f"The accuracy is right, the interval is not. {detail} {case}", score=1 / 3)


@check()
def confident_errors(function, rng, most: int = 5) -> str:
    """Check ``function(probabilities, truth)``: rows of the errors, the most confident first."""
    for total in rng.integers(60, 120, 2):
        probabilities = rng.dirichlet(np.full(4, 0.6), total)
        truth = probabilities.argmax(axis=1)
        wrong = rng.permutation(total)[: total // 3]
        truth[wrong] = (truth[wrong] + 1 + rng.integers(0, 3, len(wrong))) % 4
        sure = probabilities.max(axis=1)
        errors = wrong[np.argsort(-sure[wrong])]
        answer = expect_array(ask(function, probabilities, truth), (most,))
        _require_errors(answer, errors, sure, truth, probabilities, most)
    return "The most confident errors: look at those images first."


def _require_errors(answer, errors, sure, truth, probabilities, most: int) -> None:
    given = answer.astype(int).tolist()
    if given == errors[:most].tolist():
        return
    if given == np.argsort(-sure)[:most].tolist():
        raise Mistake(None, "These are the most confident answers; most of them are correct.")
    if given == errors[::-1][:most].tolist():
        raise Mistake("least-probable-first", "Reverse it.", score=0.5)
    if set(given) == set(errors[:most].tolist()):
        raise Mistake(None, "These are the right rows; put the most confident first.", score=0.5)
    of_truth = probabilities[np.arange(len(truth)), truth]
    if given == errors[np.argsort(of_truth[errors])][:most].tolist():
        detail = (
            "You sorted by the probability of the true class; sort by that of the predicted class."
        )
        raise Mistake(None, detail, score=0.5)
    if set(given) <= set(errors.tolist()):
        raise Mistake("not-sorted-by-confidence", f"The first should be row {errors[0]}.", 0.5)
    wrong = next(row for row in given if row not in errors)
    raise Mistake(
        None,
        f"Row {wrong} is not an error: its class is {truth[wrong]}, as predicted."
        if 0 <= wrong < len(truth)
        else f"There is no row {wrong}.",
    )
