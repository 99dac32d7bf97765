"""Checks of exercise 4: CNN codes."""

import functools

import numpy as np

from course_checks.expectations import (
    expect_array,
    expect_pair,
    kind_of,
    raise_if_like,
    require_all,
    worst_place,
)
from course_checks.protocol import ModelSpec, ask
from course_checks.verdict import Mistake, check

__all__ = [
    "codes_of_maps",
    "earliest_depth",
    "honest_cross_validation",
    "weights_behind_maps",
]

TOO_GOOD = 0.72
"""Accuracy that no honest test reaches on meaningless labels; chance is 0.5."""

ENOUGH = 0.75
"""Accuracy on three classes that differ clearly; a sound test reaches 0.9."""

ALIKE = 0.95
"""Fraction of predictions that the same pipeline makes with another solver, C or scaler."""


@check()
def codes_of_maps(function, rng) -> str:
    """Check ``function(maps)``: codes, the averages of the maps after a ReLU.

    Right are all codes, to two digits, for two arrays whose four sizes all differ.
    """
    for _ in range(2):
        images, rows, columns, channels = (int(n) for n in rng.permutation(np.arange(3, 9))[:4])
        maps = rng.normal(0, 8, (images, rows, columns, channels)).astype("float32")
        answer = ask(function, ModelSpec("read_only", {"array": maps}))
        if np.shape(answer) == (images, rows, columns):
            detail = "You averaged over the channels. Average over rows and columns."
            raise Mistake(None, detail)
        answer = expect_array(answer, (images, channels))
        right = np.maximum(maps, 0).mean(axis=(1, 2))
        if np.allclose(answer, right, atol=0.006):
            continue
        raise_if_like(answer, *_wrong_codes(maps), atol=0.006)
        place = worst_place(answer, right)
        detail = f"The code of image {place[0]} and channel {place[1]}, counted from 0, should be"
        detail = f"{detail} {right[place]:.4f}; you gave {answer[place]:.4f}."
        raise Mistake(None, f"{detail} First the ReLU, then the average over rows and columns.")
    return "First the ReLU, then the average: one number per channel, none of them negative."


def _wrong_codes(maps: np.ndarray) -> list[tuple[np.ndarray, Mistake]]:
    relu, places = np.maximum(maps, 0), (1, 2)
    maximum = "These are the largest values of the maps; return their averages."
    positions = "These are sums over the maps: divide by the number of positions."
    active = "The average is over the positive values alone; divide by the number of all positions."
    sign = "Negative values became positive; the ReLU makes them zero."
    return [
        (np.maximum(maps.mean(axis=places), 0), Mistake("relu-after-average")),
        (maps.mean(axis=places), Mistake("relu-missing", score=0.5)),
        (relu.max(axis=places), Mistake(None, maximum, 0.5)),
        (relu.sum(axis=places), Mistake(None, positions, 0.5)),
        (
            relu.sum(axis=places) // maps[0, ..., 0].size,
            Mistake(None, "// cuts off decimals.", 0.5),
        ),
        (relu.sum(axis=places) / np.maximum((maps > 0).sum(axis=places), 1), Mistake(None, active)),
        (np.abs(maps).mean(axis=places), Mistake(None, sign)),
        (np.minimum(relu, 6).mean(axis=places), Mistake(None, "Values above 6 are cut off.", 0.5)),
        (np.minimum(maps, 0).mean(axis=places), Mistake(None, "The ReLU keeps the wrong sign.")),
    ]


@check()
def weights_behind_maps(function, rng) -> str:
    """Check ``function(height, width, channels, units)``: weights after Flatten and pooling.

    Right are both numbers, biases included, for three layers whose four sizes all differ.
    """
    for _ in range(3):
        height, width, channels, units = (int(n) for n in rng.permutation(np.arange(5, 60))[:4])
        answer = expect_pair(ask(function, height, width, channels, units))
        kernels = height * width * channels * units, channels * units
        case = (
            f"{height} x {width} maps of {channels} channels and {units} units: you gave "
            f"{answer[0]:,.10g} and {answer[1]:,.10g}."
        )
        _require_weights(answer, kernels, units, f"With {case}")
    return f"With 7 x 7 x 512 maps and 512 units: {7 * 7 * 512 * 512 + 512:,} or {513 * 512:,}."


