"""Answers to exercise 9: wrong ones, with what they deserve, and right ones of other kinds."""

from textwrap import dedent

from exercises.function_bodies import makers

_wrong, _right = makers(
    "09",
    {
        1: "prepare(images, highest)",
        2: "near_copies(train, test, tolerance)",
        3: "nearest(target, sets)",
        4: "tell_apart(one, other)",
    },
)


def _scaled(values):
    return f"""
        values = {values}
        large = np.repeat(np.repeat(values, 2, axis=1), 2, axis=2)
        return np.repeat(large[..., None], 3, axis=-1)
    """


def _near(condition, prepared="test.astype(int), train.astype(int)"):
    return f"""
        test, train = {prepared}
        return [i for i, x in enumerate(test) if any({condition} for y in train)]
    """


def _by_distance(
    distance, steps="return min((value, name) for name, value in found.items())[::-1]"
):
    return f"""
        def distance(one, other):
            means = np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2)
            first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
            return {distance}

        found = {{name: distance(target, rows) for name, rows in sets.items()}}
        {steps}
    """


_SQUARED = "means + np.trace(first + second - 2 * sqrtm(first @ second).real)"
_DISTANCE = f"np.sqrt({_SQUARED})"


def _classified(answer, model="make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))"):
    return f"""
        rows = np.concatenate([one, other])
        labels = np.repeat([0, 1], [len(one), len(other)])
        larger = max(len(one), len(other)) / len(rows)
        model = {model}
        return {answer}
    """


_ACCURACY = "np.mean(cross_val_predict(model, rows, labels, cv=5) == labels)"


def _held_out(model, answer="fitted.score(unseen, truth)", size=0.2):
    module, name = model.split("(")[0].rsplit(".", 1)
    return f"""
        from {module} import {name}
        from sklearn.model_selection import train_test_split

        rows = np.concatenate([one, other])
        labels = np.array([0] * len(one) + [1] * len(other))
        seen, unseen, known, truth = train_test_split(
            rows, labels, test_size={size}, random_state=0, stratify=labels
        )
        fitted = {model.removeprefix(f"{module}.")}.fit(seen, known)
        return {answer}, max(np.bincount(labels)) / len(labels)
    """


