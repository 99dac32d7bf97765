"""Answers to exercise 10: wrong ones, with what they deserve, and right ones of other kinds."""

from exercises.function_bodies import makers

_wrong, _right = makers(
    "10",
    {
        1: "prepare(train, test)",
        2: "divide(persons, seed)",
        3: "add_mirrored(images, labels)",
        4: "diagnose(case)",
    },
)


def _scaled(mean="train.mean(axis=(0, 1, 2))", deviation="train.std(axis=(0, 1, 2))", test=None):
    return f"""
        mean, deviation = {mean}, {deviation}
        return (train - mean) / deviation, {test or "(test - mean) / deviation"}
    """


_DRAWN = "np.random.default_rng(seed).permutation(np.unique(persons))"
_ROWS = "np.flatnonzero(~in_test), np.flatnonzero(in_test)"


def _divided(count="len(everyone) // 4", everyone=_DRAWN, answer=_ROWS):
    return f"""
        everyone = {everyone}
        in_test = np.isin(persons, everyone[:{count}])
        return {answer}
    """


def _mirrored(images="images[:, :, ::-1]", labels="np.array([1, 0, 2, 3])[labels]"):
    return f"return np.concatenate([images, {images}]), np.concatenate([labels, {labels}])"


def _diagnosed(
    compile="case['moved'] == 0",
    rate="case['moved'] > 0.5",
    leak="case['twins'] > 0",
    batch_norm="case['after'] < case['during'] - 0.1",
    preprocessing="case['by_test_code'] < case['after'] - 0.1",
):
    return f"""
        if {compile}:
            return "compile"
        if {rate}:
            return "rate"
        if {leak}:
            return "leak"
        if {batch_norm}:
            return "batch normalisation"
        return "preprocessing" if {preprocessing} else "none"
    """