def _require_weights(answer: list, kernels: tuple[int, int], units: int, case: str) -> None:
    right = [kernel + units for kernel in kernels]
    if answer == right:
        return
    without = [{kernel, kernel + 1} for kernel in kernels]  # one bias for a whole layer is too few
    if all(answer[i] in {right[i], *without[i]} for i in range(2)):
        raise Mistake("biases-forgotten", case, score=0.5)
    if answer == right[::-1]:
        raise Mistake("heads-swapped", f"Flatten comes first. {case}", score=0.5)
    places = ("after Flatten", "after pooling")
    inputs = ("every number of the maps", "one number per channel")
    for i, place in enumerate(places):
        if answer[1 - i] == right[1 - i]:
            detail = f"The number {places[1 - i]} is right, but not the one {place}, where"
            raise Mistake(None, f"{detail} {inputs[i]} comes in. {case}", score=0.5)
    detail = "Multiply the inputs by the units, and add a bias for each unit."
    raise Mistake(None, f"{detail} {case}")


@check()
def honest_cross_validation(function, rng) -> str:
    """Check ``function(codes, labels, persons, k)``: predictions without a leak.

    Right are predictions by five folds of persons, in each of which a classifier learns from the
    scaled `k` best columns of the other folds. Three tables hold nothing to find: in one a
    classifier can only memorise its training images, one has thousands of columns to choose from,
    in one all images of a person look alike. In a fourth, three classes differ, in columns of
    small numbers; in a fifth, one person has outliers. In the last there are five persons, so that
    there is only one way to fold them, and nearly one prediction.
    """
    tables = (
        _require_unknown,
        _require_columns,
        _require_persons,
        _require_signal,
        _require_scaling,
        _require_pipeline,
    )
    require_all(*(functools.partial(require, function, rng) for require in tables), rng=rng)
    return "It finds what there is to find, and nothing where there is nothing."


def _require_unknown(function, rng) -> None:
    accuracy = _accuracy(function, _noise(rng, columns=200, chosen=200))
    if accuracy > TOO_GOOD:
        raise Mistake("trained-on-tested", _on_noise(accuracy))


def _require_columns(function, rng) -> None:
    accuracy = _accuracy(function, _noise(rng, columns=3000, chosen=20))
    if accuracy > TOO_GOOD:
        raise Mistake("columns-chosen-outside", _on_noise(accuracy), score=1 / 3)


def _require_persons(function, rng) -> None:
    persons = np.repeat(rng.permutation(100)[:40], 4)
    classes = rng.permutation(np.tile([0, 1], 20))
    looks = rng.normal(0, 1, (40, 80))
    codes = np.repeat(looks, 4, axis=0) + rng.normal(0, 0.2, (160, 80))
    table = _shuffled(rng, codes, np.repeat(classes, 4), persons)
    accuracy = _accuracy(function, (*table, 80))
    if accuracy > 0.85:
        raise Mistake("persons-on-both-sides", _on_noise(accuracy), score=1 / 3)


def _require_signal(function, rng) -> None:
    labels = rng.permutation(np.tile([0, 1, 2], 40))
    codes = rng.normal(0, 1, (120, 40))
    informative = rng.permutation(40)[:9]
    codes[:, informative] += 2 * rng.normal(0, 1, (3, 9))[labels]
    codes[:, informative] /= 1000
    table = (*_shuffled(rng, codes, labels, np.repeat(np.arange(30), 4)), 12)
    answer = _predictions(function, table)
    accuracy = (answer == table[1]).mean()
    if accuracy >= ENOUGH:
        return
    found = f"On three classes that differ clearly, the accuracy is only {accuracy:.0%}."
    if (answer == _reference(*table, scaled=False)).mean() > 0.9:
        detail = "Are the columns scaled? Some hold small numbers, which tell the classes apart."
        raise Mistake(None, f"{found} {detail}", score=1 / 3)
    raise Mistake(None, f"{found} Are the predictions in the order of the rows?")