WRONG = {
    "values_not_scaled": _wrong(
        1, 1, "values-not-scaled", _scaled("images.astype('float32')"), "The highest value is"
    ),
    "scaled_to_one": _wrong(1, 1, "scaled-to-one", _scaled("images / highest")),
    "overflow": _wrong(1, 1, "integers-overflow", _scaled("images * 255 / highest")),
    "overflow_of_integers": _wrong(1, 1, "integers-overflow", _scaled("images * 255 // highest")),
    "integer_division": _wrong(
        1, 1, None, _scaled("images.astype(int) * (255 // highest)"), "cut off to a whole number"
    ),
    "divided_by_the_batch": _wrong(
        1, 1, None, _scaled("images / images.max() * 255"), "by `highest`"
    ),
    "divided_by_each_image": _wrong(
        1,
        1,
        None,
        _scaled("images / images.max(axis=(1, 2), keepdims=True) * 255"),
        "A dark image must stay dark",
    ),
    "stretched_from_the_lowest": _wrong(
        1, 1, None, _scaled("(images - images.min()) / np.ptp(images) * 255"), "must stay dark"
    ),
    "highest_always_16": _wrong(
        1, 0, None, _scaled("images * (255 / 16)"), "Where the highest value is 15"
    ),
    "one_level_too_many": _wrong(1, 0, None, _scaled("images * 255.0 / (highest + 1)"), "became"),
    "up_to_256": _wrong(1, 0, None, _scaled("images * (256 / highest)"), "became 256.0"),
    "four_small_images": _wrong(
        1,
        1,
        None,
        "return np.tile((images * (255 / highest))[..., None], (1, 2, 2, 3))",
        "tiled four times",
    ),
    "interpolated": _wrong(
        1,
        1,
        None,
        """
        from scipy.ndimage import zoom

        large = zoom(images * (255 / highest), (1, 2, 2), order=1)
        return np.stack([large] * 3, axis=-1)
        """,
        "interpolated",
    ),
    "columns_repeated_twice": _wrong(
        1,
        1,
        None,
        """
        n, height, width = images.shape
        large = np.repeat(images * (255 / highest), 4, axis=2)
        large = large.reshape(n, 2 * height, 2 * width)
        return np.repeat(large[..., None], 3, axis=-1)
        """,
        "square of four",
    ),
    "one_channel_filled": _wrong(
        1,
        1,
        None,
        """
        large = (images * (255 / highest)).repeat(2, axis=1).repeat(2, axis=2)
        result = np.zeros((*large.shape, 3))
        result[..., 0] = large
        return result
        """,
        "channels should be equal",
    ),
    "channels_first": _wrong(
        1,
        0,
        None,
        """
        large = images.repeat(2, axis=1).repeat(2, axis=2) * (255.0 / highest)
        return np.repeat(large[:, None], 3, axis=1)
        """,
        "shape should be",
    ),
    "not_enlarged": _wrong(
        1,
        0,
        None,
        "return np.repeat((images * (255 / highest))[..., None], 3, axis=-1)",
        "shape should be",
    ),
    "always_black": _wrong(
        1, 0, None, "return np.zeros((len(images), *2 * np.array(images.shape[1:]), 3))", "became"
    ),
    "indices_of_the_training": _wrong(
        2,
        1,
        "numbers-of-the-training",
        """
        test = test.astype(int)
        return [i for i, x in enumerate(train.astype(int))
                if any(np.abs(x - y).max() <= tolerance for y in test)]
        """,
    ),
    "sorted_pixels_compared": _wrong(
        2,
        1,
        "same-pixels-other-places",
        _near("np.abs(np.sort(x, axis=None) - np.sort(y, axis=None)).max() <= tolerance"),
    ),
    "mean_difference": _wrong(
        2, 1, "mean-for-every-number", _near("np.abs(x - y).mean() <= tolerance")
    ),
    "sum_of_differences": _wrong(2, 1, None, _near("np.abs(x - y).sum() <= tolerance"), "added up"),
    "difference_of_means": _wrong(
        2, 1, None, _near("abs(x.mean() - y.mean()) <= tolerance"), "absolute value of each"
    ),
    "brighter_only": _wrong(
        2, 1, None, _near("(y - x).max() <= tolerance"), "a darker pixel differs as well"
    ),
    "darker_only": _wrong(2, 1, None, _near("np.all(x - y <= tolerance)"), "absolute value"),
    "overflow_below_zero": _wrong(
        2, 1, "integers-overflow", _near("np.abs(x - y).max() <= tolerance", "test, train")
    ),
    "overflow_the_other_way": _wrong(
        2, 1, "integers-overflow", _near("np.abs(y - x).max() <= tolerance", "test, train")
    ),
    "less_than_the_tolerance": _wrong(
        2, 1, None, _near("np.abs(x - y).max() < tolerance"), "exactly the tolerance"
    ),
    "one_more_than_the_tolerance": _wrong(
        2, 0, None, _near("np.abs(x - y).max() <= tolerance + 1"), "is not one"
    ),
    "always_ten": _wrong(2, 0, None, _near("np.abs(x - y).max() <= 10"), "0 of 7 copies"),
    "exact_copies": _wrong(2, 1, None, _near("np.array_equal(x, y)"), "Only exact"),
    "same_index_only": _wrong(
        2,
        1,
        None,
        """
        pairs = zip(test.astype(int), train.astype(int))
        return [i for i, (x, y) in enumerate(pairs) if np.abs(x - y).max() <= tolerance]
        """,
        "every training image",
    ),
    "once_for_each_copy": _wrong(
        2,
        1,
        None,
        """
        differences = test[:, None].astype(int) - train
        return np.where(np.abs(differences).max(axis=(2, 3, 4)) <= tolerance)[0]
        """,
        "listed several times",
    ),
    "first_row_of_pixels": _wrong(
        2, 0, None, _near("np.abs(x[0] - y[0]).max() <= tolerance"), "1 of yours are not"
    ),
    "numbered_from_one": _wrong(
        2,
        1,
        None,
        """
        differences = np.abs(test[:, None].astype(int) - train).max(axis=(2, 3, 4))
        return [i + 1 for i, each in enumerate(differences) if each.min() <= tolerance]
        """,
        "has the index 0",
    ),
    "no_copies": _wrong(2, 0, None, "return []", "7 of 7 copies are missing"),
    "all_images": _wrong(2, 0, None, "return list(range(len(test)))", "0 of 7 copies are missing"),
    "true_and_false": _wrong(
        2, 0, None, "return [x.tobytes() in {y.tobytes() for y in train} for x in test]", "True"
    ),
    "how_many": _wrong(2, 0, None, "return 7", "a list of indices"),
    "means_only": _wrong(3, 1, "means-only", _by_distance("np.sqrt(means)")),
    "means_forgotten": _wrong(
        3, 1, None, _by_distance(f"np.sqrt({_SQUARED} - means)"), "of the means is missing"
    ),
    "root_forgotten": _wrong(3, 2, "root-forgotten", _by_distance(_SQUARED)),
    "root_of_each_number": _wrong(
        3,
        1,
        "root-of-each-number",
        _by_distance(
            "np.sqrt(abs(means + np.trace(first + second - 2 * np.sqrt(np.abs(first @ second)))))"
        ),
    ),
    "only_variances": _wrong(
        3,
        1,
        None,
        _by_distance("np.sqrt(means + np.sum((one.std(axis=0) - other.std(axis=0)) ** 2))"),
        "Only the variances",
    ),
    "product_of_the_roots": _wrong(
        3,
        1,
        None,
        _by_distance(
            "np.sqrt(means + np.trace(first + second - 2 * sqrtm(first) @ sqrtm(second)).real)"
        ),
        "not the product of their roots",
    ),
    "entry_by_entry": _wrong(
        3,
        1,
        None,
        _by_distance("np.sqrt(means + np.trace(first + second - 2 * sqrtm(first * second).real))"),
        "entry by entry",
    ),
    "root_counted_once": _wrong(
        3,
        1,
        None,
        _by_distance("np.sqrt(means + np.trace(first + second - sqrtm(first @ second).real))"),
        "counts twice",
    ),
    "traces_only": _wrong(
        3, 0, None, _by_distance("np.sqrt(means + np.trace(first + second))"), "root of the product"
    ),
    "rows_for_columns": _wrong(
        3,
        0,
        None,
        _by_distance(_DISTANCE).replace("rowvar=False", "rowvar=True"),
        "broadcast together",
    ),
    "farthest": _wrong(
        3,
        2,
        None,
        _by_distance(_DISTANCE, "return max((v, name) for name, v in found.items())[::-1]"),
        "farthest",
    ),
    "second_nearest": _wrong(
        3,
        1,
        None,
        _by_distance(_DISTANCE, "return sorted((v, name) for name, v in found.items())[1][::-1]"),
        "another set is nearer",
    ),
    "nearest_mean_chosen": _wrong(
        3,
        1,
        None,
        _by_distance(
            _DISTANCE,
            "name = min(sets, key=lambda n: np.linalg.norm(sets[n].mean(0) - target.mean(0)));"
            "return name, found[name]",
        ),
        "another set is nearer",
    ),
    "name_of_another": _wrong(
        3,
        1,
        None,
        _by_distance(
            _DISTANCE,
            "far = max(found, key=found.get); return far, min(found.values())",
        ),
        "That is the distance of",
    ),
    "first_set": _wrong(
        3, 1, None, _by_distance(_DISTANCE, "return list(found.items())[0]"), "nearer"
    ),
    "name_only": _wrong(
        3, 0, None, _by_distance(_DISTANCE, "return min(found, key=found.get)"), "A name and a"
    ),
    "unknown_name": _wrong(3, 0, None, 'return "cars", 1.0', "one of the names"),
    "seen_rows": _wrong(
        4,
        1,
        "evaluated-on-training",
        _classified("model.fit(rows, labels).score(rows, labels), larger"),
    ),
    "tree_on_seen_rows": _wrong(
        4,
        1,
        "evaluated-on-training",
        _held_out("sklearn.tree.DecisionTreeClassifier()", "fitted.score(seen, known)"),
    ),
    "larger_is_half": _wrong(
        4, 2, None, _classified(f"{_ACCURACY}, 0.5"), "always naming the larger"
    ),
    "smaller_fraction": _wrong(
        4, 2, None, _classified(f"{_ACCURACY}, 1 - larger"), "fraction of the smaller set"
    ),
    "fraction_of_the_first": _wrong(
        4, 2, None, _classified(f"{_ACCURACY}, len(one) / len(rows)"), "of the smaller set"
    ),
    "swapped": _wrong(4, 2, None, _classified(f"larger, {_ACCURACY}"), "in the wrong order"),
    "always_the_larger": _wrong(
        4, 1, None, _classified("larger, larger"), "needs no classifier. Train one"
    ),
    "area_under_the_curve": _wrong(
        4,
        1,
        "evaluated-on-training",
        _held_out(
            "sklearn.linear_model.LogisticRegression()",
            "__import__('sklearn.metrics').metrics.roc_auc_score("
            "truth, fitted.decision_function(unseen))",
        ),
    ),
    "average_over_the_classes": _wrong(
        4,
        1,
        None,
        _held_out(
            "sklearn.linear_model.LogisticRegression()",
            "np.mean([fitted.score(unseen[truth == c], truth[truth == c]) for c in (0, 1)])",
        ),
        "Is it the accuracy",
    ),
    "labels_out_of_order": _wrong(
        4,
        1,
        None,
        _classified(_ACCURACY + ", larger").replace(
            "labels = np.repeat([0, 1], [len(one), len(other)])",
            "labels = np.arange(len(rows)) % 2",
        ),
        "in the order of rows",
    ),
    "error_for_accuracy": _wrong(
        4, 1, None, _classified(f"1 - {_ACCURACY}, larger"), "A classifier does better"
    ),
    "same_number_always": _wrong(
        4, 1, None, _classified("0.85, larger"), "differ you gave 0.850. A classifier does better"
    ),
    "three_numbers_by_luck": _wrong(
        4,
        1,
        "evaluated-on-training",
        _classified("(0.7, 0.93)[int(np.abs(one.mean(0) - other.mean(0)).max() > 2)], larger"),
        "differ in half",
    ),
    "threshold_of_the_means": _wrong(
        4,
        1,
        "evaluated-on-training",
        _classified("0.95 if np.abs(one.mean(0) - other.mean(0)).max() > 0.4 else 0.6, larger"),
    ),
    "always_one": _wrong(4, 0, "evaluated-on-training", "return 1.0, 0.5"),
    "not_shuffled": _wrong(
        4,
        0,
        None,
        """
        rows, labels = np.concatenate([one, other]), np.repeat([0, 1], [len(one), len(other)])
        middle = len(one) + 1
        model = LogisticRegression(max_iter=500).fit(rows[:middle], labels[:middle])
        return 0.0 * model.score(rows[middle:], labels[middle:]), 0.5
        """,
        "A classifier does better",
    ),
    "one_number": _wrong(4, 0, None, _classified(_ACCURACY), "Two numbers"),
    "in_per_cent": _wrong(
        4, 0, None, _classified(f"100 * {_ACCURACY}, 100 * larger"), "fractions from 0 to 1"
    ),
}

