"""Wrong answers to exercise 10, and what they deserve."""

from exercises.submissions import Answer

_PREPARE = """
def prepare(train, test):
    known = {known}
    mean, deviation = known.mean(axis=(0, 1, 2)), known.std(axis=(0, 1, 2))
    return (train - mean) / deviation, {test}
"""
_DIVIDE = """
def divide(persons, seed):
    everyone = {everyone}
    in_test = np.isin(persons, everyone[:{count}])
    return {answer}
"""
_DRAWN = "np.random.default_rng(seed).permutation(np.unique(persons))"
_ROWS = "np.flatnonzero(~in_test), np.flatnonzero(in_test)"
_MIRROR = """
def add_mirrored(images, labels):
    return np.concatenate([images, {images}]), np.concatenate([labels, {labels}])
"""
_SWAPPED = "np.array([1, 0, 2, 3])[labels]"
_DIAGNOSE = """
def diagnose(case):
    if case["moved"] == 0:
        return "compile"
    if case["moved"] > 0.5:
        return "rate"
    {rest}
"""

WRONG = {
    "test_by_its_own_mean": Answer(
        "ex10_q1",
        0,
        "other-preprocessing",
        """
def prepare(train, test):
    return [(x - x.mean(axis=(0, 1, 2))) / x.std(axis=(0, 1, 2)) for x in (train, test)]
""",
        says="their own mean",
    ),
    "test_divided_by_255": Answer(
        "ex10_q1",
        0,
        "other-preprocessing",
        _PREPARE.format(known="train", test="test / 255"),
        says="255",
    ),
    "train_overwritten": Answer(
        "ex10_q1",
        0,
        "other-preprocessing",
        """
def prepare(train, test):
    train = (train - train.mean(axis=(0, 1, 2))) / train.std(axis=(0, 1, 2))
    return train, (test - train.mean(axis=(0, 1, 2))) / train.std(axis=(0, 1, 2))
""",
        says="overwritten",
    ),
    "mean_of_all_images": Answer(
        "ex10_q1",
        1,
        "test-in-preparation",
        _PREPARE.format(known="np.concatenate([train, test])", test="(test - mean) / deviation"),
    ),
    "images_divided": Answer(
        "ex10_q2",
        0,
        "persons-on-both-sides",
        """
def divide(persons, seed):
    order = np.random.default_rng(seed).permutation(len(persons))
    quarter = len(persons) // 4
    return order[quarter:], order[:quarter]
""",
    ),
    "test_rows_in_the_training": Answer(
        "ex10_q2",
        0,
        "trained-on-tested",
        _DIVIDE.format(
            everyone=_DRAWN,
            count="len(everyone) // 4",
            answer="np.arange(len(persons)), np.flatnonzero(in_test)",
        ),
    ),
    "always_the_same_persons": Answer(
        "ex10_q2",
        2,
        None,
        _DIVIDE.format(everyone="np.unique(persons)", count="len(everyone) // 4", answer=_ROWS),
        says="every seed",
    ),
    "half_of_the_persons": Answer(
        "ex10_q2",
        1,
        None,
        _DIVIDE.format(everyone=_DRAWN, count="len(everyone) // 2", answer=_ROWS),
        says="you hold out 10",
    ),
    "masks_for_rows": Answer(
        "ex10_q2",
        1,
        None,
        _DIVIDE.format(everyone=_DRAWN, count="len(everyone) // 4", answer="~in_test, in_test"),
        says="flatnonzero",
    ),
    "augmentation_thrown_away": Answer(
        "ex10_q3",
        0,
        "augmentation-unused",
        """
def add_mirrored(images, labels):
    np.concatenate([images, images[:, :, ::-1]])
    return images, labels
""",
    ),
    "the_same_twice": Answer(
        "ex10_q3", 0, "augmentation-unused", _MIRROR.format(images="images", labels="labels")
    ),
    "labels_kept": Answer(
        "ex10_q3",
        1,
        "label-not-changed",
        _MIRROR.format(images="images[:, :, ::-1]", labels="labels"),
    ),
    "upside_down": Answer(
        "ex10_q3",
        1,
        None,
        _MIRROR.format(images="images[:, ::-1]", labels=_SWAPPED),
        says="upside down",
    ),
    "labels_overwritten": Answer(
        "ex10_q3",
        1,
        "argument-changed",
        """
def add_mirrored(images, labels):
    left, right = labels == 0, labels == 1
    labels[left], labels[right] = 1, 0
    return np.concatenate([images, images[:, :, ::-1]]), np.concatenate([labels, labels])
""",
    ),
    "always_the_rate": Answer(
        "ex10_q4", 0, "other-preprocessing", 'def diagnose(case):\n    return "rate"'
    ),
    "leaks_overlooked": Answer(
        "ex10_q4",
        3,
        "copies-on-both-sides",
        _DIAGNOSE.format(
            rest="""if case["after"] < case["during"] - 0.1:
        return "batch normalisation"
    return "preprocessing" if case["by_test_code"] < case["after"] - 0.1 else "none\""""
        ),
    ),
    "preprocessing_for_batch_norm": Answer(
        "ex10_q4",
        3,
        "batch-norm-training",
        _DIAGNOSE.format(
            rest="""if case["twins"] > 0:
        return "leak"
    return "preprocessing" if case["by_test_code"] < case["during"] - 0.1 else "none\""""
        ),
    ),
    "knowing_more_after_the_epoch_suspected": Answer(
        "ex10_q4",
        3,
        None,
        _DIAGNOSE.format(
            rest="""if case["twins"] > 0:
        return "leak"
    if abs(case["after"] - case["during"]) > 0.1:
        return "batch normalisation"
    return "preprocessing" if case["by_test_code"] < case["after"] - 0.1 else "none\""""
        ),
        says="is normal",
    ),
    "number_for_name": Answer(
        "ex10_q4", 0, None, "def diagnose(case):\n    return 3", says="name of a mistake"
    ),
}
