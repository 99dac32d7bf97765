"""Answers to exercise 4, and what they deserve."""

from exercises.submissions import Answer, RightAnswer

_CODES = "def make_codes(maps):\n    return {}\n"
_WEIGHTS = """
def dense_weights(height, width, channels, units):
    flattened, averaged = height * width * channels * units, channels * units
    return {}
"""
_PROBE = "make_pipeline(SelectKBest(k=k), StandardScaler(), LogisticRegression())"
_PREDICT = """
def honest_predictions(codes, labels, persons, k):
    {before}
    probe = {probe}
    return cross_val_predict(probe, codes, labels, {settings})
"""
_PERSONS = "groups=persons, cv=StratifiedGroupKFold(5)"
_EARLIEST = """
def earliest_good_block(right):
    best = max(right, key=lambda block: np.mean(right[block]))
    for block in {order}:
        gained = np.asarray(right[best], dtype=float) - right[block]
        error = gained.std(ddof=1) / np.sqrt(len(gained))
        if {condition}:
            return block
"""


def _predict(before="", probe=_PROBE, settings=_PERSONS):
    return _PREDICT.format(**locals())


def _depth(order="right", condition="gained.mean() - 1.96 * error <= 0"):
    return _EARLIEST.format(**locals())


def _wrong_codes(points, misconception, answer, says=""):
    return Answer("ex04_q1", points, misconception, _CODES.format(answer), says)


def _wrong_weights(points, misconception, answer, says=""):
    return Answer("ex04_q2", points, misconception, _WEIGHTS.format(answer), says)


def _wrong_predictions(points, misconception, says="", **parts):
    return Answer("ex04_q3", points, misconception, _predict(**parts), says)


def _wrong_depth(points, misconception, says="", **parts):
    return Answer("ex04_q4", points, misconception, _depth(**parts), says)


_ACCURACIES = """
def earliest_good_block(right):
    shares = {{block: np.mean(rows) for block, rows in right.items()}}
    errors = {{block: np.std(rows) / np.sqrt(len(rows)) for block, rows in right.items()}}
    best = max(shares, key=shares.get)
    return next(block for block in right if {})
"""


def _wrong_accuracies(points, misconception, condition, says=""):
    return Answer("ex04_q4", points, misconception, _ACCURACIES.format(condition), says)


def _always(block):
    return Answer(
        "ex04_q4", 0, None, f"def earliest_good_block(right):\n    return 'block{block}'\n"
    )


_RELU = "np.maximum(maps, 0)"
_LOGISTIC = "StandardScaler(), LogisticRegression()"
_INTERVALS = "intervals-for-differences"