def _require_scaling(function, rng) -> None:
    """Require a scaler that ignores the tested person.

    The outliers of that person make one good column small for whoever scales with them. Then only
    another one is left, which means the opposite for that person.
    """
    persons, labels = np.repeat(np.arange(5), 30), np.tile([0, 1], 75)
    signs = 2 * labels - 1
    codes = rng.normal(0, 1, (150, 6))
    strange = persons == 4
    codes[:, 0] += 4 * signs
    codes[:, 1] += np.where(strange, -1.5, 1) * signs
    outliers = np.flatnonzero(strange)[:8]
    codes[outliers, 0] = 1000 * np.tile([1, 1, -1, -1], 2)
    usual = strange.copy()
    usual[outliers] = False
    order = rng.permutation(150)
    codes, names = codes[:, rng.permutation(6)], rng.permutation(100)[:5]
    answer = _predictions(function, (codes[order], labels[order], names[persons][order], 2))
    accuracy = (answer == labels[order])[usual[order]].mean()
    if accuracy < 0.5:
        detail = "For a person whose images have outliers the accuracy is"
        raise Mistake("test-in-preparation", f"{detail} {accuracy:.0%}, below chance.", 1 / 3)


_CLEAR_TABLES = (1, 2, 3, 8, 10, 12, 21, 23)
"""Seeds of tables on which other pipelines predict more than 5 % of the rows differently."""


def _five_persons(rng) -> tuple:
    """Draw one of the tables that separate pipelines, with its rows and columns in a new order."""
    codes, labels = _clear_table(int(rng.choice(_CLEAR_TABLES)))
    codes = codes[:, rng.permutation(codes.shape[1])] * rng.choice([-1, 1], codes.shape[1])
    labels = labels if rng.integers(2) else 1 - labels
    # In this order, the library puts the same persons together in fewer folds than five
    persons = np.repeat(np.sort(rng.permutation(100)[:5]), 24)
    return *_shuffled(rng, codes, labels, persons), 3