WRONG = {
    "test_by_its_own_mean": _wrong(
        1,
        0,
        "other-preprocessing",
        "return [(x - x.mean(axis=(0, 1, 2))) / x.std(axis=(0, 1, 2)) for x in (train, test)]",
        "their own mean and deviation",
    ),
    "test_divided_by_255": _wrong(1, 0, "other-preprocessing", _scaled(test="test / 255"), "255"),
    "test_by_its_own_deviation": _wrong(
        1,
        0,
        "other-preprocessing",
        _scaled(test="(test - mean) / test.std(axis=(0, 1, 2))"),
        "divided by their own deviation",
    ),
    "train_overwritten": _wrong(
        1,
        0,
        "other-preprocessing",
        """
        train = (train - train.mean(axis=(0, 1, 2))) / train.std(axis=(0, 1, 2))
        return train, (test - train.mean(axis=(0, 1, 2))) / train.std(axis=(0, 1, 2))
        """,
        "overwritten",
    ),
    "train_changed_in_place": _wrong(
        1,
        0,
        "other-preprocessing",
        """
        deviation = train.std(axis=(0, 1, 2))
        train -= train.mean(axis=(0, 1, 2))
        return train / deviation, (test - train.mean(axis=(0, 1, 2))) / deviation
        """,
        "changed before its mean",
    ),
    "mean_of_all_images": _wrong(
        1,
        1,
        "test-in-preparation",
        """
        known = np.concatenate([train, test])
        mean, deviation = known.mean(axis=(0, 1, 2)), known.std(axis=(0, 1, 2))
        return (train - mean) / deviation, (test - mean) / deviation
        """,
    ),
    "one_mean_for_all_channels": _wrong(
        1, 1, None, _scaled("train.mean()", "train.std()"), "Each channel has its own"
    ),
    "a_mean_for_each_pixel": _wrong(
        1, 1, None, _scaled("train.mean(axis=0)", "train.std(axis=0)"), "not one per pixel"
    ),
    "variance": _wrong(
        1, 1, None, _scaled(deviation="train.var(axis=(0, 1, 2))"), "divides by the variance"
    ),
    "only_the_mean": _wrong(1, 1, None, _scaled(deviation="1"), "Only the mean is subtracted"),
    "only_the_deviation": _wrong(1, 1, None, _scaled(mean="0"), "subtract the mean"),
    "each_image_by_itself": _wrong(
        1,
        0,
        None,
        """
        def one(x):
            mean, deviation = x.mean(axis=(1, 2)), x.std(axis=(1, 2))
            return (x - mean[:, None, None]) / deviation[:, None, None]

        return one(train), one(test)
        """,
        "The training images were right before",
    ),
    "by_the_numbers_of_the_test": _wrong(
        1,
        0,
        None,
        _scaled("test.mean(axis=(0, 1, 2))", "test.std(axis=(0, 1, 2))"),
        "The training images were right before",
    ),
    "test_first": _wrong(
        1,
        1,
        None,
        _scaled().replace("return (train - mean) / deviation,", "return").rstrip()
        + ", (train - mean) / deviation",
        "the training images first",
    ),
    "images_divided": _wrong(
        2,
        0,
        "persons-on-both-sides",
        """
        order = np.random.default_rng(seed).permutation(len(persons))
        quarter = len(persons) // 4
        return order[quarter:], order[:quarter]
        """,
    ),
    "sorted_by_person_and_cut": _wrong(
        2,
        0,
        "persons-on-both-sides",
        """
        order = np.argsort(persons, kind="stable")
        return order[len(order) // 4:], order[:len(order) // 4]
        """,
        "1 of",
    ),
    "test_rows_in_the_training": _wrong(
        2,
        0,
        "trained-on-tested",
        _divided(answer="np.arange(len(persons)), np.flatnonzero(in_test)"),
    ),
    "one_image_of_each_in_the_test": _wrong(
        2,
        0,
        "persons-on-both-sides",
        """
        _, first = np.unique(persons, return_index=True)
        return np.setdiff1d(np.arange(len(persons)), first), first
        """,
    ),
    "always_the_same_persons": _wrong(
        2, 2, None, _divided(everyone="np.unique(persons)"), "every seed"
    ),
    "never_the_same_persons": _wrong(
        2, 2, None, _divided(everyone=_DRAWN.replace("seed", "")), "The same seed"
    ),
    "seed_is_a_counter": _wrong(
        2,
        2,
        None,
        """
        divide.calls = getattr(divide, "calls", 0) + 1
        everyone = np.random.default_rng(divide.calls).permutation(np.unique(persons))
        in_test = np.isin(persons, everyone[:len(everyone) // 4])
        return np.flatnonzero(~in_test), np.flatnonzero(in_test)
        """,
        "The same seed",
    ),
    "always_five_persons": _wrong(2, 1, None, _divided("5"), "you hold out 5"),
    "half_of_the_persons": _wrong(2, 1, None, _divided("len(everyone) // 2"), "About a quarter of"),
    "a_fifth_of_the_persons": _wrong(2, 1, None, _divided("len(everyone) // 5"), "you hold out"),
    "a_quarter_of_the_images_as_count": _wrong(
        2, 1, None, _divided("len(persons) // 8"), "About a quarter of"
    ),
    "test_rows_first": _wrong(
        2,
        2,
        None,
        _divided(answer="np.flatnonzero(in_test), np.flatnonzero(~in_test)"),
        "return the training rows first",
    ),
    "masks_for_rows": _wrong(2, 1, None, _divided(answer="~in_test, in_test"), "flatnonzero"),
    "persons_for_rows": _wrong(
        2,
        1,
        None,
        _divided(answer="everyone[len(everyone) // 4:], everyone[:len(everyone) // 4]"),
        "numbers of persons",
    ),
    "one_image_of_each_person": _wrong(
        2,
        0,
        None,
        """
        everyone, rows = np.unique(persons, return_index=True)
        np.random.default_rng(seed).shuffle(rows)
        return rows[len(everyone) // 4:], rows[: len(everyone) // 4]
        """,
        "in neither part",
    ),
    "augmentation_thrown_away": _wrong(
        3,
        0,
        "augmentation-unused",
        """
        np.concatenate([images, images[:, :, ::-1]])
        return images, labels
        """,
    ),
    "the_same_twice": _wrong(3, 0, "augmentation-unused", _mirrored("images", "labels")),
    "labels_kept": _wrong(3, 1, "label-not-changed", _mirrored(labels="labels")),
    "upside_down": _wrong(3, 1, None, _mirrored("images[:, ::-1]"), "upside down"),
    "turned_by_half": _wrong(3, 1, None, _mirrored("images[:, ::-1, ::-1]"), "turned by half"),
    "colours_swapped": _wrong(3, 1, None, _mirrored("images[..., ::-1]"), "Red and blue"),
    "order_reversed": _wrong(3, 1, None, _mirrored("images[::-1, :, ::-1]"), "in reverse order"),
    "labels_overwritten": _wrong(
        3,
        1,
        "argument-changed",
        """
        left, right = labels == 0, labels == 1
        labels[left], labels[right] = 1, 0
        return np.concatenate([images, images[:, :, ::-1]]), np.concatenate([labels, labels])
        """,
    ),
    "one_after_the_other": _wrong(
        3,
        1,
        None,
        """
        new = labels.copy()
        new[new == 0] = 1
        new[new == 1] = 0
        return np.concatenate([images, images[:, :, ::-1]]), np.concatenate([labels, new])
        """,
        "points left (0) points right (1); you gave 0",
    ),
    "up_and_down_exchanged": _wrong(
        3,
        1,
        None,
        _mirrored(labels="np.array([1, 0, 3, 2])[labels]"),
        "points up (2) points up (2); you gave 3",
    ),
    "one_minus_the_label": _wrong(
        3, 1, None, _mirrored(labels="1 - labels"), "points up (2); you gave -1"
    ),
    "only_left_becomes_right": _wrong(
        3,
        1,
        None,
        _mirrored(labels="np.where(labels == 0, 1, labels)"),
        "points right (1) points left (0); you gave 1",
    ),
    "mirrored_first": _wrong(
        3,
        2,
        None,
        """
        labels = np.concatenate([np.array([1, 0, 2, 3])[labels], labels])
        return np.concatenate([images[:, :, ::-1], images]), labels
        """,
        "all given images come first",
    ),
    "in_pairs": _wrong(
        3,
        2,
        None,
        """
        pairs = [[x, x[:, ::-1]] for x in images]
        numbers = [[y, {0: 1, 1: 0}.get(y, y)] for y in labels.tolist()]
        return np.array(pairs).reshape(-1, *images.shape[1:]), np.ravel(numbers)
        """,
        "all given images come first",
    ),
    "mirrored_in_place": _wrong(
        3,
        1,
        None,
        """
        for i, image in enumerate(images):
            images[i] = image[:, ::-1].copy()
        new = np.array([1, 0, 2, 3])[labels]
        return np.concatenate([images, images]), np.concatenate([labels, new])
        """,
        "mirrored as well",
    ),
    "only_the_mirror_images": _wrong(
        3,
        0,
        None,
        "return images[:, :, ::-1], np.array([1, 0, 2, 3])[labels]",
        "shape should be",
    ),
    "always_the_rate": _wrong(4, 0, "other-preprocessing", 'return "rate"'),
    "rate_from_a_tenth": _wrong(
        4, 3, None, _diagnosed(rate="case['moved'] > 0.1"), "less than half of their length"
    ),
    "rate_from_the_whole": _wrong(
        4, 3, "rate-too-high", _diagnosed(rate="case['moved'] > 1"), "more than half"
    ),
    "hardly_moved_is_not_moved": _wrong(
        4, 3, None, _diagnosed(compile="case['moved'] < 0.01"), "if only a little"
    ),
    "a_few_copies_overlooked": _wrong(
        4, 3, "copies-on-both-sides", _diagnosed(leak="case['twins'] > 0.05"), "any copy counts"
    ),
    "leaks_overlooked": _wrong(4, 3, "copies-on-both-sides", _diagnosed(leak="False")),
    "all_accuracies_within_a_twentieth": _wrong(
        4,
        3,
        None,
        _diagnosed(
            batch_norm="case['after'] < case['during'] - 0.05",
            preprocessing="case['by_test_code'] < case['after'] - 0.05",
        ),
        "differs from the one before by less than 0.1",
    ),
    "a_fifth_lower": _wrong(
        4,
        2,
        "other-preprocessing",
        _diagnosed(
            batch_norm="case['after'] < case['during'] - 0.2",
            preprocessing="case['by_test_code'] < case['after'] - 0.2",
        ),
        "more than 0.1 below",
    ),
    "preprocessing_for_batch_norm": _wrong(
        4,
        1,
        "other-preprocessing",
        _diagnosed(batch_norm="False", preprocessing="case['by_test_code'] < case['during'] - 0.1"),
    ),
    "compared_with_during": _wrong(
        4,
        2,
        "other-preprocessing",
        _diagnosed(preprocessing="case['by_test_code'] < case['during'] - 0.1"),
        "below `after`",
    ),
    "preprocessing_asked_first": _wrong(
        4,
        2,
        "batch-norm-training",
        """
        if case["by_test_code"] < case["during"] - 0.1:
            return "preprocessing"
        """
        + _diagnosed(),
        "as low as `after`",
    ),
    "knowing_more_after_the_epoch_suspected": _wrong(
        4,
        2,
        "other-preprocessing",
        _diagnosed(batch_norm="abs(case['after'] - case['during']) > 0.1"),
    ),
    "more_after_means_batch_norm": _wrong(
        4,
        1,
        "other-preprocessing",
        _diagnosed(batch_norm="case['after'] > case['during'] + 0.1"),
    ),
    "lookup_of_round_numbers": _wrong(
        4,
        0,
        "other-preprocessing",
        """
        known = {0.0: "compile", 0.5: "rate", 0.01: "leak"}
        return known.get(round(case["moved"], 1), "none")
        """,
    ),
    "counter_of_calls": _wrong(
        4,
        0,
        "other-preprocessing",
        """
        names = ["preprocessing"] * 3 + ["batch normalisation"] * 3 + ["rate"] * 2
        names += ["compile"] * 2 + ["leak"] * 2 + ["none"] * 4
        diagnose.calls = getattr(diagnose, "calls", -1) + 1
        return names[diagnose.calls % len(names)]
        """,
    ),
    "number_for_name": _wrong(4, 0, None, "return 3", "name of a mistake"),
    "unknown_name": _wrong(4, 0, None, 'return "batch norm"', "choose one of"),
}

