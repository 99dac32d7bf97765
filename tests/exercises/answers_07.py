"""Wrong answers to exercise 7, and what they deserve."""

from exercises.submissions import Answer

_FREEZE = """
def to_freeze(sizes, share):
    number = {number}
    return {answer}
"""
_CHOOSE = """
def choose_level(table):
    means = {{name: np.mean(accuracies) for name, accuracies in table.items()}}
    best = max(means, key=means.get)
    error = {error}
    return next(name for name, mean in {order} if mean >= means[best] - error)
"""
_DIFFERENCE = """
def difference(first, second):
    first, second = np.array(first), np.array(second)
    rng = np.random.default_rng(0)
    values = []
    for _ in range(2000):
        rows, others = rng.integers(0, len(first), (2, len(first)))
        values.append({value})
    return np.percentile(values, {percentiles})
"""
_KEEP = """
def keep_first(model, n):
    copy = keras.models.clone_model(model)
    pairs = [p for p in zip(model.layers, copy.layers) if isinstance(p[0], {kind})]
    for old, new in pairs{which}:
        {carry}
        new.trainable = {trainable}
    copy.compile("adam", "sparse_categorical_crossentropy")
    return copy
"""


def _freeze(number="round(share * len(sizes))", answer="number, sum(sizes[:number]) / sum(sizes)"):
    return _FREEZE.format(**locals())


def _choose(error="0", order="means.items()"):
    return _CHOOSE.format(**locals())


def _difference(value="first[rows].mean() - second[rows].mean()", percentiles="[2.5, 97.5]"):
    return _DIFFERENCE.format(**locals())


def _keep(
    kind="keras.layers.Conv2D",
    which="[:n]",
    carry="new.set_weights(old.get_weights())",
    trainable="False",
):
    return _KEEP.format(**locals())


WRONG = {
    "share_of_weights": Answer(
        "ex07_q1",
        1,
        "share-of-weights-frozen",
        _freeze("int(np.abs(np.cumsum(sizes) / sum(sizes) - share).argmin()) + 1"),
    ),
    "last_layers": Answer(
        "ex07_q1",
        1,
        "last-layers-frozen",
        _freeze(answer="number, sum(sizes[-number:]) / sum(sizes)"),
    ),
    "trained_share": Answer(
        "ex07_q1",
        1,
        None,
        _freeze(answer="number, sum(sizes[number:]) / sum(sizes)"),
        says="still trained",
    ),
    "weights_counted": Answer(
        "ex07_q1",
        2,
        None,
        _freeze(answer="number, sum(sizes[:number])"),
        says="divide by all of them",
    ),
    "highest_mean": Answer("ex07_q2", 1, None, _choose(), says="highest mean"),
    "best_seed": Answer(
        "ex07_q2",
        0,
        "best-seed-taken",
        "def choose_level(table):\n    return max(table, key=lambda name: max(table[name]))",
    ),
    "first_level": Answer(
        "ex07_q2", 0, None, "def choose_level(table):\n    return next(iter(table))", says="Within"
    ),
    "least_frozen": Answer(
        "ex07_q2",
        1,
        None,
        _choose(
            "np.std(table[best], ddof=1) / np.sqrt(len(table[best]))",
            "reversed(list(means.items()))",
        ),
        says="highest mean",
    ),
    "drawn_apart": Answer(
        "ex07_q3",
        1,
        "pairs-torn-apart",
        _difference("first[rows].mean() - second[others].mean()"),
    ),
    "ninety_per_cent": Answer(
        "ex07_q3", 2, None, _difference(percentiles="[5, 95]"), says="90 % interval"
    ),
    "other_sign": Answer(
        "ex07_q3",
        2,
        None,
        _difference("second[rows].mean() - first[rows].mean()"),
        says="This is second minus first",
    ),
    "accuracy_of_one": Answer(
        "ex07_q3", 0, None, _difference("first[rows].mean()"), says="contain the difference"
    ),
    "upside_down": Answer(
        "ex07_q3", 2, None, _difference(percentiles="[97.5, 2.5]"), says="lower end comes first"
    ),
    "not_frozen": Answer("ex07_q4", 1, "backbone-not-frozen", _keep(trainable="True")),
    "weights_forgotten": Answer(
        "ex07_q4", 0, None, _keep(carry="pass"), says="copy those of the first layers"
    ),
    "all_kept": Answer("ex07_q4", 0, None, _keep("keras.Layer", "[:]"), says="some should be"),
    "layers_counted": Answer(
        "ex07_q4", 0, None, _keep("keras.Layer", "[: n + 2]"), says="wrong layers"
    ),
    "one_more_frozen": Answer(
        "ex07_q4",
        1,
        "off-by-one",
        _keep().replace(
            "    copy.compile", "    copy.layers[-1].trainable = False\n    copy.compile"
        ),
    ),
}
