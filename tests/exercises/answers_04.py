"""Wrong answers to exercise 4, and what they deserve."""

from exercises.submissions import Answer

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


WRONG = {
    "relu_last": Answer(
        "ex04_q1",
        0,
        "relu-after-average",
        _CODES.format("np.maximum(maps.mean(axis=(1, 2)), 0)"),
    ),
    "no_relu": Answer("ex04_q1", 1, "relu-missing", _CODES.format("maps.mean(axis=(1, 2))")),
    "largest_values": Answer(
        "ex04_q1",
        1,
        None,
        _CODES.format("np.maximum(maps, 0).max(axis=(1, 2))"),
        says="largest values",
    ),
    "channels_averaged": Answer(
        "ex04_q1",
        0,
        None,
        _CODES.format("np.maximum(maps, 0).mean(axis=-1)"),
        says="over rows and columns",
    ),
    "written_into_the_maps": Answer(
        "ex04_q1",
        0,
        "argument-changed",
        _CODES.format("np.maximum(maps, 0, out=maps).mean((1, 2))"),
    ),
    "no_biases": Answer("ex04_q2", 1, "biases-forgotten", _WEIGHTS.format("flattened, averaged")),
    "turned_round": Answer(
        "ex04_q2",
        1,
        "heads-swapped",
        _WEIGHTS.format("averaged + units, flattened + units"),
    ),
    "one_bias": Answer("ex04_q2", 0, None, _WEIGHTS.format("flattened + 1, averaged + 1")),
    "average_divides_by_places": Answer(
        "ex04_q2",
        1,
        None,
        _WEIGHTS.format("flattened + units, (flattened + units) // (height * width)"),
        says="after Flatten is right",
    ),
    "columns_chosen_before": Answer(
        "ex04_q3",
        1,
        "columns-chosen-outside",
        _predict(
            before="codes = SelectKBest(k=k).fit_transform(codes, labels)",
            probe="make_pipeline(StandardScaler(), LogisticRegression())",
        ),
    ),
    "persons_forgotten": Answer("ex04_q3", 1, "persons-on-both-sides", _predict(settings="cv=5")),
    "persons_not_for_groups": Answer(
        "ex04_q3", 0, None, _predict(settings="cv=StratifiedGroupKFold(5)"), says="groups"
    ),
    "tested_on_training": Answer(
        "ex04_q3",
        0,
        "trained-on-tested",
        "def honest_predictions(codes, labels, persons, k):\n"
        f"    return {_PROBE}.fit(codes, labels).predict(codes)\n",
    ),
    "always_the_same_class": Answer(
        "ex04_q3",
        0,
        None,
        "def honest_predictions(codes, labels, persons, k):\n    return np.zeros(len(labels))\n",
        says="differ clearly",
    ),
    "highest_accuracy": Answer(
        "ex04_q4", 1, "best-by-luck", _depth(order="[best]", condition="True")
    ),
    "overlapping_intervals": Answer(
        "ex04_q4",
        1,
        "intervals-for-differences",
        """
def earliest_good_block(right):
    ends = {}
    for block, rows in right.items():
        share = np.mean(rows)
        error = np.sqrt(share * (1 - share) / len(rows))
        ends[block] = share, share - 1.96 * error, share + 1.96 * error
    best = max(ends.values())
    return next(block for block in right if ends[block][2] >= best[1])
""",
    ),
    "always_block3": Answer(
        "ex04_q4", 0, None, "def earliest_good_block(right):\n    return 'block3'\n"
    ),
    "number_of_the_block": Answer(
        "ex04_q4",
        0,
        None,
        "def earliest_good_block(right):\n    return 3\n",
        says="name of a block",
    ),
}
