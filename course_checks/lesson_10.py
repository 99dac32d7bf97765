"""Checks of exercise 10: broken functions, repaired."""

import numpy as np

from course_checks.expectations import expect_array, kind_of, require_all
from course_checks.protocol import ask
from course_checks.verdict import Mistake, check

__all__ = ["diagnosis", "mirrored_arrows", "persons_divided", "same_preparation"]


@check()
def same_preparation(function, rng) -> str:
    """Check ``function(train, test)``: both scaled by the training channels' mean and deviation."""
    train = rng.normal(rng.uniform(60, 180, 3), rng.uniform(20, 60, 3), (12, 6, 5, 3))
    test = rng.normal(rng.uniform(60, 180, 3), rng.uniform(20, 60, 3), (9, 6, 5, 3))
    answer = ask(function, train, test)
    if not isinstance(answer, list) or len(answer) != 2:
        raise Mistake(None, f"Return two arrays; you gave {kind_of(answer)}.")
    given = [expect_array(a, b.shape) for a, b in zip(answer, (train, test), strict=True)]
    if not np.allclose(given[0], _scaled(train, train), atol=1e-3):
        if np.allclose(given[0], _scaled(train, np.concatenate([train, test])), atol=1e-3):
            raise Mistake("test-in-preparation", score=0.5)
        detail = "The training images were right before: each channel minus its mean, divided"
        raise Mistake(None, f"{detail} by its standard deviation. Now they are not.")
    if not np.allclose(given[1], _scaled(test, train), atol=1e-3):
        raise Mistake("other-preprocessing", _variant_of_the_test(given[1], test))
    return "The same preprocessing for all images, with numbers from the training images alone."