RIGHT = {
    "loop_over_channels": _right(
        1,
        """
        results = []
        for images in (train, test):
            scaled = np.empty(images.shape, "float32")
            for c in range(3):
                scaled[..., c] = (images[..., c] - train[..., c].mean()) / train[..., c].std()
            results.append(scaled)
        return results
        """,
    ),
    "sample_deviation": _right(1, _scaled(deviation="train.std(axis=(0, 1, 2), ddof=1)")),
    "standard_scaler": _right(
        1,
        """
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(train.reshape(-1, 3))
        return [scaler.transform(x.reshape(-1, 3)).reshape(x.shape) for x in (train, test)]
        """,
    ),
    "keras_normalization": _right(
        1,
        """
        import keras

        layer = keras.layers.Normalization(axis=-1)
        layer.adapt(train)
        return layer(train), layer(test)
        """,
    ),
    "in_place": _right(
        1,
        """
        mean, deviation = train.mean(axis=(0, 1, 2)), train.std(axis=(0, 1, 2)) + 1e-7
        for part in (train, test):
            part -= mean
            part /= deviation
        return train, test
        """,
    ),
    "rounded": _right(
        1,
        _scaled().replace("return", "train, test =") + "\n        "
        "return np.round(train, 2), np.round(test, 2)",
    ),
    "sets": _right(
        2,
        """
        everyone = sorted(set(persons.tolist()))
        count = round(len(everyone) / 4)
        chosen = set(np.random.RandomState(seed).choice(everyone, count, replace=False))
        test = [i for i, person in enumerate(persons) if person in chosen]
        return [i for i in range(len(persons)) if i not in test], test
        """,
    ),
    "group_shuffle_split": _right(
        2,
        """
        from sklearn.model_selection import GroupShuffleSplit

        split = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=seed)
        return next(split.split(persons, groups=persons))
        """,
    ),
    "sampled_in_python": _right(
        2,
        """
        import random

        everyone = sorted(set(map(int, persons)))
        test = random.Random(seed).sample(everyone, -(-len(everyone) // 4))
        return tuple([i for i, p in enumerate(persons) if (p in test) == t] for t in (False, True))
        """,
    ),
    "global_seed": _right(
        2,
        """
        np.random.seed(seed)
        everyone = np.unique(persons)
        np.random.shuffle(everyone)
        train = np.isin(persons, everyone[len(everyone) // 4:])
        return np.where(train)[0][::-1].astype("int32"), np.argwhere(~train)[:, 0]
        """,
    ),
    "loops": _right(
        3,
        """
        mirrored = [np.fliplr(image) for image in images]
        swapped = [{0: 1, 1: 0}.get(int(label), int(label)) for label in labels]
        return [*images, *mirrored], [*labels.tolist(), *swapped]
        """,
    ),
    "tensorflow": _right(
        3,
        """
        import tensorflow as tf

        new = tf.where(labels < 2, 1 - labels, labels)
        return tf.concat([images, tf.image.flip_left_right(images)], 0), tf.concat([labels, new], 0)
        """,
    ),
    "floats": _right(
        3,
        """
        both = np.vstack([images, np.flip(images, axis=2)]).astype("float32")
        new = np.select([labels == 0, labels == 1], [1, 0], labels)
        return both, np.hstack([labels, new]) * 1.0
        """,
    ),
    "by_index": _right(
        3,
        """
        new = labels.copy()
        new[labels == 0], new[labels == 1] = 1, 0
        columns = np.arange(images.shape[2])[::-1]
        return np.append(images, images.take(columns, axis=2), axis=0), np.append(labels, new)
        """,
    ),
    "another_order": _right(
        4,
        """
        if case["during"] - case["after"] > 0.1:
            return "batch normalisation"
        if case["after"] - case["by_test_code"] > 0.1:
            return "preprocessing"
        if case["twins"]:
            return "leak"
        return "compile" if not case["moved"] else "rate" if case["moved"] > 0.5 else "none"
        """,
    ),
    "first_that_is_true": _right(
        4,
        """
        signs = {
            "leak": case["twins"] > 0,
            "compile": case["moved"] < 1e-6,
            "rate": case["moved"] >= 0.5,
            "preprocessing": case["after"] - case["by_test_code"] >= 0.1,
            "batch normalisation": case["during"] - case["after"] >= 0.1,
        }
        return next((name for name, shown in signs.items() if shown), "none")
        """,
    ),
    "numpy_text": _right(
        4,
        """
        d, a, t, m, c = (case[k] for k in ("during", "after", "by_test_code", "moved", "twins"))
        names = ["compile", "rate", "leak", "batch normalisation", "preprocessing", "none"]
        return np.array(names)[np.argmax([m == 0, m > 0.5, c > 0, d - a > 0.1, a - t > 0.1, True])]
        """,
    ),
}