def _clear_table(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([rng.permutation(np.repeat([0, 1], 12)) for _ in range(5)])
    codes = rng.normal(0, 1, (120, 40))
    codes[:, :6] += labels[:, None] * rng.uniform(0.36, 1.2, 6)
    return codes, labels


def _require_pipeline(function, rng) -> None:
    table = _five_persons(rng)
    *data, k = table
    answer = _predictions(function, table)
    alike = (answer == _reference(*table)).mean()
    if alike > ALIKE:
        return
    others = {
        "All columns are used; only the best `k` should be.": data[0].shape[1],
        "Always 10 columns are chosen, as by SelectKBest(); pass it k=k.": 10,
        "One column too many is chosen.": k + 1,
        "One column too few is chosen.": k - 1,
    }
    for detail, columns in others.items():
        if (answer == _reference(*data, columns)).mean() > ALIKE:
            raise Mistake(None, detail, score=1 / 3)
    detail = (
        f"On a table of five persons, {1 - alike:.0%} of the predictions differ from those of the "
        "pipeline that was asked for. Are the k best columns chosen, scaled, and given to logistic "
        "regression, in five folds of persons?"
    )
    raise Mistake(None, detail, score=1 / 3)


def _reference(codes, labels, persons, k: int, scaled: bool = True) -> np.ndarray:
    """Return the predictions of the pipeline that was asked for."""
    from sklearn.feature_selection import SelectKBest
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler() if scaled else "passthrough"
    probe = make_pipeline(SelectKBest(k=k), scaler, LogisticRegression())
    return cross_val_predict(probe, codes, labels, groups=persons, cv=StratifiedGroupKFold(5))


def _noise(rng, columns: int, chosen: int) -> tuple:
    """Make a table of noise, in which each image shows a different person."""
    labels = rng.permutation(np.tile([0, 1], 70))
    return rng.normal(0, 1, (140, columns)), labels, rng.permutation(140), chosen


def _shuffled(rng, *arrays: np.ndarray) -> list[np.ndarray]:
    order = rng.permutation(len(arrays[0]))
    return [array[order] for array in arrays]


def _accuracy(function, table: tuple) -> float:
    return float((_predictions(function, table) == table[1]).mean())


def _predictions(function, table: tuple) -> np.ndarray:
    labels = table[1]
    answer = ask(function, *table)
    if np.ndim(answer) == 2 and np.shape(answer)[1] == len(np.unique(labels)):
        detail = "These are scores or probabilities; return classes."
        raise Mistake(None, detail)
    return expect_array(answer, labels.shape)


def _on_noise(accuracy: float) -> str:
    return f"On meaningless labels it reaches an accuracy of {accuracy:.0%}; chance is 50%."


@check()
def earliest_depth(function, rng) -> str:
    """Check ``function(right)``: the earliest block not clearly worse than the best.

    Right is the name, for five sets of blocks. In each, a block that is worse in few images, but
    hardly ever better, comes before one that is worse in more, but often better. So neither a
    fixed difference nor intervals of accuracies choose right, and neither do 1.64 or 2.58 standard
    errors.
    """
    require_all(
        *(functools.partial(_require_depth, function, rng, roles) for roles in _DEPTHS), rng=rng
    )
    return "The earliest block that is not clearly worse than the best."


_DEPTHS = (
    ("best", "close", "far", "far", "far"),
    ("close", "good", "best", "good", "far"),
    ("far", "close", "good", "far", "best"),
    ("far", "far", "close", "good", "best"),
    ("far", "far", "far", "close", "best"),
)
"""What each block is: clearly worse by much ("far") or little ("close"), or not ("good")."""


def _require_depth(function, rng, roles: tuple[str, ...]) -> None:
    right = _answers_by_block(rng, roles)
    answer = ask(function, right)
    if not isinstance(answer, str):
        detail = f"Return the name of a block; you gave {kind_of(answer)}."
        raise Mistake(None, detail)
    if answer not in right:
        raise Mistake(None, f"You gave {answer[:40]!r}; the blocks are {', '.join(right)}.")
    role_of = dict(zip(right, roles, strict=True))
    expected = next(block for block in right if role_of[block] in ("good", "best"))
    if answer != expected:
        _name_wrong_depth(answer, expected, right, role_of)


def _answers_by_block(rng, roles: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Draw which images each block classifies correctly."""
    images = int(rng.integers(400, 560))
    best = rng.permutation(images) < rng.uniform(0.75, 0.8) * images  # wrong in enough images
    answers = {}
    for number, role in enumerate(roles, start=1):
        lost, gained = _lost_and_gained(rng, role, images)
        rows = best.copy()
        rows[rng.permutation(np.flatnonzero(best))[:lost]] = False
        rows[rng.permutation(np.flatnonzero(~best))[:gained]] = True
        answers[f"block{number}"] = rows
    return answers


def _lost_and_gained(rng, role: str, images: int) -> tuple[int, int]:
    """Draw in how many images a block is wrong where the best is right, and the other way round.

    The mean difference of "close" blocks is 2.2 to 2.5 standard errors, that of "good" ones 1.7 to
    1.9, although it is larger.
    """
    if role == "best":
        return 0, 0
    if role == "far":
        return int(rng.uniform(0.15, 0.25) * images), int(rng.integers(3, 10))
    if role == "close":
        return tuple(rng.choice([(5, 0), (6, 0), (8, 1), (10, 2)]).tolist())
    difference = round(rng.uniform(0.035, 0.047) * images)
    gained = round(((difference / 1.8) ** 2 - difference) / 2)
    return gained + difference, gained


def _name_wrong_depth(answer: str, expected: str, right: dict, roles: dict[str, str]) -> None:
    accuracies = ", ".join(f"{block} {rows.mean():.3f}" for block, rows in right.items())
    case = f"From the accuracies {accuracies} you chose {answer}; it should be {expected}."
    best = next(block for block in right if roles[block] == "best")
    lost, gained = ((right[best] & ~right[answer]).sum(), (right[answer] & ~right[best]).sum())
    case = f"{case} Against {best}, {answer} loses {lost} images and gains {gained}."
    if roles[answer] == "best":
        raise Mistake("best-by-luck", case, score=1 / 3)
    if roles[answer] == "close":
        raise Mistake("intervals-for-differences", case, score=1 / 3)
    if roles[answer] == "good":
        raise Mistake(None, f"An earlier block is not clearly worse either. {case}", score=1 / 3)
    raise Mistake(None, f"This block is much worse than the best. {case}")