WRONG = {
    "relu_last": _wrong_codes(0, "relu-after-average", "np.maximum(maps.mean(axis=(1, 2)), 0)"),
    "no_relu": _wrong_codes(1, "relu-missing", "maps.mean(axis=(1, 2))"),
    "largest_values": _wrong_codes(1, None, f"{_RELU}.max(axis=(1, 2))", "largest values"),
    "sums": _wrong_codes(1, None, f"{_RELU}.sum(axis=(1, 2))", "These are sums"),
    "integer_division": _wrong_codes(
        1, None, f"{_RELU}.sum(axis=(1, 2)) // maps[0, ..., 0].size", "cuts off"
    ),
    "positive_values_alone": _wrong_codes(
        0,
        None,
        f"{_RELU}.sum(axis=(1, 2)) / np.maximum((maps > 0).sum(axis=(1, 2)), 1)",
        "positive values alone",
    ),
    "without_signs": _wrong_codes(0, None, "abs(maps).mean(axis=(1, 2))", "became positive"),
    "negative_values": _wrong_codes(0, None, "np.minimum(maps, 0).mean(axis=(1, 2))", "wrong sign"),
    "relu6": _wrong_codes(1, None, "np.clip(maps, 0, 6).mean(axis=(1, 2))", "above 6"),
    "channels_averaged": _wrong_codes(0, None, f"{_RELU}.mean(axis=-1)", "over rows and columns"),
    "rows_alone": _wrong_codes(0, None, f"{_RELU}.mean(axis=1)", "The shape should be"),
    "images_averaged": _wrong_codes(
        0, None, f"np.repeat({_RELU}.mean(axis=(0, 1, 2))[None], len(maps), 0)", "of image"
    ),
    "last_channel_without_relu": _wrong_codes(
        0,
        None,
        "np.concatenate([np.maximum(maps[..., :-1], 0), maps[..., -1:]], -1).mean(axis=(1, 2))",
        "you gave",
    ),
    "written_into_the_maps": _wrong_codes(
        0, "argument-changed", "np.maximum(maps, 0, out=maps).mean((1, 2))"
    ),
    "no_biases": _wrong_weights(1, "biases-forgotten", "flattened, averaged"),
    "one_bias": _wrong_weights(1, "biases-forgotten", "flattened + 1, averaged + 1"),
    "bias_of_the_average_forgotten": _wrong_weights(
        1, "biases-forgotten", "flattened + units, averaged"
    ),
    "turned_round": _wrong_weights(1, "heads-swapped", "averaged + units, flattened + units"),
    "biases_of_the_inputs": _wrong_weights(
        0,
        None,
        "flattened + height * width * channels, averaged + channels",
        "a bias for each unit",
    ),
    "biases_of_the_channels": _wrong_weights(
        0, None, "flattened + channels, averaged + channels", "a bias for each unit"
    ),
    "average_divides_by_places": _wrong_weights(
        1, "biases-forgotten", "flattened + units, (flattened + units) // (height * width)"
    ),
    "average_keeps_the_places": _wrong_weights(
        1, None, "flattened + units, (height * width + 1) * units", "one number per channel"
    ),
    "flatten_forgets_the_channels": _wrong_weights(
        1, None, "(height * width + 1) * units, averaged + units", "every number of the maps"
    ),
    "units_forgotten": _wrong_weights(
        0, None, "height * width * channels, channels", "Multiply the inputs by the units"
    ),
    "numbers_of_the_lesson": _wrong_weights(0, None, "12845568, 262656"),
    "one_number": _wrong_weights(0, None, "flattened + units", "Two numbers"),
    "columns_chosen_before": _wrong_predictions(
        1,
        "columns-chosen-outside",
        before="codes = SelectKBest(k=k).fit_transform(codes, labels)",
        probe=f"make_pipeline({_LOGISTIC})",
    ),
    "columns_not_chosen": _wrong_predictions(
        1, None, "All columns are used", probe=f"make_pipeline({_LOGISTIC})"
    ),
    "ten_columns_chosen": _wrong_predictions(
        1, None, "Always 10", probe=f"make_pipeline(SelectKBest(), {_LOGISTIC})"
    ),
    "one_column_too_many": _wrong_predictions(
        1,
        None,
        "One column too many",
        probe=f"make_pipeline(SelectKBest(k=min(k + 1, codes.shape[1])), {_LOGISTIC})",
    ),
    "scaled_before": _wrong_predictions(
        1,
        "test-in-preparation",
        before="codes = StandardScaler().fit_transform(codes)",
        probe="make_pipeline(SelectKBest(k=k), LogisticRegression())",
    ),
    "not_scaled": _wrong_predictions(
        1,
        None,
        "Are the columns scaled?",
        probe="make_pipeline(SelectKBest(k=k), LogisticRegression())",
    ),
    "persons_forgotten": _wrong_predictions(1, "persons-on-both-sides", settings="cv=5"),
    "persons_given_and_not_used": Answer(
        "ex04_q3",
        1,
        "persons-on-both-sides",
        "from sklearn.model_selection import StratifiedKFold\n"
        + _predict(settings="cv=StratifiedKFold(5), groups=persons"),
    ),
    "persons_not_for_groups": _wrong_predictions(
        0, None, "groups", settings="cv=StratifiedGroupKFold(5)"
    ),
    "two_folds": _wrong_predictions(
        1, None, "five folds of persons", settings="groups=persons, cv=StratifiedGroupKFold(2)"
    ),
    "nearest_neighbours": Answer(
        "ex04_q3",
        1,
        None,
        "from sklearn.neighbors import KNeighborsClassifier\n"
        + _predict(probe=_PROBE.replace("LogisticRegression", "KNeighborsClassifier")),
        says="logistic regression",
    ),
    "probabilities": _wrong_predictions(
        0, None, "return classes", settings=f'{_PERSONS}, method="predict_proba"'
    ),
    "tested_on_training": Answer(
        "ex04_q3",
        0,
        "trained-on-tested",
        "def honest_predictions(codes, labels, persons, k):\n"
        f"    return {_PROBE}.fit(codes, labels).predict(codes)\n",
    ),
    "labels_returned": Answer(
        "ex04_q3",
        0,
        "trained-on-tested",
        "def honest_predictions(codes, labels, persons, k):\n    return labels\n",
    ),
    "in_the_order_of_the_folds": Answer(
        "ex04_q3",
        0,
        None,
        f"""
def honest_predictions(codes, labels, persons, k):
    predicted = []
    for learn, test in StratifiedGroupKFold(5).split(codes, labels, persons):
        predicted.extend({_PROBE}.fit(codes[learn], labels[learn]).predict(codes[test]))
    return predicted
""",
        says="order of the rows",
    ),
    "always_the_same_class": Answer(
        "ex04_q3",
        0,
        None,
        "def honest_predictions(codes, labels, persons, k):\n    return np.zeros(len(labels))\n",
        says="differ clearly",
    ),
    "highest_accuracy": _wrong_depth(1, "best-by-luck", order="[best]", condition="True"),
    "within_two_hundredths": _wrong_accuracies(
        1, _INTERVALS, "shares[block] >= shares[best] - 0.02"
    ),
    "within_five_hundredths": _wrong_accuracies(
        1, _INTERVALS, "shares[block] >= shares[best] - 0.05"
    ),
    "overlapping_intervals": _wrong_accuracies(
        1,
        _INTERVALS,
        "shares[block] + 1.96 * errors[block] >= shares[best] - 1.96 * errors[best]",
    ),
    "inside_the_interval_of_the_best": _wrong_accuracies(
        1, _INTERVALS, "shares[block] >= shares[best] - 1.96 * errors[best]"
    ),
    "as_if_other_images": _wrong_accuracies(
        1,
        _INTERVALS,
        "shares[best] - shares[block] <= 1.96 * np.hypot(errors[best], errors[block])",
    ),
    "two_and_a_half_errors": _wrong_depth(
        1, _INTERVALS, condition="gained.mean() - 2.58 * error <= 0"
    ),
    "one_error": _wrong_depth(1, "best-by-luck", condition="gained.mean() - 1 * error <= 0"),
    "ninety_percent": _wrong_depth(
        1, "best-by-luck", condition="gained.mean() - 1.64 * error <= 0"
    ),
    "root_forgotten": _wrong_depth(
        1, "best-by-luck", condition="gained.mean() - 1.96 * gained.std() / len(gained) <= 0"
    ),
    "deviation_for_error": _wrong_depth(
        0, None, "much worse", condition="gained.mean() - 1.96 * gained.std() <= 0"
    ),
    "other_end_of_the_interval": _wrong_depth(
        1, "best-by-luck", condition="block == best or gained.mean() + 1.96 * error <= 0"
    ),
    "last_in_place_of_earliest": _wrong_depth(1, None, "an earlier block", order="reversed(right)"),
    **{f"always_block{number}": _always(number) for number in range(1, 6)},
    "number_of_the_block": Answer(
        "ex04_q4",
        0,
        None,
        "def earliest_good_block(right):\n    return 3\n",
        says="name of a block",
    ),
}