def _scaled(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    return (pixels - known.mean(axis=(0, 1, 2))) / known.std(axis=(0, 1, 2))


def _variant_of_the_test(given: np.ndarray, test: np.ndarray) -> str:
    variants = {
        "are scaled by their own mean and deviation": _scaled(test, test),
        "are divided by 255, unlike the training images": test / 255,
        "are left as they are (or was `train` overwritten before its mean was used?)": test,
    }
    for words, values in variants.items():
        if np.allclose(given, values, atol=1e-3):
            return f"The test images {words}."
    return "The training images are right, the test images are not."


@check()
def persons_divided(function, rng) -> str:
    """Check ``function(persons, seed)``: training rows and test rows, a quarter of the persons."""
    persons = rng.permutation(np.repeat(rng.permutation(1000)[:20], rng.integers(3, 9, 20)))
    seeds = [int(seed) for seed in rng.permutation(1000)[:3]]
    divisions = [_division(ask(function, persons, seed), len(persons)) for seed in seeds]
    for train, test in divisions:
        together = np.concatenate([train, test])
        if len(np.unique(together)) != len(together):
            raise Mistake("trained-on-tested", "Some rows are in both parts, or twice in one.")
        if shared := set(persons[train]) & set(persons[test]):
            detail = f"{len(shared)} of 20 persons are in both parts."
            raise Mistake("persons-on-both-sides", detail)
        if len(together) != len(persons):
            detail = f"{len(persons) - len(together)} of {len(persons)} images are in neither part."
            raise Mistake(None, detail, score=1 / 3 if 2 * len(together) > len(persons) else 0)
        held_back = len(np.unique(persons[test]))
        if not 4 <= held_back <= 6:
            detail = f"5 of 20 persons should be held out for the test; you hold out {held_back}."
            raise Mistake(None, detail, score=1 / 3)
    if all(set(test) == set(divisions[0][1]) for _, test in divisions[1:]):
        detail = "Every seed holds out the same persons: draw them at random, with the seed."
        raise Mistake(None, detail, score=2 / 3)
    again = _division(ask(function, persons, seeds[0]), len(persons))
    if set(again[1]) != set(divisions[0][1]):
        detail = "The same seed should always hold out the same persons."
        raise Mistake(None, detail, score=2 / 3)
    return "Nobody is in both parts, and the seed decides who is in the test."


def _division(answer, total: int) -> list[np.ndarray]:
    """Return the rows of training and test as integers."""
    if not isinstance(answer, list) or len(answer) != 2:
        detail = f"Return (training rows, test rows); you gave {kind_of(answer)}."
        raise Mistake(None, detail)
    sides = [np.asarray(side) for side in answer]
    for side in sides:
        if side.dtype == bool and side.shape == (total,):
            detail = "These are masks; return the indices of the rows: np.flatnonzero(mask)."
            raise Mistake(None, detail, score=1 / 3)
        if side.ndim != 1 or not side.size or side.dtype.kind not in "iu":
            raise Mistake(None, "Each part should be a list of row indices, and not be empty.")
        if side.min() < 0 or side.max() >= total:
            raise Mistake(None, f"The row indices go from 0 to {total - 1}; yours go beyond.")
    return sides


LEFT, RIGHT = 0, 1
"""Classes of arrows whose mirror image is of the other class; 2 is up, 3 is down."""


@check()
def mirrored_arrows(function, rng) -> str:
    """Check ``function(images, labels)``: followed by their mirror images, correctly labelled."""
    labels = rng.permutation(np.concatenate([np.arange(4), rng.integers(0, 4, 8)]))
    images = rng.uniform(0, 255, (12, 8, 8, 3)).astype("float32")
    answer = ask(function, images, labels)
    if not isinstance(answer, list) or len(answer) != 2:
        raise Mistake(None, f"Return (images, labels); you gave {kind_of(answer)}.")
    if np.shape(answer[0]) == images.shape and np.allclose(answer[0], images):
        raise Mistake("augmentation-unused", "The images came back unchanged.")
    given = expect_array(answer[0], (24, 8, 8, 3))
    numbers = expect_array(answer[1], (24,))
    swapped = np.array([RIGHT, LEFT, 2, 3])[labels]
    require_all(
        lambda: _require_mirrored(given, images),
        lambda: _require_labels(numbers, labels, swapped),
    )
    return "Twice as many images, and the mirror image of a left arrow is labelled right."


def _require_mirrored(given: np.ndarray, images: np.ndarray) -> None:
    first, second = np.split(given, 2)
    if np.allclose(second, images) and np.allclose(first, images):
        detail = "The second half holds the same images again, not mirrored."
        raise Mistake("augmentation-unused", detail)
    if not np.allclose(first, images, atol=1e-3):
        raise Mistake(None, "The first half should be the given images.")
    if np.allclose(second, images[:, ::-1], atol=1e-3):
        detail = "They are upside down. The columns are the third axis."
        raise Mistake(None, detail, score=1 / 3)
    if np.allclose(second, images[..., ::-1], atol=1e-3):
        raise Mistake(None, "Red and blue are swapped. Columns are the third axis.", score=1 / 3)
    if not np.allclose(second, images[:, :, ::-1], atol=1e-3):
        raise Mistake(None, "The second half should be the images, mirrored left to right.")


def _require_labels(numbers: np.ndarray, labels: np.ndarray, swapped: np.ndarray) -> None:
    first, second = np.split(numbers, 2)
    if np.array_equal(first, labels) and np.array_equal(second, swapped):
        return
    if np.array_equal(first, labels) and np.array_equal(second, labels):
        detail = "Left arrows became right arrows, but are still labelled left."
        raise Mistake("label-not-changed", detail, score=1 / 3)
    if np.array_equal(first, swapped):
        detail = "The labels of the first half changed as well. Work on a copy."
        raise Mistake("argument-changed", detail, score=1 / 3)
    wrong = int((second != swapped).sum())
    detail = f"{wrong} of 12 mirror images have a wrong label; 2 (up) and 3 (down) stay."
    raise Mistake(None, detail, score=1 / 3)


@check()
def diagnosis(function, rng) -> str:
    """Check ``function(case)``: the name of the mistake that the measured numbers show."""
    cases = [name for name in _SYMPTOMS for _ in range(2)] + ["none"] * 2
    wrong = {}
    right = 0
    for name in rng.permutation(cases).tolist():
        case = _case(name, rng)
        answer = ask(function, case)
        if not isinstance(answer, str):
            raise Mistake(None, f"Return the name of a mistake; you gave {kind_of(answer)}.")
        right += answer == name
        if answer != name:
            wrong[name] = answer[:40], case
    if not wrong:
        return f"All {len(cases)} cases are diagnosed correctly."
    name = next(name for name in cases if name in wrong)
    answer, case = wrong[name]
    detail = f"{right} of {len(cases)} cases are right. You said {answer!r} for {case}."
    if name == "none":
        detail += " Nothing in it is suspicious; `after` above `during` is normal: 'none'."
    # Always giving the same answer is right in two of twelve cases
    score = max(0.0, np.floor(4 * (right - 2) / (len(cases) - 2)) / 4)
    raise Mistake(_SYMPTOMS.get(name), detail, score=score)


_SYMPTOMS = {
    "preprocessing": "other-preprocessing",
    "batch normalisation": "batch-norm-training",
    "rate": "rate-too-high",
    "compile": "trainable-after-compile",
    "leak": "copies-on-both-sides",
}
"""Mistakes that measured numbers reveal, and the misconception behind each."""


def _case(name: str, rng) -> dict[str, float]:
    """Draw numbers like those measured when this mistake is made."""
    during = rng.uniform(0.85, 0.99)
    case = {
        "during": during,
        "after": during + rng.uniform(-0.03, 0.01),
        "by_test_code": during + rng.uniform(-0.03, 0.01),
        "moved": rng.uniform(0.005, 0.06),
        "twins": 0.0,
    }
    if name == "preprocessing":
        case["by_test_code"] = rng.uniform(0.2, 0.6)
    elif name == "batch normalisation":
        # Other evaluation code shows it as well
        case["after"] = rng.uniform(0.2, 0.6)
        case["by_test_code"] = case["after"]
    elif name == "rate":
        case["moved"] = rng.uniform(0.8, 4.0)
    elif name == "compile":
        case["moved"] = 0.0
    elif name == "leak":
        case["twins"] = rng.uniform(0.01, 0.95)
    else:
        # A network that still learns knows more after the epoch than it did during it.
        case["during"] -= rng.uniform(0.15, 0.25)
    return {key: round(float(value), 3) for key, value in case.items()}