RIGHT = {
    "kronecker_product": _right(
        1, "return np.kron(images[..., None] / highest, np.ones((2, 2, 3))) * 255"
    ),
    "rounded_to_bytes": _right(
        1,
        """
        values = np.round(images.astype(float) * 255 / highest).astype("uint8")
        return np.stack([values.repeat(2, axis=1).repeat(2, axis=2)] * 3, axis=-1)
        """,
    ),
    "cut_off_to_bytes": _right(1, _scaled("(images / highest * 255).astype('uint8')")),
    "lists": _right(
        1,
        """
        return [
            [[[255 * int(v) / highest] * 3 for v in row for _ in "12"] for row in x for _ in "12"]
            for x in images
        ]
        """,
    ),
    "keras_upsampling": _right(
        1,
        """
        import keras

        values = images[..., None].astype("float32") / highest
        large = keras.layers.UpSampling2D(2, interpolation="nearest")(values)
        return keras.ops.concatenate([large] * 3, axis=-1) * 255
        """,
    ),
    "all_at_once": _right(
        2,
        """
        near = np.abs(test[:, None].astype("float32") - train[None]) <= tolerance
        return np.flatnonzero(near.all(axis=(2, 3, 4)).any(axis=1))[::-1]
        """,
    ),
    "allclose": _right(2, _near("np.allclose(x, y, rtol=0, atol=tolerance)", "test, train")),
    "larger_minus_smaller": _right(
        2, _near("np.max(np.maximum(x, y) - np.minimum(x, y)) <= tolerance", "test, train")
    ),
    "chebyshev": _right(
        2,
        """
        from scipy.spatial.distance import cdist

        flat = [part.reshape(len(part), -1).astype(float) for part in (test, train)]
        return np.where(cdist(*flat, "chebyshev").min(axis=1) <= tolerance)[0].astype(float)
        """,
    ),
    "eigenvalues": _right(
        3,
        """
        found = []
        for rows in sets.values():
            means = np.linalg.norm(target.mean(axis=0) - rows.mean(axis=0)) ** 2
            first, second = np.cov(target.T, ddof=0), np.cov(rows.T, ddof=0)
            roots = np.sqrt(np.maximum(np.linalg.eigvals(first @ second).real, 0))
            found.append((means + np.trace(first) + np.trace(second) - 2 * roots.sum()) ** 0.5)
        place = np.argmin(found)
        return [np.array(list(sets))[place], found[place]]
        """,
    ),
    "rounded_distance": _right(
        3, _by_distance(f"round({_DISTANCE}, 2)", "return min(found.items(), key=lambda x: x[1])")
    ),
    "float32": _right(
        3, "target = target.astype('float32')\n" + dedent(_by_distance(f"np.float32({_DISTANCE})"))
    ),
    "symmetric_root": _right(
        3,
        _by_distance(
            "np.sqrt(means + np.trace(first + second) - 2 * np.trace(sqrtm(sqrtm(first).real"
            " @ second @ sqrtm(first).real)).real)"
        ),
    ),
    "two_means": _right(
        4,
        """
        centres = np.stack([one[::2].mean(axis=0), other[::2].mean(axis=0)])
        rows = np.concatenate([one[1::2], other[1::2]])
        nearest = ((rows[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        sizes = np.array([len(one), len(other)])
        right = np.mean(nearest == np.repeat([0, 1], sizes // 2))
        return np.array([right, sizes.max() / sizes.sum()])
        """,
    ),
    "logistic_on_a_fifth": _right(4, _held_out("sklearn.linear_model.LogisticRegression()")),
    "one_neighbour": _right(4, _held_out("sklearn.neighbors.KNeighborsClassifier(1)", size=0.25)),
    "tree": _right(4, _held_out("sklearn.tree.DecisionTreeClassifier(random_state=0)")),
    "forest": _right(
        4, _held_out("sklearn.ensemble.RandomForestClassifier(30, random_state=0)", size=0.3)
    ),
    "rounded_and_balanced": _right(
        4,
        _classified(
            f"round({_ACCURACY}, 2), round(larger, 2)",
            "LogisticRegression(class_weight='balanced')",
        ),
    ),
    "naive_bayes": _right(4, _held_out("sklearn.naive_bayes.GaussianNB()", size=0.5)),
}