def _right(question, source):
    return RightAnswer(f"ex04_{question}", source)


RIGHT = {
    "loops": _right(
        "q1",
        """
def make_codes(maps):
    channels = range(maps.shape[-1])
    return [[np.clip(image[..., c], 0, None).mean() for c in channels] for image in maps]
""",
    ),
    "tensors": _right(
        "q1",
        """
def make_codes(maps):
    import keras

    return keras.layers.GlobalAveragePooling2D()(keras.ops.relu(maps))
""",
    ),
    "copy_with_zeros": _right(
        "q1",
        """
def make_codes(maps):
    maps = maps.astype("float64")
    maps[maps < 0] = 0
    return maps.reshape(len(maps), -1, maps.shape[-1]).sum(axis=1) / maps[0, ..., 0].size
""",
    ),
    "rounded_codes": _right("q1", _CODES.format(f"{_RELU}.mean(axis=(1, 2)).round(2)")),
    "numbers_of_numpy": _right(
        "q2",
        """
def dense_weights(height, width, channels, units):
    inputs = np.array([height * width * channels, channels])
    return (inputs + 1) * units
""",
    ),
    "floats": _right(
        "q2", _WEIGHTS.format("[float(flattened + units), np.int64(averaged + units)]")
    ),
    "sums_of_shapes": _right(
        "q2",
        """
def dense_weights(height, width, channels, units):
    import math

    shapes = [(height * width * channels, units), (units,)], [(channels, units), (units,)]
    return tuple(sum(map(math.prod, layer)) for layer in shapes)
""",
    ),
    "folds_by_hand": _right(
        "q3",
        """
def honest_predictions(codes, labels, persons, k):
    from sklearn.model_selection import GroupKFold

    predicted = np.full(len(labels), -1)
    for learn, test in GroupKFold(5).split(codes, labels, persons):
        choose = SelectKBest(k=k).fit(codes[learn], labels[learn])
        mean, spread = codes[learn].mean(axis=0), codes[learn].std(axis=0)
        scaled = (codes - mean) / spread
        model = LogisticRegression(C=0.1)
        model.fit(choose.transform(scaled[learn]), labels[learn])
        predicted[test] = model.predict(choose.transform(scaled[test]))
    return predicted.tolist()
""",
    ),
    "scaled_first_in_the_pipeline": _right(
        "q3",
        _predict(
            probe="make_pipeline(StandardScaler(), SelectKBest(k=k), LogisticRegression(C=10))",
            settings="groups=persons, cv=StratifiedGroupKFold(5, shuffle=True, random_state=1)",
        ),
    ),
    "robust_scaler_and_floats": _right(
        "q3",
        "from sklearn.preprocessing import RobustScaler\n"
        + _predict(probe=_PROBE.replace("StandardScaler", "RobustScaler")).replace(
            "return ", "return 1.0 * "
        ),
    ),
    "other_standard_deviation": _right(
        "q4",
        """
def earliest_good_block(right):
    best = max(right, key=lambda block: sum(right[block]))
    for block, rows in right.items():
        gained = right[best].astype(int) - rows.astype(int)
        if gained.mean() <= 1.96 * gained.std() / len(gained) ** 0.5:
            return np.str_(block)
""",
    ),
    "with_statistics": _right(
        "q4",
        """
def earliest_good_block(right):
    import statistics

    counts = {block: np.count_nonzero(rows) for block, rows in right.items()}
    best = sorted(counts, key=counts.get)[-1]
    good = []
    for block in right:
        gained = [int(a) - int(b) for a, b in zip(right[best], right[block])]
        error = statistics.stdev(gained) / len(gained) ** 0.5
        if not statistics.mean(gained) > 2 * error:
            good.append(block)
    return good[0]
""",
    ),
    "interval_of_student": _right(
        "q4",
        """
def earliest_good_block(right):
    from scipy import stats

    table = np.array(list(right.values()), dtype="float32")
    gained = table[table.mean(axis=1).argmax()] - table
    low = gained.mean(axis=1) - stats.t.ppf(0.975, table.shape[1] - 1) * stats.sem(gained, axis=1)
    return list(right)[int(np.argmax(low <= 0))]
""",
    ),
}
