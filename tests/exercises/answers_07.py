"""Wrong answers to exercise 7, and what they deserve."""

from exercises.submissions import Answer, RightAnswer

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


_ERROR = "np.std(table[best], ddof=1) / np.sqrt(len(table[best]))"
TRAINS = {"ex07_q4"}

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
        says="number of all weights",
    ),
    "rounded_down": Answer("ex07_q1", 2, None, _freeze("int(share * len(sizes))"), says="nearest"),
    "rounded_up": Answer(
        "ex07_q1", 2, None, _freeze("int(np.ceil(share * len(sizes)))"), says="nearest"
    ),
    "weights_searched": Answer(
        "ex07_q1",
        1,
        "share-of-weights-frozen",
        _freeze("int(np.searchsorted(np.cumsum(sizes), share * sum(sizes)))"),
    ),
    "sizes_sorted": Answer(
        "ex07_q1",
        1,
        None,
        _freeze(answer="number, sum(sorted(sizes)[:number]) / sum(sizes)"),
        says="smallest layers",
    ),
    "share_of_layers": Answer(
        "ex07_q1", 1, None, _freeze(answer="number, number / len(sizes)"), says="of the layers"
    ),
    "share_returned": Answer(
        "ex07_q1", 1, None, _freeze(answer="number, share"), says="of the layers"
    ),
    "per_cent": Answer(
        "ex07_q1",
        2,
        None,
        _freeze(answer="number, 100 * sum(sizes[:number]) / sum(sizes)"),
        says="percent",
    ),
    "numbers_swapped": Answer(
        "ex07_q1",
        2,
        None,
        _freeze(answer="sum(sizes[:number]) / sum(sizes), number"),
        says="comes first",
    ),
    "divided_to_whole_numbers": Answer(
        "ex07_q1",
        1,
        None,
        _freeze(answer="number, sum(sizes[:number]) // sum(sizes)"),
        says="the fraction is not",
    ),
    "always_six": Answer("ex07_q1", 0, None, _freeze(answer="3, 0.1"), says="should be close to"),
    "highest_mean": Answer("ex07_q2", 1, None, _choose(), says="highest mean"),
    "best_seed": Answer(
        "ex07_q2",
        0,
        "best-seed-taken",
        "def choose_level(table):\n    return max(table, key=lambda name: max(table[name]))",
    ),
    "first_level": Answer(
        "ex07_q2", 0, None, "def choose_level(table):\n    return next(iter(table))", says="is"
    ),
    "second_level": Answer(
        "ex07_q2", 0, None, "def choose_level(table):\n    return list(table)[1]", says="is"
    ),
    "within_a_hundredth": Answer("ex07_q2", 0, None, _choose("0.01"), says="first level within"),
    "within_two_hundredths": Answer("ex07_q2", 0, None, _choose("0.02"), says="first level within"),
    "standard_deviation": Answer(
        "ex07_q2", 2, None, _choose("np.std(table[best], ddof=1)"), says="standard deviation"
    ),
    "two_errors": Answer("ex07_q2", 2, None, _choose("1.96 * " + _ERROR), says="1.96"),
    "own_error": Answer(
        "ex07_q2",
        2,
        None,
        """
def choose_level(table):
    best = max(np.mean(row) for row in table.values())
    for name, row in table.items():
        if np.mean(row) + np.std(row, ddof=1) / np.sqrt(len(row)) >= best:
            return name
""",
        says="each level's own",
    ),
    "bars_overlap": Answer(
        "ex07_q2",
        1,
        None,
        """
def choose_level(table):
    def ends(row):
        error = np.std(row, ddof=1) / np.sqrt(len(row))
        return np.mean(row) - error, np.mean(row) + error

    best = max(table.values(), key=np.mean)
    return next(name for name, row in table.items() if ends(row)[1] >= ends(best)[0])
""",
        says="Overlapping",
    ),
    "medians": Answer(
        "ex07_q2", 1, None, _choose(_ERROR).replace("np.mean", "np.median"), says="medians"
    ),
    "place_of_the_level": Answer(
        "ex07_q2",
        0,
        None,
        _choose(_ERROR).replace("return next(name", "return next(list(table).index(name)"),
        says="Return one of the names",
    ),
    "least_frozen": Answer(
        "ex07_q2",
        1,
        None,
        _choose(_ERROR, "reversed(list(means.items()))"),
        says="comes first",
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
    "no_bootstrap": Answer(
        "ex07_q3",
        1,
        None,
        """
def difference(first, second):
    each = np.array(first) - np.array(second)
    room = 1.96 * each.std() / np.sqrt(len(each))
    return each.mean() - room, each.mean() + room
""",
        says="not a bootstrap",
    ),
    "no_bootstrap_but_student": Answer(
        "ex07_q3",
        1,
        None,
        """
from scipy import stats

def difference(first, second):
    each = np.array(first) - np.array(second)
    return stats.t.interval(0.95, len(each) - 1, each.mean(), stats.sem(each))
""",
        says="not a bootstrap",
    ),
    "errors_of_the_bootstrap": Answer(
        "ex07_q3",
        1,
        None,
        """
def difference(first, second):
    each = np.array(first) - np.array(second)
    means = [np.random.choice(each, len(each)).mean() for _ in range(2000)]
    return each.mean() - 1.96 * np.std(means), each.mean() + 1.96 * np.std(means)
""",
        says="not a bootstrap",
    ),
    "turned_round": Answer(
        "ex07_q3",
        1,
        None,
        """
def difference(first, second):
    each = np.array(first) - np.array(second)
    means = [np.random.choice(each, len(each)).mean() for _ in range(2000)]
    low, high = np.percentile(means, [2.5, 97.5])
    return 2 * each.mean() - high, 2 * each.mean() - low
""",
        says="one end should be 0",
    ),
    "without_replacement": Answer(
        "ex07_q3",
        1,
        None,
        _difference().replace(
            "rng.integers(0, len(first), (2, len(first)))", "rng.permutation(len(first)), 0"
        ),
        says="with replacement",
    ),
    "ninety_nine_per_cent": Answer(
        "ex07_q3", 1, None, _difference(percentiles="[0.5, 99.5]"), says="percentiles 2.5"
    ),
    "half_as_many": Answer(
        "ex07_q3",
        1,
        None,
        _difference().replace("(2, len(first))", "(2, len(first) // 2)"),
        says="as many images as there are",
    ),
    "single_differences": Answer(
        "ex07_q3",
        1,
        None,
        "def difference(first, second):\n"
        "    return np.percentile(np.array(first) - np.array(second), [2.5, 97.5])",
        says="single images",
    ),
    "fractions_for_percentiles": Answer(
        "ex07_q3", 1, None, _difference(percentiles="[0.025, 0.975]"), says="percentages"
    ),
    "difference_alone": Answer(
        "ex07_q3",
        1,
        None,
        "def difference(first, second):\n    return [np.mean(first) - np.mean(second)] * 2",
        says="with replacement",
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
    "given_model_returned": Answer(
        "ex07_q4",
        0,
        None,
        """
def keep_first(model, n):
    for layer in [x for x in model.layers if isinstance(x, keras.layers.Conv2D)][:n]:
        layer.trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
""",
        says="should be random",
    ),
    "layers_with_the_input": Answer(
        "ex07_q4", 0, None, _keep("keras.Layer", "[: n + 1]"), says="wrong layers"
    ),
    "layers_from_the_first_convolution": Answer(
        "ex07_q4", 0, None, _keep("keras.Layer", "[1 : n + 1]"), says="wrong layers"
    ),
    "last_kept": Answer("ex07_q4", 0, None, _keep(which="[-n:]"), says="wrong layers"),
    "always_three": Answer("ex07_q4", 0, None, _keep(which="[:3]"), says="wrong layers"),
    "kernels_alone": Answer(
        "ex07_q4",
        1,
        None,
        _keep(carry="new.kernel.assign(old.kernel)"),
        says="Kernel and bias",
    ),
    "weights_disturbed": Answer(
        "ex07_q4",
        0,
        None,
        _keep().replace(
            "    copy.compile",
            """    for old, new in pairs[n:]:
        kernel, bias = old.get_weights()
        new.set_weights([kernel + np.random.normal(0, 0.05, kernel.shape), 0 * bias])
    copy.compile""",
        ),
        says="resemble the given ones",
    ),
    "zeros": Answer(
        "ex07_q4",
        0,
        None,
        _keep().replace(
            "    copy.compile",
            """    for _, new in pairs[n:]:
        new.set_weights([0 * weight for weight in new.get_weights()])
    copy.compile""",
        ),
        says="constant",
    ),
    "all_frozen": Answer(
        "ex07_q4",
        1,
        "everything-frozen",
        _keep().replace("    copy.compile", "    copy.trainable = False\n    copy.compile"),
    ),
    "softmax_twice": Answer(
        "ex07_q4",
        2,
        "softmax-and-loss",
        _keep().replace(
            '"sparse_categorical_crossentropy"',
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        ),
    ),
    "one_hot_loss": Answer(
        "ex07_q4", 0, "numbers-for-one-hot-loss", _keep().replace("sparse_", "")
    ),
    "squared_error": Answer(
        "ex07_q4",
        0,
        "loss-of-another-form",
        _keep().replace("sparse_categorical_crossentropy", "mse"),
    ),
}

RIGHT = {
    "with_arrays": RightAnswer(
        "ex07_q1",
        """
def to_freeze(sizes, share):
    sizes = np.array(sizes, "float32")
    number = np.rint(share * len(sizes))
    return np.array([number, sizes[: int(number)].sum() / sizes.sum()])
""",
    ),
    "rounded": RightAnswer(
        "ex07_q1",
        """
def to_freeze(sizes, share):
    number, part = int(share * len(sizes) + 0.5), 0
    for size in sizes[:number]:
        part += size
    return [number, round(part / np.sum(sizes), 2)]
""",
    ),
    "emptied": RightAnswer(
        "ex07_q1",
        """
def to_freeze(sizes, share):
    number, total = np.int64(round(share * len(sizes))), sum(sizes)
    frozen = [sizes.pop(0) for _ in range(number)]
    return number, np.float32(sum(frozen) / total)
""",
    ),
    "other_deviation": RightAnswer("ex07_q2", _choose(_ERROR.replace(", ddof=1", ""))),
    "by_a_loop": RightAnswer(
        "ex07_q2",
        """
def choose_level(table):
    best, error = -1.0, 0.0
    for accuracies in table.values():
        mean = sum(accuracies) / len(accuracies)
        if mean > best:
            variance = sum((a - mean) ** 2 for a in accuracies) / (len(accuracies) - 1)
            best, error = mean, (variance / len(accuracies)) ** 0.5
    for name in table:
        if np.mean(table[name]) >= best - error:
            return name
""",
    ),
    "with_scipy": RightAnswer(
        "ex07_q2",
        """
from scipy import stats

def choose_level(table):
    names, rows = list(table), [np.array(row, "float32") for row in table.values()]
    means = np.array([row.mean() for row in rows])
    good = means >= means.max() - stats.sem(rows[means.argmax()])
    return np.array(names)[good].tolist()[0]
""",
    ),
    "by_tables": RightAnswer(
        "ex07_q3",
        """
def difference(first, second):
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    rows = np.random.default_rng().integers(0, len(first), (1000, len(first)))
    found = first[rows].mean(axis=1) - second[rows].mean(axis=1)
    return [float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))]
""",
    ),
    "sorted_by_hand": RightAnswer(
        "ex07_q3",
        """
import random

def difference(first, second):
    each = [a - b for a, b in zip(first, second)]
    means = sorted(sum(random.choices(each, k=len(each))) / len(each) for _ in range(1000))
    return round(means[25], 3), round(means[974], 3)
""",
    ),
    "bootstrap_of_scipy": RightAnswer(
        "ex07_q3",
        """
from scipy import stats

def difference(first, second):
    def lead(one, other, axis):
        return np.mean(one, axis=axis) - np.mean(other, axis=axis)

    found = stats.bootstrap(
        (first, second), lead, paired=True, vectorized=True, n_resamples=2000, method="percentile"
    )
    return found.confidence_interval
""",
    ),
    "from_its_configuration": RightAnswer(
        "ex07_q4",
        """
def keep_first(model, n):
    copy = type(model).from_config(model.get_config())
    left = n
    for layer in copy.layers:
        if left and "Conv2D" in type(layer).__name__:
            layer.set_weights(model.get_layer(layer.name).get_weights())
            layer.trainable, left = False, left - 1
    copy.compile(keras.optimizers.Adam(1e-4), keras.losses.SparseCategoricalCrossentropy())
    return copy
""",
    ),
    "random_by_hand": RightAnswer(
        "ex07_q4",
        """
def keep_first(model, n):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    layers = [layer for layer in copy.layers if layer.weights]
    for i, layer in enumerate(layers):
        layer.trainable = i >= n
        if i >= n:
            kernel, bias = layer.get_weights()
            layer.set_weights([np.random.normal(0, 0.1, kernel.shape), np.zeros(bias.shape)])
    copy.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return copy
""",
    ),
    "sequential": RightAnswer(
        "ex07_q4",
        """
def keep_first(model, n):
    layers = [type(layer).from_config(layer.get_config()) for layer in model.layers]
    copy = keras.Sequential(layers)
    convolutions = [layer for layer in layers if "conv" in layer.name]
    for layer in convolutions[:n]:
        layer.set_weights(model.get_layer(layer.name).get_weights())
        layer.trainable = False
    copy.compile(keras.optimizers.SGD(0.01, 0.9), "sparse_categorical_crossentropy")
    return copy
""",
    ),
}
